"""Filters on what AWS's own advisers say of a resource: Health, Cost Optimization Hub, Compute Optimizer, Trusted
Advisor, Access Analyzer.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from crenel.catalog.columns import JSON, TEXT, ListOf, Type, answered
from crenel.catalog.spec import Call as AwsCall
from crenel.catalog.spec import Detail
from crenel.errors import did_you_mean
from crenel.language.plan import (
    NUMBER,
    TRUE,
    At,
    Call,
    Choice,
    Compare,
    Convert,
    CountItems,
    Extract,
    Field,
    IsEmpty,
    Linked,
    Literal,
    Lower,
    Matches,
    Predicate,
    Value,
    conjunction,
    disjunction,
    negation,
)
from crenel.language.walking import kind_of
from crenel.policies.context import Context, Filter
from crenel.policies.keys.key import Place, value_at
from crenel.policies.values.patterns import shell_pattern
from crenel.policies.values.value import VALUE_KEYS, value_filter
from crenel.positions import Located

_ARN = Field(("_arn",), TEXT)
_REGION = Field(("_region",), TEXT)
_OUR_REGION = Field(("_region",), TEXT, -1)


def _item(value: Value) -> Type:
    kind = kind_of(value)
    return kind.item if isinstance(kind, ListOf) else JSON


def _words(item: Located, known: tuple[str, ...], what: str) -> tuple[str, ...]:
    """Return a list of words that have to be among the known ones."""
    found = []
    for each in item.sequence(what):
        word = each.text(what)
        if known and word not in known:
            raise each.error(f'"{word}" is none of {", ".join(known)}.', did_you_mean(word, known))
        found.append(word)
    return tuple(found)


# --- AWS Health

_HEALTH_SERVICES: Mapping[str, str] = {
    "app-elb": "ELASTICLOADBALANCING", "ebs": "EBS", "efs": "ELASTICFILESYSTEM", "elb": "ELASTICLOADBALANCING",
}  # fmt: skip
_LOST = "AWS_EBS_VOLUME_LOST"
_HEALTH_TYPES = (
    "acm-certificate", "dms-instance", "ec2", "ebs", "dynamodb-table", "cache-cluster", "efs", "app-elb", "elb", "rds",
)  # fmt: skip


def health_event(context: Context, item: Located) -> Predicate:
    """`health-event`: an event of AWS Health, open or upcoming unless `statuses` says otherwise, affects the resource.

    https://docs.aws.amazon.com/health/latest/APIReference/API_DescribeAffectedEntities.html
    """
    keys = item.only("a health-event filter", ("type", "types", "category", "statuses"))
    if "category" in keys:
        categories = ("issue", "accountNotification", "scheduledChange")
        _words(keys["category"], categories, "category")
        context.mistake(keys["category"].error("category has no effect, in Cloud Custodian neither.", "Use types."))
    statuses: tuple[str, ...] = ("open", "upcoming")
    if "statuses" in keys:
        statuses = _words(keys["statuses"], ("open", "upcoming", "closed"), "statuses")
    service = _HEALTH_SERVICES.get(context.type.reported_as, context.type.service.upper())
    asked: dict[str, Any] = {"eventStatusCodes": list(statuses), "services": [service]}
    if context.region:
        asked["regions"] = [context.region, "global"]
    if "types" in keys:
        asked["eventTypeCodes"] = list(_words(keys["types"], (), "types"))
    if context.type.reported_as == "ebs" and _LOST in asked.get("eventTypeCodes", ()):
        what = f"a volume of an {_LOST} is listed no more: it would have to be read from AWS Config's history."
        raise keys["types"].error(what, code="unsupported")
    name = context.catalog.variant("health-event", {"filter": asked})
    event = context.catalog[name]
    place = Place.of(event)
    region = value_at(place, "region", item)
    near = disjunction([Compare("eq", region, Literal("global")), Compare("eq", region, _OUR_REGION)])
    where = TRUE if context.region else near  # where the Region is known, AWS is asked for its events alone
    affected = value_at(place, "AffectedEntities[].entityValue", item)
    identity = "LoadBalancerName" if context.type.reported_as == "app-elb" else context.type.id
    return Linked(context.column(identity), name, affected, "account", where)


# --- the Cost Optimization Hub

_COSTS: Mapping[str, tuple[str, str]] = {
    "ec2": ("Ec2Instance", "Rightsize"), "ebs": ("EbsVolume", "Upgrade"), "lambda": ("LambdaFunction", "Rightsize"),
    "asg": ("Ec2AutoScalingGroup", "Rightsize"),
}  # fmt: skip


def cost_optimization(context: Context, item: Located) -> Predicate:
    """`cost-optimization`: the Cost Optimization Hub has a recommendation for the resource that fulfils `attrs`.

    It is of the one kind that Cloud Custodian asks for: to change the size, or of volumes the type.
    https://docs.aws.amazon.com/cost-management/latest/APIReference/API_CostOptimizationHub_Recommendation.html
    """
    keys = item.only("a cost-optimization filter", ("type", "efforts", "action", "attrs"))
    resource, action = _COSTS[context.type.reported_as]
    for name in ("efforts", "action"):
        if name in keys:
            context.mistake(keys[name].error(f"{name} has no effect, in Cloud Custodian neither.", "Use attrs."))
    other = context.catalog["cost-recommendation"]
    inner = context.of(other)
    place = Place.of(other)
    where: list[Predicate] = [
        Compare("eq", value_at(place, "currentResourceType", item), Literal(resource)),
        Compare("eq", value_at(place, "actionType", item), Literal(action)),
        Compare("eq", value_at(place, "region", item), _OUR_REGION),
    ]
    if "attrs" in keys:
        where.append(inner.filtered(keys["attrs"]))
    # Some ARNs end in a version, which no resource's own has.
    named = Extract(value_at(place, "resourceArn", item), "((?:[^:]*:){6}[^:]*)(?::[^:]*)?$")
    whole = value_at(place, "resourceArn", item)
    key = Choice(Matches(whole, "(?:[^:]*:){7}[^:]*$"), named, whole, TEXT)
    return Linked(_ARN, other.name, key, "account", conjunction(where))


# --- details with a policy's own parameters


def _detail(name: str, call: AwsCall, **more: Any) -> Detail:  # noqa: ANN401 (the detail's own fields)
    """Return a detail whose name tells its parameters from others'."""
    digest = hashlib.sha256(json.dumps([call.name, call.params], sort_keys=True, default=str).encode()).hexdigest()[:16]
    each = more["each"]
    full = f"{name}:{digest}"
    return Detail(
        full,
        {full: answered(call.service, call.operation, each)},
        call=call,
        permissions=(call.permission,),
        gather=True,
        **more,
    )


