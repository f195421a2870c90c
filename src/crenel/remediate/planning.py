"""From what is wrong to the steps that put it right: fixes filled in from the snapshot, without asking AWS anything."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import UTC, datetime
from typing import Any

from botocore.validate import ParamValidator
from jmespath.exceptions import JMESPathError

from crenel.catalog.columns import service_model
from crenel.catalog.load import catalog
from crenel.collect.secrets import MASK
from crenel.collect.session import home_region
from crenel.errors import UsageError
from crenel.model import GLOBAL, Needs
from crenel.remediate.builders import BUILDERS, Draft, Situation
from crenel.remediate.builders.model import Remedy
from crenel.remediate.commands import command
from crenel.remediate.load import acts, fix_of
from crenel.remediate.model import Act, Manual, Plan, Step
from crenel.remediate.spec import Fix, FixStep
from crenel.remediate.tables import AccountTables, SnapshotTables
from crenel.remediate.templates import Expression, expressions_in, filled, told

_FROM = "$from"
_ROW = re.compile(r"\brow\.(?:\"([^\"]+)\"|(\w+))")


class UnplannedError(Exception):
    """A fix that can't be filled in for one resource."""


@dataclass(frozen=True, slots=True)
class Target:
    """A resource that something is to be done about. `type` is the table's name, `title` says what is wrong.

    `params` are the policy's own parameters by which it was judged, `finding` the finding as an object, where there is
    one. `acting`: an action of a policy is to be done, with `options`.
    """

    policy: str
    account: str
    region: str
    partition: str
    type: str
    resource: str
    title: str
    row: Mapping[str, Any] = field(hash=False)
    practice: int | None = None
    params: Mapping[str, Any] = field(default_factory=dict, hash=False)
    finding: Mapping[str, Any] = field(default_factory=dict, hash=False)
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    acting: bool = False

    @property
    def place(self) -> dict[str, str]:
        """What each step's arguments have: account, Region (a real one, where calls can be sent) and partition."""
        region = home_region(self.partition) if self.region == GLOBAL else self.region
        return {"account": self.account, "region": region, "partition": self.partition}


