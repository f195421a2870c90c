"""What the commands that read logs share: which events, and how far they are."""

from __future__ import annotations

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
from crenel.logs import Fault
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
        if now - self.last >= EVERY:
            self.last = now
            counted = f"{number(progress.files, 'file')}, {number(progress.events, 'event')}"
            self.out.write(f"looked through {counted}, {speed(progress)}\n")
            self.out.flush()
