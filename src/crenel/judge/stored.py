"""The findings that lie beside a snapshot, to be asked as those of a scan that has just ended."""

from __future__ import annotations

from pathlib import Path

import duckdb

from crenel.errors import LakeError
from crenel.judge.choice import Choice
from crenel.judge.run import Judgement
from crenel.lake.engine import connect, parquet, quoted
from crenel.lake.findings import lay_out, stored_findings
from crenel.lake.snapshots import Snapshot


def stored(snapshot: Snapshot, choice: Choice, *, spill: Path) -> Judgement:
    """Return a scan's own findings, those that are chosen, without judging anything again.

    What does not fit into the engine's memory goes into the folder `spill`. Raises `LakeError` where the snapshot has
    no findings, or some of another version of Crenel.
    """
    connection = connect(spill)
    try:
        lay_out_stored(connection, snapshot)
        relation, places = stored_findings(snapshot.findings), choice.places("g")
        connection.execute(f"CREATE OR REPLACE VIEW findings AS SELECT * FROM {relation} f WHERE {choice.condition()}")
        gaps = parquet(snapshot.folder / "gaps.parquet")
        connection.execute(f"CREATE VIEW gaps AS SELECT * FROM {gaps} g WHERE {places}")
        if choice.frameworks:
            named = ", ".join(quoted(each) for each in choice.frameworks)
            connection.execute(f"CREATE TABLE chosen AS SELECT * FROM controls WHERE framework IN ({named})")
            connection.execute("CREATE OR REPLACE VIEW controls AS SELECT * FROM chosen")
    except BaseException:
        connection.close()
        raise
    return Judgement(snapshot.info, connection, whole=True)


def lay_out_stored(connection: duckdb.DuckDBPyConnection, snapshot: Snapshot) -> None:
    """Lay out a snapshot's findings and what lies beside them. Raises `LakeError` where there are none to be used."""
    if not any(snapshot.findings.glob("*.parquet")):
        raise LakeError(
            f"the snapshot {snapshot.info.id} has no findings: its scan ended before it judged.",
            suggestion="Judge it without keeping them: crenel scan --offline.",
        )
    try:
        lay_out(connection, snapshot.findings)
        connection.execute("SELECT state, variant FROM findings LIMIT 0")
    except duckdb.Error as error:
        raise LakeError(
            f"the findings of the snapshot {snapshot.info.id} are of another version of Crenel.",
            suggestion="Scan again, or judge the snapshot with crenel scan --offline.",
        ) from error
