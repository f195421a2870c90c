"""Events that are kept: Parquet by account, Region and day, each event once, in the columns of the table of events.

    <lake>/events/account=111122223333/region=eu-west-1/day=2026-11-20/<id>.parquet

A file is written aside and renamed into place when it is whole. What was cut off half-way is taken in the next time.
"""

from __future__ import annotations

import fcntl
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from crenel.catalog.events import KEYS, MEMBERS, RECORD, UNLIKE
from crenel.errors import LakeError
from crenel.lake.engine import literal_path, name, quoted
from crenel.lake.events import event_columns

# Of what AWS logs, these members hold secrets: https://docs.aws.amazon.com/STS/latest/APIReference/API_Credentials.html
SECRETS = ("sessionToken", "secretAccessKey", "SecretAccessKey", "SessionToken", "password", "masterUserPassword")
_MASKED = f'("(?:{"|".join(SECRETS)})"\\s*:\\s*)"(?:[^"\\\\]|\\\\.)*"'
_UNKNOWN = "unknown"
_PARTS = ("account", "region", "day")


def masked(record: str = RECORD) -> str:
    """Return the SQL of a record without the secrets that AWS's calls answer with."""
    return f"""regexp_replace({record}::VARCHAR, {quoted(_MASKED)}, '\\1"***"', 'g')::JSON"""


class EventStore:
    """The events of a lake."""

    def __init__(self, lake: Path) -> None:
        self.folder = lake / "events"

    @property
    def relation(self) -> str:
        """The relation of all events. There has to be one (`empty`)."""
        pattern = f"{literal_path(self.folder)}/account=*/region=*/day=*/*.parquet"
        return f"read_parquet({quoted(pattern)}, hive_partitioning = true, hive_types_autocast = false)"

    @property
    def empty(self) -> bool:
        """Whether there are no events."""
        return next(self.folder.glob("account=*/region=*/day=*/*.parquet"), None) is None

    @contextmanager
    def taking(self) -> Iterator[Path]:
        """Yield a folder to write aside in, while no other process takes events in. Raises `LakeError`."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = (self.folder / "lock").open("w")
        except OSError as error:
            raise LakeError(f"can't write into the lake {self.folder.parent}: {error.strerror}.") from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise LakeError(
                    f"another crenel takes events into {self.folder.parent}.", suggestion="Wait until it is done."
                ) from None
            for left in self.folder.glob(".taking-*"):
                shutil.rmtree(left, ignore_errors=True)  # a process that was killed; only one has the lock
            aside = self.folder / f".taking-{secrets.token_hex(4)}"
            aside.mkdir()
            try:
                yield aside
            finally:
                shutil.rmtree(aside, ignore_errors=True)

    def take(self, connection: duckdb.DuckDBPyConnection, table: str, aside: Path) -> int:
        """Take in the events of a table (column `record`) that are not there yet; return how many that were.

        What has no id can't be told from another event, and is taken in as it stands. Raises `LakeError`.
        """
        columns = event_columns([*KEYS, *MEMBERS, UNLIKE, RECORD], f"(SELECT {masked()} AS {RECORD} FROM {table})")
        named = ", ".join(name(each) for each in (*KEYS, *MEMBERS, UNLIKE, RECORD))
        own = "coalesce(recipientAccountId, json_extract_string(userIdentity, '$.accountId'))"
        parts = (
            f"{_part(own)} AS account, {_part('awsRegion')} AS region, "
            f"coalesce(regexp_extract(eventTime, '^\\d{{4}}-\\d\\d-\\d\\d'), '') AS day"
        )
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE fresh AS SELECT {named}, account, region, "
            f"CASE WHEN day = '' THEN {quoted(_UNKNOWN)} ELSE day END AS day "
            f"FROM (SELECT {named}, {parts} FROM ({columns}))"
        )
        first = "SELECT min(rowid) FROM fresh GROUP BY coalesce(eventID, rowid::VARCHAR), account, region, day"
        connection.execute(f"DELETE FROM fresh WHERE rowid NOT IN ({first})")
        self._forget_known(connection)
        [(count,)] = connection.execute("SELECT count(*) FROM fresh").fetchall()
        if count:
            self._write(connection, aside)
        connection.execute("DROP TABLE fresh")
        return int(count)

    def _forget_known(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Take out of the fresh events those that are there, by the files of their account, Region and day alone."""
        found = connection.execute("SELECT DISTINCT account, region, day FROM fresh").fetchall()
        files = [str(file) for parts in found for file in sorted(self._place(*parts).glob("*.parquet"))]
        if files:
            listed = ", ".join(quoted(literal_path(Path(file))) for file in files)
            known = f"SELECT eventID FROM read_parquet([{listed}]) WHERE eventID IS NOT NULL"
            connection.execute(f"DELETE FROM fresh WHERE eventID IN ({known})")

    def _write(self, connection: duckdb.DuckDBPyConnection, aside: Path) -> None:
        target = aside / secrets.token_hex(4)
        connection.execute(
            f"COPY fresh TO {quoted(str(target))} "
            f"(FORMAT parquet, COMPRESSION zstd, PARTITION_BY ({', '.join(_PARTS)}), FILENAME_PATTERN '{{uuid}}')"
        )
        for file in target.rglob("*.parquet"):
            place = self.folder / file.parent.relative_to(target)
            place.mkdir(parents=True, exist_ok=True)
            file.rename(place / file.name)

    def _place(self, account: str, region: str, day: str) -> Path:
        return self.folder / f"account={account}" / f"region={region}" / f"day={day}"


def _part(value: str) -> str:
    """Return the SQL of a part of a path: a word as AWS writes them, whatever the record says."""
    return f"CASE WHEN regexp_full_match({value}, '[A-Za-z0-9-]{{1,40}}') THEN {value} ELSE {quoted(_UNKNOWN)} END"
