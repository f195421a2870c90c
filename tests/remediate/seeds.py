"""What is put into moto's account, so that one practice fails there in one way."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from moto.iam.models import AccessKeyLastUsed, iam_backends
from moto.s3control.models import s3control_backends

Aws = Callable[..., Any]
ACCOUNT = "123456789012"
HOME = "us-east-1"
ROLES = f"arn:aws:iam::{ACCOUNT}:role"
CONFIG_ROLE = f"{ROLES}/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig"
POLICY = f"arn:aws:iam::{ACCOUNT}:policy/everything"
NARROW = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
PASSWORD = "Not-a-real-passw0rd"
OPEN = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "all"}]}


def allow(action: str, resource: str = "*") -> str:
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def trust(service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def days_ago(days: float) -> datetime:
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0) - timedelta(days=days)


def admin_policy(aws: Aws) -> None:
    """An administrator's policy with two older versions, held by a user, a role and a group."""
    iam = aws("iam")
    iam.create_policy(PolicyName="everything", PolicyDocument=allow("*"))
    iam.create_policy_version(PolicyArn=POLICY, PolicyDocument=allow("*"), SetAsDefault=True)
    iam.create_user(UserName="ann")
    iam.attach_user_policy(UserName="ann", PolicyArn=POLICY)
    iam.create_group(GroupName="crew")
    iam.attach_group_policy(GroupName="crew", PolicyArn=POLICY)
    iam.create_role(RoleName="ship", AssumeRolePolicyDocument=trust("ec2.amazonaws.com"))
    iam.attach_role_policy(RoleName="ship", PolicyArn=POLICY)
    # moto does not find a policy's name and id under its own names for them.
    for policy in iam_backends[ACCOUNT]["aws"].managed_policies.values():
        vars(policy).update(policy_name=policy.name, policy_id=policy.id, permissions_boundary_usage_count=0)


def own_policies(aws: Aws) -> None:
    """A user with policies of its own, a managed and an inline one, and a group for it."""
    iam = aws("iam")
    iam.create_group(GroupName="crew")
    iam.create_user(UserName="ann", Path="/people/")
    arn = iam.create_policy(PolicyName="read", PolicyDocument=allow("s3:GetObject"))["Policy"]["Arn"]
    iam.attach_user_policy(UserName="ann", PolicyArn=arn)
    iam.put_user_policy(UserName="ann", PolicyName="mail", PolicyDocument=allow("ses:SendRawEmail"))


def old_key(aws: Aws, *, used: float | None = None, age: float = 200) -> None:
    """A user with an old key and a new one; `used` is when the old one was last used, in days."""
    aws("iam").create_user(UserName="bot", Path="/machines/")
    made = [aws("iam").create_access_key(UserName="bot")["AccessKey"]["AccessKeyId"] for _ in range(2)]
    key = iam_backends[ACCOUNT]["aws"].users["bot"].get_access_key_by_id(made[0])
    key.create_date = days_ago(age)
    if used is not None:
        key.last_used = AccessKeyLastUsed(days_ago(used), "s3", HOME)


def key_in_use(aws: Aws) -> None:
    """An old key that was used yesterday."""
    old_key(aws, used=1)


def console_user(aws: Aws) -> None:
    """A user with a console password and no device, made long ago and not seen since."""
    aws("iam").create_user(UserName="ann")
    aws("iam").create_login_profile(UserName="ann", Password=PASSWORD)
    user = iam_backends[ACCOUNT]["aws"].users["ann"]
    user.create_date = days_ago(300)


def no_password_policy(_aws: Aws) -> None:
    """AWS's default password policy: none of the account's own."""


def weak_password_policy(aws: Aws) -> None:
    """A policy with an expiry that has to stay, and too short passwords."""
    aws("iam").update_account_password_policy(
        MinimumPasswordLength=6, MaxPasswordAge=90, RequireNumbers=True, AllowUsersToChangePassword=True
    )


def half_blocked_account(_aws: Aws) -> None:
    """Two of the account's four flags."""
    # Not by a client: botocore puts the account's number before the server's name, where nobody is.
    flags = {"BlockPublicAcls": "false", "IgnorePublicAcls": "true", "BlockPublicPolicy": "false",
             "RestrictPublicBuckets": "true"}  # fmt: skip
    s3control_backends[ACCOUNT]["aws"].put_public_access_block(ACCOUNT, flags)


