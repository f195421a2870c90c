"""Take back what a run did, in reverse, from the states that its journal has.

A step whose resource has changed since is not touched: it is named and left, unless it is forced. What was taken back
already is seen to be. What stops half-way goes on when it is asked for again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jmespath.exceptions import JMESPathError

from crenel.collect.session import Target
from crenel.errors import CallError, UnsureError, UsageError, nearest
from crenel.remediate.apply import Clock, StoppedError, send, token_of
from crenel.remediate.journal import CHANGED, Journal, Progress, Stage, follow
from crenel.remediate.model import Act, Request, Undoing
from crenel.remediate.runs import Run
from crenel.remediate.states import differences, made_by, read_state, same
from crenel.remediate.templates import filled, told


@dataclass(frozen=True, slots=True)
class Left:
    """A step that was not taken back, or not wholly: why, and how its state differs."""

    step: Progress
    reason: str
    lines: tuple[str, ...] = ()


@dataclass(slots=True)
class Undone:
    """What became of a run's steps. `already`: their states were as before without us."""

    undone: list[Progress] = field(default_factory=list)
    already: list[Progress] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)


def to_undo(run: Run, steps: Iterable[str] = ()) -> list[Progress]:
    """Return the steps of a run that changed something, the last one first; of these only the named ones, if any.

    Raises `LakeError` where the journal is damaged.
    """
    wanted = set(steps)
    found = [each for each in run.progress().values() if each.stage in CHANGED]
    return [each for each in reversed(found) if not wanted or each.step in wanted]


def requests(act: Act, step: Progress) -> list[tuple[Request, dict[str, Any]]]:
    """Return the calls that take a step back, each with its parameters, by the states that the journal has."""
    context = _context(step)
    return [
        (request, filled(request.params, context))
        for request in act.undo
        if request.when is None or request.when.true(context)
    ]


def act_of(acts: Mapping[str, Act], step: Progress) -> Act:
    """Return a step's act. Raises `UsageError` where this Crenel does not know it any more."""
    if step.act not in acts:
        raise UsageError(f"this Crenel has no act {step.act}.", suggestion=nearest(step.act, acts))
    return acts[step.act]


class Taking:
    """Takes back steps of one run."""

    def __init__(
        self,
        run: Run,
        journal: Journal,
        acts: Mapping[str, Act],
        targets: Mapping[str, Target],
        *,
        force: bool = False,
        watch: Callable[[Progress, str], None] = lambda _step, _word: None,
        clock: Clock | None = None,
    ) -> None:
        self.run = run
        self.journal = journal
        self.acts = acts
        self.targets = targets
        self.force = force
        self.watch = watch
        self.clock = clock or Clock()
        self.progress = run.progress()
        self.result = Undone()

    def steps(self, steps: Sequence[Progress]) -> Undone:
        """Take steps back, in this order. What can't be is left, and the rest goes on.

        Raises `WritingError` where the journal can't be written: then nothing more is done.
        """
        for step in steps:
            try:
                word = self._step(step)
            except (StoppedError, CallError, JMESPathError) as error:
                lines = error.lines if isinstance(error, StoppedError) else ()
                self._record("left", step, reason=str(error))
                self.result.left.append(Left(step, str(error), lines))
                word = "left"
            self.watch(step, word)
        return self.result

    def _step(self, step: Progress) -> str:
        try:
            act = act_of(self.acts, step)
        except UsageError as error:
            raise StoppedError(str(error)) from error
        target = self.targets[step.args["account"]]
        state = read_state(target.caller, act.reading, {"args": step.args})
        amid = (step.undid or step.unsure is not None) and len(requests(act, step)) > max(1, len(step.undid))
        if same(state, step.before) and not amid:
            return self._back(step, state, begun=step.stage is Stage.UNDOING)
        if act.undoing is Undoing.NO:
            raise StoppedError(f"it can't be taken back. {told(act.lost, {'args': step.args})}".rstrip())
        step = self._known(step, act, state)
        calls = requests(act, step)
        # One call of several was made: the state is in between, and the others are still to be made.
        if not same(state, step.after) and not amid and not self.force:
            raise StoppedError("it was changed since, by someone else.", differences(step.after, state))
        if not calls:
            raise StoppedError("there is no call that takes it back.", differences(step.before, state))
        for position, (request, _) in enumerate(calls):
            if position not in step.undid:
                self._send(step, request, position)
        if not self._is_back(step, act):
            state = read_state(target.caller, act.reading, {"args": step.args})
            raise StoppedError("its state is not what it was before.", differences(step.before, state))
        return self._back(step, None, begun=True)

    def _known(self, step: Progress, act: Act, state: Any) -> Progress:  # noqa: ANN401 (any JSON value)
        """Return a step with its state after: a run that was cut off after the call did not write it down."""
        if step.known:
            return step
        if not act.done.true({"args": step.args, "state": state}) and not self.force:
            lines = differences(step.before, state)
            raise StoppedError("it was begun, and its state is neither what it was before nor what was to be.", lines)
        self._record("after", step, after=state)
        return self.progress[step.step]

    def _send(self, step: Progress, request: Request, position: int) -> None:
        self._record("undoing", step, call=position)
        target = self.targets[step.args["account"]]
        try:
            send(target, request, _context(step), token_of(self.run, step.step, "undo", str(position)))
        except UnsureError:
            return  # the state will tell
        except CallError:
            if step.unsure != position:
                raise
            # An earlier go may have made this very call, so that AWS has nothing left to do; the state tells.
        self._record("undid", step, call=position)

    def _is_back(self, step: Progress, act: Act) -> bool:
        """Read until the state is as before, or the act's time is over; of what comes back partly, until it is not
        done any more.
        """
        context = {"args": step.args}

        def look() -> bool:
            state = read_state(self.targets[step.args["account"]].caller, act.reading, context)
            partly = act.undoing is Undoing.PARTLY and not act.done.true({**context, "state": state})
            return partly or same(state, step.before)

        return self.clock.until(look, act.settles)

    def _back(self, step: Progress, state: Any, *, begun: bool) -> str:  # noqa: ANN401
        self._record("undone", step, **({} if begun else {"state": state}))
        (self.result.undone if begun else self.result.already).append(step)
        return "undone" if begun else "already"

    def _record(self, record: str, step: Progress, **values: Any) -> None:  # noqa: ANN401
        follow(self.progress, self.journal.add(record, step.step, **values))


def _context(step: Progress) -> dict[str, Any]:
    made = made_by(step.before, step.after)
    return {"args": step.args, "before": step.before, "after": step.after, "made": made}
