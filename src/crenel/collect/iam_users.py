"""What IAM users sign in with: passwords, MFA and access keys.

The credential report saves calls, but may be four hours old. So it decides alone only where that can't hide a
violation; what looks like one in it is asked of IAM directly.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from crenel.catalog.spec import Detail
from crenel.collect.context import UnitContext
from crenel.collect.credential_report import Report, UserLine, report
from crenel.collect.rows import Row
from crenel.errors import CallError

# Younger than any limit that a standard sets (CIS: 45 days), so that a later use can't change a verdict.
FRESH = timedelta(days=45)

_REPORT = "credential-report"
_DELETED = "NoSuchEntity"


def password(context: UnitContext, detail: Detail, rows: Sequence[Row]) -> None:
    """Fill whether users have a console password, and when it was last used and changed."""
    lines = report(context) or {}

    def work(row: Row) -> None:
        name = row.values["UserName"]
        line = lines.get(name)
        said = _password_said(line, context.now)
        if said is not None:
            row.values[detail.name] = said
            return
        try:
            row.values[detail.name] = _password_asked(context, row, line)
        except CallError as error:
            if error.code == _DELETED:
                row.dropped = True
            elif line is not None and line.password and (line.password_used or line.password_changed):
                # Old as it is, the report shows a password that nobody used: later news could only be better.
                row.values[detail.name] = _password(line.password_used, line.password_changed, None, _REPORT)
            else:
                context.note(detail.name, [row], error, error.call)

    context.each("iam", work, rows)


def _password_said(line: UserLine | None, now: datetime) -> dict[str, Any] | None:
    """Return what the report may decide alone: no password, or one that was used or changed lately."""
    if line is None or line.password is None:
        return None
    if not line.password:
        return _no_password(_REPORT)
    last = line.password_used or line.password_changed
    if last is None or now - last >= FRESH:
        return None
    return _password(line.password_used, line.password_changed, None, _REPORT)


def _password_asked(context: UnitContext, row: Row, line: UserLine | None) -> dict[str, Any]:
    name = row.values["UserName"]
    try:
        profile = context.call("iam", "GetLoginProfile", {"UserName": name})["LoginProfile"]
    except CallError as error:
        if error.code != _DELETED:
            raise
        return _no_password("GetLoginProfile")
    user = context.call("iam", "GetUser", {"UserName": name})["User"]
    created = profile.get("CreateDate")
    changed = (line.password_changed if line is not None else None) or created
    return _password(user.get("PasswordLastUsed"), changed, user.get("CreateDate"), "GetLoginProfile")


def _password(used: datetime | None, changed: datetime | None, created: datetime | None, source: str) -> dict[str, Any]:
    return {
        "Enabled": True,
        "LastUsed": used,
        "LastChanged": changed,
        "LastActivity": used or changed or created,
        "Source": source,
    }


def _no_password(source: str) -> dict[str, Any]:
    return {"Enabled": False, "LastUsed": None, "LastChanged": None, "LastActivity": None, "Source": source}


def mfa(context: UnitContext, detail: Detail, rows: Sequence[Row]) -> None:
    """Fill whether users have an MFA device of any kind; asked directly where one seems to lack beside a password."""
    lines = report(context) or {}

    def work(row: Row) -> None:
        line = lines.get(row.values["UserName"])
        if line is not None and (line.mfa or line.password is False):
            row.values[detail.name] = {"Active": line.mfa, "Source": _REPORT}
            return
        try:
            answers = context.pages("iam", "ListMFADevices", {"UserName": row.values["UserName"]})
            active = any(answer.get("MFADevices") for answer in answers)
        except CallError as error:
            if error.code == _DELETED:
                row.dropped = True
            elif line is not None:
                row.values[detail.name] = {"Active": line.mfa, "Source": _REPORT}
            else:
                context.note(detail.name, [row], error, error.call)
        else:
            row.values[detail.name] = {"Active": active, "Source": "ListMFADevices"}

    context.each("iam", work, rows)


def access_keys(context: UnitContext, detail: Detail, rows: Sequence[Row]) -> None:
    """Fill users' access keys, as IAM has them now; users without any by the report have at most brand-new ones."""
    lines = report(context)

    def work(row: Row) -> None:
        name = row.values["UserName"]
        line = lines.get(name) if lines is not None else None
        if line is not None and not line.has_key:
            row.values[detail.name] = []
            return
        try:
            answers = list(context.pages("iam", "ListAccessKeys", {"UserName": name}))
        except CallError as error:
            if error.code == _DELETED:
                row.dropped = True
            else:
                context.note(detail.name, [row], error, error.call)
        else:
            found = [key for answer in answers for key in answer.get("AccessKeyMetadata", [])]
            row.values[detail.name] = [
                {name: key.get(name) for name in ("AccessKeyId", "Status", "CreateDate")} for key in found
            ]

    context.each("iam", work, rows)


def access_key_use(context: UnitContext, detail: Detail, rows: Sequence[Row]) -> None:
    """Fill when users' access keys were last used; a use of late is taken from the report, others are asked."""
    lines = report(context) or {}

    def work(row: Row) -> None:
        if "AccessKeys" in row.gaps:
            error = CallError("iam:GetAccessKeyLastUsed", "NotAsked", "needs AccessKeys, which could not be read")
            context.note(detail.name, [row], error, "iam:ListAccessKeys")
            return
        try:
            uses = [_use(context, key, lines, row) for key in row.values.get("AccessKeys") or []]
        except CallError as error:
            context.note(detail.name, [row], error, error.call)
        else:
            row.values[detail.name] = [use for use in uses if use is not None]

    context.each("iam", work, rows)


def _use(context: UnitContext, key: dict[str, Any], lines: Report, row: Row) -> dict[str, Any] | None:
    """Return a key with its last use, None where it was deleted meanwhile."""
    user = lines.get(row.values["UserName"])
    line = user.key_of(key["CreateDate"]) if user is not None else None
    used, source = (line.used, _REPORT) if line is not None else (None, "CreateDate")
    lately = used is not None and context.now - used < FRESH
    if key["Status"] == "Active" and not lately and not _younger(key["CreateDate"], context.now):
        try:
            answer = context.call("iam", "GetAccessKeyLastUsed", {"AccessKeyId": key["AccessKeyId"]})
        except CallError as error:
            if error.code == _DELETED:
                return None
            raise
        used, source = answer.get("AccessKeyLastUsed", {}).get("LastUsedDate"), "GetAccessKeyLastUsed"
    return {**key, "LastUsedDate": used, "LastActivityDate": used or key["CreateDate"], "Source": source}


def _younger(created: datetime | None, now: datetime) -> bool:
    return created is not None and now - created < FRESH
