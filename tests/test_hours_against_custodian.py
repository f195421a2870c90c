"""offhour and onhour against Cloud Custodian's own: random schedules, in tags and in filters, at random hours."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crenel.catalog.load import catalog
from crenel.judge.documents import Documents
from crenel.lake.engine import connect
from crenel.policies.context import Mistakes
from crenel.policies.general.hours import offhour, onhour
from tests.oracle import needs_custodian, oracle
from tests.test_against_custodian import located

pytestmark = needs_custodian

ZONES = ("et", "pt", "utc", "gmt", "bst", "it", "Europe/Berlin", "us/eastern", "asia/kolkata", "nowhere")
day = st.sampled_from("mtwhfsu")
days = day | st.builds("{}-{}".format, day, day) | st.sampled_from(["m-f", "s-u", "f-m", "x", "mon-fri", ""])
hour = st.integers(0, 24).map(str) | st.sampled_from(["07", "7", "", "-1", "x"])
item = st.builds("({},{})".format, days, hour)
items = item | st.lists(item, min_size=1, max_size=3).map(lambda all_: f"[{','.join(all_)}]") | st.just("m-f,7")
part = st.one_of(
    st.builds("{}={}".format, st.sampled_from(["on", "off"]), items),
    st.builds("tz={}".format, st.sampled_from(ZONES)),
    st.sampled_from(["", "x", "off", "on", "off=", "team=red", "a=b=c", "off=(m-f,19)=x"]),
)
schedule = st.builds(
    lambda parts, between, end: between.join(parts) + end,
    st.lists(part, max_size=4),
    st.sampled_from([";", ";", ";;", " ", "; "]),
    st.sampled_from(["", "", ";", " "]),
)
escaped = schedule.map(lambda text: text.replace("(", "u28").replace(")", "u29").replace(";", "u3b"))
quoted = st.builds("{0}{1}{0}".format, st.sampled_from(["'", '"', ""]), schedule)
texts = schedule | escaped | quoted | schedule.map(str.upper) | st.sampled_from(["off", "OFF", "'off'", "on", ""])
times = st.builds(
    lambda day, hour: datetime(2026, 11, day, hour, 30, tzinfo=UTC), st.integers(16, 22), st.integers(0, 23)
)


@st.composite
def filters(draw: st.DrawFn) -> dict[str, Any]:
    """An offhour or onhour filter of any form."""
    word = draw(st.sampled_from(["off", "on"]))
    found: dict[str, Any] = {
        "type": f"{word}hour",
        f"{word}hour": draw(st.integers(0, 23)),
        "default_tz": draw(st.sampled_from(["et", "utc", "pt", "asia/tokyo"])),
    }
    for name, options in {
        "tag": st.sampled_from(["schedule", "Schedule"]),
        "weekends": st.booleans(),
        "weekends-only": st.booleans(),
        "opt-out": st.booleans(),
        "fallback-schedule": texts,
        "skip-days": st.lists(st.sampled_from(["2026-11-17", "2026-11-18", "2026-11-19"]), max_size=2),
    }.items():
        if draw(st.integers(0, 3)) == 0:
            found[name] = draw(options)
    return found


tags = st.builds(lambda key, value: {"Key": key, "Value": value}, st.sampled_from(["maid_offhours", "SCHEDULE"]), texts)
documents = st.fixed_dictionaries({"Tags": st.lists(tags, max_size=2)})


@pytest.fixture(scope="module")
def engine() -> duckdb.DuckDBPyConnection:
    return connect()


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(filter_=filters(), docs=st.lists(documents, min_size=1, max_size=4), now=times)
def test_hours(
    engine: duckdb.DuckDBPyConnection, filter_: dict[str, Any], docs: list[dict[str, Any]], now: datetime
) -> None:
    """A resource's hour has come for us where it has for Custodian."""
    theirs = oracle().ask(kind="hours", filter=filter_, docs=docs, now=now.isoformat())
    table = Documents(
        connect(), [{**doc, "Tags": [*doc["Tags"], {"Key": "x", "Value": "y"}]} for doc in docs], catalog()
    )
    filter_in_place = {"offhour": offhour, "onhour": onhour}[filter_["type"]]
    ours = table.holds(filter_in_place(replace(table.context(Mistakes()), now=now), located(filter_)), now)
    assert ours == theirs
