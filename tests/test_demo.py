"""The demo account, practice by practice: what the APIs say of each resource. The tables are its documentation."""

from __future__ import annotations

import csv
import os
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from crenel.demo import run, server
from crenel.demo.run import demo_account, demo_environment
from crenel.errors import CrenelError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Aws = Callable[..., Any]

pytest.importorskip("moto.server")

ACCOUNT = "123456789012"
HOME, IRELAND, FRANKFURT, OREGON = "us-east-1", "eu-west-1", "eu-central-1", "us-west-2"
USED_REGIONS = (HOME, IRELAND, FRANKFURT, OREGON)
UNUSED_REGION = "ap-south-1"


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    """A function from service and Region to a botocore client of the demo account."""
    session = botocore.session.Session()
    with demo_account() as endpoint:
        environment = demo_environment(endpoint)

        @cache
        def client(service: str, region: str = HOME) -> Any:
            made = session.create_client(
                service,
                region_name=region,
                endpoint_url=environment["AWS_ENDPOINT_URL"],
                aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
                config=Config(retries={"total_max_attempts": 1}, proxies={}),
            )
            # botocore puts the account's number before the host name, and no such name leads to a loopback address.
            made.meta.events.register("before-call.s3-control", _without_account)
            return made

        yield client


def _without_account(params: dict[str, Any], **_: Any) -> None:
    params["url"] = params["url"].replace(f"//{ACCOUNT}.", "//")


def _name(resource: dict[str, Any]) -> str:
    return next((tag["Value"] for tag in resource["Tags"] if tag["Key"] == "Name"), "(default)")


def _code(call: Callable[..., Any], **parameters: str) -> str:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return str(caught.value.response["Error"]["Code"])


def _report(aws: Aws) -> dict[str, dict[str, str]]:
    iam = aws("iam")
    while iam.generate_credential_report()["State"] != "COMPLETE":
        pass
    report = iam.get_credential_report()
    assert (datetime.now(UTC) - report["GeneratedTime"]).total_seconds() < 60
    return {row["user"]: row for row in csv.DictReader(report["Content"].decode().splitlines())}


def _days(stamp: str) -> int | None:
    if stamp in ("N/A", "no_information", "not_supported"):
        return None
    return (datetime.now(UTC) - datetime.fromisoformat(stamp)).days


def test_regions(aws: Aws) -> None:
    states: dict[str, set[str]] = {}
    for region in aws("ec2").describe_regions(AllRegions=True)["Regions"]:
        states.setdefault(region["OptInStatus"], set()).add(region["RegionName"])
    assert len(states["opt-in-not-required"]) == 17
    assert set(USED_REGIONS) < states["opt-in-not-required"]
    assert states["opted-in"] == {"eu-south-1"}
    assert "me-central-1" in states["not-opted-in"]


def test_the_caller_is_of_the_account(aws: Aws) -> None:
    assert aws("sts").get_caller_identity()["Account"] == ACCOUNT


def test_1_policies(aws: Aws) -> None:
    details = aws("iam").get_account_authorization_details(Filter=["LocalManagedPolicy"])
    facts = {}
    for policy in details["Policies"]:
        [document] = [version["Document"] for version in policy["PolicyVersionList"] if version["IsDefaultVersion"]]
        statement = document["Statement"]
        [only] = statement if isinstance(statement, list) else [statement]
        what = (only["Effect"], only.get("Action", "not"), only["Resource"], "Condition" in only)
        facts[policy["PolicyName"]] = (what, policy["AttachmentCount"], policy["PermissionsBoundaryUsageCount"])
    assets = ["arn:aws:s3:::larkspur-web-assets", "arn:aws:s3:::larkspur-web-assets/*"]
    assert facts == {
        "ops-full-access": (("Allow", ["*"], ["*"], False), 1, 0),  # FAIL
        "break-glass": (("Allow", "*:*", "*", False), 1, 0),  # FAIL
        "migration-2019-admin": (("Allow", "*", "*", False), 0, 0),  # FAIL, though attached to nobody
        "mfa-admin": (("Allow", "*", "*", True), 1, 0),  # FAIL, though on a condition
        "developer-boundary": (("Allow", "*", "*", False), 0, 1),  # PASS: only a boundary
        "release-manager": (
            ("Allow", ["codedeploy:CreateDeployment", "codedeploy:GetDeployment"], "*", False),
            1,
            0,
        ),  # PASS: version 1 allowed all
        "everything-but-iam": (("Allow", "not", "*", False), 1, 0),  # PASS
        "web-deploy": (("Allow", ["s3:PutObject", "s3:GetObject", "s3:ListBucket"], assets, False), 4, 0),  # PASS
        "assets-read-only": (("Allow", ["s3:GetObject", "s3:ListBucket"], assets, False), 3, 0),  # PASS
        "auditors-deny-billing": (("Deny", "aws-portal:*", "*", False), 1, 0),  # PASS
    }


