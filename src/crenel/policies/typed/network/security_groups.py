"""Whether a security group is used, is stale, or lies in a default VPC."""

from __future__ import annotations

from collections.abc import Mapping

from crenel.catalog.columns import ListOf, Type
from crenel.errors import PolicyError
from crenel.language.plan import (
    TRUE,
    Compare,
    Each,
    Flat,
    IsNull,
    Literal,
    Predicate,
    Related,
    Value,
    conjunction,
    disjunction,
    negation,
)
from crenel.language.walking import kind_of
from crenel.policies.context import Context, Filter
from crenel.policies.keys.key import Place, value_at
from crenel.policies.related.linked import within
from crenel.positions import Located

# What names security groups: the type, and where in its answer.
_USERS: tuple[tuple[str, str], ...] = (
    ("eni", "Groups[].GroupId"),
    ("lambda", "VpcConfig.SecurityGroupIds"),
    ("launch-config", "SecurityGroups"),
    ("launch-config", "ClassicLinkVPCSecurityGroups"),
    ("event-bus", "RuleTargets[][].EcsParameters.NetworkConfiguration.awsvpcConfiguration.SecurityGroups[]"),
    ("codebuild", "vpcConfig.securityGroupIds"),
    ("batch-compute", "computeResources.securityGroupIds"),
)


def used(context: Context, item: Located) -> Predicate:
    """`used`: some resource or another group's rule names the group, or a peered VPC's group does; or it has no VPC."""
    item.only("a used filter", ("type",))
    return disjunction([IsNull(context.column("VpcId")), _named(context, item)])


def unused(context: Context, item: Located) -> Predicate:
    """`unused`: a group of a VPC that nothing names."""
    item.only("an unused filter", ("type",))
    return conjunction([negation(IsNull(context.column("VpcId"))), negation(_named(context, item))])


def _named(context: Context, item: Located) -> Predicate:
    mine = context.column("GroupId")
    found: list[Predicate] = [_by_rules(context, item, name) for name in ("IpPermissions", "IpPermissionsEgress")]
    for table, path in _USERS:
        if table not in context.catalog:
            raise _missing(item, table)
        kind = context.catalog[table]
        on = ((mine, value_at(Place.of(kind), path, item)),)
        found.append(Related(table, on, within(context.type, kind), TRUE))
    found.append(Compare("eq", context.column("ReferredByPeers"), Literal(value=True)))
    return disjunction(found)


def _missing(item: Located, table: str) -> PolicyError:
    return item.error(f"this filter asks aws.{table}, which is not here.", code="unsupported-type")


def _by_rules(context: Context, item: Located, column: str) -> Predicate:
    """Return whether a rule of another group names this one."""
    kind = context.catalog["security-group"]
    place = Place.of(kind)
    permissions = value_at(place, column, item)
    pairs = value_at(Place(_item(permissions), 1), "UserIdGroupPairs", item)
    group = value_at(Place(_item(pairs), 2), "GroupId", item)
    other = Compare("ne", group, value_at(place, "GroupId", item))
    texts = ListOf(kind_of(group))
    inner = Each(pairs, 2, other, group, texts)
    groups = Flat(Each(permissions, 1, TRUE, inner, ListOf(texts)), texts)
    return Related(kind.name, ((context.column("GroupId"), groups),), "region", TRUE)


def _item(value: Value) -> Type:
    kind = kind_of(value)
    return kind.item if isinstance(kind, ListOf) else kind


def stale(context: Context, item: Located) -> Predicate:
    """`stale`: a rule refers to a group that is gone, or that is behind a broken peering connection."""
    item.only("a stale filter", ("type",))
    return Compare("eq", context.column("StaleRules"), Literal(value=True))


def diff(_: Context, item: Located) -> Predicate:
    """`diff`: refused; it compares with an earlier state."""
    raise item.error(
        "diff reads AWS Config's history of each group, which is not collected.", code="unsupported-filter"
    )


FILTERS: Mapping[str, Mapping[str, Filter]] = {
    "security-group": {"used": used, "unused": unused, "stale": stale, "diff": diff},
}
