"""Sigma's correlations over a handful of events: windows slide, groups are apart, what is missing counts for none."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from crenel.detect.alerts import once
from crenel.detect.correlate import blind, correlate
from crenel.detect.engine import Engine, Reach
from crenel.detections.model import RULE, Correlation, Detection, Kind
from crenel.lake.engine import connect
from crenel.language.plan import And, Compare, Literal, Not, Op, Or
from crenel.language.records import Said, Stands
from crenel.model import Level
from crenel.positions import load_text

HERE = load_text("{}", "here")
IP, USER, NAME = (Said(Stands((key,)), "none") for key in ("sourceIPAddress", "userAgent", "eventName"))
RULES = [
    Detection(name, name, "sigma", Level.LOW, Compare("eq", NAME, Literal(name)), HERE, silent=True)
    for name in ("A", "B", "C")
]  # fmt: skip


def event(name: str, second: int, ip: str | None = "1.1.1.1", agent: str = "x") -> dict[str, Any]:
    found = {
        "eventVersion": "1.08",
        "eventTime": f"2026-06-01T10:{second // 60:02}:{second % 60:02}Z",
        "eventName": name,
        "eventID": f"{name}{second}{agent}",
        "userAgent": agent,
    }
    return found | ({"sourceIPAddress": ip} if ip else {})


def correlation(kind: Kind, *rules: str, op: Op = "ge", count: float = 3, span: int = 60, **more: Any) -> Correlation:
    by = {"ip": dict.fromkeys(rules, IP)}
    return Correlation(kind, f"a {kind}", Level.HIGH, kind, rules, by, span, op, count, HERE, **more)


def fired(
    tmp_path: Path, events: Sequence[Mapping[str, Any]], *correlations: Correlation
) -> list[tuple[str, tuple[str, ...]]]:
    """Return of each alert the time of its last event and the ids of all."""
    with looked(tmp_path, events) as engine:
        return [(alert.time[14:19], alert.events) for alert in correlate(engine, correlations, {0: "a file"})]


@contextmanager
def looked(tmp_path: Path, events: Sequence[Mapping[str, Any]]) -> Iterator[Engine]:
    """Yield an engine that has looked through events."""
    path = tmp_path / "lines.ndjson"
    path.write_text("".join(json.dumps({"f": 0, "r": each}) + "\n" for each in events))
    with connect() as connection:
        engine = Engine(connection, RULES, Reach())
        assert engine.look(path) == 0
        engine.keep()
        engine.judge()
        once(engine)
        yield engine


def test_many_in_a_window_that_slides(tmp_path: Path) -> None:
    """Three within a minute count wherever the minute begins; two bursts are two alerts."""
    burst = [event("A", second) for second in (50, 65, 100)]
    later = [event("A", second) for second in (600, 610, 620, 630)]
    found = fired(tmp_path, [*burst, event("A", 300), *later], correlation("event_count", "A"))

    assert found == [("01:40", ("A50x", "A65x", "A100x")), ("10:30", ("A600x", "A610x", "A620x", "A630x"))]


def test_a_range_has_two_bounds(tmp_path: Path) -> None:
    """More than one and no more than two: the third ends it."""
    few = correlation("event_count", "A", op="gt", count=1, bounds=(("le", 2),))

    assert [time for time, _ in fired(tmp_path, [event("A", second) for second in (0, 1, 2)], few)] == ["00:01"]


def test_too_slow_or_of_other_groups_is_no_burst(tmp_path: Path) -> None:
    slow = [event("A", second) for second in (0, 61, 122)]
    others = [event("A", 200 + number, ip=f"2.2.2.{number}") for number in range(3)]
    without = [event("A", 300 + number, ip=None) for number in range(5)]

    assert fired(tmp_path, [*slow, *others, *without], correlation("event_count", "A")) == []


def test_the_span_belongs_to_the_window(tmp_path: Path) -> None:
    assert fired(tmp_path, [event("A", second) for second in (0, 30, 60)], correlation("event_count", "A"))


def test_different_values_are_counted(tmp_path: Path) -> None:
    counted = correlation("value_count", "A", counted={"A": USER})
    same = [event("A", second, agent="same") for second in range(5)]
    different = [event("A", 100 + number, agent=f"agent{number}") for number in range(3)]

    assert [time for time, _ in fired(tmp_path, [*same, *different], counted)] == ["01:42"]


@pytest.mark.parametrize(("kind", "amount"), [("value_sum", 12), ("value_avg", 4), ("value_percentile", 4)])
def test_values_are_summed(tmp_path: Path, kind: Kind, amount: float) -> None:
    events = [event("A", number, agent=str(3 + number)) for number in range(3)]
    given: dict[str, Any] = {"percentile": 50, "counted": {"A": USER}}

    assert len(fired(tmp_path, events, correlation(kind, "A", count=amount, **given))) == 1
    assert fired(tmp_path, events, correlation(kind, "A", op="gt", count=amount, **given)) == []


def test_all_rules_in_any_order(tmp_path: Path) -> None:
    rules = correlation("temporal", "A", "B", "C", count=3)

    assert fired(tmp_path, [event("C", 0), event("A", 20), event("B", 40)], rules) == [
        ("00:40", ("C0x", "A20x", "B40x"))
    ]
    assert fired(tmp_path, [event("C", 0), event("A", 20), event("B", 100)], rules) == []
    assert fired(tmp_path, [event("A", 0), event("A", 20), event("B", 40)], rules) == []


def test_some_rules_and_not_others(tmp_path: Path) -> None:
    """A without B in the span before it; B behind it comes too late to say anything."""
    a, b, c = (Compare("eq", RULE, Literal(name)) for name in "ABC")
    rules = correlation("temporal", "A", "B", "C", wanted=And((Or((a, c)), Not(b))))

    assert fired(tmp_path, [event("A", 0), event("B", 10)], rules) == [("00:00", ("A0x",))]
    assert fired(tmp_path, [event("C", 0)], rules) == [("00:00", ("C0x",))]
    assert fired(tmp_path, [event("B", 0), event("A", 10)], rules) == []
    assert [time for time, _ in fired(tmp_path, [event("B", 0), event("A", 61)], rules)] == ["01:01"]


def test_all_rules_in_their_order(tmp_path: Path) -> None:
    """An earlier start that is too old does not hide a later one that is not."""
    rules = correlation("temporal_ordered", "A", "B", "C")

    assert fired(tmp_path, [event("A", 0), event("B", 20), event("C", 40)], rules) == [
        ("00:40", ("A0x", "B20x", "C40x"))
    ]
    assert fired(tmp_path, [event("B", 0), event("A", 20), event("C", 40)], rules) == []
    again = [event("A", 0), event("A", 50), event("B", 70), event("C", 90)]
    assert [time for time, _ in fired(tmp_path, again, rules)] == ["01:30"]


def test_at_one_moment_there_is_no_order(tmp_path: Path) -> None:
    assert fired(tmp_path, [event("A", 10), event("B", 10)], correlation("temporal_ordered", "A", "B")) == []


def test_a_correlation_may_build_on_another(tmp_path: Path) -> None:
    burst = correlation("event_count", "A", silent=True)
    by = {"ip": {"event_count": IP, "B": IP}}
    then = Correlation("both", "both", Level.HIGH, "temporal_ordered", ("event_count", "B"), by, 300, "ge", 2, HERE)
    events = [event("A", 0), event("A", 1), event("A", 2), event("B", 100)]

    assert fired(tmp_path, events, burst, then) == [("01:40", ("A0x", "A1x", "A2x", "B100x"))]
    assert fired(tmp_path, events[1:], burst, then) == []


def first_seen(span: int = 60) -> Correlation:
    return correlation("first_seen", "A", span=span, counted={"A": USER}, field_name="userAgent")


def test_a_value_that_the_group_had_not_before_is_told_once(tmp_path: Path) -> None:
    """Where the group's events go back for the whole span, its end included."""
    events = [event("A", 0), event("A", 59, agent="early"), event("A", 60, agent="new"), event("A", 61, agent="new")]

    assert fired(tmp_path, events, first_seen()) == [("01:00", ("A60new",))]


