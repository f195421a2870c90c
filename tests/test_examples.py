"""Examples of policies: what is written is read, run, and told; and mutants show what no example notices."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from crenel.catalog.columns import Scalar
from crenel.catalog.load import catalog
from crenel.cli import main
from crenel.errors import PolicyError
from crenel.examples.format import examples_in, load_examples
from crenel.examples.gathering import gather
from crenel.examples.mutants import score
from crenel.examples.policy_mutants import changes
from crenel.examples.row_mutants import near
from crenel.examples.running import named_policy, prepared, run
from crenel.examples.stage import Stage, staged
from crenel.examples.together import run_all
from crenel.model import Standard
from crenel.policies.written.load import builtin_policies
from crenel.policies.written.model import policy_of
from crenel.positions import load_text

HERE = Path(__file__).parent
POLICY = """\
policies:
  - name: own-volumes
    resource: aws.ebs
    filters:
      - {type: value, key: Size, op: gt, value: 100}
    tests:
      - note: a large volume
        resources: [{VolumeId: vol-1, Size: 101}]
        want: [{id: vol-1, status: FAIL, evidence: [Size]}]
      - note: a small volume
        resources: [{VolumeId: vol-1, Size: SMALL}]
        want: [{id: vol-1, status: WANT}]
"""


def policy(tmp_path: Path, small: str = "100", want: str = "PASS") -> Path:
    path = tmp_path / "own.yaml"
    path.write_text(POLICY.replace("SMALL", small).replace("WANT", want))
    return path


@pytest.mark.parametrize("case", gather([HERE / "conformance"]).cases, ids=lambda case: case.example.note[:60])
def test_conformance(case) -> None:
    result = case.run(Standard.FSBP)

    assert not result.error
    assert result.differences == ()


def test_conformance_is_read_whole() -> None:
    found = gather([HERE / "conformance"])

    assert found.errors == ()
    assert len(found.cases) >= 50


DOCUMENTS = """
policies:
  - name: own-queues
    resource: aws.sqs
    filters: [{type: cross-account}]
    message: {fail: open, pass: closed}
    tests:
      - resources: [{QueueUrl: q, Policy: '{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sqs:*"}]}'}]
        want: [{id: q, status: FAIL}]
      - resources: [{QueueUrl: q, Policy: '{"Statement": [{"Effect": 1}]}'}]
        want: [{id: q, status: UNKNOWN, message: Effect is a text}]
      - resources: [{QueueUrl: q}]
        gaps: [{type: sqs, resource: q, detail: Attributes, code: AccessDenied}]
        want: [{id: q, status: UNKNOWN}]
      - resources: [{QueueUrl: q, Policy: null}]
        want: [{id: q, status: PASS}]
