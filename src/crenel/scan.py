"""The use cases of a scan: read accounts, judge them, judge a stored snapshot again, say what a scan would cost or
need.

choose policies → compile to plans → what they read → collect (spool) → commit (snapshot) → judge (findings)
"""

from __future__ import annotations

import fcntl
import json
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

import duckdb

from crenel.catalog.load import catalog
from crenel.collect.collector import ProgressEvent, collect
from crenel.collect.estimate import Line, estimate
from crenel.collect.limits import rates
from crenel.collect.regions import SCANNED, coverage
from crenel.collect.session import Target, open_profiles
from crenel.collect.spool import Spool
from crenel.errors import LakeError, UsageError
from crenel.judge.run import Judgement, judge
from crenel.lake.engine import connect, name, quoted
from crenel.lake.snapshots import Damage, Lake, Snapshot, info_from_json, info_json, verify
from crenel.language.plan import Plan
from crenel.model import Coverage, Gap, Needs, ScanInfo, Standard, UnitRecord
from crenel.policies.facts import facts
from crenel.policies.load import Policy, PolicyCompiler, builtin_policies, load_policies, needs_of, policy_files, select

_HEAD = "scan.json"
# What a scan asks before it knows what there is to read; ListRegions only where DescribeRegions is denied.
_ALWAYS = ("ec2:DescribeRegions", "account:ListRegions")


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """What a user asks for. `policies` are name patterns, `practices` numbers, `paths` files or folders of own
    policies.

    `regions` empty: all that the accounts have opted in to. `as_of` (aware) picks the newest snapshot not younger.
    """

    profiles: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    practices: tuple[int, ...] = ()
    paths: tuple[Path, ...] = ()
    standard: Standard = Standard.FSBP
    lake: Path = Path()
    as_of: datetime | None = None
    resume: bool = False


@dataclass(slots=True)
class Outcome:
    """A judged snapshot. To be used in a `with`, which lets go of the engine and of what it wrote aside."""

    info: ScanInfo
    judgement: Judgement
    plans: tuple[Plan, ...]
    policies: tuple[Policy, ...]
    damages: tuple[Damage, ...]
    seconds: float
    aside: tempfile.TemporaryDirectory[str] = field(repr=False)

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


def choose(options: ScanOptions) -> tuple[list[Policy], list[Plan]]:
    """Return the policies in play and their plans. A policy of the user's replaces the built-in one of its name.

    Raises `PolicyError` for one that does not load or compile, `UsageError` for a name, number or path that is not
    there.
    """
    chosen = {policy.name: policy for policy in builtin_policies()}
    own: dict[str, Policy] = {}
    for path in policy_files(options.paths):
        for policy in load_policies(path):
            if policy.name in own:
                raise policy.body.error(f'the policy "{policy.name}" stands in {own[policy.name].file} too.')
            own[policy.name] = policy
    policies = select(list((chosen | own).values()), options.policies, options.practices)
    compiler = PolicyCompiler(catalog(), facts(), options.standard)
    return policies, [compiler.compile(policy) for policy in policies]


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
    policies, plans = choose(options)
    needs = needs_of(plans, catalog())
    targets, unopened = open_profiles(options.profiles)
    lake = Lake(options.lake)
    with _scan_folder(lake, resume=options.resume) as (folder, stored):
        head = stored or _begin(folder, targets, options, needs, unopened)
        _fits(head, targets, needs)
        before: Counter[str] = Counter({"sts": len(targets)})
        for target in targets:
            before.update(_by_service(target.caller.tally.calls))
        records = collect(
            targets,
            [Needs(kind, frozenset(details)) for kind, details in head.info.details.items()],
            head.info.coverage,
            Spool(folder),
            catalog=catalog(),
            now=head.info.started_at,
            progress=progress,
            stop=stop,
            restrict_global=head.info.restricted,
        )
        info = _finished(head, records, before)
        snapshot = lake.commit(folder, info, records, catalog(), head.gaps)
    return _judged(snapshot, policies, plans, (), began, keep=True)


