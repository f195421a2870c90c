"""SQL expressions as trees: the few shapes that the compiler is made of. `sqlglot` writes them out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from crenel.language.plan import Op, Plain

COMPARISONS: Mapping[Op, type[exp.Expr]] = {
    "eq": exp.NullSafeEQ,
    "ne": exp.NullSafeNEQ,
    "lt": exp.LT,
    "le": exp.LTE,
    "gt": exp.GT,
    "ge": exp.GTE,
}


# sqlglot copies what it is given unless told otherwise, which costs more than all the rest of a compilation. Nothing
# here changes a tree once it is built, so its parts may be shared.


def paren(sql: exp.Expr) -> exp.Expr:
    """Return an expression in parentheses."""
    return exp.Paren(this=sql)


def closed(sql: exp.Expr) -> exp.Expr:
    """Return a value that can be a side of a comparison: one that is a condition or a sum itself stands in parentheses.

    DuckDB takes no comparison of comparisons without them.
    """
    opened = isinstance(sql, (exp.Binary, exp.Unary, exp.In, exp.Case)) and not isinstance(sql, (exp.Dot, exp.Paren))
    return paren(sql) if opened else sql


def cast(sql: exp.Expr, kind: str) -> exp.Expr:
    """Return a value cast to a type."""
    return exp.Cast(this=sql, to=exp.DataType.build(kind))


def named(sql: exp.Expr, name: str) -> exp.Expr:
    """Return a column of a SELECT with its name."""
    return exp.Alias(this=sql, alias=exp.to_identifier(name))


def written(query: exp.Expr) -> str:
    """Return a query as DuckDB reads it."""
    return query.sql(dialect="duckdb", copy=False)


def function(name: str, *arguments: exp.Expr) -> exp.Expr:
    """Return a call that is written as it stands."""
    return exp.Anonymous(this=name, expressions=list(arguments))


def column(alias: str, *path: str) -> exp.Expr:
    """Return a column of a relation, or a struct member below it."""
    parts = [exp.to_identifier(alias), *(exp.to_identifier(part, quoted=True) for part in path)]
    return exp.Dot.build(parts) if len(parts) > 1 else parts[0]


def literal(value: Plain) -> exp.Expr:
    """Return a SQL literal."""
    match value:
        case None:
            return exp.null()
        case bool():
            return exp.true() if value else exp.false()
        case str():
            return exp.Literal.string(value)
    return exp.Literal.number(value)


def unknown() -> exp.Expr:
    """Return the boolean that stands for "could not be read"."""
    return cast(exp.null(), "BOOLEAN")


def total(condition: exp.Expr) -> exp.Expr:
    """Return a condition that is false where SQL would say NULL."""
    return exp.Coalesce(this=condition, expressions=[exp.false()])


def case(branches: Sequence[tuple[exp.Expr, exp.Expr]], default: exp.Expr) -> exp.Expr:
    """Return a CASE over (condition, result) pairs."""
    if not branches:
        return default
    ifs = [exp.If(this=condition, true=result) for condition, result in branches]
    return exp.Case(ifs=ifs, default=default)


def together(kind: type[exp.And | exp.Or], parts: Sequence[exp.Expr]) -> exp.Expr:
    """Return the AND or the OR of conditions."""
    result: exp.Expr = paren(parts[0])
    for part in parts[1:]:
        result = kind(this=result, expression=paren(part))
    return paren(result)


def is_null(sql: exp.Expr) -> exp.Expr:
    """Return whether a value is null."""
    return exp.Is(this=sql, expression=exp.null())


def not_null(sql: exp.Expr) -> exp.Expr:
    """Return whether a value is not null."""
    return negated(is_null(sql))


def negated(condition: exp.Expr) -> exp.Expr:
    """Return the NOT of a condition."""
    return exp.Not(this=paren(condition))


def lambda_(name: str, body: exp.Expr) -> exp.Expr:
    """Return a function of one item, for DuckDB's list functions."""
    return exp.Lambda(this=body, expressions=[exp.to_identifier(name)])


def struct(fields: Mapping[str, exp.Expr]) -> exp.Expr:
    """Return a struct of named values."""
    return exp.Struct(
        expressions=[
            exp.PropertyEQ(this=exp.to_identifier(name, quoted=True), expression=sql) for name, sql in fields.items()
        ]
    )


def or_zero(sql: exp.Expr) -> exp.Expr:
    """Return a number that is 0 where SQL would say NULL."""
    return exp.Coalesce(this=sql, expressions=[literal(0)])


def three_valued(op: Op, count: int, yes: exp.Expr, may: exp.Expr, gap: exp.Expr) -> exp.Expr:
    """Return whether a number known only to lie in [yes, may] (or above, with a gap) compares so with `count`."""

    def at_least(number: int) -> exp.Expr:
        return case(
            [
                (exp.GTE(this=yes, expression=literal(number)), exp.true()),
                (together(exp.Or, [exp.GTE(this=may, expression=literal(number)), gap]), unknown()),
            ],
            exp.false(),
        )

    match op:
        case "ge":
            return at_least(count)
        case "gt":
            return at_least(count + 1)
        case "lt":
            return negated(at_least(count))
        case "le":
            return negated(at_least(count + 1))
        case "eq":
            return together(exp.And, [at_least(count), negated(at_least(count + 1))])
        case "ne":
            return together(exp.Or, [negated(at_least(count)), at_least(count + 1)])


def anchored(pattern: str) -> str:
    """Return a pattern that matches at the start alone, as Cloud Custodian's (Python's `re.match`) does."""
    return f"^(?:{pattern})" if pattern else "^"  # DuckDB has `^(?:)` match nothing
