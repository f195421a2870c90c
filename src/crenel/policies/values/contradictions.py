"""Filters beside each other that no resource matches together: one key that is to equal two values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from crenel.errors import PolicyError
from crenel.language.plan import Constant
from crenel.policies.constants import told
from crenel.policies.context import Context
from crenel.positions import Located

_KEYWORDS = ("absent", "present", "not-null", "empty")
_EQUALITIES = ("eq", "equal")
_PLAIN = {"type", "key", "value", "op"}  # with other keys a filter compares something else than the key's own value
_BLOCKS = ("and", "or", "not")

_Values = dict[Constant, None]  # in their order


def contradictions(context: Context, items: Sequence[Located]) -> None:
    """Note the filters of a list of which all have to match, though one key can't have the values that they ask for."""
    before: dict[str, tuple[_Values, Located]] = {}
    noted: set[str] = set()
    for item in items:
        for key, values, at in _wanted(context, item):
            others, first = before.get(key, (values, at))
            both = {each: None for each in values if each in others}
            if not both and key not in noted:
                noted.add(key)
                what = f"{key} can't equal both {_any(others)} (line {first.where.line}) and {_any(values)}."
                context.mistake(at.error(what, "Put alternatives under `or`, or into one list with op: in."))
            before[key] = both or values, at


def _wanted(context: Context, item: Located) -> Iterator[tuple[str, _Values, Located]]:
    """Yield a filter's key and the values that it may equal, and where they stand; nothing for other filters."""
    keys = item.value
    if not isinstance(keys, dict):
        return
    op, value, key = "eq", keys.get("value"), keys.get("key")
    if "type" in keys:
        if keys["type"].value != "value" or set(keys) - _PLAIN:
            return
        op = keys["op"].value if "op" in keys else op
    elif len(keys) == 1:
        name, value = next(iter(keys.items()))
        key = Located(name, value.where)
    if value is None or key is None or not isinstance(key.value, str) or key.value in _BLOCKS:
        return
    try:
        constant = context.constant(value)
    except PolicyError:
        return  # the filter itself is refused for it
    among = constant if op == "in" and isinstance(constant, tuple) else (constant,) if op in _EQUALITIES else ()
    if among and all(isinstance(each, (str, int, float)) for each in among) and constant not in _KEYWORDS:
        yield key.value, dict.fromkeys(among), value


def _any(values: _Values) -> str:
    found = list(values)
    return told(found[0]) if len(found) == 1 else f"one of {told(found)}"
