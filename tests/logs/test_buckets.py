"""Logs in S3: what is found, what is listed for it, and what is fetched."""

import gzip
import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from crenel.collect.calls import Caller
from crenel.errors import CredentialsError, UsageError
from crenel.logs import Wanted, find

from .material import event, events, native, read_in_chunks

ALL = Wanted()
OURS, THEIRS = "111122223333", "444455556666"


def key(account: str, region: str, day: int, number: int = 0, kind: str = "CloudTrail") -> str:
    name = f"{account}_{kind}_{region}_202611{day:02}T1005Z_{number:016}.json.gz"
    return f"AWSLogs/{account}/{kind}/{region}/2026/11/{day:02}/{name}"


@pytest.fixture
def put(aws: Callable[..., Any]) -> Callable[..., None]:
    """Return a function that puts objects into the bucket `logs`, each with an event of its own."""
    client = aws("s3")
    client.create_bucket(Bucket="logs")

    def putting(*keys: str, body: bytes = b"") -> None:
        for number, each in enumerate(keys, 1):
            data = body or gzip.compress(native([event(number)]))
            client.put_object(Bucket="logs", Key=each, Body=data, ContentEncoding="gzip")

    return putting


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Return the parameters of the calls that are made, with the operation. A page of a listing has 20 objects."""
    made: list[dict[str, Any]] = []
    call = Caller.call

    def watched(self: Caller, service: str, name: str, params: dict[str, Any], *others: Any, **more: Any) -> Any:
        made.append({"call": name, **params})
        if name == "ListObjectsV2":
            params = {"MaxKeys": 20, **params}
        return call(self, service, name, params, *others, **more)

    monkeypatch.setattr(Caller, "call", watched)
    return made


def found(*places: str, wanted: Wanted = ALL) -> list[str]:
    return [file.name.removeprefix("s3://logs/") for file in find(places, wanted)]


def test_a_bucket_of_trails(put: Callable[..., None], tmp_path: Path) -> None:
    """Of an account's and of an organisation's; digests, Insights and other services' logs are left out."""
    ours = [key(OURS, "eu-west-1", 19), key(OURS, "us-east-1", 20)]
    theirs = key(THEIRS, "us-east-1", 20).replace("AWSLogs/", "trail/AWSLogs/o-a1b2c3d4e5/")
    digest, insight = (key(OURS, "us-east-1", 20, kind=f"CloudTrail-{kind}") for kind in ("Digest", "Insight"))
    put(*ours, theirs, digest, insight, f"AWSLogs/{OURS}/vpcflowlogs/us-east-1/2026/11/20/x.log.gz", "README.md")
    files = find(["s3://logs"], ALL)

    names = list(files)
    assert [file.name for file in names] == [f"s3://logs/{each}" for each in [*ours, theirs]]
    assert files.skipped == 4
    records, faults = read_in_chunks(names, tmp_path / "chunks")
    assert records == events(3)
    assert faults == []


@pytest.mark.parametrize(
    "prefix",
    [
        "",
        "/",
        "/AWSLogs",
        "/AWSLogs/",
        f"/AWSLogs/{OURS}",
        f"/AWSLogs/{OURS}/CloudTrail/",
        f"/AWSLogs/{OURS}/CloudTrail/eu-",
        f"/AWSLogs/{OURS}/CloudTrail/eu-west-1/2026",
        f"/AWSLogs/{OURS}/CloudTrail/eu-west-1/2026/11/19/",
        "/" + key(OURS, "eu-west-1", 19),
    ],
)
def test_from_any_prefix(prefix: str, put: Callable[..., None]) -> None:
    put(key(OURS, "eu-west-1", 19))

    assert found(f"s3://logs{prefix}") == [key(OURS, "eu-west-1", 19)]
    near = Wanted(datetime(2026, 11, 19, 10, tzinfo=UTC), datetime(2026, 11, 19, 11, tzinfo=UTC))
    assert found(f"s3://logs{prefix}", wanted=near) == [key(OURS, "eu-west-1", 19)]


def test_only_what_is_wanted_is_listed(put: Callable[..., None], asked: list[dict[str, Any]]) -> None:
    """Neither the other account's folders nor the other days of a year."""
    put(*(key(account, region, day) for account in (OURS, THEIRS) for region in ("eu-west-1", "us-east-1")
          for day in range(1, 29)))  # fmt: skip
    since = datetime(2026, 11, 14, 9, tzinfo=UTC)
    wanted = Wanted(since, datetime(2026, 11, 14, 12, tzinfo=UTC), frozenset({OURS}), frozenset({"eu-west-1"}))

    # The files of the next day up to noon may have late events.
    assert found("s3://logs/AWSLogs/", wanted=wanted) == [key(OURS, "eu-west-1", day) for day in (14, 15)]
    listed = [call for call in asked if call["call"] == "ListObjectsV2" and "MaxKeys" not in call]
    assert [(each["Prefix"], each.get("StartAfter")) for each in listed] == [
        ("AWSLogs/", None),
        (f"AWSLogs/{OURS}/", None),
        (f"AWSLogs/{OURS}/CloudTrail/", None),
        (f"AWSLogs/{OURS}/CloudTrail/eu-west-1/", f"AWSLogs/{OURS}/CloudTrail/eu-west-1/2026/11/14"),
    ]


