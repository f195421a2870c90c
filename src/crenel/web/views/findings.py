"""The list of findings: filtered, searched, sorted, a page at a time; with what else could be chosen, and how often."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from crenel.report.pages.rendering import words
from crenel.web.asking import FILTERS, SIZES, SORTS, Asked, asked
from crenel.web.opened import Asking, Row
from crenel.web.page import Ask, Page

_FACETS = ("state", "severity", "change", "framework", "service", "policy", "account", "region", "type")
_SHOWN = 8  # values of a facet before "more"
_COLUMNS = (
    "id, policy, variant, state, severity, account, region, type, service, resource_id, name, message, change, waiver, "
    "lapsed"
)


def findings(ask: Ask) -> Page:
    """Show a page of findings."""
    wanted = asked(ask.arguments)
    opened = ask.opened
    if wanted.counted:
        total, facets = _counts(ask, wanted, opened.rows)
    else:
        with opened.counting(*wanted.looked_for()) as count:
            total, facets = _counts(ask, wanted, count)
    pages = max(1, -(-total // wanted.size))
    wanted = replace(wanted, page=min(wanted.page, pages))
    where, values = wanted.where()
    # First which rows, by the few columns that decide it; then all that is shown of those.
    places = (
        f"SELECT place FROM findings WHERE {where} ORDER BY {wanted.order} "
        f"LIMIT {wanted.size} OFFSET {(wanted.page - 1) * wanted.size}"
    )
    rows = opened.rows(f"SELECT {_COLUMNS} FROM findings WHERE place IN ({places}) ORDER BY {wanted.order}", values)
    page: dict[str, Any] = {
        "total": total,
        "page": wanted.page,
        "pages": pages,
        "size": wanted.size,
        "sort": wanted.sort,
        "q": wanted.q,
        "chosen": _chosen(ask, wanted),
        "findings": rows,
        "facets": [facet for facet in facets if facet["values"]],
        "links": _links(ask, wanted, pages),
        "several": opened.several,
    }
    return Page("findings.html", "Findings", page)


def _counts(ask: Ask, wanted: Asked, count: Asking) -> tuple[int, list[Row]]:
    """Return how many findings there are, and the facets, by a `cube`."""
    where, values = wanted.filtered()
    (total,) = count(f"SELECT coalesce(sum(n), 0)::BIGINT AS n FROM cube WHERE {where}", values)
    return total["n"], [_facet(ask, wanted, name, count) for name in _FACETS]


def _facet(ask: Ask, wanted: Asked, name: str, count: Asking) -> Row:
    """Return a filter's values with how many findings each would give, the other filters being as they are."""
    where, values = wanted.filtered(without=name)
    if name == "framework":
        sql = (
            "SELECT c.framework AS value, any_value(c.title) AS title, sum(n)::BIGINT AS n FROM "
            "(SELECT DISTINCT framework, framework_title AS title, policy, variant FROM controls "
            f"WHERE policy IS NOT NULL) c JOIN (SELECT * FROM cube WHERE {where}) f "
            "ON f.policy = c.policy AND f.variant IS NOT DISTINCT FROM c.variant GROUP BY 1 ORDER BY 1"
        )
    else:
        order = {"state": "1", "severity": "1 DESC"}.get(name, "n DESC, 1")
        sql = (
            f"SELECT {name} AS value, sum(n)::BIGINT AS n FROM cube WHERE {where} AND {name} IS NOT NULL "
            f"GROUP BY 1 ORDER BY {order}"
        )
    found = []
    chosen = wanted.chosen.get(name, ())
    for row in count(sql, values):
        value = str(row["value"])
        found.append(
            {
                "value": value,
                "label": row.get("title") or words(value),
                "count": row["n"],
                "chosen": value in chosen,
                "url": "/findings" + wanted.toggled(name, value).query(ask.snapshot),
            }
        )
    # What is chosen stays to be seen, though it gives nothing with the other filters.
    there = {each["value"] for each in found}
    found += [
        {
            "value": value,
            "label": words(value),
            "count": 0,
            "chosen": True,
            "url": "/findings" + wanted.toggled(name, value).query(ask.snapshot),
        }
        for value in chosen
        if value not in there
    ]
    found.sort(key=lambda each: not each["chosen"] if name not in ("state", "severity") else 0)
    return {"name": name, "label": FILTERS[name], "values": found, "shown": max(_SHOWN, len(chosen))}


def _chosen(ask: Ask, wanted: Asked) -> list[Row]:
    """Return the filters that are set, each with the address without it."""
    found = [
        {
            "name": name,
            "label": FILTERS[name],
            "value": value,
            "url": "/findings" + wanted.toggled(name, value).query(ask.snapshot),
        }
        for name in FILTERS
        for value in wanted.chosen.get(name, ())
    ]
    if wanted.q:
        url = "/findings" + replace(wanted, q="", page=1).query(ask.snapshot)
        found.append({"name": "q", "label": "Words", "value": wanted.q, "url": url})
    return found


def _links(ask: Ask, wanted: Asked, pages: int) -> dict[str, Any]:
    def at(page: int) -> str | None:
        if not 1 <= page <= pages:
            return None
        return "/findings" + replace(wanted, page=page).query(ask.snapshot)

    return {
        "first": at(1) if wanted.page > 1 else None,
        "previous": at(wanted.page - 1),
        "next": at(wanted.page + 1),
        "last": at(pages) if wanted.page < pages else None,
        "sorts": {name: "/findings" + wanted.sorted_by(name).query(ask.snapshot) for name in SORTS},
        "sizes": {size: "/findings" + replace(wanted, size=size, page=1).query(ask.snapshot) for size in SIZES},
        "hidden": list(replace(wanted, q="", page=1).parameters()),
        "clear": "/findings" + Asked(sort=wanted.sort, size=wanted.size).query(ask.snapshot),
    }
