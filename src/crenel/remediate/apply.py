"""Apply a plan's steps: the only module that writes to AWS; taking back sends its calls through it too.

Each step: read the state → done already: skip; not as the plan saw it, or guarded: stop → the state before goes into
the journal → the call, never blindly sent twice → the journal → read until it shows → checks. It stops at the first
surprise; applied again, the same run goes on.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jmespath.exceptions import JMESPathError

from crenel.collect.secrets import MASK
from crenel.collect.session import Target
from crenel.errors import CallError, UnsureError, WritingError
from crenel.remediate.guards import Guard
from crenel.remediate.journal import Journal, Progress, Stage, follow
from crenel.remediate.model import Act, Request, Step
from crenel.remediate.runs import Run
from crenel.remediate.states import differences, read_state, same
from crenel.remediate.templates import Expression, filled

_FROM = "$from"
_TOKENS = uuid.UUID("6f1b0d0e-6a0c-5c39-9b0c-0d6d2c1f7a35")  # the name space of tokens that make calls one of a kind
_WAITS = (0.5, 1.0, 2.0, 4.0)  # seconds between two looks at a state; the last for ever


class StoppedError(Exception):
    """A surprise: what it is, and where a state is not as it should be. `begun`: the step's call may have been sent."""

    def __init__(self, reason: str, lines: Sequence[str] = (), *, begun: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.lines = tuple(lines)
        self.begun = begun


@dataclass(frozen=True, slots=True)
class Event:
    """What has just happened to a step: ``applied``, ``skipped``, ``checked`` (read again after the canaries)."""

    step: Step
    word: str
    detail: str = ""


@dataclass(slots=True)
class Applied:
    """What became of the steps. `stopped` is the one at which it ended, None where all are done; `declined`: a person
    said no after the canaries.
    """

    applied: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    stopped: Step | None = None
    reason: str = ""
    lines: tuple[str, ...] = ()
    begun: bool = False
    declined: bool = False


@dataclass(frozen=True, slots=True)
class Clock:
    """Time, replaceable in tests."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def until(self, look: Callable[[], bool], seconds: float) -> bool:
        """Look until it is true or the seconds are over; return whether it is."""
        end, waits = self.now() + seconds, iter(_WAITS)
        while not look():
            wait = next(waits, _WAITS[-1])
            if self.now() + wait > end:
                return False
            self.sleep(wait)
        return True


def send(target: Target, request: Request, context: Mapping[str, Any], token: str) -> None:
    """Send a writing call of an act, or of its undo. Raises what `Caller.alter` and `params_of` raise."""
    params, region = params_of(request, context), context["args"]["region"]
    target.caller.alter(request.service, request.operation, params, region, token=token)


def params_of(request: Request, context: Mapping[str, Any]) -> dict[str, Any]:
    """Return a call's parameters. Raises `StoppedError` where one is a secret that Crenel masks when it reads it."""
    params: dict[str, Any] = filled(request.params, context)
    if MASK in json.dumps(params):
        raise StoppedError("it would write a secret that Crenel does not keep.")
    return params


def token_of(run: Run, *parts: str) -> str:
    """Return what makes a call of a run one of a kind, whoever sends it when."""
    return str(uuid.uuid5(_TOKENS, "/".join((run.id, *parts))))


def resolved(args: Any, known: Mapping[str, Progress]) -> Any:  # noqa: ANN401 (any JSON value)
    """Return arguments with the values of earlier steps in place. Raises `StoppedError` where one is not there."""
    if isinstance(args, Mapping) and _FROM in args:
        made = known.get(args[_FROM])
        if made is None or not made.known:
            raise StoppedError(f"it needs what step {args[_FROM]} makes, which is not applied.")
        value = Expression(args["path"]).of({"after": made.after, "args": made.args})
        if value is None:
            raise StoppedError(f"it needs {args['path']} of step {args[_FROM]}, and there is none.")
        return value
    if isinstance(args, Mapping):
        return {key: resolved(value, known) for key, value in args.items()}
    return [resolved(value, known) for value in args] if isinstance(args, list | tuple) else args


class Applying:
    """Applies steps in one run. `acts` are all acts by name, `targets` the accounts by id."""

    def __init__(
        self,
        run: Run,
        journal: Journal,
        acts: Mapping[str, Act],
        targets: Mapping[str, Target],
        *,
        watch: Callable[[Event], None] = lambda _: None,
        clock: Clock | None = None,
    ) -> None:
        self.run = run
        self.journal = journal
        self.acts = acts
        self.targets = targets
        self.watch = watch
        self.clock = clock or Clock()
        self.guards = {account: Guard(target) for account, target in targets.items()}
        self.progress = run.progress()
        self.result = Applied()

    def steps(self, steps: Sequence[Step], canary: int = 0, again: Callable[[], bool] = lambda: True) -> Applied:
        """Apply steps, in order. After `canary` changes those are read once more, and `again` asked whether to go on.

        Whatever happens with AWS or the journal's disk ends in the result and not in an error.
        """
        changed: list[Step] = []
        for position, step in enumerate(steps):
            try:
                word = self._step(step)
                if word == "applied":
                    changed.append(step)
                    if len(changed) == canary and position + 1 < len(steps):
                        self._look_again(changed)
            except (StoppedError, CallError, WritingError, JMESPathError) as error:
                self._stop(step, error)
                return self.result
            if word == "applied" and len(changed) == canary and position + 1 < len(steps) and not again():
                self.result.declined = True
                return self.result
        return self.result

    def _step(self, step: Step) -> str:
        there = self.progress.get(step.id)
        act, target = self.acts[step.act], self.targets[step.account]
        if there is not None and there.stage is Stage.APPLIED:
            if there.reason:  # a check failed; does it hold by now?
                self._finish(step, act, {"args": there.args}, there.after)
            return self._told(step, "skipped", "applied by this run before")
        args = resolved(step.args, self.progress)
        context = {"args": args}
        begun = there is not None and there.stage in (Stage.BEGUN, Stage.SENT)
        if begun and act.sends:
            raise StoppedError("nobody knows whether the message was sent, and it is not sent twice.", begun=True)
        state = read_state(target.caller, act.reading, context)
        if act.done.true({**context, "state": state}):
            if begun:
                self._finish(step, act, context, state)
                return self._told(step, "applied", "an earlier go had sent the call")
            self._record("skipped", step, act=act.name, title=step.title, args=args, after=state)
            return self._told(step, "skipped", "it is so already")
        seen = there.before if there is not None and begun else step.seen
        if not same(state, seen):
            raise StoppedError(
                "it was begun, and its state is now neither what it was before nor what was to be."
                if begun
                else "its state is no longer what the plan saw.",
                differences(seen, state),
                begun=begun,
            )
        self._change(step, act, context, state, begun=begun)
        return self._told(step, "applied", "")

    def _change(self, step: Step, act: Act, context: Mapping[str, Any], state: Any, *, begun: bool) -> None:  # noqa: ANN401
        """Send a step's call and see that it is done; what was begun keeps the record of its beginning."""
        target, request = self.targets[step.account], act.request
        params = params_of(request, context)
        call = {"service": request.service, "operation": request.operation, "params": params}
        if act.never is not None and act.never.true({**context, "state": state}):
            raise StoppedError(act.refusal)
        if refusal := self.guards[step.account].refusal(act, context["args"], call):
            raise StoppedError(refusal)
        if not begun:
            self._record("before", step, act=act.name, title=step.title, args=context["args"], call=call, before=state)
        try:
            send(target, request, context, token_of(self.run, step.id))
        except UnsureError as error:
            self._record("doubt", step, reason=f"{error} Nobody knows whether AWS did it.")
            if act.sends or not self._shows(step, act, context):
                raise StoppedError(f"{error} It does not show that AWS did it.", begun=True) from error
            return
        except CallError as error:
            # What an earlier go began may be done all the same.
            self._record("doubt" if begun else "failed", step, reason=str(error))
            raise
        self._record("sent", step)
        if act.sends:
            self._finish(step, act, context, state)
            return
        if not self._shows(step, act, context):
            raise StoppedError(f"the call was answered well, and {act.settles:g} s later nothing shows.", begun=True)

    def _shows(self, step: Step, act: Act, context: Mapping[str, Any]) -> bool:
        """Read until a step is done, or its time is over; return whether it is."""
        states: list[Any] = []

        def look() -> bool:
            states.append(read_state(self.targets[step.account].caller, act.reading, context))
            return act.done.true({**context, "state": states[-1]})

        try:
            if not self.clock.until(look, act.settles):
                return False
        except CallError as error:
            raise StoppedError(f"whether it is done can't be read: {error}", begun=True) from error
        self._finish(step, act, context, states[-1])
        return True

    def _finish(self, step: Step, act: Act, context: Mapping[str, Any], state: Any) -> None:  # noqa: ANN401
        self._record("after", step, after=state)
        for check in act.checks:
            try:
                found = read_state(self.targets[step.account].caller, check.reading, context)
            except CallError as error:
                raise StoppedError(f"it is done, and what follows can't be checked: {error}", begun=True) from error
            if not check.holds.true({**context, "state": found}):
                raise StoppedError(f"{check.message} (AWS says: {found})", begun=True)

    def _look_again(self, steps: Sequence[Step]) -> None:
        for step in steps:
            act = self.acts[step.act]
            if act.sends:
                continue
            context = {"args": self.progress[step.id].args}
            state = read_state(self.targets[step.account].caller, act.reading, context)
            if not act.done.true({**context, "state": state}):
                lines = differences(self.progress[step.id].after, state)
                raise StoppedError(f"step {step.id} was done, and is so no more.", lines, begun=True)
            self.watch(Event(step, "checked"))

    def _told(self, step: Step, word: str, detail: str) -> str:
        (self.result.applied if word == "applied" else self.result.skipped).append(step.id)
        self.watch(Event(step, word, detail))
        return word

    def _record(self, record: str, step: Step, **values: Any) -> None:  # noqa: ANN401
        follow(self.progress, self.journal.add(record, step.id, **values))

    def _stop(self, step: Step, error: Exception) -> None:
        """Note where and why it ended: in the result, and in the journal where that can be written."""
        there = self.progress.get(step.id)
        begun = there is not None and there.stage in (Stage.BEGUN, Stage.SENT, Stage.APPLIED)
        self.result.stopped, self.result.reason, self.result.begun = step, str(error), begun
        if isinstance(error, StoppedError):
            self.result.lines = error.lines
        if isinstance(error, WritingError) or (there is not None and there.stage is Stage.FAILED):
            return
        try:
            self._record("doubt" if begun else "refused", step, title=step.title, reason=str(error))
        except WritingError as unwritten:
            self.result.lines = (*self.result.lines, str(unwritten))
