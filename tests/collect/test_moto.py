"""Every type of the catalogue read over HTTP from moto: what was put there comes back, typed."""

import io
import json
import zipfile
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from crenel.catalog.columns import JSON, ListOf, MapOf, Scalar, Struct, Type
from crenel.catalog.load import catalog
from crenel.collect.collector import collect
from crenel.collect.documents import statements
from crenel.collect.limits import Limits
from crenel.collect.regions import coverage
from crenel.collect.session import open_profiles
from crenel.collect.spool import Spool
from crenel.model import Coverage, Needs

from .conftest import NOW
from .seeds_compute import SEEDS as COMPUTE
from .seeds_data import SEEDS as DATA
from .seeds_oversight import SEEDS as OVERSIGHT

ACCOUNT = "123456789012"
HOME = "eu-west-1"
TRUST = json.dumps({
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
})  # fmt: skip
ADMIN = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})


def seed_account(aws) -> str:
    aws("iam").create_account_alias(AccountAlias="acme")
    aws("iam").update_account_password_policy(MinimumPasswordLength=14)
    block = {
        "BlockPublicAcls": True,
        "IgnorePublicAcls": True,
        "BlockPublicPolicy": True,
        "RestrictPublicBuckets": True,
    }
    put_account_block(aws, block)
    return ACCOUNT


def put_account_block(aws, block: dict[str, bool]) -> None:
    """Without a client: botocore puts the account's number before the custom endpoint's name, where nobody is."""
    client = aws("s3control")
    client.meta.events.register(
        "before-call", lambda params, **_: params.update(url=params["url"].replace(f"{ACCOUNT}.", ""))
    )
    client.put_public_access_block(AccountId=ACCOUNT, PublicAccessBlockConfiguration=block)


def seed_trail(aws) -> str:
    aws("s3", HOME).create_bucket(Bucket="trail-logs", CreateBucketConfiguration={"LocationConstraint": HOME})
    made = aws("cloudtrail", HOME).create_trail(Name="trail", S3BucketName="trail-logs", IsMultiRegionTrail=True)
    aws("cloudtrail", HOME).start_logging(Name="trail")
    return str(made["TrailARN"])


def seed_recorder(aws) -> str:
    role = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig"
    client = aws("config", HOME)
    client.put_configuration_recorder(ConfigurationRecorder={"name": "default", "roleARN": role})
    client.put_delivery_channel(DeliveryChannel={"name": "default", "s3BucketName": "logs"})
    client.start_configuration_recorder(ConfigurationRecorderName="default")
    return "default"


def seed_dms(aws) -> str:
    aws("dms", HOME).create_replication_instance(
        ReplicationInstanceIdentifier="r", ReplicationInstanceClass="dms.t3.micro", PubliclyAccessible=True
    )
    return "r"


def seed_volume(aws) -> str:
    return str(aws("ec2", HOME).create_volume(AvailabilityZone=f"{HOME}a", Size=1)["VolumeId"])


def seed_snapshot(aws) -> str:
    client = aws("ec2", HOME)
    snapshot = client.create_snapshot(VolumeId=seed_volume(aws))["SnapshotId"]
    client.modify_snapshot_attribute(
        SnapshotId=snapshot, Attribute="createVolumePermission", OperationType="add", GroupNames=["all"]
    )
    return str(snapshot)


