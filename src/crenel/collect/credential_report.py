"""IAM's credential report: all users' passwords, keys and MFA in one file, up to four hours old."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from crenel.collect.context import UnitContext
from crenel.errors import CallError

ROOT = "<root_account>"
_CALL = "iam:GetCredentialReport"
_WAIT = 60.0  # seconds for AWS to make the report; large accounts take some ten
_FIRST_PAUSE = 0.5
_MISSING = ("ReportNotPresent", "ReportExpired")
_IN_PROGRESS = "ReportInProgress"
_LONGEST_PAUSE = 4.0


@dataclass(frozen=True, slots=True)
class KeyLine:
    """What the report says of one of a user's two keys."""

    rotated: datetime | None
    used: datetime | None


@dataclass(frozen=True, slots=True)
class UserLine:
    """What the report says of a user; what it says in part, or in other words than AWS's, it does not say.

    `password` and `mfa` are None where it does not say. `keyless`: it says that there is no access key, not even one
    that is switched off. `at` is when AWS made the report. Times in UTC.
    """

    password: bool | None
    password_used: datetime | None
    password_changed: datetime | None
    mfa: bool | None
    keyless: bool
    keys: tuple[KeyLine, ...]
    at: datetime | None

    def key_of(self, created: datetime | None) -> KeyLine | None:
        """Return the line of the key that was made at that second, None where none or both were."""
        if created is None:
            return None
        found = [key for key in self.keys if key.rotated == created.replace(microsecond=0)]
        return found[0] if len(found) == 1 else None


Report = Mapping[str, UserLine]
Raw = Mapping[str, str | None]  # a line as AWS has it, by column
# Columns that Cloud Custodian gathers into lists of structures, by what their names begin with.
_GATHERED = (
    ("access_key_1_", "access_keys"),
    ("access_key_2_", "access_keys"),
    ("cert_1_", "certs"),
    ("cert_2_", "certs"),
)
_WORDS = {"N/A": None, "no_information": None, "true": True, "false": False}


def report(context: UnitContext) -> Report | None:
    """Return the account's report by user name, without root; None where it can't be had. Asked once a scan."""
    try:
        found: Report = context.memo.get("credential report", lambda: parsed(*_content(context)))
    except CallError as error:
        # Every user is asked directly then, so no verdict is lost; that it could not be read is said all the same.
        failure = error
        context.memo.get("credential report's gap", lambda: _noted(context, failure))
        return None
    return found


def _noted(context: UnitContext, error: CallError) -> bool:
    context.note("CredentialReport", [], error, error.call, resources=[""])
    return True


def lines(context: UnitContext) -> Mapping[str, dict[str, Any]]:
    """Return the report's lines by user name, root's too, as Cloud Custodian shapes them. Raises `CallError`.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_getting-report.html
    """
    found: Mapping[str, dict[str, Any]] = context.memo.get(
        "credential report's lines", lambda: {name: _shaped(line) for name, line in _lines(_there(context))}
    )
    return found


def _there(context: UnitContext) -> bytes:
    """Return the report's file: the one that is there, else a new one."""
    waited = 0.0
    while waited <= _WAIT:
        try:
            content = context.call("iam", "GetCredentialReport", {}).get("Content")
        except CallError as error:
            if error.code in _MISSING:
                return _content(context)[0]
            if error.code != _IN_PROGRESS:
                raise
        else:
            if not isinstance(content, bytes):
                raise CallError(_CALL, "InvalidResponse", "the answer has no Content")
            return content
        context.tally.pause(_FIRST_PAUSE)
        waited += _FIRST_PAUSE
    raise CallError(_CALL, "Timeout", f"the report was not ready after {_WAIT:.0f} s")


def _shaped(line: Raw) -> dict[str, Any]:
    """Return a line with true, false and null for their words, and keys and certificates that there are as lists."""
    values: dict[str, Any] = {name: _WORDS.get(text or "", text) for name, text in line.items()}
    for prefix, gathered in _GATHERED:
        one = {name.removeprefix(prefix): values.pop(name) for name in list(values) if name.startswith(prefix)}
        if one.get("active") or one.get("last_rotated"):
            values.setdefault(gathered, []).append(one)
    return values


def _content(context: UnitContext) -> tuple[bytes, datetime | None]:
    """Return the report's file and when it was made; asked for once a scan, however many read it."""
    found: tuple[bytes, datetime | None] = context.memo.get("credential report's file", lambda: _read(context))
    return found


def _read(context: UnitContext) -> tuple[bytes, datetime | None]:
    waited, pause = 0.0, _FIRST_PAUSE
    while context.call("iam", "GenerateCredentialReport", {}).get("State") != "COMPLETE":
        if waited >= _WAIT:
            raise CallError("iam:GenerateCredentialReport", "Timeout", f"the report was not ready after {_WAIT:.0f} s")
        context.tally.pause(pause)
        waited += pause
        pause = min(pause * 2, _LONGEST_PAUSE)
    answer = context.call("iam", "GetCredentialReport", {})
    content = answer.get("Content")
    if not isinstance(content, bytes):
        raise CallError(_CALL, "InvalidResponse", "the answer has no Content")
    return content, answer.get("GeneratedTime")


def parsed(content: bytes, at: datetime | None = None) -> Report:
    """Return the users, by name, of a report that was made at that time. Raises `CallError` where it is no report."""
    return {name: _user(line, at) for name, line in _lines(content) if name != ROOT}


def _lines(content: bytes) -> Iterator[tuple[str, Raw]]:
    reader = csv.DictReader(io.StringIO(content.decode("utf-8", "replace")))
    try:
        if "user" not in (reader.fieldnames or ()):
            raise CallError(_CALL, "InvalidResponse", "the credential report has no column user")
        yield from ((line["user"], line) for line in reader)
    except csv.Error as error:
        raise CallError(_CALL, "InvalidResponse", f"the credential report is no CSV: {error}") from error


def _user(line: Mapping[str, str | None], at: datetime | None) -> UserLine:
    keys = [
        tuple(line.get(f"access_key_{number}_{field}") for field in ("active", "last_rotated", "last_used_date"))
        for number in (1, 2)
    ]
    dated = line.get("password_last_used") is not None and line.get("password_last_changed") is not None
    return UserLine(
        password=_flag(line.get("password_enabled")) if dated else None,
        password_used=_time(line.get("password_last_used")),
        password_changed=_time(line.get("password_last_changed")),
        mfa=_flag(line.get("mfa_active")),
        keyless=all(
            _flag(active) is False and rotated is not None and _time(rotated) is None for active, rotated, _ in keys
        ),
        keys=tuple(KeyLine(_time(rotated), _time(used)) for _, rotated, used in keys),
        at=at,
    )


def _flag(text: str | None) -> bool | None:
    return {"true": True, "false": False}.get((text or "").lower())


def _time(text: str | None) -> datetime | None:
    """Return the time that a field holds; None for ``N/A``, ``no_information``, ``not_supported`` and the like."""
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    return found.replace(microsecond=0)
