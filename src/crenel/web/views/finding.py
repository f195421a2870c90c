"""One finding: what was seen, the policy, the repair, the resource's row, the waiver, and how it was before."""

from __future__ import annotations

import json
from typing import Any

from crenel.judge.findings import COLUMNS, Finding
from crenel.lake.engine import connect
from crenel.lake.findings import stored_findings
from crenel.model import State
from crenel.web.explained import asked_policy, clause_values, held, marked, parts, repair
from crenel.web.opened import Opened, Row
from crenel.web.page import Ask, NotFoundError, Page
from crenel.web.rows import kind_of, raw_row

_HISTORY = 12  # snapshots that are looked back
_LEAST = 6  # letters of an id that name a finding


def finding(ask: Ask) -> Page:
    """Show one finding, by its id or the beginning of it."""
    ask.only()
    opened = ask.opened
    known = _known(opened, ask.names["id"])
    found = _whole(opened, known)
    policy = opened.row(
        "SELECT * FROM asked WHERE policy = ? AND variant IS NOT DISTINCT FROM ?", [found.policy, found.variant]
    )
    kind = kind_of(opened, found.type)
    row = raw_row(opened, kind, found.account, found.region, found.resource_id) if kind else None
    asked = asked_policy(opened, found.policy, found.variant)
    clauses = held(opened.snapshot, found, asked)
    closing = found.state in (State.FAIL, State.WAIVED)
    controls = opened.rows(
        "SELECT DISTINCT framework, framework_title, control, title FROM controls WHERE policy = ? "
        "AND variant IS NOT DISTINCT FROM ? ORDER BY framework, control",
        [found.policy, found.variant],
    )
    values: dict[str, Any] = {
        "finding": found.as_json() | {"state": found.state.value, "title": found.title, "change": known["change"]},
        "policy": policy,
        "controls": controls,
        "repair": repair(opened.snapshot, found, asked, controls) if closing else None,
        "clauses": [clause_values(each) for each in clauses],
        "text": marked(asked.text, clauses, found.state) if asked else [],
        "said": parts(asked),
        "row": row,
        "kind": {"name": kind.name, "title": kind.title} if kind else None,
        "history": _history(ask, found),
        "also": opened.rows(
            "SELECT id, policy, state, severity, message FROM findings WHERE type = ? AND account = ? AND region = ? "
            "AND resource_id = ? AND id <> ? ORDER BY place LIMIT 100",
            [found.type, found.account, found.region, found.resource_id, found.id],
        )
        if found.resource_id != "*"
        else [],
    }
    return Page("finding.html", found.title, values)


def _known(opened: Opened, identity: str) -> Row:
    """Return the one finding whose id begins so. Raises `NotFoundError`."""
    if len(identity) < _LEAST or not identity.isalnum():
        raise NotFoundError(f'"{identity}" is no id of a finding.', suggestion=f"An id has {_LEAST} letters at least.")
    found = opened.rows("SELECT * FROM findings WHERE starts_with(id, ?) ORDER BY id LIMIT 2", [identity.lower()])
    if not found:
        raise NotFoundError(f"this snapshot has no finding {identity}.", suggestion="Another snapshot may have it.")
    if len(found) > 1 and found[0]["id"] != identity:
        raise NotFoundError(f"several findings begin with {identity}.", suggestion="Give more of the id.")
    return found[0]


def _whole(opened: Opened, known: Row) -> Finding:
    """Return a finding with its evidence, which only the stored ones have, looked for by its key: that is quicker."""
    row = opened.row(
        f"SELECT {', '.join(COLUMNS)} FROM stored WHERE policy = ? AND variant IS NOT DISTINCT FROM ? AND account = ? "
        "AND region = ? AND resource_id = ?",
        [known[name] for name in ("policy", "variant", "account", "region", "resource_id")],
    )
    if row is None:
        raise NotFoundError(f"the finding {known['id']} is not among the stored ones.")
    return Finding.of(tuple(row.values()))


def _history(ask: Ask, found: Finding) -> list[Row]:
    """Return the finding's state in the snapshots so far, the newest first; None where it was not judged."""
    history = []
    with connect() as connection:
        for snapshot in reversed(ask.shelf.recent(ask.opened.snapshot)[-_HISTORY:]):
            row = connection.execute(
                f"SELECT state, message, evidence FROM {stored_findings(snapshot.findings)} WHERE policy = ? "
                "AND variant IS NOT DISTINCT FROM ? AND account = ? AND region = ? AND resource_id = ?",
                [found.policy, found.variant, found.account, found.region, found.resource_id],
            ).fetchone()
            history.append(
                {
                    "snapshot": snapshot.info.id,
                    "at": snapshot.info.started_at,
                    "state": row[0] if row else None,
                    "message": row[1] if row else None,
                    "evidence": json.loads(row[2] or "{}") if row else None,
                }
            )
    return history
