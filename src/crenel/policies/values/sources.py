"""`value_from`: values that stand in a file, in S3 or behind a URL, read once when a policy is compiled."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Protocol
from urllib.parse import urlsplit

from jmespath import Options, exceptions, functions
from jmespath import compile as compiled

from crenel.errors import did_you_mean
from crenel.language.phrases import Unread
from crenel.language.plan import Constant
from crenel.policies.constants import frozen
from crenel.positions import Located

FORMATS = ("json", "csv", "csv2dict", "txt")
_KEYS = ("url", "format", "expr", "headers", "query")
_MOST_LETTERS = 64 * 1024 * 1024


class Fetch(Protocol):
    """Gets what stands at an address."""

    def __call__(self, url: str, headers: Mapping[str, str], at: Located) -> str:
        """Return the text at a URL. Raises `PolicyError` where it can't be had."""
        ...


class _Functions(functions.Functions):  # type: ignore[misc]
    """JMESPath's functions with Cloud Custodian's two."""

    @functions.signature({"types": ["string"]}, {"types": ["string"]})  # type: ignore[untyped-decorator]
    def _func_split(self, separator: str, text: str) -> list[str]:
        return text.split(separator)

    @functions.signature({"types": ["string"]})  # type: ignore[untyped-decorator]
    def _func_from_json(self, text: str) -> Any:  # noqa: ANN401 (any JSON)
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            return None


@dataclass(slots=True)
class ValueSources:
    """Fetches and reads what `value_from` names, each source once. `words` fill the braces of its texts."""

    fetch: Fetch
    words: Mapping[str, str] = field(default_factory=dict)
    known: dict[str, Constant] = field(default_factory=dict)

    def __call__(self, source: Located) -> Constant:
        """Return the values that a `value_from` names; a list where it has several. Raises `PolicyError`."""
        keys = _checked(source)
        url = self._filled(keys["url"].text("url"))
        form = _format(keys, url)
        headers = {key: self._filled(item.text("a header")) for key, item in _headers(keys).items()}
        expr = keys["expr"].value if "expr" in keys else None
        expr = self._filled(expr) if isinstance(expr, str) else expr
        key = json.dumps([url, form, expr, headers], sort_keys=True)
        if key not in self.known:
            text = self.fetch(url, headers, keys["url"])
            if len(text) > _MOST_LETTERS:
                raise keys["url"].error(f"{url} is larger than 64 MiB.")
            self.known[key] = _read(text, form, expr, keys.get("expr", keys["url"]))
        return self.known[key]

    def _filled(self, text: str) -> str:
        for word, value in self.words.items():
            text = text.replace(f"{{{word}}}", value)
        return text


def unfetched(source: Located) -> Constant:
    """Return an empty list for what a `value_from` names, where nothing is to be fetched.

    Raises `PolicyError` for what is wrong with the `value_from` itself.
    """
    keys = _checked(source)
    _format(keys, keys["url"].text("url"))
    return ()


def named(source: Located) -> Constant:
    """Return words for what a `value_from` names, where a policy is told and nothing is to be fetched.

    Raises `PolicyError` for what is wrong with the `value_from` itself.
    """
    unfetched(source)
    return (read_later(source.plain()),)


def read_later(source: Mapping[str, Any]) -> Unread:
    """Return words for what a `value_from` names."""
    if "fact" in source:
        return Unread(f"the values of the fact {source['fact']}")
    return Unread(f"the values at {source['url']}" + (f" ({source['expr']})" if "expr" in source else ""))


def _checked(source: Located) -> Mapping[str, Located]:
    keys = source.only("value_from", _KEYS)
    if "url" not in keys:
        raise source.error("value_from needs `url`.")
    if keys["url"].text("url") == "dynamodb":
        raise keys["url"].error("value_from reads no DynamoDB tables here.", "Export the values to S3 or a file.")
    if "query" in keys:
        raise keys["query"].error("query goes with the url dynamodb, which is not read here.")
    return keys


def _format(keys: Mapping[str, Located], url: str) -> str:
    form = keys["format"].text("format") if "format" in keys else PurePosixPath(urlsplit(url).path).suffix[1:]
    if form not in FORMATS:
        at = keys.get("format", keys["url"])
        hint = did_you_mean(form, FORMATS) or f"Say format: one of {', '.join(FORMATS)}."
        raise at.error(f'"{form}" is no format that value_from reads.', hint)
    return form


def _headers(keys: Mapping[str, Located]) -> Mapping[str, Located]:
    return keys["headers"].mapping("headers") if "headers" in keys else {}


def _read(text: str, form: str, expr: Any, at: Located) -> Constant:  # noqa: ANN401 (a column number or JMESPath)
    """Return the values of a text by its format."""
    match form:
        case "json":
            try:
                data = json.loads(text)
            except ValueError as error:
                raise at.error(f"what value_from fetched is no JSON: {error}") from error
            return frozen(data if expr is None else _found(expr, data, at), at)
        case "txt":
            return tuple(dict.fromkeys(line.strip() for line in io.StringIO(text)))
    return _cells(list(csv.reader(io.StringIO(text))), form, expr, at)


def _cells(rows: list[list[str]], form: str, expr: Any, at: Located) -> Constant:  # noqa: ANN401 (as above)
    if form == "csv2dict":
        columns = {cells[0]: list(cells[1:]) for cells in zip(*rows, strict=False)}
        if expr is not None:
            return frozen(_found(expr, columns, at), at)
        return tuple(dict.fromkeys(itertools.chain.from_iterable(columns.values())))
    if isinstance(expr, int):
        short = next((row for row in rows if row and len(row) <= expr), None)
        if short is not None:
            raise at.error(f"a row has {len(short)} columns, and none with the number {expr}.")
        return tuple(dict.fromkeys(row[expr] for row in rows if row))
    if expr is not None:
        return frozen(_found(expr, rows, at), at)
    return tuple(dict.fromkeys(itertools.chain.from_iterable(rows)))


def _found(expr: Any, data: Any, at: Located) -> Any:  # noqa: ANN401 (as above)
    """Return what a JMESPath expression finds."""
    if not isinstance(expr, str):
        raise at.error("expr is a JMESPath expression, or for csv a column's number.")
    try:
        return compiled(expr).search(data, Options(custom_functions=_Functions()))
    except exceptions.JMESPathError as error:
        raise at.error(f'the expression "{expr}" fails: {str(error).splitlines()[0]}') from error
