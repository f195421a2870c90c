"""How far a scan is, on standard error: a bar on a terminal, a line every few seconds elsewhere, nothing when quiet."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO

from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from crenel.collect.collector import ProgressEvent
from crenel.report.console import console_for
from crenel.report.text import number, plain

Watch = Callable[[ProgressEvent], None]
EVERY = 5.0  # seconds between plain lines


@contextmanager
def progress(out: TextIO, *, quiet: bool) -> Iterator[Watch | None]:
    """Yield what a scan tells its events to (None when quiet); what a terminal shows is cleared on leaving."""
    if quiet:
        yield None
    elif out.isatty():
        with _bar(out) as bar:
            yield _Bar(bar, bar.add_task("asking the account for its Regions", total=None, calls="")).watch
    else:
        yield _Lines(out).watch


def _bar(out: TextIO) -> Progress:
    return Progress(
        SpinnerColumn(),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[calls]}", markup=False),
        TimeElapsedColumn(),
        TextColumn("{task.description}", markup=False),
        console=console_for(out),
        transient=True,
    )


@dataclass(slots=True)
class _Bar:
    bar: Progress
    task: TaskID
    calls: int = 0

    def watch(self, event: ProgressEvent) -> None:
        self.calls += 0 if event.state == "started" else event.calls
        over = event.done == event.total
        doing = "judging" if over else f"aws.{plain(event.unit.type)} {plain(event.unit.region)}"
        self.bar.update(
            self.task, total=event.total, completed=event.done, calls=number(self.calls, "call"), description=doing
        )


@dataclass(slots=True)
class _Lines:
    out: TextIO
    begun: float = field(default_factory=time.monotonic)
    last: float = field(default_factory=time.monotonic)
    calls: int = 0
    rows: int = 0
    unread: int = 0

    def watch(self, event: ProgressEvent) -> None:
        if event.state == "started":
            return
        self.calls += event.calls
        self.rows += event.rows
        self.unread += event.state == "failed"
        now = time.monotonic()
        if event.done < event.total and now - self.last < EVERY:
            return
        self.last = now
        unread = f", {self.unread:,} could not be read" if self.unread else ""
        counts = f"{number(self.rows, 'resource')}, {number(self.calls, 'call')}{unread}"
        self.out.write(f"read {event.done:,} of {number(event.total, 'listing')}: {counts}, {now - self.begun:.0f} s\n")
        self.out.flush()
