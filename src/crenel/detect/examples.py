"""Examples of detections: events that a rule has to find and near misses that it must not, run by the engine itself.

An example stands under a rule's `examples`: `fires: NOTE` or `silent: NOTE`, and `event`, or for a correlation `events`
(each with `event`, and `times`, `every` so many seconds, `number`: a path whose text is numbered from event to event).
What an event does not say is that of an ordinary call.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from crenel.detect.alerts import once
from crenel.detect.correlate import correlate
from crenel.detect.engine import Engine, Reach
from crenel.detections.model import Correlation, Detection, Rules
from crenel.errors import PolicyError
from crenel.lake.engine import connect
from crenel.positions import Located

_KINDS = ("fires", "silent")
_BEGIN = datetime(2026, 6, 1, 10, tzinfo=UTC)
_ACCOUNT = "111122223333"
_ORDINARY: Mapping[str, Any] = {
    "eventVersion": "1.11",
    "userIdentity": {
        "type": "IAMUser",
        "principalId": "AIDAEXAMPLE",
        "arn": f"arn:aws:iam::{_ACCOUNT}:user/alice",
        "accountId": _ACCOUNT,
        "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
        "userName": "alice",
    },
    "awsRegion": "us-east-1",
    "sourceIPAddress": "203.0.113.17",
    "userAgent": "aws-cli/2.17.0",
    "requestParameters": None,
    "responseElements": None,
    "eventType": "AwsApiCall",
    "managementEvent": True,
    "recipientAccountId": _ACCOUNT,
    "eventCategory": "Management",
}


@dataclass(frozen=True, slots=True)
class Example:
    """Events, and whether a rule fires at them."""

    rule: Detection | Correlation
    note: str
    fires: bool
    events: tuple[Mapping[str, Any], ...]
    body: Located


@dataclass(frozen=True, slots=True)
class Result:
    """An example, and whether its rule fired."""

    example: Example
    fired: bool

    @property
    def passed(self) -> bool:
        """Whether it came as the example says."""
        return self.fired == self.example.fires


def examples_of(rule: Detection | Correlation) -> Iterator[Example]:
    """Yield a rule's examples. Raises `PolicyError` for one that can't be read."""
    listed = rule.body.child("examples")
    for item in listed.sequence("examples") if listed else []:
        keys = item.only("an example", (*_KINDS, "event", "events"))
        kinds = [kind for kind in _KINDS if kind in keys]
        if len(kinds) != 1:
            raise item.error("an example has `fires` or `silent`, with a note.", code="missing-key")
        given = [key for key in ("event", "events") if key in keys]
        if len(given) != 1:
            raise item.error("an example has `event`, or `events` for several.", code="missing-key")
        several = keys["events"].sequence("events") if "events" in keys else None
        events = tuple(_several(several) if several is not None else [_event(keys["event"], 0, 0)])
        yield Example(rule, keys[kinds[0]].text("the note"), kinds[0] == "fires", events, item)


def _several(items: Sequence[Located]) -> Iterator[Mapping[str, Any]]:
    second = number = 0
    for item in items:
        keys = item.only("an event of an example", ("event", "times", "every", "number"))
        if "event" not in keys:
            raise item.error("this needs `event`.", code="missing-key")
        for _ in range(_whole(keys.get("times"), 1)):
            event = _event(keys["event"], number, second)
            if "number" in keys:
                _numbered(event, keys["number"], number)
            yield event
            second += _whole(keys.get("every"), 1)
            number += 1


def _whole(item: Located | None, otherwise: int) -> int:
    if item is None:
        return otherwise
    if isinstance(item.value, bool) or not isinstance(item.value, int) or item.value < 0:
        raise item.error("a whole number is expected here.", code="wrong-type")
    return item.value


def _event(item: Located, number: int, second: int) -> dict[str, Any]:
    item.mapping("an event")
    time = (_BEGIN + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {**deepcopy(dict(_ORDINARY)), "eventTime": time, "eventID": f"event-{number}", **item.plain()}


def _numbered(event: dict[str, Any], path: Located, number: int) -> None:
    *steps, last = path.text("number").split(".")
    here: Any = event
    for step in steps:
        here = here.get(step) if isinstance(here, dict) else None
    if not isinstance(here, dict) or not isinstance(here.get(last), str):
        raise path.error("this path leads to no text of the event.")
    here[last] += f"-{number}"


# --- running


def run(rules: Rules) -> Iterator[Result | PolicyError]:
    """Yield what came of the examples of all rules, or why they can't be read, in the rules' order.

    All examples of single events are run at once, by all rules of which any has some.
    """
    examples: list[Example | PolicyError] = []
    every: tuple[Detection | Correlation, ...] = (*rules.detections, *rules.correlations)
    for rule in every:
        try:
            examples += examples_of(rule)
        except PolicyError as error:
            examples.append(error)
    simple = [each for each in examples if isinstance(each, Example) and isinstance(each.rule, Detection)]
    fired = _single(rules.detections, simple)
    for each in examples:
        if isinstance(each, PolicyError):
            yield each
        elif isinstance(each.rule, Detection):
            yield Result(each, fired.pop(0))
        else:
            yield Result(each, _correlated(rules, each.rule, each))


def _single(detections: Sequence[Detection], examples: Sequence[Example]) -> list[bool]:
    """Return of each example whether its rule fires."""
    places = {id(detection): place for place, detection in enumerate(detections)}
    with _looked([(number, each.events[0]) for number, each in enumerate(examples)], detections) as engine:
        rows = engine.connection.execute("SELECT f, hits FROM matched").fetchall()
    found = {(f, hit) for f, hits in rows for hit in hits}
    return [(number, places[id(each.rule)]) in found for number, each in enumerate(examples)]


def _correlated(rules: Rules, correlation: Correlation, example: Example) -> bool:
    """Return whether a correlation fires at its example, whatever else does."""
    own = [each if each is correlation else replace(each, silent=True) for each in rules.correlations]
    with _looked([(0, event) for event in example.events], rules.detections) as engine:
        once(engine)
        return any(True for _ in correlate(engine, own, {0: "the example"}))


@contextmanager
def _looked(events: Sequence[tuple[int, Mapping[str, Any]]], detections: Sequence[Detection]) -> Iterator[Engine]:
    """Yield an engine that has looked through events, numbered as files are."""
    with tempfile.TemporaryDirectory(prefix="crenel-examples-") as name, connect() as connection:
        path = Path(name) / "lines.ndjson"
        with path.open("w", encoding="utf-8") as out:
            out.writelines(json.dumps({"f": number, "r": event}, default=str) + "\n" for number, event in events)
        engine = Engine(connection, detections, Reach())
        engine.look(path)
        engine.keep()
        engine.judge()
        yield engine
