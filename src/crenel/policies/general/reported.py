"""What AWS Config's rules, Security Hub and OpsCenter say of a resource: `config-compliance`, `finding`, `ops-item`.

The calls carry the policy's own words, so that AWS chooses. One call speaks of many resources.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from crenel.catalog.columns import JSON, TEXT, ListOf, Type, answered, service_model
from crenel.catalog.details import columns_named
from crenel.catalog.spec import ARN, RESOURCE, Call, Detail
from crenel.errors import did_you_mean
from crenel.language import plan
from crenel.language.plan import (
    Compare,
    CountItems,
    Field,
    In,
    IsEmpty,
    Predicate,
    Value,
    conjunction,
    disjunction,
    negation,
)
from crenel.language.walking import kind_of
from crenel.policies.context import Context, Filter
from crenel.policies.keys.key import Place, value_at
from crenel.positions import Located

# Custodian's ARN of an account, by which it reports findings on it.
_ACCOUNT = "arn:::{account_id}"
_STATES = ("COMPLIANT", "NON_COMPLIANT", "NOT_APPLICABLE", "INSUFFICIENT_DATA")
_QUALIFIER = "EvaluationResultIdentifier.EvaluationResultQualifier"
# The names that Cloud Custodian's types have in CloudFormation, where AWS Config records none or another.
_FORMATION: Mapping[str, str] = {
    "account": "AWS::::Account",
    "acm-certificate": "AWS::CertificateManager::Certificate",
    "airflow": "AWS::MWAA::Environment",
    "athena-named-query": "AWS::Athena::NamedQuery",
    "batch-definition": "AWS::Batch::JobDefinition",
    "budget": "AWS::Budgets::Budget",
    "cache-cluster": "AWS::ElastiCache::CacheCluster",
    "cache-subnet-group": "AWS::ElastiCache::SubnetGroup",
    "cloudwatch-synthetics": "AWS::Synthetics::Canary",
    "codecommit": "AWS::CodeCommit::Repository",
    "composite-alarm": "AWS::CloudWatch::CompositeAlarm",
    "config-rule": "AWS::Config::ConfigRule",
    "dax": "AWS::DAX::Cluster",
    "dlm-policy": "AWS::DLM::LifecyclePolicy",
    "ec2-capacity-reservation": "AWS::EC2::CapacityReservation",
    "efs-mount-target": "AWS::EFS::MountTarget",
    "elasticache-group": "AWS::ElastiCache::ReplicationGroup",
    "elasticache-user": "AWS::ElastiCache::User",
    "emr": "AWS::EMR::Cluster",
    "emr-security-configuration": "AWS::EMR::SecurityConfiguration",
    "emr-serverless-app": "AWS::EMRServerless::Application",
    "eventbridge-pipes": "AWS::Pipes::Pipe",
    "fsx": "AWS::FSx::FileSystem",
    "fsx-volume": "AWS::FSx::Volume",
    "globalaccelerator": "AWS::GlobalAccelerator::Accelerator",
    "glue-connection": "AWS::Glue::Connection",
    "glue-crawler": "AWS::Glue::Crawler",
    "glue-dev-endpoint": "AWS::Glue::DevEndpoint",
    "glue-job": "AWS::Glue::Job",
    "glue-security-configuration": "AWS::Glue::SecurityConfiguration",
    "glue-workflow": "AWS::Glue::Workflow",
    "healthcheck": "AWS::Route53::HealthCheck",
    "hostedzone": "AWS::Route53::HostedZone",
    "iam-access-key": "AWS::IAM::AccessKey",
    "iam-profile": "AWS::IAM::InstanceProfile",
    "kendra": "AWS::Kendra::Index",
    "keyspace": "AWS::Cassandra::Keyspace",
    "keyspace-table": "AWS::Cassandra::Table",
    "kinesis-analytics": "AWS::KinesisAnalytics::Application",
    "launch-template-version": "AWS::EC2::LaunchTemplate",
    "log-group": "AWS::Logs::LogGroup",
    "log-metric": "AWS::Logs::MetricFilter",
    "memorydb": "AWS::MemoryDB::Cluster",
    "opensearch-ingestion": "AWS::OSIS::Pipeline",
    "opensearch-serverless": "AWS::OpenSearchServerless::Collection",
    "origin-access-control": "AWS::CloudFront::OriginAccessControl",
    "rds-cluster-param-group": "AWS::RDS::DBClusterParameterGroup",
    "rds-param-group": "AWS::RDS::DBParameterGroup",
    "rds-proxy": "AWS::RDS::DBProxy",
    "rds-subscription": "AWS::RDS::EventSubscription",
    "resource-share-self": "AWS::RAM::ResourceShare",
    "rest-vpclink": "AWS::ApiGateway::VpcLink",
    "rrset": "AWS::Route53::RecordSet",
    "s3-directory": "AWS::S3Express::DirectoryBucket",
    "sagemaker-domain": "AWS::SageMaker::Domain",
    "sagemaker-endpoint": "AWS::SageMaker::Endpoint",
    "security-hub": "AWS::SecurityHub::Hub",
    "serverless-app": "AWS::Serverless::Application",
    "ses-email-identity": "AWS::SES::EmailIdentity",
    "sns-subscription": "AWS::SNS::Subscription",
    "ssm-parameter": "AWS::SSM::Parameter",
    "ssm-patch-baseline": "AWS::SSM::PatchBaseline",
    "transfer-connector": "AWS::Transfer::Connector",
    "transfer-user": "AWS::Transfer::User",
    "transit-attachment": "AWS::EC2::TransitGatewayAttachment",
}
# By what else AWS Config knows a resource.
# https://docs.aws.amazon.com/config/latest/developerguide/resource-config-reference.html
_CONFIG_IDS: Mapping[str, str] = {
    "asg": "AutoScalingGroupARN", "iam-role": "RoleId", "iam-user": "UserId", "rds": "DbiResourceId",
    "rds-cluster": "DbClusterResourceId", "rest-stage": "stageArn", "savings-plan": "savingsPlanId",
}  # fmt: skip


def config_compliance(context: Context, item: Located) -> Predicate:
    """`config-compliance`: a rule of AWS Config has found the resource in one of the states (NON_COMPLIANT unless
    `states` says otherwise), by an evaluation that some (`op: and`: each) of `eval_filters` matches.

    https://docs.aws.amazon.com/config/latest/APIReference/API_GetComplianceDetailsByConfigRule.html
    """
    keys = item.only("a config-compliance filter", ("type", "rules", "states", "op", "eval_filters"))
    kinds = tuple(filter(None, (context.type.config, _FORMATION.get(context.type.reported_as))))
    if not kinds:
        raise item.error(f"AWS Config has no rules for aws.{context.type.reported_as}.", code="unsupported")
    if "rules" not in keys:
        raise item.error("a config-compliance filter needs `rules`.", code="missing-key")
    states = _words(keys["states"], "states", _STATES) if "states" in keys else ["NON_COMPLIANT"]
    every = "op" in keys and _word(keys["op"], "op", ("or", "and")) == "and"
    found: list[Predicate] = []
    for rule in keys["rules"].sequence("rules"):
        asked = {"ConfigRuleName": rule.text("a rule"), "ComplianceTypes": states, "Limit": 100}
        for known_by in _known_by(context):
            results = context.asked(_evaluations(context, asked, known_by))
            place = Place(_item(results), 1, what="an evaluation")
            such = In(value_at(place, f"{_QUALIFIER}.ResourceType", item), kinds)
            holds = _evaluated(context.inside(place), keys.get("eval_filters"), every=every)
            found.append(CountItems(results, 1, conjunction([such, holds])))
    return disjunction(found)


def _known_by(context: Context) -> list[str]:
    """Return the columns and words by which AWS Config's rules may name a resource: rules differ in that."""
    kind = context.type
    if kind.arn == f"{{{kind.id}}}":
        return [ARN, RESOURCE]  # a rule may speak of the name in the ARN
    ids = [column for column in (kind.id, _CONFIG_IDS.get(kind.reported_as)) if column in kind.schema()]
    return [ARN, *ids] if kind.arn else ids


