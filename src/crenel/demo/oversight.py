"""What watches and guards the demo account: buckets, keys, trails, recorders, detectors."""

from __future__ import annotations

from typing import Any

from moto.config.models import config_backends
from moto.kms.models import kms_backends
from moto.s3.models import s3_backends
from moto.s3control.models import s3control_backends

from crenel.demo.clients import ACCOUNT, FRANKFURT, HOME, IRELAND, OREGON, Clients, days_ago

AUDIT_BUCKET = "larkspur-audit-logs"
CONFIG_BUCKET = "larkspur-config-history"
CONFIG_ROLE = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig"

CLOSED = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True, "RestrictPublicBuckets": True}
HALF_CLOSED = {**CLOSED, "BlockPublicAcls": False, "BlockPublicPolicy": False}

ALL_EVENTS = {
    "ReadWriteType": "All",
    "IncludeManagementEvents": True,
    "DataResources": [],
    "ExcludeManagementEventSources": [],
}

# Name: Region, age in days, algorithm of the default encryption and flags of the block on public access, if any.
BUCKETS: dict[str, tuple[str, int, str | None, dict[str, bool] | None]] = {
    "larkspur-web-assets": (HOME, 1400, "AES256", None),
    AUDIT_BUCKET: (HOME, 1300, "aws:kms", CLOSED),
    CONFIG_BUCKET: (HOME, 700, "AES256", CLOSED),
    "larkspur-orders-backup": (IRELAND, 1500, None, HALF_CLOSED),
    "larkspur-invoices": (FRANKFURT, 400, "aws:kms:dsse", CLOSED),
    "larkspur-blog-uploads": (OREGON, 1900, None, None),
}


def seed_storage(clients: Clients) -> None:
    """Make the buckets, and the account's own block on public access with two of its four flags."""
    for name, (region, age, algorithm, flags) in BUCKETS.items():
        s3 = clients.of("s3", region)
        place = {} if region == HOME else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3.create_bucket(Bucket=name, **place)
        if algorithm:
            rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": algorithm}}
            s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})
        if flags:
            s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=flags)
        # No call makes a bucket of last year.
        s3_backends[ACCOUNT]["aws"].buckets[name].creation_date = days_ago(age)
    # S3 Control puts the account's number before the host name, which a loopback address can't have.
    s3control_backends[ACCOUNT]["aws"].put_public_access_block(
        ACCOUNT, {name: str(value).lower() for name, value in HALF_CLOSED.items()}
    )


def seed_keys(clients: Clients) -> dict[str, str]:
    """Make the KMS keys in four Regions and return the ARN of each, by alias without its prefix."""
    keys = {name: _key(clients, region, name) for name, region in (("audit-trail", HOME), ("shop-eu", IRELAND))}
    keys["old-payments"] = _key(clients, HOME, "old-payments")
    clients.of("kms", HOME).schedule_key_deletion(KeyId=_id(keys["old-payments"]), PendingWindowInDays=14)
    keys["catalog-2022"] = _key(clients, HOME, "catalog-2022")
    clients.of("kms", HOME).disable_key(KeyId=_id(keys["catalog-2022"]))
    keys["customer-data"] = _key(clients, IRELAND, "customer-data", multi_region=True)
    clients.of("kms", IRELAND).replicate_key(KeyId=_id(keys["customer-data"]), ReplicaRegion=FRANKFURT)
    keys["analytics-exports"] = _key(clients, FRANKFURT, "analytics-exports", multi_region=True)
    clients.of("kms", FRANKFURT).replicate_key(KeyId=_id(keys["analytics-exports"]), ReplicaRegion=OREGON)
    # A primary key whose deletion waits for that of its replicas: moto knows no such state.
    primary = kms_backends[ACCOUNT][FRANKFURT].keys[_id(keys["analytics-exports"])]
    primary.key_state, primary.enabled = "PendingReplicaDeletion", False
    return keys


