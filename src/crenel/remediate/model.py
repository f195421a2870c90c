"""The frozen words of repairs.

An *act* is one writing call of AWS with all that makes it safe: the read that shows the state it changes, how one sees
that it is done, and the calls that take it back. A *fix* says which acts close a finding. A *plan* is acts with their
arguments filled in, for a person to review; to apply it needs no policy and no snapshot.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from crenel.remediate.templates import Expression

SETTLES = 30.0  # seconds that AWS may take until a read shows a change


class Undoing(StrEnum):
    """Whether an act can be taken back."""

    YES = "yes"
    PARTLY = "partly"
    NO = "no"


@dataclass(frozen=True, slots=True)
class Request:
    """A call to be filled in: botocore's names; `params` is a template (see `templates.py`).

    `when` leaves it out where it is not true.
    """

    service: str
    operation: str
    params: Mapping[str, Any] = field(hash=False)
    when: Expression | None = None

    @property
    def name(self) -> str:
        """``service:Operation``."""
        return f"{self.service}:{self.operation}"


@dataclass(frozen=True, slots=True)
class Reading:
    """A read and what of its answer is the state. `take` sees `answer` and `args`; the lists of pages are joined.

    `absent` maps AWS's error codes to the state that they mean (None: there is none).
    """

    request: Request
    take: Expression
    absent: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Check:
    """What has to hold after an act besides `done`, by a read of its own: `holds` sees `args` and `state`."""

    reading: Reading
    holds: Expression
    message: str


@dataclass(frozen=True, slots=True)
class Act:
    """One writing call. `title` is a template of text over `args`.

    `done` and `never` see `args` and `state`; the requests of `undo` see `args`, `before`, `after` (states) and `made`
    (items of the list `after` that `before` lacks). An act whose state is `done` already is skipped; one for which
    `never` is true is refused. `locks` names whose access it may cut: ``user``, ``role``, ``group``, ``key`` or
    ``policy`` (ARN) to an expression over `args`. `lost` says what undo can't bring back, a template of text over
    `args`. `permissions` are the IAM actions of the call, its undo and its reads (none: they are derived from the
    calls), `resource` the ARN that the writing ones can be confined to. `sends`: it sends a message, which no read
    shows and nothing takes back; it is done when AWS has taken it, and is never sent twice.
    """

    name: str
    title: str
    request: Request
    reading: Reading
    done: Expression
    undo: tuple[Request, ...]
    undoing: Undoing
    lost: str = ""
    never: Expression | None = None
    refusal: str = ""
    locks: Mapping[str, Expression] = field(default_factory=dict, hash=False)
    checks: tuple[Check, ...] = ()
    permissions: tuple[str, ...] = ()
    resource: Expression | None = None
    settles: float = SETTLES
    sends: bool = False


@dataclass(frozen=True, slots=True)
class Manual:
    """A repair by hand: what to do, in order, with commands; `containment`: commands that lessen the harm at once."""

    steps: tuple[str, ...]
    commands: tuple[str, ...] = ()
    containment: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One act of a plan, with its arguments, or a repair by hand (`act` empty).

    `args` may hold ``{"$from": step, "path": expression}``: a value that an earlier step will have made, by its `after`
    and `args`. `seen` is the state by which the plan was made; `call` is the call as it will be sent, where it depends
    on no earlier step. `region` is where it is sent. `changes` are (what, before, after) for people; `breaks` what may
    stop working, `unknown` what of that could not be looked at. `name` is what people call the resource, where that is
    not its id.
    """

    id: str
    title: str
    account: str
    region: str
    type: str
    resource: str
    act: str = ""
    args: Mapping[str, Any] = field(default_factory=dict, hash=False)
    seen: Any = field(default=None, hash=False)
    call: Mapping[str, Any] = field(default_factory=dict, hash=False)
    undoing: Undoing = Undoing.NO
    lost: str = ""
    changes: tuple[tuple[str, Any, Any], ...] = field(default=(), hash=False)
    breaks: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    cost: str = ""
    command: str = ""
    manual: Manual | None = None
    findings: tuple[str, ...] = ()
    policy: str = ""
    practice: int | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in the order in which they are done. `made_at` is UTC; `snapshot` is the id of the scan that was judged."""

    id: str
    made_at: datetime
    snapshot: str
    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()

    @property
    def automatic(self) -> tuple[Step, ...]:
        """The steps that `apply` does."""
        return tuple(step for step in self.steps if step.act)
