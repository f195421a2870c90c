"""`crenel frameworks`: which there are, what they ask for, how they differ."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from crenel.choice import Choice, choose
from crenel.cli.listing import print_columns
from crenel.cli.options import format_option, policies_option
from crenel.frameworks.comparing import Difference, Pair, difference
from crenel.frameworks.load import builtin_frameworks, framework
from crenel.frameworks.model import Asked, Control, Framework
from crenel.report.compliance import section_name
from crenel.report.console import console_for, indented
from crenel.report.text import number, plain


@click.group()
def frameworks() -> None:
    """List frameworks, show what one asks for, compare two.

    \b
    Examples:
      crenel frameworks list
      crenel frameworks show cis-7.0
      crenel frameworks diff cis-3.0 cis-7.0
    """  # noqa: D301


@frameworks.command("list")
@format_option("table", "json")
def list_(style: str) -> None:
    """List the frameworks that ship with Crenel: how many controls, how many of them policies decide.

    \b
    Example:
      crenel frameworks list
    """  # noqa: D301
    found = [framework(name) for name in builtin_frameworks()]
    if style == "json":
        _print_json([_head(each) for each in found])
        return
    rows = [
        (each.id, each.version, str(len(each.controls)), str(_decided(each)), str(len(each.controls) - _decided(each)))
        for each in found
    ]
    print_columns(
        ("ID", "VERSION", "CONTROLS", "DECIDED", "BY HAND", "POLICIES", "NAME"),
        [(*row, str(len(_policies(each))), each.name) for row, each in zip(rows, found, strict=True)],
    )


@frameworks.command()
@click.argument("name", metavar="ID")
@policies_option
@format_option("table", "json")
def show(name: str, paths: tuple[Path, ...], style: str) -> None:
    """Show a framework: its controls, the policies that decide each with their parameters, and what is left to do.

    ID is one of `crenel frameworks list`, or the path of a file of your own. A file is checked by this: every mistake
    in it is named with its place.

    \b
    Examples:
      crenel frameworks show cis-7.0
      crenel frameworks show our-rules.yaml --policies our-policies/
    """  # noqa: D301
    chosen = choose([name], paths=paths)
    (found,) = chosen.frameworks
    if style == "json":
        params = _params(chosen, found)
        controls = [_as_json(control, params.get(control.id, ())) for control in found.controls]
        _print_json(_head(found) | {"controls": controls})
        return
    _write(found, _params(chosen, found), console_for(sys.stdout))


@frameworks.command()
@click.argument("before", metavar="ID")
@click.argument("after", metavar="ID")
@policies_option
@format_option("table", "json")
def diff(before: str, after: str, paths: tuple[Path, ...], style: str) -> None:
    """Show what changed from one framework to another: added, removed, renumbered, and asked otherwise.

    \b
    Examples:
      crenel frameworks diff cis-3.0 cis-7.0
      crenel frameworks diff cis-7.0 our-rules.yaml
    """  # noqa: D301
    first, second = (choose([name], paths=paths) for name in (before, after))
    (old,), (new,) = first.frameworks, second.frameworks
    found = difference(old, new, _params(first, old), _params(second, new))
    if style == "json":
        _print_json(_difference_json(found))
    else:
        _write_difference(old, new, found, console_for(sys.stdout))


def _params(chosen: Choice, found: Framework) -> dict[str, list[Mapping[str, object]]]:
    """Return the parameters of each policy of each control, by control."""
    return {
        control.id: [chosen.asked_with(found.id, control.id, index) for index in range(len(control.policies))]
        for control in found.controls
    }


def _decided(found: Framework) -> int:
    return sum(1 for control in found.controls if control.policies)


def _policies(found: Framework) -> set[str]:
    return {asked.policy for _, asked in found.asked()}


# --- show


def _write(found: Framework, params: Mapping[str, Sequence[Mapping[str, object]]], console: Console) -> None:
    title = Text(f"{plain(found.name)} {plain(found.version)}".rstrip(), style="bold underline")
    console.print(title.append(f"  {found.id}", "not bold not underline dim"))
    profile = f"parameters of {found.profile}" if found.profile else "parameters by --standard"
    over = [f"over {' and '.join(found.over)}"] if found.over else []
    decided, policies = _decided(found), number(len(_policies(found)), "policy", "policies")
    parts = [number(len(found.controls), "control"), f"{decided} decided by {policies}", profile, *over]
    indented(console, Text(", ".join(parts)), 0)
    if found.reference:
        console.print(Text(plain(found.reference), style="dim"))
    for level, words in found.levels.items():
        indented(console, Text(f"{plain(level)}  ", style="bold").append(plain(words), "not bold"), 0, hang=4)
    section = None
    for control in found.controls:
        if control.section != section:
            section = control.section
            console.print()
            if section.id:
                console.print(Text(section_name(section.id, section.title), style="bold"))
        for line, left in _lines(control, params.get(control.id, ())):
            indented(console, line, left)


def _lines(control: Control, params: Sequence[Mapping[str, object]]) -> Iterator[tuple[Text, int]]:
    line = Text(f"{plain(control.id):<6}  ", style="bold").append(plain(control.title), "not bold")
    extra = "  ".join([*control.levels, *([control.severity.value] if control.severity else [])])
    yield line.append(f"  {extra}" if extra else "", "not bold dim"), 2
    for asked, given in zip(control.policies, params, strict=True):
        told = ", ".join(f"{key} {json.dumps(value, default=str)}" for key, value in given.items())
        yield Text(plain(asked.policy)).append(f"  {told}" if told else "", "dim"), 10
    if control.manual:
        yield Text("By hand: ", style="magenta").append(plain(control.manual), "default"), 10


def _head(found: Framework) -> dict[str, Any]:
    return {
        "id": found.id,
        "name": found.name,
        "version": found.version,
        "reference": found.reference,
        "profile": found.profile,
        "over": list(found.over),
        "levels": dict(found.levels),
        "sections": [{"id": section.id, "title": section.title} for section in found.sections],
        "decided": _decided(found),
        "by_hand": len(found.controls) - _decided(found),
        "policies": len(_policies(found)),
    }


def _as_json(control: Control, params: Sequence[Mapping[str, object]]) -> dict[str, Any]:
    def policy(asked: Asked, given: Mapping[str, object]) -> dict[str, Any]:
        return {"policy": asked.policy, "parameters": dict(given)}

    return {
        "id": control.id,
        "title": control.title,
        "section": control.section.id,
        "severity": control.severity,
        "levels": list(control.levels),
        "policies": [policy(asked, given) for asked, given in zip(control.policies, params, strict=True)],
        "manual": control.manual or None,
        "references": list(control.references),
    }


# --- diff


def _write_difference(old: Framework, new: Framework, found: Difference, console: Console) -> None:
    console.print(Text(f"{old.id} → {new.id}", style="bold underline"))
    kept = [pair for pair in found.pairs if not pair.renumbered and not pair.changes]
    console.print(
        f"{len(found.added)} added, {len(found.removed)} removed, "
        f"{sum(1 for pair in found.pairs if pair.renumbered)} renumbered, "
        f"{sum(1 for pair in found.pairs if pair.changes)} asked otherwise, {len(kept)} the same"
    )
    _list(console, "Added", [(control.id, control.title, ()) for control in found.added])
    _list(console, "Removed", [(control.id, control.title, ()) for control in found.removed])
    moved = [pair for pair in found.pairs if pair.renumbered]
    _list(console, "Renumbered", [(_ids(pair), pair.after.title, pair.changes) for pair in moved])
    changed = [pair for pair in found.pairs if pair.changes and not pair.renumbered]
    _list(console, "Asked otherwise", [(_ids(pair), pair.after.title, pair.changes) for pair in changed])


def _list(console: Console, title: str, rows: Sequence[tuple[str, str, Sequence[str]]]) -> None:
    if not rows:
        return
    console.print()
    console.print(Text(title, style="bold"))
    width = max(len(plain(ids)) for ids, _, _ in rows)
    for ids, words, changes in rows:
        indented(console, Text(f"{plain(ids):<{width}}  ", style="bold").append(plain(words), "not bold"), 2)
        for change in changes:
            indented(console, Text(plain(change), style="yellow"), width + 4)


def _ids(pair: Pair) -> str:
    return f"{pair.before.id} → {pair.after.id}" if pair.renumbered else pair.after.id


def _difference_json(found: Difference) -> dict[str, Any]:
    def one(control: Control) -> dict[str, str]:
        return {"id": control.id, "title": control.title}

    pairs = [
        {
            "before": pair.before.id,
            "after": pair.after.id,
            "title": pair.after.title,
            "changes": list(pair.changes),
        }
        for pair in found.pairs
    ]
    return {
        "added": [one(control) for control in found.added],
        "removed": [one(control) for control in found.removed],
        "both": pairs,
    }


def _print_json(value: object) -> None:
    click.echo(json.dumps(value, indent=1, ensure_ascii=False))
