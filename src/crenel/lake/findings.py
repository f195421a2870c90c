"""Findings as they lie in a folder, and what is known around them.

    <folder>/*.parquet                  the verdicts
    <folder>/about/policies.parquet     the policies that were asked, with their words
    <folder>/about/controls.parquet     the controls of the frameworks that were asked for, and what decides each
    <folder>/about/waived.parquet       which findings somebody accepts, and which waivers lapsed

All of it is there with the verdicts, or none of it: a reader needs neither the policy files nor the frameworks' files
of the day to say what a finding meant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from crenel.lake.engine import connect, insert, parquet, quoted

ABOUT = "about"
# `links` are the policy's references, `text` is the policy as written, `parameters` JSON.
POLICIES = (
    "policy VARCHAR, variant VARCHAR, parameters VARCHAR, practice INTEGER, severity VARCHAR, title VARCHAR, "
    "type VARCHAR, why VARCHAR, remediation VARCHAR, links VARCHAR[], text VARCHAR, builtin BOOLEAN"
)
# A row for each policy of a control; `policy` is null where none decides, and `manual` says what to do.
CONTROLS = (
    "framework VARCHAR, framework_title VARCHAR, version VARCHAR, section VARCHAR, section_title VARCHAR, "
    "control VARCHAR, title VARCHAR, severity VARCHAR, levels VARCHAR[], manual VARCHAR, place INTEGER, "
    "policy VARCHAR, variant VARCHAR"
)
# At most a row for each finding; where `lapsed` says why a waiver no longer holds, the finding counts again.
WAIVED = "id VARCHAR, waiver VARCHAR, owner VARCHAR, reason VARCHAR, until DATE, lapsed VARCHAR"
TABLES: Mapping[str, str] = {"policies": POLICIES, "controls": CONTROLS, "waived": WAIVED}

_IDENTITY = "md5(concat_ws('|', policy, account, region, resource_id, variant))"


def stored_findings(folder: Path) -> str:
    """Return the relation of the findings in a folder, each with its id, its waiver and its state (`model.State`).

    The id is the same in each scan for the same policy, account, Region and resource; it follows from them and is not
    stored.
    """
    verdicts = f"(SELECT {_IDENTITY} AS id, * FROM {parquet(folder, '*.parquet')})"
    if not (folder / ABOUT / "waived.parquet").exists():  # nothing to join: whoever needs no id pays for none
        none = ("waiver VARCHAR", "waived_by VARCHAR", "waived_because VARCHAR", "waived_until DATE", "lapsed VARCHAR")
        columns = ", ".join(f"NULL::{kind} AS {name}" for name, kind in (part.split() for part in none))
        return f"(SELECT f.*, f.status AS state, {columns} FROM {verdicts} f)"
    # A waiver is of what fails: the others' ids are not made to be looked up.
    verdicts = f"(SELECT *, CASE WHEN status = 'FAIL' THEN {_IDENTITY} END AS failed FROM {verdicts})"
    waived = "w.waiver IS NOT NULL AND w.lapsed IS NULL"
    return f"""(
        SELECT f.* EXCLUDE (failed), CASE WHEN {waived} THEN 'WAIVED' ELSE f.status END AS state,
               CASE WHEN {waived} THEN w.waiver END AS waiver, CASE WHEN {waived} THEN w.owner END AS waived_by,
               CASE WHEN {waived} THEN w.reason END AS waived_because,
               CASE WHEN {waived} THEN w.until END AS waived_until,
               w.lapsed
        FROM {verdicts} f LEFT JOIN {about(folder, "waived")} w ON w.id = f.failed)"""


def about(folder: Path, table: str) -> str:
    """Return the relation of one of `TABLES` beside the findings in a folder; an empty one where it is not there."""
    path = folder / ABOUT / f"{table}.parquet"
    if path.exists():
        return parquet(path)
    columns = (part.split(" ", 1) for part in TABLES[table].split(", "))
    return f"(SELECT {', '.join(f'NULL::{kind} AS {name}' for name, kind in columns)} WHERE false)"


def write_about(folder: Path, table: str, rows: Sequence[Sequence[object]]) -> None:
    """Write one of `TABLES` beside the findings in a folder."""
    place = folder / ABOUT
    place.mkdir(exist_ok=True)
    with connect() as connection:
        connection.execute(f"CREATE TABLE written ({TABLES[table]})")
        insert(connection, "written", list(zip(*rows, strict=True)))
        target = quoted(str(place / f"{table}.parquet"))
        connection.execute(f"COPY written TO {target} (FORMAT parquet, COMPRESSION zstd)")


def lay_out(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Make views of the findings in a folder and of what is known around them: `findings`, and `TABLES`."""
    connection.execute(f"CREATE VIEW findings AS SELECT * FROM {stored_findings(folder)}")
    for table in TABLES:
        connection.execute(f"CREATE VIEW {table} AS SELECT * FROM {about(folder, table)}")
