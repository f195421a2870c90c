"""A plan of repairs for people: policy by policy, what each step changes, what it may break, how it is taken back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, TextIO

from rich.console import Console
from rich.text import Text

from crenel.model import ScanInfo
from crenel.remediate.model import Manual, Plan, Step, Undoing
from crenel.report.console import console_for, indented
from crenel.report.text import number, plain, short

SHOWN = 3  # steps by hand of a policy that are shown whole
_NAMED = 10  # … and resources of the others that are named
_INDENT, _LABELS = 5, 11
_LONGEST = 300  # letters of a value
_UNDOING = {Undoing.YES: "green", Undoing.PARTLY: "yellow", Undoing.NO: "bold red"}
_WARNED = "yellow"


def write(plan: Plan, out: TextIO, info: ScanInfo | None = None) -> None:
    """Write a plan; `info` is the head of the snapshot that it was made from, where that is at hand."""
    console = console_for(out)
    several = len({step.account for step in plan.steps}) > 1
    when = f" of {info.started_at:%Y-%m-%d %H:%M} UTC" if info else ""
    console.print(Text(f"Plan {plan.id}, made from the snapshot {plain(plan.snapshot)}{when}", style="bold"))
    for (policy, practice), steps in groupby(plan.steps, key=lambda step: (step.policy, step.practice)):
        console.print()
        head = Text(plain(policy) or "No policy", style="bold underline")
        console.print(head.append(f" (practice {practice})" if practice else "", style="not bold not underline"))
        _steps(console, list(steps), several=several)
    if plan.notes:
        console.print()
        console.print(Text("To know", style="bold underline"))
        for note in plan.notes:
            indented(console, Text(f"- {plain(note)}"), 2)
    console.print()
    console.print(Text(summary(plan), style="bold"))


def summary(plan: Plan) -> str:
    """Return in a sentence how much a plan does."""
    if not plan.steps:
        return "Nothing to do: none of the chosen findings fails."
    automatic, by_hand = len(plan.automatic), len(plan.steps) - len(plan.automatic)
    lasting = sum(1 for step in plan.automatic if step.undoing is Undoing.NO)
    words = [number(automatic, "automatic step") + (f" ({lasting} can't be taken back)" if lasting else "")]
    words += [f"{number(by_hand, 'step')} by hand"] if by_hand else []
    return f"{', '.join(words)}."


def _steps(console: Console, steps: Sequence[Step], *, several: bool) -> None:
    automatic, by_hand = [step for step in steps if step.act], [step for step in steps if not step.act]
    told = _shared(automatic)
    for label, text, style in told:
        _line(console, label, f"(all steps here) {text}", style)
    for step in steps:
        if step.act:
            _automatic(console, step, told, several=several)
        elif step in by_hand[:SHOWN]:
            _manual(console, step, several=several)
    more = by_hand[SHOWN:]
    if more:
        names = ", ".join(_whose(step, several=several) for step in more[:_NAMED])
        rest = f" and {len(more) - _NAMED:,} more" if len(more) > _NAMED else ""
        text = f"{len(more):,} more by hand: {names}{rest}. A file (--out) has them all."
        indented(console, Text(f"  +  {text}", style="dim"), 0, hang=_INDENT)


Words = tuple[str, str, str]  # label, text, style


def _shared(steps: Sequence[Step]) -> list[Words]:
    """Return what is the same of all of several steps, to be said once."""
    if len(steps) < 2:
        return []
    every = [set(_words(step)) for step in steps]
    return [words for words in _words(steps[0]) if all(words in each for each in every)]


def _words(step: Step) -> Iterator[Words]:
    """Yield what is said of a step beside what it changes."""
    lost = f". Lost: {step.lost}" if step.lost else ""
    yield "undo", f"{step.undoing.value}{lost}", _UNDOING[step.undoing]
    yield from (("may break", text, _WARNED) for text in step.breaks)
    yield from (("not known", text, _WARNED) for text in step.unknown)
    if step.cost:
        yield "cost", step.cost, ""


def _automatic(console: Console, step: Step, told: Sequence[Words], *, several: bool) -> None:
    indented(console, Text(f"{plain(step.id):>3}  {plain(step.title)}", style="bold"), 0, hang=_INDENT)
    _line(console, "where", f"{step.type} {_whose(step, several=several)}")
    for what, before, after in step.changes:
        _line(console, "change", f"{what}: {_value(before)} → {_value(after)}")
    for words in _words(step):
        if words not in told:
            _line(console, *words)
    if step.command:
        _command(console, "command", step.command)


def _manual(console: Console, step: Step, *, several: bool) -> None:
    manual = step.manual or Manual(())
    title = Text(f"{plain(step.id):>3}  ", style="bold").append("By hand: ", style="cyan").append(plain(step.title))
    indented(console, title, 0, hang=_INDENT)
    _line(console, "where", f"{step.type} {_whose(step, several=several)}")
    for position, text in enumerate(manual.steps, start=1):
        _line(console, f"{position}." if len(manual.steps) > 1 else "do", text)
    for text in manual.commands:
        _command(console, "command", text)
    for text in manual.containment:
        _command(console, "meanwhile", text)


def _line(console: Console, label: str, text: str, style: str = "") -> None:
    line = Text(f"{label:<{_LABELS}}", style="dim").append(plain(text), style=f"not dim {style}")
    indented(console, line, _INDENT, hang=_LABELS)


def _command(console: Console, label: str, command: str) -> None:
    """Print a command in one line, however long, so that it can be copied."""
    lead = Text(f"{' ' * _INDENT}{label:<{_LABELS}}", style="dim")
    console.print(lead.append(plain(command), style="not dim"), soft_wrap=True)


def _whose(step: Step, *, several: bool) -> str:
    """Return what people call a step's resource, and where it is."""
    name = f"{step.name} ({step.resource})" if step.name else step.resource
    account = f" in {step.account}" if several and step.resource != step.account else ""
    return f"{plain(name)}{account}, {plain(step.region)}"


def _value(value: Any) -> str:  # noqa: ANN401 (any JSON value)
    if value in (None, ""):
        return "-"
    return short(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), _LONGEST)
