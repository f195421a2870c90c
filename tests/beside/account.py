"""An account on moto with something of every resource type, varied enough for policies to tell things apart."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

from crenel.demo.clients import ACCOUNT, HOME, Clients

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
            {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::999988887777:root"}, "Action": "sts:AssumeRole"},
        ],
    }
)
LOOK = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}]}
)
OWN_TRUST = TRUST.replace("999988887777", ACCOUNT)


def statement(principal: str, action: str, resource: str, **more: Any) -> str:
    """Return a resource policy of one statement."""
    one = {"Sid": "one", "Effect": "Allow", "Principal": principal, "Action": action, "Resource": resource, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [one]})


def tags(**given: str) -> list[dict[str, str]]:
    """Return tags in AWS's most common form."""
    return [{"Key": key, "Value": value} for key, value in given.items()]


def seed(endpoint: str) -> None:
    """Fill moto's account in `HOME`. Raises what botocore raises where moto does not know a call."""
    aws = Clients(endpoint)
    network = seed_network(aws)
    key = seed_keys(aws)
    seed_compute(aws, network, key)
    role = seed_identities(aws)
    seed_balancers(aws, network)
    seed_databases(aws, network, key)
    seed_storage(aws, key)
    seed_messages(aws, key)
    seed_functions(aws, role, network)
    seed_containers(aws, role, network)
    seed_oversight(aws)
    seed_rest(aws, role, network)


def seed_network(aws: Clients) -> dict[str, Any]:
    """VPCs, subnets, groups, gateways, routes, endpoints, flow logs."""
    ec2 = aws.of("ec2")
    vpc = ec2.create_vpc(
        CidrBlock="10.0.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": tags(Name="main", Env="prod")}]
    )["Vpc"]["VpcId"]
    other = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{index}.0/24", AvailabilityZone=f"{HOME}{zone}")["Subnet"][
            "SubnetId"
        ]
        for index, zone in enumerate("ab")
    ]
    ec2.create_tags(Resources=[subnets[0]], Tags=tags(Location="public"))
    ec2.modify_subnet_attribute(SubnetId=subnets[0], MapPublicIpOnLaunch={"Value": True})
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.create_internet_gateway(TagSpecifications=[{"ResourceType": "internet-gateway", "Tags": tags(Name="loose")}])
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    ec2.associate_route_table(RouteTableId=table, SubnetId=subnets[0])
    web = ec2.create_security_group(GroupName="web", Description="web", VpcId=vpc)["GroupId"]
    ec2.authorize_security_group_ingress(
        GroupId=web,
        IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]},
            {
                "IpProtocol": "tcp",
                "FromPort": 22,
                "ToPort": 22,
                "IpRanges": [{"CidrIp": "10.0.0.0/8"}, {"CidrIp": "0.0.0.0/0"}],
            },
        ],
    )
    inner = ec2.create_security_group(GroupName="inner", Description="inner", VpcId=vpc)["GroupId"]
    ec2.authorize_security_group_ingress(
        GroupId=inner,
        IpPermissions=[{"IpProtocol": "tcp", "FromPort": 0, "ToPort": 65535, "UserIdGroupPairs": [{"GroupId": web}]}],
    )
    ec2.create_security_group(GroupName="idle", Description="idle", VpcId=other)
    ec2.create_tags(Resources=[web], Tags=tags(Name="web", Team="a"))
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    ec2.create_nat_gateway(SubnetId=subnets[0], AllocationId=address)
    ec2.allocate_address(Domain="vpc")
    ec2.create_vpc_endpoint(
        VpcId=vpc, ServiceName=f"com.amazonaws.{HOME}.s3", VpcEndpointType="Gateway", RouteTableIds=[table]
    )
    ec2.create_network_interface(SubnetId=subnets[1], Groups=[inner], Description="spare")
    aws.of("logs").create_log_group(logGroupName="flows")
    ec2.create_flow_logs(
        ResourceType="VPC",
        ResourceIds=[vpc],
        TrafficType="REJECT",
        LogGroupName="flows",
        DeliverLogsPermissionArn=f"arn:aws:iam::{ACCOUNT}:role/flows",
    )
    return {"vpc": vpc, "subnets": subnets, "web": web, "inner": inner}