def public_bucket(aws: Aws) -> None:
    """A bucket that its policy makes public, and an account without a block."""
    s3control_backends[ACCOUNT]["aws"].delete_public_access_block(ACCOUNT)
    bucket(aws)
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::photos/*"}
    aws("s3", "eu-west-1").put_bucket_policy(
        Bucket="photos", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )


def bucket(aws: Aws) -> None:
    """A bucket away from home, without encryption and block."""
    aws("s3", "eu-west-1").create_bucket(Bucket="photos", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})


def half_blocked_bucket(aws: Aws) -> None:
    """Two of a bucket's four flags."""
    bucket(aws)
    aws("s3", "eu-west-1").put_public_access_block(
        Bucket="photos", PublicAccessBlockConfiguration={"IgnorePublicAcls": True, "RestrictPublicBuckets": True}
    )


def log_bucket(aws: Aws) -> None:
    """A bucket for logs, and nothing that writes to it."""
    aws("s3").create_bucket(Bucket="logs")


def regional_trail(aws: Aws) -> None:
    """A stopped trail of one Region, without digests and key."""
    log_bucket(aws)
    aws("cloudtrail", "eu-west-1").create_trail(Name="audit", S3BucketName="logs", IncludeGlobalServiceEvents=False)


def trail_of_writes(aws: Aws) -> None:
    """A multi-Region trail that logs writes alone, and the objects of a bucket."""
    log_bucket(aws)
    aws("cloudtrail").create_trail(Name="audit", S3BucketName="logs", IsMultiRegionTrail=True)
    objects = [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::photos/"]}]
    writes = {"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True, "DataResources": objects}
    aws("cloudtrail").put_event_selectors(TrailName="audit", EventSelectors=[writes])
    aws("cloudtrail").start_logging(Name="audit")


def advanced_trail(aws: Aws) -> None:
    """A multi-Region trail whose advanced selectors take data events alone."""
    log_bucket(aws)
    aws("cloudtrail").create_trail(Name="audit", S3BucketName="logs", IsMultiRegionTrail=True)
    data = {
        "Name": "objects",
        "FieldSelectors": [
            {"Field": "eventCategory", "Equals": ["Data"]},
            {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
        ],
    }
    aws("cloudtrail").put_event_selectors(TrailName="audit", AdvancedEventSelectors=[data])
    aws("cloudtrail").start_logging(Name="audit")


def service_role(aws: Aws) -> None:
    """AWS Config's service-linked role, under the name that AWS gives it and moto does not, and a bucket."""
    aws("iam").create_service_linked_role(AWSServiceName="config.amazonaws.com")
    roles = iam_backends[ACCOUNT]["aws"].roles
    for role in roles.values():
        role.name = "AWSServiceRoleForConfig"
    aws("s3").create_bucket(Bucket="logs")


def recorder(aws: Aws, role: str, *, start: bool) -> None:
    service_role(aws)
    config = aws("config")
    group = {"allSupported": True, "includeGlobalResourceTypes": True}
    config.put_configuration_recorder(ConfigurationRecorder={"name": "mine", "roleARN": role, "recordingGroup": group})
    config.put_delivery_channel(DeliveryChannel={"name": "mine", "s3BucketName": "logs"})
    if start:
        config.start_configuration_recorder(ConfigurationRecorderName="mine")


def stopped_recorder(aws: Aws) -> None:
    """A recorder that was set up and never started."""
    recorder(aws, CONFIG_ROLE, start=False)


def recorder_of_another_role(aws: Aws) -> None:
    """A recorder that runs with a role of the user's."""
    recorder(aws, f"{ROLES}/recorder", start=True)


def network(aws: Aws) -> None:
    """A VPC without flow logs, whose default group lets SSH in, itself, and all out."""
    ec2 = aws("ec2")
    ec2.create_tags(Resources=[default_vpc(aws)], Tags=[{"Key": "Name", "Value": "home"}])
    group = default_group(aws)
    itself = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[OPEN, itself])
    aws("s3").create_bucket(Bucket="logs")
    aws("logs").create_log_group(logGroupName="/vpc/home")
    aws("iam").create_role(RoleName="flow", AssumeRolePolicyDocument=trust("vpc-flow-logs.amazonaws.com"))


def used_network(aws: Aws) -> None:
    """The same, with a machine that was launched into the default group."""
    network(aws)
    aws("ec2").run_instances(ImageId="ami-0c0ffee0c0ffee001", MinCount=1, MaxCount=1, InstanceType="t3.micro")


def default_vpc(aws: Aws) -> str:
    wanted = [{"Name": "is-default", "Values": ["true"]}]
    return str(aws("ec2").describe_vpcs(Filters=wanted)["Vpcs"][0]["VpcId"])


def default_group(aws: Aws) -> str:
    wanted = [{"Name": "group-name", "Values": ["default"]}, {"Name": "vpc-id", "Values": [default_vpc(aws)]}]
    return str(aws("ec2").describe_security_groups(Filters=wanted)["SecurityGroups"][0]["GroupId"])


def public_snapshot(aws: Aws) -> None:
    """A snapshot that everyone can restore, and one account by name."""
    ec2 = aws("ec2")
    volume = ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"]
    snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    for who in ({"GroupNames": ["all"]}, {"UserIds": ["111122223333"]}):
        ec2.modify_snapshot_attribute(
            SnapshotId=snapshot, Attribute="createVolumePermission", OperationType="add", **who
        )


def nothing(_aws: Aws) -> None:
    """A new account."""


def old_function(aws: Aws) -> None:
    """A function on a runtime that AWS deprecated."""
    role = aws("iam").create_role(RoleName="f", AssumeRolePolicyDocument=trust("lambda.amazonaws.com"))["Role"]["Arn"]
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as file:
        file.writestr(zipfile.ZipInfo("f.py"), "def f(e, c): pass")
    aws("lambda").create_function(
        FunctionName="f", Runtime="python3.8", Role=role, Handler="f.f", Code={"ZipFile": code.getvalue()}
    )


def dying_key(aws: Aws) -> None:
    """A key that waits for its deletion."""
    key = aws("kms").create_key(Description="orders")["KeyMetadata"]["KeyId"]
    aws("kms").schedule_key_deletion(KeyId=key, PendingWindowInDays=14)


def suspended_detector(aws: Aws) -> None:
    """A detector that was suspended."""
    detector = aws("guardduty").create_detector(Enable=True)["DetectorId"]
    aws("guardduty").update_detector(DetectorId=detector, Enable=False)
