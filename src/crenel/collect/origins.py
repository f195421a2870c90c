"""Whether the buckets that CloudFront distributions ask exist: whoever makes one that does not serves what he likes."""

from __future__ import annotations

import re
from collections.abc import Sequence

from crenel.catalog.spec import Detail
from crenel.collect.context import UnitContext
from crenel.collect.rows import Row
from crenel.errors import CallError

# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/DownloadDistS3AndCustomOrigins.html
_BUCKET = re.compile(r"(.+)\.s3(?:[.-](?:dualstack\.)?[a-z0-9-]+)?\.amazonaws\.com(?:\.cn)?")
# The bucket is there, in a Region that this endpoint does not speak for.
_ELSEWHERE = frozenset({"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"})
_REFUSED = frozenset({"AccessDenied", "AllAccessDisabled"})


def origin_buckets(context: UnitContext, detail: Detail, rows: Sequence[Row]) -> None:
    """Fill the buckets among a distribution's origins, and whether each exists, in whichever account."""

    def ask(row: Row) -> None:
        try:
            row.values[detail.name] = [{"Bucket": name, "Exists": _exists(context, name)} for name in _named(row)]
        except CallError as error:
            context.failed(detail.name, row, error)

    context.each("s3", ask, rows)


def _named(row: Row) -> list[str]:
    origins = row.reach("Origins.Items") or []
    others = ("CustomOriginConfig", "VpcOriginConfig")
    asked = [origin for origin in origins if all(origin.get(kind) is None for kind in others)]
    hosts = [str(origin.get("DomainName")) for origin in asked]
    found = [match[1] for host in hosts if (match := _BUCKET.fullmatch(host))]
    return list(dict.fromkeys(found))


def _exists(context: UnitContext, name: str) -> bool:
    found: bool = context.memo.get(f"bucket {name}", lambda: _asked(context, name))
    return found


def _asked(context: UnitContext, name: str) -> bool:
    try:
        context.call("s3", "GetBucketLocation", {"Bucket": name})
    except CallError as error:
        if error.code == "NoSuchBucket":
            return False
        if error.code in _ELSEWHERE or (error.code in _REFUSED and _absence_is_told(context)):
            return True
        raise
    return True


def _absence_is_told(context: UnitContext) -> bool:
    """Return whether a refusal means that the bucket is another account's. Where our own permissions (or a policy of
    the organization) refuse the call for every name, it means nothing.
    """

    def ask() -> bool:
        try:
            context.call("s3", "GetBucketLocation", {"Bucket": f"crenel-no-such-bucket-{context.unit.account}"})
        except CallError as error:
            return error.code == "NoSuchBucket"
        return False

    found: bool = context.memo.get("whether absent buckets are told", ask)
    return found
