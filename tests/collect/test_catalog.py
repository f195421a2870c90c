"""The whole catalogue against botocore's models: what it names, AWS has."""

import re
from typing import Any

import pytest
from botocore.model import ListShape, OperationModel

from crenel.catalog.columns import column_type, service_model, shape_at
from crenel.catalog.details import ITEM
from crenel.catalog.load import catalog
from crenel.catalog.spec import ARN, Call, Detail, ResourceType
from crenel.collect.oddities import ODDITIES
from crenel.collect.paging import paging
from crenel.collect.rows import names_in
from crenel.collect.wire import operation

KINDS = [catalog()[name] for name in catalog()]
DETAILS = [
    pytest.param(kind, source, id=f"{kind.name}.{detail.name}{'' if source is detail else ' else'}")
    for kind in KINDS
    for detail in kind.details.values()
    for source in detail.sources
]

# Codes that services answer with and that their models do not name.
UNMODELLED = {
    "ec2": {
        "InvalidSnapshot.NotFound",
        "InvalidInstanceID.NotFound",
        "InvalidVpcID.NotFound",
        "InvalidAMIID.NotFound",
        "InvalidAMIID.Unavailable",
        "InvalidLaunchTemplateId.NotFound",
        "InvalidLaunchTemplateId.VersionNotFound",
    },  # EC2 models no errors at all
    "s3": {
        "NoSuchBucket",
        "NoSuchPublicAccessBlockConfiguration",
        "ServerSideEncryptionConfigurationNotFoundError",
        "NoSuchTagSet",
        "NoSuchBucketPolicy",
        "ReplicationConfigurationNotFoundError",
        "NoSuchWebsiteConfiguration",
        "NoSuchLifecycleConfiguration",
        "ObjectLockConfigurationNotFoundError",
        "OwnershipControlsNotFoundError",
    },
    "s3control": {"NoSuchPublicAccessBlockConfiguration", "NoSuchAccessPoint"},
    "iam": {"NoSuchEntity"},  # modelled as NoSuchEntityException; its code on the wire is NoSuchEntity
    "sqs": {
        "AWS.SimpleQueueService.NonExistentQueue"
    },  # what QueueDoesNotExist is called where SQS speaks its old protocol
    "sagemaker": {"ResourceNotFound", "ValidationException"},
}
PERMISSION = re.compile(r"[a-z][a-z0-9-]*:[A-Z][A-Za-z0-9]*")
PLACES = {"partition", "region", "account"}
OWN_WORDS = {"@arn", "@account", "@region", "@partition", ITEM}


def model(call: Call) -> OperationModel:
    return service_model(call.service).operation_model(call.operation)


def calls(kind: ResourceType) -> list[Call]:
    listing = [kind.listing.call] if kind.listing else []
    return listing + [one.call for detail in kind.details.values() for one in detail.sources if one.call]


def parameters_fit(shape: Any, value: Any, path: str) -> None:
    """Fail where a parameter is not in the input's shape (values with placeholders count as text)."""
    if isinstance(value, dict):
        assert shape.type_name in ("structure", "map"), path
        for key, item in value.items():
            if shape.type_name == "structure":
                assert key in shape.members, f"{path}.{key}"
                parameters_fit(shape.members[key], item, f"{path}.{key}")
    elif isinstance(value, list):
        assert shape.type_name == "list", path
        for item in value:
            parameters_fit(shape.member, item, f"{path}[]")
    elif isinstance(value, bool):
        assert shape.type_name == "boolean", path
    elif isinstance(value, int):
        assert shape.type_name in ("integer", "long"), path
        assert shape.metadata.get("min", 0) <= value <= shape.metadata.get("max", 2**31), path
    else:
        assert shape.type_name == "string", path
        if shape.enum and "{" not in value:
            assert value in shape.enum, path


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_calls_and_their_parameters_are_aws_s(kind: ResourceType) -> None:
    for call in calls(kind):
        shape = model(call).input_shape
        if call.params:
            parameters_fit(shape, call.params, call.name)
        required = set(shape.required_members) if shape is not None else set()
        assert required <= set(call.params), call.name
        operation(call.service, call.operation)
        assert PERMISSION.fullmatch(call.permission), call.permission


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_what_names_a_resource_are_columns(kind: ResourceType) -> None:
    schema = kind.schema()
    for column in filter(None, (kind.id, kind.label, kind.owner, kind.home)):
        assert column.split(".")[0] in schema, column
    assert kind.id.split(".")[0] in kind.columns, "the id is there without further calls"
    assert names_in(kind.arn) - PLACES <= set(schema)
    lowered = [column.lower() for column in schema]
    assert len(lowered) == len(set(lowered)), "SQL ignores case"
    assert not any(column.startswith("_") for column in schema)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_listings_lead_to_lists_and_page(kind: ResourceType) -> None:
    if kind.listing is None:
        return
    call = kind.listing.call
    shape = model(call).output_shape
    for step in kind.listing.items:
        shape = shape_at(shape.member if isinstance(shape, ListShape) else shape, (step,))
    assert isinstance(shape, ListShape)
    members = model(call).input_shape.members
    if set(members) & {"NextToken", "Marker", "NextMarker", "ContinuationToken"}:
        assert paging(call.service, call.operation) is not None


@pytest.mark.parametrize(("kind", "detail"), DETAILS)
def test_details(kind: ResourceType, detail: Detail) -> None:
    schema = kind.schema()
    assert set(detail.needs) <= set(kind.details)
    assert all(PERMISSION.fullmatch(one) for one in detail.permissions)
    for conditions in (detail.when, detail.unless):
        assert {path.split(".")[0] for path in conditions} <= set(schema) | {ITEM}
    if detail.oddity:
        assert detail.oddity in ODDITIES
        return
    assert detail.call is not None
    assert names_in(detail.call.params) <= set(schema) | OWN_WORDS
    assert not detail.over or detail.over[0] in schema
    shape = shape_at(model(detail.call).output_shape, detail.each)
    if detail.each:
        assert isinstance(shape, ListShape)
        shape = shape.member
    column_type(shape, detail.take)
    if detail.match:
        named = names_in(detail.match[0])
        assert named <= set(schema) | OWN_WORDS
        assert named or detail.match[0] == ARN or detail.match[0].split(".")[0] in schema
        shape_at(shape, tuple(detail.match[1].split(".")))
    modelled = {error.error_code for error in model(detail.call).error_shapes}
    codes = {code.partition(": ")[0] for code in detail.absent | detail.gone}
    assert codes <= modelled | UNMODELLED.get(detail.call.service, set())


TEXTS = ("instance-user-data", "instance-user-data-encoded", "launch-user-data")
PERMISSIONS = ("iam-policy-simulation", "iam-last-accessed")


def test_every_oddity_is_in_use() -> None:
    assert set(ODDITIES) == {
        one.oddity for kind in KINDS for detail in kind.details.values() for one in detail.sources if one.oddity
    } | {"statements", *TEXTS, *PERMISSIONS}  # of documents, texts and permissions that filters read
