"""A row a finding, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from typing import TextIO

from crenel.judge.findings import Finding
from crenel.report.asked import Control, controls
from crenel.report.contract import dumps, time_json
from crenel.report.model import Report
from crenel.report.text import plain

HEADER = (
    "id", "policy", "practice", "title", "status", "severity", "account", "region", "resource_type", "resource_id",
    "resource_arn", "resource_name", "message", "reason", "evidence", "seen_at", "variant", "waiver", "waived_by",
    "waived_because", "waived_until", "lapsed", "state", "controls",
)  # fmt: skip
# What makes spreadsheets take a cell for a formula; the wide forms too, which some of them fold.
_FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


def write(report: Report, out: TextIO) -> None:
    """Write the findings as CSV with a header, streaming; evidence is JSON in its cell."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    decided = controls(report.judgement.connection)
    for found in report.judgement.findings():
        writer.writerow(cells(_values(found, decided.get((found.policy, found.variant), ()))))


def _values(found: Finding, decided: Sequence[Control]) -> tuple[object, ...]:
    return (
        found.id, found.policy, found.practice, found.title, found.status, found.severity, found.account, found.region,
        found.type, found.resource_id, found.arn, found.name, found.message, found.reason, dumps(found.evidence),
        time_json(found.seen_at), found.variant,
        *((waived.waiver, waived.owner, waived.reason, waived.until) if (waived := found.waived) else [None] * 4),
        found.lapsed, found.state, "; ".join(control.label for control in decided),
    )  # fmt: skip


def cells(values: Iterable[object]) -> list[object]:
    """Return a row's values as cells that no spreadsheet takes for a formula; None is an empty cell, numbers stay."""
    return [value if isinstance(value, int | float) else _cell("" if value is None else str(value)) for value in values]


def _cell(text: str) -> str:
    # A space before the sign does not stop every spreadsheet.
    risky = text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA)
    shown = plain(text)
    return f"'{shown}" if risky else shown
