"""What the filters on AWS Config, Security Hub, OpsCenter, WAF and Shield ask, and what they refuse. What they match is
in conformance/reported.yaml.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from crenel.catalog.load import Extended, catalog
from crenel.collect.rows import resource
from crenel.collect.spool import Spool
from crenel.collect.unit import read_unit
from crenel.errors import PolicyError
from crenel.language.plan import Predicate, Related
from crenel.policies.context import Context, Mistakes
from crenel.policies.filters import compile_filter, compile_filters
from crenel.policies.keys.key import Place
from crenel.positions import load_text

from .collect.fakes import context, denied

Asked = list[tuple[str, dict[str, Any], str]]
FINDING = "c7n:finding-filter"
VOLUMES = {"ec2:DescribeVolumes": {"Volumes": [{"VolumeId": name} for name in ("v1", "v2", "v3")]}}
ARN = "arn:aws:ec2:us-east-1:123456789012:volume/"


def compiled(types: Extended, kind: str, filter_: dict[str, Any]) -> Predicate:
    place = Context(types[kind], Place.of(types[kind]), {}, types, {}, compile=compile_filters)
    return compile_filter(place, load_text(json.dumps(filter_), "here"))


def collected(
    tmp_path, kind: str, filter_: dict[str, Any], answers: dict[str, Any], read: str = "", own: str = ""
) -> tuple[list[dict[str, Any]], Any, Asked]:
    """Return the rows of `read` with what the filter added (or with `own`), the unit's record, and what was asked."""
    types = Extended(catalog())
    compiled(types, kind, filter_)
    read = read or kind
    names = {own} if own else set(types[read].details) - set(catalog()[read].details)
    spool = Spool(tmp_path)
    region = "us-east-1" if types[read].regional else "global"
    with context(read, answers, region, details=frozenset(names), types=types) as unit:
        record = read_unit(unit, spool)
        text = spool.rows_file(record.unit).read_text() if record.rows else ""
        return [json.loads(line) for line in text.splitlines()], record, unit.target.caller.asked


def parts(row: dict[str, Any], name: str) -> list[Any]:
    """Return what a row holds under the columns that begin so, by their names."""
    return [value for key, value in sorted(row.items()) if key.startswith(name)]


# --- AWS Config


def evaluation(name: str) -> dict[str, Any]:
    qualifier = {"ConfigRuleName": "r", "ResourceType": "AWS::EC2::Volume", "ResourceId": name}
    return {"EvaluationResultIdentifier": {"EvaluationResultQualifier": qualifier}, "ComplianceType": "NON_COMPLIANT"}


def test_a_rule_is_asked_once_for_all_its_names_of_a_resource(tmp_path) -> None:
    call = "config:GetComplianceDetailsByConfigRule"
    answers = {**VOLUMES, call: {"EvaluationResults": [evaluation("v1"), evaluation(f"{ARN}v2")]}}
    rows, record, asked = collected(tmp_path, "ebs", {"type": "config-compliance", "rules": ["r"]}, answers)

    assert [params for name, params, _ in asked if name == call] == [
        {"ConfigRuleName": "r", "ComplianceTypes": ["NON_COMPLIANT"], "Limit": 100}
    ]
    assert [[len(found) for found in parts(row, "c7n:config")] for row in rows] == [[1, 0], [0, 1], [0, 0]]
    assert record.gaps == ()


def test_a_rule_that_is_not_there_is_a_gap(tmp_path) -> None:
    call = "config:GetComplianceDetailsByConfigRule"
    answers = {**VOLUMES, call: denied(call, "NoSuchConfigRuleException")}
    _, record, _ = collected(tmp_path, "ebs", {"type": "config-compliance", "rules": ["r"]}, answers)

    assert {gap.code for gap in record.gaps} == {"NoSuchConfigRuleException"}


@pytest.mark.parametrize(
    ("arn", "name"),
    [
        ("arn:aws:sns:us-east-1:1:topic", "topic"),
        ("arn:aws:cloudtrail:us-east-1:1:trail/t", "t"),
        ("arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/app/a/b", "app/a/b"),
        ("arn:aws:logs:us-east-1:1:log-group:/a/b:*", "a/b:*"),
        ("arn:aws:rds:us-east-1:1:db:one", "one"),
        ("arn:aws:s3:::bucket/key", "bucket/key"),
        ("none", None),
        (None, None),
    ],
)
def test_what_an_arn_names(arn: str | None, name: str | None) -> None:
    assert resource(arn) == name


# --- Security Hub