def seed_keys(aws: Clients) -> str:
    """KMS keys and aliases."""
    kms = aws.of("kms")
    key: str = kms.create_key(Description="data", Tags=[{"TagKey": "Env", "TagValue": "prod"}])["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/data", TargetKeyId=key)
    kms.enable_key_rotation(KeyId=key)
    open_key = kms.create_key(Description="open", Policy=statement("*", "kms:*", "*"))["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/open", TargetKeyId=open_key)
    kms.schedule_key_deletion(KeyId=kms.create_key(Description="old")["KeyMetadata"]["KeyId"], PendingWindowInDays=7)
    return key


def seed_compute(aws: Clients, network: dict[str, Any], key: str) -> None:
    """Instances, volumes, snapshots, images, groups of instances."""
    ec2 = aws.of("ec2")
    image = ec2.register_image(Name="base", RootDeviceName="/dev/xvda", Architecture="x86_64")["ImageId"]
    for name, kind, subnet in (("web-1", "t3.micro", 0), ("web-2", "t3.large", 0), ("db-1", "m5.large", 1)):
        ec2.run_instances(
            ImageId=image,
            InstanceType=kind,
            MinCount=1,
            MaxCount=1,
            SubnetId=network["subnets"][subnet],
            SecurityGroupIds=[network["web"] if subnet == 0 else network["inner"]],
            EbsOptimized=kind != "t3.micro",
            TagSpecifications=[{"ResourceType": "instance", "Tags": tags(Name=name, Env="prod" if subnet else "dev")}],
        )
    ids = [one["InstanceId"] for page in ec2.describe_instances()["Reservations"] for one in page["Instances"]]
    ec2.stop_instances(InstanceIds=ids[1:2])
    ec2.create_tags(Resources=ids[:1], Tags=tags(maid_status="Resource does not meet policy: stop@2020/01/01"))
    plain = ec2.create_volume(AvailabilityZone=f"{HOME}a", Size=10, VolumeType="gp2")["VolumeId"]
    ec2.create_volume(
        AvailabilityZone=f"{HOME}a",
        Size=100,
        VolumeType="gp3",
        Encrypted=True,
        KmsKeyId=key,
        TagSpecifications=[{"ResourceType": "volume", "Tags": tags(Env="prod", Owner="team-a")}],
    )
    first = ec2.create_snapshot(VolumeId=plain, Description="by hand")["SnapshotId"]
    ec2.create_snapshot(VolumeId=plain, TagSpecifications=[{"ResourceType": "snapshot", "Tags": tags(Keep="yes")}])
    ec2.modify_snapshot_attribute(
        SnapshotId=first, Attribute="createVolumePermission", OperationType="add", GroupNames=["all"]
    )
    ec2.create_image(InstanceId=ids[0], Name="copy", Description="of web-1")
    scaling = aws.of("autoscaling")
    scaling.create_launch_configuration(
        LaunchConfigurationName="lc", ImageId=image, InstanceType="t3.micro", SecurityGroups=[network["web"]]
    )
    scaling.create_launch_configuration(LaunchConfigurationName="lc-old", ImageId=image, InstanceType="m1.small")
    scaling.create_auto_scaling_group(
        AutoScalingGroupName="web",
        LaunchConfigurationName="lc",
        MinSize=0,
        MaxSize=2,
        DesiredCapacity=1,
        VPCZoneIdentifier=network["subnets"][0],
        Tags=[
            {
                "Key": "Env",
                "Value": "prod",
                "PropagateAtLaunch": True,
                "ResourceId": "web",
                "ResourceType": "auto-scaling-group",
            }
        ],
    )
    scaling.create_auto_scaling_group(
        AutoScalingGroupName="idle",
        LaunchConfigurationName="lc",
        MinSize=0,
        MaxSize=0,
        VPCZoneIdentifier=network["subnets"][1],
    )


