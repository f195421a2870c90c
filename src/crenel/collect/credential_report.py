"""IAM's credential report: all users' passwords, keys and MFA in one file, up to four hours old."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from crenel.collect.context import UnitContext
from crenel.errors import CallError

_ROOT = "<root_account>"
_WAIT = 60.0  # seconds for AWS to make the report; large accounts take some ten
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 4.0


@dataclass(frozen=True, slots=True)
class KeyLine:
    """What the report says of one of a user's two keys."""

    active: bool
    rotated: datetime | None
    used: datetime | None


@dataclass(frozen=True, slots=True)
class UserLine:
    """What the report says of a user. `password` is True or False, None where the report does not say. Times in UTC."""

    password: bool | None
    password_used: datetime | None
    password_changed: datetime | None
    mfa: bool
    keys: tuple[KeyLine, ...]

    @property
    def has_key(self) -> bool:
        """Whether there is (or, of a switched-off one, was) any access key."""
        return any(key.active or key.rotated is not None for key in self.keys)

    def key_of(self, created: datetime | None) -> KeyLine | None:
        """Return the line of the key that was made at that second, None where none or both were."""
        if created is None:
            return None
        found = [key for key in self.keys if key.rotated == created.replace(microsecond=0)]
        return found[0] if len(found) == 1 else None


Report = Mapping[str, UserLine]


def report(context: UnitContext) -> Report | None:
    """Return the account's report by user name, without root; None where it can't be had. Asked once a scan."""
    try:
        found: Report = context.memo.get("credential report", lambda: _read(context))
    except CallError:
        return None  # every user is asked directly then; what fails there becomes the gap
    return found


def _read(context: UnitContext) -> Report:
    waited, pause = 0.0, _FIRST_PAUSE
    while context.call("iam", "GenerateCredentialReport", {}).get("State") != "COMPLETE":
        if waited >= _WAIT:
            raise CallError("iam:GenerateCredentialReport", "Timeout", f"the report was not ready after {_WAIT:.0f} s")
        context.tally.pause(pause)
        waited += pause
        pause = min(pause * 2, _LONGEST_PAUSE)
    return parsed(context.call("iam", "GetCredentialReport", {})["Content"])


def parsed(content: bytes) -> Report:
    """Return a report's users by name. Raises `CallError` where it is no report."""
    reader = csv.DictReader(io.StringIO(content.decode("utf-8", "replace")))
    if "user" not in (reader.fieldnames or ()):
        raise CallError("iam:GetCredentialReport", "InvalidResponse", "the credential report has no column user")
    return {line["user"]: _user(line) for line in reader if line["user"] != _ROOT}


def _user(line: Mapping[str, str]) -> UserLine:
    return UserLine(
        password={"true": True, "false": False}.get((line.get("password_enabled") or "").lower()),
        password_used=_time(line.get("password_last_used")),
        password_changed=_time(line.get("password_last_changed")),
        mfa=(line.get("mfa_active") or "").lower() == "true",
        keys=tuple(
            KeyLine(
                active=(line.get(f"access_key_{number}_active") or "").lower() == "true",
                rotated=_time(line.get(f"access_key_{number}_last_rotated")),
                used=_time(line.get(f"access_key_{number}_last_used_date")),
            )
            for number in (1, 2)
        ),
    )


def _time(text: str | None) -> datetime | None:
    """Return the time that a field holds; None for ``N/A``, ``no_information``, ``not_supported`` and the like."""
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    return found.replace(microsecond=0)
