r"""Patterns → RE2 as the engine reads it: POSIX expressions, shell patterns, and patterns of paths.

Falco compiles expressions with RE2 in POSIX syntax (https://github.com/google/re2/wiki/syntax): no ``\d``, ``\w`` or
``\b``, no ``(?…)``, no lazy repetition. So they are read here letter by letter, and written out for RE2's usual syntax.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_MOST_REPEATS = 1000  # RE2's own bound, nested repeats multiplied
_MOST_DEPTH = 60
_ROOM = 20_000  # in the units below; RE2 gives up somewhat above that
_LITERAL, _CLASS = 4, 20
_CLASSES = ("alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper",
            "word", "xdigit")  # fmt: skip
_REPEAT = re.compile(r"\{(\d+)(?:(,)(\d*))?\}", re.ASCII)
_HEX = re.compile(r"x(?:\{([0-9A-Fa-f]{1,6})\}|([0-9A-Fa-f]{2}))")
_OCTAL = re.compile(r"0[0-7]{0,2}|[1-7][0-7]{1,2}")
_LETTERS = {"a": 7, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}
_WHOLE = r"\A(?:{})\z"
_NOTHING = r"[^\x{0}-\x{10FFFF}]"


class PatternError(Exception):
    """What is no pattern, or none that runs in bounded time; the message says why."""


@lru_cache(maxsize=1024)
def posix(text: str) -> str:
    """Return an expression in POSIX syntax that has to match a whole text. Raises `PatternError`."""
    return rf"\A(?m:{_Posix(text).written()})\z"  # in POSIX syntax ^ and $ are those of lines


@lru_cache(maxsize=1024)
def shell(text: str) -> str:
    """Return a shell pattern that has to match a whole text; its ``*`` crosses ``/`` too. Raises `PatternError`."""
    _check_length(text)
    return _WHOLE.format(_shell(text, "(?s:.)"))


@lru_cache(maxsize=1024)
def path(text: str) -> str:
    """Return what the paths fit that begin with a path, name by name; names may be shell patterns.

    Raises `PatternError`.
    """
    _check_length(text)
    # No name is empty, so a star alone stands for a letter at least.
    names = [_shell(name, "[^/]") if name.strip("*") else "[^/]+" for name in text.split("/") if name]
    return rf"\A/*{'/+'.join(names)}(?:/|\z)" if names else ""


def plain(text: str) -> tuple[str, str] | None:
    """Return ``starts``, ``ends`` or ``contains`` and a text where a shell pattern means only that, else None."""
    inner = text.strip("*")
    if not inner or any(letter in inner for letter in "*?[\\"):
        return None
    start, end = text.startswith("*"), text.endswith("*")
    return {(False, True): ("starts", inner), (True, False): ("ends", inner), (True, True): ("contains", inner)}.get(
        (start, end)
    )


def _literal(letter: str) -> str:
    if letter.isascii() and (letter.isalnum() or letter in "_ /"):
        return letter
    return f"\\{letter}" if letter.isascii() and letter.isprintable() else f"\\x{{{ord(letter):X}}}"


# --- shell patterns


def _shell(text: str, any_letter: str) -> str:
    found: list[str] = []
    at = 0
    while at < len(text):
        letter = text[at]
        at += 1
        if letter == "*":
            if found[-1:] != [f"{any_letter}*"]:
                found.append(f"{any_letter}*")
        elif letter == "?":
            found.append(any_letter)
        elif letter == "[" and (bracket := _bracket(text, at)):
            found.append(bracket[0])
            at = bracket[1]
        elif letter == "\\":
            if at == len(text):
                return _NOTHING  # a backslash at the end fits nothing
            found.append(_literal(text[at]))
            at += 1
        else:
            found.append(_literal(letter))
    return "".join(found)


def _check_length(text: str) -> None:
    if sum(_CLASS if letter in "*?[" else _LITERAL for letter in text) > _ROOM:
        raise PatternError(f"its {len(text):,} letters are too many to run in bounded time.")


def _bracket(text: str, at: int) -> tuple[str, int] | None:
    """Return a set of letters and where it ends, None where it never does: then its bracket is a letter."""
    negative = text[at : at + 1] in ("!", "^") and text[at : at + 1] != ""
    at += negative
    items: list[str] = []
    first = True
    while at < len(text) and (first or text[at] != "]"):
        first = False
        named = re.compile(r"\[:([a-z]+):\]").match(text, at)
        if named and named[1] in _CLASSES:
            items.append(named[0])
            at = named.end()
            continue
        low, at = _shell_letter(text, at)
        high = low
        if text[at : at + 1] == "-" and text[at + 1 : at + 2] not in ("]", ""):
            high, at = _shell_letter(text, at + 1)
        if low <= high:
            items.append(f"{_literal(low)}-{_literal(high)}")
    if at >= len(text):
        return None
    if not items:
        return ("(?s:.)" if negative else _NOTHING), at + 1
    return f"[{'^' if negative else ''}{''.join(items)}]", at + 1


def _shell_letter(text: str, at: int) -> tuple[str, int]:
    if text[at] == "\\" and at + 1 < len(text):
        at += 1
    return text[at], at + 1


# --- POSIX expressions


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of an expression as RE2 reads it, what it costs, and how often its inner repetitions repeat."""

    text: str
    cost: int
    times: int = 1


