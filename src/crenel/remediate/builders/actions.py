"""What actions of policies do where expressions can't say it."""

from __future__ import annotations

from datetime import datetime, timedelta

from crenel.remediate.builders.model import Builder, Draft, Remedy, Situation
from crenel.remediate.builders.storage import FLAGS, is_public


def set_block(situation: Situation) -> Remedy:
    """Set the block of public access of a bucket or of the account: all four flags, or those that are given."""
    row, options = situation.row, situation.options
    before = row["PublicAccessBlock"] or {}
    given = {flag: options[flag] for flag in FLAGS if options.get(flag) is not None}
    rest = {flag: bool(before.get(flag)) for flag in FLAGS} if given else dict.fromkeys(FLAGS, options["state"])
    flags = {**rest, **given}
    if flags == {flag: bool(before.get(flag)) for flag in FLAGS} and before:
        return ()
    bucket = row.get("Name")
    closing = any(flags[flag] and not before.get(flag) for flag in FLAGS)
    breaks = (f"The bucket {bucket} is public today.",) if bucket and closing and is_public(row) else ()
    changes = tuple(
        (flag, "on" if before.get(flag) else "off", "on" if flags[flag] else "off")
        for flag in FLAGS
        if bool(before.get(flag)) != flags[flag]
    )
    act, args = ("s3/set-bucket-block", {"bucket": bucket}) if bucket else ("s3/set-account-block", {})
    return (Draft(act, {**args, "flags": flags}, row["PublicAccessBlock"], changes, breaks=breaks),)


def remove_keys(situation: Situation) -> Remedy:
    """Deactivate or delete a user's access keys, those alone that are old enough where an age is given."""
    row, options = situation.row, situation.options
    age, disable = options.get("age"), options.get("disable")
    made = []
    for key in row.get("AccessKeys") or ():
        old = age is None or _time(key["CreateDate"]) < situation.now - timedelta(days=age)
        if not old or (disable and key["Status"] == "Inactive"):
            continue
        args = {"user": row["UserName"], "key": key["AccessKeyId"], "arn": row["Arn"]}
        changes = (("access key", key["Status"], "Inactive" if disable else "gone"),)
        seen = key["Status"] if disable else [key["Status"]]
        breaks = ("Whatever signs with the key stops working.",) if key["Status"] == "Active" else ()
        act = "iam/deactivate-access-key" if disable else "iam/delete-access-key"
        made.append(Draft(act, args, seen, changes, breaks=breaks))
    return tuple(made)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace(" ", "T", 1) + ("" if text.endswith(("Z", "+00")) else "+00:00"))


BUILDERS = {
    "set-block": Builder(set_block, columns=("PublicAccessBlock",)),
    "remove-keys": Builder(remove_keys, columns=("AccessKeys",)),
}
