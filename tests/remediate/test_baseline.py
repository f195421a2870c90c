"""A new account, put right in one plan, and back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crenel.collect.calls import Caller
from crenel.errors import UsageError
from crenel.fix import PlanOptions, baseline
from crenel.model import GLOBAL, Status
from crenel.remediate.baseline import PRACTICES
from crenel.remediate.load import acts
from crenel.remediate.model import Plan
from crenel.remediate.planfile import from_text, to_text
from crenel.scan import ScanOptions

from . import seeds
from .played import Step, applied, rows, scanned, undone
from .snapshots import ACCOUNT, snapshot
from .test_practices import compared

REGIONS = ("us-east-1", "eu-west-1")
BUCKET = "crenel-logs-123456789012-us-east-1"


def planned(lake: Path, **settings: str) -> Plan:
    return baseline(
        PlanOptions(ScanOptions(lake=lake), settings={k.replace("_", "-"): v for k, v in settings.items()})
    ).plan


def failing(lake: Path) -> dict[tuple[int, str], Status]:
    _, found = scanned(lake, "", *REGIONS)
    return {
        (one.practice or 0, one.region): one.status
        for one in found.values()
        if one.practice in PRACTICES and one.status is not Status.PASS
    }


def test_a_new_account_is_put_right_and_taken_back(
    aws: Callable[..., Any], caller: Callable[..., Caller], tmp_path: Path
) -> None:
    seeds.service_role(aws)  # which moto gives another name than AWS
    first, _ = scanned(tmp_path / "before", "", *REGIONS)
    plan = planned(tmp_path / "before")
    assert from_text(to_text(plan), "plan.json").steps == plan.steps
    assert {step.practice for step in plan.steps} == {None, *PRACTICES} - {13, 14}  # there is no trail yet
    assert not [step.title for step in plan.steps if not step.act]

    done = list(applied(caller(), [Step(acts()[one.act], one.args, one.seen, one.id) for one in plan.automatic]))
    assert failing(tmp_path / "after") == {}

    undone(caller(), done)
    last, _ = scanned(tmp_path / "undone", "", *REGIONS)
    assert compared(first, last, "kms_key") == []
    assert [row["KeyState"] for row in rows(last.folder / "kms_key.parquet")] == ["PendingDeletion"]


def test_the_second_time_there_is_nothing_to_do(
    aws: Callable[..., Any], caller: Callable[..., Caller], tmp_path: Path
) -> None:
    """The plan applied again finds every step done, and a plan made then is empty."""
    seeds.service_role(aws)
    scanned(tmp_path, "", "us-east-1")
    steps = [Step(acts()[one.act], one.args, one.seen, one.id) for one in planned(tmp_path).automatic]
    assert list(applied(caller(), steps))

    assert list(applied(caller(), steps)) == []
    scanned(tmp_path, "", "us-east-1")
    assert planned(tmp_path).steps == ()


ROW: dict[str, Any] = {"_id": ACCOUNT, "_region": GLOBAL}
BUCKETS = {"s3": [{"_id": "our-logs", "Name": "our-logs", "_region": "us-east-1"}]}
TRAIL = f"arn:aws:cloudtrail:eu-west-1:{ACCOUNT}:trail/old"


def trail(**changes: Any) -> dict[str, Any]:
    """A row of a trail of one Region, without a key."""
    common = {"_id": TRAIL, "_region": "eu-west-1", "TrailARN": TRAIL, "Name": "old", "HomeRegion": "eu-west-1"}
    return {
        **common,
        "S3BucketName": "our-logs",
        "IsMultiRegionTrail": False,
        "LogFileValidationEnabled": True,
    } | changes


def test_what_the_user_sets_is_made_by_nobody(tmp_path: Path) -> None:
    snapshot(tmp_path, {"account": [ROW], "cloudtrail": [], **BUCKETS})

    plan = planned(tmp_path, trail_bucket="our-logs", trail_key=f"arn:aws:kms:us-east-1:{ACCOUNT}:key/k")

    assert [step.act for step in plan.automatic if step.practice in (None, 12)] == [
        "cloudtrail/create-trail",
        "cloudtrail/start-trail",
    ]


def test_a_bucket_that_is_there_is_used(tmp_path: Path) -> None:
    snapshot(tmp_path, {"account": [ROW], "cloudtrail": [], **BUCKETS})

    plan = planned(tmp_path, log_bucket="our-logs")

    assert [step.act for step in plan.automatic if step.policy == ""] == [
        "infrastructure/create-key",
        "infrastructure/create-alias",
    ]
    (made,) = [step for step in plan.automatic if step.act == "cloudtrail/create-trail"]
    assert (made.args["bucket"], made.args["key"]) == ("our-logs", {"$from": "1", "path": "after[0]"})
    assert (made.call, made.command) == ({}, "")
    assert any("our-logs is there already" in note for note in plan.notes)


@pytest.mark.parametrize("home", ["us-east-1", "eu-west-1"])
def test_a_key_is_made_in_the_region_of_the_trails_bucket(home: str, tmp_path: Path) -> None:
    """CloudTrail takes no other."""
    bucket = {"_id": "our-logs", "Name": "our-logs", "_region": home, "_home": home}
    snapshot(tmp_path, {"account": [ROW], "cloudtrail": [trail()], "s3": [bucket]})

    steps = planned(tmp_path).steps

    assert [step.region for step in steps if step.act == "infrastructure/create-key"] == [home]
    (encrypts,) = [step for step in steps if step.act == "cloudtrail/encrypt-trail"]
    assert (encrypts.region, encrypts.args["key"]["path"]) == ("eu-west-1", "after[0]")


def test_no_key_is_made_for_buckets_of_which_nothing_is_known(tmp_path: Path) -> None:
    snapshot(tmp_path, {"account": [ROW], "cloudtrail": [trail()], "s3": []})

    plan = planned(tmp_path)

    assert "infrastructure/create-key" not in [step.act for step in plan.steps]
    assert any("no key is made, for the buckets our-logs are not known" in note for note in plan.notes)


def test_a_setting_that_there_is_not_is_an_error(tmp_path: Path) -> None:
    snapshot(tmp_path, {"account": [ROW]})

    with pytest.raises(UsageError, match=r"no repair has a setting .log-bukcet.* Did you mean .log-bucket."):
        planned(tmp_path, log_bukcet="x")
