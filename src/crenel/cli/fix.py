"""`crenel fix`: plan repairs, apply them, take them back."""

from __future__ import annotations

from collections.abc import Mapping

import click

from crenel.cli import LazyGroup

_COMMANDS: Mapping[str, tuple[str, str, str]] = {
    "plan": ("crenel.cli.fix_plan", "plan", "Write down the steps that close what fails, without a call."),
    "apply": ("crenel.cli.fix_apply", "apply", "Do a plan's automatic steps, after showing it and asking."),
    "undo": ("crenel.cli.fix_undo", "undo", "Take back what a run did, its last step first."),
    "history": ("crenel.cli.fix_history", "history", "List which plans were applied, and what became of each step."),
}


@click.group(cls=LazyGroup, table=_COMMANDS)
def fix() -> None:
    """Close gaps: a plan to review, its steps, and the way back.

    \b
    Examples:
      crenel fix plan
      crenel fix plan --policy ebs-snapshot-not-public --out plan.json
      crenel fix apply plan.json
      crenel fix undo
    """  # noqa: D301
