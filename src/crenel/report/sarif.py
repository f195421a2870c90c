"""SARIF 2.1.0, for GitHub code scanning and whatever else reads it: a rule a policy, a result a finding.

The standard: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html. What GitHub takes of it:
https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TextIO
from urllib.parse import quote

from crenel import __version__
from crenel.explaining.model import Explanation
from crenel.judge.findings import Finding
from crenel.model import Gap, Severity, State
from crenel.report.asked import Asked, Control, Key, asked, controls
from crenel.report.contract import dumps, time_json, write_items
from crenel.report.explanations import explained, markdown, text_of
from crenel.report.model import Report
from crenel.report.text import plain, short

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ABOUT = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html"
_LEVELS: Mapping[Severity, str] = {
    Severity.CRITICAL: "error", Severity.HIGH: "error", Severity.MEDIUM: "warning", Severity.LOW: "note",
}  # fmt: skip
# GitHub makes its levels of numbers: critical from 9.0, high from 7.0, medium from 4.0.
_SCORES: Mapping[Severity, str] = {
    Severity.CRITICAL: "9.5", Severity.HIGH: "8.0", Severity.MEDIUM: "5.5", Severity.LOW: "2.0",
}  # fmt: skip
_KINDS: Mapping[State, str] = {
    State.FAIL: "fail", State.WAIVED: "fail", State.UNKNOWN: "open", State.PASS: "pass",
    State.NOT_APPLICABLE: "notApplicable",
}  # fmt: skip
_TAGS = 20  # of a rule; GitHub takes no more


def write(report: Report, out: TextIO) -> None:
    """Write one run: its rules, what could not be read as notifications, then the results, streaming."""
    policies = asked(report.judgement.connection)
    by_policy = controls(report.judgement.connection)
    told = explained(report.judgement.connection, by_policy)
    rules = []
    for policy in policies:
        key = (policy.policy, policy.variant)
        rules.append(_rule(policy, by_policy.get(key, ()), told.get(key)))
    places: dict[Key, int] = {(policy.policy, policy.variant): place for place, policy in enumerate(policies)}
    driver = {"name": "Crenel", "semanticVersion": __version__, "version": __version__, "rules": rules}
    out.write(f'{{"$schema":{dumps(_SCHEMA)},"version":"2.1.0","runs":[{{\n"tool":{dumps({"driver": driver})},\n')
    # GitHub keeps what other categories reported.
    out.write(f'"automationDetails":{dumps({"id": f"crenel/{report.info.id}"})},\n"invocations":[')
    out.write(dumps(_invocation(report))[:-1] + ',"toolExecutionNotifications":[')
    write_items(out, (dumps(_notification(gap)) for gap in report.judgement.gaps()))
    out.write(']}],\n"columnKind":"unicodeCodePoints",\n"results":[')
    write_items(out, (dumps(_result(finding, policies, places)) for finding in report.judgement.findings()))
    out.write("]}]}\n")


def _rule(policy: Asked, decided: Sequence[Control], told: Explanation | None) -> dict[str, Any]:
    full = policy.why or policy.title
    tags = dict.fromkeys(["security", "aws", *(control.label for control in decided)])
    rule: dict[str, Any] = {
        "id": policy.key,
        "name": policy.key,
        "shortDescription": {"text": policy.title},
        "fullDescription": {"text": short(full, 1_000)},
        "help": {"text": text_of(told), "markdown": markdown(told)} if told else {"text": plain(policy.title)},
        "defaultConfiguration": {"level": _LEVELS[policy.severity]},
        "properties": {
            "tags": list(tags)[:_TAGS],
            "precision": "very-high",
            "security-severity": _SCORES[policy.severity],
            "severity": policy.severity.value,
            "practice": policy.practice,
            "resourceType": policy.type,
        },
    }
    if policy.links:
        rule["helpUri"] = policy.links[0]
    return rule


def _invocation(report: Report) -> dict[str, Any]:
    info = report.info
    found: dict[str, Any] = {"executionSuccessful": True, "startTimeUtc": time_json(info.started_at)}
    if info.finished_at is not None:
        found["endTimeUtc"] = time_json(info.finished_at)
    found["properties"] = {"accounts": [account.id for account in info.accounts], "complete": info.complete}
    return found


def _notification(gap: Gap) -> dict[str, Any]:
    place = f"{gap.account} {gap.region}: aws.{gap.type.removeprefix('aws.')}"
    what = f"{gap.detail} of {gap.resource or 'all'}" if gap.detail else gap.resource or "the listing"
    return {
        "level": "warning",
        "timeUtc": time_json(gap.at),
        "message": {"text": plain(f"{place}: {what} could not be read: {gap.call}: {gap.code}: {gap.message}")},
    }


def _result(finding: Finding, policies: Sequence[Asked], places: Mapping[Key, int]) -> dict[str, Any]:
    place = places[finding.policy, finding.variant]
    kind = _KINDS[finding.state]
    said = finding.message if kind in {"fail", "pass"} else finding.reason or finding.message
    result: dict[str, Any] = {
        "ruleId": policies[place].key,
        "ruleIndex": place,
        "kind": kind,
        "level": _LEVELS[finding.severity] if kind == "fail" else "none",  # as the standard asks
        "message": {"text": plain(said or finding.title)},
        "locations": [_location(finding)],
        # GitHub goes by the second one alone.
        "partialFingerprints": {"crenelFinding/v1": finding.id, "primaryLocationLineHash": f"{finding.id}:1"},
        "properties": {
            "state": finding.state.value,
            "severity": finding.severity.value,
            "account": finding.account,
            "region": finding.region,
            "evidence": finding.evidence,
        },
    }
    if waived := finding.waived:
        why = f"{waived.reason} (waiver {waived.waiver} of {waived.owner}, until {waived.until})"
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": plain(why)}]
    if finding.lapsed:
        result["properties"]["lapsed"] = finding.lapsed
    return result


def _location(finding: Finding) -> dict[str, Any]:
    """Return where a resource is. GitHub shows nothing without a file: a relative path that says which resource."""
    path = [finding.account, finding.region, finding.type.removeprefix("aws."), finding.resource_id]
    uri = "/".join(["aws", *(_segment(part) for part in path)])
    logical = {
        "name": finding.name or finding.resource_id,
        "fullyQualifiedName": finding.arn or "/".join(["aws", *path]),
        "kind": "resource",
    }
    return {
        "physicalLocation": {"artifactLocation": {"uri": uri}, "region": {"startLine": 1}},
        "logicalLocations": [{key: plain(value) for key, value in logical.items()}],
    }


def _segment(text: str) -> str:
    # Dots alone would lead out of the folder, and stay as they are when they are quoted.
    return quote(text, safe="").replace(".", "%2E") if set(text) <= {"."} else quote(text, safe=":")
