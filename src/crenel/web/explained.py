"""What `crenel explain` says of a policy or a finding, as the values that pages show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from crenel.explaining.clauses import Clause, clauses, parameters_of
from crenel.explaining.findings import plan_command, planned
from crenel.explaining.policies import COLUMNS, Asked, Decides, asked_of, explain_policy
from crenel.judge.findings import Finding
from crenel.lake.snapshots import Snapshot
from crenel.model import State
from crenel.remediate.model import Step
from crenel.web.opened import Opened, Row

# Which parts of a policy decide a state.
_DECIDING = {
    State.FAIL: ("filters",),
    State.WAIVED: ("filters",),
    State.PASS: ("filters",),
    State.NOT_APPLICABLE: ("not-applicable",),
    State.UNKNOWN: ("unknown", "filters"),
}
_SAID = ("what", "fix", "commands", "safety")  # parts of an explanation that a policy's page shows


def asked_policy(opened: Opened, policy: str, variant: str | None) -> Asked | None:
    """Return a policy as the scan asked it, None where its words did not come with the findings."""
    row = opened.row(
        f"SELECT {', '.join(COLUMNS)} FROM policies WHERE policy = ? AND variant IS NOT DISTINCT FROM ?",
        [policy, variant],
    )
    return asked_of(tuple(row.values())) if row else None


def parts(asked: Asked | None) -> dict[str, Any]:
    """Return what is to be said of a policy, part by part: a heading, and sentences with those below them."""
    if asked is None:
        return {}
    return {each.key: each.as_json() for each in explain_policy(asked).parts if each.key in _SAID}


def held(snapshot: Snapshot, found: Finding, asked: Asked | None) -> tuple[Clause, ...]:
    """Return the policy's filters as they are for the finding's resource; none where there is no one resource."""
    if asked is None or found.resource_id == "*":
        return ()
    place = (found.account, found.region, found.resource_id)
    return clauses(snapshot, asked.text, parameters_of(asked.parameters), *place)


def clause_values(clause: Clause) -> dict[str, Any]:
    """Return a filter as values; `counts`: it adds to what the policy asks for, null where that is not known."""
    return {
        "part": clause.part,
        "words": clause.words,
        "holds": clause.holds,
        "counts": clause.counts,
        "negated": clause.negated,
        "why": clause.why or None,
        "line": clause.where.line,
    }


def marked(text: str, found: Sequence[Clause], state: State) -> list[dict[str, Any]]:
    """Return a policy's text in pieces, each with what the filter that it is comes to: `counts`, `unknown`, or null.

    What is marked decides the state: of a FAIL the filters that hold.
    """
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    pieces: list[tuple[str, str | None]] = []
    at = 0
    for first, last, mark in sorted(_places(starts, [each for each in found if each.part in _DECIDING[state]])):
        if at <= first < last <= len(text):  # else one within another that is marked already
            pieces.append((text[at:first], None))
            for line in text[first:last].splitlines(keepends=True):
                words = line.strip()
                before, _, after = line.partition(words) if words else (line, "", "")
                pieces += [(before, None), (words, mark), (after, None)]
            at = last
    pieces.append((text[at:], None))
    return [{"text": piece, "mark": mark} for piece, mark in pieces if piece]


def _places(starts: Sequence[int], found: Sequence[Clause]) -> Iterator[tuple[int, int, str]]:
    """Yield where filters begin and end in the text, those that neither count nor are unknown left out."""
    for clause in found:
        line, column = clause.where.until
        if clause.counts is not False and line <= len(starts):
            first = starts[clause.where.line - 1] + clause.where.column - 1
            yield first, starts[line - 1] + column - 1, "unknown" if clause.counts is None else "counts"


def repair(snapshot: Snapshot, found: Finding, asked: Asked | None, controls: Sequence[Row]) -> dict[str, Any] | None:
    """Return the steps that close a finding, and what is to be said of them; None where there are none.

    `controls` are those that the policy decides.
    """
    steps, notes = planned(snapshot, found, asked)
    if not steps:
        return None
    return {
        "steps": [_step(step) for step in steps],
        "notes": list(notes),
        "command": plan_command(
            found, [Decides(each["framework"], each["control"], each["title"] or "") for each in controls]
        ),
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "title": step.title,
        "automatic": bool(step.act),
        "changes": [{"what": what, "before": before, "after": after} for what, before, after in step.changes],
        "undo": step.undoing.value,
        "lost": step.lost,
        "breaks": list(step.breaks),
        "unknown": list(step.unknown),
        "cost": step.cost,
        "command": step.command,
        "by_hand": list(step.manual.steps) if step.manual else [],
        "commands": list(step.manual.commands) if step.manual else [],
        "containment": list(step.manual.containment) if step.manual else [],
    }
