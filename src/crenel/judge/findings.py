"""A finding: what one policy says of one resource, as a row and as an object."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from crenel.model import Severity, Status

COLUMNS = (
    "id", "policy", "practice", "status", "severity", "account", "region", "type", "resource_id", "arn", "name",
    "title", "message", "reason", "evidence", "seen_at",
)  # fmt: skip

# How the engine writes a time into JSON. The columns are UTC, and so no text of AWS's looks like this.
_TIME = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class Finding:
    """One verdict. `evidence` maps the paths of the columns that the policy read to their values; `seen_at` is UTC."""

    id: str
    policy: str
    practice: int | None
    status: Status
    severity: Severity
    account: str
    region: str
    type: str
    resource_id: str
    arn: str | None
    name: str | None
    title: str
    message: str
    reason: str | None
    evidence: Mapping[str, Any] = field(hash=False)
    seen_at: datetime

    @classmethod
    def of(cls, row: tuple[Any, ...]) -> Finding:
        """Return the finding that a row of the findings table is, its columns in the order of `COLUMNS`."""
        values = dict(zip(COLUMNS, row, strict=True))
        values["status"] = Status(values["status"])
        values["severity"] = Severity(values["severity"])
        values["evidence"] = _with_zone(json.loads(values["evidence"] or "{}"))
        values["seen_at"] = values["seen_at"].replace(tzinfo=UTC)
        return cls(**values)

    def as_json(self) -> dict[str, Any]:
        """Return the finding as the machine-readable contract has it."""
        return {
            "id": self.id,
            "policy": self.policy,
            "practice": self.practice,
            "status": self.status.value,
            "severity": self.severity.value,
            "account": self.account,
            "region": self.region,
            "resource": {"type": self.type, "id": self.resource_id, "arn": self.arn, "name": self.name},
            "message": self.message,
            "evidence": self.evidence,
            "reason": self.reason,
            "seen_at": self.seen_at.isoformat().replace("+00:00", "Z"),
        }


def _with_zone(value: Any) -> Any:  # noqa: ANN401 (any JSON value)
    """Return evidence with its times as ISO 8601 in UTC, like all times of a report."""
    if isinstance(value, dict):
        return {key: _with_zone(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_zone(item) for item in value]
    if isinstance(value, str) and (match := _TIME.fullmatch(value)):
        return f"{match[1]}T{match[2]}Z"
    return value
