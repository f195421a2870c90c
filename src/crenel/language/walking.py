"""What a plan's nodes are made of, of what kind their values are, and what they read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from crenel.catalog.columns import BOOLEAN, JSON, TEXT, TIMESTAMP, ListOf, Type
from crenel.language.plan import (
    INTEGER,
    NUMBER,
    And,
    At,
    Call,
    Choice,
    Compare,
    Constant,
    Convert,
    CountItems,
    DaysSince,
    Each,
    Extract,
    Field,
    Flat,
    Gathered,
    Globs,
    Has,
    In,
    IsEmpty,
    IsNull,
    IsText,
    Kept,
    Length,
    Linked,
    Literal,
    Lookup,
    Lower,
    Matches,
    Member,
    Not,
    Number,
    Or,
    Overlap,
    Population,
    Predicate,
    Record,
    Related,
    Truth,
    Truthy,
    Value,
)
from crenel.language.records import Exactly, Fits, Folded, Joined, Reached, Said, Stands


def kind_of(value: Value) -> Type:  # noqa: C901, PLR0911 (a case a node)
    """Return a value's type."""
    match value:
        case Field(_, kind) | Lookup(_, _, kind) | Member(_, _, kind) | Flat(_, kind) | At(_, _, kind):
            return kind
        case Each(kind=kind) | Call(kind=kind) | Choice(kind=kind) | Gathered(kind=kind):
            return kind
        case Stands():
            return JSON
        case Reached():
            return ListOf(JSON)
        case DaysSince() | Length():
            return INTEGER
        case Number():
            return NUMBER
        case Truth():
            return BOOLEAN
        case Convert(of, to):
            return _element(kind_of(of)) if to == "elements" else _CONVERTED[to]
        case Literal(constant):
            return _constant_kind(constant)
        case Lower(of):
            return kind_of(of)
    return TEXT


_CONVERTED: Mapping[str, Type] = {
    "integer": INTEGER, "float": NUMBER, "date": TIMESTAMP, "version": ListOf(TEXT), "cidr-first": INTEGER,
    "cidr-last": INTEGER, "cidr-size": INTEGER, "json": JSON, "text": TEXT,
}  # fmt: skip


def _element(kind: Type) -> Type:
    if isinstance(kind, ListOf):
        return kind
    return ListOf(JSON) if kind == JSON else ListOf(TEXT)


def _constant_kind(constant: Constant) -> Type:
    match constant:
        case bool():
            return BOOLEAN
        case int():
            return INTEGER
        case float():
            return NUMBER
        case datetime():
            return TIMESTAMP
        case tuple():
            kinds = {_constant_kind(each) for each in constant}
            return ListOf(kinds.pop() if len(kinds) == 1 else JSON)
        case Record():
            return JSON
    return TEXT


def children(node: Predicate | Value) -> tuple[Predicate | Value, ...]:  # noqa: C901, PLR0911, PLR0912 (a case a node)
    """Return what a node is made of, without the rows of other tables (`Related.where`)."""
    match node:
        case And(parts) | Or(parts) | Joined(parts) | Exactly(_, parts):
            return parts
        case Fits(_, value, text):
            return (value, text)
        case Not(part):
            return (part,)
        case Compare(_, left, right):
            return (left, right)
        case IsNull(value) | IsEmpty(value) | Truthy(value) | IsText(value) | In(value) | Matches(value):
            return (value,)
        case Has(value, item) | Globs(value, item):
            return (value, item)
        case Overlap(left, right):
            return (left, right)
        case CountItems(items, _, where):
            return (items, where)
        case Related(_, on):
            return tuple(mine for mine, _ in on)
        case Linked(ids, _, _, _, where):
            return (ids, *(mine for mine in outer(where)))
        case Gathered(ids):
            return (ids,)
        case Population(where):
            return (where,)
        case Kept(where, group, by):
            return (where, group, by)
        case DaysSince(of) | Length(of) | Lower(of) | Extract(of) | Number(of) | Convert(of) | Member(of):
            return (of,)
        case Flat(of) | At(of) | Truth(of) | Said(of) | Folded(of):
            return (of,)
        case Each(items, _, where, body):
            return (items, where, body)
        case Call(_, arguments):
            return arguments
        case Choice(when, first, second):
            return (when, first, second)
        case Lookup(join):
            return (join.of,)
    return ()


def walk(node: Predicate | Value) -> Iterator[Predicate | Value]:
    """Yield a node and all below it, in order, without the rows of other tables."""
    yield node
    for child in children(node):
        yield from walk(child)


def outer(where: Predicate) -> tuple[Field, ...]:
    """Return what the predicate on another table's rows reads of this row, as this row's fields."""
    found = (node for node in walk(where) if isinstance(node, Field) and node.item < 0)
    return tuple(dict.fromkeys(Field(node.path, node.kind) for node in found))


def reads(nodes: Iterator[Predicate | Value], seen: Callable[[str, Field], None], table: str) -> None:
    """Tell `seen` every column that the nodes read: (table, field), other tables' included."""
    for root in nodes:
        for node in walk(root):
            if isinstance(node, Field) and node.item == 0:
                seen(table, node)
            elif isinstance(node, Related):
                inner = iter((node.where, *(theirs for _, theirs in node.on)))
                reads(inner, seen, node.table)
            elif isinstance(node, Linked):
                reads(iter((node.where, node.key)), seen, node.table)
            elif isinstance(node, Gathered):
                reads(iter((node.where, node.key, node.body)), seen, node.table)


def related_tables(nodes: Iterator[Predicate | Value]) -> Iterator[str]:
    """Yield the names of the other tables that the nodes read, those that these read included."""
    for root in nodes:
        for node in walk(root):
            if isinstance(node, (Related, Linked, Gathered)):
                yield node.table
                yield from related_tables(iter((node.where,)))
