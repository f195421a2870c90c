"""The engine that runs SQL where the data lies: DuckDB, in this process."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import duckdb

from crenel.catalog.columns import ListOf, MapOf, Struct, Type

_SCALARS = {
    "text": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "timestamp": "TIMESTAMP",
    "date": "DATE",
    "json": "JSON",
}


def connect(spill: Path | None = None, memory: str = "300MB", file: Path | None = None) -> duckdb.DuckDBPyConnection:
    """Return a DuckDB of our own, in memory or in a file; what does not fit into `memory` spills into the folder
    `spill`.
    """
    connection = duckdb.connect(str(file or ":memory:"))
    connection.execute("SET autoinstall_known_extensions = false")
    connection.execute("SET autoload_known_extensions = false")
    connection.execute("SET preserve_insertion_order = false")
    connection.execute("SET threads = 2")
    connection.execute(f"SET memory_limit = '{memory}'")
    connection.execute("SET TimeZone = 'UTC'")
    if spill is not None:
        connection.execute(f"SET temp_directory = {quoted(str(spill))}")
    return connection


def sql_type(kind: Type) -> str:
    """Return a column type as DuckDB spells it."""
    match kind:
        case ListOf(item):
            return f"{sql_type(item)}[]"
        case MapOf(value):
            return f"MAP(VARCHAR, {sql_type(value)})"
        case Struct(fields):
            return "STRUCT(" + ", ".join(f"{name(key)} {sql_type(value)}" for key, value in fields.items()) + ")"
    return _SCALARS[kind.kind]


def literal_path(path: Path) -> str:
    """Return a path as the engine's file functions take it literally: they read *, ? and [ as patterns."""
    return re.sub(r"[\[*?]", lambda match: f"[{match[0]}]", str(path))


def parquet(folder: Path, pattern: str = "") -> str:
    """Return the relation of a Parquet file, or of those in a folder that match a pattern."""
    path = f"{literal_path(folder)}/{pattern}" if pattern else literal_path(folder)
    return f"read_parquet({quoted(path)})"


def insert(connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[Sequence[object]]) -> None:
    """Insert rows given column by column, all at once: a row at a time costs a third of a millisecond each."""
    if columns and columns[0]:
        marks = ", ".join("unnest(?)" for _ in columns)
        connection.execute(f"INSERT INTO {table} SELECT {marks}", [list(column) for column in columns])


def quoted(text: str) -> str:
    """Return a text as a SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def name(text: str) -> str:
    """Return a name as a SQL identifier."""
    return '"' + text.replace('"', '""') + '"'
