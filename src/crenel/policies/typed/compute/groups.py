"""Filters of Auto Scaling groups, by what they launch: a launch configuration, or a version of a launch template."""

from __future__ import annotations

from collections.abc import Mapping

from crenel.catalog.columns import BOOLEAN, JSON, TEXT, ListOf
from crenel.errors import PolicyError
from crenel.language.plan import (
    TRUE,
    At,
    Choice,
    Compare,
    Convert,
    CountItems,
    Each,
    Field,
    Gathered,
    Has,
    IsEmpty,
    IsNull,
    Length,
    Linked,
    Literal,
    Lower,
    Population,
    Predicate,
    Related,
    Truthy,
    Value,
    conjunction,
    disjunction,
    negation,
)
from crenel.language.walking import kind_of
from crenel.policies.context import Context, Filter
from crenel.policies.keys.key import Place, value_at
from crenel.policies.related.linked import RELATED_KEYS, compared_there, operator
from crenel.policies.related.subnets import subnet
from crenel.policies.values.hidden import user_data
from crenel.policies.values.value import VALUE_KEYS, matched, operation, value_filter
from crenel.positions import Located

_CONFIG, _TEMPLATE = '"c7n:LaunchConfiguration"', '"c7n:LaunchTemplateVersions"[0].LaunchTemplateData'
_SNAPSHOTS = "BlockDeviceMappings[].Ebs.SnapshotId"
_GROUPS = f"[{_CONFIG}.SecurityGroups, {_TEMPLATE}.SecurityGroupIds, {_TEMPLATE}.SecurityGroups][]"
_SUBNETS = "split(',', not_null(VPCZoneIdentifier, ''))"


def _at(context: Context, path: str, item: Located) -> Value:
    return value_at(Place.of(context.type), path, item)


def _launch(context: Context, item: Located) -> Value:
    """Return what a group launches as JSON: its configuration, or its template's data; null where it is gone."""
    config, template = _at(context, _CONFIG, item), _at(context, _TEMPLATE, item)
    return Choice(negation(IsNull(config)), Convert(config, "json"), Convert(template, "json"), JSON)


def _nothing(context: Context, item: Located) -> Predicate:
    """Return whether what a group launches is gone."""
    return conjunction([IsNull(_at(context, _CONFIG, item)), IsNull(_at(context, _TEMPLATE, item))])


def launch_config(context: Context, item: Located) -> Predicate:
    """`launch-config`: a value filter on the group's launch configuration or its launch template's data."""
    keys = item.only("a launch-config filter", VALUE_KEYS)
    if "key" in keys:
        _known(context, keys["key"])
    return value_filter(context.inside(Place(JSON, what="what is launched", at=_launch(context, item))), item)


def _known(context: Context, key: Located) -> None:
    """Note a key that neither launch configurations nor launch templates have."""
    name = key.text("key")
    if name.startswith("tag:"):
        return
    errors: list[PolicyError] = []
    of_each = [kind_of(_at(context, path, key)) for path in (_CONFIG, _TEMPLATE)]
    wrong = 0
    for kind in of_each:
        found: list[PolicyError] = []
        value_at(Place(kind, 1, what="what is launched", mistake=found.append), name, key)
        wrong += bool(found)
        errors += found
    if wrong == len(of_each):
        context.mistake(errors[-1])


def image(context: Context, item: Located) -> Predicate:
    """`image`: a value filter on the image that the group launches; one that is gone matches nothing."""
    base = context.column("c7n:Image")
    found = value_filter(context.inside(Place(kind_of(base), what="the image", at=base)), item)
    return conjunction([negation(IsNull(base)), found])


def group_user_data(context: Context, item: Located) -> Predicate:
    """`user-data`: a value filter on the user data of what the group launches; matched as it is read, not kept."""
    return user_data(context, item, "launch-user-data")


# --- the network


def group_subnet(context: Context, item: Located) -> Predicate:
    """`subnet`: a value filter on the group's subnets."""
    return subnet(context, item, _subnets(context, item))


def _subnets(context: Context, item: Located) -> Value:
    """Return the ids of a group's subnets, without the white space that some have between them."""
    return Each(_at(context, _SUBNETS, item), 1, TRUE, Lower(Field((), TEXT, 1)), ListOf(TEXT))


