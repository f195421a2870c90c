"""Who is behind a role: told of stored events, where the calls that gave out the keys are among them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from crenel.cli import main
from crenel.detect.chains import behind
from tests.detect.test_run import RULE, record, written

ALICE = {"type": "IAMUser", "userName": "alice", "accountId": "111122223333", "accessKeyId": "AKIAALICE"}


def session(role: str, name: str, key: str, account: str = "111122223333") -> dict[str, Any]:
    arn = f"arn:aws:sts::{account}:assumed-role/{role}/{name}"
    return {"type": "AssumedRole", "arn": arn, "accountId": account, "accessKeyId": key}


def assumed(event_id: str, who: dict[str, Any], key: str) -> dict[str, Any]:
    given = {"credentials": {"accessKeyId": key, "sessionToken": "t"}}
    more = {"userIdentity": who, "eventSource": "sts.amazonaws.com", "responseElements": given}
    return record("AssumeRole", event_id, **more)


def principal(tmp_path: Path, capsys: pytest.CaptureFixture[str], *records: dict[str, Any]) -> str:
    """Return whom the one alert over stored events names."""
    (tmp_path / "rule.yml").write_text(RULE)
    lake, log = str(tmp_path / "lake"), str(written(tmp_path / "a.json.gz", *records))
    main(["ingest", "--lake", lake, "--quiet", log])
    capsys.readouterr()
    rule = str(tmp_path / "rule.yml")
    main(["detect", "--lake", lake, "--rules", rule, "--since", "2026-06-01T10:00:00Z", "--format", "json", "--quiet"])
    [alert] = json.loads(capsys.readouterr().out)
    assert alert["principal"] in alert["output"]
    return str(alert["principal"])


def test_a_chain_of_roles_is_followed_to_the_user(tmp_path: Path, capsys) -> None:
    """The calls may be older than what is looked through."""
    earlier = {"eventTime": "2026-05-31T10:00:00Z"}
    found = principal(
        tmp_path, capsys,
        assumed("e1", ALICE, "ASIADEPLOY") | earlier,
        assumed("e2", session("Deploy", "alice", "ASIADEPLOY"), "ASIAADMIN") | earlier,
        assumed("e3", ALICE, "ASIAOTHER"),
        record("StopLogging", "e4", userIdentity=session("Admin", "d", "ASIAADMIN")),
    )  # fmt: skip

    assert found == "user alice → role Deploy/alice → role Admin/d"


def test_without_the_call_there_is_the_role_alone(tmp_path: Path, capsys) -> None:
    stop = record("StopLogging", "e4", userIdentity=session("Admin", "d", "ASIAADMIN"))

    assert principal(tmp_path, capsys, stop, assumed("e1", ALICE, "ASIAOTHER")) == "role Admin/d"


def test_of_two_accounts_events_the_callers_own_says_who_it_was(tmp_path: Path, capsys) -> None:
    away = {**ALICE, "accountId": "999988887777"}
    theirs = {"type": "AWSAccount", "principalId": "AIDAEXAMPLE:x", "accountId": "999988887777"}
    found = principal(
        tmp_path, capsys, assumed("e1", theirs, "ASIAADMIN"), assumed("e2", away, "ASIAADMIN"),
        record("StopLogging", "e4", userIdentity=session("Admin", "d", "ASIAADMIN")),
    )  # fmt: skip

    assert found == "999988887777: user alice → role Admin/d"


def test_a_service_that_takes_a_role_is_nobody(tmp_path: Path, capsys) -> None:
    service = {"type": "AWSService", "invokedBy": "ec2.amazonaws.com"}
    stop = record("StopLogging", "e4", userIdentity=session("app", "i-0abc", "ASIAAPP"))

    assert principal(tmp_path, capsys, assumed("e1", service, "ASIAAPP"), stop) == "role app/i-0abc"


def test_keys_that_come_from_themselves_end() -> None:
    """No such log is AWS's; a forged one does not hang the run."""
    who = session("a", "s", "ASIA1")

    assert behind(who, "111122223333", {"ASIA1": who}) == "role a/s → role a/s"
