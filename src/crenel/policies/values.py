"""The `value` filter: what a key names, compared with a value that the policy gives, by Cloud Custodian's rules."""

from __future__ import annotations

import re
from collections.abc import Mapping

from crenel.catalog.columns import Scalar
from crenel.errors import did_you_mean
from crenel.language.plan import (
    Compare,
    DaysSince,
    Extract,
    Has,
    In,
    IsEmpty,
    IsNull,
    Length,
    Literal,
    Lower,
    Matches,
    Op,
    Plain,
    Predicate,
    Value,
    disjunction,
    kind_of,
    negation,
)
from crenel.policies.context import Context
from crenel.policies.facts import Fact
from crenel.policies.keys import value_at
from crenel.positions import Located

OPS: Mapping[str, Op] = {
    "eq": "eq", "equal": "eq", "ne": "ne", "not-equal": "ne", "gt": "gt", "greater-than": "gt", "ge": "ge", "gte": "ge",
    "lt": "lt", "less-than": "lt", "le": "le", "lte": "le",
}  # fmt: skip
_TEXT_OPS = ("in", "not-in", "ni", "contains", "regex", "regex-case", "glob")
_KEYWORDS = ("absent", "present", "not-null", "empty")
_VALUE_KEYS = ("type", "key", "value", "op", "value_type", "value_regex", "value_from", "default")
# Built for the practices; the rest of the language is refused by name until it is built.
_VALUE_TYPES = ("age", "days-since", "normalize", "size", "swap")


def value_filter(context: Context, item: Located) -> Predicate:
    """`value`: compares what a key names with a value that the policy gives."""
    keys = item.only("a value filter", _VALUE_KEYS)
    if "key" not in keys:
        raise item.error("a value filter needs `key`.")
    op = keys["op"].text("op") if "op" in keys else "eq"
    return compared(context, keys["key"], keys.get("value"), op, item)


def compared(context: Context, key: Located, value: Located | None, op: str, item: Located) -> Predicate:
    """Return the predicate of one comparison; `item` is the filter that it stands in. Raises `PolicyError`."""
    left = value_at(context.place, key.text("key"), key)
    keys = item.value if isinstance(item.value, dict) and "key" in item.value else {}
    if "value_regex" in keys:
        left = Extract(left, _pattern(keys["value_regex"]))
    if "value_from" in keys:
        return _from_fact(context, left, keys["value_from"], op, keys)
    if value is None:
        raise item.error("a value filter needs `value`.")
    if op not in (*OPS, *_TEXT_OPS):
        raise keys["op"].error(f'there is no op "{op}" here.', did_you_mean(op, [*OPS, *_TEXT_OPS]) or _built_ops())
    kind = keys["value_type"].text("value_type") if "value_type" in keys else ""
    if kind and kind not in _VALUE_TYPES:
        raise keys["value_type"].error(
            f'the value_type "{kind}" is not built yet.',
            did_you_mean(kind, _VALUE_TYPES) or f"Built: {', '.join(_VALUE_TYPES)}.",
        )
    if isinstance(value.value, str) and value.value in _KEYWORDS and not kind and op not in _TEXT_OPS:
        if op not in ("eq", "equal"):
            raise value.error(
                f'"{value.value}" with op {op} would match nearly everything: Cloud Custodian tests the keyword first.',
                "Leave op out, or say the opposite keyword.",
            )
        return _keyword(value.value, left)
    return _compare(context, left, value, op, kind)


def _built_ops() -> str:
    return f"Built: {', '.join(sorted({*OPS, *_TEXT_OPS}))}."


def _keyword(word: str, left: Value) -> Predicate:
    """A keyword holds by its meaning, or as the very text: a tag whose value reads "absent" equals it."""
    match word:
        case "present":
            return negation(IsNull(left))
        case "not-null":
            return negation(IsEmpty(left))
    meant = IsNull(left) if word == "absent" else IsEmpty(left)
    return disjunction([meant, Compare("eq", left, Literal(word))]) if _is_free_text(left) else meant


def _is_free_text(value: Value) -> bool:
    kind = kind_of(value)
    return isinstance(kind, Scalar) and kind.kind == "text" and not kind.enum


