"""`crenel waivers`, and `--waivers` of other commands, as a user types them."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from crenel.catalog.load import catalog
from crenel.cli import main
from crenel.judge.run import judge
from crenel.policies.facts import facts
from crenel.scan import ScanOptions, choose
from tests.remediate.snapshots import public_snapshot, snapshot

PUBLIC = "ebs-snapshot-not-public"
TODAY = datetime.now(UTC).date()
FAR, SOON, PAST = (str(TODAY + timedelta(days=days)) for days in (200, 20, -3))
INCOMPLETE = 4  # the snapshot was made by hand: no scan said that it read everything
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lake whose last scan, of now, found three public snapshots."""
    monkeypatch.delenv("CRENEL_WAIVERS", raising=False)
    rows = [public_snapshot(f"snap-{number}") for number in (1, 2, 3)]
    made = snapshot(tmp_path / "lake", {"ebs-snapshot": rows}, now=datetime.now(UTC))
    plans = choose(ScanOptions(practices=(21,))).plans
    judge(made, plans, catalog(), facts(), made.findings, spill=tmp_path / "spill").close()
    return tmp_path / "lake"


def one(name: str, until: str = FAR, policy: str = PUBLIC, more: str = "") -> str:
    words = f"id: {name}, policy: {policy}, owner: images, reason: They are for everyone., until: {until}"
    return f"  - {{{words}{more}}}\n"


def file(folder: Path, *waivers: str) -> str:
    path = folder / "waivers.yml"
    path.write_text("waivers:\n" + "".join(waivers))
    return str(path)


def ran(*words: str | Path) -> int:
    return main([str(word) for word in words])


# --- crenel waivers check


def test_what_should_be_looked_at_is_told(lake: Path, tmp_path: Path, capsys: Captured) -> None:
    """By the clock whether a waiver has ended, by the last snapshot what it speaks of and whether it holds."""
    path = file(
        tmp_path,
        one("fine", more=", where: {resource: snap-1}"),
        one("soon", SOON, more=", where: {resource: snap-1}"),
        one("today", str(TODAY), more=", where: {resource: snap-1}"),
        one("past", PAST, more=", where: {resource: snap-2}"),
        one("old-and-idle", PAST, more=", where: {resource: snap-9}"),
        one("idle", more=", where: {resource: snap-9}"),
        one("untrue", more=", where: {resource: snap-3}, while: [{VolumeId: vol-9}]"),
    )

    assert ran("waivers", "check", path, "--lake", lake) == 0

    out = capsys.readouterr().out.splitlines()
    assert out[0] == "7 waivers, no errors."
    assert out[1].startswith("For the findings of the snapshot ")
    assert out[2:] == [
        "  accepted: 3 findings",
        f"  soon: ends in 20 days, on {SOON}",
        f"  today: ends today, on {TODAY}",
        f"  past: 1 finding back: The waiver past ended on {PAST}.",
        f"  old-and-idle: ended on {PAST}; no finding needs it. Take it out.",
        "  idle: speaks of nothing that fails",
        '  untrue: 1 finding back: The waiver untrue holds only while VolumeId is "vol-9", which is not so.',
    ]


def test_mistakes_are_told_with_their_places(lake: Path, tmp_path: Path, capsys: Captured) -> None:
    path = file(tmp_path, one("a", "soon"), one("b", policy="ebs-snapshot-nto-public"))

    assert ran("waivers", "check", path, "--lake", lake) == 2

    shown = capsys.readouterr()
    assert shown.out == ""
    assert f"{path}:2:" in shown.err
    assert f'{path}:3:21: error: there is no policy "ebs-snapshot-nto-public". Did you mean "{PUBLIC}"?' in shown.err
    assert shown.err.endswith("2 errors.\n")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (", while: [{VolumeIdd: vol-1}]", 'aws.ebs-snapshot has no key "VolumeIdd". Did you mean "VolumeId"?'),
        (", while: [{type: no-such}]", 'aws.ebs-snapshot has no filter "no-such" here.'),
        (", while: [{StartTime: 5}]", ""),
    ],
)
def test_a_condition_is_checked_against_the_type(
    more: str, said: str, lake: Path, tmp_path: Path, capsys: Captured
) -> None:
    """By `check`, and by a scan."""
    path = file(tmp_path, one("a", more=more))

    assert ran("waivers", "check", path, "--lake", lake) == 2
    assert said in capsys.readouterr().err
    assert ran("scan", "--offline", "--waivers", path, "--lake", lake) == 2
    assert said in capsys.readouterr().err


def test_a_condition_has_to_be_one_of_every_type(lake: Path, tmp_path: Path, capsys: Captured) -> None:
    """Which the waiver speaks of: by its policies, and by the type that it names."""
    condition = ", while: [{VolumeId: vol-1}]"
    wide = file(tmp_path, one("a", policy=f"[{PUBLIC}, iam-root-no-access-key]", more=condition))

    assert ran("waivers", "check", wide, "--lake", lake) == 2
    assert "speaks of policies about aws.account too. Name fewer policies" in capsys.readouterr().err
    narrow = file(
        tmp_path, one("a", policy=f"[{PUBLIC}, iam-root-no-access-key]", more=f"{condition}, where: {{type: ebs-*}}")
    )
    assert ran("waivers", "check", narrow, "--lake", lake) == 0
    assert "accepted: 3 findings" in capsys.readouterr().out


def test_tags_of_what_has_none_are_doubtful(lake: Path, tmp_path: Path, capsys: Captured) -> None:
    path = file(tmp_path, one("a", policy="iam-root-no-access-key", more=", where: {tags: {env: prod}}"))

    assert ran("waivers", "check", path, "--lake", lake) == 0

    shown = capsys.readouterr()
    assert "warning: no type of which this waiver's policies speak has tags here." in shown.err
    assert "1 waiver, no errors, 1 warning." in shown.out