def test_1_the_first_version_of_a_narrowed_policy_allows_all(aws: Aws) -> None:
    document = aws("iam").get_policy_version(
        PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy/release-manager", VersionId="v1"
    )["PolicyVersion"]["Document"]
    assert document["Statement"] == [{"Effect": "Allow", "Action": "*", "Resource": "*"}]


def test_1_a_role_has_the_policy_of_aws(aws: Aws) -> None:
    attached = aws("iam").list_attached_role_policies(RoleName="OrganizationAccountAccessRole")["AttachedPolicies"]
    assert [policy["PolicyArn"] for policy in attached] == ["arn:aws:iam::aws:policy/AdministratorAccess"]


def test_2_policies_of_users(aws: Aws) -> None:
    facts = {
        user["UserName"]: (len(user["AttachedManagedPolicies"]), len(user["UserPolicyList"]), len(user["GroupList"]))
        for user in aws("iam").get_account_authorization_details(Filter=["User"])["UserDetailList"]
    }
    assert facts == {
        "alice.moreau": (0, 0, 1),
        "ben.carter": (0, 0, 1),
        "carla.nunes": (0, 1, 1),  # FAIL: inline
        "dev.intern": (1, 0, 0),  # FAIL: attached
        "eva.lindqvist": (0, 0, 1),
        "felix.ostermann": (0, 0, 1),
        "root-admin": (0, 0, 1),  # PASS: a boundary is no policy of its own
        "deploy-bot": (1, 0, 0),  # FAIL
        "backup-agent": (0, 0, 1),
        "legacy-ftp": (0, 0, 0),
        "metrics-exporter": (0, 0, 1),
        "ses-smtp": (0, 1, 0),  # FAIL
    }


def test_3_and_8_access_keys(aws: Aws) -> None:
    facts: dict[str, list[tuple[str, int, int | None]]] = {}
    for user, row in _report(aws).items():
        for key in aws("iam").list_access_keys(UserName=user)["AccessKeyMetadata"] if user[0] != "<" else ():
            used = aws("iam").get_access_key_last_used(AccessKeyId=key["AccessKeyId"])["AccessKeyLastUsed"]
            age = (datetime.now(UTC) - key["CreateDate"]).days
            unused = (datetime.now(UTC) - used["LastUsedDate"]).days if "LastUsedDate" in used else None
            facts.setdefault(user, []).append((key["Status"], age, unused))
        reported = [
            (_days(row[f"access_key_{number}_last_rotated"]), _days(row[f"access_key_{number}_last_used_date"]))
            for number in (1, 2)
            if row[f"access_key_{number}_last_rotated"] != "N/A" and user[0] != "<"
        ]
        assert reported == [fact[1:] for fact in facts.get(user, [])]
    assert facts == {
        "alice.moreau": [("Active", 20, 1)],
        "ben.carter": [("Active", 200, 1)],  # 3 FAIL
        "deploy-bot": [("Active", 400, 120), ("Active", 10, 0)],  # the first: 3 FAIL, 8 FAIL
        "backup-agent": [("Active", 210, None)],  # 3 FAIL, 8 FAIL: never used
        "legacy-ftp": [("Inactive", 1200, 420)],  # PASS: inactive
        "metrics-exporter": [("Active", 3, None)],  # PASS: new
        "ses-smtp": [("Active", 95, 1)],  # 3 FAIL
    }


