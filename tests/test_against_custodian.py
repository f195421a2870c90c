"""The value filter against Cloud Custodian's own: random documents, and every op, value_type and keyword on them.

What may differ is listed in `expected_difference`, with the reason.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crenel.catalog.load import catalog
from crenel.errors import PolicyError, Where
from crenel.judge.documents import Documents
from crenel.lake.engine import connect
from crenel.policies.context import Mistakes
from crenel.policies.filters import compile_filters
from crenel.policies.values.operations import OPERATIONS
from crenel.positions import Located
from tests.oracle import needs_custodian, oracle

pytestmark = needs_custodian

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEYWORDS = ("absent", "present", "not-null", "empty")
_HERE = Where("policy.yml", 1, 1)

texts = st.sampled_from(
    [
        "",
        "a",
        "abc",
        "ABC",
        " Abc ",
        "b",
        "1",
        "10",
        "3.7",
        "007",
        "-5",
        "absent",
        "present",
        "empty",
        "true",
        "x,y",
        "10.0.0.0/8",
        "10.1.2.3",
        "10.0.0.1/8",
        "192.168.0.0/16",
        "0.0.0.0/0",
        "::1",
        "fe80::/10",
        "1.2.3",
        "1.10.0",
        "1.2.b",
        "2026-11-01",
        "2026-11-22T11:59:59Z",
        "2025-01-01T00:00:00+02:00",
        "1763900000",
        "1763900000000",
        "2027-01-01",
        "Mon, 02 Nov 2026 10:00:00 GMT",
        "\u00e9",
        "%",
        "_",
    ]
)
numbers = st.sampled_from([0, 1, 2, 3, 10, -5, 100, 1763900000, 1763900000000, 0.0, 1.0, 3.7, 1e3, -0.5])
times = st.sampled_from(
    [NOW, NOW - timedelta(days=30), NOW - timedelta(days=1), NOW + timedelta(days=30), NOW - timedelta(days=400)]
)
scalars = st.one_of(texts, numbers, st.booleans(), st.none(), times)
lists = st.one_of(
    st.lists(texts, max_size=3),
    st.lists(numbers, max_size=3),
    st.lists(st.one_of(texts, numbers, st.booleans()), max_size=3),
)
values = st.one_of(
    scalars,
    lists,
    st.fixed_dictionaries({"k": st.one_of(texts, numbers, lists), "z": texts}),
    st.lists(st.fixed_dictionaries({"k": texts}), max_size=2),
)
documents = st.fixed_dictionaries(
    {"A": values, "B": values},
    optional={
        "Tags": st.lists(
            st.fixed_dictionaries({"Key": st.sampled_from(["Name", "name ", "Env"]), "Value": texts}), max_size=3
        )
    },
)
plain_texts = texts.filter(lambda text: text not in ("%", "_"))
given_values = st.one_of(
    texts, numbers, st.booleans(), st.none(), lists, st.sampled_from(["absent", "present", "not-null", "empty"])
)
KEYS = (
    "A",
    "B",
    "C",
    "A.k",
    "A[].k",
    "A[0]",
    "tag:Name",
    "length(B)",
    "A[?k=='a'].k",
    "A || B",
    "keys(A)",
    "A[-1]",
    "[A, B]",
    "A.*",
    "A[0:2]",
    "not_null(C, A)",
    "A == `1`",
    "(A == 'a') == `true`",
    "length(A[?(k == 'a') == `true`])",
    "(A == `1`) == (B == 'a')",
    "!(A == 'a')",
    "[A == 'a', B == `1`]",
    "(A || B).k",
)
VALUE_TYPES = (
    "age",
    "integer",
    "expiration",
    "normalize",
    "size",
    "cidr",
    "cidr_size",
    "swap",
    "expr",
    "unique_size",
    "date",
    "version",
    "float",
)


@st.composite
def value_filters(draw: st.DrawFn) -> dict[str, Any]:
    """A value filter of any form."""
    found: dict[str, Any] = {"type": "value", "key": draw(st.sampled_from(KEYS[:6]) | st.sampled_from(KEYS))}
    if draw(st.booleans()) or draw(st.booleans()):
        found["op"] = draw(st.sampled_from(sorted(OPERATIONS)))
    kind = draw(st.none() | st.sampled_from(VALUE_TYPES))
    if kind:
        found["value_type"] = kind
    if kind in ("age", "expiration") and draw(st.booleans()):
        found["value"] = draw(st.sampled_from([0, 1, 30, 90, -30, 0.5]))
    elif kind == "expr":
        found["value"] = draw(st.sampled_from(["A", "B", "C", "A.k", "tag:Env"]))
    elif draw(st.integers(0, 9)) == 0:
        found["value_path"] = draw(st.sampled_from(["A", "B", "A[].k", "keys(A)"]))
    else:
        found["value"] = draw(given_values)
    if draw(st.integers(0, 9)) == 0:
        found["value_regex"] = draw(st.sampled_from(["(\\d+)", ".*?([a-z]+)", "(.*)", "1(\\.)?"]))
    return found


def located(value: Any) -> Located:
    """Return a parsed policy as the loader would."""
    if isinstance(value, dict):
        return Located({key: located(item) for key, item in value.items()}, _HERE, dict.fromkeys(value, _HERE))
    return Located([located(item) for item in value] if isinstance(value, list) else value, _HERE)


@pytest.fixture(scope="module")
def engine() -> duckdb.DuckDBPyConnection:
    return connect()


def expected_difference(filter_: dict[str, Any], doc: dict[str, Any], theirs: Any) -> str:
    """Return why an answer may differ from Custodian's, nothing where it may not."""
    value, op, kind = filter_.get("value"), filter_.get("op"), filter_.get("value_type")
    if isinstance(theirs, str):
        return "Custodian raises, and the policy ends there; here the resource does not match"
    texts = [*doc.values(), *(tag["Value"] for tag in doc.get("Tags") or [])]
    if ("value_path" in filter_ or kind == "expr") and any(text in KEYWORDS for text in texts if isinstance(text, str)):
        return "a keyword is one where it stands in the policy, not where the resource's own text reads like one"
    if op == "mod" and (isinstance(value, (str, list)) or any(isinstance(each, (str, list)) for each in doc.values())):
        return "Python takes % on a text for formatting"
    if kind == "version" and value in KEYWORDS:
        return "a keyword beside value_type version is an error here"
    if kind == "expr" and op in ("in", "not-in", "ni") and any(isinstance(each, dict) for each in doc.values()):
        return "Python can't look for a mapping among the keys of one"
    if op in ("gt", "ge", "lt", "le", "gte", "lte", "greater-than", "less-than") and _is_list(filter_, doc):
        return "lists are ordered where both hold texts or both numbers"
    if ("||" in filter_["key"] or "not_null" in filter_["key"] or "[A" in filter_["key"]) and has_time(doc):
        return "a time beside another kind becomes JSON, where it is a text"
    return ""


