"""`crenel rules`: whether Falco's and Sigma's rules are right, what they say, and which run."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import click

from crenel.cli import LazyGroup
from crenel.cli.check import Checked, Problem, tell
from crenel.cli.listing import labelled
from crenel.cli.options import format_option
from crenel.detect.correlate import span_words
from crenel.detect.engine import unanchored
from crenel.detections.load import load_rules
from crenel.detections.model import Correlation, Detection, Rules, Shown
from crenel.errors import UsageError, did_you_mean
from crenel.language.detecting import columns_read, condition_sql
from crenel.language.english import listed
from crenel.report.text import number, plain, printable

_HERE = "crenel.cli.rules"
_COMMANDS: Mapping[str, tuple[str, str, str]] = {
    "list": (_HERE, "list_", "List the rules of files, or Crenel's own."),
    "check": (_HERE, "check", "Check rule files: every error, and what can't run here."),
    "test": ("crenel.cli.rule_tests", "test", "Run the examples of rules."),
    "explain": (_HERE, "explain", "Say in plain English what a rule looks for, and what it reads."),
    "coverage": (_HERE, "coverage", "Show how many rules run here, and what they are about."),
}
_paths = click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path), metavar="[PATH]...")


@click.group(cls=LazyGroup, table=_COMMANDS)
def rules() -> None:
    """List, check and test the Falco and Sigma rules of `crenel detect`. Without a PATH: Crenel's own.

    \b
    Examples:
      crenel rules list
      crenel rules check our-rules/
      crenel rules explain "Trail stopped or deleted"
    """  # noqa: D301


@click.command("list")
@_paths
@format_option("table", "json")
def list_(paths: tuple[Path, ...], style: str) -> None:
    """List the rules of files and folders, the worst first; without a PATH Crenel's own."""
    found = _rules(load_rules(paths))
    if style == "json":
        click.echo(json.dumps([_object(rule) for rule in found], indent=2))
        return
    for rule in sorted(found, key=lambda each: (-each.level.rank, each.name)):
        if not rule.silent:
            click.echo(f"{rule.level:<13}  {plain(rule.name)}")


@click.command()
@_paths
@click.option("--strict", is_flag=True, help="Warnings are errors.")
@format_option("text", "json", "github")
def check(paths: tuple[Path, ...], strict: bool, style: str) -> None:
    """Check rule files, or folders of them: every error with its place, and what is not for CloudTrail.

    Exit code 2 where there is an error: that rule would not run.
    """
    found = load_rules(paths)
    wrong = [Problem(error, "error") for error in found.errors]
    wrong += [Problem(error, "error" if strict else "warning") for error in (*found.warnings, *found.skipped)]
    wrong.sort(key=_place)
    checked = Checked(len(_rules(found)), tuple(wrong), ("rule", "rules"))
    tell(checked, style)


def _place(problem: Problem) -> tuple[str, int, int]:
    where = problem.error.where
    return (where.file, where.line, where.column) if where else ("", 0, 0)


@click.command()
@click.argument("name", metavar="RULE")
@_paths
@format_option("text", "json")
def explain(name: str, paths: tuple[Path, ...], style: str) -> None:
    """Say in plain English what a rule looks for, its SQL, and the columns of events that it reads.

    RULE is a rule's name or id; * stands for anything.
    """
    found = [rule for rule in _rules(load_rules(paths)) if _fits(rule, name)]
    if not found:
        known = [rule.name for rule in _rules(load_rules(paths))]
        raise UsageError(
            f'there is no rule "{name}".', suggestion=did_you_mean(name, known) or "See crenel rules list."
        )
    if style == "json":
        click.echo(json.dumps([_object(rule) for rule in found], indent=2))
        return
    for place, rule in enumerate(found):
        for line in ([""] if place else []) + list(_explained(rule)):
            click.echo(printable(line))


def _fits(rule: Detection | Correlation, name: str) -> bool:
    return rule.id == name or fnmatchcase(rule.name.lower(), name.lower())


