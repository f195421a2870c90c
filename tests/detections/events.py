"""Conditions asked of records by the engine itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from crenel.lake.engine import connect
from crenel.lake.events import event_columns
from crenel.language.detecting import ALIAS, columns_read, hits, valued
from crenel.language.expressions import written
from crenel.language.plan import Predicate, Value
from crenel.language.reading import Compiler

Record = Mapping[str, Any] | str


def held(conditions: Sequence[Predicate], records: Sequence[Record]) -> list[list[int]]:
    """Return for each record the places of the conditions that hold."""
    query = written(hits(_compiler(), conditions))
    return [row[0] for row in _asked(query, columns_read(conditions), records)]


def fires(condition: Predicate, record: Record) -> bool:
    """Return whether a condition holds for a record."""
    return held([condition], [record]) == [[0]]


def shown(values: Sequence[Value], record: Record) -> tuple[object, ...]:
    """Return what values are for a record."""
    columns = valued(_compiler(), [(f"v{place}", value) for place, value in enumerate(values)])
    [row] = _asked(", ".join(written(each) for each in columns), columns_read(values), [record])
    return row


def _compiler() -> Compiler:
    return Compiler({}, datetime.now(UTC), lenient=True)


def _asked(query: str, columns: frozenset[str], records: Sequence[Record]) -> list[tuple[Any, ...]]:
    with connect() as connection:
        texts = [each if isinstance(each, str) else json.dumps(each) for each in records]
        connection.execute(
            "CREATE TABLE records AS SELECT n, t::JSON AS record FROM (SELECT unnest(?) AS t, unnest(?) AS n)",
            [texts, list(range(len(texts)))],
        )
        events = event_columns(sorted(columns), "records", beside=["n"])
        return connection.execute(f"SELECT {query} FROM ({events}) AS {ALIAS} ORDER BY n").fetchall()
