"""Where a filter's keys start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from crenel.catalog.columns import ListOf, MapOf, Struct, Type
from crenel.catalog.spec import ResourceType
from crenel.errors import PolicyError
from crenel.language.plan import FactJoin, Field, Literal, Value

Mistake = Callable[[PolicyError], None]


@dataclass(frozen=True, slots=True)
class Place:
    """Where keys start: the row (`item` 0) or the n-th list item; `kind` is its type, `lookups` the facts joined to the
    row.

    `mistake` takes what Cloud Custodian would read as null without a word; it may raise. `depth` counts the lists
    around this place. `at`: a value that keys start at instead of the row or item.
    """

    kind: Type
    item: int = 0
    lookups: Mapping[str, tuple[FactJoin, Struct]] | None = None
    what: str = "this"
    mistake: Mistake | None = None
    depth: int | None = None
    at: Value | None = None

    @classmethod
    def of(cls, kind: ResourceType, mistake: Mistake | None = None) -> Place:
        """Return the place of a type's rows."""
        return cls(Struct(kind.schema()), what=f"aws.{kind.name}", mistake=mistake)

    @property
    def here(self) -> Value:
        """The row's or the item's own value."""
        return self.at if self.at is not None else Field((), self.kind, self.item)

    @property
    def lists(self) -> int:
        """How many lists are around this place."""
        return self.item if self.depth is None else self.depth

    def told(self, error: PolicyError) -> Value:
        """Return null for a mistake that is noted, or raise it."""
        if self.mistake is None:
            raise error
        self.mistake(error)
        return Literal(None)


def shown(kind: Type) -> str:
    """Return a kind in words."""
    return {ListOf: "a list", MapOf: "a map", Struct: "a structure"}.get(type(kind), str(kind))
