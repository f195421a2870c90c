"""Examples, run: what each asked for, what came, and where the two differ."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crenel.catalog.load import Catalog, catalog
from crenel.errors import PolicyError, UsageError
from crenel.examples.format import Example, Wanted
from crenel.examples.stage import Stage, bench_of, staged
from crenel.judge.findings import Finding
from crenel.judge.selecting import Question, select
from crenel.language.policy import (
    Plan,
)
from crenel.model import Standard
from crenel.policies.compile import PolicyCompiler
from crenel.policies.context import Mistakes
from crenel.policies.facts import facts
from crenel.policies.written.model import Policy, policy_of
from crenel.positions import Located, describe

MATCHES, NO_MATCH = "a match", "no match"
_UNNAMED = "example"


@dataclass(frozen=True, slots=True)
class Difference:
    """Where what came is not what was wanted: of which resource, and what the verdict rests on."""

    resource: str
    wanted: str
    got: str
    message: str = ""
    evidence: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """How an example went. `error`: it could not be run, and why; the place stands in it."""

    example: Example
    policy: str
    differences: tuple[Difference, ...] = ()
    error: str = ""

    @property
    def passed(self) -> bool:
        """Whether all came as wanted."""
        return not self.differences and not self.error


@dataclass(frozen=True, slots=True)
class Prepared:
    """An example ready to be run: its policy's plan, what compiled it, and the scene."""

    plan: Plan
    compiler: PolicyCompiler
    stage: Stage

    @property
    def catalog(self) -> Catalog:
        """The catalogue, as the policy extends it."""
        return self.compiler.catalog


def named_policy(example: Example, known: Mapping[str, Policy], default: Policy | None = None) -> Policy:
    """Return the policy that an example is about. Raises `PolicyError` where that is none."""
    item = example.policy
    if item is None:
        if default is None:
            place = Located(None, example.where)
            raise place.error("the example names no policy.", "Give it `policy`: a name, or a policy.", "missing-key")
        return default
    if isinstance(item.value, dict):
        keys = dict(item.value)
        keys.setdefault("name", Located(_UNNAMED, item.where))
        return policy_of(Located(keys, item.where, item.keys))
    name = item.text("policy")
    if name not in known:
        raise item.error(f'there is no policy "{name}".', code="unknown-value")
    return known[name]


def run(example: Example, policy: Policy, standard: Standard) -> Result:
    """Run an example of a policy. An error of either is in the result."""
    try:
        differences = tuple(_differences(example, policy, standard))
    except PolicyError as error:
        if example.error is not None:
            return Result(example, policy.name, tuple(_refused(example.error, error)))
        return Result(example, policy.name, error=describe(error))
    except UsageError as error:
        return Result(example, policy.name, error=str(error))
    if example.error is not None:
        missing = Difference("the policy", f"an error: {example.error}", "no error")
        return Result(example, policy.name, (missing,))
    return Result(example, policy.name, differences)


def refused(example: Example, error: PolicyError) -> Result:
    """Return the result of an example whose policy can't be read at all."""
    name = str(example.policy.value) if example.policy and isinstance(example.policy.value, str) else _UNNAMED
    if example.error is not None:
        return Result(example, name, tuple(_refused(example.error, error)))
    return Result(example, name, error=describe(error))


def _refused(wanted: str, error: PolicyError) -> Iterator[Difference]:
    if not any(wanted in each.message for each in error.all()):
        yield Difference("the policy", f"an error: {wanted}", f"an error: {error.message}")


def prepared(example: Example, policy: Policy, standard: Standard) -> Prepared:
    """Compile an example's policy, in Custodian's reading where the example asks for ids, and check its documents.

    Raises `PolicyError` for either.
    """
    compiler = PolicyCompiler(catalog(), facts(), example.standard or standard, now=example.scene.now)
    plan = compiler.compile(policy, mistakes=None if example.ids is None else Mistakes())
    return Prepared(plan, compiler, staged(example.scene, compiler.catalog[plan.table], compiler.catalog))