def test_5_and_8_passwords(aws: Aws) -> None:
    facts = {
        user: (row["mfa_active"], _days(row["password_last_changed"]), _days(row["password_last_used"]))
        for user, row in _report(aws).items()
        if row["password_enabled"] == "true"
    }
    assert facts == {
        "alice.moreau": ("true", 80, 1),
        "ben.carter": ("true", 60, 12),
        "carla.nunes": ("false", 400, 130),  # 5 FAIL, 8 FAIL
        "dev.intern": ("false", 150, None),  # 5 FAIL, 8 FAIL: never used
        "eva.lindqvist": ("true", 200, 60),  # 8 PASS for 90 days, FAIL for 45
        "felix.ostermann": ("false", 4, None),  # 5 FAIL, 8 PASS: new
        "root-admin": ("true", 30, 3),
    }
    for user, (mfa, age, _) in facts.items():
        assert bool(aws("iam").list_mfa_devices(UserName=user)["MFADevices"]) == (mfa == "true")
        profile = aws("iam").get_login_profile(UserName=user)["LoginProfile"]
        assert (datetime.now(UTC) - profile["CreateDate"]).days == age
    assert _code(aws("iam").get_login_profile, UserName="deploy-bot") == "NoSuchEntity"


def test_4_and_6_root(aws: Aws) -> None:
    summary = aws("iam").get_account_summary()["SummaryMap"]
    assert summary["AccountAccessKeysPresent"] == 1  # 4 FAIL
    assert summary["AccountMFAEnabled"] == 1
    devices = {
        device["SerialNumber"].rsplit("/", 1)[1]: device.get("User", {}).get("Arn")
        for device in aws("iam").list_virtual_mfa_devices()["VirtualMFADevices"]
    }
    assert devices["founder-phone"] == f"arn:aws:iam::{ACCOUNT}:root"  # 6 FAIL
    assert devices["root-admin"] == f"arn:aws:iam::{ACCOUNT}:user/root-admin"  # not root's
    assert devices["carla.nunes-spare"] is None  # nobody's
    root = _report(aws)["<root_account>"]
    assert (root["mfa_active"], root["access_key_1_active"]) == ("true", "true")


def test_7_password_policy(aws: Aws) -> None:
    policy = aws("iam").get_account_password_policy()["PasswordPolicy"]
    assert policy["MinimumPasswordLength"] == 8
    assert policy["RequireUppercaseCharacters"]
    assert policy["RequireLowercaseCharacters"]
    assert policy["RequireNumbers"]
    assert not policy["RequireSymbols"]  # FAIL


def _flags(answer: dict[str, Any]) -> str:
    """The first letters of the flags that are on."""
    names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    letters = ("A", "I", "P", "R")
    configuration = answer["PublicAccessBlockConfiguration"]
    return "".join(letter for name, letter in zip(names, letters, strict=True) if configuration[name])


def test_9_public_access_of_the_account(aws: Aws) -> None:
    assert _flags(aws("s3control").get_public_access_block(AccountId=ACCOUNT)) == "IR"  # FAIL: two of four


def test_10_and_11_buckets(aws: Aws) -> None:
    s3 = aws("s3")
    facts = {}
    for bucket in (one["Name"] for one in s3.list_buckets()["Buckets"]):
        region = s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] or HOME
        try:
            rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
            algorithm = rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"]
        except ClientError as error:
            algorithm = error.response["Error"]["Code"]
        try:
            flags = _flags(s3.get_public_access_block(Bucket=bucket))
        except ClientError as error:
            flags = error.response["Error"]["Code"]
        facts[bucket] = (region, algorithm, flags)
    no_encryption, no_block = "ServerSideEncryptionConfigurationNotFoundError", "NoSuchPublicAccessBlockConfiguration"
    assert facts == {
        "larkspur-web-assets": (HOME, "AES256", no_block),  # 10 PASS, 11 FAIL
        "larkspur-audit-logs": (HOME, "aws:kms", "AIPR"),  # PASS, PASS
        "larkspur-config-history": (HOME, "AES256", "AIPR"),  # PASS, PASS
        "larkspur-orders-backup": (IRELAND, no_encryption, "IR"),  # FAIL, FAIL
        "larkspur-invoices": (FRANKFURT, "aws:kms:dsse", "AIPR"),  # PASS, PASS
        "larkspur-blog-uploads": (OREGON, no_encryption, no_block),  # FAIL, FAIL
    }


