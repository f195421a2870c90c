"""The JSON Schema of policy files: valid, small, made fast, and as strict as the compiler on what it knows."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from crenel.catalog.load import catalog
from crenel.cli import main
from crenel.errors import PolicyError
from crenel.model import Standard
from crenel.policies.compile import PolicyCompiler
from crenel.policies.facts import facts
from crenel.policies.filters import filters_of
from crenel.policies.shapes.filters import shape_of
from crenel.policies.shapes.schema import BLOCKS, schema
from crenel.policies.values.sources import unfetched
from crenel.policies.written.model import CUSTODIAN_KEYS, OWN_KEYS, policy_of
from crenel.positions import load_file, load_text

HERE = Path(__file__).parent
CONTENT = HERE.parent / "src" / "crenel" / "content" / "policies"
CASES = HERE.parent.parent / "shared" / "data" / "custodian" / "cases.jsonl"
MEGABYTE = 1_000_000


@lru_cache(maxsize=1)
def validator() -> jsonschema.Draft7Validator:
    found = schema(catalog(), facts())
    jsonschema.Draft7Validator.check_schema(found)
    return jsonschema.Draft7Validator(found)


def plain(value: Any) -> Any:
    return json.loads(json.dumps(value, default=str))


def errors(document: Any) -> list[str]:
    return [f"{list(error.absolute_path)}: {error.message[:200]}" for error in validator().iter_errors(plain(document))]


def wrong(policy: str) -> list[str]:
    return errors({"policies": [load_text(policy, "here").plain()]})


# --- what loads is valid


def loaded(policies: Iterator[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Yield the policies in which `crenel policies check` has no error."""
    compiler = PolicyCompiler(catalog(), facts(), Standard.FSBP, values_from=unfetched)
    for name, policy in policies:
        try:
            if not compiler.check(policy_of(load_text(json.dumps(policy, default=str), "here"))).errors:
                yield name, policy
        except PolicyError:
            continue


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")  # of jmespath, at an old spelling of literals
def test_policies_of_all_types_that_load_are_valid() -> None:
    """The policies that run beside Cloud Custodian: each loads, so an editor must not underline it."""
    written = load_file(HERE / "beside" / "policies.yml").plain()["policies"]
    found = dict(loaded((policy["name"], policy) for policy in written))

    assert len(found) > 200
    assert {name: told for name, policy in found.items() if (told := errors({"policies": [policy]}))} == {}


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
@pytest.mark.skipif(not CASES.exists(), reason="the recorded cases are not here")
def test_recorded_policies_that_load_are_valid() -> None:
    cases = [json.loads(line) for line in CASES.read_text().splitlines()]
    found = dict(loaded((case["id"], case["policy"]) for case in cases))

    assert len(found) > 400
    assert {name: told for name, policy in found.items() if (told := errors({"policies": [policy]}))} == {}


# --- every filter is declared


@lru_cache(maxsize=1)
def registered() -> tuple[tuple[str, str], ...]:
    return tuple((name, each) for name in catalog() for each in filters_of(catalog()[name]) if each not in BLOCKS)


def test_every_filter_has_a_shape() -> None:
    """What a shape can't know before its filter is built is left out: a declaration that no form reads yet."""
    lost = {
        each
        for name, each in registered()
        if shape_of(catalog()[name], each) is None
        and not any("a filter is declared by" in error for error in refused(name, each))
    }

    assert lost == set()


def refused(name: str, each: str, more: str = "") -> list[str]:
    text = f"name: x\nresource: {name}\nfilters: [{{type: {each}{more}}}]"
    try:
        PolicyCompiler(catalog(), facts(), Standard.FSBP).compile(policy_of(load_text(text, "here")))
    except PolicyError as error:
        return [f"{one.message} {one.suggestion}" for one in error.all()]
    return []


def test_shapes_have_the_keys_that_their_filters_take() -> None:
    """A filter that refuses a key names those that it knows: they are the shape's."""
    compared = 0
    for name, each in registered():
        shape = shape_of(catalog()[name], each)
        told = [
            match[1]
            for error in refused(name, each, ", zzzzzzzz: 1")
            if (match := re.search(r"Known here: (.*)\.$", error))
        ]
        if shape is not None and told:
            compared += 1
            assert {"type", *told[0].split(", ")} == {"type", *(option.name for option in shape.options)}, (name, each)
    assert compared > 500


def test_every_key_of_a_policy_is_there_and_described() -> None:
    properties = validator().schema["definitions"]["policy"]["properties"]

    assert set(properties) == {*CUSTODIAN_KEYS, *OWN_KEYS}
    assert all(each["description"] for each in properties.values())


def test_every_option_is_described() -> None:
    for name, each in registered():
        shape = shape_of(catalog()[name], each)
        if shape is not None:
            assert shape.text.endswith(".")
            assert all(option.text.endswith(".") for option in shape.options)


# --- what it accepts


@pytest.mark.parametrize("path", sorted(CONTENT.rglob("*.yaml")), ids=lambda path: path.stem)
def test_accepts_the_built_in_policies(path: Path) -> None:
    assert errors(load_file(path).plain()) == []


def conformance() -> Iterator[Any]:
    for path in sorted((HERE / "conformance").glob("*.yaml")):
        for example in load_file(path).plain():
            if isinstance(example["policy"], dict):
                yield pytest.param(example, id=str(example.get("note", ""))[:60])


@pytest.mark.parametrize("example", list(conformance()))
def test_judges_the_conformance_policies_as_the_compiler_does(example: dict[str, Any]) -> None:
    found = errors({"policies": [{"name": "example", **example["policy"]}]})

    assert bool(found) == isinstance(example["want"], dict), found