def test_listing_ends_behind_the_last_wanted_day(put: Callable[..., None], asked: list[dict[str, Any]]) -> None:
    put(*(key(OURS, "eu-west-1", 1, number) for number in range(21)))
    put(*(key(OURS, "eu-west-1", 9, number) for number in range(21)))
    until = datetime(2026, 11, 1, 12, tzinfo=UTC)

    assert len(found(f"s3://logs/AWSLogs/{OURS}/CloudTrail/eu-west-1/", wanted=Wanted(until=until))) == 21
    assert Counter(call["call"] for call in asked)["ListObjectsV2"] == 1 + 2


def test_places_within_each_other(put: Callable[..., None]) -> None:
    """Each file once."""
    keys = [key(OURS, "eu-west-1", 19), key(OURS, "us-east-1", 19)]
    put(*keys)

    assert found(f"s3://logs/{keys[1]}", "s3://logs/AWSLogs/", "s3://logs/AWSLogs/", "s3://logs/AWSLogs/1") == keys


def test_a_bucket_with_folders_of_its_own(put: Callable[..., None]) -> None:
    put("exported/day one/a&b.json.gz", "exported/é/c.ndjson", "exported/notes.txt", "exported/day one/")

    assert found("s3://logs/exported/") == ["exported/day one/a&b.json.gz", "exported/é/c.ndjson"]
    assert found("s3://logs/exported/notes.txt") == ["exported/notes.txt"]


def test_files_of_this_machine_and_of_s3(put: Callable[..., None], tmp_path: Path) -> None:
    put("a.json.gz")
    (tmp_path / "b.json").write_bytes(native([event(2)]))

    names = [file.name for file in find(["s3://logs/a", str(tmp_path / "b.json")], ALL)]
    assert names == [str(tmp_path / "b.json"), "s3://logs/a.json.gz"]


def test_many_files_are_fetched_side_by_side(put: Callable[..., None], tmp_path: Path, asked: list[Any]) -> None:
    """Ahead of whoever reads them, and each once."""
    keys = [key(OURS, "eu-west-1", day, number) for day in range(1, 5) for number in range(20)]
    put(*keys)
    records, faults = read_in_chunks(list(find(["s3://logs"], ALL)), tmp_path / "chunks", workers=2)

    assert sorted(each["eventID"] for each in records) == [each["eventID"] for each in events(80)]
    assert faults == []
    assert Counter(call["Key"] for call in asked if call["call"] == "GetObject") == Counter(keys)


def test_a_large_file_comes_in_ranges(
    put: Callable[..., None], tmp_path: Path, asked: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crenel.logs.buckets._RANGE", 1000)
    data = gzip.compress(native([event(number, requestID=f"{number * 7919 % 10007:x}") for number in range(1, 900)]), 1)
    put("large.json.gz", body=data)
    records, faults = read_in_chunks(list(find(["s3://logs/large.json.gz"], ALL)), tmp_path / "chunks")

    assert len(records) == 899
    assert faults == []
    ranges = [call["Range"] for call in asked if call["call"] == "GetObject"]
    assert ranges[:2] == ["bytes=0-999", "bytes=1000-1999"]
    assert len(ranges) == -(-len(data) // 1000)


def test_an_object_that_goes_away(put: Callable[..., None], aws: Callable[..., Any], tmp_path: Path) -> None:
    """Between the listing and the reading: a fault, and the others are read."""
    put("a.json.gz", "b.json.gz")
    files = list(find(["s3://logs"], ALL))
    first = [file.open() for file in files]  # what was fetched ahead
    for each in first:
        each.close()
    aws("s3").delete_object(Bucket="logs", Key="a.json.gz")

    records, [fault] = read_in_chunks(files, tmp_path / "chunks")

    assert records == [event(2)]
    assert fault.file == "s3://logs/a.json.gz"
    assert fault.message.startswith("it can't be read: s3:GetObject: NoSuchKey")


def test_places_that_are_not_there(put: Callable[..., None]) -> None:
    put("notes.txt")
    for place, message in (
        ("s3://logs/nowhere/", "s3://logs/nowhere/ names no object"),
        ("s3://nobodys", "can't list s3://nobodys/: s3:ListObjectsV2: NoSuchBucket"),
        ("s3://", "needs the name of a bucket"),
    ):
        with pytest.raises(UsageError, match=message):
            find([place], ALL)
    with pytest.raises(UsageError, match="there is no log file in s3://logs/"):
        list(find(["s3://logs"], ALL))


def test_without_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    with pytest.raises(CredentialsError, match="no AWS credentials were found"):
        find(["s3://logs"], ALL)


def test_whoever_stops_reading_ends_the_fetching(put: Callable[..., None]) -> None:
    put(*(key(OURS, "eu-west-1", 1, number) for number in range(50)))
    files = find(["s3://logs"], ALL)
    next(files)
    files.close()
    for thread in threading.enumerate():
        if thread.name.startswith("ThreadPoolExecutor"):
            thread.join(10)
            assert not thread.is_alive()
