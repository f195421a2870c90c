"""IAM and STS: users with their credentials, groups, roles, policies, and the account's own settings."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from urllib.parse import quote

from benchmarks.endpoint.account import (
    ACCOUNT_ID,
    Account,
    access_key,
    access_keys,
    has_mfa,
    password,
    row_of_name,
    unique_id,
)
from benchmarks.endpoint.answers.paging import Handler, Kind, Listing, Paging, nothing
from benchmarks.endpoint.wire import Call, Document, Refusal

PAGING = Paging("MaxItems", "Marker", "Marker", default=100, most=1000, flag="IsTruncated")
AWS_MANAGED = ("AdministratorAccess", "ReadOnlyAccess")
"""The policies of AWS's own that are attached: each to every role."""
STAMP = "%Y-%m-%dT%H:%M:%S+00:00"


def _policy_text(*statements: Document) -> str:
    """A policy as IAM sends it: JSON, percent-encoded."""
    return quote(json.dumps({"Version": "2012-10-17", "Statement": list(statements)}), safe="~")


def _allow(actions: str | list[str], resources: str | list[str]) -> Document:
    return {"Effect": "Allow", "Action": actions, "Resource": resources}


_ADMIN = _policy_text(_allow("*", "*"))
_NARROW = _policy_text(
    _allow(["s3:GetObject", "s3:PutObject", "s3:ListBucket"], ["arn:aws:s3:::data-~row~", "arn:aws:s3:::data-~row~/*"]),
    _allow(["kms:Decrypt", "kms:GenerateDataKey"], f"arn:aws:kms:*:{ACCOUNT_ID}:key/*"),
    _allow("logs:PutLogEvents", f"arn:aws:logs:*:{ACCOUNT_ID}:log-group:/service/~row~:*"),
)
_INLINE = _policy_text(_allow("sqs:SendMessage", f"arn:aws:sqs:eu-west-1:{ACCOUNT_ID}:jobs"))
_TRUST = _policy_text(
    {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"},
)


def _existing(call: Call, parameter: str, count: int) -> int:
    """The row that a call names."""
    name = call.text(parameter)
    if not name:
        raise Refusal("ValidationError", f"Must specify {parameter} when calling with non-User credentials")
    row = row_of_name(name)
    if not 0 <= row < count:
        raise Refusal("NoSuchEntity", f"The {parameter} with value {name} cannot be found.", 404)
    return row


def _attached_policy(account: Account, row: int) -> int | None:
    """The managed policy that a user, group or role has been given; two policies in three are in use."""
    if not account.sizes.policies:
        return None
    policy = row % account.sizes.policies
    return policy if in_use(policy) else None


def in_use(policy: int) -> bool:
    """Whether a policy is attached to something."""
    return policy % 3 != 0


def is_admin(policy: int) -> bool:
    """Whether a policy's default version allows everything: one in 25."""
    return policy % 25 == 4


def _named_policy(policy: int | str) -> Document:
    name = f"policy-{policy:07d}" if isinstance(policy, int) else policy
    owner = ACCOUNT_ID if isinstance(policy, int) else "aws"
    return {"PolicyName": name, "PolicyArn": f"arn:aws:iam::{owner}:policy/{name}"}


_HOLED_POLICY = {"PolicyName": "policy-~policy~", "PolicyArn": f"arn:aws:iam::{ACCOUNT_ID}:policy/policy-~policy~"}


# ---------------------------------------------------------------- users


def user_policy(account: Account, user: int) -> int | None:
    """The managed policy of a user's own: one user in seven has one, if there is any in use."""
    return _attached_policy(account, user) if user % 7 == 0 else None


def has_inline(user: int) -> bool:
    """Whether a user has an inline policy: one in eleven."""
    return user % 11 == 0


def in_group(account: Account, user: int) -> bool:
    """Whether a user is in a group: two in three."""
    return user % 3 != 0 and account.sizes.groups > 0


def _user(console: bool) -> Document:
    return {
        "Path": "/",
        "UserName": "user-~row~",
        "UserId": "~id~",
        "Arn": f"arn:aws:iam::{ACCOUNT_ID}:user/user-~row~",
        "CreateDate": "~created~",
        **({"PasswordLastUsed": "~used~"} if console else {}),
    }


def _user_detail(variant: tuple[bool, bool, bool]) -> Document:
    grouped, attached, inline = variant
    return {
        **_user(console=False),
        "UserPolicyList": [{"PolicyName": "inline", "PolicyDocument": _INLINE}] if inline else [],
        "GroupList": ["group-~group~"] if grouped else [],
        "AttachedManagedPolicies": [_HOLED_POLICY] if attached else [],
        "Tags": [{"Key": "team", "Value": "platform-engineering"}],
    }


def _time(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def _created(account: Account, row: int) -> datetime:
    return account.ago(500 + row % 700)


def _user_holes(account: Account, row: int) -> Mapping[str, object]:
    secret = password(row)
    idle = secret.unused if secret is not None else None
    return {
        "row": f"{row:07d}",
        "id": unique_id("AIDA", row),
        "created": _time(_created(account, row)),
        "used": "" if idle is None else _time(account.ago(idle)),
        "group": f"{row % max(1, account.sizes.groups):07d}",
        "policy": f"{_attached_policy(account, row) or 0:07d}",
    }


def _used_console(_account: Account, row: int) -> bool:
    secret = password(row)
    return secret is not None and secret.unused is not None


USER = Kind(_used_console, _user, _user_holes)
USERS = Listing(USER, "Users", PAGING)
USER_DETAILS = Kind(
    lambda account, row: (in_group(account, row), user_policy(account, row) is not None, has_inline(row)),
    _user_detail,
    _user_holes,
)


def list_users(account: Account, call: Call) -> Document:
    """List the users."""
    return USERS.page(account, call, range(account.sizes.users))


def get_user(account: Account, call: Call) -> Document:
    """Describe one user."""
    row = _existing(call, "UserName", account.sizes.users)
    return {"User": USER.one(account, row)}


def list_access_keys(account: Account, call: Call) -> Document:
    """List a user's keys."""
    row = _existing(call, "UserName", account.sizes.users)
    found = [
        {
            "UserName": call.text("UserName"),
            "AccessKeyId": key.id,
            "Status": "Active" if key.active else "Inactive",
            "CreateDate": account.ago(key.age),
        }
        for key in access_keys(row)
    ]
    return {"AccessKeyMetadata": found, "IsTruncated": False}


def get_access_key_last_used(account: Account, call: Call) -> Document:
    """Say when a key was last used."""
    found = access_key(call.text("AccessKeyId"))
    if found is None or found[0] >= account.sizes.users:
        raise Refusal("NoSuchEntity", f"The Access Key with id {call.text('AccessKeyId')} cannot be found.", 404)
    user, key = found
    used: Document = {"ServiceName": "N/A", "Region": "N/A"}
    if key.unused is not None:
        used = {"LastUsedDate": account.ago(key.unused), "ServiceName": "s3", "Region": "us-east-1"}
    return {"UserName": f"user-{user:07d}", "AccessKeyLastUsed": used}


def list_mfa_devices(account: Account, call: Call) -> Document:
    """List a user's MFA devices."""
    row = _existing(call, "UserName", account.sizes.users)
    name = call.text("UserName")
    serial = f"arn:aws:iam::{ACCOUNT_ID}:mfa/{name}"
    device = {"UserName": name, "SerialNumber": serial, "EnableDate": account.ago(100)}
    return {"MFADevices": [device] if has_mfa(row) else [], "IsTruncated": False}


def get_login_profile(account: Account, call: Call) -> Document:
    """Describe a user's password."""
    secret = password(_existing(call, "UserName", account.sizes.users))
    name = call.text("UserName")
    if secret is None:
        raise Refusal("NoSuchEntity", f"Login Profile for User {name} cannot be found.", 404)
    profile = {"UserName": name, "CreateDate": account.ago(secret.age), "PasswordResetRequired": False}
    return {"LoginProfile": profile}


def list_attached_user_policies(account: Account, call: Call) -> Document:
    """List the managed policies of a user's own."""
    policy = user_policy(account, _existing(call, "UserName", account.sizes.users))
    return {"AttachedPolicies": [] if policy is None else [_named_policy(policy)], "IsTruncated": False}


def list_user_policies(account: Account, call: Call) -> Document:
    """List a user's inline policies."""
    row = _existing(call, "UserName", account.sizes.users)
    return {"PolicyNames": ["inline"] if has_inline(row) else [], "IsTruncated": False}


def get_user_policy(account: Account, call: Call) -> Document:
    """Return a user's inline policy."""
    row = _existing(call, "UserName", account.sizes.users)
    if not has_inline(row) or call.text("PolicyName") != "inline":
        raise Refusal("NoSuchEntity", f"The user policy with name {call.text('PolicyName')} cannot be found.", 404)
    return {"UserName": call.text("UserName"), "PolicyName": "inline", "PolicyDocument": _INLINE}


def list_groups_for_user(account: Account, call: Call) -> Document:
    """List a user's groups."""
    row = _existing(call, "UserName", account.sizes.users)
    found = [_group_of(account, row % account.sizes.groups)] if in_group(account, row) else []
    return {"Groups": found, "IsTruncated": False}


# ---------------------------------------------------------------- groups and roles


def _group_of(account: Account, row: int) -> Document:
    name = f"group-{row:07d}"
    return {
        "Path": "/",
        "GroupName": name,
        "GroupId": unique_id("AGPA", row),
        "Arn": f"arn:aws:iam::{ACCOUNT_ID}:group/{name}",
        "CreateDate": _created(account, row),
    }


def _group(attached: bool | None) -> Document:
    details = {"GroupPolicyList": [], "AttachedManagedPolicies": [_HOLED_POLICY] if attached else []}
    return {
        "Path": "/",
        "GroupName": "group-~row~",
        "GroupId": "~id~",
        "Arn": f"arn:aws:iam::{ACCOUNT_ID}:group/group-~row~",
        "CreateDate": "~created~",
        **({} if attached is None else details),
    }


def _role(attached: bool | None) -> Document:
    details = {
        "InstanceProfileList": [],
        "RolePolicyList": [],
        "AttachedManagedPolicies": [*map(_named_policy, AWS_MANAGED), *([_HOLED_POLICY] if attached else [])],
    }
    return {
        "Path": "/",
        "RoleName": "role-~row~",
        "RoleId": "~id~",
        "Arn": f"arn:aws:iam::{ACCOUNT_ID}:role/role-~row~",
        "CreateDate": "~created~",
        "AssumeRolePolicyDocument": _TRUST,
        **({"MaxSessionDuration": 3600} if attached is None else details),
    }


def _holes(prefix: str) -> Callable[[Account, int], Mapping[str, object]]:
    def fill(account: Account, row: int) -> Mapping[str, object]:
        return {
            "row": f"{row:07d}",
            "id": unique_id(prefix, row),
            "created": _time(_created(account, row)),
            "policy": f"{_attached_policy(account, row) or 0:07d}",
        }

    return fill


def _has_policy(account: Account, row: int) -> bool:
    return _attached_policy(account, row) is not None


GROUPS = Listing(Kind(lambda _account, _row: None, _group, _holes("AGPA")), "Groups", PAGING)
ROLE = Kind(lambda _account, _row: None, _role, _holes("AROA"))
ROLES = Listing(ROLE, "Roles", PAGING)
GROUP_DETAILS = Kind(_has_policy, _group, _holes("AGPA"))
ROLE_DETAILS = Kind(_has_policy, _role, _holes("AROA"))


def list_groups(account: Account, call: Call) -> Document:
    """List the groups."""
    return GROUPS.page(account, call, range(account.sizes.groups))


def list_roles(account: Account, call: Call) -> Document:
    """List the roles."""
    return ROLES.page(account, call, range(account.sizes.roles))


def get_role(account: Account, call: Call) -> Document:
    """Describe one role."""
    return {"Role": ROLE.one(account, _existing(call, "RoleName", account.sizes.roles))}


def get_group(account: Account, call: Call) -> Document:
    """Describe a group with its users."""
    row, groups = _existing(call, "GroupName", account.sizes.groups), account.sizes.groups
    members = [user for user in range(row, account.sizes.users, groups) if in_group(account, user)]
    return {"Group": _group_of(account, row), **USERS.page(account, call, members)}


def _list_attached(parameter: str, count: Callable[[Account], int], *more: str) -> Handler:
    def answer(account: Account, call: Call) -> Document:
        policy = _attached_policy(account, _existing(call, parameter, count(account)))
        found: list[int | str] = [*more] if policy is None else [*more, policy]
        return {"AttachedPolicies": [_named_policy(name) for name in found], "IsTruncated": False}

    return answer


# ---------------------------------------------------------------- policies


def _policy(variant: tuple[bool, bool | None]) -> Document:
    used, admin = variant
    document = _ADMIN if admin else _NARROW
    version = {"Document": document, "VersionId": "v1", "IsDefaultVersion": True, "CreateDate": "~created~"}
    return {
        "PolicyName": "policy-~row~",
        "PolicyId": "~id~",
        "Arn": f"arn:aws:iam::{ACCOUNT_ID}:policy/policy-~row~",
        "Path": "/",
        "DefaultVersionId": "v1",
        "AttachmentCount": int(used),
        "PermissionsBoundaryUsageCount": 0,
        "IsAttachable": True,
        "CreateDate": "~created~",
        "UpdateDate": "~created~",
        **({} if admin is None else {"PolicyVersionList": [version]}),
    }


POLICIES = Kind(lambda _, row: (in_use(row), None), _policy, _holes("ANPA"))
POLICY_DETAILS = Kind(lambda _, row: (in_use(row), is_admin(row)), _policy, _holes("ANPA"))


def _managed(account: Account, *, detailed: bool) -> list[Document]:
    """AWS's own policies that are attached."""
    found = []
    for row, name in enumerate(AWS_MANAGED):
        text = _ADMIN if name == "AdministratorAccess" else _policy_text(_allow("*:Describe*", "*"))
        version = {"Document": text, "VersionId": "v1", "IsDefaultVersion": True}
        found.append(
            {
                "PolicyName": name,
                "PolicyId": unique_id("ANPAZ", row),
                "Arn": f"arn:aws:iam::aws:policy/{name}",
                "Path": "/",
                "DefaultVersionId": "v1",
                "AttachmentCount": account.sizes.roles,
                "PermissionsBoundaryUsageCount": 0,
                "IsAttachable": True,
                "CreateDate": account.ago(4000),
                "UpdateDate": account.ago(4000),
                **({"PolicyVersionList": [version]} if detailed else {}),
            }
        )
    return found if account.sizes.roles else []


def list_policies(account: Account, call: Call) -> Document:
    """List the customer's policies, AWS's own that are attached, or both."""
    scope = call.text("Scope") or "All"
    if scope == "AWS":
        return {"Policies": _managed(account, detailed=False), "IsTruncated": False}
    wanted: Sequence[int] = range(account.sizes.policies)
    if call.text("OnlyAttached") == "true":
        wanted = [row for row in wanted if in_use(row)]
    return Listing(POLICIES, "Policies", PAGING).page(account, call, wanted)


def get_policy_version(account: Account, call: Call) -> Document:
    """Return a policy's text."""
    arn, version = call.text("PolicyArn"), call.text("VersionId")
    managed = {policy["Arn"]: policy for policy in _managed(account, detailed=True)}
    if version == "v1" and arn in managed:
        return {"PolicyVersion": managed[arn]["PolicyVersionList"][0]}
    row = _existing(call, "PolicyArn", account.sizes.policies)
    if version != "v1":
        raise Refusal("NoSuchEntity", f"Policy {arn} version {version} does not exist.", 404)
    text = _ADMIN if is_admin(row) else _NARROW.replace("~row~", f"{row:07d}")
    created = _created(account, row)
    return {
        "PolicyVersion": {"Document": text, "VersionId": "v1", "IsDefaultVersion": True, "CreateDate": created},
    }


def list_entities_for_policy(account: Account, call: Call) -> Document:
    """List who has a policy: the roles, for AWS's own; one role that is named after it, for the customer's."""
    arn = call.text("PolicyArn")
    if arn.startswith("arn:aws:iam::aws:"):
        rows = range(account.sizes.roles if arn.rpartition("/")[2] in AWS_MANAGED else 0)
    else:
        row = _existing(call, "PolicyArn", account.sizes.policies)
        rows = range(row, row + 1) if in_use(row) else range(0)
    found = [{"RoleName": f"role-{row:07d}", "RoleId": unique_id("AROA", row)} for row in rows]
    return {"PolicyGroups": [], "PolicyUsers": [], "PolicyRoles": found, "IsTruncated": False}


def get_account_authorization_details(account: Account, call: Call) -> Document:
    """List users, groups, roles and policies, with everything that hangs on them."""
    sections = (
        ("User", "UserDetailList", USER_DETAILS, account.sizes.users),
        ("Group", "GroupDetailList", GROUP_DETAILS, account.sizes.groups),
        ("Role", "RoleDetailList", ROLE_DETAILS, account.sizes.roles),
        ("LocalManagedPolicy", "Policies", POLICY_DETAILS, account.sizes.policies),
    )
    wanted = call.texts("Filter.member") or [name for name, *_ in sections] + ["AWSManagedPolicy"]
    chosen = [section for section in sections if section[0] in wanted]
    page, envelope = PAGING.cut(call, range(sum(count for *_, count in chosen)))
    found: Document = {member: [] for _, member, *_ in sections}
    start = 0
    for _, member, kind, count in chosen:
        rows = range(count)[max(0, page[0] - start) : max(0, page[-1] + 1 - start)] if page else range(0)
        found[member] = kind.write(account, call, member, rows)
        start += count
    if "AWSManagedPolicy" in wanted and not envelope["IsTruncated"]:
        if found["Policies"]:
            return found | envelope | {"Marker": f"page-{start}", "IsTruncated": True}
        found["Policies"] = _managed(account, detailed=True)
    return found | envelope


# ---------------------------------------------------------------- the account


def get_caller_identity(_account: Account, _call: Call) -> Document:
    """Say who calls."""
    arn = f"arn:aws:sts::{ACCOUNT_ID}:assumed-role/scanner/benchmark"
    return {"UserId": f"{unique_id('AROA', 0)}:benchmark", "Account": ACCOUNT_ID, "Arn": arn}


def get_account_password_policy(account: Account, _call: Call) -> Document:
    """Return the rules for passwords, which are too lax by one."""
    if not account.sizes.password_policy:
        raise Refusal("NoSuchEntity", f"The Password Policy with domain name {ACCOUNT_ID} cannot be found.", 404)
    return {
        "PasswordPolicy": {
            "MinimumPasswordLength": 10,
            "RequireSymbols": False,
            "RequireNumbers": True,
            "RequireUppercaseCharacters": True,
            "RequireLowercaseCharacters": True,
            "AllowUsersToChangePassword": True,
            "ExpirePasswords": False,
        }
    }


def list_virtual_mfa_devices(account: Account, call: Call) -> Document:
    """List the virtual MFA devices: the users', and the root user's if it has such a one."""
    root = -1
    owners = [row for row in range(account.sizes.users) if has_mfa(row)]
    page, envelope = PAGING.cut(call, [root, *owners] if account.sizes.root_mfa == 1 else owners)
    return {"VirtualMFADevices": [_virtual_device(account, row) for row in page], **envelope}


def _virtual_device(account: Account, row: int) -> Document:
    name = f"user-{row:07d}" if row >= 0 else "root-account-mfa-device"
    user = {
        "Path": "/",
        "UserName": name,
        "UserId": unique_id("AIDA", row),
        "Arn": f"arn:aws:iam::{ACCOUNT_ID}:user/{name}",
        "CreateDate": account.ago(100),
    }
    if row < 0:
        user = {"UserId": ACCOUNT_ID, "Arn": f"arn:aws:iam::{ACCOUNT_ID}:root", "CreateDate": account.ago(3000)}
    serial = f"arn:aws:iam::{ACCOUNT_ID}:mfa/{name}"
    return {"SerialNumber": serial, "User": user, "EnableDate": account.ago(100)}


_REPORT_COLUMNS = (
    "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,"
    "mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,"
    "access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,"
    "access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,"
    "cert_1_last_rotated,cert_2_active,cert_2_last_rotated"
)
_NO_KEY = "false,N/A,N/A,N/A,N/A"


def _flag(value: object) -> str:
    return "true" if value else "false"


def _report_root(account: Account) -> str:
    created = account.ago(3000).strftime(STAMP)
    key = f"true,{created},N/A,N/A,N/A" if account.sizes.root_keys else _NO_KEY
    return (
        f"<root_account>,arn:aws:iam::{ACCOUNT_ID}:root,{created},not_supported,{account.ago(200).strftime(STAMP)},"
        f"not_supported,not_supported,{_flag(account.sizes.root_mfa)},{key},{_NO_KEY},false,N/A,false,N/A"
    )


def _report_password(account: Account, user: int) -> str:
    secret = password(user)
    if secret is None:
        return "false,N/A,N/A,N/A"
    used = "no_information" if secret.unused is None else account.ago(secret.unused).strftime(STAMP)
    return f"true,{used},{account.ago(secret.age).strftime(STAMP)},N/A"


def _report_keys(account: Account, user: int) -> str:
    found = []
    for key in access_keys(user):
        used = "N/A,N/A,N/A" if key.unused is None else f"{account.ago(key.unused).strftime(STAMP)},us-east-1,s3"
        found.append(f"{_flag(key.active)},{account.ago(key.age).strftime(STAMP)},{used}")
    return ",".join([*found, _NO_KEY, _NO_KEY][:2])


def _report_user(account: Account, user: int) -> str:
    name = f"user-{user:07d}"
    mfa = _flag(has_mfa(user))
    return (
        f"{name},arn:aws:iam::{ACCOUNT_ID}:user/{name},{_created(account, user).strftime(STAMP)},"
        f"{_report_password(account, user)},{mfa},{_report_keys(account, user)},false,N/A,false,N/A"
    )


def get_credential_report(account: Account, _call: Call) -> Document:
    """Return the credential report: a line for the root user and one for each other user."""
    lines = [_REPORT_COLUMNS, _report_root(account)]
    lines += [_report_user(account, user) for user in range(account.sizes.users)]
    return {"Content": "\n".join(lines).encode(), "ReportFormat": "text/csv", "GeneratedTime": account.now}


def generate_last_accessed(_account: Account, _call: Call) -> Document:
    """Start a report on what a principal used."""
    return {"JobId": "0" * 36}


def get_last_accessed(account: Account, _call: Call) -> Document:
    """Return the report, which is done at once and empty."""
    times = {"JobCreationDate": account.now, "JobCompletionDate": account.now}
    return {"JobStatus": "COMPLETED", **times, "ServicesLastAccessed": []}


def list_organizations_features(_account: Account, _call: Call) -> Document:
    """Say that the account is in no organization."""
    raise Refusal("OrganizationNotFoundException", "The account is not in an organization.", 404)


# ---------------------------------------------------------------- the table


def _summary(account: Account) -> dict[str, int]:
    sizes = account.sizes
    return {
        "Users": sizes.users,
        "Groups": sizes.groups,
        "Roles": sizes.roles,
        "Policies": sizes.policies,
        "MFADevices": sum(map(has_mfa, range(sizes.users))),
        "AccountMFAEnabled": int(sizes.root_mfa > 0),
        "AccountAccessKeysPresent": int(sizes.root_keys > 0),
        "AccountPasswordPresent": 1,
        "AccountSigningCertificatesPresent": 0,
        "VersionsPerPolicyQuota": 5,
        "AccessKeysPerUserQuota": 2,
        "UsersQuota": 5000,
    }


_NOTHING = (
    "ListAccountAliases", "ListGroupPolicies", "ListPolicyTags", "ListRolePolicies", "ListRoleTags",
    "ListSAMLProviders", "ListServerCertificates", "ListServiceSpecificCredentials", "ListSigningCertificates",
    "ListSSHPublicKeys", "ListUserTags",
)  # fmt: skip

ANSWERS: dict[str, Handler] = {
    "sts:GetCallerIdentity": get_caller_identity,
    "iam:GetAccountAuthorizationDetails": get_account_authorization_details,
    "iam:ListUsers": list_users,
    "iam:GetUser": get_user,
    "iam:ListAccessKeys": list_access_keys,
    "iam:GetAccessKeyLastUsed": get_access_key_last_used,
    "iam:ListMFADevices": list_mfa_devices,
    "iam:GetLoginProfile": get_login_profile,
    "iam:ListAttachedUserPolicies": list_attached_user_policies,
    "iam:ListUserPolicies": list_user_policies,
    "iam:GetUserPolicy": get_user_policy,
    "iam:ListGroupsForUser": list_groups_for_user,
    "iam:ListGroups": list_groups,
    "iam:GetGroup": get_group,
    "iam:ListAttachedGroupPolicies": _list_attached("GroupName", lambda account: account.sizes.groups),
    "iam:ListRoles": list_roles,
    "iam:GetRole": get_role,
    "iam:ListAttachedRolePolicies": _list_attached("RoleName", lambda account: account.sizes.roles, *AWS_MANAGED),
    "iam:ListPolicies": list_policies,
    "iam:GetPolicyVersion": get_policy_version,
    "iam:ListEntitiesForPolicy": list_entities_for_policy,
    "iam:GetAccountSummary": lambda account, _call: {"SummaryMap": _summary(account)},
    "iam:GetAccountPasswordPolicy": get_account_password_policy,
    "iam:ListVirtualMFADevices": list_virtual_mfa_devices,
    "iam:GenerateServiceLastAccessedDetails": generate_last_accessed,
    "iam:GetServiceLastAccessedDetails": get_last_accessed,
    "iam:ListOrganizationsFeatures": list_organizations_features,
    "iam:GenerateCredentialReport": lambda _account, _call: {"State": "COMPLETE"},
    "iam:GetCredentialReport": get_credential_report,
    **{f"iam:{operation}": nothing for operation in _NOTHING},
}
