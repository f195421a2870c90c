"""`crenel trail validate` over copies of buckets: what is tampered with is named, and nothing else."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crenel.errors import CredentialsError, UsageError
from crenel.logs.model import Wanted
from crenel.trail import Outcome, Problem, Status, validate

from .material import ACCOUNT, HOUR, START, Trail, key_list, private_key

ALL = Wanted()
ADDED, ALTERED, MISSING, MOVED = Problem.ADDED, Problem.ALTERED, Problem.MISSING, Problem.MOVED
UNSIGNED, UNCOVERED, UNPROVEN = Problem.UNSIGNED, Problem.UNCOVERED, Problem.UNPROVEN


@pytest.fixture
def keys(tmp_path: Path) -> list[Path]:
    """CloudTrail's public keys, as the AWS CLI prints them."""
    path = tmp_path / "keys.json"
    path.write_text(json.dumps(key_list(private_key())))
    return [path]


@pytest.fixture
def copied(tmp_path: Path, keys: list[Path]) -> Callable[..., Outcome]:
    """Return a function that validates a copy of a trail's bucket, with the newest digest's signature beside it."""

    def check(trail: Trail, wanted: Wanted = ALL, *, sidecar: bool = True, below: str = "") -> Outcome:
        folder = tmp_path / "copy"
        shutil.rmtree(folder, ignore_errors=True)
        trail.write(folder, sidecar=sidecar)
        return validate(str(folder / below), wanted, keys)

    return check


def problems(outcome: Outcome) -> list[tuple[Problem, str]]:
    return [(each.problem, each.path) for each in outcome.findings]


# --- what is whole


def test_a_month(copied: Callable[..., Outcome]) -> None:
    """With hours in which nothing happened, and so with digests that name no log."""
    trail = Trail().hours(400).hours(20, logs=0).hours(300, logs=1)
    outcome = copied(trail)

    assert outcome.findings == []
    assert outcome.status is Status.VALID
    assert outcome.digests == {Status.VALID: 720}
    assert outcome.logs == {Status.VALID: 1100}
    (chain,) = outcome.chains
    assert (chain.account, chain.region, chain.trail, chain.home_region) == (
        ACCOUNT,
        "eu-west-1",
        "main_trail",
        "us-east-1",
    )
    assert (chain.digests, chain.empty, chain.first, chain.last) == (720, 20, START, START + 720 * HOUR)
    assert chain.begins == "where log file validation was turned on"
    assert chain.gaps == []


def test_the_newest_digest_of_a_copy(copied: Callable[..., Outcome]) -> None:
    """Its signature is in S3's metadata, which a copy lacks; so it and its logs are not proven."""
    trail = Trail().hours(3)
    outcome = copied(trail, sidecar=False)

    assert outcome.status is Status.UNKNOWN
    assert problems(outcome) == [
        (UNSIGNED, trail.digests[-1]),
        (UNPROVEN, trail.logs[-2]),
        (UNPROVEN, trail.logs[-1]),
    ]
    assert outcome.digests == {Status.VALID: 2, Status.UNKNOWN: 1}


def test_several_accounts_regions_and_trails(copied: Callable[..., Outcome]) -> None:
    """Of an organisation's trail as well; and logs of two trails in the same folders."""
    first = Trail().hours(3)
    for other in (
        Trail(name="second", time=START + timedelta(minutes=7)),
        Trail(region="us-east-1"),
        Trail(account="444455556666", root="trails/AWSLogs/o-a1b2c3d4e5/"),
    ):
        other.logs += ["name"] * len(first.logs)  # names of their own
        other.hours(3)
        first.files |= other.files
        first.signatures |= other.signatures
        first.digests.append(other.digests[-1])
    outcome = copied(first, sidecar=False)

    assert [(chain.account, chain.region, chain.trail) for chain in outcome.chains] == [
        ("111122223333", "eu-west-1", "main_trail"),
        ("111122223333", "eu-west-1", "second"),
        ("111122223333", "us-east-1", "main_trail"),
        ("444455556666", "eu-west-1", "main_trail"),
    ]
    assert {problem for problem, _ in problems(outcome)} == {UNSIGNED, UNPROVEN}
    assert outcome.digests == {Status.VALID: 8, Status.UNKNOWN: 4}
    assert outcome.logs == {Status.VALID: 16, Status.UNKNOWN: 8}


