"""`crenel policies coverage`: how much of a repository runs, and what keeps the rest from it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from crenel.cli import main
from crenel.policies.custodian_names import custodian_names
from tests.cli.test_checks import POLICIES
from tests.oracle import PYTHON, needs_custodian

ALIASES = """\
policies:
  - {name: a, resource: ec2}
  - {name: b, resource: aws.ec2, filters: [{type: no-such-filter}]}
  - {name: c, resource: elastic-ip}
  - {name: d, resource: aws.network-addr}
  - {name: e, resource: aws.network-addr, filter: []}
"""
NAMES = """\
policies:
  - {name: slip, resource: ec2, filters: [{type: instance-aeg, days: 3}]}
  - {name: lacking, resource: key-pair, filters: [unused]}
  - {name: slip-of-a-type, resource: ebss}
  - {name: type-that-lacks, resource: aws.lightsail-db}
  - {name: other-cloud, resource: azure.vm}
"""
# What Cloud Custodian is asked, in its own Python.
ASK = """\
import json
from c7n.provider import clouds
from c7n.resources import load_available

load_available()
registry = clouds["aws"]().resources
kinds = {name: registry.get(name) for name in registry.keys()}
aliases = {alias for kind in kinds.values() for alias in getattr(kind, "type_aliases", None) or ()}
filters = {name for kind in kinds.values() for name in kind.filter_registry.keys()}
actions = {name for kind in kinds.values() for name in kind.action_registry.keys()}
names = {"types": aliases | set(kinds), "filters": filters, "actions": actions}
print(json.dumps({key: sorted(found) for key, found in names.items()}))
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "policies.yml"
    path.write_text(POLICIES, encoding="utf-8")
    return path


def told(capsys: pytest.CaptureFixture[str], path: Path) -> dict[str, Any]:
    """Return what is told of a file or folder, as JSON."""
    main(["policies", "coverage", "--format", "json", str(path)])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_coverage_says_what_runs_and_what_does_not(file, capsys):
    assert main(["policies", "coverage", str(file), "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["policies"], found["run"]) == (6, 2)
    assert found["types"][0] == {"type": "ebs", "policies": 3, "run": 2}
    assert {"filter": "ebs.no-such-filter", "policies": 1, "run": 0} in found["filters"]
    assert {"filter": "no-such-type.value", "policies": 1, "run": 0} in found["filters"]
    assert [entry["policy"] for entry in found["not_run"]] == ["broken", "bad", "other", "waiting"]
    assert found["unreadable"] == []


def test_coverage_as_tables(file, capsys):
    assert main(["policies", "coverage", str(file)]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[0].split() == ["TYPE", "POLICIES", "RUN"]
    assert "FILTER THAT NOT ALL CAN USE  POLICIES  CAN\n" in out
    assert "ebs.no-such-filter" in out
    assert "waits for events" in out
    assert out.splitlines()[-1] == "6 policies, 2 run (33 %); names that Cloud Custodian does not have either: in 2"


def test_the_names_of_a_type_are_one_row(file, capsys):
    file.write_text(ALIASES)
    found = told(capsys, file)
    assert found["types"] == [
        {"type": "elastic-ip", "policies": 3, "run": 2},
        {"type": "ec2", "policies": 2, "run": 1},
    ]
    assert found["filters"] == [{"filter": "ec2.no-such-filter", "policies": 1, "run": 0}]


def test_a_slip_is_told_from_what_is_lacking(file, capsys):
    """What Cloud Custodian does not have either can be mended in the policy; the rest can't."""
    file.write_text(NAMES)
    found = told(capsys, file)
    slips = {entry["policy"]: entry["reasons"][0]["misnamed"] for entry in found["not_run"]}
    assert slips == {
        "slip": True, "lacking": False, "slip-of-a-type": True, "type-that-lacks": False, "other-cloud": False,
    }  # fmt: skip
    assert found["misnamed"] == 2
    assert main(["policies", "coverage", str(file)]) == 0
    out = capsys.readouterr().out
    assert 'no filter "instance-aeg" here. Cloud Custodian has no such name either. Did you mean "instance-age"?' in out
    assert 'no filter "unused" here.\n' in out


def test_a_file_that_can_not_be_read_is_in_the_figures(file, tmp_path, capsys):
    """Its policies are not counted, so that the share would flatter; the exit code says so as well."""
    (tmp_path / "torn.yml").write_text("policies: [")
    (tmp_path / "misspelt.yml").write_text("polices: []")
    assert main(["policies", "coverage", str(tmp_path)]) == 2
    out, err = capsys.readouterr()
    assert out.splitlines()[-1].endswith("; not counted, since unreadable: 2 files")
    assert "torn.yml:" in err
    found = told(capsys, tmp_path)
    assert (found["policies"], found["unreadable_files"], len(found["unreadable"])) == (6, 2, 2)


def test_an_event_filter_does_not_count_as_run(file, capsys):
    mode = "mode: {type: cloudtrail, role: a, events: [RunInstances]}"
    file.write_text(f"policies: [{{name: m, resource: ec2, filters: [{{type: event, key: a, value: b}}], {mode}}}]")
    found = told(capsys, file)
    assert found["filters"] == [{"filter": "ec2.event", "policies": 1, "run": 0}]
    assert [reason["code"] for reason in found["not_run"][0]["reasons"]] == ["event-mode"]


@needs_custodian
def test_the_names_are_custodian_s():
    done = subprocess.run([PYTHON, "-c", ASK], capture_output=True, text=True, check=True, timeout=120)
    found = json.loads(done.stdout)
    names = custodian_names()
    assert sorted(names.types) == found["types"]
    assert sorted(names.filters) == found["filters"]
    assert sorted(names.actions) == found["actions"]
