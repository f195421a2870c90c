"""How frameworks stand, for people: the score of each section, then each control with the reasons."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TextIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from crenel.judge.compliance import ControlStanding, ControlState, Decider, FrameworkStanding, Score
from crenel.model import ScanInfo, State
from crenel.report.console import console_for, indented
from crenel.report.text import number, plain, short

STYLES: Mapping[ControlState, str] = {
    ControlState.FAIL: "bold red",
    ControlState.UNKNOWN: "bold yellow",
    ControlState.MANUAL: "magenta",
    ControlState.WAIVED: "cyan",
    ControlState.PASS: "green",
    ControlState.NOT_APPLICABLE: "dim",
}
NAMES: Mapping[ControlState, str] = {state: state.value for state in ControlState} | {
    ControlState.NOT_APPLICABLE: "N/A"
}
_COLUMNS = (
    ControlState.PASS, ControlState.FAIL, ControlState.UNKNOWN, ControlState.MANUAL, ControlState.WAIVED,
    ControlState.NOT_APPLICABLE,
)  # fmt: skip
_SHOWN = 5  # what a snapshot lacks, in a line of the report
_REASON = 200  # characters of why something is unknown


@dataclass(frozen=True, slots=True)
class Compliance:
    """What the report is made from.

    `by_account` has a score by (framework, account); `missing` names what the snapshot lacks, and `scan` is the command
    that would read it.
    """

    info: ScanInfo
    accounts: Sequence[str]
    frameworks: Sequence[FrameworkStanding]
    by_account: Mapping[tuple[str, str], Score] = field(default_factory=dict)
    missing: Sequence[str] = ()
    scan: str = ""


def percent(score: Score) -> str:
    """Return a score in percent, rounded down so that 100% means all of them; a dash where nothing is decided."""
    return "-" if score.value is None else f"{int(score.value * 100)}%"


def section_name(name: str, title: str) -> str:
    """Return what a section is called: its id and its title, once where the title begins with the id."""
    said = title.replace(" ", "").startswith(name)
    return plain(title) if said else f"{plain(name)}  {plain(title)}"


def write(report: Compliance, out: TextIO) -> None:
    """Write the report as tables for a person."""
    console = console_for(out)
    noun = "Account" if len(report.accounts) == 1 else "Accounts"
    accounts = ", ".join(plain(account) for account in report.accounts)
    when = f"{report.info.started_at:%Y-%m-%d %H:%M} UTC"
    console.print(Text(f"{noun} {accounts} on {when}, snapshot {report.info.id}", style="bold"))
    for framework in report.frameworks:
        console.print()
        _framework(console, report, framework)
    _missing(console, report)


def _framework(console: Console, report: Compliance, framework: FrameworkStanding) -> None:
    score = framework.score
    name = Text(f"{plain(framework.name)} {plain(framework.version)}".rstrip(), style="bold underline")
    console.print(name.append(f"  {framework.id}", style="not bold not underline dim"))
    console.print(_sections(framework))
    console.print(in_words(score))
    _by_account(console, report, framework)
    for section in framework.sections:
        console.print()
        if section.title:
            console.print(Text(section_name(section.id, section.title), style="bold"))
        for control in framework.controls:
            if control.section == section.id:
                _control(console, control)


def in_words(score: Score) -> Text:
    """Return a score as a sentence: in percent, of how many controls, and what is in none."""
    passed, failed = score.count(ControlState.PASS), score.count(ControlState.FAIL)
    line = Text(percent(score), style="bold") if score.value is not None else Text("No score", style="bold")
    line.append(f": {passed} of {number(passed + failed, 'control')} passed.", "not bold")
    aside = [f"{score.count(state):,} {NAMES[state]}" for state in _COLUMNS[2:] if score.count(state)]
    return line.append(f" In no score: {', '.join(aside)}." if aside else "", "not bold")


def _sections(framework: FrameworkStanding) -> Table:
    shown = [state for state in _COLUMNS if framework.score.count(state) or state is not ControlState.WAIVED]
    table = _table("Section", shown)
    for section in framework.sections if len(framework.sections) > 1 else ():
        table.add_row(Text(section_name(section.id, section.title)), *_numbers(section.score, shown))
    if len(framework.sections) > 1:
        table.add_section()
    table.add_row(Text("All controls", style="bold"), *_numbers(framework.score, shown))
    return table


def _by_account(console: Console, report: Compliance, framework: FrameworkStanding) -> None:
    if len(report.accounts) < 2:  # with one account it is the score above
        return
    shown = [state for state in _COLUMNS if framework.score.count(state) or state is not ControlState.WAIVED]
    table = _table("Account", shown)
    for account in report.accounts:
        table.add_row(Text(plain(account)), *_numbers(report.by_account[framework.id, account], shown))
    console.print()
    console.print(table)


def _table(first: str, states: Sequence[ControlState]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(first, overflow="fold")
    table.add_column("Score", justify="right", no_wrap=True)
    for state in states:
        table.add_column(NAMES[state], justify="right", no_wrap=True, style=STYLES[state])
    return table


def _numbers(score: Score, states: Sequence[ControlState]) -> Iterator[Text]:
    yield Text(percent(score), style="bold")
    for state in states:
        count = score.count(state)
        yield Text(f"{count:,}") if count else Text("-", style="not bold dim")


# --- controls


def _control(console: Console, control: ControlStanding) -> None:
    line = Text("  ").append(f"{NAMES[control.state]:<7}", style=STYLES[control.state])
    line.append(f"  {plain(control.id)}  ", style="bold").append(plain(control.title))
    if control.state is ControlState.FAIL and control.severity:
        line.append(f"  {control.severity}", style="dim")
    indented(console, line, 0, hang=11)
    for reason in reasons(control):
        indented(console, Text(reason, style="dim"), 11)


def reasons(control: ControlStanding) -> Iterator[str]:
    """Yield why a control stands as it does, a line each: what fails, what is unknown, what is to be done by hand."""
    if control.state in (ControlState.FAIL, ControlState.UNKNOWN, ControlState.WAIVED):
        yield from (line for decider in control.deciders if (line := _said(decider)))
    if control.manual and control.state is ControlState.MANUAL:
        yield plain(control.manual)
    elif control.manual:
        yield f"By hand: {plain(control.manual)}"


def _said(decider: Decider) -> str:
    """Return what a policy says against a control, nothing where it says nothing."""
    name = plain(decider.policy) + (f" ({plain(decider.variant)})" if decider.variant else "")
    if not decider.counts:
        return f"{name}: {decider.reason}"
    said = {State.FAIL: "{:,} of {:,} fail", State.UNKNOWN: "{:,} UNKNOWN", State.WAIVED: "{:,} waived"}
    judged = sum(decider.count(state) for state in State if state is not State.NOT_APPLICABLE)
    parts = [words.format(decider.count(state), judged) for state, words in said.items() if decider.count(state)]
    if not parts:
        return ""
    why = f": {short(decider.reason, _REASON)}" if decider.count(State.UNKNOWN) and decider.reason else ""
    return f"{name}: {', '.join(parts)}{why}"


def _missing(console: Console, report: Compliance) -> None:
    if not report.missing:
        return
    console.print()
    more = len(report.missing) - _SHOWN
    named = ", ".join(report.missing[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
    indented(console, Text(f"This snapshot was read without {named}.", style="bold yellow"), 0)
    # A command that is to be copied is not broken at the width.
    console.print(Text("Read what is lacking: ").append(report.scan, style="bold"), soft_wrap=True)


Writer = Callable[[Compliance, TextIO], None]
