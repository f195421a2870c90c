"""Resources: the inventory, the resources of a type, and one with its row, its verdicts and its relations."""

from __future__ import annotations

from typing import Any

from crenel.catalog.load import catalog
from crenel.catalog.spec import ResourceType
from crenel.errors import nearest
from crenel.lake.engine import parquet
from crenel.web.asking import number
from crenel.web.page import Ask, NotFoundError, Page
from crenel.web.relations import relations
from crenel.web.rows import raw_row

_SIZE = 50
_DEEPEST = 40_000  # pages
_COUNTED = """
    sum(n) FILTER (state = 'FAIL')::BIGINT AS failing, sum(n) FILTER (state = 'UNKNOWN')::BIGINT AS unknown"""


def resources(ask: Ask) -> Page:
    """Show how many resources of each type there are, in which accounts and Regions."""
    ask.only()
    opened = ask.opened
    types = opened.rows(
        f"""
        SELECT i.kind, k.title, k.service, i.n, coalesce(f.failing, 0) AS failing, coalesce(f.unknown, 0) AS unknown
        FROM (SELECT kind, sum(n)::BIGINT AS n FROM inventory GROUP BY 1) i
        JOIN (SELECT DISTINCT kind, title, service FROM kinds) k ON k.kind = i.kind
        LEFT JOIN (SELECT k.kind, {_COUNTED} FROM cube c JOIN kinds k ON k.type = c.type GROUP BY 1) f
            ON f.kind = i.kind
        ORDER BY i.n DESC, i.kind"""
    )
    empty = opened.rows(
        "SELECT DISTINCT kind, title FROM kinds WHERE kind IN (SELECT unnest(?)) AND kind NOT IN "
        "(SELECT kind FROM inventory) ORDER BY kind",
        [sorted(opened.snapshot.info.details)],
    )
    places = opened.rows("SELECT account, region, sum(n)::BIGINT AS n FROM inventory GROUP BY 1, 2 ORDER BY 1, 2")
    regions = sorted({row["region"] for row in places})
    by_account: dict[str, dict[str, int]] = {}
    for row in places:
        by_account.setdefault(row["account"], {})[row["region"]] = row["n"]
    values = {
        "types": types,
        "empty": empty,
        "regions": regions,
        "accounts": [{"account": account, "regions": found} for account, found in by_account.items()],
        "total": sum(row["n"] for row in types),
    }
    return Page("resources.html", "Resources", values)


def resources_of(ask: Ask) -> Page:
    """Show the resources of one type, a page at a time."""
    ask.only("account", "region", "q", "page")
    opened = ask.opened
    kind = _kind(ask.names["kind"])
    path = opened.snapshot.file(kind)
    conditions, values = ["coalesce(_primary, true)"], []
    for name, column in (("account", "_account"), ("region", "coalesce(_home, _region)")):
        if ask.get(name):
            conditions.append(f"{column} = ?")
            values.append(ask.get(name))
    for word in ask.get("q").lower().split():
        conditions.append("contains(lower(concat_ws(' ', _id, _name, _arn)), ?)")
        values.append(word)
    page = number(ask.get("page"), "page", 1, _DEEPEST)
    rows: list[dict[str, Any]] = []
    total = 0
    if path is not None:
        source = f"FROM {parquet(path)} WHERE {' AND '.join(conditions)}"
        total = opened.number(f"SELECT count(*) {source}", values)
        rows = opened.rows(
            f"SELECT _account AS account, coalesce(_home, _region) AS region, _id AS id, _name AS name {source} "
            f"ORDER BY _account, region, _id LIMIT {_SIZE} OFFSET {(page - 1) * _SIZE}",
            values,
        )
    ids = [row["id"] for row in rows]
    counted = opened.rows(
        "SELECT account, resource_id, count(*) FILTER (state = 'FAIL') AS failing, max(severity) FILTER "
        "(state = 'FAIL') AS severity FROM findings WHERE type = ? AND resource_id IN (SELECT unnest(?)) GROUP BY 1, 2",
        [f"aws.{kind.reported_as}", ids],
    )
    verdicts = {(row["account"], row["resource_id"]): row for row in counted}
    for row in rows:
        found = verdicts.get((row["account"], row["id"]))
        row |= {"failing": found["failing"] if found else 0, "severity": found["severity"] if found else None}
    choices = opened.rows(
        "SELECT account, region, sum(n)::BIGINT AS n FROM inventory WHERE kind = ? GROUP BY 1, 2 ORDER BY 1, 2",
        [kind.name],
    )
    pages = max(1, -(-total // _SIZE))
    address = f"/resources/{kind.name}"
    kept = {"account": ask.get("account"), "region": ask.get("region"), "q": ask.get("q")}
    shown = {
        "kind": {"name": kind.name, "title": kind.title, "collected": path is not None},
        "resources": rows,
        "total": total,
        "page": page,
        "pages": pages,
        "chosen": kept,
        "accounts": sorted({row["account"] for row in choices}),
        "regions": sorted({row["region"] for row in choices}),
        "links": {
            "previous": ask.link(address, **kept, page=page - 1) if page > 1 else None,
            "next": ask.link(address, **kept, page=page + 1) if page < pages else None,
        },
    }
    return Page("resources_of.html", kind.title, shown)


def resource(ask: Ask) -> Page:
    """Show one resource: its verdicts, its row as the scan read it, what it names and what names it."""
    ask.only("type", "account", "region", "id")
    opened = ask.opened
    kind = _kind(ask.get("type"))
    identity, account, region = ask.get("id"), ask.get("account"), ask.get("region")
    row = raw_row(opened, kind, account, region, identity)
    verdicts = opened.rows(
        "SELECT id, policy, state, severity, message FROM findings WHERE type = ? AND account = ? AND region = ? "
        "AND resource_id = ? ORDER BY place LIMIT 500",
        [f"aws.{kind.reported_as}", account, region, identity],
    )
    if row is None and not verdicts:
        raise NotFoundError(f'this snapshot has no aws.{kind.name} "{identity}" in {account or "no account"} {region}.')
    gaps = opened.rows(
        "SELECT detail, call, code, permission, message FROM gaps WHERE account = ? AND type = ? AND resource = ?",
        [account, kind.name, identity],
    )
    values = {
        "kind": {"name": kind.name, "title": kind.title},
        "resource": {
            "id": identity,
            "account": account,
            "region": region,
            "name": row["_name"] if row else None,
            "arn": row["_arn"] if row else None,
        },
        "row": row,
        "verdicts": verdicts,
        "relations": relations(opened, kind, row) if row else [],
        "gaps": gaps,
    }
    return Page("resource.html", (row and row["_name"]) or identity, values)


def _kind(word: str) -> ResourceType:
    if word.removeprefix("aws.") not in catalog():
        raise NotFoundError(f'there is no resource type "{word}".', suggestion=nearest(word, catalog()))
    return catalog()[word]