@pytest.mark.parametrize("root", ["AWSLogs/", "our/prefix/AWSLogs/"])
@pytest.mark.parametrize("lost", [True, False])
def test_a_copy_that_begins_elsewhere(root: str, lost: bool, copied: Callable[..., Outcome]) -> None:
    """In a folder of its own, or without the folders above: paths are laid beside the digests' own words."""
    trail = Trail(root=root).hours(3)
    if lost:
        below = f"{root}{ACCOUNT}"
    else:
        trail.files = {f"saved/2026/{key}": data for key, data in trail.files.items()}
        below = ""
    outcome = copied(trail, sidecar=False, below=below)

    assert outcome.digests == {Status.VALID: 2, Status.UNKNOWN: 1}
    assert outcome.logs == {Status.VALID: 4, Status.UNKNOWN: 2}


def test_logs_that_were_unpacked(copied: Callable[..., Outcome]) -> None:
    """The hash is of the content; some ways to download unpack it."""
    trail = Trail().hours(2)
    trail.files[trail.logs[0]] = gzip.decompress(trail.files[trail.logs[0]])
    trail.files[trail.logs[1]] = gzip.compress(gzip.decompress(trail.files[trail.logs[1]]), 9)

    assert copied(trail).findings == []


# --- what is not


def test_a_log_was_altered(copied: Callable[..., Outcome]) -> None:
    trail = Trail().hours(6)
    trail.edit(trail.logs[4], Records=[])
    outcome = copied(trail)

    assert problems(outcome) == [(ALTERED, trail.logs[4])]
    assert outcome.findings[0].digest == trail.digests[2]
    assert outcome.status is Status.INVALID
    assert outcome.logs == {Status.VALID: 11, Status.INVALID: 1}


def test_a_log_was_removed(copied: Callable[..., Outcome]) -> None:
    trail = Trail().hours(6)
    del trail.files[trail.logs[4]]

    assert problems(copied(trail)) == [(MISSING, trail.logs[4])]


def test_a_log_was_added(copied: Callable[..., Outcome]) -> None:
    """A file that looks delivered; its hour's digest, which is valid, does not name it."""
    trail = Trail().hours(6)
    added = trail.log(START + 2 * HOUR + timedelta(minutes=20))

    assert problems(copied(trail)) == [(ADDED, added)]


def test_two_logs_were_swapped(copied: Callable[..., Outcome]) -> None:
    trail = Trail().hours(6)
    one, other = trail.logs[2], trail.logs[7]
    trail.files[one], trail.files[other] = trail.files[other], trail.files[one]

    assert problems(copied(trail)) == [(ALTERED, one), (ALTERED, other)]


@pytest.mark.parametrize(
    "broken",
    [
        lambda data: data[:-9],
        lambda data: data[:20],
        lambda data: data + gzip.compress(b'{"Records": []}'),
        lambda data: data + b"\0",
        lambda data: data[:30] + bytes([data[30] ^ 255]) + data[31:],
        lambda _: b"",
    ],
    ids=["cut", "cut early", "a second member", "a byte more", "a bit", "empty"],
)
def test_a_file_is_broken(broken: Callable[[bytes], bytes], copied: Callable[..., Outcome]) -> None:
    """Also where a lax reader would see the same content: what is appended others may read."""
    trail = Trail().hours(6)
    for key in (trail.logs[4], trail.digests[4]):
        trail.files[key] = broken(trail.files[key])
    outcome = copied(trail)

    assert problems(outcome) == [
        (ALTERED, trail.digests[4]),
        (UNSIGNED, trail.digests[3]),
        (ALTERED, trail.logs[4]),
        (UNPROVEN, trail.logs[6]),
        (UNPROVEN, trail.logs[7]),
        (UNCOVERED, trail.logs[8]),
        (UNCOVERED, trail.logs[9]),
    ]


