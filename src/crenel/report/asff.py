"""The AWS Security Finding Format, as Security Hub takes it (BatchImportFindings): a JSON array, a finding an item.

The format: https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-findings-format.html. The lengths:
https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_AwsSecurityFinding.html.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, TextIO

from crenel.catalog.load import catalog
from crenel.judge.findings import Finding
from crenel.model import GLOBAL, ScanInfo, Severity, State, Status
from crenel.report.asked import Asked, Control, asked, controls
from crenel.report.contract import dumps, time_json, write_items
from crenel.report.model import Report
from crenel.report.text import short

SCHEMA_VERSION = "2018-10-08"
# The most characters, and items.
TITLE, DESCRIPTION, ID, TEXT, FIELD, OTHER, REQUIREMENT = 256, 1_024, 512, 512, 2_048, 1_024, 64
REQUIREMENTS, TYPES = 32, 50
_CHECKS = "Software and Configuration Checks"
_PRACTICES = f"{_CHECKS}/AWS Security Best Practices"
# Where findings about what has no Region belong: the partition's own first Region.
_HOMES: Mapping[str, str] = {"aws": "us-east-1", "aws-us-gov": "us-gov-west-1", "aws-cn": "cn-north-1"}
_STATUSES: Mapping[Status, str] = {
    Status.PASS: "PASSED", Status.FAIL: "FAILED", Status.UNKNOWN: "WARNING", Status.NOT_APPLICABLE: "NOT_AVAILABLE",
}  # fmt: skip
_LABELS: Mapping[Severity, str] = {
    Severity.LOW: "LOW", Severity.MEDIUM: "MEDIUM", Severity.HIGH: "HIGH", Severity.CRITICAL: "CRITICAL",
}  # fmt: skip
# The names of types that Security Hub knows details of, without their "Aws". A type without one is "Other".
_NAMES = """
    AmazonMqBroker ApiGatewayRestApi ApiGatewayStage ApiGatewayV2Api ApiGatewayV2Stage AppSyncGraphQlApi
    AthenaWorkGroup AutoScalingAutoScalingGroup AutoScalingLaunchConfiguration BackupBackupPlan BackupBackupVault
    BackupRecoveryPoint CertificateManagerCertificate CloudFormationStack CloudFrontDistribution CloudTrailTrail
    CloudWatchAlarm CodeBuildProject DmsEndpoint DmsReplicationInstance DmsReplicationTask DynamoDbTable
    Ec2ClientVpnEndpoint Ec2Eip Ec2Instance Ec2LaunchTemplate Ec2NetworkAcl Ec2NetworkInterface Ec2RouteTable
    Ec2SecurityGroup Ec2Subnet Ec2TransitGateway Ec2Volume Ec2Vpc Ec2VpcEndpointService Ec2VpcPeeringConnection
    Ec2VpnConnection EcrContainerImage EcrRepository EcsCluster EcsContainer EcsService EcsTask EcsTaskDefinition
    EfsAccessPoint EksCluster ElasticBeanstalkEnvironment ElasticsearchDomain ElbLoadBalancer Elbv2LoadBalancer
    EventSchemasRegistry EventsEndpoint EventsEventbus GuardDutyDetector IamAccessKey IamGroup IamPolicy IamRole
    IamUser KinesisStream KmsKey LambdaFunction LambdaLayerVersion MskCluster NetworkFirewallFirewall
    NetworkFirewallFirewallPolicy NetworkFirewallRuleGroup OpenSearchServiceDomain RdsDbCluster RdsDbClusterSnapshot
    RdsDbInstance RdsDbSecurityGroup RdsDbSnapshot RdsEventSubscription RedshiftCluster Route53HostedZone
    S3AccessPoint S3AccountPublicAccessBlock S3Bucket S3Object SageMakerNotebookInstance SecretsManagerSecret
    SnsTopic SqsQueue SsmPatchCompliance StepFunctionStateMachine WafRateBasedRule WafRegionalRateBasedRule
    WafRegionalRule WafRegionalRuleGroup WafRegionalWebAcl WafRule WafRuleGroup WafWebAcl Wafv2RuleGroup Wafv2WebAcl
    XrayEncryptionConfig
"""
KNOWN = frozenset(_NAMES.split())
# Ours that AWS Config names otherwise, or not at all.
_NAMED: Mapping[str, str] = {
    "aws.account": "AwsAccount",
    "aws.acm-certificate": "AwsCertificateManagerCertificate",
    "aws.app-elb": "AwsElbv2LoadBalancer",
    "aws.elasticsearch": "AwsElasticsearchDomain",
    "aws.elb": "AwsElbLoadBalancer",
    "aws.guardduty-detector": "AwsGuardDutyDetector",
    "aws.waf": "AwsWafWebAcl",
    "aws.waf-regional": "AwsWafRegionalWebAcl",
    "aws.wafv2": "AwsWafv2WebAcl",
}


class Documents:
    """Makes findings of a report into documents of the format. `Id` is the same in each scan."""

    def __init__(self, report: Report) -> None:
        connection = report.judgement.connection
        self.policies = {(policy.policy, policy.variant): policy for policy in asked(connection)}
        self.controls = controls(connection)
        self.partitions = {account.id: account.partition for account in report.info.accounts}
        self.info = report.info

    def of(self, finding: Finding) -> dict[str, Any]:
        """Return the document of a finding, within the format's lengths."""
        key = (finding.policy, finding.variant)
        partition = self.partitions.get(finding.account, "aws")
        region = finding.region if finding.region != GLOBAL else home_region(partition, self.info)
        return _document(finding, self.policies[key], self.controls.get(key, ()), partition, region)


