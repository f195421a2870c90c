"""Which findings somebody wants to see, as a condition over their columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from crenel.lake.engine import quoted
from crenel.model import Severity, State


@dataclass(frozen=True, slots=True)
class Choice:
    """What of a snapshot's findings is asked for; what is empty chooses nothing, so that all are in.

    `policies` are patterns (``s3-*``), `severity` the least level, `frameworks` the ids of those one of whose controls
    the policy decides.
    """

    states: tuple[State, ...] = ()
    severity: Severity | None = None
    policies: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    frameworks: tuple[str, ...] = ()

    @property
    def everything(self) -> bool:
        """Whether nothing is left out."""
        return self == Choice()

    def condition(self, of: str = "f") -> str:
        """Return the condition in SQL over the alias `of` of the findings; the view `controls` has to be there."""
        parts = []
        if self.states:
            parts.append(f"{of}.state IN ({_listed(self.states)})")
        if self.severity is not None:
            levels = [level for level in Severity if level.rank >= self.severity.rank]
            parts.append(f"{of}.severity IN ({_listed(levels)})")
        if self.policies:
            parts.append("(" + " OR ".join(f"{of}.policy GLOB {quoted(name)}" for name in self.policies) + ")")
        if self.frameworks:
            parts.append(
                f"EXISTS (FROM controls c WHERE c.policy = {of}.policy AND c.variant IS NOT DISTINCT FROM {of}.variant "
                f"AND c.framework IN ({_listed(self.frameworks)}))"
            )
        parts += [self.places(of)] if self.accounts or self.regions else []
        return " AND ".join(parts) or "true"

    def places(self, of: str) -> str:
        """Return the part of the condition that gaps have too: where."""
        parts = []
        if self.accounts:
            parts.append(f"{of}.account IN ({_listed(self.accounts)})")
        if self.regions:
            parts.append(f"{of}.region IN ({_listed(self.regions)})")
        return " AND ".join(parts) or "true"


def _listed(words: Sequence[str]) -> str:
    return ", ".join(quoted(str(word)) for word in words)
