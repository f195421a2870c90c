"""The few reads that need code, by the names that the catalogue calls them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from crenel.catalog.spec import Detail
from crenel.collect import environments, iam_access, launches, listeners, user_data
from crenel.collect.context import UnitContext
from crenel.collect.documents import statements
from crenel.collect.filter_patterns import alternatives
from crenel.collect.iam_users import access_key_use, access_keys, credential, mfa, password, root_credential
from crenel.collect.networks import endpoint_services, stale_groups
from crenel.collect.origins import origin_buckets
from crenel.collect.rows import Row
from crenel.errors import CallError

_UNCONSTRAINED = "us-east-1"  # S3 names no constraint for its first Region
Oddity = Callable[[UnitContext, Detail, Sequence[Row]], None]


def policy_statements(context: UnitContext, detail: Detail, rows: Sequence[Row]) -> None:
    """Fill the statements of a policy's default version, in one form."""
    call = "iam:GetAccountAuthorizationDetails"
    for row in rows:
        if "PolicyVersionList" in row.gaps:
            error = CallError(call, "NotAsked", "needs PolicyVersionList, which could not be read")
            context.note(detail.name, [row], error, "")
            continue
        try:
            row.values[detail.name] = statements(_default_document(row.values))
        except ValueError as error:
            context.note(detail.name, [row], CallError(call, "InvalidDocument", str(error)), call)


def inline_statements(context: UnitContext, detail: Detail, rows: Sequence[Row]) -> None:
    """Fill the statements of all inline policies of an identity; a gap where one was listed by its name alone."""
    (source,) = detail.needs
    call = "iam:GetAccountAuthorizationDetails"
    for row in rows:
        if source in row.gaps:
            error = CallError(call, "NotAsked", f"needs {source}, which could not be read")
            context.note(detail.name, [row], error, "")
            continue
        try:
            row.values[detail.name] = [
                statement
                for policy in row.values.get(source) or []
                for statement in statements(policy.get("PolicyDocument"))
            ]
        except ValueError as error:
            context.note(detail.name, [row], CallError(call, "InvalidDocument", str(error)), call)


def document_statements(context: UnitContext, detail: Detail, rows: Sequence[Row]) -> None:
    """Fill the statements of the policy document in another column; null where there is none, a gap where it is none.

    An empty text is no document: so OpenSearch says that a domain has no policy.
    """
    source = context.kind.details.get(context.kind.detail_of(detail.of[0]) or "")
    listing = context.kind.listing
    call = (source.call if source else None) or (listing.call if listing else None)
    name = call.name if call else detail.of[0]
    for row in rows:
        if source and source.name in row.gaps:
            error = CallError(name, "NotAsked", f"needs {source.name}, which could not be read")
            context.note(detail.name, [row], error, "")
            continue
        document = row.reach(".".join(detail.of))
        blank = document is None or (isinstance(document, str) and not document.strip())
        try:
            row.values[detail.name] = None if blank else statements(document)
        except ValueError as error:
            context.note(detail.name, [row], CallError(name, "InvalidDocument", str(error)), "")


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
            context.failed(detail.name, row, error, "NoSuchBucket")
        else:
            row.values[detail.name] = {"LocationConstraint": answer.get("LocationConstraint")}

    for row in rows:
        if row.values.get("BucketRegion"):
            region = row.values["BucketRegion"]
            row.values[detail.name] = {"LocationConstraint": None if region == _UNCONSTRAINED else region}
    unknown = [row for row in rows if not row.values.get("BucketRegion")]
    if unknown:
        context.each("s3", ask, unknown)


# Names that AWS leaves at the end of another: the column they stand in, and what is before them.
_LAST_PARTS = {
    "QueueName": ("QueueUrl", "/"),
    "TopicName": ("TopicArn", ":"),
    "RoleName": ("Role", "/"),
    "HostedZoneId": ("Id", "/"),
    "c7n:LoadBalancer": ("LoadBalancerArn", "loadbalancer/"),
}


def last_part(context: UnitContext, detail: Detail, rows: Sequence[Row]) -> None:  # noqa: ARG001 (an oddity's form)
    """Fill a name that is the end of another column."""
    source, before = _LAST_PARTS[detail.name]
    for row in rows:
        row.values[detail.name] = row.values[source].rsplit(before, 1)[-1]


def web_acl_scope(context: UnitContext, detail: Detail, rows: Sequence[Row]) -> None:  # noqa: ARG001 (an oddity's form)
    """Fill where a web ACL applies, which its ARN tells (``…:global/webacl/…``)."""
    for row in rows:
        row.values[detail.name] = "CLOUDFRONT" if ":global/webacl/" in row.values["ARN"] else "REGIONAL"


def caught(context: UnitContext, detail: Detail, rows: Sequence[Row]) -> None:  # noqa: ARG001 (an oddity's form)
    """Fill what a metric filter's pattern catches."""
    for row in rows:
        row.values[detail.name] = alternatives(row.values.get("filterPattern"))


ODDITIES: Mapping[str, Oddity] = {
    "filter-pattern": caught,
    "iam-user-password": password,
    "iam-user-credential": credential,
    "iam-root-credential": root_credential,
    "iam-user-mfa": mfa,
    "iam-user-access-keys": access_keys,
    "iam-user-access-key-use": access_key_use,
    "iam-policy-statements": policy_statements,
    "iam-inline-statements": inline_statements,
    "iam-policy-simulation": iam_access.simulated_policy,
    "iam-last-accessed": iam_access.last_accessed,
    "s3-bucket-location": bucket_location,
    "origin-buckets": origin_buckets,
    "last-part": last_part,
    "web-acl-scope": web_acl_scope,
    "statements": document_statements,
    "launch-template": launches.template,
    "launched": launches.launched,
    "environment-options": environments.options,
    "listener-policies": listeners.policies,
    "instance-tags": launches.instance_tags,
    "instance-user-data": user_data.of_instances,
    "instance-user-data-encoded": user_data.of_instances_encoded,
    "launch-user-data": user_data.of_groups,
    "stale-security-groups": stale_groups,
    "vpc-endpoint-services": endpoint_services,
}
