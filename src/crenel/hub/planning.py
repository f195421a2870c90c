"""What would be sent to which hub: a comparison of a scan's findings with what the hubs were told."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from crenel.hub.remembered import Hub, Known
from crenel.judge.changes import lay_out_reach, would_be_seen
from crenel.judge.findings import COLUMNS, Finding
from crenel.judge.run import Judgement
from crenel.lake.engine import insert
from crenel.model import State
from crenel.report.asff import SCHEMA_VERSION, Documents, product_arn
from crenel.report.contract import time_json
from crenel.report.model import Report

STATES = (State.FAIL, State.WAIVED)  # what is sent where nobody says otherwise
_TIMES = ("CreatedAt", "UpdatedAt", "FirstObservedAt", "LastObservedAt")
_BATCH = 2_000
_LABEL_DONE = "INFORMATIONAL"


@dataclass(slots=True)
class Parcel:
    """What one hub is to be told: ids of findings that it does not have, that changed, whose waiver came or went, and
    those that are no longer so, which are archived. `same` are those of which nothing changed.
    """

    hub: Hub
    known: dict[str, Known]
    new: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)
    workflow: set[str] = field(default_factory=set)
    gone: dict[str, State | None] = field(default_factory=dict)
    same: int = 0

    @property
    def empty(self) -> bool:
        """Whether there is nothing to tell."""
        return not (self.new or self.changed or self.gone)

    @property
    def size(self) -> int:
        """How many findings are to be sent."""
        return len(self.new) + len(self.changed) + len(self.gone)


def planned(report: Report, whole: Judgement, told: Mapping[Hub, Mapping[str, Known]]) -> list[Parcel]:
    """Return what each hub is to be told of the chosen findings of a report; `whole` has all of the scan's.

    What the scan could not see is left as it is: a finding is archived only where the scan says that it no longer
    fails.
    """
    parcels = {hub: Parcel(hub, dict(known)) for hub, known in told.items()}
    chosen: set[str] = set()
    make = Documents(report).of
    for finding in report.judgement.findings():
        document = make(finding)
        hub = hub_of(document)
        parcel = parcels.setdefault(hub, Parcel(hub, {}))
        chosen.add(finding.id)
        known = parcel.known.get(finding.id)
        waived = finding.state is State.WAIVED
        if known is None:
            parcel.new.add(finding.id)
        elif known.digest != digest(document):
            parcel.changed.add(finding.id)
        else:
            parcel.same += 1
        if waived != (known.waived if known is not None else False):
            parcel.workflow.add(finding.id)
    _gone(list(parcels.values()), chosen, whole)
    return sorted(parcels.values(), key=lambda parcel: (parcel.hub.account, parcel.hub.region))


def documents_for(report: Report, parcel: Parcel, now: datetime) -> Iterator[tuple[dict[str, Any], Known]]:
    """Yield the documents that a hub does not have as they are, and what to remember of each.

    Times are those of the sending, since Security Hub takes of two the later one.
    """
    at = time_json(now)
    make = Documents(report).of
    for finding in _findings(report.judgement, parcel.new | parcel.changed):
        document = make(finding)
        mark = digest(document)
        old = parcel.known.get(finding.id)
        created = old.created if old is not None else document["FirstObservedAt"]
        document |= {"CreatedAt": created, "FirstObservedAt": created, "UpdatedAt": at}
        resource = document["Resources"][0]
        known = Known(
            digest=mark,
            created=created,
            waived=finding.state is State.WAIVED,
            policy=finding.policy,
            variant=finding.variant,
            region=finding.region,
            resource=finding.resource_id,
            title=document["Title"],
            resource_type=resource["Type"],
            resource_name=resource["Id"],
        )
        yield document, known


def archived(parcel: Parcel, now: datetime) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the documents that archive what no longer fails, each with the finding's id."""
    hub, at = parcel.hub, time_json(now)
    severity = {"Label": _LABEL_DONE}
    for identity, state in parcel.gone.items():
        known = parcel.known[identity]
        words = "The resource is gone." if state is None else "It no longer fails."
        generator = known.policy if known.variant is None else f"{known.policy} {known.variant}"
        yield (
            identity,
            {
                "SchemaVersion": SCHEMA_VERSION,
                "Id": f"crenel/{identity}",
                "ProductArn": product_arn(hub.partition, hub.region, hub.account),
                "GeneratorId": f"crenel/{generator}",
                "AwsAccountId": hub.account,
                "CreatedAt": known.created,
                "UpdatedAt": at,
                "Severity": severity,
                "FindingProviderFields": {"Severity": severity},
                "Title": known.title,
                "Description": words,
                "Resources": [
                    {
                        "Type": known.resource_type,
                        "Id": known.resource_name,
                        "Partition": hub.partition,
                        "Region": hub.region,
                    }
                ],
                "Compliance": {"Status": "NOT_AVAILABLE" if state is not State.PASS else "PASSED"},
                "RecordState": "ARCHIVED",
            },
        )


def hub_of(document: Mapping[str, Any]) -> Hub:
    """Return the hub that a document goes to."""
    return Hub(document["AwsAccountId"], document["Region"], document["Resources"][0]["Partition"])


def digest(document: Mapping[str, Any]) -> str:
    """Return what is the same for two documents that differ in nothing but times."""
    content = {key: value for key, value in document.items() if key not in _TIMES}
    if "Note" in content:
        content["Note"] = {key: value for key, value in content["Note"].items() if key != "UpdatedAt"}
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def _findings(judgement: Judgement, identities: set[str]) -> Iterator[Finding]:
    """Yield the findings of these ids, by id."""
    connection = judgement.connection
    connection.execute("CREATE OR REPLACE TABLE sending (id VARCHAR)")
    insert(connection, "sending", [sorted(identities)])
    cursor = connection.cursor().execute(
        f"SELECT {', '.join(COLUMNS)} FROM findings WHERE id IN (SELECT id FROM sending) ORDER BY id"
    )
    while rows := cursor.fetchmany(_BATCH):
        yield from (Finding.of(row) for row in rows)


def _gone(parcels: Sequence[Parcel], chosen: set[str], whole: Judgement) -> None:
    """Note what of the hubs' findings no longer fails, each with its state now (None: there is none)."""
    connection = whole.connection
    lay_out_reach(connection, "reach_now", whole.info)
    connection.execute(
        "CREATE TABLE told (place INTEGER, id VARCHAR, policy VARCHAR, variant VARCHAR, account VARCHAR, "
        "region VARCHAR, resource_id VARCHAR)"
    )
    rows = [
        (place, identity, known.policy, known.variant, parcel.hub.account, known.region, known.resource)
        for place, parcel in enumerate(parcels)
        for identity, known in parcel.known.items()
        if identity not in chosen
    ]
    insert(connection, "told", list(zip(*rows, strict=True)))
    asked = "SELECT DISTINCT policy, variant FROM findings"
    found = connection.execute(f"""
        SELECT t.place, t.id, f.state FROM told t LEFT JOIN findings f ON f.id = t.id
        WHERE f.state IN ('PASS', 'NOT_APPLICABLE')
           OR (f.id IS NULL AND {would_be_seen("reach_now", "t")} AND EXISTS (
               FROM ({asked}) a WHERE a.policy = t.policy AND a.variant IS NOT DISTINCT FROM t.variant))
        ORDER BY t.place, t.id""").fetchall()
    for place, identity, state in found:
        parcels[place].gone[identity] = State(state) if state else None
