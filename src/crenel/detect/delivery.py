"""Where a follower's alerts go: a file, which has each of them once, or a stream."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import BinaryIO, TextIO

from crenel.detect.remembered import Left, Remembered
from crenel.errors import UsageError
from crenel.model import Alert

Write = Callable[[Iterable[Alert], TextIO], Iterator[Alert]]
Deliver = Callable[[Remembered], Iterator[Alert]]
_BATCH = 500  # alerts that are written to a file together


@dataclass(frozen=True, slots=True)
class ToStream:
    """Delivers line by line. Whoever is killed between a line and its mark writes that line again."""

    out: TextIO
    write: Write

    def __call__(self, remembered: Remembered) -> Iterator[Alert]:
        """Deliver all that waits; yield what was delivered. Raises `OSError`."""
        while waiting := remembered.waiting(_BATCH):
            for number, alert in waiting:
                list(self.write([alert], self.out))
                self.out.flush()
                remembered.delivered_line(number)
                yield alert


@dataclass(frozen=True, slots=True)
class ToFile:
    """Appends to a file whose length is remembered: what a killed run wrote beyond it is cut off and written again.

    `say` is told where the file is not the one that it was.
    """

    path: Path
    write: Write
    say: Callable[[str], None] = field(compare=False)

    def __call__(self, remembered: Remembered) -> Iterator[Alert]:
        """Deliver all that waits; yield what was delivered. Raises `OSError`, `UsageError` for lines of others."""
        while waiting := remembered.waiting(_BATCH):
            alerts = [alert for _, alert in waiting]
            text = StringIO()
            list(self.write(alerts, text))
            data = text.getvalue().encode("utf-8", "backslashreplace")
            with self.path.open("a+b") as out:  # by its name each time: somebody may have moved the last one away
                left = self._left(out, remembered, data)
                out.truncate(left.length)
                out.write(data)
                out.flush()
                os.fsync(out.fileno())
            after = Left(left.file, left.length + len(data))
            remembered.delivered(waiting[-1][0], str(self.path), after)
            yield from alerts

    def _left(self, out: BinaryIO, remembered: Remembered, data: bytes) -> Left:
        """Return how the file was left; one that is new is noted before anything is written to it."""
        status = os.fstat(out.fileno())
        here = Left(f"{status.st_dev} {status.st_ino}", status.st_size)
        left = remembered.output(str(self.path))
        if left is None or left.file != here.file or here.length < left.length:
            if left is not None:
                self.say(f"{self.path} is not as it was left ({left.length:,} bytes): alerts go on at its end.")
            remembered.set_output(str(self.path), here)
            return here
        out.seek(left.length)
        if not data.startswith(out.read(len(data) + 1)):
            raise UsageError(
                f"{self.path} has lines at its end that Crenel did not write.",
                suggestion="Give alerts a file of their own, or move this one away.",
            )
        return left