def test_12_13_and_14_trails(aws: Aws) -> None:
    facts = {}
    seen: dict[str, set[str]] = {}
    for region in USED_REGIONS:
        cloudtrail = aws("cloudtrail", region)
        for trail in cloudtrail.describe_trails()["trailList"]:
            arn = trail["TrailARN"]
            [selector] = cloudtrail.get_event_selectors(TrailName=arn)["EventSelectors"]
            seen.setdefault(trail["Name"], set()).add(region)
            facts[trail["Name"]] = (
                trail["HomeRegion"],
                trail["IsMultiRegionTrail"],
                cloudtrail.get_trail_status(Name=arn)["IsLogging"],
                (
                    trail["HasCustomEventSelectors"],
                    selector["ReadWriteType"],
                    selector["ExcludeManagementEventSources"],
                ),
                "KmsKeyId" in trail,
                trail["LogFileValidationEnabled"],
            )
    assert facts == {
        "larkspur-audit": (HOME, True, True, (False, "All", []), True, True),  # 12 PASS, 13 PASS, 14 PASS
        "writes-2022": (HOME, True, False, (True, "WriteOnly", []), False, True),  # 13 FAIL, 14 PASS
        "shop-eu-orders": (IRELAND, False, True, (True, "All", ["kms.amazonaws.com"]), False, False),  # FAIL, FAIL
    }
    assert seen["larkspur-audit"] == set(USED_REGIONS)  # shadows
    assert seen["shop-eu-orders"] == {IRELAND}


def test_15_recorders(aws: Aws) -> None:
    facts = {}
    for region in (*USED_REGIONS, UNUSED_REGION):
        config = aws("config", region)
        channels = len(config.describe_delivery_channels()["DeliveryChannels"])
        recorders = config.describe_configuration_recorders()["ConfigurationRecorders"]
        states = config.describe_configuration_recorder_status()["ConfigurationRecordersStatus"]
        facts[region] = [
            (
                state["recording"],
                state["lastStatus"],
                recorder["recordingGroup"]["recordingStrategy"]["useOnly"],
                channels,
            )
            for recorder, state in zip(recorders, states, strict=True)
        ]
    assert facts == {
        HOME: [(True, "SUCCESS", "ALL_SUPPORTED_RESOURCE_TYPES", 1)],  # PASS
        IRELAND: [(False, "SUCCESS", "ALL_SUPPORTED_RESOURCE_TYPES", 1)],  # FAIL: stopped
        FRANKFURT: [(True, "SUCCESS", "INCLUSION_BY_RESOURCE_TYPES", 1)],  # FAIL for CIS: three types
        OREGON: [(True, "SUCCESS", "EXCLUSION_BY_RESOURCE_TYPES", 1)],  # PASS for FSBP: all but one type
        UNUSED_REGION: [],  # FAIL: none
    }


def test_16_volumes(aws: Aws) -> None:
    facts = {
        _name(volume): (volume["State"], volume["Encrypted"])
        for region in USED_REGIONS
        for volume in aws("ec2", region).describe_volumes()["Volumes"]
    }
    assert facts == {
        "shop-web-1-root": ("in-use", True),
        "shop-db-1-root": ("in-use", True),
        "shop-db-1-data": ("in-use", False),  # FAIL
        "shop-batch-1-root": ("in-use", False),  # FAIL, though the instance is stopped
        "shop-db-1-data-2023": ("available", False),  # not applicable: attached to nothing
        "spare-encrypted": ("available", True),
        "shop-eu-web-1-root": ("in-use", True),
        "shop-eu-search-1-root": ("in-use", True),
        "shop-eu-search-1-index": ("in-use", False),  # FAIL
        "analytics-etl-1-root": ("in-use", True),
        "old-blog-1-root": ("in-use", False),  # FAIL
    }
    [batch] = aws("ec2").describe_instances(Filters=[{"Name": "tag:Name", "Values": ["shop-batch-1"]}])["Reservations"]
    assert batch["Instances"][0]["State"]["Name"] == "stopped"


