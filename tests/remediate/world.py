"""An account small enough to be tried at every point: it remembers values and items, and dies when it is told to."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from botocore.session import Session

from crenel.collect.calls import Caller
from crenel.collect.session import Target
from crenel.errors import CallError
from crenel.model import Account
from crenel.remediate.apply import Applied, Applying, Clock, Event
from crenel.remediate.model import Act, Plan, Reading, Request, Step, Undoing
from crenel.remediate.runs import Run, Runs
from crenel.remediate.templates import Expression
from crenel.remediate.undo import Taking, Undone, to_undo

ACCOUNT = "111122223333"
PLACE = {"account": ACCOUNT, "region": "eu-west-1", "partition": "aws"}


class Killed(BaseException):
    """The process is gone: nothing of it runs on."""


class World:
    """What AWS knows. `after` more deeds (calls that write, records of the journal) it kills whoever does one: before
    it, in the midst of it or behind it. `answers` are errors by ``service:Operation``, each for one call.
    """

    def __init__(self) -> None:
        self.values: dict[str, Any] = {"flag": "off"}
        self.items: list[dict[str, str]] = [{"Id": "i-0", "Tag": "old"}]
        self.tokens: dict[str, str] = {}
        self.sent: list[str] = []
        self.errors: dict[str, CallError] = {}
        self.lost: dict[str, CallError] = {}
        self.deeds = 0
        self.kill_at: int | None = None

    @property
    def state(self) -> Any:
        """All that there is, but for the names of what was made."""
        return json.loads(json.dumps([self.values, [item["Tag"] for item in self.items]]))

    def deed(self) -> None:
        """A point at which a process may be killed."""
        self.deeds += 1
        if self.deeds == self.kill_at:
            raise Killed

    def pages(self, service: str, operation: str, params: Mapping[str, Any], region: str) -> Iterator[dict[str, Any]]:
        """Read, as `Caller.pages`."""
        if error := self.errors.pop(f"{service}:{operation}", None):
            raise error
        if operation == "GetValue":
            yield {"Value": self.values.get(params["Name"])}
        elif operation == "ListItems":
            yield {"Items": [dict(item) for item in self.items]}
        else:
            raise CallError(operation, "Unknown", region)

    def call(self, service: str, operation: str, params: Mapping[str, Any], region: str) -> dict[str, Any]:
        """Say who asks, as `Caller.call`."""
        assert (service, operation, params, region) == ("sts", "GetCallerIdentity", {}, "eu-west-1")
        return {"Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/fixer/me", "Account": ACCOUNT}

    @property
    def session(self) -> Session:
        """A session without configuration."""
        return Session()

    def alter(self, service: str, operation: str, params: Mapping[str, Any], region: str, *, token: str) -> None:
        """Write, as `Caller.alter`."""
        name = f"{service}:{operation}"
        assert region == "eu-west-1"
        if error := self.errors.pop(name, None):
            raise error
        self.deed()
        self.sent.append(name)
        self._do(operation, params, token)
        self.deed()
        if error := self.lost.pop(name, None):
            raise error

    def _do(self, operation: str, params: Mapping[str, Any], token: str) -> None:
        match operation:
            case "SetValue":
                self.values[params["Name"]] = params["Value"]
                if params["Value"] is None:
                    del self.values[params["Name"]]
            case "UnsetValue":
                self.values.pop(params["Name"], None)
            case "MakeItem":
                if token not in self.tokens:
                    self.tokens[token] = f"i-{len(self.tokens) + 1}"
                    self.items.append({"Id": self.tokens[token], "Tag": "new"})
            case "MarkItem":
                self.items = [
                    {**item, "Tag": params["Tag"]} if item["Id"] == params["Id"] else item for item in self.items
                ]
            case "DropItem":
                if params["Id"] not in {item["Id"] for item in self.items}:
                    raise CallError("w:DropItem", "NotFound", "no such item")
                self.items = [item for item in self.items if item["Id"] != params["Id"]]


def _request(operation: str, when: str = "", **params: Any) -> Request:
    given = {name: Expression(value[1:]) if str(value).startswith("$") else value for name, value in params.items()}
    return Request("w", operation, given, Expression(when) if when else None)


def _acts() -> dict[str, Act]:
    value = Reading(_request("GetValue", Name="$args.name"), Expression("answer.Value"))
    put = Act(
        "w/set-value", "Set {args.name}", _request("SetValue", Name="$args.name", Value="$args.value"), value,
        Expression("state == args.value"),
        (
            _request("SetValue", "before", Name="$args.name", Value="$before"),
            _request("UnsetValue", "!before", Name="$args.name"),
        ),
        Undoing.YES, settles=5,
    )  # fmt: skip
    make = Act(
        "w/make-item", "Make an item", _request("MakeItem"),
        Reading(_request("ListItems"), Expression("answer.Items")),
        Expression("state[?Tag=='new' || Tag=='gone']"),
        (_request("MarkItem", "made", Id="$made[0].Id", Tag="gone"), _request("DropItem", "made", Id="$made[0].Id")),
        Undoing.YES, settles=5,
    )  # fmt: skip
    lose = Act(
        "w/lose-value", "Lose {args.name}", _request("UnsetValue", Name="$args.name"), value, Expression("!state"), (),
        Undoing.NO, lost="The value of {args.name}.",
    )  # fmt: skip
    return {act.name: act for act in (put, make, lose)}


ACTS = _acts()


def step(identity: str, act: str, seen: Any, **args: Any) -> Step:
    """A step of a plan for the world."""
    return Step(
        identity, f"Step {identity}", ACCOUNT, "eu-west-1", "aws.thing", "thing",
        act=act, args={**args, **PLACE}, seen=seen, undoing=ACTS[act].undoing,
    )  # fmt: skip


STEPS = (
    step("1", "w/set-value", "off", name="flag", value="on"),
    step("2", "w/make-item", [{"Id": "i-0", "Tag": "old"}]),
    step("3", "w/set-value", None, name="newest", value={"$from": "2", "path": "after[-1].Id"}),
)
PLAN = Plan("p-1", datetime(2026, 11, 25, tzinfo=UTC), "s-1", STEPS)


class Bench:
    """A lake in which plans for a world are applied and taken back, without waiting."""

    def __init__(self, lake: Path, world: World) -> None:
        self.runs = Runs(lake)
        self.world = world
        self.events: list[tuple[str, str]] = []
        self.time = 0.0

    @property
    def clock(self) -> Clock:
        """A clock that goes on when somebody sleeps."""

        def sleep(seconds: float) -> None:
            self.time += seconds

        return Clock(lambda: self.time, sleep)

    @property
    def targets(self) -> dict[str, Target]:
        """The one account."""
        return {ACCOUNT: Target(Account(ACCOUNT), cast("Caller", self.world), "eu-west-1", "eu-west-1")}

    def apply(self, steps: tuple[Step, ...] = STEPS, **changes: Any) -> tuple[Run, Applied]:
        """Apply steps, in the run that was cut off or a new one."""
        text = json.dumps(
            {"id": "p-1", "snapshot": "s-1", "steps": [{"id": each.id, "act": each.act} for each in STEPS]}
        )
        with self.runs.locked("a test"):
            run = self.runs.going_on(text) or self.runs.new(text)
            with closing(run.journal()) as journal:
                applying = Applying(run, journal, ACTS, self.targets, watch=self.watch, clock=self.clock)
                return run, applying.steps(steps, **changes)

    def undo(self, *steps: str, force: bool = False) -> Undone:
        """Take the newest run back that changed something."""
        with self.runs.locked("a test"):
            run = self.runs.last_changed()
            with closing(run.journal()) as journal:
                taking = Taking(run, journal, ACTS, self.targets, force=force, clock=self.clock)
                return taking.steps(to_undo(run, steps))

    def watch(self, event: Event) -> None:
        """Remember what was told."""
        self.events.append((event.step.id, event.word))


@contextmanager
def dying(world: World, at: int, monkeypatch: pytest.MonkeyPatch, torn: int | None = None) -> Iterator[None]:
    """Have whoever works be killed at a deed; of a record `torn` bytes are written by then."""
    world.deeds, world.kill_at = 0, at
    written = os.write

    def write(file: int, data: bytes) -> int:
        if torn is not None and world.deeds + 1 == at:
            written(file, data[:torn])
        world.deed()
        count = written(file, data)
        world.deed()
        return count

    with monkeypatch.context() as patch:
        patch.setattr("crenel.remediate.journal.os.write", write)
        try:
            yield
        finally:
            world.kill_at = None
