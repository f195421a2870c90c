"""The `value` filter: what a key names, compared with a value that the policy gives, by Cloud Custodian's rules."""

from __future__ import annotations

from collections.abc import Mapping

from crenel.catalog.columns import ListOf, MapOf, Scalar, Struct, Type
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
    Number,
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
from crenel.policies.keys import counted, joinable, value_at
from crenel.policies.patterns import capture, glob, pattern
from crenel.positions import Located

OPS: Mapping[str, Op] = {
    "eq": "eq", "equal": "eq", "ne": "ne", "not-equal": "ne", "gt": "gt", "greater-than": "gt", "ge": "ge", "gte": "ge",
    "lt": "lt", "less-than": "lt", "le": "le", "lte": "le",
}  # fmt: skip
_OTHER_OPS = ("in", "not-in", "ni", "contains", "regex", "regex-case", "glob")
_KEYWORDS = ("absent", "present", "not-null", "empty")
_VALUE_KEYS = ("type", "key", "value", "op", "value_type", "value_regex", "value_from", "default")
# Built for the practices; the rest of the language is refused by name until it is built.
_VALUE_TYPES = ("age", "days-since", "normalize", "size", "swap")
# The Python types of what can equal a scalar.
_FITS: Mapping[str, tuple[type, ...]] = {
    "text": (str,),
    "boolean": (bool,),
    "integer": (int, float),
    "number": (int, float),
}


def value_filter(context: Context, item: Located) -> Predicate:
    """`value`: compares what a key names with a value that the policy gives."""
    keys = item.only("a value filter", _VALUE_KEYS)
    if "key" not in keys:
        raise item.error("a value filter needs `key`.")
    if "default" in keys:
        raise item.key_error("default", "default has no effect, in Cloud Custodian neither.", "Leave it out.")
    op = keys["op"].text("op") if "op" in keys else "eq"
    return compared(context, keys["key"], keys.get("value"), op, item)


def compared(context: Context, key: Located, value: Located | None, op: str, item: Located) -> Predicate:
    """Return the predicate of one comparison; `item` is the filter that it stands in. Raises `PolicyError`."""
    left = value_at(context.place, key.text("key"), key)
    keys = item.value if isinstance(item.value, dict) and "key" in item.value else {}
    if "value_regex" in keys:
        _texts_only(left, key, "value_regex")
        left = Extract(left, *capture(keys["value_regex"]))
    kind = keys["value_type"].text("value_type") if "value_type" in keys else ""
    if kind and kind not in _VALUE_TYPES:
        raise keys["value_type"].error(
            f'the value_type "{kind}" is not built yet.',
            did_you_mean(kind, _VALUE_TYPES) or f"Built: {', '.join(_VALUE_TYPES)}.",
        )
    if kind == "size":
        counted(left, key)
        left = Length(left)
    if kind == "normalize":
        _texts_only(left, key, "normalize")
        left = Lower(left)
    if "value_from" in keys:
        return _from_fact(context, left, keys["value_from"], op, kind)
    if value is None:
        raise item.error("a value filter needs `value`.")
    if op not in (*OPS, *_OTHER_OPS):
        raise keys["op"].error(f'there is no op "{op}" here.', did_you_mean(op, [*OPS, *_OTHER_OPS]) or _built_ops())
    value = context.resolved(value)
    if isinstance(value.value, str) and value.value in _KEYWORDS:
        return _keyword(left, value, op, kind)
    return _compare(context, left, value, op, kind)


def _built_ops() -> str:
    return f"Built: {', '.join(sorted({*OPS, *_OTHER_OPS}))}."


def _keyword(left: Value, value: Located, op: str, kind: str) -> Predicate:
    """A keyword holds by its meaning, or as the very text: a tag whose value reads "absent" equals it.

    Cloud Custodian tests it before the op and after the value_type's conversion.
    """
    word = value.text("value")
    if OPS.get(op) != "eq":
        raise value.error(
            f'"{word}" with op {op} would match nearly everything: Cloud Custodian tests the keyword first.',
            "Leave op out, or say the opposite keyword.",
        )
    if kind in ("age", "days-since", "swap"):
        raise value.error(f'"{word}" does not go with the value_type {kind}.', "Leave value_type out.")
    if kind == "size" and word in ("absent", "present"):
        raise value.error(f"a size is never {'absent' if word == 'absent' else 'anything but present'}.", "Say empty.")
    match word:
        case "present":
            return negation(IsNull(left))
        case "not-null":
            return negation(IsEmpty(left))
    meant = IsNull(left) if word == "absent" else IsEmpty(left)
    return disjunction([meant, Compare("eq", left, Literal(word))]) if _is_free_text(left) else meant


def _is_free_text(value: Value) -> bool:
    kind = kind_of(value)
    return isinstance(kind, Scalar) and kind.kind in ("text", "json") and not kind.enum


