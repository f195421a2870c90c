"""A finding: what one policy says of one resource, as a row and as an object."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from crenel.model import Severity, State, Status

COLUMNS = (
    "id", "policy", "practice", "status", "severity", "account", "region", "type", "resource_id", "arn", "name",
    "title", "message", "reason", "evidence", "seen_at", "variant", "waiver", "waived_by", "waived_because",
    "waived_until", "lapsed",
)  # fmt: skip

# How the engine writes a time into JSON. The columns are UTC, and so no text of AWS's looks like this.
_TIME = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class Waived:
    """Who accepts that a finding fails: the waiver's id, its owner, why, and its last day."""

    waiver: str
    owner: str
    reason: str
    until: date

    def as_json(self) -> dict[str, str]:
        """Return it as the machine-readable contract has it."""
        return {"id": self.waiver, "owner": self.owner, "reason": self.reason, "until": self.until.isoformat()}


@dataclass(frozen=True, slots=True)
class Finding:
    """One verdict. `evidence` maps the paths of the columns that the policy read to their values; `seen_at` is UTC.

    `variant` names the parameters where a policy was asked with several. `lapsed` says why a waiver of the finding no
    longer holds.
    """

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
    variant: str | None = None
    waived: Waived | None = None
    lapsed: str | None = None

    @property
    def state(self) -> State:
        """How the finding counts."""
        return State.WAIVED if self.waived else State(self.status.value)

    @property
    def plan(self) -> str:
        """The key of the plan that says so (`Plan.key`)."""
        return self.policy if self.variant is None else f"{self.policy} {self.variant}"

    @classmethod
    def of(cls, row: tuple[Any, ...]) -> Finding:
        """Return the finding that a row of the findings table is, its columns in the order of `COLUMNS`."""
        values = dict(zip(COLUMNS, row, strict=True))
        values["status"] = Status(values["status"])
        values["severity"] = Severity(values["severity"])
        values["evidence"] = _with_zone(json.loads(values["evidence"] or "{}"))
        values["seen_at"] = values["seen_at"].replace(tzinfo=UTC)
        waived = [values.pop(name) for name in ("waiver", "waived_by", "waived_because", "waived_until")]
        values["waived"] = Waived(*waived) if waived[0] is not None else None
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
            "variant": self.variant,
            "waiver": self.waived.as_json() if self.waived else None,
            "lapsed": self.lapsed,
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
