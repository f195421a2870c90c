"""Texts that others wrote (resource names, AWS's messages), made fit to be shown to a person."""

from __future__ import annotations


def plain(text: str) -> str:
    """Return a text as `printable` does, on one line: a run of white space becomes one space."""
    if text.isprintable() and "  " not in text:
        return text
    return printable(" ".join(text.split()))


def printable(text: str) -> str:
    r"""Return a text, its lines kept, in which nothing steers a terminal or hides.

    Control characters, ANSI escapes, bidirectional marks and such are written out (``\x1b``): nothing of them acts, and
    a name that holds them is seen to hold them.
    """
    return "".join(part if part.isprintable() or part == "\n" else _written_out(part) for part in text)


def short(text: str, length: int) -> str:
    """Return a text as `plain` gives it, cut to a number of characters with an ellipsis."""
    shown = plain(text)
    return shown if len(shown) <= length else f"{shown[: max(0, length - 1)]}…"


def number(count: int, one: str, many: str = "") -> str:
    """Return a count with its noun: ``1 call``, ``1,200 calls``."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def _written_out(part: str) -> str:
    return part.encode("unicode_escape").decode("ascii")
