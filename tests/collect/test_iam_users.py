"""Passwords, MFA and keys: when the credential report decides, and when IAM is asked."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from crenel.collect.credential_report import parsed
from crenel.collect.details import hydrate
from crenel.collect.rows import Row
from crenel.errors import CallError

from .conftest import NOW
from .fakes import context, denied

FIELDS = (
    "user", "password_enabled", "password_last_used", "password_last_changed", "mfa_active",
    "access_key_1_active", "access_key_1_last_rotated", "access_key_1_last_used_date",
    "access_key_2_active", "access_key_2_last_rotated", "access_key_2_last_used_date",
)  # fmt: skip


REPORTED = NOW - timedelta(hours=3)


def days(count: float) -> datetime:
    return NOW - timedelta(days=count)


def line(user: str = "u", **changes) -> dict[str, str]:
    plain = dict.fromkeys(FIELDS, "N/A") | {"user": user, "password_enabled": "false", "mfa_active": "false"}
    plain |= {"access_key_1_active": "false", "access_key_2_active": "false"}
    for name, value in changes.items():
        plain[name] = value.strftime("%Y-%m-%dT%H:%M:%S+00:00") if isinstance(value, datetime) else value
    return plain


def report(*lines: dict[str, str]) -> dict[str, Any]:
    rows = [",".join(FIELDS), *(",".join(one[name] for name in FIELDS) for one in lines)]
    root = line("<root_account>", password_enabled="not_supported")
    rows.append(",".join(root[name] for name in FIELDS))
    return reported("\n".join(rows))


def reported(content: str) -> dict[str, Any]:
    answer = {"Content": content.encode(), "GeneratedTime": REPORTED}
    return {"iam:GenerateCredentialReport": {"State": "COMPLETE"}, "iam:GetCredentialReport": answer}


def read(answers: dict[str, Any], *details: str, user: str = "u"):
    """Hydrate one user; returns the row, what was asked beyond the report, and the gaps."""
    with context("iam-user", answers, details=frozenset(details)) as unit:
        row = Row({"UserName": user}, "global", "global")
        for detail in unit.details:
            hydrate(unit, detail, [row])
        asked = [name for name in unit.target.caller.names() if "CredentialReport" not in name]
        return row, asked, unit.gaps


def login(created: datetime, used: datetime | None = None) -> dict[str, Any]:
    user = {"UserName": "u", "CreateDate": days(900)} | ({"PasswordLastUsed": used} if used else {})
    return {"iam:GetLoginProfile": {"LoginProfile": {"CreateDate": created}}, "iam:ListUsers": {"Users": [user]}}


def test_no_password_by_the_report_needs_no_call() -> None:
    row, asked, _ = read(report(line()), "Password", "MFA")
    assert row.values["Password"] == {
        "Enabled": False, "LastUsed": None, "LastChanged": None, "LastActivity": None, "Source": "credential-report",
        "ReportedAt": REPORTED,
    }  # fmt: skip
    assert row.values["MFA"] == {"Active": False, "Source": "credential-report", "ReportedAt": REPORTED}
    assert asked == []


def test_a_password_used_lately_is_as_reported() -> None:
    said = line(password_enabled="true", password_last_used=days(5), password_last_changed=days(300))
    row, asked, _ = read(report(said), "Password")
    assert asked == []
    assert row.values["Password"] == {
        "Enabled": True, "LastUsed": days(5), "LastChanged": days(300), "LastActivity": days(5),
        "Source": "credential-report", "ReportedAt": REPORTED,
    }  # fmt: skip


def test_a_password_that_looks_unused_is_asked_for() -> None:
    said = line(password_enabled="true", password_last_used=days(100), password_last_changed=days(300))
    row, asked, _ = read(report(said) | login(days(400), days(0.1)), "Password")
    assert asked == ["iam:GetLoginProfile", "iam:ListUsers"]
    assert row.values["Password"] == {
        "Enabled": True, "LastUsed": days(0.1), "LastChanged": days(300), "LastActivity": days(0.1),
        "Source": "GetLoginProfile", "ReportedAt": None,
    }  # fmt: skip


@pytest.mark.parametrize(("age", "calls"), [(28.9, 0), (29.1, 2)])
def test_a_use_is_asked_about_before_a_limit_of_thirty_days_can_fail(age, calls) -> None:
    said = line(password_enabled="true", password_last_used=days(age), password_last_changed=days(300))
    _, asked, _ = read(report(said) | login(days(400), days(0.1)), "Password")
    assert len(asked) == calls
    said = line(access_key_1_active="true", access_key_1_last_rotated=days(200), access_key_1_last_used_date=days(age))
    _, asked, _ = keys_and_use(said, key(days(200)), last={"LastUsedDate": days(0.1)})
    assert len(asked) == calls // 2


def test_a_password_never_used_counts_from_its_change() -> None:
    said = line(password_enabled="true", password_last_used="no_information", password_last_changed=days(200))
    row, _, _ = read(report(said) | login(days(400)), "Password")
    assert row.values["Password"]["LastUsed"] is None
    assert row.values["Password"]["LastActivity"] == days(200)


@pytest.mark.parametrize("word", ["not_supported", "no_information", "", "TRUEISH"])
def test_words_that_are_no_booleans_are_asked_about(word) -> None:
    gone = {"iam:GetLoginProfile": denied("iam:GetLoginProfile", "NoSuchEntity")}
    row, asked, _ = read(report(line(password_enabled=word)) | gone, "Password")
    assert asked == ["iam:GetLoginProfile"]
    assert row.values["Password"]["Enabled"] is False


def test_a_user_that_the_report_lacks_is_asked_for_everything() -> None:
    answers = report(line("other")) | login(days(0.1)) | {"iam:ListMFADevices": {"MFADevices": []}}
    row, asked, _ = read(answers | {"iam:ListAccessKeys": {"AccessKeyMetadata": []}}, "Password", "MFA", "AccessKeys")
    assert set(asked) == {"iam:GetLoginProfile", "iam:ListUsers", "iam:ListMFADevices", "iam:ListAccessKeys"}
    assert row.values["Password"]["LastActivity"] == days(0.1)
    assert row.values["MFA"] == {"Active": False, "Source": "ListMFADevices", "ReportedAt": None}
    assert row.values["AccessKeys"] == []


def test_mfa_by_the_report_and_where_it_seems_to_lack() -> None:
    row, asked, _ = read(report(line(password_enabled="true", mfa_active="true")), "MFA")
    assert (row.values["MFA"]["Active"], asked) == (True, [])
    device = {"iam:ListMFADevices": {"MFADevices": [{"SerialNumber": "x"}]}}
    row, asked, _ = read(report(line(password_enabled="true")) | device, "MFA")
    assert (row.values["MFA"]["Active"], asked) == (True, ["iam:ListMFADevices"])


def test_no_report_asks_directly_and_a_refusal_then_is_a_gap() -> None:
    row, asked, gaps = read({"iam:GetLoginProfile": denied("iam:GetLoginProfile", "NoSuchEntity")}, "Password", "MFA")
    assert row.values["Password"]["Enabled"] is False
    assert row.gaps == {"MFA": "iam:ListMFADevices AccessDenied: not allowed"}
    assert asked == ["iam:GetLoginProfile", "iam:ListMFADevices"]
    # The verdicts rest on direct answers; that the report could not be had is said all the same, once.
    assert [(gap.detail, gap.resource, gap.permission, gap.code) for gap in gaps] == [
        ("CredentialReport", "", "iam:GenerateCredentialReport", "AccessDenied"),
        ("MFA", "u", "iam:ListMFADevices", "AccessDenied"),
    ]


def test_a_refusal_beside_a_report_that_shows_a_violation_is_a_gap() -> None:
    """The report is up to four hours old: a device may have been enrolled, a password used since."""
    said = line(password_enabled="true", password_last_used=days(100), password_last_changed=days(300))
    row, _, gaps = read(report(said), "Password", "MFA")
    assert set(row.gaps) == {"Password", "MFA"}
    assert [gap.permission for gap in gaps] == ["iam:GetLoginProfile", "iam:ListMFADevices"]


def test_the_report_is_asked_once_and_waited_for() -> None:
    states = iter(["STARTED", "INPROGRESS", "COMPLETE"])
    answers = report(line()) | {"iam:GenerateCredentialReport": lambda *_: {"State": next(states)}}
    with context("iam-user", answers, details=frozenset({"Password", "MFA", "AccessKeys"})) as unit:
        rows = [Row({"UserName": "u"}, "global", "global") for _ in range(20)]
        for detail in unit.details:
            hydrate(unit, detail, rows)
        assert unit.target.caller.names() == ["iam:GenerateCredentialReport"] * 3 + ["iam:GetCredentialReport"]


def test_a_report_that_never_comes_is_done_without() -> None:
    answers = report() | {
        "iam:GenerateCredentialReport": {"State": "STARTED"},
        "iam:ListAccessKeys": {"AccessKeyMetadata": []},
    }
    row, asked, _ = read(answers, "AccessKeys")
    assert asked == ["iam:ListAccessKeys"]
    assert row.values["AccessKeys"] == []


def key(created: datetime, status: str = "Active", number: int = 1) -> dict[str, Any]:
    return {"AccessKeyId": f"AKIA{number}", "Status": status, "CreateDate": created, "UserName": "u"}


def keys_and_use(said: dict[str, str], *keys: dict[str, Any], last: dict[str, Any] | None = None):
    answers = report(said) | {"iam:ListAccessKeys": {"AccessKeyMetadata": list(keys)}}
    if last is not None:
        answers["iam:GetAccessKeyLastUsed"] = {"AccessKeyLastUsed": last}
    row, asked, gaps = read(answers, "AccessKeyUse")
    return row, [name for name in asked if name != "iam:ListAccessKeys"], gaps


def test_a_key_used_lately_is_as_reported() -> None:
    said = line(access_key_1_active="true", access_key_1_last_rotated=days(200), access_key_1_last_used_date=days(3))
    row, asked, _ = keys_and_use(said, key(days(200)))
    assert asked == []
    assert row.values["AccessKeyUse"] == [
        {
            "AccessKeyId": "AKIA1", "Status": "Active", "CreateDate": days(200), "LastUsedDate": days(3),
            "LastActivityDate": days(3), "Source": "credential-report",
        }
    ]  # fmt: skip


def test_an_old_key_that_looks_unused_is_asked_for() -> None:
    said = line(access_key_1_active="true", access_key_1_last_rotated=days(200), access_key_1_last_used_date=days(60))
    row, asked, _ = keys_and_use(said, key(days(200)), last={"LastUsedDate": days(0.1)})
    assert asked == ["iam:GetAccessKeyLastUsed"]
    assert row.values["AccessKeyUse"][0]["LastActivityDate"] == days(0.1)
    row, _, _ = keys_and_use(said, key(days(200)), last={"Region": "N/A"})
    assert row.values["AccessKeyUse"][0]["LastUsedDate"] is None
    assert row.values["AccessKeyUse"][0]["LastActivityDate"] == days(200)


def test_young_and_inactive_keys_need_no_call() -> None:
    said = line(access_key_1_active="true", access_key_1_last_rotated=days(3), access_key_2_last_rotated=days(300))
    row, asked, _ = keys_and_use(said, key(days(3)), key(days(300), "Inactive", 2))
    assert asked == []
    assert [use["LastActivityDate"] for use in row.values["AccessKeyUse"]] == [days(3), days(300)]


def test_a_key_that_the_report_does_not_match_is_not_taken_for_another() -> None:
    said = line(access_key_1_active="true", access_key_1_last_rotated=days(100), access_key_1_last_used_date=days(1))
    row, asked, _ = keys_and_use(said, key(days(99)), last={"LastUsedDate": days(80)})
    assert asked == ["iam:GetAccessKeyLastUsed"]
    assert row.values["AccessKeyUse"][0]["LastUsedDate"] == days(80)


def test_keys_that_could_not_be_read_leave_their_use_unread() -> None:
    said = line(access_key_1_active="true", access_key_1_last_rotated=days(100))
    row, _, gaps = read(report(said), "AccessKeyUse")
    assert set(row.gaps) == {"AccessKeys", "AccessKeyUse"}
    assert [gap.permission for gap in gaps] == ["iam:ListAccessKeys", "iam:ListAccessKeys"]


def test_a_deleted_user_is_dropped() -> None:
    said = line(access_key_1_active="true", access_key_1_last_rotated=days(100))
    gone = {"iam:ListAccessKeys": denied("iam:ListAccessKeys", "NoSuchEntity")}
    row, _, gaps = read(report(said) | gone, "AccessKeys")
    assert row.dropped
    assert gaps == []


def test_what_is_no_report() -> None:
    with pytest.raises(CallError, match="no column user"):
        parsed(b"hello\nworld\n")
    with pytest.raises(CallError, match="no CSV"):
        parsed(b"user\n" + b"x" * 200_000)


DIRECT = {
    "iam:ListAccessKeys": {"AccessKeyMetadata": [{"AccessKeyId": "A", "Status": "Active", "CreateDate": days(200)}]},
    "iam:GetAccessKeyLastUsed": {"AccessKeyLastUsed": {"LastUsedDate": days(100)}},
    "iam:ListMFADevices": {"MFADevices": [{"SerialNumber": "x"}]},
} | login(days(400), days(3))
ALL = {"iam:GetLoginProfile", "iam:ListUsers", "iam:ListMFADevices", "iam:ListAccessKeys", "iam:GetAccessKeyLastUsed"}


@pytest.mark.parametrize(
    "content",
    [
        "user\nu",  # the columns are missing
        ",".join(FIELDS) + "\nu",  # the line is cut off
        ",".join(FIELDS) + "\nu" + "," * 10,  # the fields are empty
        ",".join(FIELDS) + "\nu" + ",maybe" * 10,
    ],
)
def test_what_a_report_does_not_say_is_asked_and_never_taken_for_none(content) -> None:
    row, asked, gaps = read(reported(content) | DIRECT, "Password", "MFA", "AccessKeyUse")
    assert set(asked) == ALL
    assert gaps == []
    assert row.values["Password"]["Enabled"] is True
    assert row.values["MFA"]["Active"] is True
    assert row.values["AccessKeyUse"][0]["LastUsedDate"] == days(100)


def test_a_refusal_beside_a_report_that_lacks_columns_is_a_gap() -> None:
    row, _, _ = read(reported("user,password_enabled\nu,true"), "Password", "MFA", "AccessKeys")
    assert set(row.gaps) == {"Password", "MFA", "AccessKeys"}
    unused = f"user,password_enabled,password_last_changed\nu,true,{days(300).isoformat()}"
    row, _, _ = read(reported(unused), "Password")
    assert set(row.gaps) == {"Password"}  # nothing says that it was not used since


@pytest.mark.parametrize("lacks", ["last_rotated", "last_used_date"])
def test_a_key_column_that_is_missing_says_nothing_of_keys(lacks) -> None:
    said = line(access_key_1_active="true", access_key_1_last_rotated=days(200), access_key_1_last_used_date=days(3))
    fields = [field for field in FIELDS if lacks not in field]
    content = ",".join(fields) + "\n" + ",".join(said[field] for field in fields)
    row, asked, _ = read(reported(content) | DIRECT, "AccessKeyUse")
    assert asked == ["iam:ListAccessKeys", "iam:GetAccessKeyLastUsed"]
    assert row.values["AccessKeyUse"][0]["LastUsedDate"] == days(100)


@pytest.mark.parametrize(
    ("answers", "detail"),
    [
        ({"iam:GetLoginProfile": {}}, "Password"),
        ({"iam:ListUsers": {}}, "Password"),
        ({"iam:ListUsers": {"Users": [{"UserName": "u"}]}, "iam:GetLoginProfile": {"LoginProfile": {}}}, "Password"),
        ({"iam:ListMFADevices": {}}, "MFA"),
        ({"iam:ListAccessKeys": {}}, "AccessKeys"),
        ({"iam:ListAccessKeys": {"AccessKeyMetadata": [{"AccessKeyId": "A", "Status": "Active"}]}}, "AccessKeys"),
        ({"iam:GetAccessKeyLastUsed": {}}, "AccessKeyUse"),
    ],
)
@pytest.mark.parametrize("said", [{}, {"iam:GetCredentialReport": {}}])
def test_an_answer_without_what_it_is_about_is_a_gap(answers, detail, said) -> None:
    row, _, gaps = read(report(line("other")) | said | DIRECT | answers, detail)
    assert "InvalidResponse: the answer has no" in row.gaps[detail] or "an access key has no" in row.gaps[detail]
    beside = [gap for gap in gaps if gap.detail != "CredentialReport"]
    assert {(gap.detail, gap.resource, gap.code) for gap in beside} == {(detail, "u", "InvalidResponse")}
    assert detail not in row.values


SHAPED = (
    "user,arn,password_enabled,password_last_used,mfa_active,access_key_1_active,access_key_1_last_rotated,"
    "access_key_2_active,access_key_2_last_rotated,cert_1_active,cert_1_last_rotated\n"
    "<root_account>,arn:root,not_supported,no_information,true,false,N/A,false,N/A,false,N/A\n"
    "u,arn:u,true,N/A,false,true,2026-01-02T03:04:05+00:00,false,N/A,false,N/A\n"
)


def test_lines_of_the_report_in_cloud_custodian_s_shape() -> None:
    row, _, gaps = read(reported(SHAPED), "c7n:credential-report")
    assert row.values["c7n:credential-report"] == {
        "user": "u", "arn": "arn:u", "password_enabled": True, "password_last_used": None, "mfa_active": False,
        "access_keys": [{"active": True, "last_rotated": "2026-01-02T03:04:05+00:00"}],
    }  # fmt: skip
    assert gaps == []
    with context("account", reported(SHAPED), details=frozenset({"c7n:credential-report"})) as unit:
        root = Row({"account_id": "1"}, "global", "global")
        hydrate(unit, unit.details[0], [root])
    assert root.values["c7n:credential-report"]["password_enabled"] == "not_supported"
    assert root.values["c7n:credential-report"]["mfa_active"] is True


@pytest.mark.parametrize("code", ["ReportNotPresent", "ReportInProgress"])
def test_a_report_that_is_not_there_yet_is_waited_for(code) -> None:
    states = iter([denied("iam:GetCredentialReport", code)])
    there = reported(SHAPED)
    answers = there | {"iam:GetCredentialReport": lambda *_: next(states, there["iam:GetCredentialReport"])}
    row, _, gaps = read(answers, "c7n:credential-report")
    assert row.values["c7n:credential-report"]["user"] == "u"
    assert gaps == []
