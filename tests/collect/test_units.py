"""Units over a fake account: details, homes, gaps, stops, resumption."""

import json
import threading
from typing import Any

import pytest

from crenel.catalog.load import catalog
from crenel.collect.collector import ProgressEvent, collect
from crenel.collect.spool import Spool
from crenel.collect.unit import read_unit
from crenel.errors import CrenelError
from crenel.model import Coverage, Needs, Unit

from .conftest import NOW
from .fakes import ACCOUNT, FakeCaller, context, denied, target


def read(tmp_path, kind: str, answers: dict[str, Any], region: str = "us-east-1", **changes):
    """Read one unit over the fake; returns its record, its rows and what was asked."""
    spool = Spool(tmp_path)
    with context(kind, answers, region, **changes) as unit:
        record = read_unit(unit, spool)
        rows = [json.loads(line) for line in spool.rows_file(record.unit).read_text().splitlines()]
        return record, rows, unit.target.caller.asked


def test_a_row_bears_the_common_columns_then_aws_s(tmp_path) -> None:
    volume = {"VolumeId": "vol-1", "Encrypted": True, "CreateTime": NOW}
    record, [row], _ = read(tmp_path, "ebs", {"ec2:DescribeVolumes": {"Volumes": [volume]}})
    assert list(row)[:10] == [
        "_account", "_region", "_home", "_owner", "_primary", "_id", "_arn", "_name", "_seen_at", "_gaps",
    ]  # fmt: skip
    assert row["_arn"] == "arn:aws:ec2:us-east-1:123456789012:volume/vol-1"
    assert (row["_region"], row["_home"], row["_owner"], row["_primary"]) == ("us-east-1", "us-east-1", ACCOUNT, True)
    assert row["CreateTime"] == "2026-11-25 12:00:00.000000"
    assert (record.rows, record.calls, record.gaps) == (1, {"ec2:DescribeVolumes": 1}, ())


def test_a_refused_listing_is_one_gap(tmp_path) -> None:
    record, rows, _ = read(tmp_path, "ebs", {})
    assert rows == []
    assert [(gap.detail, gap.resource, gap.permission, gap.code) for gap in record.gaps] == [
        ("", "", "ec2:DescribeVolumes", "AccessDenied")
    ]


def test_rows_before_a_failing_page_stay(tmp_path) -> None:
    with context("ebs", {}, "us-east-1") as unit:

        def pages(*_):
            yield {"Volumes": [{"VolumeId": "a"}]}
            raise denied("ec2:DescribeVolumes", "Throttling")

        unit.target.caller.pages = pages
        record = read_unit(unit, Spool(tmp_path))
    assert record.rows == 1
    assert record.gaps[0].code == "Throttling"


def test_public_snapshots_take_one_listing_and_proof_for_the_public_alone(tmp_path) -> None:
    snapshots = [{"SnapshotId": f"snap-{number}", "OwnerId": ACCOUNT} for number in range(4)]
    foreign = {"SnapshotId": "snap-9", "OwnerId": "999999999999"}

    def listing(params, _):
        return {"Snapshots": [snapshots[2]] if "RestorableByUserIds" in params else [*snapshots, foreign]}

    answers = {
        "ec2:DescribeSnapshots": listing,
        "ec2:DescribeSnapshotAttribute": {"CreateVolumePermissions": [{"Group": "all"}]},
    }
    record, rows, _ = read(tmp_path, "ebs-snapshot", answers)
    assert record.calls == {"ec2:DescribeSnapshotAttribute": 1, "ec2:DescribeSnapshots": 2}
    assert [row["RestorableByAll"] for row in rows] == [False, False, True, False]
    assert [row["CreateVolumePermissions"] for row in rows] == [None, None, [{"Group": "all"}], None]


def test_a_condition_that_could_not_be_read_leads_to_the_call(tmp_path) -> None:
    def listing(params, _):
        if "RestorableByUserIds" in params:
            return denied("ec2:DescribeSnapshots")
        return {"Snapshots": [{"SnapshotId": "snap-1", "OwnerId": ACCOUNT}, {"SnapshotId": "snap-2"}]}

    answers = {"ec2:DescribeSnapshots": listing, "ec2:DescribeSnapshotAttribute": {"CreateVolumePermissions": []}}
    record, rows, _ = read(tmp_path, "ebs-snapshot", answers)
    assert [row["CreateVolumePermissions"] for row in rows] == [[], []]
    assert all("AccessDenied" in row["_gaps"]["RestorableByAll"] for row in rows)
    assert [(gap.detail, gap.resource) for gap in record.gaps] == [("RestorableByAll", "")]  # one for the unit


