"""The registry of output formats. A new one is a module with `write` and a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TextIO

from crenel.report import csv_, json_, ndjson, table
from crenel.report.model import Report

FORMATS: Mapping[str, Callable[[Report, TextIO], None]] = {
    "table": table.write,
    "json": json_.write,
    "csv": csv_.write,
    "ndjson": ndjson.write,
}
