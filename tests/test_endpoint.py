"""The benchmarks' endpoint, read by botocore as any client would read it."""

import csv
import io
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import botocore.session
import pytest
from benchmarks import prowler
from benchmarks.endpoint import account as synthetic
from benchmarks.endpoint.account import PRESETS, REGIONS, Account, Sizes
from benchmarks.endpoint.answers import ANSWERS
from benchmarks.endpoint.launch import Running, running
from benchmarks.endpoint.server import Bucket, Denial, Malformed, main, parse_head
from benchmarks.endpoint.wire import services
from botocore.config import Config
from botocore.exceptions import ClientError

SMALL = PRESETS["small"]
ACCOUNT = Account.of("small")

# What an operation needs to be asked, where it needs anything.
PARAMETERS: dict[str, dict[str, Any]] = {
    "ec2:DescribeSnapshotAttribute": {
        "SnapshotId": f"snap-{synthetic.code(17)}",
        "Attribute": "createVolumePermission",
    },
    "iam:GetAccessKeyLastUsed": {"AccessKeyId": next(synthetic.access_keys(1)).id},
    "iam:GetUserPolicy": {"UserName": "user-0000000", "PolicyName": "inline"},
    "iam:GetPolicyVersion": {"PolicyArn": "arn:aws:iam::111122223333:policy/policy-0000004", "VersionId": "v1"},
    "iam:GetServiceLastAccessedDetails": {"JobId": "0" * 36},
    "iam:GenerateServiceLastAccessedDetails": {"Arn": "arn:aws:iam::111122223333:user/user-0000000"},
    "iam:ListServerCertificateTags": {"ServerCertificateName": "none"},
    "cloudtrail:ListTags": {"ResourceIdList": ["arn:aws:cloudtrail:us-east-1:111122223333:trail/trail-0000000"]},
    "guardduty:GetDetector": {"DetectorId": f"{0:032x}"},
    "opensearch:DescribeDomains": {"DomainNames": ["domain-0000000"]},
    "es:DescribeElasticsearchDomains": {"DomainNames": ["domain-0000000"]},
    "opensearch:ListTags": {"ARN": "arn:aws:es:us-east-1:111122223333:domain/domain-0000000"},
    "es:ListTags": {"ARN": "arn:aws:es:us-east-1:111122223333:domain/domain-0000000"},
    "dms:ListTagsForResource": {"ResourceArn": "arn:aws:dms:us-east-1:111122223333:rep:X"},
    "sagemaker:ListTags": {"ResourceArn": "arn:aws:sagemaker:us-east-1:111122223333:notebook-instance/n"},
    "lambda:ListTags": {"Resource": "arn:aws:lambda:us-east-1:111122223333:function:function-0000000"},
    "guardduty:ListTagsForResource": {"ResourceArn": "arn:aws:guardduty:us-east-1:111122223333:detector/0"},
    "s3control:ListMultiRegionAccessPoints": {"AccountId": "111122223333"},
}
# The smallest pages that a service gives.
LEAST = {"ec2": 5, "dms": 20}
# Members that operations ask for by the same name.
COMMON = {
    "UserName": "user-0000000",
    "GroupName": "group-0000000",
    "RoleName": "role-0000000",
    "PolicyArn": "arn:aws:iam::111122223333:policy/policy-0000001",
    "Bucket": "crenel-bench-0000001",
    "AccountId": "111122223333",
    "Name": "trail-0000000",
    "TrailName": "trail-0000000",
    "KeyId": synthetic.uuid(0),
    "FunctionName": "function-0000000",
    "DomainName": "domain-0000000",
    "NotebookInstanceName": "notebook-0000000",
    "DetectorId": f"{0:032x}",
    "resourceArn": "arn:aws:logs:us-east-1:111122223333:log-group:none",
    "logGroupName": "none",
}
ABSENT = {
    "s3:GetBucketPolicy", "s3:GetBucketPolicyStatus", "s3:GetBucketTagging", "s3:GetBucketLifecycleConfiguration",
    "s3:GetBucketReplication", "s3:GetObjectLockConfiguration", "s3:GetBucketWebsite", "s3:GetBucketCors",
    "cloudtrail:GetInsightSelectors", "lambda:GetPolicy", "lambda:GetFunctionUrlConfig",
    "guardduty:DescribeOrganizationConfiguration", "iam:ListOrganizationsFeatures",
}  # fmt: skip


