"""The built-in policies: each has examples, in `tests/policies/<service>/<name>.yaml`, or for the practices, whose edge
cases have numbers, in `tests/practices/<number>.yaml`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from crenel.examples.format import load_examples
from crenel.examples.running import named_policy
from crenel.examples.together import run_all
from crenel.model import Standard, Status
from crenel.policies.written.load import builtin_policies
from crenel.policies.written.model import Policy

HERE = Path(__file__).parent
POLICIES = {policy.name: policy for policy in builtin_policies()}


def place(policy: Policy) -> Path:
    if policy.practice is not None:
        return HERE / "practices" / f"{policy.practice:02}.yaml"
    return HERE / "policies" / Path(policy.file).parent.name / f"{policy.name}.yaml"


def test_every_file_of_examples_is_of_a_policy() -> None:
    found = {*HERE.glob("practices/*.yaml"), *HERE.glob("policies/*/*.yaml")}

    assert found == {place(policy) for policy in POLICIES.values()}


@pytest.mark.parametrize("policy", POLICIES.values(), ids=lambda policy: policy.name)
def test_examples(policy: Policy) -> None:
    """The findings are the wanted ones and no others; there is one that passes, and one that fails."""
    examples = load_examples(place(policy))
    failed = [result for result in run_all(examples, policy, Standard.FSBP) if not result.passed]

    assert {named_policy(example, POLICIES).name for example in examples} == {policy.name}
    assert [(result.example.note, result.differences, result.error) for result in failed] == []
    assert {wanted.status for each in examples for wanted in each.want or ()} >= {Status.PASS, Status.FAIL}


@pytest.mark.parametrize("policy", POLICIES.values(), ids=lambda policy: policy.name)
def test_each_is_a_file_of_its_own_and_says_why_and_what_to_do(policy: Policy) -> None:
    assert Path(policy.file).stem == policy.name
    assert policy.why
    assert policy.remediation
    assert policy.references
