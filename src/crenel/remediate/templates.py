"""Templates of values: what YAML says of a call's parameters, filled in from what is known of a resource.

    {BucketName: {$: args.bucket}, Tagging: {TagSet: {$: "[{Key: 'a', Value: args.value}]"}}}

A mapping of the one key ``$`` is a JMESPath expression; everything else stands for itself. A member that comes out as
null is left out. In texts for people, ``{args.bucket}`` is an expression.

Beside JMESPath's functions there are

    where(list, 'member', value)   the items whose member equals the value: a filter of JMESPath's own sees
                                   nothing outside of the item, so it can't say ``args.id``
    missing(wanted, there)         the items of the first list that the second lacks
    parsed(text)                   the value of a JSON text, as S3 gives a bucket's policy; null of what is none
    edited(tags, edits)            a list of {Key, Value} with edits {key, value} done; no value takes one away
    member(object, 'name')         what an object has under a name that is an argument; pair('name', value) makes one
    tail(text, '/')                what stands behind the last slash: the id in an ARN
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import jmespath
from jmespath.functions import Functions, signature
from jmespath.parser import ParsedResult

_PLACE = re.compile(r"\{([^{}]+)\}")


class _Functions(Functions):  # type: ignore[misc]
    """JMESPath's functions and ours."""

    @signature({"types": ["array", "null"]}, {"types": ["string"]}, {"types": []})  # type: ignore[untyped-decorator]
    def _func_where(self, items: list[Any] | None, member: str, value: Any) -> list[Any]:  # noqa: ANN401
        return [item for item in items or [] if isinstance(item, Mapping) and item.get(member) == value]

    @signature({"types": ["array", "null"]}, {"types": ["array", "null"]})  # type: ignore[untyped-decorator]
    def _func_missing(self, wanted: list[Any] | None, there: list[Any] | None) -> list[Any]:
        return [item for item in wanted or [] if item not in (there or [])]

    @signature({"types": ["array", "null"]}, {"types": ["array"]})  # type: ignore[untyped-decorator]
    def _func_edited(self, tags: list[Any] | None, edits: list[Any]) -> list[Any]:
        found = {tag["Key"]: tag["Value"] for tag in tags or []} | {edit["key"]: edit["value"] for edit in edits}
        return [{"Key": key, "Value": value} for key, value in found.items() if value is not None]

    @signature({"types": ["object", "null"]}, {"types": ["string"]})  # type: ignore[untyped-decorator]
    def _func_member(self, value: Mapping[str, Any] | None, key: str) -> Any:  # noqa: ANN401
        return (value or {}).get(key)

    @signature({"types": ["string"]}, {"types": []})  # type: ignore[untyped-decorator]
    def _func_pair(self, key: str, value: Any) -> dict[str, Any]:  # noqa: ANN401
        return {key: value}

    @signature({"types": ["string", "null"]}, {"types": ["string"]})  # type: ignore[untyped-decorator]
    def _func_tail(self, text: str | None, mark: str) -> str | None:
        return text.rpartition(mark)[2] if text is not None else None

    @signature({"types": ["string", "null"]})  # type: ignore[untyped-decorator]
    def _func_parsed(self, text: str | None) -> Any:  # noqa: ANN401
        try:
            return json.loads(text or "null")
        except ValueError:
            return None


_OPTIONS = jmespath.Options(custom_functions=_Functions())


@dataclass(frozen=True, slots=True)
class Expression:
    """A JMESPath expression, parsed. Raises `jmespath.exceptions.JMESPathError` where it is none."""

    text: str

    def __post_init__(self) -> None:
        """Parse it once, so that a slip is found when a file is loaded."""
        _parsed(self.text)

    def of(self, context: Mapping[str, Any]) -> Any:  # noqa: ANN401 (any JSON value)
        """Return its value over a context of JSON values."""
        return _parsed(self.text).search(context, _OPTIONS)

    def true(self, context: Mapping[str, Any]) -> bool:
        """Return whether its value is true: JMESPath's truth, where nothing, null, false and what is empty is not."""
        value = self.of(context)
        return value is not None and value is not False and value not in ("", [], {})


def _parsed(text: str) -> ParsedResult:
    return jmespath.compile(text)  # cached there


def filled(template: Any, context: Mapping[str, Any]) -> Any:  # noqa: ANN401 (any JSON value)
    """Return a template with its expressions evaluated over a context; members and items that are null are left out."""
    if isinstance(template, Expression):
        return _without_nulls(template.of(context))
    if isinstance(template, Mapping):
        found = {key: filled(value, context) for key, value in template.items()}
        return {key: value for key, value in found.items() if value is not None}
    if isinstance(template, list | tuple):
        return [value for value in (filled(item, context) for item in template) if value is not None]
    return template


def _without_nulls(value: Any) -> Any:  # noqa: ANN401 (any JSON value)
    """Return a value without members that are null: a parameter that is null is none that AWS takes."""
    if isinstance(value, Mapping):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def told(text: str, context: Mapping[str, Any]) -> str:
    """Return a text for people with its ``{expressions}`` filled in; what is nothing is shown as nothing."""

    def value(match: re.Match[str]) -> str:
        found = Expression(match[1]).of(context)
        if isinstance(found, str):
            return found
        return "" if found is None else json.dumps(found, ensure_ascii=False)

    return _PLACE.sub(value, text)


def expressions_in(text: str) -> list[str]:
    """Return the ``{expressions}`` of a text for people."""
    return _PLACE.findall(text)


def canonical(value: Any) -> Any:  # noqa: ANN401 (any JSON value)
    """Return a state so that two that mean the same are equal.

    AWS leaves out what is empty or gives it as null, as it likes, and its sets have no order; times are texts in UTC.
    """
    if isinstance(value, Mapping):
        found = {key: canonical(item) for key, item in value.items()}
        return {key: item for key, item in sorted(found.items()) if item not in (None, [], {})}
    if isinstance(value, list | tuple):
        return sorted((canonical(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value
