"""The policies that a scan asked: all, and one with its words and what it found."""

from __future__ import annotations

import json

from crenel.web.explained import asked_policy, parts
from crenel.web.page import Ask, NotFoundError, Page

_COUNTS = ", ".join(
    f"coalesce(sum(c.n) FILTER (c.state = '{state}'), 0)::BIGINT AS {name}"
    for state, name in (
        ("FAIL", "failing"),
        ("UNKNOWN", "unknown"),
        ("PASS", "passing"),
        ("NOT_APPLICABLE", "not_applicable"),
        ("WAIVED", "waived"),
    )
)


def policies(ask: Ask) -> Page:
    """Show all policies of the scan with what they found, the worst first."""
    ask.only()
    rows = ask.opened.rows(
        f"SELECT a.policy, a.variant, a.practice, a.title, a.severity, a.type, {_COUNTS} FROM asked a "
        "LEFT JOIN cube c ON c.policy = a.policy AND c.variant IS NOT DISTINCT FROM a.variant "
        "GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY failing = 0, severity DESC, failing DESC, a.policy, a.variant NULLS FIRST"
    )
    return Page("policies.html", "Policies", {"policies": rows})


def policy(ask: Ask) -> Page:
    """Show one policy, by its name."""
    ask.only()
    opened = ask.opened
    name = ask.names["name"]
    variants = opened.rows(
        f"SELECT a.*, {_COUNTS} FROM asked a LEFT JOIN cube c ON c.policy = a.policy "
        "AND c.variant IS NOT DISTINCT FROM a.variant WHERE a.policy = ? GROUP BY ALL ORDER BY a.variant NULLS FIRST",
        [name],
    )
    if not variants:
        raise NotFoundError(f'the scan asked no policy "{name}".', suggestion="The page of policies has all of them.")
    for variant in variants:
        variant["parameters"] = json.loads(variant["parameters"] or "{}")
    recent = ask.shelf.recent(opened.snapshot)
    history = [
        {
            "snapshot": snapshot.info.id,
            "at": snapshot.info.started_at,
            "failing": sum(
                row["n"] for row in ask.shelf.counts(snapshot) if row["policy"] == name and row["state"] == "FAIL"
            ),
        }
        for snapshot in recent
    ]
    controls = opened.rows(
        "SELECT DISTINCT framework, framework_title, control, title, variant FROM controls WHERE policy = ? "
        "ORDER BY framework, control",
        [name],
    )
    places = opened.rows(
        "SELECT account, region, sum(n)::BIGINT AS n FROM cube WHERE policy = ? AND state = 'FAIL' GROUP BY 1, 2 "
        "ORDER BY n DESC, 1, 2 LIMIT 20",
        [name],
    )
    said = parts(asked_policy(opened, name, variants[0]["variant"]))
    values = {
        "said": said,
        "policy": variants[0],
        "variants": variants,
        "history": history,
        "controls": controls,
        "places": places,
    }
    return Page("policy.html", variants[0]["title"], values)
