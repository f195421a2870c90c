"""Policies as people have them, by the hundred: templates of Cloud Custodian's filters with a number put in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

_HOLE = re.compile(r"\{(n|d)\}")


def _value(key: str, op: str, value: Any, **more: Any) -> dict[str, Any]:  # noqa: ANN401 (any YAML)
    return {"type": "value", "key": key, "op": op, "value": value, **more}


def _older(key: str) -> dict[str, Any]:
    return _value(key, "gt", "{n}", value_type="age")


# `{n}` becomes the policy's number, `{d}` its last digit; a text that is nothing else becomes a whole number.
_FILTERS: Mapping[str, Sequence[Sequence[Any]]] = {
    "ec2": (
        [{"State.Name": "running"}, _older("LaunchTime")],
        [_value("InstanceType", "in", ["t3.micro", "m5.large"]), {"tag:owner": "absent"}],
        [{"type": "security-group", "key": "tag:Name", "op": "glob", "value": "web-*{d}"}],
        [{"type": "subnet", "key": "MapPublicIpOnLaunch", "value": True}, _value("tag:Name", "regex", ".*{d}$")],
        [{"not": [_value("MetadataOptions.HttpTokens", "eq", "required")]}],
        [{"type": "instance-age", "op": "ge", "days": "{n}"}, {"PublicIpAddress": "present"}],
        [_value("BlockDeviceMappings[].Ebs.DeleteOnTermination", "contains", value=True), {"tag:Name": "instance-{n}"}],
        [{"type": "tag-count", "op": "gte", "count": 3}, {"type": "vpc", "key": "IsDefault", "value": True}],
        [{"type": "list-item", "key": "NetworkInterfaces", "attrs": [_value("PrivateIpAddress", "glob", "*{d}")]}],
    ),
    "eni": (
        [{"Status": "available"}],
        [{"type": "security-group", "key": "GroupName", "value": "default"}],
        [{"type": "subnet", "key": "tag:Name", "op": "glob", "value": "subnet-{d}*"}, {"Attachment": "absent"}],
        [_value("Description", "regex", "interface .*{d}$")],
    ),
    "subnet": (
        [{"MapPublicIpOnLaunch": True}],
        [_value("AvailableIpAddressCount", "lt", "{n}"), _value("CidrBlock", "glob", "10.*")],
    ),
    "ebs": (
        [{"Encrypted": False}],
        [{"Attachments": []}, _older("CreateTime")],
        [_value("Size", "gt", "{n}"), {"State": "available"}],
        [{"not": [_value("VolumeType", "in", ["gp3", "io2"])]}],
        [{"tag:team": "platform-engineering"}, _value("tag:Name", "glob", "volume-*{d}")],
        [_value("KmsKeyId", "regex", ".*key/[0-9a-f-]+{d}$")],
        [{"tag:owner": "absent"}, {"or": [{"Encrypted": True}, _value("Iops", "lt", "{n}")]}],
        [_value("Attachments[0].DeleteOnTermination", "eq", value=True), _value("tag:Name", "regex", ".*{d}$")],
    ),
    "ebs-snapshot": (
        [{"type": "age", "days": "{n}", "op": "ge"}, _value("tag:Name", "regex", ".*{d}$")],
        [{"Encrypted": False}, _value("VolumeSize", "ge", "{n}")],
        [_value("Description", "contains", "CreateImage"), _value("tag:Name", "glob", "*{d}")],
    ),
    "security-group": (
        [{"type": "ingress", "Ports": [22, 3389], "Cidr": {"value": "0.0.0.0/0"}}],
        [{"type": "ingress", "OnlyPorts": [22, 443, "{n}"], "Cidr": {"value": "10.0.0.0/8"}}],
        [{"type": "egress", "Cidr": {"value": "0.0.0.0/0"}}, {"GroupName": "default"}],
        [_value("length(IpPermissions)", "gt", 1), _value("GroupName", "glob", "web-*{d}")],
        [_value("IpPermissions[].IpRanges[].CidrIp", "contains", "192.168.{n}.0/24")],
    ),
    "vpc": (
        [{"type": "flow-logs", "enabled": False}],
        [{"type": "flow-logs", "enabled": True, "status": "active", "traffic-type": "all"}],
        [_value("CidrBlock", "glob", "10.{d}*"), {"IsDefault": False}],
    ),
    "lambda": (
        [_value("Runtime", "in", ["python3.8", "nodejs16.x"])],
        [_value("Timeout", "lt", "{n}"), {"TracingConfig.Mode": "PassThrough"}],
        [_value("MemorySize", "ge", "{n}"), {"tag:team": "absent"}],
        [_value("FunctionName", "regex", ".*{d}$"), _value("length(VpcConfig.SubnetIds)", "ge", 1)],
    ),
    "log-group": (
        [{"retentionInDays": "absent"}],
        [_value("storedBytes", "gt", "{n}"), _value("logGroupName", "glob", "/aws/lambda/*{d}")],
    ),
    "s3": (
        [_value("Name", "glob", "*{d}")],
        [{"type": "bucket-encryption", "state": False}],
        [{"type": "check-public-block"}],
        [{"type": "cross-account"}],
        [{"type": "global-grants"}],
        [{"tag:owner": "absent"}, _older("CreationDate")],
        [{"type": "has-statement", "statement_ids": ["Deny{d}"]}],
    ),
    "iam-user": (
        [_older("CreateDate")],
        [{"type": "credential", "key": "password_enabled", "value": True},
         {"type": "credential", "key": "mfa_active", "value": False}],
        [{"type": "access-key", "key": "Status", "value": "Active"},
         {"type": "access-key", "key": "CreateDate", "value_type": "age", "op": "gt", "value": 90}],
        [{"type": "mfa-device", "key": "MFADevices", "value": []}],
        [{"PasswordLastUsed": "absent"}, _value("UserName", "regex", ".*{d}$")],
    ),
    "iam-role": (
        [_value("AssumeRolePolicyDocument.Statement[].Principal.Service", "contains", "ec2.amazonaws.com"),
         _value("RoleName", "glob", "*{d}")],
        [{"type": "cross-account"}],
        [_older("CreateDate"), {"Path": "/"}],
    ),
    "iam-policy": (
        [{"type": "has-allow-all"}],
        [{"AttachmentCount": 0}, _value("PolicyName", "regex", ".*{d}$")],
    ),
    "kms-key": (
        [{"KeyState": "PendingDeletion"}],
        [{"type": "key-rotation-status", "key": "KeyRotationEnabled", "value": False}, {"KeyManager": "CUSTOMER"}],
        [{"type": "cross-account"}],
    ),
    "sagemaker-notebook": ([{"DirectInternetAccess": "Enabled"}],),
    "dms-instance": ([{"PubliclyAccessible": True}],),
}  # fmt: skip


def policies(count: int) -> list[dict[str, Any]]:
    """Return so many policies with names of their own, spread evenly over all templates."""
    every = [(kind, filters) for kind, lists in _FILTERS.items() for filters in lists]
    return [
        {"name": f"{kind}-{number:04}", "resource": f"aws.{kind}", "filters": _filled(filters, number)}
        for number in range(count)
        for kind, filters in (every[number % len(every)],)
    ]


def type_of(policy: str) -> str:
    """Return the type of resource of a policy of such a name."""
    return policy.rpartition("-")[0]


def _filled(value: Any, number: int) -> Any:  # noqa: ANN401 (any YAML)
    if isinstance(value, dict):
        return {key: _filled(item, number) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, number) for item in value]
    if not isinstance(value, str):
        return value
    words = {"n": number, "d": number % 10}
    whole = _HOLE.fullmatch(value)
    return words[whole[1]] if whole else _HOLE.sub(lambda hole: str(words[hole[1]]), value)
