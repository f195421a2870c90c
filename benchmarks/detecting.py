"""`crenel detect` over a generated trail, beside only inflating and only parsing the same files in the same run."""

from __future__ import annotations

import json
import re
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
    """A run of `crenel detect`, and the seconds on the wall that two processes take for less: all files inflated, and
    inflated and parsed by Python's json (measured on some, for all).
    """

    events: int
    mb: float
    ours: Cost
    alerts: int
    inflated: float
    parsed: float


def compare(events: int = EVENTS) -> Compared:
    """Write a trail, look through it with Crenel's own rules, and inflate and parse the same files."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "trail"
        write_trail(folder, events)
        files = sorted(folder.rglob("*.json.gz"))
        for file in files:
            file.read_bytes()  # all three read from the page cache
        alerts = Path(name) / "alerts.ndjson"
        command = [crenel(), "detect", "--format", "ndjson", "--output", str(alerts), str(folder)]
        ours = measured(command, {})
        if ours.exit_code:
            raise RuntimeError(f"crenel ended with {ours.exit_code}: {ours.output[-2000:]}")
        if str(events) not in re.sub(r"[,.]", "", ours.output):
            raise RuntimeError(f"crenel did not look through {events} events: {ours.output[-2000:]}")
        mb = sum(len(_inflate(file)) for file in files[:_PARSED]) / 1e6 / _PARSED * len(files)
        inflated = _timed(_inflate_only, files)
        parsed = _timed(_parse, files[:_PARSED]) / _PARSED * len(files)
        return Compared(len(files) * A_FILE, mb, ours, len(alerts.read_text().splitlines()), inflated, parsed)


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
