"""Filters of EC2 instances."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace

from crenel.catalog.columns import TEXT, ListOf, Struct
from crenel.errors import did_you_mean
from crenel.language.plan import (
    TRUE,
    Compare,
    CountItems,
    Extract,
    Field,
    Gathered,
    In,
    IsEmpty,
    IsNull,
    Linked,
    Literal,
    Matches,
    Predicate,
    conjunction,
    negation,
)
from crenel.language.walking import kind_of
from crenel.policies.context import Context, Filter
from crenel.policies.general.declared import older
from crenel.policies.keys.key import Place, value_at
from crenel.policies.keys.tags import tag
from crenel.policies.related.linked import operator, outward, related_to
from crenel.policies.typed.identity.identities import has_specific_managed_policy as of_profile
from crenel.policies.values.hidden import told_by_text, user_data
from crenel.policies.values.value import VALUE_KEYS, value_filter
from crenel.positions import Located

_ROOT_DEVICES = ("/dev/sda1", "/dev/xvda", "xvda")
_ROOT = " || ".join(f"DeviceName == '{name}'" for name in _ROOT_DEVICES)
_LIVE = ("running", "stopped", "pending", "stopping")
_GROUP_TAG = "aws:autoscaling:groupName"
_RECOVERS = r"arn:aws:automate:.*:ec2:recover\z"


def without(item: Located, *names: str) -> Located:
    """Return a filter without some of its keys."""
    kept = {key: value for key, value in item.mapping("a filter").items() if key not in names}
    return Located(kept, item.where, item.keys)


def attached_volumes(context: Context, item: Located) -> Predicate:
    """`ebs`: a value filter on the volumes attached to the instance: some match, with `operator: and` all.

    Volumes on `skip-devices` don't count; an instance without any volume matches nothing.
    """
    keys = item.only("an ebs filter", (*VALUE_KEYS, "operator", "skip-devices"))
    kind = context.catalog["ebs"]
    place = Place.of(kind)
    ids = value_at(Place.of(context.type), "BlockDeviceMappings[].Ebs.VolumeId", item)
    first = value_at(place, "Attachments[0].InstanceId", item)
    mine = Compare("eq", first, outward(context.column("InstanceId")))
    holds = value_filter(context.of(kind), without(item, "operator", "skip-devices"))
    kept = conjunction([mine, _elsewhere(context, keys.get("skip-devices"), place)])

    def some(where: Predicate) -> Predicate:
        return Linked(ids, kind.name, value_at(place, kind.id, item), "region", where)

    if operator(keys) == "or":
        return some(conjunction([kept, holds]))
    return conjunction([some(mine), negation(some(conjunction([kept, negation(holds)])))])


def _elsewhere(context: Context, devices: Located | None, place: Place) -> Predicate:
    """Return whether a volume is attached as none of these devices."""
    if devices is None:
        return TRUE
    names = tuple(context.scalar(each) for each in context.resolved(devices).sequence("skip-devices"))
    if not names:
        return TRUE
    attachments = value_at(place, "Attachments", devices)
    return negation(CountItems(attachments, 1, In(Field(("Device",), TEXT, 1), names)))


def ephemeral(context: Context, item: Located) -> Predicate:
    """`ephemeral`: the root device is no EBS volume."""
    item.only("an ephemeral filter", ("type",))
    return IsNull(value_at(Place.of(context.type), f"BlockDeviceMappings[?{_ROOT}] | [0].Ebs", item))


def state_age(context: Context, item: Located) -> Predicate:
    """`state-age`: how long ago the instance came into its state, by the time in brackets in the reason for it."""
    reason = context.column("StateTransitionReason")
    return older(context, item, Extract(reason, r"[^(]*\(([^)]*)\)"))


def singleton(context: Context, item: Located) -> Predicate:
    """`singleton`: the instance is in no Auto Scaling group, and no alarm recovers it."""
    item.only("a singleton filter", ("type",))
    place = Place.of(context.type)
    actions = value_at(place, '"c7n:RecoverAlarms"[].AlarmActions[]', item)
    recovers = CountItems(actions, 1, Matches(Field((), TEXT, 1), _RECOVERS))
    alone = IsEmpty(tag(place, _GROUP_TAG, (), item))
    return conjunction([In(context.column("State.Name"), _LIVE), alone, negation(recovers)])


def _protected(name: str, attribute: str) -> Filter:
    def protected(context: Context, item: Located) -> Predicate:
        item.only(f"a {name} filter", ("type",))
        return Compare("eq", value_at(Place.of(context.type), f'"{attribute}".Value', item), Literal(value=True))

    return protected


_ATTRIBUTES = (
    "instanceType", "kernel", "ramdisk", "userData", "disableApiTermination", "instanceInitiatedShutdownBehavior",
    "rootDeviceName", "blockDeviceMapping", "productCodes", "sourceDestCheck", "groupSet", "ebsOptimized",
    "sriovNetSupport", "enaSupport",
)  # fmt: skip


def instance_attribute(context: Context, item: Located) -> Predicate:
    """`instance-attribute`: a value filter on what DescribeInstanceAttribute says of one attribute.

    User data is matched as it is read, in AWS's encoding, and not kept.
    """
    name = named_attribute(item, "an instance-attribute filter", _ATTRIBUTES)
    rest = without(item, "attribute")
    if name == "userData":
        place = Place(Struct({"Value": TEXT}), what="userData")
        found = value_filter(context.inside(place), rest)
        return told_by_text(context, found, "instance-user-data-encoded", "Value", item)
    return of_attribute(context, rest, f"c7n:attribute-{name}")


def named_attribute(item: Located, what: str, known: tuple[str, ...]) -> str:
    """Return the attribute that a filter names. Raises `PolicyError` for one that there is not."""
    keys = item.only(what, (*VALUE_KEYS, "attribute"))
    if "attribute" not in keys:
        raise item.error(f"{what} needs `attribute`.", f"There are {', '.join(known)}.", "missing-key")
    name = keys["attribute"].text("attribute")
    if name not in known:
        hint = did_you_mean(name, known) or f"There are {', '.join(known)}."
        raise keys["attribute"].error(f'there is no attribute "{name}".', hint)
    return name


def of_attribute(context: Context, item: Located, column: str) -> Predicate:
    """Return a value filter whose keys start at a column."""
    base = context.column(column)
    return value_filter(context.inside(Place(kind_of(base), what=column, at=base)), item)


def iam_role(context: Context, item: Located) -> Predicate:
    """`iam-role`: a value filter on the role of the instance's profile."""
    profile = context.catalog["iam-profile"]
    place = Place.of(profile)
    name = Extract(context.column("IamInstanceProfile.Arn"), r"(?:.*/)?([^/]*)\z")
    role = value_at(place, "Roles[0].RoleName", item)
    key = value_at(place, profile.id, item)
    roles = Gathered(name, profile.name, key, "account", TRUE, role, ListOf(TEXT))
    return related_to(context, item, "iam-role", roles)


