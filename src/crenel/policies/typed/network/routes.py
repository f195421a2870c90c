"""Filters of route tables and peering connections, and by whom an elastic IP address is used."""

from __future__ import annotations

from collections.abc import Mapping

from crenel.catalog.columns import JSON, TEXT, ListOf, Type
from crenel.language.plan import (
    TRUE,
    Choice,
    Compare,
    Constant,
    Convert,
    CountItems,
    Each,
    Field,
    Flat,
    Gathered,
    Has,
    In,
    IsEmpty,
    IsNull,
    Linked,
    Literal,
    Matches,
    Predicate,
    Related,
    Value,
    conjunction,
    disjunction,
    negation,
)
from crenel.language.walking import kind_of
from crenel.policies.context import Context, Filter
from crenel.policies.keys.key import Place, value_at
from crenel.policies.related.linked import linked, operator
from crenel.policies.related.subnets import SUBNET_KEYS, associated, has_own_table, is_main, subnet_matches
from crenel.positions import Located


def subnet(context: Context, item: Located) -> Predicate:
    """`subnet` of a route table: those that it names, and for a VPC's main table all that have none of their own."""
    keys = item.only("a subnet filter", SUBNET_KEYS)
    if "value_type" in keys and keys["value_type"].value == "resource_count":
        raise keys["value_type"].error("the subnets of a route table can't be counted here.")
    where = subnet_matches(context, item, keys)
    kind = context.catalog["subnet"]
    theirs = Place.of(kind)
    mine = Place.of(context.type)
    by_name = linked(context, keys, kind.name, associated(mine, item), value_at(theirs, kind.id, item), where)
    main = is_main(mine, item)
    alone = negation(has_own_table(context.of(kind), item))
    vpc, of_vpc = value_at(mine, "VpcId", item), value_at(theirs, "VpcId", item)
    if "operator" in keys and operator(keys) == "and":
        fails = Linked(vpc, kind.name, of_vpc, "region", conjunction([alone, negation(where)]))
        return conjunction([by_name, negation(conjunction([main, fails]))])
    implicit = Linked(vpc, kind.name, of_vpc, "region", conjunction([alone, where]))
    return disjunction([by_name, conjunction([main, implicit])])


def cross_az_nat(context: Context, item: Located) -> Predicate:
    """`cross-az-nat-gateway-route`: a subnet of the table is in another Availability Zone than a NAT gateway that the
    table routes to.
    """
    item.only("a cross-az-nat-gateway-route filter", ("type",))
    mine = Place.of(context.type)
    routes = value_at(mine, "Routes", item)
    one = Place(_item(routes), 1)
    gateway = value_at(one, "NatGatewayId", item)
    active = conjunction([negation(IsEmpty(gateway)), Compare("eq", value_at(one, "State", item), Literal("active"))])
    gateways = Each(routes, 1, active, gateway, ListOf(TEXT))
    zones_there = _zones(context, item, _of_gateways(context, item, gateways))
    zones_here = _zones(context, item, associated(mine, item))
    subnets = context.catalog["subnet"]
    place = Place.of(subnets)
    main = is_main(mine, item)
    implicit = Gathered(
        value_at(mine, "VpcId", item), subnets.name, value_at(place, "VpcId", item), "region",
        negation(has_own_table(context.of(subnets), item)), value_at(place, "AvailabilityZone", item), ListOf(TEXT),
    )  # fmt: skip
    found = _elsewhere(zones_here, zones_there)
    return disjunction([found, conjunction([main, _elsewhere(implicit, zones_there)])])


def _elsewhere(here: Value, there: Value) -> Predicate:
    """Return whether a zone of one list differs from a zone of the other."""
    other = Compare("ne", Field((), TEXT, 1), Field((), TEXT, 2))
    return CountItems(here, 1, CountItems(there, 2, other))


def _of_gateways(context: Context, item: Located, ids: Value) -> Value:
    """Return the subnets of NAT gateways; a regional one has none."""
    kind = context.catalog["nat-gateway"]
    place = Place.of(kind)
    own = value_at(place, "SubnetId", item)
    return Gathered(ids, kind.name, value_at(place, kind.id, item), "region", negation(IsNull(own)), own, ListOf(TEXT))


