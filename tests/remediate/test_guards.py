"""Whoever runs Crenel is never cut off by it, and AWS's quarantine stays."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import pytest
from botocore.session import Session

from crenel.collect.calls import Caller
from crenel.collect.session import Target
from crenel.errors import CallError
from crenel.model import Account
from crenel.remediate.guards import Guard
from crenel.remediate.load import acts
from tests.collect.fakes import ACCOUNT, FakeCaller
from tests.collect.stub import XML, Answer, Asked

KEY = "AKIAIOSFODNN7EXAMPLE"
USER = f"arn:aws:iam::{ACCOUNT}:user/ops/fixer"
ROLE = f"arn:aws:sts::{ACCOUNT}:assumed-role/fixer-role/me"
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
OWN = f"arn:aws:iam::{ACCOUNT}:policy/own"
PLACE = {"account": ACCOUNT, "region": "us-east-1", "partition": "aws", "arn": OWN}


def refusal(act: str, identity: str = USER, answers: Mapping[str, Any] = MappingProxyType({}), **args: Any) -> str:
    """What the guard of an account says of an act."""
    caller = FakeCaller({"sts:GetCallerIdentity": {"Arn": identity}, **ANSWERS, **answers})
    caller.session = Session()  # type: ignore[attr-defined]
    target = Target(Account(ACCOUNT), cast("Any", caller), "us-east-1", "us-east-1")
    params = {"PolicyArn": args["policy"]} if "policy" in args else {}
    call = {"operation": acts()[act].request.operation, "params": params}
    return Guard(target).refusal(acts()[act], {**PLACE, **args}, call)


ANSWERS = {
    "iam:ListGroupsForUser": {"Groups": [{"GroupName": "admins"}]},
    "iam:ListAttachedUserPolicies": {"AttachedPolicies": []},
    "iam:ListAttachedGroupPolicies": {"AttachedPolicies": [{"PolicyArn": OWN}]},
    "iam:ListAttachedRolePolicies": {"AttachedPolicies": [{"PolicyArn": OWN}]},
    "iam:GetUser": {"User": {"UserName": "fixer"}},
    "iam:GetRole": {"Role": {"RoleName": "fixer-role"}},
}


@pytest.fixture(autouse=True)
def _credentials(credentials: None) -> None:
    pass


@pytest.mark.parametrize(
    ("act", "identity", "args", "who"),
    [
        ("iam/deactivate-access-key", USER, {"user": "fixer", "key": KEY}, f"{USER}, key {KEY}"),
        ("iam/detach-user-policy", USER, {"user": "fixer", "policy": ADMIN}, USER),
        ("iam/delete-user-policy", USER, {"user": "fixer", "name": "inline"}, USER),
        ("iam/put-user-policy", USER, {"user": "fixer", "name": "inline"}, USER),
        ("iam/delete-login-profile", USER, {"user": "fixer"}, USER),
        ("iam/detach-role-policy", ROLE, {"role": "fixer-role", "policy": ADMIN}, ROLE),
        ("iam/detach-group-policy", USER, {"group": "admins", "policy": OWN}, f"{USER} is in the group admins"),
        ("iam/narrow-policy", USER, {"name": "own"}, f"{USER} has the policy {OWN}"),
        ("iam/narrow-policy", ROLE, {"name": "own"}, f"{ROLE} has the policy {OWN}"),
    ],
)
def test_what_cuts_off_ourselves_is_refused(act: str, identity: str, args: dict[str, Any], who: str) -> None:
    assert refusal(act, identity, **args) == f"it would cut off the identity that Crenel itself runs with: {who}."


@pytest.mark.parametrize(
    ("act", "identity", "args"),
    [
        ("iam/deactivate-access-key", USER, {"user": "bob", "key": "AKIAOTHER"}),
        ("iam/detach-user-policy", USER, {"user": "bob", "policy": OWN}),
        ("iam/detach-user-policy", ROLE, {"user": "fixer-role", "policy": OWN}),
        ("iam/detach-group-policy", USER, {"group": "developers", "policy": OWN}),
        ("iam/narrow-policy", USER, {"arn": f"arn:aws:iam::{ACCOUNT}:policy/other", "name": "other"}),
        ("iam/narrow-policy", f"arn:aws:iam::{ACCOUNT}:root", {"name": "own"}),
        ("ec2/make-snapshot-private", USER, {}),
    ],
)
def test_what_is_others_is_not(act: str, identity: str, args: dict[str, Any]) -> None:
    assert refusal(act, identity, **args) == ""


def test_a_boundary_is_a_policy_of_ours_too() -> None:
    bounded = {"User": {"PermissionsBoundary": {"PermissionsBoundaryArn": OWN}}}
    answers = {"iam:GetUser": bounded, "iam:ListAttachedGroupPolicies": {"AttachedPolicies": []}}
    assert "has the policy" in refusal("iam/narrow-policy", answers=answers, name="own")


def test_another_account_has_users_of_the_same_name() -> None:
    assert refusal("iam/delete-login-profile", "arn:aws:iam::999999999999:user/fixer", user="fixer") == ""


def test_who_is_not_told_is_no_leave() -> None:
    with pytest.raises(CallError):
        refusal(
            "iam/narrow-policy", answers={"iam:ListGroupsForUser": CallError("x", "AccessDenied", "no")}, name="own"
        )


@pytest.mark.parametrize("version", ["", "V2", "V3"])
@pytest.mark.parametrize("act", ["iam/detach-user-policy", "iam/detach-role-policy", "iam/detach-group-policy"])
def test_aws_quarantine_is_never_detached(act: str, version: str) -> None:
    policy = f"arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantine{version}"
    found = refusal(act, policy=policy, user="bob", role="builder", group="developers")
    assert found == f"{policy} is AWS's quarantine of a leaked key, and is never detached."


def test_whoever_takes_the_role_is_ourselves_too(stub: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile that takes a role by another's key: without that key there is no way back."""
    config = tmp_path / "config"
    config.write_text(
        "[profile fixer]\nrole_arn = arn:aws:iam::123456789012:role/fixer-role\nsource_profile = base\n"
        "[profile base]\naws_access_key_id = AKIABASE\naws_secret_access_key = secret-of-the-base-profile\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))

    def answer(asked: Asked) -> Answer:
        arn = USER if "AKIABASE" in asked.headers["authorization"] else ROLE
        return Answer(f"<R><GetCallerIdentityResult><Arn>{arn}</Arn></GetCallerIdentityResult></R>".encode(), kind=XML)

    stub(answer)
    session = Session(profile="fixer")
    session.set_credentials("ASIAOFTHEROLE", "secret-of-the-role")
    caller = Caller(session, ACCOUNT)
    identities = Guard(Target(Account(ACCOUNT), caller, "us-east-1", "us-east-1")).identities
    caller.close()
    assert [(each.arn, each.key) for each in identities] == [(ROLE, "ASIAOFTHEROLE"), (USER, "AKIABASE")]
