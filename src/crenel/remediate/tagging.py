"""What the tag actions of a policy do to one resource: tags to set and tags to take away, as one list of edits.

The names, defaults and texts are Cloud Custodian's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from jmespath.exceptions import JMESPathError

from crenel.remediate.templates import Expression

DEFAULT_TAG = "maid_status"
_MESSAGE = "Resource does not meet policy: {op}@{action_date}"
_DAYS = 4
_ZONES: Mapping[str, str] = {
    "utc": "UTC", "gmt": "Etc/GMT", "pdt": "America/Los_Angeles", "pt": "America/Los_Angeles",
    "pst": "America/Los_Angeles", "ast": "America/Phoenix", "at": "America/Phoenix", "est": "America/New_York",
    "edt": "America/New_York", "et": "America/New_York", "cst": "America/Chicago", "cdt": "America/Chicago",
    "ct": "America/Chicago", "mst": "America/Denver", "mdt": "America/Denver", "mt": "America/Denver",
    "gst": "Etc/GMT+4", "bst": "Europe/London", "ist": "Europe/Dublin", "cet": "Europe/Berlin",
}  # fmt: skip
Edit = dict[str, str | None]  # {key, value}; without a value the tag goes


class TagError(Exception):
    """A tag that can't be made of a resource, or of an action's options."""


def edits(kind: str, options: Mapping[str, Any], row: Mapping[str, Any], now: datetime) -> Iterator[Edit]:
    """Yield what an action does to a resource's tags. `kind` is ``set``, ``mark`` or ``drop``; `now` is aware.

    Raises `TagError` where a tag's value is to come from the resource and there is none.
    """
    if kind == "drop":
        for key in options.get("tags") or [DEFAULT_TAG]:
            yield {"key": str(key), "value": None}
    elif kind == "mark":
        yield {"key": options.get("tag") or DEFAULT_TAG, "value": mark(options, now)}
    else:
        wanted = dict(options.get("tags") or {})
        value = options.get("value") or options.get("msg")
        if value is not None:
            wanted[options.get("key") or options.get("tag") or DEFAULT_TAG] = value
        for key, each in wanted.items():
            yield {"key": str(key), "value": _text(_value(each, row))}


def mark(options: Mapping[str, Any], now: datetime) -> str:
    """Return the text of a mark for a later action. Raises `TagError` for a time zone that there is not.

    Without days and hours it is due in four days, as Cloud Custodian's documentation has it.
    """
    days, hours = options.get("days"), options.get("hours")
    if days is None and hours is None:
        days = _DAYS
    due = now.astimezone(zone(options.get("tz") or "utc")) + timedelta(days=days or 0, hours=hours or 0)
    date = f"{due:%Y/%m/%d %H%M %Z}" if hours else f"{due:%Y/%m/%d}"
    text = str(options.get("msg") or _MESSAGE)
    return text.replace("{op}", str(options.get("op"))).replace("{action_date}", date)


def zone(name: str) -> ZoneInfo:
    """Return a time zone by its name or Cloud Custodian's short one. Raises `TagError` where there is none."""
    try:
        return ZoneInfo(_ZONES.get(name.lower(), name))
    except (KeyError, ValueError, OSError) as error:
        raise TagError(f'there is no time zone "{name}"') from error


def merged(found: Sequence[Edit]) -> list[Edit]:
    """Return edits with one for each key: the last."""
    return list({edit["key"]: edit for edit in found}.values())


def _value(wanted: Any, row: Mapping[str, Any]) -> Any:  # noqa: ANN401 (any YAML value)
    if not isinstance(wanted, Mapping):
        return wanted
    found = None
    if "key" in wanted:
        try:
            found = Expression(str(wanted["key"])).of(row)
        except JMESPathError as error:
            raise TagError(f"{wanted['key']} can't be looked up") from error
    if found is None:
        found = wanted.get("default-value")
    if found is None:
        raise TagError(f"the resource has no {wanted.get('key')}, and there is no default-value")
    return found


def _text(value: Any) -> str:  # noqa: ANN401 (any YAML value)
    return str(value).lower() if isinstance(value, bool) else str(value)
