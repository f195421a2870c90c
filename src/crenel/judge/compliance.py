"""How the controls of frameworks stand: SQL over the views `findings`, `controls` and `policies`.

A control's state follows from the findings of the policies that decide it: FAIL where one fails, else UNKNOWN where one
could not be judged, else PASS where one passes, else WAIVED where somebody accepts all that fails, else
NOT_APPLICABLE. Where no policy decides, it is MANUAL. A score is passed / (passed + failed), in controls.

The findings are counted once, by policy; whatever follows is a join of small tables.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from operator import itemgetter
from typing import Any

import duckdb

from crenel.lake.engine import quoted
from crenel.model import Severity, State

Row = tuple[Any, ...]

NOT_JUDGED = "The policy was not judged in this scan."


class ControlState(StrEnum):
    """How a control stands, the most pressing first."""

    FAIL = "FAIL"
    UNKNOWN = "UNKNOWN"
    MANUAL = "MANUAL"
    WAIVED = "WAIVED"
    PASS = "PASS"  # noqa: S105 (a verdict)
    NOT_APPLICABLE = "NOT_APPLICABLE"


@dataclass(frozen=True, slots=True)
class Score:
    """Controls by state."""

    counts: Mapping[ControlState, int]

    def count(self, state: ControlState) -> int:
        """Return how many controls are in a state."""
        return self.counts.get(state, 0)

    @property
    def total(self) -> int:
        """All controls."""
        return sum(self.counts.values())

    @property
    def value(self) -> float | None:
        """The share of controls that pass, of those that pass or fail; None where there is neither."""
        passed, failed = self.count(ControlState.PASS), self.count(ControlState.FAIL)
        return passed / (passed + failed) if passed + failed else None


@dataclass(frozen=True, slots=True)
class Decider:
    """What one policy has to say of a control: its findings by state, and why the first UNKNOWN is so."""

    policy: str
    variant: str | None
    title: str
    counts: Mapping[State, int]
    reason: str | None

    def count(self, state: State) -> int:
        """Return how many findings are in a state."""
        return self.counts.get(state, 0)


@dataclass(frozen=True, slots=True)
class ControlStanding:
    """How a control stands, and why. `manual` is what is to be done by hand, None where nothing is."""

    framework: str
    section: str
    section_title: str
    id: str
    title: str
    severity: Severity | None
    levels: tuple[str, ...]
    manual: str | None
    state: ControlState
    deciders: tuple[Decider, ...]


@dataclass(frozen=True, slots=True)
class SectionStanding:
    """A section's score."""

    id: str
    title: str
    score: Score


@dataclass(frozen=True, slots=True)
class FrameworkStanding:
    """How a framework stands: its controls in its own order, the score of each section and of all."""

    id: str
    name: str
    version: str
    controls: tuple[ControlStanding, ...]
    sections: tuple[SectionStanding, ...]
    score: Score


def states_sql(*, by_account: bool = False, accounts: Sequence[str] = ()) -> str:
    """Return the relation of the controls' states: (framework, section, control, place, state), with `account` first
    where each account is to have a state of its own.

    `accounts`: only what these have.
    """
    account = "account, " if by_account else ""
    whose = ", (SELECT DISTINCT account FROM counted) a" if by_account else ""
    same = "AND k.account = c.account" if by_account else ""
    columns = ", ".join(f"c.{name}" for name in f"{account}framework, section, control, place".split(", "))
    return f"""(
        WITH counted AS MATERIALIZED ({_counted(accounts, by_account=by_account)}),
        asked AS (SELECT * FROM controls {whose})
        SELECT {columns}, {_state()} AS state
        FROM asked c LEFT JOIN counted k
          ON k.policy = c.policy AND k.variant IS NOT DISTINCT FROM c.variant {same}
        GROUP BY ALL)"""


def _counted(accounts: Sequence[str], *, by_account: bool = False) -> str:
    """Return the query of the findings' numbers by policy and variant: the one that looks at each finding."""
    account = "account, " if by_account else ""
    where = f"WHERE account IN ({', '.join(map(quoted, accounts))})" if accounts else ""
    numbers = ", ".join(f"count(*) FILTER (state = '{state}')" for state in State)
    return f"""
        SELECT {account}policy, variant, [{numbers}] AS counts, min(reason) FILTER (state = 'UNKNOWN') AS reason
        FROM findings {where} GROUP BY {account}policy, variant"""


