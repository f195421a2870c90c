"""Filters of IAM's users, groups, roles and instance profiles."""

from __future__ import annotations

from collections.abc import Mapping

from crenel.catalog.columns import TEXT, ListOf
from crenel.errors import did_you_mean
from crenel.language.plan import (
    FALSE,
    Compare,
    CountItems,
    Field,
    IsEmpty,
    IsNull,
    Linked,
    Literal,
    Predicate,
    Related,
    Value,
    conjunction,
    disjunction,
    negation,
)
from crenel.policies.context import Context, Filter
from crenel.policies.keys.key import Place, value_at
from crenel.policies.values.value import VALUE_KEYS, value_filter
from crenel.positions import Located

_REPORT = "c7n:credential-report"
_REPORT_KEYS = (
    "type", "key", "value", "op", "value_type", "report_generate", "report_delay", "report_max_age",
)  # fmt: skip
_LISTS = ("access_keys", "certs")


def wanted(context: Context, item: Located, what: str) -> bool:
    """Return the `value` of a filter that asks for the presence or the absence of something."""
    keys = item.only(what, ("type", "value"))
    return context.boolean(keys["value"]) if "value" in keys else True


def credential(context: Context, item: Located) -> Predicate:
    """`credential`: a value filter on a line of the credential report.

    ``access_keys.x`` and ``certs.x`` ask each key or certificate; one of them is to match.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_getting-report.html
    """
    keys = item.only("a credential filter", _REPORT_KEYS)
    if "key" not in keys:
        raise item.error("a credential filter needs `key`.")
    for name in ("report_generate", "report_delay", "report_max_age"):
        if name in keys:
            context.warning(item.key_error(name, f"{name} has no effect: the report is made when there is none."))
    key = keys["key"].text("key")
    report = context.column(_REPORT)
    there = negation(IsNull(report))
    given = {name: part for name, part in keys.items() if name in VALUE_KEYS}
    prefix, dot, rest = key.partition(".")
    if not dot:
        place = Place(report.kind, what="the credential report", at=report)
        return conjunction([there, value_filter(context.inside(place), Located(given, item.where, item.keys))])
    if prefix not in _LISTS:
        raise keys["key"].error(f'the credential report has no list "{prefix}".', did_you_mean(prefix, _LISTS))
    members = context.column(f'"{_REPORT}".{prefix}')
    inner = Place(members.kind.item if isinstance(members.kind, ListOf) else members.kind, 1, what=prefix)
    given["key"] = Located(rest, keys["key"].where)
    where = value_filter(context.inside(inner), Located(given, item.where, item.keys))
    return CountItems(members, 1, where)


def access_key(context: Context, item: Located) -> Predicate:
    """`access-key`: a value filter on a user's access keys, one of which is to match.

    With ``match-operator: and`` it speaks of the keys that the access-key filters before it matched.
    """
    keys = item.only("an access-key filter", (*VALUE_KEYS, "match-operator"))
    listed = context.column("c7n:AccessKeys")
    place = Place(listed.kind.item if isinstance(listed.kind, ListOf) else listed.kind, 1, what="an access key")
    inner = context.inside(place)
    together = "and" if "match-operator" in keys and keys["match-operator"].value == "and" else "or"
    if "match-operator" in keys and keys["match-operator"].value not in ("and", "or"):
        raise keys["match-operator"].error('match-operator is "and" or "or".')
    filters = [item]
    if together == "and":
        filters += [each for each in context.before if _is(each, "access-key")]
    parts = []
    for each in filters:
        body = {name: part for name, part in each.mapping("a filter").items() if name != "match-operator"}
        parts.append(value_filter(inner, Located(body, each.where, each.keys)))
    return CountItems(listed, 1, conjunction(parts))


def _is(item: Located, name: str) -> bool:
    kind = item.value.get("type") if isinstance(item.value, dict) else None
    return kind is not None and kind.value == name


