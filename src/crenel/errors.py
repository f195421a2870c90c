"""Everything that Crenel raises on purpose, drawn once.

    CrenelError                     message, and where it can be known: file, line, column, suggestion
    ├── UsageError                  the command can't be carried out as given               exit 2
    │   ├── PolicyError             a policy, fact or catalogue file that does not load     exit 2
    │   │   └── PolicyFileError     several of them
    │   ├── CredentialsError        no credentials, or AWS refuses them                     exit 2
    │   └── WritingError            a place that can't be written: no room, no rights       exit 2
    ├── LakeError                   a snapshot that is missing, damaged or half-written     exit 2
    └── CallError                   one AWS call that failed for good: becomes a gap, never ends a scan
        └── UnsureError             a writing call of which nobody knows whether AWS did it

Whatever else flies is a bug and ends with exit code 1.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_FEW = 8  # words that a suggestion lists
_WIDEST = 500  # letters of a source line that are shown


@dataclass(frozen=True, slots=True)
class Where:
    """A place in a text that a person wrote. Lines and columns count from 1; `length` is in characters.

    `end` is the line and column behind the last character, where that is known; `length` speaks of the first line.
    """

    file: str
    line: int
    column: int
    length: int = 1
    end: tuple[int, int] | None = None

    @property
    def until(self) -> tuple[int, int]:
        """The line and column behind the last character."""
        return self.end or (self.line, self.column + self.length)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class CrenelError(Exception):
    """The root. `str()` is one paragraph for a person: the place, what is wrong, what to do about it."""

    def __init__(self, message: str, *, where: Where | None = None, suggestion: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.suggestion = suggestion

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        hint = f" {self.suggestion}" if self.suggestion else ""
        return f"{place}{self.message}{hint}"


class UsageError(CrenelError):
    """The command can't be carried out as it was given."""


class PolicyError(UsageError):
    """A file that a person wrote (policy, fact, catalogue) says something that Crenel can't take.

    `code` names the kind of error for machines.
    """

    def __init__(
        self, message: str, *, where: Where | None = None, suggestion: str = "", code: str = "invalid"
    ) -> None:
        super().__init__(message, where=where, suggestion=suggestion)
        self.code = code

    def all(self) -> tuple[PolicyError, ...]:
        """Return this error, or those that it stands for."""
        return (self,)


class PolicyFileError(PolicyError):
    """Several errors of one file, raised together. Its own message is the first one's."""

    def __init__(self, errors: Sequence[PolicyError]) -> None:
        first = errors[0]
        super().__init__(first.message, where=first.where, suggestion=first.suggestion, code=first.code)
        self.errors = tuple(errors)

    def all(self) -> tuple[PolicyError, ...]:
        """Return the errors."""
        return self.errors


class CredentialsError(UsageError):
    """There are no AWS credentials, or AWS refuses those there are."""


class WritingError(UsageError):
    """A place can't be written: there is no room, or there are no rights."""


class LakeError(CrenelError):
    """A snapshot is missing, damaged or half-written."""


class CallError(CrenelError):
    """One AWS call that failed for good.

    `code` is AWS's error code (or ``Timeout``, ``ConnectionError``), `call` is ``service:Operation``.
    """

    def __init__(self, call: str, code: str, message: str) -> None:
        super().__init__(f"{call}: {code}: {message}")
        self.call = call
        self.code = code
        self.detail = message


class UnsureError(CallError):
    """A writing call that AWS may have done or not: no answer came, or none that says so."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``Did you mean "x"?`` for the nearest of the known words, or nothing where none is near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f'Did you mean "{near[0]}"?' if near else ""


def nearest(word: str, known: Iterable[str]) -> str:
    """Return ``Did you mean "x"?``, or where none is near ``It has …`` with the few of the known words that are least
    far. Words with a colon are not for people, and left out.
    """
    words = sorted(each for each in known if ":" not in each and not each.startswith("_"))
    hint = did_you_mean(word, words)
    if hint or not words:
        return hint
    if len(words) <= _FEW:
        return f"It has {', '.join(words)}."
    near = difflib.get_close_matches(word, words, n=_FEW, cutoff=0.0)
    return f"It has {', '.join(sorted(near))} and {len(words) - _FEW} more."


def underline(lines: Sequence[str], where: Where) -> str:
    """Return the line that `where` names, with the offending part underlined below it; of several lines the first."""
    if not 1 <= where.line <= len(lines):
        return ""
    line = lines[where.line - 1].replace("\t", " ")
    last, column = where.until
    length = len(line) if last > where.line else column - where.column
    room = max(1, min(length, len(line.rstrip()) - where.column + 1, _WIDEST))
    shown = f"    {_clipped(line)}"
    return f"{shown}\n    {' ' * (where.column - 1)}^{'~' * (room - 1)}" if where.column <= _WIDEST else shown


def _clipped(line: str) -> str:
    return line if len(line) <= _WIDEST else f"{line[:_WIDEST]}..."
