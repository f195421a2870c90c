r"""Conversions in SQL: what Python and Cloud Custodian make of a value that is to be a number, a date, a network.

Nothing raises: what can't be converted is 0, or null, as `plan.Convert` says for each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlglot import exp

from crenel.catalog.columns import JSON, ListOf, MapOf, Struct, Type
from crenel.language.compare import bare, group, json_items, json_text, json_type, text_of
from crenel.language.expressions import case, cast, function, lambda_, literal, not_null, or_zero, paren, total
from crenel.language.plan import Conversion

# What Python's str.strip() strips; DuckDB's TRIM takes spaces alone unless told.
WHITE_SPACE = "".join(chr(code) for code in range(0x3001) if chr(code).isspace())

_INTEGER = r"[+-]?[0-9]+(_[0-9]+)*"
_FLOAT = (
    r"(?i)[+-]?(inf(inity)?|nan|([0-9]+(_[0-9]+)*\.?([0-9]+(_[0-9]+)*)?|\.[0-9]+(_[0-9]+)*)(e[+-]?[0-9]+(_[0-9]+)*)?)"
)
_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_ADDRESS = rf"{_OCTET}(\.{_OCTET}){{3}}"
_NETWORK = rf"{_ADDRESS}(/0*(3[0-2]|[12]?[0-9]))?"

# Cloud Custodian takes a number for seconds since 1970 where that is after S3's birth, else for nothing, and for
# milliseconds where as seconds it would be after the year 9999.
_DATE_FLOOR = 1142726400  # 2006-03-19
_DATE_CEILING = 253402300800
# Beside ISO 8601, which DuckDB's own cast reads: how AWS and people write dates.
_DATES = (
    "%Y-%m-%d %H:%M:%S GMT", "%Y-%m-%d %H:%M:%S UTC", "%Y-%m-%dT%H:%M:%SGMT", "%Y%m%dT%H%M%SZ", "%Y%m%dT%H%M%S",
    "%Y%m%dT%H%MZ", "%a, %d %b %Y %H:%M:%S GMT", "%a, %d %b %Y %H:%M:%S %z", "%d %b %Y %H:%M:%S", "%d %b %Y",
    "%d %B %Y", "%d-%b-%Y", "%b %d %Y", "%b %d, %Y", "%B %d %Y", "%B %d, %Y", "%b %d, %Y %H:%M:%S",
    "%b %d %Y %H:%M:%S", "%a %b %d %H:%M:%S %Y", "%a %b %d %H:%M:%S UTC %Y", "%Y/%m/%d", "%Y/%m/%d %H%M UTC",
    "%Y/%m/%d %H%M GMT", "%Y/%m/%d %H%M", "%Y/%m/%d %H:%M:%S", "%Y.%m.%d", "%m/%d/%Y", "%m/%d/%Y %H:%M:%S",
    "%m/%d/%y", "%m-%d-%Y", "%Y-%m-%dT%H:%M:%S.%f%z", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M%z",
    "%Y-%m-%d %H:%M:%S%z", "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%dT%H:%MZ", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M",
    "%Y-%m-%d %I:%M %p", "%m/%d/%Y %I:%M:%S %p",
)  # fmt: skip


def converted(to: Conversion, kind: Type, sql: exp.Expr) -> exp.Expr:
    """Return a value of a kind as what a conversion makes of it."""
    return _CONVERSIONS[to](kind, sql)


def stripped(sql: exp.Expr) -> exp.Expr:
    """Return a text without white space around it."""
    return function("TRIM", sql, literal(WHITE_SPACE))


def _number_text(pattern: str, kind: str, text: exp.Expr) -> exp.Expr:
    bared = stripped(text)
    fits = function("REGEXP_FULL_MATCH", bared, literal(pattern))
    digits = function("REPLACE", bared, literal("_"), literal(""))
    return case([(fits, exp.TryCast(this=digits, to=exp.DataType.build(kind)))], exp.null())


def _integer(kind: Type, sql: exp.Expr) -> exp.Expr:
    """Python's int(str(x)): a float or true is no integer's text."""
    match group(kind):
        case "number":
            return or_zero(sql) if str(kind) == "integer" else literal(0)
        case "text":
            return or_zero(_number_text(_INTEGER, "HUGEINT", sql))
        case "json":
            whole = (json_type(sql, "BIGINT", "UBIGINT", "HUGEINT"), cast(sql, "HUGEINT"))
            return or_zero(case([whole], _number_text(_INTEGER, "HUGEINT", json_text(sql))))
    return literal(0)


def _float(kind: Type, sql: exp.Expr) -> exp.Expr:
    match group(kind):
        case "number":
            return cast(or_zero(sql), "DOUBLE")
        case "text":
            return or_zero(_number_text(_FLOAT, "DOUBLE", sql))
        case "json":
            number = (json_type(sql, "BIGINT", "UBIGINT", "HUGEINT", "DOUBLE"), cast(sql, "DOUBLE"))
            return or_zero(case([number], _number_text(_FLOAT, "DOUBLE", json_text(sql))))
    return cast(literal(0), "DOUBLE")


def _date(kind: Type, sql: exp.Expr) -> exp.Expr:
    match group(kind):
        case "time":
            return cast(sql, "TIMESTAMP")
        case "number":
            return _epoch(sql)
        case "text":
            return _date_text(sql)
        case "json":
            number = (json_type(sql, "BIGINT", "UBIGINT", "HUGEINT", "DOUBLE"), _epoch(cast(sql, "DOUBLE")))
            return case([number], _date_text(json_text(sql)))
    return cast(exp.null(), "TIMESTAMP")


def _epoch(number: exp.Expr) -> exp.Expr:
    after = exp.GT(this=number, expression=literal(_DATE_FLOOR))
    in_seconds = exp.LT(this=number, expression=literal(_DATE_CEILING))
    in_milliseconds = exp.LT(this=number, expression=literal(_DATE_CEILING * 1000))
    return case(
        [
            (exp.Not(this=total(after)), exp.null()),
            (in_seconds, _at(number, 1_000_000)),
            (in_milliseconds, _at(number, 1_000)),
        ],
        exp.null(),
    )


def _at(number: exp.Expr, factor: int) -> exp.Expr:
    micros = exp.Mul(this=paren(number), expression=literal(factor))
    return function("MAKE_TIMESTAMP", cast(function("ROUND", micros), "BIGINT"))


def _date_text(text: exp.Expr) -> exp.Expr:
    digits = function("REGEXP_FULL_MATCH", text, literal("[0-9]+"))
    number = exp.TryCast(this=text, to=exp.DataType.build("DOUBLE"))
    formats = exp.Array(expressions=[literal(each) for each in _DATES])
    bared = stripped(text)
    zoned = exp.TryCast(this=bared, to=exp.DataType.build("TIMESTAMPTZ"))
    tried = cast(function("TRY_STRPTIME", bared, formats), "TIMESTAMPTZ")
    moment = exp.Coalesce(this=zoned, expressions=[tried])
    found = function("TIMEZONE", literal("UTC"), moment)
    return case([(digits, _epoch(number))], exp.Coalesce(this=found, expressions=[_epoch(number)]))


def _version(kind: Type, sql: exp.Expr) -> exp.Expr:
    """Runs of digits, of small letters and of anything else, the dots between them left out."""
    return function("REGEXP_EXTRACT_ALL", text_of(kind, sql), literal(r"[0-9]+|[a-z]+|[^0-9a-z.]+"))


def _elements(kind: Type, sql: exp.Expr) -> exp.Expr:
    match kind:
        case ListOf():
            return sql
        case MapOf():
            return function("MAP_KEYS", sql)
        case Struct(fields):
            there = [_name_if_there(sql, name) for name in fields]
            named = function(
                "LIST_FILTER", exp.Array(expressions=there), lambda_("x", not_null(exp.to_identifier("x")))
            )
            return case([(not_null(sql), named)], exp.null())
    if kind == JSON:
        keys = function("JSON_EXTRACT", cast(function("TO_JSON", function("JSON_KEYS", sql)), "JSON"), literal("$[*]"))
        letters = function("TO_JSON", _letters(json_text(sql)))
        return case(
            [
                (json_type(sql, "ARRAY"), json_items(sql)),
                (json_type(sql, "OBJECT"), keys),
                (json_type(sql, "VARCHAR"), function("JSON_EXTRACT", letters, literal("$[*]"))),
            ],
            exp.null(),
        )
    return _letters(text_of(kind, sql))


def _name_if_there(sql: exp.Expr, name: str) -> exp.Expr:
    member = exp.Dot(this=sql, expression=exp.to_identifier(name, quoted=True))
    return case([(not_null(member), literal(name))], exp.null())


def _letters(text: exp.Expr) -> exp.Expr:
    return function("REGEXP_EXTRACT_ALL", text, literal("(?s)."))


def _address(text: exp.Expr) -> exp.Expr:
    """The number of an IPv4 address, for a text that is known to begin with one."""
    parts = function("STRING_SPLIT", function("SPLIT_PART", text, literal("/"), literal(1)), literal("."))
    total_: exp.Expr = literal(0)
    for index, weight in enumerate((1 << 24, 1 << 16, 1 << 8, 1)):
        octet = cast(exp.Bracket(this=parts, expressions=[literal(index)]), "BIGINT")
        total_ = exp.Add(this=total_, expression=exp.Mul(this=octet, expression=literal(weight)))
    return paren(total_)


def _prefix(text: exp.Expr) -> exp.Expr:
    given = function("NULLIF", function("SPLIT_PART", text, literal("/"), literal(2)), literal(""))
    return exp.Coalesce(this=cast(given, "BIGINT"), expressions=[literal(32)])


def _hosts(text: exp.Expr) -> exp.Expr:
    """How many addresses a network has."""
    return cast(function("POW", literal(2), exp.Sub(this=literal(32), expression=_prefix(text))), "BIGINT")


def _network(kind: Type, sql: exp.Expr, of: Callable[[exp.Expr], exp.Expr]) -> exp.Expr:
    """What is asked of a network, null where the text is no IPv4 address or network, or has host bits set."""
    text = text_of(kind, sql)
    fits = function("REGEXP_FULL_MATCH", text, literal(_NETWORK))
    aligned = exp.EQ(this=exp.Mod(this=_address(text), expression=_hosts(text)), expression=literal(0))
    return case([(fits, case([(aligned, of(text))], exp.null()))], exp.null())


def _cidr_first(kind: Type, sql: exp.Expr) -> exp.Expr:
    return _network(kind, sql, _address)


def _cidr_last(kind: Type, sql: exp.Expr) -> exp.Expr:
    def last(text: exp.Expr) -> exp.Expr:
        size = exp.Sub(this=_hosts(text), expression=literal(1))
        return exp.Add(this=_address(text), expression=paren(size))

    return _network(kind, sql, last)


def _cidr_size(kind: Type, sql: exp.Expr) -> exp.Expr:
    text = text_of(kind, sql)
    is_network = function("CONTAINS", text, literal("/"))
    return or_zero(case([(is_network, _network(kind, sql, _prefix))], exp.null()))


def _json(kind: Type, sql: exp.Expr) -> exp.Expr:
    return sql if kind == JSON else bare(function("TO_JSON", sql))


def _text(kind: Type, sql: exp.Expr) -> exp.Expr:
    """Python's str(x) of a single value."""
    match group(kind):
        case "text":
            return sql
        case "boolean":
            return case([(sql, literal("True")), (exp.Not(this=sql), literal("False"))], exp.null())
        case "json":
            return function("JSON_EXTRACT_STRING", sql, literal("$"))
        case "time":
            return function("STRFTIME", cast(sql, "TIMESTAMP"), literal("%Y-%m-%d %H:%M:%S.%f+00:00"))
        case "number":
            return cast(sql, "VARCHAR")
    return cast(function("TO_JSON", sql), "VARCHAR")


_CONVERSIONS: Mapping[Conversion, Callable[[Type, exp.Expr], exp.Expr]] = {
    "integer": _integer,
    "float": _float,
    "date": _date,
    "version": _version,
    "elements": _elements,
    "cidr-first": _cidr_first,
    "cidr-last": _cidr_last,
    "cidr-size": _cidr_size,
    "json": _json,
    "text": _text,
}
