"""Values with a small edit, as a slip of the hand makes one: what mutants of policies and of rules are made of."""

from __future__ import annotations

import re
from dataclasses import replace

from crenel.positions.located import Located


def swapped(item: Located, old: Located, new: Located) -> Located:
    """Return a value with a part of it replaced, wherever an alias repeats it."""
    if item is old:
        return new
    if isinstance(item.value, dict):
        return replace(item, value={key: swapped(each, old, new) for key, each in item.value.items()})
    if isinstance(item.value, list):
        return replace(item, value=[swapped(each, old, new) for each in item.value])
    return item


def without(items: Located, index: int) -> Located:
    """Return a list without one of its items."""
    return replace(items, value=[*items.value[:index], *items.value[index + 1 :]])


def slipped(text: str) -> str:
    """Return a text that differs at its end: a number there counted up, else a letter more."""
    counted = re.sub(r"\d+$", lambda match: f"{int(match[0]) + 1:0{len(match[0])}}", text)
    return counted if counted != text else f"{text}-x"