def has_specific_managed_policy(context: Context, item: Located) -> Predicate:
    """`has-specific-managed-policy`: a value filter on the managed policies of the role of the instance's profile, by
    their names unless it says another key. Terminated instances have none.
    """
    profile = context.catalog["iam-profile"]
    arn = value_at(Place.of(profile), "Arn", item)
    where = of_profile(context.of(profile), item)
    alive = Compare("ne", context.column("State.Name"), Literal("terminated"))
    return conjunction([alive, Linked(context.column("IamInstanceProfile.Arn"), profile.name, arn, "account", where)])


def ssm_inventory(context: Context, item: Located) -> Predicate:
    """`ssm-inventory`: the inventory of the instance's software has an entry, one of those that `query` asks for.

    https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_InventoryFilter.html
    """
    keys = item.only("an ssm-inventory filter", ("type", "query"))
    column = "c7n:SSM-Inventory"
    if "query" not in keys:
        return negation(IsEmpty(context.column(column)))
    query = [_queried(each) for each in keys["query"].sequence("query")]
    declared = context.type.details[column]
    if declared.call is None:
        raise TypeError(f"{column} has no call")
    call = replace(declared.call, params={**declared.call.params, "Filters": query})
    digest = hashlib.sha256(json.dumps(query, sort_keys=True).encode()).hexdigest()[:16]
    name = f"{column}:{digest}"
    asked = context.asked(replace(declared, name=name, columns={name: declared.columns[column]}, call=call))
    return negation(IsEmpty(asked))


