"""What the demo account has beside the 26 practices, for whole benchmarks: databases, files, alarms, doors."""

from __future__ import annotations

from typing import Any

from crenel.demo.clients import ACCOUNT, HOME, IRELAND, Clients, name_tag

ALARMS_GROUP = "/cloudtrail/larkspur-audit"
# What alarms are there for, by name: the pattern of the metric filter, and whether an alarm looks at it.
WATCHED: dict[str, tuple[str, bool]] = {
    "root-account-use": (
        '{ $.userIdentity.type = "Root" && $.userIdentity.invokedBy NOT EXISTS && $.eventType != "AwsServiceEvent" }',
        True,
    ),
    "denied-calls": ('{ ($.errorCode = "*UnauthorizedOperation") || ($.errorCode = "AccessDenied*") }', True),
    "console-sign-in-without-mfa": (
        '{ ($.eventName = "ConsoleLogin") && ($.additionalEventData.MFAUsed != "Yes") }',
        False,
    ),
}
# Identifier: what differs from one to the other.
DATABASES: dict[str, dict[str, Any]] = {
    "shop-orders": {"StorageEncrypted": True, "MultiAZ": True, "DeletionProtection": True, "BackupRetentionPeriod": 14},
    "reports-2021": {"PubliclyAccessible": True, "AutoMinorVersionUpgrade": False, "BackupRetentionPeriod": 0},
}
# Name: the ports that are open, and to whom.
DOORS: dict[str, tuple[int, int, dict[str, Any]]] = {
    "shop-web": (443, 443, {"IpRanges": [{"CidrIp": "0.0.0.0/0"}]}),
    "bastion-2020": (22, 22, {"IpRanges": [{"CidrIp": "0.0.0.0/0"}]}),
    "windows-rollout": (3000, 4000, {"Ipv6Ranges": [{"CidrIpv6": "::/0"}]}),
}


def seed(clients: Clients) -> None:
    """Make it all. The trail `larkspur-audit` must exist."""
    _seed_alarms(clients)
    _seed_databases(clients)
    _seed_doors(clients)
    _seed_files(clients)
    _seed_contacts(clients)


def _seed_alarms(clients: Clients) -> None:
    """Send the trail to a log group, with metric filters on it, of which not all have an alarm."""
    logs = clients.of("logs", HOME)
    logs.create_log_group(logGroupName=ALARMS_GROUP)
    group = f"arn:aws:logs:{HOME}:{ACCOUNT}:log-group:{ALARMS_GROUP}:*"
    clients.of("cloudtrail", HOME).update_trail(
        Name="larkspur-audit",
        CloudWatchLogsLogGroupArn=group,
        CloudWatchLogsRoleArn=f"arn:aws:iam::{ACCOUNT}:role/trail-to-logs",
    )
    topic = clients.of("sns", HOME).create_topic(Name="security-alarms")["TopicArn"]
    clients.of("sns", HOME).subscribe(TopicArn=topic, Protocol="email", Endpoint="security@larkspur.example")
    for name, (pattern, alarmed) in WATCHED.items():
        logs.put_metric_filter(
            logGroupName=ALARMS_GROUP,
            filterName=name,
            filterPattern=pattern,
            metricTransformations=[{"metricName": name, "metricNamespace": "Security", "metricValue": "1"}],
        )
        if alarmed:
            clients.of("cloudwatch", HOME).put_metric_alarm(
                AlarmName=name,
                MetricName=name,
                Namespace="Security",
                Statistic="Sum",
                Period=300,
                EvaluationPeriods=1,
                Threshold=1.0,
                ComparisonOperator="GreaterThanOrEqualToThreshold",
                AlarmActions=[topic],
            )


def _seed_databases(clients: Clients) -> None:
    for name, differs in DATABASES.items():
        clients.of("rds", IRELAND).create_db_instance(
            DBInstanceIdentifier=name,
            Engine="postgres",
            DBInstanceClass="db.t3.medium",
            AllocatedStorage=20,
            MasterUsername="shopkeeper",
            MasterUserPassword="not-a-secret-of-anyone",
            **differs,
        )


def _seed_doors(clients: Clients) -> None:
    ec2 = clients.of("ec2", HOME)
    found = ec2.describe_vpcs(Filters=[{"Name": "tag:Name", "Values": ["shop-staging"]}])
    network = found["Vpcs"][0]["VpcId"]
    for name, (first, last, whom) in DOORS.items():
        group = ec2.create_security_group(
            GroupName=name,
            Description=f"Larkspur: {name}",
            VpcId=network,
            TagSpecifications=name_tag("security-group", name),
        )["GroupId"]
        permission = {"IpProtocol": "tcp", "FromPort": first, "ToPort": last, **whom}
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])


def _seed_files(clients: Clients) -> None:
    efs = clients.of("efs", IRELAND)
    for name, encrypted in (("product-images", True), ("import-scratch", False)):
        efs.create_file_system(CreationToken=name, Encrypted=encrypted, Tags=[{"Key": "Name", "Value": name}])


def _seed_contacts(clients: Clients) -> None:
    clients.of("account", HOME).put_alternate_contact(
        AlternateContactType="SECURITY",
        Name="Larkspur security",
        Title="On call",
        EmailAddress="security@larkspur.example",
        PhoneNumber="+1 555 0100",
    )
    clients.of("securityhub", IRELAND).enable_security_hub(EnableDefaultStandards=False)
