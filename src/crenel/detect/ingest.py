"""The use case of `crenel ingest`: log files into the lake, each event once."""

from __future__ import annotations

import tempfile
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from crenel.catalog.events import RECORD
from crenel.detect.engine import Reach, early, lines_of
from crenel.detect.looking import log_files
from crenel.detect.progress import Progress, Watch
from crenel.errors import LakeError
from crenel.lake.engine import connect
from crenel.lake.event_store import EventStore
from crenel.logs import Chunk, Fault, Lookup, chunks, repaired

_MEMORY = "800MB"
_AT_ONCE = 500_000  # events that are written together: fewer files, and each day is looked into less often


@dataclass(slots=True)
class Taken:
    """What came of it: `new` events of those that were read."""

    progress: Progress = field(default_factory=Progress)
    new: int = 0
    faults: list[Fault] = field(default_factory=list)


def ingest(
    logs: tuple[str, ...],
    lake: Path,
    reach: Reach,
    watch: Watch | None = None,
    *,
    profile: str = "",
    lookup: Lookup | None = None,
) -> Taken:
    """Take the events of logs into a lake. `profile` is whose credentials S3 is asked with, `lookup` whose event
    history is taken in as well. Raises as `log_files` does, and `LakeError`.
    """
    store, taken = EventStore(lake), Taken()
    with (
        log_files(logs, reach, profile, lookup) as found,
        store.taking() as aside,
        tempfile.TemporaryDirectory(prefix="crenel-ingest-") as name,
        connect(Path(name) / "spill", _MEMORY) as connection,
    ):
        connection.execute(f"CREATE TABLE read ({RECORD} JSON)")
        waiting = 0
        with closing(chunks(found, Path(name))) as made:
            for chunk in made:
                waiting += _read(connection, chunk, Path(name), reach, taken)
                if waiting >= _AT_ONCE:
                    taken.new += _take(store, connection, aside)
                    waiting = 0
                if watch:
                    watch(taken.progress)
        taken.new += _take(store, connection, aside)
    return taken


def _take(store: EventStore, connection: duckdb.DuckDBPyConnection, aside: Path) -> int:
    try:
        count = store.take(connection, "read", aside)
    except (duckdb.IOException, OSError) as error:
        raise LakeError(f"can't write into the lake {store.folder.parent}: {error}") from error
    connection.execute("TRUNCATE read")
    return count


def _read(connection: duckdb.DuckDBPyConnection, chunk: Chunk, folder: Path, reach: Reach, taken: Taken) -> int:
    """Read a chunk's records into the table `read`, with care where one is not as AWS writes it."""
    if _look(connection, chunk, reach):
        chunk = repaired(chunk, folder)
        _look(connection, chunk, reach)
        chunk.path.unlink()
    connection.execute(f"INSERT INTO read SELECT {RECORD} FROM lot WHERE json_type({RECORD}) = 'OBJECT'")
    taken.faults += chunk.faults
    taken.progress.add(chunk)
    return chunk.events


def _look(connection: duckdb.DuckDBPyConnection, chunk: Chunk, reach: Reach) -> bool:
    """Read a chunk's records into the table `lot`; return whether some are not as AWS writes them."""
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE lot AS WITH {lines_of(chunk.path, chunk.longest)}, {early(reach.columns())} "
        f"SELECT json_extract(json, '$.r') AS {RECORD}, irregular FROM early WHERE irregular OR ({reach.condition()})"
    )
    return connection.execute("SELECT 1 FROM lot WHERE irregular LIMIT 1").fetchone() is not None
