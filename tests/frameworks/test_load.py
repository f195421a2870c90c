"""Files of frameworks: what is read, and where each mistake stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from crenel.errors import PolicyError, UsageError
from crenel.frameworks.load import framework, read_framework
from crenel.model import Severity, Standard

HEAD = "id: ours\nname: Ours\n"


def read(tmp_path: Path, text: str, name: str = "ours.yaml"):
    path = tmp_path / name
    path.write_text(text)
    return read_framework(path)


def controls(*lines: str) -> str:
    return HEAD + "controls:\n" + "".join(f"  {line}\n" for line in lines)


def test_a_whole_file(tmp_path):
    found = read(
        tmp_path,
        """
id: our-rules
name: Our rules
version: "3"
reference: https://example.com/rules
profile: cis
levels: {L1: for all, L2: for some}
sections: [{id: "1", title: Accounts}]
controls:
  - id: "1.1"
    title: Nobody keeps a credential that is not used
    section: "1"
    severity: critical
    levels: [L1, L2]
    policies: [iam-root-no-access-key, {policy: iam-credentials-unused, params: {max_unused_days: 30}}]
    manual: >
      Ask those
      who left.
    references: [https://example.com/1.1]
""",
    )
    (control,) = found.controls

    assert (found.id, found.name, found.version, found.profile) == ("our-rules", "Our rules", "3", Standard.CIS)
    assert (control.id, control.section.title, control.severity) == ("1.1", "Accounts", Severity.CRITICAL)
    assert control.levels == ("L1", "L2")
    assert [(each.policy, each.params) for each in control.policies] == [
        ("iam-root-no-access-key", {}),
        ("iam-credentials-unused", {"max_unused_days": 30}),
    ]
    assert control.manual == "Ask those who left."


MISTAKES = {
    "no controls": (HEAD, "1:1: a framework needs `controls`"),
    "a misspelt key": (
        HEAD + "profil: cis\ncontrols: []\n",
        '3:1: a framework has no key "profil". Did you mean "prof',
    ),
    "an id with spaces": ("id: Our rules\nname: x\ncontrols: []\n", '1:5: "Our rules" is no id of a framework'),
    "an unknown profile": (HEAD + "profile: nist\ncontrols: []\n", '3:10: there is no profile "nist" here. There are'),
    "a number for an id": (controls("- {id: 1.10, title: x, manual: y}"), "4:10: id must be a text, not 1.1. Put it"),
    "a control without a title": (controls('- {id: "1", manual: y}'), "4:5: a control needs `title`"),
    "a control that says nothing": (controls('- {id: "1", title: x}'), "4:5: a control needs `policies`, or `manual`"),
    "no policy at all": (controls('- {id: "1", title: x, policies: []}'), "name at least one"),
    "a control twice": (
        controls('- {id: "1", title: x, manual: y}', '- {id: "1", title: z, manual: y}'),
        "5:5: the control 1 stands here twice",
    ),
    "a level that is not declared": (
        controls('- {id: "1", title: x, manual: y, levels: [L3]}'),
        '4:45: there is no level "L3" here.',
    ),
    "a section that is not declared": (
        HEAD + 'sections: [{id: "1", title: x}]\ncontrols: [{id: "1.1", title: x, section: "2", manual: y}]\n',
        '4:43: there is no section "2" here. There are 1.',
    ),
    "no section where there are some": (
        HEAD + 'sections: [{id: "1", title: x}]\ncontrols: [{id: "1.1", title: x, manual: y}]\n',
        "4:12: a control needs `section`",
    ),
    "controls of no other framework": (
        controls('- {id: "1", title: x, controls: [IAM.1]}'),
        "4:35: `controls` are those of another framework. Name it at the top: `over: fsbp`",
    ),
    "over what is not there": (
        HEAD + "over: practises\ncontrols: []\n",
        '3:7: there is no framework "practises". Did you mean "practices"?',
    ),
    "a control that the other has not": (
        HEAD + 'over: practices\ncontrols: [{id: "1", title: x, controls: ["27"]}]\n',
        "4:43: practices has no control 27.",
    ),
}


@pytest.mark.parametrize(("text", "message"), MISTAKES.values(), ids=list(MISTAKES))
def test_mistakes_stand_at_their_place(text, message, tmp_path):
    with pytest.raises(PolicyError) as caught:
        read(tmp_path, text)

    assert message in str(caught.value)


def test_all_mistakes_are_found_at_once(tmp_path):
    with pytest.raises(PolicyError) as caught:
        read(tmp_path, controls("- {title: x, manual: y, levels: [L3]}", '- {id: "1", titel: x, manual: y}'))

    assert [str(error.where).rpartition("ours.yaml:")[2] for error in caught.value.all()] == ["4:5", "4:36", "5:15"]


def test_a_mapping_takes_the_policies_and_the_profile_of_another(tmp_path):
    """Each policy once, though two of its controls have it."""
    read(
        tmp_path,
        """
id: base
name: Base
profile: cis
controls:
  - {id: "1", title: a, policies: [iam-root-no-access-key]}
  - {id: "2", title: b, policies: [iam-root-no-access-key, {policy: iam-key, params: {days: 30}}]}
""",
        "base.yaml",
    )
    found = read(
        tmp_path, HEAD + 'over: base.yaml\ncontrols: [{id: AC-2, title: x, controls: ["1", "2"]}]\n', "mapping.yaml"
    )
    (control,) = found.controls

    assert (found.over, found.profile) == (("base",), Standard.CIS)
    assert [(each.policy, each.params) for each in control.policies] == [
        ("iam-root-no-access-key", {}),
        ("iam-key", {"days": 30}),
    ]


def test_what_is_neither_an_id_nor_a_file():
    with pytest.raises(UsageError, match=r'there is no framework "cis-7". Did you mean "cis-7.0"\?'):
        framework("cis-7")
    with pytest.raises(UsageError, match=r"there is no framework file our-rules\.yaml"):
        framework("our-rules.yaml")
