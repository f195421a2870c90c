"""`crenel policies explain`: a policy in plain English, its SQL, and what it reads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from crenel.catalog.load import catalog
from crenel.cli.listing import labelled
from crenel.cli.options import format_option, standard_option
from crenel.collect.estimate import EVERY_REGION, Part, parts_of
from crenel.errors import PolicyError
from crenel.language.english import Section, Sentence, sections, worded
from crenel.language.policy import (
    Plan,
)
from crenel.language.verdicts import failing
from crenel.model import GLOBAL, Standard
from crenel.policies.compile import PolicyCompiler
from crenel.policies.context import Mistakes
from crenel.policies.facts import facts
from crenel.policies.reads import Table, permissions, tables
from crenel.policies.sentences import told
from crenel.policies.values.sources import named, unfetched
from crenel.policies.written.load import builtin_policies, load_policies, policy_files, select
from crenel.policies.written.model import Policy
from crenel.positions import flow
from crenel.report.text import printable

_JUDGING = {"practice", "severity", "params", "scope", "not-applicable", "unknown", "message"}


@click.command()
@click.argument("name", metavar="ID")
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path), metavar="[PATH]...")
@standard_option
@format_option("text", "json")
def explain(name: str, paths: tuple[Path, ...], standard: Standard, style: str) -> None:
    """Say in plain English what a policy matches; its SQL, and the tables, columns, calls and permissions it needs.

    ID is a policy of the files or folders (each read whole, with the folders in it), without them a built-in one; *
    stands for anything.

    \b
    Examples:
      crenel policies explain iam-credentials-unused
      crenel policies explain "ebs-*" --standard cis
      crenel policies explain own-volumes our-policies/volumes.yaml --format json
    """  # noqa: D301
    known = [policy for path in policy_files(paths) for policy in load_policies(path)] if paths else builtin_policies()
    found = [explained(policy, standard) for policy in select(known, [name], ())]
    if style == "json":
        click.echo(json.dumps([as_json(each) for each in found], indent=2))
        return
    for position, each in enumerate(found):
        if position:
            click.echo()
        for line in as_text(each):
            click.echo(printable(line))


@dataclass(frozen=True, slots=True)
class Explanation:
    """A policy's plan, what it reads and costs, and what Cloud Custodian would take without a word."""

    policy: Policy
    plan: Plan
    sections: tuple[Section, ...]
    sql: str
    tables: tuple[Table, ...]
    calls: tuple[tuple[Part, ...], ...]  # a table's each
    doubts: tuple[str, ...]


def explained(policy: Policy, standard: Standard) -> Explanation:
    """Return all that can be said of a policy. Raises `PolicyError` where it can't be compiled."""
    compiler = PolicyCompiler(catalog(), facts(), standard, values_from=unfetched)
    mistakes = Mistakes(warnings=list(policy.warnings))
    plan, words = _compiled(compiler, policy, mistakes)
    compiler.values_from = named
    with suppress(PolicyError):  # words are not always what can stand there: a number, a date
        plan, words = _compiled(compiler, policy, Mistakes())
    read = tuple(tables([plan], compiler.catalog))
    return Explanation(
        policy=policy,
        plan=plan,
        sections=(
            *_around(policy),
            *sections(plan, compiler.catalog[plan.table].title, words, selects=selects(policy)),
        ),
        sql=failing(plan, [table.kind for table in read], datetime.now(UTC)),
        tables=read,
        calls=tuple(tuple(parts_of(table.needs, compiler.catalog)) for table in read),
        doubts=tuple(str(error) for error in (*mistakes.errors, *mistakes.warnings)),
    )


def selects(policy: Policy) -> bool:
    """Return whether a policy is one of Cloud Custodian's kind, that selects resources and judges none."""
    return not _JUDGING & policy.body.mapping("a policy").keys()


def _around(policy: Policy) -> Iterator[Section]:
    """Yield what a policy says beside its filters of which resources it comes to see."""
    conditions = policy.conditions.plain() if policy.conditions else []
    for heading, items in (
        ("It is run only where all of this holds of the run", conditions),
        ("It sees only what AWS lists when asked with", [item.plain() for item in policy.query]),
    ):
        if items:
            yield Section(heading, tuple(Sentence(flow(item)) for item in items))


def _compiled(compiler: PolicyCompiler, policy: Policy, mistakes: Mistakes) -> tuple[Plan, tuple[Sentence, ...] | None]:
    """Return a policy's plan, and of one that selects its filters in words."""
    plan = compiler.compile(policy, mistakes=mistakes)
    filters = policy.body.child("filters")
    return plan, told(compiler.context(policy, Mistakes()), filters) if selects(policy) else None


def as_text(found: Explanation) -> Iterator[str]:
    """Yield the explanation for a person."""
    plan = found.plan
    yield f"{plan.policy}: {plan.title}"
    number = f", practice {plan.practice}" if plan.practice else ""
    yield f"aws.{found.policy.resource}, {plan.severity}{number} ({found.policy.body.where})"
    for section in found.sections:
        yield ""
        yield section.heading
        for sentence in section.sentences:
            yield from sentence.lines(1)
    for note in plan.notes:
        yield f"It may add: {worded(note.text)}"
    yield ""
    yield "Reads"
    for table, calls in zip(found.tables, found.calls, strict=True):
        yield f"  aws.{table.kind.name}"
        yield from labelled("columns", table.columns)
        yield from labelled("calls", [f"{call.service}:{call.operation}, {how_many(call)}" for call in calls])
        yield from labelled("permissions", table.permissions)
    yield ""
    yield f"The resources that {'it selects' if selects(found.policy) else 'fail'}, in SQL"
    yield from (f"  {line}" for line in found.sql.splitlines())
    for doubt in found.doubts:
        yield ""
        yield f"Doubtful: {doubt}"


def how_many(call: Part) -> str:
    """Return how often a call is made, in words."""
    places = {GLOBAL: "an account", EVERY_REGION: "a Region"}
    once = f"{call.calls} {places.get(call.region, call.region)}" if call.calls else ""
    return "; ".join(part for part in (once, call.more) if part)


def as_json(found: Explanation) -> dict[str, object]:
    """Return the explanation for machines."""
    plan = found.plan
    return {
        "policy": plan.policy,
        "title": plan.title,
        "resource": f"aws.{found.policy.resource}",
        "severity": plan.severity.value,
        "practice": plan.practice,
        "english": [
            {"heading": each.heading, "sentences": [sentence.as_json() for sentence in each.sentences]}
            for each in found.sections
        ],
        "sql": found.sql,
        "reads": [
            {
                "type": f"aws.{table.kind.name}",
                "columns": list(table.columns),
                "calls": [{"call": f"{part.service}:{part.operation}", "number": how_many(part)} for part in calls],
                "permissions": list(table.permissions),
            }
            for table, calls in zip(found.tables, found.calls, strict=True)
        ],
        "permissions": sorted(permissions(found.tables)),
        "doubts": list(found.doubts),
    }
