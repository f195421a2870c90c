"""`crenel report`: the findings of a scan in any format, and into AWS Security Hub."""

from __future__ import annotations

import shlex
from datetime import datetime
from pathlib import Path

import click

from crenel.cli.choosing import choice_options, chosen, described, opened
from crenel.cli.options import as_of_option, default_lake, format_option, lake_option
from crenel.cli.output import STDOUT, check_output, output_option, warn_of_damage
from crenel.cli.pushing import push
from crenel.cli.scan import write_report
from crenel.errors import UsageError
from crenel.report.asked import asked
from crenel.report.formats import FORMATS
from crenel.report.model import Report

SECURITY_HUB = "security-hub"


@click.command()
@format_option(*FORMATS)
@output_option
@choice_options
@lake_option
@as_of_option
@click.option(
    "--push",
    "hub",
    type=click.Choice([SECURITY_HUB]),
    help="Instead: send what fails there, as far as it has changed since the last time, after showing it and asking.",
)
@click.option(
    "--profile", multiple=True, metavar="NAME", help="With --push: an AWS profile; each is an account. Repeatable."
)
@click.option("--yes", is_flag=True, help="With --push: send it without asking.")
@click.option("--dry-run", is_flag=True, help="With --push: show what would be sent, and make no call.")
@click.option("--quiet", is_flag=True, help="Nothing on standard error but errors.")
def report(  # noqa: PLR0913 (the command line's options)
    *,
    style: str,
    target: str,
    states: tuple[str, ...],
    severity: str | None,
    policies: tuple[str, ...],
    accounts: tuple[str, ...],
    regions: tuple[str, ...],
    frameworks: tuple[str, ...],
    lake: Path,
    as_of: datetime | None,
    hub: str | None,
    profile: tuple[str, ...],
    yes: bool,
    dry_run: bool,
    quiet: bool,
) -> None:
    """Write the findings of the last scan, without a call and without judging again.

    They are as the scan left them, waivers and frameworks included. To judge the snapshot by other policies, say
    `crenel scan --offline`.

    \b
    Examples:
      crenel report                                        what the scan printed
      crenel report --format markdown > summary.md         for a pull request
      crenel report --format junit --output junit.xml      for a CI system
      crenel report --format sarif --state FAIL --output crenel.sarif
      crenel report --format csv --severity high --account 111122223333
      crenel report --push security-hub --dry-run
      crenel report --push security-hub --profile audit
    """  # noqa: D301
    choice = chosen(states, severity, policies, accounts, regions, frameworks)
    if hub is not None:
        if as_of is not None:
            raise UsageError("--push tells of the last scan: --as-of can't be with it.")
        if target != STDOUT or style != "table":
            raise UsageError("--push writes no report.", suggestion="Leave --format and --output out, or push later.")
        push(choice, lake, profile, yes=yes, dry_run=dry_run)
        return
    if profile or yes or dry_run:
        raise UsageError("--profile, --yes and --dry-run are for --push.", suggestion="--push security-hub sends.")
    check_output(target)
    with opened(lake, as_of, choice) as (snapshot, judgement, damages):
        for damage in damages if style != "table" else ():
            warn_of_damage(damage)
        if not choice.everything and not quiet:
            click.echo(f"Only {described(choice)}.", err=True)
        words = ["crenel", "report", *_again(lake, as_of)]
        made = Report(snapshot.info, judgement, asked(judgement.connection), damages, again=shlex.join(words))
        write_report(made, style, target, quiet=quiet)


def _again(lake: Path, as_of: datetime | None) -> list[str]:
    words = [] if lake == default_lake() else ["--lake", str(lake)]
    return words + (["--as-of", f"{as_of:%Y-%m-%dT%H:%M:%S}"] if as_of else [])