def seed_identities(aws: Clients) -> str:
    """Users, groups, roles, policies, profiles, certificates."""
    iam = aws.of("iam")
    for name in ("alice", "bob", "robot"):
        iam.create_user(UserName=name, Tags=tags(Team="a" if name == "alice" else "b"))
    iam.create_login_profile(UserName="alice", Password="Not-a-secret-1", PasswordResetRequired=False)
    iam.create_access_key(UserName="robot")
    serial = iam.create_virtual_mfa_device(VirtualMFADeviceName="alice")["VirtualMFADevice"]["SerialNumber"]
    iam.enable_mfa_device(
        UserName="alice", SerialNumber=serial, AuthenticationCode1="123456", AuthenticationCode2="234567"
    )
    iam.create_group(GroupName="admins")
    iam.create_group(GroupName="empty")
    iam.add_user_to_group(GroupName="admins", UserName="alice")
    admin = iam.create_policy(
        PolicyName="all",
        PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
        ),
    )["Policy"]["Arn"]
    iam.create_policy(
        PolicyName="read",
        PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}]}
        ),
    )
    iam.attach_user_policy(UserName="robot", PolicyArn=admin)
    iam.attach_group_policy(GroupName="admins", PolicyArn=admin)
    iam.put_user_policy(UserName="bob", PolicyName="own", PolicyDocument=LOOK)
    iam.put_group_policy(GroupName="empty", PolicyName="own", PolicyDocument=LOOK)
    role: str = iam.create_role(RoleName="app", AssumeRolePolicyDocument=OWN_TRUST, Tags=tags(Env="prod"))["Role"][
        "Arn"
    ]
    iam.create_role(RoleName="foreign", AssumeRolePolicyDocument=TRUST, Path="/x/")
    iam.attach_role_policy(RoleName="app", PolicyArn=admin)
    iam.put_role_policy(RoleName="foreign", PolicyName="own", PolicyDocument=LOOK)
    iam.create_instance_profile(InstanceProfileName="app")
    iam.add_role_to_instance_profile(InstanceProfileName="app", RoleName="app")
    iam.create_instance_profile(InstanceProfileName="bare")
    iam.upload_server_certificate(ServerCertificateName="old", CertificateBody="body", PrivateKey="none")
    iam.update_account_password_policy(MinimumPasswordLength=10, RequireSymbols=True)
    iam.create_account_alias(AccountAlias="beside")
    return role


def seed_balancers(aws: Clients, network: dict[str, Any]) -> None:
    """Classic and application load balancers."""
    elb = aws.of("elb")
    listener = {"Protocol": "HTTP", "LoadBalancerPort": 80, "InstanceProtocol": "HTTP", "InstancePort": 80}
    elb.create_load_balancer(
        LoadBalancerName="classic",
        Listeners=[listener],
        Subnets=network["subnets"][:1],
        SecurityGroups=[network["web"]],
        Tags=tags(Env="prod"),
    )
    elb.create_load_balancer(
        LoadBalancerName="inner", Listeners=[listener], Subnets=network["subnets"][1:], Scheme="internal"
    )
    elbv2 = aws.of("elbv2")
    made = elbv2.create_load_balancer(
        Name="front", Subnets=network["subnets"], SecurityGroups=[network["web"]], Tags=tags(Env="prod")
    )
    balancer = made["LoadBalancers"][0]["LoadBalancerArn"]
    group = elbv2.create_target_group(Name="targets", Protocol="HTTP", Port=80, VpcId=network["vpc"])["TargetGroups"][
        0
    ]["TargetGroupArn"]
    elbv2.create_listener(
        LoadBalancerArn=balancer,
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": group}],
    )
    elbv2.modify_load_balancer_attributes(
        LoadBalancerArn=balancer, Attributes=[{"Key": "deletion_protection.enabled", "Value": "true"}]
    )
    elbv2.create_load_balancer(Name="back", Subnets=network["subnets"], Scheme="internal", Type="network")


