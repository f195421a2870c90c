"""JMESPath's functions in SQL, and a few of our own for what its syntax builds (`gather`, `hash`, `slice`, `pair`).

An argument of a kind that a function does not take makes its value null.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sqlglot import exp

from crenel.catalog.columns import JSON, TEXT, ListOf, MapOf, Struct, Type
from crenel.language.compare import (
    Operand,
    as_json,
    bare,
    contains,
    group,
    json_items,
    json_number,
    json_text,
    json_type,
    member,
    text_of,
)
from crenel.language.convert import converted, stripped
from crenel.language.expressions import (
    case,
    cast,
    function,
    lambda_,
    literal,
    negated,
    not_null,
    or_zero,
    paren,
    struct,
)
from crenel.language.leaves import length
from crenel.language.plan import Constant
from crenel.language.raw import CALLED

_Body = Callable[[Sequence[Operand], Sequence[Constant]], exp.Expr]


def called(name: str, arguments: Sequence[Operand], settings: Sequence[Constant]) -> exp.Expr:
    """Return a function's value for arguments that are written out."""
    return _FUNCTIONS[name](arguments, settings)


def _text(operand: Operand) -> exp.Expr:
    return text_of(operand.kind, operand.sql)


def _number(operand: Operand) -> exp.Expr:
    return json_number(operand.sql) if operand.group == "json" else operand.sql


def _items(operand: Operand) -> exp.Expr:
    return json_items(operand.sql) if operand.group == "json" else operand.sql


def _of_number(name: str) -> _Body:
    return lambda arguments, _: function(name, _number(arguments[0]))


def _of_texts(name: str) -> _Body:
    return lambda arguments, _: function(name, *(_text(each) for each in arguments))


def _of_items(name: str) -> _Body:
    def body(arguments: Sequence[Operand], _: Sequence[Constant]) -> exp.Expr:
        operand = arguments[0]
        items = _items(operand)
        if operand.group == "json" or (isinstance(operand.kind, ListOf) and operand.kind.item == JSON):
            # JSON sorts as its text does; numbers in it must sort as numbers.
            numbers = function("LIST_TRANSFORM", items, lambda_("x", json_number(exp.to_identifier("x"))))
            texts = function("LIST_TRANSFORM", items, lambda_("x", json_text(exp.to_identifier("x"))))
            first = exp.Bracket(this=items, expressions=[literal(0)])
            found = case(
                [(json_type(first, "VARCHAR"), function("TO_JSON", function(name, texts)))],
                function("TO_JSON", function(name, numbers)),
            )
            return bare(found)
        return function(name, items)

    return body


def _length(arguments: Sequence[Operand], _: Sequence[Constant]) -> exp.Expr:
    operand = arguments[0]
    return case([(not_null(operand.sql), length(operand.kind, operand.sql))], exp.null())


def _contains(arguments: Sequence[Operand], _: Sequence[Constant]) -> exp.Expr:
    subject, wanted = arguments
    return case([(not_null(subject.sql), contains(subject, wanted))], exp.null())


def _join(arguments: Sequence[Operand], _: Sequence[Constant]) -> exp.Expr:
    glue, array = arguments
    items = _items(array)
    if array.group == "json" or (isinstance(array.kind, ListOf) and array.kind.item == JSON):
        items = function("LIST_TRANSFORM", items, lambda_("x", json_text(exp.to_identifier("x"))))
    return function("ARRAY_TO_STRING", items, _text(glue))


def _keys(arguments: Sequence[Operand], _: Sequence[Constant]) -> exp.Expr:
    operand = arguments[0]
    match operand.kind:
        case MapOf():
            return function("MAP_KEYS", operand.sql)
        case Struct(fields):
            there = [case([(not_null(member(operand.sql, name)), literal(name))], exp.null()) for name in fields]
            return function("LIST_FILTER", exp.Array(expressions=there), lambda_("x", not_null(exp.to_identifier("x"))))
    return case([(json_type(operand.sql, "OBJECT"), function("JSON_KEYS", operand.sql))], exp.null())


def _values(arguments: Sequence[Operand], _: Sequence[Constant]) -> exp.Expr:
    operand = arguments[0]
    match operand.kind:
        case MapOf():
            return function("MAP_VALUES", operand.sql)
        case Struct(fields):
            kinds = set(map(str, fields.values()))
            parts = [Operand(kind, member(operand.sql, name)) for name, kind in fields.items()]
            values = [part.sql if len(kinds) == 1 else bare(as_json(part)) for part in parts]
            return function(
                "LIST_FILTER", exp.Array(expressions=values), lambda_("x", not_null(exp.to_identifier("x")))
            )
    found = function("JSON_EXTRACT", operand.sql, literal("$.*"))
    return case([(json_type(operand.sql, "OBJECT"), found)], exp.null())