def _explained(rule: Detection | Correlation) -> Iterator[str]:
    language = rule.language if isinstance(rule, Detection) else "sigma, a correlation"
    yield f"{rule.name}"
    yield f"{rule.level}, {language} ({rule.body.where})"
    if rule.description:
        yield f"\n{rule.description}"
    yield ""
    if isinstance(rule, Detection):
        yield "It speaks of events where"
        for sentence in listed(rule.condition):
            yield from sentence.lines(1)
        yield ""
        yield from labelled("reads", sorted(_columns(rule)))
        if unanchored([rule]):
            yield from labelled("costs", ["every event has to be read whole for it"])
        yield from labelled("SQL", [condition_sql(rule.condition)])
    else:
        yield _counted(rule)
        yield from labelled("rules", list(rule.rules))
    yield from labelled("tags", [", ".join(rule.tags)] if rule.tags else [])
    if rule.practices:
        yield from labelled("practices", [", ".join(map(str, rule.practices))])
    if rule.response:
        yield from labelled("what to do", [rule.response])
    yield from labelled("else", list(rule.false_positives))


def _counted(rule: Correlation) -> str:
    by = f", for the same {', '.join(rule.group_by)}" if rule.group_by else ""
    span = span_words(rule.span)
    if rule.kind == "first_seen":
        return (
            f"It looks for a value of {rule.field_name} that what these found has not had for {span}{by}; "
            "where their events do not go back so far, it knows nothing and crenel detect says so"
        )
    if rule.wanted is not None:
        wanted = rule.body.plain()["correlation"]["condition"]
        return f"It looks for what these found within {span}{by}: {wanted}"
    return f"It counts ({rule.kind}) what these found within {span}{by}: {rule.op} {rule.count:g}"


def _columns(rule: Detection) -> frozenset[str]:
    shown = [part.value for part in rule.output if isinstance(part, Shown)]
    return columns_read([rule.condition, *shown, *rule.fields.values()])


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path), metavar="[PATH]...")
@format_option("table", "json")
def coverage(paths: tuple[Path, ...], style: str) -> None:
    """Show how many rules run here, by level, practice and ATT&CK technique, and why the others do not."""
    found = load_rules(paths)
    running = [rule for rule in _rules(found) if not isinstance(rule, Detection) or rule.enabled]
    off = [rule for rule in found.detections if not rule.enabled]
    tags = [tag for rule in running for tag in rule.tags]
    counted: dict[str, Counter[str]] = {
        "level": Counter(str(rule.level) for rule in running),
        "technique": Counter(tag.removeprefix("attack.").upper() for tag in tags if _technique(tag)),
        "practice": Counter(str(each) for rule in running for each in rule.practices),
    }
    slow = [rule.name for rule in unanchored([rule for rule in found.detections if rule.enabled])]
    if style == "json":
        click.echo(json.dumps({
            "running": len(running), "disabled": [rule.name for rule in off],
            "errors": [str(each) for each in found.errors], "skipped": [str(each) for each in found.skipped],
            "read_every_event": slow, **counted,
        }, indent=2))  # fmt: skip
        return
    for error in (*found.errors, *found.skipped):
        click.echo(printable(str(error)))
    for heading, counts in counted.items():
        told = ", ".join(f"{word} {count}" for word, count in sorted(counts.items(), key=_by_word))
        click.echo(f"by {heading}: {told or 'none'}")
    if slow:
        click.echo(f"need every event whole: {', '.join(map(plain, slow))}")
    click.echo(f"{number(len(running), 'rule')} run, {len(off)} are disabled, "
               f"{len(found.skipped)} are for other sources, {number(len(found.errors), 'error')}")  # fmt: skip


def _by_word(pair: tuple[str, int]) -> tuple[int, str]:
    return (int(pair[0]) if pair[0].isdecimal() else 0, pair[0])


def _technique(tag: str) -> bool:
    return tag.startswith("attack.t") and tag[8:9].isdecimal()


def _rules(found: Rules) -> list[Detection | Correlation]:
    return [*found.detections, *found.correlations]


def _object(rule: Detection | Correlation) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": rule.id, "name": rule.name, "level": str(rule.level), "description": rule.description,
        "tags": list(rule.tags), "practices": list(rule.practices), "silent": rule.silent,
        "file": rule.body.where.file, "line": rule.body.where.line,
    }  # fmt: skip
    if isinstance(rule, Correlation):
        return told | {"language": "sigma", "correlates": list(rule.rules)}
    own = {"language": rule.language, "enabled": rule.enabled, "sql": condition_sql(rule.condition)}
    return told | own | {"columns": sorted(_columns(rule))}