def test_findings_on_many_resources_are_asked_for_at_once(tmp_path) -> None:
    found = {"Findings": [{"Id": "f", "Resources": [{"Id": "other"}, {"Id": f"{ARN}v2"}]}]}
    query = {"RecordState": [{"Comparison": "EQUALS", "Value": "ACTIVE"}]}
    rows, _, asked = collected(
        tmp_path,
        "ebs",
        {"type": "finding", "query": query, "region": "eu-west-1"},
        {**VOLUMES, "securityhub:GetFindings": found},
    )

    [(_, params, region)] = [one for one in asked if one[0] == "securityhub:GetFindings"]
    assert region == "eu-west-1"
    assert params["Filters"] == {
        **query,
        "ResourceId": [{"Value": f"{ARN}{name}", "Comparison": "EQUALS"} for name in ("v1", "v2", "v3")],
    }
    assert [parts(row, FINDING) for row in rows] == [[[]], [["f"]], [[]]]


def test_an_address_without_an_instance_is_not_asked_for_by_one(tmp_path) -> None:
    listed = [{"AllocationId": "a", "InstanceId": "i"}, {"AllocationId": "b"}]
    found = {"Findings": [{"Id": "f", "Resources": [{"Id": "i"}]}]}
    answers = {"ec2:DescribeAddresses": {"Addresses": listed}, "securityhub:GetFindings": found}
    rows, record, _ = collected(tmp_path, "elastic-ip", {"type": "finding"}, answers)

    assert [parts(row, FINDING) for row in rows] == [[[], ["f"]], [[], None]]
    assert record.gaps == ()


# --- OpsCenter


def test_ops_items_are_asked_for_ten_resources(tmp_path) -> None:
    named = json.dumps([{"arn": f"{ARN}v2"}])
    item = {"OpsItemId": "o", "OperationalData": {"/aws/resources": {"Value": named, "Type": "SearchableString"}}}
    filter_ = {"type": "ops-item", "priority": [1, 2], "title": "t", "source": "s"}
    answers = {**VOLUMES, "ssm:DescribeOpsItems": {"OpsItemSummaries": [item, {"OpsItemId": "p"}]}}
    rows, _, asked = collected(tmp_path, "ebs", filter_, answers)

    [params] = [params for name, params, _ in asked if name == "ssm:DescribeOpsItems"]
    assert params["OpsItemFilters"] == [
        {"Key": "Status", "Operator": "Equal", "Values": ["Open"]},
        {"Key": "Priority", "Operator": "Equal", "Values": ["1", "2"]},
        {"Key": "Title", "Operator": "Contains", "Values": ["t"]},
        {"Key": "Source", "Operator": "Equal", "Values": ["s"]},
        {"Key": "ResourceId", "Operator": "Contains", "Values": ["v1", "v2", "v3"]},
    ]
    assert parts(rows[0], "c7n:opsitems") == [[named, None]]


# --- WAF and Shield


@pytest.mark.parametrize(
    ("name", "read", "listed", "wanted"),
    [
        (
            "waf-enabled",
            "waf-regional",
            {"waf-regional:ListWebACLs": {"WebACLs": [{"WebACLId": "w", "Name": "n"}]}},
            {"WebACLId": "w"},
        ),
        (
            "wafv2-enabled",
            "wafv2",
            {"wafv2:ListWebACLs": {"WebACLs": [{"Id": "w", "Name": "n", "ARN": "arn:w"}]}},
            {"WebACLArn": "arn:w"},
        ),
    ],
)
def test_an_acl_is_asked_what_it_protects(
    tmp_path, name: str, read: str, listed: dict[str, Any], wanted: dict[str, str]
) -> None:
    call = f"{read}:ListResourcesForWebACL"
    rows, record, asked = collected(
        tmp_path, "app-elb", {"type": name}, {**listed, call: {"ResourceArns": ["a"]}}, read
    )

    assert [params for one, params, _ in asked if one == call] == [
        {**wanted, "ResourceType": "APPLICATION_LOAD_BALANCER"}
    ]
    assert parts(rows[0], "c7n:AssociatedResources") == [["a"]]
    assert record.gaps == ()


def test_an_acl_that_protects_nothing(tmp_path) -> None:
    listed = {"wafv2:ListWebACLs": {"WebACLs": [{"Id": "w", "Name": "n", "ARN": "arn:w"}]}}
    answers = {**listed, "wafv2:ListResourcesForWebACL": {}}
    rows, record, _ = collected(tmp_path, "app-elb", {"type": "wafv2-enabled"}, answers, "wafv2")

    assert parts(rows[0], "c7n:AssociatedResources") == [[]]
    assert record.gaps == ()


def test_custodian_leaves_out_the_value_where_state_is_given() -> None:
    types, found = Extended(catalog()), Mistakes()
    place = Context(types["app-elb"], Place.of(types["app-elb"]), {}, types, {}, mistakes=found)
    alone, both = (
        {"type": "wafv2-enabled", "state": True, **keys} for keys in ({}, {"key": "Rules", "value": "empty"})
    )

    assert compile_filter(place, load_text(json.dumps(both), "here")) == compiled(types, "app-elb", alone)
    assert [error.code for error in found.errors] == ["no-effect"]


