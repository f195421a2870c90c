r"""What a rule wants of a value: texts with wildcards, patterns, numbers, times, networks, other fields.

In texts ``*`` is any run of characters and ``?`` one of them; a backslash makes a plain character of ``*``, ``?`` and
itself, and is one everywhere else. https://sigmahq.io/sigma-specification/specification/sigma-rules-specification.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from ipaddress import IPv4Network, IPv6Network

from crenel.language.plan import Op
from crenel.language.records import Test


class Wild(Enum):
    """What stands for other characters."""

    ANY = "*"
    ONE = "?"


Part = str | Wild


@dataclass(frozen=True, slots=True)
class Text:
    """A text with wildcards. `original` is what stands in the rule, as long as no modifier changed it."""

    parts: tuple[Part, ...]
    original: str | None = None
    cased: bool = False

    @property
    def wild(self) -> bool:
        """Whether it has wildcards."""
        return any(isinstance(part, Wild) for part in self.parts)

    @property
    def plain(self) -> str:
        """The characters that it has to have, one after the other."""
        return "".join(part for part in self.parts if isinstance(part, str))

    def around(self, *, before: bool, after: bool) -> Text:
        """Return the text with any characters before it, after it, or both."""
        parts = self.parts
        if before and parts[:1] != (Wild.ANY,):
            parts = (Wild.ANY, *parts)
        if after and parts[-1:] != (Wild.ANY,):
            parts = (*parts, Wild.ANY)
        return replace(self, parts=parts, original=None)

    def test(self) -> tuple[Test | None, str] | None:
        """Return how the text is looked for without a pattern (None: as a whole), and what; None where it can't be."""
        before, after = self.parts[:1] == (Wild.ANY,), self.parts[-1:] == (Wild.ANY,)
        inner = self.parts[before : len(self.parts) - after]
        if any(isinstance(part, Wild) for part in inner):
            return None
        tests: dict[tuple[bool, bool], Test | None] = {
            (True, True): "contains", (False, True): "starts", (True, False): "ends", (False, False): None,
        }  # fmt: skip
        return tests[before, after], "".join(str(part) for part in inner)

    def in_json(self) -> Text:
        """Return the text as JSON writes it inside of quotes."""
        parts = (json.dumps(each, ensure_ascii=False)[1:-1] if isinstance(each, str) else each for each in self.parts)
        return replace(self, parts=tuple(parts))


@dataclass(frozen=True, slots=True)
class Number:
    """A number or a truth value, and how it is written."""

    value: float
    text: str
    truth: bool = False


@dataclass(frozen=True, slots=True)
class Bytes:
    """A text in another encoding, which only Base64 can look for."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression; `written` is RE2's form. `null`: the text "null" fits."""

    original: str
    flags: int = 0
    written: str = ""
    null: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """A comparison of numbers; with `part` of that part of a time."""

    op: Op
    number: float
    part: str = ""


@dataclass(frozen=True, slots=True)
class Network:
    """The addresses of a network."""

    of: IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Reference:
    """Another field's value, as a whole (None) or as a part."""

    field: str
    test: Test | None = None
    cased: bool = False


@dataclass(frozen=True, slots=True)
class Null:
    """Nothing: absent, or JSON's null."""


@dataclass(frozen=True, slots=True)
class Exists:
    """There is such a field, null or not; or there is none."""

    wanted: bool


Wanted = Text | Number | Bytes | Pattern | Order | Network | Reference | Null | Exists


def parsed(text: str) -> Text:
    """Return a rule's text with its wildcards found."""
    return Text(tuple(_parts(text)), text)


def _parts(text: str) -> Iterator[Part]:
    plain: list[str] = []
    at = 0
    while at < len(text):
        letter = text[at]
        if letter == "\\" and text[at + 1 : at + 2] in ("*", "?", "\\"):
            plain.append(text[at + 1])
            at += 2
            continue
        at += 1
        if letter not in "*?":
            plain.append(letter)
            continue
        if plain:
            yield "".join(plain)
            plain = []
        yield Wild(letter)
    if plain:
        yield "".join(plain)
