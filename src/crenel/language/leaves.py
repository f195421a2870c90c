"""The SQL of what a predicate asks of one value, by the value's kind."""

from __future__ import annotations

from sqlglot import exp

from crenel.catalog.columns import JSON, ListOf, MapOf, Scalar, Struct, Type
from crenel.language.compare import json_text, json_type
from crenel.language.convert import stripped
from crenel.language.expressions import case, cast, function, is_null, literal, or_zero, together, total

_BLANK_JSON = ('""', "[]", "{}", "0", "0.0", "-0.0", "false")


def lowered(kind: Type, sql: exp.Expr) -> exp.Expr:
    """Return a text in lower case without white space around it; of JSON, what is no text stays."""
    if kind == JSON:
        text = json_text(sql)
        return case([(json_type(sql, "VARCHAR"), function("TO_JSON", lowered_text(text)))], sql)
    return lowered_text(sql)


def lowered_text(sql: exp.Expr) -> exp.Expr:
    """Return a text in lower case without white space around it."""
    return function("LOWER", stripped(sql))


def length(kind: Type, sql: exp.Expr) -> exp.Expr:
    """Return the number of items, members or characters; 0 for null and for what has none."""
    match kind:
        case MapOf():
            return or_zero(function("CARDINALITY", sql))
        case Struct(fields):
            members = [exp.Dot(this=sql, expression=exp.to_identifier(name, quoted=True)) for name in fields]
            total_: exp.Expr = literal(0)
            for member in members:
                total_ = exp.Add(this=total_, expression=case([(is_null(member), literal(0))], literal(1)))
            return exp.Paren(this=total_)
        case Scalar("json"):
            found = exp.Case(
                this=function("JSON_TYPE", sql),
                ifs=[
                    exp.If(this=literal("ARRAY"), true=function("JSON_ARRAY_LENGTH", sql)),
                    exp.If(this=literal("OBJECT"), true=function("LEN", function("JSON_KEYS", sql))),
                    exp.If(this=literal("VARCHAR"), true=function("LEN", json_text(sql))),
                ],
                default=literal(0),
            )
            return or_zero(found)
        case ListOf() | Scalar("text"):
            return or_zero(function("LEN", sql))
    return literal(0)


def is_empty(kind: Type, sql: exp.Expr) -> exp.Expr:
    """Return whether a value is what Python calls falsy."""
    absent = is_null(sql)
    match kind:
        case ListOf() | MapOf():
            return exp.EQ(this=length(kind, sql), expression=literal(0))
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
            among = exp.In(this=cast(sql, "VARCHAR"), expressions=[literal(each) for each in _BLANK_JSON])
            return together(exp.Or, [absent, total(among)])
        case Scalar("timestamp" | "date"):
            return absent
    return together(exp.Or, [absent, total(exp.EQ(this=sql, expression=literal("")))])


def truthy(kind: Type, sql: exp.Expr) -> exp.Expr:
    """Return whether a value is what JMESPath calls true: numbers are, 0 too."""
    match kind:
        case Scalar("integer" | "number"):
            return exp.Not(this=exp.Paren(this=is_null(sql)))
        case Scalar("json"):
            number = total(json_type(sql, "BIGINT", "UBIGINT", "DOUBLE", "HUGEINT"))
            return together(exp.Or, [number, exp.Not(this=exp.Paren(this=is_empty(kind, sql)))])
    return exp.Not(this=exp.Paren(this=is_empty(kind, sql)))


def is_text(kind: Type, sql: exp.Expr) -> exp.Expr:
    """Return whether a value is a text."""
    if kind == JSON:
        return total(json_type(sql, "VARCHAR"))
    return exp.Not(this=exp.Paren(this=is_null(sql))) if str(kind) == "text" else exp.false()
