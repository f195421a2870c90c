"""Examples of one policy, many judged at once: each in accounts of its own, where it can't see the others.

Laying a stage out costs far more than judging what is on it. Whatever does not come out as wanted is run once more by
itself, so that what is told of a failure is that of `run`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from crenel.catalog.load import Catalog, catalog
from crenel.errors import PolicyError, UsageError
from crenel.examples.format import Example
from crenel.examples.running import Result, compared, judged, run
from crenel.examples.stage import Stage, staged
from crenel.judge.findings import Finding
from crenel.language.policy import Plan
from crenel.model import Standard
from crenel.policies.compile import PolicyCompiler
from crenel.policies.facts import facts
from crenel.policies.written.model import Policy

_MOST = 60  # scenes on one stage

_Placed = tuple[int, Stage]


def run_all(examples: Sequence[Example], policy: Policy, standard: Standard) -> list[Result]:
    """Run examples of a policy, and return their results in their order. An error of any is in its result."""
    well = set[int]()
    for (each, now), group in _alike(examples, standard).items():
        compiler = PolicyCompiler(catalog(), facts(), each, now=now)
        try:
            plan = compiler.compile(policy)
            stages = [(at, staged(examples[at].scene, compiler.catalog[plan.table], compiler.catalog)) for at in group]
        except PolicyError:
            continue  # told by each example itself
        text = json.dumps(policy.body.plain(), default=str)
        apart = {at for at, stage in stages if any(account in text for account in stage.accounts)}
        for batch in _batches([(at, stage) for at, stage in stages if at not in apart]):
            well |= set(_as_wanted(examples, batch, plan, compiler.catalog))
    return [
        Result(example, policy.name) if at in well else run(example, policy, standard)
        for at, example in enumerate(examples)
    ]


def _alike(examples: Sequence[Example], standard: Standard) -> dict[tuple[Standard, datetime], list[int]]:
    """Return the places of the examples that ask for findings, by the plan that they take."""
    found: dict[tuple[Standard, datetime], list[int]] = {}
    for at, example in enumerate(examples):
        if example.ids is None and example.error is None:
            found.setdefault((example.standard or standard, example.scene.now), []).append(at)
    return found


def _batches(stages: Sequence[_Placed]) -> Iterator[Sequence[_Placed]]:
    for restricted in (False, True):
        group = [(at, stage) for at, stage in stages if stage.restricted is restricted]
        yield from (group[start : start + _MOST] for start in range(0, len(group), _MOST))


def _as_wanted(examples: Sequence[Example], batch: Sequence[_Placed], plan: Plan, known: Catalog) -> Iterator[int]:
    """Yield the places of the examples that come out as wanted."""
    try:
        found = judged([stage.moved(number) for number, (_, stage) in enumerate(batch)], [plan], known)
    except UsageError:
        return
    for number, (at, stage) in enumerate(batch):
        names = {new: old for old, new in stage.numbered(number).items()}
        own = [_back(finding, names) for finding in found if finding.account in names]
        if not any(compared(examples[at].want or (), own, some=examples[at].some)):
            yield at


def _back(finding: Finding, names: Mapping[str, str]) -> Finding:
    """Return a finding with the accounts' names as its example has them."""

    def named(text: str) -> str:
        for new, old in names.items():
            text = text.replace(new, old)
        return text

    def perhaps(text: str | None) -> str | None:
        return None if text is None else named(text)

    return replace(
        finding,
        account=named(finding.account),
        resource_id=named(finding.resource_id),
        arn=perhaps(finding.arn),
        name=perhaps(finding.name),
        message=named(finding.message),
        reason=perhaps(finding.reason),
        evidence=json.loads(named(json.dumps(finding.evidence, default=str))),
    )
