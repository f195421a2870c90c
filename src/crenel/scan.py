"""The use cases of a scan: read accounts, judge them, judge a stored snapshot again, say what a scan would cost or
need.

choose policies → compile to plans → what they read → collect (spool) → commit (snapshot) → judge (findings)
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from crenel import choice
from crenel.catalog.load import Catalog, catalog
from crenel.choice import Choice
from crenel.collect.collector import ProgressEvent, collect
from crenel.collect.estimate import Line, estimate
from crenel.collect.limits import rates
from crenel.collect.organization import unopened
from crenel.collect.regions import SCANNED, coverage
from crenel.collect.session import Target, open_profiles
from crenel.collect.spool import Spool
from crenel.errors import LakeError, UsageError
from crenel.judge.run import Judgement, judge
from crenel.judge.waiving import Accepting
from crenel.lake.alerts import AlertStore
from crenel.lake.engine import connect, parquet
from crenel.lake.event_store import EventStore
from crenel.lake.query import query as ask
from crenel.lake.running import Head, interrupted_scan, new_scan, write_head
from crenel.lake.snapshots import Damage, Lake, Snapshot
from crenel.language.plan import Plain
from crenel.language.policy import Plan
from crenel.model import Needs, ScanInfo, Standard, UnitRecord
from crenel.policies.facts import facts
from crenel.policies.reads import Table, needs_of
from crenel.policies.reads import permissions as permissions_of
from crenel.policies.written.model import Policy
from crenel.remediate.planning import needs_of_fixes
from crenel.waive import accepted

# What a scan asks before it knows what there is to read; ListRegions only where DescribeRegions is denied.
_ALWAYS = ("ec2:DescribeRegions", "account:ListRegions")


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """What a user asks for. `frameworks` are ids or files, `policies` name patterns, `practices` numbers, `paths` files
    or folders of own policies; `choice.choose` says how they go together.

    `regions` empty: all that the accounts have opted in to. `as_of` (aware) picks the newest snapshot not younger.
    `for_fixes`: read also what repairs of the policies would like to know. `waivers` are files or folders of waivers.
    """

    profiles: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    practices: tuple[int, ...] = ()
    paths: tuple[Path, ...] = ()
    frameworks: tuple[str, ...] = ()
    standard: Standard = Standard.FSBP
    lake: Path = Path()
    as_of: datetime | None = None
    resume: bool = False
    for_fixes: bool = False
    waivers: tuple[Path, ...] = ()


@dataclass(slots=True)
class Outcome:
    """A judged snapshot. To be used in a `with`, which lets go of the engine and of what it wrote aside.

    `parameters` are those that the policies were asked with, by `Plan.key`; `catalog` has what the policies add to it.
    """

    info: ScanInfo
    judgement: Judgement
    plans: tuple[Plan, ...]
    policies: tuple[Policy, ...]
    damages: tuple[Damage, ...]
    seconds: float
    aside: tempfile.TemporaryDirectory[str] = field(repr=False)
    parameters: Mapping[str, Mapping[str, Plain]] = field(default_factory=dict, repr=False)
    catalog: Catalog = field(default_factory=catalog, repr=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.judgement.close()
        self.aside.cleanup()


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a scan of one account would cost. `assumed_regions`: the account was not asked which Regions it has."""

    lines: tuple[Line, ...]
    assumed_regions: bool

    @property
    def total_calls(self) -> int:
        """The calls of all lines: the least where a line is not exact."""
        return sum(line.calls for line in self.lines)

    @property
    def minutes(self) -> str:
        """The time in words, at 40 to 100 ms a call: services and Regions run side by side, so the slowest decides."""
        near, far = (max((line.seconds[at] for line in self.lines), default=0.0) / 60 for at in (0, 1))
        return "less than a minute" if far < 1 else f"{near:.0f} to {far:.0f} minutes"


def choose(options: ScanOptions) -> Choice:
    """Return the policies in play and their plans. A policy of the user's replaces the built-in one of its name.

    Raises `PolicyError` for one that does not load or compile, `UsageError` for a name, number or path that is not
    there.
    """
    return choice.choose(options.frameworks, options.policies, options.practices, options.paths, options.standard)


def scan(
    options: ScanOptions,
    progress: Callable[[ProgressEvent], None] | None = None,
    stop: threading.Event | None = None,
) -> Outcome:
    """Read the accounts, keep a snapshot, judge it.

    What AWS refuses becomes a gap. Raises `PolicyError`, `UsageError`, `CredentialsError` before any reading,
    `CrenelError` where the lake can't be written; Ctrl-C keeps what is finished, for `resume`.
    """
    began = time.monotonic()
    chosen = choose(options)
    waivers = _waivers(options, chosen)
    needs = _needs(options, chosen, waivers)
    targets, failures = open_profiles(options.profiles)
    try:
        snapshot = _snapshot(options, chosen.catalog, targets, failures, needs, progress, stop)
    finally:
        for target in targets:
            target.close()
    return _judged(snapshot, chosen, waivers, (), began, keep=True)


