"""A snapshot, opened to be looked at: its findings in a table of the engine, in the order in which people read them.

A page of a million findings is too slow over Parquet that has to be sorted and numbered each time. So the findings are
written once into a database of the dashboard's own, worst first, with what became of each since the scan before; and
counted once, by all that people filter by (`cube`). A snapshot never changes, so neither does that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from crenel.catalog.load import catalog
from crenel.errors import LakeError
from crenel.judge.changes import Change, lay_out_changes
from crenel.lake.engine import connect, insert, parquet, quoted
from crenel.lake.findings import TABLES, about, stored_findings
from crenel.lake.snapshots import Snapshot, kinds_of
from crenel.model import Severity, State

MEMORY = "600MB"
# What people filter by, and what is counted beforehand.
DIMENSIONS = ("state", "severity", "policy", "variant", "account", "region", "type", "service", "change")
# What may have become of a finding since the snapshot before.
CHANGES = tuple(change.value for change in Change if change is not Change.UNCHANGED)
_NARROW = ("practice", "resource_id", "arn", "name", "message", "reason", "waiver", "lapsed")

Row = dict[str, Any]
Asking = Callable[[str, Sequence[object]], list[Row]]


@dataclass(slots=True)
class Opened:
    """A snapshot whose findings are laid out: the tables `findings` and `cube`, those of `lake/findings.py`, `gaps`,
    `coverage`, `inventory` (how many resources where), `changes_counted` (how many findings changed how since
    `before`), `asked` (the policies, a row each).

    Any number of threads may ask.
    """

    snapshot: Snapshot
    before: Snapshot | None
    connection: duckdb.DuckDBPyConnection

    def rows(self, sql: str, values: Sequence[object] | Mapping[str, object] = ()) -> list[Row]:
        """Return the rows that a query gives, each by the names of its columns."""
        with self.connection.cursor() as cursor:
            return _rows(cursor, sql, values)

    def row(self, sql: str, values: Sequence[object] | Mapping[str, object] = ()) -> Row | None:
        """Return the first row that a query gives, None without one."""
        found = self.rows(sql, values)
        return found[0] if found else None

    def number(self, sql: str, values: Sequence[object] | Mapping[str, object] = ()) -> int:
        """Return the one number that a query gives."""
        (found,) = self.rows(sql, values)
        return int(next(iter(found.values())) or 0)

    @contextmanager
    def counting(self, where: str, values: Sequence[object]) -> Iterator[Asking]:
        """Yield what asks a `cube` of the findings alone that fulfil a condition."""
        with self.connection.cursor() as cursor:
            cursor.execute(
                f"CREATE TEMP TABLE cube AS SELECT {', '.join(DIMENSIONS)}, count(*) AS n FROM findings WHERE {where} "
                "GROUP BY ALL",
                values,
            )
            yield lambda sql, values: _rows(cursor, sql, values)

    @property
    def several(self) -> bool:
        """Whether the snapshot is of several accounts, so that each has to be named."""
        return len(self.snapshot.info.accounts) > 1

    def close(self) -> None:
        """Let go of the engine."""
        self.connection.close()


def _rows(cursor: duckdb.DuckDBPyConnection, sql: str, values: Sequence[object] | Mapping[str, object]) -> list[Row]:
    cursor.execute(sql, values)
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def open_snapshot(snapshot: Snapshot, before: Snapshot | None, folder: Path) -> Opened:
    """Lay a snapshot out in a database in a folder; `before` is the snapshot that it is compared with.

    Raises `LakeError` where nothing in it was judged.
    """
    if not any(snapshot.findings.glob("*.parquet")):
        raise LakeError(
            f"the snapshot {snapshot.info.id} has no findings: its scan was cut off before it judged.",
            suggestion="crenel scan --offline judges it; the next scan leaves findings again.",
        )
    file = folder / f"{snapshot.info.id}.duckdb"
    connection = connect(folder, MEMORY, file)
    connection.execute("SET preserve_insertion_order = true")  # places are numbered in the order of a sort
    try:
        _small_tables(connection, snapshot)
        _findings(connection, snapshot, before)
        _counted(connection)
    except BaseException:
        connection.close()
        file.unlink(missing_ok=True)
        raise
    return Opened(snapshot, before, connection)


def _small_tables(connection: duckdb.DuckDBPyConnection, snapshot: Snapshot) -> None:
    for table in TABLES:
        connection.execute(f"CREATE TABLE {table} AS SELECT * FROM {about(snapshot.findings, table)}")
    for table in ("gaps", "coverage", "collection"):
        connection.execute(f"CREATE TABLE {table} AS SELECT * FROM {parquet(snapshot.folder / f'{table}.parquet')}")
    connection.execute("CREATE TABLE kinds (type VARCHAR, service VARCHAR, kind VARCHAR, title VARCHAR)")
    kinds = {f"aws.{kind.reported_as}": (kind.service, kind.name, kind.title) for kind in catalog().values()}
    kinds |= {f"aws.{kind.name}": (kind.service, kind.name, kind.title) for kind in catalog().values()}
    insert(connection, "kinds", list(zip(*((type_, *words) for type_, words in kinds.items()), strict=True)))
    connection.execute("CREATE TABLE inventory (kind VARCHAR, account VARCHAR, region VARCHAR, n BIGINT)")
    counts = [
        f"SELECT {quoted(kind.name)}, _account, coalesce(_home, _region), count(*) FROM {parquet(path)} "
        "WHERE coalesce(_primary, true) GROUP BY ALL"
        for kind in kinds_of(snapshot.info, catalog())
        if (path := snapshot.file(kind)) is not None
    ]
    if counts:
        connection.execute(f"INSERT INTO inventory {' UNION ALL '.join(counts)}")


def _findings(connection: duckdb.DuckDBPyConnection, snapshot: Snapshot, before: Snapshot | None) -> None:
    """Make the tables `findings` and `asked`."""
    states = ", ".join(quoted(state) for state in State)
    severities = ", ".join(quoted(severity) for severity in Severity)
    connection.execute(f"CREATE TYPE state AS ENUM ({states})")
    connection.execute(f"CREATE TYPE severity AS ENUM ({severities})")
    connection.execute(f"CREATE VIEW stored AS SELECT * FROM {stored_findings(snapshot.findings)}")
    _change(connection, snapshot, before)
    order = "state::state, severity::severity DESC, policy, variant NULLS FIRST, account, region, resource_id"
    narrow = ", ".join(f"s.{name}" for name in _NARROW)
    connection.execute(f"""
        CREATE TABLE findings AS
        SELECT row_number() OVER () AS place, * FROM (
            SELECT s.id, s.policy, s.variant, s.state::state AS state, s.severity::severity AS severity, s.account,
                   s.region, s.type, coalesce(k.service, split_part(s.type, '.', 2)) AS service, c.change, {narrow}
            FROM stored s LEFT JOIN kinds k ON k.type = s.type LEFT JOIN changed c ON c.id = s.id
            ORDER BY {order})""")
    connection.execute("""
        CREATE TABLE asked AS
        SELECT s.*, p.why, p.remediation, p.links, p.text, p.parameters, p.builtin FROM (
            SELECT policy, variant, min(practice) AS practice, max(title) AS title,
                   max(severity::severity) AS severity, min(type) AS type FROM stored GROUP BY ALL) s
        LEFT JOIN policies p ON p.policy = s.policy AND p.variant IS NOT DISTINCT FROM s.variant""")


def _change(connection: duckdb.DuckDBPyConnection, snapshot: Snapshot, before: Snapshot | None) -> None:
    """Make the tables `changed` (ids of findings, and what became of them) and `changes_counted`."""
    if before is None:
        connection.execute("CREATE TABLE changed (id VARCHAR, change VARCHAR)")
        connection.execute("CREATE TABLE changes_counted (change VARCHAR, n BIGINT)")
        return
    connection.execute("CREATE VIEW findings AS SELECT * FROM stored")
    lay_out_changes(connection, before, snapshot.info)
    connection.execute("CREATE TABLE changed AS SELECT id, change FROM changes WHERE change <> 'unchanged'")
    connection.execute("CREATE TABLE changes_counted AS SELECT change, count(*) AS n FROM changed GROUP BY 1")
    connection.execute("DROP TABLE changes; DROP VIEW findings; DROP VIEW findings_before")


def _counted(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(f"CREATE TABLE cube AS SELECT {', '.join(DIMENSIONS)}, count(*) AS n FROM findings GROUP BY ALL")
