"""The plan: a predicate over the rows of one table, with semi-joins to others.

Values are read from a row (or from an item of a list in it), predicates are made of values, and a `Plan` says what a
policy makes of its predicates. A predicate is three-valued: true, false, or unknown, and unknown means one thing alone:
something that it reads could not be read. Nulls never decide: AWS's "absent" is a value like any other, and every
comparison with it is true or false.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal as OneOf
from typing import TypeAlias

from crenel.catalog.columns import BOOLEAN, JSON, TEXT, TIMESTAMP, ListOf, Scalar, Type
from crenel.model import Severity

Op = OneOf["eq", "ne", "lt", "le", "gt", "ge"]
Within = OneOf["region", "account", "anywhere"]
Plain = str | int | float | bool | datetime | None
Constant: TypeAlias = "Plain | tuple[Constant, ...] | Record"

INTEGER = Scalar("integer")
NUMBER = Scalar("number")


# --- values


@dataclass(frozen=True, slots=True)
class Field:
    """A column of the row, or a member below it. `item` n > 0 means: of the n-th list item around this place, not of
    the row; -1, among the rows of another table that this row names (`Linked`): of this row.
    """

    path: tuple[str, ...]
    kind: Type = field(compare=False)
    item: int = 0


@dataclass(frozen=True, slots=True)
class FactJoin:
    """A dated fact joined to the row: the fact's name, its key column and the row's value that it must equal.

    `alias` is the policy's word for it; policies may use one word for two facts, and two words for one.
    """

    alias: str = field(compare=False)
    fact: str
    key: str
    of: Value


@dataclass(frozen=True, slots=True)
class Lookup:
    """A column of a joined fact (null where it has no such row)."""

    join: FactJoin
    column: str
    kind: Type = field(compare=False)


@dataclass(frozen=True, slots=True)
class Record:
    """A mapping that the policy gives, as pairs."""

    pairs: tuple[tuple[str, Constant], ...]


@dataclass(frozen=True, slots=True)
class Literal:
    """A value that the policy gives; a list is a tuple, a mapping a `Record`."""

    value: Constant


@dataclass(frozen=True, slots=True)
class DaysSince:
    """Days from a time to the snapshot's time, whole ones unless `exact`, negative for times to come; null for null."""

    of: Value
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Length:
    """The number of items of a list or map, or of characters of a text; 0 for null."""

    of: Value


@dataclass(frozen=True, slots=True)
class Lower:
    """A text in lower case without white space around it."""

    of: Value


@dataclass(frozen=True, slots=True)
class Extract:
    """What the one group of a regular expression (RE2's syntax) captures at the start of a text, or null.

    `optional`: the group may take no part in a match, and never captures an empty text.
    """

    of: Value
    pattern: str
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Number:
    """The number that a JSON value or a text is, null where it is none."""

    of: Value


Conversion = OneOf[
    "integer", "float", "date", "version", "cidr-first", "cidr-last", "cidr-size", "elements", "json", "text"
]


@dataclass(frozen=True, slots=True)
class Convert:
    """A value as something else, by Python's rules; `_CONVERTED` says what each conversion gives, `convert` how.

    `integer` and `float` give 0 for what is no number, `date` null for what is no date; `version` gives the parts of a
    version as texts; `cidr-first` and `-last` the bounds of an IPv4 network or address, null for what is neither;
    `elements` what Python iterates over: a list's items, a text's characters, a mapping's keys.
    """

    of: Value
    to: Conversion


@dataclass(frozen=True, slots=True)
class Member:
    """What a structure or map has under a name, where the structure is itself computed; null elsewhere."""

    of: Value
    name: str
    kind: Type = field(compare=False)


@dataclass(frozen=True, slots=True)
class Each:
    """`body` of every item of a list for which `where` holds, nulls left out; null for what is no list."""

    list: Value
    item: int
    where: Predicate
    body: Value
    kind: Type = field(compare=False)


@dataclass(frozen=True, slots=True)
class Flat:
    """A list with its items' lists written out, one level; null for what is no list."""

    of: Value
    kind: Type = field(compare=False)


