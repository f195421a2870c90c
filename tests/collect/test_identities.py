"""What is read of accounts and identities beyond one call a column."""

import json
from typing import Any

from .fakes import denied
from .test_units import read


def test_statements_of_inline_policies(tmp_path) -> None:
    documents: list[Any] = [
        {"Statement": {"Effect": "Allow", "Action": "s3:*"}},
        json.dumps({"Statement": [{"Effect": "Deny", "Action": ["a", "b"]}, {"Effect": "Allow", "NotAction": "c"}]}),
    ]
    inline = [{"PolicyName": str(number), "PolicyDocument": each} for number, each in enumerate(documents)]
    roles = [
        {"RoleName": "two", "RolePolicyList": inline},
        {"RoleName": "none", "RolePolicyList": []},
        {"RoleName": "odd", "RolePolicyList": [{"PolicyName": "p", "PolicyDocument": "no document"}]},
    ]
    record, rows, _ = read(
        tmp_path,
        "iam-role",
        {"iam:ListRoles": {"Roles": roles}, "iam:GetAccountAuthorizationDetails": {"RoleDetailList": roles}},
        "global",
        details=frozenset({"RolePolicyList", "InlineStatements"}),
    )
    found = {row["RoleName"]: row.get("InlineStatements") for row in rows}
    assert [(each["Effect"], each["Action"]) for each in found["two"]] == [
        ("Allow", ["s3:*"]),
        ("Deny", ["a", "b"]),
        ("Allow", None),
    ]
    assert found["none"] == []
    assert [(gap.resource, gap.detail, gap.code) for gap in record.gaps] == [
        ("odd", "InlineStatements", "InvalidDocument")
    ]


def test_inline_policies_that_are_known_by_name_alone_say_nothing(tmp_path) -> None:
    answers = {
        "iam:ListRoles": {"Roles": [{"RoleName": "a"}, {"RoleName": "b"}]},
        "iam:GetAccountAuthorizationDetails": denied("iam:GetAccountAuthorizationDetails"),
        "iam:ListRolePolicies": {"PolicyNames": ["p"]},
    }
    record, _, _ = read(
        tmp_path, "iam-role", answers, "global", details=frozenset({"RolePolicyList", "InlineStatements"})
    )
    gaps = [(gap.resource, gap.code) for gap in record.gaps if gap.detail == "InlineStatements"]
    assert gaps == [("a", "InvalidDocument"), ("b", "InvalidDocument")]


def test_who_the_security_contact_is_stays_with_aws(tmp_path) -> None:
    contact = {"AlternateContactType": "SECURITY", "Name": "Ann", "EmailAddress": "ann@example.com", "PhoneNumber": "1"}
    answers = {"account:GetAlternateContact": {"AlternateContact": contact}}
    _, [row], asked = read(tmp_path, "account", answers, "global", details=frozenset({"SecurityContact"}))
    assert row["SecurityContact"] == "SECURITY"
    assert "Ann" not in json.dumps(row)
    assert "ann@example.com" not in json.dumps(row)
    assert len(asked) == 1


def test_an_account_that_has_no_organization_has_nothing_of_it(tmp_path) -> None:
    answers = {
        "iam:ListOrganizationsFeatures": denied("iam:ListOrganizationsFeatures", "OrganizationNotFoundException"),
        "organizations:DescribeResourcePolicy": denied(
            "organizations:DescribeResourcePolicy", "AWSOrganizationsNotInUseException"
        ),
        "organizations:ListDelegatedAdministrators": denied(
            "organizations:ListDelegatedAdministrators", "AWSOrganizationsNotInUseException"
        ),
    }
    columns = ("OrganizationFeatures", "OrganizationResourcePolicy", "DelegatedAdministrators")
    record, [row], _ = read(tmp_path, "account", answers, "global", details=frozenset(columns))
    assert [row[name] for name in columns] == [None, None, None]
    assert record.gaps == ()
