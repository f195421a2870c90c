"""What a snapshot knows of resources: rows as JSON values, for planners."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from crenel.catalog.load import Catalog, catalog
from crenel.lake.engine import connect, name, parquet
from crenel.lake.snapshots import Snapshot
from crenel.model import GLOBAL

Row = Mapping[str, Any]
Place = tuple[str, str, str]  # account, Region, resource


class SnapshotTables:
    """The tables of a snapshot. A row has the columns that the scan collected, and `_id`, `_region`, `_gaps` and such.

    Times are texts in UTC, as the engine writes them.
    """

    def __init__(self, snapshot: Snapshot, types: Catalog | None = None) -> None:
        self.snapshot = snapshot
        self.types = types or catalog()
        self._rows: dict[tuple[str, str], Sequence[Row]] = {}
        self._unlisted = self._denied()

    def rows(self, kind: str, account: str, columns: Sequence[str] = ()) -> Sequence[Row] | None:
        """Return an account's rows of a type; None where not all were read, or one of these details was not."""
        details = self.snapshot.info.details.get(kind)
        if details is None or not {*columns} <= {*details} or (account, kind) in self._unlisted:
            return None
        if (account, kind) not in self._rows:
            where = "WHERE _account = ? ORDER BY _region, _id"
            self._rows[account, kind] = self._asked(kind, f"FROM {self._relation(kind)} t {where}", [account])
        return self._rows[account, kind]

    def found(self, kind: str, places: Collection[Place]) -> dict[Place, Row]:
        """Return the rows of resources, each by where it lives: its home Region, where that is known."""
        if kind not in self.snapshot.info.details:
            return {}
        once = (
            "QUALIFY row_number() OVER (PARTITION BY _account, _id ORDER BY _primary DESC, _region) = 1"
            if self.types[kind].shadows
            else ""
        )
        query = f"FROM (SELECT * FROM {self._relation(kind)} {once}) t WHERE _id IN (SELECT unnest(?))"
        rows = self._asked(kind, query, [sorted({resource for _, _, resource in places})])
        found = {(str(row["_account"]), str(row["_home"] or row["_region"]), str(row["_id"])): row for row in rows}
        return {place: found[place] for place in places if place in found}

    def here(self, kind: str, account: str, region: str, ids: Collection[str]) -> list[Row]:
        """Return the rows of resources of an account that were read in a Region, or with what has none."""
        if kind not in self.snapshot.info.details:
            return []
        where = "WHERE _account = ? AND _region IN (?, ?) AND _id IN (SELECT unnest(?)) ORDER BY _id"
        return self._asked(kind, f"FROM {self._relation(kind)} t {where}", [account, region, GLOBAL, sorted(ids)])

    def _relation(self, kind: str) -> str:
        return parquet(self.snapshot.folder / f"{self.types[kind].table}.parquet")

    def _asked(self, kind: str, query: str, values: list[object]) -> list[Row]:
        if self.snapshot.file(self.types[kind]) is None:
            return []
        with connect() as connection:
            return [json.loads(text) for (text,) in connection.execute(f"SELECT to_json(t) {query}", values).fetchall()]

    def _denied(self) -> set[tuple[str, str]]:
        """Return the accounts and types of which a listing was denied somewhere."""
        gaps = parquet(self.snapshot.folder / "gaps.parquet")
        query = f"SELECT DISTINCT account, {name('type')} FROM {gaps} WHERE detail = '' AND resource = ''"
        with connect() as connection:
            return {(account, kind) for account, kind in connection.execute(query).fetchall()}


class AccountTables:
    """The tables as a builder asks for them: those of one account."""

    def __init__(self, tables: SnapshotTables, account: str) -> None:
        self._tables = tables
        self._account = account

    def rows(self, kind: str, columns: Sequence[str] = ()) -> Sequence[Row] | None:
        """As `Tables.rows`."""
        return self._tables.rows(kind, self._account, columns)
