"""Filters of Lambda functions: who may call them, where they run, and what their role may do."""

from __future__ import annotations

from collections.abc import Mapping

from crenel.catalog.columns import TEXT, ListOf
from crenel.language.plan import (
    TRUE,
    Call,
    Choice,
    CountItems,
    Each,
    Extract,
    Field,
    Flat,
    IsEmpty,
    IsNull,
    Literal,
    Predicate,
    Related,
    conjunction,
    negation,
)
from crenel.policies.context import Context, Filter
from crenel.policies.documents.statements import ITEM, STATEMENT, is_text, member, statements_in
from crenel.policies.keys.key import Place, value_at
from crenel.policies.values.value import VALUE_KEYS, matched, operation, value_filter
from crenel.positions import Located

_TEXTS = ListOf(TEXT)
_EDGE_REGION = "us-east-1"
_HOME = Field(("_home",), TEXT)


def event_source(context: Context, item: Located) -> Predicate:
    """`event-source`: a value filter on the list of the services that the function's policy allows to call it.

    A function without a policy matches nothing.
    https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html
    """
    keys = item.only("an event-source filter", VALUE_KEYS)
    declaration = Located({"document": Located("c7n:Policy", item.where)}, item.where)
    statements = statements_in(context, declaration)
    services = Each(member("Principals"), ITEM, is_text(member("Kind", ITEM), "Service"), member("Value", ITEM), _TEXTS)
    allowed = Each(statements, STATEMENT, is_text(member("Effect"), "Allow"), services, ListOf(_TEXTS))
    every = Call("unique", (Flat(allowed, _TEXTS),), _TEXTS)
    sources = Choice(IsEmpty(every), Literal(None), every, _TEXTS)
    found = matched(context, sources, item, keys.get("value"), operation(keys.get("op")), keys, item)
    return conjunction([negation(IsNull(statements)), found])


def lambda_edge(context: Context, item: Located) -> Predicate:
    """`lambda-edge`: with `state: true`, a CloudFront distribution calls a version of the function; else none does.

    Such functions live in us-east-1:
    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/lambda-at-the-edge.html
    """
    keys = item.only("a lambda-edge filter", ("type", "state"))
    wanted = context.boolean(keys["state"]) if "state" in keys else False
    kind = context.catalog["distribution"]
    lists = [
        value_at(Place.of(kind), path, item)
        for path in (
            "DefaultCacheBehavior.LambdaFunctionAssociations.Items[].LambdaFunctionARN",
            "CacheBehaviors.Items[].LambdaFunctionAssociations.Items[].LambdaFunctionARN",
        )
    ]
    arns = Flat(Call("gather", tuple(lists), ListOf(_TEXTS)), _TEXTS)
    functions = Each(arns, 1, TRUE, Extract(Field((), TEXT, 1), r"(.*):[^:]*\z"), _TEXTS)
    called = Related(kind.name, ((context.column("FunctionArn"), functions),), "account", TRUE)
    if not wanted:
        return negation(called)
    here = is_text(_HOME, _EDGE_REGION)
    return conjunction([here, called])


def has_specific_managed_policy(context: Context, item: Located) -> Predicate:
    """`has-specific-managed-policy`: a value filter on the managed policies of the function's role, on their names
    where the policy gives no `key`.
    """
    keys = item.only("a has-specific-managed-policy filter", VALUE_KEYS)
    key = keys.get("key") or Located("PolicyName", item.where)
    policies = context.column("c7n:AttachedPolicies")
    kind = policies.kind.item if isinstance(policies.kind, ListOf) else TEXT
    place = Place(kind, 1, what="an attached policy")
    asked = Located({**keys, "key": key}, item.where, item.keys)
    return CountItems(policies, 1, value_filter(context.inside(place), asked))


FILTERS: Mapping[str, Mapping[str, Filter]] = {
    "lambda": {
        "event-source": event_source,
        "lambda-edge": lambda_edge,
        "has-specific-managed-policy": has_specific_managed_policy,
    },
}