def _state(over: str = "") -> str:
    """Return a control's state out of the rows of its policies: an aggregate, or with `over` a window's."""
    found = {state: f"sum(k.counts[{place}]) {over} > 0" for place, state in enumerate(State, 1)}
    unjudged = f"bool_or(c.policy IS NOT NULL AND k.policy IS NULL) {over}"
    return f"""CASE WHEN count(c.policy) {over} = 0 THEN 'MANUAL'
        WHEN {found[State.FAIL]} THEN 'FAIL'
        WHEN {found[State.UNKNOWN]} OR {unjudged} THEN 'UNKNOWN'
        WHEN {found[State.PASS]} THEN 'PASS'
        WHEN {found[State.WAIVED]} THEN 'WAIVED'
        ELSE 'NOT_APPLICABLE' END"""


def scores(
    connection: duckdb.DuckDBPyConnection, *by: str, accounts: Sequence[str] = ()
) -> dict[tuple[str, ...], Score]:
    """Return the scores by any of `framework`, `section` and `account`, in that order of the keys given.

    Raises `ValueError` for another word.
    """
    if unknown := set(by) - {"framework", "section", "account"}:
        raise ValueError(f"no scores by {', '.join(sorted(unknown))}")
    keys = "".join(f"{word}, " for word in by)
    states = states_sql(by_account="account" in by, accounts=accounts)
    query = f"SELECT {keys} state, count(*) FROM {states} GROUP BY ALL ORDER BY min(place)"
    found: dict[tuple[str, ...], dict[ControlState, int]] = {}
    for *key, state, number in connection.execute(query).fetchall():
        found.setdefault(tuple(key), {})[ControlState(state)] = number
    return {key: Score(counts) for key, counts in found.items()}


def standings(
    connection: duckdb.DuckDBPyConnection, framework: str = "", accounts: Sequence[str] = ()
) -> list[FrameworkStanding]:
    """Return how the frameworks stand that were asked for (or the one of an id), by what some accounts have or all."""
    only = f"WHERE c.framework = {quoted(framework)}" if framework else ""
    rows = connection.execute(f"""
        WITH counted AS MATERIALIZED ({_counted(accounts)})
        SELECT c.framework, c.framework_title, c.version, c.section, c.section_title, c.control, c.title, c.severity,
               c.levels, c.manual, {_state("OVER (PARTITION BY c.framework, c.control)")} AS state,
               c.policy, c.variant, coalesce(p.title, ''), k.counts, k.reason
        FROM controls c
        LEFT JOIN counted k ON k.policy = c.policy AND k.variant IS NOT DISTINCT FROM c.variant
        LEFT JOIN policies p ON p.policy = c.policy AND p.variant IS NOT DISTINCT FROM c.variant
        {only}
        ORDER BY c.framework, c.place, c.policy, c.variant NULLS FIRST""").fetchall()
    found: list[FrameworkStanding] = []
    for _, group in groupby(rows, key=itemgetter(0)):
        of_framework = list(group)
        controls = [_control(list(each)) for _, each in groupby(of_framework, key=itemgetter(5))]
        found.append(_framework(of_framework[0], controls))
    return found


def _framework(row: Row, controls: Sequence[ControlStanding]) -> FrameworkStanding:
    sections: dict[str, list[ControlStanding]] = {}
    for control in controls:
        sections.setdefault(control.section, []).append(control)
    return FrameworkStanding(
        row[0],
        row[1],
        row[2] or "",
        tuple(controls),
        tuple(SectionStanding(name, some[0].section_title, _score(some)) for name, some in sections.items()),
        _score(controls),
    )


def _score(controls: Sequence[ControlStanding]) -> Score:
    return Score(Counter(control.state for control in controls))


def _control(rows: Sequence[Row]) -> ControlStanding:
    framework, _, _, section, section_title, control, title, severity, levels, manual, state, *_ = rows[0]
    return ControlStanding(
        framework=framework,
        section=section,
        section_title=section_title,
        id=control,
        title=title,
        severity=Severity(severity) if severity else None,
        levels=tuple(levels or ()),
        manual=manual,
        state=ControlState(state),
        deciders=tuple(_decider(row) for row in rows if row[11] is not None),
    )


def _decider(row: Row) -> Decider:
    policy, variant, title, counts, reason = row[11:]
    if counts is None:
        return Decider(policy, variant, title, {}, NOT_JUDGED)
    by_state = {state: number for state, number in zip(State, counts, strict=True) if number}
    return Decider(policy, variant, title, by_state, reason)
