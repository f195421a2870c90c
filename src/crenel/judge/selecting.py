"""What policies select from one table: one query for all of them, and each row's document made once.

Cloud Custodian's reading: what could not be read counts as absent. Beside it stands the three-valued reading, which
says of which rows that decided.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
from sqlglot import exp

from crenel.catalog.columns import ListOf, MapOf, Scalar, Struct, Type
from crenel.catalog.load import Catalog
from crenel.errors import UsageError
from crenel.judge.run import Bench
from crenel.lake.engine import name, parquet, quoted
from crenel.lake.snapshots import Snapshot, collected_columns
from crenel.language.expressions import column, is_null, named, paren, together, written
from crenel.language.plan import (
    TRUE,
    And,
    Predicate,
    conjunction,
    negation,
)
from crenel.language.policy import (
    Plan,
)
from crenel.language.reading import Compiler, Source
from crenel.language.sql import Relation
from crenel.model import GLOBAL, ScanInfo
from crenel.policies.context import Mark
from crenel.policies.facts import Fact

MATCHED = "c7n:MatchedFilters"
_BATCH = 1_000
_CODE = json.JSONEncoder(separators=(", ", ": ")).encode


@dataclass(frozen=True, slots=True)
class Question:
    """A policy's plan, the columns that its documents have, and the keys of its value filters."""

    plan: Plan
    columns: frozenset[str]
    marks: tuple[Mark, ...] = ()

    @property
    def selects(self) -> Predicate:
        """Where the policy selects a row: in its scope, not excused, and failing."""
        excused = [negation(clause.when) for clause in self.plan.not_applicable]
        return conjunction([self.plan.scope, *excused, self.plan.fails])

    def certain(self, mark: Mark) -> bool:
        """Return whether a mark stands on all that the policy selects, so that it need not be asked."""
        fails = self.plan.fails
        return mark.when in (fails.parts if isinstance(fails, And) else (TRUE, fails))


@dataclass(frozen=True, slots=True)
class Selected:
    """A row that a policy selects: the policy's place among the questions, the row's id, its document as JSON."""

    question: int
    id: str
    document: str


@dataclass(frozen=True, slots=True)
class Undecided:
    """A row of which a policy can't say whether it selects it, since something could not be read."""

    question: int
    id: str
    reason: str


def laid_out(
    connection: duckdb.DuckDBPyConnection,
    snapshot: Snapshot,
    info: ScanInfo,
    catalog: Catalog,
    facts: Mapping[str, Fact],
    region: str,
) -> Bench:
    """Return the engine with what one Region shows, and what has no Region, laid out on it, as far as `info` names it.

    Ages are measured against the start that `info` has.
    """
    bench = Bench(connection, info, catalog, facts)
    bench.ledger(snapshot.folder)
    for kind, details in ((catalog[known], details) for known, details in info.details.items()):
        path = snapshot.file(kind)
        if path is not None:
            columns = collected_columns(kind, details)
            own = {column for detail in details for column in kind.details[detail].columns}
            elsewhere = kind.shadows and len(info.regions) > 1
            bench.table(kind, _here(parquet(path), region, own if elsewhere else set()), set(columns))
    return bench


def _here(relation: str, region: str, own: frozenset[str] | set[str]) -> str:
    """Return a table's rows in a Region, and those that have none.

    `own` are columns that were read at home alone: of what shows in many Regions they come from its row there.
    """
    if not own:
        return f"(SELECT * FROM {relation} WHERE _region IN ({quoted(region)}, {quoted(GLOBAL)}))"
    taken = sorted({*own, "_gaps"})
    read = ", ".join(
        f"CASE WHEN p._id IS NULL THEN r.{name(each)} ELSE p.{name(each)} END AS {name(each)}" for each in taken
    )
    return (
        f"(SELECT r.* REPLACE ({read}) FROM {relation} r LEFT JOIN {relation} p "
        f"ON p._account = r._account AND p._id = r._id AND p._primary WHERE r._region = {quoted(region)})"
    )


def population(bench: Bench, source: Source) -> int:
    """Return how many rows a table has."""
    found = bench.connection.execute(f"SELECT count(*) FROM {name(source.type.table)}").fetchone()
    return int(found[0]) if found else 0


