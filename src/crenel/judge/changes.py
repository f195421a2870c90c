"""What changed between two scans: a query over their findings.

Only what both can speak of is compared: policies that both asked with the same parameters, accounts and Regions that
both read. What is gone counts as resolved where the later scan could have seen it; what it could not read is not
resolved. Where other frameworks were asked for, another severity is theirs, and nothing got worse.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

import duckdb

from crenel.errors import LakeError
from crenel.judge.choice import Choice
from crenel.judge.findings import COLUMNS, Finding
from crenel.judge.stored import lay_out_stored
from crenel.lake.engine import connect, insert
from crenel.lake.findings import about, stored_findings
from crenel.lake.snapshots import Snapshot
from crenel.model import GLOBAL, ScanInfo, Severity, State

_BATCH = 2_000
_RANKS = " ".join(f"WHEN '{level}' THEN {level.rank}" for level in Severity)


class Change(StrEnum):
    """What became of a finding from one scan to a later one. `UNREAD` is newly UNKNOWN."""

    NEW = "new"
    WORSE = "worse"
    LAPSED = "lapsed"
    UNREAD = "unread"
    WAIVED = "waived"
    RESOLVED = "resolved"
    UNCHANGED = "unchanged"


WORSE = (Change.NEW, Change.WORSE, Change.LAPSED, Change.UNREAD)  # what somebody should look at


@dataclass(frozen=True, slots=True)
class Changed:
    """A finding that changed: as the later scan has it, or the earlier one where it is gone; its state before."""

    change: Change
    finding: Finding
    before: State | None


@dataclass(slots=True)
class Changes:
    """The comparison of two scans, as the table `changes` to ask. Iterating streams."""

    before: ScanInfo
    now: ScanInfo
    connection: duckdb.DuckDBPyConnection

    def counts(self, choice: Choice | None = None) -> dict[tuple[Change, Severity], int]:
        """Return how many findings changed how, by severity."""
        rows = self.connection.execute(
            f"SELECT change, severity, count(*) FROM changes f WHERE {(choice or Choice()).condition()} GROUP BY ALL"
        ).fetchall()
        return {(Change(change), Severity(severity)): number for change, severity, number in rows}

    def of(self, kinds: Sequence[Change], choice: Choice | None = None, limit: int | None = None) -> Iterator[Changed]:
        """Yield what changed in one of these ways, the worst first."""
        named = ", ".join(f"'{kind}'" for kind in kinds)
        bound = f" LIMIT {int(limit)}" if limit is not None else ""
        cursor = self.connection.cursor().execute(
            f"SELECT change, before_state, {', '.join(COLUMNS)} FROM changes f "
            f"WHERE change IN ({named}) AND {(choice or Choice()).condition()} "
            f"ORDER BY CASE severity {_RANKS} END DESC, policy, variant NULLS FIRST, account, region, resource_id"
            f"{bound}"
        )
        while rows := cursor.fetchmany(_BATCH):
            for change, before, *row in rows:
                yield Changed(Change(change), Finding.of(tuple(row)), State(before) if before else None)

    def close(self) -> None:
        """Let go of the engine."""
        self.connection.close()


def compare(before: Snapshot, now: Snapshot, *, spill: Path) -> Changes:
    """Compare the findings of two scans. Raises `LakeError` where one has none that can be used."""
    connection = connect(spill)
    try:
        lay_out_stored(connection, now)
        lay_out_changes(connection, before, now.info)
    except BaseException:
        connection.close()
        raise
    return Changes(before.info, now.info, connection)


def lay_out_changes(connection: duckdb.DuckDBPyConnection, before: Snapshot, now: ScanInfo) -> None:
    """Make the table `changes` beside the view `findings` of a later scan: its rows are findings, with `change`, and
    `before_state` (null where there was none, or none that mattered). Raises `LakeError`.
    """
    try:
        connection.execute(f"CREATE VIEW findings_before AS SELECT * FROM {stored_findings(before.findings)}")
    except duckdb.Error as error:
        raise LakeError(f"the findings of the snapshot {before.info.id} can't be compared: {error}.") from error
    for table in ("policies", "controls"):
        connection.execute(f"CREATE VIEW {table}_before AS SELECT * FROM {about(before.findings, table)}")
    lay_out_reach(connection, "reach_before", before.info)
    lay_out_reach(connection, "reach_now", now)
    columns = ", ".join(f"coalesce(n.{name}, b.{name}) AS {name}" for name in COLUMNS if name not in _OF_LATER)
    columns += "".join(f", CASE WHEN n.id IS NULL THEN b.{name} ELSE n.{name} END AS {name}" for name in _OF_LATER)
    connection.execute(f"""
        CREATE TABLE changes AS
        WITH asked AS (
            SELECT policy, asked.variant FROM {_parameters("")} JOIN {_parameters("_before")} USING (policy, key)
            WHERE asked.parameters IS NULL OR asked_before.parameters IS NULL
               OR asked.parameters = asked_before.parameters),
        alike AS (
            SELECT (SELECT list(DISTINCT framework ORDER BY framework) FROM controls) IS NOT DISTINCT FROM
                   (SELECT list(DISTINCT framework ORDER BY framework) FROM controls_before) AS frameworks),
        b AS (SELECT * FROM findings_before WHERE state IN ('FAIL', 'UNKNOWN', 'WAIVED')),
        n AS (SELECT * FROM findings WHERE state IN ('FAIL', 'UNKNOWN', 'WAIVED') OR id IN (SELECT id FROM b)),
        compared AS (
            SELECT {columns}, coalesce(n.state, b.state) AS state, b.state AS before_state,
                   CASE
                   WHEN n.state = 'FAIL' AND b.state = 'FAIL'
                       THEN CASE WHEN {_rank("n")} > {_rank("b")} AND (SELECT frameworks FROM alike)
                                 THEN 'worse' ELSE 'unchanged' END
                   WHEN n.state = 'FAIL' AND b.state = 'WAIVED' THEN 'lapsed'
                   WHEN n.state = 'FAIL' AND {_reached("reach_before", "n")} THEN 'new'
                   WHEN n.state = 'UNKNOWN' AND b.state IS DISTINCT FROM 'UNKNOWN' AND {_reached("reach_before", "n")}
                       THEN 'unread'
                   WHEN n.state = 'WAIVED' AND b.state = 'FAIL' THEN 'waived'
                   WHEN n.state IN ('PASS', 'NOT_APPLICABLE') AND b.state IN ('FAIL', 'WAIVED') THEN 'resolved'
                   WHEN n.id IS NULL AND b.state IN ('FAIL', 'WAIVED') AND {would_be_seen("reach_now", "b")}
                       THEN 'resolved'
                   END AS change
            FROM n FULL JOIN b ON b.id = n.id)
        SELECT c.* FROM compared c
        WHERE change IS NOT NULL
          AND EXISTS (FROM asked a WHERE a.policy = c.policy AND a.variant IS NOT DISTINCT FROM c.variant)""")


def lay_out_reach(connection: duckdb.DuckDBPyConnection, name: str, info: ScanInfo) -> None:
    """Make the table of where a scan looked: account and Region."""
    read = [(each.account, each.region) for each in info.coverage if each.state == "scanned"]
    connection.execute(f"CREATE TABLE {name} (account VARCHAR, region VARCHAR)")
    insert(connection, name, list(zip(*read, strict=True)))
    connection.execute(f"INSERT INTO {name} SELECT unnest(?), '{GLOBAL}'", [[account.id for account in info.accounts]])


def would_be_seen(reach: str, of: str) -> str:
    """Return the SQL condition that a scan would have found a resource, were it still there.

    `reach` is the table of where the scan looked, `of` the alias of what was found earlier; the view `findings` is that
    of the scan.
    """
    return f"{_reached(reach, of)} AND NOT {_blind(of)}"


def before_of(snapshots: Sequence[Snapshot], now: Snapshot) -> Snapshot | None:
    """Return the last scan before another that has findings of one of its accounts, or None."""
    accounts = {account.id for account in now.info.accounts}
    earlier = [
        each
        for each in snapshots
        if _begun(each) < _begun(now)
        and accounts & {account.id for account in each.info.accounts}
        and any(each.findings.glob("*.parquet"))
    ]
    return max(earlier, key=_begun, default=None)


# Null in the later scan's finding means that there is nothing, not that the earlier one's holds.
_OF_LATER = ("practice", "arn", "name", "reason", "variant", "waiver", "waived_by", "waived_because", "waived_until",
             "lapsed")  # fmt: skip


def _begun(snapshot: Snapshot) -> tuple[datetime, str]:
    return snapshot.info.started_at, snapshot.info.id


def _parameters(suffix: str) -> str:
    """Return the relation of the policies that a scan asked, with their parameters where they are known."""
    return (
        f"(SELECT DISTINCT f.policy, f.variant, coalesce(f.variant, '') AS key, p.parameters FROM findings{suffix} f "
        f"LEFT JOIN policies{suffix} p ON p.policy = f.policy AND p.variant IS NOT DISTINCT FROM f.variant) "
        f"AS asked{suffix}"
    )


def _rank(of: str) -> str:
    return f"CASE {of}.severity {_RANKS} END"


def _reached(reach: str, of: str) -> str:
    return f"EXISTS (FROM {reach} r WHERE r.account = {of}.account AND r.region = {of}.region)"


def _blind(of: str) -> str:
    """Return whether the later scan could not tell: it could not list where the resource was, or not read it."""
    return (
        f"EXISTS (FROM findings x WHERE x.status = 'UNKNOWN' AND x.policy = {of}.policy "
        f"AND x.variant IS NOT DISTINCT FROM {of}.variant "
        f"AND x.account = {of}.account AND (x.resource_id = {of}.resource_id "
        f"OR (x.resource_id = '*' AND x.region IN ({of}.region, '{GLOBAL}'))))"
    )
