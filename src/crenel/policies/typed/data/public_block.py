"""S3's public access block, bucket by bucket."""

from __future__ import annotations

from collections.abc import Mapping

from crenel.language.plan import Compare, Literal, Predicate, conjunction, disjunction, negation
from crenel.policies.context import Context, Filter
from crenel.positions import Located

_FLAGS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


def check_public_block(context: Context, item: Located) -> Predicate:
    """`check-public-block`: the given flags have the given values; with none given, some flag is off. No configuration:
    all are off.
    """
    keys = item.only("a check-public-block filter", ("type", *_FLAGS))
    given = {flag: context.boolean(keys[flag]) for flag in _FLAGS if flag in keys}
    on = {flag: Compare("eq", context.column(f"PublicAccessBlock.{flag}"), Literal(value=True)) for flag in _FLAGS}
    if not given:
        return disjunction([negation(on[flag]) for flag in _FLAGS])
    return conjunction([on[flag] if wanted else negation(on[flag]) for flag, wanted in given.items()])


FILTERS: Mapping[str, Mapping[str, Filter]] = {"s3": {"check-public-block": check_public_block}}