def mfa_device(context: Context, item: Located) -> Predicate:
    """`mfa-device`: a value filter on the list of a user's MFA devices, whatever its `key`."""
    keys = dict(item.only("an mfa-device filter", VALUE_KEYS))
    keys["key"] = Located("MFADevices", keys["key"].where if "key" in keys else item.where)
    place = Place.of(context.type, context.mistake)
    return value_filter(context.inside(place), Located(keys, item.where, item.keys))


def login_profile(context: Context, item: Located) -> Predicate:
    """`login-profile`: the user has a password for the console, whatever the filter compares."""
    item.only("a login-profile filter", VALUE_KEYS)
    return negation(IsNull(context.column("LoginProfile")))


def has_inline_policy(context: Context, item: Located) -> Predicate:
    """`has-inline-policy`: the user, group or role has policies of its own."""
    columns = {"iam-user": "UserPolicyList", "iam-group": "GroupPolicyList", "iam-role": "RolePolicyList"}
    listed = context.column(columns[context.type.reported_as])
    none = IsEmpty(listed)
    return negation(none) if wanted(context, item, "a has-inline-policy filter") else none


def has_users(context: Context, item: Located) -> Predicate:
    """`has-users`: the group has members."""
    none = IsEmpty(context.column("Users"))
    return negation(none) if wanted(context, item, "a has-users filter") else none


def user_policy(context: Context, item: Located) -> Predicate:
    """`policy`: a value filter on the managed policies attached to a user.

    With ``include-via`` those of its groups count too, of which the name and the ARN are known.
    """
    keys = item.only("a policy filter", (*VALUE_KEYS, "include-via"))
    body = Located({name: part for name, part in keys.items() if name != "include-via"}, item.where, item.keys)
    own = _some(context, context.column("c7n:Policies"), body)
    if "include-via" not in keys or not context.boolean(keys["include-via"]):
        return own
    group = context.catalog["iam-group"]
    inner = context.of(group)
    where = _some(inner, inner.column("AttachedManagedPolicies"), body)
    key = value_at(Place.of(group), "GroupName", item)
    return disjunction([own, Linked(context.column("GroupList"), group.name, key, "account", where)])


def _some(context: Context, listed: Field, body: Located) -> Predicate:
    """Return whether some item of a list matches a value filter."""
    place = Place(listed.kind.item if isinstance(listed.kind, ListOf) else listed.kind, 1, what="a policy")
    return CountItems(listed, 1, value_filter(context.inside(place), body))


def has_specific_managed_policy(context: Context, item: Located) -> Predicate:
    """`has-specific-managed-policy` of roles: a value filter on the attached policies, by their name unless it says
    another key.
    """
    keys = dict(item.only("a has-specific-managed-policy filter", VALUE_KEYS))
    keys.setdefault("key", Located("PolicyName", item.where))
    column = "c7n:AttachedPolicies" if context.type.reported_as == "iam-profile" else "AttachedManagedPolicies"
    return _some(context, context.column(column), Located(keys, item.where, item.keys))


def group_has_managed_policy(context: Context, item: Located) -> Predicate:
    """`has-specific-managed-policy` of groups: a policy of this name is attached; nothing matches without a name."""
    return _attached(context, item)


def no_specific_managed_policy(context: Context, item: Located) -> Predicate:
    """`no-specific-managed-policy`: no policy of this name is attached; nothing matches without a name."""
    found = _attached(context, item)
    return found if found == FALSE else negation(found)


def _attached(context: Context, item: Located) -> Predicate:
    keys = item.only("a filter on managed policies", ("type", "value"))
    if "value" not in keys:
        context.mistake(item.error("without `value` this filter matches nothing.", "Name the policy."))
        return FALSE
    name = keys["value"].text("value")
    listed = context.column("AttachedManagedPolicies")
    return CountItems(listed, 1, Compare("eq", Field(("PolicyName",), TEXT, 1), Literal(name)))