def test_17_flow_logs(aws: Aws) -> None:
    facts: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for region in (*USED_REGIONS, UNUSED_REGION):
        ec2 = aws("ec2", region)
        logs = ec2.describe_flow_logs()["FlowLogs"]
        assert all(log["FlowLogStatus"] == "ACTIVE" for log in logs)
        for vpc in ec2.describe_vpcs()["Vpcs"]:
            own = [log for log in logs if log["ResourceId"] == vpc["VpcId"]]
            facts[region, _name(vpc)] = sorted((log["TrafficType"], log["DeliverLogsStatus"]) for log in own)
    assert facts == {
        (HOME, "(default)"): [],  # FAIL
        (HOME, "shop-production"): [("REJECT", "SUCCESS")],  # PASS
        (HOME, "shop-staging"): [("ACCEPT", "SUCCESS")],  # FAIL: of what is let through
        (IRELAND, "(default)"): [],  # FAIL
        (IRELAND, "shop-eu"): [("ALL", "FAILED"), ("ALL", "SUCCESS")],  # PASS
        (IRELAND, "shop-eu-lab"): [],  # FAIL: its subnet has one
        (FRANKFURT, "(default)"): [],  # FAIL
        (FRANKFURT, "analytics"): [("ALL", "FAILED")],  # FAIL in effect
        (OREGON, "(default)"): [],  # FAIL
        (OREGON, "old-blog"): [],  # FAIL
        (UNUSED_REGION, "(default)"): [],  # FAIL
    }


def test_18_default_security_groups(aws: Aws) -> None:
    wanted = [{"Name": "group-name", "Values": ["default"]}]
    facts = {}
    for region in USED_REGIONS:
        names = {vpc["VpcId"]: _name(vpc) for vpc in aws("ec2", region).describe_vpcs()["Vpcs"]}
        for group in aws("ec2", region).describe_security_groups(Filters=wanted)["SecurityGroups"]:
            rules = (len(group["IpPermissions"]), len(group["IpPermissionsEgress"]))
            facts[region, names[group["VpcId"]]] = rules
    assert facts == {
        (HOME, "(default)"): (1, 1),  # FAIL: as AWS makes it
        (HOME, "shop-production"): (0, 0),  # PASS
        (HOME, "shop-staging"): (0, 1),  # FAIL: out
        (IRELAND, "(default)"): (1, 1),  # FAIL
        (IRELAND, "shop-eu"): (0, 0),  # PASS
        (IRELAND, "shop-eu-lab"): (1, 0),  # FAIL: IPv6 in
        (FRANKFURT, "(default)"): (1, 1),  # FAIL
        (FRANKFURT, "analytics"): (0, 0),  # PASS
        (OREGON, "(default)"): (1, 1),  # FAIL
        (OREGON, "old-blog"): (0, 1),  # FAIL
    }


def test_19_encryption_by_default(aws: Aws) -> None:
    regions = (*USED_REGIONS, UNUSED_REGION)
    facts = {region: aws("ec2", region).get_ebs_encryption_by_default()["EbsEncryptionByDefault"] for region in regions}
    assert facts == {HOME: False, IRELAND: True, FRANKFURT: True, OREGON: False, UNUSED_REGION: False}


def test_20_replication_instances(aws: Aws) -> None:
    facts = {
        instance["ReplicationInstanceIdentifier"]: instance["PubliclyAccessible"]
        for region in USED_REGIONS
        for instance in aws("dms", region).describe_replication_instances()["ReplicationInstances"]
    }
    assert facts == {"orders-migration": True, "stock-sync": False}  # FAIL, PASS


def test_21_snapshots(aws: Aws) -> None:
    facts = {}
    public = []
    for region in USED_REGIONS:
        ec2 = aws("ec2", region)
        for snapshot in ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]:
            answer = ec2.describe_snapshot_attribute(
                SnapshotId=snapshot["SnapshotId"], Attribute="createVolumePermission"
            )
            facts[_name(snapshot)] = answer["CreateVolumePermissions"]
        found = ec2.describe_snapshots(OwnerIds=["self"], RestorableByUserIds=["all"])["Snapshots"]
        public += [_name(snapshot) for snapshot in found]
    assert facts == {
        "orders-nightly": [],  # PASS
        "catalog-export-2024": [{"Group": "all"}],  # FAIL
        "orders-for-the-auditor": [{"UserId": "111122223333"}],  # PASS: shared with one account
        "shop-eu-nightly": [],  # PASS
    }
    assert public == ["catalog-export-2024"]
    # Others' public snapshots are there too, for those who forget to ask for their own.
    everyones = aws("ec2").describe_snapshots(RestorableByUserIds=["all"])["Snapshots"]
    assert {_name(snapshot) for snapshot in everyones} == {"catalog-export-2024", "community-image"}


