"""What a run reads: one collection for all its policies, or a snapshot of the cache that is young enough."""

from __future__ import annotations

import shutil
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from crenel.catalog.load import Catalog
from crenel.collect.collector import ProgressEvent, collect
from crenel.collect.regions import SCANNED
from crenel.collect.session import Target
from crenel.collect.spool import Spool
from crenel.errors import CredentialsError, CrenelError, WritingError
from crenel.lake.engine import connect, parquet
from crenel.lake.running import new_scan
from crenel.lake.snapshots import Lake, Snapshot
from crenel.language.policy import (
    Plan,
)
from crenel.model import GLOBAL, Coverage, Needs, ScanInfo, Unit
from crenel.policies.reads import needs_of

Watch = Callable[[ProgressEvent], None]
_KEPT = timedelta(hours=24)
_ROOM = "Make room, or choose another place with -s, --cache or TMPDIR."


@dataclass(frozen=True, slots=True)
class Gathered:
    """A snapshot to run over. `reused` is its age in minutes where it was there already, `calls` what was asked now, by
    Region and type.
    """

    snapshot: Snapshot
    reused: float | None
    calls: Mapping[tuple[str, str], Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Cache:
    """A folder that keeps snapshots; one is good for so many minutes. They lie in a folder of their own below it, so
    that old ones can be thrown away whatever else is there.
    """

    folder: Path
    minutes: float

    @property
    def lake(self) -> Lake:
        """Where the snapshots lie."""
        return Lake(self.folder / "run")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be read: the types with their details, and the types in each Region."""

    needs: tuple[Needs, ...]
    units: frozenset[tuple[str, str]]
    regions: tuple[str, ...]

    def reads(self, unit: Unit) -> bool:
        """Return whether a unit is among what is to be read."""
        return (unit.type, unit.region) in self.units


def documented(plan: Plan, catalog: Catalog) -> frozenset[str]:
    """Return the details of a plan's own type that its documents have: those that it reads, and those that Cloud
    Custodian's documents always have.
    """
    kind = catalog[plan.table]
    read = next((need.details for need in needs_of([plan], catalog) if need.type == kind.name), frozenset[str]())
    return frozenset(detail.name for detail in kind.with_needs(read | kind.augments()) if not detail.of)


def wanted(plans: Sequence[tuple[Plan, str]], catalog: Catalog, more: Sequence[tuple[Needs, str]] = ()) -> Wanted:
    """Return what plans, each in a Region, read together; `more` is what their actions look at."""
    details: dict[str, frozenset[str]] = {}
    units: set[tuple[str, str]] = set()
    for plan, region in plans:
        for need in needs_of([plan], catalog):
            details[need.type] = details.get(need.type, frozenset()) | need.details
            units.add((need.type, region if catalog[need.type].regional else GLOBAL))
        details[plan.table] |= documented(plan, catalog)
    for need, region in more:
        details[need.type] = details.get(need.type, frozenset()) | need.details
        units.add((need.type, region if catalog[need.type].regional else GLOBAL))
    needs = tuple(Needs(name, found) for name, found in sorted(details.items()))
    return Wanted(needs, frozenset(units), tuple(sorted({region for _, region in plans})))


def gathered(  # noqa: PLR0913 (a collection's parameters; the last by name)
    target: Target,
    catalog: Catalog,
    what: Wanted,
    now: datetime,
    lake: Path,
    *,
    cache: Cache | None = None,
    progress: Watch | None = None,
    stop: threading.Event | None = None,
) -> Gathered:
    """Return a snapshot with what is wanted: one of the cache that has it and is young enough, else a new one.

    A new one is put into the cache, or into the folder `lake` where there is no cache. `now` is the clock that ages are
    measured by. What AWS refuses becomes a gap. Raises `CredentialsError` where the credentials expire, `WritingError`
    where nothing can be written.
    """
    if cache is not None and (found := _young(cache, target, what)) is not None:
        return found
    try:
        made = _read(target, catalog, what, now, cache.lake if cache else Lake(lake), progress, stop)
    except CredentialsError as error:  # their advice is to resume, which there is not here
        raise CredentialsError(error.message, suggestion="Sign in again, and run it again.") from error
    except CrenelError as error:  # of the spool and the lake
        raise WritingError(error.message, suggestion=_ROOM) from error
    if cache is not None:
        _forget(cache)
    return made


def _read(
    target: Target,
    catalog: Catalog,
    what: Wanted,
    now: datetime,
    keeper: Lake,
    progress: Watch | None,
    stop: threading.Event | None,
) -> Gathered:
    with new_scan(keeper) as folder:
        info = ScanInfo(
            id=folder.name,
            started_at=now,
            finished_at=None,
            accounts=(target.account,),
            regions=what.regions,
            coverage=tuple(Coverage(target.account.id, region, SCANNED) for region in what.regions),
            details={need.type: tuple(sorted(need.details)) for need in what.needs},
        )
        records = collect(
            [target],
            what.needs,
            info.coverage,
            Spool(folder),
            catalog=catalog,
            now=now,
            progress=progress,
            stop=stop,
            only=what.reads,
        )
        calls: dict[tuple[str, str], Mapping[str, int]] = {}
        services: Counter[str] = Counter()
        for record in records:
            calls[record.unit.region, record.unit.type] = record.calls
            for call, number in record.calls.items():
                services[call.split(":")[0]] += number
        done = replace(
            info,
            finished_at=datetime.now(UTC),
            calls_by_service=dict(sorted(services.items())),
            complete=not any(record.gaps for record in records),
        )
        return Gathered(keeper.commit(folder, done, records, catalog, ()), None, calls)


def _young(cache: Cache, target: Target, what: Wanted) -> Gathered | None:
    """Return the newest snapshot of the cache that has what is wanted and is young enough, None where there is none.

    One with a gap is not taken: what was denied may be allowed by now.
    """
    now = datetime.now(UTC)
    good, _ = cache.lake.all()
    for snapshot in reversed(good):
        done = snapshot.info.finished_at
        if done is None or not snapshot.info.complete:
            continue
        if not timedelta() <= now - done < timedelta(minutes=cache.minutes):
            continue
        if snapshot.info.accounts == (target.account,) and _has(snapshot, what):
            return Gathered(snapshot, (now - done).total_seconds() / 60, {})
    return None


def _has(snapshot: Snapshot, what: Wanted) -> bool:
    details = snapshot.info.details
    if not all(need.type in details and need.details <= set(details[need.type]) for need in what.needs):
        return False
    with connect() as connection:
        found = connection.execute(f"SELECT type, region FROM {parquet(snapshot.folder / 'collection.parquet')}")  # noqa: S608
        return what.units <= set(found.fetchall())


def _forget(cache: Cache) -> None:
    """Throw away what no run can still be reading."""
    good, bad = cache.lake.all()
    oldest = datetime.now(UTC) - max(_KEPT, timedelta(minutes=cache.minutes))
    old = [each.folder for each in good if each.info.finished_at is None or each.info.finished_at < oldest]
    for folder in [*old, *(cache.lake.snapshots / each.id for each in bad)]:
        shutil.rmtree(folder, ignore_errors=True)
