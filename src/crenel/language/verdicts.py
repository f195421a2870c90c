"""A plan's verdicts as one query over its table: status, message, reason and evidence of every row in scope."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlglot import exp

from crenel.catalog.columns import JSON, ListOf, Scalar
from crenel.catalog.spec import ResourceType
from crenel.language.expressions import (
    case,
    cast,
    column,
    function,
    is_null,
    literal,
    named,
    negated,
    paren,
    struct,
    together,
    written,
)
from crenel.language.joins import join_key, some
from crenel.language.plan import Field, Lookup, Related, Value, conjunction, negation
from crenel.language.policy import Plan, Template
from crenel.language.reading import Compiler, Source
from crenel.language.sql import Relation
from crenel.language.tables import COMMON
from crenel.language.walking import kind_of, related_tables, walk

_JOINS = 15  # in one query: the time that DuckDB takes to plan it, and its memory, grow faster than their number


def shares(plans: Sequence[Plan]) -> list[list[Plan]]:
    """Return plans of one table in groups, each for a query of its own: with few other tables in it, the inner ones
    counted. Plans that look at none stay together.
    """
    found: list[list[Plan]] = [[]]
    joins = 0
    for plan in sorted(plans, key=_joins):
        joins += _joins(plan)
        if joins > _JOINS and found[-1]:
            found.append([])
            joins = _joins(plan)
        found[-1].append(plan)
    return found


def _joins(plan: Plan) -> int:
    return sum(1 for _ in related_tables(iter(plan.everything())))


def verdicts(compiler: Compiler, source: Source, plans: Sequence[Plan]) -> str:
    """Return the DuckDB query that judges one table by all its plans in one pass.

    One row a verdict: the row's common columns and the struct `verdict` {plan, status, message, reason, evidence}.
    """
    relation = Relation(compiler, source, "t0")
    structs = [_verdict(relation, plan) for plan in plans]
    commons = [named(column("t0", name), name) for name in COMMON]
    # One plan needs no list to be taken apart again, which costs more than most predicates.
    one_each = structs[0] if len(structs) == 1 else function("UNNEST", exp.Array(expressions=structs))
    return written(relation.select([*commons, named(one_each, "verdict")]))


def failing(plan: Plan, kinds: Sequence[ResourceType], now: datetime) -> str:
    """Return the query of the rows that fail a plan, formatted for people; `kinds` are all types that it reads."""
    sources = {kind.name: Source(kind, frozenset({*COMMON, *kind.schema()})) for kind in kinds}
    relation = Relation(Compiler(sources, now), sources[plan.table], "t0")
    excused = [negation(clause.when) for clause in plan.not_applicable]
    where = relation.predicate(conjunction([plan.scope, *excused, plan.fails]))
    query = relation.select([column("t0", name) for name in ("_account", "_region", "_id")]).where(where, copy=False)
    return query.sql(dialect="duckdb", pretty=True)


@dataclass(frozen=True, slots=True)
class _Parts:
    """A plan's predicates in SQL, each TRUE, FALSE or NULL, and the words that go with them."""

    scope: exp.Expr
    fails: exp.Expr
    owned_elsewhere: exp.Expr
    excused: list[tuple[exp.Expr, exp.Expr]]
    doubted: list[tuple[exp.Expr, exp.Expr]]
    why: exp.Expr

    @property
    def outside(self) -> exp.Expr:
        """The row is none of the plan's business."""
        return negated(self.scope)

    @property
    def doubt_unread(self) -> list[exp.Expr]:
        """It could not be read whether AWS says what the verdict depends on; nothing where that is never asked."""
        return [together(exp.Or, [is_null(paren(when)) for when, _ in self.doubted])] if self.doubted else []

    @property
    def unread(self) -> exp.Expr:
        """It could not be read whether the row is in scope, or excused."""
        return together(exp.Or, [is_null(paren(sql)) for sql in (self.scope, *(when for when, _ in self.excused))])