def test_22_search_domains(aws: Aws) -> None:
    facts = {}
    for region in USED_REGIONS:
        search = aws("opensearch", region)
        names = {domain["DomainName"]: domain["EngineType"] for domain in search.list_domain_names()["DomainNames"]}
        for domain in search.describe_domains(DomainNames=list(names))["DomainStatusList"] if names else ():
            engine = (names[domain["DomainName"]], domain["EngineVersion"])
            facts[domain["DomainName"]] = (*engine, domain["EncryptionAtRestOptions"]["Enabled"])
        by_old_api = aws("es", region).list_domain_names()["DomainNames"]
        assert {domain["DomainName"] for domain in by_old_api} == set(names)
    assert facts == {
        "product-search": ("OpenSearch", "OpenSearch_2.11", True),  # PASS
        "shop-logs": ("OpenSearch", "OpenSearch_1.3", False),  # FAIL
        "legacy-catalog": ("Elasticsearch", "Elasticsearch_7.10", False),  # FAIL
    }


def test_23_notebooks(aws: Aws) -> None:
    facts = {}
    for region in USED_REGIONS:
        sagemaker = aws("sagemaker", region)
        for listed in sagemaker.list_notebook_instances()["NotebookInstances"]:
            notebook = sagemaker.describe_notebook_instance(NotebookInstanceName=listed["NotebookInstanceName"])
            facts[notebook["NotebookInstanceName"]] = (notebook["DirectInternetAccess"], notebook["RootAccess"])
    assert facts == {
        "churn-model": ("Enabled", "Disabled"),  # FAIL
        "demand-forecast": ("Disabled", "Enabled"),  # PASS
    }


def test_24_functions(aws: Aws) -> None:
    facts = {
        function["FunctionName"]: (function["PackageType"], function.get("Runtime"))
        for region in USED_REGIONS
        for function in aws("lambda", region).list_functions()["Functions"]
    }
    assert facts == {
        "checkout-webhook": ("Zip", "python3.13"),  # PASS
        "image-resizer": ("Zip", "nodejs18.x"),  # FAIL
        "invoice-mailer": ("Zip", "python3.8"),  # FAIL
        "catalog-renderer": ("Image", None),  # not applicable
        "edge-router": ("Zip", "nodejs22.x"),  # PASS
        "price-sync": ("Zip", "provided.al2023"),  # PASS
        "etl-trigger": ("Zip", "java21"),  # PASS
        "old-blog-cron": ("Zip", "ruby2.7"),  # FAIL
    }


def test_25_keys(aws: Aws) -> None:
    facts = {}
    for region in USED_REGIONS:
        kms = aws("kms", region)
        for key in kms.list_keys()["Keys"]:
            about = kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
            name = about["Description"].removeprefix("Larkspur: ") if about["KeyManager"] == "CUSTOMER" else "AWS's"
            kind = about.get("MultiRegionConfiguration", {}).get("MultiRegionKeyType")
            facts[region, name] = (about["KeyManager"], about["KeyState"], kind)
    assert facts == {
        (HOME, "audit-trail"): ("CUSTOMER", "Enabled", None),  # PASS
        (HOME, "old-payments"): ("CUSTOMER", "PendingDeletion", None),  # FAIL
        (HOME, "catalog-2022"): ("CUSTOMER", "Disabled", None),  # PASS
        (HOME, "AWS's"): ("AWS", "Enabled", None),  # not applicable
        (IRELAND, "shop-eu"): ("CUSTOMER", "Enabled", None),  # PASS
        (IRELAND, "customer-data"): ("CUSTOMER", "Enabled", "PRIMARY"),  # PASS
        (IRELAND, "AWS's"): ("AWS", "Enabled", None),
        (FRANKFURT, "customer-data"): ("CUSTOMER", "Enabled", "REPLICA"),  # PASS
        (FRANKFURT, "analytics-exports"): ("CUSTOMER", "PendingReplicaDeletion", "PRIMARY"),  # FAIL
        (FRANKFURT, "AWS's"): ("AWS", "Enabled", None),
        (OREGON, "analytics-exports"): ("CUSTOMER", "Enabled", "REPLICA"),  # PASS
    }