ACCEPTED = [
    "{name: x, resource: ebs}",
    "{name: x, resource: network-addr}",
    "{name: x, resource: aws.network-addr, filters: [{Domain: vpc}]}",
    "{name: x, resource: ebs, source: config}",
    "{name: x, resource: ebs, source: describe}",
    "{name: x, resource: account, filters: [{type: guard-duty, Detector.Status: ENABLED, match-operator: or}]}",
    "{name: x, resource: account, filters: [{type: default-ebs-encryption, state: true, key: alias/aws/ebs}]}",
    "{name: x, resource: aws.ebs, filters: null}",
    "{name: x, resource: aws.account, filters: [{type: default-ebs-encryption, state: true}]}",
    "{name: x, resource: aws.iam-policy, filters: [used, {not: [has-allow-all]}]}",
    '{name: x, resource: aws.ebs, filters: [{type: value, key: "Attachments[].InstanceId", op: contains, value: i-1}]}',
    '{name: x, resource: aws.ebs, filters: [{"tag:Owner": absent}]}',
    '{name: x, resource: aws.ebs, filters: [{type: list-item, key: Attachments, count: "{params.n}"}], params: {n: 1}}',
    "{name: x, resource: aws.ebs, mode: {type: periodic, schedule: rate(1 day)}, actions: [delete]}",
    "{name: x, resource: aws.ebs, tests: [{note: n, resources: [{VolumeId: v}], want: [v]}]}",
]


@pytest.mark.parametrize("policy", ACCEPTED)
def test_accepts(policy: str) -> None:
    assert wrong(policy) == []


# --- what it rejects

REJECTED = {
    "{resource: aws.ebs}": "name",
    "{name: x}": "resource",
    "{name: x, resource: aws.ebss}": "aws.ebss",
    "{name: 'x y', resource: aws.ebs}": "x y",
    "{name: x, resource: aws.ebs, filter: []}": "filter",
    "{name: x, resource: aws.ebs, severity: grave}": "grave",
    "{name: x, resource: aws.ebs, filters: {Encrypted: false}}": "Encrypted",
    "{name: x, resource: aws.ebs, filters: [{type: no-such, key: a}]}": "no-such",
    "{name: x, resource: aws.ebs, filters: [has-allow-all]}": "has-allow-all",
    "{name: x, resource: aws.ebs, filters: [{type: used}]}": "used",
    "{name: x, resource: aws.ebs, filters: [{type: value, key: a, opp: eq, value: 1}]}": "opp",
    "{name: x, resource: aws.ebs, filters: [{type: value, key: a, op: equals, value: 1}]}": "equals",
    "{name: x, resource: aws.ebs, filters: [{type: value, key: a, value_type: years, value: 1}]}": "years",
    "{name: x, resource: aws.ebs, filters: [{type: value, key: 5, value: 1}]}": "5",
    "{name: x, resource: aws.ebs, filters: [{or: [{type: valu, key: a, value: 1}]}]}": "valu",
    "{name: x, resource: aws.ebs, filters: [{Encrypted: false, State: a}]}": "too many",
    "{name: x, resource: aws.ebs, filters: [{Encrypted: {a: b}}]}": "a",
    "{name: x, resource: aws.ebs, filters: [{type: list-item, attrs: [{a: b}]}]}": "key",
    "{name: x, resource: aws.ebs, filters: [{type: list-item, key: Attachments, attrs: [used]}]}": "used",
    "{name: x, resource: aws.ebs, filters: [{type: reduce, order: up}]}": "up",
    "{name: x, resource: aws.ebs, filters: [{type: related, on: {a: b}}]}": "resource",
    "{name: x, resource: aws.ebs, scope: [{type: nothing}]}": "nothing",
    "{name: x, resource: aws.ebs, unknown: [{when: [{State: absent}]}]}": "reason",
    "{name: x, resource: aws.ebs, mode: {type: sometimes}}": "sometimes",
    "{name: x, resource: aws.ebs, max-resources-percent: 101}": "101",
    "{name: x, resource: aws.s3, filters: [{type: check-public-block, BlockPublicAcl: true}]}": "BlockPublicAcl",
}


@pytest.mark.parametrize(("policy", "word"), REJECTED.items())
def test_rejects(policy: str, word: str) -> None:
    found = wrong(policy)

    assert any(word in error for error in found), found


@pytest.mark.parametrize("path", sorted(CONTENT.rglob("*.yaml")), ids=lambda path: path.stem)
def test_rejects_built_in_policies_with_a_mistake(path: Path) -> None:
    """A key misspelt, a type that is not there, filters that are no list."""
    changes: list[dict[str, Any]] = [
        {"filtres": []}, {"resource": "aws.nothing"}, {"filters": "all"}, {"severity": "mild"}, {"name": 5},
    ]  # fmt: skip
    for change in changes:
        document = load_file(path).plain()
        document["policies"][0] |= change
        assert errors(document), change


# --- its size


def test_is_small_and_made_fast(tmp_path: Path) -> None:
    path = tmp_path / "editor" / "schema.json"
    for name in catalog():
        assert catalog()[name].schema()  # botocore's models are read once
    began = time.process_time()

    assert main(["policies", "schema", "--out", str(path)]) == 0
    assert time.process_time() - began < 2
    assert path.stat().st_size < 2 * MEGABYTE
    assert json.loads(path.read_text()) == validator().schema


def test_keys_are_suggested_and_jmespath_is_let_pass() -> None:
    key = validator().schema["definitions"]["key-ec2"]["properties"]["key"]

    assert "State.Name" in key["anyOf"][0]["enum"]
    assert key["anyOf"][1] == {"type": "string"}
