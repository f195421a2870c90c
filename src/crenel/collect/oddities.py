"""The few reads that need code, by the names that the catalogue calls them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from crenel.catalog.spec import Detail
from crenel.collect.context import UnitContext
from crenel.collect.documents import statements
from crenel.collect.iam_users import access_key_use, access_keys, mfa, password
from crenel.collect.rows import Row
from crenel.errors import CallError

Oddity = Callable[[UnitContext, Detail, Sequence[Row]], None]


def policy_statements(context: UnitContext, detail: Detail, rows: Sequence[Row]) -> None:
    """Fill the statements of a policy's default version, in one form."""
    call = "iam:GetAccountAuthorizationDetails"
    for row in rows:
        try:
            row.values[detail.name] = statements(_default_document(row.values))
        except ValueError as error:
            context.note(detail.name, [row], CallError(call, "InvalidDocument", str(error)), call)


def _default_document(values: Mapping[str, Any]) -> object:
    default = values.get("DefaultVersionId")
    for version in values.get("PolicyVersionList") or []:
        is_default = version.get("IsDefaultVersion") or version.get("VersionId") == default
        if is_default and version.get("Document") not in (None, ""):
            found: object = version["Document"]
            return found
    raise ValueError("the answer has no document of the default version")


def bucket_location(context: UnitContext, detail: Detail, rows: Sequence[Row]) -> None:
    """Fill the Region of buckets: the listing names it, other stores than AWS are asked bucket by bucket."""

    def ask(row: Row) -> None:
        try:
            answer = context.call("s3", "GetBucketLocation", {"Bucket": row.values["Name"]})
        except CallError as error:
            if error.code == "NoSuchBucket":
                row.dropped = True
            else:
                context.note(detail.name, [row], error, "s3:GetBucketLocation")
        else:
            row.values[detail.name] = {"LocationConstraint": answer.get("LocationConstraint")}

    for row in rows:
        if row.values.get("BucketRegion"):
            row.values[detail.name] = {"LocationConstraint": row.values["BucketRegion"]}
    unknown = [row for row in rows if not row.values.get("BucketRegion")]
    if unknown:
        context.each("s3", ask, unknown)


ODDITIES: Mapping[str, Oddity] = {
    "iam-user-password": password,
    "iam-user-mfa": mfa,
    "iam-user-access-keys": access_keys,
    "iam-user-access-key-use": access_key_use,
    "iam-policy-statements": policy_statements,
    "s3-bucket-location": bucket_location,
}
