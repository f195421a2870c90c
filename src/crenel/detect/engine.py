"""Events through all rules at once, chunk by chunk, by DuckDB; what matches is kept there, on disk where it is much.

A look at a chunk reads the few columns by which most events are seen to be wanted by no rule. What is left is gathered
from many chunks, and then judged by all rules: to plan that query costs as much as to look through 10,000 events.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import duckdb

from crenel.catalog.events import IDENTIFIED, MEMBERS, RECORD, TEXTS, UNLIKE
from crenel.detections.model import Detection
from crenel.lake.engine import name, quoted
from crenel.lake.events import event_columns
from crenel.language.detecting import ALIAS, columns_read, held, hits, merged, weakened
from crenel.language.expressions import written
from crenel.language.plan import TRUE, Predicate
from crenel.language.reading import Compiler

# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
REQUIRED = ("eventVersion", "eventTime", "eventName", "eventID")
# What the first step reads for a rule: the first of these that can leave an event out. A text is cheaper than JSON.
_TIERS = (
    frozenset({"eventName"}),
    frozenset({"eventName", "eventSource"}),
    frozenset(TEXTS),
    frozenset({*TEXTS, *MEMBERS}),
    frozenset({*TEXTS, "userIdentity"}),
)
_SMALL = 2_000_000  # bytes of a record that a reader makes room for, where none is longer
_MANY = 100_000  # events that wait to be judged together


@dataclass(frozen=True, slots=True)
class Reach:
    """Which events are looked at: times are aware, both inclusive; an empty set means all."""

    since: datetime | None = None
    until: datetime | None = None
    accounts: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()

    def condition(self) -> str:
        """Return the SQL of it over the columns of events, TRUE for all."""
        # CloudTrail's times are in whole seconds and end in Z, so they are in order as texts.
        parts = [f"eventTime >= {_time(self.since)}"] if self.since else []
        parts += [f"eventTime <= {_time(self.until)}"] if self.until else []
        for column, wanted in (("recipientAccountId", self.accounts), ("awsRegion", self.regions)):
            parts += [f"{column} IN ({', '.join(map(quoted, sorted(wanted)))})"] if wanted else []
        return " AND ".join(parts) or "TRUE"

    def columns(self) -> tuple[str, ...]:
        """Return the columns that the condition reads beside the event's time."""
        named = (("recipientAccountId", self.accounts), ("awsRegion", self.regions))
        return tuple(column for column, wanted in named if wanted)


def _time(time: datetime) -> str:
    return quoted(time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))


@dataclass
class Engine:
    """The rules of a run, compiled, and the events that one of them wants: the table `matched` (f, hits, record)."""

    connection: duckdb.DuckDBPyConnection
    detections: Sequence[Detection]
    reach: Reach
    waiting: int = 0

    def __post_init__(self) -> None:
        """Make the tables."""
        self.connection.execute(f"CREATE TABLE waiting (f INTEGER, {RECORD} JSON)")
        self.connection.execute(f"CREATE TABLE matched (f INTEGER, hits INTEGER[], {RECORD} JSON)")

    def look(self, path: Path, longest: int = 0) -> int:
        """Look through a file of lines ``{"f": number, "r": record}``; return how many are not as AWS writes them.

        What may match stands in the table `found` for `keep`. `longest`: the longest line in bytes, where it is known.
        """
        query = f"WITH {lines_of(path, longest)}, {self._first}"
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE found AS {query}")
        row = self.connection.execute("SELECT count(*) FILTER (irregular) FROM found").fetchone()
        return int(row[0]) if row else 0

    def look_stored(self, relation: str) -> int:
        """Look through events that were taken in, in a relation with the columns of their table; return how many.

        What may match is kept at once: by the columns alone, without JSON of the record.
        """
        # What has no text where one is due is looked at whole, as it is from files.
        wanted = f"({self._wanted}) OR ({UNLIKE} IS NOT NULL AND {self.reach.condition()})"
        kept = f"INSERT INTO waiting SELECT 0, {RECORD} FROM {relation} AS {ALIAS} WHERE {wanted}"
        self.connection.execute(kept)
        row = self.connection.execute(f"SELECT count(*) FROM {relation} WHERE {self.reach.condition()}").fetchone()
        return int(row[0]) if row else 0

    def keep(self) -> None:
        """Keep what the last look found, and judge what is kept once it is much."""
        kept = f"INSERT INTO waiting SELECT f, {RECORD} FROM found WHERE {RECORD} IS NOT NULL"
        row = self.connection.execute(kept).fetchone()
        self.waiting += int(row[0]) if row else 0
        if self.waiting >= _MANY:
            self.judge()

    def judge(self) -> None:
        """Judge what was kept by all rules."""
        self.connection.execute(f"INSERT INTO matched {self._second}")
        self.connection.execute("TRUNCATE waiting")
        self.waiting = 0

    @cached_property
    def _anchors(self) -> Predicate:
        """What an event has to fulfil for any rule to hold, as far as few columns say."""
        return merged([_anchor(detection.condition) for detection in self.detections])

    @cached_property
    def _wanted(self) -> str:
        """The SQL of that for the events that are looked at."""
        anchors = written(held(self._compiler, self._anchors))
        # An identity without a type is one that its members' columns may know nothing of.
        unidentified = f" OR {name(IDENTIFIED)} IS NULL" if columns_read([self._anchors]) & MEMBERS.keys() else ""
        return f"({self.reach.condition()}) AND (({anchors}){unidentified})"

    @cached_property
    def _first(self) -> str:
        """The query of which of `lines` (json) any rule may want: f, irregular, record."""
        return (
            f"{early([*self.reach.columns(), *sorted(columns_read([self._anchors]) - {UNLIKE})])} "
            f"SELECT f, irregular, json_extract(json, '$.r') AS {RECORD} FROM early AS {ALIAS} "
            f"WHERE irregular OR ({self._wanted})"
        )

    @cached_property
    def _second(self) -> str:
        """The query of what `waiting` has for the rules: f, hits, record."""
        conditions = [detection.condition for detection in self.detections]
        wanted = self.reach.condition()
        columns = {"eventTime", *self.reach.columns(), *columns_read(conditions)}
        read = event_columns(sorted(columns), "waiting", where=wanted, beside=["f", RECORD])
        marked = f"SELECT f, {written(hits(self._compiler, conditions))} AS hits, {RECORD} FROM ({read}) AS {ALIAS}"
        return f"SELECT * FROM ({marked}) WHERE len(hits) > 0"

    @cached_property
    def _compiler(self) -> Compiler:
        return Compiler({}, datetime.now(UTC), lenient=True)