def test_26_detectors(aws: Aws) -> None:
    facts = {}
    for region in (*USED_REGIONS, UNUSED_REGION):
        guardduty = aws("guardduty", region)
        detectors = guardduty.list_detectors()["DetectorIds"]
        facts[region] = [guardduty.get_detector(DetectorId=detector)["Status"] for detector in detectors]
    assert facts == {
        HOME: ["ENABLED"],  # PASS
        IRELAND: ["DISABLED"],  # FAIL: suspended
        FRANKFURT: ["ENABLED"],  # PASS
        OREGON: [],  # FAIL: none
        UNUSED_REGION: [],  # FAIL
    }


def test_reading_makes_nothing(aws: Aws) -> None:
    """A second look at keys and aliases shows what the first did: moto would make keys on the way."""
    kms = aws("kms", "eu-north-1")
    assert kms.list_aliases()["Aliases"] == []
    assert kms.list_keys()["Keys"] == []


@pytest.mark.parametrize(
    ("service", "operation", "items"),
    [
        ("accessanalyzer", "list_analyzers", "analyzers"),  # REST with JSON, no such service in moto
        ("ssm", "describe_instance_information", "InstanceInformationList"),  # JSON, no such operation
        ("ec2", "describe_client_vpn_endpoints", "ClientVpnEndpoints"),  # EC2's XML
        ("iam", "list_service_specific_credentials", "ServiceSpecificCredentials"),  # the query protocol
    ],
)
def test_what_moto_can_not_list_there_is_none_of(aws: Aws, service: str, operation: str, items: str) -> None:
    found = getattr(aws(service, HOME), operation)()
    assert found[items] == []


def test_what_moto_can_not_read_of_one_thing_is_an_error(aws: Aws) -> None:
    with pytest.raises(ClientError, match="501"):
        aws("ec2", HOME).get_instance_metadata_defaults()


def test_beside_the_practices_there_is_what_benchmarks_ask_for(aws: Aws) -> None:
    databases = aws("rds", IRELAND).describe_db_instances()["DBInstances"]
    assert {each["DBInstanceIdentifier"]: each["StorageEncrypted"] for each in databases} == {
        "shop-orders": True,
        "reports-2021": False,
    }
    filters = aws("logs", HOME).describe_metric_filters()["metricFilters"]
    alarms = aws("cloudwatch", HOME).describe_alarms()["MetricAlarms"]
    assert {each["filterName"] for each in filters} - {each["MetricName"] for each in alarms} == {
        "console-sign-in-without-mfa"
    }
    assert aws("account", HOME).get_alternate_contact(AlternateContactType="SECURITY")["AlternateContact"]["Name"]
    with pytest.raises(ClientError):
        aws("account", HOME).get_alternate_contact(AlternateContactType="BILLING")


def _start_server() -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "crenel.demo.server"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("way", ["end of input", "signal"])
def test_the_server_leaves_when_it_is_no_longer_wanted(way: str) -> None:
    with _start_server() as started:
        assert started.stdout
        assert started.stdin
        assert started.stdout.readline().startswith("ready http://127.0.0.1:")
        if way == "signal":
            started.send_signal(signal.SIGTERM)
        else:
            started.stdin.close()
        assert started.wait(60) == 0
        assert started.stderr
        assert started.stderr.read() == ""


def test_a_server_that_does_not_start_is_an_error_that_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "moto").mkdir()
    (tmp_path / "moto" / "__init__.py").write_text("raise ImportError('moto is broken here')")
    monkeypatch.setenv("PYTHONPATH", os.fspath(tmp_path))
    with pytest.raises(CrenelError, match=r"(?s)did not start.*moto is broken here"), demo_account():
        pass


def test_without_moto_the_server_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(server, "NEEDED", ("moto", "no_such_module_anywhere"))
    assert server.main([]) == 2
    assert "crenel[demo]" in capsys.readouterr().err


def test_a_port_that_is_taken_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert server.main(["--port", str(port)]) == 2
    assert f"Port {port}" in capsys.readouterr().err


def test_a_server_that_takes_too_long_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "READY_WITHIN", 0.01)
    with pytest.raises(CrenelError, match="not ready within"), demo_account():
        pass


def test_a_proxy_is_kept_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "intranet.example")
    assert demo_environment("http://127.0.0.1:1")["NO_PROXY"] == "intranet.example,127.0.0.1"