def _is_list(filter_: dict[str, Any], doc: dict[str, Any]) -> bool:
    return isinstance(filter_.get("value"), list) or any(isinstance(each, (list, dict)) for each in doc.values())


def has_time(value: Any) -> bool:
    """Return whether a time is anywhere in a document."""
    if isinstance(value, dict):
        return any(map(has_time, value.values()))
    return isinstance(value, datetime) or (isinstance(value, list) and any(map(has_time, value)))


def alike(docs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return documents that can share a table: AWS's times are times in all of them, so one with times stands alone."""
    return docs[:1] if any(map(has_time, docs)) else docs


RELAXED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])


@settings(RELAXED, max_examples=1200)
@given(filter_=value_filters(), docs=st.lists(documents, min_size=1, max_size=3).map(alike))
def test_value_filter(engine: duckdb.DuckDBPyConnection, filter_: dict[str, Any], docs: list[dict[str, Any]]) -> None:
    """Our SQL gives what Custodian's Python gives: over typed columns, and over JSON where documents differ in kind."""
    theirs = oracle().ask(kind="value", filter=filter_, docs=docs, now=NOW.isoformat())
    if theirs[0] == "invalid":
        return
    try:
        ours = Documents(engine, docs, catalog()).matches(located(filter_), NOW, Mistakes())
    except PolicyError:
        # A refusal is loud; but what Custodian can match is not to be refused without a reason.
        assert True not in theirs or filter_.get("value_type") in ("cidr", "version", "age", "expiration", "swap")
        return
    for doc, mine, want in zip(docs, ours, theirs, strict=True):
        if mine != want and not expected_difference(filter_, doc, want):
            pytest.fail(f"{filter_} on {doc}: {mine}, and Custodian says {want}")


