"""How far a snapshot keeps each framework, as the values that pages show."""

from __future__ import annotations

from typing import Any

from crenel.judge.compliance import ControlStanding, ControlState, FrameworkStanding, Score, scores, standings
from crenel.model import State
from crenel.web.opened import Opened, Row


def frameworks(opened: Opened) -> list[Row]:
    """Return the frameworks of a snapshot, each with its score (docs/frameworks.md)."""
    with opened.connection.cursor() as cursor:
        found = scores(cursor, "framework")
    named = opened.rows(
        "SELECT framework, min(framework_title) AS title, min(version) AS version FROM controls GROUP BY 1"
    )
    return [
        {"framework": row["framework"], "title": row["title"], "version": row["version"]}
        | score_values(found[(row["framework"],)])
        for row in sorted(named, key=lambda row: str(row["framework"]))
    ]


def framework(opened: Opened, identity: str) -> FrameworkStanding | None:
    """Return how one framework stands, None where the scan was not asked for it."""
    with opened.connection.cursor() as cursor:
        found = standings(cursor, identity)
    return found[0] if found else None


def score_values(score: Score) -> dict[str, Any]:
    """Return a score as values: the share, None for 0 of 0, and how many controls are in each state."""
    return {
        "score": score.value,
        "controls": score.total,
        "states": {state.value: score.count(state) for state in ControlState},
    }


def control_values(control: ControlStanding) -> dict[str, Any]:
    """Return a control as values."""
    return {
        "id": control.id,
        "title": control.title,
        "section": control.section,
        "severity": control.severity.value if control.severity else None,
        "levels": list(control.levels),
        "state": control.state.value,
        "manual": control.manual,
        "policies": [
            {
                "policy": each.policy,
                "variant": each.variant,
                "title": each.title,
                "reason": each.reason,
                "counts": {state.value: each.count(state) for state in State},
            }
            for each in control.deciders
        ],
    }
