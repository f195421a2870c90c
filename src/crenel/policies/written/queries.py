"""`query`: the parameters that a policy adds to its type's listing, in the forms that Cloud Custodian takes.

EC2's types take server-side filters, alone (``- instance-state-name: running``) or below `Filters`; others take the
listing's own parameters. What a type does not take is an error with the nearest name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from crenel.catalog.columns import service_model
from crenel.catalog.spec import ResourceType
from crenel.errors import did_you_mean
from crenel.positions import Located

Words = tuple[str, ...]  # the values that there are, none where any text is one
_ANY: Words = ()
_FLAGS: Words = ("true", "false")


@dataclass(frozen=True, slots=True)
class Query:
    """What a type's `query` takes: filters with their values; parameters, `lists` those whose values are collected."""

    filters: Mapping[str, Words] = field(default_factory=dict)
    numbers: Words = ()
    texts: Mapping[str, Words] = field(default_factory=dict)
    flags: Words = ()
    lists: Mapping[str, Words] = field(default_factory=dict)
    named: bool = False  # `- {Name: x, Value: y}` is another form of `- x: y`
    types: Mapping[tuple[str, str], str] = field(default_factory=dict)  # a parameter's value that is a type here
    below: str = ""  # the one parameter of the listing that has all these as members


# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html and its like.
QUERIES: Mapping[str, Query] = {
    "ec2": Query(
        filters={
            "architecture": ("i386", "x86_64"),
            "instance-lifecycle": ("spot", "scheduled", "capacity-block"),
            "instance-state-name": ("pending", "terminated", "running", "shutting-down", "stopping", "stopped"),
            "tenancy": ("dedicated", "default", "host"),
            **dict.fromkeys(
                (
                    "availability-zone", "ebs-optimized", "iam-instance-profile.arn", "image-id", "instance-id",
                    "instance-type", "instance.group-id", "instance.group-name", "owner-id", "platform", "tag-key",
                    "tag-value", "vpc-id",
                ),
                _ANY,
            ),
        },
        lists={"InstanceIds": _ANY},
        numbers=("MaxResults",),
    ),
    "ebs": Query(
        filters={
            "attachment.delete-on-termination": _FLAGS,
            "attachment.status": ("attaching", "attached", "detaching"),
            "encrypted": _FLAGS,
            "multi-attach-enabled": _FLAGS,
            "status": ("creating", "available", "in-use", "deleting", "deleted", "error"),
            "volume-type": ("standard", "io1", "io2", "gp2", "gp3", "sc1", "st1"),
            **dict.fromkeys(
                (
                    "attachment.attach-time", "attachment.device", "attachment.instance-id", "availability-zone",
                    "create-time", "size", "snapshot-id", "tag", "tag-key", "volume-id",
                ),
                _ANY,
            ),
        },
        numbers=("MaxResults",),
    ),
    "ebs-snapshot": Query(
        filters={
            "owner-alias": ("amazon", "amazon-marketplace", "microsoft"),
            "status": ("pending", "completed", "error"),
            **dict.fromkeys(
                (
                    "description", "owner-id", "progress", "snapshot-id", "start-time", "tag", "tag-key", "volume-id",
                    "volume-size",
                ),
                _ANY,
            ),
        },
        lists={"OwnerIds": _ANY, "RestorableByUserIds": _ANY, "SnapshotIds": _ANY},
        numbers=("MaxResults",),
    ),
    "iam-policy": Query(
        texts={
            "Scope": ("All", "AWS", "Local"),
            "PolicyUsageFilter": ("PermissionsPolicy", "PermissionsBoundary"),
            "PathPrefix": _ANY,
        },
        flags=("OnlyAttached",),
        numbers=("MaxItems",),
        named=True,
    ),
    "cache-cluster": Query(flags=("ShowCacheNodeInfo", "ShowCacheClustersNotInReplicationGroups"), named=True),
    "cloud-directory": Query(texts={"state": ("ENABLED", "DISABLED", "DELETED")}, numbers=("MaxResults",)),
    "wafv2": Query(
        texts={"Scope": ("REGIONAL", "CLOUDFRONT")}, types={("Scope", "CLOUDFRONT"): "wafv2-cloudfront"}
    ),
    "health-event": Query(
        lists={
            "eventStatusCodes": ("open", "closed", "upcoming"),
            "eventTypeCategories": ("issue", "accountNotification", "scheduledChange", "investigation"),
            **dict.fromkeys(("availabilityZones", "eventTypeCodes", "regions", "services"), _ANY),
        },
        below="filter",
    ),
    "emr": Query(
        lists={
            "ClusterStates": (
                "STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING", "TERMINATING", "TERMINATED",
                "TERMINATED_WITH_ERRORS",
            )
        },
    ),
}  # fmt: skip
# Types whose listing takes a query's parameters as they are.
_RAW = ("ami", "rds", "elasticsearch")
# Types that have a query of their own kind, which changes more than the listing's parameters.
_APART = (
    "bedrock-foundation-model", "ecr-image", "inspector2-finding", "lambda-layer",
    "ops-item", "org-account", "org-policy", "org-unit", "quicksight-group", "quicksight-user", "s3",
    "sagemaker-compilation-job", "sagemaker-hyperparameter-tuning-job", "sagemaker-job",
    "sagemaker-model-bias-job-definition", "sagemaker-processing-job", "sagemaker-transform-job", "securityhub-finding",
    "service-quota", "service-quota-request", "vpc-lattice-target-group",
)  # fmt: skip


def taken(kind: ResourceType) -> bool:
    """Return whether Custodian reads a `query` of this type; of the others it leaves it out without a word."""
    return kind.reported_as in QUERIES or kind.reported_as in _RAW or kind.reported_as in _APART


