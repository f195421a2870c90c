"""`crenel run`: policies in, folders and documents out, against an endpoint that answers as told."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from crenel.report.folders import JsonList, written
from tests.cli.conftest import ACCOUNT, ENABLED, PUBLIC, ROTATED, listed

# --- what is written


def test_a_folder_a_policy(run, tmp_path):
    out = tmp_path / "out"
    assert run("-s", str(out), policies=ENABLED + PUBLIC) == 0
    assert sorted(path.name for path in out.iterdir()) == ["enabled", "public"]
    assert sorted(path.name for path in (out / "enabled").iterdir()) == [
        "custodian-run.log", "metadata.json", "resources.json",
    ]  # fmt: skip
    assert [document["KeyId"] for document in listed(out / "enabled")] == ["k2", "k0"]  # as AWS listed them
    metadata = json.loads((out / "enabled" / "metadata.json").read_text())
    assert metadata["policy"]["filters"][0] == {"Enabled": True}
    assert metadata["config"]["account_id"] == ACCOUNT
    assert metadata["config"]["region"] == "us-east-1"
    assert metadata["config"]["regions"] == ["us-east-1"]
    assert metadata["api-stats"]["kms.ListKeys"] == 1
    counts = {metric["MetricName"]: metric["Value"] for metric in metadata["metrics"]}
    assert counts["ResourceCount"] == 2
    log = (out / "enabled" / "custodian-run.log").read_text()
    line = r"policy:enabled resource:aws\.kms-key region:us-east-1 count:2 time:\d+\.\d\d\n$"
    assert re.search(r"^[-\d]+ [:,\d]+ - custodian\.policy - INFO - " + line, log, re.MULTILINE)


def test_documents_are_in_the_shape_of_aws(run, tmp_path):
    assert run("-s", str(tmp_path / "out"), policies=ENABLED) == 0
    document = listed(tmp_path / "out" / "enabled")[0]
    assert document["CreationDate"] == "2023-11-14T22:13:20+00:00"
    assert document["c7n:MatchedFilters"] == ["Enabled", "KeyManager"]
    assert document["AliasNames"] == ["alias/2"]
    assert not [name for name in document if name.startswith("_")]
    assert None not in document.values()
    assert "KeyRotationStatus" not in document


def test_documents_do_not_depend_on_other_policies(run, tmp_path):
    assert run("-s", str(tmp_path / "out"), policies=ENABLED + ROTATED) == 0
    assert "KeyRotationStatus" not in listed(tmp_path / "out" / "enabled")[0]
    assert listed(tmp_path / "out" / "rotated") == []


def test_one_collection_for_all_policies(run, aws):
    more = "".join(f"\n  - {{name: all-{n}, resource: kms-key}}" for n in range(20))
    assert run(policies=ENABLED + more) == 0
    assert [asked.operation for asked in aws.asked].count("ListKeys") == 1
    assert [asked.operation for asked in aws.asked].count("DescribeKey") == 3


def test_many_resources_are_written_as_they_come(run, answers, tmp_path):
    many = [{"ReplicationInstanceIdentifier": f"dms-{n}", "EngineVersion": "x" * 400} for n in range(3_000)]
    answers["DescribeReplicationInstances"] = {"ReplicationInstances": many}
    assert run("-s", str(tmp_path / "out"), policies="  - {name: all, resource: dms-instance}") == 0
    assert [each["ReplicationInstanceIdentifier"] for each in listed(tmp_path / "out" / "all")] == [
        each["ReplicationInstanceIdentifier"] for each in many
    ]


def test_json_on_standard_output(run, capsys):
    assert run("--json", policies=PUBLIC + ENABLED) == 0
    found = json.loads(capsys.readouterr().out)
    assert [each.get("ReplicationInstanceIdentifier") or each["KeyId"] for each in found] == ["dms-1", "k2", "k0"]


def test_ids_on_standard_output(run, capsys):
    assert run("--format", "ids", policies=PUBLIC + ENABLED) == 0
    assert json.loads(capsys.readouterr().out) == ["dms-1", "k2", "k0"]


def test_an_empty_list_is_json_too(run, capsys):
    assert run("--json", policies="  - {name: none, resource: dms-instance, filters: [{EngineVersion: no}]}") == 0
    assert json.loads(capsys.readouterr().out) == []


def test_a_summary_without_a_folder(run, capsys):
    assert run(policies=ENABLED) == 0
    out, err = capsys.readouterr()
    assert re.search(r"^enabled +aws\.kms-key +us-east-1 +2$", out, re.MULTILINE)
    assert err == ""


@pytest.mark.parametrize(
    ("words", "policies", "last"),
    [
        ("", "ENABLED", "1 policy ran in {account} and selected 2 resources in T s; without -s nothing was kept."),
        ("-s out", "ENABLED+PUBLIC", "2 policies ran in {account} and selected 3 resources in T s; {there}."),
        ("-s out", "DENIED+PUBLIC", "1 policy ran in {account} and selected 1 resource in T s, 1 failed; {there}."),
        ("-s out", "DENIED", "No policy ran in {account}, 1 failed; the logs are in {out}."),
        ("-s out", "BAD+LATE", "No policy ran in {account}, 1 failed, 1 left out; nothing was written."),
        (
            "-s out -r us-east-1 -r eu-west-1",
            "PUBLIC",
            "1 policy ran in 2 Regions of {account} and selected 2 resources in T s; {there}.",
        ),
    ],
)
def test_the_last_line_says_it_all(run, tmp_path, words, policies, last, capsys):
    texts = {
        "ENABLED": ENABLED,
        "PUBLIC": PUBLIC,
        "DENIED": "\n  - {name: denied, resource: rds}",
        "BAD": "\n  - {name: bad, resource: kms-key, filters: [{type: no-such-filter}]}",
        "LATE": "\n  - {name: late, resource: kms-key, conditions: [{region: eu-west-1}]}\n",
    }
    out = str(tmp_path / "out")
    run(*words.replace("out", out).split(), policies="".join(texts[word] for word in policies.split("+")))
    told = re.sub(r"\d+\.\d s", "T s", capsys.readouterr().out.splitlines()[-1])
    assert told == last.format(account=f"account {ACCOUNT}", out=out, there=f"the results are in {out}")


def test_a_later_run_replaces_what_is_its_own(run, answers, tmp_path):
    out = tmp_path / "out"
    assert run("-s", str(out), policies=ENABLED) == 0
    (out / "enabled" / "notes.txt").write_text("mine")
    del answers["ListKeys"]
    assert run("-s", str(out), policies=ENABLED) == 2
    assert sorted(path.name for path in (out / "enabled").iterdir()) == [
        "custodian-run.log", "metadata.json", "notes.txt",
    ]  # fmt: skip


def test_placeholders_in_the_folder_s_name(run, tmp_path):
    assert run("-s", f"{tmp_path}/{{account_id}}/{{now:%Y}}/{{policy_name}}", policies=PUBLIC) == 0
    assert listed(tmp_path / ACCOUNT / "2026" / "public")


@pytest.mark.parametrize("out", ["s3://bucket/prefix", "{tmp}/{nonsense}"])
def test_a_folder_that_can_not_be(run, tmp_path, out, capsys):
    assert run("-s", out.replace("{tmp}", str(tmp_path)), policies=PUBLIC) == 2
    assert "-s" in capsys.readouterr().err
    assert not Path("s3:").exists()


def test_two_policies_in_one_folder_are_refused(run, tmp_path, capsys):
    assert run("-s", f"{tmp_path}/{{region}}", policies=PUBLIC + ENABLED) == 2
    assert "would both write to" in capsys.readouterr().err


def test_a_folder_that_can_not_be_written(run, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert run("-s", str(tmp_path / "file" / "out"), policies=PUBLIC) == 2
    assert "can't write into" in capsys.readouterr().err


def test_a_full_disk(run, tmp_path, monkeypatch, capsys):
    def full(self: JsonList) -> None:
        with written(self.path):
            raise OSError(errno.ENOSPC, "No space left on device", str(self.path))

    monkeypatch.setattr(JsonList, "flush", full)
    assert run("-s", str(tmp_path / "out"), policies=PUBLIC) == 2
    err = capsys.readouterr().err
    assert re.search(r"Error: can't write .*resources\.json: No space left on device\. Make room", err)
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize("words", ["run --json -s out", "policies list", "policies check --format json", "--help"])
def test_standard_output_that_is_full(run, aws, tmp_path, words):
    """A process of its own, since only one whose standard output is the full device meets it as users do."""
    (tmp_path / "p.yml").write_text(f"policies:\n{PUBLIC}")
    given = [*words.split(), *(["p.yml"] if words.startswith(("run", "policies check")) else [])]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "crenel", *given, *(["-q", "--account-id", ACCOUNT] if given[0] == "run" else [])],
            stdout=full, stderr=subprocess.PIPE, text=True, cwd=tmp_path, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (2, "Error: can't write to standard output: No space left on device.\n")


def test_a_killed_run_s_folder_goes_with_the_next_run(run, tmp_path):
    """Only that of a killed one: the lock in a folder is held as long as its run lives."""
    out = tmp_path / "out"
    killed, living, old = (out / f".crenel-run-{name}" for name in ("killed", "living", "old"))
    for folder in (killed, living, old):
        folder.mkdir(parents=True)
    (killed / "lock").touch()
    os.utime(old, (0, 0))  # killed before it had a lock
    with (living / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert run("-s", str(out), policies=PUBLIC) == 0
    assert sorted(path.name for path in out.iterdir()) == [".crenel-run-living", "public"]
    assert run("-s", str(out), policies=PUBLIC) == 0
    assert [path.name for path in out.iterdir()] == ["public"]


def test_ctrl_c_leaves_nothing(run, answers, tmp_path, monkeypatch):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("crenel.run.regional.laid_out", interrupt)
    assert run("-s", str(tmp_path / "out"), policies=PUBLIC) == 130
    assert run(policies=PUBLIC) == 130
    assert list((tmp_path / "out").iterdir()) == list((tmp_path / "temporary").iterdir()) == []


# --- what could not be read


def test_a_denied_listing_is_the_policy_s_error_alone(run, answers, tmp_path, capsys):
    del answers["ListKeys"]
    assert run("-s", str(tmp_path / "out"), policies=ENABLED + PUBLIC) == 2
    assert "Error: enabled (us-east-1): aws.kms-key can't be listed" in capsys.readouterr().err
    assert not (tmp_path / "out" / "enabled" / "resources.json").exists()
    assert "AccessDenied" in (tmp_path / "out" / "enabled" / "custodian-run.log").read_text()
    assert len(listed(tmp_path / "out" / "public")) == 1


GROUPED = """
  - name: grouped
    resource: dms-instance
    filters: [{type: security-group, key: GroupName, value: web}]
