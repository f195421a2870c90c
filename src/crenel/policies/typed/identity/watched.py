"""Filters of the metric filters that watch what CloudTrail logs."""

from __future__ import annotations

from collections.abc import Mapping

from crenel.catalog.columns import TEXT, ListOf, Struct
from crenel.catalog.events import KEYS
from crenel.language.plan import (
    Compare,
    Constant,
    CountItems,
    Field,
    In,
    Literal,
    Predicate,
    Value,
    conjunction,
    disjunction,
    negation,
)
from crenel.language.records import Fits
from crenel.policies.context import Context, Filter
from crenel.positions import Located

_NAME, _ALTERNATIVE, _CONDITION = 1, 2, 3  # the lists around a condition
_MEMBERS = ("Field", "Op", "Value", "Pattern")
_FIELD, _OP, _VALUE, _PATTERN = (Field((name,), TEXT, _CONDITION) for name in _MEMBERS)
_CONDITIONS = Field(("Conditions",), ListOf(Struct(dict.fromkeys(_MEMBERS, TEXT))), _ALTERNATIVE)
_Event = Mapping[str, Located | Value]


def catches(context: Context, item: Located) -> Predicate:
    """`catches`: the metric filter's pattern matches each of these events, whatever else they have in them.

    An event gives values to fields of CloudTrail's records: a text, or one of several (each is an event then); null
    where the field is absent; `{not: [...]}` where it has none of these values. Of fields that are not given nothing
    is known: a pattern that asks for more of them does not catch the event for certain, and does not match.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
    """
    keys = item.only("a catches filter", ("type", "events"))
    if "events" not in keys:
        raise item.error("a catches filter needs `events`.", code="missing-key")
    given = keys["events"].sequence("events")
    if not given:
        raise keys["events"].error("a catches filter needs an event at least.")
    column = context.column("Alternatives")
    return conjunction([_catches(context, column, each) for each in given])


def _catches(context: Context, column: Field, item: Located) -> Predicate:
    """Return whether some alternative catches each event that an entry stands for: one for each text of a list."""
    event: dict[str, Located | Value] = {}
    names: tuple[Constant, ...] = ()
    for name, value in item.mapping("an event").items():
        _known_field(item, name)
        known = context.resolved(value)
        if not isinstance(known.value, list):
            event[name] = known
            continue
        if names:
            raise value.error("one field alone has several values.", "Make two events of it.")
        names = tuple(each.text(name) for each in known.sequence(name))
        event[name] = Field((), TEXT, _NAME)
        if not names:
            raise value.error(f"{name} has no values.")
    if not event:
        raise item.error("an event needs a field at least.")
    caught = CountItems(column, _ALTERNATIVE, _holds(context, event))
    return CountItems(Literal(names), _NAME, negation(caught), "eq", 0) if names else caught


def _known_field(item: Located, name: str) -> None:
    """Raise for a field that CloudTrail's records do not have: no pattern that means well would name it."""
    first, _, rest = name.partition(".")
    if first not in KEYS:
        raise item.unknown_key(name, "an event of CloudTrail", KEYS)
    members = KEYS[first].members
    if rest and members and rest.partition(".")[0] not in members:
        raise item.unknown_key(name, first, [f"{first}.{member}" for member in members])


def _holds(context: Context, event: _Event) -> Predicate:
    """Return whether all conditions of an alternative hold for an event for certain."""
    told = [
        conjunction([Compare("eq", _FIELD, Literal(name)), _known(context, value)]) for name, value in event.items()
    ]
    texts = [text for value in event.values() if (text := _text(value)) is not None]
    terms: list[Predicate] = [Fits("regex", text, _PATTERN) for text in texts]
    told.append(conjunction([Compare("eq", _OP, Literal("HAS")), disjunction(terms)]))
    return negation(CountItems(_CONDITIONS, _CONDITION, negation(disjunction(told))))


def _text(value: Located | Value) -> Value | None:
    """Return the text that a field has, None where it is absent or only known not to be something."""
    if not isinstance(value, Located):
        return value
    return Literal(value.value) if isinstance(value.value, str) else None


def _known(context: Context, value: Located | Value) -> Predicate:
    """Return whether a condition on a field holds, where the field is as given."""
    if isinstance(value, Located) and isinstance(value.value, dict):
        keys = value.only("a value", ("not",))
        if "not" not in keys:
            raise value.error("a value that is not known is {not: [...]}.")
        others = tuple(context.scalar(each) for each in keys["not"].sequence("not"))
        return conjunction([Compare("eq", _OP, Literal("!=")), In(_VALUE, others)])
    if isinstance(value, Located) and value.value is None:
        return Compare("eq", _OP, Literal("NOT EXISTS"))
    text = Literal(value.text("a value")) if isinstance(value, Located) else value
    fits = Fits("regex", text, _PATTERN)
    return disjunction(
        [
            conjunction([Compare("eq", _OP, Literal("=")), fits]),
            conjunction([Compare("eq", _OP, Literal("!=")), negation(fits)]),
            In(_OP, ("EXISTS", "IS NOT NULL")),
        ]
    )


FILTERS: Mapping[str, Mapping[str, Filter]] = {"log-metric": {"catches": catches}}