def vpc_id(context: Context, item: Located) -> Predicate:
    """`vpc-id`: a value filter on the id of the group's VPC, which is its first subnet's."""
    keys = item.only("a vpc-id filter", [key for key in VALUE_KEYS if key != "key"])
    if "value_type" in keys and keys["value_type"].value == "resource_count":
        raise keys["value_type"].error("resource_count counts resources, and this is asked of a VPC's id.")
    kind = context.catalog["subnet"]
    place = Place.of(kind)
    first = At(_at(context, _SUBNETS, item), 0, TEXT)
    vpc, key = value_at(place, "VpcId", item), value_at(place, kind.id, item)
    found = At(Gathered(first, kind.name, key, "region", TRUE, vpc, ListOf(TEXT)), 0, TEXT)
    given = Located("VpcId", item.where)
    return matched(context, found, given, keys.get("value"), operation(keys.get("op")), keys, item)


def security_group(context: Context, item: Located) -> Predicate:
    """`security-group`: a value filter on security groups. As in Custodian those of all groups that reach this filter
    count for each of them: where one matches, all do.
    """
    keys = item.only("a security-group filter", RELATED_KEYS)
    if "value_type" in keys and keys["value_type"].value == "resource_count":
        raise keys["value_type"].error("the security groups of all groups together can't be counted here.")
    if "match-resource" in keys and context.boolean(keys["match-resource"]):
        raise keys["match-resource"].error("match-resource can't be said here: the groups are those of all.")
    if "key" not in keys:
        raise item.error("this filter needs `key`.", code="missing-key")
    kind = context.catalog["security-group"]
    where = compared_there(context, context.of(kind), item, keys)
    absent = "value" in keys and keys["value"].value == "absent"
    every = operator(keys) == "and"
    ids, key = _at(context, _GROUPS, item), value_at(Place.of(kind), kind.id, item)
    found = Linked(ids, kind.name, key, "region", where, every=every, dangling=absent, none=every)
    context.warning(item.error("as in Cloud Custodian, the security groups of all groups count for each of them."))
    if every:
        return Population(conjunction([context.reached, negation(found)]), "eq", 0)
    return Population(conjunction([context.reached, found]), "ge", 1)


# --- whether it can launch


def invalid(context: Context, item: Located) -> Predicate:
    """`invalid`: something that the group would launch with is gone."""
    item.only("an invalid filter", ("type",))
    return _invalid(context, item)


def valid(context: Context, item: Located) -> Predicate:
    """`valid`: all that the group would launch with is there."""
    item.only("a valid filter", ("type",))
    return negation(_invalid(context, item))


def _invalid(context: Context, item: Located) -> Predicate:
    image_id = _at(context, f"not_null({_CONFIG}.ImageId, {_TEMPLATE}.ImageId)", item)
    key_name = _at(context, f"not_null({_CONFIG}.KeyName, {_TEMPLATE}.KeyName)", item)
    named = negation(IsEmpty(context.column("VPCZoneIdentifier")))
    bare = IsNull(_at(context, f"{_TEMPLATE}.NetworkInterfaces", item))
    zones = negation(_all_there(context, item, context.column("AvailabilityZones"), "subnet", _default_zone))
    return disjunction(
        [
            _nothing(context, item),
            conjunction([named, _lost(context, item, _subnets(context, item), "subnet")]),
            conjunction([negation(named), bare, zones]),
            _lost(context, item, context.column("LoadBalancerNames"), "elb"),
            _lost(context, item, context.column("TargetGroupARNs"), "app-elb-target-group"),
            _lost(context, item, _at(context, _GROUPS, item), "security-group"),
            conjunction([negation(IsEmpty(key_name)), _lost(context, item, key_name, "key-pair", "KeyName")]),
            conjunction([negation(IsEmpty(image_id)), IsNull(context.column("c7n:Image"))]),
            _lost_snapshots(context, item),
        ]
    )


def _default_zone(place: Place, item: Located) -> Value:
    """Return the zone of a default subnet, null for other subnets."""
    default = Compare("eq", value_at(place, "DefaultForAz", item), Literal(value=True))
    return Choice(default, value_at(place, "AvailabilityZone", item), Literal(None), TEXT)


def _all_there(context: Context, item: Located, ids: Value, table: str, key: object) -> Predicate:
    kind = context.catalog[table]
    place = Place.of(kind)
    theirs = key(place, item) if callable(key) else value_at(place, str(key), item)
    return Linked(ids, table, theirs, "region", TRUE, every=True, none=True)


def _lost(context: Context, item: Located, ids: Value, table: str, key: str = "") -> Predicate:
    """Return whether one of these ids is no row's."""
    return negation(_all_there(context, item, ids, table, key or context.catalog[table].id))


def _lost_snapshots(context: Context, item: Located) -> Predicate:
    """Return whether a volume is to be made of a snapshot that is neither there nor the image's own."""
    known = [_at(context, path, item) for path in (f'"c7n:Image".{_SNAPSHOTS}', '"c7n:LaunchSnapshots"[].SnapshotId')]
    there = disjunction([Has(each, Field((), TEXT, 1)) for each in known])
    lost = [_at(context, f"{path}.{_SNAPSHOTS}", item) for path in (_CONFIG, _TEMPLATE)]
    return disjunction([CountItems(each, 1, negation(there)) for each in lost])


