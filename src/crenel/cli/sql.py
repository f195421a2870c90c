"""`crenel sql`: the lake, asked in SQL."""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TextIO

import click

from crenel import scan as use_case
from crenel.cli.listing import print_columns
from crenel.cli.options import as_of_option, format_option, lake_option
from crenel.cli.output import warn_of_damage
from crenel.report.contract import dumps, time_json
from crenel.report.csv_ import cells

_SHOWN = 1_000  # rows of a table for people; the other formats have no bound
Rows = Iterator[Sequence[object]]


@click.command()
@click.argument("statement", metavar="SELECT")
@lake_option
@as_of_option
@format_option("table", "csv", "json")
def sql(statement: str, lake: Path, as_of: datetime | None, style: str) -> None:
    """Ask the last snapshot in SQL (DuckDB's), read-only. A dash reads the statement from standard input.

    Tables are named by resource type (`crenel resources list`); every row bears _account, _region, _id, _arn, _name and
    _seen_at. There are `findings` and `gaps` as well, and `events` where logs were taken in (`crenel ingest`).

    \b
    Examples:
      crenel sql "select _name, _region, State from ebs where not Encrypted"
      crenel sql --format csv "select policy, status, count(*) from findings group by all" > counts.csv
      crenel sql --as-of 2026-11-20 "select count(*) from iam_user"
    """  # noqa: D301
    text = sys.stdin.read() if statement == "-" else statement
    with use_case.query(lake, text, as_of, warn_of_damage) as (columns, rows):
        _WRITERS[style](_distinct(columns), rows, sys.stdout)


def _table(columns: Sequence[str], rows: Rows, out: TextIO) -> None:
    shown = [[_text(value) for value in row] for row in islice(rows, _SHOWN)]
    print_columns(columns, shown, out)
    if next(rows, None) is not None:
        click.echo(f"The first {_SHOWN:,} rows; --format csv or json gives all.", err=True)


def _csv(columns: Sequence[str], rows: Rows, out: TextIO) -> None:
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(cells(columns))
    for row in rows:
        writer.writerow(cells(value if type(value) in (int, float) else _text(value) for value in row))


def _json(columns: Sequence[str], rows: Rows, out: TextIO) -> None:
    separator = "[\n"
    for row in rows:
        out.write(separator + dumps({name: _plain(value) for name, value in zip(columns, row, strict=True)}))
        separator = ",\n"
    out.write("[]\n" if separator == "[\n" else "\n]\n")


_WRITERS: Mapping[str, Callable[[Sequence[str], Rows, TextIO], None]] = {"table": _table, "csv": _csv, "json": _json}


def _distinct(columns: Sequence[str]) -> list[str]:
    """Return column names of which no two are equal, so that a JSON object has them all."""
    found: list[str] = []
    for name in columns:
        number, called = 1, name
        while called in found:
            number += 1
            called = f"{name}_{number}"
        found.append(called)
    return found


def _plain(value: object) -> object:
    """Return a value of DuckDB's as one of JSON's; what JSON has no word for as text."""
    found: object
    match value:
        case None | bool() | int() | str():
            found = value
        case float():
            found = value if math.isfinite(value) else None
        case datetime():
            found = time_json(value.replace(tzinfo=value.tzinfo or UTC))
        case dict():
            found = {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            found = [_plain(item) for item in value]
        case _:
            found = str(value)
    return found


def _text(value: object) -> str:
    found = _plain(value)
    if isinstance(found, dict | list):
        return dumps(found)
    return "" if found is None else str(found).lower() if isinstance(found, bool) else str(found)