def compute_optimizer(context: Context, item: Located) -> Predicate:
    """`compute-optimizer`: what Compute Optimizer recommends for an instance.

    `filters` and `recommendation-preferences` go into the call, and then there has to be a recommendation; with `key`
    one of them is to match.
    https://docs.aws.amazon.com/compute-optimizer/latest/APIReference/API_GetEC2InstanceRecommendations.html
    """
    own = ("filters", "recommendation-preferences")
    keys = item.only("a compute-optimizer filter", (*VALUE_KEYS, *own))
    params: dict[str, Any] = {"instanceArns": ["{@arn}"]}
    if "filters" in keys:
        given = keys["filters"].mapping("filters")
        params["filters"] = [{"name": name, "values": values.plain()} for name, values in given.items()]
    if "recommendation-preferences" in keys:
        params["recommendationPreferences"] = keys["recommendation-preferences"].plain()
    operation = "GetEC2InstanceRecommendations"
    call = AwsCall("compute-optimizer", operation, params, f"compute-optimizer:{operation}")
    more = {"each": ("instanceRecommendations",), "match": ("@arn", "instanceArn"), "batch": 100}
    found = context.asked(_detail("c7n:ComputeOptimizerRecommendations", call, **more))
    parts: list[Predicate] = []
    if any(name in keys for name in own):
        parts.append(negation(IsEmpty(found)))
    if "key" in keys:
        body = Located({name: part for name, part in keys.items() if name not in own}, item.where, item.keys)
        parts.append(CountItems(found, 1, value_filter(context.inside(Place(_item(found), 1)), body)))
    return conjunction(parts)


_ANALYZED: Mapping[str, str] = {
    "iam-role": "AWS::IAM::Role", "kms-key": "AWS::KMS::Key", "lambda": "AWS::Lambda::Function",
    "s3": "AWS::S3::Bucket", "sqs": "AWS::SQS::Queue",
}  # fmt: skip


def iam_analyzer(context: Context, item: Located) -> Predicate:
    """`iam-analyzer`: IAM Access Analyzer has an active finding on the resource, one that matches where a key is given.

    https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_ListFindings.html
    """
    keys = item.only("an iam-analyzer filter", (*VALUE_KEYS, "analyzer"))
    analyzer = keys["analyzer"].text("analyzer") if "analyzer" in keys else "{c7n:Analyzer.arn}"
    needs: tuple[str, ...] = ()
    if "analyzer" not in keys:
        listing = AwsCall("accessanalyzer", "ListAnalyzers", {"type": "ACCOUNT"}, "access-analyzer:ListAnalyzers")
        analyzers = answered(listing.service, listing.operation, ("analyzers",))
        column = {"c7n:Analyzer": analyzers.item if isinstance(analyzers, ListOf) else JSON}
        own = Detail(
            "c7n:Analyzer", column, call=listing, permissions=(listing.permission,), once=True, each=("analyzers",)
        )
        context.asked(own)
        needs = ("c7n:Analyzer",)
    chosen = {
        "status": {"eq": ["ACTIVE"]},
        "resource": {"contains": ["{@arn}"]},
        "resourceType": {"eq": [_ANALYZED[context.type.reported_as]]},
    }
    params = {"analyzerArn": analyzer, "filter": chosen}
    call = AwsCall("accessanalyzer", "ListFindings", params, "access-analyzer:ListFindings")
    more = {"each": ("findings",), "match": ("@arn", "resource"), "batch": 20, "needs": needs}
    found = context.asked(_detail("c7n:AccessAnalysis", call, **more))
    if "key" not in keys:
        return negation(IsEmpty(found))
    body = Located({name: part for name, part in keys.items() if name != "analyzer"}, item.where, item.keys)
    return CountItems(found, 1, value_filter(context.inside(Place(_item(found), 1)), body))


