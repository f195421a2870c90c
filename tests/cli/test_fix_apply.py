"""`crenel fix apply`, `undo` and `history`, as they are used: against moto, by files and processes."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from crenel.cli import main
from crenel.demo.run import demo_account, demo_environment
from crenel.lake.snapshots import Lake, Snapshot
from crenel.remediate.load import acts
from crenel.remediate.model import Plan, Step
from crenel.remediate.planfile import to_text
from crenel.remediate.planning import call_of
from crenel.remediate.runs import Runs
from tests.collect.conftest import aws, credentials, moto_server
from tests.remediate.cases import differences
from tests.remediate.played import rows

__all__ = ["aws", "credentials", "moto_server"]

ACCOUNT = "123456789012"
PLACE = {"account": ACCOUNT, "region": "us-east-1", "partition": "aws"}
ROOT = Path(__file__).parent.parent.parent


def step(identity: str, act: str, args: dict[str, Any], seen: Any, **others: Any) -> Step:
    """A step as `crenel fix plan` makes it."""
    args = {**args, **PLACE}
    call, undoing = call_of(acts()[act], args), acts()[act].undoing
    common = {"title": f"Do {act}", "type": "aws.account", "resource": ACCOUNT, "policy": "a-policy"} | others
    return Step(
        identity,
        account=ACCOUNT,
        region="us-east-1",
        act=act,
        args=args,
        seen=seen,
        call=call,
        undoing=undoing,
        **common,
    )


STRONG = {"MinimumPasswordLength": 14, "RequireSymbols": True}


@pytest.fixture
def account(aws: Callable[..., Any]) -> Callable[..., Any]:
    """An account with a user, its key, and no password policy."""
    aws("iam").create_user(UserName="bob")
    return aws


@pytest.fixture
def key(account: Callable[..., Any]) -> str:
    return str(account("iam").create_access_key(UserName="bob")["AccessKey"]["AccessKeyId"])


@pytest.fixture
def plan(key: str, tmp_path: Path) -> Path:
    """A plan of two steps."""
    arn = f"arn:aws:iam::{ACCOUNT}:user/bob"
    steps = (
        step("1", "iam/set-password-policy", {"policy": STRONG}, None),
        step("2", "iam/deactivate-access-key", {"user": "bob", "key": key, "arn": arn}, "Active", resource="bob"),
    )
    return written(tmp_path / "plan.json", *steps)


def written(path: Path, *steps: Step) -> Path:
    path.write_text(to_text(Plan("p-1", datetime(2026, 11, 25, tzinfo=UTC), "s-1", steps)))
    return path


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CRENEL_LAKE", str(tmp_path / "lake"))
    return tmp_path / "lake"


def states(account: Callable[..., Any]) -> tuple[Any, str]:
    """The password policy's length, and whether the key is active."""
    iam = account("iam")
    try:
        length = iam.get_account_password_policy()["PasswordPolicy"]["MinimumPasswordLength"]
    except iam.exceptions.NoSuchEntityException:
        length = None
    return length, iam.list_access_keys(UserName="bob")["AccessKeyMetadata"][0]["Status"]