def test_a_digest_was_altered(copied: Callable[..., Outcome]) -> None:
    """To hide a log that was removed. Its own signature, in the next one, tells; the one before is still proven."""
    trail = Trail().hours(6)
    del trail.files[trail.logs[4]]
    trail.edit(trail.digests[2], logFiles=[])
    outcome = copied(trail)

    assert problems(outcome) == [(ALTERED, trail.digests[2]), (UNCOVERED, trail.logs[5])]
    assert outcome.digests == {Status.VALID: 5, Status.INVALID: 1}


@pytest.mark.parametrize(
    "changes",
    [
        {"previousDigestSignature": "00" * 256},
        {"previousDigestHashValue": "00" * 32},
        {"digestPublicKeyFingerprint": "0" * 32},
        {"digestEndTime": "2026-11-01T03:01:30Z"},
        {"digestSignatureAlgorithm": "none"},
        {"previousDigestS3Object": None, "previousDigestS3Bucket": None, "previousDigestSignature": None},
        {"logFiles": None},
        {"digestS3Object": 7},
        {"digestStartTime": "0001-01-01T00:00:00Z"},
        {"digestStartTime": "2026-11-01T02:01:31+14:00"},
        {"logFiles": [{"s3Bucket": "b"}]},
    ],
)
def test_a_digest_says_something_else(changes: dict[str, Any], copied: Callable[..., Outcome]) -> None:
    trail = Trail().hours(6)
    trail.edit(trail.digests[2], **changes)
    outcome = copied(trail)

    assert (ALTERED, trail.digests[2]) in problems(outcome)
    invalid = [each for each in outcome.findings if each.status is Status.INVALID]
    assert [each.path for each in invalid] == [trail.digests[2]]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_digest_says_anything(data: st.DataObject, copied: Callable[..., Outcome]) -> None:
    """Whatever JSON stands in it: it is invalid, none of what it says is believed, and nothing breaks."""
    texts = st.sampled_from(["", "..", "/", "\ud800", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "x/y"])
    anything = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | texts,
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
        max_leaves=4,
    )
    trail = Trail().hours(3, logs=1)
    names = st.sampled_from([*trail.said(trail.digests[1]), "more"])
    said = {**trail.said(trail.digests[1]), **data.draw(st.dictionaries(names, anything, min_size=1))}
    if data.draw(st.booleans()):
        said["logFiles"] = [{**said, "s3Object": data.draw(anything), "s3Bucket": "b", "hashAlgorithm": "SHA-256"}]
    trail.files[trail.digests[1]] = gzip.compress(json.dumps(data.draw(st.just(said) | anything)).encode())
    for sidecar in (True, False):
        outcome = copied(trail, sidecar=sidecar)
        assert {each.path for each in outcome.findings if each.status is Status.INVALID} == {trail.digests[1]}
    del trail.files[trail.digests[2]]  # now it is the newest, and nothing speaks against it
    copied(trail, sidecar=False)


def test_the_newest_digest_was_altered(copied: Callable[..., Outcome]) -> None:
    trail = Trail().hours(3)
    trail.edit(trail.digests[2], logFiles=[])
    outcome = copied(trail)

    assert problems(outcome)[0] == (ALTERED, trail.digests[2])
    assert outcome.status is Status.INVALID


