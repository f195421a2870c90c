"""The SQL of what a predicate asks of one value, by the value's kind. `raw` is JSON as JSON, `sql` a text of it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from crenel.catalog.columns import JSON, ListOf, MapOf, Scalar, Struct, Type
from crenel.language.expressions import case, cast, function, is_null, literal, or_zero, together, total
from crenel.language.plan import Plain

# What Python's str.strip() strips; DuckDB's TRIM takes spaces alone unless told.
_WHITE_SPACE = "".join(chr(code) for code in range(0x3001) if chr(code).isspace())
_BLANK_JSON = (None, "null", '""', "[]", "{}", "0", "0.0", "-0.0", "false")


def json_at(sql: exp.Expr, path: Sequence[str], *, raw: bool) -> exp.Expr:
    """Return what stands in a JSON value: a text as it is, anything else as JSON writes it; JSON's null is null."""
    where = "$" + "".join(f'."{step}"' for step in path)
    return function("JSON_EXTRACT" if raw else "JSON_EXTRACT_STRING", sql, literal(where))


def lowered(sql: exp.Expr) -> exp.Expr:
    """Return a text in lower case without white space around it."""
    return function("LOWER", function("TRIM", sql, literal(_WHITE_SPACE)))


def length(kind: Type, sql: exp.Expr, raw: exp.Expr) -> exp.Expr:
    """Return the number of items or characters, 0 for null."""
    if isinstance(kind, MapOf):
        return or_zero(function("CARDINALITY", sql))
    if kind == JSON:
        found = exp.Case(
            this=function("JSON_TYPE", raw),
            ifs=[
                exp.If(this=literal("ARRAY"), true=function("JSON_ARRAY_LENGTH", raw)),
                exp.If(this=literal("OBJECT"), true=function("LEN", function("JSON_KEYS", raw))),
                exp.If(this=literal("VARCHAR"), true=function("LEN", sql)),
            ],
            default=literal(0),
        )
        return or_zero(found)
    return or_zero(function("LEN", sql))


def is_in(sql: exp.Expr, among: tuple[Plain, ...]) -> exp.Expr:
    """Return whether a value is one of the literals, null where None is among them."""
    values = [literal(value) for value in among if value is not None]
    found: list[exp.Expr] = [total(exp.In(this=sql, expressions=values))] if values else []
    if None in among:
        found.append(is_null(sql))
    return together(exp.Or, found) if found else exp.false()


def has(kind: Type, sql: exp.Expr, raw: exp.Expr, item: Plain) -> exp.Expr:
    """Return whether a list holds the literal, or a text has it as a part."""
    wanted = literal(item)
    if isinstance(kind, ListOf):
        return total(function("LIST_CONTAINS", sql, wanted))
    in_text = function("CONTAINS", sql, wanted)
    if kind != JSON:
        return total(in_text)
    items = function("JSON_EXTRACT_STRING", raw, literal("$[*]"))
    a_list = exp.EQ(this=function("JSON_TYPE", raw), expression=literal("ARRAY"))
    return total(case([(a_list, function("LIST_CONTAINS", items, wanted))], in_text))


def is_empty(kind: Type, sql: exp.Expr, raw: exp.Expr) -> exp.Expr:
    """Return whether a value is what Python calls falsy."""
    absent = is_null(sql)
    match kind:
        case ListOf() | MapOf():
            return exp.EQ(this=length(kind, sql, raw), expression=literal(0))
        case Struct(fields):
            # `{}` arrives as a struct of nothing but nulls.
            nulls = [part for name in fields for part in (literal(name), exp.null())]
            blank = exp.EQ(this=function("TO_JSON", sql), expression=function("JSON_OBJECT", *nulls))
            return together(exp.Or, [absent, total(blank)])
        case Scalar("boolean"):
            return exp.Not(this=total(sql))
        case Scalar("integer" | "number"):
            return exp.EQ(this=or_zero(sql), expression=literal(0))
        case Scalar("json"):
            return is_in(cast(raw, "VARCHAR"), _BLANK_JSON)
        case Scalar("timestamp" | "date"):
            return absent
    return together(exp.Or, [absent, total(exp.EQ(this=sql, expression=literal("")))])
