"""What examples notice: each small change of a policy is judged on all of its examples. One that none notices either is
told apart by a document near those of the examples, which is then shown, or makes no difference to any that was tried.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from crenel.catalog.load import Catalog
from crenel.errors import UsageError
from crenel.examples.format import Example
from crenel.examples.plan_mutants import Change, changes, silent
from crenel.examples.row_mutants import near
from crenel.examples.running import judged, prepared
from crenel.examples.stage import Stage
from crenel.language.policy import (
    Plan,
)
from crenel.model import Standard, Status
from crenel.policies.model import Policy

Verdicts = Mapping[tuple[str, str, str], Status]  # by account, Region and resource
_PLANS = 20  # judged in one query
_SCENES = 120  # on one stage
_MOST = 1_200  # scenes that are tried for one policy
_BASE = "as written"


@dataclass(frozen=True, slots=True)
class Survivor:
    """A change that no example notices, and documents that would: what the policy says of them, and the changed one."""

    change: str
    told: str
    rows: Mapping[str, Any]
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Score:
    """How many changes of a policy its examples notice, those that they do not, and how many make no difference."""

    policy: str
    noticed: int
    alike: int
    survivors: tuple[Survivor, ...]


@dataclass(slots=True)
class _Under:
    """A policy under one standard: its plan, its examples' scenes, its changes that are still unnoticed."""

    plan: Plan
    catalog: Catalog
    stages: list[tuple[Stage, frozenset[str] | None]] = field(default_factory=list)


def score(policy: Policy, examples: Sequence[Example], standard: Standard) -> Score:
    """Return what a policy's examples notice. Under several standards a change is noticed where it is under one."""
    groups: dict[Standard, _Under] = {}
    for example in examples:
        ready = prepared(example, policy, standard)
        under = groups.setdefault(example.standard or standard, _Under(ready.plan, ready.catalog))
        under.stages.append((ready.stage, _looked_at(example)))
    text = str(policy.body.plain())
    noticed = alike = 0
    survivors: list[Survivor] = []
    seen: set[str] = set()
    for under in groups.values():
        every = changes(under.plan)
        left = _unnoticed(under, every, text)
        gone = {change.words for change in every} - {change.words for change in left}
        noticed += len(gone - seen)
        seen |= gone
        told = list(_told_apart(under, [change for change in left if change.words not in seen], text))
        survivors += told
        alike += sum(change.words not in seen for change in left) - len(told)
        seen |= {change.words for change in left}
    return Score(policy.name, noticed, alike, tuple(survivors))


def _looked_at(example: Example) -> frozenset[str] | None:
    """Return the ids of the resources that an example speaks of, None where it speaks of all."""
    if example.some and example.want is not None:
        return frozenset(each.id for each in example.want)
    return None


def _unnoticed(under: _Under, every: Sequence[Change], text: str) -> list[Change]:
    """Return the changes under which all examples come out as they do without."""
    left = list(every)
    for batch in _batches([stage for stage, _ in under.stages], text):
        looked = {
            account: ids for index, stage in batch for account in stage.accounts for ids in [under.stages[index][1]]
        }
        found = _verdicts([stage for _, stage in batch], under, left)
        base = _only(found[0], looked)
        left = [
            change
            for change, verdicts in zip(left, found[1:], strict=True)
            if verdicts and _only(verdicts, looked) == base
        ]
    return left


def _only(verdicts: Verdicts, looked: Mapping[str, frozenset[str] | None]) -> Verdicts:
    found = {}
    for key, status in verdicts.items():
        ids = looked.get(key[0])
        if ids is None or key[2] in ids:
            found[key] = status
    return found


def _told_apart(under: _Under, left: Sequence[Change], text: str) -> Iterator[Survivor]:
    """Yield the changes that some document near the examples' tells apart, with that document."""
    tried = [pair for stage, _ in under.stages for pair in near(stage, under.plan, under.catalog)]
    if len(tried) > _MOST:
        tried = [tried[index * len(tried) // _MOST] for index in range(_MOST)]
    rest = list(left)
    for batch in _batches([stage for stage, _ in tried], text):
        if not rest:
            return
        found = _verdicts([stage for _, stage in batch], under, rest)
        unknown = []
        for change, verdicts in zip(rest, found[1:], strict=True):
            key = next((key for key in sorted({*verdicts, *found[0]}) if verdicts.get(key) != found[0].get(key)), None)
            if key is None:
                unknown.append(change)
                continue
            index = next(index for index, stage in batch if key[0] in stage.accounts)
            stage, words = tried[index]
            before, after = (str(each.get(key) or "nothing") for each in (found[0], verdicts))
            yield Survivor(change.words, words, dict(stage.rows), before, after)
        rest = unknown


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


def _verdicts(stages: Sequence[Stage], under: _Under, left: Sequence[Change]) -> list[Verdicts]:
    """Return the verdicts of the plan and of each change; none of one that can't be run."""
    plans = [silent(under.plan, _BASE), *(silent(change.plan, f"{index}") for index, change in enumerate(left))]
    found: dict[str, dict[tuple[str, str, str], Status]] = {plan.policy: {} for plan in plans}
    for start in range(0, len(plans), _PLANS):
        part = plans[start : start + _PLANS]
        for finding in _judged(stages, part, under.catalog):
            found[finding.policy][finding.account, finding.region, finding.resource_id] = finding.status
    return [found[plan.policy] for plan in plans]


def _judged(stages: Sequence[Stage], plans: Sequence[Plan], catalog: Catalog) -> Any:  # noqa: ANN401 (findings)
    try:
        return judged(stages, plans, catalog)
    except UsageError:
        if len(plans) == 1:
            return []
        return [finding for plan in plans for finding in _judged(stages, [plan], catalog)]
