"""A line of JSON a finding, each the `findings` item of docs/findings.schema.json."""

from __future__ import annotations

from typing import TextIO

from crenel.report.contract import dumps
from crenel.report.model import Report


def write(report: Report, out: TextIO) -> None:
    """Write the findings, one JSON object a line, streaming. Gaps are not among them: see the format `json`."""
    for finding in report.judgement.findings():
        out.write(dumps(finding.as_json()))
        out.write("\n")
