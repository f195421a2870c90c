"""Dated facts: small tables of what AWS says elsewhere than in its answers (runtimes' ends, service prefixes)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from crenel.catalog.columns import Type, declared_type
from crenel.positions import Located, load_file


@dataclass(frozen=True, slots=True)
class Fact:
    """A dated table: its columns with types, its rows, the day it was checked."""

    name: str
    as_of: date
    source: str
    columns: Mapping[str, Type] = field(hash=False)
    rows: tuple[Mapping[str, object], ...] = field(hash=False)

    def values(self, column: str) -> tuple[object, ...]:
        """Return a column's values, in order. Raises `KeyError` where there is no such column."""
        if column not in self.columns:
            raise KeyError(column)
        return tuple(row.get(column) for row in self.rows)


@lru_cache(maxsize=1)
def facts() -> Mapping[str, Fact]:
    """Return the facts that ship with Crenel, by name."""
    folder = Path(str(files("crenel.content") / "facts"))
    found = [_read(load_file(path)) for path in sorted(folder.glob("*.yaml"))]
    return {fact.name: fact for fact in found}


def _read(root: Located) -> Fact:
    items = root.only("a fact", ("name", "as_of", "source", "sources", "columns", "rows"))
    columns = {name: declared_type(kind) for name, kind in items["columns"].mapping("columns").items()}
    rows = []
    for row in items["rows"].sequence("rows"):
        row.only("a row", tuple(columns))
        rows.append(row.plain())
    source = items["source"].text("source") if "source" in items else ""
    return Fact(items["name"].text("name"), items["as_of"].value, source, columns, tuple(rows))
