"""`param`: a filter on the profile's parameters."""

from __future__ import annotations

from crenel.errors import did_you_mean
from crenel.language.plan import Const, Predicate
from crenel.policies.context import Context
from crenel.positions import Located


def param(context: Context, item: Located) -> Predicate:
    """`param`: the profile's parameter has this value (default true); decided when the policy is compiled."""
    keys = item.only("a param filter", ("type", "name", "value"))
    name = keys["name"].text("name") if "name" in keys else ""
    if name not in context.params:
        raise item.error(f'the policy has no parameter "{name}".', did_you_mean(name, context.params))
    wanted = context.scalar(keys["value"]) if "value" in keys else True
    return Const(value=context.params[name] == wanted)
