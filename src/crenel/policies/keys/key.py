"""The keys of value filters: JMESPath over typed columns, from a policy's words to a value of the plan.

The type of everything is known from AWS's models, so a name that no answer has is found here, with the nearest one.
What stands in JSON has its type when it is read.
"""

from __future__ import annotations

from collections.abc import Sequence

from crenel.catalog.columns import TEXT, ListOf, Scalar, Struct, Type
from crenel.language.plan import FactJoin, Field, Lookup, Value
from crenel.language.walking import kind_of, walk
from crenel.policies.keys.expressions import Reading, parsed
from crenel.policies.keys.places import Place, shown
from crenel.positions import Located

__all__ = ["Place", "counted", "joinable", "member", "shown", "value_at"]


def value_at(place: Place, key: str, at: Located) -> Value:
    """Return the value that a key names: a top-level column of that very name, or a JMESPath expression.

    Raises `PolicyError` for an expression that can't be parsed or has no counterpart here, and, unless the place takes
    mistakes, for a name that nothing has (with the nearest one).
    """
    if isinstance(place.kind, Struct) and place.at is None and key in place.kind.fields:
        return _field(place, key)
    lookup = key.split(".", 1)
    if place.lookups and lookup[0] in place.lookups:
        return _lookup(place.lookups[lookup[0]], key.split("."), at)
    found = Reading(place, at).value(parsed(key, at), place.here, place.lists)
    if any(isinstance(part, Field) and not part.path and not part.item for part in walk(found)):
        raise at.error("@ is the whole resource here, and only an item of a list can be asked so.", "Name a key.")
    return found


def counted(value: Value, at: Located) -> None:
    """Raise where a value is no list, map or text, so that there is nothing to count."""
    kind = kind_of(value)
    if isinstance(kind, Scalar) and kind.kind not in ("text", "json"):
        raise at.error(f"only lists, maps and texts have a length, and this key is {kind}.")


def joinable(mine: Value, theirs: Type, at: Located) -> None:
    """Raise where a value (or an item, where it is a list) can never equal one of another table's, of this type."""
    kinds = [_plain_kind(kind.item if isinstance(kind, ListOf) else kind) for kind in (kind_of(mine), theirs)]
    if None in kinds or kinds[0] != kinds[1]:
        raise at.error(f"{kind_of(mine)} and {theirs} can't be joined: values of one type are needed.")


def _plain_kind(kind: Type) -> str | None:
    if not isinstance(kind, Scalar):
        return None
    return {"json": "text", "integer": "number"}.get(kind.kind, kind.kind)


def _lookup(fact: tuple[FactJoin, Struct], steps: Sequence[str], at: Located) -> Lookup:
    join, columns = fact
    if len(steps) != 2 or steps[1] not in columns.fields:
        raise at.error(f"{steps[0]} is a fact with the columns {', '.join(columns.fields)}.")
    return Lookup(join, steps[1], columns.fields[steps[1]])


def _field(place: Place, name: str) -> Field:
    kind = place.kind.fields[name] if isinstance(place.kind, Struct) else TEXT
    return Field((name,), kind, place.item)


def member(place: Place, name: str, at: Located) -> Value:
    """Return what stands at a place under a name, whatever letters the name has."""
    return Reading(place, at).member(place.here, name)
