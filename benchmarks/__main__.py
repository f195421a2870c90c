"""All benchmarks, each a ratio against a named alternative or a physical limit measured in the same run.

python -m benchmarks [--only NAME ...] [--runs 3] [--prowler PATH] [--custodian PATH]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import custodian, dashboard, detecting, formats, prowler, standing
from benchmarks.endpoint.launch import Running, running
from benchmarks.process import Cost, crenel, measured

LATENCY_MS = 40


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the report: what was measured, against what, and the ratio (other / ours, or ours / limit)."""

    name: str
    measured: str
    against: str
    ratio: str


@dataclass(frozen=True, slots=True)
class Options:
    """How often a benchmark is run, and the executables of Prowler and Custodian ("": where they usually are)."""

    runs: int
    prowler: str = ""
    custodian: str = ""


def median(costs: list[Cost], of: Callable[[Cost], float]) -> float:
    """Return the median of a figure over runs."""
    return statistics.median(of(cost) for cost in costs)


def scanned(endpoint: Running, lake: Path) -> Cost:
    """Scan the endpoint's account into a lake, once. Raises `RuntimeError` where the scan does not end well."""
    endpoint.reset()
    command = [crenel(), "scan", "--quiet", "--lake", str(lake), "--format", "json", "--output", "/dev/null"]
    cost = measured(command, endpoint.environment())
    if cost.exit_code:
        raise RuntimeError(f"crenel ended with {cost.exit_code}: {cost.output[-2000:]}")
    return cost


def start(options: Options) -> Iterator[Line]:
    """`crenel --help` against a Python that does nothing."""
    ours = [measured([crenel(), "--help"], {}) for _ in range(max(5, options.runs))]
    bare = [measured([sys.executable, "-c", ""], {}) for _ in range(max(5, options.runs))]
    seconds, limit = median(ours, lambda cost: cost.wall), median(bare, lambda cost: cost.wall)
    yield Line("crenel --help", f"{seconds:.2f} s", f"python -c '': {limit:.2f} s", f"{seconds / limit:.1f}x the limit")


def empty(options: Options) -> Iterator[Line]:
    """An empty account in 17 Regions: the limit is one call after the other in the longest chain of calls."""
    with running("empty", latency_ms=LATENCY_MS) as endpoint, tempfile.TemporaryDirectory() as folder:
        costs = [scanned(endpoint, Path(folder)) for _ in range(options.runs)]
        calls = endpoint.stats()["total"]
    wall, cpu = median(costs, lambda cost: cost.wall), median(costs, lambda cost: cost.cpu)
    serial = calls * LATENCY_MS / 1000
    yield Line("empty account, 17 Regions", f"{wall:.1f} s, {cpu:.1f} s CPU, {calls} calls",
               f"the calls one by one: {serial:.1f} s", f"{serial / wall:.1f}x faster")  # fmt: skip


def large(_: Options) -> Iterator[Line]:
    """50,000 resources, and flat memory: the same with ten times fewer."""
    few = "50k,volumes=1500,snapshots=1200,groups=800,buckets=500,functions=500,users=200,keys=100"
    with tempfile.TemporaryDirectory() as folder:
        with running("50k", latency_ms=LATENCY_MS) as endpoint:
            cost = scanned(endpoint, Path(folder))
            stats = endpoint.stats()
        with running(few, latency_ms=LATENCY_MS) as endpoint:
            small = scanned(endpoint, Path(folder))
    serial = stats["total"] * LATENCY_MS / 1000
    yield Line("50,000 resources", f"{cost.wall:.0f} s, {cost.cpu:.0f} s CPU, {stats['total']:,} calls",
               f"the calls one by one: {serial:,.0f} s", f"{serial / cost.wall:.1f}x faster")  # fmt: skip
    yield Line("  its memory", f"{cost.rss_mib:.0f} MiB", f"a tenth of the resources: {small.rss_mib:.0f} MiB",
               f"{cost.rss_mib / small.rss_mib:.2f}x")  # fmt: skip
    for service, number in sorted(stats["services"].items(), key=lambda pair: -pair[1]):
        yield Line(f"  calls to {service}", f"{number:,}", "", "")


def million(options: Options) -> Iterator[Line]:
    """A million stored resources judged by all 26 policies, against reading all their columns once."""
    with tempfile.TemporaryDirectory() as folder:
        lake, many = Path(folder) / "lake", Path(folder) / "many"
        with running("small") as endpoint:
            scanned(endpoint, lake)
        made = measured([sys.executable, "-m", "benchmarks.judging", str(lake), str(many)], {})
        rows = int(made.output)
        runs = []
        for _ in range(options.runs):
            cost = measured([sys.executable, "-m", "benchmarks.judging", str(many)], {})
            if cost.exit_code:
                raise RuntimeError(cost.output)
            runs.append((json.loads(cost.output), cost))
    seconds, limit = (statistics.median(run[key] for run, _ in runs) for key in ("seconds", "limit"))
    verdicts, memory = runs[0][0]["verdicts"], statistics.median(cost.rss_mib for _, cost in runs)
    yield Line(f"judging {rows:,} resources", f"{seconds:.1f} s, {verdicts:,} verdicts, {memory:.0f} MiB",
               f"reading all columns: {limit:.1f} s", f"{seconds / limit:.1f}x the limit")  # fmt: skip


