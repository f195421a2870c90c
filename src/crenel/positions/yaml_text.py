"""YAML 1.1 as PyYAML's safe loader reads it, with places, and with a bound on what a hostile text can cost.

What the loader makes of a scalar (``yes``, ``010``, ``2026-11-25``, ``1:30``) is the same, so that a policy says here
what it says to Cloud Custodian. What differs is refused: a key that stands twice (the loader takes the last), a key
that is no text (but ``on``, ``yes`` and the like, taken as the texts that they are), sets, bytes, and what contains
itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar

import yaml

from crenel.errors import PolicyError, Where
from crenel.positions.located import Located
from crenel.positions.places import Places

MOST_NODES = 500_000  # of one document with its aliases written out: stops alias bombs
DEEPEST = 100
_LONGEST = 1000  # letters of a scalar that is no text: its making takes time squared
_TAG = "tag:yaml.org,2002:"
_COLLECTIONS = {yaml.MappingStartEvent: _TAG + "map", yaml.SequenceStartEvent: _TAG + "seq"}
_SCALARS = frozenset(_TAG + name for name in ("null", "bool", "int", "float", "timestamp"))
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_NULLS = ("", "~", "null", "Null", "NULL")
_BAD_SCALAR = (yaml.YAMLError, ValueError, KeyError, IndexError, AttributeError, OverflowError, TypeError)


_T = TypeVar("_T")


class _Node(NamedTuple):
    """A value, what it counts with its aliases written out, and how deep it reaches."""

    item: Located
    size: int
    height: int


def parse(text: str, places: Places) -> Located:
    """Return the one document of a text; an empty one is null. Raises `PolicyError` with the place of what is wrong."""
    return _composed(text, places, lambda composer: composer.document())


def parse_all(text: str, places: Places, *, as_written: bool = False) -> list[Located]:
    """Return all documents of a text, with scalars `as_written`: texts, but for what says null. Raises as `parse`."""
    return _composed(text, places, lambda composer: composer.documents(), as_written=as_written)


def _composed(text: str, places: Places, read: Callable[[_Composer], _T], *, as_written: bool = False) -> _T:
    lost = _UNPRINTABLE.search(text)
    if lost:
        raise PolicyError(
            f"this is no YAML: it holds the character U+{ord(lost[0]):04X}, which can't be printed.",
            where=places.where(lost.start(), lost.end()),
            code="yaml",
        )
    try:
        return read(_Composer(text, places, as_written=as_written))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = places.where(mark.index, mark.index + 1) if mark else Where(places.name, 1, 1)
        tab = "YAML is indented with spaces, not tabs." if mark and text[mark.index : mark.index + 1] == "\t" else ""
        raise PolicyError(
            f"this is no YAML: {error.problem or error.context}.", where=where, suggestion=tab, code="yaml"
        ) from error
    except yaml.YAMLError as error:
        raise PolicyError(f"{places.name} is no YAML that can be read: {error}", code="yaml") from error


class _Composer:
    """Builds values from the parser's events. The parser itself bounds its nesting."""

    def __init__(self, text: str, places: Places, *, as_written: bool = False) -> None:
        self.loader: Any = yaml.CSafeLoader(text)
        self.as_written = as_written
        self.places = places
        self.anchors: dict[str, _Node | None] = {}  # None while its value is being read
        self.spent = 0
        self.plain: dict[str, object] = {}

    def document(self) -> Located:
        self.loader.get_event()  # the stream's start
        event = self.loader.get_event()
        if isinstance(event, yaml.StreamEndEvent):
            return Located(None, Where(self.places.name, 1, 1))
        found = self.node(self.loader.get_event(), 0)
        self.loader.get_event()  # the document's end
        after = self.loader.get_event()
        if not isinstance(after, yaml.StreamEndEvent):
            raise self.error(after, "a second document begins here.", "Put it in a file of its own.")
        return found.item

    def documents(self) -> list[Located]:
        self.loader.get_event()  # the stream's start
        found: list[Located] = []
        while not isinstance(self.loader.get_event(), yaml.StreamEndEvent):
            self.anchors.clear()  # they reach no further than their document
            found.append(self.node(self.loader.get_event(), 0).item)
            self.loader.get_event()  # the document's end
        return found

    def node(self, event: Any, depth: int) -> _Node:  # noqa: ANN401 (PyYAML's events are untyped)
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event, depth)
        self.spend(1, depth, event)
        anchor = event.anchor
        if anchor is not None:
            if anchor in self.anchors:
                raise self.error(event, f'the anchor "{anchor}" stands here twice.')
            self.anchors[anchor] = None
        if isinstance(event, yaml.ScalarEvent):
            found = _Node(Located(self.scalar(event), self.where(event)), 1, 0)
        elif isinstance(event, yaml.MappingStartEvent):
            found = self.mapping(event, depth)
        else:
            found = self.sequence(event, depth)
        if anchor is not None:
            self.anchors[anchor] = found
        return found

    def alias(self, event: Any, depth: int) -> _Node:  # noqa: ANN401
        if event.anchor not in self.anchors:
            raise self.error(event, f'there is no anchor "{event.anchor}" above.')
        found = self.anchors[event.anchor]
        if found is None:
            raise self.error(event, f'the anchor "{event.anchor}" contains itself.')
        self.spend(found.size, depth + found.height, event)
        return found

    def sequence(self, start: Any, depth: int) -> _Node:  # noqa: ANN401
        self.untagged(start)
        items: list[Located] = []
        size = height = 0
        while not isinstance(event := self.loader.get_event(), yaml.SequenceEndEvent):
            found = self.node(event, depth + 1)
            items.append(found.item)
            size += found.size
            height = max(height, found.height)
        return _Node(Located(items, self.around(start, event, items)), self.bounded(size + 1, start), height + 1)

    def mapping(self, start: Any, depth: int) -> _Node:  # noqa: ANN401
        self.untagged(start)
        own: dict[str, Located] = {}
        keys: dict[str, Where] = {}
        merged: dict[str, Located] = {}
        merged_keys: dict[str, Where] = {}
        last: list[Located] = []
        size = height = 0
        while not isinstance(event := self.loader.get_event(), yaml.MappingEndEvent):
            key, where = self.key(event)
            found = self.node(self.loader.get_event(), depth + 1)
            size += found.size + 1
            height = max(height, found.height)
            last = [found.item]
            if key is None:
                for source in self.merge(found.item, event):
                    merged |= source.value
                    merged_keys |= source.keys
                continue
            if key in own:
                raise PolicyError(f'the key "{key}" stands here twice.', where=where, code="duplicate-key")
            own[key] = found.item
            keys[key] = where
        where = self.around(start, event, last)
        if merged:
            own, keys = merged | own, merged_keys | keys
        return _Node(Located(own, where, keys), self.bounded(size + 1, start), height + 1)

    def key(self, event: Any) -> tuple[str | None, Where]:  # noqa: ANN401
        """Return a key's text and place; None is the merge key."""
        if isinstance(event, yaml.AliasEvent):
            item = self.alias(event, 0).item
            if isinstance(item.value, str):
                return item.value, self.where(event)
        elif isinstance(event, yaml.ScalarEvent):
            self.spend(1, 0, event)
            if event.anchor is not None:
                self.anchors[event.anchor] = _Node(Located(event.value, self.where(event)), 1, 0)
            if event.value == "<<" and event.implicit[0]:
                return None, self.where(event)
            value = self.scalar(event)
            if isinstance(value, (str, bool)):
                return event.value, self.where(event)
        raise self.error(event, "a key must be a text.", "Put it in quotes.")

    def merge(self, item: Located, event: Any) -> list[Located]:  # noqa: ANN401
        """Return what `<<` names, the strongest last."""
        sources = list(reversed(item.value)) if isinstance(item.value, list) else [item]
        if not all(isinstance(source.value, dict) for source in sources):
            raise self.error(event, "<< takes a mapping, or a list of mappings.")
        return sources

    def scalar(self, event: Any) -> object:  # noqa: ANN401
        text: str = event.value
        if self.as_written:
            return None if event.implicit[0] and text in _NULLS else text
        if event.tag not in (None, "!"):
            return self.made(event, event.tag)
        if not event.implicit[0]:
            return text
        if text not in self.plain:
            self.plain[text] = self.made(event, self.loader.resolve(yaml.ScalarNode, text, event.implicit))
        return self.plain[text]

    def made(self, event: Any, tag: str) -> object:  # noqa: ANN401
        """Return a scalar's value by its tag, as the loader makes it."""
        text: str = event.value
        if tag == _TAG + "str":
            return text
        if tag not in _SCALARS:
            raise self.refused(tag, event)
        if len(text) > _LONGEST:
            raise self.error(event, f"a number or date of {len(text)} characters stands here.", "Is it a text?")
        make: Mapping[str, Callable[[Any, yaml.ScalarNode], object]] = self.loader.yaml_constructors
        try:
            value = make[tag](self.loader, yaml.ScalarNode(tag, text))
        except _BAD_SCALAR as error:
            kind = tag.removeprefix(_TAG)
            raise self.error(event, f"can't read this value as {kind}: {error}.", "Is it a text?") from error
        if isinstance(value, datetime) and value.tzinfo is None:
            return value.replace(tzinfo=UTC)  # YAML's times without a zone are UTC
        return value

    def untagged(self, start: Any) -> None:  # noqa: ANN401
        tag = start.tag
        if tag not in (None, "!", _COLLECTIONS[type(start)]):
            raise self.refused(tag, start)

    def refused(self, tag: str, event: Any) -> PolicyError:  # noqa: ANN401
        if tag in (_TAG + "value", _TAG + "merge"):
            return self.error(event, f"{event.value} alone has a meaning of its own in YAML.", "Put it in quotes.")
        shown = tag.replace(_TAG, "!!")
        return self.error(event, f"the tag {shown} has no place here: only plain data is read.")

    def spend(self, size: int, depth: int, event: Any) -> None:  # noqa: ANN401
        self.spent = self.bounded(self.spent + size, event)
        if depth > DEEPEST:
            raise self.error(event, f"this is nested more than {DEEPEST} deep.", code="too-large")

    def bounded(self, size: int, event: Any) -> int:  # noqa: ANN401
        if size > MOST_NODES:
            raise self.error(
                event,
                f"this document is too large: more than {MOST_NODES:,} values, aliases written out.",
                "Split it.",
                "too-large",
            )
        return size

    def where(self, event: Any) -> Where:  # noqa: ANN401
        start, end = event.start_mark, event.end_mark
        if self.places.pieces:
            return self.places.where(start.index, end.index)
        column, last, until = start.column + 1, end.line + 1, end.column + 1
        length = until - column if last == start.line + 1 else 1
        return Where(self.places.name, start.line + 1, column, max(1, length), (last, until))

    def around(self, start: Any, end: Any, last: list[Located]) -> Where:  # noqa: ANN401
        """Return the place of a collection: a block has no end of its own, and ends where its last value does."""
        first = self.where(start)
        if start.flow_style:
            final = self.where(end)
        elif last:
            final = last[-1].where
        else:
            return first
        if final.until < (first.line, first.column):  # an alias that stands further up
            return first
        length = final.until[1] - first.column if final.until[0] == first.line else 1
        return Where(first.file, first.line, first.column, max(1, length), final.until)

    def error(self, event: Any, message: str, hint: str = "", code: str = "yaml") -> PolicyError:  # noqa: ANN401
        return PolicyError(message, where=self.where(event), suggestion=hint, code=code)
