"""What runs in the account: Lambda, KMS, DMS, OpenSearch and SageMaker."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from benchmarks.endpoint.account import ACCOUNT_ID, Account, code, row_of_name, row_of_uuid, uuid
from benchmarks.endpoint.answers.paging import Handler, Kind, Listing, Paging, nothing
from benchmarks.endpoint.wire import Call, Document, Refusal


def _existing(account: Account, call: Call, parameter: str, count: int) -> int | None:
    """The row that a call names, or None where the Region has none of that name."""
    row = row_of_name(call.text(parameter))
    return row if row in account.spread(count, call.region) else None


# ---------------------------------------------------------------- Lambda

RUNTIMES = ("python3.12", "nodejs22.x", "java21", "python3.7", "", "provided.al2023", "nodejs12.x", "python3.13")
"""What the functions run on, in turn; the empty one is a container image, two are long out of support."""


def runtime(function: int) -> str:
    """A function's runtime, empty for a container image."""
    return RUNTIMES[function % len(RUNTIMES)]


def _function(kind: str) -> Document:
    arn = f"arn:aws:lambda:~region~:{ACCOUNT_ID}:function:function-~row~"
    group = {"LogFormat": "Text", "LogGroup": "/aws/lambda/function-~row~"}
    environment = {"STAGE": "production", "TABLE": "orders-~row~", "QUEUE": f"https://queue.example/{ACCOUNT_ID}/~row~"}
    return {
        "FunctionName": "function-~row~",
        "FunctionArn": arn,
        **({"Runtime": kind, "Handler": "app.handler"} if kind else {}),
        "Role": f"arn:aws:iam::{ACCOUNT_ID}:role/service-role/function-~row~",
        "CodeSize": "~size~",
        "Description": "Part ~row~ of the order pipeline",
        "Timeout": 30,
        "MemorySize": 256,
        "LastModified": "~time~",
        "CodeSha256": "~code~~code~AAAAAAAAA=",
        "Version": "$LATEST",
        "VpcConfig": {
            "SubnetIds": ["subnet-~code~", "subnet-0~code~"],
            "SecurityGroupIds": ["sg-~code~"],
            "VpcId": "vpc-~code~",
            "Ipv6AllowedForDualStack": False,
        },
        "Environment": {"Variables": environment},
        "TracingConfig": {"Mode": "PassThrough"},
        "RevisionId": "~uuid~",
        "PackageType": "Zip" if kind else "Image",
        "Architectures": ["x86_64"],
        "EphemeralStorage": {"Size": 512},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": group,
    }


def _function_holes(account: Account, row: int) -> Mapping[str, object]:
    return {
        "row": f"{row:07d}",
        "code": code(row),
        "uuid": uuid(row),
        "size": 1000 + row % 50_000,
        "region": account.region_of(row),
        "time": f"2025-{1 + row % 12:02d}-{1 + row % 28:02d}T12:00:00.000+0000",
    }


FUNCTION_KIND = Kind(lambda _, row: runtime(row), _function, _function_holes)
FUNCTIONS = Listing(FUNCTION_KIND, "Functions", Paging("MaxItems", "Marker", "NextMarker", default=50, most=50))


def list_functions(account: Account, call: Call) -> Document:
    """List a Region's functions."""
    return FUNCTIONS.page(account, call, account.spread(account.sizes.functions, call.region))


def get_function(account: Account, call: Call) -> Document:
    """Describe one function."""
    row = _existing(account, call, "FunctionName", account.sizes.functions)
    if row is None:
        raise Refusal("ResourceNotFoundException", f"Function not found: {call.text('FunctionName')}", 404)
    return {"Configuration": FUNCTION_KIND.one(account, row), "Tags": {}}


TAG_PAGING = Paging("ResourcesPerPage", "PaginationToken", "PaginationToken", default=50, most=100)
TAGGED = 3
"""One function in so many has tags; nothing else that the tagging service is asked for has any."""


def _function_tags(row: int) -> Mapping[str, str]:
    return {"team": "platform-engineering"} if row % TAGGED == 0 else {}


