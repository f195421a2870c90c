"""OCSF 1.5.0, class Compliance Finding (2003), an event a line: for SIEMs and security lakes.

The class: https://schema.ocsf.io/1.5.0/classes/compliance_finding. It has the profiles Cloud and Date/Time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TextIO

from crenel import __version__
from crenel.judge.findings import Finding
from crenel.model import GLOBAL, Severity, State, Status
from crenel.report.asked import Asked, Control, asked, controls
from crenel.report.contract import dumps, time_json
from crenel.report.model import Report
from crenel.report.text import plain

VERSION = "1.5.0"
CLASS = 2003
_CREATE = 1
_SEVERITIES: Mapping[Severity, tuple[int, str]] = {
    Severity.LOW: (2, "Low"), Severity.MEDIUM: (3, "Medium"), Severity.HIGH: (4, "High"),
    Severity.CRITICAL: (5, "Critical"),
}  # fmt: skip
_INFORMATIONAL = (1, "Informational")
_STATUSES: Mapping[Status, tuple[int, str]] = {
    Status.PASS: (1, "Pass"), Status.UNKNOWN: (2, "Warning"), Status.FAIL: (3, "Fail"),
    Status.NOT_APPLICABLE: (99, "Not applicable"),
}  # fmt: skip
_NEW, _SUPPRESSED = (1, "New"), (3, "Suppressed")


def write(report: Report, out: TextIO) -> None:
    """Write an event a finding, one JSON object a line, streaming."""
    policies = {(policy.policy, policy.variant): policy for policy in asked(report.judgement.connection)}
    decided = controls(report.judgement.connection)
    partitions = {account.id: account.partition for account in report.info.accounts}
    for finding in report.judgement.findings():
        key = (finding.policy, finding.variant)
        event = _event(finding, policies[key], decided.get(key, ()), partitions.get(finding.account, "aws"))
        event["metadata"]["correlation_uid"] = report.info.id
        out.write(dumps(event) + "\n")


def _event(finding: Finding, policy: Asked, decided: Sequence[Control], partition: str) -> dict[str, Any]:
    # What passes or does not apply asks for nothing, however bad its failing would be.
    bad = finding.status in (Status.FAIL, Status.UNKNOWN)
    severity = _SEVERITIES[finding.severity] if bad else _INFORMATIONAL
    status = _SUPPRESSED if finding.state is State.WAIVED else _NEW
    said = plain(finding.message or finding.reason or finding.title)
    return {
        "activity_id": _CREATE,
        "activity_name": "Create",
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": CLASS,
        "class_name": "Compliance Finding",
        "type_uid": CLASS * 100 + _CREATE,
        "type_name": "Compliance Finding: Create",
        "severity_id": severity[0],
        "severity": severity[1],
        "status_id": status[0],
        "status": status[1],
        "status_code": finding.state.value,
        "status_detail": plain(_detail(finding)),
        "time": _milliseconds(finding.seen_at),
        "time_dt": time_json(finding.seen_at),
        "message": said,
        "metadata": {
            "version": VERSION,
            "profiles": ["cloud", "datetime"],
            "event_code": policy.key,
            "uid": finding.id,
            "product": {"name": "Crenel", "vendor_name": "Crenel", "uid": "crenel", "version": __version__},
        },
        "finding_info": {
            "uid": finding.id,
            "title": policy.title,
            "desc": said,
            "types": ["Configuration"],
            "last_seen_time": _milliseconds(finding.seen_at),
            "last_seen_time_dt": time_json(finding.seen_at),
            "analytic": {"type_id": 1, "type": "Rule", "uid": policy.key, "name": policy.title},
        },
        "compliance": _compliance(finding, policy, decided),
        "resources": [_resource(finding, partition)],
        "cloud": {
            "provider": "AWS",
            "region": finding.region,
            "account": {"uid": finding.account, "name": finding.account, "type_id": 10, "type": "AWS Account"},
        },
        **({"remediation": _remediation(policy)} if policy.remediation else {}),
        "unmapped": _unmapped(finding),
    }


def _detail(finding: Finding) -> str:
    if waived := finding.waived:
        return f"Waived until {waived.until} by {waived.owner} ({waived.waiver}): {waived.reason}"
    if finding.lapsed:
        return f"{finding.message} A waiver no longer holds: {finding.lapsed}"
    return finding.reason or finding.message or finding.title


def _compliance(finding: Finding, policy: Asked, decided: Sequence[Control]) -> dict[str, Any]:
    number, word = _STATUSES[finding.status]
    return {
        "control": policy.key,
        "desc": policy.title,
        "standards": list(dict.fromkeys(control.framework_title for control in decided)) or ["Crenel"],
        "requirements": [control.label for control in decided] or [policy.key],
        "status_id": number,
        "status": word,
        "checks": [
            {
                "uid": control.id,
                "name": control.title,
                "version": control.version,
                "standards": [control.framework_title],
                "status_id": number,
                "status": word,
            }
            for control in decided
        ],
    }


def _resource(finding: Finding, partition: str) -> dict[str, Any]:
    return {
        "uid": finding.arn or finding.resource_id,
        "name": plain(finding.name or finding.resource_id),
        "type": finding.type,
        "region": finding.region if finding.region != GLOBAL else "global",
        "cloud_partition": partition,
        "data": {"id": finding.resource_id, "evidence": finding.evidence},
    }


def _remediation(policy: Asked) -> dict[str, Any]:
    return {"desc": policy.remediation, **({"references": list(policy.links)} if policy.links else {})}


def _unmapped(finding: Finding) -> dict[str, Any]:
    """Return what OCSF has no word for."""
    return {
        "policy": finding.policy,
        "variant": finding.variant,
        "practice": finding.practice,
        "level": finding.severity.value,
        "waiver": finding.waived.as_json() if finding.waived else None,
        "lapsed": finding.lapsed,
    }


def _milliseconds(time: datetime) -> int:
    return int(time.timestamp() * 1_000)
