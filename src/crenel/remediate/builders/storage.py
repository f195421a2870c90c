"""Blocks of public access, and the buckets that they close."""

from __future__ import annotations

from crenel.remediate.builders.model import Builder, Draft, Remedy, Row, Situation, several, unread

FLAGS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_LOOKED_AT = ("PolicyStatus", "Acl")
# The groups that make an ACL public.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html#specifying-grantee-predefined-groups
_PUBLIC = ("/global/AllUsers", "/global/AuthenticatedUsers")


def account_block(situation: Situation) -> Remedy:
    """Block public access account-wide; the buckets that are public today are named."""
    buckets = situation.tables.rows("s3", _LOOKED_AT)
    breaks: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    if buckets is None:
        unknown = (unread("s3", "Which buckets are public and stop being so"),)
    else:
        public = [str(row["_id"]) for row in buckets if is_public(row)]
        unsure = [str(row["_id"]) for row in buckets if is_public(row) is None]
        if public:
            breaks = (f"Public today, and not from then on: {several(public)}.",)
        if unsure:
            unknown = (f"Whether these buckets are public could not be read: {several(unsure)}.",)
    return (_block(situation, "s3/block-account-public-access", {}, breaks, unknown),)


def bucket_block(situation: Situation) -> Remedy:
    """Block public access to one bucket; said where it is public today."""
    row = situation.row
    public = is_public(row)
    breaks = (f"The bucket {row['Name']} is public today, and not from then on.",) if public else ()
    unread_parts = f"Whether {row['Name']} is public today: its policy and ACL were not read (scan with --for-fixes)."
    unknown = (unread_parts,) if public is None else ()
    return (_block(situation, "s3/block-bucket-public-access", {"bucket": row["Name"]}, breaks, unknown),)


def _block(
    situation: Situation, act: str, args: dict[str, str], breaks: tuple[str, ...], unknown: tuple[str, ...]
) -> Draft:
    flags = situation.row.get("PublicAccessBlock")
    off = [flag for flag in FLAGS if not (flags or {}).get(flag)]
    return Draft(
        act=act,
        args=args,
        seen=flags,
        changes=tuple((flag, "off" if flags else "not set", "on") for flag in off),
        breaks=breaks,
        unknown=unknown,
    )


def is_public(row: Row) -> bool | None:
    """Return whether a bucket's policy or ACL makes it public; None where one was not read and the other does not."""
    gaps = row.get("_gaps") or {}
    status, acl = row.get("PolicyStatus") or {}, row.get("Acl") or {}
    grantees = [(grant.get("Grantee") or {}).get("URI") or "" for grant in acl.get("Grants") or []]
    if status.get("IsPublic") or any(grantee.endswith(_PUBLIC) for grantee in grantees):
        return True
    return None if any(name not in row or name in gaps for name in _LOOKED_AT) else False


BUILDERS = {
    "account-block": Builder(account_block, {"s3": _LOOKED_AT}),
    "bucket-block": Builder(bucket_block, {"s3": _LOOKED_AT}),
}
