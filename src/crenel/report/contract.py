"""The machine-readable contract (docs/findings.schema.json): what a scan and a gap are as JSON values.

A finding is `Finding.as_json`. Times are ISO 8601 in UTC with a Z.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from crenel.model import Gap, ScanInfo

SCHEMA_VERSION = 1


def time_json(time: datetime) -> str:
    """Return an aware time as the contract has it."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def scan_json(info: ScanInfo) -> dict[str, Any]:
    """Return a scan's head as the contract has it."""
    return {
        "id": info.id,
        "started_at": time_json(info.started_at),
        "finished_at": time_json(info.finished_at) if info.finished_at else None,
        "accounts": [account.id for account in info.accounts],
        "regions": list(info.regions),
        "complete": info.complete,
        "calls_by_service": dict(sorted(info.calls_by_service.items())),
    }


def gap_json(gap: Gap) -> dict[str, Any]:
    """Return a gap as the contract has it; null for a `detail` or `resource` that means all, and for no permission."""
    return {
        "account": gap.account,
        "region": gap.region,
        "type": f"aws.{gap.type.removeprefix('aws.')}",
        "detail": gap.detail or None,
        "resource": gap.resource or None,
        "call": gap.call,
        "permission": gap.permission or None,
        "code": gap.code,
        "message": gap.message,
        "at": time_json(gap.at),
    }


def dumps(value: object) -> str:
    """Return a value as JSON on one line, in ASCII: it survives every pipe and can't steer a terminal."""
    return json.dumps(value, separators=(",", ":"), default=str)
