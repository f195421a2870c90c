"""Who did it and to what, in short words, from an event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Document = Mapping[str, Any]

# Parameters that name what a call is about, the more telling first. Names end in what AWS's APIs call them.
_NAMED = (
    "bucketName", "trailName", "userName", "roleName", "groupName", "policyArn", "policyName", "instanceProfileName",
    "functionName", "keyId", "secretId", "detectorId", "instanceId", "groupId", "snapshotId", "volumeId", "imageId",
    "vpcId", "subnetId", "networkAclId", "routeTableId", "flowLogIds", "dBInstanceIdentifier", "dBClusterIdentifier",
    "dBSnapshotIdentifier", "domainName", "notebookInstanceName", "replicationInstanceArn", "tableName", "topicArn",
    "queueUrl", "repositoryName", "clusterName", "fileSystemId", "loadBalancerArn", "loadBalancerName", "logGroupName",
    "configurationRecorderName", "stackName", "parameterName", "hostedZoneId", "certificateArn", "resourceArn",
    "resourceId", "arn", "name",
)  # fmt: skip
_LISTS = (
    ("instancesSet", "instanceId"),
    ("resourcesSet", "resourceId"),
    ("networkInterfaceIdSet", "networkInterfaceId"),
)


def principal(identity: object, account: str) -> str:
    """Return who an event's `userIdentity` is: ``user alice``, ``role Admin/alice``, ``root``, a service's name.

    The account stands before it where it is not the account that the event is about.
    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
    """
    if not isinstance(identity, dict):
        return ""
    kind, own = _text(identity, "type"), _text(identity, "accountId")
    arn = _text(identity, "arn")
    match kind:
        case "Root":
            name = "root"
        case "IAMUser":
            name = f"user {_text(identity, 'userName') or _last(arn)}".rstrip()
        case "AssumedRole" | "Role":
            name = f"role {_session(identity, arn)}".rstrip()
        case "FederatedUser":
            name = f"federated user {_last(arn)}".rstrip()
        case "AWSService":
            return _text(identity, "invokedBy") or "an AWS service"
        case "AWSAccount":
            name = _text(identity, "principalId")
        case "":
            name = arn or _text(identity, "principalId") or _text(identity, "invokedBy")
        case _:
            name = f"{kind} {_text(identity, 'userName') or _text(identity, 'principalId') or arn}".rstrip()
    return f"{own}: {name}" if own and account and own != account else name


def _session(identity: Document, arn: str) -> str:
    """Return role/session, and whom the session says that it acts for."""
    context = identity.get("sessionContext")
    issuer = context.get("sessionIssuer") if isinstance(context, dict) else None
    source = context.get("sourceIdentity") if isinstance(context, dict) else None
    parts = arn.split("/")
    role = _text(issuer, "userName") or (parts[1] if len(parts) > 1 else "")
    session = parts[-1] if len(parts) > 2 else _text(identity, "principalId").partition(":")[2]
    name = "/".join(part for part in (role, session) if part)
    return f"{name} for {source}" if isinstance(source, str) and source and source != session else name


def resource(resources: object, parameters: object) -> str:
    """Return what an event is about: the ARN that it names, else the parameter that names a thing; else nothing."""
    if isinstance(resources, list):
        arns = [_text(each, "ARN") or _text(each, "arn") for each in resources if isinstance(each, dict)]
        named = [arn for arn in arns if arn]
        if named:
            return _first(named)
    if not isinstance(parameters, dict):
        return ""
    for key in _NAMED:
        value = parameters.get(key)
        if isinstance(value, str) and value:
            return value
    for key, member in _LISTS:
        items = parameters.get(key)
        listed = items.get("items") if isinstance(items, dict) else None
        ids = [_text(each, member) for each in listed] if isinstance(listed, list) else []
        if ids and ids[0]:
            return _first(ids)
    return ""


def _text(document: object, key: str) -> str:
    value = document.get(key) if isinstance(document, dict) else None
    return value if isinstance(value, str) else ""


def _last(arn: str) -> str:
    return arn.rpartition("/")[2]


def _first(names: list[str]) -> str:
    return f"{names[0]} and {len(names) - 1} more" if len(names) > 1 else names[0]
