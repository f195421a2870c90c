"""Plan → SQL.

Every predicate becomes a SQL boolean in which NULL means one thing: what it reads could not be read. Leaves are total
(`IS NOT DISTINCT FROM` where null is a value, `COALESCE(…, FALSE)` where it is not), and a leaf over a column with a
gap is wrapped into `CASE WHEN <gap> THEN NULL ELSE … END`. From there SQL's own AND, OR and NOT give Kleene's logic,
which is the logic of the verdicts.

A semi-join is a LEFT JOIN with the other table, grouped: how many rows hold (`yes`), how many may (`maybe`), and
whether the listing itself has a gap there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlglot import exp

from crenel.catalog.columns import JSON, TEXT, ListOf, MapOf, Struct, Type
from crenel.catalog.spec import ResourceType
from crenel.language import leaves
from crenel.language.expressions import (
    COMPARISONS,
    anchored,
    case,
    cast,
    column,
    function,
    is_null,
    literal,
    named,
    negated,
    not_null,
    or_zero,
    paren,
    struct,
    three_valued,
    together,
    total,
    unknown,
)
from crenel.language.plan import (
    And,
    Compare,
    Const,
    CountItems,
    DaysSince,
    Extract,
    FactJoin,
    Field,
    Has,
    In,
    IsEmpty,
    IsNull,
    Leaf,
    Length,
    Literal,
    Lookup,
    Lower,
    Matches,
    Not,
    Number,
    Or,
    Plain,
    Predicate,
    Related,
    Value,
    kind_of,
    walk,
)

_EVIDENCE_ITEMS = 20  # of a list or of related rows: enough to act on, bounded for the report
_SECONDS_A_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Source:
    """A table as a snapshot has it: its type, and the columns that are really there (others were not collected)."""

    type: ResourceType
    columns: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Join:
    """A LEFT JOIN that a table needs: its alias and the relation with its condition, ready to be written."""

    alias: str
    relation: exp.Expr
    condition: exp.Expr


class Relation:
    """One table in a query: turns values and predicates over its rows into SQL and gathers the joins that they need."""

    def __init__(self, compiler: Compiler, source: Source, alias: str) -> None:
        self.compiler = compiler
        self.source = source
        self.alias = alias
        self.kinds = source.type.schema()
        self.joins: list[_Join] = []
        self.aliases: dict[object, str] = {}

    # --- values

    def value(self, node: Value) -> exp.Expr:
        """Return a value's SQL; null stays null."""
        match node:
            case Literal(value):
                return self._literals(value) if isinstance(value, tuple) else literal(value)
            case Field(path, _, item):
                return self.field(path, item)
            case Lookup(join, name, _):
                return column(self._fact(join), name)
            case DaysSince(of, exact):
                seconds = exp.Sub(
                    this=function("EPOCH", self.compiler.now), expression=function("EPOCH", self.value(of))
                )
                days = exp.Div(this=paren(seconds), expression=literal(_SECONDS_A_DAY))
                return days if exact else cast(function("FLOOR", days), "BIGINT")
            case Length(of):
                return leaves.length(kind_of(of), self.value(of), self.raw(of))
            case Lower(of):
                return leaves.lowered(self.value(of))
            case Number(of):
                return exp.TryCast(this=self.value(of), to=exp.DataType.build("DOUBLE"))
            case Extract(of, pattern, optional):
                text = self.value(of)
                hit = function("REGEXP_MATCHES", text, literal(anchored(pattern)))
                found = function("REGEXP_EXTRACT", text, literal(anchored(pattern)), literal(1))
                # DuckDB gives an empty text for a group that took no part.
                return case([(hit, function("NULLIF", found, literal("")) if optional else found)], exp.null())

    def raw(self, node: Value) -> exp.Expr:
        """Return a value's SQL with JSON as JSON, where `value` makes a text of it."""
        return self.field(node.path, node.item, raw=True) if isinstance(node, Field) else self.value(node)

    def _literals(self, values: tuple[Plain, ...]) -> exp.Expr:
        return exp.Array(expressions=[literal(value) for value in values])

    def field(self, path: tuple[str, ...], item: int, *, raw: bool = False) -> exp.Expr:
        """Return a column of the row, or of a list item, or what lies below it. JSON is read as a text unless `raw`."""
        if item:
            here: exp.Expr = exp.to_identifier(f"i{item}")
            kind = self.compiler.item_kinds.get(item)
        else:
            here, kind = column(self.alias, path[0]), self.kinds.get(path[0], TEXT)
            path = path[1:]
        for index, step in enumerate(path):
            match kind:
                case MapOf(value):
                    here, kind = exp.Bracket(this=here, expressions=[literal(step)]), value
                case Struct(fields):
                    here, kind = exp.Dot(this=here, expression=exp.to_identifier(step, quoted=True)), fields[step]
                case _:
                    return leaves.json_at(here, path[index:], raw=raw)
        return leaves.json_at(here, (), raw=raw) if kind == JSON else here

    # --- predicates

    def predicate(self, node: Predicate) -> exp.Expr:
        """Return a predicate's SQL: TRUE, FALSE, or NULL for unknown."""
        match node:
            case And(parts):
                return together(exp.And, [self.predicate(part) for part in parts])
            case Or(parts):
                return together(exp.Or, [self.predicate(part) for part in parts])
            case Not(part):
                return negated(self.predicate(part))
            case Related():
                return self._gated(node, lambda: self.related(node))
        return self._gated(node, lambda: self._leaf(node))

    def _leaf(self, node: Leaf) -> exp.Expr:
        match node:
            case Const(value):
                return exp.true() if value else exp.false()
            case Compare(op, left, right):
                condition = COMPARISONS[op](this=self.value(left), expression=self.value(right))
                return condition if op in ("eq", "ne") else total(condition)
            case IsNull(value):
                return is_null(self.value(value))
            case IsEmpty(value):
                return leaves.is_empty(kind_of(value), self.value(value), self.raw(value))
            case In(value, among):
                return leaves.is_in(self.value(value), among)
            case Has(value, item):
                return leaves.has(kind_of(value), self.value(value), self.raw(value), item)
            case Matches(value, pattern, ignore_case):
                full = f"(?i){anchored(pattern)}" if ignore_case else anchored(pattern)
                return total(function("REGEXP_MATCHES", self.value(value), literal(full)))
            case CountItems():
                return COMPARISONS[node.op](this=self._count_items(node), expression=literal(node.count))

    def _count_items(self, node: CountItems) -> exp.Expr:
        kind = kind_of(node.list)
        self.compiler.item_kinds[node.item] = kind.item if isinstance(kind, ListOf) else JSON
        body = self.predicate(node.where)
        matching = function(
            "LIST_FILTER",
            self.value(node.list),
            exp.Lambda(this=body, expressions=[exp.to_identifier(f"i{node.item}")]),
        )
        return or_zero(function("LEN", matching))

    # --- gaps

    def _gated(self, node: Predicate | Value, sql: Callable[[], exp.Expr]) -> exp.Expr:
        """Return the SQL of a leaf, NULL where a column that it reads has a gap or was not collected.

        What was not collected has no SQL, and no join may name it: `sql` is asked only where all is there.
        """
        details = self._details(node)
        if details is None:
            return unknown()
        if not details:
            return sql()
        gap = together(exp.Or, [not_null(self._gap(name)) for name in sorted(details)])
        return case([(gap, unknown())], sql())

    def collected(self, node: Predicate | Value) -> bool:
        """Return whether the snapshot has every column of this row that a node reads."""
        return self._details(node) is not None

    def _details(self, node: Predicate | Value) -> set[str] | None:
        """Return the details that a node reads of this row; None where one of its columns was not collected."""
        found = set()
        for part in walk(node):
            if isinstance(part, Field) and part.item == 0:
                if part.path[0] not in self.source.columns:
                    return None
                detail = self.source.type.detail_of(part.path[0])
                if detail:
                    found.add(detail)
        return found

    def _gap(self, detail: str) -> exp.Expr:
        return exp.Bracket(this=column(self.alias, "_gaps"), expressions=[literal(detail)])

    def why_unknown(self, nodes: Sequence[Predicate]) -> exp.Expr:
        """Return the text that says which reads failed for the row, of those that the predicates need."""
        details: set[str] = set()
        absent: set[str] = set()
        reasons: list[exp.Expr] = []
        for part in (part for node in nodes for part in walk(node)):
            if isinstance(part, Field) and part.item == 0:
                if part.path[0] not in self.source.columns:
                    absent.add(part.path[0])
                elif detail := self.source.type.detail_of(part.path[0]):
                    details.add(detail)
            elif isinstance(part, Related) and self.collected(part):
                self.related(part)
                reasons.append(self._related_reason(part))
        named = [literal(f"{name} was not collected in this snapshot") for name in sorted(absent)]
        parts = [*named, *(self._gap(name) for name in sorted(details)), *reasons]
        if not parts:
            return cast(exp.null(), "VARCHAR")
        return function("NULLIF", function("CONCAT_WS", literal("; "), *parts), literal(""))

    # --- other tables

    def related(self, node: Related) -> exp.Expr:
        """Return whether the number of related rows compares so; unknown where a gap could change the answer."""
        other = self.compiler.sources.get(node.table)
        if other is None:
            return unknown()
        alias = self._join(node, other)
        yes = or_zero(column(alias, "yes"))
        may = exp.Add(this=yes, expression=or_zero(column(alias, "maybe")))
        gap = not_null(column(f"{alias}g", "why"))
        return three_valued(node.op, node.count, yes, may, gap)

    def _related_reason(self, node: Related) -> exp.Expr:
        if node.table not in self.compiler.sources:
            return literal(f"aws.{node.table} was not collected in this snapshot")
        alias = self.aliases[join_key(node)]
        both = function("CONCAT_WS", literal("; "), column(alias, "why"), column(f"{alias}g", "why"))
        return function("NULLIF", both, literal(""))

    def _join(self, node: Related, other: Source) -> str:
        """Add the join with another table unless an equal one is there; return its alias."""
        key = join_key(node)
        if key in self.aliases:
            return self.aliases[key]
        alias = self.compiler.fresh("j")
        self.aliases[key] = alias
        inner = Relation(self.compiler, other, self.compiler.fresh("t"))
        holds = inner.predicate(node.where)
        fields = _fields_of(node.where, node.on)
        shown = {"id": column(inner.alias, "_id")}
        shown |= {".".join(path): inner.field(path, 0, raw=True) for path in fields if path[0] in other.columns}
        keys = [named(inner.value(theirs), f"k{index}") for index, (_, theirs) in enumerate(node.on)]
        places = _places(node)
        rows = inner.select(
            [
                *keys,
                *(named(column(inner.alias, theirs), name) for name, theirs, _ in places),
                named(holds, "holds"),
                named(inner.why_unknown([node.where]), "why"),
                named(struct(shown), "shown"),
            ]
        )
        groups = [f"k{index}" for index in range(len(node.on))] + [name for name, _, _ in places]
        unsure = is_null(exp.column("holds"))
        grouped = (
            exp.Select()
            .select(
                *(exp.column(name) for name in groups),
                named(function("COUNT_IF", exp.Is(this=exp.column("holds"), expression=exp.true())), "yes"),
                named(function("COUNT_IF", unsure), "maybe"),
                named(function("MIN", case([(unsure, exp.column("why"))], exp.null())), "why"),
                named(some(function("LIST", exp.column("shown"))), "shown"),
                copy=False,
            )
            .from_(rows.subquery("rows", copy=False), copy=False)
            .group_by(*(exp.column(name) for name in groups), copy=False)
        )
        on: list[exp.Expr] = [
            exp.EQ(this=column(alias, f"k{index}"), expression=self.value(mine))
            for index, (mine, _) in enumerate(node.on)
        ]
        on += [exp.EQ(this=column(alias, name), expression=column(self.alias, mine)) for name, _, mine in places]
        self.joins.append(_Join(alias, grouped.subquery(alias, copy=False), together(exp.And, on)))
        self.joins.append(self._gap_join(f"{alias}g", node))
        return alias

    def _gap_join(self, alias: str, node: Related) -> _Join:
        """The join that says whether the other table's own listing has a gap where this row looks."""
        names = ["_account", "_region"] if node.within == "region" else ["_account"]
        relation = (
            exp.Select()
            .select(*(exp.column(name) for name in names), named(function("MIN", exp.column("why")), "why"), copy=False)
            .from_("listing_gaps", copy=False)
            .where(exp.EQ(this=exp.column("type"), expression=literal(node.table)), copy=False)
            .group_by(*(exp.column(name) for name in names), copy=False)
        )
        on = [exp.EQ(this=column(alias, name), expression=column(self.alias, name)) for name in names]
        return _Join(alias, relation.subquery(alias, copy=False), together(exp.And, on))

    def _fact(self, join: FactJoin) -> str:
        """Add the join with a dated fact unless an equal one is there; return its alias."""
        if join in self.aliases:
            return self.aliases[join]
        alias = self.compiler.fresh("f")
        self.aliases[join] = alias
        table = exp.to_table(fact_table(join.fact)).as_(alias)
        on = exp.EQ(this=column(alias, join.key), expression=self.value(join.of))
        self.joins.append(_Join(alias, table, on))
        return alias

    def select(self, columns: Sequence[exp.Expr]) -> exp.Select:
        """Return the query of these columns over the table and its joins."""
        table = exp.Table(
            this=exp.to_identifier(self.source.type.table, quoted=True),
            alias=exp.TableAlias(this=exp.to_identifier(self.alias)),
        )
        query = exp.Select().select(*columns, copy=False).from_(table, copy=False)
        for join in self.joins:
            query = query.join(join.relation, on=join.condition, join_type="LEFT", copy=False)
        return query


