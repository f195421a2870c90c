"""Modifiers: what each makes of a rule's value.

https://sigmahq.io/sigma-specification/specification/sigma-appendix-modifiers.html
"""

from __future__ import annotations

import ipaddress
import itertools
import math
import re
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from crenel.detections.sigma.values import (
    Bytes,
    Exists,
    Network,
    Null,
    Number,
    Order,
    Part,
    Pattern,
    Reference,
    Text,
    Wanted,
    Wild,
)
from crenel.errors import PolicyError, did_you_mean
from crenel.language.patterns import RefusedError, searched
from crenel.language.plan import Op
from crenel.language.records import Test
from crenel.positions import Located

_DASHES = ("-", "/", "\u2013", "\u2014", "\u2015")
_DASH = re.compile(r"\B[-/]\b")
_MOST_DASHES = 3
_EXACT = 2**53  # below it every whole number is a float
_WORDS: Mapping[type[Wanted], str] = {
    Text: "a text", Number: "a number", Bytes: "bytes", Pattern: "a pattern", Order: "a comparison",
    Network: "a network", Reference: "a field", Null: "null", Exists: "true or false",
}  # fmt: skip


class SlipError(Exception):
    """What a modifier can't take; the message says why, `hint` what to write instead."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Modifier:
    """What a modifier takes, and what it makes of that: one value, or several of which any will do."""

    takes: tuple[type[Wanted], ...]
    makes: Callable[[Wanted], Sequence[Wanted]]


def _of_text(makes: Callable[[Text], Sequence[Wanted]]) -> Modifier:
    """Return a modifier of texts, for which a number is the text that it is."""

    def of(value: Wanted) -> Sequence[Wanted]:
        if isinstance(value, Number):
            value = Text((value.text,), value.text)
        return makes(value) if isinstance(value, Text) else []

    return Modifier((Text, Number), of)


def _placed(test: Test, *, before: bool, after: bool) -> Modifier:
    """Return the modifier that looks for a text, or another field's value, as a part of the value."""

    def of(value: Wanted) -> Sequence[Wanted]:
        match value:
            case Reference():
                return [replace(value, test=test)]
            case Pattern():
                if test != "contains":
                    raise SlipError("a pattern is found anywhere.", "Write ^ at its start or $ at its end.")
                return [value]
            case Number(text=text):
                return [Text((text,)).around(before=before, after=after)]
            case Text():
                return [value.around(before=before, after=after)]
        return []

    return Modifier((Text, Number, Reference, Pattern), of)


# --- texts


def _cased(value: Wanted) -> Sequence[Wanted]:
    return [replace(value, cased=True)] if isinstance(value, (Text, Reference)) else [value]


def _windash(text: Text) -> Sequence[Wanted]:
    """Return a text with each dash that starts an option in all its forms."""
    pieces: list[tuple[Part, ...]] = []
    for part in text.parts:
        if isinstance(part, Wild):
            pieces.append((part,))
            continue
        at = 0
        for found in _DASH.finditer(part):
            pieces += [(part[at : found.start()],), _DASHES]
            at = found.end()
        pieces.append((part[at:],))
    if sum(len(piece) > 1 for piece in pieces) > _MOST_DASHES:
        raise SlipError(f"windash takes up to {_MOST_DASHES} dashes in a value.", "Make several values of it.")
    return [
        replace(text, parts=tuple(part for part in parts if part != ""), original=None)
        for parts in itertools.product(*pieces)
    ]


# --- encodings


def _encoded(encoding: str, start: bytes = b"") -> Modifier:
    return _of_text(lambda text: [Bytes(start + _unwild(text).encode(encoding))])


def _bytes(value: Wanted) -> bytes:
    match value:
        case Bytes(data):
            return data
        case Number(text=text):
            return text.encode()
        case Text():
            return _unwild(value).encode()
    return b""


def _unwild(text: Text) -> str:
    if text.wild:
        raise SlipError("what is encoded can't have wildcards.", r"A plain * or ? is written \* or \?.")
    return text.plain


def _base64(value: Wanted) -> Sequence[Wanted]:
    return [Text((b64encode(_bytes(value)).decode(),))]


