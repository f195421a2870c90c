"""Judgements to report: real DuckDB tables with the rows that a test names."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import duckdb

from crenel.judge.findings import COLUMNS
from crenel.judge.run import Judgement
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
    "evidence VARCHAR, seen_at TIMESTAMP"
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
    } | changes


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
    findings: list[dict[str, Any]], gaps: list[dict[str, Any]] | None = None, head: ScanInfo | None = None
) -> Judgement:
    connection = duckdb.connect(":memory:")
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"CREATE TABLE findings ({_FINDINGS})")
    connection.execute(f"CREATE TABLE gaps ({_GAPS})")
    for row in findings:
        values = row | {"evidence": json.dumps(row["evidence"])}
        _insert(connection, "findings", [values[key] for key in COLUMNS])
    for row in gaps or []:
        _insert(connection, "gaps", list(row.values()))
    return Judgement(head or info(), connection, whole=True)


def report(
    findings: list[dict[str, Any]],
    gaps: list[dict[str, Any]] | None = None,
    *,
    plans: list[Plan] | None = None,
    head: ScanInfo | None = None,
    **others: Any,
) -> Report:
    head = head or info()
    return Report(head, judgement(findings, gaps, head), plans if plans is not None else [plan()], **others)


def _insert(connection: duckdb.DuckDBPyConnection, table: str, values: list[Any]) -> None:
    plain = [value.replace(tzinfo=None) if isinstance(value, datetime) else value for value in values]
    connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' for _ in plain)})", plain)