def test_without_a_snapshot_the_files_alone_are_checked(tmp_path: Path, capsys: Captured) -> None:
    assert ran("waivers", "check", file(tmp_path, one("a")), "--lake", tmp_path / "nothing") == 0

    assert capsys.readouterr().out == (
        "1 waiver, no errors.\nThere is no judged snapshot to hold them against yet: crenel scan.\n"
    )


def test_the_environment_names_the_waivers(
    lake: Path, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ran("waivers", "check", "--lake", lake) == 2
    assert "there are no waivers to look at. Name files or folders, or set CRENEL_WAIVERS." in capsys.readouterr().err

    monkeypatch.setenv("CRENEL_WAIVERS", file(tmp_path, one("a")))
    assert ran("waivers", "check", "--lake", lake) == 0
    assert "accepted: 3 findings" in capsys.readouterr().out
    assert ran("scan", "--offline", "--lake", lake, "--practice", "21", "--fail-on", "low") == INCOMPLETE
    assert "3 WAIVED" in capsys.readouterr().out


# --- crenel waivers list


def test_waivers_are_listed_with_what_they_cover(lake: Path, tmp_path: Path, capsys: Captured) -> None:
    path = file(
        tmp_path,
        one("golden", more=", where: {resource: 'snap-[12]'}"),
        one("half", more=", where: {not: {resource: snap-1}}, while: [{SnapshotId: snap-2}]"),
        one("over", PAST),
    )

    assert ran("waivers", "list", path, "--lake", lake) == 0

    rows = [line.split("  ") for line in capsys.readouterr().out.splitlines()]
    assert [[cell.strip() for cell in row if cell.strip()] for row in rows] == [
        ["ID", "OWNER", "UNTIL", "STATE", "FINDINGS", "COVERS"],
        ["golden", "images", FAR, "holds", "2 of 2", f"{PUBLIC}, where resource is snap-[12]"],
        ["half", "images", FAR, "partly lapsed", "1 of 2", f"{PUBLIC}, where not (resource is snap-1)"],
        ["over", "images", PAST, "ended", "0 of 3", PUBLIC],
    ]


def test_the_list_for_machines(lake: Path, tmp_path: Path, capsys: Captured) -> None:
    path = file(tmp_path, one("half", more=", while: [{SnapshotId: snap-2}]"))

    assert ran("waivers", "list", path, "--lake", lake, "--format", "json") == 0

    (listed,) = json.loads(capsys.readouterr().out)
    why = 'The waiver half holds only while SnapshotId is "snap-2", which is not so.'
    assert listed.pop("snapshot")
    assert listed == {
        "id": "half",
        "owner": "images",
        "reason": "They are for everyone.",
        "until": FAR,
        "file": path,
        "line": 2,
        "covers": PUBLIC,
        "state": "partly lapsed",
        "accepts": 1,
        "lapsed": [{"reason": why, "findings": 2}],
    }


# --- other commands


def test_a_scan_counts_what_is_waived_apart(lake: Path, tmp_path: Path, capsys: Captured) -> None:
    """It names waivers that lapsed, and only what is not waived makes it fail."""
    path = file(tmp_path, one("two", more=", where: {resource: 'snap-[12]'}"), one("past", PAST))
    words = ("scan", "--offline", "--lake", lake, "--practice", "21", "--waivers", path, "--fail-on", "high")

    assert ran(*words) == 3

    shown = capsys.readouterr().out
    assert "1 FAIL, 0 PASS, 0 UNKNOWN, 0 N/A, 2 WAIVED" in " ".join(shown.split())
    assert "Everyone can restore the snapshot snap-3" in shown
    assert "Everyone can restore the snapshot snap-1" not in shown
    assert "Waivers that lapsed\n" in shown
    assert f"  - The waiver past ended on {PAST}. (images; 1 finding is back)\n" in shown
    assert "--waivers" in shown.split("Next:")[1]


def test_what_is_waived_is_not_repaired(lake: Path, tmp_path: Path, capsys: Captured) -> None:
    path = file(tmp_path, one("two", more=", where: {resource: 'snap-[12]'}"))

    assert ran("fix", "plan", "--lake", lake, "--practice", "21", "--waivers", path, "--format", "json") == 0

    plan = json.loads(capsys.readouterr().out)
    assert [step["resource"] for step in plan["steps"]] == ["snap-3"]
    assert "2 that fail are waived, and so in no step." in plan["notes"]


def test_a_control_of_which_all_that_fails_is_waived(lake: Path, tmp_path: Path, capsys: Captured) -> None:
    path = file(tmp_path, one("all"))
    words = ("compliance", "--lake", lake, "--format", "json", "--waivers", path)

    assert ran(*words, "practices") == 0

    (framework,) = json.loads(capsys.readouterr().out)["frameworks"]
    states = {each["id"]: each["state"] for each in framework["controls"]}
    assert states["21"] == "WAIVED"
    assert ran(*words) == 2
    assert "stands as it was judged, with that scan's waivers. Name a framework." in capsys.readouterr().err


def test_the_examples_of_the_documentation_are_right(tmp_path: Path, capsys: Captured) -> None:
    page = (Path(__file__).parents[2] / "docs" / "waivers.md").read_text("utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    path = tmp_path / "example.yml"
    path.write_text(example)

    assert ran("waivers", "check", path, "--lake", tmp_path / "nothing") == 0
    assert capsys.readouterr().err == ""