class Clients:
    """Botocore clients of one endpoint, made once each."""

    def __init__(self, endpoint: Running) -> None:
        self.endpoint = endpoint
        self.made: dict[Any, Any] = {}
        self.session = botocore.session.get_session()
        self.session.set_credentials("AKIABENCHMARKBENCHMA", "benchmark")

    def __call__(self, service: str, region: str = "us-east-1", **config: Any) -> Any:
        key = (service, region, *config.items())
        if key not in self.made:
            settings = Config(proxies={"http": self.endpoint.url}, retries={"total_max_attempts": 1}, **config)
            with mock.patch.dict(os.environ, {"NO_PROXY": "", "no_proxy": ""}):
                self.made[key] = self.session.create_client(
                    service, region_name=region, endpoint_url=self.endpoint.url, config=settings
                )
        return self.made[key]

    def pages(
        self, service: str, operation: str, member: str, region: str = "us-east-1", **parameters: Any
    ) -> list[Any]:
        """All rows of a listing, over all its pages."""
        pages = self(service, region).get_paginator(operation).paginate(**parameters)
        return [row for page in pages for row in page.get(member, [])]

    def everywhere(self, service: str, operation: str, member: str, **parameters: Any) -> list[Any]:
        """All rows of a listing in all Regions."""
        return [row for region in REGIONS for row in self.pages(service, operation, member, region, **parameters)]

    def close(self) -> None:
        for client in self.made.values():
            client.close()


@pytest.fixture(scope="module")
def small():
    with running("small") as endpoint:
        clients = Clients(endpoint)
        yield clients
        clients.close()


def code_of(error: Any) -> str:
    return str(error.value.response["Error"]["Code"])


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_every_operation_can_be_read(small, name):
    service, _, operation = name.partition(":")
    client = small(service)
    shape = client.meta.service_model.operation_model(operation).input_shape
    needed = list(shape.required_members) if shape is not None else []
    if service == "iam" and shape is not None:
        needed += [member for member in shape.members if member == "UserName"]
    parameters = PARAMETERS.get(name) or {member: COMMON[member] for member in needed}
    method = next(method for method, api in client.meta.method_to_api_mapping.items() if api == operation)
    if name in ABSENT:
        with pytest.raises(ClientError) as error:
            getattr(client, method)(**parameters)
        assert code_of(error) not in {"AccessDenied", "AccessDeniedException", "500"}
    else:
        getattr(client, method)(**parameters)
    stats = small.endpoint.stats()
    assert stats["calls"][name] >= 1
    assert stats["failed"] == 0
    assert stats["unknown"] == {}


@pytest.mark.parametrize(
    ("service", "operation", "member", "count"),
    [
        ("ec2", "describe_volumes", "Volumes", SMALL.volumes),
        ("ec2", "describe_snapshots", "Snapshots", SMALL.snapshots),
        ("ec2", "describe_vpcs", "Vpcs", SMALL.all_vpcs),
        ("ec2", "describe_flow_logs", "FlowLogs", SMALL.flow_logs),
        ("ec2", "describe_security_groups", "SecurityGroups", SMALL.all_security_groups),
        ("lambda", "list_functions", "Functions", SMALL.functions),
        ("kms", "list_keys", "Keys", SMALL.keys),
        ("kms", "list_aliases", "Aliases", SMALL.keys),
        ("sagemaker", "list_notebook_instances", "NotebookInstances", SMALL.notebooks),
        ("dms", "describe_replication_instances", "ReplicationInstances", SMALL.replication_instances),
        ("guardduty", "list_detectors", "DetectorIds", SMALL.detectors),
    ],
)
def test_regional_listings_are_complete(small, service, operation, member, count):
    size = LEAST.get(service, 2)
    found = small.everywhere(service, operation, member, PaginationConfig={"PageSize": size})
    assert len(found) == count
    assert len({str(row) for row in found}) == count


