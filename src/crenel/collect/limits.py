"""How fast AWS is asked: a token bucket per account, Region and service, which learns from throttling answers.

A fast scan must not starve production, which shares the API's rate: of a rate that AWS documents, half is used at most.
Where AWS documents none, the scan starts from a cautious assumption, speeds up as long as AWS takes it, and keeps to
half of the rate at which AWS said no.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from crenel.positions import Located, load_file


class Rate(NamedTuple):
    """Calls a second and the burst on top; `assumed` where AWS documents no rate, so that there may be more."""

    per_second: float
    burst: int
    assumed: bool = False

    @property
    def most(self) -> float:
        """The calls a second that a scan may work its way up to."""
        return self.per_second * _GROWTH_END if self.assumed else self.per_second

    def seconds(self, calls: int) -> float:
        """Return the least time in which so many calls go out, if AWS never throttles."""
        left, start = max(0.0, calls - self.burst), self.per_second
        if not self.assumed:
            return left / start
        growth = start * _GROWTH
        grown = (self.most - start) / growth  # seconds until the rate is at its end
        within = min(left, (start + self.most) / 2 * grown)
        return (math.sqrt(start * start + 2 * growth * within) - start) / growth + (left - within) / self.most


# By service or ``service:Operation``; "*" is for all that the facts do not name.
DEFAULT_RATES: Mapping[str, Rate] = {"*": Rate(20.0, 40), "s3": Rate(500.0, 500)}

_LEAST = 0.5  # calls a second, however often AWS throttles
_CUT_APART = 1.0  # seconds between two halvings: one burst of refusals is one piece of news
_RECOVERY = 60.0  # seconds from nothing back to the ceiling
_OURS = 0.5  # the part of a documented rate that a scan takes
_GROWTH = 0.1  # of an assumed rate, gained in a second of asking at full speed
_GROWTH_END = 10.0  # times the assumption


class Bucket:
    """A token bucket whose callers queue in the order in which they came. Rates are calls a second, times seconds."""

    def __init__(self, rate: Rate, clock: Callable[[], float]) -> None:
        self.rate = max(rate.per_second, _LEAST)
        self.ceiling = self.rate
        self._start = self.rate
        self._most = max(rate.most, _LEAST)
        self._burst = float(max(1, rate.burst))
        self._tokens = self._burst
        self._clock = clock
        self._lock = threading.Lock()
        self._filled = clock()
        self._cut = self._filled - _CUT_APART

    def take(self) -> float:
        """Book one call; returns the seconds to wait before it may go out."""
        with self._lock:
            self._fill()
            self._tokens -= 1
            if self.rate >= self.ceiling and self.ceiling < self._most:
                # A gain a call, so that only asking makes faster.
                self.ceiling = self.rate = min(self._most, self.rate + self._start * _GROWTH / self.rate)
            return max(0.0, -self._tokens / self.rate)

    def throttled(self) -> None:
        """Learn that AWS refused a call: the rate halves, at most once a second, and the saved-up burst is gone."""
        with self._lock:
            self._fill()
            if self._filled - self._cut >= _CUT_APART:
                self._cut = self._filled
                if self._most > self._start:  # now AWS has named its rate
                    self._most = self.ceiling = max(self._start, self.rate * _OURS)
                self.rate = max(_LEAST, self.rate / 2)
                self._tokens = min(self._tokens, 0.0)

    def _fill(self) -> None:
        now = self._clock()
        passed = max(0.0, now - self._filled)
        self._filled = now
        self._tokens = min(self._burst, self._tokens + passed * self.rate)
        self.rate = min(self.ceiling, self.rate + passed * self.ceiling / _RECOVERY)


class Limits:
    """All buckets of a scan. `rates` says how many calls a second, and how large a burst, by service or operation."""

    def __init__(
        self, rates: Mapping[str, Rate | tuple[float, int]] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rates = {key: Rate(*rate) for key, rate in {**DEFAULT_RATES, **(rates or {})}.items()}
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[tuple[str, str, str], Bucket] = {}

    def take(self, account: str, region: str, service: str, operation: str = "") -> float:
        """Book one call; returns the seconds to wait before it may go out."""
        return self.bucket(account, region, service, operation).take()

    def throttled(self, account: str, region: str, service: str, operation: str = "") -> None:
        """Slow down after AWS refused a call of this service there (of this operation, if it has its own rate)."""
        self.bucket(account, region, service, operation).throttled()

    def most(self, service: str, operation: str = "") -> float:
        """Return the calls a second that this scan may come to, per account and Region."""
        return rate_of(self._rates, service, operation).most

    def bucket(self, account: str, region: str, service: str, operation: str = "") -> Bucket:
        """Return the bucket of a service there, or the operation's own where the rates name it: AWS counts it apart."""
        own = f"{service}:{operation}"
        key = (account, region, own if own in self._rates else service)
        with self._lock:
            found = self._buckets.get(key)
            if found is None:
                found = self._buckets[key] = Bucket(rate_of(self._rates, service, operation), self._clock)
            return found


def rate_of(rates: Mapping[str, Rate], service: str, operation: str = "") -> Rate:
    """Return the rate that holds for an operation: its own, its service's or the default."""
    for key in (f"{service}:{operation}", service, "*"):
        if key in rates:
            return rates[key]
    return DEFAULT_RATES["*"]


@lru_cache(maxsize=1)
def rates() -> Mapping[str, Rate]:
    """Return the rates that the shipped facts allow: half of what AWS documents, and our own assumptions as they are.

    Keys are a service or ``service:Operation``, and "*". Raises `PolicyError` where the file says something else.
    """
    return read_rates(Path(str(files("crenel") / "content" / "facts" / "api_rates.yaml")))


def read_rates(path: Path) -> Mapping[str, Rate]:
    """Read rates from a facts file (rows of service, operation, rate, burst, documented); none: the defaults."""
    found = dict(DEFAULT_RATES)
    if not path.exists():
        return found
    rows = load_file(path).mapping("the facts file")["rows"].sequence("rows")
    return found | dict(_row(row) for row in rows)


def _row(row: Located) -> tuple[str, Rate]:
    keys = row.mapping("a rate")
    service, operation = keys["service"].text("service"), keys["operation"].text("operation")
    documented = bool(keys["documented"].value)
    ours = _OURS if documented else 1.0
    rate, burst = keys["rate"].value, keys["burst"].value
    if not isinstance(rate, int | float) or not isinstance(burst, int) or rate <= 0:
        raise row.error("a rate is a number of calls a second, with a whole number for the burst.")
    made = Rate(rate * ours, max(1, int(burst * ours)), assumed=not documented)
    return service if operation == "*" else f"{service}:{operation}", made