# --- encryption


def not_encrypted(context: Context, item: Located) -> Predicate:
    """`not-encrypted`: the image or what is launched has a volume that is not encrypted.

    `exclude_image`: the image's own don't count. Where a device is the image's, what is launched has no say in it.
    """
    keys = item.only("a not-encrypted filter", ("type", "exclude_image"))
    launched = _unencrypted_launch(context, item)
    if "exclude_image" not in keys or not context.boolean(keys["exclude_image"]):
        devices = _at(context, '"c7n:Image".BlockDeviceMappings[?Ebs && Ebs.Encrypted != `true`]', item)
        launched = disjunction([launched, Compare("gt", Length(devices), Literal(0))])
    return conjunction([negation(_nothing(context, item)), launched])


def _unencrypted_launch(context: Context, item: Located) -> Predicate:
    of_image = _at(context, '"c7n:Image".BlockDeviceMappings[?Ebs].DeviceName', item)
    plain = _at(context, '"c7n:LaunchSnapshots"[?!Encrypted].SnapshotId', item)
    found: list[Predicate] = []
    for path in (_CONFIG, _TEMPLATE):
        devices = _at(context, f"{path}.BlockDeviceMappings[?Ebs]", item)
        kind = kind_of(devices)
        place = Place(kind.item if isinstance(kind, ListOf) else JSON, 1, what="a device")
        snapshot = value_at(place, "Ebs.SnapshotId", item)
        bare = conjunction([IsNull(snapshot), negation(Truthy(value_at(place, "Ebs.Encrypted", item)))])
        own = negation(Has(of_image, value_at(place, "DeviceName", item)))
        found.append(CountItems(devices, 1, conjunction([own, disjunction([bare, Has(plain, snapshot)])])))
    return disjunction(found)


# --- the group itself


def capacity_delta(context: Context, item: Located) -> Predicate:
    """`capacity-delta`: the group has fewer instances than it wants or must have."""
    item.only("a capacity-delta filter", ("type",))
    number = Length(context.column("Instances"))
    return disjunction([Compare("lt", number, context.column(name)) for name in ("DesiredCapacity", "MinSize")])


def propagated_tags(context: Context, item: Located) -> Predicate:
    """`propagated-tags`: the group has all these tags, and new instances get them (`propagate: false`: don't).

    `match: false` is the opposite of it all.
    """
    keys = item.only("a propagated-tags filter", ("type", "keys", "match", "propagate"))
    names = context.resolved(keys["keys"]).sequence("keys") if "keys" in keys else []
    if not names:
        context.mistake(item.error("without keys all groups match, or with match: false none.", "Say which keys."))
    wanted = context.boolean(keys["propagate"]) if "propagate" in keys else True
    passed_on = Truthy(Field(("PropagateAtLaunch",), BOOLEAN, 1))
    passed_on = passed_on if wanted else negation(passed_on)  # type: ignore[assignment]
    tags = context.column("Tags")
    found = [
        CountItems(tags, 1, conjunction([Compare("eq", Field(("Key",), TEXT, 1), Literal(_text(name))), passed_on]))
        for name in names
    ]
    every = conjunction([*found])
    return every if "match" not in keys or context.boolean(keys["match"]) else negation(every)


def _text(item: Located) -> str:
    return item.text("a tag's key")


# --- launch configurations


def config_unused(context: Context, item: Located) -> Predicate:
    """`unused`: no Auto Scaling group launches by it; one that names none goes by its own name, as in Custodian."""
    item.only("an unused filter", ("type",))
    kind = context.catalog["asg"]
    place = Place.of(kind)
    named = value_at(place, "not_null(LaunchConfigurationName, AutoScalingGroupName)", item)
    bare = IsEmpty(value_at(place, "LaunchTemplate", item))
    return negation(Related(kind.name, ((context.column("LaunchConfigurationName"), named),), "region", bare))


FILTERS: Mapping[str, Mapping[str, Filter]] = {
    "asg": {
        "capacity-delta": capacity_delta,
        "image": image,
        "invalid": invalid,
        "launch-config": launch_config,
        "not-encrypted": not_encrypted,
        "progagated-tags": propagated_tags,  # so spelt in Custodian, which takes both
        "propagated-tags": propagated_tags,
        "security-group": security_group,
        "subnet": group_subnet,
        "user-data": group_user_data,
        "valid": valid,
        "vpc-id": vpc_id,
    },
    "launch-config": {"unused": config_unused},
}
