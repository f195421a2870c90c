"""What IAM users sign in with: passwords, MFA and access keys.

The credential report saves calls, but may be four hours old. What looks like a violation in it is asked of IAM
directly. What does not is taken from it, so that a password (or a user's first access key) that was made since is not
seen, and an MFA device that was removed since still counts. `ReportedAt` shows up to when such a word holds;
docs/decisions/0003-credential-report.md has all the cases.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from crenel.catalog.spec import Detail
from crenel.collect.context import UnitContext
from crenel.collect.credential_report import ROOT, Report, UserLine, lines, report
from crenel.collect.rows import Row
from crenel.errors import CallError

# A last use that the report shows to be no older stands; an older one is asked. Below any limit on unused credentials
# that is in use (30 days and more; CIS has 45), so that a use since the report can't change a verdict.
FRESH = timedelta(days=29)

_REPORT = "credential-report"
_DELETED = "NoSuchEntity"


def password(context: UnitContext, detail: Detail, rows: Sequence[Row]) -> None:
    """Fill whether users have a console password, and when it was last used and changed."""
    told = report(context) or {}

    def work(row: Row) -> None:
        name = row.values["UserName"]
        line = told.get(name)
        said = _password_said(line, context.now)
        if said is not None:
            row.values[detail.name] = said
            return
        try:
            row.values[detail.name] = _password_asked(context, row, line)
        except CallError as error:
            context.failed(detail.name, row, error, _DELETED)

    context.each("iam", work, rows)


def _password_said(line: UserLine | None, now: datetime) -> dict[str, Any] | None:
    """Return what the report may decide alone: no password, or one that was used or changed lately."""
    if line is None or line.password is None:
        return None
    if not line.password:
        return _no_password(_REPORT, line.at)
    last = line.password_used or line.password_changed
    if last is None or now - last >= FRESH:
        return None
    return _reported(line)


def _reported(line: UserLine) -> dict[str, Any]:
    return _password(line.password_used, line.password_changed, None, _REPORT) | {"ReportedAt": line.at}


def _password_asked(context: UnitContext, row: Row, line: UserLine | None) -> dict[str, Any]:
    name = row.values["UserName"]
    try:
        profile = _asked(context, "GetLoginProfile", {"UserName": name}, "LoginProfile")
    except CallError as error:
        if error.code != _DELETED:
            raise
        return _no_password("GetLoginProfile")
    user = _users(context).get(name)
    if user is None:
        raise CallError("iam:ListUsers", _DELETED, f"the user {name} is gone")
    created = profile.get("CreateDate")
    changed = (line.password_changed if line is not None else None) or created
    found = _password(user.get("PasswordLastUsed"), changed, user.get("CreateDate"), "GetLoginProfile")
    if found["LastActivity"] is None:
        raise CallError("iam:ListUsers", "InvalidResponse", "the answer has no CreateDate")
    return found


def _users(context: UnitContext) -> Mapping[str, Mapping[str, Any]]:
    """Return the account's users by name, with when their passwords were last used: listed once, 1,000 a call."""
    found: Mapping[str, Mapping[str, Any]] = context.memo.get(
        "users", lambda: {user["UserName"]: user for user in _listed(context, "ListUsers", {"MaxItems": 1000}, "Users")}
    )
    return found


def _asked(context: UnitContext, operation: str, params: Mapping[str, Any], member: str) -> Mapping[str, Any]:
    """Return a structure out of IAM's answer. Raises `CallError` where it is not there: null would read as fine."""
    found = context.call("iam", operation, params).get(member)
    if not isinstance(found, Mapping):
        raise CallError(f"iam:{operation}", "InvalidResponse", f"the answer has no {member}")
    return found


def _listed(context: UnitContext, operation: str, params: Mapping[str, Any], member: str) -> list[Mapping[str, Any]]:
    """Return a list out of IAM's answers, all pages. Raises `CallError` where one has none, not even an empty one."""
    found: list[Mapping[str, Any]] = []
    for answer in context.pages("iam", operation, params):
        items = answer.get(member)
        if not isinstance(items, list):
            raise CallError(f"iam:{operation}", "InvalidResponse", f"the answer has no {member}")
        found += items
    return found


def _password(used: datetime | None, changed: datetime | None, created: datetime | None, source: str) -> dict[str, Any]:
    return {
        "Enabled": True,
        "LastUsed": used,
        "LastChanged": changed,
        "LastActivity": used or changed or created,
        "Source": source,
        "ReportedAt": None,
    }


