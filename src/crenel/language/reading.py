"""Values → SQL: what a row says, by name, path, projection, function and conversion. Null stays null."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from sqlglot import exp

from crenel.catalog.columns import JSON, TEXT, ListOf, MapOf, Struct, Type
from crenel.catalog.events import MEMBERS, TEXTS
from crenel.catalog.spec import Detail
from crenel.language import leaves, raw
from crenel.language.compare import (
    Operand,
    as_json,
    bare,
    constant,
    group,
    json_items,
    json_member,
    json_number,
    json_type,
    text_of,
)
from crenel.language.convert import converted
from crenel.language.expressions import (
    anchored,
    case,
    cast,
    closed,
    column,
    function,
    lambda_,
    literal,
    not_null,
    paren,
)
from crenel.language.functions import called
from crenel.language.plan import (
    TRUE,
    At,
    Call,
    Choice,
    Convert,
    DaysSince,
    Each,
    Extract,
    FactJoin,
    Field,
    Flat,
    Gathered,
    Length,
    Literal,
    Lookup,
    Lower,
    Member,
    Number,
    Predicate,
    Truth,
    Value,
)
from crenel.language.records import Folded, Joined, Reached, Said, Stands
from crenel.language.walking import kind_of

_SECONDS_A_DAY = 86_400


class TableType(Protocol):
    """What the compiler has to know of a table."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def table(self) -> str:
        """Its name in SQL."""

    @property
    def details(self) -> Mapping[str, Detail]:
        """What takes calls of its own."""

    def schema(self) -> Mapping[str, Type]:
        """Return its columns."""

    def detail_of(self, column: str) -> str | None:
        """Return the detail that gives a column, None where the listing does."""


@dataclass(frozen=True, slots=True)
class Source:
    """A table as a snapshot has it: its type, and the columns that are really there (others were not collected)."""

    type: TableType
    columns: frozenset[str]


@dataclass(slots=True)
class Compiler:
    """What a compilation shares: the tables at hand, the snapshot's time, fresh names.

    `lenient`: what could not be read counts as absent, as Cloud Custodian takes it, instead of leaving a verdict open.
    """

    sources: Mapping[str, Source]
    time: datetime
    lenient: bool = False
    item_kinds: dict[int, Type] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)

    @property
    def now(self) -> exp.Expr:
        """The snapshot's time as a SQL literal, in UTC."""
        return cast(literal(self.time.strftime("%Y-%m-%d %H:%M:%S.%f")), "TIMESTAMP")

    def fresh(self, prefix: str) -> str:
        """Return a name that is new in this compilation."""
        self._counts[prefix] = self._counts.get(prefix, 0) + 1
        return f"{prefix}{self._counts[prefix]}"

    @contextmanager
    def item(self, number: int, kind: Type) -> Iterator[exp.Expr]:
        """Bind a list's item while what is asked of it is compiled; gives the item."""
        before = self.item_kinds.get(number)
        self.item_kinds[number] = kind
        yield exp.to_identifier(f"i{number}")
        if before is None:
            del self.item_kinds[number]
        else:
            self.item_kinds[number] = before


