"""A waiver as written: checked in shape, and not yet compiled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from fnmatch import fnmatchcase
from typing import Literal, TypeAlias

from crenel.errors import PolicyError
from crenel.positions import Located

Subject = Literal["account", "region", "type", "resource", "name", "arn", "finding"]
# What of a finding can be asked, and the column that has it.
SUBJECTS: Mapping[Subject, str] = {
    "account": "account",
    "region": "region",
    "type": "type",
    "resource": "resource_id",
    "name": "name",
    "arn": "arn",
    "finding": "id",
}


@dataclass(frozen=True, slots=True)
class Fits:
    """A word of the finding fits one of the patterns, as a whole and with its case."""

    subject: Subject
    patterns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tagged:
    """The resource has a tag whose value fits one of the patterns. `at` is the tag's key in the file."""

    key: str
    patterns: tuple[str, ...]
    at: Located = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class And:
    """All of them."""

    parts: tuple[Where, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of them."""

    parts: tuple[Where, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    part: Where


Where: TypeAlias = "Fits | Tagged | And | Or | Not"


def leaves(where: Where) -> Iterator[Fits | Tagged]:
    """Yield what is asked of a finding, without the blocks around it."""
    match where:
        case And(parts) | Or(parts):
            for part in parts:
                yield from leaves(part)
        case Not(part):
            yield from leaves(part)
        case Fits() | Tagged():
            yield where


@dataclass(frozen=True, slots=True)
class Waiver:
    """Somebody (`owner`) accepts findings for a reason, through the day `until`.

    Of the policies whose names fit `policies` (and that decide one of the `controls`, where such are given) those
    findings for which `where` holds. `condition` is a list of filters of the policy language that have to hold of the
    resource as long as the waiver is to hold, None where nothing has to.
    """

    id: str
    policies: tuple[str, ...]
    where: Where
    owner: str
    reason: str
    until: date
    body: Located = field(compare=False, repr=False)
    controls: tuple[str, ...] = ()
    condition: Located | None = field(default=None, compare=False, repr=False)

    @property
    def file(self) -> str:
        """The file that the waiver stands in."""
        return self.body.where.file

    @property
    def tagged(self) -> tuple[Tagged, ...]:
        """The tags that it asks for."""
        return tuple(each for each in leaves(self.where) if isinstance(each, Tagged))

    def speaks_of(self, policy: str) -> bool:
        """Return whether a policy's findings may be among those that are accepted."""
        return any(fnmatchcase(policy, pattern) for pattern in self.policies)


@dataclass(frozen=True, slots=True)
class Waivers:
    """The waivers of some files, and what in them is likely to surprise."""

    waivers: tuple[Waiver, ...] = ()
    warnings: tuple[PolicyError, ...] = ()
