"""Searches: named parts of a rule, each a map of fields, a list of maps, or texts that the event has somewhere."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date

from crenel.detections.sigma import fields
from crenel.detections.sigma.modifiers import LISTS, MODIFIERS, modified, unknown
from crenel.detections.sigma.placeholders import expanded
from crenel.detections.sigma.told import File
from crenel.detections.sigma.values import Null, Number, Pattern, Reference, Text, Wanted, parsed
from crenel.errors import PolicyError
from crenel.language.plan import Predicate, conjunction, disjunction, negation
from crenel.positions import Located

_OF_KEYWORDS = (Text, Number, Pattern)


def search(item: Located, file: File) -> Predicate:
    """Return a search as a predicate. Raises `PolicyError` for what is none."""
    match item.value:
        case dict():
            return _map(item, file)
        case list():
            return _list(item, file)
        case None:
            raise item.error("this search is empty.")
    return _keywords("", (), [item], item, file)


def _map(item: Located, file: File) -> Predicate:
    if not item.value:
        raise item.error("this search is empty.")
    return conjunction([_field(key, item, file) for key in item.value])


def _list(item: Located, file: File) -> Predicate:
    items: list[Located] = item.value
    if not items:
        raise item.error("this search is empty.")
    words = [each for each in items if not isinstance(each.value, (dict, list))]
    parts = [_map(each, file) for each in items if isinstance(each.value, dict)]
    for each in items:
        if isinstance(each.value, list):
            raise each.error("a list in a list has no meaning in a search.", "Write its items one by one.")
    return disjunction([*parts, *([_keywords("", (), words, item, file)] if words else [])])


def _field(key: str, item: Located, file: File) -> Predicate:
    """Return what one line of a map says: a field with its modifiers, and the values of which one has to fit."""
    name, *modifiers = key.split("|")
    at, place = item.value[key], item.key_error(key, "")
    for each in modifiers:
        if each not in MODIFIERS and each not in LISTS:
            raise unknown(each, place)
    values: list[Located] = at.value if isinstance(at.value, list) else [at]
    if not values:
        raise at.error("this list has no values.", "null is written: field: null")
    _check_modifiers(modifiers, at, place, file)
    if not name:
        return _keywords(key, modifiers, values, at, file)
    told = fields.doubt(name)
    if told:
        file.warn(PolicyError(told[0], where=place.where, suggestion=told[1], code="unknown-field"))
    groups = [_wanted(value, modifiers, file, listed=isinstance(at.value, list)) for value in values]
    for group, value in zip(groups, values, strict=True):
        _check_references(group, value, file)
    if "all" in modifiers:
        found = conjunction([fields.asked(name, group) for group in groups])
    else:
        found = fields.asked(name, [each for group in groups for each in group])
    return negation(found) if "neq" in modifiers else found


def _keywords(key: str, modifiers: Sequence[str], values: Sequence[Located], at: Located, file: File) -> Predicate:
    """Return whether the event has one of the texts anywhere, or with `all` every one."""
    found = []
    for value in values:
        wanted = _wanted(value, modifiers, file, listed=True)
        for each in wanted:
            if not isinstance(each, _OF_KEYWORDS) or {"startswith", "endswith"} & {*modifiers}:
                raise at.error(f'"{key}" needs a field: it says nothing of an event as a whole.', code="modifier")
        found.append(disjunction([fields.mentioned(each) for each in wanted]))
    together = conjunction(found) if "all" in modifiers else disjunction(found)
    return negation(together) if "neq" in modifiers else together


def _wanted(value: Located, modifiers: Sequence[str], file: File, *, listed: bool) -> list[Wanted]:
    read = _read(value, file, listed=listed)
    texts = expanded(read, file.placeholders, value) if "expand" in modifiers else [read]
    names = [each for each in modifiers if each not in LISTS]
    return [wanted for each in texts for wanted in modified(each, names, value)]


def _read(value: Located, file: File, *, listed: bool) -> Wanted:
    """Return a rule's value as it stands."""
    match value.value:
        case None if listed:
            raise value.error("null has no place among other values.", "Write a search of its own: field: null")
        case None:
            return Null()
        case str() as text:
            return parsed(text)
        case bool() as truth:
            return Number(truth, str(truth).lower(), truth=True)
        case int() | float() as number:
            if isinstance(number, float) and not math.isfinite(number):
                raise value.error("this is no number that an event can have.", "Put it in quotes.")
            text, written = str(number), file.spelling(value)
            if written and written not in (text, f"+{text}"):
                hint = "Put it in quotes."
                file.warn(value.error(f"YAML reads this as {text}, and with that it is compared.", hint, "number"))
            return Number(number, text)
        case date():
            raise value.error("this is a date in YAML, and none in an event.", "Put it in quotes.")
    raise value.error("a field's value is a text, a number, true, false, null, or a list of them.", code="wrong-type")


def _check_modifiers(modifiers: Sequence[str], at: Located, place: PolicyError, file: File) -> None:
    single = not isinstance(at.value, list) or len(at.value) == 1
    if "all" in modifiers and single:
        file.warn(PolicyError("all says nothing of a single value.", where=place.where, code="modifier"))
    if "exists" in modifiers and len(modifiers) > 1:
        raise PolicyError("exists stands alone.", where=place.where, code="modifier")
    if "exists" in modifiers and isinstance(at.value, list):
        raise at.error("exists takes true or false.", code="modifier")
    twice = next((each for number, each in enumerate(modifiers) if each in modifiers[:number]), None)
    if twice:
        raise PolicyError(f'"{twice}" stands here twice.', where=place.where, code="modifier")


def _check_references(wanted: Sequence[Wanted], value: Located, file: File) -> None:
    for each in wanted:
        told = fields.doubt(each.field) if isinstance(each, Reference) else None
        if told:
            file.warn(value.error(told[0], told[1], "unknown-field"))
