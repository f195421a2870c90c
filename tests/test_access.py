"""Filters over policy documents and lists of accounts: case by case."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from crenel.catalog.columns import STATEMENTS, TEXT, ListOf, MapOf, Struct, Type
from crenel.catalog.load import Extended, catalog
from crenel.catalog.spec import ResourceType
from crenel.collect.documents import statements
from crenel.errors import PolicyError, Where
from crenel.lake.engine import connect, sql_type
from crenel.language.expressions import named, written
from crenel.language.plan import (
    TRUE,
)
from crenel.language.reading import Compiler, Source
from crenel.language.sql import Relation
from crenel.policies.context import Context, Mistakes
from crenel.policies.documents.access import FILTERS, FORMS
from crenel.policies.keys.key import Place
from crenel.positions import Located

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
OURS, OTHER, THIRD = "111111111111", "222222222222", "333333333333"
_HERE = Where("policy.yml", 1, 1)
_COLUMNS: Mapping[str, Type] = {"Name": TEXT, "Statements": STATEMENTS, "Accounts": ListOf(TEXT)}
_COMMON: Mapping[str, Type] = {"_account": TEXT, "_home": TEXT, "_gaps": MapOf(TEXT)}


def located(value: Any) -> Located:
    """Return a parsed policy as the loader would."""
    if isinstance(value, dict):
        return Located({key: located(item) for key, item in value.items()}, _HERE, dict.fromkeys(value, _HERE))
    return Located([located(item) for item in value] if isinstance(value, list) else value, _HERE)


class Resources:
    """Resources with a policy document or a list of accounts, asked by filters."""

    def __init__(self) -> None:
        self.connection = connect()

    def ask(
        self,
        filter_: Mapping[str, Any],
        rows: Sequence[Mapping[str, Any]],
        spec: Mapping[str, Any],
        service: str = "",
        mistakes: Mistakes | None = None,
    ) -> list[bool]:
        kind = _type(service)
        place = Place.of(kind)
        context = Context(kind, place, {}, Extended(catalog()), {}, mistakes, values_from=lambda _: (OTHER, 5))
        form = FORMS["document" if "document" in spec else "accounts"]
        predicate = form(context, located(dict(filter_)), located(dict(spec)))
        shape = ", ".join(f'"{name}" {sql_type(each)}' for name, each in {**_COMMON, **_COLUMNS, "_n": TEXT}.items())
        columns = json.dumps({name: _shape(each) for name, each in {**_COMMON, **_COLUMNS}.items()})
        self.connection.execute(f"CREATE OR REPLACE TABLE resource ({shape})")
        for index, row in enumerate(rows):
            text = json.dumps({"_account": OURS, "_home": "us-east-1", "Name": "named", "_gaps": {}, **row})
            self.connection.execute(
                "INSERT INTO resource SELECT UNNEST(JSON_TRANSFORM(?, ?)), ?", [text, columns, f"{index:05}"]
            )
        source = Source(kind, frozenset({*_COLUMNS, *_COMMON}))
        relation = Relation(Compiler({"resource": source}, NOW), source, "t0")
        query = written(relation.select([named(relation.predicate(predicate), "holds")]))
        return [row[0] for row in self.connection.execute(f"{query} ORDER BY t0._n").fetchall()]

    def documents(
        self, filter_: Mapping[str, Any], documents: Sequence[Any], service: str = "", **more: Any
    ) -> list[bool]:
        """Return what a filter says of resources with these documents (None: without one)."""
        rows = [{"Statements": None if each is None else statements(each)} for each in documents]
        spec = {"document": "Statements", "names": {"name": "Name"}, **more}
        return self.ask(filter_, rows, spec, service)

    def one(self, filter_: Mapping[str, Any], statement: Any, service: str = "", **more: Any) -> bool:
        """Return what a filter says of a resource whose document has one statement."""
        return self.documents(filter_, [{"Statement": [statement]}], service, **more)[0]


def _type(service: str) -> ResourceType:
    kind = catalog()["ebs"]
    return replace(
        kind, name="resource", service=service, columns=_COLUMNS, details={}, listing=None, id="Name", filters={}
    )


def _shape(kind: Type) -> Any:
    match kind:
        case ListOf(item):
            return [_shape(item)]
        case Struct(fields):
            return {key: _shape(each) for key, each in fields.items()}
    return sql_type(kind)


@pytest.fixture(scope="module")
def resources() -> Resources:
    return Resources()


# --- statements in one form


def test_a_statement_has_one_form() -> None:
    document = {
        "Statement": {
            "Effect": "Allow",
            "Principal": {"AWS": ["a", "b"], "Service": "s"},
            "Action": "s3:*",
            "Condition": {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": ["x"]}, "Bool": {"Aws:X": False, "n": 5}},
        }
    }
    (found,) = statements(document)
    assert found["Principals"] == [
        {"Kind": "AWS", "Value": "a"}, {"Kind": "AWS", "Value": "b"}, {"Kind": "Service", "Value": "s"},
    ]  # fmt: skip
    assert found["NotPrincipals"] is None
    assert found["Conditions"] == [
        {"Operator": "ForAnyValue:StringLike", "Key": "aws:principalorgpaths", "Values": ["x"], "Texts": True},
        {"Operator": "Bool", "Key": "aws:x", "Values": ["false"], "Texts": False},
        {"Operator": "Bool", "Key": "n", "Values": ["5"], "Texts": False},
    ]
    assert statements({"Statement": [{"NotPrincipal": "*"}]})[0]["NotPrincipals"] == [{"Kind": None, "Value": "*"}]


def test_a_document_comes_as_text_of_several_kinds() -> None:
    plain = '{"Statement": [{"Effect": "Allow", "Principal": "*"}]}'
    encoded = "%7B%22Statement%22%3A%20%5B%7B%22Effect%22%3A%20%22Allow%22%2C%20%22Principal%22%3A%20%22%2A%22%7D%5D%7D"
    assert statements(plain) == statements(encoded) == statements(plain.replace('"', '\\"')) == statements(f"\n{plain}")


@pytest.mark.parametrize(
    "document",
    [
        "", "x", "[]", "null", "5", "{", "%7B", '{\\"', [], 5, None, {"Statement": [5]}, {"Statement": None},
        {"Statement": {"Principal": {"AWS": {}}}}, {"Statement": {"Principal": {"AWS": None}}},
        {"Statement": {"Principal": 5}}, {"Statement": {"Sid": []}}, {"Statement": {"Effect": True}},
        {"Statement": {"Condition": []}}, {"Statement": {"Condition": {"Bool": "x"}}},
        {"Statement": {"Condition": {"Bool": {"x": {}}}}}, {"Statement": {"Condition": {"Bool": {"x": [None]}}}},
        {"Statement": {"Effect": "Deny", "effect": "Allow"}},
        '{"Statement": ' + "[" * 100_000 + "]" * 100_000 + "}",
    ],
)  # fmt: skip
def test_what_is_no_policy_is_an_error(document: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        statements(document)


# --- cross-account: statement → violation or not


def allow(**more: Any) -> dict[str, Any]:
    """Return a statement that lets another account in, but for what is said."""
    made = {"Effect": "Allow", "Action": "s3:GetObject", "Principal": {"AWS": f"arn:aws:iam::{OTHER}:root"}, **more}
    return {key: value for key, value in made.items() if value is not None}


def when(operator: str, key: str, *values: str, **more: Any) -> dict[str, Any]:
    """Return a statement that lets everybody in under a condition."""
    return allow(Principal="*", Condition={operator: {key: list(values) if len(values) > 1 else values[0]}, **more})


def paths(*values: str) -> dict[str, Any]:
    """Return a statement that lets in whoever is below one of these units."""
    return when("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", *values)


ORG = {"StringEquals": {"aws:PrincipalOrgID": "o-us"}}
CROSS: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
    # Who is spoken to.
    ({}, allow(), True),
    ({}, allow(Effect="Deny"), False),
    ({}, allow(Principal={"AWS": OURS}), False),
    ({}, allow(Principal={"AWS": f"arn:aws:iam::{OURS}:role/x"}), False),
    ({}, allow(Principal={"AWS": [OURS, OTHER]}), True),
    ({}, allow(Principal="*"), True),
    ({}, allow(Principal={"AWS": "*"}), True),
    ({}, allow(Principal=None), True),
    ({}, allow(Principal=None, NotPrincipal={"AWS": OURS}), True),
    ({}, allow(Principal={"Service": "s3.amazonaws.com"}), False),
    ({}, allow(Principal={"Service": "s3.amazonaws.com", "AWS": OTHER}), True),
    ({}, allow(Principal={"Federated": "cognito-identity.amazonaws.com"}), True),
    ({}, allow(Principal={"AWS": "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1"}), False),
    ({}, allow(Principal={"AWS": "AIDAX"}), True),
    ({"whitelist": [OTHER]}, allow(), False),
    ({"whitelist_from": {"url": "x"}}, allow(), False),
    ({"whitelist": [THIRD]}, allow(), True),
    ({"whitelist_patterns": ["AIDA*"]}, allow(Principal={"AWS": "AIDAX"}), False),
    ({"whitelist_patterns": ["AIDA*"]}, allow(Principal={"AWS": "*"}), True),
    ({"everyone_only": True}, allow(), False),
    ({"everyone_only": True}, allow(Principal="*"), True),
    ({"everyone_only": True}, allow(Principal={"Service": "*"}), False),
    # What is spoken of.
    ({"actions": ["s3:GetObject"]}, allow(), True),
    ({"actions": ["s3:GetObject"]}, allow(Action="s3:Get*"), True),
    ({"actions": ["s3:GetObject"]}, allow(Action=["s3:PutObject", "*"]), True),
    ({"actions": ["s3:GetObject"]}, allow(Action="s3:PutObject"), False),
    ({"actions": ["s3:GetObject"]}, allow(Action="s3:getobject"), False),
    ({"actions": ["s3:GetObject"]}, allow(Action=None, NotAction="s3:Get*"), False),
    ({"actions": ["s3:GetObject"]}, allow(Action=None, NotAction="s3:Put*"), True),
    # Conditions.
    ({}, when("StringEquals", "aws:SourceAccount", OURS), False),
    ({}, when("StringEquals", "aws:SourceAccount", OURS, OTHER), True),
    ({}, when("ArnLike", "AWS:SourceArn", f"arn:aws:sns:us-east-1:{OURS}:x"), False),
    ({}, when("ArnLike", "aws:SourceArn", f"arn:aws:sns:us-east-1:{OTHER}:x"), True),
    ({"whitelist": [OTHER]}, when("ArnLike", "aws:SourceArn", f"arn:aws:sns:us-east-1:{OTHER}:x"), False),
    ({}, when("StringEquals", "aws:SourceOwner", OURS), False),
    ({}, when("StringEquals", "s3:DataAccessPointAccount", OURS), False),
    ({}, when("IpAddress", "aws:SourceIp", "0.0.0.0/0"), False),
    ({}, when("StringEquals", "aws:SourceVpce", "vpce-1"), False),
    ({"whitelist_vpce": ["vpce-1"]}, when("StringEquals", "aws:SourceVpce", "vpce-2"), True),
    ({"whitelist_vpce": ["vpce-1"]}, when("StringEquals", "aws:SourceVpce", "vpce-1"), False),
    ({"whitelist_vpc": ["vpc-1"]}, when("StringEquals", "aws:SourceVpc", "vpc-2"), True),
    ({}, when("StringEquals", "aws:SourceVpc", "vpc-2"), False),
    ({}, when("StringEquals", "aws:PrincipalOrgID", "o-us"), True),
    ({"whitelist_orgids": ["o-us"]}, when("StringEquals", "aws:PrincipalOrgID", "o-us"), False),
    ({"whitelist_orgids": ["o-us"]}, when("StringEquals", "aws:ResourceOrgID", "o-them"), True),
    ({}, when("StringEquals", "aws:UserId", "x"), False),
    ({"whitelist_conditions": ["aws:PrincipalTag/x"]}, when("StringEquals", "aws:principaltag/X", "x"), False),
    ({"whitelist_conditions": []}, when("StringEquals", "aws:UserId", "x"), True),
    ({}, when("StringEquals", "aws:PrincipalTag/x", "x"), True),
    ({}, when("StringNotEquals", "aws:SourceAccount", OTHER), True),
    ({}, when("StringEqualsIfExists", "aws:SourceAccount", OURS), True),
    ({}, when("ForAllValues:StringEquals", "aws:SourceAccount", OURS), False),
    ({}, when("StringEquals", "aws:SourceAccount", OURS, Bool={"aws:SecureTransport": "true"}), False),
    ({}, when("StringEquals", "aws:SourceAccount", OURS, StringLike={"aws:Unknown": "x"}), True),
    ({}, when("StringEquals", "aws:SourceAccount", OURS, ArnEquals={"aws:SourceArn": OTHER}), True),
    # An organization that is allowed excuses wildcards beside it.
    ({"whitelist_orgids": ["o-us"]}, when("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/x", **ORG), False),
    ({"whitelist_orgids": ["o-us"]}, when("ArnLike", "aws:PrincipalArn", f"arn:aws:iam::{OTHER}:x", **ORG), True),
    ({"whitelist_orgids": ["o-us"]}, when("ArnLike", "aws:SourceOwner", "*", **ORG), True),
    ({"whitelist_orgids": ["o-no"]}, when("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/x", **ORG), True),
    # Organizational units.
    ({"whitelist_org_units": ["o-us/r-1/ou-1"]}, paths("o-us/r-1/ou-1/*"), False),
    ({"whitelist_org_units": ["o-us/r-1/ou-1"]}, paths("o-us/r-1/ou-12/*"), True),
    ({"whitelist_org_units": ["o-us/r-1/ou-1"]}, paths("o-us/*"), True),
    ({"whitelist_orgids": ["o-us"]}, paths("o-us/*"), False),
    ({}, paths("o-us/*"), True),
    # What is allowed, not what is not.
    ({"return_allowed": True}, allow(), False),
    ({"return_allowed": True}, allow(Principal={"AWS": OURS}), True),
]  # fmt: skip


@pytest.mark.parametrize(("options", "statement", "violates"), CROSS)
def test_cross_account(resources: Resources, options: dict[str, Any], statement: Any, violates: bool) -> None:
    assert resources.one({"type": "cross-account", **options}, statement) is violates


@pytest.mark.parametrize(
    ("service", "options", "statement", "violates"),
    [
        ("kms", {}, when("StringEquals", "kms:CallerAccount", OURS, StringLike={"kms:ViaService": "s3.*"}), False),
        ("kms", {}, when("StringEquals", "kms:CallerAccount", OTHER), True),
        ("kms", {}, when("ForAllValues:StringEquals", "kms:GrantOperations", "Decrypt"), False),
        ("sqs", {}, when("StringEquals", "kms:CallerAccount", OURS), True),
        ("s3", {}, allow(Principal={"AWS": "arn:aws:iam::127311923021:root"}), False),
        ("sqs", {}, allow(Principal={"AWS": "arn:aws:iam::127311923021:root"}), True),
        ("sns", {}, when("StringLike", "sns:Endpoint", "*@x.com"), True),
        ("sns", {}, when("StringLike", "sns:Endpoint", "*@x.com", StringEquals={"aws:SourceOwner": OURS}), False),
        ("sns", {"whitelist_endpoints": ["@x.com"]}, when("StringLike", "sns:Endpoint", "*@x.com"), False),
        ("sns", {"whitelist_endpoints": ["@x.com"]}, when("StringLike", "sns:Endpoint", "*@x.com", "*"), True),
        ("sns", {"whitelist_protocols": ["https"]}, when("StringEquals", "sns:Protocol", "https"), False),
        ("sns", {}, when("StringEquals", "sns:Protocol", "https"), True),
    ],
)  # fmt: skip
def test_services_know_more_keys(resources, service, options, statement, violates) -> None:
    assert resources.one({"type": "cross-account", **options}, statement, service) is violates


def test_no_document_is_no_violation_unless_that_grants_something(resources) -> None:
    documents: list[Any] = [None, {"Statement": []}, {"Statement": [allow()]}]
    assert resources.documents({"type": "cross-account"}, documents) == [False, False, True]
    assert resources.documents({"type": "cross-account", "return_allowed": True}, documents) == [False, False, False]
    granted = {"granted": "execute-api:Invoke"}
    assert resources.documents({"type": "cross-account"}, documents, **granted) == [True, False, True]
    about = {"type": "cross-account", "actions": ["execute-api:Other"]}
    assert resources.documents(about, documents, **granted) == [False, False, False]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"whitelst": []}, "has no key"),
        ({"whitelist": [111111111111]}, "Put it in quotes"),
        ({"whitelist": "x"}, "must be a list"),
        ({"whitelist_org_units": ["ou-1"]}, "no whole path"),
        ({"whitelist_org_units": ["o-us/*"]}, "no whole path"),
        ({"everyone_only": "yes"}, "true or false"),
        ({"whitelist_endpoints": ["x"]}, "has no key"),
    ],
)
def test_mistakes_of_cross_account_are_told(resources, options, message) -> None:
    with pytest.raises(PolicyError) as caught:
        resources.one({"type": "cross-account", **options}, allow())
    assert message in f"{caught.value.message} {caught.value.suggestion}"


SHARED: list[tuple[dict[str, Any], list[str], bool]] = [
    ({}, [], False),
    ({}, [OURS], False),
    ({}, [OURS, OTHER], True),
    ({}, ["all"], True),
    ({"whitelist": [OTHER]}, [OTHER], False),
    ({"whitelist_from": {"url": "x"}}, [OTHER], False),
    ({"everyone_only": True}, [OTHER], False),
    ({"everyone_only": True}, [OTHER, "all"], True),
]


@pytest.mark.parametrize(("options", "accounts", "violates"), SHARED)
def test_lists_of_accounts(resources, options, accounts, violates) -> None:
    filter_ = {"type": "cross-account", **options}
    assert resources.ask(filter_, [{"Accounts": accounts}], {"accounts": "Accounts"}) == [violates]


def test_lists_of_arns_and_of_what_jmespath_gives(resources) -> None:
    rows = [
        {"Accounts": [f"arn:aws:logs:us-east-1:{account}:destination:x"], "Name": account} for account in (OURS, OTHER)
    ]
    cross = {"type": "cross-account"}
    assert resources.ask(cross, rows, {"accounts": "Accounts", "arns": True}) == [False, True]
    assert resources.ask(cross, rows, {"accounts": "Accounts"}) == [True, True]
    assert resources.ask(cross, rows, {"accounts": "[Name]"}) == [False, True]


def test_what_has_no_effect_is_a_mistake(resources) -> None:
    filter_ = {"type": "cross-account", "whitelist_vpc": ["vpc-1"]}
    with pytest.raises(PolicyError, match="no effect"):
        resources.ask(filter_, [], {"accounts": "Accounts"})
    found = Mistakes()
    assert resources.ask(filter_, [{"Accounts": [OTHER]}], {"accounts": "Accounts"}, mistakes=found) == [True]
    assert len(found.errors) == 1


def test_every_config_recorder_is_selected_and_said_to_be() -> None:
    found = Mistakes()
    kind = catalog()["config-recorder"]
    context = Context(kind, Place.of(kind), {}, Extended(catalog()), {}, found)
    assert FILTERS["config-recorder"]["cross-account"](context, located({"type": "cross-account"})) == TRUE
    assert "every recorder" in found.errors[0].message


# --- has-statement and its kin

DENY: dict[str, Any] = {
    "Sid": "a",
    "Effect": "Deny",
    "Principal": "*",
    "Action": ["sns:Publish", "sns:Subscribe"],
    "Resource": "arn:aws:sns:us-east-1:111111111111:named",
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}
HAS: list[tuple[dict[str, Any], bool]] = [
    ({"statement_ids": ["a"]}, True),
    ({"statement_ids": ["a", "b"]}, False),
    ({"statement_ids": ["a", "a"]}, False),
    ({}, True),
    ({"statements": [{"Effect": "Deny"}]}, True),
    ({"statements": [{"Effect": "Allow"}]}, False),
    ({"statements": [{"Effect": "Deny"}, {"Effect": "Allow"}]}, False),
    ({"statements": [{"Effect": "Deny", "Sid": "a", "Principal": "*"}]}, True),
    ({"statements": [{"Effect": "Deny", "Principal": {"AWS": "*"}}]}, False),
    ({"statements": [{"Effect": "Deny", "Action": ["SNS:Subscribe", "sns:publish"]}]}, True),
    ({"statements": [{"Effect": "Deny", "Action": "sns:publish"}]}, False),
    ({"statements": [{"Effect": "Deny", "Action": "sns:publish", "PartialMatch": "Action"}]}, True),
    ({"statements": [{"Effect": "Deny", "Action": ["sns:publish", "x:y"], "PartialMatch": ["Action"]}]}, False),
    ({"statements": [{"Effect": "Deny", "NotAction": "sns:publish"}]}, False),
    ({"statements": [{"Effect": "Deny", "Resource": "arn:aws:sns:{region}:{account_id}:{name}"}]}, True),
    ({"statements": [{"Effect": "Deny", "Resource": "arn:aws:sns:{region}:{account_id}:{other}"}]}, False),
    ({"statements": [{"Effect": "Deny", "Condition": {"Bool": {"AWS:securetransport": "false"}}}]}, True),
    ({"statements": [{"Effect": "Deny", "Condition": {"bool": {"aws:SecureTransport": ["false"]}}}]}, True),
    ({"statements": [{"Effect": "Deny", "Condition": {"Bool": {"aws:SecureTransport": "true"}}}]}, False),
    ({"statements": [{"Effect": "Deny", "Condition": {"Bool": {"aws:SecureTransport": False}}}]}, False),
    ({"statements": [{"Effect": "Deny", "Condition": {}}]}, False),
    ({"statements": [{"Effect": "Deny", "Condition": {}, "PartialMatch": "Condition"}]}, True),
]  # fmt: skip


@pytest.mark.parametrize(("options", "has"), HAS)
def test_has_statement(resources, options, has) -> None:
    assert resources.documents({"type": "has-statement", **options}, [{"Statement": [DENY]}, None]) == [has, False]


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ({"Action": "x"}, "needs `Effect`"),
        ({"Effect": "Allow", "action": "x"}, "no key"),
        ({"Effect": "Allow", "PartialMatch": "Sid"}, "PartialMatch"),
        ({"Effect": "Allow", "Action": 5}, "must be a text"),
        ({"Effect": "Allow", "Action": "x}"}, "brace"),
        ({"Effect": "Allow", "Condition": "x"}, "must be a mapping"),
    ],
)
def test_mistakes_of_has_statement_are_told(resources, statement, message) -> None:
    with pytest.raises(PolicyError, match=message):
        resources.one({"type": "has-statement", "statements": [statement]}, DENY)


def test_missing_statements(resources) -> None:
    documents: list[Any] = [None, {"Statement": [DENY]}, {"Statement": []}]
    for ids, expected in (["a"], [True, False, True]), (["a", "b"], [True, True, True]), ([], [True, False, False]):
        filter_ = {"type": "missing-policy-statement", "statement_ids": ids}
        assert resources.documents(filter_, documents) == expected


ENCRYPTED: dict[str, Any] = {
    "Sid": "x",
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:PutObject",
    "Resource": "arn:aws:s3:::x/*",
    "Condition": {"StringNotEquals": {"s3:x-amz-server-side-encryption": ["AES256", "aws:kms"]}},
}
SECURE = {"Bool": {"aws:SecureTransport": "false"}}
FROM = {"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "1.2.3.4"]}}
SINGLE: list[tuple[dict[str, Any], Any, bool]] = [
    ({"type": "no-encryption-statement"}, ENCRYPTED, False),
    ({"type": "no-encryption-statement"}, {**ENCRYPTED, "Effect": "Allow"}, True),
    ({"type": "no-encryption-statement"}, {**ENCRYPTED, "Action": "s3:*"}, True),
    ({"type": "check-secure-transport"}, {"Effect": "Deny", "Condition": SECURE}, False),
    ({"type": "check-secure-transport"}, {"Effect": "Allow", "Condition": SECURE}, True),
    ({"type": "check-secure-transport"}, {"Effect": "Deny"}, True),
    ({"type": "has-allow-all"}, {"Effect": "Allow", "Action": ["x", "*"], "Resource": "*"}, True),
    ({"type": "has-allow-all"}, {"Effect": "Allow", "Action": "*", "Resource": "x"}, False),
    ({"type": "has-allow-all"}, {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": SECURE}, False),
    ({"type": "has-allow-all"}, {"Effect": "Deny", "Action": "*", "Resource": "*"}, False),
    ({"type": "source-ip", "value": "1.2.3.4"}, {"Effect": "Allow", "Condition": FROM}, True),
    ({"type": "source-ip", "value": "1.2.3.5"}, {"Effect": "Allow", "Condition": FROM}, False),
    ({"type": "source-ip", "value": "1.2.3.4"}, {"Effect": "Deny", "Condition": FROM}, False),
    ({"type": "source-ip", "op": "not-in", "value": ["10.0.0.0/8"]}, {"Effect": "Allow", "Condition": FROM}, True),
    ({"type": "source-ip", "op": "not-in", "value_type": "cidr", "value": ["10.0.0.0/8", "1.2.3.0/24"]},
     {"Effect": "Allow", "Condition": FROM}, False),
]  # fmt: skip


@pytest.mark.parametrize(("filter_", "statement", "holds"), SINGLE)
def test_single_questions(resources, filter_, statement, holds) -> None:
    assert resources.one(filter_, statement) is holds
