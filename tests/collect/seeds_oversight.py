"""Seeds of `test_moto` for logs, alarms, APIs, firewalls and what watches an account: each puts one there and gives its
id.

moto has no rule groups and policies of firewalls, no recovery points, no WAF Classic, and no transforms of Glue.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

HOME = "eu-west-1"
ACCOUNT = "123456789012"


def metric_filter(aws: Callable[..., Any]) -> str:
    """Put a metric filter on a group."""
    client = aws("logs", HOME)
    client.create_log_group(logGroupName="trail")
    client.put_metric_filter(
        logGroupName="trail", filterName="vpcs", filterPattern="{ $.eventName = CreateVpc }",
        metricTransformations=[{"metricName": "vpcs", "metricNamespace": "Watch", "metricValue": "1"}],
    )  # fmt: skip
    return "vpcs"


def alarm(aws: Callable[..., Any]) -> str:
    """Put an alarm with a topic."""
    aws("cloudwatch", HOME).put_metric_alarm(
        AlarmName="vpcs", Namespace="Watch", MetricName="vpcs", Statistic="Sum", Period=300, EvaluationPeriods=1,
        Threshold=1, ComparisonOperator="GreaterThanOrEqualToThreshold", ActionsEnabled=True,
        AlarmActions=[f"arn:aws:sns:{HOME}:{ACCOUNT}:alarms"],
    )  # fmt: skip
    return "vpcs"


def rest_api(aws: Callable[..., Any]) -> str:
    """Put an API with a stage, whose variables are secrets."""
    client = aws("apigateway", HOME)
    api = client.create_rest_api(name="shop", tags={"team": "web"})
    client.put_method(restApiId=api["id"], resourceId=api["rootResourceId"], httpMethod="GET", authorizationType="NONE")
    client.put_integration(restApiId=api["id"], resourceId=api["rootResourceId"], httpMethod="GET", type="MOCK")
    client.create_deployment(restApiId=api["id"], stageName="prod", variables={"token": "hunter2"})
    return str(api["id"])


def web_socket(aws: Callable[..., Any]) -> str:
    """Put an API with a route, a stage and an integration."""
    client = aws("apigatewayv2", HOME)
    api = client.create_api(Name="chat", ProtocolType="WEBSOCKET")["ApiId"]
    client.create_route(ApiId=api, RouteKey="$connect", AuthorizationType="AWS_IAM")
    client.create_stage(ApiId=api, StageName="prod", StageVariables={"token": "hunter2"})
    client.create_integration(ApiId=api, IntegrationType="MOCK", ConnectionType="INTERNET")
    return str(api)


def domain_name(aws: Callable[..., Any]) -> str:
    """Put a domain name."""
    aws("apigateway", HOME).create_domain_name(domainName="api.example.com", securityPolicy="TLS_1_2")
    return "api.example.com"


def work_group(aws: Callable[..., Any]) -> str:
    """Put a work group with metrics."""
    aws("athena", HOME).create_work_group(Name="lake", Configuration={"PublishCloudWatchMetricsEnabled": True})
    return "lake"


def vault(aws: Callable[..., Any]) -> str:
    """Put an empty vault."""
    aws("backup", HOME).create_backup_vault(BackupVaultName="vault")
    return "vault"


def stack(aws: Callable[..., Any]) -> str:
    """Put a stack with a topic."""
    template = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
    aws("cloudformation", HOME).create_stack(
        StackName="shop", TemplateBody=json.dumps(template), EnableTerminationProtection=True
    )
    return "shop"


def firewall(aws: Callable[..., Any]) -> str:
    """Put a firewall that logs."""
    client = aws("network-firewall", HOME)
    client.create_firewall(
        FirewallName="edge", FirewallPolicyArn="arn:aws:network-firewall:eu-west-1:123456789012:firewall-policy/p",
        VpcId="vpc-1", SubnetMappings=[], DeleteProtection=True,
    )  # fmt: skip
    destination = {"LogType": "ALERT", "LogDestinationType": "S3", "LogDestination": {"bucketName": "logs"}}
    client.update_logging_configuration(
        FirewallName="edge", LoggingConfiguration={"LogDestinationConfigs": [destination]}
    )
    return "edge"


def job(aws: Callable[..., Any]) -> str:
    """Put a job whose arguments are secrets."""
    aws("glue", HOME).create_job(
        Name="load", Role="r", Command={"Name": "glueetl"}, GlueVersion="4.0", DefaultArguments={"--token": "hunter2"}
    )
    return "load"


def zone(aws: Callable[..., Any]) -> str:
    """Put a public zone that logs its queries."""
    aws("logs", "us-east-1").create_log_group(logGroupName="/aws/route53/example.com.")
    made = aws("route53").create_hosted_zone(Name="example.com.", CallerReference="x")["HostedZone"]["Id"]
    aws("route53").create_query_logging_config(
        HostedZoneId=made.removeprefix("/hostedzone/"),
        CloudWatchLogsLogGroupArn=f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/route53/example.com.:*",
    )
    return str(made)


def machine(aws: Callable[..., Any]) -> str:
    """Put a state machine that logs."""
    role = aws("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    definition = {"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}
    made = aws("stepfunctions", HOME).create_state_machine(
        name="orders", definition=json.dumps(definition), roleArn=role, loggingConfiguration={"level": "ERROR"}
    )
    return str(made["stateMachineArn"])


def rule_group(aws: Callable[..., Any]) -> str:
    """Put a rule group that is counted."""
    made = aws("wafv2", HOME).create_rule_group(
        Name="common", Scope="REGIONAL", Capacity=10, Rules=[],
        VisibilityConfig={"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": "m"},
    )  # fmt: skip
    return str(made["Summary"]["Id"])


SEEDS: dict[str, tuple[Callable[..., str], dict[str, Any]]] = {
    "alarm": (alarm, {"MetricName": "vpcs", "AlarmActions": [f"arn:aws:sns:{HOME}:{ACCOUNT}:alarms"]}),
    "apigw-domain-name": (domain_name, {"securityPolicy": "TLS_1_2"}),
    "apigwv2": (
        web_socket,
        {
            "Name": "chat", "Routes.0.AuthorizationType": "AWS_IAM", "Stages.0.StageVariables.token": "(masked)",
            "Integrations.0.ConnectionType": "INTERNET",
        },
    ),
    "athena-work-group": (work_group, {"Configuration.PublishCloudWatchMetricsEnabled": True}),
    "backup-vault": (vault, {"NumberOfRecoveryPoints": 0}),
    "cfn": (stack, {"StackStatus": "CREATE_COMPLETE", "Protection": [True]}),
    "firewall": (
        firewall, {"DeleteProtection": True, "LoggingConfiguration.LogDestinationConfigs.0.LogType": "ALERT"}
    ),
    "glue-job": (job, {"GlueVersion": "4.0", "DefaultArguments.--token": "(masked)"}),
    "hostedzone": (
        zone,
        {
            "Name": "example.com.",
            "QueryLogging.CloudWatchLogsLogGroupArn": (
                f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/route53/example.com.:*"
            ),
        },
    ),
    "log-metric": (
        metric_filter,
        {
            "logGroupName": "trail", "metricTransformations.0.metricName": "vpcs",
            "Alternatives.0.Conditions.0.Value": "CreateVpc",
        },
    ),
    "rest-api": (
        rest_api, {"Stages.0.stageName": "prod", "Stages.0.variables.token": "(masked)", "Tags.0.Value": "web"}
    ),
    "step-machine": (machine, {"loggingConfiguration.level": "ERROR"}),
    "wafv2-rule-group": (rule_group, {"RuleGroup.VisibilityConfig.CloudWatchMetricsEnabled": True}),
}  # fmt: skip
