"""Whether the security groups of a resource let everyone reach the port that it listens on."""

from __future__ import annotations

from collections.abc import Mapping

from crenel.catalog.columns import ListOf
from crenel.language.plan import (
    TRUE,
    Compare,
    CountItems,
    Flat,
    Gathered,
    In,
    Matches,
    Predicate,
    conjunction,
    disjunction,
)
from crenel.language.walking import kind_of
from crenel.policies.context import Context, Filter
from crenel.policies.keys.key import Place, value_at
from crenel.positions import Located

_ANY = ("-1", "all")
_TCP = ("tcp", "6")
_RULE, _RANGE = 1, 2  # items of lists around a predicate


def open_port(context: Context, item: Located) -> Predicate:
    """`open-port` of redshift: a rule of one of the cluster's security groups lets all addresses of IPv4 or IPv6 (a
    network of /0) reach its port.

    https://docs.aws.amazon.com/config/latest/developerguide/redshift-unrestricted-port-access.html
    """
    item.only("an open-port filter", ("type",))
    kind = context.catalog["security-group"]
    groups = Place.of(kind)
    permissions = value_at(groups, "IpPermissions", item)
    rules_of = kind_of(permissions)
    ids = value_at(context.place, "VpcSecurityGroups[].VpcSecurityGroupId", item)
    named = Gathered(ids, kind.name, value_at(groups, kind.id, item), "region", TRUE, permissions, ListOf(rules_of))
    rule = Place(rules_of.item, _RULE) if isinstance(rules_of, ListOf) else groups
    protocol = value_at(rule, "IpProtocol", item)
    port = value_at(context.place, "Endpoint.Port", item)
    within: list[Predicate] = [
        In(protocol, _TCP),
        Compare("le", value_at(rule, "FromPort", item), port),
        Compare("ge", value_at(rule, "ToPort", item), port),
    ]
    everyone = [_everyone(rule, "IpRanges", "CidrIp", item), _everyone(rule, "Ipv6Ranges", "CidrIpv6", item)]
    reached = conjunction([disjunction([In(protocol, _ANY), conjunction(within)]), disjunction(everyone)])
    return CountItems(Flat(named, rules_of), _RULE, reached)


def _everyone(rule: Place, ranges: str, cidr: str, item: Located) -> Predicate:
    found = value_at(rule, ranges, item)
    kind = kind_of(found)
    network = value_at(Place(kind.item if isinstance(kind, ListOf) else kind, _RANGE), cidr, item)
    return CountItems(found, _RANGE, Matches(network, ".*/0$"))


FILTERS: Mapping[str, Mapping[str, Filter]] = {"redshift": {"open-port": open_port}}
