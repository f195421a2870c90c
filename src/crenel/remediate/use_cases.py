"""The use cases of a plan: apply it, take a run back, show what either would send.

a plan's steps → chosen → within the limits → accounts opened → under the lock: a new run, or the one that was cut off
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError
from botocore.session import Session

from crenel import __version__
from crenel.collect.calls import Caller, Sketch
from crenel.collect.session import Target, open_profiles
from crenel.errors import CallError, CredentialsError, UsageError, nearest
from crenel.remediate.apply import Applied, Applying, Clock, Event
from crenel.remediate.guards import Guard
from crenel.remediate.journal import Journal, Progress
from crenel.remediate.load import acts
from crenel.remediate.model import Plan, Step, Undoing
from crenel.remediate.planfile import to_text
from crenel.remediate.runs import Run, Runs
from crenel.remediate.undo import Taking, Undone, act_of, requests, to_undo

MOST_CHANGES = 20


@dataclass(frozen=True, slots=True)
class Limits:
    """How far a plan may go: steps at once, those after which it looks again (0: none), and what can't be undone."""

    changes: int = MOST_CHANGES
    canary: int = 0
    irreversible: bool = False


@dataclass(frozen=True, slots=True)
class Talk:
    """Who hears of it: `begun` which run it is and whether it goes on, `watch` each step; `again` is asked after the
    canaries.
    """

    begun: Callable[[Run, bool], None] = lambda _run, _goes_on: None
    watch: Callable[[Event], None] = lambda _: None
    again: Callable[[], bool] = lambda: True


@dataclass(frozen=True, slots=True)
class Sent:
    """A call of a step as it would be sent; without `sketch` where it depends on what an earlier step makes."""

    step: str
    title: str
    service: str
    operation: str
    params: Mapping[str, Any]
    sketch: Sketch | None = None


# --- apply


def chosen(plan: Plan, steps: Sequence[str] = (), only: Sequence[str] = ()) -> tuple[Step, ...]:
    """Return a plan's automatic steps: those with one of these ids, and of these those whose policy, act, resource,
    account or Region is one of the patterns `only`. Nothing named is all.

    Raises `UsageError` where there is no such step, or it is one by hand.
    """
    automatic = {step.id: step for step in plan.automatic}
    for word in steps:
        if word not in automatic:
            by_hand = any(step.id == word for step in plan.steps)
            message = f"step {word} is done by hand." if by_hand else f"the plan has no step {word}."
            raise UsageError(message, suggestion=f"Its automatic steps are {', '.join(automatic) or 'none'}.")
    for pattern in only:
        if not any(_fits(step, pattern) for step in automatic.values()):
            names = {step.policy for step in automatic.values()} | {step.resource for step in automatic.values()}
            raise UsageError(
                f'--only "{pattern}": no automatic step has this policy, act, resource, account or Region.',
                suggestion=nearest(pattern, names),
            )
    return tuple(
        step
        for step in automatic.values()
        if (not steps or step.id in steps) and (not only or any(_fits(step, pattern) for pattern in only))
    )


def _fits(step: Step, pattern: str) -> bool:
    words = (step.policy, step.act, step.resource, step.name, step.account, step.region)
    return any(fnmatchcase(word, pattern) for word in words if word)


def check_limits(steps: Sequence[Step], limits: Limits) -> None:
    """Raise `UsageError` where steps go further than they may. What can't be taken back needs a word of its own."""
    if len(steps) > limits.changes:
        raise UsageError(
            f"the plan has {len(steps):,} automatic steps, and at most {limits.changes:,} are done at once.",
            suggestion="Choose some (--step, --only), or raise --max-changes.",
        )
    lasting = [step.id for step in steps if acts()[step.act].undoing is Undoing.NO and not acts()[step.act].sends]
    if lasting and not limits.irreversible:
        several = len(lasting) > 1
        raise UsageError(
            f"step{'s' if several else ''} {', '.join(lasting)} can't be taken back.",
            suggestion="--allow-irreversible does such steps; --step and --only choose others.",
        )


@contextmanager
def opened(accounts: Sequence[str], profiles: Sequence[str]) -> Iterator[dict[str, Target]]:
    """Yield the accounts behind profiles (none: the ordinary chain of credentials), by id.

    Raises `CredentialsError` where one of `accounts` is not among them, and what `open_profiles` raises.
    """
    found, failures = open_profiles(profiles)
    targets = {target.account.id: target for target in found}
    try:
        missing = sorted(set(accounts) - targets.keys())
        if missing:
            why = "".join(f" The profile {profile}: {error}" for profile, error in failures.items())
            raise CredentialsError(
                f"there are no credentials for {', '.join(missing)}; those in use are of {', '.join(targets)}.{why}",
                suggestion="Name a profile for each account: --profile.",
            )
        yield targets
    finally:
        for target in found:
            target.close()


