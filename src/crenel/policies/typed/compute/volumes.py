"""Filters of EBS volumes, their snapshots, and machine images: what uses them, and what may be changed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from crenel.catalog.columns import ListOf
from crenel.language.plan import (
    TRUE,
    Compare,
    Field,
    Has,
    In,
    IsEmpty,
    IsNull,
    Linked,
    Literal,
    Predicate,
    Related,
    Value,
    conjunction,
    disjunction,
    negation,
)
from crenel.language.walking import kind_of, walk
from crenel.policies.context import Context, Filter
from crenel.policies.keys.key import Place, value_at
from crenel.policies.related.linked import within
from crenel.policies.typed.compute.instances import named_attribute, of_attribute, without
from crenel.positions import Located

_CONFIG, _TEMPLATE = '"c7n:LaunchConfiguration"', '"c7n:LaunchTemplateVersions"[0].LaunchTemplateData'
_SNAPSHOTS = "BlockDeviceMappings[].Ebs.SnapshotId"


def named_by(context: Context, item: Located, mine: Value, table: str, path: str, where: Predicate = TRUE) -> Predicate:
    """Return whether a row of `table` names this one: whose values at `path` have `mine` among them.

    Unknown where a row could not be read there: it may.
    """
    kind = context.catalog[table]
    theirs = value_at(Place.of(kind), path, item)
    reach = within(context.type, kind)
    found: list[Predicate] = [Related(table, ((mine, theirs),), reach, where)]
    if any(isinstance(part, Field) and kind.detail_of(part.path[0]) for part in walk(theirs)):
        # Never true, and unknown where the key itself is.
        blank = Literal("")
        unread = Has(theirs, blank) if isinstance(kind_of(theirs), ListOf) else Compare("eq", theirs, blank)
        found.append(Related(table, (), reach, conjunction([where, unread])))
    return disjunction(found)


def _wanted(context: Context, item: Located, what: str, found: Predicate) -> Predicate:
    """Return the predicate, or with `value: false` its opposite."""
    keys = item.only(what, ("type", "value"))
    return found if "value" not in keys or context.boolean(keys["value"]) else negation(found)


# --- snapshots


def snapshot_unused(context: Context, item: Located) -> Predicate:
    """`unused`: no image of the account, and no Auto Scaling group's template, names the snapshot.

    Where some group has a launch configuration, those of all launch configurations are in use as well, as Custodian
    has it.
    """
    mine = context.column("SnapshotId")
    groups = context.catalog["asg"]
    configured = negation(IsNull(value_at(Place.of(groups), "LaunchConfigurationName", item)))
    some_config = Related(groups.name, (), within(context.type, groups), configured)
    used = [
        _of_images(context, item),
        named_by(context, item, mine, "asg", f"{_TEMPLATE}.{_SNAPSHOTS}"),
        conjunction([some_config, named_by(context, item, mine, "launch-config", _SNAPSHOTS)]),
    ]
    return _wanted(context, item, "an unused filter", negation(disjunction(used)))


def _of_images(context: Context, item: Located) -> Predicate:
    return named_by(context, item, context.column("SnapshotId"), "ami", _SNAPSHOTS)


def skip_ami_snapshots(context: Context, item: Located) -> Predicate:
    """`skip-ami-snapshots`: no image of the account is made of the snapshot; `value: false` lets all through."""
    keys = item.only("a skip-ami-snapshots filter", ("type", "value"))
    if "value" in keys and not context.boolean(keys["value"]):
        return TRUE
    return negation(_of_images(context, item))


# --- images


def image_unused(context: Context, item: Located) -> Predicate:
    """`unused`: no instance runs the image, and no Auto Scaling group would launch it."""
    mine = context.column("ImageId")
    used = [
        named_by(context, item, mine, "ec2", "ImageId"),
        named_by(context, item, mine, "asg", f"{_CONFIG}.ImageId"),
        named_by(context, item, mine, "asg", f"{_TEMPLATE}.ImageId"),
    ]
    return _wanted(context, item, "an unused filter", negation(disjunction(used)))


_ATTRIBUTES = (
    "description", "kernel", "ramdisk", "launchPermissions", "productCodes", "blockDeviceMapping", "sriovNetSupport",
    "bootMode", "tpmSupport", "uefiData", "lastLaunchedTime", "imdsSupport",
)  # fmt: skip


def image_attribute(context: Context, item: Located) -> Predicate:
    """`image-attribute`: a value filter on what DescribeImageAttribute says of one attribute."""
    name = named_attribute(item, "an image-attribute filter", _ATTRIBUTES)
    column = "c7n:LaunchPermissions" if name == "launchPermissions" else f"c7n:attribute-{name}"
    return of_attribute(context, without(item, "attribute"), column)


# --- volumes

# Instances that can't change a volume while it is attached.
# https://docs.aws.amazon.com/ebs/latest/userguide/modify-volume-requirements.html
_OLD_INSTANCES = (
    "m1.small", "m1.medium", "m1.large", "m1.xlarge", "c1.medium", "c1.xlarge", "cc2.8xlarge", "m2.xlarge",
    "m2.2xlarge", "m2.4xlarge", "cr1.8xlarge", "hi1.4xlarge", "hs1.8xlarge", "cg1.4xlarge", "t1.micro", "m3.large",
    "m3.xlarge", "m3.2xlarge",
)  # fmt: skip
_SINCE = datetime(2016, 11, 1)  # noqa: DTZ001 (times are UTC without a zone here): volumes attached later can change
_CHANGING = ("modifying", "optimizing", "failed")


def modifyable(context: Context, item: Located) -> Predicate:
    """`modifyable`: the volume can be changed in use: by its type, its instance's, and since none is under way."""
    item.only("a modifyable filter", ("type",))
    place = Place.of(context.type)
    instances = context.catalog["ec2"]
    there = Place.of(instances)
    new = negation(In(value_at(there, "InstanceType", item), _OLD_INSTANCES))
    mine = value_at(place, "Attachments[0].InstanceId", item)
    able = conjunction(
        [
            Compare("ge", value_at(place, "Attachments[0].AttachTime", item), Literal(_SINCE)),
            Linked(mine, instances.name, value_at(there, instances.id, item), "region", new),
        ]
    )
    return conjunction(
        [
            Compare("ne", context.column("VolumeType"), Literal("standard")),
            disjunction([IsEmpty(context.column("Attachments")), able]),
            negation(In(value_at(place, "VolumeModification.ModificationState", item), _CHANGING)),
        ]
    )


FILTERS: Mapping[str, Mapping[str, Filter]] = {
    "ami": {"unused": image_unused, "image-attribute": image_attribute},
    "ebs": {"modifyable": modifyable},
    "ebs-snapshot": {"unused": snapshot_unused, "skip-ami-snapshots": skip_ami_snapshots},
}
