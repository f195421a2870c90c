"""One JSON object, the contract of docs/findings.schema.json, a finding a line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

from crenel.report.contract import SCHEMA_VERSION, dumps, gap_json, scan_json
from crenel.report.model import Report


def write(report: Report, out: TextIO) -> None:
    """Write the report as one JSON object; findings and gaps stream and are never all in memory."""
    out.write(f'{{"schema_version":{SCHEMA_VERSION},\n"scan":{dumps(scan_json(report.info))},\n"findings":[')
    _items(out, (dumps(finding.as_json()) for finding in report.judgement.findings()))
    out.write('],\n"gaps":[')
    _items(out, (dumps(gap_json(gap)) for gap in report.judgement.gaps()))
    out.write("]}\n")


def _items(out: TextIO, items: Iterable[str]) -> None:
    separator = "\n"
    for item in items:
        out.write(separator)
        out.write(item)
        separator = ",\n"