def _base64offset(value: Wanted) -> Sequence[Wanted]:
    """Return what a text in Base64 looks like in a longer one, by where it begins: only what it alone decides."""
    data = _bytes(value)
    found = []
    for offset in range(3):
        digits = b64encode(bytes(offset) + data).decode().rstrip("=")
        first = -(-offset * 8 // 6)
        last = (offset + len(data)) * 8 // 6
        found.append(Text((digits[first:last],)))
    if not all(text.plain for text in found):
        raise SlipError("this is too short to be found in a longer text in Base64.")
    return found


# --- patterns, numbers, times, networks, fields


def _re(text: Text) -> Sequence[Wanted]:
    if text.original is None:
        raise SlipError("re takes the value as it stands.", "Write it first: field|re")
    return [Pattern(text.original)]


def _flag(flag: re.RegexFlag) -> Modifier:
    def of(value: Wanted) -> Sequence[Wanted]:
        return [replace(value, flags=value.flags | flag)] if isinstance(value, Pattern) else []

    return Modifier((Pattern,), of)


def _cidr(text: Text) -> Sequence[Wanted]:
    try:
        return [Network(ipaddress.ip_network(text.original or text.plain))]
    except ValueError as error:
        raise SlipError(f"{error}.", "A network is written 10.0.0.0/8 or 2001:db8::/32.") from error


def _order(op: Op) -> Modifier:
    def of(value: Wanted) -> Sequence[Wanted]:
        match value:
            case Number(number, truth=False):
                return [Order(op, _bounded(number))]
            case Order(_, number, part) if part:
                return [Order(op, number, part)]
            case Text(original=str() as text):
                return [Order(op, _bounded(text))]
        raise SlipError("this is no number.")

    return Modifier((Number, Order, Text), of)


def _bounded(number: float | str) -> float:
    """Return a number as the engine can compare with it."""
    try:
        found = float(number)
    except (ValueError, OverflowError) as error:
        raise SlipError("this is no number.") from error
    if not math.isfinite(found):
        raise SlipError("this is no number.")
    return int(found) if found.is_integer() and abs(found) < _EXACT else found


def _part(name: str) -> Modifier:
    def of(value: Wanted) -> Sequence[Wanted]:
        match value:
            case Number(number, truth=False):
                return [Order("eq", _bounded(number), name)]
            case Order(op, number, ""):
                return [Order(op, number, name)]
        raise SlipError("this is no number.")

    return Modifier((Number, Order), of)


def _fieldref(text: Text) -> Sequence[Wanted]:
    if text.original is None or text.wild or not text.original:
        raise SlipError("fieldref takes the name of a field.", "Write it first: field|fieldref|startswith")
    return [Reference(text.original)]


def _exists(value: Wanted) -> Sequence[Wanted]:
    if not isinstance(value, Number) or not value.truth:
        raise SlipError("exists takes true or false.")
    return [Exists(bool(value.value))]


_ENCODABLE = (Text, Number, Bytes)
MODIFIERS: Mapping[str, Modifier] = {
    "contains": _placed("contains", before=True, after=True),
    "startswith": _placed("starts", before=False, after=True),
    "endswith": _placed("ends", before=True, after=False),
    "cased": Modifier((Text, Number, Reference), _cased),
    "windash": _of_text(_windash),
    "expand": Modifier((Text, Number, Pattern), lambda value: [value]),  # done before all others
    "wide": _encoded("utf-16-le"),
    "utf16le": _encoded("utf-16-le"),
    "utf16be": _encoded("utf-16-be"),
    "utf16": _encoded("utf-16-le", b"\xff\xfe"),
    "base64": Modifier(_ENCODABLE, _base64),
    "base64offset": Modifier(_ENCODABLE, _base64offset),
    "re": _of_text(_re),
    "i": _flag(re.IGNORECASE),
    "ignorecase": _flag(re.IGNORECASE),
    "m": _flag(re.MULTILINE),
    "multiline": _flag(re.MULTILINE),
    "s": _flag(re.DOTALL),
    "dotall": _flag(re.DOTALL),
    "cidr": _of_text(_cidr),
    "lt": _order("lt"),
    "lte": _order("le"),
    "gt": _order("gt"),
    "gte": _order("ge"),
    **{name: _part(name) for name in ("minute", "hour", "day", "week", "month", "year")},
    "fieldref": _of_text(_fieldref),
    "exists": Modifier((Number,), _exists),
}
LISTS = ("all", "neq")  # of all values of a field together


def modified(value: Wanted, names: Sequence[str], at: Located) -> list[Wanted]:
    """Return what modifiers make of a value, one after the other. Raises `PolicyError` at the value."""
    found: list[Wanted] = [value]
    for name in names:
        modifier = MODIFIERS[name]
        made: list[Wanted] = []
        for each in found:
            if not isinstance(each, modifier.takes):
                takes = " or ".join(dict.fromkeys(_WORDS[kind] for kind in modifier.takes))
                raise at.error(f"{name} takes {takes}, not {_WORDS[type(each)]}.", code="modifier")
            try:
                made += modifier.makes(each)
            except SlipError as error:
                raise at.error(str(error), error.hint, "modifier") from error
        found = made
    return [_finished(each, at) for each in found]


def _finished(value: Wanted, at: Located) -> Wanted:
    match value:
        case Bytes():
            raise at.error("a text in this encoding is only found in Base64.", "Write |base64offset|contains behind.")
        case Pattern(original, flags):
            try:
                written = searched(original, flags)
            except RefusedError as error:
                raise at.error(f"patterns run in bounded time and can't have {error}.", code="pattern") from error
            except (re.error, FutureWarning, RecursionError, OverflowError) as error:
                raise at.error(f"this is no regular expression: {error}.", code="pattern") from error
            return replace(value, written=written, null=re.search(original, "null", flags) is not None)
    return value


def unknown(name: str, place: PolicyError) -> PolicyError:
    """Return the error for a modifier that there is not, at a place."""
    hint = did_you_mean(name, [*MODIFIERS, *LISTS])
    where = place.where
    return PolicyError(f'there is no modifier "{name}".', where=where, suggestion=hint, code="unknown-modifier")
