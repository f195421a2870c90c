r"""Regular expressions as Python's own parser reads them, written out as RE2 reads them, or refused by name.

The two languages look alike and differ in the small: `$`, `\w`, `{,3}` and `\Z` mean other things in RE2, or nothing.
So a pattern is parsed by Python's own parser, and what it made of the pattern is printed anew. What RE2 can't say
exactly so is an error, never a pattern that matches something else.
"""

from __future__ import annotations

import fnmatch
import re
import warnings
from collections.abc import Iterable, Sequence
from functools import lru_cache

# Python has had its parser here since 3.11; the module `sre_parse` that it came from goes away.
from re import _parser  # type: ignore[attr-defined]
from typing import Any

FLAGS = re.IGNORECASE | re.DOTALL | re.MULTILINE | re.VERBOSE | re.UNICODE
_MOST_REPEATS = 1000  # RE2's own bound, nested repeats multiplied
_MOST_DEPTH = 60  # RE2's stack is bounded too
_ROOM = 20_000  # in the units of `_COSTS`; RE2 gives up somewhat above that
_COSTS = {"word": 100, "class": 20, "literal": 4}
_NEVER = r"[^\x{0}-\x{10FFFF}]"

_SPACES = ((9, 13), (28, 32), (0x85, 0x85), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029),
           (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000))  # fmt: skip
# In words what RE2 has no word for.
_BEHIND = {"ASSERT": "look-behind (?<=…)", "ASSERT_NOT": "look-behind (?<!…)"}
_REFUSED = {
    "ASSERT": "look-ahead (?=…)",
    "ASSERT_NOT": "look-ahead (?!…)",
    "FAILURE": "look-ahead (?!)",
    "GROUPREF": "a back-reference",
    "GROUPREF_EXISTS": "a condition on a group (?(1)…)",
    "ATOMIC_GROUP": "an atomic group (?>…)",
    "POSSESSIVE_REPEAT": "a possessive repetition such as a++",
    "AT_BOUNDARY": r"a word boundary \b",
    "AT_NON_BOUNDARY": r"a word boundary \B",
}


class RefusedError(Exception):
    """A construct that RE2 can't express; the message names it."""


@lru_cache(maxsize=1024)
def translated(text: str, captures: bool) -> tuple[str, bool, int]:
    """Return a pattern as RE2 reads it, whether its group may be left out of a match, and how many groups it has."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", FutureWarning)
        tree = _parser.parse(text)
    printer = _Printer(captures=captures)
    written = printer.written(tree)
    return written, printer.optional, tree.state.groups - 1


@lru_cache(maxsize=1024)
def searched(text: str, flags: int = 0) -> str:
    r"""Return a pattern with Python's flags as RE2 reads it, to be found anywhere in a text; ``\b`` is RE2's own.

    Raises `RefusedError` for what can't run in bounded time, and for what is no pattern what Python's parser raises:
    `re.error`, `FutureWarning`, `RecursionError` or `OverflowError`.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", FutureWarning)
        tree = _parser.parse(text, flags)
    return _Printer(captures=False, boundaries=True).written(tree)


@lru_cache(maxsize=1024)
def shell(text: str) -> str:
    """Return a shell pattern as RE2 reads it, by the rules of Python's `fnmatch`: it matches a whole text.

    Raises `RefusedError` for one that is too large to run.
    """
    return _Printer(captures=False, glob=True).written(_parser.parse(fnmatch.translate(text)))


def spelt(nodes: Any, flags: int) -> str:  # noqa: ANN401 (a tree of Python's parser)
    """Return a part of a tree of Python's parser as RE2 reads it. Raises `RefusedError`."""
    inner = _Printer(captures=False).sequence(nodes, flags, _Inside())
    return f"(?i:{inner})" if flags & re.IGNORECASE else inner


