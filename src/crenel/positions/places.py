"""From an offset in what was parsed to the line and column of the file that a person wrote."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from crenel.errors import Where

# YAML's line breaks; a JSON text has no others outside its strings.
_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


def lines_of(text: str) -> list[str]:
    """Return a text's lines, as places count them."""
    return _BREAK.split(text)


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a filled text and where it comes from: a literal one letter by letter, else a whole placeholder."""

    start: int
    source: int
    source_end: int
    literal: bool


@dataclass(frozen=True)
class Places:
    """The places of one text. `original` is what stands in the file; `pieces` say how `--vars` changed it."""

    name: str
    original: str
    pieces: Sequence[Piece] = field(default=(), repr=False)

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(match.end() for match in _BREAK.finditer(self.original))]

    @cached_property
    def _piece_starts(self) -> list[int]:
        return [piece.start for piece in self.pieces]

    def where(self, start: int, end: int) -> Where:
        """Return the place of the letters from `start` up to `end` of the text that was parsed."""
        if self.pieces:
            start, end = self._origin(start)[0], max(self._origin(max(start, end - 1))[1], self._origin(start)[0])
        line, column = self._line(start)
        last, until = self._line(max(start, end))
        length = until - column if last == line else 1
        return Where(self.name, line, column, max(1, length), (last, until))

    def offset(self, line: int, column: int) -> int:
        """Return where a line's column stands in the original text."""
        return min(self._starts[line - 1] + column - 1, len(self.original))

    def _origin(self, offset: int) -> tuple[int, int]:
        """Return where a letter comes from, and where that ends."""
        piece = self.pieces[max(0, bisect_right(self._piece_starts, offset) - 1)]
        if piece.literal:
            found = min(piece.source + offset - piece.start, piece.source_end)
            return found, found + 1
        return piece.source, piece.source_end

    def _line(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1