def test_a_plan_is_applied_shown_and_taken_back(
    account: Callable[..., Any], plan: Path, lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fix", "apply", str(plan), "--yes"]) == 0
    told = capsys.readouterr().out
    (run,) = Runs(lake).all()
    assert "  1  applied  Do iam/set-password-policy" in told
    assert f"2 steps applied, 0 skipped.\nTake back: crenel fix undo {run.id}\n" in told
    assert states(account) == (14, "Inactive")

    assert main(["fix", "history"]) == 0
    assert capsys.readouterr().out.splitlines()[1] == f"{run.id}  p-1   done   2 applied"

    assert main(["fix", "undo", "--yes"]) == 0
    told = capsys.readouterr().out
    assert told.index("  2  taken back ") < told.index("  1  taken back ")
    assert "2 steps taken back, 0 as before already." in told
    assert states(account) == (None, "Active")

    assert main(["fix", "history", run.id]) == 0
    told = capsys.readouterr().out
    assert told.startswith(f"Run {run.id} of the plan p-1: taken back\n")
    assert '     state: "Active" → "Inactive"' in told


class Person(io.StringIO):
    """Somebody at a terminal, who types this."""

    def isatty(self) -> bool:
        return True


def test_it_asks_and_takes_no_for_an_answer(
    account: Callable[..., Any],
    plan: Path,
    lake: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.stdin", Person("n\n"))
    assert main(["fix", "apply", str(plan)]) == 5
    told = capsys.readouterr().out
    assert f"Do 2 steps in {ACCOUNT}? [y/N]: " in told
    assert told.endswith("Nothing was done.\n")
    assert not lake.exists()

    monkeypatch.setattr("sys.stdin", Person("y\nn\n"))
    assert main(["fix", "apply", str(plan), "--canary", "1"]) == 5
    told = capsys.readouterr().out
    assert "  1  checked  " in told
    assert "1 change is done and still there. Go on? [y/N]: " in told
    assert "1 step applied, 0 skipped, 1 not done: 2.\n" in told
    assert states(account) == (14, "Active")

    monkeypatch.setattr("sys.stdin", Person("n\ny\n"))
    assert main(["fix", "undo"]) == 5
    assert states(account) == (14, "Active")
    assert main(["fix", "undo"]) == 0
    assert states(account) == (None, "Active")


def test_history_is_there_for_programs(
    account: Callable[..., Any], plan: Path, lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fix", "history"]) == 0
    assert capsys.readouterr().out == f"No plan was applied from {lake}.\n"
    main(["fix", "apply", str(plan), "--yes", "--step", "2"])
    capsys.readouterr()

    assert main(["fix", "history", "--format", "json"]) == 0
    (run,) = json.loads(capsys.readouterr().out)
    assert (run["state"], [each["stage"] for each in run["steps"]]) == ("not finished", ["not begun", "applied"])
    assert (run["steps"][1]["before"], run["steps"][1]["after"]) == ("Active", "Inactive")
    first = Runs(lake).named(run["run"]).records()[0]
    assert (first["record"], first["doing"]) == ("run", "apply")
    assert first["identities"] == [account("sts").get_caller_identity()["Arn"]]


def test_a_dry_run_shows_the_calls_and_sends_none(
    plan: Path, lake: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is nobody to be asked, and there are no credentials."""
    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    assert main(["fix", "apply", str(plan), "--dry-run", "--only", "bob"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "2  Do iam/deactivate-access-key"
    assert told[1].startswith('   iam:UpdateAccessKey {"UserName": "bob", "AccessKeyId": ')
    assert told[2] == "   POST https://iam.amazonaws.com/"
    assert told[3].startswith("   Action=UpdateAccessKey&Version=2010-05-08&UserName=bob&AccessKeyId=")
    assert not lake.exists()


def test_a_dry_undo_shows_the_calls(
    account: Callable[..., Any], plan: Path, lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["fix", "apply", str(plan), "--yes"])
    capsys.readouterr()
    assert main(["fix", "undo", "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert told.index("iam:UpdateAccessKey") < told.index("iam:DeleteAccountPasswordPolicy {}")
    assert states(account) == (14, "Inactive")


def test_drift_is_refused_with_what_differs(
    account: Callable[..., Any], plan: Path, lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    account("iam").update_account_password_policy(MinimumPasswordLength=9)
    assert main(["fix", "apply", str(plan), "--yes"]) == 5
    told = capsys.readouterr().out
    assert "Stopped at step 1, Do iam/set-password-policy: its state is no longer what the plan saw." in told
    assert '     state: null → {"AllowUsersToChangePassword": false' in told
    assert "Nothing of it was changed.\n\n0 steps applied, 0 skipped, 2 not done: 1, 2.\n" in told
    assert "Take back" not in told
    assert states(account) == (9, "Active")


def test_what_others_changed_is_left(
    account: Callable[..., Any], plan: Path, lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["fix", "apply", str(plan), "--yes"])
    account("iam").update_account_password_policy(MinimumPasswordLength=20, RequireSymbols=True)
    capsys.readouterr()
    assert main(["fix", "undo", "--yes"]) == 5
    told = capsys.readouterr().out
    assert "Step 1 was left: it was changed since, by someone else.\n     MinimumPasswordLength: 14 → 20\n" in told
    assert states(account) == (20, "Active")
    assert main(["fix", "undo", "--yes", "--force"]) == 0
    assert states(account) == (None, "Active")


def test_our_own_key_is_not_deactivated(
    account: Callable[..., Any], key: str, lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
    args = {"user": "bob", "key": key, "arn": f"arn:aws:iam::{ACCOUNT}:user/bob"}
    plan = written(tmp_path / "own.json", step("1", "iam/deactivate-access-key", args, "Active"))
    assert main(["fix", "apply", str(plan), "--yes"]) == 5
    assert "it would cut off the identity that Crenel itself runs with" in capsys.readouterr().out
    assert states(account) == (None, "Active")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "there is no terminal to ask on. --yes applies the plan without asking."),
        (["--yes", "--max-changes", "1"], "the plan has 2 automatic steps, and at most 1 are done at once."),
        (["--yes", "--step", "9"], "the plan has no step 9. Its automatic steps are 1, 2."),
        (["--yes", "--only", "bib"], 'has this policy, act, resource, account or Region. Did you mean "bob"?'),
        (["--yes", "--profile", "nobody"], "there is no AWS profile 'nobody'."),
    ],
)
def test_what_cant_begin_says_why(
    account: Callable[..., Any],
    plan: Path,
    lake: Path,
    words: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["fix", "apply", str(plan), *words]) == 2
    assert message in capsys.readouterr().err
    assert states(account) == (None, "Active")
    assert not lake.exists()


def test_credentials_of_another_account_are_not_used(
    account: Callable[..., Any], lake: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args = {"policy": STRONG, "account": "999999999999", "region": "us-east-1", "partition": "aws"}
    call = call_of(acts()["iam/set-password-policy"], args)
    mine = step("1", "iam/set-password-policy", {"policy": STRONG}, None)
    other = replace(mine, account="999999999999", args=args, call=call)
    assert main(["fix", "apply", str(written(tmp_path / "other.json", other)), "--yes"]) == 2
    assert f"there are no credentials for 999999999999; those in use are of {ACCOUNT}." in capsys.readouterr().err


def test_what_cant_be_taken_back_needs_a_word_of_its_own(
    account: Callable[..., Any], lake: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    account("iam").create_login_profile(UserName="bob", Password="a-Password-1")
    args = {"user": "bob", "arn": f"arn:aws:iam::{ACCOUNT}:user/bob"}
    plan = written(tmp_path / "lasting.json", step("1", "iam/delete-login-profile", args, "bob"))
    assert main(["fix", "apply", str(plan), "--yes"]) == 2
    assert "step 1 can't be taken back. --allow-irreversible does such steps" in capsys.readouterr().err

    assert main(["fix", "apply", str(plan), "--yes", "--allow-irreversible"]) == 0
    assert main(["fix", "undo", "--yes"]) == 5
    assert "it can't be taken back. The password." in capsys.readouterr().out


def test_a_second_one_is_told_who_is_at_it(
    account: Callable[..., Any], plan: Path, lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Runs(lake).locked("applying the plan p-0"):
        assert main(["fix", "apply", str(plan), "--yes"]) == 2
    told = capsys.readouterr().err
    assert f"applying the plan p-0 is running: process {os.getpid()} on" in told
    assert states(account) == (None, "Active")


def test_unknown_runs_and_steps_are_told(
    account: Callable[..., Any], plan: Path, lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["fix", "apply", str(plan), "--yes", "--step", "2"])
    capsys.readouterr()
    assert main(["fix", "undo", "20261125", "--yes"]) == 2
    assert "there is no run 20261125 in" in capsys.readouterr().err
    assert main(["fix", "undo", "--yes", "--step", "1"]) == 2
    assert "was not begun: there is nothing to take back." in capsys.readouterr().err


# --- killed


# Before and after each record of the journal, and each call: 1 and 2 are the head, 3 to 10 the first step, 11 to 18 the
# second. What is between a record that is written and the next deed is one point and not two.
@pytest.mark.parametrize("then", ["apply", "undo"])
@pytest.mark.parametrize("at", [3, 5, 6, 7, 8, 9, 11, 13, 14, 15, 17])
def test_a_process_that_is_killed_leaves_a_journal_that_is_true(
    account: Callable[..., Any], plan: Path, lake: Path, at: int, then: str
) -> None:
    """SIGKILL: nothing of Python's runs on. What it began is finished, or taken back."""
    words = [sys.executable, "-m", "tests.remediate.killed", str(at), "fix", "apply", str(plan), "--yes"]
    ended = subprocess.run(words, cwd=ROOT, check=False, capture_output=True, text=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr

    if then == "apply":
        assert main(["fix", "apply", str(plan), "--yes"]) == 0
        assert states(account) == (14, "Inactive")
        assert len(Runs(lake).all()) == 1
    main(["fix", "undo", "--yes"])
    assert states(account) == (None, "Active")


# --- all of the demo account


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch, credentials: None) -> Iterator[None]:
    with demo_account() as endpoint:
        for name, value in demo_environment(endpoint).items():
            monkeypatch.setenv(name, value)
        yield


def test_the_demo_account_is_repaired_and_put_back(
    demo: None, lake: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """scan → plan → apply → scan → undo → scan: the last snapshot is the first one, field by field."""
    regions = ["--region", "us-east-1", "--region", "eu-west-1"]
    file = str(tmp_path / "plan.json")

    def scanned() -> Snapshot:
        assert main(["scan", "--for-fixes", "--quiet", *regions]) == 0
        return Lake(lake).latest()[0]

    first = scanned()
    assert main(["fix", "plan", "--out", file]) == 0
    assert main(["fix", "apply", file, "--yes", "--max-changes", "100", "--canary", "2"]) == 0
    second = scanned()
    assert changed(first, second)
    assert main(["fix", "undo", "--yes"]) == 0
    assert changed(first, scanned()) == []
    assert main(["fix", "plan", "--format", "json"]) == 0
    capsys.readouterr()


def changed(first: Snapshot, last: Snapshot) -> list[str]:
    """Where two snapshots differ, field by field, but for what a clock makes differ."""
    found = []
    for path in sorted(first.folder.glob("*.parquet")):
        if path.stem in ("gaps", "coverage", "collection"):
            continue
        old, new = (
            {(row["_region"], row["_id"]): row for row in rows(one.folder / path.name)} for one in (first, last)
        )
        for key in sorted({*old, *new}):
            found += differences(old.get(key, {}), new.get(key, {}), f"{path.stem} {key[1]}")
    return found