def test_once_details_wait_for_rows_and_join_by_key(tmp_path) -> None:
    _, rows, asked = read(tmp_path, "config-recorder", {"config:DescribeConfigurationRecorders": {}})
    assert (rows, len(asked)) == ([], 1)
    answers = {
        "config:DescribeConfigurationRecorders": {"ConfigurationRecorders": [{"name": "a"}, {"name": "b"}]},
        "config:DescribeConfigurationRecorderStatus": {
            "ConfigurationRecordersStatus": [{"name": "b", "recording": True}, {"name": "c"}]
        },
        "config:DescribeDeliveryChannels": {"DeliveryChannels": [{"name": "d"}]},
    }
    _, rows, asked = read(tmp_path, "config-recorder", answers)
    assert [row["status"] for row in rows] == [None, {"name": "b", "recording": True}]
    assert [row["deliveryChannel"] for row in rows] == [{"name": "d"}, {"name": "d"}]
    assert len(asked) == 3


def test_batches_are_joined_and_a_failing_one_is_asked_one_by_one(tmp_path) -> None:
    names = [f"d{number}" for number in range(7)]

    def describe(params, _):
        if "d6" in params["DomainNames"]:
            return denied("opensearch:DescribeDomains")
        return {"DomainStatusList": [{"DomainName": name, "ARN": f"arn:{name}"} for name in params["DomainNames"]]}

    answers = {
        "opensearch:ListDomainNames": {"DomainNames": [{"DomainName": name} for name in names]},
        "opensearch:DescribeDomains": describe,
    }
    record, rows, _ = read(tmp_path, "elasticsearch", answers)
    assert [row["_arn"] for row in rows] == [f"arn:{name}" for name in names[:6]] + [None]
    assert [(gap.resource, gap.permission) for gap in record.gaps] == [("d6", "es:DescribeDomains")]
    assert record.calls["opensearch:DescribeDomains"] == 2 + 2


def test_what_an_answer_does_not_speak_of_is_a_gap(tmp_path) -> None:
    answers = {
        "opensearch:ListDomainNames": {"DomainNames": [{"DomainName": "d"}]},
        "opensearch:DescribeDomains": {"DomainStatusList": []},
    }
    record, [row], _ = read(tmp_path, "elasticsearch", answers)
    assert "does not speak of d" in row["_gaps"]["DomainStatus"]
    assert record.gaps[0].code == "NotAnswered"


def test_aws_s_own_keys_are_not_described_and_a_denied_one_is_unknown(tmp_path) -> None:
    def describe(params, _):
        key = params["KeyId"]
        answers: dict[str, Any] = {
            "mine": {"KeyMetadata": {"KeyId": "mine", "KeyState": "PendingDeletion"}},
            "gone": denied("kms:DescribeKey", "NotFoundException"),
        }
        return answers.get(key, denied("kms:DescribeKey", "AccessDeniedException"))

    answers = {
        "kms:ListKeys": {"Keys": [{"KeyId": key} for key in ("aws", "mine", "gone", "closed")]},
        "kms:ListAliases": {"Aliases": [
            {"AliasName": "alias/aws/ebs", "TargetKeyId": "aws"}, {"AliasName": "alias/x", "TargetKeyId": "mine"},
            {"AliasName": "alias/y", "TargetKeyId": "mine"}, {"AliasName": "alias/aws/none"},
        ]},
        "kms:DescribeKey": describe,
    }  # fmt: skip
    record, rows, _ = read(tmp_path, "kms-key", answers)
    assert [row["_id"] for row in rows] == ["aws", "mine", "closed"]
    assert [row["AliasNames"] for row in rows] == [["alias/aws/ebs"], ["alias/x", "alias/y"], []]
    assert [row.get("KeyState") for row in rows] == [None, "PendingDeletion", None]
    assert record.calls["kms:DescribeKey"] == 3
    assert rows[2]["_gaps"] == {"KeyMetadata": "kms:DescribeKey AccessDeniedException: not allowed"}


