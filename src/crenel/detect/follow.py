"""Logs that are followed: pass by pass over what is there, each file once, each alert once, whatever is killed when.

A pass lists the files and looks through the new ones, some at a time: a round. What a round found, and that its files
were read, is written down together; then it is delivered. docs/decisions/0015-followed-logs.md has the reasons.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from crenel.detect.alerts import alerts, once
from crenel.detect.correlate import blind, correlate
from crenel.detect.delivery import Deliver
from crenel.detect.engine import Engine
from crenel.detect.kept import keep, own_id, post_new, recall, spans
from crenel.detect.looking import look_through, runnable
from crenel.detect.progress import Progress, Watch
from crenel.detect.remembered import Remembered, remembering
from crenel.detect.run import MEMORY, Options
from crenel.detections.load import load_rules
from crenel.detections.model import Rules
from crenel.errors import CrenelError, UsageError
from crenel.lake.engine import connect
from crenel.logs import Fault, LogFile, Wanted, fetched, find, is_remote
from crenel.logs.model import Source
from crenel.model import Alert

# A bucket is listed this far back: CloudTrail delivers within minutes, and what it could not deliver for up to 30 days.
# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html
LATE, LATEST = timedelta(days=1), timedelta(days=31)
WIDE_EVERY = 6 * 3600.0  # seconds between two listings as far back as the latest
REMEMBERED = timedelta(days=45)  # for which a file that is gone, and what was told of it, is known
_HITS = timedelta(days=1)  # beyond a correlation's span
_RESTS = 5.0  # seconds after which a file is no longer being written; or it is the same in two looks
_LOOKS_APART = 1.0
_WRITTEN_ON = 60.0  # seconds after which a file that is written all the time is looked at all the same
_LONGEST_WAIT = 300.0  # seconds
_UNCORRELATED = "uncorrelated"  # whether hits are kept that no correlation has looked at
_FILES, _BYTES = 2_000, 256 << 20  # of a round
# What may be otherwise in a while: a bucket or folder that is closed, a disk that is full.
_PASSING = (OSError, CrenelError, duckdb.IOException, duckdb.OutOfMemoryException, sqlite3.OperationalError)


@dataclass(slots=True)
class _Look:
    """A file that waits: since when it is as it is, since when it waits, and how often it could not be read."""

    tag: str
    since: float
    waits: float
    failed: int = 0
    told: str = ""


@contextmanager
def following(
    options: Options, say: Callable[[str], None], watch: Watch | None = None, clock: Callable[[], float] = time.time
) -> Iterator[Follower]:
    """Yield a follower of logs. `say` is told what people should know, `clock` the epoch's seconds.

    Raises as `detect` does, and `LakeError` where the state can't be used or others follow the same logs.
    """
    rules = load_rules(options.rules)
    enabled = runnable(rules)
    # By whole names, so that a file is the same one wherever the next run is started.
    logs = tuple(place if is_remote(place) else os.path.abspath(place) for place in options.logs)  # noqa: PTH100 (globs)
    with (
        remembering(options.lake, logs, options.reach) as remembered,
        tempfile.TemporaryDirectory(prefix="crenel-follow-") as name,
        connect(Path(name) / "spill", MEMORY) as lake,
    ):
        since = _agreed(options, remembered)
        options = replace(options, logs=logs, reach=replace(options.reach, since=since))
        engine = Engine(lake, enabled, options.reach)
        yield Follower(options, rules, engine, remembered, Path(name), say, watch, clock)


def _agreed(options: Options, remembered: Remembered) -> datetime | None:
    """Return since when these logs are followed, from the first round on. Raises `UsageError` for another time."""
    given, before = options.reach.since, remembered.get("since")
    if before is None:
        return given
    since = datetime.fromisoformat(before) if before else None
    if given is not None and given != since:
        when = f"from {since:%Y-%m-%dT%H:%M:%S} on" if since else "from their beginning on"
        raise UsageError(
            f"these logs are followed {when}, and --since names another time.",
            suggestion=f"Leave --since out, or begin anew by removing {remembered.folder}.",
        )
    return since


@dataclass(slots=True)
class Follower:
    """What follows logs. `progress` is that of the last pass; `faulty` says that something could not be read."""

    options: Options
    rules: Rules
    engine: Engine
    remembered: Remembered
    folder: Path
    say: Callable[[str], None]
    watch: Watch | None
    clock: Callable[[], float]
    progress: Progress = field(default_factory=Progress)
    faulty: bool = False
    begun: bool = False
    _looks: dict[str, _Look] = field(default_factory=dict)
    _wide_at: float = 0.0

    def pass_over(self, deliver: Deliver) -> Iterator[Alert]:
        """Deliver what waits, look through what is new, deliver that; yield the alerts that were delivered.

        Raises what listing, reading or writing raises; nothing is lost by it.
        """
        self.progress = Progress()
        self._tell_faults()
        self._correlate()  # what a pass left that did not come to its end
        yield from deliver(self.remembered)
        now = self.clock()
        wide = now >= self._wide_at
        if wide:
            self.remembered.list_anew()
        with closing(self._listed(wide=wide)) as files:
            for batch in self._rounds(files, wide=wide):
                self._round(batch)
                self._tell_faults()
                yield from deliver(self.remembered)
        self._correlate()
        yield from deliver(self.remembered)
        self.begun = True
        self.remembered.set("through", repr(now))
        if wide:
            self._end_wide(now)

    @property
    def waits(self) -> bool:
        """Whether there are files that are still being written."""
        return any(not look.failed for look in self._looks.values())

    # --- which files

    def _listed(self, *, wide: bool) -> Generator[LogFile, None, None]:
        """Yield the files there are; of a bucket's days those where new ones may be."""
        options, reach = self.options, self.options.reach
        local = [place for place in options.logs if not is_remote(place)]
        remote = [place for place in options.logs if is_remote(place)]
        begin, through = reach.since, self.remembered.get("through")
        if through:
            floor = datetime.fromtimestamp(float(through), UTC) - (LATEST if wide else LATE)
            begin = max(begin, floor) if begin else floor
        for places, since in ((local, reach.since), (remote, begin)):
            if places:
                wanted = Wanted(since, None, reach.accounts, reach.regions)
                with closing(find(places, wanted, options.profile, unfilled=True, ahead=False)) as found:
                    yield from found

    def _rounds(self, files: Iterator[LogFile], *, wide: bool) -> Iterator[dict[LogFile, bool]]:
        """Yield the files to be read, as many as make a round, each with whether it is whole."""
        batch: dict[LogFile, bool] = {}
        size = 0
        for file in files:
            if wide:
                self.remembered.is_there(file.name)
            whole = self._due(file)
            if whole is not None:
                batch[file] = whole
                size += file.size
            if len(batch) >= _FILES or size >= _BYTES:
                yield batch
                batch, size = {}, 0
        if batch:
            yield batch

    def _due(self, file: LogFile) -> bool | None:
        """Return whether a file is whole, None where it is not to be read now."""
        if self.remembered.has_seen(file):
            self._looks.pop(file.name, None)
            return None
        now, look = self.clock(), self._looks.get(file.name)
        if look and look.failed:
            wait = min(2.0**look.failed, _LONGEST_WAIT)
            return True if look.tag != file.tag or now - look.since >= wait else None
        if not file.written or now - file.written >= _RESTS:
            return True
        if look is None:
            self._looks[file.name] = _Look(file.tag, now, now)
        elif look.tag == file.tag and now - look.since >= _LOOKS_APART:
            return True
        elif look.tag != file.tag:
            look.tag, look.since = file.tag, now
            if now - look.waits >= _WRITTEN_ON:
                look.waits = now
                return False
        return None

    # --- a round

    def _round(self, batch: Mapping[LogFile, bool]) -> None:
        """Look through files, and write down what that found together with the files."""
        engine, now = self.engine, self.clock()
        engine.connection.execute("TRUNCATE matched")
        engine.connection.execute("TRUNCATE waiting")
        engine.waiting = 0
        unread: dict[str, str] = {}
        faults: list[Fault] = []
        watched = (replace(file, open=_Opening(file, unread)) for file in batch)
        files = fetched(watched) if any(is_remote(file.name) for file in batch) else watched
        with tempfile.TemporaryDirectory(dir=self.folder) as name, closing(files):
            names = look_through(engine, files, Path(name), self.progress, faults, self.watch)
        engine.judge()
        once(engine, first_match=self.options.first_match)
        with self.remembered.round():
            since = self.options.reach.since
            self.remembered.set("since", since.isoformat() if since else "")
            self._write_down(names, now)
            read = [file for file, whole in batch.items() if whole and file.name not in unread]
            self.remembered.see(read, now)
            whole_files = {file.name for file in read}
            self.remembered.complain(fault for fault in faults if fault.file in whole_files)
        for file in read:
            self._looks.pop(file.name, None)
        self._note_unread([file for file in batch if file.name in unread], unread, now)

    def _write_down(self, names: dict[int, str], now: float) -> None:
        """Write down the alerts of a round, and the hits that correlations need."""
        times: Counter[str] = Counter()
        for alert in alerts(self.engine, names):
            event = own_id(alert.event_id, f"{alert.rule_id} {alert}", times)
            self.remembered.tell(alert.rule_id, event, alert, now)
        if keep(self.engine, spans(self.rules.correlations), names, self.remembered, now):
            self.remembered.set(_UNCORRELATED, "yes")

    def _correlate(self) -> None:
        """Have correlations look at the hits that are kept, if some are new: once a pass, since it takes them all."""
        if self.remembered.get(_UNCORRELATED) == "yes":
            names = recall(self.engine, self.remembered)
            with self.remembered.round():
                post_new(correlate(self.engine, self.rules.correlations, names), self.remembered, self.clock())
                self.remembered.set(_UNCORRELATED, "no")

    def _note_unread(self, files: list[LogFile], why: Mapping[str, str], now: float) -> None:
        """Say which files could not be read, once for each reason; they are read again after growing waits."""
        for file in files:
            look = self._looks.setdefault(file.name, _Look(file.tag, now, now))
            look.tag, look.since, look.failed = file.tag, now, look.failed + 1
            if look.told != why[file.name]:
                look.told = why[file.name]
                self.faulty = True
                self.say(f"Not read yet: {file.name}: {look.told}. It is tried again.")

    def _tell_faults(self) -> None:
        for number, fault in self.remembered.faults():
            self.faulty = True
            self.say(f"Not read: {fault.file}: {fault.position}: {fault.message}")
            self.remembered.complained(number)

    def _end_wide(self, now: float) -> None:
        """Forget what is gone, say what was never read, and of which correlations too little is known."""
        for name, look in list(self._looks.items()):
            if not self.remembered.was_there(name):
                del self._looks[name]
                if look.failed:
                    self.say(f"Never read: {name}: it is no longer there, or too old to be looked for.")
        self.remembered.forget(
            now - REMEMBERED.total_seconds(), now - _HITS.total_seconds(), spans(self.rules.correlations)
        )
        if self._wide_at == 0.0 and any(each.kind == "first_seen" for each in self.rules.correlations):
            recall(self.engine, self.remembered)
            for each in blind(self.engine, self.rules.correlations):
                self.say(f"note: {each.told}")
        self._wide_at = now + WIDE_EVERY


