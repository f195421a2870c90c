"""What a unit of a scan has asked so far, and whether it is to stop."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable


class InterruptedScan(BaseException):
    """The scan was told to stop; the unit that was under way is not finished. No error: nothing may take it for one."""


class Tally:
    """Counts calls (attempts) from many threads; a set `stop` makes the next call raise `InterruptedScan`.

    `sleep` takes seconds and is there for tests.
    """

    def __init__(self, stop: threading.Event | None = None, sleep: Callable[[float], None] | None = None) -> None:
        self._stop = stop
        self._sleep = sleep
        self._lock = threading.Lock()
        self._calls: Counter[str] = Counter()

    def count(self, service: str, operation: str) -> None:
        """Count one attempt."""
        with self._lock:
            self._calls[f"{service}:{operation}"] += 1

    @property
    def calls(self) -> dict[str, int]:
        """Attempts by ``service:Operation``."""
        with self._lock:
            return dict(sorted(self._calls.items()))

    @property
    def total(self) -> int:
        """All attempts."""
        with self._lock:
            return self._calls.total()

    def check(self) -> None:
        """Raise `InterruptedScan` where the scan is to stop."""
        if self._stop is not None and self._stop.is_set():
            raise InterruptedScan

    def pause(self, seconds: float) -> None:
        """Wait; raises `InterruptedScan` as soon as the scan is to stop."""
        if seconds > 0:
            if self._sleep is not None:
                self._sleep(seconds)
            elif self._stop is None:
                time.sleep(seconds)
            else:
                self._stop.wait(seconds)
        self.check()
