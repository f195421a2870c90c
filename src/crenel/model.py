"""The frozen words that every stage shares.

Times are aware `datetime`s in UTC. A Region is AWS's name for it, or `GLOBAL` for what has no Region.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

GLOBAL = "global"


class Status(StrEnum):
    """The four verdicts. What could not be read is UNKNOWN, never PASS."""

    PASS = "PASS"  # noqa: S105 (a verdict)
    FAIL = "FAIL"
    UNKNOWN = "UNKNOWN"
    NOT_APPLICABLE = "NOT_APPLICABLE"


class State(StrEnum):
    """How a finding counts: as its verdict, or as WAIVED where somebody accepts that it fails."""

    FAIL = "FAIL"
    UNKNOWN = "UNKNOWN"
    PASS = "PASS"  # noqa: S105 (a verdict)
    NOT_APPLICABLE = "NOT_APPLICABLE"
    WAIVED = "WAIVED"


class Severity(StrEnum):
    """How bad a FAIL is, from the least to the worst."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for low to 3 for critical."""
        return list(Severity).index(self)


class Level(StrEnum):
    """How much an alert matters, from the least to the most; Sigma's words, to which Falco's priorities lead."""

    INFORMATIONAL = "informational"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for informational to 4 for critical."""
        return list(Level).index(self)


class Standard(StrEnum):
    """The parameters' profiles that ship with the built-in policies."""

    FSBP = "fsbp"
    CIS = "cis"
    ARTICLE = "article"


@dataclass(frozen=True, slots=True)
class Account:
    """One AWS account as a scan sees it: its number and partition (``aws``, ``aws-cn``, ``aws-us-gov``)."""

    id: str
    partition: str = "aws"


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a scan can say of one Region of one account: `state` is ``scanned``, ``not-opted-in`` or ``suspended``."""

    account: str
    region: str
    state: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that could not be read.

    `detail` is the column that stays unread (empty: the whole listing), `resource` the id of the one resource concerned
    (empty: all of the type there). `call` is ``service:Operation``, `permission` the IAM action that it needs.
    """

    account: str
    region: str
    type: str
    detail: str
    resource: str
    call: str
    permission: str
    code: str
    message: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Unit:
    """The piece of a scan that succeeds or fails as one: a resource type in a Region of an account."""

    account: str
    region: str
    type: str

    @property
    def slug(self) -> str:
        """A file name that is unique in a scan."""
        return f"{self.type}.{self.account}.{self.region}"


@dataclass(frozen=True, slots=True)
class Needs:
    """What the plans read of one resource type: the type's name and the detail columns that cost calls of their own."""

    type: str
    details: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class UnitRecord:
    """How a unit went: rows written, calls made (retries included, by ``service:Operation``), seconds, gaps."""

    unit: Unit
    rows: int
    calls: dict[str, int]
    seconds: float
    gaps: tuple[Gap, ...] = ()
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ScanInfo:
    """A scan's head: identity, span, reach.

    `details` says which detail columns were collected for each type, `restricted` that the user named the Regions, so
    that there may be others that the account has opted in to.
    """

    id: str
    started_at: datetime
    finished_at: datetime | None
    accounts: tuple[Account, ...]
    regions: tuple[str, ...]
    coverage: tuple[Coverage, ...]
    details: dict[str, tuple[str, ...]] = field(default_factory=dict)
    calls_by_service: dict[str, int] = field(default_factory=dict)
    complete: bool = False
    restricted: bool = False


@dataclass(frozen=True, slots=True)
class Alert:
    """What a detection says of an event, or of several (`events`: their ids).

    `time` is the event's own, as CloudTrail writes it (ISO 8601 in UTC). `principal` and `resource` are short names of
    who did it and to what, empty where the event does not say. `level` is Sigma's word.
    """

    time: str
    rule: str
    rule_id: str
    language: str
    level: Level
    tags: tuple[str, ...]
    event_id: str
    event_name: str
    event_source: str
    account: str
    region: str
    principal: str
    source_ip: str
    resource: str
    output: str
    output_fields: Mapping[str, str | None] = field(hash=False)
    file: str
    events: tuple[str, ...]
