"""Filters: each a function from its YAML to a predicate.

`FILTERS` at the end and `TYPE_FILTERS` in `typed` are the whole vocabulary.

Semantics are Cloud Custodian's where it has the filter. What a filter can't express here is an error with its place,
never a filter that matches nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from crenel.catalog.columns import ListOf, Struct
from crenel.catalog.spec import ResourceType
from crenel.errors import did_you_mean
from crenel.language.plan import (
    FALSE,
    TRUE,
    Const,
    CountItems,
    Field,
    Op,
    Predicate,
    Related,
    Within,
    conjunction,
    disjunction,
    kind_of,
    negation,
)
from crenel.policies.context import Context, Filter
from crenel.policies.keys import Place, joinable, value_at
from crenel.policies.typed import TYPE_FILTERS
from crenel.policies.values import OPS, compared, value_filter
from crenel.positions import Located


def compile_filters(context: Context, items: Located | None, *, empty: bool = False) -> Predicate:
    """Return the AND of a list of filters, true where the key is left out. Raises `PolicyError`.

    A list that is there but says nothing would hold for every row: whoever wrote it meant something else, so it is
    refused unless `empty` is let pass.
    """
    if items is None:
        return TRUE
    parts = items.sequence("a list of filters")
    if not parts and not empty:
        raise items.error("this list of filters is empty and holds for everything.", "Leave the key out for that.")
    return conjunction([compile_filter(context, item) for item in parts])


def compile_filter(context: Context, item: Located) -> Predicate:
    """Return one filter's predicate: a name, a boolean block, the shorthand of `value`, or a mapping with `type`."""
    if isinstance(item.value, str):
        return _named(item.value, context, Located({"type": item}, item.where, {"type": item.where}))
    keys = item.mapping("a filter")
    if len(keys) == 1 and (block := next(iter(keys))) in ("and", "or", "not"):
        parts = [compile_filter(context, part) for part in keys[block].sequence(block)]
        if block == "or":
            return disjunction(parts)
        return conjunction(parts) if block == "and" else (negation(conjunction(parts)) if parts else FALSE)
    if "type" in keys:
        return _named(keys["type"].text("type"), context, item)
    if len(keys) == 1:
        key, value = next(iter(keys.items()))
        at = Located(key, item.keys[key])
        # The shorthand's value is compared as it is: Cloud Custodian's `- Key: absent` is the text keyword all the
        # same.
        return compared(context, at, value, "eq", item)
    raise item.error("a filter with several keys needs `type`.", did_you_mean("type", keys))


def _named(name: str, context: Context, item: Located) -> Predicate:
    own = TYPE_FILTERS.get(context.type.name, {}) if context.place.item == 0 else {}
    found = own.get(name) or FILTERS.get(name)
    if found is None:
        at = item.value["type"] if isinstance(item.value, dict) and "type" in item.value else item
        known = [*FILTERS, *own]
        hint = did_you_mean(name, known) or f"Built so far: {', '.join(sorted(known))}."
        raise at.error(f'aws.{context.type.name} has no filter "{name}" here.', hint)
    return found(context, item)


# --- lists, other tables, parameters


def list_item(context: Context, item: Located) -> Predicate:
    """`list-item`: some item of the list (or `count` of them) matches all `attrs`."""
    keys = item.only("a list-item filter", ("type", "key", "attrs", "count", "count_op"))
    if "key" not in keys:
        raise item.error("a list-item filter needs `key`.")
    items = value_at(context.place, keys["key"].text("key"), keys["key"])
    kind = kind_of(items)
    if not isinstance(kind, ListOf):
        raise keys["key"].error(f"list-item needs a list, and this key is {kind}.")
    number = context.place.item + 1
    inner = context.inside(Place(kind.item, number, what=keys["key"].text("key")))
    where = compile_filters(inner, keys.get("attrs"))
    op, count = _count(context, keys)
    return CountItems(items, number, where, op, count)


def _count(context: Context, keys: Mapping[str, Located]) -> tuple[Op, int]:
    if "count" not in keys:
        return "ge", 1
    count = context.scalar(keys["count"])
    name = keys["count_op"].text("count_op") if "count_op" in keys else "eq"
    if isinstance(count, bool) or not isinstance(count, int):
        raise keys["count"].error("count must be a whole number.")
    if name not in OPS:
        raise keys["count_op"].error(f'there is no count_op "{name}".', did_you_mean(name, OPS))
    return OPS[name], count


def related(context: Context, item: Located) -> Predicate:
    """`related`: some row of another table (or `count` of them) matches `filters`.

    `on` maps this row's keys to the other's; without it all rows of the same account (and Region, where both types have
    one and `within` does not say account) count.
    """
    keys = item.only("a related filter", ("type", "resource", "on", "within", "filters", "count", "count_op"))
    if "resource" not in keys:
        raise item.error("a related filter needs `resource`.")
    name = keys["resource"].text("resource").removeprefix("aws.")
    if name not in context.catalog:
        raise keys["resource"].error(f'there is no resource type "{name}".', did_you_mean(name, context.catalog))
    other = context.catalog[name]
    if context.place.item:
        raise item.error("related works on the rows of a type, not on the items of a list.")
    inner = Place(Struct(other.schema()), what=f"aws.{other.name}")
    pairs = keys["on"].mapping("on") if "on" in keys else {}
    on = tuple(
        (
            value_at(context.place, mine, Located(mine, keys["on"].keys[mine])),
            value_at(inner, theirs.text("a key"), theirs),
        )
        for mine, theirs in pairs.items()
    )
    for mine, value in on:
        joinable(mine, kind_of(value), keys["on"])
        if isinstance(value, Field) and other.detail_of(value.path[0]):
            raise keys["on"].error(
                f"aws.{other.name} is joined on what its listing says, and {value.path[0]} is read apart."
            )
    where = compile_filters(replace(context, type=other, place=inner), keys.get("filters"))
    op, count = _count(context, keys)
    reach = within(context.type, other)
    if "within" in keys:
        if keys["within"].value not in ("account", reach):
            raise keys["within"].error('within is "account", or "region" where both types have Regions.')
        reach = keys["within"].value
    return Related(other.name, on, reach, where, op, count)


def within(mine: ResourceType, other: ResourceType) -> Within:
    """Return whose rows count as beside: those of the same Region where both types have Regions, else those of the
    account.
    """
    return "region" if mine.regional and other.regional else "account"


def param(context: Context, item: Located) -> Predicate:
    """`param`: the profile's parameter has this value (default true); decided when the policy is compiled."""
    keys = item.only("a param filter", ("type", "name", "value"))
    name = keys["name"].text("name") if "name" in keys else ""
    if name not in context.params:
        raise item.error(f'the policy has no parameter "{name}".', did_you_mean(name, context.params))
    wanted = context.scalar(keys["value"]) if "value" in keys else True
    return Const(value=context.params[name] == wanted)


FILTERS: Mapping[str, Filter] = {
    "value": value_filter,
    "list-item": list_item,
    "related": related,
    "param": param,
}
