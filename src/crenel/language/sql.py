"""Plan → SQL.

Every predicate becomes a SQL boolean in which NULL means one thing: what it reads could not be read. Leaves are total (`IS NOT
DISTINCT FROM` where null is a value, `COALESCE(…, FALSE)` where it is not), and a leaf over a column with a gap is wrapped into
`CASE WHEN <gap> THEN NULL ELSE … END`. From there SQL's own AND, OR and NOT give Kleene's logic, which is the logic of the verdicts.

A semi-join is a LEFT JOIN with the other table, grouped: how many rows hold (`yes`), how many may (`maybe`), and whether the listing
itself has a gap there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlglot import exp

from crenel.catalog.columns import JSON, TEXT, ListOf, MapOf, Scalar, Struct, Type
from crenel.catalog.spec import ResourceType
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
    Length,
    Literal,
    Lookup,
    Lower,
    Matches,
    Not,
    Op,
    Or,
    Plain,
    Plan,
    Predicate,
    Related,
    Template,
    Value,
    walk,
)

_EVIDENCE_ITEMS = 20  # of a list or of related rows: enough to act on, bounded for the report
_SECONDS_A_DAY = 86_400

_COMPARISONS: Mapping[Op, type[exp.Expr]] = {
    "eq": exp.NullSafeEQ,
    "ne": exp.NullSafeNEQ,
    "lt": exp.LT,
    "le": exp.LTE,
    "gt": exp.GT,
    "ge": exp.GTE,
}


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


def function(name: str, *arguments: exp.Expr) -> exp.Expr:
    """Return a call that is written as it stands."""
    return exp.Anonymous(this=name, expressions=list(arguments))


def column(alias: str, *path: str) -> exp.Expr:
    """Return a column of a relation, or a struct member below it."""
    parts = [exp.to_identifier(alias), *(exp.to_identifier(part, quoted=True) for part in path)]
    return exp.Dot.build(parts) if len(parts) > 1 else parts[0]


def literal(value: Plain) -> exp.Expr:
    """Return a SQL literal."""
    match value:
        case None:
            return exp.null()
        case bool():
            return exp.true() if value else exp.false()
        case str():
            return exp.Literal.string(value)
    return exp.Literal.number(value)


def unknown() -> exp.Expr:
    """Return the boolean that stands for "could not be read"."""
    return exp.cast(exp.null(), "BOOLEAN")


def total(condition: exp.Expr) -> exp.Expr:
    """Return a condition that is false where SQL would say NULL."""
    return exp.Coalesce(this=condition, expressions=[exp.false()])


def case(branches: Sequence[tuple[exp.Expr, exp.Expr]], default: exp.Expr) -> exp.Expr:
    """Return a CASE over (condition, result) pairs."""
    if not branches:
        return default
    ifs = [exp.If(this=condition, true=result) for condition, result in branches]
    return exp.Case(ifs=ifs, default=default)


def together(kind: type[exp.And | exp.Or], parts: Sequence[exp.Expr]) -> exp.Expr:
    """Return the AND or the OR of conditions."""
    result: exp.Expr = exp.paren(parts[0])
    for part in parts[1:]:
        result = kind(this=result, expression=exp.paren(part))
    return exp.paren(result)


class Relation:
    """One table in a query: turns values and predicates over its rows into SQL and gathers the joins that they need."""

    def __init__(self, compiler: Compiler, source: Source, alias: str) -> None:
        self.compiler = compiler
        self.source = source
        self.alias = alias
        self.kinds = source.type.schema()
        self.joins: list[_Join] = []
        self._related: dict[object, str] = {}

    # --- values

    def value(self, node: Value) -> exp.Expr:
        """Return a value's SQL; null stays null."""
        match node:
            case Literal(value):
                return self.literals(value) if isinstance(value, tuple) else literal(value)
            case Field(path, _, item):
                return self.field(path, item)
            case Lookup(alias, name, _):
                return column(alias, name)
            case DaysSince(of, exact):
                seconds = exp.Sub(
                    this=function("EPOCH", self.compiler.now), expression=function("EPOCH", self.value(of))
                )
                days = exp.Div(this=exp.paren(seconds), expression=literal(_SECONDS_A_DAY))
                return days if exact else exp.cast(function("FLOOR", days), "BIGINT")
            case Length(of):
                return exp.Coalesce(this=function("LEN", self.value(of)), expressions=[literal(0)])
            case Lower(of):
                return function("LOWER", function("TRIM", self.value(of)))
            case Extract(of, pattern):
                text = self.value(of)
                hit = function("REGEXP_MATCHES", text, literal(anchored(pattern)))
                return case(
                    [(hit, function("REGEXP_EXTRACT", text, literal(anchored(pattern)), literal(1)))], exp.null()
                )

    def literals(self, values: tuple[Plain, ...]) -> exp.Expr:
        return exp.Array(expressions=[literal(value) for value in values])

    def field(self, path: tuple[str, ...], item: int) -> exp.Expr:
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
                    where = "$" + "".join(f'."{rest}"' for rest in path[index:])
                    return function("JSON_EXTRACT_STRING", here, literal(where))
        return here

    # --- predicates

    def predicate(self, node: Predicate) -> exp.Expr:
        """Return a predicate's SQL: TRUE, FALSE, or NULL for unknown."""
        match node:
            case And(parts):
                return together(exp.And, [self.predicate(part) for part in parts])
            case Or(parts):
                return together(exp.Or, [self.predicate(part) for part in parts])
            case Not(part):
                return exp.Not(this=exp.paren(self.predicate(part)))
            case Related():
                return self.gated(node, self.related(node))
        return self.gated(node, self.leaf(node))

    def leaf(self, node: Predicate) -> exp.Expr:
        match node:
            case Const(value):
                return exp.true() if value else exp.false()
            case Compare(op, left, right):
                condition = _COMPARISONS[op](this=self.value(left), expression=self.value(right))
                return condition if op in ("eq", "ne") else total(condition)
            case IsNull(value):
                return exp.Is(this=self.value(value), expression=exp.null())
            case IsEmpty(value):
                return self.is_empty(value)
            case In(value, among):
                return self.is_in(self.value(value), among)
            case Has(value, item):
                name = "LIST_CONTAINS" if isinstance(_kind(value), ListOf) else "CONTAINS"
                return total(function(name, self.value(value), literal(item)))
            case Matches(value, pattern, ignore_case):
                full = f"(?i){anchored(pattern)}" if ignore_case else anchored(pattern)
                return total(function("REGEXP_MATCHES", self.value(value), literal(full)))
            case CountItems():
                return _COMPARISONS[node.op](this=self.count_items(node), expression=literal(node.count))
        # And, Or, Not and Related inside a list item: no gaps below a list, so plain logic is enough.
        return self.predicate(node)

    def is_empty(self, value: Value) -> exp.Expr:
        sql = self.value(value)
        absent = exp.Is(this=sql, expression=exp.null())
        match _kind(value):
            case ListOf():
                return exp.EQ(
                    this=exp.Coalesce(this=function("LEN", sql), expressions=[literal(0)]), expression=literal(0)
                )
            case MapOf():
                return exp.EQ(
                    this=exp.Coalesce(this=function("CARDINALITY", sql), expressions=[literal(0)]),
                    expression=literal(0),
                )
            case Struct():
                # `{}` arrives as a struct of nothing but nulls.
                return together(
                    exp.Or, [absent, total(exp.EQ(this=function("TO_JSON", sql), expression=self.blank(value)))]
                )
            case Scalar("boolean"):
                return exp.Not(this=total(sql))
            case Scalar("integer" | "number"):
                return exp.EQ(this=exp.Coalesce(this=sql, expressions=[literal(0)]), expression=literal(0))
            case Scalar("json"):
                return self.is_in(exp.cast(sql, "VARCHAR"), (None, "null", '""', "[]", "{}", "0", "false"))
        return together(exp.Or, [absent, total(exp.EQ(this=sql, expression=literal("")))])

    def blank(self, value: Value) -> exp.Expr:
        kind = _kind(value)
        names = list(kind.fields) if isinstance(kind, Struct) else []
        pairs: list[exp.Expr] = []
        for name in names:
            pairs += [literal(name), exp.null()]
        return function("JSON_OBJECT", *pairs)

    def is_in(self, sql: exp.Expr, among: tuple[Plain, ...]) -> exp.Expr:
        values = [literal(value) for value in among if value is not None]
        found: list[exp.Expr] = [total(exp.In(this=sql, expressions=values))] if values else []
        if None in among:
            found.append(exp.Is(this=sql, expression=exp.null()))
        return together(exp.Or, found) if found else exp.false()

    def count_items(self, node: CountItems) -> exp.Expr:
        kind = _kind(node.list)
        self.compiler.item_kinds[node.item] = kind.item if isinstance(kind, ListOf) else JSON
        body = self.predicate(node.where)
        matching = function(
            "LIST_FILTER",
            self.value(node.list),
            exp.Lambda(this=body, expressions=[exp.to_identifier(f"i{node.item}")]),
        )
        return exp.Coalesce(this=function("LEN", matching), expressions=[literal(0)])

    # --- gaps

    def gated(self, node: Predicate | Value, sql: exp.Expr) -> exp.Expr:
        """Return the SQL of a leaf, NULL where a column that it reads has a gap or was not collected."""
        details = self.details(node)
        if details is None:
            return unknown()
        if not details:
            return sql
        gap = together(
            exp.Or, [exp.Not(this=exp.Is(this=self.gap(name), expression=exp.null())) for name in sorted(details)]
        )
        return case([(gap, unknown())], sql)

    def details(self, node: Predicate | Value) -> set[str] | None:
        """Return the details that a leaf reads of this row; None where one of its columns was not collected."""
        found = set()
        for part in walk(node):
            if isinstance(part, Field) and part.item == 0:
                if part.path[0] not in self.source.columns:
                    return None
                detail = self.source.type.detail_of(part.path[0])
                if detail:
                    found.add(detail)
        return found

    def gap(self, detail: str) -> exp.Expr:
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
            elif isinstance(part, Related):
                self.related(part)
                reasons.append(self.related_reason(part))
        named = [literal(f"{name} was not collected in this snapshot") for name in sorted(absent)]
        parts = [*named, *(self.gap(name) for name in sorted(details)), *reasons]
        return function("CONCAT_WS", literal("; "), *parts) if parts else exp.cast(exp.null(), "VARCHAR")

    # --- other tables

    def related(self, node: Related) -> exp.Expr:
        other = self.compiler.sources.get(node.table)
        if other is None:
            return unknown()
        alias = self.join(node, other)
        yes = exp.Coalesce(this=column(alias, "yes"), expressions=[literal(0)])
        may = exp.Add(this=yes, expression=exp.Coalesce(this=column(alias, "maybe"), expressions=[literal(0)]))
        gap = exp.Not(this=exp.Is(this=column(f"{alias}g", "why"), expression=exp.null()))
        return three_valued(node.op, node.count, yes, may, gap)

    def related_reason(self, node: Related) -> exp.Expr:
        if node.table not in self.compiler.sources:
            return literal(f"aws.{node.table} was not collected in this snapshot")
        alias = self._related[_join_key(node)]
        return function("CONCAT_WS", literal("; "), column(alias, "why"), column(f"{alias}g", "why"))

    def join(self, node: Related, other: Source) -> str:
        """Add the join with another table unless an equal one is there; return its alias."""
        key = _join_key(node)
        if key in self._related:
            return self._related[key]
        alias = self.compiler.fresh("j")
        self._related[key] = alias
        inner = Relation(self.compiler, other, self.compiler.fresh("t"))
        holds = inner.predicate(node.where)
        fields = _fields_of(node.where, node.on)
        shown = [exp.PropertyEQ(this=exp.to_identifier("id", quoted=True), expression=column(inner.alias, "_id"))]
        shown += [
            exp.PropertyEQ(this=exp.to_identifier(".".join(path), quoted=True), expression=inner.field(path, 0))
            for path in fields
            if path[0] in other.columns
        ]
        keys = [exp.alias_(inner.value(theirs), f"k{index}") for index, (_, theirs) in enumerate(node.on)]
        places = _places(node)
        rows = inner.select(
            [
                *keys,
                *(exp.alias_(column(inner.alias, theirs), name) for name, theirs, _ in places),
                exp.alias_(holds, "holds"),
                exp.alias_(inner.why_unknown([node.where]), "why"),
                exp.alias_(exp.Struct(expressions=shown), "shown"),
            ]
        )
        groups = [f"k{index}" for index in range(len(node.on))] + [name for name, _, _ in places]
        grouped = (
            exp.select(
                *(exp.column(name) for name in groups),
                exp.alias_(_count_if(exp.Is(this=exp.column("holds"), expression=exp.true())), "yes"),
                exp.alias_(_count_if(exp.Is(this=exp.column("holds"), expression=exp.null())), "maybe"),
                exp.alias_(function("MIN", case([(_is_null("holds"), exp.column("why"))], exp.null())), "why"),
                exp.alias_(_some(function("LIST", exp.column("shown"))), "shown"),
            )
            .from_(rows.subquery("rows"))
            .group_by(*(exp.column(name) for name in groups))
        )
        on: list[exp.Expr] = [
            exp.NullSafeEQ(this=column(alias, f"k{index}"), expression=self.value(mine))
            for index, (mine, _) in enumerate(node.on)
        ]
        on += [exp.EQ(this=column(alias, name), expression=column(self.alias, mine)) for name, _, mine in places]
        self.joins.append(_Join(alias, grouped.subquery(alias), together(exp.And, on)))
        self.joins.append(self.gap_join(f"{alias}g", node))
        return alias

    def gap_join(self, alias: str, node: Related) -> _Join:
        """The join that says whether the other table's own listing has a gap where this row looks."""
        names = ["_account", "_region"] if node.within == "region" else ["_account"]
        relation = (
            exp.select(*(exp.column(name) for name in names), exp.alias_(function("MIN", exp.column("why")), "why"))
            .from_("listing_gaps")
            .where(exp.EQ(this=exp.column("type"), expression=literal(node.table)))
            .group_by(*(exp.column(name) for name in names))
        )
        on = [exp.EQ(this=column(alias, name), expression=column(self.alias, name)) for name in names]
        return _Join(alias, relation.subquery(alias), together(exp.And, on))

    def join_fact(self, join: FactJoin) -> None:
        """Add the join with a dated fact."""
        table = exp.to_table(fact_table(join.fact)).as_(join.alias)
        on = exp.NullSafeEQ(this=column(join.alias, join.key), expression=self.value(join.value))
        self.joins.append(_Join(join.alias, table, on))

    def select(self, columns: Sequence[exp.Expr]) -> exp.Select:
        """Return the query of these columns over the table and its joins."""
        query = exp.select(*columns).from_(exp.to_table(self.source.type.table).as_(self.alias))
        for join in self.joins:
            query = query.join(join.relation, on=join.condition, join_type="LEFT")
        return query

    # --- words

    def text(self, template: Template, params: Callable[[exp.Expr, Type], exp.Expr] | None = None) -> exp.Expr:
        """Return a template as one SQL text; a null reads "none"."""
        parts: list[exp.Expr] = []
        for part in template.parts:
            if isinstance(part, str):
                parts.append(literal(part))
            else:
                shown = exp.cast(self.shown(part), "VARCHAR")
                parts.append(exp.Coalesce(this=shown, expressions=[literal("none")]))
        return function("CONCAT", *parts) if parts else literal("")

    def shown(self, value: Value) -> exp.Expr:
        kind = _kind(value)
        sql = self.value(value)
        if isinstance(value, Field) and value.item == 0 and value.path[0] not in (*self.source.columns, *COMMON):
            return exp.null()
        if isinstance(kind, ListOf):
            return function("ARRAY_TO_STRING", sql, literal(", "))
        if kind == Scalar("timestamp"):
            return function("STRFTIME", sql, literal("%Y-%m-%d"))
        return sql

    def evidence(self, plan: Plan) -> exp.Expr:
        """Return the JSON object of what the plan's predicates read of the row."""
        pairs: dict[str, exp.Expr] = {}
        for node in (part for root in plan.predicates() for part in walk(root)):
            if isinstance(node, Field) and node.item == 0 and node.path[0] in self.source.columns:
                sql = self.field(node.path, 0)
                pairs[".".join(node.path)] = _some(sql) if isinstance(node.kind, ListOf) else sql
            elif isinstance(node, Lookup):
                pairs[f"{node.alias}.{node.column}"] = column(node.alias, node.column)
            elif isinstance(node, Related) and node.table in self.compiler.sources:
                name = f"aws.{node.table}"
                while name in pairs:
                    name += "'"
                self.related(node)
                found = column(self._related[_join_key(node)], "shown")
                pairs[name] = exp.Coalesce(this=found, expressions=[exp.Array(expressions=[])])
        flat = [part for name, sql in pairs.items() for part in (literal(name), sql)]
        return exp.cast(function("JSON_OBJECT", *flat), "VARCHAR")


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
        return exp.cast(literal(self.time.strftime("%Y-%m-%d %H:%M:%S.%f")), "TIMESTAMP")

    def fresh(self, prefix: str) -> str:
        """Return a name that is new in this compilation."""
        self._counts[prefix] = self._counts.get(prefix, 0) + 1
        return f"{prefix}{self._counts[prefix]}"


