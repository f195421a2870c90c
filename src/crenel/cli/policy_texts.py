"""`crenel policies list` and `show`: what is judged, and how it is written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from crenel import scan as use_case
from crenel.catalog.load import Catalog, catalog
from crenel.cli.listing import labelled, print_columns
from crenel.cli.options import policies_option, standard_option
from crenel.language.policy import (
    Plan,
)
from crenel.model import Standard
from crenel.policies.reads import tables
from crenel.policies.written.load import load_policies
from crenel.policies.written.model import Policy
from crenel.report.text import printable


@click.command("list")
@policies_option
@standard_option
def list_(paths: tuple[Path, ...], standard: Standard) -> None:
    """List the policies, yours last: practice, level, id, the type they judge, title.

    \b
    Examples:
      crenel policies list
      crenel policies list --policies our-policies/ | grep critical
    """  # noqa: D301
    chosen = use_case.choose(use_case.ScanOptions(policies=("*",), paths=paths, standard=standard))
    ordered = sorted(
        chosen.policies, key=lambda each: (each.practice is None, each.practice or 0, not each.builtin, each.name)
    )
    print_columns(
        ("PRACTICE", "LEVEL", "ID", "TYPE", "TITLE"),
        [(str(each.practice or "-"), each.severity, each.name, f"aws.{each.resource}", each.title) for each in ordered],
    )


@click.command()
@click.argument("name", metavar="ID")
@policies_option
@standard_option
def show(name: str, paths: tuple[Path, ...], standard: Standard) -> None:
    """Show a policy: its text as written, its parameters, and what it reads.

    \b
    Examples:
      crenel policies show iam-root-no-access-key
      crenel policies show "iam-*" --standard cis
    """  # noqa: D301
    options = use_case.ScanOptions(policies=(name,), paths=paths, standard=standard)
    chosen = use_case.choose(options)
    by_name = {plan.policy: plan for plan in chosen.plans}
    for position, policy in enumerate(chosen.policies):
        if position:
            click.echo()
        for line in describe_policy(policy, by_name[policy.name], catalog()):
            click.echo(printable(line))


def describe_policy(policy: Policy, plan: Plan, known: Catalog) -> Iterator[str]:
    """Yield the lines that show a policy: where it stands, its text, its parameters, what it reads."""
    yield f"# {policy.file}:{policy.body.where.line}"
    yield from source_lines(policy)
    if policy.params:
        yield ""
        yield "Parameters"
        for name, values in policy.params.items():
            shown = ", ".join(f"{standard} {values[standard]}" for standard in Standard)
            yield f"  {name:<24}  {shown}"
    yield ""
    yield "Reads"
    for table in tables([plan], known):
        yield f"  aws.{table.kind.name}"
        yield from labelled("columns", table.columns)
        yield from labelled("calls", table.calls)
        yield from labelled("permissions", table.permissions)


def source_lines(policy: Policy) -> list[str]:
    """Return the policy's lines as they stand in its file, moved to the left; comments before the next one left out."""
    path = Path(policy.file)
    lines = path.read_text(encoding="utf-8").splitlines()
    starts = sorted(each.body.where.line for each in load_policies(path))
    begin = policy.body.where.line
    after = next((start for start in starts if start > begin), len(lines) + 1)
    own = lines[begin - 1 : after - 1]
    while own and (not own[-1].strip() or own[-1].lstrip().startswith("#")):
        own.pop()
    indent = len(own[0]) - len(own[0].lstrip())
    return [line[indent:] if not line[:indent].strip() else line for line in own]
