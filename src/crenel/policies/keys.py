"""The keys of value filters: from a policy's words to a typed place in the row, or an error with the nearest name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from crenel.catalog.columns import JSON, ListOf, MapOf, Scalar, Struct, Type
from crenel.errors import did_you_mean
from crenel.language.plan import FactJoin, Field, Length, Lookup, Value, kind_of
from crenel.positions import Located

_LENGTH = re.compile(r"^length\((?P<path>.+)\)$")
_STEP = re.compile(r'^(?:"(?P<quoted>[^"]+)"|(?P<plain>[A-Za-z_][\w-]*))$')


@dataclass(frozen=True, slots=True)
class Place:
    """Where keys start: the row (`item` 0) or the n-th list item; `kind` is its type, `lookups` the facts joined to the
    row.
    """

    kind: Type
    item: int = 0
    lookups: Mapping[str, tuple[FactJoin, Struct]] | None = None
    what: str = "this"


def value_at(place: Place, key: str, at: Located) -> Value:
    """Return the value that a key names. Raises `PolicyError`, with the nearest name, where there is none."""
    length = _LENGTH.match(key)
    if length:
        of = value_at(place, length["path"], at)
        counted(of, at)
        return Length(of)
    if key == "@":
        if not place.item:
            raise at.error("@ is an item of a list, and keys start at the row here.")
        return Field((), place.kind, place.item)
    steps = [_step(step, key, at) for step in _split(key)]
    if not steps:
        raise at.error("a key can't be empty.")
    if place.lookups and steps[0] in place.lookups:
        return _lookup(place.lookups[steps[0]], steps, at)
    kind = place.kind
    for index, step in enumerate(steps):
        kind = _member(kind, step, at, ".".join(steps[:index]) or place.what)
    return Field(tuple(steps), kind, place.item)


def counted(value: Value, at: Located) -> None:
    """Raise where a value is no list, map or text, so that there is nothing to count."""
    kind = kind_of(value)
    if isinstance(kind, Struct) or (isinstance(kind, Scalar) and kind.kind not in ("text", "json")):
        shown = "a structure" if isinstance(kind, Struct) else kind
        raise at.error(f"only lists, maps and texts have a length, and this key is {shown}.")


def joinable(mine: Value, theirs: Type, at: Located) -> None:
    """Raise where a value can never equal one of another table's, whose type is given."""
    kinds = [_plain_kind(kind) for kind in (kind_of(mine), theirs)]
    if None in kinds or kinds[0] != kinds[1]:
        raise at.error(f"{kind_of(mine)} and {theirs} can't be joined: single values of one type are needed.")


def _plain_kind(kind: Type) -> str | None:
    if not isinstance(kind, Scalar):
        return None
    return {"json": "text", "integer": "number"}.get(kind.kind, kind.kind)


def _lookup(fact: tuple[FactJoin, Struct], steps: list[str], at: Located) -> Lookup:
    join, columns = fact
    if len(steps) != 2 or steps[1] not in columns.fields:
        raise at.error(f"{steps[0]} is a fact with the columns {', '.join(columns.fields)}.")
    return Lookup(join, steps[1], columns.fields[steps[1]])


def _split(key: str) -> list[str]:
    return re.findall(r'"[^"]*"|[^."]+|\.(?=\.)|\.$|^\.', key)


def _step(step: str, key: str, at: Located) -> str:
    match = _STEP.match(step)
    if not match:
        raise at.error(
            f'the key "{key}" uses an expression that is not built yet.',
            "Keys are paths of names such as A.B.C, length(A.B), or @ for the item itself.",
        )
    return match["quoted"] or match["plain"]


def _member(kind: Type, step: str, at: Located, inside: str) -> Type:
    match kind:
        case Struct(fields):
            if step not in fields:
                hint = did_you_mean(step, fields) or f"It has {', '.join(sorted(fields))}."
                raise at.error(f'{inside} has no key "{step}".', hint)
            return fields[step]
        case MapOf(value, keys):
            if keys and step not in keys and (hint := did_you_mean(step, keys)):
                raise at.error(f'{inside} has no key "{step}".', hint)
            return value
        case Scalar("json"):
            return JSON
        case ListOf():
            raise at.error(f'{inside} is a list: "{step}" is a key of its items.', "Use a list-item filter.")
    raise at.error(f'{inside} is {kind}, which has no key "{step}".')
