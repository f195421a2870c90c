"""JMESPath over typed values: from the parser's tree to values of the plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from jmespath import exceptions, parser

from crenel.catalog.columns import BOOLEAN, JSON, TEXT, ListOf, MapOf, Scalar, Struct, Type
from crenel.errors import did_you_mean, nearest
from crenel.language.plan import (
    INTEGER,
    NUMBER,
    TRUE,
    At,
    Call,
    Choice,
    Compare,
    Each,
    Field,
    Flat,
    IsNull,
    Length,
    Literal,
    Member,
    Not,
    Op,
    Predicate,
    Truth,
    Truthy,
    Value,
    conjunction,
    disjunction,
    negation,
)
from crenel.language.walking import kind_of
from crenel.policies.constants import frozen
from crenel.policies.keys.places import Place, shown
from crenel.positions import Located

_MOST_LETTERS = 4_000  # of an expression: nobody writes more, and the parser is Python
_COMPARATORS: Mapping[str, Op] = {"eq": "eq", "ne": "ne", "lt": "lt", "lte": "le", "gt": "gt", "gte": "ge"}


def parsed(key: str, at: Located) -> Any:  # noqa: ANN401 (jmespath's tree)
    """Return jmespath's tree of an expression. Raises `PolicyError` for what is none."""
    if not key:
        raise at.error("a key can't be empty.")
    if len(key) > _MOST_LETTERS:
        raise at.error(f"a key has at most {_MOST_LETTERS} characters.")
    try:
        return _tree(key)
    except exceptions.JMESPathError as error:
        said = str(error).splitlines()[0]
        hint = (
            'A name with other letters than A-Z, 0-9 and _ stands in quotes: "my-name".' if set("-:") & set(key) else ""
        )
        raise at.error(f'the key "{key}" is no JMESPath expression: {said}', hint) from error
    except RecursionError as error:
        raise at.error("this expression is nested too deep.") from error


@lru_cache(maxsize=4096)
def _tree(key: str) -> Any:  # noqa: ANN401 (jmespath's tree)
    return parser.Parser().parse(key).parsed


