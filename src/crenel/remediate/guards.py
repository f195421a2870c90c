"""What is never done, whatever a plan says: cut off the identity that Crenel runs with, or lift AWS's quarantine.

The identity is the one that the credentials are of, and where a profile takes a role from another profile, that one's
too: without it there would be no way back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from crenel.collect.calls import Caller
from crenel.collect.session import Target
from crenel.errors import CallError
from crenel.remediate.model import Act

# https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSCompromisedKeyQuarantineV3.html
_QUARANTINE = "AWSCompromisedKeyQuarantine"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks: the ARN, and the id of the access key."""

    arn: str
    key: str

    @property
    def account(self) -> str:
        """The account that it is of."""
        return self.arn.split(":")[4]

    @property
    def user(self) -> str:
        """The IAM user's name; empty of a role and of the root user."""
        return self.arn.rpartition("/")[2] if ":user/" in self.arn else ""

    @property
    def role(self) -> str:
        """The role's name; empty where it is none."""
        return self.arn.split("/")[1] if ":assumed-role/" in self.arn else ""


class Guard:
    """Watches over one account's steps."""

    def __init__(self, target: Target) -> None:
        self._target = target

    @cached_property
    def identities(self) -> tuple[Identity, ...]:
        """The identities that Crenel runs with. Raises `CallError` where AWS does not tell."""
        return tuple(_identities(self._target))

    def refusal(self, act: Act, args: Mapping[str, Any], call: Mapping[str, Any]) -> str:
        """Return why a step is never done, or nothing. Raises `CallError` where that can't be told."""
        policy = str(call["params"].get("PolicyArn", ""))
        if call["operation"].startswith("Detach") and _QUARANTINE in policy:
            return f"{policy} is AWS's quarantine of a leaked key, and is never detached."
        for kind, expression in act.locks.items():
            value = expression.of({"args": args})
            for name in value if isinstance(value, list) else [value]:
                if name and (who := self._own(kind, str(name))):
                    return f"it would cut off the identity that Crenel itself runs with: {who}."
        return ""

    def _own(self, kind: str, name: str) -> str:
        """Return how something is Crenel's own, or nothing."""
        if kind == "key":
            return next((f"{each.arn}, key {name}" for each in self.identities if each.key == name), "")
        here = [each for each in self.identities if each.account == self._target.account.id]
        bare = name.rpartition("/")[2]
        for each in here:
            if kind in ("user", "role") and bare == (each.user if kind == "user" else each.role):
                return each.arn
            if kind == "group" and bare in self._groups(each):
                return f"{each.arn} is in the group {bare}"
            if kind == "policy" and name in self._policies(each):
                return f"{each.arn} has the policy {name}"
        return ""

    def _policies(self, identity: Identity) -> set[str]:
        """Return the managed policies that give an identity what it may do, or bound it."""
        if identity.role:
            which = {"RoleName": identity.role}
            found = self._read("ListAttachedRolePolicies", which, "AttachedPolicies[]", "PolicyArn")
            return found | self._read("GetRole", which, "Role.PermissionsBoundary", "PermissionsBoundaryArn")
        if not identity.user:
            return set()
        which = {"UserName": identity.user}
        found = self._read("ListAttachedUserPolicies", which, "AttachedPolicies[]", "PolicyArn")
        for group in self._groups(identity):
            found |= self._read("ListAttachedGroupPolicies", {"GroupName": group}, "AttachedPolicies[]", "PolicyArn")
        return found | self._read("GetUser", which, "User.PermissionsBoundary", "PermissionsBoundaryArn")

    def _groups(self, identity: Identity) -> set[str]:
        if not identity.user:
            return set()
        return self._read("ListGroupsForUser", {"UserName": identity.user}, "Groups[]", "GroupName")

    def _read(self, operation: str, params: Mapping[str, Any], path: str, member: str) -> set[str]:
        found: set[str] = set()
        for page in self._target.caller.pages("iam", operation, params, self._target.home_region):
            value: Any = page
            for part in path.removesuffix("[]").split("."):
                value = value.get(part) or {}
            found |= {item[member] for item in (value if path.endswith("[]") else [value]) if member in item}
        return found


# The calls by which `policy` and `group` among an act's locks are told; whoever applies a plan has to be allowed them.
READS: Mapping[str, tuple[str, ...]] = {
    "group": ("iam:ListGroupsForUser",),
    "policy": ("iam:ListAttachedRolePolicies", "iam:GetRole", "iam:ListAttachedUserPolicies", "iam:ListGroupsForUser",
               "iam:ListAttachedGroupPolicies", "iam:GetUser"),
}  # fmt: skip


def _identities(target: Target) -> Iterator[Identity]:
    """Yield who the credentials are of, and whose they were got with (``source_profile``)."""
    yield _identity(target.caller, target.start_region)
    session, seen = target.caller.session, set[str]()
    while (source := session.get_scoped_config().get("source_profile")) and source not in seen:
        seen.add(source)
        session = Session(profile=source)
        caller = Caller(session)
        try:
            yield _identity(caller, target.start_region)
        finally:
            caller.close()


def _identity(caller: Caller, region: str) -> Identity:
    try:
        answer = caller.call("sts", "GetCallerIdentity", {}, region)
        credentials = caller.session.get_credentials()
        key = credentials.get_frozen_credentials().access_key if credentials is not None else ""
    except (BotoCoreError, ClientError) as error:
        raise CallError("sts:GetCallerIdentity", "CredentialsError", str(error)) from error
    return Identity(str(answer["Arn"]), str(key))