class Planner:
    """Gathers the steps of one plan. `settings` are the user's, by name; `ours` what stands for them in an account
    where the user set nothing. `made` are texts that stand for what a step of the plan will have made.
    """

    def __init__(self, tables: SnapshotTables, settings: Mapping[str, str]) -> None:
        self.tables = tables
        self.settings = settings
        self.steps: dict[str, Step] = {}  # by what they do: what two findings ask for is done once
        self.notes: list[str] = []
        self.ours: dict[str, dict[str, str]] = {}
        self.made: dict[str, Mapping[str, str]] = {}

    def plan(self, now: datetime) -> Plan:
        """Return the plan of all that was asked for."""
        identity = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
        return Plan(identity, now, self.tables.snapshot.info.id, tuple(self.steps.values()), tuple(self.notes))

    def repair(self, target: Target, fix: Fix, otherwise: Manual | None = None) -> None:
        """Add the steps of a fix for a resource: automatic ones, else what is left to be done by hand (`otherwise`
        where the fix has no such words; without it nothing, as of an action that finds nothing to do).

        Raises `UsageError` where what the user set makes no valid call.
        """
        settings = {**self.ours.get(target.account, {}), **self.settings}
        given = {name: value for name, value in settings.items() if name in fix.parameters}
        context = self._context(target, fix, given)
        manual = otherwise
        try:
            with _told_plainly():
                manual = _filled_manual(fix.manual, context) if fix.manual else otherwise
                remedy = self._remedy(target, fix, context)
                made = [self._step(target, draft) for draft in remedy if isinstance(draft, Draft)]
                if target.acting:  # what would change nothing is no step
                    made = [step for step in made if not _is_done(step)]
                made = _with_consequences(made, fix, context)
        except UnplannedError as error:
            why = str(error).rstrip(".")
            if given:
                raise UsageError(
                    f"{target.policy} can't be planned for {target.resource} so: {why}.",
                    suggestion=f"Look at {' '.join(f'--set {name}={value}' for name, value in given.items())}.",
                ) from error
            self.notes.append(f"{target.policy}, {target.resource}: no automatic step, for {why}.")
            if manual is not None:
                self.by_hand(target, manual)
            return
        ids: dict[str, str] = {}
        for step in made:
            known = replace(step, args=pointing(step.args, ids))
            ids[step.act.partition("/")[2]] = self._add(json.dumps([known.act, known.args], sort_keys=True), known)
        for each in remedy:
            if isinstance(each, Manual):
                self.by_hand(target, each)
        if manual is not None and (not remedy or fix.also):
            self.by_hand(target, manual)

    def by_hand(self, target: Target, manual: Manual) -> None:
        """Add a repair that only people can do."""
        words = [target.place, target.resource, manual.steps, manual.commands, manual.containment]
        self._add(json.dumps(words), self._of(target, title=target.title, manual=manual))

    def _add(self, key: str, step: Step) -> str:
        there = self.steps.get(key)
        if there is None:
            self.steps[key] = replace(step, id=str(len(self.steps) + 1))
            return self.steps[key].id
        self.steps[key] = replace(
            there,
            findings=_joined(there.findings, step.findings),
            breaks=_joined(there.breaks, step.breaks),
            unknown=_joined(there.unknown, step.unknown),
        )
        return there.id

    # --- one fix

    def _context(self, target: Target, fix: Fix, given: Mapping[str, str]) -> dict[str, Any]:
        defaults = {name: each.default for name, each in fix.parameters.items() if each.default is not None}
        return {
            "row": target.row,
            "finding": target.finding,
            "options": target.options,
            "set": {**defaults, **given},
            **target.place,
        }

    def _remedy(self, target: Target, fix: Fix, context: Mapping[str, Any]) -> Remedy:
        builder = BUILDERS[fix.builder] if fix.builder else None
        if builder is not None:
            if target.acting and (missing := _unread(target, set(builder.columns))):
                raise UnplannedError(f"{', '.join(missing)} could not be read")
            snapshot = self.tables.snapshot.info
            situation = Situation(
                row=target.row,
                account=target.account,
                region=target.region,
                partition=target.partition,
                settings={**context["set"], **_given(target.options)},
                params=target.params,
                now=snapshot.started_at,
                tables=AccountTables(self.tables, target.account),
                options=target.options,
            )
            return builder.build(situation)
        asked = _columns_asked(fix, context) if target.acting else columns_of(fix)
        if fix.steps and (missing := _unread(target, asked)):
            told = ", ".join(missing)
            scan = f"the scan did not read {told} (scan with --for-fixes)"
            raise UnplannedError(f"{told} could not be read" if target.acting else scan)
        return tuple(draft for step in fix.steps for draft in _drafts(step, context))

    def _step(self, target: Target, draft: Draft) -> Step:
        act = acts()[draft.act]
        place = target.place | ({"region": draft.region} if draft.region else {})
        args: dict[str, Any] = {key: _standing_for(value, self.made) for key, value in draft.args.items()} | place
        if MASK in json.dumps(args):
            raise UnplannedError("a value that it takes is masked in the snapshot")
        call = call_of(act, args)
        return self._of(
            target,
            title=draft.title or told(act.title, {"args": args}),
            region=place["region"],
            act=act.name,
            args=args,
            seen=draft.seen,
            call=call,
            undoing=act.undoing,
            lost=told(act.lost, {"args": args}),
            changes=draft.changes,
            breaks=draft.breaks,
            unknown=() if args != {**draft.args, **place} else draft.unknown,  # what the plan makes can't be looked at
            cost=draft.cost,
            command=command_of(call, place["region"]),
        )

    def _of(self, target: Target, **values: Any) -> Step:  # noqa: ANN401 (a step's fields)
        finding, name = target.finding.get("id"), target.row.get("_name")
        common: dict[str, Any] = {
            "id": "",
            "account": target.account,
            "region": target.place["region"],
            "type": f"aws.{self.tables.types[target.type].reported_as}",
            "resource": target.resource,
            "findings": (finding,) if finding else (),
            "policy": target.policy,
            "practice": target.practice,
            "name": name if name and name != target.resource else "",
        }
        return Step(**(common | values))


def call_of(act: Act, args: Mapping[str, Any]) -> dict[str, Any]:
    """Return the call that an act makes of its arguments, in botocore's names; nothing where they depend on an earlier
    step. Raises `UnplannedError` where it is none that AWS takes.
    """
    if _depends(args):
        return {}
    with _told_plainly():
        params = filled(act.request.params, {"args": args})
    shape = service_model(act.request.service).operation_model(act.request.operation).input_shape
    report = ParamValidator().validate(params, shape) if shape is not None else None
    if report is not None and report.has_errors():
        raise UnplannedError(f"{act.request.name} does not take this: {report.generate_report()}")
    return {"service": act.request.service, "operation": act.request.operation, "params": params}


def command_of(call: Mapping[str, Any], region: str) -> str:
    """Return the AWS CLI's command for a step's call, nothing where there is none yet."""
    return command(call["service"], call["operation"], call["params"], region) if call else ""


