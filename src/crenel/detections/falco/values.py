"""What stands on a side of a comparison → a value of the plan: fields, texts, transformers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from crenel.catalog.columns import TEXT, ListOf
from crenel.detections.falco import fields
from crenel.detections.falco.condition import (
    ConditionError,
    FieldName,
    Listed,
    Operand,
    Span,
    Transformed,
    Written,
)
from crenel.detections.falco.fields import NOTHING, FieldError, Kind
from crenel.language.plan import INTEGER, TRUE, Call, Choice, Each, Extract, Field, IsNull, Length, Literal, Value
from crenel.language.records import Folded, Joined

_BASENAME = r"(?s:.*/)?([^/]*)\z"
_ITEM = 8  # no list of a field has items of this number
_NAMES: Mapping[Kind, str] = {"text": "a text", "number": "a number", "list": "a list"}


class UnknownFieldError(ConditionError):
    """A field that Falco does not know: `skip-if-unknown-filter` lets a rule with one go."""


@dataclass(frozen=True, slots=True)
class Side:
    """A value with its kind. `field`: the field that it is, empty where it is made of one."""

    kind: Kind
    value: Value
    span: Span
    field: str = ""


def valued(operand: Operand) -> Side:
    """Return the value of a field or a transformer. Raises `ConditionError`."""
    match operand:
        case FieldName(name, argument, span):
            try:
                found = fields.known(name, argument)
            except FieldError as error:
                kind = UnknownFieldError if error.unknown else ConditionError
                raise kind(error.message, span, error.suggestion) from error
            return Side(found.kind, found.value, span, name)
        case Transformed("val", (inner,), _):
            return valued(inner)
        case Transformed(name, arguments, span):
            return Side(*_transformed(name, arguments, span), span)
        case Written(text, span):
            return Side("text", Literal(text), span)
    raise ConditionError("a list has no place here.", operand.span)


def _transformed(name: str, arguments: tuple[Operand, ...], span: Span) -> tuple[Kind, Value]:
    if name == "getopt":
        hint = "No field of CloudTrail is a list of a program's arguments."
        raise ConditionError("getopt() takes a program's arguments, which no event has.", span, hint)
    if name == "concat":
        return "text", Joined(tuple(_texts(arguments)))
    if name == "join":
        return "text", _join(arguments, span)
    if len(arguments) != 1 or not isinstance(arguments[0], (FieldName, Transformed)):
        raise ConditionError(f"{name}() takes one field or transformer.", span)
    [side] = map(valued, arguments)
    if name == "len":
        return "number", _length(side)
    if side.kind == "number":
        raise ConditionError(f"{name}() takes a text, and this is a number.", side.span)
    body = _BODIES[name]
    if side.kind == "text":
        return "text", body(side.value)
    return "list", Each(side.value, _ITEM, TRUE, body(Field((), TEXT, _ITEM)), ListOf(TEXT))


_BODIES: Mapping[str, Callable[[Value], Value]] = {
    "tolower": lambda value: Folded(value, "ascii"),
    "toupper": lambda value: Call("raised", (value,), TEXT),
    "b64": lambda value: Call("unpacked", (value,), TEXT),
    "basename": lambda value: Extract(value, _BASENAME),
}


def _length(side: Side) -> Value:
    if side.kind == "number":
        raise ConditionError("len() takes a text or a list, and this is a number.", side.span)
    if side.kind == "text":
        return Call("size", (side.value,), INTEGER)
    return Choice(IsNull(side.value), NOTHING, Length(side.value), INTEGER)


def _join(arguments: tuple[Operand, ...], span: Span) -> Value:
    if len(arguments) != 2 or not isinstance(arguments[0], Written):
        raise ConditionError('join() takes a text and a list, such as join("-", (ct.user, ct.region)).', span)
    glue, items = arguments
    if isinstance(items, Listed):
        parts: list[Value] = []
        for text in _texts(items.items):
            parts += [Literal(glue.text), text] if parts else [text]  # type: ignore[union-attr]
        return Joined(tuple(parts)) if parts else Literal("")
    side = valued(items)
    if side.kind != "list":
        raise ConditionError(f"join() takes a list, and this is {_NAMES[side.kind]}.", side.span)
    return listed_text(side.value, glue.text)  # type: ignore[union-attr]


def listed_text(items: Value, glue: str) -> Value:
    """Return a list's texts with a glue between them."""
    return Call("join", (Literal(glue), items), TEXT)


def _texts(operands: tuple[Operand, ...]) -> list[Value]:
    found = []
    for operand in operands:
        side = valued(operand)
        if side.kind != "text":
            raise ConditionError(f"a text is expected here, and this is {_NAMES[side.kind]}.", side.span)
        found.append(side.value)
    return found
