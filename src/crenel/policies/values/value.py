"""The `value` filter: what a key names, compared with a value that the policy gives, by Cloud Custodian's rules.

In its order: the value is extracted, `value_regex` picks a part of it, `value_type` converts one side or both, the
keywords are tested (whatever the op), and then the op. What Python answers with a TypeError does not match.
"""

from __future__ import annotations

from collections.abc import Mapping

from crenel.catalog.columns import JSON, Scalar
from crenel.errors import did_you_mean
from crenel.language.functions import TRANSFORMS
from crenel.language.plan import Constant, Extract, Literal, Op, Population, Predicate, Value
from crenel.language.walking import kind_of
from crenel.policies.context import Context
from crenel.policies.facts import Fact
from crenel.policies.keys.key import joinable, shown, value_at
from crenel.policies.keys.tags import tag
from crenel.policies.values.conversions import CONVERSIONS, Sides
from crenel.policies.values.doubts import doubt
from crenel.policies.values.operations import OPERATIONS, ORDERS
from crenel.policies.values.patterns import capture
from crenel.positions import Located

OPS: Mapping[str, Op] = ORDERS
KEYWORDS = ("absent", "present", "not-null", "empty")
VALUE_KEYS = (
    "type", "key", "value", "op", "value_type", "value_regex", "value_from", "value_path", "default",
    "tag_key_transforms",
)  # fmt: skip
VALUE_TYPES = (*CONVERSIONS, "resource_count", "days-since")


def value_filter(context: Context, item: Located) -> Predicate:
    """`value`: compares what a key names with a value that the policy gives."""
    keys = item.only("a value filter", VALUE_KEYS)
    if "value_type" in keys and keys["value_type"].value == "resource_count":
        return _resource_count(context, item, keys)
    if "key" not in keys:
        raise item.error("a value filter needs `key`.")
    if "default" in keys:
        context.mistake(
            item.key_error("default", "default has no effect, in Cloud Custodian neither.", "Leave it out.")
        )
    op = operation(keys.get("op"))
    return compared(context, keys["key"], keys.get("value"), op, item)


def operation(item: Located | None) -> str:
    """Return the op that a filter names, nothing where it names none. Raises `PolicyError` for one that is not."""
    if item is None:
        return ""
    op = item.text("op")
    if op not in OPERATIONS:
        raise item.error(f'there is no op "{op}".', did_you_mean(op, OPERATIONS) or f"Ops are {', '.join(OPERATIONS)}.")
    return op


def key_value(context: Context, key: Located, keys: Mapping[str, Located]) -> Value:
    """Return the value that a filter's key names, a tag's for ``tag:NAME``."""
    text = key.text("key")
    transforms = _transforms(keys.get("tag_key_transforms"))
    if text.startswith("tag:"):
        if text == "tag:":
            context.mistake(key.error("this names no tag, and no tag has an empty name.", "Write tag:NAME."))
        return tag(context.place, text.removeprefix("tag:"), transforms, key)
    if transforms:
        context.mistake(keys["tag_key_transforms"].error("tag_key_transforms has no effect on a key that is no tag."))
    return value_at(context.place, text, key)


def _transforms(item: Located | None) -> tuple[str, ...]:
    found = []
    for each in item.sequence("tag_key_transforms") if item else ():
        name = each.text("a transform")
        if name not in TRANSFORMS:
            hint = did_you_mean(name, TRANSFORMS) or f"There are {', '.join(TRANSFORMS)}."
            raise each.error(f'there is no transform "{name}".', hint)
        found.append(name)
    return tuple(found)


def compared(context: Context, key: Located, value: Located | None, op: str, item: Located) -> Predicate:
    """Return the predicate of one comparison; `item` is the filter that it stands in. Raises `PolicyError`."""
    keys = item.value if isinstance(item.value, dict) and "key" in item.value else {}
    left = key_value(context, key, keys)
    return matched(context, left, key, value, op, keys, item)


def matched(
    context: Context,
    left: Value,
    key: Located,
    value: Located | None,
    op: str,
    keys: Mapping[str, Located],
    item: Located,
) -> Predicate:
    """Return the predicate of a comparison of a value that is at hand, by the other keys of its filter."""
    if "value_regex" in keys:
        left = _captured(context, left, keys["value_regex"])
    kind = _value_type(keys.get("value_type"))
    right, at = _right(context, left, value, op, kind, keys, item)
    if isinstance(right, Predicate):
        return right
    if "value_from" not in keys or right != Literal(()):  # of a list that is not fetched yet nothing can be said
        doubt(context, left, right, at, op, kind, key)
    if kind == "days-since":
        return CONVERSIONS["age"](context, Sides(left, right, op, at, whole_days=True))
    sides = Sides(left, right, op, at)
    if kind:
        return CONVERSIONS[kind](context, sides)
    return sides.predicate()


