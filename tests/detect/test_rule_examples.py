"""`crenel rules test`: examples in rules and beside them, examples as changes of others, and changes of the rules."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from crenel.cli import main
from crenel.detections.changes import Change, chosen
from crenel.detections.sigma import read_sigma
from tests.detect.test_run import FALCO, RULE

BURST = """
title: Burst
id: 0f7b5a52-0f4c-4a93-8d35-58ff1e8a6a11
level: high
correlation:
  type: event_count
  rules: [5f3c0a52-0f4c-4a93-8d35-58ff1e8a6a10]
  group-by: [awsRegion]
  timespan: 10s
  condition: {gte: 3}
examples:
  - fires: three
    events: [{times: 3, event: {eventName: StopLogging}}]
"""
STOPPED = "  - {fires: it is stopped, event: {eventName: StopLogging}}"


def mutated(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, beside: str = "") -> tuple[int, list[str]]:
    """Return the exit code and the lines of a test with `--mutate`."""
    path = tmp_path / "rules.yaml"
    path.write_text(text)
    if beside:
        (tmp_path / "rules.tests.yaml").write_text(beside)
    code = main(["rules", "test", str(path), "--mutate"])
    return code, capsys.readouterr().out.replace(f"{path}:", "").splitlines()


# --- examples


def test_an_example_may_be_a_change_of_the_event_above(tmp_path: Path, capsys) -> None:
    """A path that is not there is made, null takes one out, and a list is an example each."""
    text = RULE.replace("selection: {eventName: StopLogging}", "selection: {eventName: S, requestParameters.a.b: 1}")
    text = (
        text[: text.index("examples:")]
        + """
examples:
  - {silent: nothing is said, event: {eventName: S}}
  - {fires: it is, change: {requestParameters.a.b: 1}}
  - {fires: it is, event: {eventName: S, requestParameters: {a: {b: 1, c: 2}}}}
  - silent: it is not
    change: [{requestParameters.a.b: null}, {requestParameters.a: 1}, {eventName: T}]
  - {fires: each change is one of the event, change: {requestParameters.a.c: null}}
"""
    )
    path = tmp_path / "rule.yml"
    path.write_text(text)

    assert main(["rules", "test", str(path)]) == 0
    assert capsys.readouterr().out == "7 examples, 7 passed\n"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "event: {eventName: StopLogging}",
            "change: {eventName: X}",
            "there is no event above that this could change.",
        ),
        ("event: {eventName: StopLogging}", "event: {}, change: {}", "an example has `event`, `change` or, for a corr"),
        ("event: {eventName: StopLogging}", "events: [{event: {}}]", "an example of this rule has `event`."),
        ("{fires: it is stopped, ", "{fires: it is, about: this, ", 'an example has no key "about".'),
        ("fires: it is stopped, ", "", "an example has `fires` or `silent`, with a note."),
    ],
)
def test_slips_in_examples(tmp_path: Path, old: str, new: str, told: str, capsys) -> None:
    path = tmp_path / "rule.yml"
    path.write_text(RULE.replace(old, new))

    assert main(["rules", "test", str(path)]) == 2
    assert told in capsys.readouterr().out


def test_falcos_rules_have_theirs_in_a_file_beside(tmp_path: Path, capsys) -> None:
    """Falco knows no key for them. The file may lie in a folder of rules: it is none itself."""
    (tmp_path / "falco.yaml").write_text(FALCO)
    (tmp_path / "falco.tests.yaml").write_text("""
