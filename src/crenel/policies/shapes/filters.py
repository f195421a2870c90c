"""The options of every filter, declared: names, types, meaning. The JSON Schema of policy files is made of it, and a
test holds it against what the filters themselves take.
"""

from __future__ import annotations

from collections.abc import Mapping

from crenel.catalog.spec import ResourceType
from crenel.policies.shapes import accounts, advice, asked, compute, data, network
from crenel.policies.shapes.shape import (
    AGE,
    COMPARED,
    COUNT,
    INNER,
    INNER_KEY,
    ITEMS,
    LIST_ITEM,
    METRICS,
    RELATED,
    SUBNET,
    VALUE,
    Option,
    Shape,
)

__all__ = ["Option", "Shape", "shape_of"]

# --- policies of resources

_LISTS: Mapping[str, str] = {
    "whitelist": "Accounts that are let in on purpose.",
    "whitelist_orgids": "Organizations that are let in on purpose.",
    "whitelist_org_units": "Paths of organizational units that are let in on purpose.",
    "whitelist_vpce": "VPC endpoints that are let in on purpose.",
    "whitelist_vpc": "VPCs that are let in on purpose.",
    "whitelist_patterns": "Globs of ARNs that are let in on purpose.",
}
_SUBSCRIBERS: Mapping[str, str] = {
    "whitelist_endpoints": "Endpoints that may subscribe.",
    "whitelist_protocols": "Protocols by which one may subscribe.",
}


def _listed(lists: Mapping[str, str]) -> tuple[Option, ...]:
    given = [Option(name, text, "list") for name, text in lists.items()]
    return (*given, *(Option(f"{name}_from", f"{text} A `value_from`.", "mapping") for name, text in lists.items()))


CROSS_ACCOUNT = Shape(
    "A statement of the policy lets other accounts in.",
    (
        *_listed(_LISTS),
        Option("actions", "Only statements that allow one of these actions.", "list"),
        Option("everyone_only", "Only statements that let everyone in.", "boolean"),
        Option("return_allowed", "The opposite: a statement lets in nobody but those.", "boolean"),
        Option("whitelist_conditions", "Condition keys that make a statement harmless.", "list"),
    ),
)
CROSS_ACCOUNT_TOPICS = Shape(CROSS_ACCOUNT.text, (*CROSS_ACCOUNT.options, *_listed(_SUBSCRIBERS)))
_IDS = Option("statement_ids", "Ids of statements that all have to be there.", "list")
_OF_DOCUMENTS: Mapping[str, Shape] = {
    "cross-account": CROSS_ACCOUNT,
    "has-statement": Shape(
        "The policy has the statements.",
        (_IDS, Option("statements", "Statements that all have to be there, whole or in part.", "list")),
    ),
    "missing-policy-statement": Shape("The policy lacks one of the statements.", (_IDS,)),
    "missing-statement": Shape("The policy lacks one of the statements.", (_IDS,)),
    "no-encryption-statement": Shape("No statement denies uploads without encryption."),
    "check-secure-transport": Shape("No statement denies access without TLS."),
    "source-ip": Shape("A value filter on the addresses that statements allow.", (INNER_KEY, *COMPARED)),
    "public-statement": Shape(
        "A statement allows something to everyone, and no condition says who may ask.",
        (Option("actions", "Only statements that allow one of these actions.", "list"),),
    ),
    "allows-action": Shape(
        "A statement allows one of the actions; its conditions, and what is denied, are not looked at.",
        (
            Option("actions", "The actions; case and the statement's wildcards don't matter.", "list", required=True),
            Option("resources", "A pattern that one of the statement's resources has to match.", "text"),
        ),
    ),
    "has-allow-all": Shape("A statement allows every action on every resource, without a condition."),
}

# --- single filters