def seed_databases(aws: Clients, network: dict[str, Any], key: str) -> None:
    """RDS, DynamoDB, Redshift, DMS."""
    rds = aws.of("rds")
    rds.create_db_subnet_group(DBSubnetGroupName="dbs", DBSubnetGroupDescription="dbs", SubnetIds=network["subnets"])
    common = {
        "DBInstanceClass": "db.t3.micro",
        "AllocatedStorage": 20,
        "MasterUsername": "admin",
        "MasterUserPassword": "not-a-secret",
    }
    rds.create_db_instance(
        DBInstanceIdentifier="orders",
        Engine="postgres",
        EngineVersion="14.1",
        StorageEncrypted=True,
        KmsKeyId=key,
        MultiAZ=True,
        BackupRetentionPeriod=7,
        DBSubnetGroupName="dbs",
        VpcSecurityGroupIds=[network["inner"]],
        Tags=tags(Env="prod"),
        **common,
    )
    rds.create_db_instance(
        DBInstanceIdentifier="scratch",
        Engine="mysql",
        PubliclyAccessible=True,
        BackupRetentionPeriod=0,
        Tags=tags(Env="dev"),
        **common,
    )
    rds.create_db_snapshot(DBInstanceIdentifier="orders", DBSnapshotIdentifier="orders-1", Tags=tags(Keep="no"))
    rds.create_db_cluster(
        DBClusterIdentifier="lake",
        Engine="aurora-mysql",
        MasterUsername="admin",
        MasterUserPassword="not-a-secret",
        StorageEncrypted=True,
    )
    dynamodb = aws.of("dynamodb")
    schema = {
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    }
    dynamodb.create_table(TableName="events", BillingMode="PAY_PER_REQUEST", Tags=tags(Env="prod"), **schema)
    dynamodb.create_table(
        TableName="sessions", ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}, **schema
    )
    dynamodb.update_continuous_backups(
        TableName="events", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    redshift = aws.of("redshift")
    redshift.create_cluster(
        ClusterIdentifier="stats",
        NodeType="dc2.large",
        MasterUsername="admin",
        MasterUserPassword="Not-a-secret1",
        Encrypted=True,
        Tags=tags(Env="prod"),
    )
    redshift.create_cluster(
        ClusterIdentifier="play",
        NodeType="dc2.large",
        MasterUsername="admin",
        MasterUserPassword="Not-a-secret1",
        PubliclyAccessible=True,
    )
    dms = aws.of("dms")
    dms.create_replication_instance(
        ReplicationInstanceIdentifier="move", ReplicationInstanceClass="dms.t3.micro", PubliclyAccessible=True
    )
    dms.create_replication_instance(
        ReplicationInstanceIdentifier="still", ReplicationInstanceClass="dms.t3.large", PubliclyAccessible=False
    )


def seed_storage(aws: Clients, key: str) -> None:
    """Buckets and file systems."""
    s3 = aws.of("s3")
    for name in ("logs-beside", "data-beside", "open-beside"):
        s3.create_bucket(Bucket=name)
    block = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
    s3.put_public_access_block(Bucket="data-beside", PublicAccessBlockConfiguration=block)
    s3.put_public_access_block(
        Bucket="logs-beside", PublicAccessBlockConfiguration=block | {"BlockPublicPolicy": False}
    )
    s3.put_bucket_encryption(
        Bucket="data-beside",
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}]
        },
    )
    s3.put_bucket_versioning(Bucket="data-beside", VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_tagging(Bucket="data-beside", Tagging={"TagSet": tags(Env="prod", Owner="a")})
    s3.put_bucket_policy(Bucket="open-beside", Policy=statement("*", "s3:GetObject", "arn:aws:s3:::open-beside/*"))
    s3.put_bucket_policy(
        Bucket="data-beside",
        Policy=statement(
            "*",
            "s3:*",
            "arn:aws:s3:::data-beside/*",
            Effect="Deny",
            Condition={"Bool": {"aws:SecureTransport": "false"}},
        ),
    )
    s3.put_bucket_acl(Bucket="open-beside", ACL="public-read")
    s3.put_bucket_logging(Bucket="data-beside", BucketLoggingStatus={})
    s3.put_bucket_lifecycle_configuration(
        Bucket="logs-beside",
        LifecycleConfiguration={
            "Rules": [{"ID": "out", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 30}}]
        },
    )
    efs = aws.of("efs")
    efs.create_file_system(CreationToken="a", Encrypted=True, KmsKeyId=key, Tags=tags(Name="shared", Env="prod"))
    efs.create_file_system(CreationToken="b", Encrypted=False)


