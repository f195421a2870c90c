"""One JSON object, the contract of docs/findings.schema.json, a finding a line."""

from __future__ import annotations

from typing import TextIO

from crenel.model import State
from crenel.report.asked import asked, controls
from crenel.report.contract import SCHEMA_VERSION, dumps, finding_json, gap_json, scan_json, write_items
from crenel.report.model import Report


def write(report: Report, out: TextIO) -> None:
    """Write the report as one JSON object; findings and gaps stream and are never all in memory."""
    policies = asked(report.judgement.connection)
    decided = controls(report.judgement.connection)
    counts = {state: sum(policy.count(state) for policy in policies) for state in State}
    out.write(f'{{"schema_version":{SCHEMA_VERSION},\n"scan":{dumps(scan_json(report.info))},\n')
    out.write(f'"counts":{dumps(counts)},\n"findings":[')
    found = report.judgement.findings()
    write_items(out, (dumps(finding_json(each, decided.get((each.policy, each.variant), ()))) for each in found))
    out.write('],\n"gaps":[')
    write_items(out, (dumps(gap_json(gap)) for gap in report.judgement.gaps()))
    out.write("]}\n")
