"""Small edits of Sigma's documents: of a condition's words, of the searches, of what a correlation counts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from crenel.detections.changes import ITEMS
from crenel.detections.sigma.told import File
from crenel.errors import Where
from crenel.positions import Located, flow
from crenel.positions.edited import slipped, without

Edit = tuple[Located, Located, str, Where]  # what is replaced, by what, the change in words, and its place

_WORD = re.compile(r"[()]|[^\s()]+")
_JOINS: Mapping[str, str] = {"and": "or", "or": "and"}
_QUANTIFIERS: Mapping[str, str] = {"1": "all", "any": "all", "all": "1"}
_ORDERS: Mapping[str, str] = {"gt": "gte", "gte": "gt", "lt": "lte", "lte": "lt"}
_DROPPED = ("contains", "startswith", "endswith", "all", "cased", "neq", "re", "i", "ignorecase")
_TYPES: Mapping[str, str] = {"temporal_ordered": "temporal", "temporal": "temporal_ordered"}
_SPAN = re.compile(r"([0-9]+)([smhdw])")


def of_rule(body: Located, file: File) -> Iterator[Edit]:
    """Yield the edits of a rule's detection."""
    given = body.value["detection"]
    for name, item in given.value.items():
        if name == "condition":
            for each in item.value if isinstance(item.value, list) else [item]:
                yield from _condition(each, file)
        else:
            yield from _search(item)


def of_correlation(body: Located, file: File) -> Iterator[Edit]:
    """Yield the edits of a correlation."""
    given = body.value["correlation"]
    keys: Mapping[str, Located] = given.value
    for key in ("rules", "group-by"):
        items = keys.get(key)
        if items is not None and isinstance(items.value, list) and (key == "group-by" or len(items.value) > 1):
            for index, each in enumerate(items.value):
                yield items, without(items, index), f"{key}: without {flow(each.value)}", each.where
    kind = keys["type"]
    if kind.value in _TYPES:
        yield _to(kind, _TYPES[kind.value], "type")
    span = keys["timespan"]
    found = _SPAN.fullmatch(str(span.value))
    if found:
        for number in (int(found[1]) + 1, int(found[1]) - 1):
            yield _to(span, f"{number}{found[2]}", "timespan")
    condition = keys.get("condition")
    if condition is not None:
        yield from _counts(condition) if isinstance(condition.value, dict) else _condition(condition, file)


def _counts(condition: Located) -> Iterator[Edit]:
    for key, each in condition.value.items():
        if key in _ORDERS:
            words = f"condition: {key} -> {_ORDERS[key]}"
            yield condition, _renamed(condition, key, _ORDERS[key]), words, each.where
        if isinstance(each.value, (int, float)) and not isinstance(each.value, bool):
            yield _to(each, each.value + 1, key)
            yield _to(each, each.value - 1, key)


def _to(item: Located, value: object, key: str) -> Edit:
    return item, replace(item, value=value), f"{key}: {flow(item.value)} -> {flow(value)}", item.where


def _renamed(item: Located, old: str, new: str) -> Located:
    """Return a mapping with another name for a key, in its place."""
    value = {new if key == old else key: each for key, each in item.value.items()}
    keys = {new if key == old else key: where for key, where in item.keys.items()}
    return Located(value, item.where, keys)


# --- searches


def _search(item: Located) -> Iterator[Edit]:
    if isinstance(item.value, dict):
        yield from _map(item)
    elif isinstance(item.value, list):
        for index, each in enumerate(item.value):
            if len(item.value) > 1:
                yield item, without(item, index), f"left out: {flow(each.plain())}", each.where
            if isinstance(each.value, dict):
                yield from _map(each)
    elif isinstance(item.value, str):
        yield _to(item, slipped(item.value), "a text")


def _map(item: Located) -> Iterator[Edit]:
    for key, each in item.value.items():
        if len(item.value) > 1:
            rest = {other: value for other, value in item.value.items() if other != key}
            yield item, replace(item, value=rest), f"left out: {flow({key: each.plain()})}", item.keys[key]
        name, *modifiers = key.split("|")
        for place, modifier in enumerate(modifiers):
            other = _ORDERS.get(modifier)
            if other or modifier in _DROPPED:
                changed = [*modifiers[:place], *([other] if other else []), *modifiers[place + 1 :]]
                new = "|".join([name, *changed])
                if new not in item.value:
                    yield item, _renamed(item, key, new), f"{key} -> {new}", item.keys[key]
        yield from _values(key, each)


def _values(key: str, item: Located) -> Iterator[Edit]:
    if isinstance(item.value, list):
        for index, each in enumerate(item.value[:ITEMS]):
            if len(item.value) > 1:
                yield item, without(item, index), f"{key}: without {flow(each.plain())}", each.where
        return
    for value in _near(item.value):
        yield _to(item, value, key)


def _near(value: object) -> Iterator[object]:
    """Yield scalars that are easily written for one."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, (int, float)):
        yield value + 1
        yield value - 1
    elif value in ("true", "false"):
        yield "true" if value == "false" else "false"
    elif isinstance(value, str):
        yield slipped(value)


# --- conditions


def _condition(item: Located, file: File) -> Iterator[Edit]:
    """Yield a condition with a word turned round, or a part left out."""
    if not isinstance(item.value, str):
        return
    text = item.value
    words = list(_WORD.finditer(text))
    for place, word in enumerate(words):
        here = file.place(item, word.start(), word.end())
        low, following = word[0].lower(), words[place + 1][0].lower() if place + 1 < len(words) else ""
        if low in _JOINS:
            changed = f"{text[: word.start()]}{_JOINS[low]}{text[word.end() :]}"
            yield item, replace(item, value=changed), f"{low} -> {_JOINS[low]}: {text}", here
        elif low in _QUANTIFIERS and following == "of":
            changed = f"{text[: word.start()]}{_QUANTIFIERS[low]}{text[word.end() :]}"
            yield item, replace(item, value=changed), f"{low} of -> {_QUANTIFIERS[low]} of: {text}", here
        elif low == "not":
            changed = f"{text[: word.start()]}{text[word.end() :]}"
            yield item, replace(item, value=changed), f"without `not`: {text}", here
    for start, end, part in _parts(words, 0)[0]:
        here = file.place(item, *part)
        changed = f"{text[:start]} {text[end:]}"
        yield item, replace(item, value=changed), f"left out: {text[slice(*part)]}", here


def _parts(words: Sequence[re.Match[str]], at: int) -> tuple[list[tuple[int, int, tuple[int, int]]], int]:
    """Return the parts of a condition from a word on that may be left out, up to the parenthesis that ends it: from
    where to where, with the word that joins it; and the part alone.
    """
    found: list[tuple[int, int, tuple[int, int]]] = []
    parts: list[tuple[int, int]] = []
    while at < len(words) and words[at][0] != ")":
        if words[at][0].lower() in _JOINS:
            at += 1
            continue
        start = words[at].start()
        while at < len(words) and words[at][0].lower() == "not":
            at += 1
        if at >= len(words):
            break
        if words[at][0] == "(":
            inner, at = _parts(words, at + 1)
            found += inner
        elif at + 2 < len(words) and words[at + 1][0].lower() == "of":
            at += 2
        parts.append((start, words[min(at, len(words) - 1)].end()))
        at += 1
    for place, (start, end) in enumerate(parts):
        if place:
            found.append((parts[place - 1][1], end, (start, end)))
        elif len(parts) > 1:
            found.append((start, parts[1][0], (start, end)))
    return found, at