_COMPARISONS = ("Equal", "NotEqual", "BeginWith", "LessThan", "GreaterThan", "Exists")


def _queried(item: Located) -> Mapping[str, object]:
    keys = item.only("a filter of an inventory", ("Key", "Values", "Type"))
    for name in ("Key", "Values"):
        if name not in keys:
            raise item.error(f"a filter of an inventory needs `{name}`.", code="missing-key")
    found: dict[str, object] = {
        "Key": keys["Key"].text("Key"),
        "Values": [each.text("a value") for each in keys["Values"].sequence("Values")],
    }
    if "Type" in keys:
        word = keys["Type"].text("Type")
        if word not in _COMPARISONS:
            raise keys["Type"].error(
                f'"{word}" is none of {", ".join(_COMPARISONS)}.', did_you_mean(word, _COMPARISONS)
            )
        found["Type"] = word
    return found


_STATES = ("COMPLIANT", "NON_COMPLIANT")


def ssm_compliance(context: Context, item: Located) -> Predicate:
    """`ssm-compliance`: a compliance summary of the instance has one of the types, states and severities.

    `eval_filters`: and some of these filters hold for it, or with `op: and` all.
    """
    keys = item.only(
        "an ssm-compliance filter", ("type", "compliance_types", "severity", "op", "eval_filters", "states")
    )
    if "compliance_types" not in keys:
        raise item.error("an ssm-compliance filter needs `compliance_types`.", code="missing-key")
    summaries = context.column("c7n:ssm-compliance")
    kind = kind_of(summaries)
    place = Place(kind.item if isinstance(kind, ListOf) else TEXT, 1, what="a compliance summary")
    states = _texts(context, keys.get("states"), _STATES) or ("NON_COMPLIANT",)
    parts = [
        In(value_at(place, "Status", item), states),
        In(value_at(place, "ComplianceType", item), _texts(context, keys["compliance_types"])),
    ]
    if severities := _texts(context, keys.get("severity")):
        parts.append(In(value_at(place, "OverallSeverity", item), severities))
    where = conjunction([*parts, _evaluated(context.inside(place), keys)])
    return CountItems(summaries, 1, where)


def _texts(context: Context, item: Located | None, known: tuple[str, ...] = ()) -> tuple[str, ...]:
    if item is None:
        return ()
    found = tuple(str(context.scalar(each)) for each in context.resolved(item).sequence("this"))
    for each in found:
        if known and each not in known:
            raise item.error(f'"{each}" is none of {", ".join(known)}.', did_you_mean(each, known))
    return found


def _evaluated(inner: Context, keys: Mapping[str, Located]) -> Predicate:
    word = keys["op"].text("op") if "op" in keys else "or"
    if word not in ("or", "and"):
        raise keys["op"].error('op is "or" or "and".')
    filters = keys.get("eval_filters")
    if filters is None or not filters.sequence("eval_filters"):
        return TRUE
    if word == "and":
        return inner.filtered(filters)
    either = Located({"or": filters}, filters.where, {"or": filters.where})
    return inner.filtered(Located([either], filters.where))


def instance_user_data(context: Context, item: Located) -> Predicate:
    """`user-data`: a value filter on the instance's user data, which is matched as it is read and not kept."""
    return user_data(context, item, "instance-user-data")


FILTERS: Mapping[str, Mapping[str, Filter]] = {
    "ec2": {
        "ebs": attached_volumes,
        "ephemeral": ephemeral,
        "has-specific-managed-policy": has_specific_managed_policy,
        "iam-role": iam_role,
        "instance-attribute": instance_attribute,
        "singleton": singleton,
        "ssm-compliance": ssm_compliance,
        "ssm-inventory": ssm_inventory,
        "state-age": state_age,
        "stop-protected": _protected("stop-protected", "c7n:attribute-disableApiStop"),
        "termination-protected": _protected("termination-protected", "c7n:attribute-disableApiTermination"),
        "user-data": instance_user_data,
    }
}
