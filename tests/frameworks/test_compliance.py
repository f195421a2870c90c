"""How controls stand: the states by SQL, and the scores that follow."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from crenel.judge.compliance import NOT_JUDGED, ControlState, Score, scores, standings, states_sql
from crenel.model import Severity, State
from tests.report.judgements import ACCOUNT, WAIVER, finding, judgement

OTHER = "444455556666"


def found(policy: str, *states: str, account: str = ACCOUNT, variant: str | None = None) -> list[dict[str, Any]]:
    """Findings of a policy, one in each state."""
    return [
        finding(policy=policy, status="FAIL", account=account, variant=variant, **WAIVER)
        if state == "WAIVED"
        else finding(policy=policy, status=state, account=account, variant=variant, reason=f"{state} of {policy}")
        for state in states
    ]


def control(name: str, *policies: str | None, variant: str | None = None, **changes: Any) -> list[dict[str, Any]]:
    values = {
        "framework": "f", "framework_title": "F", "version": "1", "section": name[0],
        "section_title": f"Section {name[0]}", "control": name, "title": f"Control {name}", "severity": None,
        "levels": ["L1"], "manual": None, "place": 0,
    }  # fmt: skip
    return [values | {"policy": policy, "variant": variant} | changes for policy in policies or (None,)]


def connection(findings: list[dict[str, Any]], *controls: list[dict[str, Any]]) -> duckdb.DuckDBPyConnection:
    rows = [row | {"place": place} for place, rows in enumerate(controls) for row in rows]
    return judgement(findings, about={"controls": rows}).connection


STATES = {
    "one FAIL is enough": (("PASS", "UNKNOWN", "WAIVED", "FAIL"), ControlState.FAIL),
    "what could not be judged may fail": (("PASS", "WAIVED", "UNKNOWN"), ControlState.UNKNOWN),
    "waived ones are set aside": (("WAIVED", "PASS"), ControlState.PASS),
    "not applicable ones too": (("NOT_APPLICABLE", "PASS"), ControlState.PASS),
    "nothing but waived ones": (("WAIVED", "NOT_APPLICABLE"), ControlState.WAIVED),
    "nothing applies": (("NOT_APPLICABLE",), ControlState.NOT_APPLICABLE),
    "a policy without a finding was not judged": ((), ControlState.UNKNOWN),
}


@pytest.mark.parametrize(("states", "wanted"), STATES.values(), ids=list(STATES))
def test_state_of_a_control(states, wanted):
    engine = connection(found("a", *states), control("1", "a"))

    assert engine.execute(f"SELECT control, state FROM {states_sql()}").fetchall() == [("1", wanted.value)]


@pytest.mark.parametrize(
    ("first", "other", "wanted"),
    [
        ("PASS", "FAIL", ControlState.FAIL),
        ("PASS", "UNKNOWN", ControlState.UNKNOWN),
        ("PASS", "NOT_APPLICABLE", ControlState.PASS),
        ("WAIVED", "PASS", ControlState.PASS),
    ],
)
def test_all_policies_of_a_control_decide_together(first, other, wanted):
    engine = connection([*found("a", first), *found("b", other)], control("1", "a", "b"))
    (framework,) = standings(engine)

    assert framework.controls[0].state is wanted


def test_a_policy_that_was_not_judged_leaves_its_control_unknown_however_many_states_the_other_has():
    engine = connection(found("a", "PASS", "NOT_APPLICABLE", "WAIVED"), control("1", "a", "gone"))
    (framework,) = standings(engine)

    assert framework.controls[0].state is ControlState.UNKNOWN
    assert [decider.reason for decider in framework.controls[0].deciders] == [None, NOT_JUDGED]


def test_a_control_that_no_policy_decides_is_manual():
    engine = connection([], control("1", manual="Look."))
    (framework,) = standings(engine)

    assert (framework.controls[0].state, framework.controls[0].manual) == (ControlState.MANUAL, "Look.")
    assert framework.controls[0].deciders == ()


def test_a_control_looks_at_its_own_variant_alone():
    findings = [*found("a", "FAIL"), *found("a", "PASS", variant="days=45")]
    engine = connection(findings, control("1", "a"), control("2", "a", variant="days=45"))
    (framework,) = standings(engine)

    assert [each.state for each in framework.controls] == [ControlState.FAIL, ControlState.PASS]


def test_what_a_control_says_of_its_policies():
    findings = found("a", "FAIL", "FAIL", "PASS", "UNKNOWN", "WAIVED")
    engine = connection(findings, control("1", "a", severity="high"))
    (framework,) = standings(engine)
    (decider,) = framework.controls[0].deciders

    assert decider.counts == {State.FAIL: 2, State.PASS: 1, State.UNKNOWN: 1, State.WAIVED: 1}
    assert decider.reason == "UNKNOWN of a"
    assert framework.controls[0].severity is Severity.HIGH
    assert framework.controls[0].levels == ("L1",)


def test_scores_count_what_passes_and_what_fails():
    findings = [*found("p", "PASS"), *found("f", "FAIL"), *found("u", "UNKNOWN"), *found("w", "WAIVED")]
    engine = connection(
        findings,
        control("11", "p"), control("12", "p"), control("13", "f"), control("14", "u"),
        control("21", "w"), control("22"), control("23", "u"),
    )  # fmt: skip
    (framework,) = standings(engine)
    first, second = framework.sections

    assert first.score.value == pytest.approx(2 / 3)
    assert first.score.count(ControlState.UNKNOWN) == 1
    assert second.score.value is None
    assert framework.score.value == pytest.approx(2 / 3)
    assert framework.score.total == 7
    assert scores(engine, "framework", "section") == {("f", "1"): first.score, ("f", "2"): second.score}


def test_scores_by_account():
    """What an account has no finding of was not judged there; a manual control is manual in each."""
    findings = [*found("a", "FAIL"), *found("a", "PASS", account=OTHER), *found("b", "PASS")]
    engine = connection(findings, control("1", "a"), control("2", "b"), control("3"))

    assert scores(engine, "account") == {
        (ACCOUNT,): Score({ControlState.FAIL: 1, ControlState.PASS: 1, ControlState.MANUAL: 1}),
        (OTHER,): Score({ControlState.PASS: 1, ControlState.UNKNOWN: 1, ControlState.MANUAL: 1}),
    }
    assert scores(engine, accounts=[ACCOUNT]) == {
        (): Score({ControlState.FAIL: 1, ControlState.PASS: 1, ControlState.MANUAL: 1})
    }
    (framework,) = standings(engine, accounts=[OTHER])
    assert framework.controls[0].state is ControlState.PASS


def test_one_framework_of_several():
    engine = connection(found("a", "PASS"), control("1", "a"), control("1", "a", framework="g"))

    assert [each.id for each in standings(engine)] == ["f", "g"]
    assert [each.id for each in standings(engine, "g")] == ["g"]


def test_no_scores_by_other_words():
    with pytest.raises(ValueError, match="no scores by policy"):
        scores(connection([]), "policy")
