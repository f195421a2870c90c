"""EC2: instances, their network interfaces, and subnets."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.endpoint.account import ACCOUNT_ID, Account, code
from benchmarks.endpoint.answers.ec2 import PAGING, existing, honoured, tags
from benchmarks.endpoint.answers.paging import Handler, Kind, Listing
from benchmarks.endpoint.wire import Call, Document

_TYPES = ("t3.micro", "t3.large", "m5.large", "m6i.xlarge", "c6g.2xlarge")


def is_stopped(instance: int) -> bool:
    """Whether an instance is stopped: one in seven."""
    return instance % 7 == 3


def needs_tokens(instance: int) -> bool:
    """Whether an instance's metadata is given for a token alone: two in three."""
    return instance % 3 != 0


def is_public(instance: int) -> bool:
    """Whether an instance has an address of the internet: one in eleven."""
    return instance % 11 == 0


def _holes(account: Account, row: int) -> Mapping[str, object]:
    subnet = account.neighbour(row, account.sizes.subnets)
    return {
        "row": row,
        "code": code(row),
        "eni": code(row),
        "type": _TYPES[row % len(_TYPES)],
        "region": account.region_of(row),
        "zone": "abc"[row % 3],
        "subnet": code(subnet),
        "vpc": code(account.neighbour(subnet, account.sizes.all_vpcs)),
        "group": code(account.neighbour(row, account.sizes.all_security_groups)),
        "address": f"10.{row >> 16 & 255}.{row >> 8 & 255}.{row & 255}",
        "time": f"2025-{1 + row % 12:02d}-{1 + row % 28:02d}T09:{row % 60:02d}:00.000Z",
    }


# ---------------------------------------------------------------- instances


def _instance(variant: tuple[bool, bool, bool]) -> Document:
    stopped, tokens, public = variant
    groups = [{"GroupId": "sg-~group~", "GroupName": "group of ~row~"}]
    interface = {
        "NetworkInterfaceId": "eni-~eni~",
        "Description": "",
        "Groups": groups,
        "MacAddress": "0a:00:00:00:00:01",
        "OwnerId": ACCOUNT_ID,
        "PrivateIpAddress": "~address~",
        "SourceDestCheck": True,
        "Status": "in-use",
        "SubnetId": "subnet-~subnet~",
        "VpcId": "vpc-~vpc~",
        "InterfaceType": "interface",
    }
    volume = {"AttachTime": "~time~", "DeleteOnTermination": True, "Status": "attached", "VolumeId": "vol-~code~"}
    instance = {
        "InstanceId": "i-~code~",
        "ImageId": "ami-~code~",
        "InstanceType": "~type~",
        "KeyName": "operations",
        "LaunchTime": "~time~",
        "Monitoring": {"State": "disabled"},
        "Placement": {"AvailabilityZone": "~region~~zone~", "GroupName": "", "Tenancy": "default"},
        "PrivateDnsName": "ip-~row~.ec2.internal",
        "PrivateIpAddress": "~address~",
        **({"PublicIpAddress": "203.0.113.7"} if public else {}),
        "State": {"Code": 80, "Name": "stopped"} if stopped else {"Code": 16, "Name": "running"},
        "SubnetId": "subnet-~subnet~",
        "VpcId": "vpc-~vpc~",
        "Architecture": "x86_64",
        "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": volume}],
        "EbsOptimized": False,
        "Hypervisor": "xen",
        "NetworkInterfaces": [interface],
        "RootDeviceName": "/dev/xvda",
        "RootDeviceType": "ebs",
        "SecurityGroups": groups,
        "SourceDestCheck": True,
        "Tags": tags("instance-~row~"),
        "VirtualizationType": "hvm",
        "MetadataOptions": {"State": "applied", "HttpTokens": "required" if tokens else "optional"},
    }
    return {"ReservationId": "r-~code~", "OwnerId": ACCOUNT_ID, "Groups": [], "Instances": [instance]}