COMMON = ("_account", "_region", "_home", "_owner", "_id", "_arn", "_name", "_seen_at")


@dataclass(slots=True)
class Compiler:
    """What a compilation shares: the tables at hand, the snapshot's time, fresh names."""

    sources: Mapping[str, Source]
    time: datetime
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


def fact_table(name: str) -> str:
    """Return the SQL name of a dated fact's table."""
    return "fact_" + name.replace("-", "_")


def join_key(node: Related) -> object:
    """Return what makes two semi-joins the same join: they may differ in what they ask of the number."""
    return (node.table, node.on, node.within, node.where)


def _places(node: Related) -> list[tuple[str, str, str]]:
    """Return (name, the other table's column, this table's column) for what must agree beside the keys."""
    places = [("account", "_account", "_account")]
    if node.within == "region":
        places.append(("region", "_home", "_home"))
    return places


def _fields_of(where: Predicate, on: Sequence[tuple[Value, Value]]) -> list[tuple[str, ...]]:
    nodes = [*walk(where), *(part for _, theirs in on for part in walk(theirs))]
    return sorted({node.path for node in nodes if isinstance(node, Field) and node.item == 0})


def some(sql: exp.Expr) -> exp.Expr:
    """Return the first items of a list, as many as a finding shows."""
    return function("LIST_SLICE", sql, literal(1), literal(_EVIDENCE_ITEMS))