def _compare(context: Context, left: Value, value: Located, op: str, kind: str) -> Predicate:
    if kind in ("age", "days-since"):
        return _age(context, left, value, op, kind)
    if kind == "swap":
        if op not in ("in", "not-in"):
            raise value.error("value_type swap is built for the ops in and not-in.")
        found = Has(left, context.scalar(value))
        return found if op == "in" else negation(found)
    if kind == "size":
        left = Length(left)
    if kind == "normalize":
        left = Lower(left)
    if op in ("in", "not-in", "ni"):
        among = tuple(_checked(left, context.scalar(each), each) for each in value.sequence("the value of in"))
        return In(left, among) if op == "in" else negation(In(left, among))
    if op == "contains":
        return Has(left, context.scalar(value))
    if op in ("regex", "regex-case", "glob"):
        _texts_only(left, value, op)
        pattern = _glob(value.text("value")) if op == "glob" else _pattern(value)
        return Matches(left, pattern, ignore_case=op == "regex")
    literal = Literal(_checked(left, context.scalar(value), value))
    return IsNull(left) if literal.value is None and op == "eq" else Compare(OPS[op], left, literal)


def _age(context: Context, left: Value, value: Located, op: str, kind: str) -> Predicate:
    """`days-since`: whole days against the number; Custodian's `age`: the time itself against now minus the days."""
    if kind_of(left) not in (Scalar("timestamp"), Scalar("date")):
        raise value.error(f"an age needs a time, and this key is {kind_of(left)}.")
    days = context.scalar(value)
    if isinstance(days, bool) or not isinstance(days, (int, float)):
        raise value.error("an age is a number of days.")
    if op not in OPS:
        raise value.error(f"an age can't be compared with {op}.", "Use gt, ge, lt, le, eq or ne.")
    if kind == "days-since":
        return Compare(OPS[op], DaysSince(left), Literal(days))
    return Compare(OPS[op], DaysSince(left, exact=True), Literal(days))


def _from_fact(context: Context, left: Value, item: Located, op: str, keys: Mapping[str, Located]) -> Predicate:
    """`value_from: {fact: name, column: name}`: the values of a dated fact's column."""
    source = item.only("value_from", ("fact", "column"))
    fact = _fact(context, source.get("fact", item))
    column = source.get("column", item).text("column")
    if column not in fact.columns:
        raise item.error(f"the fact {fact.name} has no column {column}.", did_you_mean(column, fact.columns))
    if op not in ("in", "not-in"):
        raise item.error("value_from goes with the ops in and not-in.")
    if "value_type" in keys and keys["value_type"].value == "normalize":
        left = Lower(left)
    among = In(left, tuple(fact.values(column)))  # type: ignore[arg-type]
    return among if op == "in" else negation(among)


def _fact(context: Context, item: Located) -> Fact:
    name = item.text("fact")
    if name not in context.facts:
        raise item.error(f'there is no fact "{name}".', did_you_mean(name, context.facts))
    return context.facts[name]


def _checked(left: Value, value: Plain, at: Located) -> Plain:
    """Return the policy's value; raises where the column can never equal it, or AWS spells it otherwise."""
    kind = kind_of(left)
    if value is None or not isinstance(kind, Scalar) or kind.kind == "json":
        return value
    fits: dict[str, tuple[type, ...]] = {
        "text": (str,),
        "boolean": (bool,),
        "integer": (int, float),
        "number": (int, float),
    }
    allowed = fits.get(kind.kind)
    if allowed is None or not isinstance(value, allowed) or (isinstance(value, bool) and kind.kind != "boolean"):
        raise at.error(f"this key is {kind}, and {value!r} never equals one.")
    if kind.enum and value not in kind.enum and (hint := did_you_mean(str(value), kind.enum)):
        raise at.error(f'AWS has no value "{value}" here.', hint)
    return value


def _texts_only(left: Value, at: Located, op: str) -> None:
    kind = kind_of(left)
    if isinstance(kind, Scalar) and kind.kind not in ("text", "json"):
        raise at.error(f"{op} works on texts, and this key is {kind}.")


def _pattern(item: Located) -> str:
    pattern = item.text("a pattern")
    try:
        re.compile(pattern)
    except re.error as error:
        raise item.error(f"this is no regular expression: {error}.") from error
    if re.search(r"\(\?[=!<]|\\[1-9]", pattern):
        raise item.error("look-around and back-references can't run in bounded time, so they are not taken here.")
    return pattern


def _glob(text: str) -> str:
    """Return the regular expression of a shell pattern (*, ?, [abc], [!abc]) for a whole text."""
    parts = re.split(r"(\*|\?|\[!?[^\]]+\])", text)
    meaning = {"*": ".*", "?": "."}
    return "(?s:" + "".join(_glob_part(part, meaning) for part in parts) + ")$"


def _glob_part(part: str, meaning: Mapping[str, str]) -> str:
    if part.startswith("[") and part.endswith("]"):
        return f"[^{part[2:]}" if part.startswith("[!") else part
    return meaning.get(part, re.escape(part))