class Reader(ABC):
    """Writes values of one table's rows as SQL."""

    def __init__(self, compiler: Compiler, source: Source, alias: str) -> None:
        self.compiler = compiler
        self.source = source
        self.alias = alias
        self.kinds = source.type.schema()
        self.outer: dict[tuple[str, ...], exp.Expr] = {}

    @abstractmethod
    def predicate(self, node: Predicate) -> exp.Expr:
        """Return a predicate's SQL."""

    @abstractmethod
    def fact(self, join: FactJoin) -> str:
        """Return the alias under which a dated fact is joined."""

    @abstractmethod
    def gathered(self, node: Gathered) -> exp.Expr:
        """Return the list of what related rows say, null where there are none."""

    def operand(self, node: Value) -> Operand:
        """Return a value as one side of a comparison."""
        if isinstance(node, Literal):
            return Operand(kind_of(node), constant(node.value), fixed=True, value=node.value)
        return Operand(kind_of(node), self.value(node))

    def value(self, node: Value) -> exp.Expr:
        """Return a value's SQL, JSON as JSON: what can be a part of any other expression as it stands."""
        return closed(self._opened(node))

    def _opened(self, node: Value) -> exp.Expr:  # noqa: C901, PLR0911, PLR0912 (a case a node)
        match node:
            case Literal(value):
                return constant(value)
            case Field(path, kind, item):
                return self.field(path, item, kind)
            case Lookup(join, name, _):
                return column(self.fact(join), name)
            case DaysSince(of, exact):
                return self._days_since(of, exact=exact)
            case Length(of):
                return leaves.length(kind_of(of), self.value(of))
            case Lower(of):
                return leaves.lowered(kind_of(of), self.value(of))
            case Number(of):
                return self._number(of)
            case Extract():
                return self._extract(node)
            case Convert(of, to):
                return converted(to, kind_of(of), self.value(of))
            case Member(of, name):
                return below(kind_of(of), self.value(of), name)
            case Each():
                return self._each(node)
            case Flat(of):
                return _flat(kind_of(of), self.value(of))
            case At(of, index):
                return _at(kind_of(of), self.value(of), index)
            case Call(name, arguments, _, settings):
                return called(name, [self.operand(each) for each in arguments], settings)
            case Truth(of):
                return self.predicate(of)
            case Gathered():
                return self.gathered(node)
            case Stands(path):
                return raw.stands(self.alias, path)
            case Reached(path):
                return raw.reached(self.alias, path)
            case Said(Stands((name,)), "none") if name in MEMBERS:
                return column(self.alias, name)
            case Said(Stands((name,)), other) if name in TEXTS:
                return raw.said_column(self.alias, name, other)
            case Said(of, other):
                return raw.said(self.value(of), other)
            case Folded(of, letters):
                return raw.folded(self.value(of), letters)
            case Joined(parts):
                return raw.joined([self.value(part) for part in parts])
            case Choice(when, first, second, kind):
                return case([(self.predicate(when), self._as(kind, first))], self._as(kind, second))

    def _as(self, kind: Type, node: Value) -> exp.Expr:
        """Return a value as the kind that a choice has: JSON where its sides differ."""
        operand = self.operand(node)
        return bare(as_json(operand)) if kind == JSON and operand.kind != JSON else operand.sql

    def _days_since(self, of: Value, *, exact: bool) -> exp.Expr:
        seconds = exp.Sub(this=function("EPOCH", self.compiler.now), expression=function("EPOCH", self.value(of)))
        days = exp.Div(this=paren(seconds), expression=literal(_SECONDS_A_DAY))
        return days if exact else cast(function("FLOOR", days), "BIGINT")

    def _number(self, of: Value) -> exp.Expr:
        sql = self.value(of)
        text = exp.TryCast(this=text_of(kind_of(of), sql), to=exp.DataType.build("DOUBLE"))
        return exp.Coalesce(this=json_number(sql), expressions=[text]) if kind_of(of) == JSON else text

    def _extract(self, node: Extract) -> exp.Expr:
        text = text_of(kind_of(node.of), self.value(node.of))
        hit = function("REGEXP_MATCHES", text, literal(anchored(node.pattern)))
        found = function("REGEXP_EXTRACT", text, literal(anchored(node.pattern)), literal(1))
        # DuckDB gives an empty text for a group that took no part.
        return case([(hit, function("NULLIF", found, literal("")) if node.optional else found)], exp.null())

    def _each(self, node: Each) -> exp.Expr:
        kind, items = items_of(kind_of(node.list), self.value(node.list))
        with self.compiler.item(node.item, kind) as item:
            if node.where != TRUE:
                items = function("LIST_FILTER", items, lambda_(item.name, self.predicate(node.where)))
            if node.body != Field((), kind, node.item):
                items = function("LIST_TRANSFORM", items, lambda_(item.name, self.value(node.body)))
        return function("LIST_FILTER", items, lambda_("x", not_null(exp.to_identifier("x"))))

    def field(self, path: tuple[str, ...], item: int, kind: Type = TEXT) -> exp.Expr:
        """Return a column of the row, or of a list item, or what lies below it."""
        if item < 0:
            return self.outer[path]
        if item:
            here: exp.Expr = exp.to_identifier(f"i{item}")
            kind = self.compiler.item_kinds.get(item, kind)
        else:
            if path[0] not in self.source.columns and path[0] in self.kinds:
                return exp.null()
            here, kind = column(self.alias, path[0]), self.kinds.get(path[0], TEXT)
            path = path[1:]
        for index, step in enumerate(path):
            match kind:
                case MapOf(value):
                    here, kind = exp.Bracket(this=here, expressions=[literal(step)]), value
                case Struct(fields):
                    here, kind = exp.Dot(this=here, expression=exp.to_identifier(step, quoted=True)), fields[step]
                case _:
                    return json_member(here, *path[index:])
        return bare(here) if kind == JSON else here


def below(kind: Type, sql: exp.Expr, name: str) -> exp.Expr:
    """Return what a value of a kind has under a name."""
    match kind:
        case MapOf(value):
            found: exp.Expr = exp.Bracket(this=sql, expressions=[literal(name)])
            return bare(found) if value == JSON else found
        case Struct(fields):
            found = exp.Dot(this=paren(sql), expression=exp.to_identifier(name, quoted=True))
            return bare(found) if fields[name] == JSON else found
    return json_member(sql, name)


def items_of(kind: Type, sql: exp.Expr) -> tuple[Type, exp.Expr]:
    """Return the kind and the list of a value's items."""
    return (kind.item, sql) if isinstance(kind, ListOf) else (JSON, json_items(sql))


def _flat(kind: Type, sql: exp.Expr) -> exp.Expr:
    item, items = items_of(kind, sql)
    if isinstance(item, ListOf):
        return function("FLATTEN", items)
    if group(item) != "json":
        return items
    each = exp.to_identifier("x")
    inner = case([(json_type(each, "ARRAY"), json_items(each))], exp.Array(expressions=[each]))
    return function("FLATTEN", function("LIST_TRANSFORM", items, lambda_("x", inner)))


def _at(kind: Type, sql: exp.Expr, index: int) -> exp.Expr:
    if isinstance(kind, ListOf):
        found: exp.Expr = function("LIST_EXTRACT", sql, literal(index + 1 if index >= 0 else index))
        return bare(found) if kind.item == JSON else found
    where = f"$[{index}]" if index >= 0 else f"$[#{index}]"
    return bare(function("JSON_EXTRACT", sql, literal(where)))