@dataclass(frozen=True, slots=True)
class At:
    """An item of a list by its place, from 0, or from the end below 0; null where there is none."""

    of: Value
    index: int
    kind: Type = field(compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A function of JMESPath's on values, by its name there; `functions` has them all."""

    name: str
    arguments: tuple[Value, ...]
    kind: Type = field(compare=False)
    settings: tuple[Constant, ...] = ()


@dataclass(frozen=True, slots=True)
class Truth:
    """A predicate as a value, true or false."""

    of: Predicate


@dataclass(frozen=True, slots=True)
class Choice:
    """The first value where `when` holds, else the second."""

    when: Predicate
    first: Value
    second: Value
    kind: Type = field(compare=False)


@dataclass(frozen=True, slots=True)
class Gathered:
    """`body` of each row of another table that this row names by `ids` and for which `where` holds, nulls kept; null
    where there is none.
    """

    ids: Value
    table: str
    key: Value
    within: Within
    where: Predicate
    body: Value
    kind: Type = field(compare=False)


Value = (
    Field | Lookup | Literal | DaysSince | Length | Lower | Extract | Number | Convert | Member | Each | Flat | At
    | Call | Truth | Choice | Gathered
)  # fmt: skip


# --- predicates


@dataclass(frozen=True, slots=True)
class Const:
    """True or false, whatever the row."""

    value: bool


@dataclass(frozen=True, slots=True)
class And:
    """All of them."""

    parts: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of them."""

    parts: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite; unknown stays unknown."""

    part: Predicate


@dataclass(frozen=True, slots=True)
class Compare:
    """Python's comparison. Equality counts null as a value; an ordering with null, or of two kinds, is false."""

    op: Op
    left: Value
    right: Value


@dataclass(frozen=True, slots=True)
class IsNull:
    """The value is absent."""

    value: Value


@dataclass(frozen=True, slots=True)
class IsEmpty:
    """The value is absent, false, 0, or an empty text, list or structure (Python's notion of falsy)."""

    value: Value


@dataclass(frozen=True, slots=True)
class In:
    """The value equals one of those that the policy gives (null is among them only where None is)."""

    value: Value
    among: tuple[Constant, ...]


@dataclass(frozen=True, slots=True)
class Truthy:
    """The value is neither null nor false nor an empty text, list or structure (JMESPath's notion: 0 is true)."""

    value: Value


@dataclass(frozen=True, slots=True)
class IsText:
    """The value is a text."""

    value: Value


@dataclass(frozen=True, slots=True)
class Has:
    """A list holds the item, a map has it as a key, or a text as a part, as the kind (JSON: the value) is; false for
    null.
    """

    value: Value
    item: Value


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two lists share an item."""

    left: Value
    right: Value


@dataclass(frozen=True, slots=True)
class Matches:
    """A regular expression (RE2's syntax) matches at the start of a text; false for null."""

    value: Value
    pattern: str
    ignore_case: bool = False


@dataclass(frozen=True, slots=True)
class Globs:
    """A text matches a shell pattern (``*``, ``?``, ``[…]``) that is a value itself, as a whole and with its case.
    False for null.
    """

    value: Value
    pattern: Value


@dataclass(frozen=True, slots=True)
class CountItems:
    """The number of a list's items for which `where` holds compares so with `count`; a null list has none."""

    list: Value
    item: int
    where: Predicate
    op: Op = "ge"
    count: int = 1


@dataclass(frozen=True, slots=True)
class Related:
    """The number of rows of another table for which `where` holds compares so with `count`.

    `on` pairs a value of this row with a value of the other; `within` says whose rows count beside: those of the same
    account, or of the same account and Region.
    """

    table: str
    on: tuple[tuple[Value, Value], ...]
    within: Within
    where: Predicate
    op: Op = "ge"
    count: int = 1


@dataclass(frozen=True, slots=True)
class Linked:
    """Of the rows of another table that this row names by `ids` (a value or a list), some fulfil `where`, or `every`.

    An id that no row has counts as `dangling` says. `none` is the answer for a row that names nothing.
    """

    ids: Value
    table: str
    key: Value
    within: Within
    where: Predicate
    every: bool = False
    dangling: bool = False
    none: bool = False


@dataclass(frozen=True, slots=True)
class Population:
    """The number of this table's rows, in one account and Region, for which `where` holds compares so with `count`."""

    where: Predicate
    op: Op
    count: int


@dataclass(frozen=True, slots=True)
class Kept:
    """Of the rows for which `where` holds, in groups by `group` and sorted by `by`, this one is among those kept.

    Of each group the first `skip` rows (or `skip_share` of it, if that is more) are dropped and up to `limit` of
    the others kept (0: all), or `share` of them.
    """

    where: Predicate
    group: Value
    by: Value
    descending: bool
    skip: int
    skip_share: float
    limit: int
    share: float


Leaf = Const | Compare | IsNull | IsEmpty | Truthy | IsText | In | Has | Overlap | Matches | Globs | CountItems
Predicate = And | Or | Not | Related | Linked | Population | Kept | Leaf

TRUE = Const(value=True)
FALSE = Const(value=False)


# --- what a policy makes of them


@dataclass(frozen=True, slots=True)
class Template:
    """A text with values in it: texts and `Value`s in turn."""

    parts: tuple[str | Value, ...]


@dataclass(frozen=True, slots=True)
class Clause:
    """Where `when` holds, `text` applies."""

    when: Predicate
    text: Template


@dataclass(frozen=True, slots=True)
class Plan:
    """A policy, compiled: which rows it speaks of, which of them fail, and what it says of each.

    `scope`: a row outside is not mentioned at all. `not_applicable` and `unknown`: the first clause that holds decides
    with its text as the reason. `fails`: FAIL where it holds, PASS where it does not. `notes` are appended to the
    message where they hold.
    """

    policy: str
    practice: int | None
    severity: Severity
    title: str
    table: str
    scope: Predicate
    fails: Predicate
    not_applicable: tuple[Clause, ...]
    unknown: tuple[Clause, ...]
    message_fail: Template
    message_pass: Template
    notes: tuple[Clause, ...]

    def predicates(self) -> Iterator[Predicate]:
        """Yield the predicates that decide the verdict."""
        yield self.scope
        yield self.fails
        yield from (clause.when for clause in (*self.not_applicable, *self.unknown))

    def everything(self) -> Iterator[Predicate | Value]:
        """Yield every predicate and value that the plan reads, those of messages and notes too."""
        yield from self.predicates()
        templates = [self.message_fail, self.message_pass]
        for clause in (*self.notes, *self.not_applicable, *self.unknown):
            yield clause.when
            templates.append(clause.text)
        for template in templates:
            yield from (part for part in template.parts if not isinstance(part, str))


def kind_of(value: Value) -> Type:
    """Return a value's type."""
    match value:
        case Field(_, kind) | Lookup(_, _, kind) | Member(_, _, kind) | Flat(_, kind) | At(_, _, kind):
            return kind
        case Each(kind=kind) | Call(kind=kind) | Choice(kind=kind) | Gathered(kind=kind):
            return kind
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


def conjunction(parts: list[Predicate]) -> Predicate:
    """Return the AND of predicates in its simplest form; that of none is true."""
    kept = [part for part in parts if part != TRUE]
    if FALSE in kept:
        return FALSE
    return TRUE if not kept else kept[0] if len(kept) == 1 else And(tuple(kept))


def disjunction(parts: list[Predicate]) -> Predicate:
    """Return the OR of predicates in its simplest form; that of none is false."""
    kept = [part for part in parts if part != FALSE]
    if TRUE in kept:
        return TRUE
    return FALSE if not kept else kept[0] if len(kept) == 1 else Or(tuple(kept))


def negation(part: Predicate) -> Predicate:
    """Return the NOT of a predicate in its simplest form."""
    match part:
        case Const(value):
            return Const(value=not value)
        case Not(inner):
            return inner
    return Not(part)


def children(node: Predicate | Value) -> tuple[Predicate | Value, ...]:  # noqa: C901, PLR0911, PLR0912 (a case a node)
    """Return what a node is made of, without the rows of other tables (`Related.where`)."""
    match node:
        case And(parts) | Or(parts):
            return parts
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
        case Flat(of) | At(of) | Truth(of):
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
