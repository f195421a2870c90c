"""Falco's rules: conformance cases, asked of the engine itself, and errors at their places."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from crenel.detections.falco import read_falco
from crenel.detections.model import Detection, Rules, Shown
from crenel.positions import describe
from tests.detections.events import fires, shown

CASES = Path(__file__).parent / "conformance" / "falco"
SHARED = Path(os.environ.get("CRENEL_SHARED", "../shared")) / "data"
RULE = """
- rule: T
  desc: d
  condition: {condition}
  output: {output}
  priority: INFO
  source: aws_cloudtrail
  exceptions: {exceptions}
"""


def cases() -> list[Any]:
    found = []
    for file in sorted(CASES.glob("*.yaml")):
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        for case in content["cases"]:
            given = {"condition": content.get("condition", ""), **case, "base": content["record"]}
            found.append(pytest.param(given, id=f"{file.stem}: {case['note']}"))
    return found


def rules_of(case: Mapping[str, Any]) -> str:
    if "text" in case:
        return str(case["text"])
    condition = str(case["condition"]).replace("REPEATED ", "(" * 80) + ")" * 80 * ("REPEATED" in case["condition"])
    rule = RULE.format(
        condition=json.dumps(condition),
        output=json.dumps(case.get("text_of", "o %ct.name")),
        exceptions=case.get("exceptions", "[]"),
    )
    return f"{case.get('rules', '')}\n{rule}{case.get('after', '')}"


def record_of(case: Mapping[str, Any]) -> dict[str, Any]:
    laid = {**case["base"], **case.get("with", {})}
    return {key: value for key, value in laid.items() if key not in case.get("without", ())}


def fired(rules: Rules, record: Mapping[str, Any]) -> list[Detection]:
    return [each for each in rules.detections if each.enabled and fires(each.condition, record)]


def said(detection: Detection, record: Mapping[str, Any]) -> str:
    values = [part.value for part in detection.output if isinstance(part, Shown)]
    texts = iter(["<NA>" if text is None else str(text) for text in (shown(values, record) if values else ())])
    found = ""
    for part in detection.output:
        text = part if isinstance(part, str) else next(texts)
        found += text if isinstance(part, str) or not part.width else text.ljust(part.width)[: part.width]
    return found


@pytest.mark.parametrize("case", cases())
def test_cases(case: Mapping[str, Any]) -> None:
    rules = read_falco([("rules.yaml", rules_of(case))])
    errors = [str(each) for each in rules.errors]
    record = record_of(case)
    if case["want"] == "error":
        assert errors
        assert case.get("says", "") in "".join(errors)
        return

    assert errors == []
    hits = fired(rules, record)
    assert [each.name for each in hits] == (["T"] if case["want"] == "fires" else [])
    if "output" in case:
        assert said(hits[0], record) == case["output"]
    if "level" in case:
        assert hits[0].level == case["level"]
    assert case.get("warns", "") in "".join(map(str, rules.warnings))
    assert case.get("skips", "") in "".join(map(str, rules.skipped))
    expected = {"warns": rules.warnings, "skips": rules.skipped}
    assert [name for name, told in expected.items() if told and name not in case] in ([], ["warns"])


@pytest.mark.skipif(not (SHARED / "language_cases.jsonl").exists(), reason="the shared cases are not here")
def test_shared_cases() -> None:
    """All agree, those marked as quirks or open too."""
    differ = []
    for line in (SHARED / "language_cases.jsonl").read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        if case["kind"] == "falco":
            rules = read_falco([("rules.yaml", case["rules"])])
            got = "error" if rules.errors else "fires" if fired(rules, case["record"]) else "silent"
            if got != case["expect"]:
                differ.append((case["id"], got, case["expect"]))

    assert differ == []


@pytest.mark.skipif(not (SHARED / "falco").exists(), reason="Falco's own rules are not here")
def test_the_rules_that_falco_ships_load_whole() -> None:
    rules = read_falco(sorted((SHARED / "falco").glob("*.yaml")))

    assert len(rules.detections) == 22
    assert (rules.errors, rules.warnings, rules.skipped) == ([], [], [])
    assert [each.name for each in rules.detections if not each.enabled] == ["All Cloudtrail Events", "List Buckets"]


def test_several_files_are_one_set_in_their_order(tmp_path: Path) -> None:
    """A later file changes what an earlier one defines, and not the other way round."""
    rules, local = tmp_path / "rules.yaml", tmp_path / "local.yaml"
    rules.write_text(RULE.format(condition="ct.name=X", output="o", exceptions="[]"))
    local.write_text("- {rule: T, condition: or ct.name=Y, override: {condition: append}}\n")

    together = read_falco([rules, local])
    wrong = read_falco([local, rules])

    assert fires(together.detections[0].condition, {**TIMED, "eventName": "Y"})
    assert 'there is no earlier rule "T"' in str(wrong.errors[0])
    assert wrong.errors[0].where is not None
    assert wrong.errors[0].where.file == str(local)


TIMED = {"eventTime": "2026-06-01T10:00:00Z", "eventType": "AwsApiCall"}


def test_errors_point_into_the_condition(tmp_path: Path) -> None:
    """Line and column are those of the file, inside of a scalar that goes over several lines too."""
    file = tmp_path / "rules.yaml"
    file.write_text(
        """\
