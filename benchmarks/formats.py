"""Writing a million stored findings in each output format, against writing them as JSON, and against a tenth."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.process import Cost, crenel, measured
from crenel.report.formats import FORMATS

FINDINGS = 1_000_000
TOGETHER = ("table", "markdown", "html")  # those that take findings together, and write a part of them


@dataclass(frozen=True, slots=True)
class Written:
    """What a format cost: for all findings, and for a tenth of them."""

    style: str
    many: Cost
    few: Cost


def compare() -> Iterator[Written]:
    """Yield each format's cost, JSON's first. Raises `RuntimeError` where a report does not end well."""
    with tempfile.TemporaryDirectory() as folder:
        many, few = Path(folder) / "many", Path(folder) / "few"
        for lake, findings in ((many, FINDINGS), (few, FINDINGS // 10)):
            # In a process of its own: what this one took at its most would count as each report's.
            made = measured([sys.executable, "-m", "benchmarks.lakes", str(lake), str(findings), "1"], {})
            if made.exit_code:
                raise RuntimeError(made.output)
        for style in sorted(FORMATS, key=lambda name: (name != "json", name in TOGETHER)):
            yield Written(style, _reported(many, style), _reported(few, style))


def _reported(lake: Path, style: str) -> Cost:
    command = [crenel(), "report", "--quiet", "--lake", str(lake), "--format", style, "--output", "/dev/null"]
    cost = measured(command, {})
    if cost.exit_code:
        raise RuntimeError(f"crenel ended with {cost.exit_code}: {cost.output[-2000:]}")
    return cost
