"""Cloud Custodian's filters of single types. `TYPE_FILTERS` at the end is all of them."""

from __future__ import annotations

from collections.abc import Mapping

from crenel.catalog.columns import ListOf, Struct
from crenel.errors import Where, did_you_mean
from crenel.language.plan import (
    Compare,
    CountItems,
    Field,
    Has,
    IsNull,
    Literal,
    Matches,
    Predicate,
    Related,
    Value,
    conjunction,
    disjunction,
    kind_of,
    negation,
)
from crenel.policies.context import Context, Filter
from crenel.policies.keys import Place, value_at
from crenel.policies.values import OPS, checked, value_filter
from crenel.positions import Located


def iam_summary(context: Context, item: Located) -> Predicate:
    """`iam-summary`: a value filter over GetAccountSummary."""
    return _below(context, item, "SummaryMap")


def password_policy(context: Context, item: Located) -> Predicate:
    """`password-policy`: a value filter over the account's password policy."""
    keys = item.mapping("a filter")
    if "key" not in keys or keys["key"].value != "PasswordPolicyConfigured":
        return _below(context, item, "PasswordPolicy")
    keys = item.only("a password-policy filter for PasswordPolicyConfigured", ("type", "key", "value", "op"))
    if "value" not in keys:
        raise item.error("a value filter needs `value`.")
    op = OPS.get(keys["op"].text("op")) if "op" in keys else "eq"
    if op not in ("eq", "ne"):
        raise keys["op"].error("PasswordPolicyConfigured is true or false: only eq and ne are of use.")
    there = negation(IsNull(_column(context, "PasswordPolicy")))
    return there if context.boolean(keys["value"]) == (op == "eq") else negation(there)


def s3_public_block(context: Context, item: Located) -> Predicate:
    """`s3-public-block`: a value filter over the account-wide block."""
    return _below(context, item, "PublicAccessBlock")


def has_virtual_mfa(context: Context, item: Located) -> Predicate:
    """`has-virtual-mfa`: whether a virtual MFA device is assigned to the root user."""
    keys = item.only("a has-virtual-mfa filter", ("type", "value"))
    wanted = context.boolean(keys["value"]) if "value" in keys else True
    other = context.catalog["iam-virtual-mfa"]
    arn = value_at(Place(Struct(other.schema())), "User.Arn", item)
    found = Related(other.name, (), "account", Matches(arn, r"^arn:[^:]+:iam::\d+:root$"))
    return found if wanted else negation(found)


def used(context: Context, item: Located) -> Predicate:
    """`used`: the policy is attached, or serves as a permissions boundary."""
    item.only("a used filter", ("type",))
    counts = [_column(context, "AttachmentCount"), _column(context, "PermissionsBoundaryUsageCount")]
    return disjunction([Compare("gt", count, Literal(0)) for count in counts])


def unused(context: Context, item: Located) -> Predicate:
    """`unused`: the opposite of `used`."""
    return negation(used(context, item))


def has_allow_all(context: Context, item: Located) -> Predicate:
    """`has-allow-all`: a statement of the default version allows Action * on Resource * without a Condition
    (Custodian's reading).
    """
    item.only("a has-allow-all filter", ("type",))
    statements = _column(context, "Statements")
    kind = kind_of(statements)
    inner = Place(kind.item if isinstance(kind, ListOf) else kind, 1)
    where = conjunction(
        [
            Compare("eq", value_at(inner, "Effect", item), Literal("Allow")),
            Has(value_at(inner, "Action", item), "*"),
            Has(value_at(inner, "Resource", item), "*"),
            IsNull(value_at(inner, "Condition", item)),
        ]
    )
    return CountItems(statements, 1, where)


_FLAGS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


