"""`crenel fix plan` and what belongs to it, as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crenel.cli import main
from tests.remediate.snapshots import ACCOUNT, old_key, public_snapshot, snapshot

PUBLIC = "ebs-snapshot-not-public"


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    snapshot(tmp_path / "lake", {"ebs-snapshot": [public_snapshot()], "iam-user": [old_key()]})
    return tmp_path / "lake"


def planned(lake: Path, *words: str) -> int:
    return main(["fix", "plan", "--lake", str(lake), *words])


def test_a_plan_is_shown_and_written(lake: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "plan.json"

    assert planned(lake, "--practice", "21", "--out", str(target)) == 0

    shown = capsys.readouterr()
    assert "  1  Take the snapshot snap-1 from the public\n" in shown.out
    assert "1 automatic step.\n" in shown.out
    assert shown.err == f"Written to {target}.\n"
    (step,) = json.loads(target.read_text())["steps"]
    assert (step["act"], step["seen"]) == ("ec2/make-snapshot-private", [{"Group": "all", "UserId": None}])


def test_standard_output_may_have_the_file(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert planned(lake, "--policy", PUBLIC, "--format", "json") == 0

    document = json.loads(capsys.readouterr().out)
    assert (document["format"], [step["resource"] for step in document["steps"]]) == ("crenel-fix-plan", ["snap-1"])


def test_the_whole_snapshot_is_planned_by_default(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert planned(lake) == 0

    text = capsys.readouterr().out
    assert "iam-access-key-rotated (practice 3)" in text
    assert f"{PUBLIC} (practice 21)" in text
    assert "could not be judged" in text, "what the snapshot lacks is told"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--set", "group"], "'group' is no NAME=VALUE."),
        (["--set", "group=a", "--set", "group=b"], "group is set twice."),
        (["--set", "gruop=a"], 'Did you mean "group"?'),
        (["--out", "-"], "--out takes a file."),
        (["--resource", "nothing"], "the chosen policies judged no such thing."),
        (["--policy", "no-such"], "no-such"),
    ],
)
def test_what_can_not_be_is_refused(
    words: list[str], said: str, lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert planned(lake, *words) == 2

    shown = capsys.readouterr()
    assert (shown.out, said in shown.err) == ("", True)


def test_without_a_snapshot_there_is_no_plan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert planned(tmp_path) == 2
    assert "Scan first: crenel scan." in capsys.readouterr().err


def test_permissions_of_a_plan(lake: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "plan.json"
    planned(lake, "--policy", PUBLIC, "--out", str(target))
    capsys.readouterr()

    assert main(["permissions", "--fix", str(target)]) == 0

    statements = json.loads(capsys.readouterr().out)["Statement"]
    assert {action: each["Resource"] for each in statements for action in each["Action"]} == {
        "ec2:DescribeSnapshotAttribute": "*",
        "ec2:ModifySnapshotAttribute": "arn:aws:ec2:eu-west-1::snapshot/snap-1",
    }


def test_permissions_of_a_plan_are_its_alone(lake: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Options that choose policies, a plan without automatic steps, a file that is no plan."""
    target = tmp_path / "plan.json"
    planned(lake, "--policy", PUBLIC, "--out", str(target))
    empty = tmp_path / "empty.json"
    planned(lake, "--policy", "iam-user-no-policies", "--out", str(empty))
    other = tmp_path / "other.json"
    other.write_text("{}")
    capsys.readouterr()

    for words, said in (
        (["--fix", str(target), "--practice", "1"], "options that choose policies can't be with it."),
        (["--fix", str(empty)], "has no automatic step, so it needs no permission."),
        (["--fix", str(other)], 'this is no plan: its "format" is not "crenel-fix-plan".'),
    ):
        assert main(["permissions", *words]) == 2
        shown = capsys.readouterr()
        assert (shown.out, said in shown.err) == ("", True)


def test_a_policy_too_long_for_iam_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [public_snapshot(f"snap-{n:017}") for n in range(120)]
    snapshot(tmp_path, {"ebs-snapshot": rows})
    planned(tmp_path, "--policy", PUBLIC, "--out", str(tmp_path / "plan.json"))
    capsys.readouterr()

    assert main(["permissions", "--fix", str(tmp_path / "plan.json")]) == 0
    assert "longer than the 6,144 characters of a managed policy: split the plan." in capsys.readouterr().err


def test_for_fixes_reads_and_so_can_not_be_offline(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scan", "--lake", str(lake), "--offline", "--for-fixes"]) == 2
    assert "--for-fixes reads more, and --offline reads nothing." in capsys.readouterr().err


def test_for_fixes_is_explained(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["scan", "--lake", str(lake), "--explain", "--region", "eu-west-1", "--practice", "18"]
    assert main(words) == 0
    assert "DescribeNetworkInterfaces" not in capsys.readouterr().out

    assert main([*words, "--for-fixes"]) == 0
    assert "DescribeNetworkInterfaces" in capsys.readouterr().out


def test_every_account_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = {"_account": "444455556666", "_owner": "444455556666", "OwnerId": "444455556666"}
    snapshot(tmp_path, {"ebs-snapshot": [public_snapshot(), public_snapshot("snap-2", **other)]})

    planned(tmp_path, "--policy", PUBLIC)

    text = capsys.readouterr().out
    assert f"snap-1 in {ACCOUNT}, eu-west-1" in text
    assert "snap-2 in 444455556666, eu-west-1" in text


def test_a_baseline_is_a_plan_of_the_accounts_own_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = {"_id": ACCOUNT, "account_id": ACCOUNT, "_region": "global", "PublicAccessBlock": None}
    snapshot(tmp_path / "lake", {"account": [row], "cloudtrail": [], "s3": [], "ebs-snapshot": [public_snapshot()]})
    target = tmp_path / "baseline.json"

    words = ["baseline", "plan", "--lake", str(tmp_path / "lake"), "--region", "eu-west-1"]
    assert main([*words, "--out", str(target)]) == 0

    shown = capsys.readouterr().out
    assert f"Create the bucket crenel-logs-{ACCOUNT}-us-east-1 in us-east-1" in shown
    assert "1 USD a month for the key" in shown
    acts = [step.get("act") for step in json.loads(target.read_text())["steps"]]
    assert acts[:4] == [
        "infrastructure/create-bucket", "s3/block-bucket-public-access", "s3/encrypt-bucket",
        "infrastructure/put-bucket-policy",
    ]  # fmt: skip
    assert "ec2/make-snapshot-private" not in acts
    assert main([*words, "--set", "log-bukcet=x"]) == 2
    assert 'Did you mean "log-bucket"?' in capsys.readouterr().err
