"""The ops of Cloud Custodian, each from two values to a predicate. Python's TypeError does not match.

`left` is the resource's value, `right` the policy's, unless a conversion exchanged them. One of the two may be computed
from the row as well (`value_path`, `expr`, `swap`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from crenel.catalog.columns import BOOLEAN, JSON, TEXT, ListOf, MapOf, Scalar, Struct
from crenel.errors import Where
from crenel.language.plan import (
    FALSE,
    NUMBER,
    TRUE,
    Call,
    Compare,
    Constant,
    Convert,
    CountItems,
    Field,
    Has,
    In,
    IsNull,
    IsText,
    Literal,
    Matches,
    Op,
    Overlap,
    Predicate,
    Record,
    Truthy,
    Value,
    conjunction,
    disjunction,
    negation,
)
from crenel.language.walking import kind_of
from crenel.policies.values.patterns import matching, shell_pattern
from crenel.positions import Located

ORDERS: Mapping[str, Op] = {
    "eq": "eq", "equal": "eq", "ne": "ne", "not-equal": "ne", "gt": "gt", "greater-than": "gt", "ge": "ge", "gte": "ge",
    "lt": "lt", "less-than": "lt", "le": "le", "lte": "le",
}  # fmt: skip
_BOUND = 900  # the number of a list item of our own, above every one that a policy's nesting reaches


@dataclass(frozen=True, slots=True)
class Operands:
    """Two values and the place of the policy's one."""

    left: Value
    right: Value
    at: Located

    def fixed(self) -> Constant:
        """Return what the policy gives. Raises `PolicyError` where that is computed from the row."""
        if not isinstance(self.right, Literal):
            raise self.at.error("a pattern has to stand in the policy: it can't come from the resource.")
        return self.right.value


def operated(op: str, left: Value, right: Value, at: Located) -> Predicate:
    """Return whether an op holds for two values, strict equality where it is empty."""
    return OPERATIONS[op or "eq"](Operands(left, right, at))


def _compare(op: Op) -> Callable[[Operands], Predicate]:
    return lambda both: Compare(op, both.left, both.right)


def _in(both: Operands) -> Predicate:
    if isinstance(both.right, Literal):
        match both.right.value:
            case tuple() as among:
                return _is_in(both.left, among)
            case Record(pairs):
                return _is_in(both.left, tuple(key for key, _ in pairs))
            case str():
                return conjunction([_is_text(both.left), Has(both.right, both.left)])
        return FALSE
    return _has(both.right, both.left)


def _is_in(value: Value, among: tuple[Constant, ...]) -> Predicate:
    return In(value, among) if among else FALSE


def _ni(both: Operands) -> Predicate:
    """Not in, where that can be asked."""
    if isinstance(both.right, Literal):
        match both.right.value:
            case tuple() | Record():
                return negation(_in(both))
            case str():
                return conjunction([_is_text(both.left), negation(Has(both.right, both.left))])
        return FALSE
    return conjunction([_asks_in(both.right, both.left), negation(_has(both.right, both.left))])


def _has(container: Value, item: Value) -> Predicate:
    if isinstance(container, Literal):
        return _in(Operands(item, container, Located(None, Where("", 1, 1))))
    return FALSE if kind_of(container) in (BOOLEAN, NUMBER) else Has(container, item)


def _asks_in(container: Value, item: Value) -> Predicate:
    """Python can ask whether a container has an item: it is a list, a mapping, or with a text for an item a text."""
    kind = kind_of(container)
    there = negation(IsNull(container))
    if isinstance(kind, (ListOf, MapOf, Struct)):
        return there
    if kind == JSON:
        iterable = negation(IsNull(Convert(container, "elements")))
        return conjunction([iterable, disjunction([negation(IsText(container)), _is_text(item)])])
    return conjunction([there, _is_text(item)]) if kind.kind == "text" else FALSE


