"""EC2: Regions, volumes, snapshots, VPCs, flow logs and security groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.endpoint.account import ACCOUNT_ID, DORMANT_REGIONS, Account, code, row_of_code, uuid
from benchmarks.endpoint.answers.paging import Handler, Kind, Listing, Paging, nothing
from benchmarks.endpoint.wire import Call, Document, Refusal

PAGING = Paging("MaxResults", "NextToken", "NextToken", default=1000, most=1000, least=5)
PUBLIC = (101, 5)
"""One snapshot in 101 can be restored by everyone."""
KEY_ARN = f"arn:aws:kms:~region~:{ACCOUNT_ID}:key/~key~"


def tags(name: str) -> list[Document]:
    """The tags of a resource of such a name."""
    found = {"Name": name, "team": "platform-engineering", "cost-center": "4711"}
    return [{"Key": key, "Value": value} for key, value in found.items()]


# ---------------------------------------------------------------- Regions


def describe_regions(account: Account, call: Call) -> Document:
    """List the opted-in Regions; with AllRegions the dormant ones too."""
    found = [(name, "opt-in-not-required") for name in account.regions]
    if call.text("AllRegions") == "true":
        found += [(name, "not-opted-in") for name in DORMANT_REGIONS]
    asked = call.texts("RegionName")
    return {
        "Regions": [
            {"RegionName": name, "Endpoint": f"ec2.{name}.amazonaws.com", "OptInStatus": status}
            for name, status in found
            if not asked or name in asked
        ]
    }


# ---------------------------------------------------------------- volumes


def attached(volume: int) -> bool:
    """Whether a volume hangs on an instance: four in five."""
    return volume % 5 != 0


def encrypted(volume: int) -> bool:
    """Whether a volume is encrypted: three in four."""
    return volume % 4 != 1


def _volume(variant: tuple[bool, bool]) -> Document:
    is_attached, is_encrypted = variant
    attachment = {
        "VolumeId": "vol-~code~",
        "InstanceId": "i-~code~",
        "Device": "/dev/xvda",
        "State": "attached",
        "AttachTime": "~time~",
        "DeleteOnTermination": True,
    }
    return {
        "VolumeId": "vol-~code~",
        "Size": "~size~",
        "SnapshotId": "snap-~code~",
        "AvailabilityZone": "~region~~zone~",
        "State": "in-use" if is_attached else "available",
        "CreateTime": "~time~",
        "Attachments": [attachment] if is_attached else [],
        "Encrypted": is_encrypted,
        **({"KmsKeyId": KEY_ARN} if is_encrypted else {}),
        "VolumeType": "gp3",
        "Iops": 3000,
        "Throughput": 125,
        "MultiAttachEnabled": False,
        "Tags": tags("volume-~row~"),
    }


def _volume_holes(account: Account, row: int) -> Mapping[str, object]:
    return {
        "row": row,
        "code": code(row),
        "size": 8 << row % 7,
        "region": account.region_of(row),
        "zone": "abc"[row % 3],
        "key": uuid(row % 10),
        "time": f"2025-{1 + row % 12:02d}-{1 + row % 28:02d}T08:{row % 60:02d}:00.000Z",
    }


VOLUMES = Listing(Kind(lambda _, row: (attached(row), encrypted(row)), _volume, _volume_holes), "Volumes", PAGING)


def describe_volumes(account: Account, call: Call) -> Document:
    """List a Region's volumes."""
    honoured(call, ())
    rows = account.spread(account.sizes.volumes, call.region)
    asked = call.texts("VolumeId")
    if asked:
        return VOLUMES.page(account, call, existing(asked, rows, "InvalidVolume.NotFound"))
    return VOLUMES.page(account, call, rows)


# ---------------------------------------------------------------- snapshots


def is_public(snapshot: int) -> bool:
    """Whether everyone can restore a snapshot."""
    return snapshot % PUBLIC[0] == PUBLIC[1]


def _snapshot(is_encrypted: bool) -> Document:
    return {
        "SnapshotId": "snap-~code~",
        "VolumeId": "vol-~code~",
        "State": "completed",
        "StartTime": "~time~",
        "Progress": "100%",
        "OwnerId": ACCOUNT_ID,
        "Description": "Created by CreateImage(i-~code~) for ami-~code~",
        "VolumeSize": "~size~",
        "Encrypted": is_encrypted,
        **({"KmsKeyId": KEY_ARN} if is_encrypted else {}),
        "StorageTier": "standard",
        "Tags": tags("snapshot-~row~"),
    }


SNAPSHOTS = Listing(Kind(lambda _, row: row % 4 != 1, _snapshot, _volume_holes), "Snapshots", PAGING)


def describe_snapshots(account: Account, call: Call) -> Document:
    """List a Region's own snapshots, or only those of them that everyone can restore."""
    honoured(call, ())
    rows = account.spread(account.sizes.snapshots, call.region)
    if "all" in call.texts("RestorableBy"):
        rows = account.every(rows, *PUBLIC)
    asked = call.texts("SnapshotId")
    if asked:
        return SNAPSHOTS.page(account, call, existing(asked, rows, "InvalidSnapshot.NotFound"))
    return SNAPSHOTS.page(account, call, rows)