def _snapshot(
    options: ScanOptions,
    known: Catalog,
    targets: Sequence[Target],
    failures: Mapping[str, UsageError],
    needs: Sequence[Needs],
    progress: Callable[[ProgressEvent], None] | None,
    stop: threading.Event | None,
) -> Snapshot:
    lake = Lake(options.lake)
    if options.resume:
        with interrupted_scan(lake, lambda head: _fits(head, known, targets, options, needs)) as (folder, head):
            return _read(lake, known, folder, head, targets, progress, stop)
    with new_scan(lake) as folder:
        head = _begin(folder, targets, options, needs, failures)
        return _read(lake, known, folder, head, targets, progress, stop)


def _read(
    lake: Lake,
    known: Catalog,
    folder: Path,
    head: Head,
    targets: Sequence[Target],
    progress: Callable[[ProgressEvent], None] | None,
    stop: threading.Event | None,
) -> Snapshot:
    before: Counter[str] = Counter({"sts": len(targets)})
    for target in targets:
        before.update(_by_service(target.caller.tally.calls))
    records = collect(
        targets,
        [Needs(kind, frozenset(details)) for kind, details in head.info.details.items()],
        head.info.coverage,
        Spool(folder),
        catalog=known,
        now=head.info.started_at,
        progress=progress,
        stop=stop,
        restrict_global=head.info.restricted,
    )
    return lake.commit(folder, _finished(head, records, before), records, known, head.gaps)


def judge_stored(options: ScanOptions) -> Outcome:
    """Judge the last snapshot (or the last not younger than `as_of`) without a call. Raises `LakeError` without one."""
    began = time.monotonic()
    chosen = choose(options)
    waivers = _waivers(options, chosen)
    snapshot, damages = Lake(options.lake).latest(options.as_of)
    return _judged(snapshot, chosen, waivers, tuple(damages), began, keep=False)


def explain(options: ScanOptions) -> Explanation:
    """Return what a scan would cost, without a call: by the sizes of the last snapshot, where there is one."""
    chosen = choose(options)
    needs = _needs(options, chosen, _waivers(options, chosen))
    sizes: Mapping[tuple[str, str], int] | None = None
    regions: Sequence[str] | None = options.regions or None
    try:
        snapshot, _ = Lake(options.lake).latest()
    except LakeError:
        pass  # a first scan: the lines give the least, and say on what the rest depends
    else:
        sizes = _sizes(snapshot)
        regions = regions or snapshot.info.regions
    lines = estimate(needs, regions, chosen.catalog, rates(), sizes)
    return Explanation(tuple(lines), assumed_regions=regions is None)