def against_prowler(options: Options) -> Iterator[Line]:
    """Prowler's nearest checks on the same account."""
    if not prowler.executable(options.prowler):
        yield Line("Prowler, the same practices", "not installed", f"set {prowler.VARIABLE}", "")
        return
    with running("small", latency_ms=LATENCY_MS) as endpoint, tempfile.TemporaryDirectory() as folder:
        costs = [scanned(endpoint, Path(folder)) for _ in range(options.runs)]
        stats = endpoint.stats()
        theirs, reason = prowler.run(endpoint, options.prowler)
    if theirs is None:
        raise RuntimeError(reason)
    wall, cpu, memory = (median(costs, of) for of in (_wall, _cpu, _memory))
    name = f"Prowler {theirs.version}"
    yield Line(
        "small account: wall",
        f"{wall:.1f} s",
        f"{name}: {theirs.wall_seconds:.1f} s",
        f"{theirs.wall_seconds / wall:.1f}x faster",
    )
    yield Line("  CPU", f"{cpu:.1f} s", f"{name}: {theirs.cpu_seconds:.1f} s", f"{theirs.cpu_seconds / cpu:.1f}x less")
    yield Line(
        "  memory",
        f"{memory:.0f} MiB",
        f"{name}: {theirs.peak_rss_mib:.0f} MiB",
        f"{theirs.peak_rss_mib / memory:.1f}x less",
    )
    yield Line(
        "  calls", f"{stats['total']:,}", f"{name}: {theirs.calls:,}", f"{theirs.calls / stats['total']:.1f}x fewer"
    )
    services: Mapping[str, int] = stats["services"]
    for service in sorted({*services, *theirs.calls_by_service}):
        yield Line(
            f"  calls to {service}", f"{services.get(service, 0):,}", f"{theirs.calls_by_service.get(service, 0):,}", ""
        )


def against_custodian(options: Options) -> Iterator[Line]:
    """`crenel run` against `custodian run`: 200 policies over 20,000 resources, and the same ids from both."""
    path = custodian.executable(options.custodian)
    if not path:
        yield Line("Custodian, the same policies", "not installed", "name it with --custodian, or `make units`", "")
        return
    with running(custodian.ACCOUNT, latency_ms=LATENCY_MS) as endpoint, tempfile.TemporaryDirectory() as folder:
        file = custodian.written(Path(folder) / "policies.yml", custodian.POLICIES)
        mine = [custodian.ours(endpoint, file) for _ in range(options.runs)]
        other = custodian.theirs(endpoint, file, path)
    for side in mine:
        custodian.compare(side, other)
    wall, cpu, memory = (median([side.cost for side in mine], of) for of in (_wall, _cpu, _memory))
    them, name = other.cost, f"Custodian {custodian.version(path)}"
    yield Line(f"{custodian.POLICIES} policies, 20,000 resources: wall", f"{wall:.1f} s", f"{name}: {them.wall:.1f} s",
               f"{them.wall / wall:.1f}x faster")  # fmt: skip
    yield Line("  CPU", f"{cpu:.1f} s", f"{name}: {them.cpu:.1f} s", f"{them.cpu / cpu:.1f}x less")
    more = f"{memory / them.rss_mib:.1f}x more"
    less = f"{them.rss_mib / memory:.1f}x less"
    yield Line(
        "  memory", f"{memory:.0f} MiB", f"{name}: {them.rss_mib:.0f} MiB", more if memory > them.rss_mib else less
    )
    yield Line("  calls", f"{mine[0].calls:,}", f"{name}: {other.calls:,}", f"{other.calls / mine[0].calls:.1f}x fewer")
    ids = sum(map(len, other.selected.values()))
    yield Line("  ids selected, policy by policy", f"{ids:,}", "the same", "")
    for service in sorted({*mine[0].services, *other.services}):
        yield Line(
            f"  calls to {service}", f"{mine[0].services.get(service, 0):,}", f"{other.services.get(service, 0):,}", ""
        )


