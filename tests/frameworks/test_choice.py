"""From frameworks, names and files to what a scan asks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from crenel.choice import choose
from crenel.errors import PolicyError, UsageError
from crenel.frameworks.load import builtin_frameworks
from crenel.model import Severity, Standard
from crenel.policies.written import load
from crenel.policies.written.model import Policy

OWN = """
policies:
  - name: our-volumes
    title: Ours
    resource: aws.ebs
    filters: [Encrypted: false]
"""


def file(tmp_path: Path, controls: str, name: str = "ours", more: str = "") -> str:
    path = tmp_path / f"{name}.yaml"
    path.write_text(f"id: {name}\nname: Ours\n{more}controls:\n{controls}")
    return str(path)


def own_policies(tmp_path: Path, text: str = OWN) -> Path:
    path = tmp_path / "policies.yml"
    path.write_text(text)
    return path


def test_by_default_the_practices_are_asked():
    chosen = choose()

    assert [plan.practice for plan in chosen.plans] == list(range(1, 27))
    assert [each.id for each in chosen.frameworks] == ["practices"]


def test_only_the_files_of_what_is_asked_are_read(monkeypatch):
    read: list[str] = []
    real = load.load_policies

    def watched(path: Path, **more: Any) -> list[Policy]:
        read.append(path.stem)
        return real(path, **more)

    monkeypatch.setattr(load, "load_policies", watched)

    choose(practices=[12])

    assert read == ["cloudtrail-multi-region"]


def test_a_profile_gives_the_parameters_and_standard_those_of_frameworks_without_one():
    (by_profile,) = choose(["cis-7.0"], ["iam-credentials-unused"]).parameters.values()
    (by_standard,) = choose(["practices"], ["iam-credentials-unused"], standard=Standard.CIS).parameters.values()
    (by_default,) = choose(["practices"], ["iam-credentials-unused"]).parameters.values()

    assert by_profile == by_standard == {"max_unused_days": 45}
    assert by_default == {"max_unused_days": 90}


def test_a_policy_is_asked_once_for_each_set_of_parameters():
    """The first has no variant, the other says what differs; three frameworks of two minds make two plans."""
    chosen = choose(["practices", "cis-6.0", "cis-7.0"], ["iam-credentials-unused"])

    assert [plan.key for plan in chosen.plans] == [
        "iam-credentials-unused",
        "iam-credentials-unused max_unused_days=45",
    ]
    assert [row[:2] for row in chosen.about()["policies"]] == [
        ("iam-credentials-unused", None),
        ("iam-credentials-unused", "max_unused_days=45"),
    ]
    decided = {(row[0], row[5]): row[-1] for row in chosen.about()["controls"] if row[-2] == "iam-credentials-unused"}
    assert decided == {
        ("practices", "8"): None,
        ("cis-6.0", "2.11"): "max_unused_days=45",
        ("cis-7.0", "2.11"): "max_unused_days=45",
    }


def test_a_variant_is_judged_by_its_own_parameters():
    first, other = choose(["practices", "cis-7.0"], ["iam-credentials-unused"]).plans

    assert "90" in str(first.message_fail)
    assert "45" in str(other.message_fail)


def test_a_control_may_ask_with_parameters_of_its_own(tmp_path):
    ours = file(
        tmp_path,
        '  - {id: "1", title: x, policies: [{policy: iam-credentials-unused, params: {max_unused_days: 30}}]}\n'
        '  - {id: "2", title: y, policies: [iam-credentials-unused]}\n',
        more="profile: cis\n",
    )
    chosen = choose([ours])

    assert [each["max_unused_days"] for each in chosen.parameters.values()] == [30, 45]
    assert chosen.asked_with("ours", "2", 0) == {"max_unused_days": 45}


def test_severity_is_the_controls_and_of_several_the_highest(tmp_path):
    """What no control speaks of keeps the policy's."""
    ours = file(
        tmp_path,
        '  - {id: "1", title: x, severity: low, policies: [iam-root-no-access-key, iam-credentials-unused]}\n'
        '  - {id: "2", title: y, severity: critical, policies: [iam-root-no-access-key]}\n',
    )
    chosen = choose([ours, "practices"])
    found = {plan.policy: plan.severity for plan in chosen.plans}

    assert found["iam-root-no-access-key"] is Severity.CRITICAL
    assert found["iam-credentials-unused"] is Severity.LOW
    assert found["s3-bucket-encryption"] is Severity.HIGH
    severities = {(row[0], row[5]): row[7] for row in chosen.about()["controls"]}
    assert severities["ours", "1"] == "low"
    assert severities["practices", "4"] == "high"  # the policy's own, whatever other frameworks make of it


