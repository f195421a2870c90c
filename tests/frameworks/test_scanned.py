"""What a scan by frameworks prints and keeps."""

from __future__ import annotations

import io
import json

import pytest

from crenel.cli import main
from crenel.report.table import write
from tests.remediate.snapshots import old_key, snapshot
from tests.report.judgements import finding, plan, report


def test_variants_of_a_policy_have_rows_of_their_own():
    variant = "max_unused_days=45"
    findings = [
        finding(policy="unused", resource_id="a", name="a"),
        finding(policy="unused", resource_id="a", name="a", variant=variant),
        finding(policy="unused", resource_id="b", name="b", variant=variant),
    ]
    out = io.StringIO()

    write(report(findings, plans=[plan(policy="unused"), plan(policy="unused", variant=variant)]), out)

    assert "unused  high, 1 failing" in out.getvalue()
    assert f"unused {variant}  high, 2 failing" in out.getvalue()


def test_the_worst_resources_of_each_policy_are_few():
    findings = [finding(policy=policy, resource_id=f"{number}") for policy in ("a", "b") for number in range(9)]
    out = io.StringIO()

    write(report(findings, plans=[plan(policy="a"), plan(policy="b")]), out)

    assert out.getvalue().count("+4 more") == 2


@pytest.fixture
def lake(tmp_path):
    """A user whose key was used 60 days ago: too long for CIS, not for FSBP."""
    folder = tmp_path / "lake"
    snapshot(folder, {"iam-user": [old_key(used="2026-09-24 00:00:00")]})
    return folder


def test_each_framework_judges_by_its_own_parameters(lake, capsys):
    words = ["scan", "--offline", "--lake", str(lake), "--policy", "iam-credentials-unused", "--format", "json"]

    main([*words, "--framework", "practices", "--framework", "cis-7.0"])
    found = json.loads(capsys.readouterr().out)["findings"]

    assert {(each["variant"], each["status"]) for each in found} == {(None, "PASS"), ("max_unused_days=45", "FAIL")}
    assert len({each["id"] for each in found}) == 2


def test_the_command_to_repeat_a_scan_names_its_frameworks(lake, capsys):
    main(["scan", "--offline", "--lake", str(lake), "--framework", "cis-7.0", "--policy", "iam-credentials-unused"])

    assert "--framework cis-7.0 --policy iam-credentials-unused --format json" in " ".join(
        capsys.readouterr().out.split()
    )


def test_permissions_and_costs_are_those_of_the_framework(tmp_path, capsys):
    ours = tmp_path / "ours.yaml"
    ours.write_text('id: ours\nname: x\ncontrols: [{id: "1", title: x, policies: [iam-password-length]}]\n')

    assert main(["permissions", "--framework", str(ours)]) == 0
    (statement,) = json.loads(capsys.readouterr().out)["Statement"]
    assert statement["Action"] == ["account:ListRegions", "ec2:DescribeRegions", "iam:GetAccountPasswordPolicy"]

    assert main(["scan", "--framework", str(ours), "--explain", "--format", "json", "--lake", str(tmp_path)]) == 0
    assert {line["service"] for line in json.loads(capsys.readouterr().out)["lines"]} == {"iam"}


def test_a_repair_knows_by_which_parameters_its_finding_failed(lake, capsys):
    """60 days without use is a gap by CIS alone, and so the plan deactivates the key for CIS alone."""
    words = ["fix", "plan", "--lake", str(lake), "--policy", "iam-credentials-unused"]

    assert main([*words, "--framework", "cis-7.0"]) == 0
    assert "1 automatic step." in capsys.readouterr().out
    assert main(words) == 0
    assert "1 automatic step." not in capsys.readouterr().out


def test_permissions_that_fit_no_managed_policy_are_said_to(capsys):
    assert main(["permissions", "--framework", "all"]) == 0
    assert "longer than the 6,144 characters of a managed policy: make two of it" in capsys.readouterr().err
    assert main(["permissions"]) == 0
    assert capsys.readouterr().err == ""


def test_a_scan_by_frameworks_ends_with_their_scores_and_what_to_do_next(lake, capsys):
    main(["scan", "--offline", "--lake", str(lake), "--framework", "cis-7.0", "--policy", "iam-credentials-unused"])
    out = " ".join(capsys.readouterr().out.split())

    assert "CIS AWS Foundations Benchmark 7.0.0, 0%: 0 of 1 control passed. In no score: 62 UNKNOWN" in out
    assert "crenel fix plan --framework cis-7.0 " in out
    assert "crenel compliance cis-7.0 " in out


def test_a_scan_of_the_practices_says_nothing_of_frameworks(lake, capsys):
    main(["scan", "--offline", "--lake", str(lake)])

    assert "compliance" not in capsys.readouterr().out
