"""Judgements to report: real DuckDB tables with the rows that a test names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import duckdb

from crenel.judge.run import Judgement
from crenel.lake.findings import TABLES
from crenel.language.plan import (
    FALSE,
    TRUE,
)
from crenel.language.policy import (
    Plan,
    Template,
)
from crenel.model import Account, Coverage, ScanInfo, Severity
from crenel.report.model import Report

ACCOUNT = "111122223333"
SEEN = datetime(2026, 11, 20, 8, 30, 5, 120000, tzinfo=UTC)

_FINDINGS = (
    "id VARCHAR, policy VARCHAR, practice INTEGER, status VARCHAR, severity VARCHAR, account VARCHAR, region VARCHAR, "
    "type VARCHAR, resource_id VARCHAR, arn VARCHAR, name VARCHAR, title VARCHAR, message VARCHAR, reason VARCHAR, "
    "evidence VARCHAR, seen_at TIMESTAMP, variant VARCHAR, state VARCHAR, waiver VARCHAR, waived_by VARCHAR, "
    "waived_because VARCHAR, waived_until DATE, lapsed VARCHAR"
)
_GAPS = (
    "account VARCHAR, region VARCHAR, type VARCHAR, detail VARCHAR, resource VARCHAR, call VARCHAR, "
    "permission VARCHAR, code VARCHAR, message VARCHAR, seen_at TIMESTAMP"
)


def info(**changes: Any) -> ScanInfo:
    values: dict[str, Any] = {
        "id": "20261120T083000Z-abc123",
        "started_at": datetime(2026, 11, 20, 8, 30, tzinfo=UTC),
        "finished_at": datetime(2026, 11, 20, 8, 30, 9, tzinfo=UTC),
        "accounts": (Account(ACCOUNT),),
        "regions": ("eu-west-1", "us-east-1"),
        "coverage": (
            Coverage(ACCOUNT, "eu-west-1", "scanned"),
            Coverage(ACCOUNT, "us-east-1", "scanned"),
            Coverage(ACCOUNT, "me-south-1", "not-opted-in", "me-south-1 is not opted in."),
            Coverage(ACCOUNT, "af-south-1", "not-opted-in", "af-south-1 is not opted in."),
        ),
        "calls_by_service": {"s3": 12, "iam": 5},
        "complete": True,
    }
    return ScanInfo(**(values | changes))


def finding(**changes: Any) -> dict[str, Any]:
    return {
        "id": "f1",
        "policy": "s3-bucket-encryption",
        "practice": 11,
        "status": "FAIL",
        "severity": "high",
        "account": ACCOUNT,
        "region": "eu-west-1",
        "type": "aws.s3",
        "resource_id": "reports",
        "arn": "arn:aws:s3:::reports",
        "name": "reports",
        "title": "Buckets are encrypted",
        "message": "The bucket reports has no default encryption.",
        "reason": None,
        "evidence": {"Encryption.Rules": []},
        "seen_at": SEEN,
        "variant": None,
        "waiver": None,
        "waived_by": None,
        "waived_because": None,
        "waived_until": None,
        "lapsed": None,
    } | changes


WAIVER: dict[str, Any] = {
    "waiver": "public-website",
    "waived_by": "web team",
    "waived_because": "The website is public on purpose.",
    "waived_until": date(2027, 3, 1),
}


def gap(**changes: Any) -> dict[str, Any]:
    return {
        "account": ACCOUNT,
        "region": "eu-west-1",
        "type": "s3",
        "detail": "Encryption",
        "resource": "secret",
        "call": "s3:GetBucketEncryption",
        "permission": "s3:GetEncryptionConfiguration",
        "code": "AccessDenied",
        "message": "User: arn:aws:iam::111122223333:user/x is not authorized",
        "at": SEEN,
    } | changes


def plan(**changes: Any) -> Plan:
    values: dict[str, Any] = {
        "policy": "s3-bucket-encryption",
        "practice": 11,
        "severity": Severity.HIGH,
        "title": "Buckets are encrypted",
        "table": "s3",
        "scope": TRUE,
        "fails": FALSE,
        "not_applicable": (),
        "unknown": (),
        "message_fail": Template(()),
        "message_pass": Template(()),
        "notes": (),
    }
    return Plan(**(values | changes))


def judgement(
    findings: list[dict[str, Any]],
    gaps: list[dict[str, Any]] | None = None,
    head: ScanInfo | None = None,
    about: Mapping[str, list[dict[str, Any]]] | None = None,
) -> Judgement:
    """Return findings as if judged; `about` has rows of the tables of `lake/findings.py`, columns left out are null."""
    connection = duckdb.connect(":memory:")
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"CREATE TABLE findings ({_FINDINGS})")
    connection.execute(f"CREATE TABLE gaps ({_GAPS})")
    for row in findings:
        state = "WAIVED" if row["waiver"] else row["status"]
        _insert(connection, "findings", row | {"evidence": json.dumps(row["evidence"]), "state": state})
    for row in gaps or []:
        _insert(connection, "gaps", {"seen_at" if key == "at" else key: value for key, value in row.items()})
    for table, columns in TABLES.items():
        connection.execute(f"CREATE TABLE {table} ({columns})")
        for row in (about or {}).get(table, []):
            _insert(connection, table, row)
    return Judgement(head or info(), connection, whole=True)


def report(
    findings: list[dict[str, Any]],
    gaps: list[dict[str, Any]] | None = None,
    *,
    plans: list[Plan] | None = None,
    head: ScanInfo | None = None,
    about: Mapping[str, list[dict[str, Any]]] | None = None,
    **others: Any,
) -> Report:
    head = head or info()
    return Report(head, judgement(findings, gaps, head, about), plans if plans is not None else [plan()], **others)


def _insert(connection: duckdb.DuckDBPyConnection, table: str, row: Mapping[str, Any]) -> None:
    plain = [value.replace(tzinfo=None) if isinstance(value, datetime) else value for value in row.values()]
    columns = ", ".join(f'"{key}"' for key in row)
    connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({', '.join('?' for _ in plain)})", plain)
