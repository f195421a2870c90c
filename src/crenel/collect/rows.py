"""One row on its way from an answer to the spool: what is known of it, and how templates and conditions read it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from crenel.catalog.details import PLACEHOLDER
from crenel.catalog.spec import Listing, ResourceType
from crenel.model import GLOBAL

# What S3 calls two Regions for old times' sake.
_OLD_NAMES = {"": "us-east-1", "EU": "eu-west-1"}
# Services whose ARNs have a path or a name alone where others say of which kind it is.
_WITHOUT_KIND = ("s3", "apigateway", "execute-api", "emr-serverless")
_AFTER_SLASH = re.compile(r"/\{(\w+)\}")
_SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass(slots=True)
class Row:
    """A resource under way. `values` are AWS's columns; `home` is where it lives, None where that could not be read.

    `gaps` holds, by detail, why it could not be read (`denied`: those that another source may have); `dropped` says
    that it was deleted meanwhile. `place` are the words for where and what it is: ``@arn``, ``@account``, ``@region`` …
    """

    values: dict[str, Any]
    region: str
    home: str | None = None
    primary: bool = True
    dropped: bool = False
    gaps: dict[str, str] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    place: Mapping[str, Any] = field(default_factory=dict)

    def reach(self, path: str) -> Any:  # noqa: ANN401 (any parsed value)
        """Return the value under a dotted path of the row's columns, or of its place, or a template filled from them;
        None where there is none.
        """
        if "{" not in path:
            return self.place.get(path) if path.startswith("@") else reach(self.values, path)
        try:
            return _text(path, {**self.values, **self.place})
        except MissingColumnError:
            return None


class MissingColumnError(Exception):
    """A call needs a column that the row does not have; the text is its name."""


def whole(text: str) -> str:
    """Return a text without halves of surrogate pairs, which JSON can spell and neither a file nor the engine takes."""
    return text if text.isascii() else _SURROGATES.sub("\N{REPLACEMENT CHARACTER}", text)


def reach(values: Mapping[str, Any], path: str) -> Any:  # noqa: ANN401 (any parsed value)
    """Return the value under a dotted path of names (and of numbers in lists), None where there is none."""
    found: Any = values
    for step in path.split("."):
        if isinstance(found, list) and step.isdigit():
            found = found[int(step)] if int(step) < len(found) else None
        elif isinstance(found, Mapping):
            found = found.get(step)
        else:
            return None
    return found


def inside(answer: Any, path: Sequence[str]) -> Any:  # noqa: ANN401 (any parsed value)
    """Return what a path of members leads to in an answer (in lists: of each item), None where there is nothing."""
    for number, step in enumerate(path):
        if isinstance(answer, list):
            return [inside(item, path[number:]) for item in answer]
        if not isinstance(answer, Mapping):
            return None
        answer = answer.get(step)
    return answer


def items_of(answer: Any, listing: Listing) -> Any:  # noqa: ANN401 (any parsed value)
    """Return the items of a listing's answer, those of nested lists in one; no list where the answer has none."""
    found = inside(answer, listing.items)
    outer = inside(answer, listing.items[:1]) if len(listing.items) > 1 else None
    if not isinstance(outer, list):
        return found
    rows: list[Any] = []
    for one, items in zip(outer, found, strict=True):
        if not isinstance(items, list) or not all(isinstance(item, Mapping) for item in items):
            return None
        shared = {name: one.get(name) for name in listing.above}
        rows += [{**item, **shared} for item in items]
    return rows


def names_in(template: Any) -> set[str]:  # noqa: ANN401 (any YAML value)
    """Return the columns (without dotted members) that a call's parameters name."""
    if isinstance(template, Mapping):
        return set[str]().union(*(names_in(item) for item in template.values()))
    if isinstance(template, list):
        return set[str]().union(*(names_in(item) for item in template))
    return {name.split(".")[0] for name in PLACEHOLDER.findall(template)} if isinstance(template, str) else set()


