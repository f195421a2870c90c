"""`crenel trail validate` over buckets: metadata, what is listed and asked, keys of CloudTrail, what is denied."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crenel.cli import main
from crenel.collect.calls import Caller
from crenel.errors import CallError, UsageError
from crenel.logs.model import Wanted
from crenel.trail import Outcome, Problem, Status, validate
from tests.collect.stub import Answer, Asked, Stub, error

from .material import ACCOUNT, HOUR, START, Trail, key_list, private_key

ALL = Wanted()


@pytest.fixture
def keys(tmp_path: Path) -> list[Path]:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps(key_list(private_key())))
    return [path]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """The calls that are made. A page of a listing has 20 objects; calls for what is in `denied` are denied."""
    made: list[tuple[str, dict[str, Any]]] = []
    call = Caller.call

    def watched(self: Caller, service: str, name: str, params: dict[str, Any], *others: Any, **more: Any) -> Any:
        made.append((f"{service}:{name}", dict(params)))
        if name == "ListObjectsV2":
            params = {"MaxKeys": 20, **params}
        return call(self, service, name, params, *others, **more)

    monkeypatch.setattr(Caller, "call", watched)
    return made


@pytest.fixture
def cloudtrail(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that has CloudTrail answer as told; S3 is moto's."""
    stubs = []

    def start(answer: Callable[[Asked], Answer]) -> Stub:
        running = Stub(answer).running()
        stubs.append(running)
        server = running.__enter__()
        monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDTRAIL", server.url)
        return server

    yield start
    for each in stubs:
        each.__exit__(None, None, None)


def problems(outcome: Outcome) -> list[tuple[Problem, str]]:
    return [(each.problem, each.path.removeprefix("s3://our-trail/")) for each in outcome.findings]


def test_a_bucket(aws: Callable[..., Any], keys: list[Path]) -> None:
    """The newest digest's signature is in its object's metadata, so all is proven."""
    trail = Trail(root="logs/AWSLogs/o-a1b2c3d4e5/").hours(30)
    place = trail.upload(aws("s3"))
    aws("s3").put_object(
        Bucket="our-trail", Key=f"logs/AWSLogs/{ACCOUNT}/Config/eu-west-1/2026/11/1/x.json.gz", Body=b""
    )

    for where in (place, f"{place}/logs/", f"{place}/logs/AWSLogs/o-a1b2c3d4e5/{ACCOUNT}/"):
        outcome = validate(where, ALL, keys)
        assert outcome.findings == []
        assert outcome.digests == {Status.VALID: 30}
        assert outcome.logs == {Status.VALID: 60}


def test_what_is_tampered_with(aws: Callable[..., Any], keys: list[Path]) -> None:
    """As in a folder, but that each digest has a signature of its own."""
    trail = Trail().hours(10)
    trail.edit(trail.logs[0], Records=[])
    trail.edit(trail.digests[8], logFiles=[])
    del trail.files[trail.digests[3]]
    del trail.files[trail.logs[5]]
    added = trail.log(START + 6 * HOUR + HOUR / 3)
    outcome = validate(trail.upload(aws("s3")), ALL, keys)

    assert problems(outcome) == [
        (Problem.ALTERED, trail.digests[8]),
        (Problem.MISSING, trail.digests[3]),
        (Problem.ALTERED, trail.logs[0]),
        (Problem.MISSING, trail.logs[5]),
        (Problem.UNCOVERED, trail.logs[6]),
        (Problem.UNCOVERED, trail.logs[7]),
        (Problem.ADDED, added),
        (Problem.UNCOVERED, trail.logs[16]),
        (Problem.UNCOVERED, trail.logs[17]),
    ]
    assert outcome.digests == {Status.VALID: 8, Status.INVALID: 2}


@pytest.mark.parametrize("signature", ["00" * 256, "nothing", ""])
def test_metadata_that_was_changed(signature: str, aws: Callable[..., Any], keys: list[Path]) -> None:
    """The newest digest has nothing else; the others have the digest after them."""
    trail = Trail().hours(4)
    for key in trail.digests:
        trail.signatures[key] = signature
    outcome = validate(trail.upload(aws("s3")), ALL, keys)

    found = Problem.ALTERED if signature else Problem.UNSIGNED
    assert problems(outcome)[0] == (found, trail.digests[-1])
    assert outcome.digests[Status.VALID] == 3


