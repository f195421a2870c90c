"""Frameworks: all that the scan was asked for, one with its controls, one control."""

from __future__ import annotations

from crenel.errors import nearest
from crenel.judge.compliance import FrameworkStanding
from crenel.web import compliance
from crenel.web.page import Ask, NotFoundError, Page


def frameworks(ask: Ask) -> Page:
    """Show the frameworks with their scores."""
    ask.only()
    return Page("frameworks.html", "Frameworks", {"frameworks": compliance.frameworks(ask.opened)})


def framework(ask: Ask) -> Page:
    """Show one framework: its sections and controls."""
    ask.only()
    found = _framework(ask)
    sections = [
        {
            "id": section.id,
            "title": section.title,
            "controls": [
                compliance.control_values(control) for control in found.controls if control.section == section.id
            ],
            "standing": compliance.score_values(section.score),
        }
        for section in found.sections
    ]
    values = {
        "framework": {"id": found.id, "title": found.name, "version": found.version},
        "standing": compliance.score_values(found.score),
        "sections": sections,
    }
    return Page("framework.html", found.name, values)


def control(ask: Ask) -> Page:
    """Show one control: the policies that decide it, and what of it fails."""
    ask.only("id")
    found = _framework(ask)
    identity = ask.get("id")
    standing = next((each for each in found.controls if each.id == identity), None)
    if standing is None:
        raise NotFoundError(
            f'{found.name} has no control "{identity}".',
            suggestion=nearest(identity, [each.id for each in found.controls]),
        )
    failing = ask.opened.rows(
        "SELECT id, policy, state, severity, account, region, resource_id, name, message FROM findings f "
        "WHERE state IN ('FAIL', 'UNKNOWN') AND EXISTS (SELECT 1 FROM controls c WHERE c.framework = ? AND "
        "c.control = ? AND c.policy = f.policy AND c.variant IS NOT DISTINCT FROM f.variant) ORDER BY place LIMIT 50",
        [found.id, identity],
    )
    values = {
        "framework": {"id": found.id, "title": found.name, "version": found.version},
        "control": compliance.control_values(standing),
        "findings": failing,
    }
    return Page("control.html", f"{identity} {standing.title}", values)


def _framework(ask: Ask) -> FrameworkStanding:
    identity = ask.names["id"]
    found = compliance.framework(ask.opened, identity)
    if found is None:
        known = [str(row["framework"]) for row in ask.opened.rows("SELECT DISTINCT framework FROM controls")]
        raise NotFoundError(
            f'the scan was not asked for a framework "{identity}".', suggestion=nearest(identity, known)
        )
    return found