def type_named(kind: ResourceType, asked: Mapping[str, Any]) -> str:
    """Return the name of the type that a query's parameters lead to: mostly the type itself."""
    types = QUERIES[kind.reported_as].types if kind.reported_as in QUERIES else {}
    return next((types[pair] for pair in asked.items() if types and pair in types), kind.name)


def parameters(kind: ResourceType, items: Sequence[Located]) -> dict[str, Any]:
    """Return what a policy's `query` adds to the listing's call. Raises `PolicyError` for what the type lacks."""
    name = kind.reported_as
    if name in _RAW and kind.listing is not None:
        return _raw(kind, items)
    query = QUERIES.get(name)
    if query is None or kind.listing is None:
        raise items[0].error(f"`query` of aws.{name} is not supported here.", code="unsupported")
    filters: dict[str, list[Any]] = {}
    found: dict[str, Any] = {}
    for item in items:
        for key, value in _pairs(query, item):
            if key == "Filters" and query.filters:
                for part in value.sequence("Filters"):
                    _filter(query, name, part, filters)
            elif key in query.filters or (key.startswith("tag:") and query.filters):
                filters.setdefault(key, []).extend(_values(query.filters.get(key, _ANY), value))
            else:
                _parameter(query, name, item, key, value, found)
    if filters:
        found["Filters"] = [{"Name": key, "Values": values} for key, values in filters.items()]
    return {query.below: found} if query.below else found


def expression(kind: ResourceType, items: Sequence[Located], source: Located) -> str:
    """Return the query in AWS Config's language that lists a type: a policy's own `expr`, or all with its `clause`.

    Raises `PolicyError` for a type that Config does not record, and for other keys.
    https://docs.aws.amazon.com/config/latest/developerguide/query-components.html
    """
    if not kind.config:
        what = f"aws.{kind.reported_as} can't be read from AWS Config here."
        raise source.error(what, "Leave it out.", "unsupported")
    clause = ""
    for item in items:
        keys = item.only("each of query beside the source config", ("expr", "clause"))
        if "expr" in keys:
            return keys["expr"].text("expr")
        clause = f" AND {keys['clause'].text('clause')}"
    region = "awsRegion, " if kind.home else ""
    members = f"{region}resourceId, configuration, supplementaryConfiguration, tags"
    return f"select {members} where resourceType = '{kind.config}'{clause}"


def _raw(kind: ResourceType, items: Sequence[Located]) -> dict[str, Any]:
    assert kind.listing is not None  # noqa: S101 (the caller looked)
    call = kind.listing.call
    shape = service_model(call.service).operation_model(call.operation).input_shape
    known = tuple(shape.members) if shape is not None else ()
    found: dict[str, Any] = {}
    for item in items:
        for key, value in item.mapping("each of query").items():
            if key not in known:
                raise item.unknown_key(key, call.name, known)
            if shape.members[key].type_name == "list" and not isinstance(value.value, list):
                raise value.error(f"{call.name} takes a list of {key}.", code="wrong-type")
            found[key] = value.plain()
    return found


def _pairs(query: Query, item: Located) -> Sequence[tuple[str, Located]]:
    keys = item.mapping("each of query")
    if query.named and set(keys) == {"Name", "Value"}:
        return [(keys["Name"].text("Name"), keys["Value"])]
    if query.filters and set(keys) == {"Name", "Values"}:
        return [("Filters", Located([item], item.where))]
    if len(keys) != 1:
        raise item.error("each of query is one key with its value.")
    return list(keys.items())


def _filter(query: Query, name: str, part: Located, filters: dict[str, list[Any]]) -> None:
    keys = part.only("a filter of the query", ("Name", "Values"))
    if len(keys) != 2:
        raise part.error("a filter of the query needs `Name` and `Values`.", code="missing-key")
    key = keys["Name"].text("Name")
    if key not in query.filters and not key.startswith("tag:"):
        raise keys["Name"].error(
            f'the query of aws.{name} has no filter "{key}".', did_you_mean(key, query.filters), "unknown-value"
        )
    keys["Values"].sequence("Values")
    filters.setdefault(key, []).extend(_values(query.filters.get(key, _ANY), keys["Values"]))


def _parameter(query: Query, name: str, item: Located, key: str, value: Located, found: dict[str, Any]) -> None:
    if key in query.lists:
        found.setdefault(key, []).extend(_values(query.lists[key], value))
        return
    if key not in (*query.texts, *query.flags, *query.numbers):
        known = [*query.texts, *query.flags, *query.numbers, *query.lists, *query.filters]
        raise item.unknown_key(key, f"the query of aws.{name}", known)
    if key in found:
        raise item.key_error(key, f"{key} stands in the query twice.")
    if key in query.texts:
        (found[key],) = _values(query.texts[key], Located([value], value.where))
        return
    wanted, words = (bool, "true or false") if key in query.flags else (int, "a whole number")
    if type(value.value) is not wanted:
        raise value.error(f"{key} takes {words}.", code="wrong-type")
    found[key] = value.value


def _values(known: Words, value: Located) -> list[str]:
    """Return the values as texts, as the API takes them."""
    found = []
    for part in value.value if isinstance(value.value, list) else [value]:
        given = part.value
        text = str(given).lower() if isinstance(given, bool) else str(given)
        if not isinstance(given, (str, int)) or (isinstance(given, bool) and known != _FLAGS):
            raise part.error("a text is expected here.", code="wrong-type")
        if known and text not in known:
            hint = did_you_mean(text, known) or f"There are {', '.join(known)}."
            raise part.error(f'AWS has no value "{text}" here.', hint, "unknown-value")
        found.append(text)
    return found