def _verdict(relation: Relation, plan: Plan) -> exp.Expr:
    foreign = exp.NullSafeNEQ(this=column("t0", "_owner"), expression=column("t0", "_account"))
    parts = _Parts(
        scope=relation.predicate(plan.scope),
        fails=relation.predicate(plan.fails),
        owned_elsewhere=foreign,
        excused=[(relation.predicate(clause.when), _text(relation, clause.text)) for clause in plan.not_applicable],
        doubted=[(relation.predicate(clause.when), _text(relation, clause.text)) for clause in plan.unknown],
        why=relation.why_unknown(list(plan.predicates())),
    )
    fields = {
        "plan": literal(plan.key),
        "status": cast(_status(parts), "VARCHAR"),
        "message": _message(relation, plan, parts),
        "reason": cast(_reason(parts), "VARCHAR"),
        "evidence": _evidence(relation, plan),
    }
    # A row outside costs no more than finding that out.
    return case([(parts.outside, exp.null())], struct(fields))


def _status(parts: _Parts) -> exp.Expr:
    return case(
        [
            (parts.owned_elsewhere, literal("NOT_APPLICABLE")),
            *((when, literal("NOT_APPLICABLE")) for when, _ in parts.excused),
            (parts.unread, literal("UNKNOWN")),
            *((when, literal("UNKNOWN")) for when, _ in parts.doubted),
            (parts.fails, literal("FAIL")),
            *((unread, literal("UNKNOWN")) for unread in parts.doubt_unread),
            (negated(parts.fails), literal("PASS")),
        ],
        literal("UNKNOWN"),
    )


def _reason(parts: _Parts) -> exp.Expr:
    """Return why a row is NOT_APPLICABLE or UNKNOWN, null for the others: the branches are those of `_status`."""
    owner = function(
        "CONCAT", literal("It belongs to account "), column("t0", "_owner"), literal(", which answers for it.")
    )
    return case(
        [
            (parts.owned_elsewhere, owner),
            *parts.excused,
            (parts.unread, parts.why),
            *parts.doubted,
            (parts.fails, exp.null()),
            *((unread, parts.why) for unread in parts.doubt_unread),
            (negated(parts.fails), exp.null()),
        ],
        parts.why,
    )


def _message(relation: Relation, plan: Plan, parts: _Parts) -> exp.Expr:
    notes = [case([(relation.predicate(note.when), _text(relation, note.text))], literal("")) for note in plan.notes]
    return case(
        [(parts.fails, function("CONCAT", _text(relation, plan.message_fail), *notes))],
        function("CONCAT", _text(relation, plan.message_pass), *notes),
    )


def _text(relation: Relation, template: Template) -> exp.Expr:
    """Return a template as one SQL text; a null reads "none"."""
    parts: list[exp.Expr] = []
    for part in template.parts:
        if isinstance(part, str):
            parts.append(literal(part))
        else:
            shown = cast(_shown(relation, part), "VARCHAR")
            parts.append(exp.Coalesce(this=shown, expressions=[literal("none")]))
    return function("CONCAT", *parts) if parts else literal("")


def _shown(relation: Relation, value: Value) -> exp.Expr:
    if not relation.collected(value):
        return exp.null()
    kind = kind_of(value)
    sql = relation.value(value)
    if isinstance(kind, ListOf):
        return function("ARRAY_TO_STRING", sql, literal(", "))
    if kind == Scalar("timestamp"):
        return function("STRFTIME", sql, literal("%Y-%m-%d"))
    if kind == JSON:
        return function("JSON_EXTRACT_STRING", sql, literal("$"))
    return sql


def _evidence(relation: Relation, plan: Plan) -> exp.Expr:
    """Return the JSON object of what the plan's predicates read of the row."""
    pairs: dict[str, exp.Expr] = {}
    for node in (part for root in plan.predicates() for part in walk(root)):
        if isinstance(node, Field) and node.item == 0 and node.path[0] in relation.source.columns:
            sql = relation.value(node)
            pairs[".".join(node.path)] = some(sql) if isinstance(node.kind, ListOf) else sql
        elif isinstance(node, Lookup) and relation.collected(node):
            pairs[f"{node.join.alias}.{node.column}"] = relation.value(node)
        elif isinstance(node, Related) and node.table in relation.compiler.sources and relation.collected(node):
            name = f"aws.{node.table}"
            number = sum(1 for known in pairs if known.split(" ")[0] == name)
            name += f" ({number + 1})" if number else ""
            relation.related(node)
            found = column(relation.aliases[join_key(node)], "shown")
            pairs[name] = exp.Coalesce(this=found, expressions=[exp.Array(expressions=[])])
    flat = [part for name, sql in pairs.items() for part in (literal(name), sql)]
    return cast(function("JSON_OBJECT", *flat), "VARCHAR")
