"""Exceptions of a rule: read from YAML, joined, and written out as text behind the condition.

https://falco.org/docs/concepts/rules/exceptions/
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from crenel.detections.falco.condition import LIST_OPERATORS, MODIFIERS, OPERATORS, STRING_OPERATORS
from crenel.detections.falco.script import Script, joined, quoted, spoken
from crenel.errors import PolicyError, did_you_mean
from crenel.positions import Located

_KEYS = ("name", "fields", "comps", "values")


@dataclass(frozen=True, slots=True)
class Exempted:
    """An exception as written: a field, or several, with values or rows of values."""

    name: str
    fields: Located | None
    comps: Located | None
    values: tuple[Located, ...]
    body: Located


def read(item: Located, warn: Callable[[PolicyError], None]) -> list[Exempted]:
    """Return a rule's exceptions. Raises `PolicyError`; unknown keys are told to `warn`."""
    found: dict[str, Exempted] = {}
    for body in [] if item.value is None else item.sequence("exceptions"):
        keys = body.mapping("an exception")
        for key in keys:
            if key not in _KEYS:
                warn(body.unknown_key(key, "an exception", _KEYS))
        name = body.child("name")
        if name is None or not name.text("an exception's name"):
            raise body.error("an exception needs a name.")
        if name.value in found:
            raise name.error(f'two exceptions of this rule are named "{name.value}".')
        values = body.child("values")
        rows = tuple(values.sequence("values")) if values is not None else ()
        found[name.value] = Exempted(name.value, body.child("fields"), body.child("comps"), rows, body)
    return list(found.values())


def checked(each: Exempted) -> Exempted:
    """Return an exception that may stand by itself. Raises `PolicyError`."""
    if each.fields is None:
        raise each.body.error(f'the exception "{each.name}" needs fields.')
    if isinstance(each.fields.value, list):
        _check_lists(each, each.fields.value)
    else:
        each.fields.text("fields")
        if each.comps is not None and not _takes_list(each.comps.text("comps of one field")):
            hint = "It takes in, pmatch, intersects, or an operator with oneof, anyof or allof."
            raise each.comps.error(f'one field has no comparison "{each.comps.value}".', hint)
    return each


def _check_lists(each: Exempted, fields: Sequence[Located]) -> None:
    if not fields:
        raise each.body.error(f'the exception "{each.name}" has no fields.')
    for field in fields:
        field.text("a field")
    if each.comps is None:
        return
    comps = each.comps.sequence("comps of several fields")
    if len(comps) != len(fields):
        raise each.comps.error(f"there are {len(fields)} fields and {len(comps)} comps.")
    for comp in comps:
        word = comp.text("a comparison")
        if word not in OPERATORS and not _takes_list(word):
            raise comp.error(f'there is no comparison "{word}".', did_you_mean(word, OPERATORS))


def _takes_list(comparison: str) -> bool:
    operator, _, modifier = comparison.partition(" ")
    return comparison in LIST_OPERATORS or (operator in STRING_OPERATORS and modifier.strip() in MODIFIERS)


def merged(old: Sequence[Exempted], new: Sequence[Exempted]) -> list[Exempted]:
    """Return exceptions with others appended: values to one of the same name. Raises `PolicyError`."""
    found = {each.name: each for each in old}
    for each in new:
        before = found.get(each.name)
        if before is None:
            if not each.values:
                raise each.body.error(f'the exception "{each.name}" is new and needs values.')
            found[each.name] = checked(each)
        elif each.fields is not None or each.comps is not None:
            place = each.fields or each.comps or each.body
            raise place.error(f'the exception "{each.name}" is there already: only values can be appended.')
        else:
            found[each.name] = Exempted(
                each.name, before.fields, before.comps, (*before.values, *each.values), before.body
            )
    return list(found.values())


def written(condition: Script, exceptions: Sequence[Exempted], body: Located) -> Script:
    """Return a rule's condition with its exceptions, as text. Raises `PolicyError` for values that don't fit."""
    if not exceptions:
        return condition
    parts = [Script.of(body, "("), condition, Script.of(body, ")")]
    for each in exceptions:
        if each.values:
            parts += [Script.of(each.body, " and not "), _exempted(each)]
    return joined(parts)


def _exempted(each: Exempted) -> Script:
    if each.fields is None:
        raise each.body.error(f'the exception "{each.name}" needs fields.')
    if isinstance(each.fields.value, list):
        fields = each.fields.value
        comps = each.comps.value if each.comps is not None else [None] * len(fields)
        rows = [_row(fields, comps, row) for row in each.values]
        return _parenthesised(spoken(rows, " or "), each.body)
    for value in each.values:
        value.text("a value of one field")
    values = _parenthesised(spoken([quoted(value) for value in each.values], ", "), each.body)
    comp = Script.of(each.comps) if each.comps is not None else Script.of(each.fields, "in")
    return _parenthesised(_comparison(Script.of(each.fields), comp, values, each.body), each.body)


def _row(fields: Sequence[Located], comps: Sequence[Located | None], row: Located) -> Script:
    values = row.sequence("a row of values")
    if len(values) != len(fields):
        raise row.error(f"there are {len(fields)} fields and {len(values)} values.")
    parts = []
    for field, comp, value in zip(fields, comps, values, strict=True):
        word = Script.of(comp) if comp is not None else Script.of(field, "=")
        parts.append(_comparison(Script.of(field), word, _value(value, word.text), row))
    return _parenthesised(spoken(parts, " and "), row)


def _value(value: Located, comparison: str) -> Script:
    if isinstance(value.value, list):
        for each in value.value:
            each.text("a value")
        return _parenthesised(spoken([quoted(each) for each in value.value], ", "), value)
    text = value.text("a value")
    if _takes_list(comparison):
        return Script.of(value) if text.startswith("(") else _parenthesised(Script.of(value), value)
    return quoted(value)


def _comparison(field: Script, word: Script, value: Script, at: Located) -> Script:
    blank = Script.of(at, " ")
    return joined([field, blank, word, blank, value])


def _parenthesised(script: Script, at: Located) -> Script:
    return joined([Script.of(at, "("), script, Script.of(at, ")")])
