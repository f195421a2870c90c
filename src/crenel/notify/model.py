"""The frozen words of notifications: who is told what, and what there is to tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from crenel.errors import Where
from crenel.judge.changes import Change, Changed
from crenel.judge.choice import Choice
from crenel.model import ScanInfo, Severity


@dataclass(frozen=True, slots=True)
class Webhook:
    """A request with JSON; `secret_from` names the environment variable with the key that it is signed with."""

    url: str = field(default="", repr=False)
    url_from: str = ""
    secret_from: str = ""


@dataclass(frozen=True, slots=True)
class Slack:
    """An incoming webhook of Slack, or of a chat that takes Slack's messages."""

    url: str = field(default="", repr=False)
    url_from: str = ""


@dataclass(frozen=True, slots=True)
class Sns:
    """A topic of SNS; `profile` is the AWS profile that may publish to it ("": the ordinary credentials)."""

    topic: str
    profile: str = ""


@dataclass(frozen=True, slots=True)
class Email:
    """A mail by SMTP. `security` is starttls, tls or none."""

    server: str
    sender: str
    to: tuple[str, ...]
    port: int = 587
    security: str = "starttls"
    user: str = ""
    password_from: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """Who is told: by which way, which changes, of which findings."""

    name: str
    way: Webhook | Slack | Sns | Email
    changes: tuple[Change, ...]
    choice: Choice
    where: Where = field(compare=False)


@dataclass(frozen=True, slots=True)
class News:
    """What a target is told of a scan: how many findings changed how, and the worst of those that it asked for.

    `left` is how many more of those there are than `findings` holds.
    """

    before: ScanInfo
    now: ScanInfo
    counts: Mapping[Change, Mapping[Severity, int]] = field(hash=False)
    findings: tuple[Changed, ...] = ()
    left: int = 0

    def count(self, change: Change) -> int:
        """Return how many findings changed in a way."""
        return sum(self.counts.get(change, {}).values())

    @property
    def worst(self) -> Severity | None:
        """The highest severity of what is told."""
        return max((each.finding.severity for each in self.findings), key=lambda level: level.rank, default=None)
