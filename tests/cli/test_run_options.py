"""`crenel run` with the options of `custodian run`: a command line that people have works, or says why not."""

from __future__ import annotations

import json
import re

import pytest

from crenel.cli import main
from tests.cli.conftest import ACCOUNT, ENABLED, NOW, PUBLIC, listed


@pytest.fixture
def file(aws, tmp_path, monkeypatch):
    """A file of policies in the folder where the commands run."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "policies.yml"
    path.write_text(f"policies:\n{ENABLED}{PUBLIC}")
    return path


def start(*words: str) -> int:
    return main(["run", "--account-id", ACCOUNT, "--now", NOW, *words])


def notes(err: str) -> list[str]:
    """Return the options that a note speaks of."""
    return re.findall(r"^Note: (\S+) has no effect here: .+\.$", err, re.MULTILINE)


def test_a_command_line_of_custodian_s_runs(file, tmp_path, capsys):
    words = "-m aws -l /custodian/log --trace=xray --skip-validation --debug --dryrun --cache-period 0 -s out"
    assert start(*words.split(), "-c", file.name) == 0
    assert [document["KeyId"] for document in listed(tmp_path / "out" / "enabled")] == ["k2", "k0"]
    told = notes(capsys.readouterr().err)
    assert sorted(told) == ["--debug", "--log-group", "--metrics-enabled", "--skip-validation", "--trace"]


@pytest.mark.parametrize("option", ["-m", "--metrics-enabled", "--trace", "--tracer"])
def test_what_they_take_may_be_left_out(file, option, capsys):
    assert start(option, "-c", file.name) == 0
    assert len(notes(capsys.readouterr().err)) == 1


def test_quiet_keeps_the_notes_to_itself(file, capsys):
    assert start("-qqq", "--skip-validation", file.name) == 0
    assert capsys.readouterr().err == ""


def test_verbose_adds_a_line_a_policy(file, capsys):
    assert start(file.name) == 0
    assert "policy:enabled" not in capsys.readouterr().err
    assert start("-vv", file.name) == 0
    out, err = capsys.readouterr()
    assert "policy:enabled resource:aws.kms-key region:us-east-1 count:2" in err
    assert "2 policies ran" in out


def test_files_may_stand_behind_an_option(file, tmp_path, capsys):
    (tmp_path / "more.yml").write_text("policies: [{name: more, resource: kms-key}]")
    assert start("-q", "--format", "ids", "--config", "more.yml", "-p", "more", file.name) == 0
    assert len(json.loads(capsys.readouterr().out)) == 3


@pytest.mark.parametrize("words", ["-p policies.yml", "--policies policies.yml", "-f policies.yml policies.yml"])
def test_a_file_of_policies_in_the_wrong_place(file, words, capsys):
    """`-p` chooses by name and `-f` is the cache, with Cloud Custodian too; other tools have them for the file."""
    assert start(*words.split()) == 2
    assert "policies.yml is a file of policies. Policy files stand by themselves" in capsys.readouterr().err


def test_no_file_at_all(capsys):
    assert start("-s", "out") == 2
    assert "Missing argument 'PATH...'" in capsys.readouterr().err


@pytest.mark.parametrize("cache", ["memory", "custodian.cache"])
def test_a_cache_of_custodian_s_is_left_alone(file, tmp_path, cache, capsys):
    (tmp_path / "custodian.cache").write_bytes(b"SQLite")
    assert start("-f", cache, file.name) == 0
    assert f"Note: the cache is a folder here, and {cache} is none: nothing is kept." in capsys.readouterr().err
    assert (tmp_path / "custodian.cache").read_bytes() == b"SQLite"
    assert not (tmp_path / "memory").exists()


@pytest.mark.parametrize(
    ("words", "instead"),
    [
        ("--assume arn:aws:iam::1:role/audit", "role_arn = arn:aws:iam::1:role/audit and source_profile"),
        ("--external-id secret", "external_id = secret"),
        ("--session-policy policy.json", "Only reads are made"),
    ],
)
def test_other_rights_are_refused_with_what_to_do_instead(file, aws, words, instead, capsys):
    assert start(*words.split(), file.name) == 2
    err = capsys.readouterr().err
    assert f"Error: {words.split()[0]} can't be taken" in err
    assert instead in err
    assert not aws.asked
