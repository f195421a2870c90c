"""What matched, as alerts in the order of time, each event and rule once however often the event was delivered."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from crenel.catalog.events import RECORD
from crenel.detect.chains import NOBODY, Callers, behind
from crenel.detect.engine import Engine
from crenel.detect.words import resource
from crenel.detections.model import Correlation, Detection, Shown
from crenel.lake.event_store import masked
from crenel.lake.events import event_columns
from crenel.language.detecting import ALIAS, columns_read, valued
from crenel.language.expressions import written
from crenel.language.plan import Value
from crenel.language.reading import Compiler
from crenel.model import Alert

SHOWN = (
    "eventTime", "eventID", "eventName", "eventSource", "recipientAccountId", "awsRegion", "sourceIPAddress",
    "userIdentity", "resources", "requestParameters", "errorCode",
)  # fmt: skip
_BATCH = 1_000
ABSENT = "<NA>"


def once(engine: Engine, *, first_match: bool = False) -> None:
    """Make the table `hit` (f, h, record): a row for each rule h that an event matched, secrets masked, and an event
    that was delivered again left out.

    `first_match`: of Falco's rules that match an event the first alone counts, as Falco itself has it by default.
    """
    falco = [str(place) for place, each in enumerate(engine.detections) if each.language == "falco"]
    hits = "hits"
    if first_match and falco:
        among = f"h IN ({', '.join(falco)})"
        first = f"list_min(list_filter(hits, lambda h: {among}))"
        hits = f"list_filter(hits, lambda h: NOT ({among}) OR h = {first})"
    # An event without an id can't be told from another: it stays.
    own = f"coalesce(json_extract_string({RECORD}, '$.eventID'), 'row ' || rowid)"
    first = f"SELECT min(rowid) FROM matched GROUP BY {own}"
    columns = f"f, unnest({hits}) AS h, {masked()} AS {RECORD}"
    engine.connection.execute(f"CREATE OR REPLACE TABLE hit AS SELECT {columns} FROM matched WHERE rowid IN ({first})")


def alerts(engine: Engine, files: Mapping[int, str], known: Callers = NOBODY) -> Iterator[Alert]:
    """Yield the alerts of single events among the hits, by time; `files` are the names of the files by number, `known`
    says who asked for temporary keys.
    """
    loud = [place for place, each in enumerate(engine.detections) if not each.silent]
    if not loud:
        return
    values = [_values(detection) for detection in engine.detections]
    read = columns_read(value for place in loud for value in values[place])
    columns = event_columns([*SHOWN, *sorted(read)], "chosen", beside=["f", "h"])
    query = (
        f"WITH chosen AS (SELECT f, h, {RECORD} FROM hit WHERE h IN ({', '.join(map(str, loud))})) "
        f"SELECT f, h, {_said(values, loud)} AS said, {shown_columns()} FROM ({columns}) AS {ALIAS} "
        "ORDER BY eventTime, eventID, h"
    )
    for number, place, said, *event in fetched(engine, query):
        detection = engine.detections[place]
        told = iter(said or ())
        parts = [part if isinstance(part, str) else _shown(next(told), part.width) for part in detection.output]
        alert = of_event(detection, event, files[number], known)
        yield replace(
            alert,
            output="".join(parts) if parts else alert.output,
            output_fields=dict(zip(detection.fields, told, strict=True)),
        )


def fetched(engine: Engine, query: str) -> Iterator[tuple[Any, ...]]:
    """Yield a query's rows, some at a time."""
    cursor = engine.connection.cursor().execute(query)
    while rows := cursor.fetchmany(_BATCH):
        yield from rows


def shown_columns() -> str:
    """Return the SQL of the columns that `of_event` takes."""
    return ", ".join(f'{ALIAS}."{each}"' for each in SHOWN)


def _values(detection: Detection) -> list[Value]:
    return [part.value for part in detection.output if isinstance(part, Shown)] + list(detection.fields.values())


def _said(values: Sequence[Sequence[Value]], loud: Sequence[int]) -> str:
    """Return the SQL of what an alert's rule shows of its event: a list of texts."""
    compiler = Compiler({}, datetime.now(UTC), lenient=True)
    branches = []
    for place in loud:
        if values[place]:
            columns = valued(compiler, [(f"v{number}", value) for number, value in enumerate(values[place])])
            texts = ", ".join(f"({written(column.this)})::VARCHAR" for column in columns)
            branches.append(f"WHEN {place} THEN [{texts}]")
    return f"CASE h {' '.join(branches)} END" if branches else "NULL"


def of_event(rule: Detection | Correlation, values: Sequence[Any], file: str, known: Callers = NOBODY) -> Alert:
    """Return an alert of an event, given by the values of `SHOWN`; its output says what any rule can say."""
    event = dict(zip(SHOWN, values, strict=True))
    identity = _parsed(event["userIdentity"])
    account = event["recipientAccountId"] or ""
    who = behind(identity, account, known)
    what = resource(_parsed(event["resources"]), _parsed(event["requestParameters"]))
    return Alert(
        time=event["eventTime"] or "",
        rule=rule.name,
        rule_id=rule.id,
        language=rule.language if isinstance(rule, Detection) else "sigma",
        level=rule.level,
        tags=rule.tags,
        event_id=event["eventID"] or "",
        event_name=event["eventName"] or "",
        event_source=event["eventSource"] or "",
        account=account or _owner(identity),
        region=event["awsRegion"] or "",
        principal=who,
        source_ip=event["sourceIPAddress"] or "",
        resource=what,
        output=_sentence(rule.name, event, who, what),
        output_fields={},
        file=file,
        events=(event["eventID"],) if event["eventID"] else (),
    )


def _shown(text: str | None, width: int) -> str:
    found = ABSENT if text is None else text
    return found.ljust(width)[:width] if width else found


def _sentence(name: str, event: Mapping[str, Any], who: str, what: str) -> str:
    """Return what to say of an event where the rule has no text of its own."""
    words = [f"{name}: {event['eventName'] or 'an event'}"]
    words += [f"of {what}"] if what else []
    words += [f"by {who}"] if who else []
    words += [f"from {event['sourceIPAddress']}"] if event["sourceIPAddress"] else []
    words += [f"failed with {event['errorCode']}"] if event["errorCode"] else []
    return " ".join(words)


def _owner(identity: object) -> str:
    found = identity.get("accountId") if isinstance(identity, dict) else None
    return found if isinstance(found, str) else ""


def _parsed(text: str | None) -> object:
    return json.loads(text) if text else None
