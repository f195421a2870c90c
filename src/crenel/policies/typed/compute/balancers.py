"""Filters of load balancers, classic and new, and of target groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from crenel.catalog.columns import JSON, TEXT, ListOf, Struct, Type
from crenel.language.plan import (
    FALSE,
    TRUE,
    At,
    Call,
    Choice,
    Compare,
    Convert,
    CountItems,
    Each,
    Field,
    Gathered,
    Has,
    In,
    IsEmpty,
    IsNull,
    Literal,
    Matches,
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
from crenel.policies.keys.expressions import parsed
from crenel.policies.keys.key import Place, value_at
from crenel.policies.typed.compute.instances import without
from crenel.policies.values.patterns import matching
from crenel.policies.values.value import VALUE_KEYS, matched, operation, value_filter
from crenel.positions import Located

_LOG_KEYS = ("bucket", "prefix")


def _item(value: Value) -> Type:
    kind = kind_of(value)
    return kind.item if isinstance(kind, ListOf) else JSON


def _logging(context: Context, keys: Mapping[str, Located], enabled: Predicate, places: Sequence[Value]) -> Predicate:
    """Return whether logs are written, and to the bucket and under the prefix that the filter names."""
    parts = [enabled]
    for name, value in zip(_LOG_KEYS, places, strict=True):
        if name in keys and (given := context.resolved(keys[name]).text(name)):
            parts.append(Compare("eq", value, Literal(given)))
    return conjunction(parts)


# --- classic load balancers


def _classic(*, wanted: bool) -> Filter:
    def logging(context: Context, item: Located) -> Predicate:
        """`is-logging`, `is-not-logging`: whether access logs are written, to a bucket and under a prefix if given."""
        keys = item.only("a filter on logs", ("type", *_LOG_KEYS))
        enabled = Compare("eq", context.column("Attributes.AccessLog.Enabled"), Literal(value=True))
        places = [context.column(f"Attributes.AccessLog.S3Bucket{end}") for end in ("Name", "Prefix")]
        found = _logging(context, keys, enabled, places)
        return found if wanted else negation(found)

    return logging


def is_ssl(context: Context, item: Located) -> Predicate:
    """`is-ssl`: some listener speaks HTTPS or SSL."""
    item.only("an is-ssl filter", ("type",))
    return _encrypted(context, item)


def _encrypted(context: Context, item: Located) -> Predicate:
    protocols = value_at(Place.of(context.type), "ListenerDescriptions[].Listener.Protocol", item)
    return CountItems(protocols, 1, In(Field((), TEXT, 1), ("HTTPS", "SSL")))


def ssl_policy(context: Context, item: Located) -> Predicate:
    """`ssl-policy`: the policies of listeners switch on something of the blacklist, or beside the whitelist.

    Protocols, ciphers and options count whose names match `matching`, upper and lower case alike.
    """
    keys = item.only("an ssl-policy filter", ("type", "matching", "whitelist", "blacklist"))
    if ("whitelist" in keys) == ("blacklist" in keys):
        raise item.error("an ssl-policy filter needs either `whitelist` or `blacklist`.", code="missing-key")
    word = "whitelist" if "whitelist" in keys else "blacklist"
    names = tuple(context.scalar(each) for each in context.resolved(keys[word]).sequence(word))
    if not names:
        context.mistake(keys[word].error("with an empty list nothing matches, in Cloud Custodian neither."))
        return FALSE
    policies = context.column("c7n:ListenerPolicies")
    policy = Place(_item(policies), 1, what="a policy")
    attributes = value_at(policy, "PolicyAttributeDescriptions", item)
    attribute = Place(_item(attributes), 2, what="an attribute")
    name = value_at(attribute, "AttributeName", item)
    listed = In(name, names)
    on = [Compare("eq", value_at(attribute, "AttributeValue", item), Literal("true"))]
    for pattern, wanted in matching(keys["matching"]) if "matching" in keys else ():
        hit = Matches(name, pattern, ignore_case=True)
        on.append(hit if wanted else negation(hit))  # type: ignore[arg-type]
    negotiates = Compare("eq", value_at(policy, "PolicyTypeName", item), Literal("SSLNegotiationPolicyType"))
    odd = CountItems(attributes, 2, conjunction([*on, listed if word == "blacklist" else negation(listed)]))
    return conjunction([_encrypted(context, item), CountItems(policies, 1, conjunction([negotiates, odd]))])


def classic_healthcheck(context: Context, item: Located) -> Predicate:
    """`healthcheck-protocol-mismatch`: as in Custodian, a balancer without listeners, or one of whose listeners speaks
    to instances in the protocol of the health check: the opposite of the filter's name.
    """
    item.only("a healthcheck-protocol-mismatch filter", ("type",))
    place = Place.of(context.type)
    protocol = value_at(place, "split(':', HealthCheck.Target)[0]", item)
    protocols = value_at(place, "ListenerDescriptions[].Listener.InstanceProtocol", item)
    return disjunction([IsEmpty(context.column("ListenerDescriptions")), Has(protocols, protocol)])


# --- attributes, which AWS gives as pairs of texts


def attribute_of(pairs: Value, name: str) -> Value:
    """Return an attribute as Custodian reads it: digits as a number, true and false as such; null without it."""
    here = Field(("Key",), TEXT, 1)
    text = At(Each(pairs, 1, Compare("eq", here, Literal(name)), Field(("Value",), TEXT, 1), ListOf(TEXT)), 0, TEXT)
    found: Value = text
    for when, value in (
        (Compare("eq", text, Literal("false")), Literal(value=False)),
        (Compare("eq", text, Literal("true")), Literal(value=True)),
        (Matches(text, r"[0-9]+\z"), Convert(text, "integer")),
    ):
        found = Choice(when, value, found, JSON)
    return found


def _attributes(column: str) -> Filter:
    def attributes(context: Context, item: Located) -> Predicate:
        """`attributes`: a value filter on an attribute, by its name as it is, dots and all."""
        keys = item.only("an attributes filter", VALUE_KEYS)
        if "key" not in keys:
            raise item.error("an attributes filter needs `key`, an attribute's name.", code="missing-key")
        if "value_type" in keys and keys["value_type"].value == "resource_count":
            raise keys["value_type"].error("resource_count counts resources, and this is asked of an attribute.")
        found = attribute_of(context.column(column), _name(keys["key"]))
        return matched(context, found, keys["key"], keys.get("value"), operation(keys.get("op")), keys, item)

    return attributes


def _name(key: Located) -> str:
    """Return the attribute that a key names: bare, or in JMESPath's quotes."""
    text = key.text("key")
    if not text.startswith('"'):
        return text
    tree = parsed(text, key)
    if tree["type"] != "field":
        raise key.error("an attribute's name is expected here, and no more.")
    return str(tree["value"])