def write(report: Report, out: TextIO) -> None:
    """Write the findings as a JSON array, streaming."""
    documents = Documents(report)
    out.write("[")
    write_items(out, (dumps(documents.of(finding)) for finding in report.judgement.findings()))
    out.write("\n]\n")


@lru_cache
def resource_types() -> Mapping[str, str]:
    """Return Security Hub's names of our types, for those that it knows: by the names that AWS Config has for them."""
    known = {f"aws{name}".lower(): f"Aws{name}" for name in KNOWN}
    named = {f"aws.{kind.reported_as}": (kind.config or "").replace("::", "").lower() for kind in catalog().values()}
    return {**{ours: known[theirs] for ours, theirs in named.items() if theirs in known}, **_NAMED}


def home_region(partition: str, info: ScanInfo) -> str:
    """Return the Region whose hub takes findings about what has no Region of its own."""
    regional = [region for region in info.regions if region != GLOBAL]
    return _HOMES.get(partition) or next(iter(regional), "us-east-1")


def product_arn(partition: str, region: str, account: str) -> str:
    """Return the ARN of the product under which an account's own tools report."""
    return f"arn:{partition}:securityhub:{region}:{account}:product/{account}/default"


def _document(
    finding: Finding, policy: Asked, decided: Sequence[Control], partition: str, region: str
) -> dict[str, Any]:
    seen = time_json(finding.seen_at)
    severity = {"Label": _label(finding), "Original": finding.severity.value}
    types = list(dict.fromkeys(_type(control) for control in decided))[:TYPES] or [_PRACTICES]
    document: dict[str, Any] = {
        "SchemaVersion": SCHEMA_VERSION,
        "Id": f"crenel/{finding.id}",
        "ProductArn": product_arn(partition, region, finding.account),
        "ProductName": "Crenel",
        "CompanyName": "Crenel",
        "GeneratorId": _text(f"crenel/{policy.key}", ID),
        "AwsAccountId": finding.account,
        "Region": region,
        "Types": types,
        "FirstObservedAt": seen,
        "LastObservedAt": seen,
        "CreatedAt": seen,
        "UpdatedAt": seen,
        "Severity": severity,
        "FindingProviderFields": {"Severity": severity, "Types": types},
        "Title": _text(finding.title, TITLE),
        "Description": _text(finding.message or finding.reason or finding.title, DESCRIPTION),
        "ProductFields": _fields(finding, policy),
        "Resources": [_resource(finding, partition, region)],
        "Compliance": _compliance(finding, decided),
        "Workflow": {"Status": "SUPPRESSED" if finding.state is State.WAIVED else "NEW"},
        "RecordState": "ACTIVE",
    }
    if policy.remediation:
        recommendation = {"Text": _text(policy.remediation, TEXT)}
        if policy.links and len(policy.links[0]) <= TEXT:
            recommendation["Url"] = policy.links[0]
        document["Remediation"] = {"Recommendation": recommendation}
    if waived := finding.waived:
        why = f"Waived until {waived.until} ({waived.waiver}): {waived.reason}"
        document["Note"] = {"Text": _text(why, TEXT), "UpdatedBy": _text(waived.owner, TEXT), "UpdatedAt": seen}
    return document


def _label(finding: Finding) -> str:
    # As Security Hub's own controls: what passes is for information.
    return _LABELS[finding.severity] if finding.status in (Status.FAIL, Status.UNKNOWN) else "INFORMATIONAL"


def _type(control: Control) -> str:
    # A type has three parts; a slash in the last would make four.
    return f"{_CHECKS}/Industry and Regulatory Standards/{_text(control.framework_title, ID).replace('/', ' ')}"


def _fields(finding: Finding, policy: Asked) -> dict[str, str]:
    fields = {
        "crenel/policy": policy.key,
        "crenel/practice": str(finding.practice) if finding.practice is not None else "",
        "crenel/state": finding.state.value,
        "crenel/lapsed": finding.lapsed or "",
        "crenel/waiver": finding.waived.waiver if finding.waived else "",
    }
    return {name: _text(value, FIELD) for name, value in fields.items() if value}


def _resource(finding: Finding, partition: str, region: str) -> dict[str, Any]:
    kind = resource_types().get(finding.type, "Other")
    identity = finding.arn or f"{finding.type}/{finding.resource_id}"
    if kind == "AwsAccount":
        identity = f"AWS::::Account:{finding.account}"
    if finding.resource_id == "*":
        kind = "Other"
    other = {"Id": finding.resource_id, "Name": finding.name or "", "Evidence": dumps(finding.evidence)}
    return {
        "Type": kind,
        "Id": _text(identity, ID),
        "Partition": partition,
        "Region": region,
        "Details": {"Other": {name: _text(value, OTHER) for name, value in other.items() if value.strip()}},
    }


def _compliance(finding: Finding, decided: Sequence[Control]) -> dict[str, Any]:
    found: dict[str, Any] = {"Status": _STATUSES[finding.status]}
    requirements = list(dict.fromkeys(_text(control.label, REQUIREMENT) for control in decided))
    if requirements:
        found["RelatedRequirements"] = requirements[:REQUIREMENTS]
    return found


def _text(text: str, most: int) -> str:
    """Return a text that the format takes: cut to a length, and never blank."""
    return short(text, most) or "-"
