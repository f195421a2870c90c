"""The policies beside the 26 practices: each with examples of its own, in `tests/policies/<service>/<name>.yaml`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crenel.examples.format import Example, load_examples
from crenel.examples.running import named_policy, run
from crenel.model import Standard, Status
from crenel.policies.written.load import builtin_policies
from crenel.policies.written.model import Policy

FOLDER = Path(__file__).parent / "policies"
POLICIES = {policy.name: policy for policy in builtin_policies()}
OTHERS = [policy for policy in POLICIES.values() if policy.practice is None]


def place(policy: Policy) -> Path:
    return FOLDER / Path(policy.file).parent.name / f"{policy.name}.yaml"


def examples() -> Iterator[Any]:
    for path in sorted(FOLDER.glob("*/*.yaml")):
        for index, example in enumerate(load_examples(path)):
            yield pytest.param(path.stem, example, id=f"{path.stem}-{index}-{example.standard or Standard.FSBP}")


@pytest.mark.parametrize(("name", "example"), list(examples()))
def test_example(name: str, example: Example) -> None:
    policy = named_policy(example, POLICIES)

    assert policy.name == name
    assert run(example, policy, Standard.FSBP).passed, example.note


@pytest.mark.parametrize("policy", OTHERS, ids=lambda policy: policy.name)
def test_each_has_examples_that_pass_and_that_fail(policy: Policy) -> None:
    found = {wanted.status for example in load_examples(place(policy)) for wanted in example.want or ()}

    assert found >= {Status.PASS, Status.FAIL}


@pytest.mark.parametrize("policy", POLICIES.values(), ids=lambda policy: policy.name)
def test_each_is_a_file_of_its_own_and_says_why_and_what_to_do(policy: Policy) -> None:
    assert Path(policy.file).stem == policy.name
    assert policy.why
    assert policy.remediation
    assert policy.references