def follow(
    follower: Follower,
    deliver: Deliver,
    every: float,
    told: Callable[[Alert], None],
    after: Callable[[], None],
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Pass over the logs every so many seconds, until something is raised (`KeyboardInterrupt`).

    `told` is given each alert that was delivered, `after` is called after each pass. What may be otherwise in a while
    is told and tried again after growing waits, but for a place that can't be listed at the very first. Raises
    `BrokenPipeError` where the reader is gone.
    """
    failed = 0
    while True:
        try:
            for alert in follower.pass_over(deliver):
                told(alert)
        except BrokenPipeError:
            raise
        except _PASSING as error:
            if isinstance(error, UsageError) and not follower.begun:
                raise
            wait = min(every * 2.0**failed, max(every, _LONGEST_WAIT))
            failed += 1
            follower.say(f"{_why(error)}. It is tried again in {wait:g} s.")
        else:
            failed = 0
            wait = min(every, _LOOKS_APART) if follower.waits else every
        after()
        pause(wait)


def _why(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error).rstrip(".")


@dataclass(frozen=True, slots=True)
class _Opening:
    """Opens a file, and notes by its name why it could not be read."""

    file: LogFile
    unread: dict[str, str]

    def __call__(self) -> Source:
        """Open it. Raises `OSError`."""
        try:
            return _Reading(self.file.open(), self)
        except OSError as error:
            self.note(error)
            raise

    def note(self, error: OSError) -> None:
        """Note an error."""
        self.unread[self.file.name] = error.strerror or str(error)


@dataclass(frozen=True, slots=True)
class _Reading:
    source: Source
    opening: _Opening

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes. Raises `OSError`."""
        try:
            return self.source.read(size)
        except OSError as error:
            self.opening.note(error)
            raise

    def close(self) -> None:
        """Close it."""
        self.source.close()
