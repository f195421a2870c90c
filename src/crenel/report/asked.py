"""What reports say of policies and controls, out of what lies with the findings (`lake/findings.py`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import duckdb

from crenel.model import Severity, State

Key = tuple[str, str | None]  # policy and variant


@dataclass(frozen=True, slots=True)
class Asked:
    """A policy as a scan asked it, with its words and how many findings it has of each state.

    `why`, `remediation` and `links` are empty where the findings came without them.
    """

    policy: str
    variant: str | None
    practice: int | None
    severity: Severity
    title: str
    type: str
    why: str = ""
    remediation: str = ""
    links: tuple[str, ...] = ()
    counts: Mapping[State, int] = field(default_factory=dict, hash=False)

    @property
    def key(self) -> str:
        """What no other policy of the report is called."""
        return self.policy if self.variant is None else f"{self.policy} {self.variant}"

    def count(self, state: State) -> int:
        """Return the number of findings of a state."""
        return self.counts.get(state, 0)

    @property
    def total(self) -> int:
        """The number of its findings."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class Control:
    """A framework's control that a policy decides, or helps to."""

    framework: str
    framework_title: str
    version: str
    id: str
    title: str

    @property
    def label(self) -> str:
        """The control's name with its framework's: ``cis-3.0 1.4``."""
        return f"{self.framework} {self.id}"


def asked(connection: duckdb.DuckDBPyConnection) -> list[Asked]:
    """Return the policies that have findings, by practice (those without one last), name and variant."""
    numbers = ", ".join(f"count(*) FILTER (state = '{state}')" for state in State)
    # A list holds no null for a null list, so that a policy without words has empty ones.
    rows = connection.execute(f"""
        WITH f AS (
            SELECT policy, variant, any_value(practice) AS practice, any_value(severity) AS severity,
                   any_value(title) AS title, any_value(type) AS type, [{numbers}] AS counts
            FROM findings GROUP BY policy, variant)
        SELECT f.policy, f.variant, f.practice, f.severity, f.title, f.type, coalesce(p.why, ''),
               coalesce(p.remediation, ''), coalesce(p.links, []), f.counts
        FROM f LEFT JOIN policies p ON p.policy = f.policy AND p.variant IS NOT DISTINCT FROM f.variant
        ORDER BY f.practice NULLS LAST, f.policy, f.variant NULLS FIRST""").fetchall()
    return [
        Asked(
            policy, variant, practice, Severity(severity), title, kind, why.strip(), remediation.strip(), tuple(links),
            {state: count for state, count in zip(State, counts, strict=True) if count},
        )
        for policy, variant, practice, severity, title, kind, why, remediation, links, counts in rows
    ]  # fmt: skip


def controls(connection: duckdb.DuckDBPyConnection) -> dict[Key, tuple[Control, ...]]:
    """Return the controls that each policy decides, in their frameworks' order."""
    rows = connection.execute(
        "SELECT policy, variant, framework, coalesce(framework_title, framework), coalesce(version, ''), control, "
        "coalesce(title, '') FROM controls WHERE policy IS NOT NULL ORDER BY framework, place, control"
    ).fetchall()
    found: dict[Key, list[Control]] = {}
    for policy, variant, *words in rows:
        found.setdefault((policy, variant), []).append(Control(*words))
    return {key: tuple(each) for key, each in found.items()}
