"""`crenel baseline`: the account-level practices of a new account, all at once."""

from __future__ import annotations

from collections.abc import Mapping

import click

from crenel.cli import LazyGroup

_COMMANDS: Mapping[str, tuple[str, str, str]] = {
    "plan": ("crenel.cli.baseline_plan", "plan", "Write down the steps that put an account's own settings right."),
}


@click.group(cls=LazyGroup, table=_COMMANDS)
def baseline() -> None:
    """Right from the start: password policy, public access, trail, Config, encryption, GuardDuty, networks.

    \b
    Examples:
      crenel scan --for-fixes --region all
      crenel baseline plan --out baseline.json
      crenel fix apply baseline.json
    """  # noqa: D301