- {about: Stopped, fires: it is stopped, event: {eventName: StopLogging}}
- {about: Stopped, silent: it is started, change: {eventName: StartLogging}}
- {about: Any trail event, fires: any, event: {eventSource: cloudtrail.amazonaws.com, eventName: X}}
""")

    for path in (tmp_path, tmp_path / "falco.yaml", tmp_path / "falco.tests.yaml"):
        assert main(["rules", "test", str(path)]) == 0
        assert capsys.readouterr().out == "3 examples, 3 passed\n"
    assert main(["rules", "check", str(tmp_path)]) == 0
    assert "2 rules, no errors" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("beside", "told"),
    [
        (
            "- {about: Stoped, fires: x, event: {}}",
            '1:11: error: no rule has the name "Stoped". Did you mean "Stopped"?',
        ),
        ("- {fires: x, event: {}}", "1:3: error: this needs `about`: the name or id of a rule."),
        ("about: Stopped", "1:1: error: examples must be a list, not a mapping."),
        ("- [", "error: this is no YAML"),
    ],
)
def test_slips_in_a_file_beside(tmp_path: Path, beside: str, told: str, capsys) -> None:
    code, lines = mutated(tmp_path, capsys, FALCO, beside)

    assert code == 2
    assert told in "\n".join(lines)


def test_examples_without_rules(tmp_path: Path, capsys) -> None:
    (tmp_path / "x.tests.yaml").write_text("[]")

    assert main(["rules", "test", str(tmp_path / "x.tests.yaml")]) == 2
    assert "there is no x.yaml beside it" in capsys.readouterr().err


# --- changes of rules


def test_changes_that_no_example_notices_are_named(tmp_path: Path, capsys) -> None:
    text = RULE.replace("{eventName: StopLogging}\n", "{eventName: [StopLogging, DeleteTrail]}\n", 1)
    text = text.replace("condition: selection", "ok: {errorCode: null}\n  condition: selection and ok")

    assert mutated(tmp_path, capsys, text) == (
        1,
        [
            "UNNOTICED A trail is stopped (8:40): eventName: without DeleteTrail",
            "UNNOTICED A trail is stopped (10:28): left out: ok",
            "2 examples, 2 passed",
            "3 of 5 changes are noticed",
        ],
    )


def test_examples_that_notice_everything(tmp_path: Path, capsys) -> None:
    code, lines = mutated(tmp_path, capsys, RULE)

    assert (code, lines[-1]) == (0, "1 of 1 changes are noticed")


def test_a_rule_without_examples_notices_nothing(tmp_path: Path, capsys) -> None:
    code, lines = mutated(tmp_path, capsys, RULE[: RULE.index("examples:")])

    assert code == 1
    assert "UNNOTICED A trail is stopped (2:1): every change, for it has no examples that pass" in lines


def test_an_example_that_fails_measures_nothing(tmp_path: Path, capsys) -> None:
    code, lines = mutated(tmp_path, capsys, RULE.replace("fires: it is stopped", "silent: it is stopped"))

    assert code == 1
    assert lines[-1] == "0 of 1 changes are noticed"


def test_of_correlations_numbers_groups_and_spans_change(tmp_path: Path, capsys) -> None:
    """One example at no bound leaves them all; examples at the bounds leave none."""
    _, lines = mutated(tmp_path, capsys, f"{RULE}---{BURST}")

    assert [line.partition("): ")[2] for line in lines if "UNNOTICED" in line] == [
        "group-by: without awsRegion", "timespan: 10s -> 11s", "timespan: 10s -> 9s", "gte: 3 -> 2",
    ]  # fmt: skip
    more = """
  - fires: the last at the end of the span
    events: [{times: 3, every: 5, event: {eventName: StopLogging}}]
  - silent: the last behind it
    events: [{times: 2, every: 5, event: {eventName: StopLogging}}, {every: 1, event: {}},
             {event: {eventName: StopLogging}}]
  - silent: two
    events: [{times: 2, event: {eventName: StopLogging}}]
  - silent: two each
    events: [{times: 2, event: {eventName: StopLogging}}, {times: 2, event: {eventName: StopLogging, awsRegion: x}}]
"""
    code, lines = mutated(tmp_path, capsys, f"{RULE}---{BURST}{more}")
    assert (code, lines[-1]) == (0, "7 of 7 changes are noticed")


def test_falcos_conditions_change_too(tmp_path: Path, capsys) -> None:
    """Macros as a whole, lists as they are written out, exceptions with the rest; each at its place."""
    text = """
- list: names
  items: [StopLogging, DeleteTrail]
- macro: succeeded
  condition: not ct.error exists
- rule: Stopped
  desc: d
  condition: ct.name in (names) and succeeded
  output: stopped
  priority: CRITICAL
  source: aws_cloudtrail
  exceptions: [{name: known, fields: [ct.user], comps: [=], values: [[robot]]}]
"""
    stopped = "- {fires: it is stopped, event: {eventName: StopLogging}}"
    code, lines = mutated(tmp_path, capsys, text, stopped)

    assert code == 1
    assert [line.removeprefix("UNNOTICED Stopped ") for line in lines if "UNNOTICED" in line] == [
        "(8:14): and -> or: (ct.name in ( StopLogging, DeleteTrail ) and succeeded) and not ((ct.user = robot))",
        "(8:14): left out: ct.name in ( StopLogging, DeleteTrail ) and succeeded",
        "(8:14): and -> or: ct.name in ( StopLogging, DeleteTrail ) and succeeded",
        "(8:14): left out: ct.name in ( StopLogging, DeleteTrail )",
        "(8:26): without DeleteTrail, in ct.name in ( StopLogging, DeleteTrail )",
        "(8:37): left out: succeeded",
        "(12:39): left out: ct.user = robot",
        "(12:71): robot -> robot-x, in ct.user = robot",
    ]
    others = [
        stopped,
        "- {fires: it is deleted, change: {eventName: DeleteTrail}}",
        "- {silent: another call, change: {eventName: StartLogging}}",
        "- {silent: it failed, change: {errorCode: AccessDenied}}",
        "- {silent: the robot does so, change: {userIdentity.userName: robot}}",
    ]
    assert mutated(tmp_path, capsys, text, "\n".join(others))[1][-1] == "11 of 11 changes are noticed"


def test_of_very_many_changes_an_even_choice_is_tried() -> None:
    """Each once, in their order, from the first on."""
    [rule] = read_sigma([("rule.yml", RULE)]).detections
    words = [change.words for change in chosen(Change(rule, f"{n % 320}", None) for n in range(400))]

    assert words == [f"{n}" for n in range(0, 320, 2)]


def test_changes_for_machines(tmp_path: Path, capsys) -> None:
    path = tmp_path / "rule.yml"
    path.write_text(RULE.replace(f"{STOPPED}\n", ""))
    main(["rules", "test", str(path), "--mutate", "--format", "json"])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)

    change = {"change": "eventName: StopLogging -> StopLogging-x", "file": str(path), "line": 8}
    assert found["mutants"] == [{"rule": "A trail is stopped", "noticed": 0, "same": 0, "survivors": [change]}]
