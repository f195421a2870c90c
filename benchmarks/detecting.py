"""`crenel detect` over a generated trail, beside only inflating and only parsing the same files in the same run."""

from __future__ import annotations

import json
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks.process import Cost, crenel, measured
from benchmarks.trail import A_FILE, write_trail

EVENTS = 2_000_000
_PARSED = 40  # files that are parsed: Python's own reader takes a minute for all
_CORES = 2


@dataclass(frozen=True, slots=True)
class Compared:
    """`crenel detect` over files, `crenel ingest` of them, `crenel detect` over what was taken in; and the seconds that
    two processes take to inflate all files, and to inflate and parse them by Python's json (some, reckoned up to all).
    """

    events: int
    mb: float
    direct: Cost
    ingested: Cost
    stored: Cost
    alerts: int
    inflated: float
    parsed: float


def compare(events: int = EVENTS) -> Compared:
    """Write a trail and look through it with Crenel's own rules.

    Raises `RuntimeError` where a run does not end well, or the two ways do not give as many alerts.
    """
    with tempfile.TemporaryDirectory() as name:
        folder, lake = Path(name) / "trail", str(Path(name) / "lake")
        write_trail(folder, events)
        files = sorted(folder.rglob("*.json.gz"))
        for file in files:
            file.read_bytes()  # all read from the page cache
        inflated = _timed(_inflate_only, files)
        parsed = _timed(_parse, files[:_PARSED]) / _PARSED * len(files)
        mb = sum(len(_inflate(file)) for file in files[:_PARSED]) / 1e6 / _PARSED * len(files)
        direct, alerts = _detected([str(folder)], Path(name) / "direct.ndjson")
        if f"{events:,} events" not in direct.output:
            raise RuntimeError(f"crenel did not look through {events:,} events: {direct.output[-2000:]}")
        ingested = _ran(["ingest", "--lake", lake, str(folder)])
        stored, again = _detected(["--lake", lake], Path(name) / "stored.ndjson")
        if alerts != again:
            raise RuntimeError(f"{alerts} alerts from the files, {again} from what was taken in")
        return Compared(len(files) * A_FILE, mb, direct, ingested, stored, alerts, inflated, parsed)


def _detected(words: list[str], out: Path) -> tuple[Cost, int]:
    cost = _ran(["detect", "--format", "ndjson", "--output", str(out), *words])
    with out.open() as lines:
        return cost, sum(1 for _ in lines)


def _ran(words: list[str]) -> Cost:
    cost = measured([crenel(), *words], {})
    if cost.exit_code:
        raise RuntimeError(f"crenel ended with {cost.exit_code}: {cost.output[-2000:]}")
    return cost


def _timed(work: Callable[[Path], int], files: list[Path]) -> float:
    with ProcessPoolExecutor(_CORES) as pool:
        list(pool.map(_nothing, range(_CORES)))  # the processes are there before the clock runs
        began = time.perf_counter()
        sum(pool.map(work, files, chunksize=8))
        return time.perf_counter() - began


def _nothing(_: int) -> int:
    return sys.maxsize


def _inflate(file: Path) -> bytes:
    return zlib.decompress(file.read_bytes(), 31)


def _inflate_only(file: Path) -> int:
    return len(_inflate(file))


def _parse(file: Path) -> int:
    return len(json.loads(_inflate(file))["Records"])
