"""The careful reading: record by record, whatever the form, and what is wrong is named and passed over."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass

from crenel.logs.model import BEGINNING, Fault, LogFile, Start
from crenel.logs.reading import Unpacking
from crenel.logs.shapes import HOW_TO_EXPORT, LISTS, UnusableError, clean, odd, record_of
from crenel.logs.text import LONGEST, BrokenError, Text

_PIECE = 256 << 10  # bytes looked at together: a small text is cheap to cut and to count in
_NAMES = "|".join(LISTS)
# A document with a list of records; what AWS's own answers have before it is passed over.
_B = r"[ \t\r\n]*"
_DOCUMENT = re.compile(
    rf'\{{{_B}(?:"(?:NextToken|QueryStatus)"{_B}:{_B}(?:"[^"\\]*"|null){_B},{_B}'
    rf'|"QueryStatistics"{_B}:{_B}\{{[^{{}}]*\}}{_B},{_B})*"(?:{_NAMES})"{_B}:{_B}\['
)
_ANOTHER_LIST = re.compile(rf'"(?:{_NAMES})"{_B}:{_B}\[')
_COLON = re.compile(rf"{_B}:{_B}")
_HEAD = 4096  # characters in which a document's list begins
_FIRST_KEY = re.compile(rf'\{{{_B}"([^"\\]*)"{_B}:')
_LONGEST_KEY = 256
_BACK = 64  # characters before an error in which the next record may have begun
_COLUMNS = frozenset({"eventversion", "eventtime", "eventname", "eventid", "eventsource", "useridentity"})


@dataclass(frozen=True, slots=True)
class Line:
    """A record's own text, in one line and in good Unicode."""

    text: str


class _NoMoreError(Exception):
    """The rest of the file can't be used either."""


def careful(file: LogFile) -> Iterator[Line | Fault]:
    """Read a file record by record: yield every readable record's text, and everything that is not as it should be."""
    unpacking = Unpacking(file)
    yield from Reading(iter(unpacking), file.name).read()
    yield from unpacking.faults


def usable(value: object, own: str) -> tuple[str, list[str]]:
    """Return the text of the record that a value is or holds, in one line, and what is wrong with it.

    Raises `UnusableError`.
    """
    record, text = record_of(value, own)
    text, wrong = clean(text)
    return text, ([wrong] if wrong else []) + list(odd(record))


