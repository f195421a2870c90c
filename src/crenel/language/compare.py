"""Python's comparisons in SQL, for values whose kind is known and for JSON whose kind shows when it is read.

Every condition here is total: what Python answers with a TypeError is false, and null is a value. `1 == 1.0 == true`,
a text never equals a number, lists are compared in their order. JSON stands as JSON in `Operand.sql`, with JSON's own
null as SQL's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal as OneOf

from sqlglot import exp

from crenel.catalog.columns import JSON, TEXT, ListOf, MapOf, Scalar, Struct, Type
from crenel.language.expressions import (
    COMPARISONS,
    case,
    cast,
    function,
    is_null,
    lambda_,
    literal,
    not_null,
    or_zero,
    together,
    total,
)
from crenel.language.plan import Constant, Op, Record

Group = OneOf["text", "number", "boolean", "time", "list", "map", "struct", "json", "null"]

_NUMBERS = ("BIGINT", "UBIGINT", "DOUBLE", "HUGEINT")
_GROUPS: Mapping[str, Group] = {
    "text": "text", "integer": "number", "number": "number", "boolean": "boolean", "timestamp": "time",
    "date": "time", "json": "json",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Operand:
    """One side of a comparison: its kind and SQL, and its value where the policy gives it (`fixed`)."""

    kind: Type
    sql: exp.Expr
    fixed: bool = False
    value: Constant = None

    @property
    def group(self) -> Group:
        """The kind of thing that this is, as far as comparisons care."""
        return "null" if self.fixed and self.value is None else group(self.kind)


def group(kind: Type) -> Group:
    """Return what a kind is, as far as comparisons care."""
    match kind:
        case ListOf():
            return "list"
        case MapOf():
            return "map"
        case Struct():
            return "struct"
    return _GROUPS[kind.kind]


# --- JSON


def json_type(sql: exp.Expr, *names: str) -> exp.Expr:
    """Return whether a JSON value is of one of DuckDB's JSON types; null for null."""
    found = function("JSON_TYPE", sql)
    if len(names) == 1:
        return exp.EQ(this=found, expression=literal(names[0]))
    return exp.In(this=found, expressions=[literal(name) for name in names])


def json_text(sql: exp.Expr) -> exp.Expr:
    """Return the text that a JSON value is, null where it is none."""
    return case([(json_type(sql, "VARCHAR"), function("JSON_EXTRACT_STRING", sql, literal("$")))], exp.null())


def json_number(sql: exp.Expr) -> exp.Expr:
    """Return the number that a JSON value is (true is 1), null where it is none."""
    return case(
        [
            (json_type(sql, *_NUMBERS), cast(sql, "DOUBLE")),
            (json_type(sql, "BOOLEAN"), cast(cast(sql, "BOOLEAN"), "DOUBLE")),
        ],
        exp.null(),
    )


def json_items(sql: exp.Expr) -> exp.Expr:
    """Return the items of a JSON array as a list of JSON, null where it is none."""
    return case([(json_type(sql, "ARRAY"), function("JSON_EXTRACT", sql, literal("$[*]")))], exp.null())


def bare(sql: exp.Expr) -> exp.Expr:
    """Return a JSON value with JSON's null as SQL's."""
    return function("NULLIF", sql, cast(literal("null"), "JSON"))


def as_json(operand: Operand) -> exp.Expr:
    """Return a value as JSON."""
    return operand.sql if operand.group == "json" else function("TO_JSON", operand.sql)


def constant(value: Constant) -> exp.Expr:
    """Return the SQL of what a policy gives: lists as lists where all items are of one kind, else of JSON."""
    match value:
        case tuple():
            simple = {type(each) for each in value}
            if len(simple) <= 1 and simple <= {str, int, float, bool}:
                empty = cast(exp.Array(expressions=[]), "VARCHAR[]")
                return exp.Array(expressions=[constant(each) for each in value]) if value else empty
            return function("JSON_EXTRACT", cast(literal(json.dumps(plain(value))), "JSON"), literal("$[*]"))
        case Record():
            return cast(literal(json.dumps(plain(value))), "JSON")
        case datetime():
            return cast(literal(value.strftime("%Y-%m-%d %H:%M:%S.%f")), "TIMESTAMP")
    return literal(value)