def _evaluations(context: Context, asked: Mapping[str, Any], known_by: str) -> Detail:
    operation = "GetComplianceDetailsByConfigRule"
    call = Call("config", operation, asked, f"config:{operation}")
    own = {"once": True, "each": ("EvaluationResults",), "match": (known_by, f"{_QUALIFIER}.ResourceId")}
    return _detail(context, f"c7n:config-compliance:{known_by.removeprefix('@')}", call, own)


def _evaluated(context: Context, item: Located | None, *, every: bool) -> Predicate:
    """Return whether an evaluation matches the value filters that a policy gives, any without them."""
    if item is None or not (filters := item.sequence("eval_filters")):
        return plan.TRUE
    found = [context.filtered(Located([each], each.where)) for each in filters]
    return conjunction(found) if every else disjunction(found)


def finding(context: Context, item: Located) -> Predicate:
    """`finding`: Security Hub has a finding about the resource, one that `query` describes in Security Hub's own words.

    `region` is where findings of all Regions come together. A filter's attribute takes 20 values.
    https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_GetFindings.html
    """
    keys = item.only("a finding filter", ("type", "query", "region"))
    template, _ = _named_by(context, item)
    query = _query(keys["query"]) if "query" in keys else {}
    words = {"arn": template} | ({"id": "{InstanceId}"} if "InstanceId" in context.type.schema() else {})
    parts = []
    for what, word in words.items():
        chosen = {**query, "ResourceId": [{"Value": word, "Comparison": "EQUALS"}]}
        call = Call("securityhub", "GetFindings", {"Filters": chosen, "MaxResults": 100}, "securityhub:GetFindings")
        own: dict[str, Any] = {"batch": 20, "each": ("Findings",), "match": (word, "Resources.Id"), "take": ("Id",)}
        if what == "id":
            own["when"] = {"InstanceId": "?*"}
        if "region" in keys:
            own["at"] = keys["region"].text("region")
        parts.append(negation(IsEmpty(context.asked(_detail(context, f"c7n:finding-filter:{what}", call, own)))))
    return disjunction(parts)


