"""`value_type`: what is made of the two sides of a comparison before the op."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from dateutil import parser as dates

from crenel.catalog.columns import ListOf
from crenel.language.plan import (
    FALSE,
    INTEGER,
    At,
    Call,
    Compare,
    Constant,
    Convert,
    DaysSince,
    In,
    IsEmpty,
    IsNull,
    Length,
    Literal,
    Lower,
    Matches,
    Op,
    Predicate,
    Value,
    conjunction,
    disjunction,
    negation,
)
from crenel.language.walking import kind_of
from crenel.policies.constants import told
from crenel.policies.context import Context
from crenel.policies.values.operations import ORDERS, elements, operated
from crenel.positions import Located

_SIDEWAYS: Mapping[Op, Op] = {"eq": "eq", "ne": "ne", "lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}


@dataclass(frozen=True, slots=True)
class Sides:
    """A comparison under way: the resource's value, the policy's, the op (empty: strict equality), and its place."""

    left: Value
    right: Value
    op: str
    at: Located
    whole_days: bool = False

    def predicate(self) -> Predicate:
        """Return the keywords' meaning or the op's."""
        found = self.keyword()
        return disjunction([*found, self.compared()])

    def compared(self) -> Predicate:
        """Return the op's meaning. For `in` and `not-in` Custodian makes an empty tuple of null first."""
        if self.op not in ("in", "not-in"):
            return operated(self.op, self.left, self.right, self.at)
        right = self.right
        if isinstance(right, Literal) and isinstance(right.value, tuple):
            right = Literal(tuple(each for each in right.value if each is not None))
        return operated(self.op, self.left, right, self.at)

    def keyword(self) -> list[Predicate]:
        """Return what a keyword means, nothing where the policy gives none."""
        word = self.right.value if isinstance(self.right, Literal) else None
        in_list = self.op in ("in", "not-in")  # null is an empty tuple there
        match word:
            case "absent":
                return [] if in_list else [IsNull(self.left)]
            case "present":
                return [negation(FALSE) if in_list else negation(IsNull(self.left))]
            case "not-null":
                return [negation(IsEmpty(self.left))]
            case "empty":
                return [IsEmpty(self.left)]
        return []


Conversion = Callable[[Context, Sides], Predicate]


def _left(convert: Callable[[Value], Value]) -> Conversion:
    """The resource's side alone is converted, and is never null then."""
    return lambda _, sides: replace(sides, left=convert(sides.left)).predicate()


def _normalize(_: Context, sides: Sides) -> Predicate:
    kind = kind_of(sides.left)
    return replace(sides, left=Lower(sides.left)).predicate() if str(kind) in ("text", "json") else sides.predicate()


def _unique_size(value: Value) -> Value:
    items = elements(value)
    return Literal(0) if items is None else Call("unique_size", (items,), INTEGER)


def _swap(_: Context, sides: Sides) -> Predicate:
    """The sides are exchanged: op(policy's, resource's)."""
    given = sides.right
    words: list[Predicate] = []
    if isinstance(given, Literal) and str(kind_of(sides.left)) in ("text", "json"):
        # The keywords are looked for on what is now the other side: a resource whose very text is one.
        meant = ["absent"] if given.value is None else ["present"]
        meant.append("not-null" if given.value else "empty")
        words = [Compare("eq", sides.left, Literal(word)) for word in meant]
    answer = operated(sides.op, given, sides.left, sides.at)
    if sides.op == "not-in":
        answer = disjunction([IsNull(sides.left), answer])
    return disjunction([*words, answer])


def _days(sides: Sides) -> float:
    given = sides.right.value if isinstance(sides.right, Literal) else None
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        raise sides.at.error("an age is a number of days.")
    return given


def _age(_: Context, sides: Sides) -> Predicate:
    """op(now - days, date): greater is older. No date is never older nor younger."""
    if isinstance(sides.right, Literal) and isinstance(sides.right.value, datetime):
        return _timed(sides, _SIDEWAYS)
    op = _order(sides)
    since = DaysSince(Convert(sides.left, "date"), exact=not sides.whole_days)
    return Compare(op, since, Literal(_days(sides)))