def plain(value: Constant) -> object:
    """Return what a policy gives as JSON can write it."""
    match value:
        case tuple():
            return [plain(each) for each in value]
        case Record(pairs):
            return {key: plain(each) for key, each in pairs}
        case datetime():
            return value.isoformat()
    return value


# --- equality


def equal(left: Operand, right: Operand) -> exp.Expr:
    """Return whether two values are equal, null being equal to null alone."""
    if left.fixed and not right.fixed:
        left, right = right, left
    if right.fixed:
        return equals_constant(left.kind, left.sql, right.value)
    groups = {left.group, right.group}
    if groups <= {"number", "boolean"}:
        return exp.NullSafeEQ(this=_number(left), expression=_number(right))
    if len(groups) == 1 and (groups <= {"text", "time"} or left.kind == right.kind):
        if groups == {"json"}:
            return _json_equal(left.sql, right.sql)
        return exp.NullSafeEQ(this=left.sql, expression=right.sql)
    if "json" in groups and "time" not in groups:
        return _json_equal(as_json(left), as_json(right))
    if len(groups) == 1 or groups == {"map", "struct"}:
        return exp.NullSafeEQ(this=as_json(left), expression=as_json(right))
    return together(exp.And, [is_null(left.sql), is_null(right.sql)])


def _json_equal(left: exp.Expr, right: exp.Expr) -> exp.Expr:
    same = exp.NullSafeEQ(this=left, expression=right)
    numbers = total(exp.EQ(this=json_number(left), expression=json_number(right)))
    return together(exp.Or, [same, numbers])


def _number(operand: Operand) -> exp.Expr:
    return cast(operand.sql, "INTEGER") if operand.group == "boolean" else operand.sql


def equals_constant(kind: Type, sql: exp.Expr, value: Constant) -> exp.Expr:  # noqa: C901, PLR0911 (a case a kind)
    """Return whether a value of a kind equals what a policy gives."""
    if value is None:
        return is_null(sql)
    match kind, value:
        case Scalar("text"), str():
            return exp.NullSafeEQ(this=sql, expression=literal(value))
        case Scalar("integer" | "number"), int() | float():
            return exp.NullSafeEQ(
                this=sql, expression=literal(float(value) if isinstance(value, float) else int(value))
            )
        case Scalar("boolean"), int() | float():
            return exp.NullSafeEQ(this=sql, expression=literal(bool(value))) if value in (0, 1) else exp.false()
        case Scalar("timestamp"), datetime():
            return exp.NullSafeEQ(this=sql, expression=constant(value))
        case ListOf(item), tuple():
            return _equals_list(item, function("LEN", sql), value, lambda index: _item(sql, index))
        case MapOf(item), Record(pairs):
            size = exp.EQ(this=or_size(function("CARDINALITY", sql)), expression=literal(len(pairs)))
            return together(exp.And, [size, *(equals_constant(item, _at(sql, key), each) for key, each in pairs)])
        case Struct(fields), Record(pairs):
            wanted = dict(pairs)
            if set(wanted) - set(fields):
                return exp.false()
            parts = [equals_constant(fields[name], member(sql, name), wanted.get(name)) for name in fields]
            return together(exp.And, [not_null(sql), *parts])
        case Scalar("json"), _:
            return _json_equals(sql, value)
    return exp.false()


