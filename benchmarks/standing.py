"""How all built-in frameworks stand over a million stored findings, against counting these once."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from crenel.choice import Choice, choose
from crenel.judge.compliance import scores, standings
from crenel.lake.engine import connect, insert, parquet, quoted
from crenel.lake.findings import lay_out, write_about

FINDINGS = 1_000_000


@dataclass(frozen=True, slots=True)
class Stood:
    """Seconds: all controls with their reasons, the scores of each account, and one count of the findings."""

    findings: int
    controls: int
    standings: float
    by_account: float
    limit: float


def compare(runs: int) -> Stood:
    """Return the medians of some runs."""
    chosen = choose(["all"])
    with tempfile.TemporaryDirectory() as name, connect() as connection:
        folder = Path(name)
        findings = _made(folder, chosen)
        lay_out(connection, folder)
        count = f"SELECT policy, variant, status, count(*) FROM {parquet(folder, '*.parquet')} GROUP BY ALL"
        found = standings(connection)
        return Stood(
            findings,
            sum(len(each.controls) for each in found),
            _seconds(runs, lambda: standings(connection)),
            _seconds(runs, lambda: scores(connection, "framework", "account")),
            _seconds(runs, lambda: connection.execute(count).fetchall()),
        )


def _seconds(runs: int, work: Callable[[], object]) -> float:
    taken = []
    for _ in range(max(3, runs)):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def _made(folder: Path, chosen: Choice) -> int:
    """Write findings of every plan, some of which fail or are unknown, in two accounts; return their number."""
    each = FINDINGS // len(chosen.plans)
    with connect() as connection:
        connection.execute("CREATE TABLE plans (policy VARCHAR, variant VARCHAR)")
        insert(connection, "plans", list(zip(*((plan.policy, plan.variant) for plan in chosen.plans), strict=True)))
        connection.execute(f"""
            COPY (SELECT policy, variant, NULL::INTEGER AS practice,
                         CASE WHEN i % 7 = 0 THEN 'FAIL' WHEN i % 50 = 0 THEN 'UNKNOWN' ELSE 'PASS' END AS status,
                         'high' AS severity, ['111122223333', '444455556666'][1 + i % 2] AS account,
                         'eu-west-1' AS region, 'aws.x' AS type, 'resource-' || i AS resource_id, NULL::VARCHAR AS arn,
                         'name' AS name, 'title' AS title, 'message ' || i AS message,
                         CASE WHEN i % 50 = 0 THEN 'could not read ' || (i % 13) END AS reason, '{{}}' AS evidence,
                         TIMESTAMP '2026-11-23' AS seen_at
                  FROM plans, range({each}) made(i))
            TO {quoted(str(folder / "findings.parquet"))} (FORMAT parquet, COMPRESSION zstd)""")
    for table, rows in chosen.about().items():
        write_about(folder, table, rows)
    return each * len(chosen.plans)