def test_one_of_the_last_two_digests_was_altered(copied: Callable[..., Outcome]) -> None:
    """Without the newest one's signature nobody can say which."""
    trail = Trail().hours(4)
    trail.edit(trail.digests[2], logFiles=[])
    found = copied(trail, sidecar=False).findings

    assert (found[1].problem, found[1].path) == (ALTERED, trail.digests[2])
    assert found[1].message.endswith("that one can't be checked: either was altered")


def test_a_digest_was_removed(copied: Callable[..., Outcome]) -> None:
    """The one after names it. The one before loses its signature with it; its own logs are covered by none."""
    trail = Trail().hours(6)
    del trail.files[trail.digests[2]]
    outcome = copied(trail)

    assert problems(outcome) == [
        (MISSING, trail.digests[2]),
        (UNSIGNED, trail.digests[1]),
        (UNPROVEN, trail.logs[2]),
        (UNPROVEN, trail.logs[3]),
        (UNCOVERED, trail.logs[4]),
        (UNCOVERED, trail.logs[5]),
    ]
    assert outcome.findings[0].digest == trail.digests[3]
    assert [gap.reason for gap in outcome.chains[0].gaps] == ["digests are missing"]


def test_several_digests_were_removed(copied: Callable[..., Outcome]) -> None:
    """One is named by the digest after it; of the others the hours are told."""
    trail = Trail().hours(8)
    for key in trail.digests[2:5]:
        del trail.files[key]
    outcome = copied(trail)

    assert problems(outcome)[0] == (MISSING, trail.digests[4])
    assert "nor is any other from 2026-11-01T02:01:31Z on" in outcome.findings[0].message
    (gap,) = outcome.chains[0].gaps
    assert (gap.since, gap.until) == (START + 2 * HOUR, START + 5 * HOUR)


def test_the_newest_digests_were_removed(copied: Callable[..., Outcome]) -> None:
    """Nothing names them, but the logs of their hours are newer than the last digest."""
    trail = Trail().hours(6)
    for key in trail.digests[3:]:
        del trail.files[key]
    trail.digests = trail.digests[:3]
    outcome = copied(trail)

    assert [problem for problem, _ in problems(outcome)] == [UNCOVERED, UNCOVERED]
    assert outcome.logs == {Status.VALID: 6, Status.PENDING: 4, Status.UNCOVERED: 2}


def test_all_digests_were_removed(copied: Callable[..., Outcome]) -> None:
    trail = Trail().hours(2)
    trail.files = {key: data for key, data in trail.files.items() if key in trail.logs}

    assert problems(copied(trail, sidecar=False)) == [(UNCOVERED, log) for log in trail.logs]


def test_two_digests_were_swapped(copied: Callable[..., Outcome]) -> None:
    trail = Trail().hours(6)
    one, other = trail.digests[1], trail.digests[4]
    trail.files[one], trail.files[other] = trail.files[other], trail.files[one]
    outcome = copied(trail)

    assert [each for each in problems(outcome) if each[0] is MOVED] == [(MOVED, other), (MOVED, one)]


def test_a_digest_was_renamed(copied: Callable[..., Outcome]) -> None:
    trail = Trail().hours(4)
    other = trail.digests[1].replace("main_trail", "other")
    aside = trail.digests[2].replace(".json.gz", "-old.json.gz")
    trail.files[other] = trail.files.pop(trail.digests[1])
    trail.files[aside] = trail.files[trail.digests[2]]
    outcome = copied(trail)

    moved = [path for problem, path in problems(outcome) if problem is MOVED]
    assert sorted(moved) == sorted([other, aside])
    assert (MISSING, trail.digests[1]) in problems(outcome)


def test_a_digest_was_added(copied: Callable[..., Outcome]) -> None:
    """Between two that are valid, to name a log that was added. The one after it follows another."""
    trail = Trail().hours(6)
    added = trail.log(START + 2.5 * HOUR)
    forged = trail.digest(START + 2 * HOUR, START + 2.9 * HOUR, [added], trail.digests[1])
    trail.signatures[forged] = ""
    outcome = copied(trail)

    assert problems(outcome) == [(ADDED, forged), (ADDED, added)]


