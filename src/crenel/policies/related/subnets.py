"""`subnet`: a value filter on the subnets of a resource, and whether they route to the internet or to a NAT gateway."""

from __future__ import annotations

from collections.abc import Mapping

from crenel.catalog.columns import JSON, ListOf, Type
from crenel.language.plan import (
    TRUE,
    Compare,
    CountItems,
    Each,
    IsEmpty,
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
from crenel.policies.context import Context
from crenel.policies.keys.key import Place, value_at
from crenel.policies.related.linked import RELATED_KEYS, compared_there, ids_counted, linked, operator
from crenel.positions import Located

SUBNET_KEYS = (*RELATED_KEYS, "igw", "nat")


def subnet(context: Context, item: Located, ids: Value) -> Predicate:
    """`subnet`: of the subnets whose ids are among the values `ids`, some match (with `operator: and`, all).

    `igw` and `nat`: whether the subnet's route table has a route to an internet gateway or to a NAT gateway.
    """
    keys = item.only("a subnet filter", SUBNET_KEYS)
    if "value_type" in keys and keys["value_type"].value == "resource_count":
        return ids_counted(context, item, keys, ids)
    kind = context.catalog["subnet"]
    where = subnet_matches(context, item, keys)
    return linked(context, keys, kind.name, ids, value_at(Place.of(kind), kind.id, item), where)


def subnet_matches(context: Context, item: Located, keys: Mapping[str, Located]) -> Predicate:
    """Return what is asked of one subnet: its routes, and a value filter where there are `key` and `value`."""
    inner = context.of(context.catalog["subnet"])
    by_resource = "match-resource" in keys and context.boolean(keys["match-resource"])
    parts: list[Predicate] = []
    if "key" in keys and ("value" in keys or by_resource):
        parts.append(compared_there(context, inner, item, keys))
    elif "key" in keys or "value" in keys:
        error = item.error("without both `key` and `value` every subnet matches, in Cloud Custodian too.")
        context.mistake(error)
    if "igw" in keys:
        parts.append(_routes(inner, item, _to_internet(inner, item), wanted=context.boolean(keys["igw"])))
    if "nat" in keys:
        parts.append(_routes(inner, item, _to_nat(inner, item), wanted=context.boolean(keys["nat"])))
    if not parts:
        context.mistake(item.error("every subnet matches this.", "Say `key` and `value`, `igw` or `nat`."))
    if "operator" not in keys or operator(keys) == "and":
        return conjunction(parts)
    if len(parts) == 3:
        return disjunction(parts)
    # One of the three is enough then, and Custodian counts one that is left out as fulfilled.
    context.mistake(
        keys["operator"].error(
            "with operator or every subnet matches, unless igw, nat, key and value are all given.",
            "Leave operator out: of several subnets one is enough anyway.",
        )
    )
    return TRUE


def associated(place: Place, item: Located) -> Value:
    """Return the ids of the subnets that a route table is associated with by name."""
    associations = value_at(place, "Associations", item)
    one = Place(_item(associations), 1)
    main = Compare("eq", value_at(one, "Main", item), Literal(value=True))
    ids = value_at(one, "SubnetId", item)
    return Each(associations, 1, negation(main), ids, ListOf(kind_of(ids)))


def is_main(place: Place, item: Located) -> Predicate:
    """Return whether a route table is the main one of its VPC."""
    associations = value_at(place, "Associations", item)
    main = value_at(Place(_item(associations), 1), "Main", item)
    return CountItems(associations, 1, Compare("eq", main, Literal(value=True)))


def has_own_table(inner: Context, item: Located, where: Predicate = TRUE) -> Predicate:
    """Return whether a subnet is associated by name with a route table for which `where` holds."""
    tables = inner.catalog["route-table"]
    on = ((inner.column("SubnetId"), associated(Place.of(tables), item)),)
    return Related(tables.name, on, "region", where)


def _routes(inner: Context, item: Located, found: Predicate, *, wanted: bool) -> Predicate:
    """Return whether the route table of a subnet, its own or else its VPC's main one, has such a route or has none."""
    tables = inner.catalog["route-table"]
    place = Place.of(tables)
    holds = found if wanted else negation(found)
    on = ((inner.column("VpcId"), value_at(place, "VpcId", item)),)
    by_main = Related(tables.name, on, "region", conjunction([is_main(place, item), holds]))
    implicit = conjunction([negation(has_own_table(inner, item)), by_main])
    return disjunction([has_own_table(inner, item, holds), implicit])


def _to_internet(inner: Context, item: Located) -> Predicate:
    routes, one = _route(inner, item)
    return CountItems(routes, 1, Matches(value_at(one, "GatewayId", item), "igw-"))


def _to_nat(inner: Context, item: Located) -> Predicate:
    routes, one = _route(inner, item)
    return CountItems(routes, 1, negation(IsEmpty(value_at(one, "NatGatewayId", item))))


def _route(inner: Context, item: Located) -> tuple[Value, Place]:
    routes = value_at(Place.of(inner.catalog["route-table"]), "Routes", item)
    return routes, Place(_item(routes), 1)


def _item(value: Value) -> Type:
    kind = kind_of(value)
    return kind.item if isinstance(kind, ListOf) else JSON
