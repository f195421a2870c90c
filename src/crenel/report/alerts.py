"""Alerts for people, a line each, and for machines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TextIO

from crenel.model import Alert
from crenel.report.contract import dumps
from crenel.report.text import plain, short

_OUTPUT = 400  # letters of a rule's own text in a line for people


def alert_json(alert: Alert) -> dict[str, Any]:
    """Return an alert as the contract has it (docs/detections.md): the same names in every format, null for nothing."""
    return {
        "time": alert.time,
        "rule": alert.rule,
        "rule_id": alert.rule_id,
        "language": alert.language,
        "level": alert.level,
        "tags": list(alert.tags),
        "event_id": alert.event_id or None,
        "event_name": alert.event_name or None,
        "event_source": alert.event_source or None,
        "account": alert.account or None,
        "region": alert.region or None,
        "principal": alert.principal or None,
        "source_ip": alert.source_ip or None,
        "resource": alert.resource or None,
        "output": alert.output,
        "output_fields": dict(alert.output_fields),
        "file": alert.file,
        "events": list(alert.events),
    }


def write_lines(alerts: Iterable[Alert], out: TextIO) -> Iterator[Alert]:
    """Write each alert as a line for people, with what steers a terminal written out; yield what was written."""
    for alert in alerts:
        out.write(_line(alert) + "\n")
        yield alert


def write_ndjson(alerts: Iterable[Alert], out: TextIO) -> Iterator[Alert]:
    """Write each alert as a JSON object on a line of its own; yield what was written."""
    for alert in alerts:
        out.write(dumps(alert_json(alert)) + "\n")
        yield alert


def write_array(alerts: Iterable[Alert], out: TextIO) -> Iterator[Alert]:
    """Write the alerts as a JSON array; yield what was written."""
    before = "[\n"
    for alert in alerts:
        out.write(before + dumps(alert_json(alert)))
        before = ",\n"
        yield alert
    out.write("[]\n" if before == "[\n" else "\n]\n")


def _line(alert: Alert) -> str:
    event = f"{alert.event_source.removesuffix('.amazonaws.com')}:{alert.event_name}"
    words = [alert.time, f"{alert.level:<13}", alert.rule, alert.principal, alert.source_ip, event, alert.resource]
    told = [plain(word) if word.strip() else "-" for word in words]
    # Where a rule has no text of its own, the line says all that it could.
    own = "" if alert.output.startswith(f"{alert.rule}: ") else f" | {short(alert.output, _OUTPUT)}"
    return f"{'  '.join(told)}{own}"