def test_a_digest_was_added_behind_the_newest(copied: Callable[..., Outcome]) -> None:
    """It can't be proven, and takes nothing from those that are, whatever it says of them."""
    trail = Trail().hours(3)
    newest = trail.digests[-1]
    forged = trail.digest(trail.time, trail.time + HOUR, [], newest)
    trail.edit(forged, previousDigestHashValue="0" * 64, previousDigestSignature="00")
    trail.signatures[forged] = ""
    trail.digests.remove(forged)  # the newest that AWS made has its signature at hand
    outcome = copied(trail)

    assert problems(outcome) == [(UNSIGNED, forged)]
    assert outcome.digests == {Status.VALID: 3, Status.UNKNOWN: 1}


def test_digests_of_someone_elses_key(copied: Callable[..., Outcome]) -> None:
    """A chain that was made anew, logs and all: its key is none of CloudTrail's."""
    trail = Trail(key=private_key(1)).hours(3)
    outcome = copied(trail)

    assert {problem for problem, _ in problems(outcome)} == {Problem.NO_KEY, UNPROVEN}
    assert outcome.status is Status.UNKNOWN  # the given file may lack a key


def test_a_key_that_is_another(tmp_path: Path) -> None:
    """Of the same fingerprint."""
    trail = Trail().hours(2)
    listed = key_list(private_key(1))
    listed["PublicKeyList"][0]["Fingerprint"] = key_list(private_key())["PublicKeyList"][0]["Fingerprint"]
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps(listed))
    outcome = validate(str(trail.write(tmp_path / "copy", sidecar=True)), ALL, [keys])

    assert (ALTERED, trail.digests[1]) in problems(outcome)
    assert outcome.digests[Status.VALID] == 0


def test_a_wrong_signature(copied: Callable[..., Outcome]) -> None:
    for wrong in ("00" * 256, "no hexadecimal", "ff"):
        trail = Trail().hours(3)
        trail.signatures[trail.digests[-1]] = wrong

        assert problems(copied(trail))[0] == (ALTERED, trail.digests[-1])


def test_a_digest_leads_nowhere_else(copied: Callable[..., Outcome], tmp_path: Path) -> None:
    """A digest that is not proven may name anything; files outside of the place are not opened."""
    trail = Trail().hours(2)
    (tmp_path / "secret").write_text("mine")
    said = {"s3Bucket": "b", "s3Object": "../secret", "hashValue": "0" * 64, "hashAlgorithm": "SHA-256"}
    trail.edit(trail.digests[1], logFiles=[said, {**said, "s3Object": str(tmp_path / "secret")}])
    outcome = copied(trail, sidecar=False)

    assert [path for problem, path in problems(outcome) if problem is Problem.OUTSIDE] == [
        "../secret",
        str(tmp_path / "secret"),
    ]


