"""Documents near those of an example: at the boundaries of what the policy compares, with keys and items gone, doubled
or changed by a letter.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import chain, zip_longest
from math import floor
from random import Random
from typing import Any

from crenel.catalog.columns import ListOf, MapOf, Scalar, Struct, Type
from crenel.catalog.load import Catalog
from crenel.examples.stage import Document, Stage
from crenel.language.plan import (
    Compare,
    DaysSince,
    Each,
    Field,
    Gathered,
    Has,
    In,
    Linked,
    Literal,
    Predicate,
    Related,
    Value,
)
from crenel.language.policy import (
    Plan,
)
from crenel.language.walking import (
    children,
    walk,
)

_GONE = object()
_ELSEWHERE = "eu-west-1"
_MOST = 70  # single edits of an example
_PAIRS = 50  # of two edits at once
_MIXED = 60  # of any number of edits at once
_ITEMS = 3  # of a list that are changed
_CHANGED = 0.6  # of the columns, where many are
_LONGEST = 12  # items of a list that is lengthened
_OTHER = "other"
_KEYWORDS = ("absent", "present", "not-null", "empty")  # of policies, not of AWS's answers


@dataclass(frozen=True, slots=True)
class Hints:
    """What the policy compares with, by the last word of the key; under "" all of it."""

    numbers: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    texts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    days: tuple[float, ...] = ()
    times: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of one document: its type, its place, the column, the new value (or a whole new list of documents)."""

    table: str
    row: int
    column: str
    value: Any
    words: str


def near(stage: Stage, plan: Plan, catalog: Catalog) -> list[tuple[Stage, str]]:
    """Return scenes near an example's, with what was changed in words: single edits first, then pairs of them, then
    many at once, for what lies behind several conditions.
    """
    hints = hints_of(plan)
    groups = [list(_edits(stage, table, columns, hints, catalog)) for table, columns in _read(plan).items()]
    by_column: dict[tuple[str, int, str], list[Edit]] = {}
    for edit in chain(*groups):
        by_column.setdefault((edit.table, edit.row, edit.column), []).append(edit)
    mixed = [edit for turn in zip_longest(*by_column.values()) for edit in turn if edit is not None]
    single = mixed[:_MOST]
    found = [_told(stage, (edit,)) for edit in single]
    for index in range(min(_PAIRS, len(mixed))):
        one, two = mixed[index % len(mixed)], mixed[(index * 7 + 3) % len(mixed)]
        if (one.table, one.row, one.column) != (two.table, two.row, two.column) and "" not in (one.column, two.column):
            found.append(_told(stage, (one, two)))
    return found + [_told(stage, edits) for edits in _mixed(by_column)]


def _mixed(by_column: Mapping[tuple[str, int, str], Sequence[Edit]]) -> Iterator[tuple[Edit, ...]]:
    """Yield edits of many columns at once, chosen by a die that always falls the same."""
    die = Random(0)  # noqa: S311 (no secret)
    columns = [edits for (_, _, column), edits in by_column.items() if column[:1] not in ("", "_")]
    for _ in range(_MIXED if len(columns) > 1 else 0):
        chosen = tuple(die.choice(edits) for edits in columns if die.random() < _CHANGED)
        if chosen:
            yield chosen


def _told(stage: Stage, edits: Sequence[Edit]) -> tuple[Stage, str]:
    return _applied(stage, edits), "; ".join(edit.words for edit in edits)


def _applied(stage: Stage, edits: Sequence[Edit]) -> Stage:
    rows = {table: [dict(row) for row in given] for table, given in stage.rows.items()}
    for edit in edits:
        if not edit.column:
            rows[edit.table] = edit.value
        elif edit.value is _GONE:
            rows[edit.table][edit.row].pop(edit.column, None)
        else:
            rows[edit.table][edit.row][edit.column] = edit.value
    return replace(stage, rows=rows)


def _read(plan: Plan) -> dict[str, set[str]]:
    """Return the columns that the plan's verdict reads, by type."""
    found: dict[str, set[str]] = {plan.table: set()}

    def visit(node: Predicate | Value, table: str) -> None:
        for part in walk(node):
            if isinstance(part, Field) and part.item == 0 and not part.path[0].startswith("_"):
                found.setdefault(table, set()).add(part.path[0])
            elif isinstance(part, (Related, Linked, Gathered)):
                found.setdefault(part.table, set())
                for inner in _there(part):
                    visit(inner, part.table)

    for root in plan.predicates():
        visit(root, plan.table)
    return found


def _there(node: Related | Linked | Gathered) -> tuple[Predicate | Value, ...]:
    """Return what a node reads of another type's rows."""
    match node:
        case Related(on=on):
            return node.where, *(theirs for _, theirs in on)
        case Gathered(key=key, body=body):
            return node.where, key, body
        case Linked(key=key):
            return node.where, key


