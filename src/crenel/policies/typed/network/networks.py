"""Filters of VPCs, subnets, network ACLs, and whether something lies in a default VPC."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from crenel.catalog.columns import JSON, ListOf, Type
from crenel.errors import did_you_mean
from crenel.language.plan import (
    FALSE,
    INTEGER,
    NUMBER,
    TRUE,
    At,
    Call,
    Compare,
    Const,
    Convert,
    CountItems,
    Each,
    Field,
    Flat,
    Has,
    In,
    IsNull,
    Linked,
    Literal,
    Predicate,
    Value,
    conjunction,
    disjunction,
    negation,
)
from crenel.language.walking import kind_of
from crenel.policies.context import Context, Filter
from crenel.policies.keys.key import Place, value_at
from crenel.policies.values.value import VALUE_KEYS, matched, operation
from crenel.positions import Located


def default_vpc(context: Context, item: Located, path: str) -> Predicate:
    """`default-vpc`: the VPC at a path of the row is the Region's default VPC."""
    item.only("a default-vpc filter", ("type",))
    kind = context.catalog["vpc"]
    place = Place.of(kind)
    is_default = Compare("eq", value_at(place, "IsDefault", item), Literal(value=True))
    mine = value_at(Place.of(context.type), path, item)
    return Linked(mine, kind.name, value_at(place, "VpcId", item), "region", is_default)


# --- VPCs

_ATTRIBUTES: Mapping[str, str] = {
    "dnshostnames": "EnableDnsHostnames",
    "dnssupport": "EnableDnsSupport",
    "addressusage": "EnableNetworkAddressUsageMetrics",
}


def vpc_attributes(context: Context, item: Located) -> Predicate:
    """`vpc-attributes`: DescribeVpcAttribute's answers are the given ones."""
    keys = item.only("a vpc-attributes filter", ("type", *_ATTRIBUTES))
    given = {column: context.boolean(keys[name]) for name, column in _ATTRIBUTES.items() if name in keys}
    if not given:
        context.mistake(item.error("without an attribute every VPC matches.", f"There are {', '.join(_ATTRIBUTES)}."))
    return conjunction([Compare("eq", context.column(name), Literal(wanted)) for name, wanted in given.items()])


def resolver_query_logging(context: Context, item: Located) -> Predicate:
    """`resolver-query-logging`: whether the resolver's queries are logged (`state`, true where it is not given)."""
    keys = item.only("a resolver-query-logging filter", ("type", "state"))
    wanted = context.boolean(keys["state"]) if "state" in keys else True
    none = IsNull(context.column("QueryLogAssociation"))
    return negation(none) if wanted else none


_OPTIONS = ("domain-name", "domain-name-servers", "ntp-servers")
_AMAZON = "amazon"  # Custodian's word for Amazon's own name servers
# https://docs.aws.amazon.com/vpc/latest/userguide/AmazonDNS-concepts.html
_AMAZON_SERVERS = ("AmazonProvidedDNS", "169.254.169.253")
_AMAZON_HOST = 2  # in every range of the VPC: the third address


def dhcp_options(context: Context, item: Located) -> Predicate:
    """`dhcp-options`: the DHCP options of the VPC hold a text, or are just a list of texts (`present: false`: not so).

    As in Custodian a list, or the word `amazon`, that fits makes good for an option before it that did not.
    """
    keys = item.only("a dhcp-options filter", ("type", "present", "match-operator", *_OPTIONS))
    if not any(name in keys and keys[name].value for name in _OPTIONS):
        raise item.error(f"one of {', '.join(_OPTIONS)} is needed.")
    every = "match-operator" in keys and _word(keys["match-operator"], ("all", "any")) == "all"
    found: Predicate = TRUE
    for name in _OPTIONS:
        if name not in keys:
            continue
        given = context.resolved(keys[name])
        values = _option(context, item, name)
        there = CountItems(*_configured(context, item, name))
        if isinstance(given.value, list):
            found = _exactly(context, given, values)
        elif given.text(name) == _AMAZON:
            found = _amazon(context, item, values, every=every)
        else:
            found = conjunction([found, Has(values, Literal(given.text(name)))])
        found = conjunction([there, found])
    present = context.boolean(keys["present"]) if "present" in keys else True
    return found if present else negation(found)


def _configured(context: Context, item: Located, name: str) -> tuple[Value, int, Predicate]:
    """Return the list of options, an item's number, and what says that it is the one of this name."""
    options = context.column("c7n:DhcpConfiguration")
    return options, 1, Compare("eq", value_at(Place(_item(options), 1), "Key", item), Literal(name))


def _option(context: Context, item: Located, name: str) -> Value:
    """Return the values of a DHCP option."""
    options, number, named = _configured(context, item, name)
    values = value_at(Place(_item(options), number), "Values[].Value", item)
    kind = kind_of(values)
    return At(Each(options, number, named, values, ListOf(kind)), 0, kind)


def _exactly(context: Context, given: Located, values: Value) -> Predicate:
    texts = [str(context.scalar(each)) for each in given.sequence("a DHCP option")]
    if _AMAZON in texts:
        # Custodian asks for both of Amazon's names and each range's server at once, the first range's twice.
        context.mistake(given.error("no DHCP options equal a list with amazon.", "Say amazon alone."))
        return FALSE
    ordered = Call("sort", (values,), kind_of(values))
    return Compare("eq", ordered, Literal(tuple(sorted(texts))))


