"""Web ACLs that protect a resource: `waf-enabled`, `wafv2-enabled`.

    filters:
      NAME: {acl: TYPE, by: COLUMN}           the row names its ACL by the ACL's ARN
      NAME: {acl: TYPE, protects: KIND}       an ACL names, by their ARNs, the resources of a kind that it protects

https://docs.aws.amazon.com/waf/latest/developerguide/web-acl-associating-aws-resource.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from crenel.catalog.columns import TEXT, ListOf, answered
from crenel.catalog.spec import Call, Detail
from crenel.language.plan import (
    TRUE,
    And,
    Compare,
    Field,
    IsEmpty,
    IsNull,
    Linked,
    Literal,
    Matches,
    Not,
    Or,
    Predicate,
    Related,
    Value,
    conjunction,
    disjunction,
    negation,
)
from crenel.policies.context import Context, Filter, Form, Mistakes
from crenel.policies.keys.key import Place, value_at
from crenel.policies.related.linked import within
from crenel.policies.values.patterns import matching
from crenel.policies.values.value import VALUE_KEYS, value_filter
from crenel.positions import Located

_CLASSIC = "waf-regional"
_OWN = ("web-acl", "state")
_ARN = Field(("_arn",), TEXT)


def acl(context: Context, item: Located, spec: Located) -> Predicate:
    """`acl`: with `state: true` some web ACL (`web-acl`: one of this name) protects the resource, else none does; or,
    with a `key`, a value filter on the web ACL, an empty structure where there is none.
    """
    declared = spec.mapping("a filter's declaration")
    keys = item.only("this filter", (*VALUE_KEYS, *_OWN))
    other = context.catalog[declared["acl"].text("acl")]
    rows = context.of(other)
    if "by" in declared:
        mine, theirs = context.declared(spec, "by"), _arn_of(rows, item)
    else:
        mine, theirs = _ARN, rows.asked(_protected(rows, declared["protects"].text("protects")))

    def protected(where: Predicate) -> Predicate:
        return Linked(mine, other.name, theirs, within(context.type, other), where)

    own = [name for name in _OWN if name in keys]
    if own or set(keys) <= {"type"}:
        if not set(keys) <= {"type", *_OWN}:
            what = f"{own[0]} says whether there is a web ACL: the keys that ask what it is like do nothing."
            context.mistake(item.key_error(own[0], what, "Use one or the other.", "no-effect"))
        wanted = context.boolean(keys["state"]) if "state" in keys else False
        named = _named(context, rows, keys["web-acl"]) if "web-acl" in keys else TRUE
        return protected(named) if wanted else negation(protected(named))
    # What was wrong with the filter has been told: the second reading of it is for the resources without an ACL.
    nothing = replace(context, mistakes=Mistakes())
    place = Place(Place.of(other).kind, what="a web ACL", at=Literal(None))
    without = _settled(value_filter(nothing.inside(place), item))
    return disjunction([protected(value_filter(rows, item)), conjunction([negation(protected(TRUE)), without])])


def _settled(found: Predicate) -> Predicate:
    """Return a predicate with what is said of null alone put as true or false."""
    match found:
        case IsEmpty(Literal(None)) | IsNull(Literal(None)):
            return TRUE
        case Not(part):
            return negation(_settled(part))
        case And(parts):
            return conjunction([_settled(part) for part in parts])
        case Or(parts):
            return disjunction([_settled(part) for part in parts])
    return found


def _arn_of(rows: Context, item: Located) -> Value:
    return value_at(Place.of(rows.type), "WebACLArn" if rows.type.name == _CLASSIC else "ARN", item)


def _named(context: Context, rows: Context, item: Located) -> Predicate:
    """Return whether an ACL has the name that a policy gives: a pattern but for WAF Classic."""
    name = rows.column("Name")
    if rows.type.name == _CLASSIC:
        return Compare("eq", name, Literal(context.scalar(item)))
    return conjunction(
        [
            Matches(name, pattern) if wanted else negation(Matches(name, pattern))
            for pattern, wanted in matching(context.resolved(item))
        ]
    )


def _protected(rows: Context, kind: str) -> Detail:
    """Return the call that asks an ACL what it protects.

    https://docs.aws.amazon.com/waf/latest/APIReference/API_ListResourcesForWebACL.html
    """
    service = rows.type.service
    key = {"WebACLId": "{WebACLId}"} if rows.type.name == _CLASSIC else {"WebACLArn": "{ARN}"}
    call = Call(service, "ListResourcesForWebACL", {**key, "ResourceType": kind}, f"{service}:ListResourcesForWebACL")
    name = f"c7n:AssociatedResources:{kind}"
    own: dict[str, Any] = {"take": ("ResourceArns",), "empty": True, "default": []}
    gone = frozenset({"WAFNonexistentItemException"})
    kinds = {name: answered(call.service, call.operation, ("ResourceArns",))}
    assert kinds[name] == ListOf(TEXT)  # noqa: S101 (what rows are joined by)
    return Detail(name, kinds, call=call, permissions=(call.permission,), absent=gone, **own)


def of_distribution(context: Context, item: Located) -> Predicate:
    """`waf-enabled` of distributions: one of WAF Classic's ACLs (`web-acl`: the one of this name or id) protects it, or
    without `state: true` none does. Where there is no such ACL, nothing matches.

    https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_DistributionSummary.html
    """
    keys = item.only("a waf-enabled filter", ("type", *_OWN))
    wanted = context.boolean(keys["state"]) if "state" in keys else False
    other = context.catalog["waf"]
    name, ident = (value_at(Place.of(other), column_, item) for column_ in ("Name", "WebACLId"))
    mine = context.column("WebACLId")

    def protected(where: Predicate) -> Predicate:
        return Linked(mine, other.name, ident, "account", where)

    if "web-acl" not in keys:
        # Any ACL will do for "enabled"; for the opposite, one of WAF's later version is none.
        return negation(IsEmpty(mine)) if wanted else negation(protected(TRUE))
    given = Literal(context.scalar(keys["web-acl"]))
    such = disjunction([Compare("eq", name, given), Compare("eq", ident, given)])
    there = Related(other.name, (), "account", such)
    return conjunction([there, protected(such) if wanted else negation(protected(such))])


FORMS: Mapping[str, Form] = {"acl": acl}
FILTERS: Mapping[str, Mapping[str, Filter]] = {"distribution": {"waf-enabled": of_distribution}}
