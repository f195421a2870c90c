"""`crenel run`: in which Regions, of which account, and out of the cache."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from crenel.cli import main
from crenel.errors import UsageError
from crenel.judge.selecting import select
from tests.cli.conftest import ACCOUNT, ENABLED, PUBLIC, ROTATED, listed
from tests.collect.stub import Answer, Stub

# --- where


def test_several_regions(run, tmp_path):
    everywhere = PUBLIC + "  - {name: account, resource: account}\n"
    assert run("-s", str(tmp_path / "out"), "-r", "us-east-1", "-r", "eu-west-1", policies=everywhere) == 0
    found = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").glob("*/*"))
    assert found == ["eu-west-1/public", "us-east-1/account", "us-east-1/public"]


def test_what_shows_in_many_regions_is_read_at_home(run, answers, tmp_path):
    trail = {"Name": "t", "TrailARN": f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/t", "HomeRegion": "us-east-1"}
    answers |= {"DescribeTrails": {"trailList": [trail]}, "GetTrailStatus": {"IsLogging": True}}
    answers["ListTags"] = {"ResourceTagList": []}
    logging = "  - {name: logs, resource: cloudtrail, filters: [{type: status, key: IsLogging, value: true}]}"
    assert run("-s", str(tmp_path / "out"), "-r", "eu-west-1", "-r", "us-east-1", policies=logging) == 0
    for region in ("eu-west-1", "us-east-1"):
        assert [each["Name"] for each in listed(tmp_path / "out" / region / "logs")] == ["t"]
        assert not (tmp_path / "out" / region / "logs" / "gaps.json").exists()


def test_one_that_the_engine_can_not_run_spares_the_others(run, tmp_path, monkeypatch, capsys):
    def picky(bench: Any, source: Any, questions: Any) -> Any:
        if any(question.plan.policy == "bad" for question in questions):
            raise UsageError("the engine says no")
        yield from select(bench, source, questions)

    monkeypatch.setattr("crenel.run.regional.select", picky)
    assert run("-s", str(tmp_path / "out"), policies=ENABLED + "  - {name: bad, resource: kms-key}") == 2
    assert "Error: bad (us-east-1): the engine says no" in capsys.readouterr().err
    assert len(listed(tmp_path / "out" / "enabled")) == 2
    assert not (tmp_path / "out" / "bad" / "resources.json").exists()


def test_without_any_region(run, monkeypatch, capsys):
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert run(policies=PUBLIC) == 2
    assert "no Region is named" in capsys.readouterr().err


def test_a_number_that_is_none(run, capsys):
    assert run("--account-id", "../x", policies=PUBLIC) == 2
    assert "12 digits" in capsys.readouterr().err


def test_a_region_that_is_none(run, capsys):
    assert run("-r", "eu-west-11", policies=PUBLIC) == 2
    assert 'no AWS Region "eu-west-11". Did you mean "eu-west-1"?' in capsys.readouterr().err


def test_without_a_number_the_account_is_asked(aws, answers, tmp_path, capsys):
    identity = (
        '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
        "<Arn>arn:aws:iam::444455556666:user/x</Arn><UserId>x</UserId><Account>444455556666</Account>"
        "</GetCallerIdentityResult></GetCallerIdentityResponse>"
    )
    answers["GetCallerIdentity"] = Answer(identity.encode(), kind="text/xml")
    (tmp_path / "p.yml").write_text(f"policies:\n{PUBLIC}")
    assert main(["run", "-q", str(tmp_path / "p.yml")]) == 0
    assert "1 policy ran in account 444455556666 " in capsys.readouterr().out


# --- the cache


def _asked(aws: Stub, work: Callable[[], object]) -> int:
    before = len(aws.asked)
    work()
    return len(aws.asked) - before


def test_a_young_snapshot_is_taken(aws, answers, tmp_path, capsys):
    (tmp_path / "p.yml").write_text(f"policies:\n{ENABLED}{PUBLIC}")

    def run(*words: str) -> Callable[[], object]:
        cache = ("--cache", str(tmp_path / "cache"), "--account-id", ACCOUNT)
        return lambda: main(["run", *cache, *words, str(tmp_path / "p.yml")])

    assert _asked(aws, run()) > 0
    capsys.readouterr()
    assert _asked(aws, run()) == 0
    assert "the cache has a snapshot that is 0 minutes old" in capsys.readouterr().err
    assert _asked(aws, run("-p", "public")) == 0
    assert _asked(aws, run("--cache-period", "0")) > 0
    assert _asked(aws, run("-r", "eu-west-1", "-p", "public")) > 0
    (tmp_path / "p.yml").write_text(f"policies:\n{ROTATED}")
    assert _asked(aws, run()) > 0  # it reads more


def test_a_snapshot_with_gaps_is_not_taken(aws, answers, tmp_path):
    del answers["GetKeyRotationStatus"]
    (tmp_path / "p.yml").write_text(f"policies:\n{ROTATED}")
    words = ["run", "-q", "--cache", str(tmp_path / "cache"), "--account-id", ACCOUNT, str(tmp_path / "p.yml")]
    assert _asked(aws, lambda: main(words)) > 0
    assert _asked(aws, lambda: main(words)) > 0
