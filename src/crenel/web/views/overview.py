"""The first page: how it stands, what is new, what is worst, what could not be read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crenel.model import Severity, State
from crenel.report.pages import charts
from crenel.web.compliance import frameworks
from crenel.web.opened import CHANGES, Opened, Row
from crenel.web.page import Ask, Page

_FEW = 8
_WORST_FIRST = [severity.value for severity in reversed(Severity)]


def overview(ask: Ask) -> Page:
    """Show the whole of a snapshot at a glance."""
    ask.only()
    opened = ask.opened
    info = opened.snapshot.info
    values: dict[str, Any] = {
        "scan": {
            "id": info.id,
            "started_at": info.started_at,
            "finished_at": info.finished_at,
            "accounts": [account.id for account in info.accounts],
            "regions": len(info.regions),
            "complete": info.complete,
            "before": opened.before.info.started_at if opened.before else None,
        },
        "states": _states(opened),
        "failing": _failing(opened),
        "changes": _changes(opened),
        "frameworks": frameworks(opened),
        "trend": _trend(ask),
        "services": _services(opened),
        "worst": _worst(ask),
        "new": opened.rows(
            "SELECT id, change, policy, severity, account, region, resource_id, name, message FROM findings "
            f"WHERE change IN ('new', 'worse', 'lapsed') ORDER BY severity DESC, place LIMIT {_FEW}"
        ),
        "unread": unread(opened),
        "lapsed": opened.number("SELECT count(*) FROM findings WHERE lapsed IS NOT NULL AND state = 'FAIL'"),
        "asked": {"policies": opened.number("SELECT count(*) FROM asked")},
    }
    values["trend_chart"] = _drawn(values["trend"])
    return Page("overview.html", "Overview", values)


def _states(opened: Opened) -> Mapping[str, int]:
    found = {row["state"]: int(row["n"]) for row in opened.rows("SELECT state, sum(n) AS n FROM cube GROUP BY 1")}
    return {state.value: found.get(state.value, 0) for state in State}


def _failing(opened: Opened) -> Mapping[str, int]:
    found = opened.rows("SELECT severity, sum(n) AS n FROM cube WHERE state = 'FAIL' GROUP BY 1")
    by_severity = {row["severity"]: int(row["n"]) for row in found}
    return {severity: by_severity.get(severity, 0) for severity in _WORST_FIRST}


def _changes(opened: Opened) -> Mapping[str, int]:
    """Return what became of findings since the scan before."""
    found = {row["change"]: int(row["n"]) for row in opened.rows("SELECT change, n FROM changes_counted")}
    return {change: found.get(change, 0) for change in CHANGES}


def _trend(ask: Ask) -> list[Row]:
    """Return what fails by severity, snapshot by snapshot."""
    found = []
    for snapshot in ask.shelf.recent(ask.opened.snapshot):
        counts = ask.shelf.counts(snapshot)
        failing = {
            severity: sum(row["n"] for row in counts if row["state"] == "FAIL" and row["severity"] == severity)
            for severity in _WORST_FIRST
        }
        unknown = sum(row["n"] for row in counts if row["state"] == "UNKNOWN")
        found.append({"snapshot": snapshot.info.id, "at": snapshot.info.started_at, **failing, "unknown": unknown})
    return found


def _drawn(trend: list[Row]) -> str:
    labels = [f"{row['at']:%d %b}" for row in trend]
    if len(set(labels)) < len(labels):
        labels = [f"{row['at']:%d %b %H:%M}" for row in trend]
    series = [(severity, [row[severity] for row in trend]) for severity in reversed(_WORST_FIRST)]
    return charts.columns(labels, series, "Failing findings by severity, a column a snapshot")


def _services(opened: Opened) -> list[Row]:
    """Return the services with what fails there, the most first."""
    return opened.rows(
        """
        SELECT service, sum(n) FILTER (state = 'FAIL')::BIGINT AS failing,
               sum(n) FILTER (state = 'PASS')::BIGINT AS passing, sum(n) FILTER (state = 'UNKNOWN')::BIGINT AS unknown,
               coalesce(sum(n) FILTER (state = 'WAIVED'), 0)::BIGINT AS waived,
               sum(n) FILTER (state = 'FAIL' AND severity >= 'high')::BIGINT AS bad
        FROM cube GROUP BY 1 HAVING sum(n) FILTER (state <> 'NOT_APPLICABLE') > 0
        ORDER BY coalesce(failing, 0) DESC, service"""
    )


def _worst(ask: Ask) -> list[Row]:
    """Return the policies that fail worst, each with how many failed in the snapshots so far."""
    found = ask.opened.rows(
        f"""
        SELECT c.policy, c.severity, any_value(a.title) AS title, sum(c.n)::BIGINT AS failing
        FROM cube c JOIN asked a ON a.policy = c.policy AND a.variant IS NOT DISTINCT FROM c.variant
        WHERE c.state = 'FAIL' GROUP BY 1, 2 ORDER BY severity DESC, failing DESC, c.policy LIMIT {_FEW}"""
    )
    recent = ask.shelf.recent(ask.opened.snapshot)
    for row in found:
        row["history"] = [
            sum(
                count["n"]
                for count in ask.shelf.counts(snapshot)
                if count["policy"] == row["policy"] and count["state"] == "FAIL"
            )
            for snapshot in recent
        ]
    return found


def unread(opened: Opened) -> list[Row]:
    """Return what could not be read, by call and error, the most frequent first."""
    return opened.rows(
        f"""
        SELECT call, code, permission, count(*) AS n, any_value(message) AS message,
               list_sort(list(DISTINCT type))[:{_FEW}] AS types, list_sort(list(DISTINCT region))[:{_FEW}] AS regions,
               count(DISTINCT account) AS accounts
        FROM gaps GROUP BY 1, 2, 3 ORDER BY n DESC, call, code LIMIT 50"""
    )