def check(options: Options) -> Iterator[Line]:
    """`crenel policies check` against `custodian validate`, of 1,000 policies."""
    path = custodian.executable(options.custodian)
    with tempfile.TemporaryDirectory() as folder:
        file = str(custodian.written(Path(folder) / "policies.yml", custodian.CHECKED))
        mine = [custodian.checked([crenel(), "policies", "check", file]) for _ in range(options.runs)]
        other = [custodian.checked([path, "validate", file]) for _ in range(options.runs)] if path else []
    wall, memory = median(mine, _wall), median(mine, _memory)
    said = f"{wall:.1f} s, {memory:.0f} MiB"
    if not other:
        yield Line(f"check {custodian.CHECKED:,} policies", said, "Custodian is not installed", "")
        return
    theirs = median(other, _wall)
    against = f"custodian validate: {theirs:.1f} s, {median(other, _memory):.0f} MiB"
    yield Line(f"check {custodian.CHECKED:,} policies", said, against, f"{theirs / wall:.1f}x faster")


def detect(_: Options) -> Iterator[Line]:
    """`crenel detect` over two million events, against only inflating and only parsing the same files."""
    found = detecting.compare()
    for what, cost in (("gz files", found.direct), ("what was taken in", found.stored)):
        speed = f"{found.events / cost.wall:,.0f} events/s, {found.mb / cost.wall:,.0f} MB/s"
        limit = f"inflated by 2 processes: {found.inflated:.1f} s"
        yield Line(f"detect, {found.events:,} events, {what}", f"{cost.wall:.1f} s, {speed}", limit,
                   f"{cost.wall / found.inflated:.1f}x the limit")  # fmt: skip
        yield Line("  CPU, memory", f"{cost.cpu:.1f} s, {cost.rss_mib:.0f} MiB",
                   f"inflated and parsed: {found.parsed:.1f} s", f"{found.parsed / cost.wall:.1f}x faster")  # fmt: skip
    yield Line("  ingest", f"{found.ingested.wall:.1f} s, {found.ingested.rss_mib:.0f} MiB",
               f"{found.events / found.ingested.wall:,.0f} events/s", "")  # fmt: skip
    yield Line("  alerts", f"{found.alerts:,}", "the same both ways", "")


def written(_: Options) -> Iterator[Line]:
    """A million stored findings in each format; CPU seconds, since that is what a format costs."""
    json_cpu = 0.0
    for found in formats.compare():
        cost = found.many
        json_cpu = json_cpu or cost.cpu
        yield Line(f"report --format {found.style}", f"{cost.wall:.0f} s, {cost.cpu:.1f} s CPU, {cost.rss_mib:.0f} MiB",
                   f"json: {json_cpu:.1f} s CPU", f"{cost.cpu / json_cpu:.2f}x")  # fmt: skip
        yield Line("  memory for a tenth of the findings", f"{found.few.rss_mib:.0f} MiB", "",
                   f"{cost.rss_mib / found.few.rss_mib:.2f}x")  # fmt: skip


def serve(options: Options) -> Iterator[Line]:
    """The dashboard over a million findings, against counting them once where they lie."""
    found = dashboard.compare(options.runs)
    against = f"one count over Parquet: {1000 * found.limit:.0f} ms"
    for name, seconds in found.pages.items():
        yield Line(f"dashboard, {name}", f"{1000 * seconds:.0f} ms", against, f"{found.limit / seconds:.1f}x faster")
    yield Line("  start, memory at most", f"{found.start:.1f} s, {found.rss_mib:.0f} MiB", "", "")


def compliance(options: Options) -> Iterator[Line]:
    """All built-in frameworks over a million findings, against counting them once where they lie."""
    found = standing.compare(options.runs)
    against = f"one count over Parquet: {1000 * found.limit:.0f} ms"
    for name, seconds in ((f"{found.controls:,} controls", found.standings), ("scores by account", found.by_account)):
        yield Line(f"compliance of {found.findings:,} findings, {name}", f"{1000 * seconds:.0f} ms", against,
                   f"{seconds / found.limit:.1f}x the limit")  # fmt: skip


def _wall(cost: Cost) -> float:
    return cost.wall


def _cpu(cost: Cost) -> float:
    return cost.cpu


def _memory(cost: Cost) -> float:
    return cost.rss_mib


BENCHMARKS: Mapping[str, Callable[[Options], Iterator[Line]]] = {
    "start": start,
    "empty": empty,
    "large": large,
    "million": million,
    "prowler": against_prowler,
    "custodian": against_custodian,
    "check": check,
    "detect": detect,
    "formats": written,
    "serve": serve,
    "compliance": compliance,
}


def main() -> int:
    """Run the benchmarks and print them as a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=sorted(BENCHMARKS), default=list(BENCHMARKS))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--prowler", default="", help=f"Prowler's executable; else ${prowler.VARIABLE}")
    parser.add_argument("--custodian", default="", help="Cloud Custodian's executable; else that of `make units`")
    given = parser.parse_args()
    table = Table("What", "Crenel", "Against", "Ratio", title=f"{LATENCY_MS} ms a call; medians of {given.runs} runs")
    for name in given.only:
        for line in BENCHMARKS[name](Options(given.runs, given.prowler, given.custodian)):
            table.add_row(line.name, line.measured, line.against, line.ratio)
    Console(width=120).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