def describe_snapshot_attribute(account: Account, call: Call) -> Document:
    """Say who may restore a snapshot."""
    name = call.text("SnapshotId")
    rows = account.spread(account.sizes.snapshots, call.region)
    row = existing([name], rows, "InvalidSnapshot.NotFound")[0]
    return {"SnapshotId": name, "CreateVolumePermissions": [{"Group": "all"}] if is_public(row) else []}


# ---------------------------------------------------------------- VPCs and flow logs


def _vpc(is_default: bool) -> Document:
    block = "172.31.0.0/16" if is_default else "10.~octet~.0.0/16"
    association = {
        "AssociationId": "vpc-cidr-assoc-~code~",
        "CidrBlock": block,
        "CidrBlockState": {"State": "associated"},
    }
    return {
        "CidrBlock": block,
        "DhcpOptionsId": "dopt-~code~",
        "State": "available",
        "VpcId": "vpc-~code~",
        "OwnerId": ACCOUNT_ID,
        "InstanceTenancy": "default",
        "CidrBlockAssociationSet": [association],
        "IsDefault": is_default,
        "Tags": [] if is_default else tags("vpc-~row~"),
    }


def _vpc_holes(_account: Account, row: int) -> Mapping[str, object]:
    return {"row": row, "code": code(row), "octet": row % 256}


VPCS = Listing(Kind(lambda account, row: row < account.sizes.regions, _vpc, _vpc_holes), "Vpcs", PAGING)


def describe_vpcs(account: Account, call: Call) -> Document:
    """List a Region's VPCs; the first one is the default VPC."""
    honoured(call, ())
    rows = account.spread(account.sizes.all_vpcs, call.region)
    asked = call.texts("VpcId")
    return VPCS.page(account, call, existing(asked, rows, "InvalidVpcID.NotFound") if asked else rows)


def traffic(flow_log: int) -> str:
    """What a flow log records; one in three shows nothing of rejected traffic."""
    return ("ALL", "REJECT", "ACCEPT")[flow_log % 3]


def _flow_log(kind: str) -> Document:
    return {
        "CreationTime": "~time~",
        "DeliverLogsPermissionArn": f"arn:aws:iam::{ACCOUNT_ID}:role/flow-logs",
        "DeliverLogsStatus": "SUCCESS",
        "FlowLogId": "fl-~code~",
        "FlowLogStatus": "ACTIVE",
        "LogGroupName": "/vpc/flow-logs/~row~",
        "ResourceId": "vpc-~vpc~",
        "TrafficType": kind,
        "LogDestinationType": "cloud-watch-logs",
        "LogFormat": "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${action}",
        "MaxAggregationInterval": 600,
        "Tags": tags("flow-log-~row~"),
    }


def _flow_log_holes(account: Account, row: int) -> Mapping[str, object]:
    vpc = account.neighbour(row, account.sizes.all_vpcs)
    return {**_volume_holes(account, row), "vpc": code(vpc)}


FLOW_LOGS = Listing(Kind(lambda _, row: traffic(row), _flow_log, _flow_log_holes), "FlowLogs", PAGING)


def describe_flow_logs(account: Account, call: Call) -> Document:
    """List a Region's flow logs: all, or those of some VPCs."""
    vpcs = honoured(call, ("resource-id",)).get("resource-id")
    if vpcs is None:
        return FLOW_LOGS.page(account, call, account.spread(account.sizes.flow_logs, call.region))
    mine = account.spread(account.sizes.all_vpcs, call.region)
    found = [row for vpc in map(row_of_code, vpcs) if vpc in mine for row in _flow_logs_of(account, vpc, len(mine))]
    return FLOW_LOGS.page(account, call, sorted(found))


def _flow_logs_of(account: Account, vpc: int, vpcs: int) -> range:
    """The flow logs of a VPC, one among so many in its Region: those whose `neighbour` it is."""
    return range(vpc, account.sizes.flow_logs, account.sizes.regions * vpcs)


# ---------------------------------------------------------------- security groups


def is_closed(group: int) -> bool:
    """Whether a VPC's default group has had its rules taken away: one in three."""
    return group % 3 == 0


def _ports(port: int, *blocks: tuple[str, str]) -> Document:
    ranges = [{"CidrIp": block, "Description": reason} for block, reason in blocks]
    return {**_permission("tcp", ranges=ranges), "FromPort": port, "ToPort": port}


def _permission(protocol: str, ranges: Sequence[Document] = (), pairs: Sequence[Document] = ()) -> Document:
    """A rule; EC2 sends every list, empty or not."""
    lists = {"UserIdGroupPairs": [*pairs], "IpRanges": [*ranges], "Ipv6Ranges": [], "PrefixListIds": []}
    return {"IpProtocol": protocol, **lists}


_EVERYTHING_OUT = _permission("-1", [{"CidrIp": "0.0.0.0/0"}])