def _not_null(arguments: Sequence[Operand], _: Sequence[Constant]) -> exp.Expr:
    parts = _alike(arguments)
    return exp.Coalesce(this=parts[0], expressions=parts[1:])


def _alike(arguments: Sequence[Operand]) -> list[exp.Expr]:
    """Return values as one kind: their own where they share it, else JSON."""
    given = [each for each in arguments if each.group != "null"]
    if len({str(each.kind) for each in given}) <= 1:
        return [each.sql for each in arguments]
    return [exp.null() if each.group == "null" else bare(as_json(each)) for each in arguments]


def _gather(arguments: Sequence[Operand], _: Sequence[Constant]) -> exp.Expr:
    return exp.Array(expressions=_alike(arguments))


def _hash(arguments: Sequence[Operand], settings: Sequence[Constant]) -> exp.Expr:
    pairs = [
        part for name, each in zip(settings, arguments, strict=True) for part in (literal(str(name)), as_json(each))
    ]
    return cast(function("JSON_OBJECT", *pairs), "JSON")


def _merge(arguments: Sequence[Operand], _: Sequence[Constant]) -> exp.Expr:
    merged = as_json(arguments[0])
    for each in arguments[1:]:
        merged = function("JSON_MERGE_PATCH", merged, as_json(each))
    return merged


def _pair(arguments: Sequence[Operand], _: Sequence[Constant]) -> exp.Expr:
    key, item = arguments
    sortable = exp.Coalesce(this=cast(json_number(key.sql), "VARCHAR"), expressions=[json_text(key.sql)])
    return struct({"k": sortable if key.group == "json" else key.sql, "v": item.sql})


def _by(arguments: Sequence[Operand], *, descending: bool) -> exp.Expr:
    order = [literal("DESC"), literal("NULLS LAST")] if descending else []
    return function("LIST_SORT", arguments[0].sql, *order)


def _sort_by(arguments: Sequence[Operand], _: Sequence[Constant]) -> exp.Expr:
    return function(
        "LIST_TRANSFORM", _by(arguments, descending=False), lambda_("x", member(exp.to_identifier("x"), "v"))
    )


def _best(*, descending: bool) -> _Body:
    def body(arguments: Sequence[Operand], _: Sequence[Constant]) -> exp.Expr:
        first = exp.Bracket(this=_by(arguments, descending=descending), expressions=[literal(0)])
        return member(first, "v")

    return body


def _split(arguments: Sequence[Operand], _: Sequence[Constant]) -> exp.Expr:
    return function("STRING_SPLIT", _text(arguments[1]), _text(arguments[0]))


def _from_json(arguments: Sequence[Operand], _: Sequence[Constant]) -> exp.Expr:
    """A document that the lake keeps as JSON is itself what its text would say."""
    operand = arguments[0]
    text = _text(operand)
    parsed = case([(function("JSON_VALID", text), bare(cast(text, "JSON")))], exp.null())
    if operand.group != "json":
        return parsed
    return case([(json_type(operand.sql, "VARCHAR"), parsed)], operand.sql)


def _to_number(arguments: Sequence[Operand], _: Sequence[Constant]) -> exp.Expr:
    operand = arguments[0]
    if operand.group == "number":
        return cast(operand.sql, "DOUBLE")
    if operand.group not in ("text", "json"):
        return cast(exp.null(), "DOUBLE")
    parsed = exp.TryCast(this=stripped(_text(operand)), to=exp.DataType.build("DOUBLE"))
    if operand.group == "text":
        return parsed
    return case([(json_type(operand.sql, "BIGINT", "UBIGINT", "DOUBLE"), cast(operand.sql, "DOUBLE"))], parsed)


def _to_string(arguments: Sequence[Operand], _: Sequence[Constant]) -> exp.Expr:
    operand = arguments[0]
    match operand.group:
        case "text":
            return operand.sql
        case "json":
            return function("JSON_EXTRACT_STRING", operand.sql, literal("$"))
        case "time":
            return function("STRFTIME", cast(operand.sql, "TIMESTAMP"), literal("%Y-%m-%d %H:%M:%S+00:00"))
    return cast(as_json(operand), "VARCHAR")


def _to_array(arguments: Sequence[Operand], _: Sequence[Constant]) -> exp.Expr:
    operand = arguments[0]
    if operand.group == "list":
        return operand.sql
    alone = exp.Array(expressions=[operand.sql])
    return (
        case([(json_type(operand.sql, "ARRAY"), json_items(operand.sql))], alone) if operand.group == "json" else alone
    )


