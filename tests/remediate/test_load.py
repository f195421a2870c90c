"""Files of fixes: what they come to, and every mistake at its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from crenel.errors import PolicyError
from crenel.remediate.load import actions_of, declarations, fix_of, read_folder
from crenel.remediate.model import Undoing
from crenel.remediate.spec import ActionOption
from crenel.remediate.templates import Expression

ACT = """
acts:
  start-key:
    title: Enable {args.key}
    call: kms:EnableKey
    with: {KeyId: {$: args.key}}
    read: {call: kms:DescribeKey, with: {KeyId: {$: args.key}}, take: answer.KeyMetadata.KeyState}
    done: state == 'Enabled'
    undo: [{call: kms:DisableKey, with: {KeyId: {$: args.key}}}]
    undoing: yes
"""
FIX = """
fixes:
  some-policy:
    steps: [{act: start-key, args: {key: {$: row.KeyId}}, seen: row.KeyState}]
"""


def read(folder: Path, text: str, more: str = ""):
    (folder / "kms.yaml").write_text(text)
    if more:
        (folder / "other.yaml").write_text(more)
    return read_folder(folder)


def test_acts_fixes_and_actions_find_each_other(tmp_path: Path) -> None:
    """By the short name in the same file, by the full name in another."""
    action = """
actions:
  kms-key:
    enable:
      options: {state: {title: whether, kind: boolean}}
      steps: [{act: kms/start-key, args: {key: {$: row.KeyId}}, seen: row.KeyState}]
"""
    found = read(tmp_path, ACT + FIX, action)

    act = found.acts["kms/start-key"]
    assert (act.request.name, act.undoing, act.undo[0].name) == ("kms:EnableKey", Undoing.YES, "kms:DisableKey")
    assert act.request.params == {"KeyId": Expression("args.key")}
    (step,) = found.fixes["some-policy"].steps
    assert step.act is act
    enable = found.actions["kms-key"]["enable"]
    assert (enable.options, enable.fix.steps[0].act) == ({"state": ActionOption("whether", "boolean")}, act)


def test_what_ships_loads() -> None:
    assert len(declarations().fixes) >= 26
    assert fix_of("ebs-snapshot-not-public") is not None
    assert fix_of("no-such-policy") is None
    assert {*actions_of("no-such-type")} == {"notify", "webhook"}  # which every type has


def changed(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("    done:", "    doen:", 'the act kms/start-key has no key "doen". Did you mean "done"?'),
        ("    done: state == 'Enabled'\n", "", "the act kms/start-key needs `done`."),
        ("state == 'Enabled'", "state == (", "`done` is no JMESPath expression"),
        ("{args.key}", "{args.}", "{args.} is no JMESPath expression"),
        ("kms:EnableKey", "EnableKey", 'a call is botocore\'s service:Operation, not "EnableKey".'),
        ("undoing: yes", "undoing: perhaps", 'undoing has no word "perhaps". It is yes, partly or no.'),
        ("undoing: yes", "undoing: no", "an act that can't be taken back has no calls that do so."),
        ("undoing: yes", "undoing: partly", "needs `lost`: what undo can't bring back."),
        ("undoing: yes", "undoing: yes\n    never: state", "needs `never` and `refusal` together."),
        ("undoing: yes", "undoing: yes\n    settles: soon", "settles is a number of seconds."),
        ("undoing: yes", "undoing: yes\n    locks: {person: args.key}", 'locks has no key "person"'),
        ("act: start-key", "act: start-kex", 'there is no act "start-kex". Did you mean "start-key"?'),
        ("seen: row.KeyState", "seem: row.KeyState", 'a step has no key "seem". Did you mean "seen"?'),
        (", seen: row.KeyState", "", "a step needs `seen`."),
        ("    steps: [", "    builder: flow-lock\n    steps: [", 'no builder "flow-lock". Did you mean "flow-log"?'),
        ("    steps: [", "    builder: flow-log\n    steps: [", "a fix has steps or a builder, not both."),
        ("seen: row", "changes: [[a, b]], seen: row", "a change is [what, before, after]."),
    ],
)  # fmt: skip
def test_a_mistake_is_an_error_with_its_place(old: str, new: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(PolicyError) as caught:
        read(tmp_path, changed(ACT + FIX, old, new))

    assert said in str(caught.value)
    assert caught.value.where is not None
    assert caught.value.where.file.endswith("kms.yaml")
    assert caught.value.where.line > 1


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (FIX.replace("start-key", "kms/start-key"), "the policy some-policy has a fix already."),
        ("fixes: {other: {cost: nothing}}", "a fix needs `steps`, a `builder` or `manual`."),
        ("fixes: {other: {manual: {commands: [x]}}}", "manual needs `steps`."),
        ("rules: {}", 'a file of fixes has no key "rules".'),
    ],
)
def test_files_together_are_checked_too(more: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(PolicyError) as caught:
        read(tmp_path, ACT + FIX, more)

    assert said in str(caught.value)
