"""What a follower of logs remembers, in SQLite: files that were read, what was told of which event, hits that
correlations still need, and the alerts that wait to be delivered.

    <lake>/follow/<name>/lock            held for as long as somebody follows these logs
    <lake>/follow/<name>/state.sqlite    written in whole rounds: a kill leaves what the last one left
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from crenel.detect.engine import Reach
from crenel.errors import LakeError
from crenel.logs import Fault, LogFile
from crenel.model import Alert, Level

_VERSION = 1
_SCHEMA = """
    CREATE TABLE said (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE seen (file TEXT PRIMARY KEY, tag TEXT NOT NULL, at REAL NOT NULL) WITHOUT ROWID;
    CREATE TABLE told (
        rule TEXT, event TEXT, file TEXT NOT NULL, at REAL NOT NULL, PRIMARY KEY (rule, event)
    ) WITHOUT ROWID;
    CREATE TABLE kept (
        rule TEXT, event TEXT, t REAL NOT NULL, file TEXT NOT NULL, record TEXT NOT NULL, at REAL NOT NULL,
        PRIMARY KEY (rule, event)
    );
    CREATE TABLE run (
        rule TEXT, keys TEXT, time TEXT, event TEXT, at REAL NOT NULL, PRIMARY KEY (rule, keys, time, event)
    ) WITHOUT ROWID;
    CREATE TABLE alert (number INTEGER PRIMARY KEY AUTOINCREMENT, alert TEXT NOT NULL);
    CREATE TABLE fault (number INTEGER PRIMARY KEY AUTOINCREMENT, fault TEXT NOT NULL);
    CREATE TABLE output (path TEXT PRIMARY KEY, file TEXT NOT NULL, length INTEGER NOT NULL) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Hit:
    """A record that a rule found, for correlations. `event` tells it from others, `t` is its time in epoch seconds."""

    rule: str
    event: str
    t: float
    file: str
    record: str


@dataclass(frozen=True, slots=True)
class Left:
    """How an output file was left: which file it is, and how long."""

    file: str
    length: int


@contextmanager
def remembering(lake: Path, places: Sequence[str], reach: Reach) -> Iterator[Remembered]:
    """Yield what is remembered of logs at places (whole names), while no other process follows them.

    Raises `LakeError`.
    """
    followed = json.dumps(
        {"logs": sorted(set(places)), "accounts": sorted(reach.accounts), "regions": sorted(reach.regions)}
    )
    word = re.sub(r"[^A-Za-z0-9]+", "-", places[0].rstrip("/").rpartition("/")[2]).strip("-")[:40] or "logs"
    folder = lake / "follow" / f"{word}-{hashlib.sha256(followed.encode()).hexdigest()[:12]}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (folder / "lock").open("a+")
    except OSError as error:
        raise LakeError(f"can't write into the lake {lake}: {error.strerror}.") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise LakeError(
                f"these logs are followed already, by process {lock.read().strip() or 'unknown'}.",
                suggestion=f"End that one, or give this one a lake of its own: its state is {folder}.",
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        with closing(_opened(folder / "state.sqlite")) as connection:
            yield Remembered(folder, connection)


def _opened(path: Path) -> sqlite3.Connection:
    try:
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        [(version,)] = connection.execute("PRAGMA user_version").fetchall()
        if version == 0:
            connection.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT;")
    except sqlite3.DatabaseError as error:
        raise LakeError(
            f"{path} can't be used: {error}.", suggestion="Without its folder, all logs are read and told anew."
        ) from error
    if version not in (0, _VERSION):
        connection.close()
        raise LakeError(f"{path} is of another version of Crenel.", suggestion="Follow with that one, or remove it.")
    return connection


class Remembered:
    """The state. What belongs together is written within `round`."""

    def __init__(self, folder: Path, connection: sqlite3.Connection) -> None:
        self.folder = folder
        self._connection = connection

    @contextmanager
    def round(self) -> Iterator[None]:
        """Have all that is written meanwhile be there whole or not at all."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._commit()
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def _commit(self) -> None:
        self._connection.execute("COMMIT")

    def get(self, name: str) -> str | None:
        """Return a value that was set, None where none was."""
        row = self._connection.execute("SELECT value FROM said WHERE name = ?", [name]).fetchone()
        return str(row[0]) if row else None

    def set(self, name: str, value: str) -> None:
        """Set a value."""
        self._connection.execute("INSERT OR REPLACE INTO said VALUES (?, ?)", [name, value])

    # --- files

    def has_seen(self, file: LogFile) -> bool:
        """Return whether a file was read as it is now."""
        row = self._connection.execute("SELECT tag FROM seen WHERE file = ?", [file.name]).fetchone()
        return row is not None and row[0] == file.tag

    def see(self, files: Iterable[LogFile], now: float) -> None:
        """Mark files as read."""
        rows = [(file.name, file.tag, now) for file in files]
        self._connection.executemany("INSERT OR REPLACE INTO seen VALUES (?, ?, ?)", rows)

    def list_anew(self) -> None:
        """Begin a listing of all files there are, for `forget`."""
        self._connection.execute("CREATE TEMP TABLE IF NOT EXISTS listed (file TEXT PRIMARY KEY) WITHOUT ROWID")
        self._connection.execute("DELETE FROM listed")

    def is_there(self, name: str) -> None:
        """Note that a file is there."""
        self._connection.execute("INSERT OR IGNORE INTO listed VALUES (?)", [name])

    def was_there(self, name: str) -> bool:
        """Return whether a file was there."""
        return self._connection.execute("SELECT 1 FROM listed WHERE file = ?", [name]).fetchone() is not None

    def forget(self, before: float, hits_before: float, spans: dict[str, int]) -> None:
        """Forget what nothing asks for any more; times are in epoch seconds.

        Files read before `before` that the last listing did not have; alerts told before, of files that are forgotten;
        hits both read before `hits_before` and of events that were a rule's span earlier than that.
        """
        execute = self._connection.execute
        with self.round():
            execute("DELETE FROM seen WHERE at < ? AND file NOT IN (SELECT file FROM listed)", [before])
            execute("DELETE FROM told WHERE at < ? AND file NOT IN (SELECT file FROM seen)", [before])
            execute("DELETE FROM run WHERE at < ?", [before])
            for (rule,) in execute("SELECT DISTINCT rule FROM kept").fetchall():
                oldest = hits_before - spans.get(rule, 0)
                execute("DELETE FROM kept WHERE rule = ? AND at < ? AND t < ?", [rule, hits_before, oldest])

    # --- what was found

    def tell(self, rule: str, event: str, alert: Alert, now: float) -> bool:
        """Have an alert delivered, unless the rule was told of this event before; return whether it will be."""
        told = "INSERT OR IGNORE INTO told VALUES (?, ?, ?, ?)"
        if not self._connection.execute(told, [rule, event, alert.file, now]).rowcount:
            return False
        self.post(alert)
        return True

    def post(self, alert: Alert) -> None:
        """Have an alert delivered."""
        text = json.dumps(asdict(alert), ensure_ascii=False)
        self._connection.execute("INSERT INTO alert (alert) VALUES (?)", [text])

    def keep(self, hits: Iterable[Hit], now: float) -> int:
        """Keep hits for correlations; return how many were not kept before."""
        before = self._connection.total_changes
        rows = ((hit.rule, hit.event, hit.t, hit.file, hit.record, now) for hit in hits)
        self._connection.executemany("INSERT OR IGNORE INTO kept VALUES (?, ?, ?, ?, ?, ?)", rows)
        return self._connection.total_changes - before

    def kept(self) -> Iterator[Hit]:
        """Yield the hits that were kept, by time."""
        query = "SELECT rule, event, t, file, record FROM kept ORDER BY t, event"
        return (Hit(*row) for row in self._connection.execute(query))

    def runs(self, rule: str, keys: str) -> list[tuple[str, str]]:
        """Return time and id of the last events of what was told of a correlation's group."""
        query = "SELECT time, event FROM run WHERE rule = ? AND keys = ?"
        return self._connection.execute(query, [rule, keys]).fetchall()

    def set_run(
        self, rule: str, keys: str, last: tuple[str, str], instead: Iterable[tuple[str, str]], now: float
    ) -> None:
        """Note the last event of what was told of a correlation's group, instead of earlier ones."""
        for time, event in instead:
            self._connection.execute(
                "DELETE FROM run WHERE rule = ? AND keys = ? AND time = ? AND event = ?", [rule, keys, time, event]
            )
        self._connection.execute("INSERT OR REPLACE INTO run VALUES (?, ?, ?, ?, ?)", [rule, keys, *last, now])

    # --- what waits to be delivered

    def waiting(self, most: int) -> list[tuple[int, Alert]]:
        """Return the first alerts that wait, with their numbers."""
        rows = self._connection.execute("SELECT number, alert FROM alert ORDER BY number LIMIT ?", [most])
        return [(number, _alert(json.loads(text))) for number, text in rows]

    def delivered(self, number: int, path: str = "", left: Left | None = None) -> None:
        """Mark the alerts up to a number as delivered, and how that left the output file."""
        with self.round():
            self._connection.execute("DELETE FROM alert WHERE number <= ?", [number])
            if left:
                self.set_output(path, left)

    def delivered_line(self, number: int) -> None:
        """Mark alerts as delivered to a stream: a kill can't undo it, though a power failure may."""
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self.delivered(number)
        self._connection.execute("PRAGMA synchronous = FULL")

    def output(self, path: str) -> Left | None:
        """Return how an output file was left, None where there was none."""
        row = self._connection.execute("SELECT file, length FROM output WHERE path = ?", [path]).fetchone()
        return Left(*row) if row else None

    def set_output(self, path: str, left: Left) -> None:
        """Note how an output file is."""
        self._connection.execute("INSERT OR REPLACE INTO output VALUES (?, ?, ?)", [path, left.file, left.length])

    def complain(self, faults: Iterable[Fault]) -> None:
        """Have faults told."""
        texts = [(json.dumps(asdict(fault)),) for fault in faults]
        self._connection.executemany("INSERT INTO fault (fault) VALUES (?)", texts)

    def faults(self) -> list[tuple[int, Fault]]:
        """Return the faults that wait to be told, with their numbers."""
        rows = self._connection.execute("SELECT number, fault FROM fault ORDER BY number")
        return [(number, Fault(**json.loads(text))) for number, text in rows]

    def complained(self, number: int) -> None:
        """Mark the faults up to a number as told."""
        self._connection.execute("DELETE FROM fault WHERE number <= ?", [number])


def _alert(data: dict[str, Any]) -> Alert:
    lists = {name: tuple(data[name]) for name in ("tags", "events")}
    return Alert(**{**data, **lists, "level": Level(data["level"])})