def permissions(options: ScanOptions) -> dict[str, Any]:
    """Return the IAM policy document that lets a scan read what the plans read, and nothing more."""
    chosen = choose(options)
    needs = _needs(options, chosen, _waivers(options, chosen))
    kinds = [(chosen.catalog[need.type], need) for need in needs]
    read = [Table(kind, need, (), kind.with_needs(need.details)) for kind, need in kinds]
    actions = {*_ALWAYS, *permissions_of(read)}
    statement = {"Sid": "CrenelScan", "Effect": "Allow", "Action": sorted(actions), "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}


@contextmanager
def query(
    folder: Path, sql: str, as_of: datetime | None = None, damaged: Callable[[Damage], None] | None = None
) -> Iterator[tuple[list[str], Iterator[tuple[object, ...]]]]:
    """Run one SELECT over the last snapshot (or the last that was begun by `as_of`) and the events that were taken in;
    yield its columns and its rows.

    `damaged` is told of the snapshots that were passed over. Raises `UsageError` for what can't be run, `LakeError`
    where there is neither a snapshot nor an event.
    """
    snapshot: Snapshot | None = None
    damages: Sequence[Damage] = ()
    try:
        snapshot, damages = Lake(folder).latest(as_of)
    except LakeError:
        if EventStore(folder).empty and AlertStore(folder).empty:
            raise
    for damage in damages:
        if damaged is not None:
            damaged(damage)
    with ask(snapshot, sql, folder) as answer:
        yield answer


# --- what is read


def _waivers(options: ScanOptions, chosen: Choice) -> list[Accepting]:
    _, found = accepted(options.waivers, options.paths, chosen, options.standard)
    return found


def _needs(options: ScanOptions, chosen: Choice, waivers: Sequence[Accepting]) -> list[Needs]:
    """Return the types and details to read: those of the plans and the waivers, and where they are asked for those of
    the repairs.
    """
    needs = needs_of([*chosen.plans, *(each.reads() for each in waivers)], chosen.catalog)
    if not options.for_fixes:
        return needs
    own = {policy.name for policy in chosen.policies if policy.builtin}
    wanted = {need.type: need.details for need in needs}
    for need in needs_of_fixes({plan.policy: plan.table for plan in chosen.plans if plan.policy in own}):
        wanted[need.type] = wanted.get(need.type, frozenset()) | need.details
    return [Needs(name, details) for name, details in sorted(wanted.items())]


# --- a scan's folder


def _begin(
    folder: Path,
    targets: Sequence[Target],
    options: ScanOptions,
    needs: Sequence[Needs],
    failures: Mapping[str, UsageError],
) -> Head:
    """Ask which Regions and accounts can be read at all, and write down what the scan is about to do."""
    covered, gaps = unopened(failures, targets)
    for target in targets:
        found, missing = coverage(target, options.regions)
        covered += found
        gaps += missing
    info = ScanInfo(
        id=folder.name,
        started_at=datetime.now(UTC),
        finished_at=None,
        accounts=tuple(target.account for target in targets),
        regions=tuple(sorted({each.region for each in covered if each.state == SCANNED})),
        coverage=tuple(covered),
        details={need.type: tuple(sorted(need.details)) for need in needs},
        restricted=bool(options.regions),
    )
    head = Head(info, tuple(gaps))
    write_head(folder, head)
    return head


def _fits(head: Head, known: Catalog, targets: Sequence[Target], options: ScanOptions, needs: Sequence[Needs]) -> None:
    """Raise `UsageError` where an interrupted scan is another than the one that is asked for."""
    was = {account.id for account in head.info.accounts}
    now = {target.account.id for target in targets}
    if was != now:
        raise UsageError(
            f"the interrupted scan is of account {', '.join(sorted(was))}, "
            f"and these credentials are of {', '.join(sorted(now))}."
        )
    regions = {each.region for each in head.info.coverage} if head.info.restricted else set()
    if options.regions and set(options.regions) != regions:
        raise UsageError(
            f"the interrupted scan is of {', '.join(sorted(regions)) or 'all Regions'}.",
            suggestion="Resume it with the options it was begun with.",
        )
    if any(name not in known for name in head.info.details):
        raise UsageError(
            "the interrupted scan reads by a `query` that none of these policies has.",
            suggestion="Resume it with the options it was begun with.",
        )
    for need in needs:
        if need.type not in head.info.details or not need.details <= set(head.info.details[need.type]):
            raise UsageError(
                f"the interrupted scan does not read all of aws.{need.type} that these policies need.",
                suggestion="Resume it with the options it was begun with.",
            )


def _finished(head: Head, records: Sequence[UnitRecord], before: Counter[str]) -> ScanInfo:
    calls = Counter(before)
    for record in records:
        calls.update(_by_service(record.calls))
    return replace(
        head.info,
        finished_at=datetime.now(UTC),
        calls_by_service=dict(sorted(calls.items())),
        complete=not head.gaps and not any(record.gaps for record in records),
    )


def _by_service(calls: Mapping[str, int]) -> Counter[str]:
    found: Counter[str] = Counter()
    for call, number in calls.items():
        found[call.split(":")[0]] += number
    return found


# --- a snapshot


def _judged(
    snapshot: Snapshot,
    chosen: Choice,
    waivers: Sequence[Accepting],
    damages: tuple[Damage, ...],
    began: float,
    *,
    keep: bool,
) -> Outcome:
    """Judge a snapshot; `keep` puts the findings beside it, for `crenel sql` and whoever reads the lake."""
    aside = tempfile.TemporaryDirectory(prefix="crenel-")
    target = snapshot.findings if keep else Path(aside.name) / "findings"
    try:
        judgement = judge(
            snapshot,
            chosen.plans,
            chosen.catalog,
            facts(),
            target,
            spill=Path(aside.name),
            about=chosen.about(),
            waivers=waivers,
        )
    except BaseException:
        aside.cleanup()
        raise
    seconds = time.monotonic() - began
    return Outcome(
        info=snapshot.info,
        judgement=judgement,
        plans=chosen.plans,
        policies=chosen.policies,
        damages=damages,
        seconds=seconds,
        aside=aside,
        parameters=chosen.parameters,
        catalog=chosen.catalog,
    )


def _sizes(snapshot: Snapshot) -> dict[tuple[str, str], int]:
    """Return the rows of an account by type and Region, on average where the snapshot has several accounts."""
    source = parquet(snapshot.folder / "collection.parquet")
    with connect() as connection:
        found = connection.execute(f"SELECT type, region, sum(rows) FROM {source} GROUP BY ALL").fetchall()
    accounts = max(1, len(snapshot.info.accounts))
    return {(kind, region): int(rows) // accounts for kind, region, rows in found}