def test_what_can_not_be_read(copied: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is neither valid nor altered."""
    trail = Trail().hours(4)
    read = Path.read_bytes

    def refused(path: Path) -> bytes:
        if path.name.endswith((Path(trail.logs[1]).name, Path(trail.digests[2]).name)):
            raise PermissionError(13, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refused)
    outcome = copied(trail)

    assert outcome.status is Status.UNKNOWN
    unread = [path for problem, path in problems(outcome) if problem is Problem.UNREADABLE]
    assert unread == [trail.digests[2], trail.logs[1]]


# --- chains


def test_validation_was_off_for_a_time(copied: Callable[..., Outcome]) -> None:
    """AWS's own digest says that a chain begins there: nothing is missing. The logs between are covered by none."""
    trail = Trail().hours(5).off(4).hours(5)
    outcome = copied(trail)

    (gap,) = outcome.chains[0].gaps
    assert (gap.since, gap.until) == (START + 5 * HOUR, START + 9 * HOUR)
    assert gap.reason == "log file validation or logging was off"
    assert [path for problem, path in problems(outcome) if problem is UNCOVERED] == trail.logs[10:14]
    assert (UNSIGNED, trail.digests[4]) in problems(outcome)  # the last before the gap: no digest after it
    assert outcome.status is Status.UNKNOWN


def test_a_gap_that_was_made(copied: Callable[..., Outcome]) -> None:
    """Who removes digests and has the next one begin a chain has altered it."""
    trail = Trail().hours(6)
    for key in trail.digests[1:3]:
        del trail.files[key]
    nothing = dict.fromkeys(
        f"previousDigest{each}" for each in ("S3Bucket", "S3Object", "HashValue", "HashAlgorithm", "Signature")
    )
    trail.edit(trail.digests[3], **nothing)
    outcome = copied(trail)

    assert problems(outcome)[0] == (ALTERED, trail.digests[3])
    assert [gap.reason for gap in outcome.chains[0].gaps] == [
        "the digest after it is not valid, and nothing else says why"
    ]


def test_a_copy_of_some_days(copied: Callable[..., Outcome]) -> None:
    """The digest before the first is not in it. Whether it was removed nobody can say; it is told."""
    trail = Trail().hours(6)
    kept = {*trail.digests[3:], *trail.logs[6:]}
    trail.files = {key: data for key, data in trail.files.items() if key in kept}
    outcome = copied(trail)

    assert outcome.findings == []
    assert outcome.chains[0].begins == f"without the digest before, which is not here: {trail.digests[2]}"


def test_what_is_missing_of_a_time_that_is_asked_for(copied: Callable[..., Outcome]) -> None:
    """Who says since when wants the digests from then on."""
    trail = Trail().hours(6)
    kept = {*trail.digests[3:], *trail.logs[6:]}
    trail.files = {key: data for key, data in trail.files.items() if key in kept}

    assert problems(copied(trail, Wanted(since=START))) == [(MISSING, trail.digests[2])]
    assert copied(trail, Wanted(since=START + 3.5 * HOUR)).findings == []


def test_logs_older_than_the_first_digest(copied: Callable[..., Outcome]) -> None:
    trail = Trail().off(2).hours(2)
    outcome = copied(trail)

    assert problems(outcome) == [(UNCOVERED, trail.logs[0]), (UNCOVERED, trail.logs[1])]
    assert outcome.findings[0].message == "no digest names it: it is older than the first digest"


def test_logs_of_the_hour_that_is_not_over(copied: Callable[..., Outcome]) -> None:
    """Their digest is not due yet: they are counted, and nothing is wrong."""
    trail = Trail().hours(2)
    trail.log(trail.time - timedelta(minutes=2))
    trail.log(trail.time + timedelta(minutes=40))
    outcome = copied(trail)

    assert outcome.status is Status.VALID
    assert outcome.logs == {Status.VALID: 4, Status.PENDING: 2}


def test_backfill_digests(copied: Callable[..., Outcome]) -> None:
    """They name logs that came too late for their hour's digest, and are a chain of their own."""
    trail = Trail().hours(6)
    late = [trail.log(START + timedelta(minutes=each)) for each in (70, 190)]
    first = trail.digest(START + HOUR, START + 2 * HOUR, late[:1], backfill=True)
    second = trail.digest(START + 3 * HOUR, START + 4 * HOUR, late[1:], first, backfill=True)
    outcome = copied(trail)

    assert [(chain.backfill, chain.digests, chain.gaps) for chain in outcome.chains] == [(False, 6, []), (True, 2, [])]
    assert problems(outcome) == [(UNSIGNED, second), (UNPROVEN, late[1])]
    trail.edit(first, logFiles=[])
    assert (ALTERED, first) in problems(copied(trail))
    assert (ADDED, late[0]) in problems(copied(trail))


def test_the_trail_got_another_bucket(copied: Callable[..., Outcome]) -> None:
    """The first digest names one in the other bucket, which is not here, and is no fault."""
    trail = Trail(bucket="old").hours(2)
    first, trail.files, trail.bucket = trail.previous, {trail.previous: trail.files[trail.previous]}, "new"
    start, end = trail.time, trail.time + HOUR
    trail.digest(start, end, [trail.log(start + HOUR / 2)], first)
    del trail.files[first]
    newest = trail.digests[-1]
    trail.sign(newest, {**trail.said(newest), "previousDigestS3Bucket": "old"})
    outcome = copied(trail)

    assert outcome.status is Status.VALID
    assert outcome.chains[0].begins == "where it goes on in the bucket old"


# --- what is asked for


def test_a_time(copied: Callable[..., Outcome]) -> None:
    """Digests whose hour touches it; the one after them is read for the last one's signature, and not judged."""
    trail = Trail().hours(72, logs=1)
    trail.edit(trail.logs[3], Records=[])
    trail.edit(trail.logs[60], Records=[])
    wanted = Wanted(START + 20 * HOUR + timedelta(minutes=5), START + 40 * HOUR - timedelta(minutes=5))
    outcome = copied(trail, wanted, sidecar=False)

    assert outcome.findings == []
    assert (outcome.chains[0].first, outcome.chains[0].last) == (START + 20 * HOUR, START + 40 * HOUR)
    assert outcome.logs == {Status.VALID: 20}
    assert outcome.chains[0].begins == "with the time that is asked for"


def test_an_account_and_a_region(copied: Callable[..., Outcome]) -> None:
    trail, other = Trail().hours(2), Trail(region="us-east-1").hours(2)
    trail.files |= other.files

    assert [chain.region for chain in copied(trail, Wanted(regions=frozenset({"us-east-1"}))).chains] == ["us-east-1"]
    with pytest.raises(UsageError, match="no digest file and no log file"):
        copied(trail, Wanted(accounts=frozenset({"999999999999"})))


# --- what can't be done


def test_places_that_are_none(tmp_path: Path, keys: list[Path]) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="is no folder"):
        validate(str(tmp_path / "nowhere"), ALL, keys)
    with pytest.raises(UsageError, match="no digest file and no log file"):
        validate(str(tmp_path / "empty"), ALL, keys)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"PublicKeyList": 1}', '{"PublicKeyList": [{}]}', '{"PublicKeyList": [1]}',
     '{"PublicKeyList": [{"Fingerprint": "a", "Value": "!"}]}',
     '{"PublicKeyList": [{"Fingerprint": "a", "Value": ""}]}', '{"PublicKeyList": [{"Fingerprint": "a", "Value": 7}]}'],
)  # fmt: skip
def test_files_that_hold_no_keys(text: str, tmp_path: Path) -> None:
    trail = Trail().hours(1)
    path = tmp_path / "keys.json"
    path.write_text(text)
    with pytest.raises(UsageError, match="holds no public keys"):
        validate(str(trail.write(tmp_path / "copy")), ALL, [path])


def test_neither_keys_nor_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(CredentialsError, match="--public-keys"):
        validate(str(Trail().hours(1).write(tmp_path / "copy")), ALL)


def test_links_are_not_followed_out_of_the_folder(copied: Callable[..., Outcome], tmp_path: Path) -> None:
    trail = Trail().hours(2)
    trail.write(tmp_path / "other")
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "link").symlink_to(tmp_path / "other")
    with pytest.raises(UsageError, match="no digest file"):
        validate(str(copy), ALL, [tmp_path / "keys.json"])


def test_a_time_far_away(copied: Callable[..., Outcome]) -> None:
    with pytest.raises(UsageError, match="for what is asked"):
        copied(Trail().hours(2), Wanted(since=datetime(2030, 1, 1, tzinfo=UTC)))
