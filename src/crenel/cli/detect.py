"""`crenel detect`: CloudTrail logs through Falco and Sigma rules."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TextIO

import click

from crenel.cli import silence
from crenel.cli.following import follow_logs, refuse
from crenel.cli.options import format_option, lake_option
from crenel.cli.output import STDOUT, check_output, output
from crenel.cli.reading import ReadingTold, complain, reach_options, source_options, sources, speed
from crenel.detect.engine import Reach
from crenel.detect.run import Options, Outcome
from crenel.detect.run import detect as use_case
from crenel.errors import UsageError
from crenel.lake.alerts import AlertStore
from crenel.model import Alert, Level
from crenel.positions import describe
from crenel.report.alerts import write_array, write_lines, write_ndjson
from crenel.report.text import number, plain, printable

FOUND, INCOMPLETE, UNUSABLE = 3, 4, 2
EVERY = 30.0  # seconds between two looks of --follow
NEVER = "none"
_SHOWN = 20  # faults, rules or principals that are told one by one

Write = Callable[[Iterable[Alert], TextIO], Iterator[Alert]]
_WRITERS: Mapping[str, Write] = {"table": write_lines, "ndjson": write_ndjson, "json": write_array}


@click.command()
@click.argument("logs", nargs=-1, metavar="[LOGS]...")
@click.option(
    "--rules",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    metavar="PATH",
    help="Falco or Sigma rules: a file, or a folder that is read whole. Repeatable. Default: Crenel's own.",
)
@reach_options
@source_options
@lake_option
@click.option("--first-match", is_flag=True, help="Of Falco's rules that match an event, the first alone speaks.")
@click.option(
    "--fail-on",
    type=click.Choice([*(each.value for each in Level), NEVER]),
    default=NEVER,
    show_default=True,
    help="Exit with 3 where there is an alert of this level or above.",
)
@format_option(*_WRITERS)
@click.option("--output", "target", default=STDOUT, metavar="FILE", show_default="standard output", help="Write there.")
@click.option("--keep", is_flag=True, help="Keep the alerts in the lake too, for the dashboard and crenel sql.")
@click.option("--follow", is_flag=True, help="Go on with new files as they come, until Ctrl-C.")
@click.option(
    "--every",
    type=click.FloatRange(min=0.1),
    metavar="SECONDS",
    show_default=f"{EVERY:g}",
    help="With --follow: how often to look for new files.",
)
@click.option("--quiet", is_flag=True, help="No progress and no summary on standard error.")
def detect(  # noqa: PLR0913 (the command line's options)
    *,
    logs: tuple[str, ...],
    rules: tuple[Path, ...],
    since: datetime | None,
    until: datetime | None,
    account: tuple[str, ...],
    region: tuple[str, ...],
    lookup_events: bool,
    profile: tuple[str, ...],
    lake: Path,
    first_match: bool,
    fail_on: str,
    style: str,
    target: str,
    keep: bool,
    follow: bool,
    every: float | None,
    quiet: bool,
) -> None:
    """Look through CloudTrail logs for what Falco and Sigma rules, or Crenel's own, say is worth an alert.

    LOGS are files, folders, globs and s3:// prefixes; without any, and without --lookup-events, the events in the lake
    (`crenel ingest`) are looked through. What can't be read is named, and the rest is not left out for it.

    \b
    Examples:
      crenel detect logs/                                       Crenel's own rules
      crenel detect --rules falco/ --rules sigma/ logs/*.json.gz
      crenel detect --since 2026-11-20 --fail-on high s3://our-trail/AWSLogs/
      crenel detect --since 2026-11-20                          what was taken in with crenel ingest
      crenel detect --lookup-events --since 2026-11-20          the account's own event history
      crenel detect --keep logs/                                and show them: crenel serve
      crenel detect --follow --output alerts.ndjson --format ndjson s3://our-trail/AWSLogs/
      crenel detect --format ndjson logs/ | jq 'select(.level == "critical")'

    \b
    Exit codes:
      0    done
      2    usage, or a rule that does not load (the others ran)
      3    an alert at or above --fail-on
      4    something in the logs could not be read, and no 3
      130  interrupted (that is how --follow ends: 0, 2 or 4)
    """  # noqa: D301
    check_output(target)
    reach = Reach(since, until, frozenset(account), frozenset(region))
    whose, lookup = sources(logs, profile, lookup_events=lookup_events, quiet=quiet)
    options = Options(logs, lake, rules, reach, first_match=first_match, profile=whose, lookup=lookup)
    if follow:
        if lookup:
            raise UsageError(
                "--follow follows files.", suggestion="Leave --lookup-events out: crenel detect once more."
            )
        if keep:
            raise UsageError(
                "--keep keeps the alerts of a run, and --follow has no end.",
                suggestion="Write them to a file: crenel serve --alerts shows it.",
            )
        refuse(logs, style, target, fail_on=fail_on, never=NEVER, until=until)
        context = click.get_current_context()
        context.exit(follow_logs(options, _WRITERS[style], target, EVERY if every is None else every, quiet=quiet))
    if every is not None:
        raise UsageError("--every is how often --follow looks.", suggestion="Add --follow, or leave it out.")
    with ExitStack() as stack:
        outcome = stack.enter_context(use_case(options, None if quiet else ReadingTold(sys.stderr)))
        told = _tell(outcome, style, target, stack.enter_context(AlertStore(lake).keeping()) if keep else None)
        _complain(outcome)
        if not quiet:
            _summarise(outcome, told)
    click.get_current_context().exit(exit_code(outcome, told, fail_on))


@dataclass(slots=True)
class Told:
    """Alerts, counted as they were written."""

    levels: Counter[Level] = field(default_factory=Counter)
    rules: Counter[tuple[Level, str]] = field(default_factory=Counter)
    principals: Counter[str] = field(default_factory=Counter)

    def add(self, alert: Alert) -> None:
        """Count one."""
        self.levels[alert.level] += 1
        self.rules[alert.level, alert.rule] += 1
        self.principals[alert.principal or "nobody named"] += 1


def exit_code(outcome: Outcome, told: Told, fail_on: str) -> int:
    """Return 3 for an alert at or above the level, else 2 for a rule that can't run, else 4 for a fault, else 0."""
    if fail_on != NEVER and any(level.rank >= Level(fail_on).rank for level in told.levels):
        return FOUND
    if outcome.rules.errors:
        return UNUSABLE
    return INCOMPLETE if outcome.faults else 0


def _tell(outcome: Outcome, style: str, target: str, keep: Callable[[Alert], None] | None) -> Told:
    told = Told()
    try:
        with output(target) as out:
            for alert in _WRITERS[style](outcome.alerts, out):
                told.add(alert)
                if keep is not None:
                    keep(alert)
    except BrokenPipeError:
        silence(sys.stdout)
    return told


def _complain(outcome: Outcome) -> None:
    """Say what did not load, what could not be known, and what could not be read."""
    for error in outcome.rules.errors:
        click.echo(printable(describe(error, "error")), err=True)
    for each in outcome.blind:
        click.echo(f"note: {printable(each.told)}", err=True)
    complain(outcome.faults)


def _summarise(outcome: Outcome, told: Told) -> None:
    """Say how much was looked through, and what was found by rule and by principal."""
    done = outcome.progress
    loud = [each for each in outcome.rules.detections if each.enabled]
    rules = len(loud) + len(outcome.rules.correlations)
    click.echo(
        f"\n{number(sum(told.levels.values()), 'alert')} of {number(rules, 'rule')} in {number(done.events, 'event')} "
        f"({number(done.files, 'file')}, {done.bytes / 1e6:,.0f} MB, {done.seconds:.1f} s, {speed(done)})",
        err=True,
    )
    for (level, rule), count in sorted(told.rules.items(), key=lambda each: (-each[0][0].rank, -each[1], each[0][1])):
        click.echo(f"  {count:>7,}  {level:<13}  {plain(rule)}", err=True)
    if told.principals:
        click.echo("  by principal:", err=True)
    for who, count in told.principals.most_common(_SHOWN):
        click.echo(f"  {count:>7,}  {plain(who)}", err=True)
    if outcome.faults:
        click.echo(f"{number(len(outcome.faults), 'fault')} in the logs: see above.", err=True)