class _Posix:
    """Reads from where `at` stands."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def written(self) -> str:
        found = self.alternatives(0)
        if self.at < len(self.text):
            raise PatternError('its ")" closes nothing.')
        return found.text

    def alternatives(self, depth: int) -> _Part:
        if depth > _MOST_DEPTH:
            raise PatternError(f"its groups are nested more than {_MOST_DEPTH} deep.")
        branches = [self.branch(depth)]
        while self.peek() == "|":
            self.at += 1
            branches.append(self.branch(depth))
        return self.bounded("|".join(each.text for each in branches), branches)

    def branch(self, depth: int) -> _Part:
        parts: list[_Part] = []
        while self.peek() not in ("", "|", ")"):
            parts.append(self.repeated(self.atom(depth)))
        return self.bounded("".join(each.text for each in parts), parts)

    def bounded(self, text: str, parts: list[_Part]) -> _Part:
        cost = sum(each.cost for each in parts)
        if cost > _ROOM:
            raise PatternError("it repeats too much or is too long to run in bounded time.")
        return _Part(text, cost, max((each.times for each in parts), default=1))

    def atom(self, depth: int) -> _Part:
        letter = self.peek()
        self.at += 1
        match letter:
            case "(":
                if self.peek() == "?":
                    raise PatternError("(?…) has no meaning in POSIX syntax.")
                inner = self.alternatives(depth + 1)
                if self.peek() != ")":
                    raise PatternError('its "(" is never closed.')
                self.at += 1
                return _Part(f"(?:{inner.text})", inner.cost, inner.times)
            case "[":
                return _Part(self.members(), _CLASS)
            case ".":
                return _Part(r"[^\n]", _CLASS)
            case "^" | "$":
                return _Part(letter, _LITERAL)
            case "\\":
                return _Part(_literal(self.escaped()), _LITERAL)
        if letter in "*+?" or (letter == "{" and _REPEAT.match(self.text, self.at - 1)):
            raise PatternError(f'its "{letter}" has nothing to repeat.')
        return _Part(_literal(letter), _LITERAL)

    def repeated(self, part: _Part) -> _Part:
        while (letter := self.peek()) and letter in "*+?{":
            if letter != "{":
                self.at += 1
                part = _Part(f"(?:{part.text}){letter}", part.cost, part.times)
                continue
            found = _REPEAT.match(self.text, self.at)
            if found is None:
                break  # a brace that is a letter
            least, most = int(found[1]), int(found[3] or found[1])
            bound = max(least, most)
            if most < least or bound * part.times > _MOST_REPEATS:
                raise PatternError(f"its {found[0]} is no repetition, or one of more than {_MOST_REPEATS} times.")
            self.at = found.end()
            part = self.bounded(
                f"(?:{part.text}){found[0]}", [_Part("", part.cost * max(1, bound), part.times * max(1, bound))]
            )
        return part

    def members(self) -> str:
        """Return a set of letters, of which the bracket is read."""
        negative = self.peek() == "^"
        self.at += negative
        items: list[str] = []
        first = True
        while first or self.peek() != "]":
            first = False
            if not self.peek():
                raise PatternError('its "[" is never closed.')
            named = re.compile(r"\[:(\^?)([a-z]+):\]").match(self.text, self.at)
            if named:
                if named[2] not in _CLASSES:
                    raise PatternError(f"there is no class {named[0]}.")
                items.append(named[0])
                self.at = named.end()
                continue
            low = self.member()
            high = low
            if self.peek() == "-" and self.text[self.at + 1 : self.at + 2] not in ("]", ""):
                self.at += 1
                high = self.member()
            if high < low:
                raise PatternError(f"its range {low}-{high} goes backwards.")
            items.append(f"{_literal(low)}-{_literal(high)}")
        self.at += 1
        return f"[{'^' if negative else ''}{''.join(items)}]"

    def member(self) -> str:
        letter = self.peek()
        self.at += 1
        return self.escaped() if letter == "\\" else letter

    def escaped(self) -> str:
        """Return the letter that an escape stands for, of which the backslash is read."""
        letter = self.peek()
        if not letter:
            raise PatternError("it ends in a backslash.")
        found = _HEX.match(self.text, self.at) or _OCTAL.match(self.text, self.at)
        if found:
            self.at = found.end()
            code = int(found[1] or found[2], 16) if letter == "x" else int(found[0], 8)
            if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
                raise PatternError(f"\\{found[0]} is no letter.")
            return chr(code)
        self.at += 1
        if letter in _LETTERS:
            return chr(_LETTERS[letter])
        if letter.isalnum() or letter == "_" or not letter.isascii():
            raise PatternError(f"\\{letter} has no meaning in POSIX syntax.")
        return letter

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]