def seed_vpc(aws) -> str:
    return str(aws("ec2", HOME).create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"])


def seed_flow_log(aws) -> str:
    aws("s3", HOME).create_bucket(Bucket="flow-logs", CreateBucketConfiguration={"LocationConstraint": HOME})
    made = aws("ec2", HOME).create_flow_logs(
        ResourceIds=[seed_vpc(aws)], ResourceType="VPC", TrafficType="ALL", LogDestinationType="s3",
        LogDestination="arn:aws:s3:::flow-logs",
    )  # fmt: skip
    return str(made["FlowLogIds"][0])


def seed_group(aws) -> str:
    return str(aws("ec2", HOME).create_security_group(GroupName="g", Description="d")["GroupId"])


def seed_detector(aws) -> str:
    return str(aws("guardduty", HOME).create_detector(Enable=True)["DetectorId"])


def seed_user(aws) -> str:
    client = aws("iam")
    client.create_user(UserName="u")
    client.create_login_profile(UserName="u", Password="Abcdefgh12!x")
    client.create_access_key(UserName="u")
    return "u"


def seed_policy(aws) -> str:
    return str(aws("iam").create_policy(PolicyName="admin", PolicyDocument=ADMIN)["Policy"]["PolicyId"])


def seed_mfa(aws) -> str:
    aws("iam").create_user(UserName="u")
    made = aws("iam").create_virtual_mfa_device(VirtualMFADeviceName="m")["VirtualMFADevice"]["SerialNumber"]
    aws("iam").enable_mfa_device(
        UserName="u", SerialNumber=made, AuthenticationCode1="123456", AuthenticationCode2="234567"
    )
    return str(made)


def seed_key(aws) -> str:
    key = aws("kms", HOME).create_key()["KeyMetadata"]["KeyId"]
    aws("kms", HOME).create_alias(AliasName="alias/mine", TargetKeyId=key)
    aws("kms", HOME).schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    return str(key)


def seed_function(aws) -> str:
    role = aws("iam").create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as file:
        file.writestr("f.py", "def f(e, c): pass")
    aws("lambda", HOME).create_function(
        FunctionName="f", Runtime="python3.9", Role=role, Handler="f.f", Code={"ZipFile": code.getvalue()},
        Environment={"Variables": {"TOKEN": "hunter2"}},
    )  # fmt: skip
    return "f"


def seed_domain(aws) -> str:
    aws("opensearch", HOME).create_domain(DomainName="dom", EngineVersion="OpenSearch_2.11")
    return "dom"


def seed_bucket(aws) -> str:
    client = aws("s3", HOME)
    client.create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": HOME})
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "k"}}
    client.put_bucket_encryption(Bucket="bucket", ServerSideEncryptionConfiguration={"Rules": [rule]})
    client.put_public_access_block(Bucket="bucket", PublicAccessBlockConfiguration={"BlockPublicAcls": True})
    return "bucket"


def seed_notebook(aws) -> str:
    made = aws("sagemaker", HOME).create_notebook_instance(
        NotebookInstanceName="n", InstanceType="ml.t3.medium", RoleArn=f"arn:aws:iam::{ACCOUNT}:role/r",
        DirectInternetAccess="Enabled", RootAccess="Disabled",
    )  # fmt: skip
    return str(made["NotebookInstanceArn"])


# By type: what puts one there and gives its id, and columns (dotted) that must come back with these values.
SEEDS: dict[str, tuple[Callable[..., str], dict[str, Any]]] = {
    "account": (
        seed_account,
        {
            "account_alias": ["acme"], "SummaryMap.Users": 0, "PasswordPolicy.MinimumPasswordLength": 14,
            "PublicAccessBlock.RestrictPublicBuckets": True, "_region": "global",
        },
    ),
    "account-region": (lambda _: ACCOUNT, {"EbsEncryptionByDefault": False, "_region": HOME}),
    "cloudtrail": (
        seed_trail,
        {"Status.IsLogging": True, "IsMultiRegionTrail": True, "_name": "trail", "_home": HOME, "_primary": True},
    ),
    "config-recorder": (seed_recorder, {"status.recording": True, "deliveryChannel.s3BucketName": "logs"}),
    "dms-instance": (seed_dms, {"PubliclyAccessible": True}),
    "ebs": (seed_volume, {"Encrypted": False, "Size": 1}),
    "ebs-snapshot": (seed_snapshot, {"CreateVolumePermissions": [{"Group": "all"}], "_owner": ACCOUNT}),
    "elasticsearch": (seed_domain, {"EncryptionAtRestOptions.Enabled": False}),
    "flow-log": (seed_flow_log, {"TrafficType": "ALL", "FlowLogStatus": "ACTIVE"}),
    "guardduty-detector": (seed_detector, {"Status": "ENABLED"}),
    "iam-policy": (seed_policy, {"_name": "admin", "Statements": statements(ADMIN)}),
    "iam-user": (seed_user, {"Password.Enabled": True, "MFA.Active": False}),
    "iam-virtual-mfa": (seed_mfa, {"User.UserName": "u"}),
    "kms-key": (seed_key, {"KeyState": "PendingDeletion", "AliasNames": ["alias/mine"], "KeyManager": "CUSTOMER"}),
    "lambda": (seed_function, {"Runtime": "python3.9", "Environment.Variables.TOKEN": "(masked)"}),
    "s3": (
        seed_bucket,
        {"_home": HOME, "PublicAccessBlock.BlockPublicAcls": True, "PublicAccessBlock.IgnorePublicAcls": False},
    ),
    "sagemaker-notebook": (seed_notebook, {"DirectInternetAccess": "Enabled", "RootAccess": "Disabled", "_name": "n"}),
    "security-group": (seed_group, {"_name": "g", "IpPermissions": []}),
    "vpc": (seed_vpc, {"CidrBlock": "10.9.0.0/16"}),
}  # fmt: skip