- rule: One
  desc: d
  condition: >
    ct.name = CreateUser
      and ct.usr = "bob"
  output: A user %ct.name
    by %ct.usr
  priority: WARNING
  source: aws_cloudtrail
- rule: Two
  desc: d
  condition: "ct.name regex \\"\\\\\\\\d+\\""
  output: o
  priority: WARNING
  source: aws_cloudtrail
"""
    )

    told = [describe(error).splitlines() for error in read_falco([file]).errors]

    assert told == [
        [f'{file}:5:11: there is no field ct.usr. Did you mean "ct.user"?', '          and ct.usr = "bob"', UNDER_5],
        [f'{file}:7:9: there is no field ct.usr. Did you mean "ct.user"?', "        by %ct.usr", UNDER_7],
        [
            rf"{file}:12:30: this is no pattern: \d has no meaning in POSIX syntax. {POSIX}",
            r'      condition: "ct.name regex \"\\\\d+\""',
            "                                 ^~~~~~~~~",
        ],
    ]


POSIX = "Expressions are in POSIX syntax, such as [[:digit:]]+"
UNDER_5 = "              ^~~~~~"
UNDER_7 = "            ^~~~~~"


def test_one_error_leaves_the_other_rules() -> None:
    """Falco loads nothing then; here the rest runs, and the error is told."""
    good = RULE.format(condition="ct.name=X", output="o", exceptions="[]")
    bad = good.replace("rule: T", "rule: U").replace("ct.name", "ct.nope")

    rules = read_falco([("rules.yaml", good + bad)])

    assert [each.name for each in rules.detections] == ["T"]
    assert len(rules.errors) == 1


def test_a_rule_of_which_an_item_does_not_load_does_not_run() -> None:
    """It would be another rule than the files say, until it is defined anew."""
    good = RULE.format(condition="ct.name=X", output="o", exceptions="[]")
    bad = "- {rule: T, condition: and, override: {condition: prepend}}\n"

    assert read_falco([("rules.yaml", good + bad)]).detections == []
    assert len(read_falco([("rules.yaml", good + bad + good)]).detections) == 1


def test_what_an_alert_carries() -> None:
    text = RULE.format(condition="ct.name=X", output="by %ct.user of %json.value[/a/b]", exceptions="[]")
    [found] = read_falco([("rules.yaml", f"{text}  tags: [aws, aws, iam]\n")]).detections

    assert (found.id, found.language, found.priority, found.level) == ("T", "falco", "INFO", "informational")
    assert found.tags == ("aws", "iam")
    assert list(found.fields) == ["ct.user", "json.value[/a/b]"]


def test_lists_and_macros_that_grow_without_bound_are_refused() -> None:
    lists = "".join(f"- {{list: l{n}, items: [{', '.join([f'l{n + 1}'] * 10)}]}}\n" for n in range(20))
    macros = "- {macro: m0, condition: ct.name=X}\n" + "".join(
        f"- {{macro: m{n}, condition: m{n - 1} or ct.name=Y or m{n - 1}}}\n" for n in range(1, 40)
    )

    for before, condition in ((lists, "ct.name in (l0)"), (macros, "m39")):
        rules = read_falco([("rules.yaml", before + RULE.format(condition=condition, output="o", exceptions="[]"))])
        assert rules.detections == []
        assert "more than" in str(rules.errors[-1]) or "longer than" in str(rules.errors[-1])