class Reading:
    """Turns jmespath's tree into values. `here` is what the expression is asked of, `depth` the lists around it."""

    def __init__(self, place: Place, at: Located) -> None:
        self.place = place
        self.at = at

    def value(self, node: Any, here: Value, depth: int) -> Value:  # noqa: ANN401 (jmespath's tree)
        """Return the value of a node of the tree."""
        handler = getattr(self, f"_{node['type']}", None)
        if handler is None:
            raise self.at.error(f"JMESPath's {node['type']} can't be used here.")
        found: Value = handler(node, here, depth)
        return found

    # --- names and chains

    def _identity(self, _: Any, here: Value, _depth: int) -> Value:  # noqa: ANN401
        return here

    _current = _identity

    def _field(self, node: Any, here: Value, _depth: int) -> Value:  # noqa: ANN401
        return self.member(here, node["value"])

    def member(self, here: Value, name: str) -> Value:
        """Return what a value has under a name."""
        if isinstance(here, Literal):
            return Literal(None)
        kind = self.member_kind(kind_of(here), name, here)
        if kind is None:
            return Literal(None)
        if isinstance(here, Field):
            return replace(here, path=(*here.path, name), kind=kind)
        return Member(here, name, kind)

    def member_kind(self, kind: Type, name: str, here: Value) -> Type | None:
        """Return the kind of what stands under a name; None, with a mistake noted, where nothing does."""
        match kind:
            case Struct(fields):
                if name in fields:
                    return fields[name]
                self.place.told(self.at.error(f'{self.named(here)} has no key "{name}".', nearest(name, fields)))
                return None
            case MapOf(value, keys):
                if keys and name not in keys and (hint := did_you_mean(name, keys)):
                    self.place.told(self.at.error(f'{self.named(here)} has no key "{name}".', hint))
                return value
            case Scalar("json"):
                return JSON
            case ListOf():
                error = self.at.error(
                    f'{self.named(here)} is a list: "{name}" is a key of its items.',
                    f"Say {self.named(here)}[].{name}, or use a list-item filter.",
                )
            case _:
                error = self.at.error(f'{self.named(here)} is {kind}, which has no key "{name}".')
        self.place.told(error)
        return None

    def named(self, here: Value) -> str:
        """Return a value's name for people."""
        if isinstance(here, Field):
            return ".".join(here.path) or (
                self.place.what if here == self.place.here else "an item of the list before it"
            )
        return self.place.what if here == self.place.here else "the expression before it"

    def _subexpression(self, node: Any, here: Value, depth: int) -> Value:  # noqa: ANN401
        for child in node["children"]:
            here = self.value(child, here, depth)
        return here

    _index_expression = _subexpression
    _pipe = _subexpression

    # --- lists

    def listed(self, value: Value) -> Type | None:
        """Return the kind of a value's items; None, with a mistake noted, where it is no list."""
        kind = kind_of(value)
        if isinstance(kind, ListOf):
            return kind.item
        if kind == JSON:
            return JSON
        if not isinstance(value, Literal):
            item = isinstance(value, Field) and not value.path and value != self.place.here
            hint = "What follows [], [*], [?…] or a slice is asked of each item; write | before it." if item else ""
            self.place.told(self.at.error(f"{self.named(value)} is {shown(kind)}, not a list.", hint))
        return None

    def _index(self, node: Any, here: Value, _depth: int) -> Value:  # noqa: ANN401
        kind = self.listed(here)
        return Literal(None) if kind is None else At(here, node["value"], kind)

    def _slice(self, node: Any, here: Value, _depth: int) -> Value:  # noqa: ANN401
        kind = self.listed(here)
        if kind is None:
            return Literal(None)
        if node["children"][2] == 0:
            raise self.at.error("a slice's step can't be 0.")
        return Call("slice", (here,), ListOf(kind), tuple(node["children"]))

    def _flatten(self, node: Any, here: Value, depth: int) -> Value:  # noqa: ANN401
        base = self.value(node["children"][0], here, depth)
        kind = self.listed(base)
        if kind is None:
            return Literal(None)
        if isinstance(kind, ListOf):
            return Flat(base, kind)
        return Flat(base, ListOf(kind)) if kind == JSON else base

    def _projection(self, node: Any, here: Value, depth: int) -> Value:  # noqa: ANN401
        base = self.value(node["children"][0], here, depth)
        return self.each(base, TRUE, node["children"][1], depth)

    def _value_projection(self, node: Any, here: Value, depth: int) -> Value:  # noqa: ANN401
        base = self.value(node["children"][0], here, depth)
        if isinstance(base, Literal):
            return base
        return self.each(self.values_of(base), TRUE, node["children"][1], depth)

    def values_of(self, base: Value) -> Value:
        """Return the values of a structure or a map as a list."""
        kind = kind_of(base)
        match kind:
            case MapOf(value):
                return Call("values", (base,), ListOf(value))
            case Struct(fields):
                kinds = {str(each): each for each in fields.values()}
                return Call("values", (base,), ListOf(next(iter(kinds.values())) if len(kinds) == 1 else JSON))
        if kind == JSON:
            return Call("values", (base,), ListOf(JSON))
        return self.place.told(self.at.error(f"{self.named(base)} is {shown(kind)}: * takes a structure or a map."))

    def _filter_projection(self, node: Any, here: Value, depth: int) -> Value:  # noqa: ANN401
        base = self.value(node["children"][0], here, depth)
        kind = self.listed(base)
        if kind is None:
            return Literal(None)
        item = Field((), kind, depth + 1)
        where = self.truth(node["children"][2], item, depth + 1)
        return self.each(base, where, node["children"][1], depth)

    def each(self, base: Value, where: Predicate, body: Any, depth: int) -> Value:  # noqa: ANN401
        """Return the projection of `body` over a list."""
        kind = self.listed(base)
        if kind is None:
            return Literal(None)
        item = Field((), kind, depth + 1)
        inner = self.value(body, item, depth + 1)
        if isinstance(inner, Literal) and inner.value is None:
            return Choice(IsNull(base), Literal(None), Literal(()), ListOf(JSON))
        if where == TRUE and inner == item and not _nullable(base):
            return base
        return Each(base, depth + 1, where, inner, ListOf(kind_of(inner)))

    def _multi_select_list(self, node: Any, here: Value, depth: int) -> Value:  # noqa: ANN401
        parts = tuple(self.value(child, here, depth) for child in node["children"])
        kind = _common([kind_of(part) for part in parts if not _is_null(part)])
        return self.unless_null(here, Call("gather", parts, ListOf(kind)))

    def _multi_select_dict(self, node: Any, here: Value, depth: int) -> Value:  # noqa: ANN401
        names = tuple(child["value"] for child in node["children"])
        parts = tuple(self.value(child["children"][0], here, depth) for child in node["children"])
        return self.unless_null(here, Call("hash", parts, JSON, names))

    def unless_null(self, here: Value, value: Value) -> Value:
        """Return a value that is null where what it is made of is."""
        if here == self.place.here and not self.place.item and self.place.at is None:
            return value  # the row itself is always there
        return Choice(IsNull(here), Literal(None), value, kind_of(value))

    # --- truth

    def truth(self, node: Any, here: Value, depth: int) -> Predicate:  # noqa: ANN401
        """Return whether a node's value is true, as a predicate."""
        match node["type"]:
            case "comparator":
                return self.comparison(node, here, depth)
            case "or_expression":
                return disjunction([self.truth(child, here, depth) for child in node["children"]])
            case "and_expression":
                return conjunction([self.truth(child, here, depth) for child in node["children"]])
            case "not_expression":
                return negation(self.truth(node["children"][0], here, depth))
        return _truthy(self.value(node, here, depth))

    def comparison(self, node: Any, here: Value, depth: int) -> Predicate:  # noqa: ANN401
        """Return what a comparator says: null, which is false, where it orders what are no numbers."""
        op = _COMPARATORS[node["value"]]
        left, right = (self.value(child, here, depth) for child in node["children"])
        if op not in ("eq", "ne"):
            for side in (left, right):
                kind = kind_of(side)
                if kind not in (INTEGER, NUMBER, JSON) and not (isinstance(side, Literal) and side.value is None):
                    self.place.told(self.at.error(f"{node['value']} compares numbers, and a side is {shown(kind)}."))
                    return Not(TRUE)
        elif isinstance(left, Field) and isinstance(right, Literal):
            self.spelt(left, right)
        return Compare(op, left, right)

    def spelt(self, left: Field, right: Literal) -> None:
        """Note a text that AWS's model does not have there but nearly has."""
        kind = left.kind
        if isinstance(kind, Scalar) and kind.enum and isinstance(right.value, str) and right.value not in kind.enum:
            hint = did_you_mean(right.value, kind.enum)
            if hint:
                self.place.told(self.at.error(f'AWS has no value "{right.value}" here.', hint))

    def _comparator(self, node: Any, here: Value, depth: int) -> Value:  # noqa: ANN401
        return Truth(self.comparison(node, here, depth))

    def _not_expression(self, node: Any, here: Value, depth: int) -> Value:  # noqa: ANN401
        return Truth(negation(self.truth(node["children"][0], here, depth)))

    def _or_expression(self, node: Any, here: Value, depth: int) -> Value:  # noqa: ANN401
        first, second = (self.value(child, here, depth) for child in node["children"])
        return self.choice(_truthy(first), first, second)

    def _and_expression(self, node: Any, here: Value, depth: int) -> Value:  # noqa: ANN401
        first, second = (self.value(child, here, depth) for child in node["children"])
        return self.choice(_truthy(first), second, first)

    def choice(self, when: Predicate, first: Value, second: Value) -> Value:
        """Return one value or the other, as JSON where they differ in kind."""
        kind = _common([kind_of(part) for part in (first, second) if not _is_null(part)])
        return Choice(when, first, second, kind)

    # --- constants and functions

    def _literal(self, node: Any, _here: Value, _depth: int) -> Value:  # noqa: ANN401
        return Literal(frozen(node["value"], self.at))

    def _function_expression(self, node: Any, here: Value, depth: int) -> Value:  # noqa: ANN401
        name, children = node["value"], node["children"]
        if name in _BY_KEY:
            return self.by_key(name, children, here, depth)
        found = _SIGNATURES.get(name)
        if found is None:
            raise self.at.error(f"JMESPath has no function {name}().", did_you_mean(name, [*_SIGNATURES, *_BY_KEY]))
        takes, gives = found
        variadic = takes[-1].endswith("+")
        if len(children) != len(takes) and not (variadic and len(children) >= len(takes)):
            raise self.at.error(f"{name}() takes {_arguments(len(takes))}, and has {len(children)}.")
        if any(child["type"] == "expref" for child in children):
            raise self.at.error(f"{name}() takes no &expression.")
        arguments = tuple(self.value(child, here, depth) for child in children)
        pairs = zip((*takes, *takes[-1:] * len(children)), arguments, strict=False)
        fitting = [self.fits(name, wanted.rstrip("+"), argument) for wanted, argument in pairs]
        if not all(fitting):
            return Literal(None)
        if name == "length":
            return Choice(IsNull(arguments[0]), Literal(None), Length(arguments[0]), INTEGER)
        return Call(name, arguments, gives([kind_of(each) for each in arguments]))

    def fits(self, name: str, wanted: str, argument: Value) -> bool:
        """Return whether a function takes an argument of this kind, and note it where not."""
        kind = kind_of(argument)
        if wanted == "any" or kind == JSON:
            return True
        if _is_null(argument):
            return False
        if _word(kind) in wanted.split("|"):
            return True
        self.place.told(self.at.error(f"{name}() takes {wanted.replace('|', ' or ')}, not {shown(kind)}."))
        return False

    def by_key(self, name: str, children: Sequence[Any], here: Value, depth: int) -> Value:
        """Return a function that takes an &expression on each item."""
        if len(children) != 2:
            raise self.at.error(f"{name}() takes 2 arguments, and has {len(children)}.")
        array, key = (children[1], children[0]) if name == "map" else children
        if key["type"] != "expref":
            raise self.at.error(f"{name}() takes an &expression.")
        base = self.value(array, here, depth)
        kind = self.listed(base)
        if kind is None:
            return Literal(None)
        item = Field((), kind, depth + 1)
        body = self.value(key["children"][0], item, depth + 1)
        if name == "map":
            return Each(base, depth + 1, TRUE, body, ListOf(kind_of(body)))
        pair = Struct({"k": kind_of(body), "v": kind})
        pairs = Each(base, depth + 1, TRUE, Call("pair", (body, item), pair), ListOf(pair))
        return Call(name, (pairs,), ListOf(kind) if name == "sort_by" else kind)


