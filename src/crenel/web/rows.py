"""Rows of the resource tables of a snapshot, as JSON values."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from crenel.catalog.load import catalog
from crenel.catalog.spec import ResourceType
from crenel.lake.engine import parquet
from crenel.web.opened import Opened

Values = dict[str, Any]


def kind_of(opened: Opened, type_: str) -> ResourceType | None:
    """Return the resource type that a finding bears, None for one that the catalogue does not have."""
    row = opened.row("SELECT kind FROM kinds WHERE type = ?", [type_])
    return catalog()[row["kind"]] if row else None


def raw_row(opened: Opened, kind: ResourceType, account: str, region: str, identity: str) -> Values | None:
    """Return a resource's row as the scan read it, None where there is none: where it lives first, if it shows in
    several Regions.
    """
    found = table_rows(
        opened,
        kind,
        "_account = ? AND _id = ? ORDER BY coalesce(_home, _region) = ? DESC, _primary DESC LIMIT 1",
        [account, identity, region],
    )
    return found[0] if found and (found[0]["_home"] or found[0]["_region"]) == region else None


def table_rows(opened: Opened, kind: ResourceType, where: str, values: Sequence[object]) -> list[Values]:
    """Return the rows of a type's table that fulfil a condition; none where the scan did not read the type."""
    path = opened.snapshot.file(kind)
    if path is None:
        return []
    query = f"SELECT to_json(t) AS row FROM {parquet(path)} t WHERE {where}"
    return [json.loads(row["row"]) for row in opened.rows(query, values)]
