"""What `check-permissions` and `usage` ask of IAM, and what they make of its answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from crenel.catalog.load import Extended, catalog
from crenel.collect.spool import Spool
from crenel.collect.unit import read_unit
from crenel.errors import PolicyError
from crenel.policies.context import Context
from crenel.policies.filters import compile_filter
from crenel.policies.keys.key import Place
from crenel.positions import load_text

from .collect.fakes import context, denied

ACTIONS = ["iam:CreateUser"]
CHECK = {"type": "check-permissions", "match": "allowed", "actions": ACTIONS}
USAGE = {"type": "usage", "match-operator": "all", "LastAuthenticated": None}
ANSWERS = {"EvaluationResults": [{"EvalActionName": "iam:CreateUser", "EvalDecision": "allowed"}]}
LISTINGS: dict[str, dict[str, Any]] = {
    "iam-user": {"iam:ListUsers": {"Users": [{"UserName": "u", "Arn": "arn:u"}]}},
    "iam-profile": {
        "iam:ListInstanceProfiles": {
            "InstanceProfiles": [
                {"InstanceProfileName": "p", "Arn": "arn:p", "Roles": [{"RoleName": "r", "Arn": "arn:r"}]},
                {"InstanceProfileName": "q", "Arn": "arn:q", "Roles": []},
            ]
        }
    },
    "lambda": {"lambda:ListFunctions": {"Functions": [{"FunctionName": "f", "FunctionArn": "arn:f", "Role": "arn:r"}]}},
    "iam-policy": {
        "iam:ListPolicies": {"Policies": [{"PolicyId": "P", "Arn": "arn:P", "DefaultVersionId": "v2"}]},
        "iam:GetPolicyVersion": {"PolicyVersion": {"Document": {"Statement": []}}},
    },
}


def collected(
    tmp_path, kind: str, filter_: dict[str, Any], answers: dict[str, Any], read: str = ""
) -> tuple[list[Any], Any, list[Any]]:
    """Return what the filter's column holds on rows of `read`, the unit's record, and what was asked."""
    types = Extended(catalog())
    compile_filter(Context(types[kind], Place.of(types[kind]), {}, types, {}), load_text(json.dumps(filter_), "here"))
    read = read or kind
    [name] = set(types[read].details) - set(catalog()[read].details)
    spool = Spool(tmp_path)
    region = "us-east-1" if types[read].regional else "global"
    with context(read, {**LISTINGS[read], **answers}, region, details=frozenset({name}), types=types) as unit:
        record = read_unit(unit, spool)
        text = spool.rows_file(record.unit).read_text() if record.rows else ""
        asked = [(call, params) for call, params, _ in unit.target.caller.asked]
    return [json.loads(line).get(name) for line in text.splitlines()], record, asked


@pytest.mark.parametrize(
    ("kind", "read", "source"),
    [("iam-user", "", "arn:u"), ("lambda", "", "arn:r"), ("ec2", "iam-profile", "arn:r")],
)
def test_a_principal_is_simulated(tmp_path, kind: str, read: str, source: str) -> None:
    answers = {"iam:SimulatePrincipalPolicy": ANSWERS}
    values, record, asked = collected(tmp_path, kind, CHECK, answers, read)
    assert values[0][0]["EvalDecision"] == "allowed"
    assert record.gaps == ()
    simulated = [params for call, params in asked if call == "iam:SimulatePrincipalPolicy"]
    assert simulated == [{"PolicySourceArn": source, "ActionNames": ACTIONS}]


def test_without_boundaries_the_boundary_allows_all(tmp_path) -> None:
    answers = {"iam:SimulatePrincipalPolicy": ANSWERS}
    _, _, asked = collected(tmp_path, "iam-user", {**CHECK, "boundaries": False}, answers)
    [boundary] = asked[-1][1]["PermissionsBoundaryPolicyInputList"]
    assert json.loads(boundary)["Statement"] == [{"Effect": "Allow", "Action": "*", "Resource": "*"}]


def test_a_principal_that_is_gone_is_nothing(tmp_path) -> None:
    answers = {"iam:SimulatePrincipalPolicy": denied("iam:SimulatePrincipalPolicy", "NoSuchEntity")}
    values, record, _ = collected(tmp_path, "iam-user", CHECK, answers)
    assert not values[0]
    assert record.gaps == ()


def test_a_policy_is_simulated_alone(tmp_path) -> None:
    values, _, asked = collected(tmp_path, "iam-policy", CHECK, {"iam:SimulateCustomPolicy": ANSWERS})
    assert values[0][0]["EvalDecision"] == "allowed"
    assert asked[-1] == (
        "iam:SimulateCustomPolicy",
        {"ActionNames": ACTIONS, "PolicyInputList": ['{"Statement": []}']},
    )


def test_what_is_denied_is_a_gap(tmp_path) -> None:
    _, record, _ = collected(tmp_path, "iam-policy", CHECK, {})
    assert [gap.permission for gap in record.gaps] == ["iam:SimulateCustomPolicy"]


def test_the_report_on_usage_is_waited_for(tmp_path) -> None:
    states = iter(
        [
            {"JobStatus": "IN_PROGRESS", "ServicesLastAccessed": []},
            {
                "JobStatus": "COMPLETED",
                "ServicesLastAccessed": [{"ServiceNamespace": "s3"}],
                "IsTruncated": True,
                "Marker": "m",
            },
            {"JobStatus": "COMPLETED", "ServicesLastAccessed": [{"ServiceNamespace": "ec2"}]},
        ]
    )
    answers = {
        "iam:GenerateServiceLastAccessedDetails": {"JobId": "j"},
        "iam:GetServiceLastAccessedDetails": lambda *_: next(states),
    }
    [services], _, asked = collected(tmp_path, "iam-user", USAGE, answers)
    assert [one["ServiceNamespace"] for one in services] == ["s3", "ec2"]
    assert asked[-1][1] == {"JobId": "j", "Marker": "m"}


@pytest.mark.parametrize(
    ("answer", "code"), [({"JobStatus": "IN_PROGRESS"}, "Timeout"), ({"JobStatus": "FAILED"}, "JobFailed")]
)
def test_a_report_that_does_not_come_is_a_gap(tmp_path, answer: dict[str, str], code: str) -> None:
    answers = {"iam:GenerateServiceLastAccessedDetails": {"JobId": "j"}, "iam:GetServiceLastAccessedDetails": answer}
    _, record, _ = collected(tmp_path, "iam-user", USAGE, answers)
    assert [gap.code for gap in record.gaps] == [code]


@pytest.mark.parametrize(
    ("kind", "filter_", "told"),
    [
        ("iam-user", {**CHECK, "actions": ["iam"]}, "is no action"),
        ("iam-user", {**CHECK, "actions": []}, "names none"),
        ("iam-user", {**CHECK, "match": "allow"}, 'not "allow"'),
        ("iam-user", {**CHECK, "match": {}}, "match is allowed"),
        ("iam-user", {"type": "check-permissions", "match": "allowed"}, "needs `actions`"),
        ("iam-user", {"type": "check-permissions", "actions": ACTIONS}, "needs `match`"),
        ("iam-user", {"type": "usage"}, "needs `match-operator`"),
        ("lambda", {"type": "iam-role-tag-mirror"}, "needs `key`"),
        ("rds", {"type": "consecutive-snapshots", "days": 0}, "a whole number from 1"),
        ("rds", {"type": "consecutive-snapshots"}, "needs `days`"),
        ("redshift", {"type": "consecutive-snapshots", "count": 1, "period": "years", "status": "available"}, "period"),
    ],
)
def test_mistakes(kind: str, filter_: dict[str, Any], told: str) -> None:
    types = Extended(catalog())
    place = Context(types[kind], Place.of(types[kind]), {}, types, {})
    with pytest.raises(PolicyError, match=told):
        compile_filter(place, load_text(json.dumps(filter_), "here"))