def _expiration(_: Context, sides: Sides) -> Predicate:
    """op(date, now + days): less is sooner, past dates too."""
    if isinstance(sides.right, Literal) and isinstance(sides.right.value, datetime):
        return _timed(sides, {op: op for op in _SIDEWAYS})
    since = DaysSince(Convert(sides.left, "date"), exact=True)
    return Compare(_SIDEWAYS[_order(sides)], since, Literal(-_days(sides)))


def _timed(sides: Sides, turned: Mapping[Op, Op]) -> Predicate:
    return Compare(turned[_order(sides)], Convert(sides.left, "date"), sides.right)


def _order(sides: Sides) -> Op:
    op = ORDERS.get(sides.op or "eq")
    if op is None:
        raise sides.at.error(f"a time can't be compared with {sides.op}.", "Use gt, ge, lt, le, eq or ne.")
    return op


def _date(_: Context, sides: Sides) -> Predicate:
    """Both sides are dates."""
    given = sides.right
    right = Literal(moment(given.value, sides.at)) if isinstance(given, Literal) else Convert(given, "date")
    return Compare(_order(sides), Convert(sides.left, "date"), right)


def moment(value: Constant, at: Located) -> datetime:
    """Return the time that a policy's text or number names, in UTC without a zone. Raises `PolicyError` for none."""
    if isinstance(value, datetime):
        return value
    try:
        if isinstance(value, str) and not value.isdigit():
            found = dates.parse(value)
        else:
            seconds = float(value)  # type: ignore[arg-type]
            found = datetime.fromtimestamp(seconds if seconds < 253402300800 else seconds / 1000, UTC)
    except (ValueError, OverflowError, TypeError) as error:
        raise at.error(f"{told(value)} is no date.") from error
    in_utc: datetime = found.astimezone(UTC) if found.tzinfo else found
    return in_utc.replace(tzinfo=None)


# --- networks


def _cidr(_: Context, sides: Sides) -> Predicate:
    """Both sides are addresses or networks of IPv4; `in` asks whether the resource's lies inside the policy's.

    An address of the policy beside a network of the resource is looked for in that network.
    """
    given = sides.right.value if isinstance(sides.right, Literal) else None
    first, last = Convert(sides.left, "cidr-first"), Convert(sides.left, "cidr-last")
    if isinstance(given, str):
        return _cidr_one(sides, first, last, given)
    if not isinstance(given, tuple) or not all(isinstance(each, str) for each in given):
        raise sides.at.error("value_type cidr takes an address or network as a text, or a list of them.")
    if sides.op not in ("in", "not-in", "ni"):
        raise sides.at.error(f"a list of networks can't be compared with {sides.op or 'nothing'}.", "Use in or not-in.")
    inside = disjunction([_within(first, last, str(each), sides.at, listed=True) for each in given])
    return inside if sides.op == "in" else negation(inside)


def _bounds(text: str, at: Located) -> tuple[int, int] | None:
    """Return a network's first and last address; None for IPv6's, which Custodian can't compare with anything."""
    try:
        network = ipaddress.ip_network(text)
    except ValueError as error:
        raise at.error(f'"{text}" is no network: {error}') from error
    return None if network.version == 6 else (int(network.network_address), int(network.broadcast_address))


def _within(first: Value, last: Value, text: str, at: Located, *, listed: bool = False) -> Predicate:
    found = _bounds(text, at)
    if found is None:
        return FALSE
    low, high = found
    inside = conjunction([Compare("ge", first, Literal(low)), Compare("le", last, Literal(high))])
    if "/" in text:
        return inside
    return conjunction([Compare("eq", first, Literal(low)), Compare("eq", last, Literal(high))]) if listed else inside