def test_buckets_are_asked_at_home_and_listed_once(tmp_path) -> None:
    def encryption(params, region):
        missing = denied("s3:GetBucketEncryption", "ServerSideEncryptionConfigurationNotFoundError")
        return missing if params["Bucket"] == "old" else {"ServerSideEncryptionConfiguration": {"Rules": [region]}}

    answers = {
        "s3:ListBuckets": {"Buckets": [
            {"Name": "old"}, {"Name": "a", "BucketRegion": "eu-west-1"}, {"Name": "eu"}, {"Name": "closed"},
            {"Name": "far", "BucketRegion": "ap-south-1"},
        ]},
        "s3:GetBucketLocation": lambda params, _: {
            "old": {"LocationConstraint": None}, "eu": {"LocationConstraint": "EU"},
        }.get(params["Bucket"], denied("s3:GetBucketLocation")),
        "s3:GetBucketEncryption": encryption,
        "s3:GetPublicAccessBlock": denied("s3:GetPublicAccessBlock", "NoSuchPublicAccessBlockConfiguration"),
    }  # fmt: skip
    record, rows, asked = read(tmp_path, "s3", answers, "global")
    assert [row["_home"] for row in rows] == ["us-east-1", "eu-west-1", "eu-west-1", None, "ap-south-1"]
    assert rows[0]["Encryption"] is None
    assert rows[1]["Encryption"] == {"Rules": ["eu-west-1"]}
    assert rows[3]["_gaps"]["Location"].startswith("s3:GetBucketLocation AccessDenied")
    assert all(row["PublicAccessBlock"] is None for row in rows)
    assert [gap.detail for gap in record.gaps] == ["Location"]
    assert ("s3:GetBucketEncryption", {"Bucket": "a"}, "eu-west-1") in asked
    _, rows, _ = read(tmp_path, "s3", answers, "global", restricted=True, details=frozenset())
    assert [row["_id"] for row in rows] == ["old", "a", "eu", "closed"]


TRAIL = {"TrailARN": "arn:aws:cloudtrail:eu-west-1:999999999999:trail/t", "Name": "t", "HomeRegion": "eu-west-1"}
TRAIL_ANSWERS = {
    "cloudtrail:DescribeTrails": {"trailList": [TRAIL]},
    "cloudtrail:GetTrailStatus": {"IsLogging": True},
    "cloudtrail:GetEventSelectors": {"EventSelectors": []},
}


@pytest.mark.parametrize(
    ("region", "scanned", "primary"),
    [
        ("eu-west-1", ("eu-west-1", "us-east-1"), True),
        ("us-east-1", ("eu-west-1", "us-east-1"), False),
        ("ap-south-1", ("ap-south-1", "us-east-1"), True),
        ("us-east-1", ("ap-south-1", "us-east-1"), False),
    ],
)
def test_a_trail_is_read_once_at_home_or_in_the_first_region(tmp_path, region, scanned, primary) -> None:
    record, [row], asked = read(tmp_path, "cloudtrail", TRAIL_ANSWERS, region, scanned=scanned)
    assert row["_primary"] is primary
    assert (row["_home"], row["_owner"]) == ("eu-west-1", "999999999999")
    assert {where for name, _, where in asked if name != "cloudtrail:DescribeTrails"} == (
        {"eu-west-1"} if primary else set()
    )
    assert row["_gaps"] == (
        {} if primary else dict.fromkeys(("Status", "Selectors"), "read at its home Region eu-west-1")
    )
    assert record.gaps == ()


def test_account_rows(tmp_path) -> None:
    answers = {
        "iam:ListAccountAliases": {"AccountAliases": ["acme"]},
        "iam:GetAccountSummary": {"SummaryMap": {"AccountMFAEnabled": 1}},
        "iam:GetAccountPasswordPolicy": denied("iam:GetAccountPasswordPolicy", "NoSuchEntity"),
    }
    record, [row], _ = read(tmp_path, "account", answers, "global")
    assert (row["_id"], row["_name"], row["account_name"]) == (ACCOUNT, "acme", "acme")
    assert row["PasswordPolicy"] is None
    assert [(gap.detail, gap.permission) for gap in record.gaps] == [
        ("PublicAccessBlock", "s3:GetAccountPublicAccessBlock")
    ]


