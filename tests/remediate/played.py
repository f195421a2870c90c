"""The declarations, played against an account: planned from a snapshot, called, read back, taken back.

It is as plain as can be, with none of the safety of `crenel fix`: it shows that the declarations themselves are right.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb

from crenel.collect.calls import Caller
from crenel.errors import CallError
from crenel.fix import PlanOptions, plan
from crenel.judge.findings import Finding
from crenel.lake.snapshots import Lake, Snapshot
from crenel.model import Status
from crenel.remediate.load import acts
from crenel.remediate.model import Act, Reading, Request
from crenel.remediate.planfile import from_text, to_text
from crenel.remediate.templates import Expression, canonical, filled
from crenel.scan import ScanOptions, scan


@dataclass(frozen=True)
class Step:
    """An act to be done."""

    act: Act
    args: Mapping[str, Any]
    seen: Any
    id: str = ""


@dataclass(frozen=True)
class Done:
    """An act that was done, with the states before and after."""

    step: Step
    before: Any
    after: Any


def rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a table as JSON values."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        found = connection.execute("SELECT to_json(t) FROM read_parquet(?) t", [str(path)]).fetchall()
    return [json.loads(text) for (text,) in found]


def scanned(lake: Path, policy: str, *regions: str) -> tuple[Snapshot, dict[tuple[str, str, str], Finding]]:
    """Scan what policies (all practices where none is named) and the repairs read; return the snapshot and the findings
    by policy, Region and resource.
    """
    with scan(ScanOptions(policies=(policy,) if policy else (), regions=regions, lake=lake, for_fixes=True)) as outcome:
        found = {(one.policy, one.region, one.resource_id): one for one in outcome.judgement.findings()}
    return Lake(lake).latest()[0], found


def planned(lake: Path, policy: str, given: Mapping[str, str]) -> list[Step]:
    """Return the automatic steps that close what fails of policies in the last snapshot; the plan's file holds them."""
    made = plan(PlanOptions(ScanOptions(policies=(policy,) if policy else (), lake=lake), settings=given)).plan
    assert from_text(to_text(made), "plan.json").steps == made.steps
    return [Step(acts()[step.act], step.args, step.seen) for step in made.automatic]


def applied(caller: Caller, steps: Sequence[Step]) -> Iterator[Done]:
    """Do the steps that are not done already; each finds the state that its plan saw, and is done afterwards."""
    made: dict[str, Mapping[str, Any]] = {}
    for planned_step in steps:
        step = replace(planned_step, args=resolved(planned_step.args, made))
        context: dict[str, Any] = {"args": step.args}
        before = read(caller, step.act.reading, context)
        assert step.act.never is None or not step.act.never.true({**context, "state": before})
        made[step.id] = {"args": step.args, "after": before}
        if step.act.done.true({**context, "state": before}):
            continue
        assert canonical(before) == canonical(step.seen), f"{step.act.name}: seen, then read"
        call(caller, step.act.request, context)
        after = read(caller, step.act.reading, context)
        assert step.act.done.true({**context, "state": after}), f"{step.act.name}: {after}"
        for check in step.act.checks:
            assert check.holds.true({**context, "state": read(caller, check.reading, context)}), check.message
        made[step.id] = {"args": step.args, "after": after}
        yield Done(step, before, after)


def resolved(args: Any, made: Mapping[str, Mapping[str, Any]]) -> Any:
    """Return arguments with the values that earlier steps made."""
    if isinstance(args, Mapping):
        if "$from" in args:
            return Expression(args["path"]).of(made[args["$from"]])
        return {key: resolved(value, made) for key, value in args.items()}
    return [resolved(value, made) for value in args] if isinstance(args, list | tuple) else args


def undone(caller: Caller, done: Sequence[Done]) -> None:
    """Take back what was done, in reverse; each finds what it left."""
    for one in reversed(done):
        act, context = one.step.act, {"args": one.step.args}
        assert canonical(read(caller, act.reading, context)) == canonical(one.after), act.name
        made = [item for item in one.after if item not in (one.before or [])] if isinstance(one.after, list) else []
        within = {**context, "before": one.before, "after": one.after, "made": made}
        for request in act.undo:
            if request.when is None or request.when.true(within):
                call(caller, request, within)
        if act.undo:
            assert canonical(read(caller, act.reading, context)) == canonical(one.before), act.name


def read(caller: Caller, reading: Reading, context: Mapping[str, Any]) -> Any:
    """Return the state that a read shows."""
    request = reading.request
    answer: dict[str, Any] = {}
    params, region = filled(request.params, context), context["args"]["region"]
    try:
        for page in caller.pages(request.service, request.operation, params, region):
            for name, value in page.items():
                answer[name] = answer.get(name, []) + value if isinstance(value, list) else value
    except CallError as error:
        if error.code not in reading.absent:
            raise
        return reading.absent[error.code]
    return reading.take.of({"answer": answer, **context})


def call(caller: Caller, request: Request, context: Mapping[str, Any]) -> None:
    """Send a writing call."""
    caller.alter(request.service, request.operation, filled(request.params, context), context["args"]["region"])


def failing(findings: Mapping[tuple[str, str, str], Finding]) -> list[Finding]:
    """Return the findings to close."""
    return [one for one in findings.values() if one.status is Status.FAIL]