class Reading:
    """One reading of text that comes in pieces; `start` says where in the file it begins.

    `within` is what has still to be closed where it begins (``]}``: a list in a document), and where a `part` ends.
    """

    def __init__(
        self, pieces: Iterator[bytes], name: str, start: Start = BEGINNING, *, within: str = "", part: bool = False
    ) -> None:
        self._start = start
        self._text = Text(_small(pieces), self._start)
        self._name = name
        self.records = self._start.records
        self._within = within
        self._open = [within] if within else []
        self._listed = bool(within)
        self._part = part
        self._last = ""  # the last good record
        self._cut = False

    def read(self) -> Iterator[Line | Fault]:
        """Yield what there is."""
        text = self._text
        try:
            if text.peek() == "\ufeff":
                text.at += 1
            if text.peek() not in ("", "{", "[") and not (self._open or self._part) and self._start == BEGINNING:
                yield from self._table()
            while here := text.peek():
                yield from self._next(here)
        except _NoMoreError:
            return
        here = f"byte {text.byte():,}"
        if self._part and "".join(self._open) != self._within:
            yield self._fault("brackets before this are closed or opened that should not be", here)
        elif self._open and not self._part and not self._cut:
            yield self._fault("the file ends within its list of records", here)

    def _next(self, here: str) -> Iterator[Line | Fault]:
        text = self._text
        if here == "{" and self._document():
            return
        if here == ",":  # between records; where one is missing or too many, nothing is lost
            text.at += 1
        elif self._open and here == self._open[-1][0]:
            text.at += 1
            left = self._open.pop()[1:]
            if left:
                self._open.append(left)
        elif self._open and self._open[-1] == "}" and here == '"':
            yield from self._member()
        elif here == "[" and not self._open:
            text.at += 1
            self._begin("]")
        elif here == "{" or self._open:
            yield from self._element()
        else:
            yield from self._broken(BrokenError("no record begins here", text.at))

    def _begin(self, closing: str) -> None:
        self._open.append(closing)
        self._listed = True

    def _document(self) -> bool:
        """Go on to the records of a document that lists some, and return whether it is one."""
        self._text.ensure(_HEAD)
        found = _DOCUMENT.match(self._text.buffer, self._text.at)
        if found:
            self._text.at = found.end()
            self._begin("]}")
        return bool(found)

    def _member(self) -> Iterator[Line | Fault]:
        """Go on behind a member that follows the records in their document, or into another list."""
        text = self._text
        text.ensure(_HEAD)
        found = _ANOTHER_LIST.match(text.buffer, text.at)
        if found:
            text.at = found.end()
            self._open[-1] = "]}"
            return
        try:
            text.value()
            if colon := _COLON.match(text.buffer, text.at):
                text.at = colon.end()
                text.value()
        except BrokenError as error:
            yield from self._broken(error)

    def _element(self) -> Iterator[Line | Fault]:
        self.records += 1
        try:
            value, own = self._text.value()
        except BrokenError as error:
            yield from self._broken(error)
            return
        yield from self._use(value, own, "")

    def _use(self, value: object, own: str, position: str) -> Iterator[Line | Fault]:
        """Yield the record that a value is, and what is wrong with it."""
        try:
            text, wrong = usable(value, own)
        except UnusableError as error:
            yield self._fault(str(error), position or self._position(own))
            if error.final:
                raise _NoMoreError from error
            return
        self._last = own
        for message in wrong:
            yield self._fault(message, position or self._position(own))
        yield Line(text)

    def _broken(self, error: BrokenError) -> Iterator[Line | Fault]:
        """Say what is wrong here, and go on to where the next record seems to begin."""
        text = self._text
        position, begin = self._position(), text.byte()
        where = f"byte {text.byte(error.at):,}"
        text.at = text.at + 1 if error.cut else max(text.at + 1, error.at - _BACK)
        text.seek(self._beginning(), _LONGEST_KEY)
        self._cut = error.cut
        what = "it is cut off by the end of the file" if error.cut and not self._part else f"{error} ({where})"
        yield self._fault(f"{what}; {text.byte() - begin:,} bytes are passed over", position)

    def _beginning(self) -> re.Pattern[str]:
        """Return what the beginning of a record looks like: as the last one began, or a line that begins with ``{``."""
        first = _FIRST_KEY.match(self._last)
        keys = {"eventVersion", first[1] if first and len(first[1]) < _LONGEST_KEY - 16 else "eventVersion"}
        named = "|".join(re.escape(key) for key in sorted(keys))
        return re.compile(rf'(?<=\n)\{{|\{{{_B}"(?:{named})"{_B}:|\{{{_B}"Records"{_B}:{_B}\[')

    def _table(self) -> Iterator[Line | Fault]:
        """Read a table with commas, if it is one: what CloudTrail Lake saves of a query.

        https://docs.aws.amazon.com/awscloudtrail/latest/userguide/view-download-cloudtrail-lake-query-results.html
        """
        text = self._text
        text.ensure(_HEAD)
        head = text.buffer[text.at :].partition("\n")[0].lower()
        names = [name.strip('" \r') for name in head.split(",")]
        if "eventjson" not in names:
            if not _COLUMNS.isdisjoint(names):
                yield self._fault(f"the table has no column eventJson; {HOW_TO_EXPORT}", "line 1")
                raise _NoMoreError
            return
        before = csv.field_size_limit(LONGEST)  # which is the whole process's: others have theirs back afterwards
        try:
            yield from self._rows(names)
        finally:
            csv.field_size_limit(before)

    def _rows(self, names: list[str]) -> Iterator[Line | Fault]:
        column = names.index("eventjson")
        rows = csv.reader(iter(self._text.line, ""), strict=True)
        next(rows)
        while True:
            line = rows.line_num + 1
            try:
                row = next(rows, None)
            except csv.Error as error:
                yield self._fault(f"the row can't be read: {error}", f"line {line:,}")
                continue
            if row is None:
                return
            self.records += 1 if row else 0
            if row and len(row) == len(names):
                yield from self._use({"eventJson": row[column]}, "", f"line {line:,}")
            elif row:
                yield self._fault(f"the row has {len(row)} values for {len(names)} columns", f"line {line:,}")

    def _position(self, own: str = "") -> str:
        """Return where the record is that begins here, or the one that was just read with this text."""
        if self._open:
            return f"record {self.records:,}"
        if self._listed:
            return f"byte {self._text.byte():,}"
        return f"line {self._text.line_number() - own.count(chr(10)):,}"

    def _fault(self, message: str, position: str) -> Fault:
        return Fault(self._name, position, message)


def _small(pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        for at in range(0, len(piece), _PIECE):
            yield piece[at : at + _PIECE]
