"""`--lookup-events`: an account's event history, as CloudTrail answers for it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crenel.cli import main
from crenel.collect.limits import rates
from tests.collect.conftest import credentials, stub
from tests.collect.stub import XML, Answer, Asked, Stub, error

from .test_run import alerts, record, rule, written

__all__ = ["credentials", "rule", "stub"]
NOW = datetime.now(UTC)
RECENT = f"{NOW - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"
REGIONS = {"us-east-1": "opt-in-not-required", "eu-west-1": "opt-in-not-required", "me-south-1": "not-opted-in"}
IDENTITY = (
    b"<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::111122223333:user/a</Arn>"
    b"<UserId>A</UserId><Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
)
History = dict[str, list[list[dict[str, Any]]]]


class Account:
    """An account with pages of events by Region; `denied` are Regions that refuse."""

    def __init__(self, pages: History) -> None:
        self.pages = pages
        self.denied: set[str] = set()
        self.requests: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, asked: Asked) -> Answer:
        if asked.operation == "GetCallerIdentity":
            return Answer(IDENTITY, kind=XML)
        if asked.operation == "DescribeRegions":
            items = "".join(
                f"<item><regionName>{name}</regionName><optInStatus>{state}</optInStatus></item>"
                for name, state in REGIONS.items()
            )
            answer = f"<DescribeRegionsResponse><regionInfo>{items}</regionInfo></DescribeRegionsResponse>"
            return Answer(answer.encode(), kind=XML)
        assert asked.operation == "LookupEvents"
        [region] = re.findall(r"/([a-z0-9-]+)/cloudtrail/aws4_request", asked.headers["authorization"])
        request = json.loads(asked.body)
        self.requests.append((region, request))
        if region in self.denied:
            return error("AccessDeniedException", "not yours")
        at = int(request.get("NextToken", "0"))
        pages = self.pages.get(region, [])
        events = [looked_up(each) for each in pages[at]] if at < len(pages) else []
        more = {"NextToken": str(at + 1)} if at + 1 < len(pages) else {}
        return Answer(json.dumps({"Events": events, **more}).encode())


def looked_up(event: dict[str, Any]) -> dict[str, Any]:
    """Return an event as LookupEvents has it."""
    time = datetime.fromisoformat(event["eventTime"]).timestamp()
    return {
        "EventId": event["eventID"], "EventName": event["eventName"], "EventTime": time, "Username": "alice",
        "Resources": [], "CloudTrailEvent": json.dumps(event),
    }  # fmt: skip


def stopped(event: str, region: str = "us-east-1", **more: Any) -> dict[str, Any]:
    return record("StopLogging", event, **{"eventTime": RECENT, "awsRegion": region, **more})


@pytest.fixture
def account(stub: Callable[[Any], Stub], monkeypatch: pytest.MonkeyPatch) -> Account:
    """Return an account with three pages of events in two Regions, that takes any number of calls."""
    made = Account({
        "us-east-1": [[stopped("e1"), stopped("e2")], [stopped("e3")]],
        "eu-west-1": [[stopped("e4", "eu-west-1"), record("DescribeTrails", "e5", eventTime=RECENT)]],
    })  # fmt: skip
    stub(made)
    monkeypatch.setattr("crenel.collect.session.rates", lambda: {"*": (10_000.0, 10_000)})
    return made


@pytest.fixture
def detect(rule: str) -> Callable[..., int]:
    return lambda *options: main(["detect", "--rules", rule, "--format", "ndjson", "--lookup-events", *options])


def ids(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return sorted(each["event_id"] for each in alerts(capsys))


def test_the_history_of_all_regions(account: Account, detect: Callable[..., int], capsys) -> None:
    """All pages of those that the account has opted in to."""
    assert detect() == 0

    found = capsys.readouterr()
    told = [json.loads(line) for line in found.out.splitlines()]
    assert sorted((each["event_id"], each["file"]) for each in told) == [
        ("e1", "lookup-events:111122223333/us-east-1/1"),
        ("e2", "lookup-events:111122223333/us-east-1/1"),
        ("e3", "lookup-events:111122223333/us-east-1/2"),
        ("e4", "lookup-events:111122223333/eu-west-1/1"),
    ]
    assert sorted(region for region, _ in account.requests) == ["eu-west-1", "us-east-1", "us-east-1"]
    assert all(request["MaxResults"] == 50 for _, request in account.requests)
    assert f"asking 2 Regions for events from {NOW - timedelta(days=90):%Y-%m-%d}" in found.err
    assert "in 5 events (3 files" in found.err


def test_only_what_is_wanted_is_asked_for(account: Account, detect: Callable[..., int], capsys) -> None:
    since = NOW - timedelta(days=2)

    assert detect("--quiet", "--region", "eu-west-1", "--since", f"{since:%Y-%m-%dT%H:%M:%S}") == 0
    assert ids(capsys) == ["e4"]
    [(region, request)] = account.requests
    assert region == "eu-west-1"
    assert request == {"StartTime": int(since.timestamp()), "MaxResults": 50}


def test_a_region_that_refuses_is_a_fault(account: Account, detect: Callable[..., int], capsys) -> None:
    """The others are looked through."""
    account.denied = {"eu-west-1"}

    assert detect("--quiet") == 4
    found = capsys.readouterr()
    assert len(found.out.splitlines()) == 3
    assert "lookup-events:111122223333/eu-west-1: byte 0: it can't be read: cloudtrail:LookupEvents: Acc" in found.err
    assert detect("--quiet", "--region", "me-south-1") == 4
    assert "me-south-1 is not enabled in the account" in capsys.readouterr().err


def test_files_and_the_history_together(account: Account, detect: Callable[..., int], tmp_path: Path, capsys) -> None:
    """What both have is told once."""
    log = written(tmp_path / "logs" / "a.json.gz", stopped("e1"), stopped("e6"))

    assert detect("--quiet", str(log)) == 0
    assert ids(capsys) == ["e1", "e2", "e3", "e4", "e6"]


def test_the_history_goes_into_the_lake(account: Account, tmp_path: Path, capsys) -> None:
    lake = str(tmp_path / "lake")

    assert main(["ingest", "--lake", lake, "--lookup-events"]) == 0
    assert "5 new of 5 events in 3 files" in capsys.readouterr().err
    assert main(["ingest", "--lake", lake, "--lookup-events"]) == 0
    assert "0 new of 5 events" in capsys.readouterr().err
    assert main(["ingest", "--lake", lake]) == 2
    assert "use --lookup-events" in capsys.readouterr().err


def test_what_the_history_does_not_have(account: Account, detect: Callable[..., int], tmp_path: Path, capsys) -> None:
    """An error before any call; with files beside it, which may go back further, it is asked for what it has."""
    assert detect("--since", f"{NOW - timedelta(days=120):%Y-%m-%d}") == 2
    assert "--since asks for more" in capsys.readouterr().err
    assert detect("--until", f"{NOW - timedelta(days=120):%Y-%m-%d}") == 2
    assert detect("--account", "444455556666") == 2
    assert "the credentials are of 111122223333" in capsys.readouterr().err
    assert detect("--region", "eu-west-11") == 2
    assert 'Did you mean "eu-west-1"?' in capsys.readouterr().err
    assert account.requests == []
    log = written(tmp_path / "a.json.gz", stopped("e1"))
    assert detect("--quiet", "--since", f"{NOW - timedelta(days=120):%Y-%m-%d}", str(log)) == 0


def test_a_profile_needs_something_to_ask(rule: str, tmp_path: Path, capsys) -> None:
    log = str(written(tmp_path / "a.json.gz", record("StopLogging")))

    assert main(["detect", "--rules", rule, "--profile", "audit", log]) == 2
    assert "--profile is for --lookup-events" in capsys.readouterr().err
    assert main(["detect", "--profile", "a", "--profile", "b", "s3://trail/"]) == 2
    assert "with one --profile" in capsys.readouterr().err
    assert main(["detect", "--follow", "--lookup-events", log]) == 2
    assert "--follow follows files" in capsys.readouterr().err


def test_half_of_what_aws_takes_is_asked() -> None:
    """AWS takes two calls a second for an account and Region; others may need them too."""
    assert rates()["cloudtrail:LookupEvents"].most == 1.0
