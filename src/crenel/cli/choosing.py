"""Options that choose among a snapshot's findings, held against what it has."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from fnmatch import fnmatchcase
from functools import reduce
from pathlib import Path
from typing import Any, TypeVar

import click
import duckdb

from crenel.errors import UsageError, nearest
from crenel.judge.choice import Choice
from crenel.judge.run import Judgement
from crenel.judge.stored import stored
from crenel.lake.snapshots import Damage, Lake, Snapshot
from crenel.model import GLOBAL, Severity, State

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--state",
        "states",
        type=click.Choice([each.value for each in State]),
        multiple=True,
        help="Only findings of this state. Repeatable.",
    ),
    click.option(
        "--severity", type=click.Choice([each.value for each in Severity]), help="Only this severity and above."
    ),
    click.option(
        "--policy", "policies", multiple=True, metavar="ID", help="Only this policy; * stands for anything. Repeatable."
    ),
    click.option("--account", "accounts", multiple=True, metavar="NUMBER", help="Only this account. Repeatable."),
    click.option("--region", "regions", multiple=True, metavar="REGION", help="Only this Region. Repeatable."),
    click.option(
        "--framework",
        "frameworks",
        multiple=True,
        metavar="ID",
        help="Only what decides a control of this framework, one that the scan was asked for. Repeatable.",
    ),
)


def choice_options(command: Decorated) -> Decorated:
    """Add the options that choose among findings: --state, --severity, --policy, --account, --region, --framework."""
    return reduce(lambda decorated, option: option(decorated), reversed(_OPTIONS), command)


def chosen(
    states: Sequence[str],
    severity: str | None,
    policies: Sequence[str],
    accounts: Sequence[str],
    regions: Sequence[str],
    frameworks: Sequence[str],
) -> Choice:
    """Return what the options choose."""
    return Choice(
        states=tuple(State(each) for each in states),
        severity=Severity(severity) if severity else None,
        policies=tuple(policies),
        accounts=tuple(accounts),
        regions=tuple(regions),
        frameworks=tuple(frameworks),
    )


@contextmanager
def opened(lake: Path, as_of: datetime | None, choice: Choice) -> Iterator[tuple[Snapshot, Judgement, list[Damage]]]:
    """Yield a snapshot with the chosen ones of its findings. Raises `LakeError`, and `UsageError` for a choice of what
    it does not have.
    """
    snapshot, damages = Lake(lake).latest(as_of)
    with tempfile.TemporaryDirectory(prefix="crenel-") as spill:
        if not choice.everything:
            whole = stored(snapshot, Choice(), spill=Path(spill))
            try:
                check_choice(choice, whole)
            finally:
                whole.close()
        judgement = stored(snapshot, choice, spill=Path(spill))
        try:
            yield snapshot, judgement, damages
        finally:
            judgement.close()


def check_choice(choice: Choice, judgement: Judgement) -> None:
    """Raise `UsageError` where a choice names what the snapshot does not have: it would be empty without a word.

    `judgement` has all of the snapshot's findings.
    """
    info = judgement.info
    policies = _words(judgement.connection, "SELECT DISTINCT policy FROM findings")
    for pattern in choice.policies:
        if not any(fnmatchcase(name, pattern) for name in policies):
            raise _unknown("policy", pattern, policies, info.id)
    for account in choice.accounts:
        if account not in (known := [each.id for each in info.accounts]):
            raise _unknown("account", account, known, info.id)
    regions = {GLOBAL, *info.regions, *(each.region for each in info.coverage)}
    for region in choice.regions:
        if region not in regions:
            raise _unknown("Region", region, sorted(regions), info.id)
    frameworks = _words(judgement.connection, "SELECT DISTINCT framework FROM controls")
    for framework in choice.frameworks:
        if framework not in frameworks:
            raise _unknown("framework", framework, frameworks, info.id)


def described(choice: Choice) -> str:
    """Return a choice in words, empty where it chooses nothing."""
    parts: list[tuple[list[str], str]] = [
        ([each.value for each in choice.states], "state"),
        ([f"{choice.severity} and above"] if choice.severity else [], "severity"),
        (list(choice.policies), "policy"),
        (list(choice.accounts), "account"),
        (list(choice.regions), "Region"),
        (list(choice.frameworks), "framework"),
    ]
    return "; ".join(f"{what} {', '.join(words)}" for words, what in parts if words)


def _words(connection: duckdb.DuckDBPyConnection, query: str) -> list[str]:
    return [word for (word,) in connection.execute(query).fetchall()]


def _unknown(what: str, word: str, known: Sequence[str], snapshot: str) -> UsageError:
    hint = nearest(word, known) or f"It was asked for no {what}."
    return UsageError(f"the snapshot {snapshot} has no {what} {word}.", suggestion=hint)
