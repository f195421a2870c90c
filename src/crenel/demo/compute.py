"""What the demo account runs: networks, machines, volumes, functions, databases, notebooks."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from moto.ec2.models import ec2_backends
from moto.opensearch.models import opensearch_backends

from crenel.demo.clients import (
    ACCOUNT,
    AUDITOR_ACCOUNT,
    FRANKFURT,
    HOME,
    IRELAND,
    OREGON,
    Clients,
    days_ago,
    name_tag,
)
from crenel.demo.identity import role_arn
from crenel.demo.oversight import AUDIT_BUCKET

IMAGE = "ami-0c0ffee0c0ffee001"  # moto checks no image
ANY_TRAFFIC: dict[str, Any] = {"IpProtocol": "-1"}
EGRESS = [{**ANY_TRAFFIC, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]


def seed(clients: Clients, keys: dict[str, str]) -> None:
    """Make all that runs. `keys` is what `oversight.seed_keys` returned; the buckets must exist."""
    _seed_networks(clients)
    _seed_machines(clients)
    _seed_snapshots(clients)
    _age_disks()
    for region in (IRELAND, FRANKFURT):
        clients.of("ec2", region).enable_ebs_encryption_by_default()
    _seed_functions(clients)
    _seed_replication(clients)
    _seed_search(clients, keys)
    _seed_notebooks(clients)


def _seed_networks(clients: Clients) -> None:
    for region in (HOME, IRELAND, FRANKFURT, OREGON):
        _open_default_group(clients, region)
    production = _network(clients, HOME, "shop-production", "10.20.0.0/16")
    _close_default_group(clients, HOME, production)
    _log_to_group(clients, HOME, production, "REJECT", "/vpc/shop-production")

    staging = _network(clients, HOME, "shop-staging", "10.30.0.0/16")  # its default group lets traffic out only
    _log_to_group(clients, HOME, staging, "ACCEPT", "/vpc/shop-staging")

    europe = _network(clients, IRELAND, "shop-eu", "10.40.0.0/16")
    _close_default_group(clients, IRELAND, europe)
    clients.of("ec2", IRELAND).create_flow_logs(
        ResourceIds=[europe],
        ResourceType="VPC",
        TrafficType="ALL",
        LogDestinationType="s3",
        LogDestination=f"arn:aws:s3:::{AUDIT_BUCKET}",
    )
    # A second log of the same network that can't be delivered must not spoil the first.
    _log_to_group(clients, IRELAND, europe, "ALL", "/vpc/deleted-group", create_group=False)
    _seed_laboratory(clients)

    analytics = _network(clients, FRANKFURT, "analytics", "10.60.0.0/16")
    _close_default_group(clients, FRANKFURT, analytics)
    _log_to_group(clients, FRANKFURT, analytics, "ALL", "/vpc/never-made", create_group=False)
    _network(clients, OREGON, "old-blog", "10.70.0.0/16")


def _seed_laboratory(clients: Clients) -> None:
    """A network with a log of its one subnet but none of its own, whose default group lets IPv6 in and nothing out."""
    ec2 = clients.of("ec2", IRELAND)
    laboratory = _network(clients, IRELAND, "shop-eu-lab", "10.50.0.0/16")
    subnet = ec2.create_subnet(VpcId=laboratory, CidrBlock="10.50.1.0/24")["Subnet"]["SubnetId"]
    clients.of("logs", IRELAND).create_log_group(logGroupName="/vpc/shop-eu-lab")
    ec2.create_flow_logs(
        ResourceIds=[subnet],
        ResourceType="Subnet",
        TrafficType="ALL",
        LogGroupName="/vpc/shop-eu-lab",
        DeliverLogsPermissionArn=role_arn("shop-flow-logs"),
    )
    group = _close_default_group(clients, IRELAND, laboratory)
    everyone = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[everyone])


def _network(clients: Clients, region: str, name: str, cidr: str) -> str:
    made = clients.of("ec2", region).create_vpc(CidrBlock=cidr, TagSpecifications=name_tag("vpc", name))
    return str(made["Vpc"]["VpcId"])


def _default_group(clients: Clients, region: str, vpc: str) -> str:
    wanted = [{"Name": "group-name", "Values": ["default"]}, {"Name": "vpc-id", "Values": [vpc]}]
    found = clients.of("ec2", region).describe_security_groups(Filters=wanted)["SecurityGroups"]
    return str(found[0]["GroupId"])


def _close_default_group(clients: Clients, region: str, vpc: str) -> str:
    group = _default_group(clients, region, vpc)
    clients.of("ec2", region).revoke_security_group_egress(GroupId=group, IpPermissions=EGRESS)
    return group


def _open_default_group(clients: Clients, region: str) -> None:
    """Give the default VPC's group the rule that AWS makes it with and moto does not: all traffic from itself."""
    ec2 = clients.of("ec2", region)
    default = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
    group = _default_group(clients, region, default)
    itself = {**ANY_TRAFFIC, "UserIdGroupPairs": [{"GroupId": group, "UserId": ACCOUNT}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[itself])


def _log_to_group(
    clients: Clients, region: str, vpc: str, traffic: str, group: str, *, create_group: bool = True
) -> None:
    if create_group:
        clients.of("logs", region).create_log_group(logGroupName=group)
    clients.of("ec2", region).create_flow_logs(
        ResourceIds=[vpc],
        ResourceType="VPC",
        TrafficType=traffic,
        LogGroupName=group,
        DeliverLogsPermissionArn=role_arn("shop-flow-logs"),
    )


def _seed_machines(clients: Clients) -> None:
    _machine(clients, HOME, "shop-web-1", encrypted=True)
    database = _machine(clients, HOME, "shop-db-1", encrypted=True)
    _volume(clients, HOME, "shop-db-1-data", encrypted=False, attach_to=database)
    batch = _machine(clients, HOME, "shop-batch-1", encrypted=False)
    clients.of("ec2", HOME).stop_instances(InstanceIds=[batch])
    _volume(clients, HOME, "shop-db-1-data-2023", encrypted=False)
    _volume(clients, HOME, "spare-encrypted", encrypted=True)

    _machine(clients, IRELAND, "shop-eu-web-1", encrypted=True)
    search = _machine(clients, IRELAND, "shop-eu-search-1", encrypted=True)
    _volume(clients, IRELAND, "shop-eu-search-1-index", encrypted=False, attach_to=search)

    _machine(clients, FRANKFURT, "analytics-etl-1", encrypted=True)
    _machine(clients, OREGON, "old-blog-1", encrypted=False)


def _machine(clients: Clients, region: str, name: str, *, encrypted: bool) -> str:
    made = clients.of("ec2", region).run_instances(
        ImageId=IMAGE,
        MinCount=1,
        MaxCount=1,
        InstanceType="t3.medium",
        BlockDeviceMappings=[{"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 20, "Encrypted": encrypted}}],
        TagSpecifications=name_tag("instance", name) + name_tag("volume", f"{name}-root"),
    )
    return str(made["Instances"][0]["InstanceId"])


def _volume(clients: Clients, region: str, name: str, *, encrypted: bool, attach_to: str = "") -> str:
    ec2 = clients.of("ec2", region)
    made = ec2.create_volume(
        AvailabilityZone=f"{region}a",
        Size=100,
        VolumeType="gp3",
        Encrypted=encrypted,
        TagSpecifications=name_tag("volume", name),
    )
    volume = str(made["VolumeId"])
    if attach_to:
        ec2.attach_volume(VolumeId=volume, InstanceId=attach_to, Device="/dev/sdf")
    return volume


def _seed_snapshots(clients: Clients) -> None:
    ec2 = clients.of("ec2", HOME)
    _snapshot(clients, HOME, "orders-nightly", encrypted=True)
    public = _snapshot(clients, HOME, "catalog-export-2024")
    ec2.modify_snapshot_attribute(
        SnapshotId=public, Attribute="createVolumePermission", OperationType="add", GroupNames=["all"]
    )
    shared = _snapshot(clients, HOME, "orders-for-the-auditor")
    ec2.modify_snapshot_attribute(
        SnapshotId=shared, Attribute="createVolumePermission", OperationType="add", UserIds=[AUDITOR_ACCOUNT]
    )
    _snapshot(clients, IRELAND, "shop-eu-nightly", encrypted=True)
    # Someone else's public snapshot, which every account can see and a scan must not take for its own.
    foreign = _snapshot(clients, HOME, "community-image")
    kept = ec2_backends[ACCOUNT][HOME].snapshots[foreign]
    kept.owner_id = "099720109477"
    kept.create_volume_permission_groups.add("all")


def _snapshot(clients: Clients, region: str, name: str, *, encrypted: bool = False) -> str:
    """Take a snapshot of a volume that is gone since."""
    ec2 = clients.of("ec2", region)
    volume = _volume(clients, region, f"{name}-source", encrypted=encrypted)
    made = ec2.create_snapshot(VolumeId=volume, Description=name, TagSpecifications=name_tag("snapshot", name))
    ec2.delete_volume(VolumeId=volume)
    return str(made["SnapshotId"])


def _age_disks() -> None:
    """Date volumes and snapshots back; no call does."""
    for region in (HOME, IRELAND, FRANKFURT, OREGON):
        backend = ec2_backends[ACCOUNT][region]
        for volume in backend.volumes.values():
            volume.create_time = days_ago(300)
            if volume.attachment:
                volume.attachment.attach_time = days_ago(299)
        for snapshot in backend.snapshots.values():
            snapshot.start_time = days_ago(120)


def _seed_functions(clients: Clients) -> None:
    for region, name, runtime in (
        (HOME, "checkout-webhook", "python3.13"),
        (HOME, "image-resizer", "nodejs18.x"),
        (HOME, "invoice-mailer", "python3.8"),
        (IRELAND, "edge-router", "nodejs22.x"),
        (IRELAND, "price-sync", "provided.al2023"),
        (FRANKFURT, "etl-trigger", "java21"),
        (OREGON, "old-blog-cron", "ruby2.7"),
    ):
        clients.of("lambda", region).create_function(
            FunctionName=name,
            Runtime=runtime,
            Role=role_arn("shop-lambda"),
            Handler="app.handler",
            Code={"ZipFile": _package()},
        )
    clients.of("lambda", HOME).create_function(
        FunctionName="catalog-renderer",
        PackageType="Image",
        Role=role_arn("shop-lambda"),
        Code={"ImageUri": f"{ACCOUNT}.dkr.ecr.{HOME}.amazonaws.com/catalog-renderer:7"},
    )


def _package() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(zipfile.ZipInfo("app.py", (2024, 1, 1, 0, 0, 0)), "def handler(event, context): ...\n")
    return packed.getvalue()


def _seed_replication(clients: Clients) -> None:
    for region, name, public in ((HOME, "orders-migration", True), (IRELAND, "stock-sync", False)):
        clients.of("dms", region).create_replication_instance(
            ReplicationInstanceIdentifier=name,
            ReplicationInstanceClass="dms.t3.medium",
            AllocatedStorage=50,
            PubliclyAccessible=public,
        )


def _seed_search(clients: Clients, keys: dict[str, str]) -> None:
    by_key = {"Enabled": True, "KmsKeyId": keys["shop-eu"]}
    clients.of("opensearch", IRELAND).create_domain(
        DomainName="product-search", EngineVersion="OpenSearch_2.11", EncryptionAtRestOptions=by_key
    )
    home = clients.of("opensearch", HOME)
    home.create_domain(
        DomainName="shop-logs", EngineVersion="OpenSearch_1.3", EncryptionAtRestOptions={"Enabled": False}
    )
    home.create_domain(DomainName="legacy-catalog", EngineVersion="Elasticsearch_7.10")
    # moto takes the engine from the API that made the domain, not from its version.
    opensearch_backends[ACCOUNT][HOME].domains["legacy-catalog"].engine_type = "Elasticsearch"
    # And leaves the version out where the older of the two APIs is asked.
    for region, name, version in (
        (IRELAND, "product-search", "OpenSearch_2.11"),
        (HOME, "shop-logs", "OpenSearch_1.3"),
        (HOME, "legacy-catalog", "7.10"),
    ):
        opensearch_backends[ACCOUNT][region].domains[name].elasticsearch_version = version


def _seed_notebooks(clients: Clients) -> None:
    for region, name, internet, root in (
        (HOME, "churn-model", "Enabled", "Disabled"),
        (FRANKFURT, "demand-forecast", "Disabled", "Enabled"),
    ):
        clients.of("sagemaker", region).create_notebook_instance(
            NotebookInstanceName=name,
            InstanceType="ml.t3.medium",
            RoleArn=role_arn("shop-notebooks"),
            DirectInternetAccess=internet,
            RootAccess=root,
        )
