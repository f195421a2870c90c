"""The demo account's people: root, users, groups, roles, policies, the password policy."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moto.iam.models import AccessKeyLastUsed, IAMBackend, VirtualMfaDevice, iam_backends

from crenel.demo.clients import ACCOUNT, HOME, Clients, days_ago
from crenel.demo.corrections import PASSWORD_CHANGED, ROOT_CREATED, ROOT_PASSWORD_USED, RootSummary

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

POLICY_ARN = f"arn:aws:iam::{ACCOUNT}:policy"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


@dataclass(frozen=True, slots=True)
class Key:
    """An access key: its age and its last use in days (None: never used), and where it was used."""

    age: float
    used: float | None = None
    active: bool = True
    service: str = "s3"
    region: str = HOME


@dataclass(frozen=True, slots=True)
class Password:
    """A console password: days since it was set, days since it was used (None: never)."""

    age: float
    used: float | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """An IAM user, made `age` days ago, with what it holds. `managed` and `inline` are policies of its own."""

    name: str
    age: float
    path: str = "/"
    password: Password | None = None
    mfa: bool = False
    keys: Sequence[Key] = ()
    groups: Sequence[str] = ()
    managed: Sequence[str] = ()
    inline: Sequence[str] = ()


PEOPLE = (
    Person("alice.moreau", 1460, password=Password(80, 1), mfa=True, keys=[Key(20, 1)], groups=["operations"]),
    # A developer who does all right but for one key that nobody ever renewed.
    Person("ben.carter", 800, password=Password(60, 12), mfa=True, keys=[Key(200, 1)], groups=["developers"]),
    # Has a device in the drawer that was never enrolled, and left months ago.
    Person("carla.nunes", 700, password=Password(400, 130), groups=["developers"], inline=["export-orders"]),
    Person("dev.intern", 150, password=Password(150), managed=["web-deploy"]),
    Person("eva.lindqvist", 500, password=Password(200, 60), mfa=True, groups=["developers"]),
    Person("felix.ostermann", 4, password=Password(4), groups=["developers"]),
    # Named so that a search for "root" in ARNs finds it; it is an ordinary user, held by a boundary.
    Person("root-admin", 900, password=Password(30, 3), mfa=True, groups=["operations"]),
    Person(
        "deploy-bot",
        900,
        path="/service-accounts/",
        keys=[Key(400, 120), Key(10, 0.2)],
        managed=["web-deploy"],
    ),
    Person("backup-agent", 210, path="/service-accounts/", keys=[Key(210)], groups=["backup"]),
    Person("legacy-ftp", 1200, path="/service-accounts/", keys=[Key(1200, 420, active=False)]),
    Person("metrics-exporter", 3, path="/service-accounts/", keys=[Key(3)], groups=["backup"]),
    Person("ses-smtp", 365, path="/service-accounts/", keys=[Key(95, 1, service="ses")], inline=["send-mail"]),
)

GROUPS: Mapping[str, Sequence[str]] = {
    "operations": ["ops-full-access", "auditors-deny-billing"],
    "developers": ["web-deploy", "everything-but-iam"],
    "backup": ["assets-read-only"],
}


def _allow(action: str | list[str], resource: str | list[str] = "*", **more: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


ASSETS = ["arn:aws:s3:::larkspur-web-assets", "arn:aws:s3:::larkspur-web-assets/*"]
WITH_MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}

# Name to statements. IAM takes one statement with and without a list around it; both forms are here.
POLICIES: Mapping[str, dict[str, Any] | list[dict[str, Any]]] = {
    "ops-full-access": [_allow(["*"], ["*"])],
    "break-glass": _allow("*:*"),
    "migration-2019-admin": [_allow("*")],
    "mfa-admin": [_allow("*", Condition=WITH_MFA)],
    "developer-boundary": [_allow("*")],
    "release-manager": [_allow("*")],
    "web-deploy": [_allow(["s3:PutObject", "s3:GetObject", "s3:ListBucket"], ASSETS)],
    "everything-but-iam": [{"Effect": "Allow", "NotAction": ["iam:*", "organizations:*"], "Resource": "*"}],
    "auditors-deny-billing": [{"Effect": "Deny", "Action": "aws-portal:*", "Resource": "*"}],
    "assets-read-only": [_allow(["s3:GetObject", "s3:ListBucket"], ASSETS)],
}
INLINE_POLICIES = {
    "export-orders": [_allow("dynamodb:Scan", f"arn:aws:dynamodb:{HOME}:{ACCOUNT}:table/orders")],
    "send-mail": [_allow("ses:SendRawEmail")],
}
ROLES: Mapping[str, tuple[str, Sequence[str]]] = {
    "shop-break-glass": ("ec2.amazonaws.com", [f"{POLICY_ARN}/break-glass"]),
    "shop-release": ("codebuild.amazonaws.com", [f"{POLICY_ARN}/release-manager"]),
    "shop-web": ("ec2.amazonaws.com", [f"{POLICY_ARN}/assets-read-only"]),
    "shop-lambda": ("lambda.amazonaws.com", [f"{POLICY_ARN}/web-deploy"]),
    "shop-notebooks": ("sagemaker.amazonaws.com", [f"{POLICY_ARN}/assets-read-only"]),
    "shop-flow-logs": ("vpc-flow-logs.amazonaws.com", []),
    "OrganizationAccountAccessRole": ("ec2.amazonaws.com", [ADMINISTRATOR]),
}


def role_arn(name: str) -> str:
    """Return the ARN of one of the account's roles."""
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def seed(clients: Clients) -> None:
    """Make root, policies, groups, roles, users and the password policy."""
    iam = clients.of("iam")
    backend = iam_backends[ACCOUNT]["aws"]
    iam.create_account_alias(AccountAlias="larkspur-shop")
    iam.create_service_linked_role(AWSServiceName="config.amazonaws.com")
    for role in backend.roles.values():
        role.name = "AWSServiceRoleForConfig"  # moto spells the service as in its host name
    _seed_policies(iam, backend)
    _seed_groups_and_roles(iam)
    for person in PEOPLE:
        _seed_person(iam, backend, person)
    iam.create_virtual_mfa_device(VirtualMFADeviceName="carla.nunes-spare")  # enrolled by nobody
    _seed_boundary(backend)
    _seed_root(backend)
    iam.update_account_password_policy(
        MinimumPasswordLength=8,
        RequireUppercaseCharacters=True,
        RequireLowercaseCharacters=True,
        RequireNumbers=True,
        RequireSymbols=False,
        AllowUsersToChangePassword=True,
        PasswordReusePrevention=3,
    )