def _default_group(*, closed: bool) -> Document:
    pair = {"GroupId": "sg-~code~", "UserId": ACCOUNT_ID}
    return {
        "GroupId": "sg-~code~",
        "GroupName": "default",
        "Description": "default VPC security group",
        "VpcId": "vpc-~vpc~",
        "OwnerId": ACCOUNT_ID,
        "IpPermissions": [] if closed else [_permission("-1", pairs=[pair])],
        "IpPermissionsEgress": [] if closed else [_EVERYTHING_OUT],
        "Tags": [],
    }


def _group(variant: str) -> Document:
    if variant != "web":
        return _default_group(closed=variant == "closed")
    return {
        "GroupId": "sg-~code~",
        "GroupName": "web-~row~",
        "Description": "Web tier of service ~row~",
        "VpcId": "vpc-~vpc~",
        "OwnerId": ACCOUNT_ID,
        "SecurityGroupArn": f"arn:aws:ec2:~region~:{ACCOUNT_ID}:security-group/sg-~code~",
        "IpPermissions": [
            _ports(443, ("10.0.0.0/8", "from the offices"), ("192.168.~octet~.0/24", "from the partners")),
            _ports(22, ("10.~octet~.0.0/16", "from the bastion")),
        ],
        "IpPermissionsEgress": [_EVERYTHING_OUT],
        "Tags": tags("web-~row~"),
    }


def _group_variant(account: Account, row: int) -> str:
    if row >= account.sizes.all_vpcs:
        return "web"
    return "closed" if is_closed(row) and account.sizes.vpcs else "open"


def _group_holes(account: Account, row: int) -> Mapping[str, object]:
    vpc = account.neighbour(row, account.sizes.all_vpcs)
    return {**_vpc_holes(account, row), "vpc": code(vpc), "region": account.region_of(row)}


SECURITY_GROUPS = Listing(Kind(_group_variant, _group, _group_holes), "SecurityGroups", PAGING)


def describe_security_groups(account: Account, call: Call) -> Document:
    """List a Region's security groups: all, or the default ones; no other group's name is worth a filter."""
    names = honoured(call, ("group-name",)).get("group-name")
    rows = account.spread(account.sizes.all_security_groups, call.region)
    if names is not None:
        defaults = account.spread(account.sizes.all_vpcs, call.region)
        rows = defaults if "default" in names else defaults[:0]
    asked = call.texts("GroupId")
    return SECURITY_GROUPS.page(account, call, existing(asked, rows, "InvalidGroup.NotFound") if asked else rows)


# ---------------------------------------------------------------- the rest


def get_ebs_encryption_by_default(account: Account, call: Call) -> Document:
    """Say whether new volumes of a Region are encrypted."""
    return {"EbsEncryptionByDefault": account.number(call.region) < account.sizes.encrypting}


def honoured(call: Call, known: tuple[str, ...]) -> dict[str, list[str]]:
    """The filters of a call; one that isn't honoured is refused, so that no client builds on it unnoticed."""
    found = {}
    number = 1
    while name := call.text(f"Filter.{number}.Name"):
        if name not in known:
            raise Refusal("InvalidParameterValue", f"The filter '{name}' is invalid")
        found[name] = call.texts(f"Filter.{number}.Value")
        number += 1
    return found


def existing(identifiers: list[str], rows: range, error: str) -> list[int]:
    """The rows of identifiers, which have to be in a Region."""
    found = [row_of_code(identifier) for identifier in identifiers]
    for identifier, row in zip(identifiers, found, strict=True):
        if row not in rows:
            raise Refusal(error, f"'{identifier}' does not exist.")
    return found


def _block_public_access(_account: Account, _call: Call) -> Document:
    return {"State": "unblocked"}


_NOTHING = (
    "DescribeAddresses", "DescribeClientVpnEndpoints", "DescribeImages",
    "DescribeLaunchTemplates", "DescribeNetworkAcls", "DescribeRouteTables",
    "DescribeTransitGateways", "DescribeVpcEndpoints", "DescribeVpcEndpointServices",
    "DescribeVpcPeeringConnections", "DescribeVpnConnections",
)  # fmt: skip

ANSWERS: dict[str, Handler] = {
    "ec2:DescribeRegions": describe_regions,
    "ec2:DescribeVolumes": describe_volumes,
    "ec2:DescribeSnapshots": describe_snapshots,
    "ec2:DescribeSnapshotAttribute": describe_snapshot_attribute,
    "ec2:DescribeVpcs": describe_vpcs,
    "ec2:DescribeFlowLogs": describe_flow_logs,
    "ec2:DescribeSecurityGroups": describe_security_groups,
    "ec2:GetEbsEncryptionByDefault": get_ebs_encryption_by_default,
    "ec2:GetSnapshotBlockPublicAccessState": _block_public_access,
    "ec2:GetImageBlockPublicAccessState": lambda _account, _call: {"ImageBlockPublicAccessState": "unblocked"},
    "ec2:GetInstanceMetadataDefaults": lambda _account, _call: {"AccountLevel": {}},
    **{f"ec2:{operation}": nothing for operation in _NOTHING},
}