INSTANCES = Listing(
    Kind(lambda _, row: (is_stopped(row), needs_tokens(row), is_public(row)), _instance, _holes),
    "Reservations",
    PAGING,
)


def describe_instances(account: Account, call: Call) -> Document:
    """List a Region's instances, a reservation each."""
    honoured(call, ())
    rows = account.spread(account.sizes.instances, call.region)
    asked = call.texts("InstanceId")
    return INSTANCES.page(account, call, existing(asked, rows, "InvalidInstanceID.NotFound") if asked else rows)


# ---------------------------------------------------------------- network interfaces


def _interface(is_used: bool) -> Document:
    attachment = {
        "AttachTime": "~time~",
        "AttachmentId": "eni-attach-~code~",
        "DeleteOnTermination": True,
        "DeviceIndex": 0,
        "InstanceId": "i-~code~",
        "InstanceOwnerId": ACCOUNT_ID,
        "Status": "attached",
    }
    return {
        **({"Attachment": attachment} if is_used else {}),
        "AvailabilityZone": "~region~~zone~",
        "Description": "interface ~row~",
        "Groups": [{"GroupId": "sg-~group~", "GroupName": "group of ~row~"}],
        "InterfaceType": "interface",
        "NetworkInterfaceId": "eni-~eni~",
        "OwnerId": ACCOUNT_ID,
        "PrivateIpAddress": "~address~",
        "RequesterManaged": False,
        "SourceDestCheck": True,
        "Status": "in-use" if is_used else "available",
        "SubnetId": "subnet-~subnet~",
        "VpcId": "vpc-~vpc~",
        "TagSet": tags("interface-~row~"),
    }


INTERFACES = Listing(
    Kind(lambda account, row: row < account.sizes.instances, _interface, _holes), "NetworkInterfaces", PAGING
)


def describe_network_interfaces(account: Account, call: Call) -> Document:
    """List a Region's network interfaces; the first ones are those of the instances."""
    honoured(call, ())
    rows = account.spread(account.sizes.interfaces, call.region)
    asked = call.texts("NetworkInterfaceId")
    found = existing(asked, rows, "InvalidNetworkInterfaceID.NotFound") if asked else rows
    return INTERFACES.page(account, call, found)


# ---------------------------------------------------------------- subnets


def _subnet(is_public: bool) -> Document:
    return {
        "AvailabilityZone": "~region~~zone~",
        "AvailableIpAddressCount": 251,
        "CidrBlock": "10.~octet~.~row~.0/24",
        "DefaultForAz": False,
        "MapPublicIpOnLaunch": is_public,
        "State": "available",
        "SubnetId": "subnet-~code~",
        "VpcId": "vpc-~vpc~",
        "OwnerId": ACCOUNT_ID,
        "Tags": tags("subnet-~row~"),
        "SubnetArn": f"arn:aws:ec2:~region~:{ACCOUNT_ID}:subnet/subnet-~code~",
    }


def _subnet_holes(account: Account, row: int) -> Mapping[str, object]:
    vpc = account.neighbour(row, account.sizes.all_vpcs)
    place = {"region": account.region_of(row), "zone": "abc"[row % 3]}
    return {"row": row % 256, "code": code(row), "octet": vpc % 256, "vpc": code(vpc), **place}


SUBNETS = Listing(Kind(lambda _, row: row % 4 == 0, _subnet, _subnet_holes), "Subnets", PAGING)


def describe_subnets(account: Account, call: Call) -> Document:
    """List a Region's subnets; one in four gives what starts in it an address of the internet."""
    honoured(call, ())
    rows = account.spread(account.sizes.subnets, call.region)
    asked = call.texts("SubnetId")
    return SUBNETS.page(account, call, existing(asked, rows, "InvalidSubnetID.NotFound") if asked else rows)


ANSWERS: dict[str, Handler] = {
    "ec2:DescribeInstances": describe_instances,
    "ec2:DescribeNetworkInterfaces": describe_network_interfaces,
    "ec2:DescribeSubnets": describe_subnets,
}
