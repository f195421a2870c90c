"""Values filled in from what is known of a resource, and states that mean the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from crenel.remediate.templates import Expression, canonical, filled, told

CONTEXT: dict[str, Any] = {
    "args": {"id": "snap-1", "none": None, "tags": [{"k": "a"}, {"k": "b"}]},
    "state": {"Rules": [], "On": False},
}


def test_a_template_keeps_what_it_says_and_fills_in_what_it_asks() -> None:
    template = {"Id": Expression("args.id"), "Fixed": ["all", Expression("args.tags[0].k")], "N": 3}

    assert filled(template, CONTEXT) == {"Id": "snap-1", "Fixed": ["all", "a"], "N": 3}


def test_what_is_null_is_left_out_and_what_is_false_is_not() -> None:
    """A parameter that is null is none that AWS takes."""
    template = {"Gone": Expression("args.none"), "Inner": Expression("{a: args.none, b: state.On}"), "List": [None, 0]}

    assert filled(template, CONTEXT) == {"Inner": {"b": False}, "List": [0]}


def test_a_filter_can_speak_of_the_arguments() -> None:
    """JMESPath's own can't see outside of an item."""
    assert Expression("where(args.tags, 'k', args.wanted)").of({"args": {**CONTEXT["args"], "wanted": "b"}}) == [
        {"k": "b"}
    ]
    assert Expression("where(args.none, 'k', 'b')").of(CONTEXT) == []


@pytest.mark.parametrize(
    ("text", "true"),
    [("args.id", True), ("state.On", False), ("state.Rules", False), ("args.none", False), ("`0`", True)],
)
def test_truth_is_jmespaths(text: str, true: bool) -> None:
    assert Expression(text).true(CONTEXT) is true


def test_texts_show_values_and_nothing_as_nothing() -> None:
    assert told("{args.id}: {state.On}, {args.tags[].k}{args.none}.", CONTEXT) == 'snap-1: false, ["a", "b"].'


def test_a_value_is_never_read_as_an_expression() -> None:
    """A name that looks like one is a name."""
    assert told("{args.id}", {"args": {"id": "{secret}", "secret": "x"}}) == "{secret}"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1, "b": None, "c": [], "d": {}}, {"a": 1}),
        ([{"k": "b"}, {"k": "a"}], [{"k": "a"}, {"k": "b"}]),
        ({"b": 1, "a": {"x": [2, 1]}}, {"a": {"x": [1, 2]}, "b": 1}),
        (datetime(2026, 1, 1, 12, tzinfo=UTC), datetime(2026, 1, 1, 13, tzinfo=timezone(timedelta(hours=1)))),
    ],
)
def test_states_that_mean_the_same_are_equal(one: Any, other: Any) -> None:
    """AWS leaves out what is empty or gives it as null, as it likes, and its sets have no order."""
    assert canonical(one) == canonical(other)


@pytest.mark.parametrize(("one", "other"), [({"a": False}, {}), ({"a": 0}, {}), ([1, 1], [1]), ("", None)])
def test_states_that_differ_are_not(one: Any, other: Any) -> None:
    assert canonical(one) != canonical(other)
