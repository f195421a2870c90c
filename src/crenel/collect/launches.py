"""What Auto Scaling groups launch, and the tags of instances that a listing leaves out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from crenel.catalog.spec import Detail
from crenel.collect.context import UnitContext
from crenel.collect.rows import Row, reach
from crenel.errors import CallError

_MIXED = "MixedInstancesPolicy.LaunchTemplate.LaunchTemplateSpecification"
_DEFAULT = "$Default"
_SOURCES = ("c7n:LaunchConfiguration", "c7n:LaunchTemplateVersions")


def template(context: UnitContext, detail: Detail, rows: Sequence[Row]) -> None:  # noqa: ARG001 (an oddity's form)
    """Fill which launch template, in which version, a group uses that has no launch configuration."""
    for row in rows:
        named = row.values.get("LaunchTemplate") or row.reach(_MIXED)
        if row.values.get("LaunchConfigurationName") is not None or not named or not named.get("LaunchTemplateId"):
            row.values[detail.name] = None
        else:
            version = named.get("Version") or _DEFAULT
            row.values[detail.name] = {"LaunchTemplateId": named["LaunchTemplateId"], "Version": version}


def launched(context: UnitContext, detail: Detail, rows: Sequence[Row]) -> None:
    """Fill what further calls need of what a group launches: its image, and the snapshots that its volumes are made of.

    Null where a group has nothing to launch.
    """
    for row in rows:
        missing = next((source for source in _SOURCES if source in row.gaps), None)
        if missing is not None:
            error = CallError("ec2:DescribeImages", "NotAsked", f"needs {missing}, which could not be read")
            context.note(detail.name, [row], error, "")
            continue
        template_data = reach(row.values, "c7n:LaunchTemplateVersions.0.LaunchTemplateData")
        data = row.values.get("c7n:LaunchConfiguration") or template_data
        row.values[detail.name] = _said(data) if data else None


def _said(data: Mapping[str, Any]) -> dict[str, Any]:
    return {"ImageId": data.get("ImageId"), "Snapshots": [{"SnapshotId": each} for each in _snapshots(data)]}


def _snapshots(data: Mapping[str, Any]) -> Iterator[str]:
    for device in data.get("BlockDeviceMappings") or []:
        snapshot = (device.get("Ebs") or {}).get("SnapshotId")
        if snapshot:
            yield str(snapshot).strip()


def instance_tags(context: UnitContext, detail: Detail, rows: Sequence[Row]) -> None:
    """Fill the tags of instances from a listing of their own, where the listing of instances shows none at all.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html: it did leave them out at times.
    """
    if any(row.values.get("Tags") is not None for row in rows):
        return
    call = "ec2:DescribeTags"
    params = {"Filters": [{"Name": "resource-type", "Values": ["instance"]}]}
    found: dict[str, list[dict[str, Any]]] = {}
    try:
        for answer in context.pages("ec2", "DescribeTags", params):
            for each in answer.get("Tags") or []:
                tag = {"Key": each.get("Key"), "Value": each.get("Value")}
                found.setdefault(each.get("ResourceId"), []).append(tag)
    except CallError as error:
        context.note(detail.name, rows, error, call)
        return
    for row in rows:
        row.values["Tags"] = found.get(row.values["InstanceId"], [])