def _json_equals(sql: exp.Expr, value: Constant) -> exp.Expr:
    match value:
        case str():
            return total(exp.EQ(this=json_text(sql), expression=literal(value)))
        case bool() | int() | float():
            return total(exp.EQ(this=json_number(sql), expression=literal(float(value))))
        case tuple():
            array = total(json_type(sql, "ARRAY"))
            size = function("JSON_ARRAY_LENGTH", sql)
            return together(exp.And, [array, _equals_list(JSON, size, value, lambda index: _json_item(sql, index))])
        case Record(pairs):
            size = exp.EQ(this=or_size(function("LEN", function("JSON_KEYS", sql))), expression=literal(len(pairs)))
            parts = [_json_equals_or_null(json_member(sql, key), each) for key, each in pairs]
            return together(exp.And, [total(json_type(sql, "OBJECT")), size, *parts])
    return exp.false()


def _json_equals_or_null(sql: exp.Expr, value: Constant) -> exp.Expr:
    return is_null(sql) if value is None else _json_equals(sql, value)


def _equals_list(item: Type, size: exp.Expr, value: tuple[Constant, ...], at: Callable[[int], exp.Expr]) -> exp.Expr:
    same = exp.EQ(this=or_size(size), expression=literal(len(value)))
    parts = [equals_constant(item, at(index), each) for index, each in enumerate(value)]
    return together(exp.And, [same, *parts])


def or_size(sql: exp.Expr) -> exp.Expr:
    """Return a size that is below every other for null."""
    return exp.Coalesce(this=sql, expressions=[literal(-1)])


def _item(sql: exp.Expr, index: int) -> exp.Expr:
    return exp.Bracket(this=sql, expressions=[literal(index)])


def _at(sql: exp.Expr, key: str) -> exp.Expr:
    return exp.Bracket(this=sql, expressions=[literal(key)])


def member(sql: exp.Expr, name: str) -> exp.Expr:
    """Return what a structure has under a name."""
    return exp.Dot(this=sql, expression=exp.to_identifier(name, quoted=True))


def _json_item(sql: exp.Expr, index: int) -> exp.Expr:
    return bare(function("JSON_EXTRACT", sql, literal(f"$[{index}]")))


def json_member(sql: exp.Expr, *path: str) -> exp.Expr:
    """Return what stands at a path of names in a JSON value, JSON's null as null."""
    # A name is quoted; DuckDB has no escape for a quote in one, so such a name is found by no path.
    where = "$" + "".join(f'."{step}"' for step in path)
    return bare(function("JSON_EXTRACT", sql, literal(where)))


# --- order


def ordered(op: Op, left: Operand, right: Operand) -> exp.Expr:
    """Return whether one value is before the other; false for null and for two kinds of things."""
    kind = COMPARISONS[op]
    groups = {left.group, right.group}
    if groups <= {"number", "boolean"}:
        return total(kind(this=_number(left), expression=_number(right)))
    if "json" in groups and groups <= {"json", "text", "number", "boolean"}:
        found = []
        if groups <= {"json", "text"}:
            found.append(total(kind(this=_text_of(left), expression=_text_of(right))))
        if groups <= {"json", "number", "boolean"}:
            found.append(total(kind(this=_number_of(left), expression=_number_of(right))))
        return together(exp.Or, found)
    if len(groups) == 1 and (groups <= {"text", "time"} or (groups == {"list"} and _same_items(left, right))):
        return total(kind(this=left.sql, expression=right.sql))
    return exp.false()


def _same_items(left: Operand, right: Operand) -> bool:
    kinds = [operand.kind.item for operand in (left, right) if isinstance(operand.kind, ListOf)]
    return (
        len(kinds) == 2
        and all(group(kind) in ("text", "number") for kind in kinds)
        and group(kinds[0]) == group(kinds[1])
    )


def _text_of(operand: Operand) -> exp.Expr:
    return json_text(operand.sql) if operand.group == "json" else operand.sql


def _number_of(operand: Operand) -> exp.Expr:
    return json_number(operand.sql) if operand.group == "json" else _number(operand)


