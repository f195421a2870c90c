"""The words of this room: a log file, what is wanted of the logs, a chunk of their records, and a fault."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol


class Source(Protocol):
    """Bytes that are read once, from the beginning."""

    def read(self, size: int = -1, /) -> bytes:
        """Return up to so many bytes, none at the end. Raises `OSError`."""

    def close(self) -> None:
        """Give up what the reading holds."""


@dataclass(frozen=True, slots=True)
class LogFile:
    """A file of logs: its name for people, its size as it is stored (0: not known), and how to open it.

    `tag` changes when the content does, as far as its place says. `written` is when that was, in seconds of the epoch;
    0 where a file is there whole or not at all.
    """

    name: str
    size: int
    open: Callable[[], Source] = field(repr=False, compare=False)
    tag: str = ""
    written: float = 0.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events are wanted: times are aware, both inclusive; an empty set means all."""

    since: datetime | None = None
    until: datetime | None = None
    accounts: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Fault:
    """Something in a log file that is not as it should be.

    `position` is where: ``record 17`` of its list, ``line 4``, ``byte 1,234``.
    """

    file: str
    position: str
    message: str


@dataclass(frozen=True, slots=True)
class Start:
    """Where in a file a reading starts: how many records, lines and bytes lie before it."""

    records: int = 0
    lines: int = 0
    bytes: int = 0


BEGINNING = Start()


@dataclass(frozen=True, slots=True)
class Cut:
    """How the records of a file are told apart without parsing it: wherever `pattern` stands, one ends, one begins.

    `left` and `right` are the ends of the pattern that belong to the records. `start` is where the first record begins.
    `listed`: they stand in a JSON array; `closing` is then what follows the last one. `flat`: they are written over
    several lines. A pattern that stands within a record as well yields lines that are no JSON, and so is noticed.
    """

    pattern: bytes
    left: bytes
    right: bytes
    start: int
    closing: bytes = b""
    flat: bool = False

    @property
    def listed(self) -> bool:
        """Whether the records stand in a JSON array."""
        return bool(self.closing)

    def between(self, opening: bytes) -> bytes:
        """Return what stands in a chunk where the pattern stood in the file. `opening` begins each line."""
        return self.left + b"}\n" + opening + self.right


@dataclass(frozen=True, slots=True)
class Part:
    """The lines of one file in a chunk: bytes `begin` to `end` of it. `cut` is None where they were read with care."""

    number: int
    begin: int
    end: int
    start: Start
    cut: Cut | None


@dataclass(frozen=True, slots=True)
class Chunk:
    """Lines ``{"f": number of the file, "r": the record}`` in a file of their own.

    `bytes` is the size of the records' text, `compressed` that of what was read for it, `ended` the number of files
    that were read to their end in it. No line has more than `longest` bytes.
    """

    path: Path
    files: Mapping[int, LogFile]
    parts: tuple[Part, ...]
    events: int
    bytes: int
    compressed: int
    ended: int
    longest: int
    faults: tuple[Fault, ...]
