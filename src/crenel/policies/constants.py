"""What a policy gives to compare with, in the plan's own form: lists as tuples, mappings as records."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime
from typing import Any

from crenel.language.plan import Constant, Record
from crenel.positions import Located

_SHOWN = 3  # items of a list in a message


def frozen(value: Any, at: Located) -> Constant:  # noqa: ANN401 (any YAML value)
    """Return a YAML value for the plan. Raises `PolicyError` for what the engine can't hold."""
    match value:
        case Located():
            return frozen(value.value, value)
        case str():
            return stored(value, at)
        case float():
            if not math.isfinite(value):
                raise at.error(f"{value} is no number to compare with.")
            return value
        case None | bool() | int():
            return value
        case datetime():
            return value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
        case date():
            return datetime(value.year, value.month, value.day)  # noqa: DTZ001 (times are UTC without a zone here)
        case list() | tuple() | set() | frozenset():
            return tuple(frozen(each, at) for each in value)
        case dict():
            return Record(tuple((stored(str(key), at), frozen(each, at)) for key, each in value.items()))
    raise at.error(f"{told(value)} is nothing to compare with.")


def told(value: object) -> str:
    """Return a value for a message, as YAML would have it; of a list the first items."""
    match value:
        case Located():
            return told(value.value)
        case datetime() if (value.hour, value.minute, value.second, value.microsecond) == (0, 0, 0, 0):
            return f"{value:%Y-%m-%d}"
        case datetime() | date():
            return value.isoformat(" ") if isinstance(value, datetime) else value.isoformat()
        case list() | tuple():
            more = [f"and {len(value) - _SHOWN} more"] if len(value) > _SHOWN else []
            return f"[{', '.join([*map(told, value[:_SHOWN]), *more])}]"
        case dict() | Record():
            return "a mapping"
    return json.dumps(value, ensure_ascii=False, default=str)


def stored(text: str, at: Located) -> str:
    """Return a text that the engine can hold; raises for what no answer of AWS's has either."""
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise at.error("a text can't hold NUL or half a surrogate pair.")
    return text