def _logs(*, wanted: bool) -> Filter:
    def logging(context: Context, item: Located) -> Predicate:
        """`is-logging`, `is-not-logging`: whether logs are written, to a bucket and under a prefix if given.

        `log-type`: access logs, the default, or connection logs.
        """
        keys = item.only("a filter on logs", ("type", "log-type", *_LOG_KEYS))
        kind = keys["log-type"].text("log-type") if "log-type" in keys else "access"
        if kind not in ("access", "connection"):
            raise keys["log-type"].error('log-type is "access" or "connection".')
        pairs = context.column("LoadBalancerAttributes")
        enabled, *places = (attribute_of(pairs, f"{kind}_logs.s3.{end}") for end in ("enabled", *_LOG_KEYS))
        found = _logging(context, keys, Truthy(enabled), places)
        return found if wanted else negation(found)

    return logging


# --- listeners


def listener(context: Context, item: Located) -> Predicate:
    """`listener`: a value filter of which some listener is to match; `matched: true`: one of those that the listener
    filters before this one matched.
    """
    listeners = context.column("Listeners")
    place = Place(_item(listeners), 1, what="a listener")
    where = _of_listener(context, place, item)
    if _again(context, item):
        before = _before(context, place, context.before)
        if before is None:
            raise item.error("`matched` needs a listener filter before this one, in the same list.")
        where = conjunction([before, where])
    return CountItems(listeners, 1, where)


