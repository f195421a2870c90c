"""Whether the buckets that distributions ask exist, and listings that one Region alone answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from crenel.catalog.load import catalog
from crenel.collect.spool import Spool
from crenel.collect.unit import read_unit
from crenel.model import GLOBAL

from .fakes import ACCOUNT, context, denied

LOCATION = "s3:GetBucketLocation"
ABSENT = f"crenel-no-such-bucket-{ACCOUNT}"


def distribution(*hosts: str, custom: bool = False) -> dict[str, Any]:
    kind = {"CustomOriginConfig": {}} if custom else {"S3OriginConfig": {"OriginAccessIdentity": ""}}
    origins = {"Items": [{"Id": host, "DomainName": host} | kind for host in hosts]}
    return {"Id": "E1", "ARN": f"arn:aws:cloudfront::{ACCOUNT}:distribution/E1", "DomainName": "d", "Origins": origins}


def buckets(codes: dict[str, str]) -> Callable[..., Any]:
    """Answer for buckets by their names: with the error's code, or with a location."""

    def answer(params: dict[str, Any], *_: Any) -> Any:
        code = codes.get(params["Bucket"], "")
        if code:
            raise denied(LOCATION, code)
        return {"LocationConstraint": None}

    return answer


def read(tmp_path, kind: str, answers: dict[str, Any], region: str = GLOBAL, detail: str = "") -> tuple[Any, ...]:
    spool = Spool(tmp_path)
    wanted = frozenset(each.name for each in catalog()[kind].with_needs(frozenset({detail} - {""})))
    with context(kind, answers, region, details=wanted) as unit:
        record = read_unit(unit, spool)
        rows = [json.loads(line) for line in spool.rows_file(record.unit).read_text().splitlines()]
        return rows, record.gaps, unit.target.caller.asked


def origins(tmp_path, found: dict[str, Any], codes: dict[str, str]) -> tuple[Any, ...]:
    listed = {"DistributionList": {"Quantity": 1, "IsTruncated": False, "Items": [found]}}
    answers = {"cloudfront:ListDistributions": listed, LOCATION: buckets(codes)}
    return read(tmp_path, "distribution", answers, detail="OriginBuckets")


@pytest.mark.parametrize(
    "host",
    [
        "site.s3.amazonaws.com",
        "site.s3.eu-west-1.amazonaws.com",
        "site.s3-eu-west-1.amazonaws.com",
        "site.s3.dualstack.eu-west-1.amazonaws.com",
        "site.s3.cn-north-1.amazonaws.com.cn",
    ],
)
def test_a_bucket_that_nobody_has(tmp_path, host: str) -> None:
    [row], gaps, _ = origins(tmp_path, distribution(host), {"site": "NoSuchBucket"})

    assert row["OriginBuckets"] == [{"Bucket": "site", "Exists": False}]
    assert gaps == ()


def test_buckets_of_this_account_of_another_and_of_another_region(tmp_path) -> None:
    """A refusal means that the bucket is there, as AWS does tell where there is none."""
    codes = {"theirs": "AccessDenied", "far": "AuthorizationHeaderMalformed", ABSENT: "NoSuchBucket"}
    hosts = ["a.b.s3.amazonaws.com", "theirs.s3.amazonaws.com", "far.s3.amazonaws.com", "theirs.s3.amazonaws.com"]
    [row], _, asked = origins(tmp_path, distribution(*hosts), codes)

    assert row["OriginBuckets"] == [{"Bucket": name, "Exists": True} for name in ("a.b", "theirs", "far")]
    assert [params for name, params, _ in asked if name == LOCATION].count({"Bucket": "theirs"}) == 1


def test_where_every_name_is_refused_nothing_is_known(tmp_path) -> None:
    codes = {"theirs": "AccessDenied", ABSENT: "AccessDenied"}
    [row], [gap], _ = origins(tmp_path, distribution("theirs.s3.amazonaws.com"), codes)

    assert row.get("OriginBuckets") is None
    assert (gap.detail, gap.code) == ("OriginBuckets", "AccessDenied")


def test_other_origins_are_not_asked(tmp_path) -> None:
    found = distribution("app.example.com", "site.s3-website-us-east-1.amazonaws.com", custom=True)
    [row], _, asked = origins(tmp_path, found, {})

    assert row["OriginBuckets"] == []
    assert [name for name, _, _ in asked] == ["cloudfront:ListDistributions"]


def test_access_points_are_listed_by_account(tmp_path) -> None:
    answer = {"AccessPointList": [{"Name": "point", "Bucket": "b"}]}
    _, _, asked = read(tmp_path, "s3-access-point", {"s3control:ListAccessPoints": answer}, "eu-west-1")

    assert asked == [("s3control:ListAccessPoints", {"AccountId": ACCOUNT, "MaxResults": 1000}, "eu-west-1")]


def test_multi_region_access_points_are_asked_for_in_their_one_region(tmp_path) -> None:
    answer = {"AccessPoints": [{"Name": "point", "Alias": "a.mrap"}]}
    [row], _, asked = read(tmp_path, "s3-access-point-multi", {"s3control:ListMultiRegionAccessPoints": answer})

    assert [region for _, _, region in asked] == ["us-west-2"]
    assert row["_arn"] == f"arn:aws:s3::{ACCOUNT}:accesspoint/a.mrap"
