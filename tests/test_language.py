"""The compiler against a plain interpreter: the same predicate over the same row, true, false or unknown."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crenel.catalog.columns import TEXT, ListOf, Scalar, Struct, Type
from crenel.catalog.spec import Detail, ResourceType
from crenel.lake.engine import connect
from crenel.lake.snapshots import COMMON, rows_sql
from crenel.language.plan import (
    And,
    Compare,
    CountItems,
    Field,
    Has,
    In,
    IsEmpty,
    IsNull,
    Length,
    Literal,
    Matches,
    Not,
    Op,
    Or,
    Predicate,
    Related,
    Value,
)
from crenel.language.reading import Compiler, Source
from crenel.language.sql import Relation

INTEGER, BOOLEAN = Scalar("integer"), Scalar("boolean")
ITEM = Struct({"state": TEXT, "n": INTEGER})
COLUMNS: dict[str, Type] = {
    "flag": BOOLEAN,
    "count": INTEGER,
    "word": TEXT,
    "items": ListOf(ITEM),
    "tags": ListOf(TEXT),
}
DETAILS = {
    "more": Detail("more", {"more": TEXT}),
    "list": Detail("list", {"list": ListOf(ITEM)}),
    "never": Detail("never", {"never": TEXT}),  # a column that no snapshot here has
}


def kind(name: str) -> ResourceType:
    return ResourceType(
        name=name, title=name, service="s3", regional=True, listing=None, id="word", label="word", arn="", owner="",
        home="",
        shadows=False, own=False, reported_as=name, columns=COLUMNS, details=DETAILS,
    )  # fmt: skip


# --- rows and predicates at random

WORDS = st.sampled_from([None, "", "a", "ab", "Enabled", "absent"])
ITEMS = st.one_of(
    st.none(), st.lists(st.fixed_dictionaries({"state": WORDS, "n": st.sampled_from([None, 0, 1, 2])}), max_size=3)
)
ROWS = st.fixed_dictionaries(
    {
        "flag": st.sampled_from([None, True, False]),
        "count": st.sampled_from([None, 0, 1, 2, 7]),
        "word": WORDS,
        "items": ITEMS,
        "tags": st.one_of(st.none(), st.lists(WORDS, max_size=3)),
        "more": WORDS,
        "list": ITEMS,
        "gaps": st.sets(st.sampled_from(["more", "list"])),
    }
)
OPS: st.SearchStrategy[Op] = st.sampled_from(["eq", "ne", "lt", "le", "gt", "ge"])


def column(name: str) -> Field:
    types = COLUMNS | {key: value for detail in DETAILS.values() for key, value in detail.columns.items()}
    return Field((name,), types[name])


def leaves(text: st.SearchStrategy[Value], number: st.SearchStrategy[Value]) -> st.SearchStrategy[Predicate]:
    return st.one_of(
        st.builds(Compare, OPS, text, st.builds(Literal, WORDS)),
        st.builds(Compare, OPS, number, st.builds(Literal, st.sampled_from([None, 0, 1, 2]))),
        st.builds(IsNull, st.one_of(text, number)),
        st.builds(IsEmpty, st.one_of(text, number)),
        st.builds(In, text, st.lists(WORDS, max_size=3).map(tuple)),
        st.builds(Matches, text, st.sampled_from(["a", "a$", "b", "(?:a|E)n?"]), st.booleans()),
        st.builds(Has, text, st.sampled_from(["a", "b"]).map(Literal)),
    )


ITEM_LEAVES = leaves(st.just(Field(("state",), TEXT, 1)), st.just(Field(("n",), INTEGER, 1)))
ITEM_PREDICATES = st.recursive(
    ITEM_LEAVES,
    lambda part: st.one_of(st.builds(Not, part), st.lists(part, min_size=1, max_size=2).map(tuple).map(And)),
)
LISTS = st.sampled_from(["items", "list"]).map(column)
ROW_LEAVES = st.one_of(
    leaves(
        st.sampled_from(["word", "more", "never"]).map(column),
        st.one_of(st.just(column("count")), st.builds(Length, LISTS)),
    ),
    st.builds(Has, st.just(column("tags")), st.sampled_from(["a", "ab"]).map(Literal)),
    st.builds(IsEmpty, st.one_of(LISTS, st.just(column("flag")))),
    st.builds(CountItems, LISTS, st.just(1), ITEM_PREDICATES, OPS, st.integers(0, 3)),
)


def several(part: st.SearchStrategy[Predicate]) -> st.SearchStrategy[tuple[Predicate, ...]]:
    return st.lists(part, min_size=1, max_size=3).map(tuple)


def blocks(leaf: st.SearchStrategy[Predicate]) -> st.SearchStrategy[Predicate]:
    return st.recursive(
        leaf, lambda part: st.one_of(st.builds(Not, part), several(part).map(And), several(part).map(Or)), max_leaves=6
    )


RELATED = st.builds(
    lambda where, op, count, keyed: Related(
        "other", ((column("word"), column("word")),) if keyed else (), "region", where, op, count
    ),
    blocks(ROW_LEAVES),
    OPS,
    st.integers(0, 2),
    st.booleans(),
)
PREDICATES = blocks(st.one_of(ROW_LEAVES, ROW_LEAVES, RELATED))


# --- the plain interpreter


class World:
    """The rows of the other table, and whether its listing has a gap."""

    def __init__(self, others: list[dict[str, Any]], *, gap: bool) -> None:
        self.others = others
        self.gap = gap


def truth(node: Predicate, row: dict[str, Any], world: World, item: dict[str, Any] | None = None) -> bool | None:
    """Kleene's logic over leaves that are unknown only where they read a gap."""
    match node:
        case And(parts):
            found = [truth(part, row, world, item) for part in parts]
            return False if False in found else None if None in found else True
        case Or(parts):
            found = [truth(part, row, world, item) for part in parts]
            return True if True in found else None if None in found else False
        case Not(part):
            inner = truth(part, row, world, item)
            return None if inner is None else not inner
        case Related():
            return related(node, row, world)
    return None if unread(node, row) else leaf(node, row, world, item)