def hints_of(plan: Plan) -> Hints:
    """Return what a plan compares with."""
    numbers: dict[str, set[float]] = {}
    texts: dict[str, set[str]] = {}
    days: set[float] = set()
    times: set[datetime] = set()
    for node in _everything(plan):
        match node:
            case Compare(_, DaysSince(), Literal(value)) if isinstance(value, (int, float)):
                days.add(float(value))
                continue
            case Compare(_, of, Literal(value)) | Compare(_, Literal(value), of) | Has(of, Literal(value)):
                values: tuple[Any, ...] = (value,)
            case In(of, among):
                values = among
            case _:
                continue
        for name in {*_names(of), ""}:
            for value in values:
                if isinstance(value, str) and value not in _KEYWORDS:
                    texts.setdefault(name, set()).add(value)
                elif isinstance(value, (int, float)) and not isinstance(value, bool):
                    numbers.setdefault(name, set()).add(value)
                elif isinstance(value, datetime):
                    times.add(value)
    return Hints(
        {name: tuple(sorted(found)) for name, found in numbers.items()},
        {name: tuple(sorted(found)[:6]) for name, found in texts.items()},
        tuple(sorted(days)),
        tuple(sorted(times)),
    )


def _names(value: Predicate | Value) -> Iterator[str]:
    """Yield the last words of the keys that a value is made of, without those that only choose a list's items."""
    if isinstance(value, Field):
        yield value.path[-1] if value.path else ""
    for part in (value.list, value.body) if isinstance(value, Each) else children(value):
        yield from _names(part)


def _everything(plan: Plan) -> Iterator[Predicate | Value]:
    roots: list[Predicate | Value] = list(plan.predicates())
    while roots:
        for node in walk(roots.pop(0)):
            yield node
            if isinstance(node, (Related, Linked, Gathered)):
                roots += _there(node)


def _edits(stage: Stage, table: str, columns: set[str], hints: Hints, catalog: Catalog) -> Iterator[Edit]:
    kind = catalog[table]
    known = table.split("+", maxsplit=1)[0]
    rows = stage.rows.get(known, ())
    schema = kind.schema()
    for index, row in enumerate(rows):
        name = f"{known} {row.get(kind.id, index + 1)}"
        for column in sorted(columns & schema.keys()):
            if column in row:
                yield Edit(known, index, column, _GONE, f"{name} without {column}")
            for value, words in _mutations(row.get(column), schema[column], column, hints, stage.now):
                yield Edit(known, index, column, value, f"{name}: {words}")
        if len(rows) > 1 or table != known:
            rest = [other for place, other in enumerate(rows) if place != index]
            yield Edit(known, index, "", rest, f"without {name}")
        if kind.regional and row.get("_region") != _ELSEWHERE:
            yield Edit(known, index, "_region", _ELSEWHERE, f"{name} in {_ELSEWHERE}")


def _mutations(
    value: Any,  # noqa: ANN401 (any parsed value)
    kind: Type,
    name: str,
    hints: Hints,
    now: datetime,
) -> Iterator[tuple[Any, str]]:
    """Yield values near one that AWS could give as well, with words for the change."""
    match value:
        case bool():
            yield not value, f"{name} is {str(not value).lower()}"
        case int() | float():
            for number in sorted({*_numbers([value - 1, value + 1], kind, least=min(0, value)),
                                  *_bounds(hints, name, kind, least=min(0, value))} - {value}):  # fmt: skip
                yield number, f"{name} is {number:g}"
        case str():
            yield from ((text, f"{name} is {text!r}") for text in _texts(value, kind, name, hints, now))
        case list():
            yield from _listed(value, kind, name, hints, now)
        case dict():
            yield from _keyed(value, kind, name, hints, now)
        case None:
            yield from ((each, f"{name} is {each!r}") for each in _fresh(kind, name, hints, now))


def _numbers(numbers: Iterable[float], kind: Type, least: float) -> set[float]:
    """Return those of the numbers that a key of a kind can have: whole ones, and none below 0 unless one is there."""
    whole = isinstance(kind, Scalar) and kind.kind == "integer"
    found = {float(floor(number)) if whole else number for number in numbers}
    return {int(number) if number == floor(number) else number for number in found if number >= least}


def _bounds(hints: Hints, name: str, kind: Type, least: float = 0) -> set[float]:
    return _numbers((bound + step for bound in hints.numbers.get(name, ()) for step in (-1, 0, 1)), kind, least)


def _texts(value: str, kind: Type, name: str, hints: Hints, now: datetime) -> list[str]:
    if isinstance(kind, Scalar) and kind.kind in ("timestamp", "date"):
        return [text for text in _times(hints, now) if text != value]
    if isinstance(kind, Scalar) and kind.enum:
        given = [text for text in hints.texts.get(name, ()) if text in kind.enum]
        return [text for text in dict.fromkeys([*given, *kind.enum[:6]]) if text != value]
    numbers = [f"{number:g}" for number in sorted(_bounds(hints, name, kind))] if _is_number(value) else []
    known = hints.texts.get(name)
    given = [*known, _OTHER] if known else [*numbers, value.swapcase(), f"{value}x", value[:-1]]
    return [text for text in dict.fromkeys(given) if text not in (value, "")]