def list_function_tags(account: Account, call: Call) -> Document:
    """List one function's tags."""
    row = row_of_name(call.text("Resource"))
    if row not in account.spread(account.sizes.functions, call.region):
        raise Refusal("ResourceNotFoundException", "The resource you requested does not exist.", 404)
    return {"Tags": dict(_function_tags(row))}


def get_resources(account: Account, call: Call) -> Document:
    """List the resources of a type that have tags, or those of the named ones that have."""
    named = call.texts("ResourceARNList")
    functions = [arn for arn in named if ":lambda:" in arn] if named else None
    if functions is None and not {"lambda", "lambda:function"} & set(call.texts("ResourceTypeFilters")):
        rows: list[int] = []
    elif functions is None:
        rows = [row for row in account.spread(account.sizes.functions, call.region) if _function_tags(row)]
    else:
        rows = [row for row in map(row_of_name, functions) if row >= 0 and _function_tags(row)]
    part, envelope = TAG_PAGING.cut(call, rows)
    found = [
        {
            "ResourceARN": f"arn:aws:lambda:{call.region}:{ACCOUNT_ID}:function:function-{row:07d}",
            "Tags": [{"Key": key, "Value": value} for key, value in _function_tags(row).items()],
        }
        for row in part
    ]
    return {"ResourceTagMappingList": found, **envelope}


def _no_function_part(_account: Account, _call: Call) -> Document:
    raise Refusal("ResourceNotFoundException", "The resource you requested does not exist.", 404)


# ---------------------------------------------------------------- KMS

KEY_PAGING = Paging("Limit", "Marker", "NextMarker", default=100, most=1000, flag="Truncated")
ALIAS_PAGING = Paging("Limit", "Marker", "NextMarker", default=50, most=100, flag="Truncated")
AWS_KEYS = 10
"""One key in so many is AWS's own."""


def key_state(key: int) -> str:
    """A key's state: one in twenty waits for its deletion, one in forty is disabled."""
    return {7: "PendingDeletion", 27: "PendingDeletion", 13: "Disabled"}.get(key % 40, "Enabled")


def _key_holes(account: Account, row: int) -> Mapping[str, object]:
    return {"uuid": uuid(row), "row": f"{row:07d}", "region": account.region_of(row)}


def _key(_variant: None) -> Document:
    return {"KeyId": "~uuid~", "KeyArn": f"arn:aws:kms:~region~:{ACCOUNT_ID}:key/~uuid~"}


def _alias(aws: bool) -> Document:
    name = "alias/aws/service-~row~" if aws else "alias/key-~row~"
    arn = f"arn:aws:kms:~region~:{ACCOUNT_ID}:{name}"
    return {"AliasName": name, "AliasArn": arn, "TargetKeyId": "~uuid~"}


KEYS = Listing(Kind(lambda _account, _row: None, _key, _key_holes), "Keys", KEY_PAGING)
ALIASES = Listing(Kind(lambda _, row: row % AWS_KEYS == 0, _alias, _key_holes), "Aliases", ALIAS_PAGING)


def list_keys(account: Account, call: Call) -> Document:
    """List a Region's keys."""
    return KEYS.page(account, call, account.spread(account.sizes.keys, call.region))


def list_aliases(account: Account, call: Call) -> Document:
    """List a Region's aliases: one for each key."""
    rows = account.spread(account.sizes.keys, call.region)
    if call.text("KeyId"):
        row = _existing_key(account, call)
        rows = range(row, row + 1)
    return ALIASES.page(account, call, rows)


def _existing_key(account: Account, call: Call) -> int:
    row = row_of_uuid(call.text("KeyId"))
    if row not in account.spread(account.sizes.keys, call.region) or not call.text("KeyId").endswith(uuid(row)):
        raise Refusal("NotFoundException", f"Key '{call.text('KeyId')}' does not exist")
    return row