def _value_type(item: Located | None) -> str:
    if item is None:
        return ""
    kind = item.text("value_type")
    if kind not in VALUE_TYPES:
        raise item.error(
            f'there is no value_type "{kind}".',
            did_you_mean(kind, VALUE_TYPES) or f"There are {', '.join(VALUE_TYPES)}.",
        )
    return kind


def _captured(context: Context, left: Value, item: Located) -> Value:
    kind = kind_of(left)
    if kind != JSON and not (isinstance(kind, Scalar) and kind.kind == "text"):
        context.mistake(item.error(f"value_regex works on texts, and this key is {shown(kind)}."))
        return Literal(None)
    return Extract(left, *capture(item))


def _right(
    context: Context, left: Value, value: Located | None, op: str, kind: str, keys: Mapping[str, Located], item: Located
) -> tuple[Value | Predicate, Located]:
    """Return what a key is compared with, and where that stands."""
    for name in ("value_from", "value_path"):
        if name in keys and "value" in keys:
            what = f"value has no effect beside {name}, in Cloud Custodian neither."
            context.warning(item.key_error("value", what, "Leave one of them out.", "no-effect"))
    if "value_from" in keys:
        source = keys["value_from"]
        if isinstance(source.value, dict) and "fact" in source.value:
            return _from_fact(context, left, source, op, kind), source
        if context.values_from is None:
            raise source.error("value_from can't be fetched here.")
        return Literal(context.values_from(source)), source
    if "value_path" in keys:
        path = keys["value_path"]
        return value_at(context.place, path.text("value_path"), path), path
    if value is None:
        raise item.error("a value filter needs `value`.")
    if kind == "expr":
        given = Located(value.text("value"), value.where)
        other = key_value(context, given, keys)
        return _captured(context, other, keys["value_regex"]) if "value_regex" in keys else other, value
    return Literal(context.constant(value)), value


def _resource_count(context: Context, item: Located, keys: Mapping[str, Located]) -> Predicate:
    """`value_type: resource_count`: how many resources the filters before this one leave; all match or none does."""
    for name in ("op", "value"):
        if name not in keys:
            raise item.error(f"a resource_count filter needs `{name}`.")
    op = operation(keys["op"])
    count = context.scalar(keys["value"])
    if isinstance(count, bool) or not isinstance(count, int):
        raise keys["value"].error("a number of resources is a whole number.")
    if op not in ORDERS:
        raise keys["op"].error(f"a number of resources can't be compared with {op}.")
    return Population(context.reached, ORDERS[op], count)


def how_many(context: Context, keys: Mapping[str, Located]) -> tuple[Op, int]:
    """Return how many items or rows `count` and `count_op` ask for; at least one where there is no `count`."""
    if "count" not in keys:
        return "ge", 1
    count = context.scalar(keys["count"])
    name = keys["count_op"].text("count_op") if "count_op" in keys else "eq"
    if isinstance(count, bool) or not isinstance(count, int):
        raise keys["count"].error("count must be a whole number.")
    if name not in OPS:
        raise keys["count_op"].error(f'there is no count_op "{name}".', did_you_mean(name, OPS))
    return OPS[name], count


def _from_fact(context: Context, left: Value, item: Located, op: str, kind: str) -> Predicate:
    """`value_from: {fact: name, column: name}`: the values of a dated fact's column."""
    source = item.only("value_from", ("fact", "column"))
    fact = _fact(context, source.get("fact", item))
    column = source.get("column", item).text("column")
    if column not in fact.columns:
        raise item.error(f"the fact {fact.name} has no column {column}.", did_you_mean(column, fact.columns))
    if op not in ("in", "not-in"):
        raise item.error("value_from goes with the ops in and not-in.")
    if kind not in ("", "normalize", "size"):
        raise item.error(f"value_from does not go with the value_type {kind}.")
    texts: list[Constant] = [value for value in fact.values(column) if value is not None]  # type: ignore[misc]
    if not all(isinstance(value, (str, int, float)) for value in texts):
        raise item.error(f"the column {column} of the fact {fact.name} has no texts or numbers.")
    joinable(left, fact.columns[column], item)
    sides = Sides(left, Literal(tuple(texts)), op, item)
    return CONVERSIONS[kind](context, sides) if kind else sides.predicate()


def _fact(context: Context, item: Located) -> Fact:
    name = item.text("fact")
    if name not in context.facts:
        raise item.error(f'there is no fact "{name}".', did_you_mean(name, context.facts))
    return context.facts[name]