def test_only_three_calls(aws: Callable[..., Any], cloudtrail: Any, asked: list[tuple[str, dict[str, Any]]]) -> None:
    """ListObjectsV2, GetObject, and ListPublicKeys once a Region."""
    server = cloudtrail(lambda _: Answer(json.dumps(key_list(private_key(1), private_key())).encode()))
    trail = Trail().hours(6)
    trail.files |= Trail(region="us-east-1").hours(2).files
    place = trail.upload(aws("s3"))
    asked.clear()
    outcome = validate(place, ALL)

    assert outcome.digests[Status.VALID] == 7  # the other Region's last one has no metadata here
    assert {name for name, _ in asked} == {"s3:ListObjectsV2", "s3:GetObject", "cloudtrail:ListPublicKeys"}
    assert len(server.asked) == 2
    assert [each.headers["authorization"].split("/")[2] for each in server.asked] == ["eu-west-1", "us-east-1"]
    times = json.loads(server.asked[0].body)
    assert times["StartTime"] < START.timestamp() < times["EndTime"]


def test_a_folder_and_the_keys_of_cloudtrail(aws: Callable[..., Any], cloudtrail: Any, tmp_path: Path) -> None:
    cloudtrail(lambda _: Answer(json.dumps(key_list(private_key())).encode()))

    assert validate(str(Trail().hours(3).write(tmp_path / "copy", sidecar=True)), ALL).status is Status.VALID


def test_a_key_that_cloudtrail_does_not_have(aws: Callable[..., Any], cloudtrail: Any) -> None:
    """It has all of its keys: who made the digests is not AWS."""
    cloudtrail(lambda _: Answer(json.dumps(key_list(private_key())).encode()))
    trail = Trail(key=private_key(1)).hours(2)
    outcome = validate(trail.upload(aws("s3")), ALL)

    assert outcome.digests == {Status.INVALID: 2}
    assert problems(outcome)[0] == (Problem.NO_KEY, trail.digests[1])


def test_keys_that_are_denied(aws: Callable[..., Any], cloudtrail: Any) -> None:
    cloudtrail(lambda _: error("AccessDeniedException", "not you"))
    outcome = validate(Trail().hours(2).upload(aws("s3")), ALL)

    assert outcome.status is Status.UNKNOWN
    assert "AccessDeniedException: not you" in outcome.findings[0].message