def _document(statements: dict[str, Any] | list[dict[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _seed_policies(iam: Any, backend: IAMBackend) -> None:  # noqa: ANN401
    for name, statements in POLICIES.items():
        iam.create_policy(PolicyName=name, PolicyDocument=_document(statements))
    # Version 1 of this one allows everything; what counts is the version in force.
    narrow = _document([_allow(["codedeploy:CreateDeployment", "codedeploy:GetDeployment"])])
    iam.create_policy_version(PolicyArn=f"{POLICY_ARN}/release-manager", PolicyDocument=narrow, SetAsDefault=True)
    for policy in backend.managed_policies.values():
        if policy.arn.startswith(POLICY_ARN):
            policy.create_date = policy.update_date = days_ago(1000)


def _seed_groups_and_roles(iam: Any) -> None:  # noqa: ANN401
    for group, names in GROUPS.items():
        iam.create_group(GroupName=group)
        for name in names:
            iam.attach_group_policy(GroupName=group, PolicyArn=f"{POLICY_ARN}/{name}")
    iam.attach_group_policy(GroupName="operations", PolicyArn=f"{POLICY_ARN}/mfa-admin")
    for role, (service, arns) in ROLES.items():
        trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=_document(trust))
        for arn in arns:
            iam.attach_role_policy(RoleName=role, PolicyArn=arn)


def _seed_person(iam: Any, backend: IAMBackend, person: Person) -> None:  # noqa: ANN401
    iam.create_user(UserName=person.name, Path=person.path)
    for group in person.groups:
        iam.add_user_to_group(UserName=person.name, GroupName=group)
    for name in person.managed:
        iam.attach_user_policy(UserName=person.name, PolicyArn=f"{POLICY_ARN}/{name}")
    for name in person.inline:
        document = _document(INLINE_POLICIES[name])
        iam.put_user_policy(UserName=person.name, PolicyName=name, PolicyDocument=document)
    # There is no call that makes anything in the past: every age is set in moto's own objects.
    user = backend.users[person.name]
    user.create_date = days_ago(person.age)
    if person.password:
        iam.create_login_profile(UserName=person.name, Password="Not-a-real-passw0rd")  # noqa: S106
        PASSWORD_CHANGED[person.name] = days_ago(person.password.age)
        if person.password.used is not None:
            user.password_last_used = days_ago(person.password.used)  # type: ignore[assignment]
    if person.mfa:
        device = iam.create_virtual_mfa_device(VirtualMFADeviceName=person.name)["VirtualMFADevice"]["SerialNumber"]
        iam.enable_mfa_device(
            UserName=person.name, SerialNumber=device, AuthenticationCode1="123456", AuthenticationCode2="654321"
        )
        user.mfa_devices[device].enable_date = backend.virtual_mfa_devices[device].enable_date = user.create_date
    for key in person.keys:
        _seed_key(iam, backend, person, key)


def _seed_key(iam: Any, backend: IAMBackend, person: Person, key: Key) -> None:  # noqa: ANN401
    made = iam.create_access_key(UserName=person.name)["AccessKey"]["AccessKeyId"]
    if not key.active:
        iam.update_access_key(UserName=person.name, AccessKeyId=made, Status="Inactive")
    kept = backend.users[person.name].get_access_key_by_id(made)
    kept.create_date = days_ago(key.age)
    if key.used is not None:
        kept.last_used = AccessKeyLastUsed(days_ago(key.used), key.service, key.region)


def _seed_boundary(backend: IAMBackend) -> None:
    # moto has no PutUserPermissionsBoundary and does not count boundaries; its answers take both from attributes.
    boundary = backend.managed_policies[f"{POLICY_ARN}/developer-boundary"]
    held = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": boundary.arn}
    vars(backend.users["root-admin"])["permissions_boundary"] = held
    # Nor does GetAccountAuthorizationDetails find a policy's name and id under moto's names for them.
    for policy in backend.managed_policies.values():
        counted = {"permissions_boundary_usage_count": int(policy is boundary)}
        vars(policy).update(counted, policy_name=policy.name, policy_id=policy.id)


def _seed_root(backend: IAMBackend) -> None:
    # Nothing in AWS's API makes root's credentials, so moto has no call for them either.
    backend.account_summary = RootSummary(backend, mfa=True, access_key=True)
    phone = VirtualMfaDevice(ACCOUNT, HOME, "/founder-phone")
    phone.enable_date = days_ago(900)
    # What moto answers of a device's user comes from an attribute that is made for users; root is none.
    vars(phone)["user"] = {
        "UserId": ACCOUNT,
        "Arn": f"arn:aws:iam::{ACCOUNT}:root",
        "CreateDate": ROOT_CREATED,
        "PasswordLastUsed": ROOT_PASSWORD_USED,
    }
    backend.virtual_mfa_devices[phone.serial_number] = phone