"""


def test_a_denied_listing_of_a_related_type_counts_as_empty_and_is_reported(run, answers, tmp_path, capsys):
    """Cloud Custodian may ask less, or by id: where it goes on, so does this, and says of what the answer is open."""
    (first, _) = answers["DescribeReplicationInstances"]["ReplicationInstances"]
    first["VpcSecurityGroups"] = [{"VpcSecurityGroupId": "sg-1"}]
    assert run("-s", str(tmp_path / "out"), policies=GROUPED) == 0
    assert "it decides whether 1 resource matches" in capsys.readouterr().err
    folder = tmp_path / "out" / "grouped"
    assert listed(folder) == []
    assert [each["id"] for each in json.loads((folder / "gaps.json").read_text())["undecided"]] == ["dms-1"]


def test_a_denied_listing_that_decides_nothing_is_no_error(run, tmp_path, capsys):
    assert run("-s", str(tmp_path / "out"), policies=GROUPED) == 0
    assert "no match depends on it" in capsys.readouterr().err
    assert listed(tmp_path / "out" / "grouped") == []


def test_a_denied_detail_counts_as_absent_and_is_reported(run, answers, tmp_path, capsys):
    del answers["GetKeyRotationStatus"]
    absent = "  - {name: absent, resource: kms-key, filters: [{type: key-rotation-status, key: X, value: absent}]}"
    absent = absent.replace("key: X", "key: KeyRotationEnabled")
    assert run("-s", str(tmp_path / "out"), policies=ROTATED + absent + ENABLED) == 0
    assert (len(listed(tmp_path / "out" / "rotated")), len(listed(tmp_path / "out" / "absent"))) == (0, 3)
    report = json.loads((tmp_path / "out" / "rotated" / "gaps.json").read_text())
    assert {gap["call"] for gap in report["gaps"]} == {"kms:GetKeyRotationStatus"}
    assert [each["id"] for each in report["undecided"]] == ["k2", "k1", "k0"]
    assert "AccessDenied" in report["undecided"][0]["reason"]
    assert not (tmp_path / "out" / "enabled" / "gaps.json").exists()
    err = capsys.readouterr().err
    assert "Warning: rotated (us-east-1): could not read everything: kms:GetKeyRotationStatus" in err
    assert "it decides whether 3 resources match" in err
    assert "could not read everything" in (tmp_path / "out" / "rotated" / "custodian-run.log").read_text()


def test_what_a_gap_does_not_decide(run, answers, tmp_path):
    del answers["GetKeyRotationStatus"]
    both = ROTATED.replace("filters: [", "filters: [{KeyId: k1}, ")
    assert run("-s", str(tmp_path / "out"), policies=both) == 0
    report = json.loads((tmp_path / "out" / "rotated" / "gaps.json").read_text())
    assert [each["id"] for each in report["undecided"]] == ["k1"]


# --- which policies


def test_a_broken_policy_is_an_error_of_its_own(run, tmp_path, capsys):
    broken = "  - {name: broken, resource: kms-key, filters: [{type: no-such-filter}]}"
    odd = "  - {name: odd, resource: no-such-type}"
    assert run("-s", str(tmp_path / "out"), policies=[broken, odd + PUBLIC, "policies: [", "[]"]) == 2
    err = capsys.readouterr().err
    assert "broken: " in err
    assert 'no filter "no-such-filter"' in err
    assert 'no resource type "no-such-type"' in err
    assert "policies-2.yml:" in err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["public"]


def test_a_mistake_that_custodian_takes_is_a_warning(run, tmp_path, capsys):
    assert run("-s", str(tmp_path / "out"), policies=PUBLIC.replace("PubliclyAccessible", "PublicAccessible")) == 0
    assert re.search(r"Warning: .*policies-0\.yml:5:\d+: .*PublicAccessible", capsys.readouterr().err)
    assert listed(tmp_path / "out" / "public") == []


def test_an_event_mode_says_what_it_would_need(run, capsys):
    late = PUBLIC + "    mode: {type: cloudtrail, role: x, events: [RunInstances]}\n"
    assert run(policies=[late]) == 2
    assert "of the mode cloudtrail and would need the CloudTrail events" in capsys.readouterr().err
    assert run(policies=[PUBLIC + "    mode: {type: periodic, role: x, schedule: rate(1 day)}\n"]) == 0


def test_a_name_twice_is_an_error(run, capsys):
    assert run(policies=[PUBLIC, PUBLIC]) == 2
    assert '"public" stands in' in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "chosen"),
    [
        ("-p en*", ["enabled"]),
        ("-p public -p enabled", ["enabled", "public"]),
        ("-t crypto", ["enabled"]),
        ("--resource aws.dms-instance", ["public"]),
        ("-t crypto -p pub*", []),
    ],
)
def test_the_choice(run, tmp_path, words, chosen, capsys):
    code = run("-s", str(tmp_path / "out"), *words.split(), policies=ENABLED + PUBLIC)
    assert code == (0 if chosen else 2)
    assert sorted(path.name for path in (tmp_path / "out").glob("*")) == chosen
    assert chosen or "no policy has a name like pub* and the tag crypto" in capsys.readouterr().err


@pytest.mark.parametrize(("limit", "code"), [("2", 0), ("1", 2), ("{percent: 50, op: or}", 2), ("{percent: 70}", 0)])
def test_too_many_resources(run, tmp_path, limit, code, capsys):
    assert run("-s", str(tmp_path / "out"), policies=f"{ENABLED}    max-resources: {limit}\n") == code
    assert (tmp_path / "out" / "enabled" / "resources.json").exists() == (code == 0)
    assert ("over its limit" in capsys.readouterr().err) == (code == 2)


def test_conditions_decide_whether_it_runs(run, aws, tmp_path, capsys):
    late = "  - {name: late, resource: kms-key, conditions: [{region: eu-west-1}]}\n"
    assert run("-s", str(tmp_path / "out"), policies=late + PUBLIC) == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["public"]
    assert "ListKeys" not in [asked.operation for asked in aws.asked]


def test_placeholders_and_variables(run, tmp_path, capsys):
    (tmp_path / "text.json").write_text('{"id": "dms-2"}')
    (tmp_path / "late.yml").write_text("id: dms-1")
    policy = "  - {name: one, resource: dms-instance, filters: [{ReplicationInstanceIdentifier: 'ID'}]}"
    assert run("--format", "ids", "--vars-file", str(tmp_path / "late.yml"), policies=policy.replace("ID", "{id}")) == 0
    assert json.loads(capsys.readouterr().out) == ["dms-1"]
    text = policy.replace("{", "{{").replace("}", "}}").replace("ID", "{id}")
    assert run("--format", "ids", "--vars", str(tmp_path / "text.json"), policies=text) == 0
    assert json.loads(capsys.readouterr().out) == ["dms-2"]


def test_the_clock_is_given(run, capsys):
    age = "{type: value, key: CreationDate, value_type: age, op: gt, value: 1}"
    old = f"  - {{name: old, resource: kms-key, filters: [{age}]}}"
    assert run("--json", "--now", "2023-11-15T00:00", policies=old) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert run("--json", "--now", "2023-11-17", policies=old) == 0
    assert len(json.loads(capsys.readouterr().out)) == 3
