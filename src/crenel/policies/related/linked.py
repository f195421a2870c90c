"""Related resources: a value filter on the rows of another table that a resource names, or that name it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from crenel.catalog.columns import TEXT, ListOf
from crenel.catalog.spec import ResourceType
from crenel.errors import did_you_mean
from crenel.language.plan import (
    INTEGER,
    TRUE,
    At,
    Call,
    Choice,
    Compare,
    Convert,
    Each,
    Extract,
    Field,
    Has,
    IsNull,
    Linked,
    Literal,
    Op,
    Predicate,
    Related,
    Value,
    Within,
)
from crenel.language.walking import kind_of
from crenel.policies.context import Context
from crenel.policies.keys.key import Place, value_at
from crenel.policies.values.conversions import CONVERSIONS, Sides
from crenel.policies.values.operations import ORDERS
from crenel.policies.values.value import VALUE_KEYS, key_value, matched, operation
from crenel.positions import Located

RELATED_KEYS = (*VALUE_KEYS, "operator", "match-resource")
ALIAS_NAME = "c7n:AliasName"


def within(mine: ResourceType, other: ResourceType) -> Within:
    """Return whose rows count as beside: those of the same Region where both types have Regions, else those of the
    account.
    """
    return "region" if mine.regional and other.regional else "account"


def related_to(context: Context, item: Located, table: str, ids: Value, key: str = "") -> Predicate:
    """Return a filter on the rows of `table` whose id (or `key`) is among the values `ids` of this row.

    `operator: or` (the default): some of them match; `and`: all do, also where there are none. `value_type:
    resource_count` compares the number of ids, `match-resource` takes the value from this row's own key.
    """
    keys = item.only("a related filter", RELATED_KEYS)
    other = context.catalog[table]
    if "value_type" in keys and keys["value_type"].value == "resource_count":
        return ids_counted(context, item, keys, ids)
    if "key" not in keys:
        raise item.error("this filter needs `key`.")
    inner = context.of(other)
    where = compared_there(context, inner, item, keys)
    theirs = value_at(Place.of(other), key or other.id, item)
    return linked(context, keys, table, ids, theirs, where)


def linked(
    context: Context, keys: Mapping[str, Located], table: str, ids: Value, theirs: Value, where: Predicate
) -> Predicate:
    """Return whether some row (or, with `operator: and`, every one) that this one names fulfils a condition."""
    every = operator(keys) == "and"
    absent = "value" in keys and keys["value"].value == "absent"
    reach = within(context.type, context.catalog[table])
    return Linked(ids, table, theirs, reach, where, every=every, dangling=absent, none=every)


def operator(keys: Mapping[str, Located]) -> str:
    """Return the `operator` of a filter, "or" where it says none."""
    if "operator" not in keys:
        return "or"
    word = keys["operator"].text("operator")
    if word not in ("and", "or"):
        raise keys["operator"].error('operator is "and" or "or".', did_you_mean(word, ("and", "or")))
    return word


def compared_there(context: Context, inner: Context, item: Located, keys: Mapping[str, Located]) -> Predicate:
    """Return a value filter's predicate on another table's row; `match-resource` compares with this row's own."""
    op = operation(keys.get("op"))
    if "match-resource" in keys and context.boolean(keys["match-resource"]):
        own = outward(key_value(context, keys["key"], keys))
        left = key_value(inner, keys["key"], keys)
        kind = keys["value_type"].text("value_type") if "value_type" in keys else ""
        sides = Sides(left, own, op, keys["key"])
        return CONVERSIONS[kind](inner, sides) if kind in CONVERSIONS else sides.predicate()
    left = _alias_name(inner, keys) or key_value(inner, keys["key"], keys)
    return matched(inner, left, keys["key"], keys.get("value"), op, keys, item)


def _alias_name(inner: Context, keys: Mapping[str, Located]) -> Value | None:
    """Return a KMS key's first alias, an empty text without one, where that is asked for by Custodian's word."""
    if inner.type.name != "kms-key" or keys["key"].value not in (ALIAS_NAME, f'"{ALIAS_NAME}"'):
        return None
    first = At(inner.column("AliasNames"), 0, TEXT)
    return Choice(IsNull(first), Literal(""), first, TEXT)


