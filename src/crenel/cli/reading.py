"""What the commands that read logs share: which events, and how far they are."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from datetime import time as time_of_day
from functools import reduce
from typing import Any, TextIO, TypeVar

import click

from crenel.cli.options import parse_time
from crenel.cli.progress import EVERY
from crenel.detect.progress import Progress
from crenel.errors import UsageError
from crenel.logs import Fault, Lookup, is_remote
from crenel.logs.looking_up import PAGE, Asked
from crenel.report.text import number, plain

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
_SHOWN = 20  # faults that are told one by one


def _since(ctx: click.Context, param: click.Parameter, value: str | None) -> datetime | None:
    """As `parse_time`, but a date alone means its beginning."""
    try:
        return datetime.combine(date.fromisoformat(value or ""), time_of_day.min, UTC)
    except ValueError:
        return parse_time(ctx, param, value)


def reach_options(command: Decorated) -> Decorated:
    """Add the options that say which events are looked at: --since, --until, --account, --region."""
    options = (
        click.option("--since", callback=_since, metavar="TIME", help="Only events from then on (ISO 8601; UTC)."),
        click.option(
            "--until", callback=parse_time, metavar="TIME", help="Only events up to then (a date means its end)."
        ),
        click.option("--account", multiple=True, metavar="ID", help="Only events of this account. Repeatable."),
        click.option("--region", multiple=True, metavar="REGION", help="Only events of this Region. Repeatable."),
    )
    return reduce(lambda decorated, option: option(decorated), reversed(options), command)


def source_options(command: Decorated) -> Decorated:
    """Add the options that say where events come from beside LOGS: --lookup-events, --profile."""
    options = (
        click.option(
            "--lookup-events",
            is_flag=True,
            help="The account's management events of the last 90 days too, by CloudTrail's LookupEvents.",
        ),
        click.option(
            "--profile",
            multiple=True,
            metavar="NAME",
            help="An AWS profile, for --lookup-events (each is an account; repeatable) and for s3:// places.",
        ),
    )
    return reduce(lambda decorated, option: option(decorated), reversed(options), command)


def sources(
    logs: Sequence[str], profiles: tuple[str, ...], *, lookup_events: bool, quiet: bool
) -> tuple[str, Lookup | None]:
    """Return whose credentials S3 is asked with, and whose event history is looked up. Raises `UsageError`."""
    remote = any(map(is_remote, logs))
    if profiles and not remote and not lookup_events:
        raise UsageError(
            "--profile is for --lookup-events and for s3:// places.", suggestion="Add one, or leave --profile out."
        )
    if remote and len(profiles) > 1:
        raise UsageError("s3:// places are read with one --profile.", suggestion="Look up the other accounts apart.")
    lookup = Lookup(profiles, None if quiet else LookupTold(sys.stderr)) if lookup_events else None
    return profiles[0] if profiles else "", lookup


def complain(faults: Sequence[Fault]) -> None:
    """Say on standard error what could not be read."""
    for fault in faults[:_SHOWN]:
        click.echo(f"Not read: {plain(fault.file)}: {plain(fault.position)}: {plain(fault.message)}", err=True)
    if len(faults) > _SHOWN:
        click.echo(f"… and {number(len(faults) - _SHOWN, 'fault')} more.", err=True)


def speed(progress: Progress) -> str:
    """Return how fast a reading is."""
    seconds = max(progress.seconds, 1e-6)
    return f"{progress.bytes / 1e6 / seconds:,.0f} MB/s, {progress.events / seconds:,.0f} events/s"


@dataclass(slots=True)
class ReadingTold:
    """Says on a stream how far a reading is, every few seconds."""

    out: TextIO
    last: float = field(default_factory=time.monotonic)

    def __call__(self, progress: Progress) -> None:
        """Say it, if it is time to."""
        now = time.monotonic()
        if now - max(self.last, progress.begun) >= EVERY:
            self.last = now
            counted = f"{number(progress.files, 'file')}, {number(progress.events, 'event')}"
            self.out.write(f"looked through {counted}, {speed(progress)}\n")
            self.out.flush()


@dataclass(slots=True)
class LookupTold:
    """Says on a stream what LookupEvents is asked for, and then how far it is, every few seconds."""

    out: TextIO
    begun: float = field(default_factory=time.monotonic)
    last: float = 0.0

    def __call__(self, regions: Sequence[Asked], begin: datetime, end: datetime) -> None:
        """Say it, if it is time to."""
        now = time.monotonic()
        if not self.last:
            self.begun = now
            self._say(
                f"asking {number(len(regions), 'Region')} for events from {begin:%Y-%m-%d %H:%M} on, at most {PAGE} a "
                "second in each: 100,000 in one Region take some 33 minutes"
            )
        elif now - self.last < EVERY:
            return
        else:
            done = sum(each.done for each in regions)
            events = sum(each.events for each in regions)
            calls = sum(each.calls for each in regions)
            told = (
                f"looked up {number(events, 'event')} in {number(calls, 'call')}, {done} of {len(regions)} Regions done"
            )
            under_way = [each for each in regions if not each.done and each.oldest]
            last = max(under_way, key=lambda each: each.oldest or end, default=None)
            if last is not None and last.oldest is not None:
                part = (end - last.oldest) / (end - begin)
                rest = f", some {(now - self.begun) * (1 - part) / part / 60:,.0f} min to go" if part > 0 else ""
                told += f"; {last.region} is back at {last.oldest:%Y-%m-%d %H:%M}{rest}"
            self._say(told)
        self.last = now

    def _say(self, text: str) -> None:
        self.out.write(f"{text}\n")
        self.out.flush()
