"""`crenel ingest`: the events of CloudTrail logs into the lake."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path

import click

from crenel.cli.options import lake_option
from crenel.cli.reading import ReadingTold, complain, reach_options, source_options, sources, speed
from crenel.detect.engine import Reach
from crenel.detect.ingest import ingest as use_case
from crenel.errors import UsageError
from crenel.report.text import number

INCOMPLETE = 4


@click.command()
@click.argument("logs", nargs=-1, metavar="[LOGS]...")
@reach_options
@source_options
@lake_option
@click.option("--quiet", is_flag=True, help="No progress and no summary on standard error.")
def ingest(  # noqa: PLR0913 (the command line's options)
    *,
    logs: tuple[str, ...],
    since: datetime | None,
    until: datetime | None,
    account: tuple[str, ...],
    region: tuple[str, ...],
    lookup_events: bool,
    profile: tuple[str, ...],
    lake: Path,
    quiet: bool,
) -> None:
    """Take the events of CloudTrail logs into the lake: each once, however often it is delivered or taken in.

    LOGS are files, folders, globs and s3:// prefixes. `crenel sql` asks the events in the table `events`; secrets that
    AWS's calls answer with are masked.

    \b
    Examples:
      crenel ingest logs/
      crenel ingest --lookup-events
      crenel sql "select time, eventName, userIdentity->>'$.arn' from events where eventSource = 'iam.amazonaws.com'"

    \b
    Exit codes:
      0    done
      2    usage
      4    something in the logs could not be read (the rest was taken in)
      130  interrupted; what was taken in stays, and a second run takes the rest
    """  # noqa: D301
    reach = Reach(since, until, frozenset(account), frozenset(region))
    if not logs and not lookup_events:
        raise UsageError("there is nothing to take in.", suggestion="Name LOGS, or use --lookup-events.")
    whose, lookup = sources(logs, profile, lookup_events=lookup_events, quiet=quiet)
    watch = None if quiet else ReadingTold(sys.stderr)
    taken = use_case(logs, lake, reach, watch, profile=whose, lookup=lookup)
    complain(taken.faults)
    done = taken.progress
    if not quiet:
        read = f"{number(done.events, 'event')} in {number(done.files, 'file')}"
        click.echo(f"{taken.new:,} new of {read}, {done.seconds:.1f} s, {speed(done)}", err=True)
    click.get_current_context().exit(INCOMPLETE if taken.faults else 0)
