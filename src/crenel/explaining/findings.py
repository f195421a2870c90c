"""What is to be said of one finding: what was seen, which of the policy's filters hold, what closes it, and the policy
itself.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from typing import Any

from crenel.errors import UsageError
from crenel.explaining.clauses import Clause, clauses, parameters_of, table_of
from crenel.explaining.model import Explanation, Part, part
from crenel.explaining.policies import COLUMNS as ASKED
from crenel.explaining.policies import Asked, Decides, asked_of, controls, links, what, why
from crenel.frameworks.load import builtin_frameworks
from crenel.judge.findings import COLUMNS, Finding
from crenel.lake.engine import connect
from crenel.lake.findings import lay_out
from crenel.lake.snapshots import Snapshot
from crenel.language.english import Sentence
from crenel.model import State
from crenel.remediate.load import fix_of
from crenel.remediate.model import Manual, Step, Undoing
from crenel.remediate.planning import Planner, Target
from crenel.remediate.tables import SnapshotTables

_LONGEST = 300  # letters of a value
_HOLDS = {True: "holds", False: "does not hold", None: "is not known"}
_UNDOING = {Undoing.YES: "yes", Undoing.PARTLY: "in part", Undoing.NO: "no"}


def explain_finding(
    snapshot: Snapshot, found: Finding, asked: Asked | None = None, decides: Sequence[Decides] = ()
) -> Explanation:
    """Return what is to be said of a finding of a snapshot, without a call: the repair comes from the resource's row.

    `asked` is its policy, None where the findings came without it.
    """
    held: tuple[Clause, ...] = ()
    if asked is not None and found.resource_id != "*":
        place = (found.account, found.region, found.resource_id)
        held = clauses(snapshot, asked.text, parameters_of(asked.parameters), *place)
    return Explanation(
        title=found.title,
        facts=tuple(_facts(found)),
        parts=(
            *_seen(found),
            *_waiver(found),
            *(why(asked) if asked else ()),
            *_repair(snapshot, found, asked, decides),
            *(what(asked) if asked else ()),
            *_held(held),
            *controls(decides),
            *(links(asked) if asked else ()),
        ),
        text=asked.text if asked else "",
        clauses=held,
    )


def _facts(found: Finding) -> Iterator[tuple[str, str]]:
    yield "finding", found.id
    yield "state", found.state.value
    yield "level", found.severity.value
    yield "policy", found.policy
    if found.variant:
        yield "parameters", found.variant
    yield "resource", f"{found.type} {found.resource_id}"
    if found.name and found.name != found.resource_id:
        yield "name", found.name
    if found.arn:
        yield "arn", found.arn
    yield "account", found.account
    yield "region", found.region
    yield "seen", f"{found.seen_at:%Y-%m-%d %H:%M} UTC"


def _seen(found: Finding) -> tuple[Part, ...]:
    said = [Sentence(found.message)]
    if found.reason and found.reason != found.message:
        said.append(Sentence(found.reason))
    evidence = tuple(Sentence(f"{path}: {_value(value)}") for path, value in found.evidence.items())
    if evidence:
        said.append(Sentence("The policy read:", evidence))
    return part("seen", "What was seen", "prose", *said)


def _value(value: Any) -> str:  # noqa: ANN401 (any JSON value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _held(held: Sequence[Clause]) -> tuple[Part, ...]:
    """Return each filter with whether it holds; what stands in several places of the text once in each part of it."""
    said = dict.fromkeys(
        Sentence(f"{_part_words(each)}{_HOLDS[each.holds]}: {each.words}{f' ({each.why})' if each.why else ''}")
        for each in held
    )
    return part("clauses", "The policy's filters, for this resource", "list", *said)


def _part_words(each: Clause) -> str:
    return "" if each.part == "filters" else f"({each.part}) "


def _waiver(found: Finding) -> tuple[Part, ...]:
    said = []
    if found.waived:
        waived = found.waived
        said.append(f"{waived.owner} accepts it until {waived.until}: {waived.reason} (waiver {waived.waiver})")
    if found.lapsed:
        said.append(found.lapsed)
    return part("waiver", "Waiver", "prose", *said)


# --- what closes it


def _repair(snapshot: Snapshot, found: Finding, asked: Asked | None, decides: Sequence[Decides]) -> tuple[Part, ...]:
    words = " ".join(asked.remediation.split()) if asked else ""
    if found.state not in (State.FAIL, State.WAIVED):
        return ()
    steps, notes = planned(snapshot, found, asked)
    if not steps:
        return part("fix", "How to fix it", "prose", words, *notes)
    said = [Sentence(words)] if words else []
    said += [Sentence(note) for note in notes]
    said += [Sentence(_title(step, found), tuple(Sentence(each) for each in _of_step(step))) for step in steps]
    commands = [command for step in steps for command in _commands(step)]
    safety = [
        Sentence(_title(step, found), tuple(Sentence(each) for each in _safety(step))) for step in steps if step.act
    ]
    plan = f"{plan_command(found, decides)} # all of it as a plan, to review and apply"
    return (
        *part("fix", "How to fix it", "prose", *said),
        *part("commands", "Commands", "code", *commands, plan),
        *part("safety", "How safe the fix is", "prose", *safety),
    )


def planned(snapshot: Snapshot, found: Finding, asked: Asked | None) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """Return the steps that close a finding, as `crenel fix plan` makes them, and what is to be said beside."""
    fix = fix_of(found.policy) if asked is None or asked.builtin else None
    if fix is None:
        return (), ()
    tables = SnapshotTables(snapshot)
    table = table_of(asked.text) if asked else found.type.removeprefix("aws.")
    place = (found.account, found.region, found.resource_id)
    row = tables.found(table, [place]).get(place)
    if row is None:
        return (), ()
    planner = Planner(tables, {})
    partitions = {account.id: account.partition for account in snapshot.info.accounts}
    target = Target(
        policy=found.policy,
        practice=found.practice,
        account=found.account,
        region=found.region,
        partition=partitions.get(found.account, "aws"),
        type=table,
        resource=found.resource_id,
        title=found.message,
        row=row,
        params=parameters_of(asked.parameters if asked else None),
        finding=found.as_json(),
    )
    words = " ".join(asked.remediation.split()) if asked else found.title
    planner.repair(target, fix, Manual((words,)))
    return tuple(planner.steps.values()), tuple(planner.notes)


def plan_command(found: Finding, decides: Sequence[Decides]) -> str:
    """Return the command that makes a plan of what closes a finding.

    It judges anew, so it names a framework by which the finding comes: its parameters decide. Of several sets of
    parameters one alone is asked then, and the finding has another id; so it is named by its resource.
    """
    words = ["crenel", "fix", "plan"]
    frameworks = [each.framework for each in decides if each.framework in builtin_frameworks()]
    words += ["--framework", frameworks[0]] if frameworks else []
    words += ["--policy", found.policy]
    words += ["--resource", found.resource_id] if found.variant else ["--finding", found.id[:12]]
    return shlex.join([*words, "--out", "plan.json"])


def _title(step: Step, found: Finding) -> str:
    if step.act:
        return step.title
    return "By hand:" if step.title == found.message else f"By hand: {step.title}"


def _of_step(step: Step) -> Iterator[str]:
    for changed, before, after in step.changes:
        yield f"{changed}: {_value(before) if before not in (None, '') else '-'} → {_value(after)}"
    if step.manual:
        yield from step.manual.steps


def _commands(step: Step) -> Iterator[str]:
    if step.command:
        yield step.command
    if step.manual:
        yield from step.manual.commands
        yield from (f"{each} # meanwhile, to lessen the harm" for each in step.manual.containment)


def _safety(step: Step) -> Iterator[str]:
    yield f"It can be taken back: {_UNDOING[step.undoing]}.{f' Lost: {step.lost}' if step.lost else ''}"
    yield from (f"It may break: {text}" for text in step.breaks)
    yield from (f"Not known: {text}" for text in step.unknown)
    if step.cost:
        yield f"It costs: {step.cost}"


def stored(snapshot: Snapshot, identity: str) -> tuple[Finding, Asked | None, tuple[Decides, ...]]:
    """Return a finding of the snapshot's own scan by its id or the beginning of it, with its policy and the controls
    that this decides. Raises `UsageError` where none, or several, begin so.
    """
    if not snapshot.findings.is_dir():
        raise UsageError(f"the snapshot {snapshot.info.id} has no findings.", suggestion="Scan first: crenel scan.")
    with connect() as connection:
        lay_out(connection, snapshot.findings)
        query = f"SELECT {', '.join(COLUMNS)} FROM findings WHERE starts_with(id, ?) ORDER BY id LIMIT 2"
        rows = connection.execute(query, [identity.lower()]).fetchall()
        if not rows:
            raise UsageError(
                f"the snapshot {snapshot.info.id} has no finding {identity}.",
                suggestion="crenel sql \"select id, policy, message from findings where state = 'FAIL'\" has the ids.",
            )
        if len(rows) > 1:
            raise UsageError(f"several findings begin with {identity}.", suggestion="Give more of the id.")
        found = Finding.of(rows[0])
        whose = "policy = ? AND variant IS NOT DISTINCT FROM ?"
        policies = connection.execute(
            f"SELECT {', '.join(ASKED)} FROM policies WHERE {whose}", [found.policy, found.variant]
        ).fetchall()
        controls_ = connection.execute(
            f"SELECT framework, control, coalesce(title, '') FROM controls WHERE {whose} ORDER BY framework, place",
            [found.policy, found.variant],
        ).fetchall()
    asked = asked_of(policies[0]) if policies else None
    return found, asked, tuple(Decides(*row) for row in controls_)
