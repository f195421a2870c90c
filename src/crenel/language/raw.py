"""The SQL of what a log's record says, and of the tests that detections make. Null is what is absent; JSON's own null
stays JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sqlglot import exp

from crenel.catalog.columns import JSON
from crenel.catalog.events import KEYS, MEMBERS, RECORD, TEXTS, UNLIKE
from crenel.language.compare import Operand, text_of
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
    if path and path[0] in MEMBERS:
        return (path[0],)
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
    if other == "source":
        return cast(sql, "VARCHAR")
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


# --- functions that detections call by name; null stays null


def raised(text: exp.Expr) -> exp.Expr:
    """Return a text with its ASCII letters in upper case."""
    return function("TRANSLATE", text, literal(_LOWER), literal(_UPPER))


def unpacked(text: exp.Expr) -> exp.Expr:
    """Return the text that a text in Base64 stands for, null where it is none."""
    return function("TRY", function("DECODE", function("FROM_BASE64", text)))


def size(text: exp.Expr) -> exp.Expr:
    """Return the bytes of a text in UTF-8."""
    return function("STRLEN", text)


def whole(number: exp.Expr) -> exp.Expr:
    """Return a number without what is behind the point, 0 for one below 0; null where it is too large."""
    found = case([(exp.LT(this=number, expression=literal(0)), literal(0))], function("TRUNC", number))
    return exp.TryCast(this=found, to=exp.DataType.build("UBIGINT", dialect="duckdb"))


def spelt(number: exp.Expr) -> exp.Expr:
    """Return a whole number as a text."""
    return cast(number, "VARCHAR")


def indented(text: exp.Expr) -> exp.Expr:
    """Return JSON over several lines, indented by four blanks a level."""
    return function("JSON_PRETTY", cast(text, "JSON"))


def hextets(text: exp.Expr) -> exp.Expr:
    """Return the 32 digits of an IPv6 address, however it is written; null for what is none."""
    lower = function("LOWER", text)
    filled = exp.Literal.string(":")
    some = lambda_("g", exp.NEQ(this=exp.to_identifier("g"), expression=literal("")))
    groups = function("LEN", function("LIST_FILTER", function("STRING_SPLIT", lower, filled), some))
    missing = function("REPEAT", literal("0:"), exp.Sub(this=literal(8), expression=groups))
    whole_text = function("REPLACE", lower, literal("::"), function("CONCAT", filled, missing))
    padded = lambda_("g", function("LPAD", exp.to_identifier("g"), literal(4), literal("0")))
    parts = function("LIST_FILTER", function("STRING_SPLIT", whole_text, filled), some)
    digits = function("ARRAY_TO_STRING", function("LIST_TRANSFORM", parts, padded), literal(""))
    written = function("REGEXP_FULL_MATCH", lower, literal("(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}"))
    return case(
        [(exp.And(this=written, expression=exp.EQ(this=function("LEN", digits), expression=literal(32))), digits)],
        exp.null(),
    )


def calendar(text: exp.Expr, part: str) -> exp.Expr:
    """Return a part of the time in UTC that a text is (minute, hour, day, week, month, year); null for what is none."""
    time = exp.TryCast(this=text, to=exp.DataType.build("TIMESTAMP"))
    return function("DATE_PART", literal(part), time)


def _calendar(arguments: Sequence[Operand], settings: Sequence[object]) -> exp.Expr:
    return calendar(text_of(arguments[0].kind, arguments[0].sql), str(settings[0]))


def _called(body: Callable[[exp.Expr], exp.Expr]) -> Callable[[Sequence[Operand], Sequence[object]], exp.Expr]:
    def of_text(arguments: Sequence[Operand], _: Sequence[object]) -> exp.Expr:
        [operand] = arguments
        return body(operand.sql if operand.group == "number" else text_of(operand.kind, operand.sql))

    return of_text


CALLED = {
    "raised": _called(raised), "unpacked": _called(unpacked), "size": _called(size), "whole": _called(whole),
    "spelt": _called(spelt), "indented": _called(indented),
    "hextets": _called(hextets), "calendar": _calendar,
}  # fmt: skip
