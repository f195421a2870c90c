"""`crenel scan`: what goes into the use case, and what comes out."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from crenel import scan as use_case
from crenel.cli import main
from crenel.cli.scan import again
from crenel.collect.estimate import EVERY_REGION, Line
from crenel.model import Standard
from crenel.report.formats import FORMATS
from tests.report.judgements import finding, gap, info, judgement, plan


class Fake:
    """Stands in for the use case; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, use_case.ScanOptions]] = []
        self.findings = [finding()]
        self.gaps: list[dict[str, Any]] = []
        self.head = info()
        self.raises: BaseException | None = None

    def scan(self, options: use_case.ScanOptions, progress: Any = None, stop: Any = None) -> use_case.Outcome:
        return self.outcome("scan", options)

    def judge_stored(self, options: use_case.ScanOptions) -> use_case.Outcome:
        return self.outcome("judge_stored", options)

    def outcome(self, what: str, options: use_case.ScanOptions) -> use_case.Outcome:
        self.asked.append((what, options))
        if self.raises:
            raise self.raises
        judged = judgement(self.findings, self.gaps, self.head)
        return use_case.Outcome(self.head, judged, (plan(),), (), (), 1.5, TemporaryDirectory())


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    made = Fake()
    monkeypatch.setattr(use_case, "scan", made.scan)
    monkeypatch.setattr(use_case, "judge_stored", made.judge_stored)
    monkeypatch.setenv("CRENEL_LAKE", "/lake")
    return made


def test_options_arrive(fake):
    words = "--profile a --profile b --region eu-west-1 --policy s3-* --practice 3 --practice 4 --standard cis --resume"
    assert main(["scan", *words.split()]) == 0
    ((what, options),) = fake.asked
    assert what == "scan"
    assert (options.profiles, options.regions, options.policies) == (("a", "b"), ("eu-west-1",), ("s3-*",))
    assert (options.practices, options.standard, options.resume) == ((3, 4), Standard.CIS, True)
    assert (options.lake, options.as_of, options.paths) == (Path("/lake"), None, ())


@pytest.mark.parametrize("words", [["--offline"], ["--as-of", "2026-11-20"]])
def test_a_stored_snapshot_is_judged_without_a_scan(fake, words):
    assert main(["scan", *words]) == 0
    assert [what for what, _ in fake.asked] == ["judge_stored"]


def test_as_of_is_a_time(fake):
    main(["scan", "--as-of", "2026-11-20T08:30"])
    assert fake.asked[0][1].as_of == datetime(2026, 11, 20, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "words",
    [
        "--offline --resume",
        "--offline --region eu-west-1",
        "--as-of 2026-11-20 --profile a",
        "--explain --offline",
        "--explain --format csv",
        "--as-of yesterday",
        "--practice 0",
        "--policies /no/such/path",
        "--output /no/such/folder/x",
    ],
)
def test_what_can_not_be_is_refused_before_anything_is_read(fake, words, monkeypatch, capsys):
    monkeypatch.setattr(use_case, "explain", lambda _: use_case.Explanation((), assumed_regions=False))
    assert main(["scan", *words.split()]) == 2
    assert fake.asked == []
    assert "Error" in capsys.readouterr().err


@pytest.mark.parametrize(("fail_on", "code"), [("none", 0), ("low", 3), ("medium", 3), ("high", 3), ("critical", 0)])
def test_fail_on(fake, fail_on, code):
    assert main(["scan", "--fail-on", fail_on, "--quiet"]) == code


@pytest.mark.parametrize(("fail_on", "code"), [("none", 4), ("high", 3), ("critical", 4)])
def test_a_gap_makes_4_unless_3(fake, fail_on, code):
    fake.gaps = [gap()]
    assert main(["scan", "--fail-on", fail_on]) == code


def test_an_incomplete_scan_makes_4(fake):
    fake.head = info(complete=False)
    assert main(["scan"]) == 4


def test_pass_and_unknown_are_no_fail(fake):
    fake.findings = [finding(status="PASS"), finding(id="2", status="UNKNOWN", severity="critical")]
    assert main(["scan", "--fail-on", "low"]) == 0


