"""Lakes with snapshots whose findings a test names: real Parquet, sealed as a scan seals it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from crenel.catalog.load import catalog
from crenel.lake.engine import connect, quoted
from crenel.lake.findings import TABLES, write_about
from crenel.lake.snapshots import Lake, Snapshot
from crenel.model import Gap
from tests.report.judgements import finding, info

# The columns of stored verdicts: what follows from them is not among them.
VERDICTS = (
    "policy VARCHAR, variant VARCHAR, practice INTEGER, status VARCHAR, severity VARCHAR, account VARCHAR, "
    "region VARCHAR, type VARCHAR, resource_id VARCHAR, arn VARCHAR, name VARCHAR, title VARCHAR, message VARCHAR, "
    "reason VARCHAR, evidence VARCHAR, seen_at TIMESTAMP"
)
_NAMES = [part.split(" ")[0] for part in VERDICTS.split(", ")]


def bucket(name: str, status: str = "FAIL", /, **changes: Any) -> dict[str, Any]:
    """A verdict on a bucket of this name."""
    return finding(resource_id=name, name=name, arn=f"arn:aws:s3:::{name}", status=status) | changes


def snapshot(
    lake: Path,
    begun: datetime,
    findings: Sequence[Mapping[str, Any]],
    *,
    waived: Sequence[Mapping[str, Any]] = (),
    about: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    gaps: Sequence[Gap] = (),
    **head: Any,
) -> Snapshot:
    """Put a snapshot into a lake. `waived` has rows of the table of that name, each with `resource_id` for its id."""
    place = Lake(lake)
    identity, spool = place.new_scan(begun)
    values: dict[str, Any] = {"id": identity, "started_at": begun, "finished_at": begun, "details": {}} | head
    made = place.commit(spool, replace(info(), **values), [], catalog(), gaps)
    made.findings.mkdir()
    with connect() as connection:
        connection.execute(f"CREATE TABLE v ({VERDICTS})")
        for row in findings:
            cells = [json.dumps(row[name]) if name == "evidence" else row[name] for name in _NAMES]
            cells[-1] = begun.replace(tzinfo=None)
            connection.execute(f"INSERT INTO v VALUES ({', '.join('?' for _ in cells)})", cells)
        target = quoted(str(made.findings / "s3.parquet"))
        connection.execute(f"COPY v TO {target} (FORMAT parquet)")
        ids = dict(
            connection.execute(
                "SELECT resource_id, md5(concat_ws('|', policy, account, region, resource_id, variant)) FROM v"
            ).fetchall()
        )
    rows = [{**row, "id": ids[row["resource_id"]]} for row in waived]
    for table, given in {"waived": rows, **(about or {})}.items():
        names = [part.split(" ")[0] for part in TABLES[table].split(", ")]
        write_about(made.findings, table, [[row.get(name) for name in names] for row in given])
    return made