# --- Trusted Advisor

_SNAPSHOTS = "H7IgTzjTYb"  # the check of EBS volumes without a recent snapshot
_GONE_CHECK = "eW7HH0l7J9"


def fault_tolerant(context: Context, item: Located) -> Predicate:
    """`fault-tolerant`: Trusted Advisor does not flag the volume for want of snapshots (`tolerant: false`: it does).

    https://docs.aws.amazon.com/awssupport/latest/user/fault-tolerance-checks.html
    """
    keys = item.only("a fault-tolerant filter", ("type", "tolerant"))
    params = {"checkId": _SNAPSHOTS, "language": "en"}
    call = AwsCall("support", "DescribeTrustedAdvisorCheckResult", params, "support:DescribeTrustedAdvisorCheckResult")
    more: dict[str, Any] = {"each": ("result", "flaggedResources"), "once": True, "at": "main"}
    flagged = context.asked(_detail("c7n:TrustedAdvisor", call, **more))
    volume = At(value_at(Place(_item(flagged), 1), "metadata", item), 1, TEXT)
    bad = CountItems(flagged, 1, Compare("eq", volume, context.column("VolumeId")))
    return negation(bad) if "tolerant" not in keys or context.boolean(keys["tolerant"]) else bad


def service_limit(context: Context, item: Located) -> Predicate:
    """`service-limit`: Trusted Advisor flags a service limit in this Region, or its use is at `threshold` percent.

    https://docs.aws.amazon.com/awssupport/latest/user/service-limits.html
    """
    known = ("type", "threshold", "refresh_period", "names", "limits", "services")
    keys = item.only("a service-limit filter", known)
    checks = context.column("ServiceLimits")
    check = Place(_item(checks), 1)
    name = Lower(value_at(check, "name", item))
    parts: list[Predicate] = [Compare("ne", value_at(check, "id", item), Literal(_GONE_CHECK))]
    # Custodian has such a check made anew, which is no reading; what it had before says nothing.
    parts.append(Compare("ne", value_at(check, "status", item), Literal("not_available")))
    if "names" in keys:
        parts.append(_one_of(name, keys["names"], "names", str.lower))
    elif "services" in keys:
        bare = Lower(Call("tag_key", (value_at(check, "name", item),), TEXT, ("nospaces",)))
        parts.append(_one_of(bare, keys["services"], "services", lambda word: f"{word.lower()}*"))
    flagged = value_at(check, "flaggedResources", item)
    each = Place(_item(flagged), 2)
    facts = [At(value_at(each, "metadata", item), index, TEXT) for index in range(5)]
    region, service, limit, allowed, used = facts
    here: list[Predicate] = [Compare("eq", region, _REGION)]
    if context.region in ("", "us-east-1"):
        here.append(Compare("eq", region, Literal("-")))
    over: list[Predicate] = [disjunction(here)]
    if "threshold" in keys:
        share = context.scalar(keys["threshold"])
        if isinstance(share, bool) or not isinstance(share, (int, float)):
            raise keys["threshold"].error("threshold is a number of percent.")
        most = Call("times", (Convert(allowed, "float"), Literal(share / 100)), NUMBER)
        over.append(Compare("ge", Convert(used, "float"), most))
    else:
        over.append(Compare("ne", value_at(each, "status", item), Literal("ok")))
    if "services" in keys:
        over.append(_one_of(Lower(service), keys["services"], "services", str.lower))
    if "limits" in keys:
        over.append(_one_of(Lower(limit), keys["limits"], "limits", str.lower))
    return CountItems(checks, 1, conjunction([*parts, CountItems(flagged, 2, conjunction(over))]))


def _one_of(value: Value, item: Located, what: str, made: Callable[[str], str]) -> Predicate:
    """Return whether a text fits one of some shell patterns that the policy gives."""
    patterns = [shell_pattern(made(pattern), item) for pattern in _words(item, (), what)]
    return disjunction([Matches(value, pattern) for pattern in patterns])


FILTERS: Mapping[str, Mapping[str, Filter]] = {
    **{name: {"health-event": health_event} for name in _HEALTH_TYPES if name not in ("ec2", "ebs")},
    "asg": {"cost-optimization": cost_optimization},
    "lambda": {"cost-optimization": cost_optimization, "iam-analyzer": iam_analyzer},
    "ec2": {
        "health-event": health_event,
        "cost-optimization": cost_optimization,
        "compute-optimizer": compute_optimizer,
    },
    "ebs": {"health-event": health_event, "cost-optimization": cost_optimization, "fault-tolerant": fault_tolerant},
    "iam-role": {"iam-analyzer": iam_analyzer},
    "kms-key": {"iam-analyzer": iam_analyzer},
    "s3": {"iam-analyzer": iam_analyzer},
    "sqs": {"iam-analyzer": iam_analyzer},
    "account-region": {"service-limit": service_limit},
}