class _Printer:
    """Prints a tree of Python's parser as RE2 reads it."""

    def __init__(self, *, captures: bool, glob: bool = False, boundaries: bool = False) -> None:
        self.captures = captures
        self.glob = glob
        self.boundaries = boundaries  # of words, by RE2's notion: ASCII's letters, digits and _
        self.optional = False  # the group may take no part in a match
        self.cost = 0

    def written(self, tree: Any) -> str:  # noqa: ANN401 (re's own class has no public name)
        flags = tree.state.flags
        if flags & ~FLAGS.value:
            raise RefusedError("the flags (?a) or (?L)")
        inner = self.sequence(tree, flags, _Inside())
        return f"(?i:{inner})" if flags & re.IGNORECASE else inner

    def sequence(self, nodes: Iterable[tuple[Any, Any]], flags: int, inside: _Inside) -> str:
        parts = list(nodes)
        last = len(parts) - 1
        return "".join(
            self.node(str(op), av, flags, inside if index == last else inside.but(tail=False))
            for index, (op, av) in enumerate(parts)
        )

    def node(self, op: str, av: Any, flags: int, inside: _Inside) -> str:  # noqa: ANN401 (as above)
        if inside.depth > _MOST_DEPTH:
            raise RefusedError(f"groups nested more than {_MOST_DEPTH} deep")
        match op:
            case "LITERAL" | "NOT_LITERAL" | "ANY" | "IN":
                return self.character(op, av, flags, inside)
            case "AT":
                return self.place(str(av), flags, inside)
            case "BRANCH":
                branch = inside.but(optional=True)
                return f"(?:{'|'.join(self.sequence(part, flags, branch) for part in av[1])})"
            case "SUBPATTERN":
                return self.group(av, flags, inside)
            case "MAX_REPEAT" | "MIN_REPEAT":
                return self.repeated(av, flags, inside) + ("?" if op == "MIN_REPEAT" else "")
            case "ATOMIC_GROUP" if self.glob:
                # fnmatch's way to go on after the first hit of each part, which changes nothing about whether it fits.
                return f"(?:{self.sequence(av, flags, inside.but(tail=False))})"
            case "ASSERT_NOT" | "FAILURE" if self.glob:
                return _NEVER  # fnmatch's (?!), for a class with nothing in it
            case "ASSERT" | "ASSERT_NOT" if av[0] < 0:
                raise RefusedError(_BEHIND[op])
        raise RefusedError(_REFUSED.get(op, op))

    def character(self, op: str, av: Any, flags: int, inside: _Inside) -> str:  # noqa: ANN401 (as above)
        match op:
            case "LITERAL":
                return self.paid("literal", inside, _literal(av))
            case "NOT_LITERAL":
                return self.paid("class", inside, f"[^{_literal(av)}]")
            case "ANY":
                return self.paid("class", inside, "(?s:.)" if flags & re.DOTALL else r"[^\n]")
        return self.one_of(av, inside)

    def paid(self, what: str, inside: _Inside, text: str) -> str:
        """Count what RE2's program for this costs, as often as it is repeated."""
        self.cost += _COSTS[what] * inside.times
        if self.cost > _ROOM:
            raise RefusedError("so many or so large repetitions" if not self.glob else "so many wildcards")
        return text

    def place(self, where: str, flags: int, inside: _Inside) -> str:
        match where:
            case "AT_BEGINNING":
                return "(?m:^)" if flags & re.MULTILINE else r"\A"
            case "AT_BEGINNING_STRING":
                return r"\A"
            case "AT_END_STRING":
                return r"\z"
            case "AT_END" if flags & re.MULTILINE:
                return "(?m:$)"
            case "AT_END" if inside.tail and not inside.captured:
                # Before a line feed at the very end as well. RE2 can't look ahead, so it is taken in: nothing follows.
                return r"(?:\n?\z)"
            case "AT_END":
                raise RefusedError(r"$ before the pattern's end (\Z is the text's very end)")
            case "AT_BOUNDARY" | "AT_NON_BOUNDARY" if self.boundaries:
                return r"\b" if where == "AT_BOUNDARY" else r"\B"
        raise RefusedError(_REFUSED.get(where, where))

    def group(self, av: Any, flags: int, inside: _Inside) -> str:  # noqa: ANN401 (as above)
        number, added, removed, part = av
        if (added | removed) & ~FLAGS.value:
            raise RefusedError("the flags (?a:…) or (?L:…)")
        inner = (flags | added) & ~removed
        taken = self.captures and number is not None
        if taken:
            if inside.repeated:
                raise RefusedError("a group that is taken out in a repetition")
            if inside.optional:
                self.optional = True
                if part.getwidth()[0] == 0:
                    raise RefusedError("a group that may be missing and may be empty")
        text = self.sequence(part, inner, inside.but(depth=inside.depth + 1, captured=inside.captured or taken))
        if (inner ^ flags) & re.IGNORECASE:
            text = f"(?{'' if inner & re.IGNORECASE else '-'}i:{text})"
        return f"({text})" if taken else f"(?:{text})"

    def repeated(self, av: Any, flags: int, inside: _Inside) -> str:  # noqa: ANN401 (as above)
        least, most, part = av
        endless = most is _parser.MAXREPEAT
        plain = {(0, True): "*", (1, True): "+"}.get((least, endless)) or ("?" if (least, most) == (0, 1) else "")
        bound = least if endless else most
        room = inside.room // bound if bound and not plain else inside.room
        if not room:
            raise RefusedError(f"more than {_MOST_REPEATS} repetitions")
        within = inside.but(
            tail=inside.tail and plain == "?",
            depth=inside.depth + 1,
            room=room,
            times=inside.times * (1 if plain else max(1, bound)),
            optional=inside.optional or least == 0,
            repeated=inside.repeated or (least, most) not in ((0, 1), (1, 1)),
        )
        marks = plain or (f"{{{least},}}" if endless else f"{{{least},{most}}}")
        return f"(?:{self.sequence(part, flags, within)}){marks}"

    def one_of(self, items: Sequence[tuple[Any, Any]], inside: _Inside) -> str:
        """Return a class. RE2 has no word for "no letter, digit or _" inside of one."""
        negated = str(items[0][0]) == "NEGATE"
        found = [_class_item(str(op), av) for op, av in (items[1:] if negated else items)]
        parts = [part for part in found if part]
        wordless = "" in found
        cost = "word" if wordless or _CATEGORIES["CATEGORY_WORD"] in parts else "class"
        listed = "".join(parts)
        if not wordless:
            return self.paid(cost, inside, f"[{'^' if negated else ''}{listed}]")
        word = _CATEGORIES["CATEGORY_WORD"]
        if not parts:
            return self.paid(cost, inside, f"[{word}]" if negated else f"[^{word}]")
        if not negated:
            return self.paid(cost, inside, f"(?:[^{word}]|[{listed}])")
        if parts == ["_"]:
            return self.paid(cost, inside, r"[\p{L}\p{N}]")
        raise RefusedError(r"\W beside others in a negated class")