def _is_text(value: Value) -> Predicate:
    if isinstance(value, Literal):
        return TRUE if isinstance(value.value, str) else FALSE
    kind = kind_of(value)
    if kind == JSON:
        return IsText(value)
    return negation(IsNull(value)) if isinstance(kind, Scalar) and kind.kind == "text" else FALSE


def _contains(both: Operands) -> Predicate:
    return _has(both.left, both.right)


def elements(value: Value) -> Value | None:
    """Return what Python iterates over in a value; None where it can't."""
    if isinstance(value, Literal):
        match value.value:
            case tuple():
                return value
            case str() as text:
                return Literal(tuple(text))
            case Record(pairs):
                return Literal(tuple(key for key, _ in pairs))
        return None
    kind = kind_of(value)
    if isinstance(kind, ListOf):
        return value
    if isinstance(kind, (MapOf, Struct)) or kind.kind in ("json", "text"):
        return Convert(value, "elements")
    return None


def _hashable(value: Value) -> Predicate:
    """The items of a list can stand in a set: none is a list or a mapping."""
    if isinstance(value, Literal):
        items = value.value if isinstance(value.value, tuple) else ()
        return FALSE if any(isinstance(each, (tuple, Record)) for each in items) else TRUE
    kind = kind_of(value)
    item = kind.item if isinstance(kind, ListOf) else TEXT
    if isinstance(item, (ListOf, MapOf, Struct)):
        return FALSE
    return Truthy(Call("hashable", (value,), BOOLEAN)) if item == JSON else TRUE


def _sets(both: Operands) -> tuple[Value, Value, Predicate] | None:
    left, right = elements(both.left), elements(both.right)
    if left is None or right is None:
        return None
    return left, right, conjunction([_hashable(left), _hashable(right)])


def _intersect(both: Operands) -> Predicate:
    sets = _sets(both)
    if sets is None:
        return FALSE
    left, right, possible = sets
    return conjunction([possible, Overlap(left, right)])


def _difference(both: Operands) -> Predicate:
    sets = _sets(both)
    if sets is None:
        return FALSE
    left, right, possible = sets
    kind = kind_of(left)
    item = Field((), kind.item if isinstance(kind, ListOf) else JSON, _BOUND)
    there = _is_in(item, right.value) if isinstance(right, Literal) and isinstance(right.value, tuple) else None
    among = Has(right, item) if there is None else there
    if there is None:
        possible = conjunction([possible, negation(IsNull(right))])
    return conjunction([possible, CountItems(left, _BOUND, negation(among))])


def _regex(*, ignore_case: bool) -> Callable[[Operands], Predicate]:
    def body(both: Operands) -> Predicate:
        given = both.fixed()
        if not isinstance(given, str):
            return FALSE
        parts = matching(Located(given, both.at.where))
        hits = [(Matches(both.left, text, ignore_case=ignore_case), wanted) for text, wanted in parts]
        return conjunction([hit if wanted else negation(hit) for hit, wanted in hits])

    return body


def _glob(both: Operands) -> Predicate:
    given = both.fixed()
    return Matches(both.left, shell_pattern(given, both.at)) if isinstance(given, str) else FALSE


def _mod(both: Operands) -> Predicate:
    """Whether the remainder is not 0."""
    if isinstance(both.right, Literal) and both.right.value == 0 and not isinstance(both.right.value, bool):
        raise both.at.error("nothing can be divided by 0.")
    if isinstance(both.right, Literal) and not isinstance(both.right.value, (int, float)):
        return FALSE
    rest = Call("mod", (both.left, both.right), NUMBER)
    return conjunction([negation(IsNull(rest)), Compare("ne", rest, Literal(0))])


OPERATIONS: Mapping[str, Callable[[Operands], Predicate]] = {
    **{name: _compare(op) for name, op in ORDERS.items()},
    "glob": _glob,
    "regex": _regex(ignore_case=True),
    "regex-case": _regex(ignore_case=False),
    "in": _in,
    "ni": _ni,
    "not-in": _ni,
    "contains": _contains,
    "difference": _difference,
    "intersect": _intersect,
    "mod": _mod,
}
