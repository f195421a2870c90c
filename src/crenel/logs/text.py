"""A file's text as it comes, a piece at a time: only what a reader looks at is held."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from json import JSONDecodeError, JSONDecoder
from typing import Any

from crenel.logs.model import Start

BLANKS = " \t\r\n"  # JSON's; Python's own idea of blanks is wider
LONGEST = 64 << 20  # characters of one record
_UNSURE = 16  # characters at the end of what is there: an error in them may mean that more is to come
_SPACE = re.compile(r"[ \t\r\n]*")
# Whole numbers become floats: Python refuses to read thousands of digits, and no whole number is asked for.
_DECODER = JSONDecoder(parse_int=float)


class BrokenError(Exception):
    """What stands here is no JSON, or too much of it. `cut` says that the text ends in the middle of it."""

    def __init__(self, message: str, at: int, *, cut: bool = False) -> None:
        super().__init__(message)
        self.at = at
        self.cut = cut


class Text:
    """The text, from `at` on. Bytes that are no UTF-8 are lone surrogates in it."""

    def __init__(self, pieces: Iterator[bytes], start: Start) -> None:
        self.buffer = ""
        self.at = 0
        self._pieces = pieces
        self._ended = False
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._bytes = start.bytes
        self._lines = start.lines

    def more(self, least: int = 1) -> bool:
        """Let go of what was read, and hold so many characters more; return whether there were any."""
        gone = self.buffer[: self.at]
        self._bytes += _size(gone)
        self._lines += gone.count("\n")
        held = [self.buffer[self.at :]]
        self.at = 0
        got = 0
        while got < least and not self._ended:
            piece = next(self._pieces, None)
            self._ended = piece is None
            held.append(self._decoder.decode(piece or b"", self._ended))
            got += len(held[-1])
        self.buffer = "".join(held)
        return got > 0

    def ensure(self, length: int) -> None:
        """Hold so many characters from here on, where there are so many."""
        missing = length - (len(self.buffer) - self.at)
        if missing > 0 and not self._ended:
            self.more(missing)

    def peek(self) -> str:
        """Go on to what is no blank and return it; nothing at the end."""
        while True:
            found = _SPACE.match(self.buffer, self.at)
            self.at = found.end() if found else self.at
            if self.at < len(self.buffer):
                return self.buffer[self.at]
            if not self.more():
                return ""

    def value(self) -> tuple[Any, str]:
        """Read a JSON value; return it and its own text. Raises `BrokenError`, and then is where it was."""
        while True:
            try:
                found, end = _DECODER.raw_decode(self.buffer, self.at)
            except JSONDecodeError as error:
                unsure = error.pos >= len(self.buffer) - _UNSURE or error.msg.startswith("Unterminated")
                if not unsure or len(self.buffer) - self.at > LONGEST:
                    raise BrokenError(_said(error.msg), error.pos) from error
                into = error.pos - self.at
                if not self.more(len(self.buffer) - self.at):
                    raise BrokenError(_said(error.msg), self.at + into, cut=True) from error
            except RecursionError as error:
                raise BrokenError("it is nested too deep", self.at) from error
            else:
                if end - self.at > LONGEST:
                    raise BrokenError(f"it is longer than {LONGEST >> 20} MB", end)
                own = self.buffer[self.at : end]
                self.at = end
                return found, own

    def seek(self, pattern: re.Pattern[str], overlap: int) -> bool:
        """Go on to where a pattern stands, or to the end; return whether it was found.

        `overlap` is how long what it finds may be.
        """
        begin = self.at
        while True:
            found = pattern.search(self.buffer, begin)
            if found:
                self.at = found.start()
                return True
            self.at = max(self.at, len(self.buffer) - overlap)
            begin = 0
            if not self.more():
                self.at = len(self.buffer)
                return False

    def line(self) -> str:
        """Read on to the end of the line and return it, line break and all; nothing at the end."""
        while (end := self.buffer.find("\n", self.at)) < 0:
            length = len(self.buffer) - self.at
            if length > LONGEST or not self.more(max(1, length)):
                end = len(self.buffer) - 1
                break
        found = self.buffer[self.at : end + 1]
        self.at = end + 1
        return found

    def line_number(self) -> int:
        """Return the number of the line here, from 1."""
        return self._lines + self.buffer.count("\n", 0, self.at) + 1

    def byte(self, at: int | None = None) -> int:
        """Return how many bytes of the file lie before a place in the buffer, or before here."""
        return self._bytes + _size(self.buffer[: self.at if at is None else at])


def decoded(text: str) -> Any:  # noqa: ANN401 (any JSON)
    """Return the value of a whole JSON text. Raises `BrokenError`."""
    try:
        return _DECODER.decode(text)
    except JSONDecodeError as error:
        raise BrokenError(_said(error.msg), error.pos) from error
    except RecursionError as error:
        raise BrokenError("it is nested too deep", 0) from error


def members(text: str) -> Iterator[tuple[str, str]]:
    """Yield the keys of a JSON object, and each value's own text. The text is known to be one."""
    at = text.index("{") + 1
    while found := _MEMBER.match(text, at):
        key, at = _DECODER.raw_decode(text, found.end() - 1)
        at = _COLON.match(text, at).end()  # type: ignore[union-attr]  # it is an object
        _, end = _DECODER.raw_decode(text, at)
        yield key, text[at:end]
        at = end


_MEMBER = re.compile(r'[ \t\r\n,]*"')
_COLON = re.compile(r"[ \t\r\n]*:[ \t\r\n]*")


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogateescape"))


def _said(message: str) -> str:
    """Return what Python says of a text that is no JSON, within a sentence."""
    return message[:1].lower() + message[1:]
