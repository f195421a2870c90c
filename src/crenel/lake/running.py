"""A scan's folder while it runs: its head, a lock against others, and how an interrupted one is found again.

<lake>/scans/<id>/scan.json   what the scan began with; written before the first row
<lake>/scans/<id>/lock        held for as long as the scan runs
"""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from crenel.errors import LakeError, UsageError
from crenel.lake.snapshots import Lake, info_from_json, info_json
from crenel.model import Gap, ScanInfo

_HEAD = "scan.json"
# Older units would be joined with new ones as if they were of one time.
_RESUMABLE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Head:
    """What a scan began with, and a resumed one goes on with. `gaps`: what was not known before the first unit."""

    info: ScanInfo
    gaps: tuple[Gap, ...]


@contextmanager
def new_scan(lake: Lake) -> Iterator[Path]:
    """Yield the folder of a new scan, locked. A scan that does not get as far as its head leaves nothing behind."""
    _, folder = lake.new_scan(datetime.now(UTC))
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield folder
        finally:
            if folder.exists() and not (folder / _HEAD).exists():
                shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def interrupted_scan(lake: Lake, fits: Callable[[Head], None]) -> Iterator[tuple[Path, Head]]:
    """Yield the newest interrupted scan that fits, with its head, locked.

    `fits` raises `UsageError` where a scan can't be gone on with. Raises what it raised for the newest where none
    fits, and `UsageError` where there is no interrupted scan.
    """
    refused: list[UsageError] = []
    for folder in lake.unfinished():
        try:
            lock = (folder / "lock").open("w")
        except FileNotFoundError:
            continue  # it was finished just now
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue  # it is running
            head = read_head(folder)
            try:
                _young(head)
                fits(head)
            except UsageError as error:
                refused.append(error)
                continue
            yield folder, head
            return
    if refused:
        raise refused[0]
    raise UsageError(f"there is no interrupted scan in {lake.folder} to go on with.", suggestion="Leave --resume out.")


def write_head(folder: Path, head: Head) -> None:
    """Write down what a scan is about to do. Raises `LakeError`."""
    gaps = [asdict(gap) | {"at": gap.at.isoformat()} for gap in head.gaps]
    part = folder / f"{_HEAD}.part"
    try:
        part.write_text(json.dumps({"scan": info_json(head.info), "gaps": gaps}), encoding="utf-8")
        part.rename(folder / _HEAD)
    except OSError as error:
        raise LakeError(f"can't write into {folder}: {error.strerror}.") from error


def read_head(folder: Path) -> Head:
    """Return what a scan began with. Raises `LakeError` where that is damaged."""
    try:
        data = json.loads((folder / _HEAD).read_text(encoding="utf-8"))
        gaps = tuple(Gap(**(gap | {"at": datetime.fromisoformat(gap["at"])})) for gap in data["gaps"])
        return Head(info_from_json(data["scan"]), gaps)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LakeError(
            f"{folder / _HEAD} is damaged: {error}.", suggestion="Delete its folder and scan anew."
        ) from error


def _young(head: Head) -> None:
    age = datetime.now(UTC) - head.info.started_at
    if age > _RESUMABLE:
        raise UsageError(
            f"the interrupted scan is of {head.info.started_at:%Y-%m-%d %H:%M} UTC, too old to be gone on with.",
            suggestion="Scan anew.",
        )