def apply_plan(
    plan: Plan,
    steps: Sequence[Step],
    lake: Path,
    targets: Mapping[str, Target],
    limits: Limits,
    talk: Talk,
    clock: Clock | None = None,
) -> tuple[Run, Applied]:
    """Apply steps of a plan in accounts that are open, and return the run and what became of them.

    Goes on with the run of this plan that was cut off, if there is one. Raises `UsageError` where the limits forbid it,
    before the first call, and where somebody else holds the lock; `WritingError` where the lake can't be written.
    """
    check_limits(steps, limits)
    text, runs = to_text(plan), Runs(lake)
    with runs.locked(f"applying the plan {plan.id}"):
        before = runs.going_on(text)
        run = before or runs.new(text)
        talk.begun(run, before is not None)
        journal = run.journal()
        try:
            _sign(journal, "apply", targets)
            applying = Applying(run, journal, acts(), targets, watch=talk.watch, clock=clock)
            return run, applying.steps(steps, limits.canary, talk.again)
        finally:
            journal.close()


# --- take back


def chosen_run(lake: Path, run: str, steps: Sequence[str]) -> tuple[Run, list[Progress]]:
    """Return a run (an empty text: the last that changed something) and its steps to be taken back, in that order.

    Raises `UsageError` for a run that there is not, and a step that did not change anything.
    """
    runs = Runs(lake)
    found = runs.named(run) if run else runs.last_changed()
    changed = to_undo(found)
    known = found.progress()
    for step in steps:
        if step not in {each.step for each in changed}:
            what = f"is {known[step].stage.value}" if step in known else "was not begun"
            raise UsageError(f"step {step} of the run {found.id} {what}: there is nothing to take back.")
    return found, to_undo(found, steps)


def undo_run(
    run: Run,
    steps: Sequence[str],
    lake: Path,
    targets: Mapping[str, Target],
    *,
    force: bool = False,
    watch: Callable[[Progress, str], None] = lambda _step, _word: None,
    clock: Clock | None = None,
) -> Undone:
    """Take back steps of a run (none: all) in accounts that are open, the last one first.

    Raises `UsageError` where somebody else holds the lock, `WritingError` where the journal can't be written.
    """
    with Runs(lake).locked(f"taking back the run {run.id}"):
        journal = run.journal()
        try:
            _sign(journal, "undo", targets)
            taking = Taking(run, journal, acts(), targets, force=force, watch=watch, clock=clock)
            return taking.steps(to_undo(run, steps))
        finally:
            journal.close()


def _sign(journal: Journal, doing: str, targets: Mapping[str, Target]) -> None:
    """Write down who goes to work. Raises `CredentialsError` where AWS does not tell, and `WritingError`."""
    try:
        who = [identity.arn for target in targets.values() for identity in Guard(target).identities]
    except CallError as error:
        raise CredentialsError(f"it can't be told whose credentials these are: {error}") from error
    journal.add("run", crenel=__version__, doing=doing, identities=who)


# --- what would be sent


def sketched(steps: Sequence[Step], profile: str = "") -> Iterator[Sent]:
    """Yield the calls of steps as they would be sent, checked by botocore; nothing is sent, nothing is asked.

    Raises `UsageError` where AWS would not take one.
    """
    for step in steps:
        request = acts()[step.act].request
        if not step.call:
            yield Sent(step.id, step.title, request.service, request.operation, {})
            continue
        params = step.call["params"]
        yield _sketched(
            step.id, step.title, request.service, request.operation, params, step.account, step.region, profile
        )


def sketched_undo(steps: Sequence[Progress], profile: str = "") -> Iterator[Sent]:
    """Yield the calls that take steps back, as `sketched` does; of a step that was cut off as if nothing was made."""
    for step in steps:
        for request, params in requests(act_of(acts(), step), step):
            place = (step.args["account"], step.args["region"], profile)
            yield _sketched(step.step, step.title, request.service, request.operation, params, *place)


def _sketched(  # noqa: PLR0913, PLR0917 (a call's parts)
    step: str,
    title: str,
    service: str,
    operation: str,
    params: Mapping[str, Any],
    account: str,
    region: str,
    profile: str,
) -> Sent:
    try:
        caller = Caller(Session(profile=profile or None), account)
        try:
            return Sent(step, title, service, operation, params, caller.sketch(service, operation, params, region))
        finally:
            caller.close()
    except CallError as error:
        raise UsageError(f"step {step}: {error}") from error
    except BotoCoreError as error:
        raise CredentialsError(f"the AWS configuration can't be used: {error}") from error
