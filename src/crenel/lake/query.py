"""One SELECT over a snapshot's tables and the events, read-only."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from crenel.errors import UsageError
from crenel.lake.alerts import AlertStore
from crenel.lake.engine import connect, literal_path, name, parquet, quoted
from crenel.lake.event_store import EventStore
from crenel.lake.findings import lay_out
from crenel.lake.snapshots import Snapshot

_SPILL = "1GB"


@contextmanager
def query(
    snapshot: Snapshot | None, sql: str, lake: Path, *, seconds: float | None = None
) -> Iterator[tuple[list[str], Iterator[tuple[object, ...]]]]:
    """Run one SELECT over a snapshot, if there is one, the events and the alerts; yield its columns and its rows.

    Events and alerts are those of the folder `lake`. The engine may read their files and the snapshot's, and nothing
    else. Raises `UsageError` with the engine's words for what it can't run, and for what takes longer than `seconds`.
    """
    with connect() as connection, _ended(connection, seconds) as late:
        try:
            if seconds is not None:  # who asks for little time shall not fill the disk either
                connection.execute(f"SET max_temp_directory_size = '{_SPILL}'")
            _lay_out(connection, snapshot, EventStore(lake), AlertStore(lake))
            statements = connection.extract_statements(sql)
            if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                raise UsageError("only a single SELECT can be run here: the lake is read, never changed.")
            cursor = connection.execute(statements[0])
            columns = [column[0] for column in cursor.description or ()]
            yield columns, _rows(cursor)
        except (duckdb.Error, RuntimeError) as error:
            if late.is_set():
                raise UsageError(f"the query was ended: it took longer than {seconds:g} s.") from error
            if not isinstance(error, duckdb.Error):
                raise  # a Ctrl-C
            raise UsageError(f"the query can't be run: {error}") from error


@contextmanager
def _ended(connection: duckdb.DuckDBPyConnection, seconds: float | None) -> Iterator[threading.Event]:
    """Interrupt what a connection runs after some time; what is yielded is set when that has happened."""
    late = threading.Event()

    def end() -> None:
        late.set()
        connection.interrupt()

    timer = threading.Timer(seconds, end) if seconds is not None else None
    if timer is not None:
        timer.daemon = True
        timer.start()
    try:
        yield late
    finally:
        if timer is not None:
            timer.cancel()


def _lay_out(
    connection: duckdb.DuckDBPyConnection, snapshot: Snapshot | None, events: EventStore, alerts: AlertStore
) -> None:
    """Make a view of each of the snapshot's files, of events and of alerts, then close the engine to all else."""
    folders = []
    if snapshot is not None:
        folders.append(snapshot.folder)
        for path in sorted(snapshot.folder.glob("*.parquet")):
            connection.execute(f"CREATE VIEW {name(path.stem)} AS SELECT * FROM {parquet(path)}")
        if snapshot.findings.is_dir():
            lay_out(connection, snapshot.findings)
    if not events.empty:
        folders.append(events.folder)
        time = "TRY_CAST(eventTime AS TIMESTAMP) AS time"
        connection.execute(f"CREATE VIEW events AS SELECT {time}, * FROM {events.relation}")
    if not alerts.empty:
        folders.append(alerts.folder)
        connection.execute(f"CREATE VIEW alerts AS SELECT * FROM {alerts.relation}")
    # The engine checks the path as it was spelt and as it was found.
    spelt = {text for folder in folders for text in (f"{folder}/", f"{literal_path(folder)}/")}
    connection.execute(f"SET allowed_directories = [{', '.join(quoted(path) for path in sorted(spelt))}]")
    connection.execute("SET python_enable_replacements = false")  # variables of ours are no tables
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _rows(cursor: duckdb.DuckDBPyConnection) -> Iterator[tuple[object, ...]]:
    while batch := cursor.fetchmany(1_000):
        yield from batch
