"""What the lake holds: the snapshots, and those that can't be used."""

from __future__ import annotations

from crenel.web.page import Ask, Page


def snapshots(ask: Ask) -> Page:
    """Show the snapshots, the newest first."""
    ask.only()
    good, bad = ask.shelf.snapshots()
    judged = {each.info.id for each in ask.shelf.judged()}
    rows = []
    for snapshot in reversed(good):
        info = snapshot.info
        counts = ask.shelf.counts(snapshot) if info.id in judged else []
        by_state = {state: sum(row["n"] for row in counts if row["state"] == state) for state in ("FAIL", "UNKNOWN")}
        rows.append(
            {
                "id": info.id,
                "started_at": info.started_at,
                "finished_at": info.finished_at,
                "accounts": [account.id for account in info.accounts],
                "regions": len(info.regions),
                "complete": info.complete,
                "judged": info.id in judged,
                "failing": by_state["FAIL"],
                "unknown": by_state["UNKNOWN"],
            }
        )
    damaged = [{"id": each.id, "reason": each.reason} for each in bad]
    return Page("snapshots.html", "Snapshots", {"snapshots": rows, "damaged": damaged})
