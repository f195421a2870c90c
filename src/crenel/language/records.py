"""Nodes for rows that are records of a log: JSON of which nothing is promised, texts, and how they are compared.

The languages of detections tell apart what is absent, what is null and what is of another kind than expected, so values
here are read raw; every predicate is true or false, and false for what is absent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from crenel.language.plan import Predicate, Value

Other = Literal["empty", "json", "none", "source"]
Test = Literal["contains", "starts", "ends", "regex"]
Letters = Literal["ascii", "all"]


@dataclass(frozen=True, slots=True)
class Stands:
    """What stands at a path of names below the record: JSON, with JSON's null as such; null where nothing stands.

    A number as a name is an item's place where a list stands. The empty path is the record.
    """

    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reached:
    """All that stands at a path of names below the record, lists on the way and at its end walked item by item, and
    names that contain dots tried too: a list of JSON values without nulls, with the list at the end beside its items.
    """

    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """The text that a JSON value is; of another (null, number, object …) what `other` says: the empty text, compact
    JSON, or null. Null where nothing stands. `source`: the JSON itself, for texts as well, with quotes and escapes.
    """

    of: Value
    other: Other


@dataclass(frozen=True, slots=True)
class Joined:
    """Texts one after the other; null where one is null."""

    parts: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Folded:
    """A text in lower case, its ASCII letters or all."""

    of: Value
    letters: Letters = "all"


@dataclass(frozen=True, slots=True)
class Fits:
    """A text passes a test with another. `regex`: RE2's syntax, found anywhere. False where either is null."""

    test: Test
    value: Value
    text: Value


@dataclass(frozen=True, slots=True)
class Exactly:
    """So many of the predicates hold."""

    count: int
    parts: tuple[Predicate, ...]
