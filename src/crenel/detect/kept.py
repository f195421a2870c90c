"""Correlations over what comes bit by bit: hits are kept for as long as a window may need them, and what was told of a
window is known again when it grows.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from crenel.catalog.events import RECORD
from crenel.detect.alerts import fetched
from crenel.detect.engine import Engine
from crenel.detect.remembered import Hit, Remembered
from crenel.detections.model import Correlation
from crenel.lake.engine import insert
from crenel.model import Alert

_BATCH = 2_000  # hits that go back to the engine together


def spans(correlations: Sequence[Correlation]) -> dict[str, int]:
    """Return for each rule that a correlation builds on how many seconds its hits are of use."""
    found: dict[str, int] = {}
    for correlation in reversed(correlations):  # a correlation stands behind those that it builds on
        # What is new is told where a group's events go back for the span: those before it are needed as well.
        own = correlation.span * (2 if correlation.kind == "first_seen" else 1) + found.get(correlation.id, 0)
        for rule in correlation.rules:
            found[rule] = max(found.get(rule, 0), own)
    return found


def own_id(event_id: str, text: str, times: Counter[str]) -> str:
    """Return what tells an event from others: its id, or where it has none its text and how often that came before."""
    if event_id:
        return event_id
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    times[digest] += 1
    return f"{digest} {times[digest]}"


def keep(engine: Engine, rules: Iterable[str], files: dict[int, str], remembered: Remembered, now: float) -> int:
    """Keep the engine's hits of some rules; return how many were not kept before."""
    wanted = set(rules)
    places = {place: each.id for place, each in enumerate(engine.detections) if each.id in wanted}
    return remembered.keep(_hits(engine, places, files), now) if places else 0


def _hits(engine: Engine, places: dict[int, str], files: dict[int, str]) -> Iterator[Hit]:
    member = f"json_extract_string({RECORD}, '$.%s')"
    time = f"epoch(TRY_CAST({member % 'eventTime'} AS TIMESTAMP))"
    query = (
        f"SELECT f, h, {member % 'eventID'}, t, {RECORD}::VARCHAR FROM (SELECT *, rowid AS n, {time} AS t FROM hit) "
        f"WHERE h IN ({', '.join(map(str, places))}) AND t IS NOT NULL ORDER BY n"
    )
    times: Counter[str] = Counter()
    for number, place, event, t, record in fetched(engine, query):
        rule, file = places[place], files[number]
        yield Hit(rule, own_id(event or "", f"{rule} {file} {record}", times), t, file, record)


def recall(engine: Engine, remembered: Remembered) -> dict[int, str]:
    """Make what was kept the engine's hits, in place of those that it has; return the files' names by number."""
    places = {each.id: place for place, each in enumerate(engine.detections)}
    engine.connection.execute(f"CREATE OR REPLACE TABLE hit (f INTEGER, h INTEGER, {RECORD} JSON)")
    numbers: dict[str, int] = {}
    rows: list[tuple[int, int, str]] = []
    for hit in remembered.kept():
        if hit.rule in places:
            rows.append((numbers.setdefault(hit.file, len(numbers)), places[hit.rule], hit.record))
        if len(rows) >= _BATCH:
            insert(engine.connection, "hit", list(zip(*rows, strict=True)))
            rows = []
    insert(engine.connection, "hit", list(zip(*rows, strict=True)))
    return {number: file for file, number in numbers.items()}


def post_new(alerts: Iterable[Alert], remembered: Remembered, now: float) -> None:
    """Have the alerts of correlations delivered that were not told before.

    What was told is known by the last event it had: it is the first window from then on that has this event. So one
    that grows is told once, and two that share events are told apart, as they are where all is looked at together.
    """
    groups: dict[tuple[str, str], list[Alert]] = {}
    for alert in alerts:
        keys = json.dumps(dict(alert.output_fields), sort_keys=True)
        groups.setdefault((alert.rule_id, keys), []).append(alert)
    for (rule, keys), found in groups.items():
        found.sort(key=lambda alert: alert.time)
        told: dict[int, list[tuple[str, str]]] = {}
        for time, event in remembered.runs(rule, keys):
            for place, alert in enumerate(found):
                if alert.time == time or (alert.time > time and event in alert.events):
                    told.setdefault(place, []).append((time, event))
                    break
        for place, alert in enumerate(found):
            if place not in told:
                remembered.post(alert)
            remembered.set_run(rule, keys, (alert.time, alert.event_id), told.get(place, ()), now)
