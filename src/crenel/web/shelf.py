"""The lake as the dashboard has it at hand: which snapshots there are, and the few that are laid out."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from crenel.errors import LakeError, nearest
from crenel.judge.changes import before_of
from crenel.lake.engine import connect
from crenel.lake.findings import stored_findings
from crenel.lake.snapshots import Damage, Lake, Snapshot
from crenel.web.opened import Opened, Row, open_snapshot

_OPEN = 3  # snapshots that are laid out at a time
_TREND = 30  # snapshots that a line over time has


@dataclass(slots=True)
class Shelf:
    """A lake, with what was made of its snapshots; `folder` is where that is put, `as_of` the time to look back to."""

    lake: Lake
    folder: Path
    as_of: datetime | None = None
    _open: dict[str, Opened] = field(default_factory=dict)
    _counts: dict[str, list[Row]] = field(default_factory=dict)
    _checked: set[str] = field(default_factory=set)
    _listed: tuple[object, tuple[list[Snapshot], list[Damage]]] | None = None
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def snapshots(self) -> tuple[list[Snapshot], list[Damage]]:
        """Return the usable snapshots, oldest first, and the damaged ones; anew when the lake's folder has changed."""
        with self._lock:
            mark = _mark(self.lake.snapshots)
            if self._listed is None or self._listed[0] != mark:
                good, bad = self.lake.all()
                good = [each for each in good if self.as_of is None or each.info.started_at <= self.as_of]
                self._listed = mark, (good, bad)
            return self._listed[1]

    def judged(self) -> list[Snapshot]:
        """Return the snapshots with findings, oldest first."""
        return [each for each in self.snapshots()[0] if any(each.findings.glob("*.parquet"))]

    def opened(self, identity: str = "") -> Opened:
        """Return a snapshot, laid out; without an id the newest that can be used.

        Every byte of it is held against its manifest once. Raises `LakeError` where there is none, or it is damaged.
        """
        with self._lock:
            snapshot = self._chosen(identity)
            key = f"{snapshot.info.id} {_mark(snapshot.findings)}"
            found = self._open.pop(key, None) or self._lay_out(snapshot)
            self._open[key] = found
            while len(self._open) > _OPEN:
                # Whoever still asks it goes on: the file goes with the last that holds it.
                gone = self._open.pop(next(iter(self._open)))
                (self.folder / f"{gone.snapshot.info.id}.duckdb").unlink(missing_ok=True)
            return found

    def _chosen(self, identity: str) -> Snapshot:
        good, bad = self.snapshots()
        judged = self.judged()
        if identity:
            for snapshot in good:
                if snapshot.info.id == identity:
                    return snapshot
            for damage in bad:
                if damage.id == identity:
                    raise LakeError(f"the snapshot {identity} is damaged and not used: {damage.reason}")
            raise LakeError(
                f'the lake has no snapshot "{identity}".', suggestion=nearest(identity, [each.info.id for each in good])
            )
        if not good:
            raise LakeError(
                f"the lake {self.lake.folder} has no usable snapshot.", suggestion="Scan first: crenel scan."
            )
        return judged[-1] if judged else good[-1]

    def _lay_out(self, snapshot: Snapshot) -> Opened:
        before = before_of(self.judged(), snapshot)
        for each in (snapshot, before):
            if each is not None and each.info.id not in self._checked:
                self.lake.check(each)
                self._checked.add(each.info.id)
        self.folder.joinpath(f"{snapshot.info.id}.duckdb").unlink(missing_ok=True)
        return open_snapshot(snapshot, before, self.folder)

    def counts(self, snapshot: Snapshot) -> list[Row]:
        """Return how many findings a snapshot has by policy, variant, state and severity."""
        key = f"{snapshot.info.id} {_mark(snapshot.findings)}"
        if key not in self._counts:
            with connect() as connection:
                cursor = connection.execute(
                    "SELECT policy, variant, state, severity, count(*)::BIGINT AS n "
                    f"FROM {stored_findings(snapshot.findings)} GROUP BY ALL"
                )
                names = [column[0] for column in cursor.description or ()]
                self._counts[key] = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        return self._counts[key]

    def recent(self, until: Snapshot) -> list[Snapshot]:
        """Return the judged snapshots up to one, the oldest first; so many as a line over time has."""
        return [each for each in self.judged() if each.info.started_at <= until.info.started_at][-_TREND:]

    def close(self) -> None:
        """Let go of all engines."""
        for opened in self._open.values():
            opened.close()
        self._open.clear()


def _mark(folder: Path) -> object:
    """Return what changes when something is put into a folder or taken out of it."""
    return folder.stat().st_mtime_ns if folder.is_dir() else None
