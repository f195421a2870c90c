"""Alerts from logs: those that `crenel detect --keep` put into the lake, or that a file has; the newest first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from crenel.errors import UsageError, did_you_mean
from crenel.lake.alerts import AlertStore
from crenel.lake.engine import connect, literal_path, quoted
from crenel.lake.event_store import EventStore
from crenel.model import Level
from crenel.report.pages import charts
from crenel.web.asking import number
from crenel.web.page import Ask, Page

_SIZE = 50
_DEEPEST = 40_000  # pages
_DAYS = 30  # columns of the chart
_FACETS = ("level", "rule", "principal", "account", "region")
_COLUMNS = (
    "time", "rule", "rule_id", "language", "level", "tags", "event_id", "event_name", "event_source", "account",
    "region", "principal", "source_ip", "resource", "output", "file",
)  # fmt: skip
_LEVELS = [level.value for level in reversed(Level)]


def alerts(ask: Ask) -> Page:
    """Show the alerts of the file that `crenel serve --alerts` names, else those in the lake; without any, how to get
    them.
    """
    ask.only("q", "page", *_FACETS)
    level = ask.get("level")
    if level and level not in _LEVELS:
        raise UsageError(
            f'there is no level "{level}".',
            suggestion=did_you_mean(level, _LEVELS) or f"There are {', '.join(_LEVELS)}.",
        )
    kept = AlertStore(ask.shelf.lake.folder)
    values: dict[str, Any] = {
        "file": str(ask.alerts) if ask.alerts else None,
        "kept": ask.alerts is None and not kept.empty,
        "events": not EventStore(ask.shelf.lake.folder).empty,
        "alerts": [],
        "total": 0,
        "page": 1,
        "pages": 1,
        "facets": [],
        "chosen": {name: ask.get(name) for name in (*_FACETS, "q")},
        "links": {"previous": None, "next": None},
        "days_chart": "",
        "days": [],
    }
    if ask.alerts is not None and ask.alerts.exists() and ask.alerts.stat().st_size:
        values |= _read(ask, _of_file(ask.alerts))
    elif values["kept"]:
        values |= _read(ask, kept.relation)
    return Page("alerts.html", "Alerts", values)


def _of_file(path: Path) -> str:
    """Return the relation of the alerts in a file of JSON lines."""
    columns = ", ".join(f"{quoted(name)}: {quoted('VARCHAR[]' if name == 'tags' else 'VARCHAR')}" for name in _COLUMNS)
    return f"read_json({quoted(literal_path(path))}, format = 'newline_delimited', columns = {{{columns}}})"


def _read(ask: Ask, relation: str) -> dict[str, Any]:
    with connect() as connection:
        connection.execute(f"CREATE TABLE alerts AS SELECT {', '.join(_COLUMNS)} FROM {relation}")

        def rows(sql: str, values: Sequence[object] = ()) -> list[dict[str, Any]]:
            cursor = connection.execute(sql, values)
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

        where, given = _where(ask)
        (total,) = rows(f"SELECT count(*) AS n FROM alerts WHERE {where}", given)
        pages = max(1, -(-total["n"] // _SIZE))
        page = min(number(ask.get("page"), "page", 1, _DEEPEST), pages)
        found = rows(
            f"SELECT * FROM alerts WHERE {where} ORDER BY time DESC, rule, event_id LIMIT {_SIZE} "
            f"OFFSET {(page - 1) * _SIZE}",
            given,
        )
        days = rows(
            f"SELECT left(time, 10) AS day, level, count(*) AS n FROM alerts WHERE {where} GROUP BY 1, 2 ORDER BY 1",
            given,
        )
        facets = []
        for name in _FACETS:
            wanted, others = _where(ask, without=name)
            facet = rows(
                f"SELECT {name} AS value, count(*) AS n FROM alerts WHERE {wanted} AND {name} IS NOT NULL "
                "GROUP BY 1 ORDER BY n DESC, 1 LIMIT 100",
                others,
            )
            facets.append({"name": name, "values": [_choice(ask, name, row) for row in facet]})
    kept = {name: ask.get(name) for name in (*_FACETS, "q")}
    return {
        "alerts": found,
        "total": total["n"],
        "page": page,
        "pages": pages,
        "facets": [facet for facet in facets if facet["values"]],
        "links": {
            "previous": ask.link("/alerts", **kept, page=page - 1) if page > 1 else None,
            "next": ask.link("/alerts", **kept, page=page + 1) if page < pages else None,
        },
        **_days(days),
    }


def _where(ask: Ask, without: str = "") -> tuple[str, list[object]]:
    parts: list[str] = ["true"]
    values: list[object] = []
    for name in _FACETS:
        if ask.get(name) and name != without:
            parts.append(f"{name} = ?")
            values.append(ask.get(name))
    for word in ask.get("q").lower().split():
        parts.append("contains(lower(concat_ws(' ', rule, output, principal, resource, event_name, source_ip)), ?)")
        values.append(word)
    return " AND ".join(parts), values


def _choice(ask: Ask, name: str, row: dict[str, Any]) -> dict[str, Any]:
    chosen = ask.get(name) == row["value"]
    kept: dict[str, object] = {key: ask.get(key) for key in (*_FACETS, "q")}
    kept[name] = None if chosen else row["value"]
    return {"value": row["value"], "count": row["n"], "chosen": chosen, "url": ask.link("/alerts", **kept)}


def _days(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the alerts of the last days that have any, by level, and their chart."""
    labels = sorted({row["day"] for row in rows})[-_DAYS:]
    days = [
        {"day": day}
        | {level: sum(row["n"] for row in rows if row["day"] == day and row["level"] == level) for level in _LEVELS}
        for day in labels
    ]
    series = [(level, [day[level] for day in days]) for level in reversed(_LEVELS)]
    chart = charts.columns([str(day)[5:] for day in labels], series, "Alerts by level, a column a day") if days else ""
    return {"days": days, "days_chart": chart}