def _amazon(context: Context, item: Located, values: Value, *, every: bool) -> Predicate:
    """Return whether name servers are Amazon's: by name, or by the third address of one of the VPC's ranges."""
    server = Field((), _item(values), 1)
    ranges = context.column("CidrBlockAssociationSet")
    one = Place(_item(ranges), 2)
    associated = Compare("eq", value_at(one, "CidrBlockState.State", item), Literal("associated"))
    of_range = _third(server, value_at(one, "CidrBlock", item))
    own = [
        In(server, _AMAZON_SERVERS),
        _third(server, context.column("CidrBlock")),
        CountItems(ranges, 2, conjunction([associated, of_range])),
    ]
    if every:
        return CountItems(values, 1, negation(disjunction(own)), "eq", 0)
    return CountItems(values, 1, disjunction(own))


def _third(address: Value, block: Value) -> Predicate:
    first, here = Convert(block, "cidr-first"), Convert(address, "cidr-first")
    offset = Call("minus", (here, first), INTEGER)
    return conjunction([negation(IsNull(here)), negation(IsNull(first)), Compare("eq", offset, Literal(_AMAZON_HOST))])


# --- subnets

_RESERVED = 5  # https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html


def ip_address_usage(context: Context, item: Located) -> Predicate:
    """`ip-address-usage`: a value filter on how many addresses a subnet has, and how many, or what share, are used."""
    keys = item.only("an ip-address-usage filter", VALUE_KEYS)
    if "key" not in keys:
        raise item.error("an ip-address-usage filter needs `key`.")
    block = context.column("CidrBlock")
    size = Call("minus", (Convert(block, "cidr-last"), Convert(block, "cidr-first")), INTEGER)
    most = Call("minus", (size, Literal(_RESERVED - 1)), INTEGER)
    taken = Call("minus", (most, context.column("AvailableIpAddressCount")), INTEGER)
    values: Mapping[str, Value] = {
        "MaxAvailable": most,
        "NumberUsed": taken,
        "PercentUsed": Call("percent", (taken, most), NUMBER),
    }
    name = _word(keys["key"], tuple(values))
    return matched(context, values[name], keys["key"], keys.get("value"), operation(keys.get("op")), keys, item)


# --- network ACLs


def s3_cidr(context: Context, item: Located) -> Predicate:
    """`s3-cidr`: some address range of AWS's services in the Region is not let through (`present: true`: all are).

    The first entry of a direction that is asked for and holds a range decides about it.
    """
    keys = item.only("an s3-cidr filter", ("type", "egress", "ingress", "present"))
    options = {name: context.boolean(keys[name]) for name in ("egress", "ingress", "present") if name in keys}
    ranges = Flat(context.column("ServiceRanges"), ListOf(_item(_flat_kind(context))))
    entries = context.column("Entries")
    entry = Place(_item(entries), 2)
    asked = [
        Const(value=options.get("egress", True)) if egress else Const(value=options.get("ingress", True))
        for egress in (True, False)
    ]
    egress = Compare("eq", value_at(entry, "Egress", item), Literal(value=True))
    direction = disjunction([conjunction([egress, asked[0]]), conjunction([negation(egress), asked[1]])])
    here, block = Field((), _item(ranges), 1), value_at(entry, "CidrBlock", item)
    inside = conjunction(
        [
            Compare("le", Convert(block, "cidr-first"), Convert(here, "cidr-first")),
            Compare("ge", Convert(block, "cidr-last"), Convert(here, "cidr-last")),
        ]
    )
    action = value_at(entry, "RuleAction", item)
    actions = Each(entries, 2, conjunction([direction, inside]), action, ListOf(kind_of(action)))
    allowed = Compare("eq", At(actions, 0, kind_of(action)), Literal("allow"))
    all_allowed = CountItems(ranges, 1, negation(allowed), "eq", 0)
    return all_allowed if options.get("present", False) else negation(all_allowed)


def _flat_kind(context: Context) -> Value:
    column = context.column("ServiceRanges")
    inner = _item(column)
    return Field(column.path, inner if isinstance(inner, ListOf) else column.kind)


def _word(item: Located, known: tuple[str, ...]) -> str:
    word = item.text("this")
    if word not in known:
        raise item.error(f'"{word}" is none of {", ".join(known)}.', did_you_mean(word, known))
    return word


def _item(value: Value) -> Type:
    kind = kind_of(value)
    return kind.item if isinstance(kind, ListOf) else JSON


_VPC_OF: Mapping[str, str] = {
    "app-elb": "VpcId",
    "app-elb-target-group": "VpcId",
    "ec2": "VpcId",
    "elb": "VPCId",
    "rds": "DBSubnetGroup.VpcId",
    "redshift": "VpcId",
    "security-group": "VpcId",
}

FILTERS: Mapping[str, Mapping[str, Filter]] = {
    **{name: {"default-vpc": partial(default_vpc, path=path)} for name, path in _VPC_OF.items()},
    "vpc": {
        "vpc-attributes": vpc_attributes,
        "dhcp-options": dhcp_options,
        "resolver-query-logging": resolver_query_logging,
    },
    "subnet": {"ip-address-usage": ip_address_usage},
    "network-acl": {"s3-cidr": s3_cidr},
}
