"""Rules by which a service moves or deletes what a resource holds: of EFS's files, of ECR's images."""

from __future__ import annotations

from collections.abc import Mapping

from crenel.catalog.columns import JSON, ListOf, Struct
from crenel.errors import did_you_mean
from crenel.language.plan import (
    At,
    Call,
    Compare,
    CountItems,
    Field,
    IsEmpty,
    IsNull,
    Literal,
    Member,
    Predicate,
    conjunction,
    negation,
)
from crenel.policies.context import Context, Filter
from crenel.policies.keys.key import Place
from crenel.policies.values.value import compared, value_filter
from crenel.positions import Located

_MOVED = "TransitionToIA"


def lifecycle_policy(context: Context, item: Located) -> Predicate:
    """`lifecycle-policy` of efs: there are lifecycle policies (`state: present`) or none; with `value`, one that does
    nothing but move files to infrequent access after that time.

    https://docs.aws.amazon.com/efs/latest/ug/API_LifecyclePolicy.html
    """
    keys = item.only("a lifecycle-policy filter", ("type", "state", "value"))
    if "state" not in keys:
        raise item.error('a lifecycle-policy filter needs `state`: "present" or "absent".', code="missing-key")
    state = keys["state"].text("state")
    if state not in ("present", "absent"):
        raise keys["state"].error('state is "present" or "absent".', did_you_mean(state, ("present", "absent")))
    policies = context.column("c7n:LifecyclePolicies")
    found: Predicate = negation(IsEmpty(policies))
    if "value" in keys and keys["value"].value:
        kind = policies.kind.item if isinstance(policies.kind, ListOf) else JSON
        members = kind.fields if isinstance(kind, Struct) else {}
        others = [IsNull(Field((name,), each, 1)) for name, each in members.items() if name != _MOVED]
        same = Compare("eq", Field((_MOVED,), members[_MOVED], 1), Literal(keys["value"].text("value")))
        found = CountItems(policies, 1, conjunction([same, *others]))
    return found if state == "present" else negation(found)


def lifecycle_rule(context: Context, item: Located) -> Predicate:
    """`lifecycle-rule` of ecr: with `state: true`, the last rule of the lifecycle policy fulfils all of `match`; else
    it does not, or there is none. The rules before it do not count, in Cloud Custodian neither.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html
    """
    keys = item.only("a lifecycle-rule filter", ("type", "state", "match"))
    wanted = context.boolean(keys["state"]) if "state" in keys else False
    policy = Call("from_json", (context.column("c7n:lifecycle-policy"),), JSON)
    last = At(Member(policy, "rules", JSON), -1, JSON)
    inner = context.inside(Place(JSON, what="a rule", at=last))
    matchers = keys["match"].sequence("match") if "match" in keys else []
    found = conjunction([negation(IsNull(last)), *(_matcher(inner, each) for each in matchers)])
    return found if wanted else negation(found)


def _matcher(context: Context, item: Located) -> Predicate:
    """Return a value filter, or its shorthand ``Key: value``."""
    keys = item.mapping("a matcher")
    if len(keys) != 1:
        return value_filter(context, item)
    name, value = next(iter(keys.items()))
    return compared(context, Located(name, item.keys[name]), value, "", item)


FILTERS: Mapping[str, Mapping[str, Filter]] = {
    "efs": {"lifecycle-policy": lifecycle_policy},
    "ecr": {"lifecycle-rule": lifecycle_rule},
}
