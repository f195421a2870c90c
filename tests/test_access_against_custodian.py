"""Filters over policy documents against Cloud Custodian's own: random documents, and what a policy may ask of them.

Where Custodian raises (a NotAction with `actions`, a bare `true` in a condition), its run ends; ours goes on.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.oracle import needs_custodian, oracle
from tests.test_access import CROSS, DENY, ENCRYPTED, HAS, OTHER, OURS, SECURE, SINGLE, THIRD, Resources

pytestmark = needs_custodian


@pytest.fixture(scope="module")
def resources() -> Resources:
    return Resources()


texts = st.sampled_from
arns = texts([
    "*", OURS, OTHER, THIRD, "AIDAX",
    f"arn:aws:iam::{OURS}:root", f"arn:aws:iam::{OTHER}:role/x", "arn:aws:iam::*:role/x",
    "arn:aws:iam::cloudfront:user/E1", "arn:aws:sns:us-east-1:222222222222:x:y", "a:b:c", "arn:aws:s3:::x", "::::",
    "cloudtrail.amazonaws.com", "127311923021",
])  # fmt: skip
some_arns = st.one_of(arns, st.lists(arns, min_size=1, max_size=3))
principals = st.one_of(
    arns,
    st.lists(arns, min_size=1, max_size=2),
    st.dictionaries(texts(["AWS", "Service", "Federated", "CanonicalUser"]), some_arns, min_size=1, max_size=3),
)
actions = texts(["s3:GetObject", "s3:Get*", "*", "s3:*", "S3:getobject", "sns:Publish", "s3:?utObject", "s3:PutObject"])
some_actions = st.one_of(actions, st.lists(actions, min_size=1, max_size=3))
operators = texts([
    "StringEquals", "StringLike", "ArnLike", "ArnEquals", "IpAddress", "NotIpAddress", "StringEqualsIgnoreCase", "Bool",
    "ForAnyValue:StringLike", "ForAllValues:StringEquals", "StringNotEquals", "StringEqualsIfExists", "stringequals",
])  # fmt: skip
condition_keys = texts([
    "aws:SourceAccount", "aws:SourceArn", "aws:SourceOwner", "aws:PrincipalArn", "aws:PrincipalAccount", "AWS:SourceIp",
    "s3:DataAccessPointAccount", "aws:SourceVpc", "aws:SourceVpce", "aws:PrincipalOrgID", "aws:ResourceOrgID",
    "aws:PrincipalOrgPaths", "aws:userid", "aws:SecureTransport", "kms:CallerAccount", "kms:ViaService", "sns:Endpoint",
    "sns:Protocol", "kms:GrantOperations",
])  # fmt: skip
words = st.one_of(arns, texts([
    "o-us", "o-them", "o-us/r-1/ou-1/*", "o-us/r-1/ou-2/ou-1", "o-us/*", "vpc-1", "vpce-1", "true", "false", "https",
    "*@x.com", "10.0.0.0/8", "o-us/r-1/ou-12/", "x",
]))  # fmt: skip
condition_values = st.one_of(words, st.lists(words, min_size=1, max_size=3))
any_conditions = st.dictionaries(
    operators, st.dictionaries(condition_keys, condition_values, max_size=2, min_size=1), max_size=3
)
# Keys with values that mean something for them: few conditions drawn blindly excuse a statement.
_account_arns = (OURS, OTHER, f"arn:aws:iam::{OURS}:root", "arn:aws:iam::*:role/x", f"arn:aws:sns:us-east-1:{OTHER}:x")
meant = {
    **dict.fromkeys(
        ["aws:SourceAccount", "aws:SourceArn", "aws:SourceOwner", "aws:PrincipalArn", "aws:PrincipalAccount",
         "s3:DataAccessPointAccount", "kms:CallerAccount"], _account_arns),
    "aws:PrincipalOrgID": ("o-us", "o-them"), "aws:ResourceOrgID": ("o-us", "o-them"), "AWS:SourceIp": ("1.2.3.4",),
    "aws:PrincipalOrgPaths": ("o-us/r-1/ou-1/*", "o-us/*", "o-us/r-1/ou-2/ou-1", "o-us/r-1/ou-12/", "o-no/ou-1"),
    "aws:SourceVpc": ("vpc-1", "vpc-2"), "aws:SourceVpce": ("vpce-1", "vpce-2"), "aws:userid": ("x",),
    "kms:ViaService": ("s3.*",), "sns:Endpoint": ("*@x.com", "*"), "sns:Protocol": ("https", "sms"),
}  # fmt: skip


def _values_of(key: str) -> st.SearchStrategy[Any]:
    one = texts(meant[key])
    return st.tuples(st.just(key), st.one_of(one, st.lists(one, min_size=1, max_size=2)))


meant_pairs = st.lists(texts(list(meant)).flatmap(_values_of), min_size=1, max_size=2).map(dict)
meant_conditions = st.dictionaries(
    texts(["StringEquals", "StringLike", "ArnLike", "ForAnyValue:StringLike"]), meant_pairs, min_size=1, max_size=2
)
conditions = st.one_of(any_conditions, meant_conditions, meant_conditions)
resources_named = st.one_of(texts(["*", "x", "arn:x"]), st.lists(texts(["*", "x", "arn:x"]), min_size=1, max_size=2))
statement_of = st.fixed_dictionaries(
    {"Effect": texts(["Allow", "Allow", "Allow", "Deny"]), "Action": some_actions},
    optional={
        "Sid": texts(["a", "b", "c"]),
        "Principal": principals,
        "NotPrincipal": some_arns,
        "Resource": resources_named,
        "Condition": conditions,
    },
)
documents_of: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"Version": st.just("2012-10-17"), "Statement": st.lists(statement_of, max_size=3)}
)
accounts = st.lists(texts([OTHER, THIRD, "*", "AIDAX", "x"]), max_size=2)
cross_accounts = st.fixed_dictionaries(
    {"type": st.just("cross-account")},
    optional={
        "whitelist": accounts,
        "whitelist_orgids": st.lists(texts(["o-us", "o-no"]), max_size=2),
        "whitelist_org_units": st.lists(texts(["o-us/r-1/ou-1", "o-no/ou-1", "/o-us/r-1/ou-2/"]), max_size=2),
        "whitelist_vpc": st.lists(texts(["vpc-1", "x"]), max_size=2),
        "whitelist_vpce": st.lists(texts(["vpce-1", "x"]), max_size=2),
        "whitelist_endpoints": st.lists(texts(["@x.com", "*"]), max_size=1),
        "whitelist_protocols": st.lists(texts(["https", "sms"]), max_size=2),
        "whitelist_patterns": st.lists(texts(["AIDA*", "arn:aws:iam::2*", "?", "[*]", "*x"]), max_size=2),
        "whitelist_conditions": st.lists(condition_keys, max_size=3),
        "actions": st.lists(actions, max_size=2),
        "everyone_only": st.booleans(),
        "return_allowed": st.booleans(),
    },
)
PARTIAL = ["Action", "NotAction", "Principal", "Resource", "Condition"]
wanted_values = st.one_of(condition_values, st.booleans())
wanted_conditions = st.dictionaries(condition_keys, wanted_values, min_size=1, max_size=2)
wanted_statements = st.fixed_dictionaries(
    {"Effect": texts(["Allow", "Deny"])},
    optional={
        "Sid": texts(["a", "{name}"]),
        "Principal": principals,
        "Action": some_actions,
        "NotAction": some_actions,
        "Resource": st.one_of(resources_named, texts(["{account_id}", "{other}", "{{x}}"])),
        "Condition": st.dictionaries(operators, wanted_conditions, min_size=1, max_size=2),
        "PartialMatch": st.lists(texts(PARTIAL), max_size=3, unique=True),
    },
)
_SUBSCRIBERS = ("whitelist_endpoints", "whitelist_protocols")
# What the single questions ask of.
addresses = texts(["10.0.0.0/8", "1.2.3.4", ["10.0.0.0/8", "1.2.3.4"], ["192.168.0.0/16"]])
asked_statements = st.fixed_dictionaries(
    {"Effect": texts(["Allow", "Deny"]), "Action": texts(["*", "x", ["x", "*"]]), "Resource": texts(["*", "x", ["*"]])},
    optional={
        "Sid": texts(["a", "b"]),
        "Condition": st.fixed_dictionaries(
            {},
            optional={
                "Bool": st.fixed_dictionaries(
                    {}, optional={"aws:SecureTransport": texts(["true", "false", ["false"], True, False])}
                ),
                "IpAddress": st.fixed_dictionaries({}, optional={"aws:SourceIp": addresses, "aws:x": addresses}),
                "NotIpAddress": st.fixed_dictionaries({"aws:SourceIp": addresses}),
            },
        ),
    },
)
asked_documents = st.lists(
    st.fixed_dictionaries({"Statement": st.lists(asked_statements, min_size=1, max_size=2)}), min_size=1, max_size=5
)
slow = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))


def _agree(resources: Resources, filter_: dict[str, Any], documents: list[Any], service: str = "") -> None:
    theirs = oracle().ask(kind="statements", type=service, filter=filter_, account=OURS, docs=documents)
    ours = resources.documents(filter_, documents, service)
    for document, mine, want in zip(documents, ours, theirs, strict=True):
        # Where Custodian raises, its run ends; ours goes on.
        if not isinstance(want, str) and mine is not want:
            pytest.fail(f"{filter_} on {json.dumps(document)}: {mine}, and Custodian says {want}")


@slow
@given(
    filter_=cross_accounts,
    documents=st.lists(documents_of, min_size=1, max_size=5),
    service=texts(["", "kms", "s3", "sns"]),
)
def test_cross_account_is_custodians(resources, filter_, documents, service) -> None:
    if service != "sns":
        filter_ = {name: value for name, value in filter_.items() if name not in _SUBSCRIBERS}
    _agree(resources, filter_, documents, service)


@st.composite
def asked_and_there(draw: st.DrawFn) -> tuple[dict[str, Any], list[Any]]:
    """A has-statement filter, and documents some of whose statements it is made of."""
    documents = draw(st.lists(documents_of, min_size=1, max_size=3))
    there: list[dict[str, Any]] = [each for document in documents for each in document["Statement"]]
    wanted = draw(st.lists(wanted_statements, max_size=1))
    for each in there[: draw(st.integers(0, 2))]:
        kept = {name: value for name, value in each.items() if name == "Effect" or draw(st.booleans())}
        kept.pop("NotPrincipal", None)
        partial = draw(st.lists(texts(PARTIAL), max_size=2, unique=True))
        wanted.append({**kept, "PartialMatch": partial} if partial else kept)
    ids = draw(st.lists(texts(["a", "b"]), max_size=2))
    return {"type": "has-statement", "statement_ids": ids, "statements": wanted}, documents


@slow
@given(both=asked_and_there())
def test_has_statement_is_custodians(resources, both) -> None:
    filter_, documents = both
    _agree(resources, filter_, documents)


@slow
@given(documents=asked_documents, ids=st.lists(texts(["a", "b"]), max_size=2))
def test_single_questions_are_custodians(resources, documents, ids) -> None:
    _agree(resources, {"type": "missing-policy-statement", "statement_ids": ids}, documents)
    _agree(resources, {"type": "has-allow-all"}, documents)
    _agree(resources, {"type": "check-secure-transport"}, documents)
    _agree(resources, {"type": "source-ip", "value": "10.0.0.0/8"}, documents)
    _agree(resources, {"type": "source-ip", "op": "not-in", "value_type": "cidr", "value": ["10.0.0.0/8"]}, documents)


@slow
@given(
    changed=st.dictionaries(
        texts(sorted(ENCRYPTED)), texts(["Allow", "s3:*", "x", {"AWS": "*"}, SECURE, "a", {}]), max_size=2
    )
)
def test_no_encryption_statement_is_custodians(resources, changed) -> None:
    kept = {name: value for name, value in {**ENCRYPTED, **changed}.items() if value != {}}
    try:
        _agree(resources, {"type": "no-encryption-statement"}, [{"Statement": [kept]}])
    except ValueError:
        return  # no policy of AWS's


@slow
@given(
    filter_=st.fixed_dictionaries(
        {"type": st.just("cross-account")}, optional={"whitelist": accounts, "everyone_only": st.booleans()}
    ),
    lists=st.lists(st.lists(texts([OURS, OTHER, "all"]), max_size=3), min_size=1, max_size=5),
)
def test_lists_of_accounts_are_custodians(resources, filter_, lists) -> None:
    theirs = oracle().ask(kind="shared", filter=filter_, account=OURS, docs=lists)
    assert resources.ask(filter_, [{"Accounts": each} for each in lists], {"accounts": "Accounts"}) == theirs


def test_the_cases_are_custodians() -> None:
    def theirs(filter_: dict[str, Any], statement: Any) -> Any:
        documents = [{"Statement": [statement]}]
        return oracle().ask(kind="statements", type="", filter=filter_, account=OURS, docs=documents)[0]

    for options, statement, expected in CROSS:
        if "whitelist_from" not in options:
            filter_ = {"type": "cross-account", **options}
            found = theirs(filter_, statement)
            assert found is expected or isinstance(found, str), (options, statement)
    for options, expected in HAS:
        filter_ = {"type": "has-statement", **options}
        assert theirs(filter_, DENY) is expected, options
    for filter_, statement, expected in SINGLE:
        assert theirs(filter_, statement) is expected, filter_
