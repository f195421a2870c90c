"""A chunk in which some lines are no JSON, or no records as they should be, made again with care."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from crenel.logs.careful import Line, Reading, usable
from crenel.logs.filling import Filling
from crenel.logs.model import Chunk, Cut, Fault, LogFile, Part, Start
from crenel.logs.shapes import UnusableError
from crenel.logs.splitting import Step, opening, steps
from crenel.logs.text import BLANKS, BrokenError, decoded

_COPIED = 4 << 20
_TAIL = b"}\n"


def repaired(chunk: Chunk, folder: Path) -> Chunk:
    """Return the chunk again, in another file of the folder: each line is JSON, and what was wrong is in its faults.

    The old file stays as it is. Raises `OSError` where the folder can't be written.
    """
    filling = Filling(folder / f"{chunk.path.stem}-careful.ndjson")
    try:
        for fault in chunk.faults:
            filling.fault(fault)
        with chunk.path.open("rb") as lines:
            for part in chunk.parts:
                file = chunk.files[part.number]
                for step in _mended(lines, part, part.cut, file) if part.cut else _same(lines, part, file):
                    filling.take(step)
        made = filling.chunk()
    finally:
        filling.close()
    longest = max(made.longest, chunk.longest)
    return replace(made, files=chunk.files, compressed=chunk.compressed, ended=chunk.ended, longest=longest)


def _same(lines: BinaryIO, part: Part, file: LogFile) -> Iterator[Step]:
    """Yield lines that were read with care before."""
    lines.seek(part.begin)
    left = part.end - part.begin
    while data := lines.read(min(left, _COPIED)):
        left -= len(data)
        yield Step(part.number, file, data=data, events=data.count(b"\n"))


def _mended(lines: BinaryIO, part: Part, cut: Cut, file: LogFile) -> Iterator[Step]:
    lines.seek(part.begin)
    return steps(part.number, file, _Lines(lines.read(part.end - part.begin), part, cut, file.name).read())


class _Lines:
    """The lines of a part, one by one where they are JSON; those that are not are put together again and read on."""

    def __init__(self, data: bytes, part: Part, cut: Cut, name: str) -> None:
        self._data = data
        self._cut = cut
        self._opening = opening(part.number)
        self._between = self._cut.between(self._opening)
        self._start = part.start
        self._name = name

    def read(self) -> Iterator[Line | Fault]:
        """Yield the records of the lines, and what is wrong with them."""
        data = self._data
        broken: Start | None = None  # where lines that are no JSON began
        begin = at = 0
        while at < len(data):
            end = data.find(b"\n", at) + 1 or len(data)
            own = self._own(at, end)
            try:
                value = decoded(own)
            except BrokenError:
                if broken is None:
                    broken, begin = self._start, at
            else:
                if broken:
                    yield from self._reading(begin, at, broken)
                    broken = None
                yield from self._record(value, own)
            self._start = self._next(end - at)
            at = end
        if broken:
            yield from self._reading(begin, at, broken)

    def _own(self, begin: int, end: int) -> str:
        """Return the text of a line's record; nothing where the line does not have the form of one."""
        line = self._data[begin:end]
        if not line.startswith(self._opening) or not line.endswith(_TAIL):
            return ""
        return line[len(self._opening) : -len(_TAIL)].decode("utf-8", "surrogateescape").strip(BLANKS)

    def _record(self, value: object, own: str) -> Iterator[Line | Fault]:
        here = self._start
        position = f"record {here.records + 1:,}" if self._cut.listed else f"line {here.lines + 1:,}"
        try:
            text, wrong = usable(value, own)
        except UnusableError as error:
            yield Fault(self._name, position, str(error))
            return
        for message in wrong:
            yield Fault(self._name, position, message)
        yield Line(text)

    def _next(self, size: int) -> Start:
        here = self._start
        size -= len(self._between) - len(self._cut.pattern)
        return Start(here.records + 1, here.lines + (0 if self._cut.listed else 1), here.bytes + size)

    def _reading(self, begin: int, end: int, start: Start) -> Iterator[Line | Fault]:
        text = self._data[begin + len(self._opening) : end - len(_TAIL)].replace(self._between, self._cut.pattern)
        within = self._cut.closing.decode()
        return Reading(iter([text]), self._name, start, within=within, part=True).read()