def needs_of_fixes(policies: Mapping[str, str]) -> list[Needs]:
    """Return what the fixes of policies would like to know beside what the policies read.

    `policies` maps names to the tables that they judge.
    """
    wanted: dict[str, set[str]] = {}
    for policy, table in policies.items():
        fix = fix_of(policy)
        if fix is None:
            continue
        kind = catalog()[table]
        own = {detail for column in columns_of(fix) if (detail := kind.detail_of(column))}
        wanted.setdefault(table, set()).update(own)
        for name, columns in BUILDERS[fix.builder].needs.items() if fix.builder else ():
            wanted.setdefault(name, set()).update(columns)
    return [
        Needs(name, frozenset(each.name for each in catalog()[name].with_needs(frozenset(details))))
        for name, details in sorted(wanted.items())
    ]


def columns_of(fix: Fix) -> set[str]:
    """Return the columns of the finding's row that a fix's steps name."""
    texts = [*_texts(fix.steps), *_texts(fix.breaks)]
    return {first or second for text in texts for first, second in _ROW.findall(text)}


@contextmanager
def _told_plainly() -> Iterator[None]:
    """Have an expression that can't be evaluated end as `UnplannedError`."""
    try:
        yield
    except JMESPathError as error:
        raise UnplannedError(" ".join(str(error).split())) from error


def _with_consequences(steps: list[Step], fix: Fix, context: Mapping[str, Any]) -> list[Step]:
    """Return steps with what a fix as a whole breaks and costs, which is said of the first."""
    if not steps:
        return []
    breaks = [told(each.text, context) for each in fix.breaks if each.when is None or each.when.true(context)]
    first = replace(steps[0], breaks=(*steps[0].breaks, *breaks), cost=steps[0].cost or told(fix.cost, context))
    return [first, *steps[1:]]


def _drafts(step: FixStep, context: Mapping[str, Any]) -> Iterator[Draft]:
    if step.when is not None and not step.when.true(context):
        return
    for item in (step.each.of(context) or []) if step.each is not None else [None]:
        within = {**context, "item": item}
        yield Draft(
            act=step.act.name,
            args=filled(step.args, within),
            seen=step.seen.of(within) if step.seen is not None else None,
            changes=tuple((told(a, within), told(b, within), told(c, within)) for a, b, c in step.changes),
            title=told(step.title, within),
            cost=told(step.cost, within),
        )


def _is_done(step: Step) -> bool:
    """Whether a step is done by the state that the snapshot shows."""
    return not _depends(step.args) and acts()[step.act].done.true({"args": step.args, "state": step.seen})


def _columns_asked(fix: Fix, context: Mapping[str, Any]) -> set[str]:
    """Return the columns that an action's steps need for this resource; steps that are left out need none."""
    steps = [step for step in fix.steps if step.when is None or step.when.true(context)]
    texts = [*_texts(steps), *_texts([step.when for step in fix.steps])]
    return {first or second for text in texts for first, second in _ROW.findall(text)}


def _unread(target: Target, columns: set[str]) -> list[str]:
    """Return the columns that the snapshot has not, or that could not be read of this resource."""
    kind, gaps = catalog()[target.type], target.row.get("_gaps") or {}
    return sorted(name for name in columns if name not in target.row or kind.detail_of(name) in gaps)


def _filled_manual(manual: Manual, context: Mapping[str, Any]) -> Manual:
    return Manual(
        *(tuple(told(text, context) for text in part) for part in (manual.steps, manual.commands, manual.containment))
    )


def _depends(args: Any) -> bool:  # noqa: ANN401 (any JSON value)
    if isinstance(args, Mapping):
        return _FROM in args or any(_depends(value) for value in args.values())
    return isinstance(args, list | tuple) and any(_depends(value) for value in args)


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in options.items() if value is not None}


def pointing(args: Any, ids: Mapping[str, str]) -> Any:  # noqa: ANN401 (any JSON value)
    """Return arguments in which ``$from`` has another word, by `ids`: a step's id for an act's name."""
    if isinstance(args, Mapping):
        return {key: ids.get(value, value) if key == _FROM else pointing(value, ids) for key, value in args.items()}
    return [pointing(value, ids) for value in args] if isinstance(args, list | tuple) else args


def _standing_for(value: Any, made: Mapping[str, Mapping[str, str]]) -> Any:  # noqa: ANN401 (any JSON value)
    return dict(made[value]) if isinstance(value, str) and value in made else value


def _joined(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*first, *second]))


def _texts(value: Any) -> Iterator[str]:  # noqa: ANN401 (any part of a fix)
    """Yield the expressions in a part of a fix; an act's own speak of no row."""
    if isinstance(value, Expression):
        yield value.text
    elif isinstance(value, str):
        yield from expressions_in(value)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
    elif is_dataclass(value) and not isinstance(value, Act | type):
        for each in fields(value):
            yield from _texts(getattr(value, each.name))
