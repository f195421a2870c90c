"""How frameworks stand, for programs, spreadsheets and pages: JSON, CSV, Markdown."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from typing import Any, TextIO

from crenel.judge.compliance import ControlStanding, ControlState, Decider, FrameworkStanding, Score
from crenel.model import State
from crenel.report import compliance
from crenel.report.compliance import NAMES, Compliance, percent, reasons, section_name
from crenel.report.contract import time_json
from crenel.report.csv_ import cells
from crenel.report.markdown import escaped

_HEADER = (
    "framework", "section", "control", "title", "severity", "levels", "state", "policies", "fail", "unknown", "waived",
    "pass", "not_applicable", "reasons", "manual",
)  # fmt: skip
_WORDS: Mapping[State, str] = {state: state.value.lower() for state in State}


def write_json(report: Compliance, out: TextIO) -> None:
    """Write all of it as one JSON object; docs/frameworks.md describes the keys."""
    found = {
        "snapshot": report.info.id,
        "started_at": time_json(report.info.started_at),
        "accounts": list(report.accounts),
        "missing": list(report.missing),
        "frameworks": [_framework(report, each) for each in report.frameworks],
    }
    json.dump(found, out, indent=1, ensure_ascii=False)
    out.write("\n")


def write_csv(report: Compliance, out: TextIO) -> None:
    """Write a row a control."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_HEADER)
    for framework in report.frameworks:
        for control in framework.controls:
            writer.writerow(cells(_row(framework, control)))


def write_markdown(report: Compliance, out: TextIO) -> None:
    """Write the scores, and of each section a table of its controls."""
    for framework in report.frameworks:
        title = f"{framework.name} {framework.version}".rstrip()
        out.write(f"# {escaped(title)}: {percent(framework.score)}\n\n")
        accounts = ", ".join(map(escaped, report.accounts))
        out.write(f"Snapshot {report.info.id} of {report.info.started_at:%Y-%m-%d %H:%M} UTC, {accounts}.\n\n")
        out.write(
            "| section | score | PASS | FAIL | UNKNOWN | MANUAL | WAIVED | N/A |\n|---|--:|--:|--:|--:|--:|--:|--:|\n"
        )
        scores = [(section_name(section.id, section.title), section.score) for section in framework.sections]
        out.writelines(_score_row(*each) for each in [*scores, ("all controls", framework.score)])
        for section in framework.sections:
            out.write(f"\n## {escaped(section_name(section.id, section.title) or 'Controls')}\n\n")
            out.write("| control | state | what it asks | why |\n|---|---|---|---|\n")
            for control in framework.controls:
                if control.section == section.id:
                    why = "<br>".join(map(escaped, reasons(control)))
                    out.write(
                        f"| {escaped(control.id)} | {NAMES[control.state]} | {escaped(control.title)} | {why} |\n"
                    )
        out.write("\n")


FORMATS: Mapping[str, Callable[[Compliance, TextIO], None]] = {
    "table": compliance.write,
    "json": write_json,
    "csv": write_csv,
    "markdown": write_markdown,
}


def score_json(score: Score) -> dict[str, float | int | None]:
    """Return a score for a program: its value from 0 to 1 (null where nothing is decided) and the controls by state."""
    value = None if score.value is None else round(score.value, 4)
    return {"value": value} | {state.value.lower(): score.count(state) for state in ControlState}


def _framework(report: Compliance, framework: FrameworkStanding) -> dict[str, Any]:
    return {
        "id": framework.id,
        "name": framework.name,
        "version": framework.version,
        "score": score_json(framework.score),
        "by_account": {
            account: score_json(score) for (name, account), score in report.by_account.items() if name == framework.id
        },
        "sections": [
            {"id": section.id, "title": section.title, "score": score_json(section.score)}
            for section in framework.sections
        ],
        "controls": [_control(control) for control in framework.controls],
    }


def _control(control: ControlStanding) -> dict[str, Any]:
    return {
        "id": control.id,
        "section": control.section,
        "title": control.title,
        "severity": control.severity,
        "levels": list(control.levels),
        "state": control.state.value,
        "manual": control.manual,
        "policies": [_decider(decider) for decider in control.deciders],
    }


def _decider(decider: Decider) -> dict[str, Any]:
    return {
        "policy": decider.policy,
        "variant": decider.variant,
        "title": decider.title,
        **{word: decider.count(state) for state, word in _WORDS.items()},
        "reason": decider.reason,
    }


def _row(framework: FrameworkStanding, control: ControlStanding) -> list[object]:
    totals = {state: sum(decider.count(state) for decider in control.deciders) for state in State}
    policies = ", ".join(dict.fromkeys(decider.policy for decider in control.deciders))
    numbers = (totals[state] for state in (State.FAIL, State.UNKNOWN, State.WAIVED, State.PASS, State.NOT_APPLICABLE))
    words = (framework.id, control.section, control.id, control.title, control.severity, " ".join(control.levels))
    why = "" if control.state is ControlState.MANUAL else "; ".join(reasons(control))
    return [*words, control.state, policies, *numbers, why, control.manual]


def _score_row(name: str, score: Score) -> str:
    states = ("PASS", "FAIL", "UNKNOWN", "MANUAL", "WAIVED", "NOT_APPLICABLE")
    numbers = " | ".join(str(score.count(ControlState(state))) for state in states)
    return f"| {escaped(name)} | {percent(score)} | {numbers} |\n"