def check_public_block(context: Context, item: Located) -> Predicate:
    """`check-public-block`: the given flags have the given values; with none given, some flag is off. No configuration:
    all are off.
    """
    keys = item.only("a check-public-block filter", ("type", *_FLAGS))
    given = {flag: context.boolean(keys[flag]) for flag in _FLAGS if flag in keys}
    on = {flag: Compare("eq", _column(context, f"PublicAccessBlock.{flag}"), Literal(value=True)) for flag in _FLAGS}
    if not given:
        return disjunction([negation(on[flag]) for flag in _FLAGS])
    return conjunction([on[flag] if wanted else negation(on[flag]) for flag, wanted in given.items()])


# Cloud Custodian's words for AWS's, of the traits that have words of their own.
_WORDS: Mapping[str, Mapping[str, str]] = {
    "status": {"active": "ACTIVE"},
    "deliver-status": {"success": "SUCCESS", "failure": "FAILED"},
    "traffic-type": {"accept": "ACCEPT", "reject": "REJECT", "all": "ALL"},
}


def flow_logs(context: Context, item: Located) -> Predicate:
    """`flow-logs`: with `enabled: true` some flow log of the VPC has all the given traits, else none has."""
    traits = {
        "status": "FlowLogStatus",
        "deliver-status": "DeliverLogsStatus",
        "traffic-type": "TrafficType",
        "destination": "LogDestination",
        "destination-type": "LogDestinationType",
        "log-group": "LogGroupName",
        "log-format": "LogFormat",
    }
    keys = item.only("a flow-logs filter", ("type", "enabled", *traits))
    other = context.catalog["flow-log"]
    place = Place(Struct(other.schema()))
    parts: list[Predicate] = []
    for name, column in traits.items():
        if name in keys:
            value = value_at(place, column, keys[name])
            parts.append(Compare("eq", value, Literal(_trait(context, name, value, keys[name]))))
    on = ((_column(context, "VpcId"), value_at(place, "ResourceId", item)),)
    found = Related(other.name, on, "region", conjunction(parts))
    return found if "enabled" in keys and context.boolean(keys["enabled"]) else negation(found)


def _trait(context: Context, name: str, value: Value, item: Located) -> str:
    wanted = context.resolved(item).text(name)
    words = _WORDS.get(name)
    if words is None:
        checked(value, wanted, item)
        return wanted
    if wanted not in words:
        hint = did_you_mean(wanted.lower(), words) or f"There are {', '.join(words)}."
        raise item.error(f'flow-logs has no {name} "{wanted}".', hint)
    return words[wanted]


def default_ebs_encryption(context: Context, item: Located) -> Predicate:
    """`default-ebs-encryption`: whether the Region's EBS encryption by default is on (`state`, false where it is not
    given).
    """
    keys = item.only("a default-ebs-encryption filter", ("type", "state"))
    wanted = context.boolean(keys["state"]) if "state" in keys else False
    return Compare("eq", _column(context, "EbsEncryptionByDefault"), Literal(wanted))


def _column(context: Context, key: str) -> Field:
    value = value_at(Place(Struct(context.type.schema())), key, Located(key, Where("built-in", 1, 1)))
    assert isinstance(value, Field)  # noqa: S101 (a key without length() or fact is a field)
    return value


def _below(context: Context, item: Located, column: str) -> Predicate:
    """A value filter whose keys start at a column of the row."""
    keys = item.mapping("a filter")
    if "key" not in keys:
        raise item.error("this filter needs `key`.")
    under = Located(f"{column}.{keys['key'].text('key')}", keys["key"].where)
    return value_filter(context, Located(keys | {"key": under}, item.where, item.keys))


TYPE_FILTERS: Mapping[str, Mapping[str, Filter]] = {
    "account": {
        "iam-summary": iam_summary,
        "password-policy": password_policy,
        "s3-public-block": s3_public_block,
        "has-virtual-mfa": has_virtual_mfa,
    },
    "account-region": {"default-ebs-encryption": default_ebs_encryption},
    "iam-policy": {"used": used, "unused": unused, "has-allow-all": has_allow_all},
    "s3": {"check-public-block": check_public_block},
    "vpc": {"flow-logs": flow_logs},
}