"""


def test_documents_of_examples_are_read_as_those_of_a_scan(tmp_path: Path, capsys) -> None:
    """What is no policy, and what could not be read, is a gap."""
    path = tmp_path / "own.yaml"
    path.write_text(DOCUMENTS)

    assert main(["policies", "test", str(path)]) == 0, capsys.readouterr().out


# --- the command


def test_examples_that_pass(tmp_path: Path, capsys) -> None:
    assert main(["policies", "test", str(policy(tmp_path))]) == 0
    assert capsys.readouterr().out == "2 examples, 2 passed\n"


def test_a_failure_says_what_came_and_why(tmp_path: Path, capsys) -> None:
    path = policy(tmp_path, want="FAIL")
    assert main(["policies", "test", str(path)]) == 1
    out = capsys.readouterr().out
    assert f"FAILED own-volumes: example 2 ({path}:10): a small volume" in out
    assert "vol-1: wanted FAIL, got PASS" in out
    assert 'evidence  {"Size": 100}' in out
    assert "2 examples, 1 passed, 1 failed" in out


def test_a_key_that_the_type_does_not_have_is_an_error(tmp_path: Path, capsys) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(POLICY.replace("Size: 101", "Sise: 101").replace("SMALL", "100").replace("WANT", "PASS"))
    assert main(["policies", "test", str(path)]) == 2
    out = capsys.readouterr().out
    assert 'aws.ebs has no key "Sise". Did you mean "Size"?' in out
    assert "^" in out
    assert "2 examples, 1 passed, 1 error" in out


def test_a_file_beside_the_policy_is_its_examples(tmp_path: Path, capsys) -> None:
    path = policy(tmp_path)
    (tmp_path / "own.tests.yaml").write_text("- {resources: [{VolumeId: v, Size: 101}], want: [v]}\n")
    assert main(["policies", "test", str(path)]) == 0
    assert capsys.readouterr().out.startswith("3 examples, 3 passed")
    assert main(["policies", "test", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith("3 examples, 3 passed")
    assert main(["policies", "test", str(tmp_path / "own.tests.yaml")]) == 0


def test_a_policy_without_examples_is_named(tmp_path: Path, capsys) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("policies:\n  - {name: bare, resource: aws.ebs, filters: [{Encrypted: false}]}\n")
    assert main(["policies", "test", str(path)]) == 0
    assert "bare has no examples" in capsys.readouterr().out


def test_json_has_everything(tmp_path: Path, capsys) -> None:
    assert main(["policies", "test", str(policy(tmp_path, want="FAIL")), "--format", "json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert [each["passed"] for each in found["examples"]] == [True, False]
    assert found["examples"][1]["differences"][0]["evidence"] == {"Size": 100}


# --- what is wrong with an example

WRONG = {
    "- {want: [], rows: {}, resource: []}": 'has no key "resource"',
    "- {rows: {}}": "needs `want`",
    "- {want: [{id: x, status: FAILED}]}": 'no status "FAILED". Did you mean "FAIL"?',
    "- {want: [{id: x}]}": "needs `status`",
    "- {want: {errors: x}}": 'has no key "errors"',
    "- {want: [], now: soon}": '"soon" is no time',
    "- {want: [], standard: iso}": 'no standard "iso"',
    "- {want: [], gaps: [{type: ebs}]}": "needs `code`",
}


@pytest.mark.parametrize(("text", "message"), WRONG.items())
def test_wrong_examples(text: str, message: str) -> None:
    with pytest.raises(PolicyError) as caught:
        examples_in(load_text(text, "here"))

    assert message in str(caught.value)
    assert caught.value.where is not None


MISFITS = {
    "{VolumeId: v, Attachments: {}}": "Attachments must be a list",
    "{VolumeId: v, Attachments: [{Instance: i}]}": 'Attachments has no key "Instance"',
    "{VolumeId: v, Encrypted: maybe}": "Encrypted is true or false",
    '{VolumeId: v, Size: "8"}': "Size is a number",
    "{VolumeId: v, State: [x]}": "State is a single value",
}


@pytest.mark.parametrize(("document", "message"), MISFITS.items())
def test_documents_that_do_not_fit(document: str, message: str) -> None:
    (example,) = examples_in(load_text(f"- {{want: [], resources: [{document}]}}", "here"))

    with pytest.raises(PolicyError, match=r"here:1:") as caught:
        staged(example.scene, catalog()["ebs"], catalog())

    assert message in str(caught.value)


def test_an_example_of_an_unknown_type_or_detail() -> None:
    for text, message in (
        ("- {want: [], rows: {ebbs: [{}]}}", 'no resource type "ebbs". Did you mean "ebs"?'),
        ("- {want: [], gaps: [{type: s3, detail: Encription, code: X}]}", 'no detail "Encription"'),
    ):
        (example,) = examples_in(load_text(text, "here"))
        with pytest.raises(PolicyError, match=message):
            staged(example.scene, catalog()["ebs"], catalog())


def test_an_error_that_does_not_come_is_a_difference() -> None:
    text = "- {policy: {resource: aws.ebs, filters: [{Encrypted: false}]}, want: {error: nothing like it}}"
    (example,) = examples_in(load_text(text, "here"))
    (difference,) = run(example, named_policy(example, {}), Standard.FSBP).differences

    assert (difference.wanted, difference.got) == ("an error: nothing like it", "no error")


# --- mutants


def test_examples_at_the_boundary_notice_every_change(tmp_path: Path, capsys) -> None:
    assert main(["policies", "test", str(policy(tmp_path)), "--mutate"]) == 0
    assert "3 of 3 changes are noticed" in capsys.readouterr().out


def test_a_change_that_no_example_notices_is_told_with_one_that_would(tmp_path: Path, capsys) -> None:
    path = policy(tmp_path, small="50")
    assert main(["policies", "test", str(path), "--mutate"]) == 1
    out = capsys.readouterr().out
    where = f"UNNOTICED own-volumes ({path}:5)"
    assert f"{where}: op: gt -> ge, in {{type: value, key: Size, op: gt, value: 100}}" in out
    assert "the policy says PASS of vol-1, and the changed one FAIL, here:" in out
    assert '{"resources": [{"VolumeId": "vol-1", "Size": 100}], "want": [{"id": "vol-1", "status": "PASS"}]}' in out


def test_an_example_that_would_notice_is_one_when_it_is_pasted_in(tmp_path: Path, capsys) -> None:
    path = policy(tmp_path, small="50")
    main(["policies", "test", str(path), "--mutate"])
    told = [line.strip() for line in capsys.readouterr().out.splitlines() if line.startswith('    {"resources"')]
    path.write_text(path.read_text() + "".join(f"      - {line}\n" for line in told))

    assert main(["policies", "test", str(path), "--mutate"]) == 0


BEHIND = """\
policies:
  - name: old-or-nobodys
    resource: aws.ebs
    filters:
      - {type: value, key: Size, op: gt, value: 100}
      - or:
          - "tag:Owner": absent
          - {type: value, key: CreateTime, value_type: age, op: gt, value: 30}
    tests:
      - {resources: [{VolumeId: v, Size: 200, CreateTime: "2026-11-20T00:00:00Z"}], want: [v]}
      - {resources: [{VolumeId: v, Size: 10, CreateTime: "2026-11-20T00:00:00Z"}], want: []}
