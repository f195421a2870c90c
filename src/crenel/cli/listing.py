"""Lists for people: columns that line up."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TextIO

from rich.table import Table
from rich.text import Text

from crenel.report.console import console_for
from crenel.report.text import plain


def print_columns(headers: Sequence[str], rows: Sequence[Sequence[str]], out: TextIO | None = None) -> None:
    """Print rows under headers. A terminal gets them wrapped to its width, a pipe one line a row, for grep."""
    out = out or sys.stdout
    shown = [[plain(cell) for cell in row] for row in rows]
    if out.isatty():
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        for header in headers:
            table.add_column(header, overflow="fold")
        for row in shown:
            table.add_row(*(Text(cell) for cell in row))
        console_for(out).print(table)
        return
    lines = [list(headers), *shown]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headers))]
    for line in lines:
        out.write("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() + "\n")


def labelled(label: str, items: Sequence[str]) -> Iterator[str]:
    """Yield items below each other, each once, the label before the first."""
    for position, item in enumerate(dict.fromkeys(items)):
        yield f"    {'' if position else label:<12} {item}"
