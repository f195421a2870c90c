"""Conditions of many detections in one pass over the events, and what of them is cheap to ask first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlglot import exp

from crenel.catalog.events import EVENTS, UNLIKE
from crenel.language.expressions import case, function, lambda_, literal, named, not_null
from crenel.language.plan import (
    TRUE,
    And,
    Compare,
    Const,
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
from crenel.language.records import Fits, Reached, Stands
from crenel.language.sql import Relation
from crenel.language.walking import walk

ALIAS = "e"
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


def valued(compiler: Compiler, values: Sequence[tuple[str, Value]]) -> list[exp.Expr]:
    """Return values as columns with their names."""
    events = relation(compiler)
    return [named(events.value(value), name) for name, value in values]


def weakened(condition: Predicate, cheap: frozenset[str]) -> Predicate:
    """Return what cheap columns alone say has to hold for a condition to hold; TRUE where they say nothing."""
    match condition:
        case And(parts):
            return conjunction([weakened(part, cheap) for part in parts])
        case Or(parts):
            return disjunction([weakened(part, cheap) for part in parts])
        case Const():
            return condition
        case Compare() | In() | Fits():
            read = columns_read([condition])
            return condition if read and read <= cheap | {UNLIKE} else TRUE
    return TRUE


def merged(conditions: Sequence[Predicate]) -> Predicate:
    """Return the OR of conditions, with equalities of one value gathered into one membership."""
    among: dict[Value, dict[object, None]] = {}
    rest: list[Predicate] = []
    for condition in conditions:
        for part in condition.parts if isinstance(condition, Or) else (condition,):
            match part:
                case Compare("eq", value, Literal(str() as text)):
                    among.setdefault(value, {})[text] = None
                case In(value, texts) if all(isinstance(text, str) for text in texts):
                    among.setdefault(value, {}).update(dict.fromkeys(texts))
                case _:
                    rest.append(part)
    gathered: list[Predicate] = [In(value, tuple(texts)) for value, texts in among.items()]  # type: ignore[arg-type]
    return disjunction([*gathered, *dict.fromkeys(rest)])