"""


def test_changes_behind_other_conditions_are_told_apart(tmp_path: Path, capsys) -> None:
    """Only a large volume that has an owner shows what the `or` asks of ages: three things to change at once."""
    path = tmp_path / "own.yaml"
    path.write_text(BEHIND)
    assert main(["policies", "test", str(path), "--mutate", "--format", "json"]) == 1
    (found,) = json.loads(capsys.readouterr().out)["mutants"]
    told = {each["change"].split(", in ")[0]: each["example"] for each in found["survivors"]}

    assert {"op: gt -> ge", "value: 30 -> 31", "value: 30 -> 29"} <= told.keys()
    assert all(told.values())
    assert any(words.startswith("left out: {or: [") for words in told)


def test_a_change_that_nothing_tells_apart_is_named_too(tmp_path: Path, capsys) -> None:
    """What is absent is not "eu-1a" either: the second filter says nothing that the first does not, and may go."""
    path = tmp_path / "own.yaml"
    path.write_text("""\
policies:
  - name: nowhere
    resource: aws.ebs
    filters:
      - {AvailabilityZone: absent}
      - not: [{AvailabilityZone: eu-1a}]
    tests:
      - {resources: [{VolumeId: v}], want: [v]}
      - {resources: [{VolumeId: v, AvailabilityZone: eu-1a}], want: []}
      - {resources: [{VolumeId: v, AvailabilityZone: eu-1b}], want: []}
""")
    assert main(["policies", "test", str(path), "--mutate"]) == 1
    out = capsys.readouterr().out
    assert "UNNOTICED nowhere (" in out
    assert "left out: {not: [{AvailabilityZone: eu-1a}]}" in out
    assert "no document that was tried tells the two apart" in out


def test_a_policy_without_examples_notices_no_change(tmp_path: Path, capsys) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("policies:\n  - {name: bare, resource: aws.ebs, filters: [{Encrypted: false}]}\n")
    assert main(["policies", "test", str(path), "--mutate"]) == 1
    out = capsys.readouterr().out
    assert "UNNOTICED bare: every change, for it has no examples" in out
    assert "nothing was changed" in out
    assert "are noticed" not in out


def test_documents_that_are_tried_could_come_from_aws() -> None:
    """Enumerations keep to their words, whole numbers stay whole and above 0, no resource has a tag twice."""
    text = """\
- policy:
    resource: aws.ebs
    filters:
      - State: in-use
      - {type: value, key: Size, op: gt, value: 0.5}
      - {type: value, key: "tag:Owner", op: ne, value: absent}
      - "tag:Team": present
  resources: [{VolumeId: v, State: in-use, Size: 0, Tags: [{Key: Owner, Value: ann}]}]
  want: []
"""
    (example,) = examples_in(load_text(text, "here"))
    ready = prepared(example, named_policy(example, {}), Standard.FSBP)
    rows = [row for stage, _ in near(ready.stage, ready.plan, ready.catalog) for row in stage.rows["ebs"]]

    states = ready.catalog["ebs"].schema()["State"]

    assert isinstance(states, Scalar)
    assert {row.get("State") for row in rows} <= {None, *states.enum}
    assert all(isinstance(row.get("Size", 0), int) and row.get("Size", 0) >= 0 for row in rows)
    for row in rows:
        keys = [tag.get("Key") for tag in row.get("Tags", [])]
        assert len(keys) == len({*keys})
        assert "absent" not in [tag.get("Value") for tag in row.get("Tags", [])]


CHANGED = {
    "{State: in-use}": ["State: in-use -> available"],
    "{Encrypted: false}": ["Encrypted: false -> true"],
    "{KmsKeyId: absent}": ["KmsKeyId: absent -> present"],
    "{type: value, key: Size, op: lte, value: 8}": ["op: lte -> lt", "value: 8 -> 9", "value: 8 -> 7"],
    "{type: value, key: State, op: in, value: [in-use, error]}": [
        "op: in -> not-in", "value: without in-use", "value: without error",
    ],
    "{type: list-item, key: Attachments, attrs: [{State: attached}, {Device: /dev/sda1}], count: 2}": [
        "left out: {State: attached}", "State: attached -> attaching", "left out: {Device: /dev/sda1}",
        "Device: /dev/sda1 -> /dev/sda2", "count: 2 -> 3", "count: 2 -> 1",
    ],
    "{or: [{Encrypted: false}, {not: [{Size: 8}]}]}": [
        "or -> and: {or: [{Encrypted: false}, {not: [{Size: 8}]}]}", "left out: {Encrypted: false}",
        "Encrypted: false -> true", "left out: {not: [{Size: 8}]}", "without `not`: {not: [{Size: 8}]}",
        "Size: 8 -> 9", "Size: 8 -> 7",
    ],
    "modifyable": ["modifyable -> not: [modifyable]"],
}  # fmt: skip


@pytest.mark.parametrize(("text", "words"), CHANGED.items())
def test_changes_are_told_in_the_policys_words(text: str, words: list[str]) -> None:
    own = policy_of(load_text(f"name: x\nresource: aws.ebs\nfilters:\n  - {text}", "here"))
    enums = {"in-use": "available", "attached": "attaching"}
    found = changes(own, enums)

    assert [each.words.split(", in {")[0] for each in found] == words
    assert {each.where.line for each in found} == {4}


def test_what_an_anchor_names_changes_wherever_it_is_used() -> None:
    text = """\
