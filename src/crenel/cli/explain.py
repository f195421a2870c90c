"""`crenel scan --explain`: the calls of a scan, before the first."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TextIO

from rich import box
from rich.table import Table
from rich.text import Text

from crenel import scan as use_case
from crenel.collect.estimate import EVERY_REGION, Line
from crenel.errors import UsageError
from crenel.report.console import console_for
from crenel.report.text import number, plain

_NAMED = 2  # Regions that a line names before it counts


def write_explanation(explanation: use_case.Explanation, style: str, out: TextIO) -> None:
    """Write what a scan would cost, as a table for people or as JSON. Raises `UsageError` for another format."""
    if style == "json":
        json.dump(_as_json(explanation), out, indent=1)
        out.write("\n")
    elif style == "table":
        _write_table(explanation, out)
    else:
        raise UsageError(f"--explain has no format {style}.", suggestion="It has table and json.")


def _as_json(explanation: use_case.Explanation) -> dict[str, object]:
    return {
        "total_calls": explanation.total_calls,
        "time": explanation.minutes,
        "assumed_regions": explanation.assumed_regions,
        "lines": [
            {
                "service": line.service,
                "region": line.region,
                "calls": line.calls,
                "exact": line.exact,
                "depends": line.depends,
                "seconds": list(line.seconds),
                "share": line.share,
            }
            for line in explanation.lines
        ],
    }


def _write_table(explanation: use_case.Explanation, out: TextIO) -> None:
    console = console_for(out)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for header, justify in (("Service", "left"), ("Where", "left"), ("Calls", "right"), ("Of its rate", "right")):
        table.add_column(header, justify=justify, no_wrap=header != "Where")  # type: ignore[arg-type]
    table.add_column("And more", overflow="fold")
    for lines in _alike(explanation.lines):
        line = lines[0]
        calls = f"{'' if line.exact else 'at least '}{line.calls:,}{' each' if len(lines) > 1 else ''}"
        more = plain(line.depends).replace("; ", "\n")
        table.add_row(*map(Text, (line.service, _where(lines), calls, f"{line.share:.1%}", more)))
    console.print(table)
    for text in _totals(explanation):
        console.print(Text(text, style="bold"))
    console.print(Text("Beside these, each account is asked once who it is and which Regions it has.", style="dim"))


def _totals(explanation: use_case.Explanation) -> Iterator[str]:
    """Yield the sums in words; without known Regions there is one sum for each of them."""
    if not explanation.assumed_regions:
        yield f"An account takes {_sum(explanation.lines)} in all, {explanation.minutes}."
        return
    everywhere = [line for line in explanation.lines if line.region == EVERY_REGION]
    once = [line for line in explanation.lines if line.region != EVERY_REGION]
    yield f"An account takes {_sum(once)}, and {_sum(everywhere)} in each enabled Region, {explanation.minutes}."


def _sum(lines: Sequence[Line]) -> str:
    least = "" if all(line.exact for line in lines) else "at least "
    return f"{least}{number(sum(line.calls for line in lines), 'call')}"


def _alike(lines: Sequence[Line]) -> Iterator[list[Line]]:
    """Yield the lines of a service that differ in nothing but the Region, taken together."""

    def what(line: Line) -> tuple[str, int, bool, str, float]:
        return line.service, line.calls, line.exact, line.depends, line.share

    for _, group in groupby(sorted(lines, key=lambda line: (what(line), line.region)), key=what):
        yield list(group)


def _where(lines: Sequence[Line]) -> str:
    names = [line.region for line in lines]
    if len(names) <= _NAMED + 1:
        return ", ".join(names)
    return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more Regions"