def _arguments(count: int) -> str:
    return "1 argument" if count == 1 else f"{count} arguments"


def _is_null(value: Value) -> bool:
    return isinstance(value, Literal) and value.value is None


def _truthy(value: Value) -> Predicate:
    return value.of if isinstance(value, Truth) else Truthy(value)


def _nullable(value: Value) -> bool:
    """Return whether a list may hold nulls: AWS's own lists don't, nor do projections."""
    return isinstance(value, Call) or kind_of(value) == JSON


def _common(kinds: Sequence[Type]) -> Type:
    if not kinds:
        return JSON
    return kinds[0] if len({str(kind) for kind in kinds}) == 1 else JSON


def _word(kind: Type) -> str:
    match kind:
        case ListOf():
            return "array"
        case MapOf() | Struct():
            return "object"
    return {"text": "string", "integer": "number", "number": "number", "boolean": "boolean"}.get(kind.kind, "date")


def _item(kinds: Sequence[Type]) -> Type:
    return kinds[0].item if isinstance(kinds[0], ListOf) else JSON


def _fixed(kind: Type) -> Callable[[Sequence[Type]], Type]:
    return lambda _: kind


_BY_KEY = ("sort_by", "max_by", "min_by", "map")
# What each function takes (`+`: any number of them) and gives, for the kinds of its arguments.
_SIGNATURES: Mapping[str, tuple[tuple[str, ...], Callable[[Sequence[Type]], Type]]] = {
    "abs": (("number",), lambda kinds: kinds[0]),
    "avg": (("array",), _fixed(NUMBER)),
    "ceil": (("number",), _fixed(NUMBER)),
    "contains": (("array|string", "any"), _fixed(BOOLEAN)),
    "ends_with": (("string", "string"), _fixed(BOOLEAN)),
    "floor": (("number",), _fixed(NUMBER)),
    "from_json": (("string",), _fixed(JSON)),
    "join": (("string", "array"), _fixed(TEXT)),
    "keys": (("object",), _fixed(ListOf(TEXT))),
    "length": (("string|array|object",), _fixed(INTEGER)),
    "max": (("array",), _item),
    "merge": (("object+",), _fixed(JSON)),
    "min": (("array",), _item),
    "not_null": (("any+",), _common),
    "reverse": (("array|string",), lambda kinds: kinds[0]),
    "sort": (("array",), lambda kinds: kinds[0]),
    "split": (("string", "string"), _fixed(ListOf(TEXT))),
    "starts_with": (("string", "string"), _fixed(BOOLEAN)),
    "sum": (("array",), _item),
    "to_array": (("any",), lambda kinds: kinds[0] if isinstance(kinds[0], ListOf) else ListOf(kinds[0])),
    "to_number": (("any",), _fixed(NUMBER)),
    "to_string": (("any",), _fixed(TEXT)),
    "type": (("any",), _fixed(TEXT)),
    "values": (("object",), lambda kinds: ListOf(kinds[0].value if isinstance(kinds[0], MapOf) else JSON)),
}
