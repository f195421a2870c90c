"""What every report is made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from crenel.judge.run import Judgement
from crenel.lake.snapshots import Damage
from crenel.language.policy import (
    Plan,
)
from crenel.model import ScanInfo
from crenel.report.asked import Asked


@dataclass(frozen=True, slots=True)
class Report:
    """A judged snapshot: the scan's head, its findings to ask, the policies in play, the damaged snapshots passed
    over.

    `seconds` is how long the run took, None where nobody measured. `again` is the command that judges the same snapshot
    again, for the hint at the end ("" for none). `frameworks` are those that were asked for, as the user named them.
    """

    info: ScanInfo
    judgement: Judgement
    plans: Sequence[Plan | Asked]
    damages: Sequence[Damage] = ()
    seconds: float | None = None
    again: str = ""
    frameworks: Sequence[str] = ()

    def resources_judged(self) -> int:
        """Return how many resources got a verdict of their own (PASS, FAIL, or UNKNOWN of a resource that was seen)."""
        found = self.judgement.connection.execute(
            "SELECT count(DISTINCT (account, region, type, resource_id)) FROM findings "
            "WHERE status IN ('PASS', 'FAIL', 'UNKNOWN') AND resource_id <> '*'"
        ).fetchone()
        return int(found[0]) if found else 0