def _zones(context: Context, item: Located, ids: Value) -> Value:
    kind = context.catalog["subnet"]
    place = Place.of(kind)
    zone = value_at(place, "AvailabilityZone", item)
    return Gathered(ids, kind.name, value_at(place, kind.id, item), "region", TRUE, zone, ListOf(TEXT))


_SIDES = ("AccepterVpcInfo", "RequesterVpcInfo")


def wide_peering_route(context: Context, item: Located) -> Predicate:
    """`wide-peering-route`: a route to a peered VPC takes in a whole network of that VPC, or more.

    Networks of both sides are asked, whichever is the other: nobody routes his own network to a peer. Networks of IPv6
    are compared as texts. https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-routing.html
    """
    item.only("a wide-peering-route filter", ("type",))
    routes = value_at(Place.of(context.type), "Routes", item)
    route = Place(_item(routes), 1)
    target, target6 = (value_at(route, f"Destination{name}CidrBlock", item) for name in ("", "Ipv6"))
    network = Field((), TEXT, 2)
    inside = conjunction(
        [
            Compare("le", Convert(target, "cidr-first"), Convert(network, "cidr-first")),
            Compare("ge", Convert(target, "cidr-last"), Convert(network, "cidr-last")),
        ]
    )
    alike = disjunction([Compare("eq", target6, Literal("::/0")), Compare("eq", target6, network)])
    wide: list[Predicate] = []
    for side in _SIDES:
        wide.append(CountItems(_networks(context, item, f"{side}.CidrBlockSet[].CidrBlock"), 2, inside))
        wide.append(CountItems(_networks(context, item, f"{side}.Ipv6CidrBlockSet[].Ipv6CidrBlock"), 2, alike))
    peered = negation(IsEmpty(value_at(route, "VpcPeeringConnectionId", item)))
    gone = Compare("eq", value_at(route, "State", item), Literal("blackhole"))
    return CountItems(routes, 1, conjunction([peered, negation(gone), disjunction(wide)]))


def _networks(context: Context, item: Located, path: str) -> Value:
    """Return the networks at a path of the peering connections that a table routes to."""
    kind = context.catalog["peering-connection"]
    place = Place.of(kind)
    mine = value_at(Place.of(context.type), "Routes[].VpcPeeringConnectionId", item)
    found = value_at(place, path, item)
    of_each = Gathered(mine, kind.name, value_at(place, kind.id, item), "region", TRUE, found, ListOf(ListOf(TEXT)))
    return Flat(of_each, ListOf(TEXT))


# --- peering connections


def cross_account(context: Context, item: Located) -> Predicate:
    """`cross-account` of a peering connection: a side belongs to an account that is neither this one nor listed."""
    keys = item.only("a cross-account filter", ("type", "whitelist", "whitelist_from"))
    given = context.resolved(keys["whitelist"]).sequence("whitelist") if "whitelist" in keys else ()
    allowed: list[Constant] = [context.scalar(each) for each in given]
    if "whitelist_from" in keys:
        if context.values_from is None:
            raise keys["whitelist_from"].error("whitelist_from can't be fetched here.")
        found = context.values_from(keys["whitelist_from"])
        allowed += found if isinstance(found, tuple) else [found]
    own = Field(("_account",), TEXT)
    sides = [context.column(f"{side}.OwnerId") for side in _SIDES]
    return disjunction([_foreign(side, own, tuple(allowed)) for side in sides])


def _foreign(owner: Value, own: Value, allowed: tuple[Constant, ...]) -> Predicate:
    listed = [In(owner, allowed)] if allowed else []
    return conjunction([negation(IsEmpty(owner)), negation(disjunction([Compare("eq", owner, own), *listed]))])