_STATE = Option("state", "Whether it is on.", "boolean")
_PRESENT = Option("present", "Whether that is so.", "boolean")
_FLAGS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_RULES = Shape(
    "A rule of the group matches all that is given.",
    (
        *(
            Option(name, "A value, or a value filter, on this key of a rule.")
            for name in ("IpProtocol", "FromPort", "ToPort", "UserIdGroupPairs", "IpRanges", "PrefixListIds")
        ),
        Option("Cidr", "An IPv4 range, or a value filter on the rule's."),
        Option("CidrV6", "An IPv6 range, or a value filter on the rule's."),
        Option("Ports", "Some of these ports lies in the rule's range.", "list"),
        Option("OnlyPorts", "The rule's range has other ports than these.", "list"),
        Option("SelfReference", "Whether the rule names its own group.", "boolean"),
        Option("Description", "A value filter on the descriptions of the rule's ranges.", "mapping"),
        Option("SGReferences", "A value filter on the groups that the rule names.", "mapping"),
        Option("match-operator", "Whether all that is given has to match, or some.", words=("and", "or")),
    ),
)
NAMED: Mapping[str, Shape] = {
    "value": VALUE,
    "list-item": LIST_ITEM,
    "related": Shape(
        "Some row of another type, or `count` of them, matches `filters`.",
        (
            Option("resource", "The other type.", "text", required=True),
            Option("on", "This resource's keys, each with the other's that it equals.", "mapping"),
            Option("within", "Rows of the same Region, or of the whole account.", words=("account", "region")),
            Option("filters", "Filters on the other's rows.", "filters"),
            *COUNT,
        ),
    ),
    "param": Shape(
        "The profile's parameter has this value.",
        (Option("name", "The parameter.", "text", required=True), Option("value", "Its value; true where left out.")),
    ),
    "event": Shape("A value filter on the event. Needs a mode with events, which is not run here.", open=True),
    "reduce": Shape(
        "Of the resources that reach it, in groups and sorted, some are kept.",
        (
            Option("group-by", "The key that makes the groups, or {key, value_type, value_regex}."),
            Option("sort-by", "The key to sort by, or {key, value_type, value_regex}."),
            Option("order", "How they are sorted.", words=("asc", "desc", "reverse", "randomize")),
            Option("null-order", "Where those without a value stand.", words=("first", "last")),
            Option("limit", "How many of each group are kept.", "number"),
            Option("limit-percent", "What share of each group is kept.", "number"),
            Option("discard", "How many of each group are dropped first.", "number"),
            Option("discard-percent", "What share of each group is dropped first.", "number"),
        ),
    ),
    "marked-for-op": Shape(
        "A tag marks the resource for an action that is due.",
        (
            Option("tag", "The tag's key.", "text"),
            Option("op", "The action.", "text"),
            Option("tz", "The time zone of dates without one.", "text"),
            Option("skew", "Days before it is due.", "number"),
            Option("skew_hours", "Hours before it is due.", "number"),
        ),
    ),
    "tag-count": Shape(
        "The number of the resource's tags.",
        (
            Option("count", "What it is compared with; 10 where it is left out.", "integer"),
            Option("op", "How it is compared; `gte` where it is left out.", "order"),
        ),
    ),
    "iam-summary": Shape("A value filter on the account's summary of IAM.", INNER.options),
    "password-policy": Shape("A value filter on the account's password policy.", INNER.options),
    "s3-public-block": Shape("A value filter on the account-wide block of public access.", INNER.options),
    "has-virtual-mfa": Shape(
        "A virtual MFA device is assigned to the root user.", (Option("value", "Whether that is so.", "boolean"),)
    ),
    "default-ebs-encryption": Shape(
        "EBS encryption by default is on, or (the default) off.",
        (_STATE, Option("key", "With this KMS key: its alias, or a value filter on it.")),
    ),
    "used": Shape("Something uses it."),
    "unused": Shape("Nothing uses it."),
    "stale": Shape("A rule names a group that is gone."),
    "default-vpc": Shape("It lies in the default VPC."),
    "vpc-attributes": Shape(
        "The VPC's attributes are the given ones.",
        tuple(
            Option(name, text, "boolean")
            for name, text in (
                ("dnshostnames", "Instances get DNS names."),
                ("dnssupport", "The VPC has a DNS server."),
                ("addressusage", "The use of addresses is measured."),
            )
        ),
    ),
    "resolver-query-logging": Shape("DNS queries of the VPC are logged.", (_STATE,)),
    "dhcp-options": Shape(
        "The VPC's DHCP options hold a text, or just these texts.",
        (
            *(
                Option(name, f"The option {name}: a text that it holds, or a list of all its texts.")
                for name in ("domain-name", "domain-name-servers", "ntp-servers")
            ),
            _PRESENT,
            Option("match-operator", "All name servers are Amazon's, or some.", words=("all", "any")),
        ),
    ),
    "ip-address-usage": Shape("A value filter on the numbers of the subnet's addresses.", INNER.options),
    "s3-cidr": Shape(
        "The network ACL lets S3's addresses through.",
        (
            Option("egress", "Look at outgoing traffic.", "boolean"),
            Option("ingress", "Look at incoming traffic.", "boolean"),
            _PRESENT,
        ),
    ),
    "check-public-block": Shape(
        "The flags have the given values; with none given, some flag is off.",
        tuple(Option(flag, "Whether this flag is on.", "boolean") for flag in _FLAGS),
    ),
    "flow-logs": Shape(
        "With `enabled: true` some flow log has all the given traits, else none has.",
        (
            Option("enabled", "Whether there is such a log.", "boolean"),
            Option("status", "The log's status.", words=("active",)),
            Option("deliver-status", "How its delivery goes.", words=("success", "failure")),
            Option("traffic-type", "Which traffic it has.", words=("accept", "reject", "all")),
            Option("destination", "Where it goes.", "text"),
            Option("destination-type", "What kind of place that is.", "text"),
            Option("log-format", "The fields of its lines.", "text"),
            Option("log-group", "The log group that it goes to.", "text"),
            Option("op", "How traits are compared.", words=("equal", "not-equal")),
            Option("set-op", "Whether all traits have to match, or some.", words=("and", "or")),
            Option("attrs", "Filters on the logs.", "attrs"),
            *COUNT,
        ),
    ),
    "ingress": _RULES,
    "egress": _RULES,
    **advice.NAMED,
    **compute.NAMED,
    **accounts.NAMED,
    **data.NAMED,
    **network.NAMED,
    **asked.NAMED,
}
OF_TYPES: Mapping[tuple[str, str], Shape] = {
    **compute.OF_TYPES,
    **accounts.OF_TYPES,
    **data.OF_TYPES,
    **network.OF_TYPES,
    **asked.OF_TYPES,
    ("config-recorder", "cross-account"): Shape(
        "Holds for every recorder, as in Cloud Custodian.",
        (
            Option("whitelist", _LISTS["whitelist"], "list"),
            Option("whitelist_from", "Accounts, as a `value_from`.", "mapping"),
            Option("allowed_regions", "Regions that may be gathered from.", "list"),
        ),
    ),
    ("sns", "cross-account"): CROSS_ACCOUNT_TOPICS,
}
# By the word that makes a declaration of the catalogue: see `declared`.
_FORMS: Mapping[str, Shape] = {
    "items": ITEMS,
    "value": INNER,
    "any": INNER,
    "age": AGE,
    "metrics": METRICS,
    "accounts": CROSS_ACCOUNT,
    "present": Shape("There is something of that."),
    "keyed": data.KEYED,
    "state": Shape("Whether it is so.", (_STATE,)),
    "all": Shape("What the catalogue declares under this name holds."),
    "acl": asked.ACL,
}


def shape_of(kind: ResourceType, name: str) -> Shape | None:
    """Return the shape of a type's filter, None where it is not declared."""
    if (kind.name, name) in OF_TYPES:
        return OF_TYPES[kind.name, name]
    spec = kind.filters.get(name)
    if spec is None:
        return NAMED.get(name)
    words = spec.mapping("a filter's declaration")
    if "document" in words:
        return _OF_DOCUMENTS.get(name, NAMED.get(name))
    if "related" in words:
        return SUBNET if words["related"].value == "subnet" and "reverse" not in words else RELATED
    return next((shape for word, shape in _FORMS.items() if word in words), NAMED.get(name))