# --- who uses a role or an instance profile


def _named(context: Context, table: str, value: str, mine: Value, item: Located) -> Predicate:
    """Return whether rows of another table name this one."""
    other = context.catalog[table]
    theirs = value_at(Place.of(other), value, item)
    return Related(table, ((mine, theirs),), "account", _alive(context, table, item))


def _alive(context: Context, table: str, item: Located) -> Predicate:
    if table != "ec2":
        return negation(FALSE)
    state = value_at(Place.of(context.catalog[table]), "State.Name", item)
    return Compare("ne", state, Literal("terminated"))


def profile_used(context: Context, item: Located) -> Predicate:
    """`used` of instance profiles: an instance that is not terminated, or a launch configuration, names it."""
    item.only("a used filter", ("type",))
    return disjunction(
        [_of_instances(context, context.column("Arn"), item), _of_launches(context, "InstanceProfileName", item)]
    )


def _of_instances(context: Context, arn: Value, item: Located) -> Predicate:
    return _named(context, "ec2", "IamInstanceProfile.Arn", arn, item)


def _of_launches(context: Context, name: str, item: Located) -> Predicate:
    mine = [context.column(name), context.column("Arn")]
    return disjunction([_named(context, "launch-config", "IamInstanceProfile", value, item) for value in mine])


def profile_unused(context: Context, item: Located) -> Predicate:
    """`unused` of instance profiles: the opposite of `used`."""
    return negation(profile_used(context, item))


def role_used(context: Context, item: Located) -> Predicate:
    """`used` of roles: a Lambda function, an ECS service, or a used instance profile has it (`state: false`: none)."""
    keys = item.only("a used filter", ("type", "state"))
    state = context.boolean(keys["state"]) if "state" in keys else True
    arn = context.column("Arn")
    profiles = value_at(Place.of(context.type), "InstanceProfileList[].Arn", item)
    names = value_at(Place.of(context.type), "InstanceProfileList[].InstanceProfileName", item)
    found = disjunction(
        [
            _named(context, "lambda", "Role", arn, item),
            _named(context, "ecs", "Services[].roleArn", arn, item),
            _any_named(context, "ec2", "IamInstanceProfile.Arn", profiles, item),
            _any_named(context, "launch-config", "IamInstanceProfile", names, item),
            _any_named(context, "launch-config", "IamInstanceProfile", profiles, item),
        ]
    )
    return found if state else negation(found)


def _any_named(context: Context, table: str, value: str, mine: Value, item: Located) -> Predicate:
    """Return whether rows of another table name one of the values of this row."""
    other = context.catalog[table]
    theirs = value_at(Place.of(other), value, item)
    return Linked(mine, table, theirs, "account", _alive(context, table, item))


def role_unused(context: Context, item: Located) -> Predicate:
    """`unused` of roles: the opposite of `used`."""
    item.only("an unused filter", ("type",))
    return negation(role_used(context, item))


FILTERS: Mapping[str, Mapping[str, Filter]] = {
    "account": {"credential": credential},
    "iam-user": {
        "credential": credential,
        "access-key": access_key,
        "mfa-device": mfa_device,
        "login-profile": login_profile,
        "has-inline-policy": has_inline_policy,
        "policy": user_policy,
    },
    "iam-group": {
        "has-inline-policy": has_inline_policy,
        "has-users": has_users,
        "has-specific-managed-policy": group_has_managed_policy,
    },
    "iam-role": {
        "has-inline-policy": has_inline_policy,
        "has-specific-managed-policy": has_specific_managed_policy,
        "no-specific-managed-policy": no_specific_managed_policy,
        "used": role_used,
        "unused": role_unused,
    },
    "iam-profile": {
        "has-specific-managed-policy": has_specific_managed_policy,
        "used": profile_used,
        "unused": profile_unused,
    },
}
