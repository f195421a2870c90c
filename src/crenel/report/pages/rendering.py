"""Templates made into pages. Everything is escaped, whatever it is: names in an account are other people's words."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from importlib.resources import files
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from crenel.report.contract import time_json
from crenel.report.pages import charts
from crenel.report.text import plain, printable, short

_STATES: Mapping[str, str] = {
    "FAIL": "Fail",
    "UNKNOWN": "Unknown",
    "PASS": "Pass",
    "NOT_APPLICABLE": "Not applicable",
    "WAIVED": "Waived",
    "MANUAL": "By hand",
}
_CHANGES: Mapping[str, str] = {
    "new": "New",
    "worse": "Worse",
    "lapsed": "Waiver lapsed",
    "unread": "No longer readable",
    "waived": "Waived since",
    "resolved": "Resolved",
}


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Return the templates, with the few functions that they use."""
    made = Environment(
        loader=ChoiceLoader(
            [PackageLoader("crenel", "report/pages/templates"), PackageLoader("crenel", "web/templates")]
        ),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "number": _number,
        "plain": _plain,
        "printable": lambda value: printable(str(value)),
        "short": lambda value, length: short(str(value), length),
        "words": words,
        "time": _time,
        "day": lambda value: "" if value is None else f"{value:%Y-%m-%d}",
        "shortday": lambda value: f"{value.day} {value:%b}",
        "percent": lambda value: "-" if value is None else f"{_cut(value):.0f} %",
        "pretty": _pretty,
    }
    made.globals |= {"charts": charts}
    return made


def words(value: object) -> str:
    """Return a state or change as people say it, and any other word as it is."""
    text = str(value)
    return _STATES.get(text) or _CHANGES.get(text) or plain(text)


def style() -> str:
    """Return the style sheet that all pages share."""
    return (files("crenel.report.pages") / "crenel.css").read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def style_mark() -> str:
    """Return what changes when the style sheet does."""
    return hashlib.sha256(style().encode()).hexdigest()[:12]


def json_text(value: Any) -> str:  # noqa: ANN401 (any value of a page)
    """Return the values of a page as JSON; times as ISO 8601 in UTC, in ASCII."""
    return json.dumps(value, default=_json_value)


def _json_value(value: object) -> object:
    if isinstance(value, datetime):
        return time_json(value if value.tzinfo else value.replace(tzinfo=UTC))
    return value.isoformat() if isinstance(value, date) else str(value)


def _number(value: object) -> str:
    return f"{value:,}"


def _plain(value: object) -> str:
    return "" if value is None else plain(str(value))


def _time(value: datetime | None) -> str:
    return "" if value is None else f"{value:%Y-%m-%d %H:%M} UTC"


def _cut(share: float) -> float:
    """Return a share in percent, rounded so that only all is 100 and only nothing 0."""
    percent = share * 100
    return min(percent, 99.0) if percent < 100 else percent


def _pretty(value: object) -> str:
    return printable(json.dumps(value, indent=2, ensure_ascii=False, default=_json_value))