def seed_messages(aws: Clients, key: str) -> None:
    """Queues, topics, log groups, parameters, secrets."""
    sqs = aws.of("sqs")
    sqs.create_queue(
        QueueName="work", Attributes={"KmsMasterKeyId": key, "MessageRetentionPeriod": "3600"}, tags={"Env": "prod"}
    )
    sqs.create_queue(QueueName="open", Attributes={"Policy": statement("*", "sqs:SendMessage", "*")})
    sns = aws.of("sns")
    sns.create_topic(Name="alerts", Attributes={"KmsMasterKeyId": "alias/data"}, Tags=tags(Env="prod"))
    topic = sns.create_topic(Name="open")["TopicArn"]
    sns.set_topic_attributes(
        TopicArn=topic, AttributeName="Policy", AttributeValue=statement("*", "SNS:Publish", topic)
    )
    logs = aws.of("logs")
    logs.create_log_group(logGroupName="/app/one", tags={"Env": "prod"})
    logs.create_log_group(logGroupName="/app/two")
    logs.put_retention_policy(logGroupName="/app/one", retentionInDays=30)
    ssm = aws.of("ssm")
    ssm.put_parameter(Name="/app/mode", Value="fast", Type="String", Tags=tags(Env="prod"))
    ssm.put_parameter(Name="/app/word", Value="not-a-secret", Type="SecureString")
    secrets = aws.of("secretsmanager")
    secrets.create_secret(Name="db", SecretString="not-a-secret", Tags=tags(Env="prod"))
    secrets.create_secret(Name="api", SecretString="not-a-secret", KmsKeyId=key)


def seed_functions(aws: Clients, role: str, network: dict[str, Any]) -> None:
    """Lambda functions."""
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as file:
        file.writestr("index.py", "def handler(event, context): return 1")
    client = aws.of("lambda")
    for name, runtime in (("old", "python3.8"), ("new", "python3.12")):
        client.create_function(
            FunctionName=name,
            Runtime=runtime,
            Role=role,
            Handler="index.handler",
            Code={"ZipFile": body.getvalue()},
            Tags={"Env": "prod" if name == "new" else "dev"},
            Timeout=3 if name == "old" else 60,
            **(
                {"VpcConfig": {"SubnetIds": network["subnets"], "SecurityGroupIds": [network["inner"]]}}
                if name == "new"
                else {}
            ),
        )
    client.add_permission(FunctionName="old", StatementId="any", Action="lambda:InvokeFunction", Principal="*")
    client.put_function_concurrency(FunctionName="new", ReservedConcurrentExecutions=5)