_TYPE_NAMES: Mapping[str, str] = {
    "text": "string", "number": "number", "boolean": "boolean", "list": "array", "map": "object", "struct": "object",
}  # fmt: skip


def _type(arguments: Sequence[Operand], _: Sequence[Constant]) -> exp.Expr:
    operand = arguments[0]
    if operand.group != "json":
        named = literal(_TYPE_NAMES.get(operand.group))
        return case([(not_null(operand.sql), named)], literal("null"))
    names = {"VARCHAR": "string", "BOOLEAN": "boolean", "ARRAY": "array", "OBJECT": "object"}
    known = [(json_type(operand.sql, kind), literal(name)) for kind, name in names.items()]
    return case([*known, (not_null(operand.sql), literal("number"))], literal("null"))


def _reverse(arguments: Sequence[Operand], _: Sequence[Constant]) -> exp.Expr:
    operand = arguments[0]
    if operand.group == "text":
        return function("REVERSE", operand.sql)
    return function("LIST_REVERSE", _items(operand))


def _slice(arguments: Sequence[Operand], settings: Sequence[Constant]) -> exp.Expr:
    """Python's slice: DuckDB counts from 1, includes the end, and takes steps below 0 in reverse."""
    start, stop, step = (each if isinstance(each, int) else None for each in settings)
    items = _items(arguments[0])
    step = 1 if step is None else step
    if step < 0:
        # From the other end: item i of the reversed list is item -i - 1.
        turned = Operand(_as_list(arguments[0].kind), function("LIST_REVERSE", items))
        flipped = [None if each is None else -each - 1 for each in (start, stop)]
        return _slice([turned], (*flipped, -step))
    first = None if start is None else start + 1 if start >= 0 else start
    last: int | None = None if stop is None else stop if stop >= 0 else stop - 1
    if stop == 0:
        return function("LIST_SLICE", items, literal(1), literal(0))
    bounds = [literal(first if first is not None else 1), literal(last if last is not None else -1)]
    return function("LIST_SLICE", items, *bounds, *([literal(step)] if step != 1 else []))


def _as_list(kind: Type) -> Type:
    return kind if isinstance(kind, ListOf) else ListOf(JSON)


def _with_key(arguments: Sequence[Operand], settings: Sequence[Constant]) -> exp.Expr:
    """Return a tag's key as Cloud Custodian's `tag_key_transforms` leave it."""
    text = _text(arguments[0])
    for step in settings:
        text = _TRANSFORMS[str(step)](text)
    return text


def _replaced(arguments: Sequence[Operand], settings: Sequence[Constant]) -> exp.Expr:
    """Return a text in which each first of a pair of settings gave way to the second, pair by pair."""
    text = _text(arguments[0])
    for old, new in zip(settings[::2], settings[1::2], strict=True):
        text = function("REPLACE", text, literal(str(old)), literal(str(new)))
    return text


def _title(text: exp.Expr) -> exp.Expr:
    """Python's str.title(): every run of letters starts large and goes on small."""
    words = function("REGEXP_EXTRACT_ALL", text, literal(r"\pL+|\PL+"))
    each = exp.to_identifier("x")
    initial = function("UPPER", function("LEFT", each, literal(1)))
    rest = function("LOWER", function("SUBSTRING", each, literal(2)))
    parts = function("LIST_TRANSFORM", words, lambda_("x", function("CONCAT", initial, rest)))
    return function("ARRAY_TO_STRING", parts, literal(""))


def _capital(text: exp.Expr) -> exp.Expr:
    initial = function("UPPER", function("LEFT", text, literal(1)))
    return function("CONCAT", initial, function("LOWER", function("SUBSTRING", text, literal(2))))


def _without(letter: str) -> Callable[[exp.Expr], exp.Expr]:
    return lambda text: function("REPLACE", text, literal(letter), literal(""))


_TRANSFORMS: Mapping[str, Callable[[exp.Expr], exp.Expr]] = {
    "noop": lambda text: text,
    "capitalize": _capital,
    "lower": lambda text: function("LOWER", text),
    "strip": stripped,
    "title": _title,
    "upper": lambda text: function("UPPER", text),
    "nospaces": _without(" "),
    "nounderscores": _without("_"),
    "nodashes": _without("-"),
}
TRANSFORMS = tuple(_TRANSFORMS)


def _size_of_set(arguments: Sequence[Operand], _: Sequence[Constant]) -> exp.Expr:
    """Python's len(set(x)) of what `elements` gives; 0 where an item is a list or a mapping, which no set can hold."""
    operand = arguments[0]
    kind = operand.kind.item if isinstance(operand.kind, ListOf) else TEXT
    if group(kind) in ("list", "map", "struct"):
        return literal(0)
    size = or_zero(function("LEN", function("LIST_DISTINCT", operand.sql)))
    return case([(unhashable(operand), literal(0))], size) if kind == JSON else size