def text_of(kind: Type, sql: exp.Expr) -> exp.Expr:
    """Return a value as a text where it is one, else null."""
    if kind == JSON:
        return json_text(sql)
    return sql if group(kind) == "text" else cast(exp.null(), "VARCHAR")


# --- containment


def contains(container: Operand, item: Operand) -> exp.Expr:
    """Return whether a list has an item, a map a key, a text a part; false where Python raises a TypeError."""
    match container.kind:
        case ListOf(kind):
            return _list_has(kind, container.sql, item)
        case MapOf():
            return _text_in(function("MAP_KEYS", container.sql), item)
        case Struct(fields):
            if not item.fixed or item.value not in fields:
                return exp.false()
            return not_null(member(container.sql, str(item.value)))
        case Scalar("text"):
            part = _text_of(item) if item.group in ("text", "json") else None
            return total(function("CONTAINS", container.sql, part)) if part is not None else exp.false()
        case Scalar("json"):
            sql = container.sql
            keys = function("JSON_KEYS", sql)
            text = Operand(TEXT, json_text(sql))
            return total(
                case(
                    [
                        (json_type(sql, "ARRAY"), _list_has(JSON, json_items(sql), item)),
                        (json_type(sql, "OBJECT"), _text_in(keys, item)),
                        (json_type(sql, "VARCHAR"), contains(text, item)),
                    ],
                    exp.false(),
                )
            )
    return exp.false()


def _text_in(texts: exp.Expr, item: Operand) -> exp.Expr:
    if item.group not in ("text", "json"):
        return exp.false()
    return total(function("LIST_CONTAINS", texts, _text_of(item)))


def _list_has(kind: Type, sql: exp.Expr, item: Operand) -> exp.Expr:
    if item.group == "null":
        return exp.false()
    if group(kind) == item.group and item.group in ("text", "number", "time"):
        return total(function("LIST_CONTAINS", sql, item.sql))
    same = equal(Operand(kind, exp.to_identifier("x")), item)
    if same == exp.false():
        return same
    found = function("LIST_FILTER", sql, lambda_("x", same))
    return exp.GT(this=or_zero(function("LEN", found)), expression=literal(0))


def is_in(left: Operand, among: Sequence[Constant]) -> exp.Expr:
    """Return whether a value equals one of those that a policy gives (null only where None is among them)."""
    texts = [each for each in among if isinstance(each, str)]
    numbers = [each for each in among if isinstance(each, (int, float))]
    found: list[exp.Expr] = []
    if left.group in ("text", "json") and texts:
        found.append(total(exp.In(this=_text_of(left), expressions=[literal(each) for each in texts])))
    if left.group in ("number", "json", "boolean") and numbers:
        values = [literal(int(each) if isinstance(each, bool) else each) for each in numbers]
        found.append(total(exp.In(this=_number_of(left), expressions=values)))
    rest = [each for each in among if not isinstance(each, (str, int, float))]
    found += [equals_constant(left.kind, left.sql, each) for each in rest]
    found = [each for each in found if each != exp.false()]
    return together(exp.Or, found) if found else exp.false()


def overlap(left: Operand, right: Operand) -> exp.Expr:
    """Return whether two lists share an item."""
    kinds = [operand.kind.item for operand in (left, right) if isinstance(operand.kind, ListOf)]
    if len(kinds) < 2:
        return exp.false()
    if group(kinds[0]) == group(kinds[1]) != "json":
        return total(function("LIST_HAS_ANY", left.sql, right.sql))
    if "json" in map(group, kinds):
        both = [_as_json_list(operand) for operand in (left, right)]
        return total(function("LIST_HAS_ANY", *both))
    return exp.false()


def _as_json_list(operand: Operand) -> exp.Expr:
    kind = operand.kind.item if isinstance(operand.kind, ListOf) else JSON
    body = as_json(Operand(kind, exp.to_identifier("x")))
    return function("LIST_TRANSFORM", operand.sql, lambda_("x", body))
