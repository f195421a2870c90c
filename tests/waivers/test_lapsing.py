"""Until when a waiver holds: its last day, and what it rests on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from crenel.scan import ScanOptions, judge_stored, permissions
from tests.remediate.snapshots import NOW, gap, snapshot
from tests.waivers.volumes import judged, lake_of, volume, waiver

DETACHED = "while: [{State: available}]"


@pytest.mark.parametrize(
    ("time", "holds"),
    [
        (datetime(2026, 12, 31, 0, 0, tzinfo=UTC), True),
        (datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC), True),
        (datetime(2027, 1, 1, 0, 0, tzinfo=UTC), False),
        (datetime(2026, 12, 31, 22, 0, tzinfo=timezone(timedelta(hours=-5))), False),
        (datetime(2027, 1, 1, 2, 0, tzinfo=timezone(timedelta(hours=5))), True),
    ],
)
def test_the_last_day_counts_and_ends_in_utc(tmp_path: Path, time: datetime, holds: bool) -> None:
    """By the time at which the snapshot was begun, whenever it is judged."""
    found = judged(lake_of(tmp_path, volume("vol-a"), now=time.astimezone(UTC)), waiver())["vol-a"]

    assert found.state == ("WAIVED" if holds else "FAIL")
    assert found.lapsed == (None if holds else "The waiver known ended on 2026-12-31.")


def test_it_holds_while_its_condition_does(tmp_path: Path) -> None:
    """And comes back with the reason where it does not."""
    found = judged(lake_of(tmp_path, volume("vol-a"), volume("vol-b", State="in-use")), waiver("", DETACHED))

    assert (found["vol-a"].state, found["vol-a"].lapsed) == ("WAIVED", None)
    assert (found["vol-b"].state, found["vol-b"].waived) == ("FAIL", None)
    assert found["vol-b"].lapsed == 'The waiver known holds only while State is "available", which is not so.'


def test_of_several_conditions_the_one_that_fails_is_named(tmp_path: Path) -> None:
    text = waiver("", "while: [{State: available}, {type: value, key: Size, op: lt, value: 100}]")

    found = judged(lake_of(tmp_path, volume("vol-a")), text)["vol-a"]

    assert found.lapsed == "The waiver known holds only while Size is less than 100, which is not so."


MODIFIED = "while: [{type: value, key: VolumeModification, value: absent}]"


def test_what_could_not_be_read_does_not_hold(tmp_path: Path) -> None:
    """An unknown condition: the finding comes back, and says what was denied."""
    read = volume("vol-a", VolumeModification=None)
    denied = volume("vol-b", _gaps={"VolumeModification": "ec2:DescribeVolumesModifications AccessDenied: no"})
    lake = lake_of(tmp_path, read, denied, gaps=[gap("ebs", detail="VolumeModification", resource="vol-b")])

    found = judged(lake, waiver("", MODIFIED))

    assert found["vol-a"].state == "WAIVED"
    assert found["vol-b"].state == "FAIL"
    assert found["vol-b"].lapsed == (
        "The waiver known holds only while VolumeModification is absent, which could not be read: "
        "ec2:DescribeVolumesModifications AccessDenied: no"
    )


def test_what_a_snapshot_did_not_collect_does_not_hold(tmp_path: Path) -> None:
    lake = lake_of(tmp_path, volume("vol-a"), details={"ebs": ()})

    found = judged(lake, waiver("", MODIFIED))["vol-a"]

    assert found.state == "FAIL"
    assert (found.lapsed or "").endswith("VolumeModification was not collected in this snapshot")


def test_what_is_false_decides_whatever_else_could_not_be_read(tmp_path: Path) -> None:
    lake = lake_of(tmp_path, volume("vol-a"), details={"ebs": ()})
    both = MODIFIED.replace("]", ", {State: in-use}]")

    assert (judged(lake, waiver("", both))["vol-a"].lapsed or "").endswith('State is "in-use", which is not so.')


def test_tags_that_could_not_be_read(tmp_path: Path) -> None:
    """Whether the waiver speaks of the bucket is unknown, in `not` as well; what is known all the same decides."""
    row = {
        "_id": "logs",
        "_gaps": {"Tags": "s3:GetBucketTagging AccessDenied: no"},
        "Name": "logs",
        "Encryption": None,
        "PublicAccessBlock": None,
    }
    snapshot(tmp_path / "lake", {"s3": [row], "account": []})
    path = tmp_path / "waivers.yml"

    def state(where: str) -> tuple[str, str | None]:
        path.write_text(waiver(where).replace("own-volume-encrypted", "s3-bucket-encryption"))
        asked = ScanOptions(policies=("s3-bucket-encryption",), lake=tmp_path / "lake", waivers=(path,))
        with judge_stored(asked) as outcome:
            (finding,) = [each for each in outcome.judgement.findings() if each.resource_id == "logs"]
            return finding.state, finding.lapsed

    why = "Whether the waiver known speaks of it could not be read: s3:GetBucketTagging AccessDenied: no"
    assert state("{tags: {env: dev}}") == ("FAIL", why)
    assert state("{not: {tags: {env: prod}}}") == ("FAIL", why)
    assert state("{or: [{resource: logs}, {tags: {env: dev}}]}") == ("WAIVED", None)
    assert state("{resource: other, tags: {env: dev}}") == ("FAIL", None)


def test_a_waiver_adds_to_what_a_scan_reads(tmp_path: Path) -> None:
    """Tags and conditions may take calls of their own, and so permissions."""
    path = tmp_path / "waivers.yml"
    path.write_text(waiver("{tags: {env: dev}}").replace("own-volume-encrypted", "s3-bucket-encryption"))
    asked = ScanOptions(policies=("s3-bucket-encryption",))

    def actions(options: ScanOptions) -> set[str]:
        return set(permissions(options)["Statement"][0]["Action"])

    assert actions(replace(asked, waivers=(path,))) - actions(asked) == {"s3:GetBucketTagging"}


def test_ages_are_measured_against_the_snapshot(tmp_path: Path) -> None:
    old = volume("vol-old", CreateTime=(NOW - timedelta(days=40)).isoformat())
    new = volume("vol-new", CreateTime=(NOW - timedelta(days=5)).isoformat())
    text = waiver("", "while: [{type: value, key: CreateTime, value_type: age, op: lt, value: 30}]")

    found = judged(lake_of(tmp_path, old, new), text)

    assert {name: each.state for name, each in found.items()} == {"vol-old": "FAIL", "vol-new": "WAIVED"}