def unhashable(operand: Operand) -> exp.Expr:
    """Return whether a list of JSON has an item that is a list or a mapping."""
    found = function("LIST_FILTER", operand.sql, lambda_("x", json_type(exp.to_identifier("x"), "ARRAY", "OBJECT")))
    return exp.GT(this=or_zero(function("LEN", found)), expression=literal(0))


def _key_names(arguments: Sequence[Operand], _: Sequence[Constant]) -> exp.Expr:
    """Return a KMS key's id and aliases, the names under which other resources know it."""
    key, aliases = arguments
    names = exp.Coalesce(this=aliases.sql, expressions=[cast(exp.Array(expressions=[]), "VARCHAR[]")])
    return function("LIST_PREPEND", key.sql, names)


def _unique(arguments: Sequence[Operand], _: Sequence[Constant]) -> exp.Expr:
    """Return a list's different items, sorted."""
    return function("LIST_SORT", function("LIST_DISTINCT", _items(arguments[0])))


def _version_parts(arguments: Sequence[Operand], _: Sequence[Constant]) -> exp.Expr:
    """Return the parts of a version as texts of which the order is that of the numbers in them."""
    each = exp.to_identifier("x")
    digits = function("REGEXP_FULL_MATCH", each, literal("[0-9]+"))
    even = case([(digits, function("LPAD", each, literal(20), literal("0")))], each)
    return function("LIST_TRANSFORM", converted("version", arguments[0].kind, arguments[0].sql), lambda_("x", even))


def _scatter(arguments: Sequence[Operand], _: Sequence[Constant]) -> exp.Expr:
    return function("HASH", arguments[0].sql)


def _hashable(arguments: Sequence[Operand], _: Sequence[Constant]) -> exp.Expr:
    return negated(unhashable(arguments[0]))


def _concat(arguments: Sequence[Operand], _: Sequence[Constant]) -> exp.Expr:
    return function("CONCAT", *(_text(each) for each in arguments))


def _times(arguments: Sequence[Operand], _: Sequence[Constant]) -> exp.Expr:
    left, right = arguments
    return exp.Mul(this=cast(_number(left), "DOUBLE"), expression=_number(right))


def _mod(arguments: Sequence[Operand], _: Sequence[Constant]) -> exp.Expr:
    left, right = (each if each.group in ("number", "boolean", "json") else None for each in arguments)
    if left is None or right is None:
        return cast(exp.null(), "DOUBLE")
    return function("FMOD", *(cast(_number(each), "DOUBLE") for each in (left, right)))


def _numbers(arguments: Sequence[Operand]) -> list[exp.Expr]:
    return [paren(_number(each)) for each in arguments]


def _minus(arguments: Sequence[Operand], _: Sequence[Constant]) -> exp.Expr:
    first, second = _numbers(arguments)
    return paren(exp.Sub(this=first, expression=second))


def _percent(arguments: Sequence[Operand], _: Sequence[Constant]) -> exp.Expr:
    """Return what percentage of the second number the first is, to two digits."""
    part, whole = _numbers(arguments)
    share = exp.Div(this=cast(part, "DOUBLE"), expression=function("NULLIF", whole, literal(0)))
    return function("ROUND", exp.Mul(this=paren(share), expression=literal(100)), literal(2))


_FUNCTIONS: Mapping[str, _Body] = {
    "abs": _of_number("ABS"), "ceil": _of_number("CEIL"), "floor": _of_number("FLOOR"),
    "starts_with": _of_texts("STARTS_WITH"), "ends_with": _of_texts("ENDS_WITH"), "contains": _contains,
    "avg": _of_items("LIST_AVG"), "sum": _of_items("LIST_SUM"), "max": _of_items("LIST_MAX"),
    "min": _of_items("LIST_MIN"), "sort": _of_items("LIST_SORT"), "reverse": _reverse, "join": _join,
    "keys": _keys, "values": _values, "length": _length, "not_null": _not_null, "merge": _merge,
    "sort_by": _sort_by, "max_by": _best(descending=True), "min_by": _best(descending=False),
    "split": _split, "from_json": _from_json, "to_array": _to_array, "to_number": _to_number,
    "to_string": _to_string, "type": _type,
    "gather": _gather, "hash": _hash, "pair": _pair, "slice": _slice, "tag_key": _with_key, "replaced": _replaced,
    "unique_size": _size_of_set, "hashable": _hashable, "mod": _mod, "times": _times, "concat": _concat,
    "scatter": _scatter, "key_names": _key_names,
    **CALLED, "minus": _minus, "percent": _percent, "unique": _unique, "version_parts": _version_parts,
}  # fmt: skip