name: x
resource: aws.ebs
scope: [&large {type: value, key: Size, op: gt, value: 8}]
filters: [{not: [*large]}]
"""
    found = {each.words.split(",")[0]: each for each in changes(policy_of(load_text(text, "here")), {})}
    body = found["value: 8 -> 9"].policy.body.plain()

    assert body["scope"][0]["value"] == 9
    assert body["filters"][0]["not"][0]["value"] == 9


@pytest.mark.parametrize("built_in", [each for each in builtin_policies() if each.practice], ids=lambda each: each.name)
def test_mutants_are_the_same_each_time(built_in) -> None:
    example = load_examples(HERE / "practices" / f"{built_in.practice:02}.yaml")[0]
    one, two = (prepared(example, built_in, Standard.FSBP) for _ in range(2))

    assert [each.words for each in changes(built_in, {})] == [each.words for each in changes(built_in, {})]
    assert changes(built_in, {})
    scenes = [near(each.stage, each.plan, each.catalog) for each in (one, two)]
    assert scenes[0] == scenes[1]
    assert 0 < len(scenes[0]) <= 180


def test_the_practices_notice_most_changes() -> None:
    """A sample of them: all 26 take minutes. Those changes that no example notices are known and few."""
    known = {each.practice: each for each in builtin_policies()}
    for number, most in ((2, 0), (4, 0), (7, 3), (16, 0)):
        found = score(known[number], load_examples(HERE / "practices" / f"{number:02}.yaml"), Standard.FSBP)
        assert found.noticed > 0
        assert len(found.survivors) <= most, [each.change for each in found.survivors]


def test_ages_are_tried_at_the_second() -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    text = """\
- policy:
    resource: aws.ebs
    filters: [{type: value, key: CreateTime, value_type: age, op: gt, value: 30}]
  now: 2026-11-23T00:00:00Z
  resources: [{VolumeId: v, CreateTime: "2026-01-01T00:00:00Z"}]
  want: [v]
"""
    (example,) = examples_in(load_text(text, "here"))
    ready = prepared(example, named_policy(example, {}), Standard.FSBP)
    times = {stage.rows["ebs"][0].get("CreateTime") for stage, _ in near(ready.stage, ready.plan, ready.catalog)}

    for step in (timedelta(), timedelta(seconds=1), timedelta(seconds=-1), timedelta(days=1), timedelta(days=-1)):
        assert (now - timedelta(days=30) + step).strftime("%Y-%m-%dT%H:%M:%SZ") in times


def test_scenes_move_to_accounts_of_their_own() -> None:
    rows = {"ebs": [{"VolumeId": "v", "_account": "444455556666"}, {"VolumeId": "arn:aws:ec2::111122223333:v"}]}
    moved = Stage(rows, now=datetime(2026, 11, 23, tzinfo=UTC)).moved(7)

    assert moved.accounts == {"900000007000", "900000007001"}
    assert moved.rows["ebs"][1]["VolumeId"] == "arn:aws:ec2::900000007001:v"


def test_many_at_once_come_out_as_each_by_itself() -> None:
    """Also where an example is wrong: what is told of it names its own accounts."""
    known = {each.practice: each for each in builtin_policies()}
    for number in (4, 18):
        examples = load_examples(HERE / "practices" / f"{number:02}.yaml")
        examples = [*examples, *(replace(each, want=()) for each in examples if each.want)]
        alone = [run(each, known[number], Standard.FSBP) for each in examples]

        assert run_all(examples, known[number], Standard.FSBP) == alone
        assert any(not each.passed for each in alone)