def ids_counted(context: Context, item: Located, keys: Mapping[str, Located], ids: Value) -> Predicate:
    """Return how the number of ids that a row names compares (`value_type: resource_count`)."""
    op, number = _number(context, item, keys)
    listed = ids if isinstance(kind_of(ids), ListOf) else Call("gather", (ids,), ListOf(kind_of(ids)))
    there = Call("unique_size", (listed,), INTEGER)
    return Compare(op, there, Literal(number))


def outward(node: Any) -> Any:  # noqa: ANN401 (a value or predicate, or a part of one)
    """Return a value of this row as the other table's rows see it (`Field.item` -1)."""
    if isinstance(node, Field):
        return replace(node, item=-1) if node.item == 0 else node
    if isinstance(node, tuple):
        return tuple(outward(each) for each in node)
    if is_dataclass(node) and not isinstance(node, type):
        parts = {each.name: getattr(node, each.name) for each in fields(node) if each.init}
        changed = {name: outward(part) for name, part in parts.items() if name != "kind"}
        return replace(node, **changed)
    return node


def reverse_related(context: Context, item: Located, table: str, by: str, own: str) -> Predicate:
    """Return a filter on the rows of `table` that name this one: whose value at `by` is this row's `own`."""
    keys = item.only("a related filter", RELATED_KEYS)
    other = context.catalog[table]
    theirs = value_at(Place.of(other), by, item)
    mine, reach = context.column(own), within(context.type, other)
    if "value_type" in keys and keys["value_type"].value == "resource_count":
        op, count = _number(context, item, keys)
        return Related(table, ((mine, theirs),), reach, TRUE, op, count)
    if "key" not in keys:
        raise item.error("this filter needs `key`.")
    where = compared_there(context, context.of(other), item, keys)
    every = operator(keys) == "and"
    # Of the rows that name this one; where none does, `and` holds.
    return Linked(mine, table, theirs, reach, where, every=every, dangling=every, none=every)


def _number(context: Context, item: Located, keys: Mapping[str, Located]) -> tuple[Op, int]:
    """Return what a resource_count is compared with."""
    op = operation(keys.get("op"))
    if op not in ORDERS or "value" not in keys:
        raise item.error("a resource_count needs `op` (gt, ge, lt, le, eq, ne) and `value`.")
    count = context.scalar(keys["value"])
    if isinstance(count, bool) or not isinstance(count, int):
        raise keys["value"].error("a number of resources is a whole number.")
    return ORDERS[op], count


def key_ids(ids: Value) -> Value:
    """Return the ids or alias names of KMS keys out of ids, aliases and ARNs of both."""
    kind = kind_of(ids)
    if not isinstance(kind, ListOf):
        return _key_id(ids)
    return Each(ids, 1, TRUE, _key_id(Field((), kind.item, 1)), ListOf(TEXT))


def _key_id(value: Value) -> Value:
    text = Convert(value, "text") if kind_of(value) != TEXT else value
    return Extract(text, r"(?:arn:.*:(?:key/)?)?(.*)")


def linked_key(context: Context, ids: Value, name: str, item: Located) -> Predicate:
    """Return whether ids (as `key_ids` gives them) name the KMS key that a policy knows by an id, alias or ARN."""
    other = context.catalog["kms-key"]
    place = Place.of(other)
    names = Call("key_names", (value_at(place, "KeyId", item), value_at(place, "AliasNames", item)), ListOf(TEXT))
    wanted = re.sub(r"^arn:.*:(key/)?", "", name)
    where = Has(names, Literal(wanted))
    return Linked(ids, other.name, names, within(context.type, other), where)


def kms_key(context: Context, item: Located, ids: Value) -> Predicate:
    """`kms-key`: a value filter on the KMS keys that a resource names by id, ARN or alias."""
    keys = item.only("a kms-key filter", RELATED_KEYS)
    other = context.catalog["kms-key"]
    named = key_ids(ids)
    if "value_type" in keys and keys["value_type"].value == "resource_count":
        return ids_counted(context, item, keys, named)
    if "key" not in keys:
        raise item.error("this filter needs `key`.")
    where = compared_there(context, context.of(other), item, keys)
    place = Place.of(other)
    names = Call("key_names", (value_at(place, "KeyId", item), value_at(place, "AliasNames", item)), ListOf(TEXT))
    return linked(context, keys, "kms-key", named, names, where)
