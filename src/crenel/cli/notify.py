"""`crenel notify`: tell others what is new or worse since the scan before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from textwrap import indent

import click

from crenel.cli.options import as_of_option, lake_option
from crenel.errors import UsageError
from crenel.notify.load import load_targets
from crenel.notify.model import Target
from crenel.notify.use_cases import Told, drafts, tell
from crenel.report.text import number, plain, printable


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@lake_option
@as_of_option
@click.option("--dry-run", is_flag=True, help="Print what each would be told, and send nothing.")
@click.option("--again", is_flag=True, help="Tell also those that were told of this scan already.")
def notify(file: Path, *, lake: Path, as_of: datetime | None, dry_run: bool, again: bool) -> None:
    """Tell others what is new or worse since the scan before: by webhook, Slack, SNS or mail.

    FILE says who is told of what. The last scan is compared with the one before it; where nothing of what somebody
    asked for is new, nothing is sent, and nobody is told of a scan twice.

    \b
    Exit codes: 0 done; 2 something could not be sent.

    \b
    Examples:
      crenel notify notify.yml --dry-run
      crenel notify notify.yml
      crenel scan --notify notify.yml        right after a scan
    """  # noqa: D301
    targets = load_targets(file)
    if dry_run:
        for target, text in drafts(targets, lake, as_of):
            click.echo(f"{plain(target.name)}: {'this would be sent:' if text else 'nothing new'}")
            if text:
                click.echo(indent(printable(text), "    "))
        return
    tell_all(targets, lake, as_of, again=again)


def tell_all(targets: Sequence[Target], lake: Path, as_of: datetime | None = None, *, again: bool = False) -> None:
    """Tell each target, and say on standard error what became of it. Raises `UsageError` where one was not told."""
    failed = 0
    for told in tell(targets, lake, as_of, again=again):
        detail = f": {plain(told.detail)}" if told.detail else ""
        click.echo(f"{plain(told.target.name)}: {told.outcome}{detail}", err=True)
        failed += told.outcome == Told.FAILED
    if failed:
        raise UsageError(
            f"{number(failed, 'target was', 'targets were')} not told.",
            suggestion="Say the same again: those that were told are not told twice.",
        )