@pytest.mark.parametrize(
    ("operation", "member", "count"),
    [
        ("list_users", "Users", SMALL.users),
        ("list_groups", "Groups", SMALL.groups),
        ("list_roles", "Roles", SMALL.roles),
    ],
)
def test_iam_listings_are_complete(small, operation, member, count):
    found = small.pages("iam", operation, member, PaginationConfig={"PageSize": 7})
    assert len({row["Arn"] for row in found}) == len(found) == count


def test_policies_by_scope(small):
    local = small.pages("iam", "list_policies", "Policies", Scope="Local")
    attached = small.pages("iam", "list_policies", "Policies", Scope="Local", OnlyAttached=True)
    aws = small.pages("iam", "list_policies", "Policies", Scope="AWS", OnlyAttached=True)
    assert len(local) == SMALL.policies
    assert [policy for policy in local if policy["AttachmentCount"]] == attached
    assert {policy["PolicyName"] for policy in aws} == {"AdministratorAccess", "ReadOnlyAccess"}


def test_documents_have_a_believable_size(small):
    small.endpoint.reset()
    volume = small("ec2").describe_volumes(MaxResults=5)["Volumes"][0]
    assert volume["Tags"][0]["Value"] == "volume-0"
    assert volume["CreateTime"].tzinfo is not None
    assert volume["AvailabilityZone"].startswith("us-east-1")
    function = small("lambda").list_functions()["Functions"][0]
    assert 1000 < len(str(function)) < 1800


def test_regions(small):
    found = small("ec2").describe_regions()["Regions"]
    assert [region["RegionName"] for region in found] == list(REGIONS)
    every = small("ec2").describe_regions(AllRegions=True)["Regions"]
    assert len([region for region in every if region["OptInStatus"] == "not-opted-in"]) == 12


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("ec2", "describe_volumes", "AuthFailure"),
        ("kms", "list_keys", "UnrecognizedClientException"),
        ("lambda", "list_functions", "UnrecognizedClientException"),
    ],
)
def test_a_region_that_is_not_opted_in_refuses(small, service, operation, code):
    with pytest.raises(ClientError) as error:
        getattr(small(service, "af-south-1"), operation)()
    assert code_of(error) == code


def test_default_security_groups(small):
    only = {"Filters": [{"Name": "group-name", "Values": ["default"]}]}
    found = small.everywhere("ec2", "describe_security_groups", "SecurityGroups", **only)
    vpcs = {vpc["VpcId"] for vpc in small.everywhere("ec2", "describe_vpcs", "Vpcs")}
    assert {group["VpcId"] for group in found} == vpcs
    assert {group["GroupName"] for group in found} == {"default"}
    closed = [group for group in found if not group["IpPermissions"] and not group["IpPermissionsEgress"]]
    assert 0 < len(closed) < len(found)


def test_flow_logs_of_one_vpc(small):
    logs = small.everywhere("ec2", "describe_flow_logs", "FlowLogs")
    for vpc in {log["ResourceId"] for log in logs}:
        region = ACCOUNT.region_of(synthetic.row_of_code(vpc))
        of_vpc = [{"Name": "resource-id", "Values": [vpc]}]
        found = small("ec2", region).describe_flow_logs(Filters=of_vpc)["FlowLogs"]
        assert found == [log for log in logs if log["ResourceId"] == vpc]


def test_pages_that_are_too_small_are_refused(small):
    with pytest.raises(ClientError) as error:
        small("ec2").describe_volumes(MaxResults=4)
    assert code_of(error) == "InvalidParameterValue"
    with pytest.raises(ClientError) as error:
        small("dms").describe_replication_instances(MaxRecords=19)
    assert code_of(error) == "InvalidParameterValue"


def test_a_filter_that_is_not_honoured_is_refused(small):
    with pytest.raises(ClientError) as error:
        small("ec2").describe_volumes(Filters=[{"Name": "colour", "Values": ["red"]}])
    assert code_of(error) == "InvalidParameterValue"


