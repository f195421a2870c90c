"""A lake of made-up snapshots, of any size: real types and policies, resources and verdicts by a hash of their numbers.

For the dashboard's benchmark, and for looking at it: python -m benchmarks.lakes FOLDER [FINDINGS] [SNAPSHOTS].
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb

from crenel.catalog.load import catalog
from crenel.catalog.spec import ResourceType
from crenel.choice import Choice
from crenel.lake.engine import connect, insert, name, quoted, sql_type
from crenel.lake.findings import write_about
from crenel.lake.snapshots import COLLECTION, COVERAGE, GAPS, Lake, Snapshot, collected_columns, seal
from crenel.language.policy import Plan
from crenel.model import Account, Coverage, ScanInfo
from crenel.scan import ScanOptions, choose

LAST = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
ACCOUNTS = tuple(f"11112222{number:04}" for number in range(3330, 3350))
REGIONS = ("eu-west-1", "eu-central-1", "us-east-1", "us-west-2", "ap-southeast-2")
FRAMEWORKS = ("practices", "cis-3.0")
# Names that AWS would not take, or that someone made up to be shown: nothing of them may act on a page.
HOSTILE = (
    "<script>document.title='owned'</script>",
    '"><img src=x onerror=alert(1)>',
    "'; DROP TABLE findings; --",
    "{{7*7}}${7*7}",
    "javascript:alert(1)",
    "\u202eevil\u202c\x1b[31mred",
)
_FAILING = ("secret-store", "payments", "reports", "backup", "logs", "website", "orders", "ledger", "media", "staging")


def make_lake(folder: Path, findings: int = 10_000, snapshots: int = 5) -> Lake:
    """Make a lake with snapshots a day apart, each of some number of findings, and return it."""
    lake = Lake(folder)
    chosen = choose(ScanOptions(frameworks=FRAMEWORKS))
    for number in range(snapshots):
        _snapshot(lake, number, snapshots, findings, chosen)
    return lake


def _snapshot(lake: Lake, number: int, of: int, findings: int, chosen: Choice) -> Snapshot:
    begun = LAST - timedelta(days=of - 1 - number)
    identity = f"{begun:%Y%m%dT%H%M%SZ}-{number:06x}"
    folder = lake.snapshots / identity
    folder.mkdir(parents=True)
    wanted = sorted({plan.table for plan in chosen.plans})
    info = ScanInfo(
        id=identity,
        started_at=begun,
        finished_at=begun + timedelta(minutes=4),
        accounts=tuple(map(Account, ACCOUNTS)),
        regions=REGIONS,
        coverage=tuple(Coverage(account, region, "scanned") for account in ACCOUNTS for region in REGIONS),
        details=dict.fromkeys(wanted, ()),
        calls_by_service={catalog()[kind].service: 20 for kind in wanted},
        complete=False,
    )
    each = max(1, findings // len(chosen.plans))
    with connect(lake.folder, "2GB") as connection:
        _words(connection, chosen.plans)
        for kind in wanted:
            _table(connection, folder, catalog()[kind], each)
        _ledger(connection, folder, info)
        target = folder / "findings"
        target.mkdir()
        _verdicts(connection, target, each, 0.16 - 0.02 * number, begun)
        for table, rows in chosen.about().items():
            write_about(target, table, rows)
        _waived(connection, target, begun.date())
    seal(folder, info)
    return Snapshot(folder, info)


def _words(connection: duckdb.DuckDBPyConnection, plans: Sequence[Plan]) -> None:
    columns = (
        "n BIGINT, policy VARCHAR, variant VARCHAR, practice INTEGER, severity VARCHAR, type VARCHAR, title VARCHAR"
    )
    connection.execute(f"CREATE TABLE words ({columns})")
    rows = [
        (place, plan.policy, plan.variant, plan.practice, plan.severity.value, _type(plan), plan.title)
        for place, plan in enumerate(plans)
    ]
    insert(connection, "words", list(zip(*rows, strict=True)))


def _type(plan: Plan) -> str:
    return f"aws.{catalog()[plan.table].reported_as}"


def _place(number: str) -> str:
    """Return the columns that tell a resource by its number."""
    listed = ", ".join(quoted(word) for word in _FAILING)
    hostile = ", ".join(quoted(word) for word in HOSTILE)
    accounts, regions = (", ".join(map(quoted, words)) for words in (ACCOUNTS, REGIONS))
    return f"""
        ([{accounts}])[1 + (hash({number}) % {len(ACCOUNTS)})::BIGINT] AS account,
        ([{regions}])[1 + (hash({number} + 7) % {len(REGIONS)})::BIGINT] AS region,
        'res-' || lpad(to_base({number} * 7919 + 1295, 36), 8, '0') AS resource_id,
        CASE WHEN {number} < {len(HOSTILE)} THEN ([{hostile}])[1 + {number}]
             ELSE ([{listed}])[1 + (hash({number} + 3) % {len(_FAILING)})::BIGINT] || '-' || {number} END AS name"""


def _table(connection: duckdb.DuckDBPyConnection, folder: Path, kind: ResourceType, rows: int) -> None:
    columns = collected_columns(kind, ())
    known = {
        "_account": "account",
        "_region": "region",
        "_home": "region",
        "_owner": "account",
        "_primary": "true",
        "_id": "resource_id",
        "_arn": "'arn:aws:' || resource_id",
        "_name": "name",
        "_seen_at": f"TIMESTAMP {quoted(LAST.strftime('%Y-%m-%d %H:%M:%S'))}",
        "_gaps": "MAP {}::MAP(VARCHAR, VARCHAR)",
        "_n": "number",
    }
    made = ", ".join(f"{known.get(key, 'NULL')}::{sql_type(column)} AS {name(key)}" for key, column in columns.items())
    connection.execute(
        f"COPY (SELECT {made} FROM (SELECT r.i AS number, {_place('r.i')} FROM range({rows}) r(i))) "
        f"TO {quoted(str(folder / f'{kind.table}.parquet'))} (FORMAT parquet, COMPRESSION zstd)"
    )


def _ledger(connection: duckdb.DuckDBPyConnection, folder: Path, info: ScanInfo) -> None:
    seen = info.started_at.replace(tzinfo=None)
    message = "User: arn:aws:sts::111122223330:assumed-role/audit is not authorized to perform: s3:GetBucketPolicy"
    denied = ["AccessDenied", message, seen]
    calls = ["s3:GetBucketPolicy", "s3:GetBucketPolicy"]
    gaps = [
        [account, "eu-west-1", "s3", "Policy", f"res-{number}", *calls, *denied]
        for account in ACCOUNTS[:3]
        for number in range(40)
    ]
    gaps.append([ACCOUNTS[4], "us-east-1", "kms-key", "", "", "kms:ListKeys", "kms:ListKeys", *denied])
    covered = [[each.account, each.region, each.state, each.reason] for each in info.coverage]
    read = [[account, region, "s3", 10, 3, 1.0, 0] for account in ACCOUNTS for region in REGIONS]
    for table, columns, rows in (
        ("gaps", GAPS, gaps),
        ("coverage", COVERAGE, covered),
        ("collection", COLLECTION, read),
    ):
        connection.execute(f"CREATE OR REPLACE TABLE {table} ({columns})")
        insert(connection, table, list(zip(*rows, strict=True)))
        connection.execute(f"COPY {table} TO {quoted(str(folder / f'{table}.parquet'))} (FORMAT parquet)")


def _verdicts(connection: duckdb.DuckDBPyConnection, target: Path, each: int, failing: float, begun: datetime) -> None:
    """Write the findings: the share `failing` of them fails, more of some policies than of others."""
    seen = f"TIMESTAMP {quoted(begun.strftime('%Y-%m-%d %H:%M:%S'))}"
    connection.execute(f"""
        COPY (
            SELECT policy, variant, practice, status, severity, account, region, type, resource_id,
                   'arn:aws:' || resource_id AS arn, name, title,
                   CASE status WHEN 'FAIL' THEN 'The resource ' || name || ' does not keep the policy: ' || title
                               WHEN 'UNKNOWN' THEN 'could not read Policy: s3:GetBucketPolicy AccessDenied'
                               WHEN 'PASS' THEN 'The resource ' || name || ' keeps the policy.'
                               ELSE 'The resource ' || name || ' is not in use.' END AS message,
                   CASE WHEN status IN ('UNKNOWN', 'NOT_APPLICABLE') THEN 'could not read it' END AS reason,
                   {quoted(json.dumps({"Encryption.Rules": [], "Tags": None}))} AS evidence, {seen} AS seen_at
            FROM (
                SELECT w.*, {_place("r.i")},
                       CASE WHEN w.n % 5 > 1 AND luck < {failing} * weight THEN 'FAIL'
                            WHEN w.n % 7 = 0 AND luck > 0.9 THEN 'UNKNOWN'
                            WHEN luck > 0.93 THEN 'NOT_APPLICABLE' ELSE 'PASS' END AS status
                FROM words w, range({each}) r(i),
                     LATERAL (SELECT (hash(r.i * 1000 + w.n) % 1000000)::BIGINT / 1e6 AS luck,
                              0.2 + (hash(w.n) % 100)::BIGINT / 40 AS weight)
            ) ORDER BY type, policy
        ) TO {quoted(str(target / "all.parquet"))} (FORMAT parquet, COMPRESSION zstd)""")


def _waived(connection: duckdb.DuckDBPyConnection, target: Path, today: date) -> None:
    until = today + timedelta(days=90)
    ids = "SELECT md5(concat_ws('|', policy, account, region, resource_id, variant)) AS id"
    source = quoted(str(target / "all.parquet"))
    found = connection.execute(
        f"{ids} FROM read_parquet({source}) WHERE status = 'FAIL' AND name LIKE 'website-%' ORDER BY id LIMIT 200"
    ).fetchall()
    waived = [
        [identity, "public-website", "web team", "The website is public on purpose.", until,
         "It ended on 2026-11-01." if place % 10 == 0 else None]
        for place, (identity,) in enumerate(found)
    ]  # fmt: skip
    if waived:
        write_about(target, "waived", waived)


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[2:]]
    make_lake(Path(sys.argv[1]), *numbers)
