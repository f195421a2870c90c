"""CloudTrail's event history as log files: the management events of the last 90 days, by LookupEvents.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html : two calls a second for an account
and Region, of which a half is used; 50 events a call, the newest first. Each Region has its own events, those of global
services are in us-east-1.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from io import BytesIO
from queue import Empty, Full, Queue
from typing import Any

from crenel.collect.calls import Patience
from crenel.collect.limits import Limits
from crenel.collect.regions import SCANNED, coverage
from crenel.collect.session import Target, open_profiles
from crenel.collect.tally import InterruptedScan, Tally
from crenel.errors import CallError, UsageError
from crenel.logs.model import LogFile, Source, Wanted

HISTORY = timedelta(days=90)
PAGE = 50  # events of a call
_AT_A_TIME = 40  # Regions
_WAITING = 100  # pages that wait to be read
_BLINK = 0.2  # seconds after which a thread that waits sees that it is to stop


@dataclass(slots=True)
class Asked:
    """How far a Region of an account is: calls, events, and the time of the oldest event there so far."""

    account: str
    region: str
    calls: int = 0
    events: int = 0
    oldest: datetime | None = None
    done: bool = False


@dataclass(frozen=True, slots=True)
class Lookup:
    """Whose history is asked: `profiles` are accounts (none: the ordinary chain of credentials).

    `watch` is told how far all Regions are, and since when and until when they are asked.
    """

    profiles: tuple[str, ...] = ()
    watch: Callable[[Sequence[Asked], datetime, datetime], None] | None = None


def look_up(
    lookup: Lookup,
    wanted: Wanted,
    *,
    alone: bool = True,
    limits: Limits | None = None,
    patience: Patience | None = None,
) -> LookedUp:
    """Return the event history of accounts, in the wanted Regions or in all that they have opted in to.

    What a Region, or a profile of several, refuses is a file that can't be read. `alone`: there are no other logs that
    may go back further. Raises `CredentialsError`, and `UsageError` where AWS can't be reached, for a Region that there
    is not, and for times that the history does not have.
    """
    now = datetime.now(UTC)
    first = now - HISTORY
    if wanted.until and wanted.until < first:
        raise UsageError(f"CloudTrail's event history goes back to {first:%Y-%m-%d}, and --until names a day before.")
    if alone and wanted.since and wanted.since < first - timedelta(days=1):
        raise UsageError(
            f"CloudTrail's event history goes back to {first:%Y-%m-%d}, and --since asks for more.",
            suggestion="Leave --since out, or name the trail's logs as well.",
        )
    targets, failures = open_profiles(lookup.profiles, limits=limits, patience=patience)
    files = [_unread(profile, error) for profile, error in failures.items()]
    units: list[tuple[Target, Asked]] = []
    for target in targets:
        if wanted.accounts and target.account.id not in wanted.accounts:
            continue
        covered, gaps = coverage(target, sorted(wanted.regions))
        files += [_unread(gap.account, gap.message) for gap in gaps]
        for each in covered:
            if each.state == SCANNED:
                units.append((target, Asked(each.account, each.region)))
            elif wanted.regions:
                files.append(_unread(f"{each.account}/{each.region}", each.reason))
    if not units and not files:
        accounts = ", ".join(target.account.id for target in targets)
        raise UsageError(f"the credentials are of {accounts}, and --account names another one.")
    begin = max(wanted.since, first) if wanted.since else first
    return LookedUp(files, units, begin, min(wanted.until or now, now), lookup, wanted)


class LookedUp(Iterator[LogFile]):
    """Pages of the history as they come, Regions side by side; to be read once, from the first `next` on."""

    def __init__(
        self,
        files: Sequence[LogFile],
        units: Sequence[tuple[Target, Asked]],
        begin: datetime,
        end: datetime,
        lookup: Lookup,
        wanted: Wanted,
    ) -> None:
        self._files = list(files)
        self._units = units
        self._begin, self._end = begin, end
        self._watch = lookup.watch
        times = {"StartTime": begin if wanted.since else None, "EndTime": wanted.until}
        self._request = {name: time for name, time in times.items() if time} | {"MaxResults": PAGE}
        self._pages: Queue[LogFile | BaseException | None] = Queue(_WAITING)
        self._stop = threading.Event()
        self._pool: ThreadPoolExecutor | None = None
        self._running = len(units)

    def __next__(self) -> LogFile:
        if self._pool is None:
            self._tell()
            self._pool = ThreadPoolExecutor(_AT_A_TIME)
            for target, asked in self._units:
                self._pool.submit(self._ask, target, asked)
        if self._files:
            return self._files.pop()
        while self._running and not self._stop.is_set():
            try:
                found = self._pages.get(timeout=_BLINK)
            except Empty:
                continue
            self._tell()
            if isinstance(found, BaseException):
                raise found
            if found is not None:
                return found
            self._running -= 1
        raise StopIteration

    def close(self) -> None:
        """Ask no more."""
        self._stop.set()
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        for target, _ in self._units:
            target.close()

    def _tell(self) -> None:
        if self._watch:
            self._watch([asked for _, asked in self._units], self._begin, self._end)

    def _ask(self, target: Target, asked: Asked) -> None:
        """Ask one Region for all its pages."""
        place = f"{asked.account}/{asked.region}"
        try:
            for page in target.caller.pages(
                "cloudtrail", "LookupEvents", self._request, asked.region, Tally(self._stop)
            ):
                events = page.get("Events") or []
                asked.calls += 1
                asked.events += len(events)
                asked.oldest = min((event["EventTime"] for event in events), default=asked.oldest)
                if events:
                    self._put(_page(f"{place}/{asked.calls}", events))
        except CallError as error:
            self._put(_unread(place, error))
        except InterruptedScan:
            return
        except BaseException as error:
            self._put(error)
            raise
        asked.done = True
        self._put(None)

    def _put(self, page: LogFile | BaseException | None) -> None:
        while not self._stop.is_set():
            try:
                self._pages.put(page, timeout=_BLINK)
            except Full:
                continue
            return


def _page(place: str, events: Sequence[dict[str, Any]]) -> LogFile:
    """Return a page as the file that the command line's `aws cloudtrail lookup-events` would make of it."""
    listed = [{name: event.get(name) for name in ("EventId", "CloudTrailEvent")} for event in events]
    data = json.dumps({"Events": listed}).encode()
    return LogFile(f"lookup-events:{place}", len(data), partial(BytesIO, data))


def _unread(place: str, why: object) -> LogFile:
    return LogFile(f"lookup-events:{place or 'default'}", 0, partial(_refused, str(why)))


def _refused(why: str) -> Source:
    raise OSError(why)
