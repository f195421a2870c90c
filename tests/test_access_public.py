"""Whether a policy document lets everyone in, and whether it allows an action: case by case."""

from __future__ import annotations

from typing import Any

import pytest

from crenel.errors import PolicyError
from tests.test_access import OURS, resources  # noqa: F401 (a fixture)

PUBLIC = {"type": "public-statement"}
OPEN: dict[str, Any] = {"Effect": "Allow", "Principal": "*", "Action": "sns:Publish", "Resource": "*"}


def limited(operator: str, key: str, *values: str) -> dict[str, Any]:
    return {**OPEN, "Condition": {operator: {key: list(values)}}}


TO_EVERYONE: list[dict[str, Any]] = [
    OPEN,
    {**OPEN, "Principal": {"AWS": "*"}},
    {**OPEN, "Principal": {"AWS": [f"arn:aws:iam::{OURS}:root", "*"]}},
    {"Effect": "Allow", "NotPrincipal": {"AWS": f"arn:aws:iam::{OURS}:root"}, "Action": "sns:Publish", "Resource": "*"},
    limited("StringEquals", "aws:UserAgent", "x"),  # anybody can say so
    limited("Bool", "aws:SecureTransport", "true"),
    limited("StringLike", "aws:SourceArn", "arn:aws:s3:*:*:logs"),  # AWS's controls don't evaluate wildcards
    limited("StringEquals", "aws:PrincipalAccount", "${aws:SourceAccount}"),
    limited("StringEquals", "aws:SourceAccount", OURS, "*"),
    limited("StringEqualsIfExists", "aws:PrincipalOrgID", "o-1"),  # holds for who has no organization
    limited("ForAllValues:StringEquals", "aws:PrincipalOrgPaths", "o-1/r-1/"),
    limited("StringNotEquals", "aws:SourceAccount", OURS),
    limited("IpAddress", "aws:SourceIp", "0.0.0.0/0"),
    limited("IpAddress", "aws:SourceIp", "0.0.0.0/1", "128.0.0.0/1"),
    limited("IpAddress", "aws:SourceIp", "2000::/3"),
    limited("NotIpAddress", "aws:SourceIp", "10.0.0.0/8"),
    limited("StringLike", "s3:DataAccessPointArn", "arn:aws:s3:us-east-1:*:accesspoint/x"),
    limited("Bool", "elasticfilesystem:AccessedViaMountTarget", "false"),
]
TO_SOME: list[dict[str, Any]] = [
    {**OPEN, "Effect": "Deny"},
    {**OPEN, "Principal": {"AWS": f"arn:aws:iam::{OURS}:root"}},
    {**OPEN, "Principal": {"AWS": "333333333333"}},  # another account is not everyone
    {**OPEN, "Principal": {"Service": "events.amazonaws.com"}},
    limited("StringEquals", "AWS:SourceOwner", OURS),  # SNS's own default
    limited("StringLike", "aws:SourceAccount", OURS),
    limited("ArnLike", "aws:SourceArn", f"arn:aws:events:us-east-1:{OURS}:rule/x"),
    limited("StringEquals", "aws:PrincipalOrgID", "o-1", "o-2"),
    limited("ForAnyValue:StringEquals", "aws:PrincipalOrgPaths", "o-1/r-1/"),
    limited("StringEquals", "aws:SourceVpce", "vpce-1"),
    limited("StringEquals", "kms:CallerAccount", OURS),
    limited("IpAddress", "aws:SourceIp", "10.0.0.0/8", "192.0.2.1", "2001:db8::/32"),
    limited("StringLike", "s3:DataAccessPointArn", f"arn:aws:s3:us-east-1:{OURS}:accesspoint/*"),
    limited("Bool", "elasticfilesystem:AccessedViaMountTarget", "true"),
    {**OPEN, "Condition": {"Bool": {"aws:SecureTransport": "true"}, "StringEquals": {"aws:SourceAccount": OURS}}},
]


@pytest.mark.parametrize("statement", TO_EVERYONE, ids=str)
def test_a_statement_for_everyone(resources, statement) -> None:  # noqa: F811
    assert resources.one(PUBLIC, statement) is True


@pytest.mark.parametrize("statement", TO_SOME, ids=str)
def test_a_statement_for_some(resources, statement) -> None:  # noqa: F811
    assert resources.one(PUBLIC, statement) is False


def test_each_statement_is_asked_on_its_own(resources) -> None:  # noqa: F811
    documents: list[Any] = [
        None,
        {"Statement": []},
        {"Statement": [TO_SOME[0], TO_SOME[4]]},
        {"Statement": [TO_SOME[4], OPEN]},
    ]
    assert resources.documents(PUBLIC, documents) == [False, False, False, True]


DECRYPT = {"type": "allows-action", "actions": ["kms:Decrypt", "kms:ReEncryptFrom"], "resources": r"\*$"}
ALLOW = {"Effect": "Allow", "Resource": "*"}


@pytest.mark.parametrize(
    ("statement", "holds"),
    [
        ({**ALLOW, "Action": "kms:Decrypt"}, True),
        ({**ALLOW, "Action": ["s3:GetObject", "KMS:decrypt"]}, True),
        ({**ALLOW, "Action": "kms:ReEncrypt*"}, True),
        ({**ALLOW, "Action": "kms:?ecrypt"}, True),
        ({**ALLOW, "Action": "*"}, True),
        ({**ALLOW, "Action": "kms:Encrypt"}, False),
        ({**ALLOW, "Action": "kms:Decrypt", "Effect": "Deny"}, False),
        ({**ALLOW, "Action": "kms:Decrypt", "Resource": "arn:aws:kms:eu-west-1:1:key/x"}, False),
        ({**ALLOW, "Action": "kms:Decrypt", "Resource": ["arn:aws:kms:eu-west-1:1:key/x", "*"]}, True),
        ({**ALLOW, "NotAction": "iam:*"}, True),
        ({**ALLOW, "NotAction": "kms:*"}, False),
        ({**ALLOW, "NotAction": "kms:Decrypt"}, True),  # the other one is left
        ({"Effect": "Allow", "Action": "kms:Decrypt", "NotResource": "arn:aws:s3:::x"}, True),
        ({"Effect": "Allow", "Action": "kms:Decrypt", "NotResource": "*"}, False),
        ({**ALLOW, "Action": "kms:Decrypt", "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}, True),
    ],
)
def test_what_a_document_allows(resources, statement, holds) -> None:  # noqa: F811
    assert resources.one(DECRYPT, statement) is holds


def test_resources_may_be_left_out(resources) -> None:  # noqa: F811
    anywhere = {"type": "allows-action", "actions": ["kms:Decrypt"]}
    assert resources.one(anywhere, {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "arn:aws:kms:x:1:key/x"})


def test_actions_are_needed(resources) -> None:  # noqa: F811
    with pytest.raises(PolicyError, match="needs `actions`"):
        resources.one({"type": "allows-action"}, ALLOW)
