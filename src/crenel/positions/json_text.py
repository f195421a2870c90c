"""JSON with places, as Python's `json` reads it, bounded like YAML."""

from __future__ import annotations

import json
import re
from json import JSONDecodeError
from json.decoder import scanstring  # type: ignore[attr-defined]  # the stubs lack it

from crenel.errors import PolicyError
from crenel.positions.located import Located
from crenel.positions.places import Places
from crenel.positions.yaml_text import DEEPEST, MOST_NODES

_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?", re.ASCII)
_WORDS = {"true": True, "false": False, "null": None}
_LONGEST = 1000


def parse(text: str, places: Places) -> Located:
    """Return a text's one value; an empty text is null. Raises `PolicyError` with the place of what is wrong."""
    reader = _Reader(text, places)
    if reader.space() == len(text):
        return Located(None, places.where(0, 0))
    found = reader.value(0)
    if reader.space() < len(text):
        raise reader.error("something stands behind the end.")
    return found


class _Reader:
    """Reads from where `at` stands."""

    def __init__(self, text: str, places: Places) -> None:
        self.text = text
        self.places = places
        self.at = 0
        self.count = 0

    def space(self) -> int:
        match = _SPACE.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return self.at

    def value(self, depth: int) -> Located:
        start = self.space()
        self.count += 1
        if self.count > MOST_NODES:
            raise self.error(f"this document is too large: more than {MOST_NODES:,} values.", "too-large")
        if depth > DEEPEST:
            raise self.error(f"this is nested more than {DEEPEST} deep.", "too-large")
        letter = self.text[start : start + 1]
        if letter == "{":
            return self.mapping(start, depth)
        if letter == "[":
            return self.sequence(start, depth)
        if letter == '"':
            found: object = self.string()
        else:
            found = self.scalar()
        return Located(found, self.places.where(start, self.at))

    def mapping(self, start: int, depth: int) -> Located:
        items: dict[str, Located] = {}
        keys = {}
        self.at += 1
        self.space()
        while not self.skipped("}"):
            if items:
                self.expect(",")
            begin = self.space()
            if self.text[begin : begin + 1] != '"':
                raise self.error("a key in double quotes is expected here.")
            key = self.string()
            where = self.places.where(begin, self.at)
            if key in items:
                raise PolicyError(f'the key "{key}" stands here twice.', where=where, code="duplicate-key")
            self.space()
            self.expect(":")
            keys[key] = where
            items[key] = self.value(depth + 1)
            self.space()
        return Located(items, self.places.where(start, self.at), keys)

    def sequence(self, start: int, depth: int) -> Located:
        items: list[Located] = []
        self.at += 1
        self.space()
        while not self.skipped("]"):
            if items:
                self.expect(",")
            items.append(self.value(depth + 1))
            self.space()
        return Located(items, self.places.where(start, self.at))

    def string(self) -> str:
        try:
            found, end = scanstring(self.text, self.at + 1, True)  # noqa: FBT003 (the function's own)
        except JSONDecodeError as error:
            self.at = error.pos
            raise self.error(f"{error.msg[0].lower()}{error.msg[1:]}.") from error
        self.at = end
        return str(found)

    def scalar(self) -> object:
        for word, value in _WORDS.items():
            if self.text.startswith(word, self.at):
                self.at += len(word)
                return value
        match = _NUMBER.match(self.text, self.at)
        if match is None:
            raise self.error("a value is expected here.")
        if len(match[0]) > _LONGEST:
            raise self.error(f"a number of {len(match[0])} characters stands here.")
        self.at = match.end()
        number: object = json.loads(match[0])
        return number

    def skipped(self, letter: str) -> bool:
        if self.text.startswith(letter, self.at):
            self.at += 1
            return True
        return False

    def expect(self, letter: str) -> None:
        if not self.skipped(letter):
            raise self.error(f'"{letter}" is expected here.')

    def error(self, message: str, code: str = "json") -> PolicyError:
        text = message if code == "too-large" else f"this is no JSON: {message}"
        return PolicyError(text, where=self.places.where(self.at, self.at + 1), code=code)
