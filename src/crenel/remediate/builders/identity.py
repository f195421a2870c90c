"""Policies that allow everything, keys that are old, credentials that nobody uses."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from crenel.errors import UsageError
from crenel.remediate.builders.model import Builder, Draft, Remedy, Row, Situation, several, unread
from crenel.remediate.model import Manual

# A key that was used in this time is in use: to deactivate it is an outage, whoever asks for it says so.
IN_USE_DAYS = 30
_HOLDERS = {
    "iam-user": ("user", "UserName"),
    "iam-role": ("role", "RoleName"),
    "iam-group": ("group", "GroupName"),
}
_ATTACHED = "AttachedManagedPolicies"
# Denies what comes from the console: its sessions are temporary credentials, in which alone the key is there at all.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-multifactorauthpresent
QUARANTINE: Mapping[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "NoConsole",
            "Effect": "Deny",
            "Action": "*",
            "Resource": "*",
            # A service that acts for a key's owner has temporary credentials as well.
            "Condition": {
                "Null": {"aws:MultiFactorAuthPresent": "false"},
                "Bool": {"aws:ViaAWSService": "false"},
            },
        }
    ],
}


def full_admin(situation: Situation) -> Remedy:
    """Give a policy that allows everything a narrower version, or detach it, as the user says; else nothing."""
    row, settings = situation.row, situation.settings
    if settings.get("policy-document"):
        return (_narrowed(situation, _document(settings["policy-document"])),)
    if settings.get("detach") != "yes":
        return ()
    holders, unknown = _holders(situation)
    found = len(holders)
    if not unknown and found < int(row.get("AttachmentCount") or 0):
        unknown = (f"AWS counts {row['AttachmentCount']} attachments, the scan found {found}.",)
    return tuple(
        Draft(
            act=f"iam/detach-{word}-policy",
            args={word: holder["_id"], "arn": holder["_arn"], "policy": row["Arn"]},
            seen=[row["Arn"]],
            changes=((f"policy {row['PolicyName']}", "attached", "-"),),
            breaks=(
                f"The {word} {holder['_id']} loses all that this policy alone allows it.",
                "Security Hub's control (fsbp) counts the policy until it is deleted or narrowed, attached or not.",
            ),
            unknown=unknown,
        )
        for word, holder in holders
    )


def _document(text: str) -> Any:  # noqa: ANN401 (any JSON object)
    try:
        found = json.loads(text)
    except ValueError as error:
        raise UsageError(f"--set policy-document: the policy is no JSON: {error}.") from error
    if not isinstance(found, dict) or "Statement" not in found:
        raise UsageError("--set policy-document: a policy is a JSON object with a Statement.")
    return found


def _narrowed(situation: Situation, document: object) -> Draft:
    row = situation.row
    holders, unknown = _holders(situation)
    names = [f"{word} {holder['_id']}" for word, holder in holders]
    had = f"{several(names)} can do no more than it says." if names else ""
    versions = [{key: one.get(key) for key in _VERSION} for one in row.get("PolicyVersionList") or []]
    return Draft(
        act="iam/narrow-policy",
        args={"name": row["PolicyName"], "arn": row["Arn"], "document": document},
        seen=versions,
        changes=(("default version", row.get("DefaultVersionId"), "a new one, with the document given"),),
        breaks=(had,) if had else (),
        unknown=unknown,
    )


_VERSION = ("VersionId", "IsDefaultVersion", "Document")


def _holders(situation: Situation) -> tuple[list[tuple[str, Row]], tuple[str, ...]]:
    """Return who has the policy attached, as (word, row), and what could not be looked at."""
    found: list[tuple[str, Row]] = []
    unknown: list[str] = []
    for kind, (word, _) in _HOLDERS.items():
        rows = situation.tables.rows(kind, (_ATTACHED,))
        if rows is None:
            unknown.append(unread(kind, f"Which {word}s have the policy"))
            continue
        arn = situation.row["Arn"]
        found += [(word, row) for row in rows if any(one.get("PolicyArn") == arn for one in row.get(_ATTACHED) or [])]
    return found, tuple(unknown)


def stale_keys(situation: Situation) -> Remedy:
    """Deactivate the keys that are too old; one that is in use only where the user says so."""
    row = situation.row
    most = int(situation.params.get("max_age_days") or 90)
    old = [key for key in _active(row.get("AccessKeys")) if _days(situation, key.get("CreateDate")) > most]
    return tuple(_aged(situation, key) for key in old)


def _aged(situation: Situation, key: Row) -> Draft | Manual:
    name, arn, identity = situation.row["UserName"], situation.row["Arn"], key["AccessKeyId"]
    use = next((one for one in situation.row.get("AccessKeyUse") or [] if one.get("AccessKeyId") == identity), None)
    used = _time(use.get("LastUsedDate")) if use else None
    days = (situation.now - used).days if used else None
    if days is not None and days < IN_USE_DAYS and situation.settings.get("deactivate-used-keys") != "yes":
        return Manual(
            steps=(
                f"The key {identity} of {name} is in use: last {_ago(days)}. Make a second one, and move its users.",
                "Plan again when nothing uses the old one any more (or with --set deactivate-used-keys=yes).",
            ),
            commands=(
                f"aws iam create-access-key --user-name {name}",
                f"aws iam get-access-key-last-used --access-key-id {identity}",
            ),
        )
    return _deactivated(
        name,
        arn,
        identity,
        breaks=(f"It was last used {_ago(days)}: what uses it stops working.",) if days is not None else (),
        unknown=() if use else (unread("iam-user", f"When {identity} was last used"),),
    )


def unused_credentials(situation: Situation) -> Remedy:
    """Deactivate unused keys, and keep an unused password from the console, or delete it where the user says so."""
    row = situation.row
    most = int(situation.params.get("max_unused_days") or 90)
    made: list[Draft | Manual] = []
    for key in _active(row.get("AccessKeyUse")):
        if _days(situation, key.get("LastActivityDate")) > most:
            used = "It was never used." if not key.get("LastUsedDate") else ""
            breaks = (used,) if used else ()
            made.append(_deactivated(row["UserName"], row["Arn"], key["AccessKeyId"], breaks=breaks))
    password = row.get("Password") or {}
    if password.get("Enabled") and _days(situation, password.get("LastActivity")) > most:
        made += _password(situation)
    return tuple(made)


def _password(situation: Situation) -> Iterator[Draft | Manual]:
    name, arn = situation.row["UserName"], situation.row["Arn"]
    if situation.settings.get("delete-passwords") == "yes":
        yield Draft(
            act="iam/delete-login-profile",
            args={"user": name, "arn": arn},
            seen=name,
            changes=(("console password", "there, unused", "-"),),
            breaks=(f"{name} can't sign in to the console any more.",),
        )
        return
    yield Draft(
        act="iam/put-user-policy",
        args={"user": name, "arn": arn, "name": "crenel-quarantine-console", "document": QUARANTINE},
        seen=None,
        title=f"Keep {name} out of the console, whose password it does not use",
        changes=(("inline policy crenel-quarantine-console", "-", "denies all to console sessions"),),
        breaks=(
            f"Console sessions of {name} and other temporary credentials are denied all. Access keys go on working.",
            "The finding stays while the password is there, and iam-user-no-policies fails for this policy too.",
        ),
    )
    yield Manual(
        steps=(f"Once nobody has missed it, delete the password of {name} (or plan with --set delete-passwords=yes).",),
        commands=(f"aws iam delete-login-profile --user-name {name}",),
    )


def _deactivated(
    name: str, arn: str, key: str, *, breaks: tuple[str, ...] = (), unknown: tuple[str, ...] = ()
) -> Draft:
    return Draft(
        act="iam/deactivate-access-key",
        args={"user": name, "arn": arn, "key": key},
        seen="Active",
        changes=((f"access key {key}", "Active", "Inactive"),),
        breaks=breaks,
        unknown=unknown,
    )


def _active(keys: object) -> list[Row]:
    return [key for key in keys if key.get("Status") == "Active"] if isinstance(keys, list) else []


def _days(situation: Situation, value: object) -> int:
    """Return the whole days since a time; -1 where there is none."""
    time = _time(value)
    return (situation.now - time).days if time else -1


def _time(value: object) -> datetime | None:
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def _ago(days: int) -> str:
    return "today" if days < 1 else "a day ago" if days == 1 else f"{days} days ago"


BUILDERS = {
    "full-admin": Builder(full_admin, {"iam-policy": ("PolicyVersionList",), **dict.fromkeys(_HOLDERS, (_ATTACHED,))}),
    "stale-keys": Builder(stale_keys, {"iam-user": ("AccessKeys", "AccessKeyUse")}),
    "unused-credentials": Builder(unused_credentials, {"iam-user": ("AccessKeyUse", "Password")}),
}
