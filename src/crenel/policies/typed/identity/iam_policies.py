"""Filters of IAM's managed policies."""

from __future__ import annotations

from collections.abc import Mapping

from crenel.language.plan import Compare, Literal, Predicate, disjunction, negation
from crenel.policies.context import Context, Filter
from crenel.positions import Located


def used(context: Context, item: Located) -> Predicate:
    """`used`: the policy is attached, or serves as a permissions boundary."""
    item.only("a used filter", ("type",))
    counts = [context.column("AttachmentCount"), context.column("PermissionsBoundaryUsageCount")]
    return disjunction([Compare("gt", count, Literal(0)) for count in counts])


def unused(context: Context, item: Located) -> Predicate:
    """`unused`: the opposite of `used`."""
    return negation(used(context, item))


FILTERS: Mapping[str, Mapping[str, Filter]] = {
    "iam-policy": {"used": used, "unused": unused},
}