def _differences(example: Example, policy: Policy, standard: Standard) -> Iterator[Difference]:
    ready = prepared(example, policy, standard)
    if example.error is not None:
        return
    if example.ids is not None:
        yield from _unlike(example.ids, selected(ready.stage, ready.plan, ready.catalog))
    else:
        found = judged([ready.stage], [ready.plan], ready.catalog)
        yield from compared(example.want or (), found, some=example.some)


def judged(stages: Sequence[Stage], plans: Sequence[Plan], catalog: Catalog) -> list[Finding]:
    """Return all findings of plans over scenes that fit on one stage. Raises `UsageError` where one can't be run."""
    with bench_of(stages, plans, catalog) as (bench, folder):
        return list(bench.judge(plans, folder / "findings").findings())


def selected(stage: Stage, plan: Plan, catalog: Catalog) -> list[str]:
    """Return the ids of the resources that Cloud Custodian would match. Raises `UsageError` for what can't be run."""
    with bench_of([stage], [plan], catalog) as (bench, _):
        return [each.id for each in select(bench, bench.sources[plan.table], [Question(plan, frozenset())])]


def _unlike(wanted: Sequence[str], found: Sequence[str]) -> Iterator[Difference]:
    for name in sorted({*wanted} - {*found}):
        yield Difference(name, MATCHES, NO_MATCH)
    for name in sorted({*found} - {*wanted}):
        yield Difference(name, NO_MATCH, MATCHES)
    twice = sorted({name for name in found if found.count(name) > wanted.count(name) > 0})
    for name in twice:
        yield Difference(name, MATCHES, "several matches")


def compared(wanted: Sequence[Wanted], found: Sequence[Finding], *, some: bool) -> Iterator[Difference]:
    """Yield where the findings are not the wanted ones; with `some` there may be others."""
    left = list(found)
    for each in wanted:
        matching = [
            finding for finding in found if finding.resource_id == each.id and each.region in (None, finding.region)
        ]
        left = [finding for finding in left if finding not in matching]
        yield from _met(each, matching)
    if not some:
        for finding in left:
            yield Difference(_place(finding), "nothing", finding.status, _words(finding), finding.evidence)


def _met(wanted: Wanted, found: Sequence[Finding]) -> Iterator[Difference]:
    name = f"{wanted.id} in {wanted.region}" if wanted.region else wanted.id
    if not found:
        yield Difference(name, wanted.status, "nothing")
    for finding in found[1:]:
        one_more = f"one more: {finding.status}"
        yield Difference(_place(finding), "one finding", one_more, _words(finding), finding.evidence)
    for finding in found[:1]:
        if finding.status != wanted.status:
            yield Difference(name, wanted.status, finding.status, _words(finding), finding.evidence)
        elif wanted.message not in _words(finding):
            yield Difference(name, f"the words: {wanted.message}", f"the words: {_words(finding)}")
        else:
            read = set(_read(finding.evidence))
            lost = [path for path in wanted.evidence if not any(f"{column}.".startswith(f"{path}.") for column in read)]
            for path in lost:
                yield Difference(name, f"{path} in the evidence", "none", _words(finding), finding.evidence)


def _place(finding: Finding) -> str:
    return f"{finding.resource_id} in {finding.region}"


def _words(finding: Finding) -> str:
    return finding.message or finding.reason or ""


def _read(evidence: Mapping[str, Any]) -> Iterator[str]:
    """Yield the column paths in the evidence, those of related rows too."""
    for path, value in evidence.items():
        yield path
        if path.startswith("aws."):
            yield from (column for row in value for column in row)


def shown(evidence: Mapping[str, Any] | None) -> str:
    """Return evidence as one line of JSON."""
    return json.dumps(evidence, default=str, ensure_ascii=False) if evidence else ""
