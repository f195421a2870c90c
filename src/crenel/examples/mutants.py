"""What examples notice: each small change of a policy is judged on all of its examples. One that none notices is named,
with an example that would, where a document near those of the examples tells the two apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from crenel.catalog.columns import Scalar
from crenel.catalog.load import Catalog
from crenel.errors import PolicyError, UsageError, Where
from crenel.examples.format import NOW, Example
from crenel.examples.policy_mutants import Change, changes
from crenel.examples.row_mutants import near
from crenel.examples.running import MATCHES, NO_MATCH, judged, prepared
from crenel.examples.stage import Stage
from crenel.judge.findings import Finding
from crenel.language.plan import (
    Compare,
    In,
    Literal,
)
from crenel.language.policy import (
    Plan,
    Template,
)
from crenel.language.walking import (
    kind_of,
    walk,
)
from crenel.model import Standard, Status
from crenel.policies.compile import PolicyCompiler
from crenel.policies.context import Mistakes
from crenel.policies.written.model import Policy

Verdicts = Mapping[tuple[str, str, str], Status]  # by account, Region and resource
_ROUNDS = 2
_PLANS = 20  # judged in one query
_SCENES = 120  # on one stage
_MOST = 1_200  # scenes that are tried for one policy
_SILENT = Template(("",))
_OWN = "as written"


@dataclass(frozen=True, slots=True)
class Telling:
    """An example that would notice a change, as it is written in a file of them: how it differs from one that is there,
    of which resource the policy and the changed one say what.
    """

    example: Mapping[str, Any]
    told: str
    resource: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Survivor:
    """A change that no example notices, its place, and an example that would: None where no document that was tried
    tells it apart.
    """

    change: str
    where: Where
    telling: Telling | None


@dataclass(frozen=True, slots=True)
class Score:
    """How many changes of a policy its examples notice, how many leave it the very same, and those unnoticed."""

    policy: str
    noticed: int
    same: int
    survivors: tuple[Survivor, ...]


@dataclass(frozen=True, slots=True)
class _Scene:
    """An example's documents, and the ids of the resources that it speaks of (None: all)."""

    stage: Stage
    looked_at: frozenset[str] | None
    by_ids: bool
    standard: Standard | None


@dataclass(slots=True)
class _Under:
    """A policy under one standard, at times at which it means the same: its plan, its examples' scenes, and the plans
    of its changes by their number.
    """

    plan: Plan
    compiler: PolicyCompiler
    scenes: list[_Scene] = field(default_factory=list)
    changed: dict[int, Plan] = field(default_factory=dict)


def score(policy: Policy, examples: Sequence[Example], standard: Standard) -> Score:
    """Return what a policy's examples notice. Under several standards a change is noticed where it is under one."""
    groups = _groups(policy, examples, standard)
    every = changes(policy, _others([under.plan for under in groups]))
    for under in groups:
        _compile(under, every)
    differing, same = _differing(groups, len(every))
    text = str(policy.body.plain())
    left = set(differing)
    for under in groups:
        left -= _noticed(under, left, text)
    told: dict[int, Telling] = {}
    for under in groups:
        told |= _told_apart(under, left - told.keys(), text)
    survivors = [Survivor(every[number].words, every[number].where, told.get(number)) for number in sorted(left)]
    return Score(policy.name, len(differing) - len(left), same, tuple(survivors))


def _groups(policy: Policy, examples: Sequence[Example], standard: Standard) -> list[_Under]:
    groups: dict[tuple[Standard, Plan], _Under] = {}
    for example in examples:
        ready = prepared(example, policy, standard)
        key = (example.standard or standard, ready.plan)
        under = groups.setdefault(key, _Under(ready.plan, ready.compiler))
        under.scenes.append(_Scene(ready.stage, _looked_at(example), example.ids is not None, example.standard))
    return list(groups.values())


def _looked_at(example: Example) -> frozenset[str] | None:
    """Return the ids of the resources that an example speaks of, None where it speaks of all."""
    if example.some and example.want is not None:
        return frozenset(each.id for each in example.want)
    return None


