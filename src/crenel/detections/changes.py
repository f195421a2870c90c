"""A rule changed in one small way, as a slip of the hand would change its text. Each change is told in the rule's own
words, with its place.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from crenel.detections.model import Correlation, Detection
from crenel.errors import Where

Rule = Detection | Correlation
ITEMS = 4  # of a list that are left out one by one
_MOST = 160  # changes of one rule


@dataclass(frozen=True, slots=True)
class Change:
    """A rule with one change: which, in the rule's words, and where it stands."""

    rule: Rule
    words: str
    where: Where | None


def chosen(every: Iterable[Change]) -> list[Change]:
    """Return changes, each once; of very many an even choice."""
    found: dict[tuple[str, Where | None], Change] = {}
    for each in every:
        found.setdefault((each.words, each.where), each)
    listed = list(found.values())
    return [listed[index * len(listed) // _MOST] for index in range(_MOST)] if len(listed) > _MOST else listed