def unread(node: Any, row: dict[str, Any]) -> bool:
    if isinstance(node, Field):
        return node.item == 0 and (node.path[0] == "never" or node.path[0] in row["gaps"])
    slots = [getattr(node, name) for name in getattr(node, "__dataclass_fields__", {})]
    return any(unread(part, row) for slot in slots for part in (slot if isinstance(slot, tuple) else (slot,)))


def leaf(node: Any, row: dict[str, Any], world: World, item: dict[str, Any] | None) -> bool:
    if isinstance(node, CountItems):
        found = [truth(node.where, row, world, each) for each in value(node.list, row, item) or []]
        return compare(node.op, found.count(True), node.count)
    if isinstance(node, Compare):
        return compare(node.op, value(node.left, row, item), value(node.right, row, item))
    here = value(node.value, row, item)
    match node:
        case IsNull():
            return here is None
        case IsEmpty():
            return not here
        case In(_, among):
            return here in among
        case Has(_, Literal(wanted)):
            return here is not None and wanted in here
        case Matches(_, pattern, ignore_case):
            import re  # noqa: PLC0415

            return (
                here is not None and re.match(f"(?:{pattern})", here, re.IGNORECASE if ignore_case else 0) is not None
            )
    raise AssertionError(node)


def value(node: Value, row: dict[str, Any], item: dict[str, Any] | None) -> Any:
    match node:
        case Literal(found):
            return found
        case Field((name,), _, 0):
            return row[name]
        case Field((name,), _, _):
            assert item is not None
            return item[name]
        case Length(of):
            return len(value(of, row, item) or [])
    raise AssertionError(node)


def compare(op: Op, left: Any, right: Any) -> bool:
    if op == "eq":
        return bool(left == right)
    if op == "ne":
        return bool(left != right)
    if left is None or right is None:
        return False
    return bool({"lt": left < right, "le": left <= right, "gt": left > right, "ge": left >= right}[op])


def related(node: Related, row: dict[str, Any], world: World) -> bool | None:
    """Every number of related rows that is possible given the gaps: the answer if all agree."""
    beside = [other for other in world.others if not node.on or (other["word"] == row["word"] is not None)]
    found = [truth(node.where, other, world) for other in beside]
    least = found.count(True)
    most = least + found.count(None) + (10 if world.gap else 0)
    answers = {compare(node.op, number, node.count) for number in range(least, most + 1)}
    return answers.pop() if len(answers) == 1 else None


# --- and the compiler


def spool(rows: list[dict[str, Any]]) -> str:
    lines = []
    for number, row in enumerate(rows):
        common = dict.fromkeys(COMMON) | {
            "_account": "1",
            "_region": "r",
            "_home": "r",
            "_owner": "1",
            "_primary": True,
            "_id": str(number),
        }
        plain = {key: found for key, found in row.items() if key != "gaps"}
        lines.append(json.dumps(common | plain | {"_gaps": dict.fromkeys(row["gaps"], "denied")}))
    return "\n".join(lines)


@pytest.fixture(scope="module")
def engine() -> duckdb.DuckDBPyConnection:
    return connect()


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(row=ROWS, others=st.lists(ROWS, max_size=3), gap=st.booleans(), predicate=PREDICATES)
def test_sql_agrees_with_the_interpreter(
    engine: duckdb.DuckDBPyConnection, tmp_path_factory: pytest.TempPathFactory,
    row: dict[str, Any], others: list[dict[str, Any]], gap: bool, predicate: Predicate,
) -> None:  # fmt: skip
    """Whatever the predicate, the row and the gaps: SQL and Kleene's logic say the same."""
    folder = tmp_path_factory.mktemp("spool")
    there = {**COMMON, **COLUMNS, "more": TEXT, "list": ListOf(ITEM)}
    sources = {name: Source(kind(name), frozenset(there)) for name in ("mine", "other")}
    for name, rows in (("mine", [row]), ("other", others)):
        path = folder / f"{name}.ndjson"
        path.write_text(spool(rows))
        engine.execute(f"CREATE OR REPLACE TABLE {name} AS {rows_sql(there, [path] if rows else [])}")
    gaps = "VALUES ('1', 'r', 'other', 'denied')" if gap else "SELECT '', '', '', '' WHERE false"
    engine.execute(f"CREATE OR REPLACE TABLE listing_gaps AS SELECT * FROM ({gaps}) g(_account, _region, type, why)")

    relation = Relation(Compiler(sources, datetime(2026, 1, 1, tzinfo=UTC)), sources["mine"], "t0")
    condition = relation.predicate(predicate)
    query = relation.select([condition]).sql(dialect="duckdb")

    assert engine.execute(query).fetchall() == [(truth(predicate, row, World(others, gap=gap)),)], query
