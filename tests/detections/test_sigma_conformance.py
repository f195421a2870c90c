"""Sigma by cases: `tests/detections/conformance/sigma/`, each a detection, a record, and what comes of it."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from crenel.detections.model import Rules
from crenel.detections.sigma import read_sigma
from tests.detections.events import fires, held

CASES_DIR = Path(__file__).parent / "conformance" / "sigma"
LABELLED = Path(__file__).parents[3] / "shared" / "data" / "language_cases.jsonl"
CASES: list[dict[str, Any]] = [
    {"file": path.stem, **case}
    for path in sorted(CASES_DIR.glob("*.yaml"))
    for case in yaml.safe_load(path.read_text())
]


def rules_of(detection: dict[str, Any]) -> Rules:
    """Return the rule of a detection; where it has one search and no condition, that search is the condition."""
    whole = {
        "title": "Case",
        "level": "low",
        "logsource": {"product": "aws", "service": "cloudtrail"},
        "detection": {"condition": "s", **detection},
    }
    return read_sigma([("case.yml", yaml.safe_dump(whole, sort_keys=False, allow_unicode=True))])


@functools.cache
def answers() -> dict[int, str]:
    """Return what the engine says of all cases that load, asked once."""
    loaded = [(number, rules_of(case["rule"])) for number, case in enumerate(CASES)]
    able = [(number, rules.detections[0].condition) for number, rules in loaded if not rules.errors]
    hits = held([condition for _, condition in able], [CASES[number]["record"] for number, _ in able])
    found = {number: "fires" if place in hits[place] else "silent" for place, (number, _) in enumerate(able)}
    return {**dict.fromkeys(range(len(CASES)), "error"), **found}


@pytest.mark.parametrize("number", range(len(CASES)), ids=[f"{case['file']}-{case['note']}" for case in CASES])
def test_case(number: int) -> None:
    case = CASES[number]

    assert answers()[number] == case["want"]
    if case["want"] == "error":
        [error] = rules_of(case["rule"]).errors
        assert case["says"] in str(error)
        assert error.where is not None


def test_there_are_enough_cases() -> None:
    """Each form has one that fires and a near miss."""
    assert len(CASES) >= 80
    assert len({(case["file"], case["note"], json.dumps(case["rule"], default=str)) for case in CASES}) == len(CASES)


@pytest.mark.skipif(not LABELLED.exists(), reason="the labelled cases are not part of the repository")
def test_labelled_cases() -> None:
    cases = [json.loads(line) for line in LABELLED.read_text().splitlines()]
    wrong = []
    for case in cases:
        if case["kind"] == "sigma":
            rules = read_sigma([(case["id"], case["rules"])])
            got = "error" if rules.errors else "silent"
            if not rules.errors and fires(rules.detections[0].condition, case["record"]):
                got = "fires"
            if got != case["expect"]:
                wrong.append((case["id"], got))

    assert wrong == []