def describe_key(account: Account, call: Call) -> Document:
    """Describe one key."""
    row = _existing_key(account, call)
    own = row % AWS_KEYS != 0
    state = key_state(row) if own else "Enabled"
    number = uuid(row)
    return {
        "KeyMetadata": {
            "AWSAccountId": ACCOUNT_ID,
            "KeyId": number,
            "Arn": f"arn:aws:kms:{call.region}:{ACCOUNT_ID}:key/{number}",
            "CreationDate": account.ago(400 + row % 300),
            "Enabled": state == "Enabled",
            "Description": f"Key of service {row}" if own else "Default key that protects my data",
            "KeyUsage": "ENCRYPT_DECRYPT",
            "KeyState": state,
            **({"DeletionDate": account.ago(-20)} if state == "PendingDeletion" else {}),
            "Origin": "AWS_KMS",
            "KeyManager": "CUSTOMER" if own else "AWS",
            "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
            "KeySpec": "SYMMETRIC_DEFAULT",
            "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
            "MultiRegion": False,
        }
    }


def get_key_rotation_status(account: Account, call: Call) -> Document:
    """Say whether a key is rotated: every other one."""
    return {"KeyRotationEnabled": _existing_key(account, call) % 2 == 0}


def get_key_policy(account: Account, call: Call) -> Document:
    """Return a key's policy: the account's administrators may do everything."""
    _existing_key(account, call)
    principal = f'"Principal":{{"AWS":"arn:aws:iam::{ACCOUNT_ID}:root"}}'
    statement = f'{{"Effect":"Allow",{principal},"Action":"kms:*","Resource":"*"}}'
    return {"Policy": f'{{"Version":"2012-10-17","Statement":[{statement}]}}', "PolicyName": "default"}


# ---------------------------------------------------------------- DMS


def is_dms_public(instance: int) -> bool:
    """Whether a replication instance can be reached from outside: one in six."""
    return instance % 6 == 1


def _replication_instance(public: bool) -> Document:
    subnets = [
        {
            "SubnetIdentifier": f"subnet-~code~{zone}",
            "SubnetAvailabilityZone": {"Name": f"~region~{zone}"},
            "SubnetStatus": "Active",
        }
        for zone in "abc"
    ]
    return {
        "ReplicationInstanceIdentifier": "replication-~row~",
        "ReplicationInstanceClass": "dms.t3.medium",
        "ReplicationInstanceStatus": "available",
        "AllocatedStorage": 50,
        "InstanceCreateTime": "~epoch~",
        "VpcSecurityGroups": [{"VpcSecurityGroupId": "sg-~code~", "Status": "active"}],
        "AvailabilityZone": "~region~a",
        "ReplicationSubnetGroup": {
            "ReplicationSubnetGroupIdentifier": "subnets-~row~",
            "ReplicationSubnetGroupDescription": "for ~row~",
            "VpcId": "vpc-~code~",
            "SubnetGroupStatus": "Complete",
            "Subnets": subnets,
        },
        "PreferredMaintenanceWindow": "sun:06:00-sun:06:30",
        "PendingModifiedValues": {},
        "MultiAZ": False,
        "EngineVersion": "3.5.4",
        "AutoMinorVersionUpgrade": True,
        "KmsKeyId": f"arn:aws:kms:~region~:{ACCOUNT_ID}:key/~uuid~",
        "ReplicationInstanceArn": f"arn:aws:dms:~region~:{ACCOUNT_ID}:rep:~code~",
        "ReplicationInstancePublicIpAddress": "198.51.100.~octet~" if public else "",
        "ReplicationInstancePrivateIpAddress": "10.0.0.~octet~",
        "PubliclyAccessible": public,
        "NetworkType": "IPV4",
    }


def _replication_holes(account: Account, row: int) -> Mapping[str, object]:
    epoch = f"{account.ago(200 + row % 300).timestamp():.3f}"
    return {**_function_holes(account, row), "epoch": epoch, "octet": row % 256}


REPLICATION_INSTANCES = Listing(
    Kind(lambda _, row: is_dms_public(row), _replication_instance, _replication_holes),
    "ReplicationInstances",
    Paging("MaxRecords", "Marker", "Marker", default=100, most=100, least=20),
)


