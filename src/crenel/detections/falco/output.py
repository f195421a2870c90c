"""Output texts: ``%field``, ``%field[…]``, ``%transformer(…)``, with a width in front (``%20ct.user``)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from crenel.detections.falco import fields
from crenel.detections.falco.condition import TRANSFORMERS, ConditionError, FieldName, Operand, Parser, Span
from crenel.detections.falco.values import Side, UnknownFieldError, listed_text, valued
from crenel.detections.model import Shown
from crenel.errors import did_you_mean
from crenel.language.plan import Literal, Value
from crenel.language.records import Joined

_WIDTH = re.compile(r"[0-9]{0,9}", re.ASCII)
_WORD = re.compile(r"[A-Za-z0-9_.]*")
_CALL = re.compile(rf"(?:{'|'.join(TRANSFORMERS)})\(")
_WIDEST = 10_000


def parsed(text: str) -> tuple[tuple[str | Shown, ...], Mapping[str, Value]]:
    """Return an output text as texts and values in turn, and its values by their names. Raises `ConditionError`."""
    found: list[str | Shown] = []
    named: dict[str, Value] = {}
    at = 0
    while (mark := text.find("%", at)) >= 0:
        if mark > at:
            found.append(text[at:mark])
        width = _WIDTH.match(text, mark + 1)
        start = width.end() if width else mark + 1
        digits = text[mark + 1 : start]
        if digits and not 0 < int(digits) <= _WIDEST:
            raise ConditionError(f"%{digits} is no width.", Span(mark, start))
        operand, at = _operand(text, mark, start)
        value = _said(valued(operand))
        found.append(Shown(value, int(digits or 0)))
        named[text[start:at]] = value
    if at < len(text):
        found.append(text[at:])
    return tuple(found), named


def _operand(text: str, mark: int, start: int) -> tuple[Operand, int]:
    """Return what a mark asks for, and where the text goes on."""
    if _CALL.match(text, start):
        parser = Parser(text, start)
        call = parser.transformer(0)
        if call is not None:
            return call, parser.at
    word = _WORD.match(text, start)
    said = word[0] if word else ""
    # The longest field counts that the text goes on with; what follows is text again.
    name = max((each for each in fields.NAMES if said.startswith(each)), key=len, default="")
    if not name:
        if not said:
            raise ConditionError(
                "a field is expected behind %.", Span(mark, start + 1), "Falco has no sign for % itself."
            )
        raise UnknownFieldError(f"there is no field {said}.", Span(start, start + len(said)), _near(said))
    end = start + len(name)
    if not text.startswith("[", end):
        return FieldName(name, None, Span(start, end)), end
    close = text.find("]", end)
    if close < 0:
        raise ConditionError("this bracket is never closed.", Span(end, end + 1))
    return FieldName(name, text[end + 1 : close].strip("\"'"), Span(start, close + 1)), close + 1


def _near(said: str) -> str:
    return did_you_mean(said.rstrip("."), fields.NAMES)


def _said(side: Side) -> Value:
    if side.kind != "list":
        return side.value
    return Joined((Literal("("), listed_text(side.value, ","), Literal(")")))