@pytest.mark.parametrize("style", list(FORMATS))
def test_every_format_to_standard_output_and_to_a_file(fake, style, capsys, tmp_path):
    target = tmp_path / "out"
    assert main(["scan", "--format", style]) == 0
    printed = capsys.readouterr().out
    assert main(["scan", "--format", style, "--output", str(target)]) == 0
    out, err = capsys.readouterr()
    assert target.read_text(encoding="utf-8") == printed
    assert out == ""
    assert f"{target}: 1 FAIL, 0 gaps" in err
    assert "reports" in printed


def test_json_on_standard_output_is_nothing_but_json(fake, capsys):
    assert main(["scan", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["schema_version"] == 1


def test_quiet_is_quiet(fake, capsys, tmp_path):
    assert main(["scan", "--quiet", "--output", str(tmp_path / "x")]) == 0
    assert capsys.readouterr() == ("", "")


def test_an_interrupted_scan_says_how_to_go_on(fake, capsys):
    fake.raises = KeyboardInterrupt()
    assert main(["scan", "--lake", "/other lake", "--profile", "a", "--practice", "3"]) == 130
    again_so = "crenel scan --resume --profile a --lake '/other lake' --practice 3"
    assert f"Go on with it: {again_so}\n" in capsys.readouterr().err


def test_the_verdict_stands_when_nobody_reads_to_the_end(fake, monkeypatch, capfd):
    def gone(report, out):
        raise BrokenPipeError

    monkeypatch.setattr("crenel.cli.scan.FORMATS", {**FORMATS, "table": replace(FORMATS["table"], write=gone)})
    monkeypatch.setattr("crenel.cli.scan.silence", lambda _: None)
    assert main(["scan", "--fail-on", "low"]) == 3
    assert capfd.readouterr().err == ""


def test_again(monkeypatch):
    monkeypatch.setenv("CRENEL_LAKE", "/lake")
    assert again(use_case.ScanOptions(lake=Path("/lake"))) == "crenel scan --offline"
    options = use_case.ScanOptions(
        lake=Path("/o t"),
        standard=Standard.CIS,
        policies=("s3-*",),
        practices=(3,),
        paths=(Path("own"),),
        as_of=datetime(2026, 11, 20, tzinfo=UTC),
    )
    choice = "--lake '/o t' --standard cis --policies own --policy 's3-*' --practice 3"
    assert again(options) == f"crenel scan --as-of 2026-11-20T00:00:00 {choice}"


# --- --explain


@pytest.fixture
def _explained(fake, monkeypatch):
    regions = ("eu-west-1", "eu-west-2", "us-east-1", "us-west-2")
    depends, seconds = "DescribeVolumes: 1 for every 500", (0.1, 0.3)
    lines = [
        *(Line("ec2", region, 3, exact=False, depends=depends, seconds=seconds, share=0.04) for region in regions),
        Line("iam", "global", 2, exact=True, depends="", seconds=seconds, share=0.01),
    ]
    found = use_case.Explanation(tuple(lines), assumed_regions=False)
    monkeypatch.setattr(use_case, "explain", lambda _: found)
    monkeypatch.setenv("COLUMNS", "160")


@pytest.mark.usefixtures("_explained")
def test_explain_for_people(fake, capsys):
    assert main(["scan", "--explain"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "ec2 eu-west-1, eu-west-2 and 2 more Regions at least 3 each 4.0% DescribeVolumes: 1 for every 500" in text
    assert "iam global 2 1.0%" in text
    assert "An account takes at least 14 calls in all, less than a minute." in text
    assert fake.asked == []


def test_explain_before_the_regions_are_known(monkeypatch, capsys):
    line = Line("ec2", EVERY_REGION, 1, exact=True, depends="", seconds=(0.1, 0.3), share=0.04)
    lines = (line, Line("s3", "global", 2, exact=False, depends="x", seconds=(0.1, 0.3), share=0.04))
    monkeypatch.setattr(use_case, "explain", lambda _: use_case.Explanation(lines, assumed_regions=True))
    assert main(["scan", "--explain"]) == 0
    text = "An account takes at least 2 calls, and 1 call in each enabled Region, less than a minute."
    assert text in " ".join(capsys.readouterr().out.split())


@pytest.mark.usefixtures("_explained")
def test_explain_as_json(capsys):
    assert main(["scan", "--explain", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["total_calls"], found["assumed_regions"], len(found["lines"])) == (14, False, 5)
    assert found["lines"][0]["service"] == "ec2"
