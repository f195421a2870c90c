"""JUnit XML, for CI systems: a suite a policy, a case a finding.

FAIL is a failure, UNKNOWN an error, a waived finding and NOT_APPLICABLE are skipped with the reason, PASS passes.
"""

from __future__ import annotations

from typing import TextIO
from xml.sax.saxutils import escape, quoteattr

from crenel.judge.findings import Finding
from crenel.model import State
from crenel.report.asked import Asked, asked
from crenel.report.contract import dumps
from crenel.report.model import Report
from crenel.report.text import plain

_SKIPPED = (State.WAIVED, State.NOT_APPLICABLE)


def write(report: Report, out: TextIO) -> None:
    """Write the findings as JUnit XML, streaming; the counts of the suites are asked first."""
    policies = asked(report.judgement.connection)
    out.write('<?xml version="1.0" encoding="UTF-8"?>\n')
    out.write(f'<testsuites name="crenel" {_counts(policies)} time="{report.seconds or 0:.3f}">\n')
    time = report.info.started_at.strftime("%Y-%m-%dT%H:%M:%S")
    open_suite = None
    by_key = {(policy.policy, policy.variant): policy for policy in policies}
    # Findings come policy by policy, in the order of `asked`.
    for finding in report.judgement.findings():
        policy = by_key[finding.policy, finding.variant]
        if policy is not open_suite:
            out.write("</testsuite>\n" if open_suite else "")
            _begin(policy, time, out)
            open_suite = policy
        _case(finding, policy, out)
    out.write("</testsuite>\n" if open_suite else "")
    out.write("</testsuites>\n")


def _counts(policies: list[Asked]) -> str:
    skipped = sum(policy.count(state) for policy in policies for state in _SKIPPED)
    total, failed, errors = (
        sum(policy.total for policy in policies),
        sum(policy.count(State.FAIL) for policy in policies),
        sum(policy.count(State.UNKNOWN) for policy in policies),
    )
    return f'tests="{total}" failures="{failed}" errors="{errors}" skipped="{skipped}"'


def _begin(policy: Asked, time: str, out: TextIO) -> None:
    out.write(
        f'<testsuite name={_attribute(policy.key)} {_counts([policy])} time="0" timestamp="{time}">\n<properties>\n'
    )
    facts = {"title": policy.title, "severity": policy.severity, "practice": policy.practice, "type": policy.type}
    for name, value in facts.items():
        if value is not None:
            out.write(f'<property name="{name}" value={_attribute(str(value))}/>\n')
    out.write("</properties>\n")


def _case(finding: Finding, policy: Asked, out: TextIO) -> None:
    place = f"{finding.account} {finding.region} {finding.resource_id}"
    out.write(f'<testcase classname={_attribute(policy.key)} name={_attribute(place)} time="0"')
    body = _body(finding, policy)
    out.write(f">{body}</testcase>\n" if body else "/>\n")


def _body(finding: Finding, policy: Asked) -> str:
    match finding.state:
        case State.FAIL:
            lines = [finding.message, f"resource: {finding.arn or finding.resource_id}", f"finding: {finding.id}"]
            lines += [f"evidence: {dumps(finding.evidence)}"]
            lines += [f"waiver: {finding.lapsed}"] if finding.lapsed else []
            lines += [f"how to fix: {policy.remediation}"] if policy.remediation else []
            text = "\n".join(escape(plain(line)) for line in lines)
            return (
                f"<failure message={_attribute(finding.message)} type={_attribute(finding.severity)}>{text}</failure>"
            )
        case State.UNKNOWN:
            why = finding.reason or finding.message
            return f'<error message={_attribute(why)} type="UNKNOWN">{escape(plain(why))}</error>'
        case State.WAIVED:
            why = ""
            if waived := finding.waived:
                why = f"Waived until {waived.until} by {waived.owner} ({waived.waiver}): {waived.reason}"
            return f"<skipped message={_attribute(why)}/>"
        case State.NOT_APPLICABLE:
            return f"<skipped message={_attribute(finding.reason or finding.message)}/>"
    return ""


def _attribute(text: str | None) -> str:
    # What `plain` leaves is printable, and so all of it may stand in XML 1.0.
    return quoteattr(plain(text or ""))