def seed_containers(aws: Clients, role: str, network: dict[str, Any]) -> None:
    """ECR, ECS, EKS."""
    ecr = aws.of("ecr")
    ecr.create_repository(
        repositoryName="app",
        imageTagMutability="IMMUTABLE",
        tags=tags(Env="prod"),
        imageScanningConfiguration={"scanOnPush": True},
    )
    ecr.create_repository(repositoryName="open")
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Sid": "all", "Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}],
    }
    ecr.set_repository_policy(repositoryName="open", policyText=json.dumps(policy))
    ecs = aws.of("ecs")
    ecs.create_cluster(
        clusterName="run",
        tags=[{"key": "Env", "value": "prod"}],
        settings=[{"name": "containerInsights", "value": "enabled"}],
    )
    ecs.create_cluster(clusterName="rest")
    eks = aws.of("eks")
    eks.create_cluster(
        name="k8s",
        version="1.28",
        roleArn=role,
        resourcesVpcConfig={"subnetIds": network["subnets"], "securityGroupIds": [network["inner"]]},
        tags={"Env": "prod"},
    )


def seed_oversight(aws: Clients) -> None:
    """Trails, Config, GuardDuty."""
    s3 = aws.of("s3")
    s3.create_bucket(Bucket="trail-beside")
    trails = aws.of("cloudtrail")
    trails.create_trail(Name="all", S3BucketName="trail-beside", IsMultiRegionTrail=True, EnableLogFileValidation=True)
    trails.start_logging(Name="all")
    trails.create_trail(Name="quiet", S3BucketName="trail-beside")
    config = aws.of("config")
    config.put_configuration_recorder(
        ConfigurationRecorder={
            "name": "default",
            "roleARN": f"arn:aws:iam::{ACCOUNT}:role/app",
            "recordingGroup": {"allSupported": True, "includeGlobalResourceTypes": True},
        }
    )
    config.put_delivery_channel(DeliveryChannel={"name": "default", "s3BucketName": "trail-beside"})
    config.start_configuration_recorder(ConfigurationRecorderName="default")
    config.put_config_rule(
        ConfigRule={
            "ConfigRuleName": "rule",
            "Source": {"Owner": "AWS", "SourceIdentifier": "S3_BUCKET_VERSIONING_ENABLED"},
        }
    )
    aws.of("guardduty").create_detector(Enable=True)


def seed_rest(aws: Clients, role: str, network: dict[str, Any]) -> None:
    """Search domains, notebooks, distributions, certificates."""
    es = aws.of("es")
    es.create_elasticsearch_domain(
        DomainName="logs", ElasticsearchVersion="7.10", EncryptionAtRestOptions={"Enabled": True}
    )
    es.create_elasticsearch_domain(DomainName="find", ElasticsearchVersion="6.8")
    notebooks = aws.of("sagemaker")
    notebooks.create_notebook_instance(
        NotebookInstanceName="lab",
        InstanceType="ml.t3.medium",
        RoleArn=role,
        DirectInternetAccess="Enabled",
        Tags=tags(Env="prod"),
    )
    notebooks.create_notebook_instance(
        NotebookInstanceName="shut",
        InstanceType="ml.t3.medium",
        RoleArn=role,
        DirectInternetAccess="Disabled",
        SubnetId=network["subnets"][0],
        SecurityGroupIds=[network["inner"]],
    )
    acm = aws.of("acm")
    acm.request_certificate(DomainName="example.com", Tags=tags(Env="prod"))
    acm.request_certificate(DomainName="old.example.com")
    origin = {
        "Id": "o",
        "DomainName": "example.com",
        "CustomOriginConfig": {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "http-only"},
    }
    for number, comment in enumerate(("one", "two")):
        aws.of("cloudfront").create_distribution(
            DistributionConfig={
                "CallerReference": str(number),
                "Comment": comment,
                "Enabled": number == 0,
                "Origins": {"Quantity": 1, "Items": [origin]},
                "DefaultCacheBehavior": {
                    "TargetOriginId": "o",
                    "ViewerProtocolPolicy": "allow-all",
                    "MinTTL": 0,
                    "ForwardedValues": {"QueryString": False, "Cookies": {"Forward": "none"}},
                },
            }
        )
