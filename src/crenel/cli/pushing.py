"""`crenel report --push`: what would be sent to Security Hub is shown, asked for, and sent."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from crenel.cli.choosing import opened
from crenel.collect.session import Target, open_profiles
from crenel.errors import UsageError
from crenel.hub.planning import STATES, Parcel, planned
from crenel.hub.remembered import Hub, remembered
from crenel.hub.sending import Sent, problem_of, send
from crenel.judge.choice import Choice
from crenel.report.asked import asked
from crenel.report.model import Report
from crenel.report.text import number, plain


def push(choice: Choice, lake: Path, profiles: Sequence[str], *, yes: bool, dry_run: bool) -> None:
    """Show what Security Hub would be told, ask, and tell it. Raises `UsageError` where something was not taken."""
    choice = choice if choice.states else replace(choice, states=STATES)
    asks = not yes and not dry_run
    if asks and not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask on.", suggestion="--yes sends it without asking.")
    with ExitStack() as stack:
        snapshot, judgement, _ = stack.enter_context(opened(lake, None, choice))
        _, whole, _ = stack.enter_context(opened(lake, None, Choice()))
        report = Report(snapshot.info, judgement, asked(judgement.connection))
        parcels = [each for each in planned(report, whole, remembered(lake)) if not each.empty or each.same]
        targets: Mapping[str, Target] = {}
        problems: Mapping[Hub, str] = {}
        if not dry_run and any(not parcel.empty for parcel in parcels):
            targets = _targets(profiles, stack)
            problems = _problems(parcels, targets)
        _show(parcels, problems)
        todo = [parcel for parcel in parcels if not parcel.empty and parcel.hub not in problems]
        if dry_run or not todo:
            click.echo("Nothing was sent." if dry_run or problems else "There is nothing to send.")
            _raise_for(problems)
            return
        total = sum(parcel.size for parcel in todo)
        if asks and not click.confirm(f"Send {number(total, 'finding')} to {number(len(todo), 'hub')}?"):
            click.echo("Nothing was sent.")
            return
        now = datetime.now(UTC)
        sent = [send(report, parcel, targets[parcel.hub.account], lake, now) for parcel in todo]
    _tell(sent)
    _raise_for(problems, sum(each.refused for each in sent))


def _targets(profiles: Sequence[str], stack: ExitStack) -> Mapping[str, Target]:
    found, failures = open_profiles(profiles)
    for target in found:
        stack.callback(target.close)
    for profile, failure in failures.items():
        click.echo(f"The profile {plain(profile)} can't be used: {plain(str(failure))}", err=True)
    return {target.account.id: target for target in found}


def _problems(parcels: Sequence[Parcel], targets: Mapping[str, Target]) -> Mapping[Hub, str]:
    """Return which hubs can't be told, and why."""
    found = {}
    for parcel in parcels:
        if parcel.empty:
            continue
        target = targets.get(parcel.hub.account)
        if target is None:
            found[parcel.hub] = "no credentials for this account; give a profile of it with --profile"
        elif problem := problem_of(parcel.hub, target):
            found[parcel.hub] = problem
    return found


def _show(parcels: Sequence[Parcel], problems: Mapping[Hub, str]) -> None:
    for parcel in parcels:
        parts = [
            f"{len(parcel.new):,} new",
            f"{len(parcel.changed):,} changed",
            f"{len(parcel.gone):,} to archive",
            f"{parcel.same:,} as before",
        ]
        problem = problems.get(parcel.hub)
        click.echo(f"{parcel.hub}: {', '.join(parts)}" + (f". NOT SENT: {plain(problem)}" if problem else ""))


def _tell(sent: Sequence[Sent]) -> None:
    for each in sent:
        line = f"{each.hub}: {each.taken:,} taken, {each.archived:,} archived"
        click.echo(line + (f", {each.refused:,} refused" if each.refused else ""))
        for reason in each.reasons:
            click.echo(f"    {plain(reason)}")


def _raise_for(problems: Mapping[Hub, str], refused: int = 0) -> None:
    parts = [f"{number(refused, 'finding was', 'findings were')} refused"] if refused else []
    parts += [f"{number(len(problems), 'hub was', 'hubs were')} not told"] if problems else []
    if parts:
        hint = "Say the same again: what was taken is not sent twice."
        if problems and not refused:
            hint = "Turn Security Hub on there, give credentials, or choose with --account and --region."
        raise UsageError(f"{' and '.join(parts)}.", suggestion=hint)
