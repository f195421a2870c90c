"""`crenel report`: what a scan left, in any format, without judging again."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from crenel.cli import main
from crenel.report.formats import FORMATS
from tests.judge.lakes import bucket, snapshot

POLICY = {"policy": "s3-bucket-encryption", "why": "So.", "remediation": "Encrypt it.", "links": []}
NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "lake"
    snapshot(folder, NOW - timedelta(days=1), [bucket("of-yesterday")])
    snapshot(
        folder,
        NOW,
        [
            bucket("open"),
            bucket("site"),
            bucket("closed", "PASS"),
            bucket("old", policy="iam-credentials-unused", severity="medium", region="us-east-1"),
        ],
        waived=[
            {"resource_id": "site", "waiver": "w", "owner": "web", "reason": "meant so", "until": date(2027, 1, 1)}
        ],
        about={
            "policies": [{"title": "Encrypted", "severity": "high", "type": "aws.s3", **POLICY}],
            "controls": [{"framework": "cis-7.0", "control": "2.1", "place": 1, "policy": "s3-bucket-encryption"}],
        },
    )
    monkeypatch.setenv("CRENEL_LAKE", str(folder))
    monkeypatch.setenv("COLUMNS", "120")
    return folder


def reported(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    """Return the resources that a report with these options has."""
    assert main(["report", "--format", "ndjson", *words]) == 0
    return [json.loads(line)["resource"]["id"] for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize("style", list(FORMATS))
def test_every_format(lake: Path, style: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    target = tmp_path / "out"

    assert main(["report", "--format", style]) == 0
    printed = capsys.readouterr().out
    assert main(["report", "--format", style, "--output", str(target)]) == 0
    assert target.read_text(encoding="utf-8") == printed
    assert "open" in printed


def test_the_table_is_that_of_the_scan(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The policies come from what lies with the findings; a waived one has its column."""
    assert main(["report"]) == 0
    out = capsys.readouterr().out

    assert "WAIVED" in out
    assert "2 FAIL, 1 PASS, 0 UNKNOWN, 0 N/A, 1 WAIVED" in " ".join(out.split())
    assert "crenel report --format json --output findings.json" in out


def test_a_json_report_counts_waived_ones_apart(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)

    assert found["counts"] == {"FAIL": 2, "UNKNOWN": 0, "PASS": 1, "NOT_APPLICABLE": 0, "WAIVED": 1}
    by_id = {each["resource"]["id"]: each for each in found["findings"]}
    assert (by_id["site"]["status"], by_id["site"]["state"]) == ("FAIL", "WAIVED")
    assert by_id["open"]["controls"] == [{"framework": "cis-7.0", "id": "2.1"}]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--state", "FAIL"], {"open", "old"}),
        (["--state", "FAIL", "--state", "WAIVED"], {"open", "old", "site"}),
        (["--severity", "high"], {"open", "site", "closed"}),
        (["--policy", "iam-*"], {"old"}),
        (["--region", "us-east-1"], {"old"}),
        (["--account", "111122223333", "--state", "PASS"], {"closed"}),
        (["--framework", "cis-7.0"], {"open", "site", "closed"}),
    ],
)
def test_a_choice(lake: Path, capsys: pytest.CaptureFixture[str], words: list[str], expected: set[str]) -> None:
    assert set(reported(capsys, *words)) == expected


def test_a_choice_is_told(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["report", "--format", "csv", "--state", "FAIL", "--severity", "high"])
    assert capsys.readouterr().err == "Only state FAIL; severity high and above.\n"
    main(["report", "--format", "csv", "--state", "FAIL", "--quiet"])
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["--policy", "iam-credential-unused"],
            'no policy iam-credential-unused. Did you mean "iam-credentials-unused"?',
        ),
        (["--account", "123"], "no account 123. It has 111122223333."),
        (["--region", "us-east-9"], 'no Region us-east-9. Did you mean "us-east-1"?'),
        (["--framework", "cis-3.0"], 'no framework cis-3.0. Did you mean "cis-7.0"?'),
    ],
)
def test_what_the_snapshot_does_not_have_is_an_error(
    lake: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert main(["report", *words]) == 2
    assert said in capsys.readouterr().err


def test_an_older_scan(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert reported(capsys, "--as-of", "2026-11-23") == ["of-yesterday"]


def test_a_snapshot_without_findings_says_what_to_do(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in lake.glob("snapshots/*/findings/*.parquet"):
        path.unlink()

    assert main(["report"]) == 2
    assert "has no findings: its scan ended before it judged. Judge it" in capsys.readouterr().err


def test_a_lake_without_a_snapshot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--lake", str(tmp_path)]) == 2
    assert "Scan first: crenel scan." in capsys.readouterr().err


def test_hostile_names_do_not_reach_standard_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "lake"
    snapshot(folder, NOW, [bucket("x\x1b[2Jy")])

    assert main(["report", "--lake", str(folder), "--format", "markdown"]) == 0
    assert "\x1b" not in "".join(capsys.readouterr())
