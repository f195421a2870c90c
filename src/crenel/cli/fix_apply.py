"""`crenel fix apply`: do a plan's automatic steps."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from crenel.cli.options import lake_option
from crenel.errors import UsageError
from crenel.remediate.apply import Applied, Event
from crenel.remediate.model import Plan, Step
from crenel.remediate.planfile import from_file
from crenel.remediate.runs import Run
from crenel.remediate.use_cases import (
    MOST_CHANGES,
    Limits,
    Sent,
    Talk,
    apply_plan,
    check_limits,
    chosen,
    opened,
    sketched,
)
from crenel.report.plans import write
from crenel.report.text import number, plain

STOPPED = 5  # the exit code of a repair that was refused or stopped, or not wholly taken back
profile_option = click.option(
    "--profile", multiple=True, metavar="NAME", help="An AWS profile; each is an account. Repeatable."
)
yes_option = click.option("--yes", is_flag=True, help="Do it without asking.")
dry_option = click.option("--dry-run", is_flag=True, help="Print the calls as they would be sent, and send none.")


@click.command()
@click.argument("file", metavar="PLAN", type=click.Path(path_type=Path))
@click.option("--step", "steps", multiple=True, metavar="ID", help="Only this step of the plan. Repeatable.")
@click.option(
    "--only",
    multiple=True,
    metavar="PATTERN",
    help="Only steps with this policy, act, resource, account or Region; * stands for anything. Repeatable.",
)
@profile_option
@click.option(
    "--max-changes",
    type=click.IntRange(min=1),
    default=MOST_CHANGES,
    show_default=True,
    help="Refuse to begin where more steps than this are to be done.",
)
@click.option(
    "--canary",
    type=click.IntRange(min=1),
    metavar="N",
    help="After N changes read them once more, and ask whether to go on (with --yes: go on).",
)
@click.option("--allow-irreversible", is_flag=True, help="Do also steps that can't be taken back.")
@yes_option
@dry_option
@lake_option
def apply(  # noqa: PLR0913 (the command line's options)
    *,
    file: Path,
    steps: tuple[str, ...],
    only: tuple[str, ...],
    profile: tuple[str, ...],
    max_changes: int,
    canary: int | None,
    allow_irreversible: bool,
    yes: bool,
    dry_run: bool,
    lake: Path,
) -> None:
    """Do the automatic steps of a plan, after showing it and asking.

    Each step is read first: what is done already is skipped, what is no longer as the plan saw it is refused. The
    state before goes into a journal before each call. It stops at the first surprise; applied again, it goes on where
    it stopped. What it did is taken back by `crenel fix undo`.

    \b
    Exit codes: 0 all is done; 2 it can't begin; 5 it stopped.

    \b
    Examples:
      crenel fix apply plan.json --dry-run
      crenel fix apply plan.json --profile admin
      crenel fix apply plan.json --only 'vpc-*' --canary 1
    """  # noqa: D301
    plan = from_file(file)
    todo = chosen(plan, steps, only)
    if dry_run:
        print_calls(sketched(todo, next(iter(profile), "")))
        return
    limits = Limits(max_changes, canary or 0, allow_irreversible)
    code = show_and_apply(plan, todo, lake, profile, limits, yes=yes, how=f"crenel fix apply {file}")
    click.get_current_context().exit(code)


def show_and_apply(
    plan: Plan, steps: Sequence[Step], lake: Path, profiles: Sequence[str], limits: Limits, *, yes: bool, how: str
) -> int:
    """Show a plan, ask, apply it, and say what was done; return the exit code. `how` is the command that goes on.

    Raises `UsageError` where it can't begin.
    """
    if not steps:
        click.echo("There is no automatic step to apply.")
        return 0
    check_limits(steps, limits)
    asks = not yes
    if asks and not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask on.", suggestion="--yes applies the plan without asking.")
    with opened([step.account for step in steps], profiles) as targets:
        write(Plan(plan.id, plan.made_at, plan.snapshot, tuple(steps)), sys.stdout)
        click.echo()
        accounts = ", ".join(sorted({step.account for step in steps}))
        if asks and not click.confirm(f"Do {number(len(steps), 'step')} in {accounts}?"):
            click.echo("Nothing was done.")
            return STOPPED
        try:
            talk = Talk(_begun, _tell, lambda: yes or _again(limits))
            run, applied = apply_plan(plan, steps, lake, targets, limits, talk)
        except KeyboardInterrupt:
            click.echo(
                "\nInterrupted. What was done stands in `crenel fix history`; applied again, it goes on.", err=True
            )
            raise
    return _conclude(run, applied, steps, how)


def print_calls(calls: Iterable[Sent]) -> None:
    """Print calls as they would be sent."""
    for call in calls:
        click.echo(f"{plain(call.step)}  {plain(call.title)}")
        click.echo(f"   {call.service}:{call.operation} {json.dumps(call.params)}")
        if call.sketch is None:
            click.echo("   its parameters depend on what an earlier step will have made")
            continue
        click.echo(f"   {call.sketch.method} {plain(call.sketch.url)}")
        if call.sketch.body:
            click.echo(f"   {plain(call.sketch.body)}")


def _begun(run: Run, goes_on: bool) -> None:
    click.echo(f"Run {run.id}{', which goes on where it was cut off' if goes_on else ''}.")


def _again(limits: Limits) -> bool:
    done = number(limits.canary, "change is", "changes are")
    return click.confirm(f"{done} done and still there. Go on?")


def _tell(event: Event) -> None:
    detail = f" ({event.detail})" if event.detail else ""
    click.echo(f"{plain(event.step.id):>3}  {event.word:<8} {plain(event.step.title)}{detail}")


def _conclude(run: Run, applied: Applied, steps: Sequence[Step], how: str) -> int:
    """Say what was done, what was not, and how to go on and to go back; return the exit code."""
    done = [*applied.applied, *applied.skipped]
    rest = [step.id for step in steps if step.id not in done]
    if applied.stopped is not None:
        step = applied.stopped
        click.echo(f"\nStopped at step {plain(step.id)}, {plain(step.title)}: {plain(applied.reason)}")
        for line in applied.lines:
            click.echo(f"     {plain(line)}")
        click.echo(
            "Its call was or may have been sent. The state before is in the journal."
            if applied.begun
            else "Nothing of it was changed."
        )
    click.echo(
        f"\n{number(len(applied.applied), 'step')} applied, {len(applied.skipped):,} skipped"
        + (f", {len(rest):,} not done: {', '.join(rest)}." if rest else ".")
    )
    if rest:
        click.echo(f"Go on:     {how}")
    if applied.applied or applied.begun:
        click.echo(f"Take back: crenel fix undo {run.id}")
    return STOPPED if applied.stopped is not None or rest else 0
