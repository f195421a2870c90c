"""Seeds of `test_moto` for storage, databases and streams: each puts one there and gives its id.

moto plays no RDS subscriptions, Redshift Serverless or MSK Connect, and of DataSync's and DMS's tasks too little.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

ACCOUNT = "123456789012"
HOME = "eu-west-1"


def stream(aws: Callable[..., Any]) -> str:
    """Put a stream, without encryption."""
    aws("kinesis", HOME).create_stream(StreamName="orders", ShardCount=1)
    return "orders"


def access_point(aws: Callable[..., Any]) -> str:
    """Put an access point. Its bucket comes first; botocore puts the account before the custom endpoint's name."""
    aws("s3", HOME).create_bucket(Bucket="shared", CreateBucketConfiguration={"LocationConstraint": HOME})
    client = aws("s3control", HOME)
    client.meta.events.register(
        "before-call", lambda params, **_: params.update(url=params["url"].replace(f"{ACCOUNT}.", ""))
    )
    block = {"BlockPublicAcls": True, "RestrictPublicBuckets": False}
    client.create_access_point(AccountId=ACCOUNT, Name="point", Bucket="shared", PublicAccessBlockConfiguration=block)
    return "point"


def api(aws: Callable[..., Any]) -> str:
    """Put an API that takes keys."""
    made = aws("appsync", HOME).create_graphql_api(name="api", authenticationType="API_KEY")
    return str(made["graphqlApi"]["apiId"])


def server(aws: Callable[..., Any]) -> str:
    """Put a server that speaks FTP as well."""
    return str(aws("transfer", HOME).create_server(Protocols=["SFTP", "FTP"])["ServerId"])


def broker(aws: Callable[..., Any]) -> str:
    """Put a broker with an audit log."""
    made = aws("mq", HOME).create_broker(
        BrokerName="b", EngineType="ACTIVEMQ", EngineVersion="5.18", DeploymentMode="SINGLE_INSTANCE",
        HostInstanceType="mq.t3.micro", PubliclyAccessible=False, AutoMinorVersionUpgrade=True,
        Logs={"Audit": True}, Users=[{"Username": "u", "Password": "longenough12"}],
    )  # fmt: skip
    return str(made["BrokerId"])


def model(aws: Callable[..., Any]) -> str:
    """Put a model whose container has a variable."""
    container = {"Image": "i", "Environment": {"TOKEN": "hunter2"}}
    role = f"arn:aws:iam::{ACCOUNT}:role/r"
    aws("sagemaker", HOME).create_model(ModelName="m", ExecutionRoleArn=role, PrimaryContainer=container)
    return "m"


def brokers(aws: Callable[..., Any]) -> str:
    """Put an MSK cluster."""
    made = aws("kafka", HOME).create_cluster_v2(
        ClusterName="k",
        Provisioned={
            "KafkaVersion": "3.6.0", "NumberOfBrokerNodes": 2,
            "BrokerNodeGroupInfo": {"ClientSubnets": ["subnet-1"], "InstanceType": "kafka.t3.small"},
        },
    )  # fmt: skip
    return str(made["ClusterArn"])


def accelerator(aws: Callable[..., Any]) -> str:
    """Put a DAX cluster, without encryption."""
    role = f"arn:aws:iam::{ACCOUNT}:role/r"
    aws("dax", HOME).create_cluster(ClusterName="cache", NodeType="dax.t3.small", ReplicationFactor=1, IamRoleArn=role)
    return "cache"


def cache_group(aws: Callable[..., Any]) -> str:
    """Put a replication group."""
    aws("elasticache", HOME).create_replication_group(
        ReplicationGroupId="g", ReplicationGroupDescription="d", AtRestEncryptionEnabled=True
    )
    return "g"


def proxy(aws: Callable[..., Any]) -> str:
    """Put a proxy that takes TLS alone."""
    network = aws("ec2", HOME)
    vpc = network.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        network.create_subnet(VpcId=vpc, CidrBlock=f"10.8.{n}.0/24", AvailabilityZone=f"{HOME}{zone}")["Subnet"][
            "SubnetId"
        ]
        for n, zone in enumerate("ab")
    ]
    secret = f"arn:aws:secretsmanager:{HOME}:{ACCOUNT}:secret:s"
    aws("rds", HOME).create_db_proxy(
        DBProxyName="p", EngineFamily="MYSQL", Auth=[{"AuthScheme": "SECRETS", "SecretArn": secret}], RequireTLS=True,
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/r", VpcSubnetIds=subnets,
    )  # fmt: skip
    return "p"


SEEDS: dict[str, tuple[Callable[..., str], dict[str, Any]]] = {
    "dax": (accelerator, {"SSEDescription.Status": "DISABLED"}),
    "elasticache-group": (cache_group, {"AtRestEncryptionEnabled": True}),
    "graphql-api": (api, {"authenticationType": "API_KEY", "_name": "api"}),
    "kafka": (brokers, {"Provisioned.NumberOfBrokerNodes": 2, "_name": "k"}),
    "kinesis": (stream, {"EncryptionType": "NONE", "RetentionPeriodHours": 24}),
    "message-broker": (broker, {"AutoMinorVersionUpgrade": True, "Logs.Audit": True, "_name": "b"}),
    "rds-proxy": (proxy, {"RequireTLS": True}),
    "s3-access-point": (access_point, {"PublicAccessBlockConfiguration.RestrictPublicBuckets": False}),
    "sagemaker-model": (model, {"PrimaryContainer.Environment.TOKEN": "(masked)"}),
    "transfer-server": (server, {"Protocols": ["SFTP", "FTP"]}),
}
