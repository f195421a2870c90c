"""Units over a fake account: details, homes, gaps."""

import json
import threading
import time
from typing import Any

import pytest

from crenel.catalog.load import catalog
from crenel.collect.spool import Spool
from crenel.collect.unit import read_unit
from crenel.errors import CredentialsError
from crenel.lake.engine import connect
from crenel.lake.snapshots import collected_columns, rows_sql
from crenel.model import Unit

from .conftest import NOW
from .fakes import ACCOUNT, context, denied

# What is read of a type where a test does not say.
ORDINARY: dict[str, set[str]] = {
    "account": {"account_alias", "SummaryMap", "PasswordPolicy", "PublicAccessBlock"},
    "cloudtrail": {"Status", "Selectors"},
    "config-recorder": {"status", "deliveryChannel"},
    "ebs": set(),
    "ebs-snapshot": {"RestorableByAll", "CreateVolumePermissions"},
    "elasticsearch": {"DomainStatus"},
    "sagemaker-notebook": {"NotebookInstance"},
    "guardduty-detector": {"Detector"},
    "iam-policy": {"PolicyVersionList", "Statements"},
    "iam-user": {"Password"},
    "kms-key": {"AliasNames", "KeyMetadata"},
    "s3": {"Location", "Encryption", "PublicAccessBlock"},
}


def read(tmp_path, kind: str, answers: dict[str, Any], region: str = "us-east-1", **changes):
    """Read one unit over the fake; returns its record, its rows and what was asked."""
    spool = Spool(tmp_path)
    if "details" not in changes:
        changes["details"] = frozenset(ORDINARY.get(kind, catalog()[kind].details))
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
            return denied("es:DescribeElasticsearchDomains")
        return {"DomainStatusList": [{"DomainName": name, "ARN": f"arn:{name}"} for name in params["DomainNames"]]}

    answers = {
        "es:ListDomainNames": {"DomainNames": [{"DomainName": name} for name in names]},
        "es:DescribeElasticsearchDomains": describe,
    }
    record, rows, _ = read(tmp_path, "elasticsearch", answers)
    assert [row.get("ARN") for row in rows] == [f"arn:{name}" for name in names[:6]] + [None]
    assert [(gap.resource, gap.permission) for gap in record.gaps] == [("d6", "es:DescribeElasticsearchDomains")]
    assert record.calls["es:DescribeElasticsearchDomains"] == 2 + 2


def test_what_an_answer_does_not_speak_of_is_a_gap(tmp_path) -> None:
    answers = {
        "es:ListDomainNames": {"DomainNames": [{"DomainName": "d"}]},
        "es:DescribeElasticsearchDomains": {"DomainStatusList": []},
    }
    record, [row], _ = read(tmp_path, "elasticsearch", answers)
    assert "does not speak of d" in row["_gaps"]["DomainStatus"]
    assert record.gaps[0].code == "NotAnswered"


@pytest.mark.parametrize("answer", [{}, {"KeyMetadata": {}}, {"KeyMetadata": {"New": 1}}])
def test_an_answer_that_says_nothing_is_a_gap_where_it_would_merge(tmp_path, answer) -> None:
    answers = {
        "kms:ListKeys": {"Keys": [{"KeyId": "k"}]},
        "kms:ListAliases": {"Aliases": []},
        "kms:DescribeKey": answer,
    }
    record, [row], _ = read(tmp_path, "kms-key", answers)
    assert "does not speak of k" in row["_gaps"]["KeyMetadata"]
    assert [(gap.detail, gap.resource, gap.code, gap.permission) for gap in record.gaps] == [
        ("KeyMetadata", "k", "NotAnswered", "kms:DescribeKey")
    ]


def test_a_row_that_a_listing_of_all_leaves_out_is_asked_for_or_a_gap(tmp_path) -> None:
    answers = {
        "iam:ListUsers": {"Users": [{"UserName": "a"}, {"UserName": "b"}]},
        "iam:GetAccountAuthorizationDetails": {"UserDetailList": [{"UserName": "b", "UserPolicyList": []}]},
        "iam:GetUser": {"User": {"UserName": "a", "Path": "/"}},
    }
    details = frozenset({"User", "UserPolicyList"})
    record, [row, other], asked = read(tmp_path, "iam-user", answers, "global", details=details)
    assert row["Path"] == "/"
    assert list(row["_gaps"]) == ["UserPolicyList"]
    assert other["_gaps"] == {}
    assert [(gap.resource, gap.call) for gap in record.gaps] == [("a", "iam:ListUserPolicies")]
    assert [name for name, _, _ in asked].count("iam:GetUser") == 1