def _query(item: Located) -> dict[str, Any]:
    """Return the filters of findings that a policy gives, each known to Security Hub."""
    shape = service_model("securityhub").shape_for("AwsSecurityFindingFilters")
    known = tuple(shape.members)
    for name, value in item.mapping("query").items():
        if name not in known:
            raise item.unknown_key(name, "a query of findings", known)
        for each in value.sequence(name):
            each.only(name, tuple(shape.members[name].member.members))
    found: dict[str, Any] = item.plain()
    return found


def ops_item(context: Context, item: Located) -> Predicate:
    """`ops-item`: an operational item of OpsCenter, open unless `status` says otherwise, names the resource.

    https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_OpsItemFilter.html
    """
    keys = item.only("an ops-item filter", ("type", "status", "priority", "title", "source"))
    _, arn = _named_by(context, item)
    status = _words(keys["status"], "status", ("Open", "In progress", "Resolved")) if "status" in keys else ["Open"]
    asked = [_where("Status", "Equal", status)]
    if "priority" in keys and keys["priority"].value:
        asked.append(_where("Priority", "Equal", [_priority(each) for each in keys["priority"].sequence("priority")]))
    if "title" in keys and keys["title"].value:
        asked.append(_where("Title", "Contains", [keys["title"].text("title")]))
    if "source" in keys and keys["source"].value:
        asked.append(_where("Source", "Equal", [keys["source"].text("source")]))
    asked.append(_where("ResourceId", "Contains", [f"{{{context.type.id}}}"]))
    call = Call("ssm", "DescribeOpsItems", {"OpsItemFilters": asked}, "ssm:DescribeOpsItems")
    own = {"batch": 10, "each": ("OpsItemSummaries",), "take": ("OperationalData", "/aws/resources", "Value")}
    # Each of ten resources gets what the call says of all of them: the ARNs stand in a text.
    texts = context.asked(_detail(context, "c7n:opsitems", call, own, TEXT))
    named = value_at(Place(TEXT, 1), "from_json(@)", item)
    same = Compare("eq", value_at(Place(JSON, 2), "arn", item), arn)
    return CountItems(texts, 1, CountItems(named, 2, same))


def _named_by(context: Context, item: Located) -> tuple[str, Value]:
    """Return a row's ARN as a call's parameter and as a value. Raises `PolicyError` for a type that has none."""
    kind = context.type
    if kind.arn:
        return f"{{{ARN}}}", Field(("_arn",), TEXT)
    if kind.reported_as != "account":
        raise item.error(f"aws.{kind.reported_as} has no ARN, by which it would be known.", code="unsupported")
    return _ACCOUNT, value_at(Place.of(kind), "join('', ['arn:::', account_id])", item)


def _where(key: str, operator: str, values: Sequence[str]) -> dict[str, Any]:
    return {"Key": key, "Operator": operator, "Values": list(values)}


def _priority(item: Located) -> str:
    number = item.value
    if isinstance(number, bool) or number not in range(1, 6):
        raise item.error("a priority is a number from 1 to 5.")
    return str(number)


def json_diff(context: Context, item: Located) -> Predicate:
    """`json-diff`: refused. It compares a resource with what AWS Config recorded of it before."""
    what = f"json-diff reads AWS Config's history of each {context.type.reported_as}, which is not collected."
    raise item.error(what, code="unsupported")


# --- what they share


def _detail(context: Context, name: str, call: Call, own: Mapping[str, Any], kind: Type | None = None) -> Detail:
    """Return a detail that keeps all items which speak of a row; its name tells its parameters from others'."""
    digest = hashlib.sha256(json.dumps([call.params, own.get("at")], sort_keys=True).encode()).hexdigest()[:16]
    each, match = own["each"], own.get("match", ())[:1]
    items = answered(call.service, call.operation, each)
    item = items.item if isinstance(items, ListOf) else JSON
    named = columns_named([call.params, *(f"{{{word}}}" for word in match)], context.type.arn)
    needs = tuple(filter(None, (context.type.detail_of(column) for column in sorted(named))))
    full = f"{name}:{digest}"
    column = {full: ListOf(kind or (TEXT if "take" in own else item))}
    return Detail(full, column, call=call, permissions=(call.permission,), gather=True, needs=needs, **own)


def _item(value: Value) -> Type:
    kind = kind_of(value)
    return kind.item if isinstance(kind, ListOf) else JSON


def _word(item: Located, name: str, known: Sequence[str]) -> str:
    word = item.text(name)
    if word not in known:
        raise item.error(f'{name} is one of {", ".join(known)}, not "{word}".', did_you_mean(word, known))
    return word


def _words(item: Located, name: str, known: Sequence[str]) -> list[str]:
    return [_word(each, name, known) for each in item.sequence(name)]


FILTERS: Mapping[str, Filter] = {
    "config-compliance": config_compliance,
    "finding": finding,
    "ops-item": ops_item,
    "json-diff": json_diff,
}
