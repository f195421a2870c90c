"""What changed from one framework to another."""

from __future__ import annotations

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
