"""Cases of rows in, verdicts out: how a case in YAML becomes a judged snapshot."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crenel.catalog.load import catalog
from crenel.catalog.spec import ResourceType
from crenel.collect.documents import statements
from crenel.judge.findings import Finding
from crenel.judge.run import Bench
from crenel.lake.engine import connect
from crenel.lake.snapshots import COVERAGE, GAPS, collected_columns, gap_row, rows_sql
from crenel.language.plan import Plan
from crenel.model import GLOBAL, Account, Coverage, Gap, ScanInfo
from crenel.policies.facts import facts
from crenel.policies.load import needs_of

ACCOUNT = "111122223333"
REGION = "us-east-1"
NOW = datetime(2026, 11, 23, tzinfo=UTC)


def judge_case(plan: Plan, case: dict[str, Any], folder: Path) -> list[Finding]:
    """Return a plan's findings over the rows and gaps of a case, by the same engine and SQL as a scan's."""
    now = _time(case.get("now", NOW))
    gaps = [_gap(gap, now) for gap in case.get("gaps", ())]
    details = {need.type: tuple(sorted(need.details)) for need in needs_of([plan], catalog())}
    rows = {name: [_row(catalog()[name], row, gaps, now) for row in case["rows"].get(name, ())] for name in details}
    accounts = {row["_account"] for given in rows.values() for row in given} | {gap.account for gap in gaps} or {
        ACCOUNT
    }
    info = ScanInfo(
        id="case",
        started_at=now,
        finished_at=now,
        accounts=tuple(Account(account) for account in sorted(accounts)),
        regions=(REGION,),
        restricted=bool(case.get("restricted")),
        coverage=tuple(Coverage(ACCOUNT, region, state) for region, state in case.get("coverage", {}).items()),
        details=details,
    )
    bench = Bench(connect(), info, catalog(), facts())
    bench.connection.execute(f"CREATE TABLE gaps ({GAPS})")
    bench.connection.execute(f"CREATE TABLE coverage ({COVERAGE})")
    for gap in gaps:
        bench.connection.execute("INSERT INTO gaps VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", gap_row(gap))
    for each in info.coverage:
        bench.connection.execute(
            "INSERT INTO coverage VALUES (?, ?, ?, ?)", [each.account, each.region, each.state, each.reason]
        )
    bench.listing_gaps()
    for name, given in rows.items():
        kind = catalog()[name]
        spool = folder / f"{name}.ndjson"
        spool.write_text("".join(json.dumps(row) + "\n" for row in given))
        columns = collected_columns(kind, details[name])
        bench.table(kind, f"({rows_sql(columns, [spool] if given else [])})", set(columns))
    judgement = bench.judge([plan], folder / "findings")
    found = list(judgement.findings())
    judgement.close()
    return found


def _row(kind: ResourceType, given: dict[str, Any], gaps: list[Gap], now: datetime) -> dict[str, Any]:
    row: dict[str, Any] = json.loads(json.dumps(given, default=str))
    if "documents" in row:
        _documents(row)
    account = row.pop("_account", ACCOUNT)
    region = row.pop("_region", REGION if kind.regional else GLOBAL)
    if kind.listing is None:
        row["account_id"] = account
    home = row.get(kind.home, region) if kind.home else region
    if isinstance(home, str) and kind.name == "s3":
        row[kind.home] = {"LocationConstraint": home}
    home = home["LocationConstraint"] or "us-east-1" if isinstance(home, dict) else home
    identity = str(row.get(kind.id))
    return row | {
        "_account": account,
        "_region": region,
        "_home": home,
        "_owner": _owner(kind, row) or account,
        "_primary": home == region or not kind.shadows,
        "_id": identity,
        "_arn": row.get("Arn"),
        "_name": row.get(kind.label) or identity,
        "_seen_at": now.replace(tzinfo=None).isoformat(sep=" "),
        "_gaps": {
            gap.detail: f"{gap.call} {gap.code}: {gap.message}"
            for gap in gaps
            if (gap.type, gap.resource) == (kind.name, identity) and gap.region in (region, home)
        },
    }


def _owner(kind: ResourceType, row: dict[str, Any]) -> str | None:
    owner = row.get(kind.owner) if kind.owner else None
    return owner.split(":")[4] if owner and owner.startswith("arn:") else owner


def _documents(row: dict[str, Any]) -> None:
    versions = row.pop("documents")
    default = row.setdefault("DefaultVersionId", next(iter(versions)))
    row["PolicyVersionList"] = [
        {"VersionId": name, "IsDefaultVersion": name == default, "Document": json.dumps(document)}
        for name, document in versions.items()
    ]
    row["Statements"] = statements(json.dumps(versions[default]))


def _gap(given: dict[str, Any], now: datetime) -> Gap:
    kind = catalog()[given["type"]]
    region = given.get("region", given.get("_region", REGION if kind.regional else GLOBAL))
    detail = given.get("detail", "")
    call = kind.details[detail].call if detail else kind.listing.call if kind.listing else None
    name = call.name if call else "iam:GetCredentialReport"
    account = given.get("account", ACCOUNT)
    return Gap(
        account, region, kind.name, detail, given.get("resource", ""), name, name, given["code"], "denied here", now
    )


def _time(value: datetime | str) -> datetime:
    time = datetime.fromisoformat(value) if isinstance(value, str) else value
    return time if time.tzinfo else time.replace(tzinfo=UTC)