def test_a_value_that_was_away_for_longer_than_the_span_is_new_again(tmp_path: Path) -> None:
    events = [event("A", second) for second in (0, 60, 121)]

    assert [time for time, _ in fired(tmp_path, events, first_seen())] == ["02:01"]


def test_each_new_value_is_an_alert_and_names_it(tmp_path: Path) -> None:
    """Two in a row are two; another group's past and values say nothing."""
    others = [event("A", 1, ip="2.2.2.2", agent="y"), event("A", 70, ip="2.2.2.2", agent="x")]
    events = [event("A", 0), event("A", 61, agent="y"), event("A", 62, agent="z"), *others]

    assert [time for time, _ in fired(tmp_path, events, first_seen())] == ["01:01", "01:02", "01:10"]
    with looked(tmp_path, events[:2]) as engine:
        [alert] = correlate(engine, [first_seen()], {0: "a file"})
    assert alert.output == "a first_seen: userAgent y, not seen in the 1 m before for ip 1.1.1.1"
    assert alert.output_fields == {"ip": "1.1.1.1", "userAgent": "y"}


def test_groups_whose_past_is_too_short_are_counted(tmp_path: Path) -> None:
    """What is new to them nobody can know, and that is said."""
    short = [event("A", 1, ip="2.2.2.2"), event("A", 60, ip="2.2.2.2", agent="new")]
    events = [event("A", 0), event("A", 60), *short]
    with looked(tmp_path, events) as engine:
        assert list(correlate(engine, [first_seen()], {0: "a file"})) == []
        [found] = blind(engine, [first_seen(), correlation("event_count", "A")])
        assert blind(engine, [first_seen(span=59)]) == []

    assert found.told == (
        "a first_seen: the events that it looks at go back less than 1 m for 1 of 2 (ip), "
        "so what is new there is not known"
    )
