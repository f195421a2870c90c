"""A scan's reading: account by Region by type into units, and the units side by side into the spool."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from queue import SimpleQueue

from crenel.catalog.load import Catalog
from crenel.collect.context import Memo, UnitContext
from crenel.collect.regions import SCANNED
from crenel.collect.session import Target
from crenel.collect.spool import Spool
from crenel.collect.tally import InterruptedScan, Tally
from crenel.collect.unit import read_unit
from crenel.model import GLOBAL, Coverage, Needs, Unit, UnitRecord


@dataclass(frozen=True, slots=True)
class ProgressEvent:
    """A unit that began or ended: `state` is ``started``, ``finished``, or ``failed`` (its listing could not be read).

    `done` of `total` units are finished by then; `rows` and `calls` are the unit's own.
    """

    unit: Unit
    state: str
    rows: int
    calls: int
    done: int
    total: int


def collect(  # noqa: PLR0913 (a scan's parameters; all but the first four by name)
    targets: Sequence[Target],
    needs: Sequence[Needs],
    coverage: Sequence[Coverage],
    spool: Spool,
    *,
    catalog: Catalog,
    now: datetime,
    workers: int = 48,
    progress: Callable[[ProgressEvent], None] | None = None,
    stop: threading.Event | None = None,
    restrict_global: bool = False,
    only: Callable[[Unit], bool] | None = None,
) -> list[UnitRecord]:
    """Read what is needed, in every scanned Region of every account, into the spool; return the record of every unit.

    Units that the spool has finished already are not read again. `now` is the scan's start (aware): ages are measured
    against it. `workers` is about the number of calls under way. `progress` is called by one thread at a time. Account-
    wide types are read whatever the Regions; `restrict_global` drops rows of theirs that live outside the scanned ones
    (S3 buckets). `only` says which units are read at all (default: every one).

    What AWS refuses is a gap in a record. Setting `stop` (or Ctrl-C, which is raised on) ends the scan between two
    calls: what is finished stays in the spool, and `InterruptedScan` is raised, since an answer would pass for a whole
    one. Raises `CredentialsError` where the credentials expire, and `CrenelError` where the spool can't be written;
    `stop` is set then.
    """
    scan = _Scan(targets, needs, coverage, spool, catalog=catalog, now=now, restrict_global=restrict_global)
    scan.only = only or scan.only
    return scan.run(workers, progress, stop or threading.Event())


class _Scan:
    """The units of a scan, and how they run."""

    def __init__(
        self,
        targets: Sequence[Target],
        needs: Sequence[Needs],
        coverage: Sequence[Coverage],
        spool: Spool,
        *,
        catalog: Catalog,
        now: datetime,
        restrict_global: bool,
    ) -> None:
        self.spool = spool
        self.catalog = catalog
        self.now = now
        self.restrict_global = restrict_global
        self.targets = {target.account.id: target for target in targets}
        self.needs: dict[str, frozenset[str]] = {}
        for need in needs:
            name = catalog[need.type].name
            self.needs[name] = self.needs.get(name, frozenset()) | need.details
        self.memos = {account: Memo() for account in self.targets}
        self.scanned: Mapping[str, tuple[str, ...]] = {
            account: tuple(sorted(one.region for one in coverage if one.account == account and one.state == SCANNED))
            for account in self.targets
        }
        self.lock = threading.Lock()
        self.done = 0
        self.only: Callable[[Unit], bool] = lambda _: True

    def units(self) -> Iterator[Unit]:
        """Yield all units; the account-wide ones come first, since they are the longest."""
        return filter(self.only, self._all_units())

    def _all_units(self) -> Iterator[Unit]:
        kinds = [self.catalog[name] for name in self.needs]
        for kind in kinds:
            if not kind.regional:
                yield from (Unit(account, GLOBAL, kind.name) for account in self.targets)
        # Region by Region within a type: no service's bucket in one Region is asked by many units at once.
        for kind in kinds:
            if kind.regional:
                yield from (
                    Unit(account, region, kind.name) for account in self.targets for region in self.scanned[account]
                )

    def run(
        self, workers: int, progress: Callable[[ProgressEvent], None] | None, stop: threading.Event
    ) -> list[UnitRecord]:
        total = sum(1 for _ in self.units())
        finished = [record for record in map(self.spool.record, self.units()) if record is not None]
        done = {record.unit for record in finished}
        self.done = len(finished)

        def report(unit: Unit, state: str, rows: int = 0, calls: int = 0) -> None:
            with self.lock:
                self.done += state != "started"
                if progress is not None:
                    progress(ProgressEvent(unit, state, rows, calls, self.done, total))

        def work(unit: Unit, rows: ThreadPoolExecutor) -> UnitRecord:
            context = self.context(unit, Tally(stop), rows)
            context.tally.check()
            report(unit, "started")
            record = read_unit(context, self.spool)
            failed = any(not gap.detail for gap in record.gaps)
            report(unit, "failed" if failed else "finished", record.rows, context.tally.total)
            return record

        at_once = max(1, workers // 2)
        left = (unit for unit in self.units() if unit not in done)
        # The rows' pool is closed last: units still under way need it.
        with (
            ThreadPoolExecutor(max(1, workers * 4 // 3), "crenel-row") as rows,
            ThreadPoolExecutor(at_once, "crenel-unit") as pool,
        ):
            records = finished + _gathered(lambda unit: pool.submit(work, unit, rows), left, at_once * 2, stop)
        if len(records) < total:
            raise InterruptedScan
        return records

    def context(self, unit: Unit, tally: Tally, rows: ThreadPoolExecutor) -> UnitContext:
        kind = self.catalog[unit.type]
        return UnitContext(
            unit=unit,
            kind=kind,
            target=self.targets[unit.account],
            details=kind.with_needs(self.needs[unit.type]),
            now=self.now,
            scanned=self.scanned[unit.account],
            tally=tally,
            threads=rows,
            memo=self.memos[unit.account],
            restricted=self.restrict_global,
        )


def _gathered(
    begin: Callable[[Unit], Future[UnitRecord]], units: Iterator[Unit], window: int, stop: threading.Event
) -> list[UnitRecord]:
    """Return the records as units finish; on any trouble stop those under way between two calls, and raise it.

    No more than `window` are begun at a time: there may be 250,000, and a future takes memory.
    """
    records: list[UnitRecord] = []
    under_way: set[Future[UnitRecord]] = set()
    ended: SimpleQueue[Future[UnitRecord]] = SimpleQueue()
    try:
        while True:
            for unit in islice(units, 0 if stop.is_set() else window - len(under_way)):
                future = begin(unit)
                under_way.add(future)
                future.add_done_callback(ended.put)
            if not under_way:
                return records
            future = ended.get()
            under_way.remove(future)
            try:
                records.append(future.result())
            except InterruptedScan:
                continue
    except BaseException:
        stop.set()
        for future in under_way:
            future.cancel()
        raise