def fits(kind: Type, value: Any) -> bool:
    """Return whether a spooled value is of a column's type."""
    if value is None or kind == JSON:
        return True
    if isinstance(kind, Struct):
        return isinstance(value, dict) and all(
            name in kind.fields and fits(kind.fields[name], value[name]) for name in value
        )
    if isinstance(kind, ListOf):
        return isinstance(value, list) and all(fits(kind.item, item) for item in value)
    if isinstance(kind, MapOf):
        return isinstance(value, dict) and all(fits(kind.value, item) for item in value.values())
    return scalar_fits(kind, value)


def scalar_fits(kind: Scalar, value: Any) -> bool:
    if kind.kind == "timestamp":
        return bool(datetime.strptime(value, "%Y-%m-%d %H:%M:%S.%f"))  # noqa: DTZ007
    kinds: dict[str, tuple[type, ...]] = {"integer": (int,), "number": (int, float), "boolean": (bool,)}
    return isinstance(value, kinds.get(kind.kind, (str,)))


def reach(row: dict[str, Any], path: str) -> Any:
    found: Any = row
    for step in path.split("."):
        found = found[int(step)] if isinstance(found, list) else found[step]
    return found


@pytest.mark.parametrize("name", SEEDS | COMPUTE | DATA | OVERSIGHT)
def test_what_was_put_there_comes_back(aws, tmp_path, name) -> None:
    seed, wanted = (SEEDS | COMPUTE | DATA | OVERSIGHT)[name]
    resource = seed(aws)
    kind = catalog()[name]
    targets, _ = open_profiles([], limits=Limits({"*": (1_000, 1_000)}))
    spool = Spool(tmp_path)
    details = {kind.detail_of(path.split(".")[0]) for path in wanted} - {None}
    needs = frozenset(detail.name for detail in kind.with_needs(frozenset(map(str, details))))
    records = collect(
        targets, [Needs(name, needs)], [Coverage(ACCOUNT, HOME, "scanned")], spool,
        catalog=catalog(), now=NOW,
    )  # fmt: skip
    targets[0].close()
    assert [record.gaps for record in records] == [()]
    rows = [json.loads(line) for line in spool.rows_file(records[0].unit).read_text().splitlines()]
    [row] = [row for row in rows if row["_id"] == resource]
    assert {path: reach(row, path) for path in wanted} == wanted
    schema = kind.schema()
    # EngineType is in the answer of ListDomainNames, and no column of ours.
    own = {column: value for column, value in row.items() if not column.startswith("_") and column != "EngineType"}
    assert set(own) <= set(schema)
    assert [column for column, value in own.items() if not fits(schema[column], value)] == []
    if kind.arn and name != "config-recorder":  # moto gives recorders no ARN
        assert row["_arn"].startswith("arn:aws:")


def test_the_regions_of_a_moto_account(aws) -> None:
    [target], _ = open_profiles([])
    found, gaps = coverage(target, ["us-east-1"])
    target.close()
    assert ([one.state for one in found], gaps) == (["scanned"], [])