def test_all_is_every_built_in_framework():
    chosen = choose(["all"])

    assert [each.id for each in chosen.frameworks] == builtin_frameworks()


def test_names_and_numbers_narrow_what_frameworks_ask():
    """The controls stay, and their other policies are known not to be judged."""
    chosen = choose(["practices"], ["s3-*"], [12])

    assert [plan.practice for plan in chosen.plans] == [9, 10, 11, 12]
    assert len(chosen.about()["controls"]) == 26
    with pytest.raises(UsageError, match="practices asks for none of these policies"):
        choose(["practices"], ["ebs-snapshot-block*", "elb*"])


def test_without_a_framework_names_choose_among_all():
    chosen = choose(names=["s3-bucket-encryption"])

    assert [plan.policy for plan in chosen.plans] == ["s3-bucket-encryption"]
    assert chosen.frameworks == ()
    assert "controls" not in chosen.about()


def test_own_policies_are_asked_beside_and_replace_built_in_ones(tmp_path):
    own = own_policies(
        tmp_path, OWN + "  - {name: s3-bucket-encryption, title: Mine, resource: aws.s3, filters: [Name: x]}\n"
    )
    chosen = choose(paths=[own])
    titles = {plan.policy: plan.title for plan in chosen.plans}

    assert len(chosen.plans) == 27
    assert titles["our-volumes"] == "Ours"
    assert titles["s3-bucket-encryption"] == "Mine"


def test_a_framework_may_ask_for_own_policies(tmp_path):
    ours = file(tmp_path, '  - {id: "1", title: x, policies: [our-volumes]}\n')

    assert [plan.policy for plan in choose([ours], paths=[own_policies(tmp_path)]).plans] == ["our-volumes"]
    with pytest.raises(PolicyError, match=r'ours.yaml:4:36: there is no policy "our-volumes".*--policies'):
        choose([ours])


WRONG = {
    "a policy": ("[iam-root-no-acces-key]", r'4:36: there is no policy .* Did you mean "iam-root-no-access-key"\?'),
    "a parameter": (
        "[{policy: iam-credentials-unused, params: {max_days: 1}}]",
        r"4:88: iam-credentials-unused has no parameter max_days\.",
    ),
    "a value": (
        "[{policy: iam-credentials-unused, params: {max_unused_days: soon}}]",
        r"4:95: max_unused_days of iam-credentials-unused has values like 90\.",
    ),
}


@pytest.mark.parametrize(("policies", "message"), WRONG.values(), ids=list(WRONG))
def test_what_a_file_names_wrongly_is_shown_where_it_stands(policies, message, tmp_path):
    with pytest.raises(PolicyError, match=message):
        choose([file(tmp_path, f'  - {{id: "1", title: x, policies: {policies}}}\n')])


def test_two_frameworks_of_one_id_are_refused(tmp_path):
    """They would be one in every table."""
    with pytest.raises(UsageError, match="are both the framework practices"):
        choose(["practices", file(tmp_path, '  - {id: "1", title: x, manual: y}\n', "practices")])


def test_what_is_kept_of_a_policy_is_its_text_as_written():
    (row,) = choose(names=["iam-root-no-access-key"]).about()["policies"]

    assert str(row[10]).startswith("- name: iam-root-no-access-key\n  title: ")
    assert row[9] == ["https://docs.aws.amazon.com/securityhub/latest/userguide/iam-controls.html#iam-4"]