def _no_password(source: str, reported: datetime | None = None) -> dict[str, Any]:
    never = dict.fromkeys(("LastUsed", "LastChanged", "LastActivity"))
    return {"Enabled": False, **never, "Source": source, "ReportedAt": reported}


def mfa(context: UnitContext, detail: Detail, rows: Sequence[Row]) -> None:
    """Fill whether users have an MFA device of any kind; asked directly where one seems to lack beside a password."""
    told = report(context) or {}

    def work(row: Row) -> None:
        line = told.get(row.values["UserName"])
        if line is not None and line.mfa is not None and (line.mfa or line.password is False):
            row.values[detail.name] = {"Active": line.mfa, "Source": _REPORT, "ReportedAt": line.at}
            return
        try:
            active = bool(_listed(context, "ListMFADevices", {"UserName": row.values["UserName"]}, "MFADevices"))
        except CallError as error:
            context.failed(detail.name, row, error, _DELETED)
        else:
            row.values[detail.name] = {"Active": active, "Source": "ListMFADevices", "ReportedAt": None}

    context.each("iam", work, rows)


def access_keys(context: UnitContext, detail: Detail, rows: Sequence[Row]) -> None:
    """Fill users' access keys, as IAM has them now; users without any by the report have at most brand-new ones."""
    told = report(context)

    def work(row: Row) -> None:
        name = row.values["UserName"]
        line = told.get(name) if told is not None else None
        if line is not None and line.keyless:
            row.values[detail.name] = []
            return
        try:
            listed = _listed(context, "ListAccessKeys", {"UserName": name}, "AccessKeyMetadata")
            row.values[detail.name] = [_key(item) for item in listed]
        except CallError as error:
            context.failed(detail.name, row, error, _DELETED)

    context.each("iam", work, rows)


def _key(listed: Mapping[str, Any]) -> dict[str, Any]:
    made = {name: listed.get(name) for name in ("AccessKeyId", "Status", "CreateDate")}
    if None in made.values():
        raise CallError("iam:ListAccessKeys", "InvalidResponse", "an access key has no id, status or date")
    return made


def access_key_use(context: UnitContext, detail: Detail, rows: Sequence[Row]) -> None:
    """Fill when users' access keys were last used; a use of late is taken from the report, others are asked."""
    told = report(context) or {}

    def work(row: Row) -> None:
        if "AccessKeys" in row.gaps:
            error = CallError("iam:GetAccessKeyLastUsed", "NotAsked", "needs AccessKeys, which could not be read")
            context.note(detail.name, [row], error, "iam:ListAccessKeys")
            return
        try:
            uses = [_use(context, key, told, row) for key in row.values.get("AccessKeys") or []]
        except CallError as error:
            context.note(detail.name, [row], error, error.call)
        else:
            row.values[detail.name] = [use for use in uses if use is not None]

    context.each("iam", work, rows)


def _use(context: UnitContext, key: dict[str, Any], told: Report, row: Row) -> dict[str, Any] | None:
    """Return a key with its last use, None where it was deleted meanwhile."""
    user = told.get(row.values["UserName"])
    line = user.key_of(key["CreateDate"]) if user is not None else None
    used, source = (line.used, _REPORT) if line is not None else (None, "CreateDate")
    lately = used is not None and context.now - used < FRESH
    if key["Status"] == "Active" and not lately and not _younger(key["CreateDate"], context.now):
        try:
            last = _asked(context, "GetAccessKeyLastUsed", {"AccessKeyId": key["AccessKeyId"]}, "AccessKeyLastUsed")
        except CallError as error:
            if error.code == _DELETED:
                return None
            raise
        used, source = last.get("LastUsedDate"), "GetAccessKeyLastUsed"
    return {**key, "LastUsedDate": used, "LastActivityDate": used or key["CreateDate"], "Source": source}


def _younger(created: datetime | None, now: datetime) -> bool:
    return created is not None and now - created < FRESH


def credential(context: UnitContext, detail: Detail, rows: Sequence[Row]) -> None:
    """Fill users' lines of the credential report; a user whom it does not know has none."""
    _credential(context, detail, rows, lambda row: str(row.values["UserName"]))


def root_credential(context: UnitContext, detail: Detail, rows: Sequence[Row]) -> None:
    """Fill the root user's line of the credential report."""
    _credential(context, detail, rows, lambda _: ROOT)


def _credential(context: UnitContext, detail: Detail, rows: Sequence[Row], name_of: Callable[[Row], str]) -> None:
    try:
        found = lines(context)
    except CallError as error:
        context.note(detail.name, rows, error, error.call)
        return
    for row in rows:
        row.values[detail.name] = found.get(name_of(row))
