"""`crenel compliance`, from a snapshot to what is read."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from crenel.catalog.load import catalog
from crenel.choice import choose
from crenel.cli import main
from crenel.judge.run import judge
from crenel.lake.snapshots import Lake
from crenel.policies.facts import facts
from crenel.report.compliance import section_name
from crenel.scan import ScanOptions
from crenel.standing import standing
from tests.remediate.snapshots import ACCOUNT, old_key, snapshot

OURS = """
id: ours
name: Our rules
version: "2"
sections: [{id: "1", title: People}, {id: "2", title: Disks}]
controls:
  - {id: "1.1", title: Keys are young, section: "1", severity: critical, policies: [iam-access-key-rotated]}
  - {id: "1.2", title: Nobody is forgotten, section: "1", manual: Ask who left.}
  - {id: "1.3", title: The root user has no key, section: "1", policies: [iam-root-no-access-key]}
  - {id: "2.1", title: Disks are encrypted, section: "2", policies: [ebs-attached-volume-encrypted]}
"""
VOLUME = {
    "_id": "vol-1",
    "VolumeId": "vol-1",
    "State": "in-use",
    "Encrypted": True,
    "Attachments": [{"InstanceId": "i"}],
}
SUMMARY = {"_id": ACCOUNT, "AccountId": ACCOUNT}


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """No line is broken where a test looks for it."""
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def ours(tmp_path: Path) -> str:
    path = tmp_path / "ours.yaml"
    path.write_text(OURS)
    return str(path)


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """A snapshot with a user whose key is old and an encrypted volume; the account itself was not read."""
    folder = tmp_path / "lake"
    snapshot(folder, {"iam-user": [old_key()], "ebs": [VOLUME]})
    return folder


def test_the_table_has_scores_states_and_reasons(lake, ours, capsys):
    assert main(["compliance", ours, "--lake", str(lake)]) == 0
    out = capsys.readouterr().out

    assert "Our rules 2" in out
    assert "1  People" in out
    assert "50%: 1 of 2 controls passed. In no score: 1 UNKNOWN, 1 MANUAL." in out
    assert "FAIL     1.1  Keys are young  critical\n           iam-access-key-rotated: 1 of 1 fail" in out
    assert "MANUAL   1.2  Nobody is forgotten\n           Ask who left." in out
    assert "iam-root-no-access-key: 1 UNKNOWN: aws.account was not collected in this snapshot" in out
    assert "PASS     2.1" in out


def test_what_the_snapshot_lacks_is_named_with_the_command_that_reads_it(lake, ours, capsys, monkeypatch):
    """In one line, to be copied, however narrow the terminal."""
    monkeypatch.setenv("COLUMNS", "60")
    main(["compliance", ours, "--lake", str(lake)])
    out = capsys.readouterr().out

    assert "This snapshot was read without aws.account." in out
    assert f"crenel scan --lake {lake} --framework {ours}\n" in out


def test_a_section_is_called_by_its_title_once():
    assert section_name("2.1", "Storage") == "2.1  Storage"
    assert section_name("IAM", "IAM") == "IAM"
    assert section_name("APIGateway", "API Gateway") == "API Gateway"


def test_json(lake, ours, capsys):
    assert main(["compliance", ours, "--lake", str(lake), "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    (framework,) = found["frameworks"]

    assert framework["score"] == {
        "value": 0.5, "fail": 1, "unknown": 1, "manual": 1, "waived": 0, "pass": 1, "not_applicable": 0,
    }  # fmt: skip
    assert framework["by_account"] == {ACCOUNT: framework["score"]}
    assert [each["state"] for each in framework["controls"]] == ["FAIL", "MANUAL", "UNKNOWN", "PASS"]
    assert framework["controls"][0]["policies"][0]["fail"] == 1
    assert [each["score"]["value"] for each in framework["sections"]] == [0.0, 1.0]
    assert found["missing"] == ["aws.account"]


def test_csv_and_markdown(lake, ours, capsys):
    assert main(["compliance", ours, "--lake", str(lake), "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["control"], row["state"], row["fail"]) for row in rows] == [
        ("1.1", "FAIL", "1"), ("1.2", "MANUAL", "0"), ("1.3", "UNKNOWN", "0"), ("2.1", "PASS", "0"),
    ]  # fmt: skip

    assert main(["compliance", ours, "--lake", str(lake), "--format", "markdown"]) == 0
    out = capsys.readouterr().out
    assert "| all controls | 50% | 1 | 1 | 1 | 1 | 0 | 0 |" in out
    assert "1 of 1 fail" in out


def test_an_exit_code_for_pipelines(lake, ours, tmp_path, capsys):
    """3 below the score that is asked for, 4 where there is no score at all."""
    assert main(["compliance", ours, "--lake", str(lake), "--fail-under", "50"]) == 0
    assert main(["compliance", ours, "--lake", str(lake), "--fail-under", "51"]) == 3
    assert "ours: 50% is less than 51%: 1 controls fail." in capsys.readouterr().err
    by_hand = tmp_path / "by-hand.yaml"
    by_hand.write_text('id: by-hand\nname: x\ncontrols: [{id: "1", title: x, manual: y}]\n')
    assert main(["compliance", str(by_hand), "--lake", str(lake), "--fail-under", "0"]) == 4


def test_without_a_framework_those_of_the_last_scan_are_shown(lake, ours, tmp_path, capsys):
    """As the scan judged them; where it was asked for none, or never came to judging, that is said."""
    found, damages = Lake(lake).latest()
    assert not damages
    assert main(["compliance", "--lake", str(lake)]) == 2
    assert "its scan ended before it judged" in capsys.readouterr().err
    for chosen, code in ((choose([ours]), 0), (choose(names=["iam-access-key-rotated"]), 2)):
        judged = judge(found, chosen.plans, catalog(), facts(), found.findings, spill=tmp_path, about=chosen.about())
        judged.close()
        assert main(["compliance", "--lake", str(lake)]) == code
    shown = capsys.readouterr()
    assert "Our rules 2" in shown.out
    assert "Name one: crenel compliance cis-7.0" in shown.err


def test_only_what_an_account_has(lake, ours, capsys):
    assert main(["compliance", ours, "--lake", str(lake), "--account", ACCOUNT]) == 0
    assert main(["compliance", ours, "--lake", str(lake), "--account", "999999999999"]) == 2
    assert "the snapshot does not have it" in capsys.readouterr().err


def test_accounts_have_scores_of_their_own(tmp_path, ours, capsys):
    other = "444455556666"
    young = old_key(
        "new", AccessKeys=[{"AccessKeyId": "AKIA", "Status": "Active", "CreateDate": "2026-11-01 00:00:00"}]
    )
    folder = tmp_path / "lake"
    snapshot(folder, {"iam-user": [old_key(), young | {"_account": other, "_owner": other}]})
    found = standing(ScanOptions(frameworks=(ours,), lake=folder))

    assert found.by_account["ours", ACCOUNT].value == 0
    assert found.by_account["ours", other].value == 1
    assert main(["compliance", ours, "--lake", str(folder)]) == 0
    assert "Account" in capsys.readouterr().out
    assert standing(ScanOptions(frameworks=(ours,), lake=folder), [other]).frameworks[0].score.value == 1


def test_a_level_above_fail_on_is_the_controls(lake, ours):
    """The finding has the severity that the framework's control has: critical here, medium for the policy itself.

    (4: a snapshot made by hand does not say that it is complete.)
    """
    words = ["scan", "--offline", "--lake", str(lake), "--fail-on", "critical"]

    assert main([*words, "--framework", ours, "--policy", "iam-access-key-rotated"]) == 3
    assert main([*words, "--policy", "iam-access-key-rotated"]) == 4