def _others(plans: Sequence[Plan]) -> dict[str, str]:
    """Return for each word that a plan compares with what AWS has words for another of those."""
    found: dict[str, str] = {}
    for node in (node for plan in plans for root in plan.predicates() for node in walk(root)):
        match node:
            case Compare(_, value, Literal(given)):
                words: tuple[Any, ...] = (given,)
            case In(value, given):
                words = given
            case _:
                continue
        kind = kind_of(value)
        enum = kind.enum if isinstance(kind, Scalar) else ()
        other = next((each for each in enum if each not in words), "")
        if other:
            found |= {word: other for word in words if word in enum and word not in found}
    return found


def _compile(under: _Under, every: Sequence[Change]) -> None:
    """Fill in the plans of changes; what is no policy has none."""
    for number, change in enumerate(every):
        try:
            plan = under.compiler.compile(change.policy, mistakes=Mistakes())
        except PolicyError:
            continue
        under.changed[number] = _silent(plan, f"{number}")


def _silent(plan: Plan, name: str) -> Plan:
    """Return a plan of another name that gives the same verdicts, without words."""
    mute = [tuple(replace(clause, text=_SILENT) for clause in each) for each in (plan.not_applicable, plan.unknown)]
    plan = replace(plan, message_fail=_SILENT, message_pass=_SILENT, notes=())
    return replace(plan, policy=name, not_applicable=mute[0], unknown=mute[1])


def _differing(groups: Sequence[_Under], count: int) -> tuple[list[int], int]:
    """Return the numbers of the changes that compile to something else than the policy, of equal ones the first; and
    how many compile to the very same.
    """
    own = tuple(_silent(under.plan, "") for under in groups)
    found: dict[tuple[Plan, ...], int] = {}
    same = 0
    for number in range(count):
        if not any(number in under.changed for under in groups):
            continue
        plans = tuple(
            replace(under.changed[number], policy="") if number in under.changed else mine
            for under, mine in zip(groups, own, strict=True)
        )
        same += plans == own
        if plans != own:
            found.setdefault(plans, number)
    return list(found.values()), same


def _noticed(under: _Under, left: set[int], text: str) -> set[int]:
    """Return those of the changes under which an example comes out otherwise than without."""
    gone: set[int] = set()
    for batch in _batches([scene.stage for scene in under.scenes], text):
        looked = {account: under.scenes[index].looked_at for index, stage in batch for account in stage.accounts}
        own, found = _verdicts([stage for _, stage in batch], under, left - gone)
        base = _only(own, looked)
        gone |= {number for number, verdicts in found.items() if _only(verdicts, looked) != base}
    return gone


def _only(verdicts: Verdicts, looked: Mapping[str, frozenset[str] | None]) -> Verdicts:
    found = {}
    for key, status in verdicts.items():
        ids = looked.get(key[0])
        if ids is None or key[2] in ids:
            found[key] = status
    return found


def _told_apart(under: _Under, left: set[int], text: str) -> dict[int, Telling]:
    """Return, of the changes that some document near the examples' tells apart, that document.

    What lies behind several conditions is further away: documents near those that told a change apart come second.
    """
    told: dict[int, Telling] = {}
    scenes = list(under.scenes)
    for _ in range(_ROUNDS):
        found = dict(_first_apart(under, left - told.keys(), scenes, text))
        told |= {number: _telling(under, number, scene, words) for number, (scene, words) in found.items()}
        scenes = [scene for scene, _ in found.values()]
    return told