def test_objects_that_are_denied(aws: Callable[..., Any], keys: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    trail = Trail().hours(4)
    place = trail.upload(aws("s3"))
    call = Caller.call

    def refused(self: Caller, service: str, name: str, params: dict[str, Any], *others: Any, **more: Any) -> Any:
        if name == "GetObject" and params["Key"] in (trail.logs[1], trail.digests[2]):
            raise CallError("s3:GetObject", "AccessDenied", "Access Denied")
        return call(self, service, name, params, *others, **more)

    monkeypatch.setattr(Caller, "call", refused)
    outcome = validate(place, ALL, keys)

    assert outcome.status is Status.UNKNOWN
    assert problems(outcome)[:2] == [(Problem.UNREADABLE, trail.digests[2]), (Problem.UNREADABLE, trail.logs[1])]
    assert outcome.digests == {Status.VALID: 3, Status.UNKNOWN: 1}  # the one before has its own signature


def test_only_what_is_asked_for_is_listed_and_read(
    aws: Callable[..., Any], keys: list[Path], asked: list[tuple[str, dict[str, Any]]]
) -> None:
    """Of the wanted Region and days, with a day around them; digests and logs of others are not read."""
    trail = Trail().hours(10 * 24, logs=1)
    place = trail.upload(aws("s3"))
    asked.clear()
    wanted = Wanted(START + 4 * 24 * HOUR, START + 5 * 24 * HOUR, frozenset({ACCOUNT}), frozenset({"eu-west-1"}))
    outcome = validate(place, wanted, keys)

    assert outcome.findings == []
    assert outcome.digests == {Status.VALID: 26}
    read = [params["Key"] for name, params in asked if name == "s3:GetObject"]
    assert len(read) == 26 + 1 + 26
    starts = [params["StartAfter"] for name, params in asked if "StartAfter" in params]
    assert {each.rpartition("eu-west-1/")[2] for each in starts} == {"2026/11/03"}
    assert sum(name == "s3:ListObjectsV2" for name, _ in asked) < 30


def test_a_bucket_that_is_not_there(aws: Callable[..., Any], keys: list[Path]) -> None:
    aws("s3").create_bucket(Bucket="empty")
    with pytest.raises(UsageError, match="NoSuchBucket"):
        validate("s3://nowhere/", ALL, keys)
    with pytest.raises(UsageError, match="names no object"):
        validate("s3://empty/", ALL, keys)


# --- the command


def run(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    code = main(["trail", "validate", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_the_commands_text(keys: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trail = Trail().hours(5).off(2).hours(30)
    trail.edit(trail.logs[30], Records=[])
    del trail.files[trail.digests[25]]
    place = str(trail.write(tmp_path / "copy", sidecar=True))
    code, out, err = run("--public-keys", str(keys[0]), place, capsys=capsys)

    assert (code, err) == (1, "")
    lines = out.splitlines()
    assert lines[0].startswith(f"INVALID    missing     {trail.digests[25]}: the digest after it names it")
    assert lines[1] == f"INVALID    altered     {trail.logs[30]}: its content is not what the digest has"
    assert lines[2].startswith(f"UNKNOWN    unsigned    {trail.digests[24]}: its signature is not at hand")
    assert lines[-6:] == [
        f"{ACCOUNT} eu-west-1, trail main_trail of us-east-1: 34 digests, 2026-11-01T00:01:31Z to 2026-11-02T13:01:31Z",
        "  begins where log file validation was turned on",
        "  gap    2026-11-01T05:01:31Z to 2026-11-01T07:01:31Z: log file validation or logging was off",
        "  gap    2026-11-02T03:01:31Z to 2026-11-02T04:01:31Z: digests are missing",
        "digests: 32 valid, 1 invalid, 2 unknown",
        "log files: 63 valid, 1 invalid, 4 unknown, 4 uncovered",
    ]


def test_the_commands_json(keys: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trail = Trail().hours(3)
    trail.edit(trail.logs[0], Records=[])
    place = str(trail.write(tmp_path / "copy"))
    code, out, _ = run("--format", "json", "--public-keys", str(keys[0]), place, capsys=capsys)
    said = json.loads(out)

    assert code == 1
    assert (said["status"], said["digests"], said["logs"]) == (
        "invalid",
        {"valid": 2, "unknown": 1},
        {"valid": 3, "invalid": 1, "unknown": 2},
    )
    assert said["findings"][1] == {
        "status": "invalid",
        "problem": "altered",
        "kind": "log",
        "path": trail.logs[0],
        "message": "its content is not what the digest has",
        "digest": trail.digests[0],
    }
    assert said["chains"][0]["first"] == "2026-11-01T00:01:31Z"


def test_the_commands_exit_codes(keys: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trail = Trail().hours(3)
    whole, copy = str(trail.write(tmp_path / "whole", sidecar=True)), str(trail.write(tmp_path / "copy"))
    given = ["--public-keys", str(keys[0])]

    assert run(*given, whole, capsys=capsys)[0] == 0
    assert run(*given, copy, capsys=capsys)[0] == 4
    code, _, err = run(*given, str(tmp_path / "none"), capsys=capsys)
    assert (code, err) == (2, f"Error: {tmp_path / 'none'} is no folder. Name a folder or an s3:// prefix.\n")


def test_many_that_are_not_proven(keys: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Are summed up, so that what is invalid is seen."""
    trail = Trail().off(50).hours(3)
    trail.edit(trail.logs[-5], Records=[])
    code, out, _ = run("--public-keys", str(keys[0]), str(trail.write(tmp_path / "copy", sidecar=True)), capsys=capsys)

    assert code == 1
    assert out.startswith("INVALID ")
    assert out.count("UNCOVERED  uncovered   AWSLogs/") == 20
    assert "UNCOVERED  uncovered   … and 30 log files more; --format json names all" in out
