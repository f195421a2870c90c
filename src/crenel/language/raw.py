"""The SQL of what a log's record says, and of the tests that detections make. Null is what is absent; JSON's own null
stays JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from crenel.catalog.columns import JSON
from crenel.catalog.events import KEYS, RECORD, TEXTS, UNLIKE
from crenel.language.expressions import (
    case,
    cast,
    column,
    function,
    is_null,
    lambda_,
    literal,
    negated,
    not_null,
    together,
    total,
)
from crenel.language.records import Letters, Other, Test

_UPPER, _LOWER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz"
_MOST_DOTTED = 5  # names in a path of which each way to join some by dots is tried


def columns_of(path: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that a path reads."""
    if not path or path[0] not in KEYS:
        return (RECORD,)
    return (path[0], UNLIKE) if path[0] in TEXTS else (path[0],)


def stands(alias: str, path: Sequence[str]) -> exp.Expr:
    """Return what stands at a path: JSON, its null as such."""
    if not path:
        return column(alias, RECORD)
    name, *rest = path
    if name not in KEYS:
        return function("JSON_EXTRACT", column(alias, RECORD), pointer(path))
    if KEYS[name].kind == JSON:
        return function("JSON_EXTRACT", column(alias, name), pointer(rest)) if rest else column(alias, name)
    odd = function("JSON_EXTRACT", column(alias, UNLIKE), pointer(path))
    return odd if rest else exp.Coalesce(this=function("TO_JSON", column(alias, name)), expressions=[odd])


def pointer(path: Sequence[str]) -> exp.Expr:
    """Return a path as a JSON pointer (RFC 6901), which takes any name."""
    return literal("".join(f"/{name.replace('~', '~0').replace('/', '~1')}" for name in path))


def said_column(alias: str, name: str, other: Other) -> exp.Expr:
    """Return the text of a column of texts, or what `other` says of what stands there and is none."""
    text = column(alias, name)
    if other == "none":
        return text
    odd = function("JSON_EXTRACT", column(alias, UNLIKE), pointer([name]))
    return exp.Coalesce(this=text, expressions=[_other(odd, other)])


def said(sql: exp.Expr, other: Other) -> exp.Expr:
    """Return the text that a JSON value is, and for another what `other` says."""
    if other == "json":
        return _other(sql, other)
    text = function("JSON_EXTRACT_STRING", sql, literal("$"))
    is_text = exp.EQ(this=function("JSON_TYPE", sql), expression=literal("VARCHAR"))
    return case([(is_text, text)], exp.null() if other == "none" else _other(sql, other))


def _other(sql: exp.Expr, other: Other) -> exp.Expr:
    if other == "empty":
        return case([(not_null(sql), literal(""))], exp.null())
    null = case([(not_null(sql), literal("null"))], exp.null())
    return exp.Coalesce(this=function("JSON_EXTRACT_STRING", sql, literal("$")), expressions=[null])


def joined(parts: Sequence[exp.Expr]) -> exp.Expr:
    """Return texts one after the other, null where one is."""
    found = parts[0]
    for part in parts[1:]:
        found = exp.DPipe(this=found, expression=part)
    return exp.Paren(this=found)


# --- walking


def reached(alias: str, path: Sequence[str]) -> exp.Expr:
    """Return the list of what stands at a path, lists walked and names with dots tried."""
    name, *rest = path
    if name not in KEYS:
        start, rest = column(alias, RECORD), list(path)
    elif KEYS[name].kind == JSON:
        start = column(alias, name)
    else:
        start = stands(alias, (name,))
    return function("LIST_FILTER", _spread(_found(start, rest)), lambda_("v", _is_something("v")))


def _found(start: exp.Expr, rest: Sequence[str]) -> exp.Expr:
    if not rest:
        return exp.Array(expressions=[start])
    straight = function("JSON_EXTRACT", start, pointer(rest))
    ways = function("JSON_EXTRACT", start, exp.Array(expressions=[pointer(way) for way in _dotted(rest)]))
    # What lists lie on the way is seen from there being nothing where the path leads straight.
    walked: exp.Expr = exp.Array(expressions=[start])
    for depth, name in enumerate(rest):
        walked = _step(walked, name, depth)
    return function("LIST_CONCAT", ways, case([(is_null(straight), walked)], exp.Array(expressions=[])))


def _dotted(path: Sequence[str]) -> list[tuple[str, ...]]:
    """Return a path, and its forms in which neighbouring names are one name with dots."""
    if len(path) > _MOST_DOTTED:
        return [tuple(path)]
    if len(path) == 1:
        return [tuple(path)]
    tails = _dotted(path[1:])
    return [(path[0], *tail) for tail in tails] + [(f"{path[0]}.{tail[0]}", *tail[1:]) for tail in tails]


def _step(values: exp.Expr, name: str, depth: int) -> exp.Expr:
    each, item = f"v{depth}", f"w{depth}"
    inner = function("JSON_EXTRACT", exp.to_identifier(item), pointer([name]))
    items = function("LIST_TRANSFORM", _items(each), lambda_(item, inner))
    single = exp.Array(expressions=[function("JSON_EXTRACT", exp.to_identifier(each), pointer([name]))])
    return function("FLATTEN", function("LIST_TRANSFORM", values, lambda_(each, _by_list(each, items, single))))


def _spread(values: exp.Expr) -> exp.Expr:
    """Return values with the items of lists behind the lists."""
    single = exp.Array(expressions=[exp.to_identifier("e")])
    both = function("LIST_CONCAT", single, _items("e"))
    return function("FLATTEN", function("LIST_TRANSFORM", values, lambda_("e", _by_list("e", both, single))))


def _by_list(name: str, of_list: exp.Expr, of_other: exp.Expr) -> exp.Expr:
    is_list = exp.EQ(this=function("JSON_TYPE", exp.to_identifier(name)), expression=literal("ARRAY"))
    return case([(is_list, of_list)], of_other)


def _items(name: str) -> exp.Expr:
    return function("JSON_EXTRACT", exp.to_identifier(name), literal("$[*]"))


def _is_something(name: str) -> exp.Expr:
    here = exp.to_identifier(name)
    null = exp.EQ(this=function("JSON_TYPE", here), expression=literal("NULL"))
    return together(exp.And, [not_null(here), negated(null)])


# --- tests

_TESTS: Mapping[Test, str] = {
    "contains": "CONTAINS", "starts": "STARTS_WITH", "ends": "ENDS_WITH", "regex": "REGEXP_MATCHES"
}  # fmt: skip


def fits(test: Test, value: exp.Expr, text: exp.Expr) -> exp.Expr:
    """Return whether a text passes a test with another; false for null."""
    return total(function(_TESTS[test], value, text))


def folded(sql: exp.Expr, letters: Letters) -> exp.Expr:
    """Return a text in lower case."""
    if letters == "all":
        return function("LOWER", sql)
    return function("TRANSLATE", sql, literal(_UPPER), literal(_LOWER))


def exactly(count: int, parts: Sequence[exp.Expr]) -> exp.Expr:
    """Return whether so many of total conditions hold."""
    held: exp.Expr = literal(0)
    for part in parts:
        held = exp.Add(this=held, expression=cast(part, "INTEGER"))
    return exp.EQ(this=exp.Paren(this=held), expression=literal(count))
