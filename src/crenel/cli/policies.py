"""`crenel policies`: what is judged, how it is written, and whether own files are right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from crenel import scan as use_case
from crenel.catalog.load import Catalog, catalog
from crenel.cli.check import check_files
from crenel.cli.listing import print_columns
from crenel.cli.options import policies_option, standard_option
from crenel.language.plan import Field, Plan, reads
from crenel.model import Standard
from crenel.policies.load import Policy, load_policies, needs_of
from crenel.report.text import number, printable


@click.group()
def policies() -> None:
    """List, show and check policies.

    \b
    Examples:
      crenel policies list
      crenel policies show iam-root-no-access-key
      crenel policies check our-policies/
    """  # noqa: D301


@policies.command("list")
@policies_option
@standard_option
def list_(paths: tuple[Path, ...], standard: Standard) -> None:
    """List the policies: practice, level, id, the type they judge, title.

    \b
    Examples:
      crenel policies list
      crenel policies list --policies our-policies/ | grep critical
    """  # noqa: D301
    found, _ = use_case.choose(use_case.ScanOptions(paths=paths, standard=standard))
    ordered = sorted(found, key=lambda each: (each.practice is None, each.practice or 0, each.name))
    print_columns(
        ("PRACTICE", "LEVEL", "ID", "TYPE", "TITLE"),
        [(str(each.practice or "-"), each.severity, each.name, f"aws.{each.resource}", each.title) for each in ordered],
    )


@policies.command()
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
    found, plans = use_case.choose(options)
    by_name = {plan.policy: plan for plan in plans}
    for position, policy in enumerate(found):
        if position:
            click.echo()
        for line in describe_policy(policy, by_name[policy.name], catalog()):
            click.echo(printable(line))


@policies.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="PATH...")
def check(paths: tuple[Path, ...]) -> None:
    """Check policy files, or folders of them: load and compile each for every standard, without any call.

    Prints every error with file, line and column, and the words underlined. Exit code 2 where there is one.

    \b
    Examples:
      crenel policies check our-policies/
      crenel policies check s3.yaml iam.yaml
    """  # noqa: D301
    count, errors = check_files(paths)
    for error in errors:
        click.echo(printable(error), err=True)
    if errors:
        click.echo(f"{number(count, 'policy', 'policies')}, {number(len(errors), 'error')}", err=True)
        click.get_current_context().exit(2)
    click.echo(f"{number(count, 'policy', 'policies')}, no errors")


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
    columns = _columns_read(plan)
    for need in needs_of([plan], known):
        kind = known[need.type]
        details = [kind.details[name] for name in kind.details if name in need.details]
        listing = [kind.listing.call] if kind.listing else []
        calls = [*(call.name for call in listing), *(detail.call.name for detail in details if detail.call)]
        permissions = {*(call.permission for call in listing), *(p for detail in details for p in detail.permissions)}
        yield f"  aws.{kind.name}"
        yield from _labelled("columns", columns.get(kind.name, []))
        yield from _labelled("calls", [*calls, *(f"{d.name} (reads of its own)" for d in details if d.oddity)])
        yield from _labelled("permissions", sorted(permissions))


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


def _columns_read(plan: Plan) -> dict[str, list[str]]:
    found: dict[str, set[str]] = {}

    def seen(table: str, value: Field) -> None:
        if not value.path[0].startswith("_"):
            found.setdefault(table, set()).add(".".join(value.path))

    reads(iter(plan.everything()), seen, plan.table)
    return {table: sorted(columns) for table, columns in found.items()}


def _labelled(label: str, items: Sequence[str]) -> Iterator[str]:
    for position, item in enumerate(dict.fromkeys(items)):
        yield f"    {'' if position else label:<12} {item}"