class _Inside:
    """Where a node of a pattern stands."""

    __slots__ = ("captured", "depth", "optional", "repeated", "room", "tail", "times")

    def __init__(self) -> None:
        self.tail = True  # nothing follows
        self.captured = False
        self.optional = False
        self.repeated = False
        self.depth = 0
        self.room = _MOST_REPEATS
        self.times = 1

    def but(self, **changes: int) -> _Inside:
        found = _Inside()
        for name in self.__slots__:
            setattr(found, name, changes.get(name, getattr(self, name)))
        return found


def _literal(code: int) -> str:
    if 0xD800 <= code <= 0xDFFF:
        raise RefusedError("half a surrogate pair")
    letter = chr(code)
    if letter.isascii() and (letter.isalnum() or letter in "_ "):
        return letter
    return f"\\{letter}" if letter.isascii() and letter.isprintable() else f"\\x{{{code:X}}}"


def _class_item(op: str, av: Any) -> str:  # noqa: ANN401 (as above)
    """Return an item of a class, nothing for the class of what is no word."""
    match op:
        case "LITERAL":
            return _literal(av)
        case "RANGE":
            return _range(*av)
    if str(av) not in _CATEGORIES:
        raise RefusedError(str(av))
    return _CATEGORIES[str(av)]


def _range(first: int, last: int) -> str:
    return f"{_literal(first)}-{_literal(last)}"


def _ranges(spans: Iterable[tuple[int, int]]) -> str:
    return "".join(_range(first, last) for first, last in spans)


def _others(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the code points that are in none of the spans."""
    edges = [-1, *(edge for span in spans for edge in span), 0x110000]
    return [(before + 1, after - 1) for before, after in zip(edges[::2], edges[1::2], strict=True)]


# Python's classes of a text are Unicode's; RE2's \w, \d and \s are ASCII's.
_CATEGORIES = {
    "CATEGORY_WORD": r"\p{L}\p{N}_",
    "CATEGORY_NOT_WORD": "",
    "CATEGORY_DIGIT": r"\p{Nd}",
    "CATEGORY_NOT_DIGIT": r"\P{Nd}",
    "CATEGORY_SPACE": _ranges(_SPACES),
    "CATEGORY_NOT_SPACE": _ranges(_others(_SPACES)),
}