def select(bench: Bench, source: Source, questions: Sequence[Question]) -> Iterator[Selected]:
    """Yield what the policies select, row by row in the order in which AWS listed them.

    Raises `UsageError` where the engine can't run a policy; of several it does not say which.
    """
    relation = Relation(Compiler(bench.sources, bench.info.started_at, lenient=True), source, "t0")
    shown = [is_null(relation.gap(detail.name)) for detail in source.type.details.values() if detail.hides]
    hits = [
        named(together(exp.And, [*shown, relation.predicate(question.selects)]), f"h{index}")
        for index, question in enumerate(questions)
    ]
    asked = [mark for question in questions for mark in question.marks if not question.certain(mark)]
    marks = [named(relation.predicate(mark.when), f"m{index}") for index, mark in enumerate(asked)]
    keys = sorted(set[str]().union(*(question.columns for question in questions)) & source.columns)
    values = [named(column("t0", key), f"v{index}") for index, key in enumerate(keys)]
    heads = [named(column("t0", "_n"), "n"), named(column("t0", "_id"), "id")]
    query = written(relation.select([*heads, *hits, *marks, *values]))
    any_hit = " OR ".join(f"h{index}" for index in range(len(hits)))
    schema = source.type.schema()
    codes = [(key, f"{_CODE(key)}: ", _encoder(schema[key])) for key in keys]
    first_mark, first_value = 2 + len(hits), 2 + len(hits) + len(marks)
    places = iter(range(first_mark, first_value))
    filters = [
        [(mark.key, None if question.certain(mark) else next(places)) for mark in question.marks]
        for question in questions
    ]
    for row in _rows(bench, f"SELECT * FROM ({query}) WHERE {any_hit} ORDER BY n", source, questions):
        members = {
            key: head + code(value)
            for (key, head, code), value in zip(codes, row[first_value:], strict=True)
            if value is not None
        }
        bodies: dict[frozenset[str], str] = {}
        for index, hit in enumerate(row[2:first_mark]):
            if hit:
                columns = questions[index].columns
                if columns not in bodies:
                    bodies[columns] = ", ".join([text for key, text in members.items() if key in columns])
                matched = [key for key, place in filters[index] if place is None or row[place]]
                note = f", {_CODE(MATCHED)}: {_CODE(matched)}" if matched else ""
                yield Selected(index, str(row[1]), f"{{{bodies[columns]}{note}}}")


def undecided(bench: Bench, source: Source, questions: Sequence[Question]) -> Iterator[Undecided]:
    """Yield the rows of which the three-valued reading says that a policy can't know. Raises what `select` raises."""
    relation = Relation(Compiler(bench.sources, bench.info.started_at), source, "t0")
    columns = [named(column("t0", "_n"), "n"), named(column("t0", "_id"), "id")]
    for index, question in enumerate(questions):
        selects = question.selects
        columns.append(named(is_null(paren(relation.predicate(selects))), f"h{index}"))
        columns.append(named(relation.why_unknown([selects]), f"w{index}"))
    any_hit = " OR ".join(f"h{index}" for index in range(len(questions)))
    query = f"SELECT * FROM ({written(relation.select(columns))}) WHERE {any_hit} ORDER BY n"
    for row in _rows(bench, query, source, questions):
        for index in range(len(questions)):
            if row[2 + 2 * index]:
                yield Undecided(index, str(row[1]), str(row[3 + 2 * index] or "something that it reads was not read"))


def _rows(bench: Bench, query: str, source: Source, questions: Sequence[Question]) -> Iterator[tuple[Any, ...]]:
    try:
        cursor = bench.connection.cursor().execute(query)
        while rows := cursor.fetchmany(_BATCH):
            yield from rows
    except duckdb.Error as error:
        policies = ", ".join(question.plan.policy for question in questions)
        raise UsageError(f"{policies} can't be run on aws.{source.type.name}: {error}") from error


def _encoder(kind: Type) -> Callable[[Any], str]:
    """Return what writes a column's value as JSON."""
    if kind == Scalar("json"):
        return str  # it is JSON already
    shape = _shaper(kind)
    return _CODE if shape is None else lambda value: _CODE(shape(value))


def _shaper(kind: Type) -> Callable[[Any], Any] | None:
    """Return what makes of the engine's value what AWS said: absent members left out, times in ISO 8601.

    None where the engine's value is that already.
    """
    match kind:
        case Scalar("timestamp"):
            return lambda value: f"{value.isoformat()}+00:00"
        case Scalar("date"):
            return lambda value: value.isoformat()
        case Scalar("json"):
            return json.loads
        case ListOf(item):
            return _listed(_shaper(item))
        case MapOf(value):
            return _mapped(_shaper(value))
        case Struct(fields):
            return _structured({name: _shaper(member) for name, member in fields.items()})
    return None


def _listed(item: Callable[[Any], Any] | None) -> Callable[[Any], Any] | None:
    if item is None:
        return None
    return lambda values: [None if value is None else item(value) for value in values]


def _mapped(member: Callable[[Any], Any] | None) -> Callable[[Any], Any] | None:
    if member is None:
        return None
    return lambda values: {key: None if value is None else member(value) for key, value in values.items()}


def _structured(members: Mapping[str, Callable[[Any], Any] | None]) -> Callable[[Any], Any]:
    def shaped(values: Mapping[str, Any]) -> dict[str, Any]:
        return {
            key: value if (shape := members[key]) is None else shape(value)
            for key, value in values.items()
            if value is not None
        }

    return shaped
