"""The calls to Security Hub. Beside `remediate/` this is one of two modules that write to AWS: findings, and nothing
else.

https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_BatchImportFindings.html takes what is new, changed or
archived, up to 100 at a time. It can't change the workflow of a finding that is there, which is for
https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_BatchUpdateFindings.html.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from crenel.collect.session import Target
from crenel.errors import CallError, UnsureError
from crenel.hub.planning import Parcel, archived, documents_for
from crenel.hub.remembered import Hub, Known, remember
from crenel.report.model import Report

Item = TypeVar("Item")

PAGE = 100
_TRIES = 3  # of a page of which nobody knows whether AWS took it: a finding that comes twice is one
_SHOWN = 5  # failures that are named
PERMISSIONS = ("securityhub:BatchImportFindings", "securityhub:BatchUpdateFindings", "securityhub:DescribeHub")


@dataclass(slots=True)
class Sent:
    """What became of a parcel: how many findings Security Hub took, archived and refused, and why."""

    hub: Hub
    taken: int = 0
    archived: int = 0
    refused: int = 0
    reasons: list[str] = field(default_factory=list)

    def refuse(self, count: int, reason: str) -> None:
        """Note that findings were not taken."""
        self.refused += count
        if len(self.reasons) < _SHOWN and reason not in self.reasons:
            self.reasons.append(reason)


def push_document() -> dict[str, Any]:
    """Return the IAM policy document of whoever sends findings, and nothing more.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecurityhub.html
    """
    statement = {"Sid": "CrenelPush", "Effect": "Allow", "Action": list(PERMISSIONS), "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def problem_of(hub: Hub, target: Target) -> str:
    """Return why a hub can't be told anything, empty where it can, or where that can't be asked."""
    try:
        target.caller.call("securityhub", "DescribeHub", {}, hub.region)
    except CallError as error:
        if error.code in ("InvalidAccessException", "ResourceNotFoundException"):
            return "Security Hub is not on there"
        if error.code in ("AccessDeniedException", "AccessDenied"):
            return ""  # whoever may not look may still be allowed to import
        return f"{error.code}: {error.detail}"
    return ""


def send(report: Report, parcel: Parcel, target: Target, lake: Path, now: datetime) -> Sent:
    """Tell a hub what a parcel has, and remember what it took; what was refused is sent again next time.

    Raises `WritingError` where that can't be written down.
    """
    sending = _Sending(parcel, target, Sent(parcel.hub))
    try:
        sending.findings(documents_for(report, parcel, now))
        sending.archive(archived(parcel, now))
    except CallError as error:
        sending.sent.refuse(parcel.size - sending.handled, str(error))
    finally:
        remember(lake, parcel.hub, parcel.known)
    return sending.sent


class _Sending:
    """One parcel on its way. `parcel.known` grows with what Security Hub takes."""

    def __init__(self, parcel: Parcel, target: Target, sent: Sent) -> None:
        self.parcel = parcel
        self.target = target
        self.sent = sent
        self.handled = 0  # findings of which is known whether they were taken

    def findings(self, documents: Iterable[tuple[dict[str, Any], Known]]) -> None:
        """Import what is new or changed, page by page, and set the workflow of those whose waiver came or went."""
        for page in _pages(documents):
            failed = self.imported([document for document, _ in page])
            flows: dict[tuple[str, str, str], list[str]] = {}
            for document, known in page:
                identity = document["Id"].removeprefix("crenel/")
                if identity in failed:
                    continue
                self.sent.taken += 1
                self.parcel.known[identity] = known
                if identity in self.parcel.workflow:
                    note = document.get("Note") or {"Text": "The waiver no longer holds.", "UpdatedBy": "Crenel"}
                    key = (document["Workflow"]["Status"], note["Text"], note["UpdatedBy"])
                    flows.setdefault(key, []).append(identity)
            for (status, text, author), identities in flows.items():
                self.flow(identities, status, text, author)

    def archive(self, documents: Iterable[tuple[str, dict[str, Any]]]) -> None:
        """Archive what no longer fails."""
        for page in _pages(documents):
            failed = self.imported([document for _, document in page])
            for identity, _ in page:
                if identity not in failed:
                    self.sent.archived += 1
                    del self.parcel.known[identity]

    def imported(self, documents: Sequence[Mapping[str, Any]]) -> set[str]:
        """Import a page; return the ids of what was refused. Raises `CallError` where none of it was taken."""
        answer = self.call("BatchImportFindings", {"Findings": documents})
        failed = answer.get("FailedFindings") or []
        for each in failed:
            self.sent.refuse(1, f"{each.get('ErrorCode')}: {each.get('ErrorMessage')}")
        self.handled += len(documents)
        return {str(each.get("Id")).removeprefix("crenel/") for each in failed}

    def flow(self, identities: Sequence[str], status: str, text: str, author: str) -> None:
        """Set the workflow of findings that the hub has. What fails is told, and tried again next time."""
        arn = f"arn:{self.parcel.hub.partition}:securityhub:{self.parcel.hub.region}:{self.parcel.hub.account}"
        arn += f":product/{self.parcel.hub.account}/default"
        params = {
            "FindingIdentifiers": [{"Id": f"crenel/{identity}", "ProductArn": arn} for identity in identities],
            "Workflow": {"Status": status},
            "Note": {"Text": text, "UpdatedBy": author},
        }
        try:
            answer = self.call("BatchUpdateFindings", params)
            failed = [
                (str(each["FindingIdentifier"]["Id"]), f"{each.get('ErrorCode')}: {each.get('ErrorMessage')}")
                for each in answer.get("UnprocessedFindings") or []
            ]
        except CallError as error:
            failed = [(f"crenel/{identity}", str(error)) for identity in identities]
        for name, why in failed:
            identity = name.removeprefix("crenel/")
            self.sent.taken -= 1
            self.sent.refuse(1, why)
            # As if the hub had an older one: it is tried again next time.
            known = self.parcel.known[identity]
            self.parcel.known[identity] = replace(known, digest="", waived=not known.waived)

    def call(self, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Make a call; again where nobody knows whether AWS did it, since doing it twice does it once."""
        for attempt in range(1, _TRIES + 1):
            try:
                return self.target.caller.alter("securityhub", operation, params, self.parcel.hub.region)
            except UnsureError:
                if attempt == _TRIES:
                    raise
        raise AssertionError  # the loop returns or raises


def _pages(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Yield items by the hundred."""
    rest = iter(items)
    while page := list(islice(rest, PAGE)):
        yield page
