"""The engine's first look leaves nothing out that a rule wants; what is not as AWS writes it is seen."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from crenel.catalog.columns import JSON
from crenel.detect.engine import Engine, Reach, unanchored
from crenel.detections.model import Detection
from crenel.lake.engine import connect
from crenel.language.plan import And, Compare, CountItems, Field, In, Literal, Not, Or, Predicate, Value
from crenel.language.records import Fits, Folded, Reached, Said, Stands
from crenel.model import Level
from crenel.positions import load_text
from tests.detections.events import held

HERE = load_text("{}", "here")
WHOLE = {"eventVersion": "1.08", "eventTime": "2026-06-01T10:00:00Z", "eventName": "X", "eventID": "1"}


def detection(condition: Predicate) -> Detection:
    return Detection("a", "a", "sigma", Level.LOW, condition, HERE)


def matched(
    tmp_path: Path, conditions: Sequence[Predicate], records: Sequence[object], reach: Reach | None = None
) -> tuple[int, list[list[int]]]:
    """Return how many records are irregular, and for each the conditions that hold, by way of the engine."""
    path = tmp_path / "lines.ndjson"
    path.write_text("".join(json.dumps({"f": number, "r": each}) + "\n" for number, each in enumerate(records)))
    with connect() as connection:
        engine = Engine(connection, [detection(each) for each in conditions], reach or Reach())
        irregular = engine.look(path)
        engine.keep()
        engine.judge()
        found = dict(connection.execute("SELECT f, hits FROM matched").fetchall())
    return irregular, [found.get(number, []) for number in range(len(records))]


# --- nothing is left out

WORDS = ("Root", "root", "CreateUser", "createuser", "iam.amazonaws.com", "", "x y", 'q"', "é", "null", "5")
texts = st.sampled_from(WORDS)
odd = st.one_of(texts, st.none(), st.booleans(), st.integers(0, 9), st.just(["Root", 5]), st.just({"type": "Root"}))
PLACES = (
    ("eventName",),
    ("eventSource",),
    ("userAgent",),
    ("userIdentity", "type"),
    ("userIdentity", "arn"),
    ("requestParameters", "a", "b"),
)
records = st.fixed_dictionaries(
    {},
    optional={
        "eventName": odd,
        "eventSource": odd,
        "userAgent": odd,
        "eventTime": odd,
        "userIdentity": st.one_of(odd, st.fixed_dictionaries({}, optional={"type": odd, "arn": odd})),
        "requestParameters": st.one_of(odd, st.fixed_dictionaries({"a": st.one_of(odd, st.lists(odd, max_size=2))})),
    },
)


@st.composite
def leaves(draw: st.DrawFn) -> Predicate:
    path, text = draw(st.sampled_from(PLACES)), draw(texts)
    said = Said(Stands(path), draw(st.sampled_from(("empty", "json", "none"))))
    values: list[Value] = [said, Folded(said)]
    value = draw(st.sampled_from(values))
    among = Folded(Said(Field((), JSON, 1), "json"))
    forms: list[Predicate] = [
        Compare("eq", value, Literal(text)),
        Compare("eq", value, Literal(text.lower())),
        Compare("ne", value, Literal(text)),
        In(value, (text, "createuser")),
        Fits("contains", value, Literal(text)),
        Fits("ends", value, Literal(text)),
        CountItems(Reached(path), 1, Compare("eq", among, Literal(text.lower()))),
        CountItems(Reached(path), 1, Fits("starts", among, Literal(text.lower()))),
    ]
    return draw(st.sampled_from(forms))


conditions = st.recursive(
    leaves(),
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(lambda parts: And(tuple(parts)), st.lists(inner, min_size=2, max_size=3)),
        st.builds(lambda parts: Or(tuple(parts)), st.lists(inner, min_size=2, max_size=3)),
    ),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(given=st.data())
def test_the_first_look_leaves_nothing_out(tmp_path_factory, given: st.DataObject) -> None:
    """Whatever the conditions and however odd the records, the engine finds what asking each record whole finds."""
    some = given.draw(st.lists(conditions, min_size=1, max_size=4))
    rows = given.draw(st.lists(records, min_size=1, max_size=6))

    assert matched(tmp_path_factory.mktemp("lines"), some, rows)[1] == held(some, rows)


def test_rules_that_no_cheap_column_anchors() -> None:
    named = Compare("eq", Said(Stands(("eventName",)), "json"), Literal("X"))
    typed = CountItems(
        Reached(("userIdentity", "type")), 1, Compare("eq", Said(Field((), JSON, 1), "json"), Literal("Root"))
    )
    free = Fits("contains", Said(Stands(()), "json"), Literal("secret"))

    found = unanchored([detection(each) for each in (named, typed, free, And((free, named)), Or((free, named)))])
    assert [each.condition for each in found] == [free, Or((free, named))]


# --- what is not as AWS writes it


def irregular(tmp_path: Path, record: object) -> int:
    return matched(tmp_path, [Fits("contains", Said(Stands(("eventName",)), "json"), Literal("zz"))], [record])[0]


def test_what_is_not_as_aws_writes_it_is_seen(tmp_path: Path) -> None:
    def but(**changes: Any) -> Mapping[str, Any]:
        return {**WHOLE, **changes}

    assert irregular(tmp_path, WHOLE) == 0
    assert irregular(tmp_path, {key: value for key, value in WHOLE.items() if key != "eventID"}) == 1
    wrong = [but(eventName=5), but(eventTime=None), but(eventVersion="2.0"), "a text", ["a list"], 7]
    assert [irregular(tmp_path, record) for record in wrong] == [1] * len(wrong)


def test_what_is_no_json_is_seen_and_the_rest_read(tmp_path: Path) -> None:
    path = tmp_path / "lines.ndjson"
    good = json.dumps({"f": 0, "r": WHOLE})
    path.write_text(f'{good}\n{{"f": 0, "r": {{"eventName": \n{good}\n')
    with connect() as connection:
        engine = Engine(
            connection, [detection(Compare("eq", Said(Stands(("eventName",)), "json"), Literal("X")))], Reach()
        )
        assert engine.look(path) == 1
        engine.keep()
        engine.judge()
        assert connection.execute("SELECT count(*) FROM matched").fetchone() == (2,)


def test_the_reach(tmp_path: Path) -> None:
    always = Compare("eq", Said(Stands(("eventName",)), "json"), Literal("X"))
    rows = [
        {**WHOLE, "recipientAccountId": "1", "awsRegion": "eu-west-1"},
        {**WHOLE, "recipientAccountId": "2", "awsRegion": "us-east-1", "eventTime": "2026-06-02T00:00:00Z"},
    ]
    begin = datetime(2026, 6, 1, 23, tzinfo=UTC)

    assert matched(tmp_path, [always], rows, Reach(since=begin))[1] == [[], [0]]
    assert matched(tmp_path, [always], rows, Reach(until=begin))[1] == [[0], []]
    assert matched(tmp_path, [always], rows, Reach(accounts=frozenset({"2"})))[1] == [[], [0]]
    assert matched(tmp_path, [always], rows, Reach(regions=frozenset({"eu-west-1"})))[1] == [[0], []]
