"""The machine-readable contract (docs/findings.schema.json): what a scan and a gap are as JSON values.

Times are ISO 8601 in UTC with a Z.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TextIO

from crenel.judge.findings import Finding
from crenel.model import Gap, ScanInfo
from crenel.report.asked import Control

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


def finding_json(finding: Finding, decided: Sequence[Control] = ()) -> dict[str, Any]:
    """Return a finding as the contract has it, with the controls that its policy decides."""
    return {
        **finding.as_json(),
        "state": finding.state.value,
        "controls": [{"framework": control.framework, "id": control.id} for control in decided],
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


def write_items(out: TextIO, items: Iterable[str]) -> None:
    """Write JSON texts as the items of an array, one a line, as they come; the brackets are the caller's."""
    separator = "\n"
    for item in items:
        out.write(separator)
        out.write(item)
        separator = ",\n"
