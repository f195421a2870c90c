"""A line of JSON a finding, each the `findings` item of docs/findings.schema.json."""

from __future__ import annotations

from typing import TextIO

from crenel.report.asked import controls
from crenel.report.contract import dumps, finding_json
from crenel.report.model import Report


def write(report: Report, out: TextIO) -> None:
    """Write the findings, one JSON object a line, streaming. Gaps are not among them: see the format `json`."""
    decided = controls(report.judgement.connection)
    for finding in report.judgement.findings():
        out.write(dumps(finding_json(finding, decided.get((finding.policy, finding.variant), ()))))
        out.write("\n")
