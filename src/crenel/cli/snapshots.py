"""`crenel snapshots`: what the lake holds."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from crenel.cli.listing import print_columns
from crenel.cli.options import default_lake, lake_option
from crenel.lake.snapshots import Lake, Snapshot
from crenel.report.text import plain


@click.group()
def snapshots() -> None:
    """List what earlier scans have stored.

    \b
    Example:
      crenel snapshots list
    """  # noqa: D301


@snapshots.command("list")
@lake_option
def list_(lake: Path) -> None:
    """List the snapshots, the oldest first; damaged ones by name, with what is wrong with them.

    \b
    Examples:
      crenel snapshots list
      crenel scan --as-of 2026-11-20            judge one of them again
      crenel sql --as-of 2026-11-20 "select count(*) from s3"
    """  # noqa: D301
    good, bad = Lake(lake).all()
    if good:
        print_columns(("SNAPSHOT", "BEGUN (UTC)", "ACCOUNTS", "REGIONS", "COMPLETE"), [_row(each) for each in good])
    elif not bad:
        click.echo(f"There is no snapshot in {lake}. Make one: crenel scan")
    for damage in bad:
        click.echo(f"Damaged, not used: {plain(damage.id)}: {plain(damage.reason)}")
    where = "" if lake == default_lake() else f" --lake {shlex.quote(str(lake))}"
    for folder in Lake(lake).unfinished():
        click.echo(
            f"Not finished, or running: {plain(folder.name)}. Go on with the newest: crenel scan --resume{where}"
        )


def _row(snapshot: Snapshot) -> tuple[str, ...]:
    info = snapshot.info
    accounts = ", ".join(account.id for account in info.accounts)
    complete = "yes" if info.complete else "no"
    return info.id, f"{info.started_at:%Y-%m-%d %H:%M:%S}", accounts, str(len(info.regions)), complete
