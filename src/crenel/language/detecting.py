"""Conditions of many detections in one pass over the events, and what of them is cheap to ask first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from sqlglot import exp

from crenel.catalog.events import EVENTS, MEMBERS, TEXTS, UNLIKE
from crenel.language.expressions import case, function, lambda_, literal, named, not_null, written
from crenel.language.plan import (
    TRUE,
    And,
    Compare,
    Const,
    CountItems,
    Field,
    In,
    Literal,
    Or,
    Predicate,
    Value,
    conjunction,
    disjunction,
)
from crenel.language.raw import columns_of
from crenel.language.reading import Compiler, Source
from crenel.language.records import Fits, Folded, Reached, Said, Stands
from crenel.language.sql import Relation
from crenel.language.walking import walk

ALIAS = "e"
_PLAIN = re.compile(r"[A-Za-z0-9 _.:@*=+/-]+")  # what DuckDB's JSON never escapes
# Of what is computed otherwise (Base64, say), the record holds no text that is looked for.
_AS_IS = (And, Or, Compare, In, Fits, CountItems, Literal, Field, Stands, Reached, Said, Folded)
SOURCE = Source(EVENTS, frozenset(EVENTS.schema()))


def columns_read(nodes: Iterable[Predicate | Value]) -> frozenset[str]:
    """Return the columns of the table of events that nodes read."""
    found: set[str] = set()
    for root in nodes:
        for node in walk(root):
            if isinstance(node, (Stands, Reached)):
                found.update(columns_of(node.path))
    return frozenset(found)


def relation(compiler: Compiler) -> Relation:
    """Return the table of events, under its alias `e`, of which predicates and values can be asked."""
    return Relation(compiler, SOURCE, ALIAS)


def hits(compiler: Compiler, conditions: Sequence[Predicate]) -> exp.Expr:
    """Return the list of the places (from 0) of the conditions that hold for an event."""
    events = relation(compiler)
    marks = [case([(events.predicate(each), literal(place))], exp.null()) for place, each in enumerate(conditions)]
    return function("LIST_FILTER", exp.Array(expressions=marks), lambda_("h", not_null(exp.to_identifier("h"))))


def held(compiler: Compiler, condition: Predicate) -> exp.Expr:
    """Return the SQL of one condition."""
    return relation(compiler).predicate(condition)


def condition_sql(condition: Predicate) -> str:
    """Return the SQL of a condition over the table `events`, for people."""
    return written(held(Compiler({}, datetime(2026, 1, 1, tzinfo=UTC), lenient=True), condition))


def valued(compiler: Compiler, values: Sequence[tuple[str, Value]]) -> list[exp.Expr]:
    """Return values as columns with their names."""
    events = relation(compiler)
    return [named(events.value(value), name) for name, value in values]


def weakened(condition: Predicate, cheap: frozenset[str]) -> Predicate:
    """Return what cheap columns alone say has to hold for a condition to hold; TRUE where they say nothing.

    It may be asked of columns in which JSON's null counts as absent.
    """
    match condition:
        case And(parts):
            return conjunction([weakened(part, cheap) for part in parts])
        case Or(parts):
            return disjunction([weakened(part, cheap) for part in parts])
        case Const():
            return condition
        case Compare() | In() | Fits() | CountItems():
            return _weakened_leaf(condition, cheap)
    return TRUE


def _weakened_leaf(leaf: Predicate, cheap: frozenset[str]) -> Predicate:
    read = columns_read([leaf])
    texts = _texts(leaf)
    nodes = tuple(walk(leaf))
    if not read or not texts or not all(isinstance(node, _AS_IS) for node in nodes):
        return TRUE
    places = [node for node in nodes if isinstance(node, (Stands, Reached))]
    member = _member(places[0]) if len(places) == 1 else None
    if member in cheap and all(_PLAIN.fullmatch(text) for text in texts):
        return disjunction(
            [Fits("contains", Folded(Said(Stands((member,)), "none")), Literal(text.lower())) for text in texts]
        )
    if not read <= cheap | {UNLIKE}:
        return TRUE
    if all(isinstance(place, Stands) and len(place.path) == 1 and place.path[0] in TEXTS for place in places):
        return _of_texts(leaf)
    # Below a column of JSON: that its text contains what is looked for is quickly seen.
    if len(places) != 1 or not all(_PLAIN.fullmatch(text) for text in texts):
        return TRUE
    whole = Folded(Said(Stands(places[0].path[:1]), "source"))
    return disjunction([Fits("contains", whole, Literal(text.lower())) for text in texts])


def _member(place: Stands | Reached) -> str | None:
    """Return the column of the member that a place is."""
    return next((name for name, path in MEMBERS.items() if place.path == path), None)


def _of_texts(leaf: Predicate) -> Predicate:
    """Return a leaf on columns of texts as it is for texts: what is none is irregular, and looked at whole anyway."""
    match leaf:
        case Compare(op, left, right):
            return Compare(op, _of_text(left), right)
        case In(value, among):
            return In(_of_text(value), among)
        case Fits(test, value, text):
            return Fits(test, _of_text(value), text)
    return leaf


def _of_text(value: Value) -> Value:
    match value:
        case Folded(of, letters):
            return Folded(_of_text(of), letters)
        case Said(of):
            return Said(of, "none")
    return value


def _texts(leaf: Predicate) -> tuple[str, ...]:
    """Return the texts of which one has to be there for a leaf to hold; none where that can't be said."""
    match leaf:
        case Compare("eq", _, Literal(str() as text)) | Fits("contains" | "starts" | "ends", _, Literal(str() as text)):
            return (text,) if text else ()
        case In(_, among):
            texts = tuple(text for text in among if isinstance(text, str) and text)
            return texts if len(texts) == len(among) else ()
        case CountItems(op="ge", count=1, where=where) if not isinstance(where, CountItems):
            return _texts(where)
        case Or(parts):
            found = [_texts(part) for part in parts]
            return tuple(text for texts in found for text in texts) if all(found) else ()
        case And(parts):
            return next((texts for part in parts if (texts := _texts(part))), ())
    return ()


def merged(conditions: Sequence[Predicate]) -> Predicate:
    """Return the OR of conditions, with what they ask of one value gathered: equalities into one membership, and the
    texts that it may contain into one pattern, so that it is put into lower case once.
    """
    among: dict[Value, dict[str, None]] = {}
    parts: dict[Value, dict[Predicate, str]] = {}
    rest: list[Predicate] = []
    for part in _alternatives(conditions):
        match part:
            case Compare("eq", value, Literal(str() as text)):
                among.setdefault(value, {})[text] = None
            case In(value, texts) if all(isinstance(text, str) for text in texts):
                among.setdefault(value, {}).update(dict.fromkeys(str(text) for text in texts))
            case Fits("contains" | "starts" as test, value, Literal(str() as text)):
                parts.setdefault(value, {})[part] = ("^" if test == "starts" else "") + re.escape(text)
            case _:
                rest.append(part)
    gathered: list[Predicate] = [In(value, tuple(texts)) for value, texts in among.items()]
    for value, found in parts.items():
        if len(found) == 1:
            gathered += found
        else:
            gathered.append(Fits("regex", value, Literal("|".join(found.values()))))
    return disjunction([*gathered, *dict.fromkeys(rest)])


def _alternatives(conditions: Iterable[Predicate]) -> Iterator[Predicate]:
    for condition in conditions:
        if isinstance(condition, Or):
            yield from _alternatives(condition.parts)
        else:
            yield condition