def test_parameters_are_joined_with_their_tags_by_the_arn_of_their_name(tmp_path) -> None:
    """AWS does not give every parameter's ARN; a name that is a path brings its slash along."""
    arns = [f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/{name}" for name in ("plain", "a/path")]
    answers = {
        "ssm:DescribeParameters": {"Parameters": [{"Name": "plain"}, {"Name": "/a/path"}, {"Name": "bare"}]},
        "resourcegroupstaggingapi:GetResources": {
            "ResourceTagMappingList": [{"ResourceARN": arn, "Tags": [{"Key": "At", "Value": arn}]} for arn in arns]
        },
    }
    record, rows, _ = read(tmp_path, "ssm-parameter", answers)
    assert [row["Tags"] for row in rows] == [*([{"Key": "At", "Value": arn}] for arn in arns), []]
    assert ([row["_arn"] for row in rows][:2], record.gaps) == (arns, ())


def test_a_row_without_what_it_is_joined_by_is_a_gap_and_gets_nobody_s_answer(tmp_path) -> None:
    answers = {
        "lambda:ListFunctions": {"Functions": [{"FunctionName": "f"}, {"FunctionName": "g", "FunctionArn": "arn:g"}]},
        "resourcegroupstaggingapi:GetResources": {
            "ResourceTagMappingList": [{"ResourceARN": "arn:g", "Tags": []}, {"Tags": [{"Key": "of", "Value": "none"}]}]
        },
    }
    record, [row, other], _ = read(tmp_path, "lambda", answers, details=frozenset({"Tags"}))
    assert ("Tags" in row, list(row["_gaps"])) == (False, ["Tags"])
    assert (other["Tags"], other["_gaps"]) == ([], {})
    assert [(gap.detail, gap.resource) for gap in record.gaps] == [("Tags", "f")]


def test_what_a_row_does_not_name_is_not_looked_up(tmp_path) -> None:
    """A cluster outside of a VPC has no subnet group: that is no gap, and takes no call."""
    answers = {"elasticache:DescribeCacheClusters": {"CacheClusters": [{"CacheClusterId": "c"}]}}
    record, [row], asked = read(tmp_path, "cache-cluster", answers, details=frozenset({"SubnetGroup"}))
    assert (row["SubnetGroup"], record.gaps, len(asked)) == (None, (), 1)


@pytest.mark.parametrize(
    ("kind", "answers", "detail"),
    [
        (
            "config-recorder",
            {
                "config:DescribeConfigurationRecorders": {"ConfigurationRecorders": [{"name": "a"}, {"name": "b"}]},
                "config:DescribeConfigurationRecorderStatus": {"ConfigurationRecordersStatus": ["garbage"]},
                "config:DescribeDeliveryChannels": {"DeliveryChannels": []},
            },
            "status",
        ),
        ("iam-user", {"iam:ListUsers": {"Users": [{"UserId": "a"}, {}]}}, "Password"),
    ],
)
def test_a_detail_that_stumbles_over_an_answer_is_a_gap_of_its_own(tmp_path, kind, answers, detail) -> None:
    record, rows, _ = read(tmp_path, kind, answers, "global" if kind == "iam-user" else "us-east-1")
    found = [gap for gap in record.gaps if gap.detail == detail]
    assert {gap.code for gap in found} == {"InvalidResponse"}
    assert len(found) == len(rows) == 2
    assert "Error: " in found[0].message
    assert all("InvalidResponse" in row["_gaps"][detail] for row in rows)


def test_listed_rows_that_are_none_are_a_gap_of_the_listing(tmp_path) -> None:
    record, rows, _ = read(tmp_path, "ebs", {"ec2:DescribeVolumes": {"Volumes": [{"VolumeId": "v"}, None]}})
    assert rows == []
    assert [(gap.detail, gap.code) for gap in record.gaps] == [("", "InvalidResponse")]


@pytest.mark.parametrize(
    ("kind", "answers", "gaps"),
    [
        ("sqs", {"sqs:ListQueues": {}}, 0),
        ("distribution", {"cloudfront:ListDistributions": {"DistributionList": {"Quantity": 0}}}, 0),
        ("distribution", {"cloudfront:ListDistributions": {}}, 1),
        ("ebs", {"ec2:DescribeVolumes": {}}, 1),
    ],
)
def test_a_list_that_an_answer_leaves_out_is_empty_for_services_that_do_so(tmp_path, kind, answers, gaps) -> None:
    record, rows, _ = read(tmp_path, kind, answers)
    assert (rows, len(record.gaps)) == ([], gaps)


def test_when_a_row_fails_nothing_is_under_way_any_more(tmp_path) -> None:
    begun, ended = threading.Event(), threading.Event()

    def ask(row) -> None:
        if row == "bad":
            begun.wait(5)
            raise KeyError(row)
        begun.set()
        time.sleep(0.2)
        ended.set()

    with context("ebs", {}, "us-east-1") as unit:
        with pytest.raises(KeyError):
            unit.each("ec2", ask, ["bad", "slow"])
        assert ended.is_set()


def test_a_denied_key_is_unknown_and_one_that_is_gone_is_left_out(tmp_path) -> None:
    def describe(params, _):
        key = params["KeyId"]
        answers: dict[str, Any] = {
            "mine": {"KeyMetadata": {"KeyId": "mine", "KeyState": "PendingDeletion"}},
            "aws": {"KeyMetadata": {"KeyId": "aws", "KeyState": "Enabled", "KeyManager": "AWS"}},
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
    assert [row["AliasNames"] for row in rows] == [["alias/aws/ebs"], ["alias/x", "alias/y"], None]
    assert [row.get("KeyState") for row in rows] == ["Enabled", "PendingDeletion", None]
    assert record.calls["kms:DescribeKey"] == 4
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
    assert (row["_id"], row["_name"], row["account_alias"]) == (ACCOUNT, ACCOUNT, ["acme"])
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
        tmp_path,
        "iam-policy",
        {"iam:ListPolicies": {"Policies": policies}, "iam:GetAccountAuthorizationDetails": {"Policies": policies}},
        "global",
    )
    assert rows[0]["Statements"][0]["Action"] == ["*"]
    assert [(gap.resource, gap.code) for gap in record.gaps] == [("P2", "InvalidDocument")]


def test_policy_documents_are_json_in_the_lake_s_sql(tmp_path) -> None:
    inline = {"PolicyName": "p", "PolicyDocument": {"Version": "2012-10-17", "Statement": {"Action": "s3:Get*"}}}
    users = [{"UserName": "u", "UserPolicyList": [inline]}, {"UserName": "v", "UserPolicyList": [
        {"PolicyName": "q", "PolicyDocument": "no document"}
    ]}]  # fmt: skip
    statement = {"Effect": "Allow", "Action": "*", "Condition": {"Bool": {"aws:SecureTransport": "true"}}}
    version = {"VersionId": "v1", "IsDefaultVersion": True, "Document": {"Statement": [statement]}}
    policies = [{"PolicyId": "P", "Arn": "a", "PolicyName": "p", "PolicyVersionList": [version]}]
    answers = {
        "iam:ListUsers": {"Users": [{"UserName": user["UserName"]} for user in users]},
        "iam:ListPolicies": {"Policies": [{"PolicyId": "P", "Arn": "a", "PolicyName": "p"}]},
        "iam:GetAccountAuthorizationDetails": {"UserDetailList": users, "Policies": policies},
    }

    def query(kind: str, sql: str, *details: str) -> list[Any]:
        record, _, _ = read(tmp_path, kind, answers, "global", details=frozenset(details))
        source = rows_sql(collected_columns(catalog()[kind], details), [Spool(tmp_path).rows_file(record.unit)])
        return connect().execute(f"SELECT {sql} FROM ({source}) ORDER BY _id").fetchall()

    inside = "UserPolicyList[1].PolicyDocument"
    assert query("iam-user", f"{inside}->>'$.Statement.Action', {inside}->>'$'", "UserPolicyList") == [
        ("s3:Get*", json.dumps(inline["PolicyDocument"], separators=(",", ":"))), (None, "no document")
    ]  # fmt: skip
    deep = "Statements[1].Condition->>'$.Bool.\"aws:SecureTransport\"'"
    assert query(
        "iam-policy",
        f"{deep}, PolicyVersionList[1].Document->>'$.Statement[0].Effect'",
        "PolicyVersionList",
        "Statements",
    ) == [("true", "Allow")]


def expired(code: str):
    return {"kms:ListKeys": {"Keys": [{"KeyId": "k"}]}, "kms:ListAliases": denied("kms:ListAliases", code)}


@pytest.mark.parametrize(
    "code", ["ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidClientTokenId", "CredentialsError"]
)
def test_expired_credentials_end_the_unit_and_are_no_gap(tmp_path, code) -> None:
    with pytest.raises(CredentialsError, match="the credentials expired while scanning") as caught:
        read(tmp_path, "kms-key", expired(code))
    assert "crenel scan --resume" in caught.value.suggestion
    assert Spool(tmp_path).record(Unit(ACCOUNT, "us-east-1", "kms-key")) is None


@pytest.mark.parametrize("code", ["UnrecognizedClientException", "AuthFailure", "InvalidClientTokenId"])
def test_what_a_disabled_region_says_of_a_token_is_a_gap(tmp_path, code) -> None:
    record, _, _ = read(tmp_path, "kms-key", expired(code), "me-south-1")
    assert code in {gap.code for gap in record.gaps}