def describe_replication_instances(account: Account, call: Call) -> Document:
    """List a Region's replication instances."""
    return REPLICATION_INSTANCES.page(account, call, account.spread(account.sizes.replication_instances, call.region))


# ---------------------------------------------------------------- OpenSearch and Elasticsearch


def is_domain_encrypted(domain: int) -> bool:
    """Whether a domain is encrypted at rest: two in three."""
    return domain % 3 != 0


def is_elasticsearch(domain: int) -> bool:
    """Whether a domain still runs Elasticsearch: one in four."""
    return domain % 4 == 3


def list_domain_names(account: Account, call: Call) -> Document:
    """List the names of a Region's domains."""
    rows = account.spread(account.sizes.domains, call.region)
    asked = call.text("EngineType")
    found = [(f"domain-{row:07d}", "Elasticsearch" if is_elasticsearch(row) else "OpenSearch") for row in rows]
    return {"DomainNames": [{"DomainName": n, "EngineType": e} for n, e in found if asked in ("", e)]}


def _domain(account: Account, row: int) -> Document:
    """What both generations of the service say of a domain."""
    name, region, encrypted = f"domain-{row:07d}", account.region_of(row), is_domain_encrypted(row)
    key = {"KmsKeyId": f"arn:aws:kms:{region}:{ACCOUNT_ID}:key/{uuid(row)}"} if encrypted else {}
    return {
        "DomainId": f"{ACCOUNT_ID}/{name}",
        "DomainName": name,
        "ARN": f"arn:aws:es:{region}:{ACCOUNT_ID}:domain/{name}",
        "Created": True,
        "Deleted": False,
        "Endpoint": f"search-{name}.{region}.es.amazonaws.com",
        "Processing": False,
        "EBSOptions": {"EBSEnabled": True, "VolumeType": "gp3", "VolumeSize": 100},
        "SnapshotOptions": {"AutomatedSnapshotStartHour": 0},
        "CognitoOptions": {"Enabled": False},
        "AccessPolicies": "",
        "EncryptionAtRestOptions": {"Enabled": encrypted, **key},
        "NodeToNodeEncryptionOptions": {"Enabled": encrypted},
        "AdvancedOptions": {"rest.action.multi.allow_explicit_index": "true"},
        "DomainEndpointOptions": {"EnforceHTTPS": True, "TLSSecurityPolicy": "Policy-Min-TLS-1-2-2019-07"},
        "AdvancedSecurityOptions": {"Enabled": encrypted, "InternalUserDatabaseEnabled": False},
    }


def _modern(account: Account, row: int) -> Document:
    version = "Elasticsearch_7.10" if is_elasticsearch(row) else "OpenSearch_2.19"
    cluster = {"InstanceType": "r6g.large.search", "InstanceCount": 3, "DedicatedMasterEnabled": False}
    return {**_domain(account, row), "EngineVersion": version, "ClusterConfig": cluster}


def _former(account: Account, row: int) -> Document:
    cluster = {"InstanceType": "r6g.large.elasticsearch", "InstanceCount": 3, "DedicatedMasterEnabled": False}
    version = "7.10" if is_elasticsearch(row) else "OpenSearch_2.19"
    return {**_domain(account, row), "ElasticsearchVersion": version, "ElasticsearchClusterConfig": cluster}


def _describe_domains(write: Callable[[Account, int], Document]) -> Handler:
    def answer(account: Account, call: Call) -> Document:
        names = call.texts("DomainNames")
        if len(names) > 5:
            raise Refusal("ValidationException", "At most 5 domains can be described at once", 409)
        rows, mine = map(row_of_name, names), account.spread(account.sizes.domains, call.region)
        return {"DomainStatusList": [write(account, row) for row in rows if row in mine]}

    return answer


def _describe_domain(write: Callable[[Account, int], Document]) -> Handler:
    def answer(account: Account, call: Call) -> Document:
        row = _existing(account, call, "DomainName", account.sizes.domains)
        if row is None:
            raise Refusal("ResourceNotFoundException", f"Domain not found: {call.text('DomainName')}", 409)
        return {"DomainStatus": write(account, row)}

    return answer


