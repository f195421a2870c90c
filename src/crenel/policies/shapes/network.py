"""The options of filters on networks that are of few types."""

from __future__ import annotations

from collections.abc import Mapping

from crenel.policies.shapes.shape import SUBNET, Option, Shape

NAMED: Mapping[str, Shape] = {
    "catches": Shape(
        "The metric filter's pattern catches each of these events, whatever else they have in them.",
        (
            Option(
                "events",
                "Events of CloudTrail: values by fields, `null` for absent, `{not: […]}`.",
                "list",
                required=True,
            ),
        ),
    ),
    "cross-az-nat-gateway-route": Shape("A subnet is routed to a NAT gateway in another zone."),
    "wide-peering-route": Shape("A route to a peered VPC takes in a whole network of that VPC, or more."),
    "diff": Shape("Refused: it reads AWS Config's history."),
    "missing-route": Shape("No route table, or not one of each own VPC, has a route to it."),
    "network-location": Shape(
        "The resource, its subnets and its security groups have the same value under a key, or have not.",
        (
            Option("key", "The key, `tag:NAME` for a tag.", "key", required=True),
            Option("match", "What is looked for.", words=("equal", "not-equal", "in")),
            Option("compare", "Which of resource, subnet and security-group count.", "list"),
            Option("missing-ok", "Whether a missing value is no difference.", "boolean"),
            Option("max-cardinality", "How many values subnets, or groups, may have.", "integer"),
            Option("ignore", "Keys and values of subnets and groups that are left out.", "list"),
            Option("value", "With `match: in`, the values that are allowed.", "list"),
        ),
    ),
    "open-entry": Shape(
        "Everyone is let in to one of the ports: of the entries that speak of it, the first allows it.",
        (
            Option("ports", "The ports.", "list", required=True),
            Option("protocols", "`tcp`, `udp`; both where it is left out.", "list"),
            Option("versions", "`ipv4`, `ipv6`; both where it is left out.", "list"),
        ),
    ),
    "open-port": Shape("Its security groups let everyone reach the port that it listens on."),
    "used-by": Shape(
        "Its network interface belongs to a resource of this kind.",
        (Option("resource-type", "The kind, in Custodian's word.", "text", required=True),),
    ),
}
OF_TYPES: Mapping[tuple[str, str], Shape] = {
    ("peering-connection", "cross-account"): Shape(
        "A side belongs to another account that is not listed.",
        (
            Option("whitelist", "Accounts that may be there.", "list"),
            Option("whitelist_from", "Accounts, as a `value_from`.", "mapping"),
        ),
    ),
    ("route-table", "subnet"): SUBNET,
}