def _of_listener(context: Context, place: Place, item: Located) -> Predicate:
    item.only("a listener filter", (*VALUE_KEYS, "matched"))
    return value_filter(context.inside(place), without(item, "matched"))


def _again(context: Context, item: Located) -> bool:
    keys = item.mapping("a listener filter")
    return "matched" in keys and context.boolean(keys["matched"])


def _before(context: Context, place: Place, items: Sequence[Located]) -> Predicate | None:
    """Return what the listeners fulfil that the filters of a list leave as matched; None where none is on listeners."""
    found: Predicate | None = None
    for each in items:
        if not isinstance(each.value, dict):
            continue
        block = next((each.value[word] for word in ("and", "or") if word in each.value), None)
        if block is not None:
            inner = _before(context, place, block.sequence("filters"))
            found = inner if found is None else found if inner is None else disjunction([found, inner])
        elif "type" in each.value and each.value["type"].value == "listener":
            here = _of_listener(context, place, each)
            if _again(context, each):
                found = conjunction([found or FALSE, here])
            else:
                found = here if found is None else disjunction([found, here])
    return found


# --- target groups


def target_group(context: Context, item: Located) -> Predicate:
    """`target-group`: a value filter on the list of the balancer's target groups."""
    keys = item.only("a target-group filter", VALUE_KEYS)
    kind = context.catalog["app-elb-target-group"]
    if "key" in keys and not keys["key"].text("key").startswith("tag:"):
        typed = Place(ListOf(Struct(kind.schema())), 1, what="the list of target groups", mistake=context.mistake)
        value_at(typed, keys["key"].text("key"), keys["key"])
    augmented = {name for each in kind.details.values() if each.augment for name in each.columns}
    names = tuple(name for name in kind.schema() if name in kind.columns or name in augmented)
    place = Place.of(kind)
    body = Call("hash", tuple(value_at(place, f'"{name}"', item) for name in names), JSON, names)
    arns = value_at(place, "LoadBalancerArns", item)
    groups = Gathered(context.column("LoadBalancerArn"), kind.name, arns, "region", TRUE, body, ListOf(JSON))
    listed = Choice(IsNull(groups), Literal(()), groups, ListOf(JSON))
    base = Place(ListOf(JSON), what="the list of target groups", at=listed)
    return value_filter(context.inside(base), item)


def healthcheck(context: Context, item: Located) -> Predicate:
    """`healthcheck-protocol-mismatch`: a target group of the balancer has health checks in another protocol."""
    item.only("a healthcheck-protocol-mismatch filter", ("type",))
    kind = context.catalog["app-elb-target-group"]
    place = Place.of(kind)
    differs = Compare("ne", value_at(place, "Protocol", item), value_at(place, "HealthCheckProtocol", item))
    on = ((context.column("LoadBalancerArn"), value_at(place, "LoadBalancerArns", item)),)
    return Related(kind.name, on, "region", differs)


FILTERS: Mapping[str, Mapping[str, Filter]] = {
    "elb": {
        "healthcheck-protocol-mismatch": classic_healthcheck,
        "is-logging": _classic(wanted=True),
        "is-not-logging": _classic(wanted=False),
        "is-ssl": is_ssl,
        "ssl-policy": ssl_policy,
    },
    "app-elb": {
        "attributes": _attributes("LoadBalancerAttributes"),
        "healthcheck-protocol-mismatch": healthcheck,
        "is-logging": _logs(wanted=True),
        "is-not-logging": _logs(wanted=False),
        "listener": listener,
        "target-group": target_group,
    },
    "app-elb-target-group": {"attributes": _attributes("TargetGroupAttributes")},
}
