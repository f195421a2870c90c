"""The words of this room: what is found of a file, the chains of digests, and the gaps in them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Status(StrEnum):
    """What is known of a file."""

    VALID = "valid"
    INVALID = "invalid"
    UNKNOWN = "unknown"  # it could not be read or proven
    UNCOVERED = "uncovered"  # no digest speaks of it
    PENDING = "pending"  # its digest was not due yet when the last one was delivered


class Problem(StrEnum):
    """Why a file is not valid."""

    ALTERED = "altered"
    MISSING = "missing"
    MOVED = "moved"
    ADDED = "added"
    UNSIGNED = "unsigned"
    NO_KEY = "no-key"
    UNREADABLE = "unreadable"
    UNPROVEN = "unproven"
    OUTSIDE = "outside"
    UNCOVERED = "uncovered"


@dataclass(frozen=True, slots=True)
class Finding:
    """A file that is not valid: `kind` is ``digest`` or ``log``, `digest` the digest file that says so, if one does."""

    status: Status
    problem: Problem
    kind: str
    path: str
    message: str
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Gap:
    """Hours of a chain for which there is no digest, and why."""

    since: datetime
    until: datetime
    reason: str


@dataclass(slots=True)
class Chain:
    """The digests of a trail in a Region, in the order of time. `empty` of them name no log file.

    `begins` says what stands before the first.
    """

    account: str
    region: str
    trail: str
    home_region: str
    backfill: bool
    digests: int = 0
    empty: int = 0
    first: datetime | None = None
    last: datetime | None = None
    begins: str = ""
    gaps: list[Gap] = field(default_factory=list)


@dataclass(slots=True)
class Outcome:
    """What a validation came to. What is valid is counted, what is not is found, too."""

    place: str
    chains: list[Chain] = field(default_factory=list)
    digests: Counter[Status] = field(default_factory=Counter)
    logs: Counter[Status] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)

    def count(self, kind: str, status: Status) -> None:
        """Count a file."""
        (self.digests if kind == "digest" else self.logs)[status] += 1

    def add(self, finding: Finding) -> None:
        """Add what was found of a file, and count it."""
        self.findings.append(finding)
        self.count(finding.kind, finding.status)

    @property
    def status(self) -> Status:
        """Invalid where a file is, unknown where one is not proven, else valid."""
        found = {finding.status for finding in self.findings}
        if Status.INVALID in found:
            return Status.INVALID
        return Status.UNKNOWN if found else Status.VALID
