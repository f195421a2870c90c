"""For people: verdicts by practice, what fails, what could not be read, and what to do next."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TextIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from crenel.judge.compliance import scores
from crenel.judge.findings import Finding
from crenel.language.policy import (
    Plan,
)
from crenel.model import GLOBAL, Coverage, Severity, State
from crenel.report.asked import Asked
from crenel.report.compliance import in_words
from crenel.report.console import console_for, indented
from crenel.report.model import Report
from crenel.report.text import number, plain, short
from crenel.report.unread import Unread, unread

WORST = 3  # names in a row of the table
SHOWN = 5  # failing resources of a policy below it
MANY = 60  # policies; where there are more, the worst stand first and what has no news is counted alone
_DETAILED = 20  # failing policies whose resources are named where there are many
_WIDE = 110  # from here on there is room for the worst resources in the table itself
_NAMES: Mapping[State, str] = {
    State.FAIL: "FAIL",
    State.PASS: "PASS",
    State.UNKNOWN: "UNKNOWN",
    State.NOT_APPLICABLE: "N/A",
    State.WAIVED: "WAIVED",
}
_STYLES: Mapping[State, str] = {
    State.FAIL: "bold red",
    State.PASS: "green",
    State.UNKNOWN: "bold yellow",
    State.NOT_APPLICABLE: "dim",
    State.WAIVED: "cyan",
}
_LEVELS: Mapping[Severity, str] = {
    Severity.CRITICAL: "bold red",
    Severity.HIGH: "red",
    Severity.MEDIUM: "yellow",
    Severity.LOW: "cyan",
}


@dataclass(slots=True)
class _Row:
    """What the report says of one policy."""

    plan: Plan | Asked
    counts: dict[State, int] = field(default_factory=dict)
    failing: list[Finding] = field(default_factory=list)
    unknown: list[Finding] = field(default_factory=list)

    def count(self, status: State) -> int:
        return self.counts.get(status, 0)

    @property
    def told(self) -> bool:
        """Whether somebody has to look: something fails, is unknown or waived."""
        return any(self.count(state) for state in (State.FAIL, State.UNKNOWN, State.WAIVED))


def write(report: Report, out: TextIO) -> None:
    """Write the report for a person; its length depends on the policies that fail, and not on how many findings."""
    console = console_for(out)
    rows = _rows(report)
    told = rows if len(rows) <= MANY else [row for row in rows if row.told]
    detailed = len(told) if told is rows else _DETAILED
    gaps = list(unread(report.judgement.gaps()))
    _head(console, report)
    console.print()
    console.print(_table(told, console.width, len(report.info.accounts)))
    _untold(console, [row for row in rows if row not in told])
    _failed(console, told, len(report.info.accounts), detailed)
    _lapsed(console, report)
    _not_read(console, gaps, len(report.info.accounts))
    _not_judged(console, told, len(report.info.accounts), detailed)
    _aside(console, report)
    _summary(console, report, rows)
    _next(console, report, rows, gaps)


def _rows(report: Report) -> list[_Row]:
    def place(plan: Plan | Asked) -> tuple[int, bool, int, str]:
        level = -plan.severity.rank if len(report.plans) > MANY else 0
        return level, plan.practice is None, plan.practice or 0, plan.policy

    ordered = sorted(report.plans, key=place)
    rows = {plan.key: _Row(plan) for plan in ordered}
    for key, state, count in report.judgement.counts():
        if key in rows:
            rows[key].counts[state] = count
    failing, unknown = report.judgement.first(State.FAIL, SHOWN), report.judgement.first(State.UNKNOWN, 1)
    for key, row in rows.items():
        row.failing, row.unknown = failing.get(key, []), unknown.get(key, [])
    return list(rows.values())


# --- the sections


def _head(console: Console, report: Report) -> None:
    info = report.info
    accounts = ", ".join(plain(account.id) for account in info.accounts)
    noun = "Account" if len(info.accounts) == 1 else "Accounts"
    console.print(Text(f"{noun} {accounts} on {info.started_at:%Y-%m-%d %H:%M} UTC, snapshot {info.id}", style="bold"))


def _table(rows: Sequence[_Row], width: int, accounts: int) -> Table:
    wide = width >= _WIDE
    room = min(60, width // 3)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), expand=wide)
    table.add_column("#", justify="right", no_wrap=True)
    table.add_column("Level", no_wrap=True)
    table.add_column("Policy", ratio=1 if wide else None, overflow="fold")
    shown = [status for status in _NAMES if status is not State.WAIVED or any(row.count(status) for row in rows)]
    for status in shown:
        table.add_column(_NAMES[status], justify="right", no_wrap=True, style=_STYLES[status])
    if wide:
        table.add_column("The worst", width=room, no_wrap=True)
    for row in rows:
        cells = [Text(str(row.plan.practice or "")), Text(row.plan.severity, style=_LEVELS[row.plan.severity])]
        cells.append(Text(plain(row.plan.title)).append(f"\n{plain(row.plan.key)}", style="dim"))
        cells += [_count(row.count(status)) for status in shown]
        table.add_row(*cells, *([_worst(row, accounts, room)] if wide else []))
    return table


def _count(count: int) -> Text:
    return Text(f"{count:,}") if count else Text("-", style="not bold dim")


def _worst(row: _Row, accounts: int, room: int) -> Text:
    """Return the first failing resources, a line each; where a line is too long the name is cut, not the place."""
    lines = []
    for finding in row.failing[:WORST]:
        place = f" ({plain(finding.region) if _is_account(finding) else _place(finding, accounts)})"
        lines.append(f"{short(_name(finding), room - len(place))}{place}")
    more = row.count(State.FAIL) - WORST
    return Text("\n".join(lines)).append(f"\n+{more:,} more" if more > 0 else "", style="dim")


def _is_account(finding: Finding) -> bool:
    return finding.resource_id == finding.account


def _name(finding: Finding) -> str:
    """Return what people call the resource."""
    return plain(finding.name or finding.resource_id)


def _place(finding: Finding, accounts: int) -> str:
    return f"{plain(finding.account)} {plain(finding.region)}" if accounts > 1 else plain(finding.region)


def _said(finding: Finding, words: str, accounts: int) -> Text:
    """Return a finding in words, with the resource's name and its place, and no more often than once."""
    name, message, place = _name(finding), plain(words), _place(finding, accounts)
    if name not in message and not _is_account(finding) and finding.resource_id != "*":
        return Text(f"{name} ({place})", style="bold").append(f": {message}", style="not bold")
    line = Text("" if place == GLOBAL else f"{place}: ").append(message)
    line.highlight_words([name], "bold")
    return line


