"""An error as a person reads it: the place, what is wrong, the line with the words underlined."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from crenel.errors import PolicyError, underline
from crenel.positions.places import lines_of
from crenel.positions.reading import read_text

_LONGEST = 160  # letters of a value in a line


def describe(error: PolicyError, label: str = "", lines: Callable[[str], list[str]] | None = None) -> str:
    """Return an error (or several that one holds) with place, message and suggestion, and the line underlined.

    `label` (``error``, ``warning``) stands behind the place. `lines` gives a file's lines, for callers with many.
    """
    return "\n".join(_one(each, label, lines or lines_in) for each in error.all())


def flow(value: Any) -> str:  # noqa: ANN401 (any YAML value)
    """Return a value as YAML in one line, a long one cut short."""
    text = yaml.safe_dump([value], default_flow_style=True, sort_keys=False, width=10**6, allow_unicode=True)
    text = text.strip()[1:-1]
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _one(error: PolicyError, label: str, lines: Callable[[str], list[str]]) -> str:
    text = f"{label}: {error.message}" if label else error.message
    head = f"{error.where}: {text}" if error.where else text
    shown = underline(lines(error.where.file), error.where) if error.where else ""
    return "\n".join(part for part in (f"{head} {error.suggestion}".rstrip(), shown) if part)


def lines_in(file: str) -> list[str]:
    """Return a file's lines, none where it can't be read."""
    try:
        return lines_of(read_text(Path(file)))
    except PolicyError:
        return []