# ---------------------------------------------------------------- SageMaker


def has_internet(notebook: int) -> bool:
    """Whether a notebook instance has direct internet access: every other one."""
    return notebook % 2 == 0


def _notebook(_variant: None) -> Document:
    return {
        "NotebookInstanceName": "notebook-~row~",
        "NotebookInstanceArn": f"arn:aws:sagemaker:~region~:{ACCOUNT_ID}:notebook-instance/notebook-~row~",
        "NotebookInstanceStatus": "InService",
        "Url": "notebook-~row~.notebook.~region~.sagemaker.aws",
        "InstanceType": "ml.t3.medium",
        "CreationTime": "~epoch~",
        "LastModifiedTime": "~epoch~",
    }


NOTEBOOK_KIND = Kind(lambda _account, _row: None, _notebook, _replication_holes)
NOTEBOOKS = Listing(
    NOTEBOOK_KIND, "NotebookInstances", Paging("MaxResults", "NextToken", "NextToken", default=10, most=100)
)


def list_notebook_instances(account: Account, call: Call) -> Document:
    """List a Region's notebook instances."""
    return NOTEBOOKS.page(account, call, account.spread(account.sizes.notebooks, call.region))


def describe_notebook_instance(account: Account, call: Call) -> Document:
    """Describe one notebook instance."""
    row = _existing(account, call, "NotebookInstanceName", account.sizes.notebooks)
    if row is None:
        raise Refusal("ValidationException", "RecordNotFound")
    created = account.ago(200 + row % 300)
    return {
        **NOTEBOOK_KIND.one(account, row),
        "CreationTime": created,
        "LastModifiedTime": created,
        "SubnetId": f"subnet-{code(row)}",
        "SecurityGroups": [f"sg-{code(row)}"],
        "RoleArn": f"arn:aws:iam::{ACCOUNT_ID}:role/notebooks",
        "DirectInternetAccess": "Enabled" if has_internet(row) else "Disabled",
        "VolumeSizeInGB": 20,
        "RootAccess": "Disabled" if row % 3 else "Enabled",
        "PlatformIdentifier": "notebook-al2-v3",
    }


_NO_SAGEMAKER = (
    "ListDomains", "ListEndpointConfigs", "ListModelPackageGroups", "ListModelPackages", "ListModels",
    "ListMonitoringSchedules", "ListProcessingJobs", "ListTags", "ListTrainingJobs",
)  # fmt: skip

ANSWERS: dict[str, Handler] = {
    "lambda:ListFunctions": list_functions,
    "lambda:GetFunction": get_function,
    "lambda:GetPolicy": _no_function_part,
    "lambda:GetFunctionUrlConfig": _no_function_part,
    "lambda:ListEventSourceMappings": nothing,
    "lambda:ListTags": list_function_tags,
    "resourcegroupstaggingapi:GetResources": get_resources,
    "kms:ListKeys": list_keys,
    "kms:ListAliases": list_aliases,
    "kms:DescribeKey": describe_key,
    "kms:GetKeyRotationStatus": get_key_rotation_status,
    "kms:GetKeyPolicy": get_key_policy,
    "kms:ListResourceTags": nothing,
    "dms:DescribeReplicationInstances": describe_replication_instances,
    "dms:DescribeEndpoints": nothing,
    "dms:DescribeReplicationTasks": nothing,
    "dms:ListTagsForResource": nothing,
    "opensearch:ListDomainNames": list_domain_names,
    "opensearch:DescribeDomains": _describe_domains(_modern),
    "opensearch:DescribeDomain": _describe_domain(_modern),
    "opensearch:ListTags": nothing,
    "es:ListDomainNames": list_domain_names,
    "es:DescribeElasticsearchDomains": _describe_domains(_former),
    "es:DescribeElasticsearchDomain": _describe_domain(_former),
    "es:ListTags": nothing,
    "sagemaker:ListNotebookInstances": list_notebook_instances,
    "sagemaker:DescribeNotebookInstance": describe_notebook_instance,
    **{f"sagemaker:{operation}": nothing for operation in _NO_SAGEMAKER},
}