def _untold(console: Console, rows: Sequence[_Row]) -> None:
    """Count the policies that the table leaves out, by why."""
    passing = sum(1 for row in rows if row.count(State.PASS))
    idle = len(rows) - passing
    if rows:
        words = f"Not shown: {number(passing, 'policy', 'policies')} that all keep, {idle:,} with nothing to judge."
        console.print(Text(words, style="dim"))


def _failed(console: Console, rows: Sequence[_Row], accounts: int, most: int) -> None:
    failing = [row for row in rows if row.failing]
    if not failing:
        return
    _title(console, "What fails" if len(failing) <= most else "What fails, the worst")
    for row in failing[:most]:
        _policy_line(console, row)
        for finding in row.failing:
            indented(console, Text("- ").append_text(_said(finding, finding.message, accounts)), 6)
        more = row.count(State.FAIL) - len(row.failing)
        if more:
            indented(console, Text(f"+{more:,} more", style="dim"), 6)
    _left(console, len(failing) - most)


def _left(console: Console, count: int) -> None:
    if count > 0:
        words = f"+{number(count, 'more policy', 'more policies')}: crenel report --format html --output report.html"
        indented(console, Text(words, style="dim"), 2)


def _policy_line(console: Console, row: _Row) -> None:
    line = Text(f"{row.plan.practice or '':>3}  ")
    line.append(plain(row.plan.key), style="bold").append("  ")
    line.append(row.plan.severity, style=_LEVELS[row.plan.severity]).append(f", {row.count(State.FAIL):,} failing")
    console.print(line)


def _lapsed(console: Console, report: Report) -> None:
    """Name the waivers that hold no longer, with what came back."""
    found = report.judgement.connection.execute(
        "SELECT waiver, owner, lapsed, count(*) FROM waived WHERE lapsed IS NOT NULL GROUP BY ALL ORDER BY 4 DESC, 1, 3"
    ).fetchall()
    if not found:
        return
    _title(console, "Waivers that lapsed")
    for waiver, owner, why, count in found[:SHOWN]:
        line = Text(f"- {plain(why)} ({plain(owner)}; {number(count, 'finding is', 'findings are')} back)")
        line.highlight_words([plain(waiver)], "bold")
        indented(console, line, 2)
    if len(found) > SHOWN:
        indented(console, Text(f"+{len(found) - SHOWN:,} more: crenel waivers check", style="dim"), 2)


def _not_read(console: Console, gaps: Sequence[Unread], accounts: int) -> None:
    if gaps:
        _title(console, "What could not be read")
    for gap in gaps:
        line = Text(gap.call, style="bold").append(f"  {plain(gap.code)}  ", style="yellow")
        line.append(f"{number(gap.count, 'time')}: {', '.join(gap.types)} in {gap.places(accounts)}")
        indented(console, line, 2)
        if gap.denied and gap.permission:
            indented(console, Text("Missing permission: ").append(gap.permission, style="bold"), 6)
        else:
            indented(console, Text(short(gap.message, 200), style="dim"), 6)


