"""`crenel fix undo`: take back what a run did."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from crenel.cli.fix_apply import STOPPED, dry_option, print_calls, profile_option, yes_option
from crenel.cli.options import lake_option
from crenel.errors import UsageError
from crenel.remediate.journal import Progress
from crenel.remediate.load import acts
from crenel.remediate.model import Undoing
from crenel.remediate.runs import Run
from crenel.remediate.templates import told
from crenel.remediate.undo import Undone
from crenel.remediate.use_cases import chosen_run, opened, sketched_undo, undo_run
from crenel.report.text import number, plain


@click.command()
@click.argument("run", required=False, default="")
@click.option("--step", "steps", multiple=True, metavar="ID", help="Only this step of the run. Repeatable.")
@click.option("--force", is_flag=True, help="Take back also what somebody else has changed since.")
@profile_option
@yes_option
@dry_option
@lake_option
def undo(
    *,
    run: str,
    steps: tuple[str, ...],
    force: bool,
    profile: tuple[str, ...],
    yes: bool,
    dry_run: bool,
    lake: Path,
) -> None:
    """Take back what a run did (default: the last one that changed something), its last step first.

    Each resource is read first. What somebody else has changed since is shown and left, unless --force stands there;
    what is as before already is seen to be. Undone again, it goes on with what was left.

    \b
    Exit codes: 0 all is as before; 2 it can't begin; 5 something was left.

    \b
    Examples:
      crenel fix undo
      crenel fix undo 20261125T131500Z-3f2a1b --step 2
      crenel fix undo --dry-run
    """  # noqa: D301
    found, todo = chosen_run(lake, run, steps)
    if not todo:
        click.echo(f"The run {found.id} has left nothing to take back.")
        return
    if dry_run:
        print_calls(sketched_undo(todo, next(iter(profile), "")))
        return
    if not yes and not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask on.", suggestion="--yes takes the run back without asking.")
    with opened([step.args["account"] for step in todo], profile) as targets:
        _show(found, todo)
        if not yes and not click.confirm(f"Take back {number(len(todo), 'step')}?"):
            click.echo("Nothing was done.")
            click.get_current_context().exit(STOPPED)
        result = undo_run(found, [step.step for step in todo], lake, targets, force=force, watch=_tell)
    click.get_current_context().exit(_conclude(found, result))


def _show(run: Run, steps: Sequence[Progress]) -> None:
    click.echo(f"Run {run.id}, to be taken back:")
    for step in steps:
        act = acts().get(step.act)
        click.echo(f"{plain(step.step):>3}  {plain(step.title)}")
        if act is not None and act.undoing is not Undoing.YES:
            click.echo(f"     undo: {act.undoing.value}. Lost: {plain(told(act.lost, {'args': step.args}))}")
    click.echo()


def _tell(step: Progress, word: str) -> None:
    words = {"undone": "taken back", "already": "is as before", "left": "left"}
    click.echo(f"{plain(step.step):>3}  {words[word]:<12} {plain(step.title)}")


def _conclude(run: Run, result: Undone) -> int:
    for left in result.left:
        click.echo(f"\nStep {plain(left.step.step)} was left: {plain(left.reason)}")
        for line in left.lines:
            click.echo(f"     {plain(line)}")
    counts = f"{number(len(result.undone), 'step')} taken back, {len(result.already):,} as before already"
    click.echo(f"\n{counts}{f', {len(result.left):,} left' if result.left else ''}.")
    if result.left:
        click.echo(f"Try again: crenel fix undo {run.id}   (--force takes back what others changed, too)")
    return STOPPED if result.left else 0