def filled(template: Any, rows: Sequence[Row]) -> Any:  # noqa: ANN401 (any YAML value)
    """Return a call's parameters filled from a row; from several, a list of one placeholder (or of one structure with
    placeholders) has one for each.

    Raises `MissingColumnError` where a row has no value for a placeholder.
    """
    if isinstance(template, Mapping):
        return {key: filled(item, rows) for key, item in template.items()}
    if isinstance(template, list):
        if len(template) == 1 and _of_each(template[0]):
            return [filled(template[0], [row]) for row in rows]
        return [filled(item, rows) for item in template]
    return _text(template, {**rows[0].values, **rows[0].place}) if isinstance(template, str) else template


def _of_each(template: Any) -> bool:  # noqa: ANN401 (any YAML value)
    """Return whether a list's only item stands for one of each row."""
    if isinstance(template, Mapping):
        return any(isinstance(item, str) and PLACEHOLDER.search(item) for item in template.values())
    return isinstance(template, str) and PLACEHOLDER.fullmatch(template) is not None


def _text(template: str, values: Mapping[str, Any]) -> str:
    def value(match: re.Match[str]) -> str:
        found = reach(values, match[1])
        if found is None:
            raise MissingColumnError(match[1])
        return str(found)

    return PLACEHOLDER.sub(value, template)


def arn(template: str, row: Row, partition: str, account: str, owner: str) -> str | None:
    """Return a row's ARN, None where a column that it is made of is not known.

    A name that is a path, as those of Systems Manager's parameters, brings the slash before it along.
    """
    if not template:
        return None
    place = {"partition": partition, "region": row.home or row.region, "account": owner or account}
    known = {**row.values, **place}

    def once(match: re.Match[str]) -> str:
        return match[0].removeprefix("/") if str(known.get(match[1])).startswith("/") else match[0]

    try:
        return _text(_AFTER_SLASH.sub(once, template), known)
    except MissingColumnError:
        return None


def resource(arn: str | None) -> str | None:
    """Return what an ARN says behind the kind of resource, or all behind the account where it names no kind.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
    """
    parts = arn.split(":", 5) if arn else []
    if len(parts) < 6:
        return None
    if parts[2] in _WITHOUT_KIND:
        return parts[5]
    mark = "/" if "/" in parts[5] else ":"
    return parts[5].partition(mark)[2] if mark in parts[5] else parts[5]


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
    """Return whether a row meets all conditions (column: true, false, absent, present, a glob or
    globs over a text or a list).

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
    globs = wanted if isinstance(wanted, list) else [wanted]
    items = value if isinstance(value, list) else [value]
    return any(fnmatchcase(str(item), str(glob)) for item in items if item is not None for glob in globs)


def tags(value: Any) -> list[dict[str, Any]] | None:  # noqa: ANN401 (any parsed value)
    """Return tags of any of AWS's forms (a map, a list of pairs under one name or another) as Key and Value.

    None stays None. Raises `ValueError` for what holds no tags.
    """
    if value is None:
        return None
    if isinstance(value, Mapping):
        return [{"Key": key, "Value": text} for key, text in value.items()]
    if not isinstance(value, list):
        raise ValueError("tags are a map or a list")  # noqa: TRY004 (the answer is wrong, not its type)
    return [_tag(item) for item in value]


def _tag(item: Mapping[str, Any]) -> dict[str, Any]:
    words = {name.lower().removeprefix("tag"): text for name, text in item.items()}
    if "key" not in words:
        raise ValueError("a tag has a key")
    return {"Key": words["key"], "Value": words.get("value")}


def retagged(values: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Return columns with `Tags` made of the column `source`, where that is among them."""
    if not source or source not in values:
        return dict(values)
    kept = {name: value for name, value in values.items() if name != source and name.lower() != "tags"}
    return kept | {"Tags": tags(values[source])}
