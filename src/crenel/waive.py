"""The use cases of waivers: what they ask of a scan's findings, and what they cover in the last snapshot.

files → waivers → what they ask of each table → what is accepted, beside the findings
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

from crenel.catalog.load import catalog
from crenel.choice import Choice, choose, key_of
from crenel.errors import LakeError, PolicyError, PolicyFileError
from crenel.frameworks.load import builtin_frameworks, framework
from crenel.frameworks.model import Framework
from crenel.judge.accepted import spoken
from crenel.judge.run import laid_out
from crenel.judge.waiving import Accepting, accepting
from crenel.lake.engine import connect
from crenel.lake.findings import about, stored_findings
from crenel.lake.snapshots import Lake, Snapshot
from crenel.model import ScanInfo, Standard
from crenel.policies.compile import PolicyCompiler
from crenel.policies.facts import facts
from crenel.policies.written.load import builtin_names, load_policies, policy_files
from crenel.waivers.load import load_waivers
from crenel.waivers.model import Waiver, Waivers


def accepted(
    paths: Sequence[Path],
    own: Sequence[Path],
    chosen: Choice,
    standard: Standard,
    today: date | None = None,
) -> tuple[Waivers, list[Accepting]]:
    """Return the waivers of files and folders, and what they ask of the findings of what is chosen.

    `own` are the files of the user's policies. Raises `PolicyError` with everything that is wrong in the waivers,
    `UsageError` for a path that is not there.
    """
    if not paths:
        return Waivers(), []
    loaded = _loaded(paths, own, chosen.frameworks, today or datetime.now(UTC).date())
    compiler = PolicyCompiler(chosen.catalog, facts(), standard)
    return loaded, accepting(loaded.waivers, chosen.plans, compiler, _decided(chosen))


def _decided(chosen: Choice) -> Mapping[str, Collection[str]]:
    """Return the controls that each plan decides, by its key."""
    found: dict[str, set[str]] = {}
    for each in chosen.frameworks:
        for control in each.controls:
            for index, asked in enumerate(control.policies):
                place = (each.id, control.id, index)
                if place in chosen.variants:
                    key = key_of(asked.policy, chosen.variants[place])
                    found.setdefault(key, set()).add(f"{each.id}/{control.id}")
    return found


def _loaded(paths: Sequence[Path], own: Sequence[Path], frameworks: Sequence[Framework], today: date) -> Waivers:
    return load_waivers(
        paths,
        policies={*builtin_names(), *_own_names(own)},
        types=[f"aws.{name}" for name in catalog()],
        controls=lambda: _controls(frameworks),
        today=today,
    )


def _own_names(own: Sequence[Path]) -> set[str]:
    return {policy.name for path in policy_files(own) for policy in load_policies(path)}


def _controls(frameworks: Sequence[Framework]) -> set[str]:
    """Return the controls of the built-in frameworks and of these."""
    known = [*map(framework, builtin_frameworks()), *frameworks]
    return {f"{each.id}/{control.id}" for each in known for control in each.controls}


# --- against the last snapshot


@dataclass(frozen=True, slots=True)
class Covered:
    """What a waiver does for the last snapshot: findings that it accepts, and by reason those that came back."""

    waiver: Waiver
    accepts: int
    lapsed: tuple[tuple[str, int], ...]

    @property
    def speaks_of(self) -> int:
        """How many findings it speaks of, whether it holds for them or not."""
        return self.accepts + sum(count for _, count in self.lapsed)


@dataclass(frozen=True, slots=True)
class Checked:
    """Waivers that are right as written, what is doubtful in them, and what they do for the last snapshot.

    `info` is that snapshot's head, None where there is none that was judged. `strangers` are policies that its scan
    judged, and that are neither built in nor among the user's files: of them nothing can be said.
    """

    covered: tuple[Covered, ...]
    warnings: tuple[PolicyError, ...]
    info: ScanInfo | None = None
    strangers: tuple[str, ...] = ()


def check(
    paths: Sequence[Path],
    own: Sequence[Path],
    lake: Path,
    *,
    as_of: datetime | None = None,
    now: datetime | None = None,
) -> Checked:
    """Return what is to be said of waivers, without a call.

    They are held against what the last snapshot's own scan found. Whether a waiver has ended is asked of the clock: the
    question is what the next scan will say. Ages in a `while` are measured against the snapshot's time all the same.

    Raises `PolicyError` with everything that is wrong in them, a `while` that can't be asked of some type included;
    `UsageError` for a path that is not there.
    """
    now = now or datetime.now(UTC)
    loaded = _loaded(paths, own, (), now.date())
    warnings = [*loaded.warnings, *_asked_of_rows(loaded, own)]
    nothing = Checked(tuple(Covered(each, 0, ()) for each in loaded.waivers), tuple(warnings))
    try:
        snapshot, _ = Lake(lake).latest(as_of)
    except LakeError:
        return nothing
    if not snapshot.findings.is_dir():
        return nothing
    found, strangers = _held_against(snapshot, loaded, own, now)
    return Checked(found, tuple(warnings), snapshot.info, strangers)


def _asked_of_rows(loaded: Waivers, own: Sequence[Path]) -> Iterator[PolicyError]:
    """Compile what waivers ask of resources, for every type that they speak of; yield what can never hold."""
    asking = [each for each in loaded.waivers if each.condition is not None or each.tagged]
    if not asking:
        return
    chosen = choose(names=[pattern for each in asking for pattern in each.policies], paths=own)
    compiler = PolicyCompiler(chosen.catalog, facts(), Standard.FSBP)
    errors: list[PolicyError] = []
    for waiver in asking:
        try:
            found = accepting([replace(waiver, controls=())], chosen.plans, compiler, {})
        except PolicyError as error:
            errors += error.all()
            continue
        for each in waiver.tagged:
            if not any(each.key in one.tags for one in found):
                yield each.at.error("no type of which this waiver's policies speak has tags here.")
    if errors:
        raise errors[0] if len(errors) == 1 else PolicyFileError(errors)


def _held_against(
    snapshot: Snapshot, loaded: Waivers, own: Sequence[Path], now: datetime
) -> tuple[tuple[Covered, ...], tuple[str, ...]]:
    with connect() as connection:
        findings = stored_findings(snapshot.findings)
        controls = about(snapshot.findings, "controls")
        failing = connection.execute(
            f"SELECT DISTINCT policy, variant FROM {findings} WHERE status = 'FAIL'"
        ).fetchall()
        decided = connection.execute(f"SELECT policy, variant, framework || '/' || control FROM {controls}").fetchall()
        known = {*builtin_names(), *_own_names(own)}
        spoken_of = {policy for policy, _ in failing if any(each.speaks_of(policy) for each in loaded.waivers)}
        names = sorted(spoken_of & known)
        chosen = choose(names=names, paths=own) if names else None
        plans = {plan.policy: plan for plan in (chosen.plans if chosen else ())}
        asked = [replace(plans[policy], variant=variant) for policy, variant in failing if policy in plans]
        decides: dict[str, set[str]] = {}
        for policy, variant, control in decided:
            decides.setdefault(key_of(policy, variant), set()).add(control)
        compiler = PolicyCompiler(chosen.catalog if chosen else catalog(), facts(), Standard.FSBP)
        accepted_ = accepting(loaded.waivers, asked, compiler, decides)
        bench = laid_out(connection, snapshot, [each.reads() for each in accepted_], compiler.catalog, facts())
        query = spoken(accepted_, findings, bench.sources, snapshot.info.started_at, now)
        rows = connection.execute(
            f"SELECT waiver, lapsed, count(*) FROM ({query}) GROUP BY ALL ORDER BY 3 DESC, 2"
        ).fetchall()
    counts: dict[str, list[tuple[str | None, int]]] = {}
    for waiver, lapsed, count in rows:
        counts.setdefault(waiver, []).append((lapsed, count))
    covered = tuple(
        Covered(
            each,
            sum(count for lapsed, count in counts.get(each.id, ()) if lapsed is None),
            tuple((lapsed, count) for lapsed, count in counts.get(each.id, ()) if lapsed is not None),
        )
        for each in loaded.waivers
    )
    return covered, tuple(sorted(spoken_of - known))