def verdicts(compiler: Compiler, source: Source, plans: Sequence[Plan]) -> str:
    """Return the DuckDB query that judges one table by all its plans in one pass.

    One row a verdict: the row's common columns and the struct `verdict` {policy, status, message, reason, evidence}.
    """
    relation = Relation(compiler, source, "t0")
    structs = [_verdict(relation, plan) for plan in plans]
    commons = [exp.alias_(column("t0", name), name) for name in COMMON]
    unnested = exp.alias_(function("UNNEST", exp.Array(expressions=structs)), "verdict")
    return relation.select([*commons, unnested]).sql(dialect="duckdb")


def _verdict(relation: Relation, plan: Plan) -> exp.Expr:
    for join in plan.facts:
        relation.join_fact(join)
    scope = relation.predicate(plan.scope)
    fails = relation.predicate(plan.fails)
    foreign = exp.NullSafeNEQ(this=column("t0", "_owner"), expression=column("t0", "_account"))
    owned = exp.Coalesce(this=exp.paren(foreign), expressions=[exp.false()])
    owner = function(
        "CONCAT", literal("It belongs to account "), column("t0", "_owner"), literal(", which answers for it.")
    )
    why = relation.why_unknown(list(plan.predicates()))
    outside = exp.Not(this=exp.paren(scope))
    excused = [(relation.predicate(clause.when), relation.text(clause.text)) for clause in plan.not_applicable]
    doubted = [(relation.predicate(clause.when), relation.text(clause.text)) for clause in plan.unknown]
    unread: list[exp.Expr] = [
        exp.Is(this=exp.paren(sql), expression=exp.null()) for sql in (scope, *(when for when, _ in excused))
    ]
    status = case(
        [
            (outside, exp.null()),
            (owned, literal("NOT_APPLICABLE")),
            *((when, literal("NOT_APPLICABLE")) for when, _ in excused),
            (together(exp.Or, unread), literal("UNKNOWN")),
            *((when, literal("UNKNOWN")) for when, _ in doubted),
            (fails, literal("FAIL")),
            (exp.Not(this=exp.paren(fails)), literal("PASS")),
        ],
        literal("UNKNOWN"),
    )
    reason = case(
        [
            (outside, exp.null()),
            (owned, owner),
            *excused,
            (together(exp.Or, unread), why),
            *doubted,
            (exp.Not(this=exp.Is(this=exp.paren(fails), expression=exp.null())), exp.null()),
        ],
        why,
    )
    notes = [
        case([(relation.predicate(clause.when), relation.text(clause.text))], literal("")) for clause in plan.notes
    ]
    message = case(
        [
            (fails, function("CONCAT", relation.text(plan.message_fail), *notes)),
            (exp.Not(this=exp.paren(fails)), function("CONCAT", relation.text(plan.message_pass), *notes)),
        ],
        literal(""),
    )
    fields = {
        "policy": literal(plan.policy),
        "status": exp.cast(status, "VARCHAR"),
        "message": message,
        "reason": exp.cast(reason, "VARCHAR"),
        "evidence": relation.evidence(plan),
    }
    return exp.Struct(
        expressions=[
            exp.PropertyEQ(this=exp.to_identifier(name, quoted=True), expression=sql) for name, sql in fields.items()
        ]
    )


