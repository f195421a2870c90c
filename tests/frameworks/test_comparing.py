"""What changed from one framework to another."""

from __future__ import annotations

import json
import re
from pathlib import Path

from crenel.choice import choose
from crenel.cli import main
from crenel.frameworks.comparing import Difference, difference


def differ(tmp_path: Path, before: str, after: str, profile: str = "fsbp") -> Difference:
    found = []
    for name, controls, whose in (("old", before, "fsbp"), ("new", after, profile)):
        path = tmp_path / f"{name}.yaml"
        path.write_text(f"id: {name}\nname: x\nprofile: {whose}\nlevels: {{L1: a, L2: b}}\ncontrols:\n{controls}")
        chosen = choose([str(path)])
        (framework,) = chosen.frameworks
        params = {
            control.id: [chosen.asked_with(name, control.id, index) for index in range(len(control.policies))]
            for control in framework.controls
        }
        found.append((framework, params))
    (old, was), (new, now) = found
    return difference(old, new, was, now)


def test_added_and_removed(tmp_path):
    found = differ(
        tmp_path,
        '  - {id: "1", title: gone, manual: x}\n',
        '  - {id: "1", title: new, policies: [ebs-default-encryption]}\n',
    )

    assert [each.title for each in found.removed] == ["gone"]
    assert [each.title for each in found.added] == ["new"]
    assert found.pairs == ()


def test_renumbered_is_what_has_the_title_or_else_the_policies(tmp_path):
    found = differ(
        tmp_path,
        '  - {id: "1", title: same, manual: x}\n  - {id: "2", title: old words, policies: [ebs-default-encryption]}\n',
        '  - {id: "2", title: same, manual: x}\n  - {id: "3", title: new words, policies: [ebs-default-encryption]}\n',
    )

    assert [(pair.before.id, pair.after.id, pair.renumbered) for pair in found.pairs] == [
        ("1", "2", True),
        ("2", "3", True),
    ]
    assert found.pairs[1].changes == ("title: old words → new words",)


def test_parameters_are_compared_with_those_of_the_profile(tmp_path):
    control = '  - {id: "1", title: x, policies: [iam-credentials-unused]}\n'
    found = differ(tmp_path, control, control, profile="cis")

    assert found.pairs[0].changes == ("iam-credentials-unused: max_unused_days 90 → 45",)


def test_what_else_is_asked_otherwise(tmp_path):
    found = differ(
        tmp_path,
        '  - {id: "1", title: a, levels: [L1], severity: low, policies: [ebs-default-encryption]}\n'
        '  - {id: "2", title: b, policies: [ebs-default-encryption]}\n'
        '  - {id: "3", title: c, manual: x}\n',
        '  - {id: "1", title: a, levels: [L2], severity: high, policies: [ebs-default-encryption, vpc-flow-logs]}\n'
        '  - {id: "2", title: b, manual: x}\n'
        '  - {id: "3", title: c, policies: [ebs-default-encryption]}\n',
    )

    assert [pair.changes for pair in found.pairs] == [
        ("level: L1 → L2", "severity: low → high", "also vpc-flow-logs"),
        ("to be decided by hand now",),
        ("decided by policies now",),
    ]


def test_nothing_changed(tmp_path, capsys):
    control = '  - {id: "1", title: x, policies: [iam-credentials-unused]}\n'
    (pair,) = differ(tmp_path, control, control).pairs

    assert not pair.changes
    assert main(["frameworks", "diff", "cis-7.0", "cis-7.0"]) == 0
    assert "0 added, 0 removed, 0 renumbered, 0 asked otherwise" in capsys.readouterr().out


def test_versions_of_cis(capsys):
    assert main(["frameworks", "diff", "cis-1.4", "cis-7.0"]) == 0
    out = capsys.readouterr().out

    assert re.search(r"\nRemoved\n  1\.3 +Security questions", out)
    assert "1.12 → 2.11" in out


def test_show_has_what_decides_each_control_and_what_is_left_to_do(tmp_path, capsys):
    path = tmp_path / "ours.yaml"
    path.write_text(
        "id: ours\nname: Ours\nprofile: cis\nlevels: {L1: for all}\ncontrols:\n"
        '  - {id: "1", title: Forgotten, levels: [L1], severity: low, policies: [iam-credentials-unused]}\n'
        '  - {id: "2", title: Left, manual: Ask who left.}\n'
    )

    assert main(["frameworks", "show", str(path)]) == 0
    out = capsys.readouterr().out
    assert "2 controls, 1 decided by 1 policy, parameters of cis" in out
    assert "  1       Forgotten  L1  low\n          iam-credentials-unused  max_unused_days 45\n" in out
    assert "  2       Left\n          By hand: Ask who left.\n" in out


def test_list_counts_what_is_decided_and_what_is_not(capsys):
    assert main(["frameworks", "list", "--format", "json"]) == 0
    found = {each["id"]: each for each in json.loads(capsys.readouterr().out)}

    assert (found["practices"]["decided"], found["practices"]["by_hand"]) == (26, 0)
    assert found["cis-7.0"]["decided"] + found["cis-7.0"]["by_hand"] == 70
    assert main(["frameworks", "list"]) == 0
    assert "cis-7.0 " in capsys.readouterr().out
