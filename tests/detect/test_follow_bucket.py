"""`crenel detect --follow` of a bucket: what is listed for it, what comes late, and what is denied for a while."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from crenel.collect.calls import Caller
from crenel.errors import CallError
from tests.collect.conftest import aws, credentials, moto_server

from .following import World
from .test_run import record

__all__ = ["aws", "credentials", "moto_server"]
REGION = "AWSLogs/111122223333/CloudTrail/eu-west-1/"
HOUR, DAY = 3600.0, 86_400.0


@pytest.fixture
def world(tmp_path: Path, aws: Callable[..., Any]) -> World:
    aws("s3").create_bucket(Bucket="trail")
    return World(tmp_path, places=("s3://trail/AWSLogs/",))


@pytest.fixture
def put(aws: Callable[..., Any]) -> Callable[..., None]:
    """Return a function that delivers an event in a file of a time."""

    def deliver(at: float, event: str) -> None:
        time = datetime.fromtimestamp(at, UTC)
        name = f"111122223333_CloudTrail_eu-west-1_{time:%Y%m%dT%H%M}Z_{event}.json.gz"
        body = gzip.compress(json.dumps({"Records": [record("StopLogging", event)]}).encode())
        aws("s3").put_object(Bucket="trail", Key=f"{REGION}{time:%Y/%m/%d}/{name}", Body=body)

    return deliver


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Return the calls that are made: the operation, and where a listing begins or which object is read."""
    made: list[tuple[str, str]] = []
    call = Caller.call

    def watched(self: Caller, service: str, name: str, params: dict[str, Any], *others: Any, **more: Any) -> Any:
        made.append((name, params.get("Key") or params.get("StartAfter", "").removeprefix(REGION)))
        return call(self, service, name, params, *others, **more)

    monkeypatch.setattr(Caller, "call", watched)
    return made


def events(world: World) -> list[str]:
    return [each["event_id"] for each in world.alerts()]


def test_each_file_is_fetched_once(world: World, put: Callable[..., None], calls: list[tuple[str, str]]) -> None:
    """Those that come late too; an empty bucket is followed until there is something."""
    assert world.follow() == []
    world.follow(3, lambda number: put(world.now - 300, f"e{number}"))
    put(world.now - 20 * HOUR, "late")
    world.follow(2)

    assert events(world) == ["e0", "e1", "e2", "late"]
    assert len([key for call, key in calls if call == "GetObject"]) == 4


def test_a_pass_lists_the_last_days_alone(world: World, put: Callable[..., None], calls: list[tuple[str, str]]) -> None:
    """But the first one, and every six hours one, goes back as far as CloudTrail delivers again."""
    put(world.now - 60 * DAY, "old")

    def starts() -> list[str]:
        found = [begin for call, begin in calls if call == "ListObjectsV2" and begin]
        calls.clear()
        return found

    def later(number: int) -> None:
        world.now += number * 3 * HOUR
        if number == 1:
            put(world.now - 20 * DAY, "redelivered")
        assert events(world) == ["old"]

    world.follow(2)
    assert events(world) == ["old"]
    assert starts() == ["2026/05/31"]  # the pass after the first, at ten o'clock of 1 June
    world.follow(3, later)
    assert starts() == ["2026/05/01", "2026/05/31", "2026/05/01"]
    assert events(world) == ["old", "redelivered"]


def test_a_denied_bucket_is_asked_again(
    world: World, put: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading that is denied is said once, and done when it is allowed."""
    put(world.now - 300, "e1")
    call = Caller.call

    def denied(self: Caller, service: str, name: str, *others: Any, **more: Any) -> Any:
        if name == "GetObject":
            raise CallError("s3:GetObject", "AccessDenied", "no")
        return call(self, service, name, *others, **more)

    with monkeypatch.context() as patch:
        patch.setattr(Caller, "call", denied)
        [said] = world.follow(3)
    assert "s3:GetObject: AccessDenied: no. It is tried again." in said
    assert events(world) == []
    world.follow()
    assert events(world) == ["e1"]
