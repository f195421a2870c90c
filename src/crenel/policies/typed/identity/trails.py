"""Filters of trails, of AWS Config's rules and of KMS's keys and aliases."""

from __future__ import annotations

from collections.abc import Mapping

from crenel.catalog.columns import TEXT, ListOf, Struct
from crenel.language.plan import (
    Compare,
    Field,
    IsNull,
    Length,
    Literal,
    Predicate,
    Truthy,
    conjunction,
    disjunction,
    negation,
)
from crenel.policies.context import Context, Filter
from crenel.policies.keys.key import Place, value_at
from crenel.policies.values.value import VALUE_KEYS, value_filter
from crenel.positions import Located


def is_shadow(context: Context, item: Located) -> Predicate:
    """`is-shadow`: an organization's trail of another account, or a multi-Region trail that is at home elsewhere.

    https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_DescribeTrails.html
    """
    keys = item.only("an is-shadow filter", ("type", "state"))
    elsewhere = Compare("ne", Field(("_owner",), TEXT), Field(("_account",), TEXT))
    away = Compare("ne", context.column("HomeRegion"), Field(("_region",), TEXT))
    shadow = disjunction(
        [
            conjunction([Truthy(context.column("IsOrganizationTrail")), elsewhere]),
            conjunction([Truthy(context.column("IsMultiRegionTrail")), away]),
        ]
    )
    return shadow if "state" not in keys or context.boolean(keys["state"]) else negation(shadow)


def grant_count(context: Context, item: Located) -> Predicate:
    """`grant-count`: a key has at least this many grants, 5 where `min` is not given.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_ListGrants.html
    """
    keys = item.only("a grant-count filter", ("type", "min"))
    least = context.scalar(keys["min"]) if "min" in keys else 5
    if isinstance(least, bool) or not isinstance(least, int) or least < 0:
        raise keys["min"].error("min is a whole number from 0.")
    return Compare("ge", Length(context.column("Grants")), Literal(least))


def last_rotation(context: Context, item: Located) -> Predicate:
    """`last-rotation`: a value filter on the latest rotation, null for a key that was never rotated.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_ListKeyRotations.html
    """
    rotations = context.column("Rotations")
    kind = rotations.kind.item if isinstance(rotations.kind, ListOf) else rotations.kind
    keys = item.only("a last-rotation filter", VALUE_KEYS)
    latest = value_at(Place.of(context.type), "max_by(Rotations, &RotationDate)", item)
    inner = context.inside(Place(kind, what="the last rotation", at=latest))
    found = value_filter(inner, Located(keys, item.where, item.keys))
    return conjunction([negation(IsNull(rotations)), found])


def remediation(context: Context, item: Located) -> Predicate:
    """`remediation`: the rule of this name is remediated exactly so.

    https://docs.aws.amazon.com/config/latest/APIReference/API_RemediationConfiguration.html
    """
    keys = item.only("a remediation filter", ("type", "rule_name", "rule_prefix", "remediation"))
    for name in ("rule_name", "remediation"):
        if name not in keys:
            raise item.error(f"a remediation filter needs `{name}`.")
    prefix = keys["rule_prefix"].text("rule_prefix") if "rule_prefix" in keys else "custodian-"
    name = prefix + keys["rule_name"].text("rule_name")
    own = context.column("Remediation")
    members = own.kind.fields if isinstance(own.kind, Struct) else {}
    wanted = keys["remediation"].mapping("remediation")
    for each in wanted:
        if each not in members:
            raise keys["remediation"].unknown_key(each, "a remediation", tuple(members))
    given = {"TargetType": "SSM_DOCUMENT", **{key: context.constant(value) for key, value in wanted.items()}}
    given["ConfigRuleName"] = name
    same = [
        Compare("eq", Field(("Remediation", member), kind), Literal(given.get(member)))
        for member, kind in members.items()
        if member != "Arn"
    ]
    return conjunction([Compare("eq", context.column("ConfigRuleName"), Literal(name)), negation(IsNull(own)), *same])


FILTERS: Mapping[str, Mapping[str, Filter]] = {
    "cloudtrail": {"is-shadow": is_shadow},
    "config-rule": {"remediation": remediation},
    "kms": {"grant-count": grant_count},
    "kms-key": {"last-rotation": last_rotation},
}
