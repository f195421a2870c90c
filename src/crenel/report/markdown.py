"""For a pull request, a job's summary, a wiki: counts, what fails by severity, details folded. Its size is bounded.

Names come from other people's accounts: whatever Markdown, HTML or the site would act on (links, pictures, mentions,
references) is written so that it only shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TextIO

from crenel.judge.findings import Finding
from crenel.model import Severity, State
from crenel.report.asked import Asked, asked
from crenel.report.model import Report
from crenel.report.text import number, plain, short
from crenel.report.unread import unread

MOST = 60_000  # characters; GitHub takes 65,536 of a comment
SHOWN = 10  # resources of a policy
_LINE = 300  # characters of what is said of one resource
_NAMES = {
    State.FAIL: "FAIL", State.WAIVED: "WAIVED", State.UNKNOWN: "UNKNOWN", State.PASS: "PASS",
    State.NOT_APPLICABLE: "N/A",
}  # fmt: skip
_SIGNS = re.compile(r"([\\`*_{}\[\]<>()#!|~&@:$]|(?<=www)\.)", re.IGNORECASE)
_MENTIONS = re.compile(r"(\\[@#])")
_CUT = "\n…\n\nThis is cut. `crenel report --format json` has all of it.\n"


def write(report: Report, out: TextIO) -> None:
    """Write the summary; of its details what finds room in `MOST` characters, what is worst first."""
    policies = asked(report.judgement.connection)
    left = MOST - len(_CUT)
    for part in _parts(report, policies):
        if len(part) > left:
            out.write(_CUT)
            return
        left -= len(part)
        out.write(part)


def escaped(text: str) -> str:
    """Return a text of somebody else's as Markdown that shows it, on one line, and nothing but it."""
    shown = _SIGNS.sub(r"\\\1", plain(text))
    # A site looks for @names and #numbers after Markdown is done; a space of no width ends the name before it begins.
    return _MENTIONS.sub("\\1&#8203;", shown)


def _parts(report: Report, policies: Sequence[Asked]) -> Iterator[str]:
    yield _head(report, policies)
    yield _counts(policies)
    failing = sorted(
        (policy for policy in policies if policy.count(State.FAIL)),
        key=lambda policy: (-policy.severity.rank, -policy.count(State.FAIL), policy.key),
    )
    if failing:
        yield "\n## What fails\n\n| level | policy | FAIL | what it asks |\n|---|---|--:|---|\n"
        for policy in failing:
            count = f"{policy.count(State.FAIL):,}"
            yield f"| {policy.severity} | {_code(policy.key)} | {count} | {escaped(policy.title)} |\n"
        yield "\n"
        for policy in failing:
            yield _details(report, policy, State.FAIL)
    yield from _section(report, policies, State.WAIVED, "Accepted by waivers")
    yield from _lapsed(report)
    yield from _section(report, policies, State.UNKNOWN, "What could not be judged")
    yield from _unread(report)


def _head(report: Report, policies: Sequence[Asked]) -> str:
    failing = sum(policy.count(State.FAIL) for policy in policies)
    accounts = ", ".join(_code(account.id) for account in report.info.accounts)
    noun = "account" if len(report.info.accounts) == 1 else "accounts"
    return (
        f"# Crenel: {number(failing, 'finding fails', 'findings fail')}\n\n"
        f"{noun.capitalize()} {accounts} on {report.info.started_at:%Y-%m-%d %H:%M} UTC, snapshot "
        f"{_code(report.info.id)}, {number(len(policies), 'policy', 'policies')}\n"
    )


def _counts(policies: Sequence[Asked]) -> str:
    levels = list(reversed(Severity))
    lines = [f"\n| | {' | '.join(levels)} | all |", f"|---|{'--:|' * (len(levels) + 1)}"]
    for state, name in _NAMES.items():
        by_level = [sum(each.count(state) for each in policies if each.severity is level) for level in levels]
        lines.append(f"| {name} | {' | '.join(f'{count:,}' for count in by_level)} | {sum(by_level):,} |")
    return "\n".join(lines) + "\n"


def _details(report: Report, policy: Asked, state: State) -> str:
    count = policy.count(state)
    lines = [
        f"<details><summary>{_html(policy.key)}: {count:,} {_NAMES[state]}, {policy.severity}</summary>\n",
    ]
    for title, text in (("Why", policy.why), ("How to fix", policy.remediation)):
        if text and state is State.FAIL:
            lines.append(f"**{title}:** {escaped(text)}\n")
    found = report.judgement.findings(state=state, plan=(policy.policy, policy.variant), limit=SHOWN)
    lines += [_line(finding) for finding in found]
    if count > SHOWN:
        lines.append(f"- … and {count - SHOWN:,} more")
    return "\n".join(lines) + "\n\n</details>\n\n"


def _line(finding: Finding) -> str:
    whose = [finding.account, finding.region]
    if finding.resource_id != finding.account:
        whose.append(finding.name or finding.resource_id)
    place = " ".join(_code(word) for word in whose)
    said = finding.reason if finding.state is State.UNKNOWN else finding.message
    line = f"- {place}: {escaped(short(said or '', _LINE))}"
    if finding.waived:
        waived = finding.waived
        line += (
            f" Accepted by {escaped(waived.owner)} until {waived.until} ({_code(waived.waiver)}): "
            f"{escaped(short(waived.reason, _LINE))}"
        )
    return line


def _section(report: Report, policies: Sequence[Asked], state: State, title: str) -> Iterator[str]:
    there = [policy for policy in policies if policy.count(state)]
    if there:
        yield f"\n## {title}\n\n"
    for policy in there:
        yield _details(report, policy, state)


def _lapsed(report: Report) -> Iterator[str]:
    rows = report.judgement.connection.execute(
        "SELECT lapsed, count(*) FROM findings WHERE state = 'FAIL' AND lapsed IS NOT NULL "
        f"GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {SHOWN}"
    ).fetchall()
    if rows:
        yield "\n## Waivers that no longer hold\n\n"
        yield "".join(f"- {number(count, 'finding')}: {escaped(short(why, _LINE))}\n" for why, count in rows)


def _unread(report: Report) -> Iterator[str]:
    gaps = unread(report.judgement.gaps())
    if not gaps:
        return
    yield "\n## What could not be read\n\n"
    for gap in gaps:
        line = (
            f"- {_code(gap.call)} {escaped(gap.code)}, {number(gap.count, 'time')}: {escaped(', '.join(gap.types))} in "
        )
        line += escaped(gap.places(len(report.info.accounts)))
        yield f"{line}. Missing permission: {_code(gap.permission)}\n" if gap.denied and gap.permission else f"{line}\n"


def _code(text: str) -> str:
    """Return a name as code, in which nothing acts; it may stand in a table."""
    shown = short(text, 120).replace("`", "'").replace("|", "¦")
    return f"`{shown}`" if shown.strip() else "` `"


def _html(text: str) -> str:
    return f"<code>{plain(text).replace('&', '&amp;').replace('<', '&lt;').replace('>', '&gt;')}</code>"
