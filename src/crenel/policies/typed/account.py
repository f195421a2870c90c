"""Filters of the account itself."""

from __future__ import annotations

from collections.abc import Mapping

from crenel.catalog.columns import Struct
from crenel.language.plan import (
    Compare,
    IsNull,
    Literal,
    Matches,
    Predicate,
    Related,
    negation,
)
from crenel.policies.context import Context, Filter
from crenel.policies.keys import Place, value_at
from crenel.policies.values import OPS, value_filter
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
    there = negation(IsNull(context.column("PasswordPolicy")))
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


def default_ebs_encryption(context: Context, item: Located) -> Predicate:
    """`default-ebs-encryption`: whether the Region's EBS encryption by default is on (`state`, false where it is not
    given).
    """
    keys = item.only("a default-ebs-encryption filter", ("type", "state"))
    wanted = context.boolean(keys["state"]) if "state" in keys else False
    return Compare("eq", context.column("EbsEncryptionByDefault"), Literal(wanted))


def _below(context: Context, item: Located, column: str) -> Predicate:
    """A value filter whose keys start at a column of the row."""
    keys = item.mapping("a filter")
    if "key" not in keys:
        raise item.error("this filter needs `key`.")
    under = Located(f"{column}.{keys['key'].text('key')}", keys["key"].where)
    return value_filter(context, Located(keys | {"key": under}, item.where, item.keys))


FILTERS: Mapping[str, Mapping[str, Filter]] = {
    "account": {
        "iam-summary": iam_summary,
        "password-policy": password_policy,
        "s3-public-block": s3_public_block,
        "has-virtual-mfa": has_virtual_mfa,
    },
    "account-region": {"default-ebs-encryption": default_ebs_encryption},
}