def missing_route(context: Context, item: Located) -> Predicate:
    """`missing-route`: no route table has a route to the peering connection, or those of a VPC of this account and
    Region do not.
    """
    item.only("a missing-route filter", ("type",))
    tables = context.catalog["route-table"]
    place = Place.of(tables)
    mine = context.column("VpcPeeringConnectionId")
    routed = value_at(place, "Routes[].VpcPeeringConnectionId", item)
    by_any = Related(tables.name, ((mine, routed),), "region", TRUE)
    parts = [negation(by_any)]
    for side in _SIDES:
        region = context.column(f"{side}.Region")
        here = disjunction([IsEmpty(region), Compare("eq", region, Field(("_home",), TEXT))])
        local = conjunction([Compare("eq", context.column(f"{side}.OwnerId"), Field(("_account",), TEXT)), here])
        has = Has(value_at(place, "Routes[].VpcPeeringConnectionId", item), Field(mine.path, TEXT, -1))
        vpc = context.column(f"{side}.VpcId")
        by_side = Linked(vpc, tables.name, value_at(place, "VpcId", item), "region", has)
        parts.append(conjunction([local, negation(by_side)]))
    return disjunction(parts)


# --- elastic IP addresses

# What a network interface's description begins with (all of it, before a $), and Custodian's word for its owner.
_OWNERS: tuple[tuple[str, str], ...] = (
    ("ELB app/", "elb-app"),
    ("ELB net/", "elb-net"),
    ("ELB gwy/", "elb-gwy"),
    ("ELB", "elb"),
    ("ENI managed by APIGateway$", "apigw"),
    ("AWS CodeStar Connections", "codestar"),
    ("DAX", "dax"),
    ("AWS created network interface for directory", "dir"),
    ("DMSNetworkInterface$", "dms"),
    ("arn:aws:ecs:", "ecs"),
    ("EFS mount target for", "fsmt"),
    ("ElastiCache", "elasticache"),
    ("AWS ElasticMapReduce", "emr"),
    ("CloudHSM Managed Interface", "hsm"),
    ("CloudHsm ENI", "hsmv2"),
    ("AWS Lambda VPC", "lambda"),
    ("Interface for NAT Gateway", "nat"),
    ("RDSNetworkInterface$", "rds"),
    ("Network interface for DBProxy", "rds"),
    ("RedshiftNetworkInterface$", "redshift"),
    ("Network Interface for Transit Gateway Attachment", "tgw"),
    ("VPC Endpoint Interface", "vpce"),
    ("aws-k8s-branch-eni", "eks"),
)


def used_by(context: Context, item: Located) -> Predicate:
    """`used-by`: the network interface that has the address belongs to a resource of a kind, by its description."""
    keys = item.only("a used-by filter", ("type", "resource-type"))
    if "resource-type" not in keys:
        raise item.error("a used-by filter needs `resource-type`.")
    wanted = context.resolved(keys["resource-type"]).text("resource-type")
    kind = context.catalog["eni"]
    place = Place.of(kind)
    where = Compare("eq", eni_owner(place, item), Literal(wanted))
    return Linked(context.column("NetworkInterfaceId"), kind.name, value_at(place, kind.id, item), "region", where)


def eni_owner(place: Place, item: Located) -> Value:
    """Return what kind of resource a network interface belongs to, as Custodian reads it off the description."""
    text = value_at(place, "Description", item)
    found: Value = Literal("unknown")
    for start, word in reversed(_OWNERS):
        found = Choice(Matches(text, start), Literal(word), found, TEXT)
    attached = negation(IsEmpty(value_at(place, "Attachment.InstanceId", item)))
    return Choice(attached, Literal("ec2"), found, TEXT)


def _item(value: Value) -> Type:
    kind = kind_of(value)
    return kind.item if isinstance(kind, ListOf) else JSON


FILTERS: Mapping[str, Mapping[str, Filter]] = {
    "route-table": {
        "subnet": subnet,
        "cross-az-nat-gateway-route": cross_az_nat,
        "wide-peering-route": wide_peering_route,
    },
    "peering-connection": {"cross-account": cross_account, "missing-route": missing_route},
    "elastic-ip": {"used-by": used_by},
}
