"""The dashboard over a million findings, page by page, against counting the same findings in Parquet."""

from __future__ import annotations

import re
import signal
import statistics
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.lakes import make_lake
from benchmarks.process import crenel
from crenel.lake.engine import connect
from crenel.lake.findings import stored_findings
from crenel.lake.snapshots import Lake

FINDINGS = 1_000_000
SNAPSHOTS = 5
PAGES: Mapping[str, str] = {
    "overview": "/",
    "findings": "/findings",
    "findings, three filters": "/findings?state=FAIL&severity=high&region=eu-west-1",
    "findings, words": "/findings?q=public+reports",
    "findings, page 10,000": "/findings?page=10000",
    "findings by resource, page 10,000": "/findings?sort=resource&page=10000",
    "one finding": "/findings/{finding}",
    "frameworks": "/frameworks",
    "one framework": "/frameworks/cis-3.0",
    "policies": "/policies",
    "resources": "/resources",
}


@dataclass(frozen=True, slots=True)
class Compared:
    """Seconds of each page, of the start, and of one count over the Parquet files; the server's memory in MiB."""

    pages: Mapping[str, float]
    start: float
    limit: float
    rss_mib: float


def compare(runs: int) -> Compared:
    """Make a lake, serve it, and ask each page some times; the median counts."""
    with tempfile.TemporaryDirectory() as folder:
        lake = make_lake(Path(folder) / "lake", FINDINGS, SNAPSHOTS)
        limit = _counted(lake, runs)
        began = time.perf_counter()
        command = [crenel(), "serve", "--lake", str(lake.folder), "--port", "0"]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            assert server.stdout is not None
            address = server.stdout.readline().rpartition(" ")[2].strip().rstrip("/")
            start = time.perf_counter() - began
            found = re.search(r"/findings/([0-9a-f]{32})", _asked(f"{address}/findings?state=FAIL"))
            assert found is not None
            pages = {
                name: statistics.median(_seconds(address + path.format(finding=found[1])) for _ in range(max(3, runs)))
                for name, path in PAGES.items()
            }
            status = Path(f"/proc/{server.pid}/status").read_text(encoding="ascii")
            (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", status)
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(30)
    return Compared(pages, start, limit, int(peak) / 1024)


def _counted(lake: Lake, runs: int) -> float:
    """Return the seconds of counting the newest snapshot's findings by state, where they lie."""
    (*_, newest), _ = lake.all()
    seconds = []
    with connect() as connection:
        for _ in range(max(3, runs)):
            began = time.perf_counter()
            connection.execute(
                f"SELECT state, count(*) FROM {stored_findings(newest.findings)} GROUP BY ALL"
            ).fetchall()
            seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def _seconds(address: str) -> float:
    began = time.perf_counter()
    _asked(address)
    return time.perf_counter() - began


def _asked(address: str) -> str:
    with urllib.request.urlopen(address) as answer:
        text: str = answer.read().decode()
    return text
