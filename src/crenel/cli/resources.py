"""`crenel resources`: what the catalogue knows to read."""

from __future__ import annotations

from collections.abc import Iterator

import click

from crenel.catalog.columns import ListOf, MapOf, Struct, Type
from crenel.catalog.load import catalog
from crenel.catalog.spec import Detail, ResourceType
from crenel.cli.listing import print_columns


@click.group()
def resources() -> None:
    """List and show the resource types that policies can read.

    \b
    Examples:
      crenel resources list
      crenel resources show aws.s3
    """  # noqa: D301


@resources.command("list")
def list_() -> None:
    """List the resource types: name, where it is read, table in SQL, what it is.

    \b
    Examples:
      crenel resources list
      crenel resources list | grep iam
    """  # noqa: D301
    known = catalog()
    print_columns(
        ("TYPE", "SCOPE", "TABLE", "WHAT"),
        [(f"aws.{kind.name}", _scope(kind), kind.table, kind.title) for kind in (known[name] for name in known)],
    )


@resources.command()
@click.argument("name", metavar="TYPE")
def show(name: str) -> None:
    """Show a resource type: its columns with their types, and what reading them costs and needs.

    Columns of the listing are free once a policy reads the type; the others cost calls of their own, and are read only
    where a policy asks for them.

    \b
    Examples:
      crenel resources show aws.s3
      crenel resources show ebs
    """  # noqa: D301
    for line in describe_type(catalog().named(name)):
        click.echo(line)


def describe_type(kind: ResourceType) -> Iterator[str]:
    """Yield the lines that tell a person what a type is made of."""
    yield f"aws.{kind.name}: {kind.title}"
    yield f"  scope   {_scope(kind)}"
    yield f"  table   {kind.table}"
    yield f"  id      {kind.id or 'the account'}" + (f", called by {kind.label}" if kind.label != kind.id else "")
    if kind.reported_as != kind.name:
        yield f"  findings bear the type aws.{kind.reported_as}"
    yield ""
    if kind.listing is None:
        yield "One row for each account" + (" and Region, without a call." if kind.regional else ", without a call.")
    else:
        call = kind.listing.call
        yield f"Listing: {call.name}, 1 call a page" + (" in each Region" if kind.regional else "")
        yield f"  needs {call.permission}"
    filled = {column for detail in kind.details.values() for column in detail.columns}
    for column, type_ in kind.columns.items():
        if column not in filled:
            yield from column_lines(column, type_, 1)
    for detail in kind.details.values():
        yield ""
        yield f"{detail.name}: {_reads(detail)}"
        if detail.permissions:
            yield f"  needs {', '.join(detail.permissions)}"
        for source in detail.sources[1:]:
            yield f"  where that is denied: {_reads(source)}, needs {', '.join(source.permissions)}"
        for column, type_ in detail.columns.items():
            yield from column_lines(column, type_, 1)


def column_lines(name: str, kind: Type, depth: int) -> Iterator[str]:
    """Yield a column and what is nested in it, a line each, indented."""
    words, inner = _spelt(kind)
    yield f"{'  ' * depth}{name:<{max(1, 40 - 2 * depth)}}  {words}"
    for field, type_ in inner.items():
        yield from column_lines(field, type_, depth + 1)


def _spelt(kind: Type) -> tuple[str, dict[str, Type]]:
    """Return a type in words, and the fields that are to be shown below it."""
    match kind:
        case ListOf(item):
            words, inner = _spelt(item)
            return f"list of {words}", inner
        case MapOf(value):
            words, inner = _spelt(value)
            return f"map from text to {words}", inner
        case Struct(fields):
            return "struct", dict(fields)
    return kind.kind, {}


def _scope(kind: ResourceType) -> str:
    return "regional" if kind.regional else "global"


def _reads(detail: Detail) -> str:
    """Return which call fills a detail's columns, and how many of it."""
    if detail.call:
        return f"{detail.call.name}, {detail.cost.replace('1 ', '1 call ', 1)}"
    return "calls where they are needed" if detail.permissions else "no call"
