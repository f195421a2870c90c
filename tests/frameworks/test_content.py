"""The frameworks that ship with Crenel are right: one test for all declarations."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from crenel.choice import choose
from crenel.frameworks.load import builtin_frameworks, framework
from crenel.frameworks.model import Framework
from crenel.model import Standard
from crenel.policies.written.load import builtin_policies

POLICIES = {policy.name: policy for policy in builtin_policies()}
CIS = [name for name in builtin_frameworks() if name.startswith("cis-")]


@pytest.fixture(params=builtin_frameworks())
def each(request: pytest.FixtureRequest) -> Framework:
    return framework(request.param)


def test_its_file_is_called_as_it_is_and_it_says_where_it_comes_from(each: Framework) -> None:
    assert Path(each.file).stem == each.id
    assert each.name
    assert each.version
    assert each.reference.startswith("https://")


def test_its_policies_are_there_with_their_parameters(each: Framework) -> None:
    """By the code that a scan runs: it refuses a policy, a parameter or a value that there is not."""
    assert {plan.policy for plan in choose([each.id]).plans} == {asked.policy for _, asked in each.asked()}


def test_parameters_are_given_only_where_the_profile_has_others(each: Framework) -> None:
    profile = each.profile or Standard.FSBP
    usual = [
        (control.id, asked.policy, key)
        for control, asked in each.asked()
        for key, value in asked.params.items()
        if POLICIES[asked.policy].params[key][profile] == value
    ]

    assert usual == []


def test_every_section_and_level_has_a_control(each: Framework) -> None:
    assert {section.id for section in each.sections} == {control.section.id for control in each.controls} - {""}
    assert set(each.levels) == {level for control in each.controls for level in control.levels}


def test_controls_say_what_they_ask_in_a_line_and_what_to_do_in_sentences(each: Framework) -> None:
    for control in each.controls:
        assert control.title
        assert not control.title.endswith(".")
        assert control.manual == "" or control.manual.endswith(".")


def test_the_practices_are_those_of_the_policies() -> None:
    found = {control.id: [asked.policy for asked in control.policies] for control in framework("practices").controls}

    assert found == {str(policy.practice): [policy.name] for policy in POLICIES.values() if policy.practice}


@pytest.mark.parametrize("name", CIS)
def test_controls_of_cis_stand_in_the_section_of_their_number(name: str) -> None:
    for control in framework(name).controls:
        assert control.id.rpartition(".")[0] == control.section.id
        assert len(control.levels) == 1


def test_titles_are_ours() -> None:
    """CIS begins each recommendation with the same word, and its text is not for us to copy."""
    titles = [control.title for name in builtin_frameworks() for control in framework(name).controls]

    assert [title for title in titles if re.match(r"(?i)ensure\b", title)] == []


# How many recommendations each version of the benchmark has.
@pytest.mark.parametrize(
    ("name", "number"),
    {
        "cis-1.4": 58, "cis-1.5": 63, "cis-2.0": 64, "cis-3.0": 62, "cis-4.0": 64, "cis-5.0": 63, "cis-6.0": 63,
        "cis-7.0": 70,
    }.items(),
)  # fmt: skip
def test_every_control_of_cis_is_there(name: str, number: int) -> None:
    """Decided, or honestly manual; numbered without a hole within each section."""
    found = framework(name).controls
    numbers: dict[str, list[int]] = {}
    for control in found:
        section, _, last = control.id.rpartition(".")
        numbers.setdefault(section, []).append(int(last))

    assert len(found) == number
    for section, each in numbers.items():
        first = 2 if f"{section}.1" in numbers else 1  # where its first number is a section of its own
        assert each == list(range(first, first + len(each)))


def test_every_built_in_policy_is_in_a_framework() -> None:
    asked = {asked.policy for name in builtin_frameworks() for _, asked in framework(name).asked()}

    assert set(POLICIES) - asked == set()