def judge_stored(options: ScanOptions) -> Outcome:
    """Judge the last snapshot (or the last not younger than `as_of`) without a call. Raises `LakeError` without one."""
    began = time.monotonic()
    policies, plans = choose(options)
    snapshot, damages = Lake(options.lake).latest(options.as_of)
    return _judged(snapshot, policies, plans, tuple(damages), began, keep=False)


def explain(options: ScanOptions) -> Explanation:
    """Return what a scan would cost, without a call: by the sizes of the last snapshot, where there is one."""
    _, plans = choose(options)
    sizes: Mapping[tuple[str, str], int] | None = None
    regions: Sequence[str] | None = options.regions or None
    try:
        snapshot, _ = Lake(options.lake).latest()
    except LakeError:
        pass  # a first scan: the lines give the least, and say on what the rest depends
    else:
        sizes = _sizes(snapshot)
        regions = regions or snapshot.info.regions
    lines = estimate(needs_of(plans, catalog()), regions, catalog(), rates(), sizes)
    return Explanation(tuple(lines), assumed_regions=regions is None)


def permissions(options: ScanOptions) -> dict[str, Any]:
    """Return the IAM policy document that lets a scan read what the plans read, and nothing more."""
    _, plans = choose(options)
    actions = set(_ALWAYS)
    for need in needs_of(plans, catalog()):
        kind = catalog()[need.type]
        if kind.listing is not None:
            actions.add(kind.listing.call.permission)
        for detail in kind.with_needs(need.details):
            actions.update(detail.permissions)
    statement = {"Sid": "CrenelScan", "Effect": "Allow", "Action": sorted(actions), "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}


@contextmanager
def query(
    folder: Path, sql: str, as_of: datetime | None = None
) -> Iterator[tuple[list[str], Iterator[tuple[object, ...]]]]:
    """Run one SELECT over a snapshot's tables; yield its columns and an iterator of its rows.

    The engine may read the snapshot's files and nothing else. Raises `UsageError` with the engine's words for what it
    can't run.
    """
    snapshot, _ = Lake(folder).latest(as_of)
    connection = connect()
    try:
        _lay_out(connection, snapshot)
        statements = connection.extract_statements(sql)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise UsageError("only a single SELECT can be run here: the lake is read, never changed.")
        cursor = connection.execute(statements[0])
        columns = [column[0] for column in cursor.description or ()]
        yield columns, _rows(cursor)
    except duckdb.Error as error:
        raise UsageError(f"the query can't be run: {error}") from error
    finally:
        connection.close()


# --- a scan's folder


@dataclass(frozen=True, slots=True)
class _Head:
    """What a scan began with, and a resumed one goes on with."""

    info: ScanInfo
    gaps: tuple[Gap, ...]


@contextmanager
def _scan_folder(lake: Lake, *, resume: bool) -> Iterator[tuple[Path, _Head | None]]:
    """Yield the folder of a new scan, or of the newest interrupted one with its head; locked against others for as
    long.
    """
    if not resume:
        _, folder = lake.new_scan(datetime.now(UTC))
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield folder, None
        return
    for folder in lake.unfinished():
        with (folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue  # it is running
            yield folder, _read_head(folder)
            return
    raise UsageError(f"there is no interrupted scan in {lake.folder} to go on with.", suggestion="Leave --resume out.")


def _begin(
    folder: Path, targets: Sequence[Target], options: ScanOptions, needs: Sequence[Needs], unopened: Sequence[Gap]
) -> _Head:
    """Ask which Regions there are, and write down what the scan is about to do."""
    covered: list[Coverage] = []
    gaps = list(unopened)
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
    head = _Head(info, tuple(gaps))
    text = json.dumps({"scan": info_json(info), "gaps": [_gap_json(gap) for gap in gaps]})
    part = folder / f"{_HEAD}.part"
    try:
        part.write_text(text, encoding="utf-8")
        part.rename(folder / _HEAD)
    except OSError as error:
        raise LakeError(f"can't write into {folder}: {error.strerror}.") from error
    return head


def _gap_json(gap: Gap) -> dict[str, object]:
    return {key: getattr(gap, key) for key in Gap.__dataclass_fields__} | {"at": gap.at.isoformat()}


def _read_head(folder: Path) -> _Head:
    try:
        data = json.loads((folder / _HEAD).read_text(encoding="utf-8"))
        gaps = tuple(Gap(**(gap | {"at": datetime.fromisoformat(gap["at"])})) for gap in data["gaps"])
        return _Head(info_from_json(data["scan"]), gaps)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LakeError(
            f"{folder / _HEAD} is damaged: {error}.", suggestion="Delete its folder and scan anew."
        ) from error


def _fits(head: _Head, targets: Sequence[Target], needs: Sequence[Needs]) -> None:
    """Raise `UsageError` where an interrupted scan was of other accounts, or reads less than the policies now need."""
    was = {account.id for account in head.info.accounts}
    now = {target.account.id for target in targets}
    if was != now:
        raise UsageError(
            f"the interrupted scan is of account {', '.join(sorted(was))}, "
            f"and these credentials are of {', '.join(sorted(now))}."
        )
    for need in needs:
        if need.type not in head.info.details or not need.details <= set(head.info.details[need.type]):
            raise UsageError(
                f"the interrupted scan does not read all of aws.{need.type} that these policies need.",
                suggestion="Resume it with the options it was begun with.",
            )


def _finished(head: _Head, records: Sequence[UnitRecord], before: Counter[str]) -> ScanInfo:
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
    policies: Sequence[Policy],
    plans: Sequence[Plan],
    damages: tuple[Damage, ...],
    began: float,
    *,
    keep: bool,
) -> Outcome:
    """Judge a snapshot; `keep` puts the findings beside it, for `crenel sql` and whoever reads the lake."""
    aside = tempfile.TemporaryDirectory(prefix="crenel-")
    target = snapshot.findings if keep else Path(aside.name) / "findings"
    try:
        judgement = judge(snapshot, plans, catalog(), facts(), target, spill=Path(aside.name))
    except BaseException:
        aside.cleanup()
        raise
    return Outcome(snapshot.info, judgement, tuple(plans), tuple(policies), damages, time.monotonic() - began, aside)


def _sizes(snapshot: Snapshot) -> dict[tuple[str, str], int]:
    """Return the rows of an account by type and Region, on average where the snapshot has several accounts."""
    connection = connect()
    source = quoted(str(snapshot.folder / "collection.parquet"))
    found = connection.execute(f"SELECT type, region, sum(rows) FROM read_parquet({source}) GROUP BY ALL").fetchall()
    connection.close()
    accounts = max(1, len(snapshot.info.accounts))
    return {(kind, region): int(rows) // accounts for kind, region, rows in found}


def _lay_out(connection: duckdb.DuckDBPyConnection, snapshot: Snapshot) -> None:
    """Make a view of each of the snapshot's files, then close the engine to all else."""
    files = sorted(snapshot.folder.glob("*.parquet"))
    verify(snapshot, files)
    for path in files:
        connection.execute(f"CREATE VIEW {name(path.stem)} AS SELECT * FROM read_parquet({quoted(str(path))})")
    if snapshot.findings.is_dir():
        source = quoted(str(snapshot.findings / "*.parquet"))
        connection.execute(f"CREATE VIEW findings AS SELECT * FROM read_parquet({source})")
    connection.execute(f"SET allowed_directories = [{quoted(str(snapshot.folder) + '/')}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _rows(cursor: duckdb.DuckDBPyConnection) -> Iterator[tuple[object, ...]]:
    while batch := cursor.fetchmany(1_000):
        yield from batch