simple = st.one_of(
    st.sampled_from(["A", "B", "C", "A.k"]).flatmap(
        lambda key: st.fixed_dictionaries({key: texts | numbers | st.booleans()})
    ),
    st.fixed_dictionaries(
        {
            "type": st.just("value"),
            "key": st.sampled_from(["A", "B"]),
            "op": st.sampled_from(["gt", "ne", "in", "contains"]),
            "value": texts | numbers,
        }
    ),
)
list_items = st.fixed_dictionaries(
    {
        "type": st.just("list-item"),
        "key": st.sampled_from(["L", "M"]),
        "attrs": st.lists(
            st.fixed_dictionaries({"k": texts})
            | st.fixed_dictionaries({"not": st.lists(st.fixed_dictionaries({"k": texts}), min_size=1, max_size=1)}),
            min_size=1,
            max_size=2,
        ),
    },
    optional={"count": st.integers(0, 2), "count_op": st.sampled_from(["eq", "gt", "lte", "ne"])},
)
reductions = st.fixed_dictionaries(
    {"type": st.just("reduce")},
    optional={
        "group-by": st.sampled_from(["G", {"key": "G"}, {"key": "N", "value_type": "number"}]),
        "sort-by": st.sampled_from(["T", {"key": "N", "value_type": "number"}, {"key": "T", "value_regex": "(.)"}]),
        "order": st.sampled_from(["asc", "desc", "reverse"]),
        "null-order": st.sampled_from(["first", "last"]),
        "limit": st.integers(0, 3),
        "limit-percent": st.sampled_from([0, 30, 50, 100]),
        "discard": st.integers(0, 2),
        "discard-percent": st.sampled_from([0, 25, 50]),
    },
)
counts = st.fixed_dictionaries(
    {
        "type": st.just("value"),
        "value_type": st.just("resource_count"),
        "op": st.sampled_from(["gt", "le", "eq"]),
        "value": st.integers(0, 4),
    }
)
leaves = st.one_of(simple, simple, list_items, counts, reductions)
trees = st.recursive(
    leaves,
    lambda inner: st.builds(
        lambda name, parts: {name: parts},
        st.sampled_from(["and", "or", "not"]),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=6,
)
rows = st.fixed_dictionaries(
    {"A": texts, "B": numbers},
    optional={
        "L": st.lists(st.fixed_dictionaries({"k": texts}), max_size=3),
        "M": st.lists(st.fixed_dictionaries({"k": texts, "n": numbers}), max_size=2),
        "G": st.sampled_from(["x", "y"]),
        "N": st.integers(0, 3),
        "T": st.sampled_from(["p", "q", "r"]),
    },
)


@settings(RELAXED, max_examples=600)
@given(tree=st.lists(trees, min_size=1, max_size=3), docs=st.lists(rows, min_size=1, max_size=6))
def test_blocks(engine: duckdb.DuckDBPyConnection, tree: list[dict[str, Any]], docs: list[dict[str, Any]]) -> None:
    """Blocks, list-item, reduce and resource_count leave the same resources, whatever they stand in."""
    theirs = oracle().ask(kind="filters", filters=tree, docs=docs, now=NOW.isoformat())
    table = Documents(engine, docs, catalog())
    ours = table.holds(compile_filters(table.context(Mistakes()), located(tree)), NOW)
    if not isinstance(theirs, str):
        assert [index for index, found in enumerate(ours) if found] == sorted(theirs)
