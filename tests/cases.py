"""Cases of rows in, verdicts out: the product's own examples, for tests that hold a plan in their hands."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crenel.catalog.load import catalog
from crenel.examples.format import ACCOUNT, NOW, REGION
from crenel.examples.running import judged
from crenel.examples.stage import Stage
from crenel.judge.findings import Finding
from crenel.language.policy import (
    Plan,
)

__all__ = ["ACCOUNT", "NOW", "REGION", "judge_case"]


def judge_case(plan: Plan, case: dict[str, Any], folder: Path) -> list[Finding]:
    """Return a plan's findings over the rows and gaps of a case, by the same engine and SQL as a scan's."""
    rows = json.loads(json.dumps(case["rows"], default=str))
    stage = Stage(
        rows,
        case.get("gaps", ()),
        case.get("coverage", {}),
        bool(case.get("restricted")),
        now=_time(case.get("now", NOW)),
    )
    return judged([stage], [plan], catalog())


def _time(value: datetime | str) -> datetime:
    time = datetime.fromisoformat(value) if isinstance(value, str) else value
    return time if time.tzinfo else time.replace(tzinfo=UTC)
