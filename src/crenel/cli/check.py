"""`crenel policies check`: every error in policy files, found without a call."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import click

from crenel.catalog.load import catalog
from crenel.cli.options import format_option, variables_option
from crenel.errors import PolicyError
from crenel.model import Standard
from crenel.policies.compile import PolicyCompiler, place_of
from crenel.policies.custodian_names import custodian_names
from crenel.policies.facts import facts
from crenel.policies.values.sources import unfetched
from crenel.policies.written.load import load_variables, policy_files, read_policies
from crenel.policies.written.model import Policy
from crenel.positions import describe
from crenel.positions.shown import lines_in
from crenel.remediate.actions import Actions, read_actions
from crenel.report.text import number, printable

Severity = Literal["error", "warning", "note"]
_NOTES = ("event-mode", "unsupported-action")  # right as they are, and not for here
_GITHUB = {"error": "error", "warning": "warning", "note": "notice"}


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="PATH...")
@variables_option
@click.option("--strict", is_flag=True, help="Warnings are errors.")
@format_option("text", "json", "github")
def check(paths: tuple[Path, ...], variables_file: Path | None, strict: bool, style: str) -> None:
    """Check policy files, or folders of them: load and compile each for every standard, without any call.

    A folder is read whole, with the folders in it: all .yml, .yaml and .json files that are not hidden. Prints every
    problem with file, line and column, and the words underlined. Exit code 2 where there is an error.

    \b
    Examples:
      crenel policies check our-policies/
      crenel policies check s3.yaml iam.yaml --strict
      crenel policies check our-policies/ --format github
    """  # noqa: D301
    variables = load_variables(variables_file) if variables_file else None
    with uncollected():
        checked = check_files(paths, variables=variables, strict=strict)
    tell(checked, style)


def tell(checked: Checked, style: str) -> None:
    """Print what a check found, in a format of the command; exit with 2 where there is an error."""
    failed = bool(checked.count("error"))
    if style == "json":
        click.echo(as_json(checked))
    elif style == "github":
        for line in as_github(checked):
            click.echo(line)
    else:
        for text in as_text(checked):
            click.echo(text, err=True)
        click.echo(checked.summary, err=failed)
    if failed:
        click.get_current_context().exit(2)


@contextmanager
def uncollected() -> Iterator[None]:
    """Keep Python from looking for circles among the many values of a check, which has none: a third less time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and in which policy, where it lies in one."""

    error: PolicyError
    severity: Severity
    policy: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found: problems by file, and there from top to bottom. `what` was checked, one and many."""

    number: int
    problems: tuple[Problem, ...]
    what: tuple[str, str] = ("policy", "policies")

    def count(self, severity: Severity) -> int:
        """Return how many problems are of a severity."""
        return sum(problem.severity == severity for problem in self.problems)

    @property
    def summary(self) -> str:
        """How many policies there are and how many problems, in words."""
        errors = self.count("error")
        told = [number(self.number, *self.what), number(errors, "error") if errors else "no errors"]
        rest: tuple[Severity, ...] = ("warning", "note")
        return ", ".join([*told, *(number(self.count(each), each) for each in rest if self.count(each))])


def check_files(paths: Sequence[Path], *, variables: Mapping[str, Any] | None = None, strict: bool = False) -> Checked:
    """Load and compile the policies of files and folders for every standard, in Cloud Custodian's reading.

    What Custodian would take without a word though it can't be meant is an error too. `variables` fill the files' texts
    first; `strict` makes warnings errors, and leaves notes. Raises `UsageError` where a path names nothing.
    """
    compilers = [PolicyCompiler(catalog(), facts(), standard, values_from=unfetched) for standard in Standard]
    count = 0
    problems: list[Problem] = []
    names: dict[str, Policy] = {}
    for path in dict.fromkeys(policy_files(paths)):
        found = read_policies(path, variables=variables)
        count += len(found.policies) + len(found.unread)
        here = [Problem(error, "error") for error in found.faults]
        here += [Problem(warning, "warning") for warning in found.warnings]
        here += [Problem(error, "error", each.word("name")) for each in found.unread for error in each.errors]
        for policy in found.policies:
            here += _problems(policy, compilers)
            other = names.setdefault(policy.name, policy)
            if other is not policy:
                text = f'the policy "{policy.name}" stands in {other.body.where} already.'
                here.append(Problem(policy.body.error(text, code="duplicate-policy"), "error", policy.name))
        problems += sorted(here, key=lambda problem: place_of(problem.error))
    return Checked(count, tuple(_strictly(problem) for problem in problems) if strict else tuple(problems))


def _strictly(problem: Problem) -> Problem:
    return replace(problem, severity="error") if problem.severity == "warning" else problem


def _problems(policy: Policy, compilers: Sequence[PolicyCompiler]) -> list[Problem]:
    """Return the policy's problems; one that it has under every standard once."""
    found: dict[tuple[str, str], Problem] = {}
    for compiler in compilers if policy.params else compilers[:1]:
        mistakes = compiler.check(policy)
        kind = compiler.catalog.get(policy.resource)
        actions = read_actions(kind.reported_as, policy.actions, custodian_names().actions) if kind else Actions()
        mistakes.errors += actions.errors
        mistakes.warnings += actions.unsupported
        here = [Problem(error, "error", policy.name) for error in mistakes.errors]
        here += [
            Problem(error, "note" if error.code in _NOTES else "warning", policy.name) for error in mistakes.warnings
        ]
        found |= {(str(problem.error.where), problem.error.message): problem for problem in here}
    return list(found.values())


# --- how they are told


def as_text(checked: Checked) -> Iterator[str]:
    """Yield each problem as `file:line:column: error: …`, with the line and the words underlined."""
    lines = lru_cache(maxsize=8)(lines_in)
    for problem in checked.problems:
        yield printable(describe(problem.error, problem.severity, lines))


def as_json(checked: Checked) -> str:
    """Return the problems for machines; `end_line` and `end_column` are those behind the last character."""
    found = {
        checked.what[1]: checked.number,
        "errors": checked.count("error"),
        "warnings": checked.count("warning"),
        "notes": checked.count("note"),
        "problems": [_object(problem) for problem in checked.problems],
    }
    return json.dumps(found, indent=2)


def _object(problem: Problem) -> dict[str, Any]:
    where = problem.error.where
    end_line, end_column = where.until if where else (None, None)
    return {
        "file": where.file if where else None,
        "line": where.line if where else None,
        "column": where.column if where else None,
        "end_line": end_line,
        "end_column": end_column,
        "severity": problem.severity,
        "code": problem.error.code,
        "message": problem.error.message,
        "suggestion": problem.error.suggestion,
        "policy": problem.policy or None,
    }


def as_github(checked: Checked) -> Iterator[str]:
    """Yield the problems as commands of GitHub's workflows, which shows them beside the lines.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
    """
    for problem in checked.problems:
        where = problem.error.where
        words = [("title", problem.error.code)]
        if where is not None:
            words += [("file", where.file), ("line", str(where.line)), ("col", str(where.column))]
            words += [("endLine", str(where.until[0])), ("endColumn", str(where.until[1]))]
        told = ",".join(f"{key}={_escaped(value, ':,')}" for key, value in words)
        message = f"{problem.error.message} {problem.error.suggestion}".rstrip()
        yield f"::{_GITHUB[problem.severity]} {told}::{_escaped(message)}"


def _escaped(text: str, more: str = "") -> str:
    return "".join(f"%{ord(letter):02X}" if letter in f"%\r\n{more}" else letter for letter in text)
