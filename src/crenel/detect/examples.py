"""Examples of detections: events that a rule has to find and near misses that it must not, run by the engine itself.

An example stands under a rule's `examples`, or in a file beside (`NAME.tests.yaml`, a list) with the rule's name or id
as `about`: `fires: NOTE` or `silent: NOTE`, and `event`, or for a correlation `events` (each with `event`, and `times`,
`every` so many seconds, `number`: a path whose text is numbered from event to event). What an event does not say is
that of an ordinary call. Instead of `event` there may be `change`: paths of the last event above that are otherwise,
null for those that are not there; a list of such changes is an example each.
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
from crenel.detections.changes import Rule
from crenel.detections.model import Correlation, Detection, Rules
from crenel.errors import PolicyError, did_you_mean
from crenel.lake.engine import connect
from crenel.positions import Located, load_file

_KINDS = ("fires", "silent")
_EVENTS = ("event", "events", "change")
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

    rule: Rule
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


def gather(rules: Rules, files: Sequence[tuple[Path, Path]] = ()) -> list[Example | PolicyError]:
    """Return the examples of all rules, in the rules' order, or why one can't be read.

    `files`: files of examples, each after the file of rules that it stands beside.
    """
    every: tuple[Rule, ...] = (*rules.detections, *rules.correlations)
    found: list[Example | PolicyError] = []
    aside: dict[int, list[Example]] = {}
    for file, beside in files:
        own = [rule for rule in every if rule.body.where.file == str(file)]
        try:
            listed = list(_listed(load_file(beside), own or every, every))
        except PolicyError as error:
            listed = [error]
        for each in listed:
            if isinstance(each, PolicyError):
                found.append(each)
            else:
                aside.setdefault(id(each.rule), []).append(each)
    for rule in every:
        examples = rule.body.child("examples")
        found += _listed(examples, [rule]) if examples else []
        found += aside.get(id(rule), [])
    return found


def _listed(examples: Located, rules: Sequence[Rule], others: Sequence[Rule] = ()) -> Iterator[Example | PolicyError]:
    """Yield a list's examples, each of one of the rules, or (in a file of its own) of others; from the first that can't
    be read on, only why.
    """
    above: Located | None = None
    try:
        for item in examples.sequence("examples"):
            keys = item.only("an example", (*(("about",) if others else ()), *_KINDS, *_EVENTS))
            rule = _about(item, rules, others)
            above = keys.get("event", above)
            yield from _examples(rule, item, keys, above)
    except PolicyError as error:
        yield error


def _about(item: Located, rules: Sequence[Rule], others: Sequence[Rule]) -> Rule:
    """Return the rule that an example is about. Raises `PolicyError`."""
    at = item.child("about")
    if at is None:
        if len(rules) == 1:
            return rules[0]
        raise item.error("this needs `about`: the name or id of a rule.", code="missing-key")
    word = at.text("about")
    found = [rule for rule in rules if word in (rule.id, rule.name)]
    found = found or [rule for rule in others if word in (rule.id, rule.name)]
    if len(found) == 1:
        return found[0]
    names = [rule.name for rule in rules]
    if found:
        raise at.error(f'several rules have the name "{word}".', "Give an id.", "unknown-rule")
    hint = did_you_mean(word, names) or f"There are {', '.join(names)}."
    raise at.error(f'no rule has the name "{word}".', hint, "unknown-rule")


def _examples(rule: Rule, item: Located, keys: Mapping[str, Located], above: Located | None) -> Iterator[Example]:
    """Yield what is written as one example. Raises `PolicyError`."""
    kinds = [kind for kind in _KINDS if kind in keys]
    if len(kinds) != 1:
        raise item.error("an example has `fires` or `silent`, with a note.", code="missing-key")
    given = [key for key in _EVENTS if key in keys]
    if len(given) != 1:
        raise item.error("an example has `event`, `change` or, for a correlation, `events`.", code="missing-key")
    note, fires = keys[kinds[0]].text("the note"), kinds[0] == "fires"
    if isinstance(rule, Detection) == ("events" in keys):
        wanted = "`event`" if isinstance(rule, Detection) else "`events`"
        raise keys[given[0]].error(f"an example of this rule has {wanted}.", code="wrong-type")
    if "events" in keys:
        yield Example(rule, note, fires, tuple(_several(keys["events"].sequence("events"))), item)
    elif "event" in keys:
        yield Example(rule, note, fires, (_event(keys["event"], 0, 0),), item)
    else:
        changes = keys["change"]
        for each in changes.value if isinstance(changes.value, list) else [changes]:
            if above is None:
                raise each.error("there is no event above that this could change.")
            yield Example(rule, note, fires, (_changed(_event(above, 0, 0), each),), each)


def _changed(event: dict[str, Any], change: Located) -> dict[str, Any]:
    """Return an event with other values at some paths."""
    for path, item in change.mapping("a change").items():
        *steps, last = path.split(".")
        here = event
        for step in steps:
            inner = here.get(step)
            here[step] = dict(inner) if isinstance(inner, dict) else {}
            here = here[step]
        if item.value is None:
            here.pop(last, None)
        else:
            here[last] = item.plain()
    return event


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


def run(rules: Rules, examples: Sequence[Example | PolicyError]) -> list[Result | PolicyError]:
    """Return what came of examples, in their order. Those of single events are run at once, by all of their rules."""
    simple = [each for each in examples if isinstance(each, Example) and isinstance(each.rule, Detection)]
    fired = iter(seen([each.events[0] for each in simple], rules.detections))
    places = {id(detection): place for place, detection in enumerate(rules.detections)}
    found: list[Result | PolicyError] = []
    for each in examples:
        if isinstance(each, PolicyError):
            found.append(each)
        elif isinstance(each.rule, Correlation):
            found.append(Result(each, correlated(rules, [replace(each.rule, silent=False)], each.events)[0]))
        else:
            found.append(Result(each, places[id(each.rule)] in next(fired)))
    return found


def seen(events: Sequence[Mapping[str, Any]], detections: Sequence[Detection]) -> list[frozenset[int]]:
    """Return of each event the places of the detections that it matches."""
    with _looked(list(enumerate(events)), detections) as engine:
        rows = dict(engine.connection.execute("SELECT f, hits FROM matched").fetchall())
    return [frozenset(rows.get(number, ())) for number in range(len(events))]


def correlated(rules: Rules, ways: Sequence[Correlation], events: Sequence[Mapping[str, Any]]) -> list[bool]:
    """Return of a correlation, in several ways to write it, whether it fires at events, whatever else does."""
    needed = {each.id for each in ways} | {rule for each in ways for rule in each.rules}
    for each in reversed(rules.correlations):  # what a correlation builds on stands before it
        if each.id in needed:
            needed |= {*each.rules}
    detections = [each for each in rules.detections if each.id in needed]
    fires = []
    with _looked([(0, event) for event in events], detections) as engine:
        once(engine)
        for way in ways:
            own = [way if each.id == way.id else replace(each, silent=True) for each in rules.correlations]
            own = [each for each in own if each.id in needed]
            fires.append(any(True for _ in correlate(engine, own, {0: "the example"})))
    return fires


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