def three_valued(op: Op, count: int, yes: exp.Expr, may: exp.Expr, gap: exp.Expr) -> exp.Expr:
    """Return whether a number known only to lie in [yes, may] (or above, with a gap) compares so with `count`."""

    def at_least(number: int) -> exp.Expr:
        return case(
            [
                (exp.GTE(this=yes, expression=literal(number)), exp.true()),
                (together(exp.Or, [exp.GTE(this=may, expression=literal(number)), gap]), unknown()),
            ],
            exp.false(),
        )

    match op:
        case "ge":
            return at_least(count)
        case "gt":
            return at_least(count + 1)
        case "lt":
            return exp.Not(this=exp.paren(at_least(count)))
        case "le":
            return exp.Not(this=exp.paren(at_least(count + 1)))
        case "eq":
            return together(exp.And, [at_least(count), exp.Not(this=exp.paren(at_least(count + 1)))])
        case "ne":
            return together(exp.Or, [exp.Not(this=exp.paren(at_least(count))), at_least(count + 1)])


def fact_table(name: str) -> str:
    """Return the SQL name of a dated fact's table."""
    return "fact_" + name.replace("-", "_")


def anchored(pattern: str) -> str:
    """Return a pattern that matches at the start alone, as Cloud Custodian's (Python's `re.match`) does."""
    return f"^(?:{pattern})"


def _join_key(node: Related) -> object:
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


def _kind(value: Value) -> Type:
    match value:
        case Field(_, kind) | Lookup(_, _, kind):
            return kind
        case DaysSince() | Length():
            return Scalar("integer")
    return Scalar("text")


def _count_if(condition: exp.Expr) -> exp.Expr:
    return function("COUNT_IF", condition)


def _is_null(name: str) -> exp.Expr:
    return exp.Is(this=exp.column(name), expression=exp.null())


def _some(sql: exp.Expr) -> exp.Expr:
    return function("LIST_SLICE", sql, literal(1), literal(_EVIDENCE_ITEMS))