def _cidr_one(sides: Sides, first: Value, last: Value, text: str) -> Predicate:
    found = _bounds(text, sides.at)
    there = negation(IsNull(first))
    is_network = Matches(sides.left, "[^/]*/")
    if found is None:
        return there if sides.op in ("ne", "not-equal") else FALSE
    low, high = found
    same = conjunction([Compare("eq", first, Literal(low)), Compare("eq", last, Literal(high))])
    alike = is_network if "/" in text else negation(is_network)
    holds_it = conjunction([Compare("le", first, Literal(low)), Compare("ge", last, Literal(high))])
    match sides.op:
        case "" | "eq" | "equal":
            return conjunction([same, alike])
        case "ne" | "not-equal":
            return negation(conjunction([same, alike]))
        case "in" | "contains" if "/" not in text:
            return conjunction([is_network, holds_it]) if sides.op == "in" else FALSE
        case "in":
            return _within(first, last, text, sides.at)
        case "not-in" | "ni":
            if "/" not in text:
                return conjunction([is_network, negation(holds_it)])
            return negation(_within(first, last, text, sides.at))
        case "contains":
            return conjunction([is_network, holds_it])
        case op if op in ORDERS:
            order = disjunction([Compare(ORDERS[op], first, Literal(low))])
            return conjunction([alike, order])
    raise sides.at.error(f"networks can't be compared with {sides.op}.", "Use in, not-in, eq or ne.")


# --- versions


def _version(_: Context, sides: Sides) -> Predicate:
    """Both sides are versions, compared part by part: numbers with numbers, letters with letters.

    Where the two differ in kind first, no op holds (but `ne`).
    """
    given = sides.right.value if isinstance(sides.right, Literal) else None
    if not isinstance(given, str) or not given:
        raise sides.at.error("value_type version takes a version as a text.", "Put it in quotes.")
    op = ORDERS.get(sides.op or "eq")
    if op is None:
        raise sides.at.error(f"versions can't be compared with {sides.op}.")
    parts = [part for part in re.split(r"(\d+|[a-z]+|\.)", given) if part and part != "."]
    found = Convert(sides.left, "version")
    there = conjunction([negation(IsNull(found)), negation(IsEmpty(sides.left))])
    equal, less, greater = (_ordered(found, parts, want) for want in ("eq", "lt", "gt"))
    answers: Mapping[Op, Predicate] = {
        "eq": equal, "ne": negation(equal), "lt": less, "gt": greater, "le": disjunction([less, equal]),
        "ge": disjunction([greater, equal]),
    }  # fmt: skip
    return conjunction([there, answers[op]])


def _ordered(found: Value, parts: list[str], want: str) -> Predicate:
    """Return whether the list of parts is equal to, before or after the given ones."""
    kind = kind_of(found)
    item = kind.item if isinstance(kind, ListOf) else kind
    beyond = negation(IsNull(At(found, len(parts), item)))
    answer: Predicate = {"eq": negation(beyond), "lt": FALSE, "gt": beyond}[want]
    for index in reversed(range(len(parts))):
        part, here = parts[index], At(found, index, item)
        digits = part.isdigit()
        number = Matches(here, "[0-9]+$")
        same_kind = number if digits else conjunction([negation(IsNull(here)), negation(number)])
        mine: Value = Convert(here, "integer") if digits else here
        theirs = Literal(int(part) if digits else part)
        steps = [conjunction([Compare("eq", mine, theirs), answer])]
        if want in ("lt", "gt"):
            steps.insert(0, Compare("lt" if want == "lt" else "gt", mine, theirs))
        answer = conjunction([same_kind, disjunction(steps)])
        if want == "lt":
            answer = disjunction([IsNull(here), answer])
    return answer


CONVERSIONS: Mapping[str, Conversion] = {
    "age": _age,
    "integer": _left(lambda value: Convert(value, "integer")),
    "expiration": _expiration,
    "normalize": _normalize,
    "size": _left(Length),
    "cidr": _cidr,
    "cidr_size": _left(lambda value: Convert(value, "cidr-size")),
    "swap": _swap,
    "expr": lambda _, sides: sides.predicate(),
    "unique_size": _left(_unique_size),
    "date": _date,
    "version": _version,
    "float": _left(lambda value: Convert(value, "float")),
}

__all__ = ["CONVERSIONS", "In", "Sides", "moment"]
