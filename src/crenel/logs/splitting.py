"""One file to lines for chunks: cut where its records meet, or read with care where that can't be done."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from crenel.logs.careful import Line, Reading
from crenel.logs.model import BEGINNING, Cut, Fault, LogFile, Start
from crenel.logs.reading import Unpacking
from crenel.logs.shapes import cut_of
from crenel.logs.text import LONGEST

_BATCH = 1 << 20  # bytes of careful lines that go out together
_TAIL = 256  # bytes at the end of a file in which its list is closed
_OVERHEAD = 64  # bytes of a line beside its record
_CLOSINGS = {
    b"]}": re.compile(rb"\}[ \t\r\n]*\][ \t\r\n]*\}[ \t\r\n]*\Z"),
    b"]": re.compile(rb"\}[ \t\r\n]*\][ \t\r\n]*\Z"),
}


@dataclass(frozen=True, slots=True)
class Step:
    """Lines of a file that go into a chunk together, and what came with them.

    `stored` is how much of the file was read for it; `ended` says that the file was read to its end.
    """

    number: int
    file: LogFile
    start: Start = BEGINNING
    cut: Cut | None = None
    data: bytes = b""
    events: int = 0
    longest: int = 0
    stored: int = 0
    faults: tuple[Fault, ...] = ()
    ended: bool = False


def opening(number: int) -> bytes:
    """Return how each line of a file begins."""
    return b'{"f":%d,"r":' % number


def split(number: int, file: LogFile) -> Iterator[Step]:
    """Yield a file's lines step by step, some megabytes each, and at last the faults of its packing."""
    unpacking = Unpacking(file)
    pieces = iter(unpacking)
    first = next(pieces, b"")
    cut = cut_of(first)
    told = 0
    steps = _cut(number, file, cut, first, pieces) if cut else _read(number, file, chain([first], pieces), BEGINNING)
    for step in steps:
        yield step
        if unpacking.stored > told:
            yield Step(number, file, stored=unpacking.stored - told)
            told = unpacking.stored
    yield Step(number, file, stored=unpacking.stored - told, faults=tuple(unpacking.faults), ended=True)


def _cut(number: int, file: LogFile, cut: Cut, first: bytes, pieces: Iterator[bytes]) -> Iterator[Step]:
    """Yield a file's lines. A record whose end has not come yet is `held`, without what the pattern has of it."""
    first = _flat(first, cut)
    begin = cut.start + len(cut.right)
    start = Start(0, first.count(b"\n", 0, begin), cut.start)
    held = b""
    come = begin
    for piece in chain([first[begin:]], pieces):
        come += len(piece)
        records = _flat(piece, cut).split(cut.pattern)
        # The pattern may lie across the border of two pieces: what is joined there is looked through once more.
        records[:1] = (held + records[0]).split(cut.pattern)
        held = records.pop()
        if records:
            yield _lines(number, file, cut, start, records)
            lines = 0 if cut.listed else len(records)
            start = Start(start.records + len(records), start.lines + lines, come - len(held) - len(cut.right))
        elif len(held) > LONGEST:
            yield from _read(number, file, chain([cut.right + held], pieces), start, cut)
            return
    end = _end(held, cut)
    if end is None:
        yield from _read(number, file, [cut.right + held], start, cut)
    elif end or cut.right:
        yield _lines(number, file, cut, start, [held[:end]])


def _lines(number: int, file: LogFile, cut: Cut, start: Start, records: list[bytes]) -> Step:
    """Return the lines of some records.

    To split and to join takes less time than `bytes.replace`, which looks twice, and keeps all of it in the cache.
    """
    begins = opening(number)
    events, longest = len(records), max(map(len, records))
    records[0] = begins + cut.right + records[0]
    records[-1] += cut.left + b"}\n"
    return Step(number, file, start, cut, cut.between(begins).join(records), events, longest + _OVERHEAD)


def _flat(piece: bytes, cut: Cut) -> bytes:
    return piece.replace(b"\n", b"\r") if cut.flat else piece


def _end(held: bytes, cut: Cut) -> int | None:
    """Return where the last record ends, but for what `left` has of it; None where it does not end as it should."""
    if not cut.listed:
        return len(held.rstrip(b" \t\r\n"))
    begin = max(0, len(held) - _TAIL)
    found = _CLOSINGS[cut.closing].search(held, begin)
    return found.start() if found else None


def _read(number: int, file: LogFile, pieces: Iterable[bytes], start: Start, cut: Cut | None = None) -> Iterator[Step]:
    """Yield the lines of a file's rest by the careful reading."""
    within = cut.closing.decode() if cut else ""
    return steps(number, file, Reading(iter(pieces), file.name, start, within=within).read())


def steps(number: int, file: LogFile, found: Iterable[Line | Fault]) -> Iterator[Step]:
    """Yield what the careful reading found, some at a time."""
    begins = opening(number)
    lines: list[bytes] = []
    faults: list[Fault] = []
    size = longest = 0
    for each in found:
        if isinstance(each, Fault):
            faults.append(each)
            size += _OVERHEAD
        else:
            lines.append(b"%b%b}\n" % (begins, each.text.encode()))
            size += len(lines[-1])
            longest = max(longest, len(lines[-1]))
        if size >= _BATCH:
            yield Step(number, file, data=b"".join(lines), events=len(lines), longest=longest, faults=tuple(faults))
            lines, faults, size, longest = [], [], 0, 0
    yield Step(number, file, data=b"".join(lines), events=len(lines), longest=longest, faults=tuple(faults))
