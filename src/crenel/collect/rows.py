"""One row on its way from an answer to the spool: what is known of it, and how templates and conditions read it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from crenel.catalog.spec import ResourceType
from crenel.model import GLOBAL

_PLACEHOLDER = re.compile(r"\{([A-Za-z][\w.]*)\}")
# What S3 calls two Regions for old times' sake.
_OLD_NAMES = {"": "us-east-1", "EU": "eu-west-1"}
_SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass(slots=True)
class Row:
    """A resource under way. `values` are AWS's columns; `home` is where it lives, None where that could not be read.

    `gaps` holds, by detail, why it could not be read; `dropped` says that it was deleted meanwhile.
    """

    values: dict[str, Any]
    region: str
    home: str | None = None
    primary: bool = True
    dropped: bool = False
    gaps: dict[str, str] = field(default_factory=dict)


class MissingColumnError(Exception):
    """A call needs a column that the row does not have; the text is its name."""


def whole(text: str) -> str:
    """Return a text without halves of surrogate pairs, which JSON can spell and neither a file nor the engine takes."""
    return text if text.isascii() else _SURROGATES.sub("\N{REPLACEMENT CHARACTER}", text)


def reach(values: Mapping[str, Any], path: str) -> Any:  # noqa: ANN401 (any parsed value)
    """Return the value under a dotted path of names, None where there is none."""
    found: Any = values
    for step in path.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(step)
    return found


def inside(answer: Any, path: Sequence[str]) -> Any:  # noqa: ANN401 (any parsed value)
    """Return what a path of members leads to in an answer, None where there is nothing."""
    for step in path:
        if not isinstance(answer, Mapping):
            return None
        answer = answer.get(step)
    return answer


def names_in(template: Any) -> set[str]:  # noqa: ANN401 (any YAML value)
    """Return the columns (without dotted members) that a call's parameters name."""
    if isinstance(template, Mapping):
        return set[str]().union(*(names_in(item) for item in template.values()))
    if isinstance(template, list):
        return set[str]().union(*(names_in(item) for item in template))
    return {name.split(".")[0] for name in _PLACEHOLDER.findall(template)} if isinstance(template, str) else set()


def filled(template: Any, rows: Sequence[Row]) -> Any:  # noqa: ANN401 (any YAML value)
    """Return a call's parameters filled from a row; from several, a list of one placeholder takes the value of each.

    Raises `MissingColumnError` where a row has no value for a placeholder.
    """
    if isinstance(template, Mapping):
        return {key: filled(item, rows) for key, item in template.items()}
    if isinstance(template, list):
        if len(template) == 1 and isinstance(template[0], str) and _PLACEHOLDER.fullmatch(template[0]):
            return [filled(template[0], [row]) for row in rows]
        return [filled(item, rows) for item in template]
    return _text(template, rows[0].values) if isinstance(template, str) else template


def _text(template: str, values: Mapping[str, Any]) -> str:
    def value(match: re.Match[str]) -> str:
        found = reach(values, match[1])
        if found is None:
            raise MissingColumnError(match[1])
        return str(found)

    return _PLACEHOLDER.sub(value, template)


def arn(template: str, row: Row, partition: str, account: str, owner: str) -> str | None:
    """Return a row's ARN, None where a column that it is made of is not known."""
    if not template:
        return None
    place = {"partition": partition, "region": row.home or row.region, "account": owner or account}
    try:
        return _text(template, {**row.values, **place})
    except MissingColumnError:
        return None


def home(kind: ResourceType, values: Mapping[str, Any], region: str) -> str:
    """Return the Region where a resource lives that was read in `region`."""
    if not kind.home:
        return region
    named = values.get(kind.home)
    if isinstance(named, Mapping):
        named = next(iter(named.values()), None)
    if region == GLOBAL:
        return _OLD_NAMES.get(named or "", named or "")
    return named or region


def owner(kind: ResourceType, values: Mapping[str, Any], account: str) -> str:
    """Return the number of the account that owns a resource: its owner column's, which may be an ARN, or the reader."""
    named = str(values.get(kind.owner) or "") if kind.owner else ""
    if named.startswith("arn:"):
        named = named.split(":")[4]
    return named or account


def holds(conditions: Mapping[str, Any], row: Row, gap_of: Mapping[str, str], *, unknown: bool) -> bool:
    """Return whether a row meets all conditions (column: true, false, absent, present, a glob over a text or a list).

    `gap_of` names the detail that fills a column: where it could not be read, the condition counts as `unknown` says.
    """
    return all(
        unknown if gap_of.get(path.split(".")[0], "") in row.gaps else _matches(wanted, reach(row.values, path))
        for path, wanted in conditions.items()
    )


def _matches(wanted: object, value: object) -> bool:
    if isinstance(wanted, bool):
        return value is wanted
    if wanted in ("absent", "present"):
        return (value is None) == (wanted == "absent")
    items = value if isinstance(value, list) else [value]
    return any(fnmatchcase(str(item), str(wanted)) for item in items if item is not None)