def test_public_snapshots_are_those_that_everyone_can_restore(small):
    found = small.everywhere("ec2", "describe_snapshots", "Snapshots", OwnerIds=["self"], RestorableByUserIds=["all"])
    assert len(found) == len(range(5, SMALL.snapshots, 101)) == 1
    region = found[0]["Tags"][0]["Value"]
    row = int(region.partition("-")[2])
    client = small("ec2", ACCOUNT.region_of(row))
    identifier = found[0]["SnapshotId"]
    answer = client.describe_snapshot_attribute(SnapshotId=identifier, Attribute="createVolumePermission")
    assert answer["CreateVolumePermissions"] == [{"Group": "all"}]


def test_authorization_details_over_pages(small):
    details = small("iam").get_paginator("get_account_authorization_details")
    pages = list(details.paginate(Filter=["User", "LocalManagedPolicy"], PaginationConfig={"PageSize": 13}))
    users = [user for page in pages for user in page["UserDetailList"]]
    policies = [policy for page in pages for policy in page["Policies"]]
    assert len({user["UserName"] for user in users}) == len(users) == SMALL.users
    assert len({policy["Arn"] for policy in policies}) == len(policies) == SMALL.policies
    assert {len(page["UserDetailList"]) + len(page["Policies"]) for page in pages[:-1]} == {13}
    admins = [policy for policy in policies if statement(policy)["Action"] == "*"]
    assert [policy["PolicyName"] for policy in admins] == ["policy-0000004"]
    assert any(user["UserPolicyList"] for user in users)
    assert any(user["AttachedManagedPolicies"] for user in users)


def statement(policy: Any) -> Any:
    return policy["PolicyVersionList"][0]["Document"]["Statement"][0]


def test_authorization_details_of_everything(small):
    details = small("iam").get_paginator("get_account_authorization_details")
    pages = list(details.paginate(PaginationConfig={"PageSize": 50}))
    assert sum(len(page["RoleDetailList"]) for page in pages) == SMALL.roles
    assert sum(len(page["GroupDetailList"]) for page in pages) == SMALL.groups
    assert sum(len(page["Policies"]) for page in pages) == SMALL.policies + 2


def test_the_credential_report_agrees_with_the_calls(small):
    iam = small("iam")
    lines = list(csv.DictReader(io.StringIO(iam.get_credential_report()["Content"].decode())))
    assert lines[0]["user"] == "<root_account>"
    assert lines[0]["access_key_1_active"] == "true"
    assert len(lines) == SMALL.users + 1
    for line in lines[1:9]:
        name = line["user"]
        keys = iam.list_access_keys(UserName=name)["AccessKeyMetadata"]
        active = [str(key["Status"] == "Active").lower() for key in keys]
        assert [line["access_key_1_active"], line["access_key_2_active"]] == [*active, "false", "false"][:2]
        assert line["mfa_active"] == str(bool(iam.list_mfa_devices(UserName=name)["MFADevices"])).lower()
        if line["password_enabled"] == "true":
            assert iam.get_login_profile(UserName=name)["LoginProfile"]["UserName"] == name
        else:
            with pytest.raises(iam.exceptions.NoSuchEntityException):
                iam.get_login_profile(UserName=name)
        for key in keys:
            used = iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])
            assert used["UserName"] == name


def test_account_settings(small):
    iam = small("iam")
    summary = iam.get_account_summary()["SummaryMap"]
    assert (summary["Users"], summary["AccountMFAEnabled"], summary["AccountAccessKeysPresent"]) == (SMALL.users, 1, 1)
    assert iam.get_account_password_policy()["PasswordPolicy"]["RequireSymbols"] is False
    devices = small.pages("iam", "list_virtual_mfa_devices", "VirtualMFADevices")
    assert devices[0]["SerialNumber"].endswith(":mfa/root-account-mfa-device")
    assert iam.get_user(UserName="user-0000001")["User"]["UserName"] == "user-0000001"
    block = small("s3control").get_public_access_block(AccountId="111122223333")["PublicAccessBlockConfiguration"]
    assert sum(block.values()) == 3
    assert small("sts").get_caller_identity()["Account"] == "111122223333"