def test_statements_of_the_default_version(tmp_path) -> None:
    old = {"VersionId": "v1", "IsDefaultVersion": False, "Document": '{"Statement": []}'}
    new = {"VersionId": "v2", "IsDefaultVersion": True, "Document": '{"Statement": {"Effect": "Allow", "Action": "*"}}'}
    policies = [
        {"PolicyId": "P1", "Arn": "a", "PolicyName": "p", "DefaultVersionId": "v2", "PolicyVersionList": [old, new]},
        {"PolicyId": "P2", "Arn": "b", "PolicyName": "q", "DefaultVersionId": "v1", "PolicyVersionList": []},
    ]
    record, rows, _ = read(
        tmp_path, "iam-policy", {"iam:GetAccountAuthorizationDetails": {"Policies": policies}}, "global"
    )
    assert rows[0]["Statements"][0]["Action"] == ["*"]
    assert [(gap.resource, gap.code) for gap in record.gaps] == [("P2", "InvalidDocument")]


COVERED = [Coverage(ACCOUNT, name, "scanned") for name in ("eu-west-1", "us-east-1")] + [
    Coverage(ACCOUNT, "me-south-1", "not-opted-in", "off")
]
NEEDS = [Needs("ebs"), Needs("aws.account", frozenset({"SummaryMap"}))]
ANSWERS = {"ec2:DescribeVolumes": {"Volumes": [{"VolumeId": "v"}]}, "iam:GetAccountSummary": {"SummaryMap": {}}}


def gather(tmp_path, caller: FakeCaller, **changes):
    return collect([target(caller)], NEEDS, COVERED, Spool(tmp_path), catalog=catalog(), now=NOW, **changes)


def test_units_are_account_by_region_by_type_and_progress_is_told(tmp_path) -> None:
    events: list[ProgressEvent] = []
    caller = FakeCaller(ANSWERS)
    records = gather(tmp_path, caller, progress=events.append)
    assert {record.unit for record in records} == {
        Unit(ACCOUNT, "global", "account"), Unit(ACCOUNT, "eu-west-1", "ebs"), Unit(ACCOUNT, "us-east-1", "ebs"),
    }  # fmt: skip
    assert [event.state for event in events].count("started") == 3
    assert (events[-1].done, events[-1].total, events[-1].state) == (3, 3, "finished")
    assert ("iam:GetAccountSummary", {}, "us-east-1") in caller.asked
    assert {where for name, _, where in caller.asked if name == "ec2:DescribeVolumes"} == {"eu-west-1", "us-east-1"}


def test_a_stop_keeps_what_is_finished_and_a_second_run_reads_the_rest(tmp_path) -> None:
    stop = threading.Event()

    def volumes(_, region):
        if region == "us-east-1":
            stop.set()
        return {"Volumes": []}

    first = gather(tmp_path, FakeCaller(ANSWERS | {"ec2:DescribeVolumes": volumes}), stop=stop, workers=2)
    assert len(first) < 3
    assert {record.unit for record in first} == {record.unit for record in Spool(tmp_path).records()}
    caller = FakeCaller(ANSWERS)
    second = gather(tmp_path, caller)
    assert len(second) == 3
    assert len(caller.asked) == 3 - len(first)


def test_ctrl_c_is_raised_on_and_finished_units_stay(tmp_path) -> None:
    stop = threading.Event()

    def volumes(_, region):
        if region == "us-east-1":
            raise KeyboardInterrupt
        return {"Volumes": []}

    with pytest.raises(KeyboardInterrupt):
        gather(tmp_path, FakeCaller(ANSWERS | {"ec2:DescribeVolumes": volumes}), stop=stop, workers=2)
    assert stop.is_set()
    assert not Spool(tmp_path).is_done(Unit(ACCOUNT, "us-east-1", "ebs"))
    assert Spool(tmp_path).is_done(Unit(ACCOUNT, "eu-west-1", "ebs"))


def test_a_spool_that_can_not_be_written_ends_the_scan(tmp_path) -> None:
    spool = Spool(tmp_path / "spool")
    (tmp_path / "spool").rmdir()
    with pytest.raises(CrenelError, match="can't write"):
        collect([target(FakeCaller(ANSWERS))], NEEDS, COVERED, spool, catalog=catalog(), now=NOW)


def test_denied_everywhere_is_gaps_everywhere_and_no_crash(tmp_path) -> None:
    every = [Needs(name, frozenset(catalog()[name].details)) for name in catalog()]
    records = collect([target(FakeCaller({}))], every, COVERED, Spool(tmp_path), catalog=catalog(), now=NOW)
    assert all(record.gaps for record in records)
    assert len(records) == sum(2 if catalog()[name].regional else 1 for name in catalog())
