"""The place of a part of a scalar: where in the file a letter of a text stands that YAML folded or unescaped."""

from __future__ import annotations

import re

from crenel.errors import Where
from crenel.positions.located import Located
from crenel.positions.places import Places

_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_BLANK = " \t\r\n"


def inside(item: Located, text: str, start: int, end: int) -> Where:
    r"""Return the place of the letters from `start` up to `end` of a scalar's value, of which `text` is the file.

    Where that can't be followed (an escape such as ``\x41``), the place is that of the last letter before it.
    """
    places = Places(item.where.file, text)
    first, last = places.offset(item.where.line, item.where.column), places.offset(*item.where.until)
    begin, finish = _followed(str(item.value), text[first:last], start, max(start + 1, end))
    return places.where(first + begin, first + finish)


def _followed(value: str, written: str, start: int, end: int) -> tuple[int, int]:
    """Return where two letters of a value stand as written: blanks aside, both have the same letters in order."""
    at = 0
    if written[:1] == '"':
        # The letter of an escape is none of the value's.
        written = _ESCAPE.sub(lambda found: found[0] if found[1] in '"\\/' else "  ", written)
    if written[:1] in ("|", ">"):
        at = written.find("\n") + 1
    begin = finish = at
    for index, letter in enumerate(value[:end]):
        if letter in _BLANK:
            continue
        found = written.find(letter, at)
        if found < 0:
            break
        if index <= start:
            begin = found
        at = finish = found + 1
    return begin, max(finish, begin + 1)
