"""`reduce`: of the resources that reach it, in groups and sorted, some are kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from crenel.catalog.columns import TEXT
from crenel.errors import did_you_mean
from crenel.language.plan import (
    INTEGER,
    Call,
    Choice,
    Constant,
    Convert,
    Extract,
    Field,
    IsNull,
    Kept,
    Literal,
    Predicate,
    Value,
)
from crenel.language.walking import kind_of
from crenel.policies.context import Context, Filter
from crenel.policies.values.patterns import capture
from crenel.policies.values.value import key_value
from crenel.positions import Located

_ORDERS = ("asc", "desc", "reverse", "randomize")
_FIRST: Mapping[str, Constant] = {"string": "", "number": float(-(10**300)), "date": datetime.min}  # noqa: DTZ901
_LAST: Mapping[str, Constant] = {"string": "\uffff", "number": float(10**300), "date": datetime.max}  # noqa: DTZ901
_KEYS = (
    "type", "group-by", "sort-by", "order", "null-order", "limit", "limit-percent", "discard", "discard-percent",
)  # fmt: skip
_ORDINAL = Field(("_n",), INTEGER)


@dataclass(frozen=True, slots=True)
class _Nulls:
    """Where rows without a value are sorted."""

    first: bool

    def value(self, kind: str) -> Literal:
        return Literal((_FIRST if self.first else _LAST)[kind])


def reduce(context: Context, item: Located) -> Predicate:
    """`reduce`: group by a key, sort within the groups, drop the first and keep up to `limit` of each."""
    keys = item.only("a reduce filter", _KEYS)
    if context.place.item:
        raise item.error("reduce works on resources here, not on the items of a list.")
    order = _word(keys.get("order"), _ORDERS, "asc")
    last = _word(keys.get("null-order"), ("first", "last"), "last") == "last"
    nulls = _Nulls(first=last == (order == "desc"))
    group = _sorted(context, keys["group-by"], nulls) if "group-by" in keys else Literal("")
    by: Value = _sorted(context, keys["sort-by"], nulls) if "sort-by" in keys else _ORDINAL
    if order == "randomize":
        by = Call("scatter", (Field(("_id",), TEXT),), INTEGER)
    descending = order == "desc" and "sort-by" in keys
    if order == "reverse":
        by, descending = _ORDINAL, True
    numbers = {name: _number(context, keys.get(name), most) for name, most in _NUMBERS.items()}
    return Kept(
        context.reached, Convert(group, "text"), by, descending,
        skip=int(numbers["discard"]), skip_share=numbers["discard-percent"],
        limit=int(numbers["limit"]), share=numbers["limit-percent"],
    )  # fmt: skip


_NUMBERS: Mapping[str, float | None] = {"limit": None, "limit-percent": 100, "discard": None, "discard-percent": 100}


def _number(context: Context, item: Located | None, most: float | None) -> float:
    if item is None:
        return 0
    number = context.scalar(item)
    if isinstance(number, bool) or not isinstance(number, (int, float)) or number < 0 or (most and number > most):
        raise item.error("this is a number from 0" + (f" to {most:g}." if most else "."))
    return number


def _word(item: Located | None, known: tuple[str, ...], default: str) -> str:
    if item is None:
        return default
    word = item.text("this")
    if word not in known:
        raise item.error(f'"{word}" is none of {", ".join(known)}.', did_you_mean(word, known))
    return word


def _sorted(context: Context, item: Located, nulls: _Nulls) -> Value:
    """Return what rows are grouped or sorted by: a key, or {key, value_type, value_regex}."""
    keys = {"key": item} if isinstance(item.value, str) else item.only("this", ("key", "value_type", "value_regex"))
    kind = _word(keys.get("value_type"), ("string", "number", "date"), "string")
    if "key" not in keys:
        return nulls.value(kind)
    value = key_value(context, keys["key"], {})
    if "value_regex" in keys:
        value = Extract(value, *capture(keys["value_regex"]))
    if kind == "string":
        value = Convert(value, "text")
    else:
        value = Convert(value, "date") if kind == "date" else Call("to_number", (value,), kind_of(Literal(0.0)))
    return Choice(IsNull(value), nulls.value(kind), value, kind_of(value))


FILTERS: Mapping[str, Filter] = {"reduce": reduce}