def _id(arn: str) -> str:
    return arn.rsplit("/", 1)[1]  # moto's writes want the bare id, where AWS takes the ARN as well


def _key(clients: Clients, region: str, name: str, *, multi_region: bool = False) -> str:
    kms = clients.of("kms", region)
    made = kms.create_key(Description=f"Larkspur: {name}", KeyUsage="ENCRYPT_DECRYPT", MultiRegion=multi_region)
    key = made["KeyMetadata"]
    kms.create_alias(AliasName=f"alias/{name}", TargetKeyId=key["KeyId"])
    return str(key["Arn"])


def seed_watch(clients: Clients, keys: dict[str, str]) -> None:
    """Make trails, recorders and detectors. `keys` is what `seed_keys` returned."""
    _seed_trails(clients, keys)
    _seed_recorders(clients)
    for region in (HOME, FRANKFURT, IRELAND):
        guardduty = clients.of("guardduty", region)
        detector = guardduty.create_detector(Enable=True)["DetectorId"]
        if region == IRELAND:
            guardduty.update_detector(DetectorId=detector, Enable=False)  # suspended


def _seed_trails(clients: Clients, keys: dict[str, str]) -> None:
    home = clients.of("cloudtrail", HOME)
    home.create_trail(
        Name="larkspur-audit",
        S3BucketName=AUDIT_BUCKET,
        IsMultiRegionTrail=True,
        EnableLogFileValidation=True,
        KmsKeyId=keys["audit-trail"],
    )
    home.start_logging(Name="larkspur-audit")
    # Multi-Region too, but of writes alone, and stopped.
    home.create_trail(
        Name="writes-2022", S3BucketName=AUDIT_BUCKET, IsMultiRegionTrail=True, EnableLogFileValidation=True
    )
    home.put_event_selectors(TrailName="writes-2022", EventSelectors=[{**ALL_EVENTS, "ReadWriteType": "WriteOnly"}])
    ireland = clients.of("cloudtrail", IRELAND)
    ireland.create_trail(Name="shop-eu-orders", S3BucketName="larkspur-orders-backup", IsMultiRegionTrail=False)
    without_kms = {**ALL_EVENTS, "ExcludeManagementEventSources": ["kms.amazonaws.com"]}
    ireland.put_event_selectors(TrailName="shop-eu-orders", EventSelectors=[without_kms])
    ireland.start_logging(Name="shop-eu-orders")


def _seed_recorders(clients: Clients) -> None:
    everything = {"allSupported": True, "includeGlobalResourceTypes": True}
    three_types = {"resourceTypes": ["AWS::EC2::Instance", "AWS::EC2::Volume", "AWS::S3::Bucket"]}
    all_but_one = {
        "exclusionByResourceTypes": {"resourceTypes": ["AWS::EC2::NetworkInterface"]},
        "recordingStrategy": {"useOnly": "EXCLUSION_BY_RESOURCE_TYPES"},
    }
    _recorder(clients, HOME, everything)
    _recorder(clients, IRELAND, everything)
    clients.of("config", IRELAND).stop_configuration_recorder(ConfigurationRecorderName="default")
    _recorder(clients, FRANKFURT, three_types)
    _recorder(clients, OREGON, all_but_one)


def _recorder(clients: Clients, region: str, group: dict[str, Any]) -> None:
    config = clients.of("config", region)
    recorder = {"name": "default", "roleARN": CONFIG_ROLE, "recordingGroup": group}
    config.put_configuration_recorder(ConfigurationRecorder=recorder)
    config.put_delivery_channel(DeliveryChannel={"name": "default", "s3BucketName": CONFIG_BUCKET})
    config.start_configuration_recorder(ConfigurationRecorderName="default")
    # moto leaves a recorder at PENDING for ever; on AWS it has delivered within minutes.
    config_backends[ACCOUNT][region].recorders["default"].status.last_status = "SUCCESS"