def _is_number(text: str) -> bool:
    return text.removeprefix("-").replace(".", "", 1).isdecimal()


def _times(hints: Hints, now: datetime) -> list[str]:
    """Return times around those that the policy compares with: at the very second, one off, a day off."""
    found = []
    given = [now - timedelta(days=days) for days in hints.days]
    given += [time if time.tzinfo else time.replace(tzinfo=UTC) for time in hints.times]
    for at in given or [now]:
        steps = (timedelta(), timedelta(seconds=1), timedelta(seconds=-1), timedelta(days=1), timedelta(days=-1))
        found += [at + step for step in steps]
    return [time.strftime("%Y-%m-%dT%H:%M:%SZ") for time in dict.fromkeys(found)]


def _listed(items: list[Any], kind: Type, name: str, hints: Hints, now: datetime) -> Iterator[tuple[Any, str]]:
    for changed, words in _lists(items, kind, name, hints, now):
        if _is_possible(changed):
            yield changed, words


def _is_possible(items: list[Any]) -> bool:
    """Return whether AWS can give a list: no resource has two tags of one key."""
    keys = [item["Key"] for item in items if isinstance(item, dict) and "Key" in item]
    return len({*map(str, keys)}) == len(keys)


def _lists(items: list[Any], kind: Type, name: str, hints: Hints, now: datetime) -> Iterator[tuple[Any, str]]:
    inner = kind.item if isinstance(kind, ListOf) else Scalar("json")
    if items:
        yield [], f"{name} is empty"
    for index, item in enumerate(items[:_ITEMS]):
        if len(items) > 1:
            yield [*items[:index], *items[index + 1 :]], f"{name} without item {index}"
        for value, words in _mutations(item, inner, name, hints, now):
            yield [*items[:index], value, *items[index + 1 :]], words
            if index == 0:
                yield [*items, value], f"{name} with one more: {words}"
    yield from (
        ([*items, value], f"{name} has {value!r}") for value in _fresh(inner, name, hints, now) if value not in items
    )
    if items:
        yield [*items, items[0]], f"{name} with item 0 twice"
        yield from _lengthened(items, name, hints)


def _lengthened(items: list[Any], name: str, hints: Hints) -> Iterator[tuple[Any, str]]:
    """Yield a list with as many items as the policy compares their number with."""
    for length in sorted(_bounds(hints, name, Scalar("integer"))):
        if len(items) < length <= _LONGEST:
            yield [*items, *[items[-1]] * (int(length) - len(items))], f"{name} has {length:g} items"


def _keyed(items: Document, kind: Type, name: str, hints: Hints, now: datetime) -> Iterator[tuple[Any, str]]:
    for key in list(items):
        yield {other: value for other, value in items.items() if other != key}, f"{name} without {key}"
    members = kind.fields if isinstance(kind, Struct) else {key: _member(kind) for key in items}
    for key, inner in members.items():
        interesting = key in items or key in hints.texts or key in hints.numbers or isinstance(inner, Scalar)
        if interesting:
            for value, words in _mutations(items.get(key), inner, key, hints, now):
                yield {**items, key: value}, words


def _member(kind: Type) -> Type:
    return kind.value if isinstance(kind, MapOf) else Scalar("json")


def _fresh(kind: Type, name: str, hints: Hints, now: datetime) -> list[Any]:
    """Return values for a key that is absent."""
    match kind:
        case Scalar("boolean"):
            return [True, False]
        case Scalar("integer" | "number"):
            return sorted(_bounds(hints, name, kind) or {0, 1})
        case Scalar("timestamp" | "date"):
            return list(_times(hints, now)[:3])
        case Scalar("text", enum):
            given = [text for text in hints.texts.get(name, ()) if not enum or text in enum]
            numbers = [f"{number:g}" for number in sorted(_bounds(hints, name, kind))]
            return list(dict.fromkeys([*given, *numbers, *(enum[:3] or [_OTHER])]))
        case ListOf(inner):
            return [[], *([each] for each in _fresh(inner, name, hints, now)[:_ITEMS])]
        case Struct(fields):
            return _structs({key: _fresh(inner, key, hints, now) for key, inner in fields.items()
                             if isinstance(inner, Scalar)})  # fmt: skip
    return []


def _structs(values: Mapping[str, list[Any]]) -> list[Document]:
    """Return structures of the first value of each key, and such as have one other."""
    first = {key: given[0] for key, given in values.items() if given}
    others = [{**first, key: other} for key, given in values.items() for other in given[1:_ITEMS]]
    return [first, *others] if first else []
