"""A framework as written: sections, controls, and the policies that decide each with their parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from crenel.model import Severity, Standard
from crenel.positions import Located


@dataclass(frozen=True, slots=True)
class Asked:
    """A policy that a control asks, and the parameters in which it departs from the framework's profile.

    `item` is where the file names the policy, `given` where it gives each parameter.
    """

    policy: str
    params: Mapping[str, Any] = field(hash=False)
    item: Located = field(compare=False, repr=False)
    given: Mapping[str, Located] = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Section:
    """A chapter of a framework."""

    id: str
    title: str


@dataclass(frozen=True, slots=True)
class Control:
    """What a framework asks for, in our words.

    `policies` decide it: it passes where all of them do. `manual` says what is to be done by hand: the whole control
    where no policy decides, else what the policies leave. `severity` None: that of the policies.
    """

    id: str
    title: str
    section: Section
    severity: Severity | None
    levels: tuple[str, ...]
    policies: tuple[Asked, ...]
    manual: str
    references: tuple[str, ...]
    item: Located = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Framework:
    """A framework: the standard's name and version, its publisher's page, its levels (id to title) and its controls.

    `profile` says whose parameters the policies take, None that it is the scan's to say. `over` names the
    frameworks whose controls this one's refer to.
    """

    id: str
    name: str
    version: str
    reference: str
    profile: Standard | None
    over: tuple[str, ...]
    levels: Mapping[str, str] = field(hash=False)
    sections: tuple[Section, ...]
    controls: tuple[Control, ...]
    file: str

    def asked(self) -> Iterator[tuple[Control, Asked]]:
        """Yield each policy that a control asks, in the file's order."""
        for control in self.controls:
            for asked in control.policies:
                yield control, asked