def test_buckets(small):
    s3 = small("s3")
    found = small.pages("s3", "list_buckets", "Buckets", PaginationConfig={"PageSize": 20})
    assert len({bucket["Name"] for bucket in found}) == len(found) == SMALL.buckets
    away = found[6]
    assert s3.get_bucket_location(Bucket=away["Name"])["LocationConstraint"] == away["BucketRegion"] == "eu-west-1"
    assert s3.head_bucket(Bucket=away["Name"])["BucketRegion"] == "eu-west-1"
    assert s3.get_bucket_location(Bucket=found[0]["Name"])["LocationConstraint"] is None
    rules = s3.get_bucket_encryption(Bucket=found[1]["Name"])["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    with pytest.raises(ClientError) as error:
        s3.get_bucket_encryption(Bucket=found[0]["Name"])
    assert code_of(error) == "ServerSideEncryptionConfigurationNotFoundError"
    with pytest.raises(ClientError) as error:
        s3.get_public_access_block(Bucket=found[0]["Name"])
    assert code_of(error) == "NoSuchPublicAccessBlockConfiguration"
    half = s3.get_public_access_block(Bucket=found[1]["Name"])["PublicAccessBlockConfiguration"]
    assert sum(half.values()) == 2
    with pytest.raises(ClientError) as error:
        s3.get_bucket_location(Bucket="somebody-elses")
    assert code_of(error) == "NoSuchBucket"


def test_multi_region_trails_cast_shadows(small):
    here = small("cloudtrail", "us-east-1").describe_trails()["trailList"]
    there = small("cloudtrail", "sa-east-1").describe_trails()["trailList"]
    assert [trail["Name"] for trail in here] == ["trail-0000000", "trail-0000002"]
    assert there == [trail for trail in here if trail["IsMultiRegionTrail"]]
    own = small("cloudtrail", "sa-east-1").describe_trails(includeShadowTrails=False)["trailList"]
    assert own == []
    status = small("cloudtrail", "sa-east-1").get_trail_status(Name=here[0]["TrailARN"])
    assert status["IsLogging"]


def test_what_is_set_up_in_some_regions_only(small):
    recorders = [small("config", region).describe_configuration_recorders() for region in REGIONS]
    assert sum(len(answer["ConfigurationRecorders"]) for answer in recorders) == SMALL.recorders
    status = [small("config", region).describe_configuration_recorder_status() for region in REGIONS]
    recording = [entry["recording"] for answer in status for entry in answer["ConfigurationRecordersStatus"]]
    assert set(recording) == {True, False}
    channels = [small("config", region).describe_delivery_channels() for region in REGIONS]
    assert sum(len(answer["DeliveryChannels"]) for answer in channels) == SMALL.recorders
    encrypting = [small("ec2", region).get_ebs_encryption_by_default() for region in REGIONS]
    assert sum(answer["EbsEncryptionByDefault"] for answer in encrypting) == SMALL.encrypting
    assert small("guardduty", REGIONS[0]).get_detector(DetectorId=f"{0:032x}")["Status"] == "ENABLED"
    assert small("guardduty", REGIONS[5]).get_detector(DetectorId=f"{5:032x}")["Status"] == "DISABLED"


def test_details_of_workloads(small):
    states = set()
    for row in range(SMALL.keys):
        answer = small("kms", ACCOUNT.region_of(row)).describe_key(KeyId=synthetic.uuid(row))
        states.add((answer["KeyMetadata"]["KeyManager"], answer["KeyMetadata"]["KeyState"]))
    assert {("AWS", "Enabled"), ("CUSTOMER", "Enabled"), ("CUSTOMER", "PendingDeletion")} <= states
    names = [entry["DomainName"] for entry in small("opensearch").list_domain_names()["DomainNames"]]
    modern = small("opensearch").describe_domains(DomainNames=names)["DomainStatusList"]
    former = small("es").describe_elasticsearch_domains(DomainNames=names)["DomainStatusList"]
    assert [domain["ARN"] for domain in modern] == [domain["ARN"] for domain in former] != []
    notebook = small("sagemaker").describe_notebook_instance(NotebookInstanceName="notebook-0000000")
    assert notebook["DirectInternetAccess"] == "Enabled"
    assert notebook["CreationTime"].tzinfo is not None
    function = small("lambda").get_function(FunctionName="function-0000000")["Configuration"]
    assert function == {**small("lambda").list_functions()["Functions"][0]}
    runtimes = {row.get("Runtime") for row in small.everywhere("lambda", "list_functions", "Functions")}
    assert {None, "python3.7", "python3.13"} <= runtimes


def test_the_statistics_count_and_forget():
    with running("empty", deny=["s3:ListBuckets", "ec2:*:eu-west-1"]) as endpoint:
        clients = Clients(endpoint)
        assert clients.pages("ec2", "describe_security_groups", "SecurityGroups")[0]["GroupName"] == "default"
        assert clients.pages("iam", "list_users", "Users") == []
        for service, operation, code in [
            ("s3", "list_buckets", "AccessDenied"),
            ("iam", "list_instance_profiles", "AccessDenied"),
            ("kms", "describe_custom_key_stores", "AccessDeniedException"),
            ("sqs", "list_queues", "AccessDeniedException"),
            ("sns", "list_topics", "AccessDenied"),
            ("backup", "list_backup_vaults", "AccessDeniedException"),
        ]:
            with pytest.raises(ClientError) as error:
                getattr(clients(service), operation)()
            assert code_of(error) == code
        with pytest.raises(ClientError) as error:
            clients("ec2", "eu-west-1").describe_vpcs()
        assert code_of(error) == "UnauthorizedOperation"
        stats = endpoint.stats()
        assert stats["denied"] == 2
        assert set(stats["unknown"]) == {
            "iam:ListInstanceProfiles",
            "kms:DescribeCustomKeyStores",
            "sqs:ListQueues",
            "sns:ListTopics",
            "backup:GET /backup-vaults",
        }
        assert stats["regions"]["eu-west-1"] == 1
        assert stats["services"]["ec2"] == 2
        endpoint.reset()
        assert endpoint.stats()["total"] == 0
        clients.close()


def test_latency_holds_up_each_call_but_not_the_others():
    with running("empty", latency_ms=200) as endpoint:
        clients = Clients(endpoint)
        sts = clients("sts", max_pool_connections=20)
        start = time.perf_counter()
        with ThreadPoolExecutor(20) as pool:
            list(pool.map(lambda _: sts.get_caller_identity(), range(20)))
        elapsed = time.perf_counter() - start
        assert 0.2 <= elapsed < 2
        assert 5 <= endpoint.stats()["max_in_flight"] <= 20
        clients.close()


def test_throttling_speaks_each_services_language():
    with running("empty", throttle=1) as endpoint:
        clients = Clients(endpoint)
        for service, operation, code in [
            ("ec2", "describe_vpcs", "RequestLimitExceeded"),
            ("iam", "list_users", "Throttling"),
            ("kms", "list_keys", "ThrottlingException"),
            ("s3", "list_buckets", "SlowDown"),
            ("lambda", "list_functions", "TooManyRequestsException"),
            ("guardduty", "list_detectors", "ThrottlingException"),
        ]:
            call = getattr(clients(service), operation)
            with pytest.raises(ClientError) as error:  # noqa: PT012 - which of them depends on the time
                for _ in range(5):
                    call()
            assert code_of(error) == code
        assert endpoint.stats()["throttled"] == 6
        clients("kms", "eu-west-1").list_keys()  # another Region has a bucket of its own
        clients.close()


def test_a_bucket_of_tokens_fills_again():
    bucket = Bucket(rate=2, tokens=2, at=0)
    assert [bucket.take(0), bucket.take(0), bucket.take(0)] == [True, True, False]
    assert [bucket.take(0.5), bucket.take(0.5)] == [True, False]
    assert [bucket.take(100), bucket.take(100), bucket.take(100)] == [True, True, False]
    slow = Bucket(rate=0.5, tokens=1, at=0)
    assert [slow.take(0), slow.take(1), slow.take(2)] == [True, False, True]


def test_a_wrong_option_is_an_error_of_usage(capsys):
    assert main(["--account", "enormous"]) == 2
    assert "enormous" in capsys.readouterr().err
    assert main(["--deny", "everything"]) == 2


def test_sizes_are_read_from_a_specification():
    assert PRESETS["50k"].total == 50_000
    assert 450 <= SMALL.total <= 550
    assert Sizes.parse("empty").total == 34
    assert Sizes.parse("small,users=7,regions=2").users == 7
    assert Sizes.parse("small,users=7").volumes == SMALL.volumes
    for wrong in ("large", "users", "users=many", "cars=1", "regions=18", "regions=0"):
        with pytest.raises(ValueError, match=wrong.partition("=")[0]):
            Sizes.parse(wrong)


def test_identifiers_lead_back_to_their_rows():
    account = Account(Sizes(snapshots=1_000_000), datetime(2026, 1, 1, tzinfo=UTC))
    rows = account.spread(1_000_000, "eu-west-1")
    for row in (rows[0], rows[-1]):
        assert synthetic.row_of_code(f"snap-{synthetic.code(row)}") == row
        assert synthetic.row_of_uuid(synthetic.uuid(row)) == row
        assert account.region_of(row) == "eu-west-1"
    every = account.every(rows, 101, 5)
    assert list(every) == [row for row in rows if row % 101 == 5]
    assert synthetic.row_of_code("snap-nonsense") == -1
    assert synthetic.row_of_name("bucket") == -1
    assert synthetic.access_key("AKIAnonsense") is None
    assert all(synthetic.access_key(key.id) == (user, key) for user in range(20) for key in synthetic.access_keys(user))


def test_every_answer_is_an_operation_of_its_service():
    known = {service.name: service.model.operation_names for group in services().values() for service in group}
    for name in ANSWERS:
        service, _, operation = name.partition(":")
        assert operation in known[service]


def test_denials_and_heads_are_checked():
    assert Denial.parse("s3:*:eu-west-1") == Denial("s3", "*", "eu-west-1")
    for wrong in ("s3", "s3:", "a:b:c:d"):
        with pytest.raises(ValueError, match="service:Operation"):
            Denial.parse(wrong)
    proxied = parse_head(b"GET http://111122223333.host:1/v20180820/x?y=1 HTTP/1.1\r\nHost: h\r\nX-A:  b ")
    assert (proxied.path, proxied.query, proxied.headers["x-a"]) == ("/v20180820/x", "y=1", "b")
    with pytest.raises(Malformed):
        parse_head(b"nonsense")


FAKE_PROWLER = """#!{python}
import sys, time, urllib.request
from pathlib import Path

if "--version" in sys.argv:
    print("Prowler 5.0.0")
    sys.exit(0)
time.sleep({seconds})
urllib.request.urlopen("{url}/_control/stats").close()
folder = Path(sys.argv[sys.argv.index("--output-directory") + 1])
checks = sys.argv[sys.argv.index("--check") + 1 :]
lines = ["CHECK_ID;STATUS", *(f"{{check}};FAIL" for check in checks)]
(folder / "report.csv").write_text(chr(10).join(lines))
"""


def fake_prowler(folder: Path, url: str, seconds: float) -> str:
    path = folder / "prowler"
    path.write_text(FAKE_PROWLER.format(python=sys.executable, url=url, seconds=seconds))
    path.chmod(0o755)
    return str(path)


def test_prowler_is_measured_where_it_is_installed(small, tmp_path):
    measured, reason = prowler.run(small.endpoint, fake_prowler(tmp_path, small.endpoint.url, 0.1))
    assert measured is not None, reason
    assert (measured.version, measured.exit_code, measured.calls) == ("5.0.0", 0, 0)
    assert measured.wall_seconds > 0.1
    assert measured.cpu_seconds > 0
    assert measured.peak_rss_mib > 1
    assert set(measured.findings) == {f"{check} FAIL" for checks in prowler.CHECKS.values() for check in checks}


def test_prowler_that_is_missing_or_slow_is_a_reason(small, tmp_path):
    measured, reason = prowler.run(small.endpoint, str(tmp_path / "missing"))
    assert measured is None
    assert "not installed" in reason
    measured, reason = prowler.run(small.endpoint, fake_prowler(tmp_path, small.endpoint.url, 60), timeout=0.5)
    assert measured is None
    assert "did not end" in reason


def test_every_practice_has_a_check_of_prowlers():
    assert set(prowler.CHECKS) == set(range(1, 27))