def _first_apart(
    under: _Under, left: set[int], scenes: Sequence[_Scene], text: str
) -> Iterator[tuple[int, tuple[_Scene, str]]]:
    """Yield changes with the first scene near these that tells them apart."""
    tried = [
        (replace(scene, stage=stage), words)
        for scene in scenes
        for stage, words in near(scene.stage, under.plan, under.compiler.catalog)
    ]
    if len(tried) > _MOST:
        tried = [tried[index * len(tried) // _MOST] for index in range(_MOST)]
    rest = set(left)
    for batch in _batches([scene.stage for scene, _ in tried], text):
        own, found = _verdicts([stage for _, stage in batch], under, rest) if rest else ({}, {})
        for number, verdicts in found.items():
            key = next((key for key in sorted({*verdicts, *own}) if verdicts.get(key) != own.get(key)), None)
            if key is not None:
                index = next(index for index, stage in batch if key[0] in stage.accounts)
                rest.discard(number)
                yield number, tried[index]


def _telling(under: _Under, number: int, scene: _Scene, words: str) -> Telling:
    """Return an example that notices a change, with what the policy says as wanted."""
    stage = scene.stage
    own, found = _verdicts([stage], under, {number})
    changed = found[number]
    key = next(key for key in sorted({*changed, *own}) if changed.get(key) != own.get(key))
    name = under.plan.table.split("+", maxsplit=1)[0]
    related = {table: rows for table, rows in stage.rows.items() if table != name and rows}
    example: dict[str, Any] = {"resources": stage.rows.get(name, [])}
    example |= {"rows": related} if related else {}
    example |= {"now": f"{stage.now:%Y-%m-%dT%H:%M:%SZ}"} if stage.now != NOW else {}
    example |= {"standard": str(scene.standard)} if scene.standard else {}
    example |= {"gaps": stage.gaps} if stage.gaps else {}
    example |= {"coverage": stage.coverage} if stage.coverage else {}
    example |= {"restricted": True} if stage.restricted else {}
    said = _matched if scene.by_ids else _status
    wanted = sorted(own, key=lambda each: (each[2], each[1]))
    example["want"] = (
        [each[2] for each in wanted if own[each] == Status.FAIL]
        if scene.by_ids
        else [_wanted(each, own) for each in wanted]
    )
    return Telling(example, words, key[2], said(own.get(key)), said(changed.get(key)))


def _wanted(key: tuple[str, str, str], verdicts: Verdicts) -> dict[str, str]:
    found = {"id": key[2], "status": str(verdicts[key])}
    twins = sum(other[2] == key[2] for other in verdicts)
    return {**found, "region": key[1]} if twins > 1 else found


def _matched(status: Status | None) -> str:
    return MATCHES if status == Status.FAIL else NO_MATCH


def _status(status: Status | None) -> str:
    return str(status or "nothing")


def _batches(stages: Sequence[Stage], text: str) -> Iterator[list[tuple[int, Stage]]]:
    """Yield scenes with their places, as many at once as fit on one stage: those of one time, in accounts of their own.

    A policy that names an account gets them one by one, as they are.
    """
    groups: dict[tuple[object, bool], list[int]] = {}
    for index, stage in enumerate(stages):
        groups.setdefault((stage.now, stage.restricted), []).append(index)
    for group in groups.values():
        if any(account in text for index in group for account in stages[index].accounts):
            yield from ([(index, stages[index])] for index in group)
            continue
        for start in range(0, len(group), _SCENES):
            part = group[start : start + _SCENES]
            yield [(index, stages[index].moved(number)) for number, index in enumerate(part)]


def _verdicts(stages: Sequence[Stage], under: _Under, left: set[int]) -> tuple[Verdicts, dict[int, Verdicts]]:
    """Return the verdicts of the plan, and of each change; one that can't be run is not among them."""
    own = _silent(under.plan, _OWN)
    plans = [own, *(under.changed[number] for number in sorted(left) if number in under.changed)]
    found: dict[str, dict[tuple[str, str, str], Status]] = {}
    for start in range(0, len(plans), _PLANS):
        part = plans[start : start + _PLANS]
        for plan, findings in _judged(stages, part, under.compiler.catalog):
            said = {(each.account, each.region, each.resource_id): each.status for each in findings}
            found[plan.policy] = said
    return found.pop(_OWN, {}), {int(name): verdicts for name, verdicts in found.items()}


def _judged(stages: Sequence[Stage], plans: Sequence[Plan], catalog: Catalog) -> Iterator[tuple[Plan, list[Finding]]]:
    """Yield plans with their findings, those that can't be run left out."""
    try:
        found = judged(stages, plans, catalog)
    except UsageError:
        if len(plans) > 1:
            for plan in plans:
                yield from _judged(stages, [plan], catalog)
        return
    for plan in plans:
        yield plan, [each for each in found if each.policy == plan.policy]