def _compare(context: Context, left: Value, value: Located, op: str, kind: str) -> Predicate:
    if kind in ("age", "days-since"):
        return _age(context, left, value, op, kind)
    if kind == "swap":
        if op not in ("in", "not-in"):
            raise value.error("value_type swap is built for the ops in and not-in.")
        found = _has(left, context.scalar(value), value, "swap")
        return found if op == "in" else negation(found)
    if op in ("in", "not-in", "ni"):
        return _among(context, left, value, op)
    if op == "contains":
        return _has(left, context.scalar(value), value, op)
    if op in ("regex", "regex-case", "glob"):
        _texts_only(left, value, op)
        context.scalar(value)
        regex = glob(value.text("value")) if op == "glob" else pattern(value)
        return Matches(left, regex, ignore_case=op == "regex")
    literal = context.scalar(value)
    if literal is None:
        if OPS[op] not in ("eq", "ne"):
            raise value.error("nothing is greater or less than null.")
        return IsNull(left) if OPS[op] == "eq" else negation(IsNull(left))
    left, literal = checked(left, literal, value, ordered=OPS[op] not in ("eq", "ne"))
    return Compare(OPS[op], left, Literal(literal))


def _among(context: Context, left: Value, value: Located, op: str) -> Predicate:
    """Cloud Custodian makes an empty tuple of null for `in` and `not-in`, so null is in no list at all.
    `ni` leaves null as it is.
    """
    found = [(context.scalar(each), each) for each in value.sequence("the value of in")]
    fitting = [checked(left, literal, each) for literal, each in found if literal is not None]
    if len({of for of, _ in fitting}) > 1:
        raise value.error("texts and numbers can't stand in one list here.")
    among: list[Plain] = [literal for _, literal in fitting]
    if op == "ni" and len(among) < len(found):
        among.append(None)
    predicate = In(fitting[0][0] if fitting else left, tuple(among))
    return predicate if op == "in" else negation(predicate)


def _has(left: Value, literal: Plain, at: Located, op: str) -> Predicate:
    kind = kind_of(left)
    of = kind.item if isinstance(kind, ListOf) else kind
    if not isinstance(of, Scalar) or (of is kind and of.kind not in ("text", "json")):
        raise at.error(f"{op} works on texts and on lists of single values, and this key is {_shown(kind)}.")
    allowed = (str,) if of.kind == "json" else _FITS.get(of.kind, ())
    if not isinstance(literal, allowed) or (isinstance(literal, bool) and of.kind != "boolean"):
        raise at.error(f"this key is {_shown(kind)}, and {literal!r} is never in one.")
    return Has(left, literal)


def _age(context: Context, left: Value, value: Located, op: str, kind: str) -> Predicate:
    """`days-since`: whole days against the number; Custodian's `age`: the time itself against now minus the days."""
    if kind_of(left) not in (Scalar("timestamp"), Scalar("date")):
        raise value.error(f"an age needs a time, and this key is {_shown(kind_of(left))}.")
    days = context.scalar(value)
    if isinstance(days, bool) or not isinstance(days, (int, float)):
        raise value.error("an age is a number of days.")
    if op not in OPS:
        raise value.error(f"an age can't be compared with {op}.", "Use gt, ge, lt, le, eq or ne.")
    if kind == "days-since":
        return Compare(OPS[op], DaysSince(left), Literal(days))
    return Compare(OPS[op], DaysSince(left, exact=True), Literal(days))


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
    texts = [value for value in fact.values(column) if value is not None]
    if not all(isinstance(value, (str, int, float)) for value in texts):
        raise item.error(f"the column {column} of the fact {fact.name} has no texts or numbers.")
    joinable(left, fact.columns[column], item)
    among = In(left, tuple(texts))  # type: ignore[arg-type]
    return among if op == "in" else negation(among)


def _fact(context: Context, item: Located) -> Fact:
    name = item.text("fact")
    if name not in context.facts:
        raise item.error(f'there is no fact "{name}".', did_you_mean(name, context.facts))
    return context.facts[name]


def checked(left: Value, value: Plain, at: Located, *, ordered: bool = False) -> tuple[Value, Plain]:
    """Return the key's value and the policy's, ready to be compared.

    Raises where the column can never equal it (or be `ordered` beside it), or AWS spells it otherwise. What stands in
    JSON has the type of what it is compared with: a number's, or a text's.
    """
    kind = kind_of(left)
    if not isinstance(kind, Scalar):
        hint = "Use a list-item filter, contains, or a keyword." if isinstance(kind, ListOf) else "Name a key below it."
        raise at.error(f"this key is {_shown(kind)}, which no single value equals.", hint)
    if kind.kind == "json":
        if isinstance(value, bool):
            return left, "true" if value else "false"
        return (left, value) if isinstance(value, str) else (Number(left), value)
    allowed = _FITS.get(kind.kind)
    if allowed is None:
        raise at.error(f"this key is a {kind}, and {value!r} never equals one.", "Use value_type age or days-since.")
    if not isinstance(value, allowed) or (isinstance(value, bool) and kind.kind != "boolean"):
        raise at.error(f"this key is {kind}, and {value!r} never equals one.")
    if not ordered and kind.enum and value not in kind.enum and (hint := did_you_mean(str(value), kind.enum)):
        raise at.error(f'AWS has no value "{value}" here.', hint)
    return left, value


def _texts_only(left: Value, at: Located, op: str) -> None:
    kind = kind_of(left)
    if not isinstance(kind, Scalar) or kind.kind not in ("text", "json"):
        raise at.error(f"{op} works on texts, and this key is {_shown(kind)}.")


def _shown(kind: Type) -> str:
    return {ListOf: "a list", MapOf: "a map", Struct: "a structure"}.get(type(kind), str(kind))
