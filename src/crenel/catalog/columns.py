"""Column types, and how they follow from botocore's output shapes.

A column is in AWS's own shape: structures become structs, lists lists, maps maps with text keys. What has no bound of
its own (a shape that contains itself, a document of free form) becomes JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, cast

from botocore.exceptions import DataNotFoundError
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StringShape, StructureShape

from crenel.catalog.models import loader, model_of
from crenel.positions import Located

Kind = Literal["text", "integer", "number", "boolean", "timestamp", "date", "json"]
_DECLARED = ("text", "integer", "number", "boolean", "timestamp", "date", "json")

# Strings that hold JSON: IAM's documents (URL-encoded on the wire, stored decoded).
_JSON_SHAPES = frozenset({"policyDocumentType"})
_KINDS: Mapping[str, Kind] = {
    "string": "text",
    "character": "text",
    "blob": "text",
    "integer": "integer",
    "long": "integer",
    "float": "number",
    "double": "number",
    "boolean": "boolean",
    "timestamp": "timestamp",
}


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value. `enum` holds the values that AWS's model allows, empty where it does not say."""

    kind: Kind
    enum: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.kind


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of values of one type."""

    item: Type

    def __str__(self) -> str:
        return f"list<{self.item}>"


@dataclass(frozen=True, slots=True)
class MapOf:
    """A map from text to values of one type. `keys`: those that AWS's model names, empty where any may stand."""

    value: Type
    keys: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"map<text, {self.value}>"


@dataclass(frozen=True, slots=True)
class Struct:
    """Named fields. Names are unique even where case is ignored, since SQL ignores it."""

    fields: Mapping[str, Type] = field(hash=False)

    def __str__(self) -> str:
        return "struct<" + ", ".join(f"{name}: {kind}" for name, kind in self.fields.items()) + ">"


Type = Scalar | ListOf | MapOf | Struct

TEXT = Scalar("text")
JSON = Scalar("json")
BOOLEAN = Scalar("boolean")
TIMESTAMP = Scalar("timestamp")
# Cloud Custodian's form of all tags: its keys ``tag:Name`` look here.
TAGS = ListOf(Struct({"Key": TEXT, "Value": TEXT}))
_PRINCIPALS = ListOf(Struct({"Kind": TEXT, "Value": TEXT}))
# A policy document's statements, as `crenel.collect.documents` reads them.
STATEMENTS = ListOf(
    Struct(
        {
            "Sid": TEXT,
            "Effect": TEXT,
            "Principals": _PRINCIPALS,
            "NotPrincipals": _PRINCIPALS,
            "Action": ListOf(TEXT),
            "NotAction": ListOf(TEXT),
            "Resource": ListOf(TEXT),
            "NotResource": ListOf(TEXT),
            "Condition": JSON,
            "Conditions": ListOf(Struct({"Operator": TEXT, "Key": TEXT, "Values": ListOf(TEXT), "Texts": BOOLEAN})),
        }
    )
)


@lru_cache(maxsize=64)
def service_model(service: str) -> ServiceModel:
    """Return botocore's model of a service by botocore's name for it. Raises botocore's `UnknownServiceError`."""
    return ServiceModel(model_of(service), service)


def paginator(service: str, operation: str) -> Mapping[str, Any] | None:
    """Return botocore's paging rules of an operation (input_token, output_token …), or None for one page."""
    try:
        pages = _paginators(service)
    except DataNotFoundError:
        return None
    found: Mapping[str, Any] | None = pages.get(operation)
    return found


@lru_cache(maxsize=64)
def _paginators(service: str) -> Mapping[str, Any]:
    rules: Mapping[str, Any] = loader().load_service_model(service, "paginators-1")["pagination"]
    return rules


def shape_at(shape: Shape | None, path: tuple[str, ...]) -> Shape:
    """Return the shape that a path of member names leads to, through structures alone. Raises `KeyError` naming the
    step.
    """
    for step in path:
        if not isinstance(shape, StructureShape) or step not in shape.members:
            raise KeyError(step)
        shape = shape.members[step]
    if shape is None:
        raise KeyError(path[0] if path else "output")
    return shape


def answered(service: str, operation: str, path: tuple[str, ...]) -> Type:
    """Return the type of what stands at a path of members in an operation's answer. Raises `KeyError` for no member."""
    return column_type(shape_at(service_model(service).operation_model(operation).output_shape, path))


def column_type(shape: Shape, path: tuple[str, ...] = ()) -> Type:
    """Return the column type of a botocore shape, or of what lies at a path of names below it.

    A path leads through lists: what it finds in the items is a list then. Raises `KeyError` naming the step.
    """
    if path and isinstance(shape, ListShape):
        return ListOf(column_type(shape.member, path))
    if path:
        return column_type(shape_at(shape, path[:1]), path[1:])
    return _type(shape, ())


def _type(shape: Shape, above: tuple[str, ...]) -> Type:
    if shape.name in above or shape.name in _JSON_SHAPES:
        return JSON
    above = (*above, shape.name)
    if isinstance(shape, StructureShape):
        if not shape.members or shape.metadata.get("document"):
            return JSON
        return Struct({name: _type(member, above) for name, member in shape.members.items()})
    if isinstance(shape, ListShape):
        return ListOf(_type(shape.member, above))
    if isinstance(shape, MapShape):
        keys = tuple(shape.key.enum) if isinstance(shape.key, StringShape) else ()
        return MapOf(_type(shape.value, above), keys)
    enum = tuple(shape.enum) if isinstance(shape, StringShape) else ()
    return Scalar(_KINDS.get(shape.type_name, "json"), enum)


def declared_type(item: Located) -> Type:
    """Return the column type that a declaration spells.

    ``text``; ``[integer]`` for a list; a mapping for a struct, or with the one key ``"*"`` for a map from text. Raises
    `PolicyError` for another word.
    """
    if isinstance(item.value, dict):
        if set(item.value) == {"*"}:
            return MapOf(declared_type(item.value["*"]))
        return Struct({key: declared_type(value) for key, value in item.value.items()})
    if isinstance(item.value, list):
        return ListOf(declared_type(item.value[0]))
    kind = item.text("a type")
    if kind not in _DECLARED:
        raise item.error(f"{kind!r} is no type.", f"Types are {', '.join(_DECLARED)}, [type] and {{name: type}}.")
    return JSON if kind == "json" else Scalar(cast("Kind", kind))
