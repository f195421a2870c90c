"""`crenel detect --follow`: what is asked of its options, what it says, and how it ends."""

from __future__ import annotations

import sys
from collections import Counter
from datetime import datetime
from pathlib import Path

import click

from crenel.cli import ENGINE_INTERRUPTED
from crenel.cli.output import STDOUT
from crenel.cli.reading import ReadingTold
from crenel.detect.delivery import Deliver, ToFile, ToStream, Write
from crenel.detect.follow import Follower, follow, following
from crenel.detect.progress import Progress
from crenel.detect.run import Options
from crenel.errors import UsageError
from crenel.logs import is_remote
from crenel.model import Alert, Level
from crenel.positions import describe
from crenel.report.text import number, printable

UNUSABLE, INCOMPLETE = 2, 4


def refuse(logs: tuple[str, ...], style: str, target: str, *, fail_on: str, never: str, until: datetime | None) -> None:
    """Raise `UsageError` for what makes no sense with --follow."""
    if not logs:
        raise UsageError("--follow needs to know what to follow.", suggestion="Name a folder, or s3://bucket/prefix.")
    if style == "json":
        raise UsageError("--format json is one array, and --follow has no end.", suggestion="Use --format ndjson.")
    if fail_on != never:
        raise UsageError("--fail-on makes an exit code, and --follow has no end.", suggestion="Alerts have a level.")
    if until is not None:
        raise UsageError("--until names an end, and --follow has none.", suggestion="Leave one of them out.")
    for place in () if target == STDOUT else logs:
        if not is_remote(place) and Path(target).resolve().is_relative_to(Path(place).resolve()):
            raise UsageError(
                f"--output {target} lies in {place}, and would be read as a log.", suggestion="Write it elsewhere."
            )


def follow_logs(options: Options, write: Write, target: str, every: float, *, quiet: bool) -> int:
    """Follow logs until Ctrl-C or a polite kill; return the exit code.

    2 for a rule that does not load (the others run), 4 where something could not be read, else 0.
    """
    with following(options, _say, None if quiet else ReadingTold(sys.stderr)) as follower:
        for error in follower.rules.errors:
            click.echo(printable(describe(error, "error")), err=True)
        if not quiet:
            where = ", ".join(options.logs)
            _say(f"Following {where}, every {every:g} s; the state is {follower.remembered.folder}. Ctrl-C ends it.")
        after = _Passes(follower, quiet=quiet)
        try:
            follow(follower, _deliver(write, target), every, after.told, after)
        except KeyboardInterrupt:
            after.end()
        except RuntimeError as error:
            if str(error) != ENGINE_INTERRUPTED:
                raise
            after.end()
        if follower.rules.errors:
            return UNUSABLE
        return INCOMPLETE if follower.faulty else 0


def _deliver(write: Write, target: str) -> Deliver:
    path = Path(target)
    if target == STDOUT:
        return ToStream(sys.stdout, write)
    if path.exists() and not path.is_file():  # a pipe or device
        return ToStream(path.open("w", encoding="utf-8"), write)
    return ToFile(path.absolute(), write, _say)


def _say(text: str) -> None:
    click.echo(printable(text), err=True)


class _Passes:
    """Counts alerts, and says after a pass what it found, if it looked at anything new."""

    def __init__(self, follower: Follower, *, quiet: bool) -> None:
        self._follower = follower
        self._quiet = quiet
        self._levels: Counter[Level] = Counter()
        self._files = self._events = self._before = 0
        self._over: Progress | None = None

    def told(self, alert: Alert) -> None:
        """Count an alert."""
        self._levels[alert.level] += 1

    def __call__(self) -> None:
        """Say what the pass that is over found."""
        done, alerts = self._follower.progress, self._levels.total() - self._before
        if not self._quiet and (done.files or alerts):
            counts = f"{number(done.files, 'file')}, {number(done.events, 'event')}, {number(alerts, 'alert')}"
            _say(f"{datetime.now().astimezone():%H:%M:%S}  {counts}")
        self._before += alerts
        self._add(done)

    def _add(self, done: Progress) -> None:
        if done is not self._over:  # of a pass that was cut off, there is more to come
            self._over = done
            self._files += done.files
            self._events += done.events

    def end(self) -> None:
        """Say what all passes found, the one that was cut off among them."""
        self._add(self._follower.progress)
        if not self._quiet:
            levels = ", ".join(f"{self._levels[each]:,} {each}" for each in reversed(Level) if self._levels[each])
            found = f"{number(self._levels.total(), 'alert')}{f' ({levels})' if levels else ''}"
            _say(f"Ended: {found} in {number(self._events, 'event')} ({number(self._files, 'file')}).")
