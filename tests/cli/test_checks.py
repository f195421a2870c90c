"""`crenel policies check`: forms, exit codes, and the hook that runs it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from crenel.cli import main

ROOT = Path(__file__).parent.parent.parent
POLICIES = """\
policies:
  - name: good
    resource: ebs
    filters: [{Encrypted: false}]
  - name: old
    resource: ebs
    region: eu-west-1
  - name: bad
    resource: ebs
    filters:
      - Encrypetd: false
      - {type: value, key: Size, op: grater-than, value: 1}
      - or: [{type: no-such-filter}]
  - name: other
    resource: aws.no-such-type
    filters: [{type: value, key: a, value: b}]
  - name: waiting
    resource: s3
    mode: {type: cloudtrail, events: [CreateBucket]}
  - {name: broken, resource: s3, filter: []}
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "policies.yml"
    path.write_text(POLICIES, encoding="utf-8")
    return path


def test_every_filter_of_a_policy_is_checked(file, capsys):
    assert main(["policies", "check", str(file)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    places = [line.split(": ")[0].removeprefix(f"{file}:") for line in err.splitlines() if line.startswith(str(file))]
    assert places == ["7:5", "11:9", "12:38", "13:21", "15:15", "19:18", "20:34"]
    assert "6 policies, 5 errors, 1 warning, 1 note" in err


def test_json_is_for_machines(file, capsys):
    assert main(["policies", "check", str(file), "--format", "json"]) == 2
    found = json.loads(capsys.readouterr().out)
    assert (found["policies"], found["errors"], found["warnings"], found["notes"]) == (6, 5, 1, 1)
    assert found["problems"][0]["code"] == "deprecated"
    assert found["problems"][1] | {"file": ""} == {
        "file": "", "line": 11, "column": 9, "end_line": 11, "end_column": 18, "severity": "error",
        "code": found["problems"][1]["code"], "message": 'aws.ebs has no key "Encrypetd".',
        "suggestion": 'Did you mean "Encrypted"?', "policy": "bad",
    }  # fmt: skip


def test_github_shows_them_beside_the_lines(file, capsys):
    assert main(["policies", "check", str(file), "--format", "github"]) == 2
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 7
    assert lines[1].startswith("::error title=")
    assert f",file={file},line=11,col=9,endLine=11,endColumn=18::aws.ebs has no key" in lines[1]
    assert lines[0].startswith("::warning title=deprecated,")


def test_a_warning_is_an_error_where_one_is_strict(tmp_path, capsys):
    path = tmp_path / "old.yml"
    path.write_text("policies: [{name: old, resource: ebs, region: eu-west-1}]")
    assert main(["policies", "check", str(path)]) == 0
    assert "1 policy, no errors, 1 warning" in capsys.readouterr().out
    assert main(["policies", "check", str(path), "--strict"]) == 2
    assert ": error: " in capsys.readouterr().err


EVENTFUL = """\
policies:
  - name: opened
    resource: security-group
    mode: {type: cloudtrail, role: x, events: [{source: ec2.amazonaws.com, event: Opened, ids: "a"}]}
    conditions: [{type: event, key: detail.errorCode, value: absent}]
    filters:
      - {type: event, key: detail.userIdentity.type, value: IAMUser}
      - or: [{type: event, key: a, value: b}, {type: ingress, Ports: [22]}]
"""


def test_event_filters_are_right_where_the_mode_has_events(tmp_path, capsys):
    """Such a policy is right, only not for here: a note says so, and no strictness makes an error of it."""
    path = tmp_path / "eventful.yml"
    path.write_text(EVENTFUL)
    assert main(["policies", "check", str(path), "--strict"]) == 0
    out, err = capsys.readouterr()
    assert out == "1 policy, no errors, 1 note\n"
    assert f"{path}:4:18: note: a policy of the mode cloudtrail waits for events, and is not run here." in err
    assert main(["policies", "check", str(path), "--format", "github"]) == 0
    assert capsys.readouterr().out.startswith("::notice title=event-mode,")
    path.write_text(EVENTFUL.replace("Ports", "Prots"))
    assert main(["policies", "check", str(path)]) == 2, "other filters of such a policy are checked"
    assert "1 policy, 1 error, 1 note" in capsys.readouterr().err


@pytest.mark.parametrize("mode", ["", "    mode: {type: periodic, role: x, schedule: rate(1 day)}"])
def test_event_filters_are_errors_where_the_mode_has_none(tmp_path, mode, capsys):
    path = tmp_path / "eventless.yml"
    path.write_text(re.sub(r"    mode: .*", mode, EVENTFUL))
    assert main(["policies", "check", str(path)]) == 2
    assert capsys.readouterr().err.count("error: event filters need an event mode") == 3


def test_variables_fill_the_files(tmp_path, capsys):
    path, given = tmp_path / "filled.yml", tmp_path / "vars.json"
    path.write_text("policies: [{{name: old, resource: ebs, filters: [{{Size: {size}}}]}}]")
    given.write_text('{"size": 5}')
    assert main(["policies", "check", str(path), "--vars", str(given)]) == 0
    given.write_text('{"siz": 5}')
    assert main(["policies", "check", str(path), "--vars", str(given)]) == 2
    assert f'{path}:1:58: error: the variables have no "size". Did you mean "siz"?' in capsys.readouterr().err


def test_the_hook_runs_the_check():
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert hook["entry"] == "crenel policies check"
    assert {"id", "name", "language", "files"} <= set(hook)