def test_an_empty_list_of_priorities_is_not_asked() -> None:
    types = Extended(catalog())
    compiled(types, "lambda", {"type": "ops-item", "priority": [], "title": "", "source": ""})

    [detail] = (detail for name, detail in types["lambda"].details.items() if name.startswith("c7n:opsitems"))
    assert detail.call is not None
    assert [each["Key"] for each in detail.call.params["OpsItemFilters"]] == ["Status", "ResourceId"]


def test_shield_knows_addresses_by_another_arn(tmp_path) -> None:
    protected = [{"ResourceArn": "arn:aws:ec2:us-east-1:123456789012:eip-allocation/a"}]
    answers = {
        "ec2:DescribeAddresses": {
            "Addresses": [{"AllocationId": "a"}, {"AllocationId": "b"}, {"PublicIp": "192.0.2.1"}]
        },
        "shield:ListProtections": {"Protections": protected},
    }
    rows, _, _ = collected(tmp_path, "elastic-ip", {"type": "shield-enabled"}, answers, own="c7n:ShieldProtected")

    assert [row["c7n:ShieldProtected"] for row in rows] == [True, False, False]


def test_attacks_are_counted_by_arn(tmp_path) -> None:
    listed = {"elasticloadbalancing:DescribeLoadBalancers": {}, "elb:DescribeLoadBalancers": {
        "LoadBalancerDescriptions": [{"LoadBalancerName": "b"}]}}  # fmt: skip
    answers = {**listed, "cloudwatch:GetMetricStatistics": {"Datapoints": []}}
    filter_ = {"type": "shield-metrics", "name": "DDoSDetected", "value": 1, "op": "ge"}
    _, _, asked = collected(tmp_path, "elb", filter_, answers)

    [params] = [params for name, params, _ in asked if name == "cloudwatch:GetMetricStatistics"]
    assert params["Namespace"] == "AWS/DDoSProtection"
    arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/b"
    assert params["Dimensions"] == [{"Name": "ResourceArn", "Value": arn}]


# --- what is refused

MISSING = {"type": "missing", "policy": {"resource": "s3"}}


@pytest.mark.parametrize(
    ("kind", "filter_", "told"),
    [
        ("ebs", {"type": "config-compliance"}, "needs `rules`"),
        ("ebs", {"type": "config-compliance", "rules": ["r"], "states": ["BAD"]}, "states is one of"),
        ("ebs", {"type": "config-compliance", "rules": ["r"], "op": "xor"}, "op is one of"),
        ("ami", {"type": "config-compliance", "rules": ["r"]}, "AWS Config has no rules for aws.ami"),
        ("cost-recommendation", {"type": "finding"}, "has no ARN"),
        ("ebs", {"type": "finding", "query": {"Severity": []}}, "Severity"),
        ("ebs", {"type": "finding", "query": {"Title": [{"Comparson": "EQUALS"}]}}, "Comparson"),
        ("ebs", {"type": "ops-item", "priority": [6]}, "a number from 1 to 5"),
        ("ebs", {"type": "ops-item", "status": ["Closed"]}, "status is one of"),
        ("ebs", {"type": "json-diff"}, "AWS Config's history"),
        (
            "app-elb",
            {"type": "waf-enabled", "key": "Rules", "value": "empty", "state": True},
            "whether there is a web ACL",
        ),
        ("app-elb", {"type": "wafv2-enabled", "value": 1}, "needs `key`"),
        ("app-elb", {"type": "wafv2-enabled", "key": "Rulez", "value": 1}, "Rules"),
        ("elb", {"type": "shield-metrics", "name": "DDosDetected", "value": 1}, "no metric here"),
        ("account-region", {"type": "missing"}, "needs `policy`"),
        ("account-region", {"type": "missing", "policy": {}}, "needs `resource`"),
        ("account-region", {"type": "missing", "policy": {"resource": "s4"}}, "no resource type"),
        ("account-region", {"type": "missing", "policy": {"resource": "s3", "actions": []}}, "has no actions"),
        ("account-region", {"type": "missing", "policy": {"resource": "s3", "region": "x"}}, "not supported"),
        (
            "account-region",
            {"type": "missing", "policy": {"resource": "s3", "filters": [{"type": "reduce", "limit": 1}]}},
            "compares a resource with all others",
        ),
        ("ebs", {"type": "health-event", "types": ["AWS_EBS_VOLUME_LOST"]}, "listed no more"),
    ],
)
def test_mistakes(kind: str, filter_: dict[str, Any], told: str) -> None:
    with pytest.raises(PolicyError, match=told) as error:
        compiled(Extended(catalog()), kind, filter_)
    assert error.value.where is not None


def test_a_policy_in_a_filter_may_have_a_query() -> None:
    types = Extended(catalog())
    query = [{"instance-state-name": "running"}]
    found = compiled(types, "account-region", {"type": "missing", "policy": {"resource": "ec2", "query": query}})

    assert isinstance(found, Related)
    listing = types[found.table].listing
    assert listing is not None
    assert listing.call.params["Filters"] == [{"Name": "instance-state-name", "Values": ["running"]}]