def _not_judged(console: Console, rows: Sequence[_Row], accounts: int, most: int) -> None:
    unknown = [row for row in rows if row.unknown]
    if unknown:
        _title(console, "What could not be judged")
    for row in unknown[:most]:
        found = row.unknown[0]
        line = Text(f"{row.plan.practice or '':>3}  ").append(plain(row.plan.key), style="bold")
        line.append(f"  {row.count(State.UNKNOWN):,} UNKNOWN, the first: ")
        line.append_text(_said(found, short(found.reason or found.message, 300), accounts))
        indented(console, line, 0, hang=5)
    _left(console, len(unknown) - most)


def _aside(console: Console, report: Report) -> None:
    lines = list(_unscanned(report.info.coverage, len(report.info.accounts)))
    lines += [f"Damaged and not used: snapshot {plain(each.id)}: {plain(each.reason)}" for each in report.damages]
    if not lines:
        return
    console.print()
    for line in lines:
        console.print(Text(line, style="dim"))


def _unscanned(coverage: Sequence[Coverage], accounts: int) -> Iterator[str]:
    """Yield a line for each state in which Regions were left out, accounts with the same Regions taken together."""
    by_account: dict[tuple[str, str], list[str]] = {}
    for cover in coverage:
        if cover.state != "scanned":
            by_account.setdefault((cover.state, cover.account), []).append(cover.region)
    together: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (state, account), left_out in by_account.items():
        together.setdefault((state, tuple(sorted(left_out))), []).append(account)
    for (state, regions), named in together.items():
        whose = f" in {', '.join(named)}" if accounts > 1 else ""
        if state == "suspended":
            yield f"Suspended, so not scanned: {', '.join(named)}"
        elif state == "not-opted-in":
            yield f"Not opted in{whose}, so not scanned: {', '.join(regions)}"
        else:
            yield f"Not scanned ({plain(state)}){whose}: {', '.join(regions)}"


def _summary(console: Console, report: Report, rows: Sequence[_Row]) -> None:
    info = report.info
    scanned = {cover.region for cover in info.coverage if cover.state == "scanned"} or set(info.regions)
    parts = [
        number(len(info.accounts), "account"),
        number(len(scanned - {GLOBAL}), "Region"),
        f"{number(report.resources_judged(), 'resource')} judged",
        number(sum(info.calls_by_service.values()), "call"),
    ]
    if report.seconds is not None:
        parts.append(f"{report.seconds:,.1f} s")
    line = Text(f"{', '.join(parts)}: ")
    for position, (status, name) in enumerate(_NAMES.items()):
        total = sum(row.count(status) for row in rows)
        if status is State.WAIVED and not total:
            continue
        line.append(", " if position else "").append(f"{total:,} {name}", style=_STYLES[status] if total else "dim")
    console.print()
    console.print(line)
    if report.frameworks:
        _frameworks(console, report)


def _frameworks(console: Console, report: Report) -> None:
    """Write the score of each framework that was asked for."""
    engine = report.judgement.connection
    found = scores(engine, "framework")
    names = engine.execute(
        "SELECT framework, any_value(framework_title), any_value(version) FROM controls GROUP BY 1 ORDER BY 1"
    ).fetchall()
    for framework, title, version in names:
        line = Text(f"{plain(title)} {plain(version or '')}".rstrip(), style="bold").append(", ", "not bold")
        indented(console, line.append_text(in_words(found[framework,])), 0)


def _next(console: Console, report: Report, rows: Sequence[_Row], gaps: Sequence[Unread]) -> None:
    steps = []
    chosen = "".join(f" --framework {shlex.quote(name)}" for name in report.frameworks)
    worst = max((row for row in rows if row.failing), key=lambda row: row.plan.severity.rank, default=None)
    if worst:
        steps.append((f"crenel explain {worst.plan.policy}", "why it matters, how to fix it"))
        steps.append((f"crenel fix plan{chosen}", "the steps that close what fails, without a call"))
    if report.frameworks:
        steps.append((shlex.join(["crenel", "compliance", *report.frameworks]), "each control with its reasons"))
    if any(gap.denied for gap in gaps):
        steps.append((f"crenel permissions{chosen}", "the IAM policy that the scanner needs"))
    if report.again:
        steps.append((f"{report.again} --format json --output findings.json", "all of it, with the evidence"))
    if not steps:
        return
    console.print(Text("Next:", style="bold"))
    for command, purpose in steps:
        indented(console, Text(command).append(f"   {purpose}", style="dim"), 2)


# --- lines


def _title(console: Console, title: str) -> None:
    console.print()
    console.print(Text(title, style="bold underline"))