def unanchored(detections: Sequence[Detection]) -> tuple[Detection, ...]:
    """Return the rules for which every event has to be read whole, since the first look leaves none out."""
    return tuple(detection for detection in detections if _anchor(detection.condition) == TRUE)


def lines_of(path: Path, longest: int) -> str:
    """Return the relation `lines` (json) of a file of lines, of which the longest has so many bytes (0: not many)."""
    room = max(_SMALL, longest + 1)
    read = f"read_ndjson_objects({quoted(str(path))}, ignore_errors = true, maximum_object_size = {room})"
    return f"lines AS (FROM {read})"


def early(wanted: Iterable[str]) -> str:
    """Return the relations up to `early`: of each line json, f, irregular and the columns, JSON's null taken as absent.

    What is no text where one is due is irregular, so that the second step has a look.
    """
    names = dict.fromkeys([*REQUIRED, *wanted]).keys()
    columns = tuple(each for each in names if each not in MEMBERS)
    asked = MEMBERS.keys() & names
    members = {each: key for each, (_, key) in MEMBERS.items() if each in asked or (asked and each == IDENTIFIED)}
    shape: dict[str, object] = dict.fromkeys(columns, "JSON")
    whole = "userIdentity" in columns
    if members and not whole:
        shape["userIdentity"] = dict.fromkeys(members.values(), "VARCHAR")
    structure = json.dumps({"f": "INTEGER", "r": shape})
    texts = [column for column in columns if column in TEXTS]
    odd = [f"s.r.{column} IS NULL" for column in REQUIRED]
    odd += [f"NOT starts_with(s.r.{column}::VARCHAR, '\"')" for column in texts]
    odd += ["NOT starts_with(s.r.eventVersion::VARCHAR, '\"1.')"]
    values = [f"s.r.{column}{' ->> ' + quoted('$') if column in texts else ''} AS {name(column)}" for column in columns]
    for member, key in members.items():
        read = f"json_extract_string(s.r.userIdentity, '$.{key}')" if whole else f"s.r.userIdentity.{name(key)}"
        values.append(f"{read} AS {name(member)}")
    return (
        f"shaped AS (SELECT json, json_transform(json, {quoted(structure)}) AS s FROM lines), "
        f"early AS (SELECT json, s.f AS f, coalesce({' OR '.join(odd)}, FALSE) AS irregular, {', '.join(values)}, "
        f"NULL::JSON AS {UNLIKE} FROM shaped)"
    )


def _anchor(condition: Predicate) -> Predicate:
    """Return what the fewest columns say of a condition: TRUE for a rule that has to see every event whole."""
    for cheap in _TIERS:
        found = weakened(condition, cheap)
        if found != TRUE:
            return found
    return TRUE
