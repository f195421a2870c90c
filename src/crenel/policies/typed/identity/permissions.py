"""What IAM lets principals do, what they did, and whether a resource bears its role's tags."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from crenel.catalog.columns import JSON, ListOf, answered
from crenel.catalog.details import columns_named
from crenel.catalog.spec import Call as AwsCall
from crenel.catalog.spec import Detail
from crenel.errors import did_you_mean
from crenel.language.plan import (
    FALSE,
    Compare,
    CountItems,
    In,
    IsEmpty,
    IsNull,
    Linked,
    Literal,
    Predicate,
    Value,
    conjunction,
    disjunction,
    negation,
)
from crenel.language.walking import kind_of
from crenel.policies.context import Context, Filter
from crenel.policies.keys.key import Place, value_at
from crenel.policies.related.linked import outward
from crenel.policies.values.value import key_value, value_filter
from crenel.positions import Located

_ALLOWED = ("allowed",)
_DENIED = ("explicitDeny", "implicitDeny")
_NO_BOUNDARY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
_KEYS = ("type", "match", "boundaries", "match-operator", "actions")
_SERVICE = (
    "ServiceName",
    "ServiceNamespace",
    "TotalAuthenticatedEntities",
    "LastAuthenticated",
    "LastAuthenticatedEntity",
)


# --- check-permissions


def _of_principal(column: str) -> Filter:
    """Return `check-permissions` of rows whose column names the principal by its ARN."""

    def checked(context: Context, item: Located) -> Predicate:
        return _checked(context, context, item, _simulation(context, item, column))

    return checked


def permissions_of_policy(context: Context, item: Located) -> Predicate:
    """`check-permissions` of iam-policy: what the policy alone would allow, or not. `boundaries` has no effect."""
    call = AwsCall("iam", "SimulateCustomPolicy", {"ActionNames": _actions(item)}, "iam:SimulateCustomPolicy")
    needed = ("iam:GetPolicyVersion", call.permission)
    return _checked(context, context, item, _detail(call, permissions=needed, oddity="iam-policy-simulation"))


def permissions_of_instance(context: Context, item: Located) -> Predicate:
    """`check-permissions` of ec2: what the role of the instance's profile may do."""
    profile = context.catalog["iam-profile"]
    inner = context.of(profile)
    where = _checked(inner, inner, item, _simulation(inner, item, "Roles.0.Arn"))
    arn = value_at(Place.of(profile), "Arn", item)
    return Linked(context.column("IamInstanceProfile.Arn"), profile.name, arn, "account", where)


def _checked(context: Context, rows: Context, item: Located, detail: Detail) -> Predicate:
    """Return whether the simulator's answers match: all of them, or with `match-operator: or` some.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
    """
    keys = item.only("a check-permissions filter", _KEYS)
    if "match" not in keys:
        raise item.error("a check-permissions filter needs `match`.", code="missing-key")
    answers = rows.asked(detail)
    place = Place(answers.kind.item if isinstance(answers.kind, ListOf) else JSON, 1, what="a simulated action")
    holds = _matching(context.inside(place), keys["match"])
    word = _word(keys.get("match-operator"), "match-operator", ("and", "or"), "and")
    if word == "or":
        return CountItems(answers, 1, holds)
    every = CountItems(answers, 1, negation(holds), "eq", 0)
    return conjunction([negation(IsEmpty(answers)), every])


def _matching(context: Context, item: Located) -> Predicate:
    if isinstance(item.value, str):
        word = _word(item, "match", ("allowed", "denied"), "")
        decision = value_at(context.place, "EvalDecision", item)
        return In(decision, _ALLOWED if word == "allowed" else _DENIED)
    keys = item.mapping("match")
    if "key" in keys:
        return value_filter(context, item)
    if len(keys) != 1:
        raise item.error("match is allowed, denied, one key with its value, or a value filter.")
    name, value = next(iter(keys.items()))
    return _attribute(context, item, name, value)


def _attribute(context: Context, item: Located, name: str, value: Located) -> Predicate:
    """Return a value filter on a key: its value, or a mapping with more of it."""
    key = Located(name, item.keys.get(name, item.where))
    given = {**value.mapping(name)} if isinstance(value.value, Mapping) else {"value": value}
    return value_filter(context, Located({**given, "key": key}, item.where, {**item.keys, "key": key.where}))


def _actions(item: Located) -> list[str]:
    keys = item.only("a check-permissions filter", _KEYS)
    if "actions" not in keys:
        raise item.error("a check-permissions filter needs `actions`.", code="missing-key")
    found = []
    for each in keys["actions"].sequence("actions"):
        action = each.text("an action")
        if ":" not in action[1:-1]:
            raise each.error(f'"{action}" is no action.', "Actions are written service:Action, as iam:CreateUser.")
        found.append(action)
    if not found:
        raise keys["actions"].error("actions names none.")
    return found


def _simulation(context: Context, item: Located, column: str) -> Detail:
    """Return the call that asks what a principal may do; `boundaries: false` lets its boundary allow everything."""
    keys = item.only("a check-permissions filter", _KEYS)
    asked: dict[str, Any] = {"PolicySourceArn": f"{{{column}}}", "ActionNames": _actions(item)}
    if "boundaries" in keys and not context.boolean(keys["boundaries"]):
        asked["PermissionsBoundaryPolicyInputList"] = [_NO_BOUNDARY]
    call = AwsCall("iam", "SimulatePrincipalPolicy", asked, "iam:SimulatePrincipalPolicy")
    needs = tuple(filter(None, (context.type.detail_of(name) for name in sorted(columns_named(asked, "")))))
    return _detail(call, needs=needs, permissions=(call.permission,), absent=frozenset({"NoSuchEntity"}), when=column)


def _detail(
    call: AwsCall,
    permissions: tuple[str, ...],
    needs: tuple[str, ...] = (),
    absent: frozenset[str] = frozenset(),
    when: str = "",
    oddity: str = "",
) -> Detail:
    digest = hashlib.sha256(json.dumps([call.operation, call.params], sort_keys=True).encode()).hexdigest()[:16]
    name = f"c7n.permissions:{digest}"
    return Detail(
        name,
        {name: answered("iam", call.operation, ("EvaluationResults",))},
        call=call,
        permissions=permissions,
        take=("EvaluationResults",),
        needs=needs,
        absent=absent,
        when={when: "present"} if when else {},
        oddity=oddity,
    )


def _word(item: Located | None, name: str, known: tuple[str, ...], default: str) -> str:
    if item is None:
        return default
    word = item.text(name)
    if word not in known:
        raise item.error(f'{name} is one of {", ".join(known)}, not "{word}".', did_you_mean(word, known))
    return word


# --- usage


def usage(context: Context, item: Located) -> Predicate:
    """`usage`: when services were last used: some record of a service matches all that is given, or every one does.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_last-accessed.html
    """
    keys = item.only("a usage filter", ("type", "match-operator", "poll-delay", *_SERVICE))
    if "match-operator" not in keys:
        raise item.error("a usage filter needs `match-operator`.", code="missing-key")
    word = _word(keys["match-operator"], "match-operator", ("all", "any"), "all")
    name, operation = "c7n:last-accessed", "GetServiceLastAccessedDetails"
    detail = Detail(
        name,
        {name: answered("iam", operation, ("ServicesLastAccessed",))},
        permissions=("iam:GenerateServiceLastAccessedDetails", f"iam:{operation}"),
        oddity="iam-last-accessed",
    )
    services = context.asked(detail)
    place = Place(services.kind.item if isinstance(services.kind, ListOf) else JSON, 1, what="a service's record")
    inner = context.inside(place)
    holds = conjunction([_attribute(inner, item, each, keys[each]) for each in _SERVICE if each in keys])
    if word == "any":
        return CountItems(services, 1, holds)
    # Without any record all of them match, as in Cloud Custodian; a report that could not be read says nothing.
    return conjunction([negation(IsNull(services)), CountItems(services, 1, negation(holds), "eq", 0)])


# --- iam-role-tag-mirror


def tag_mirror_of_instance(context: Context, item: Located) -> Predicate:
    """`iam-role-tag-mirror` of ec2: against the tags of the role of the instance's profile. See `_mirrored`."""
    profile = context.catalog["iam-profile"]
    inner = context.of(profile)
    named = value_at(Place.of(profile), "Arn", item)

    def some(where: Predicate) -> Predicate:
        return Linked(context.column("IamInstanceProfile.Arn"), profile.name, named, "account", where)

    return _mirrored(context, item, inner.column("c7n:Role"), some, outward)


def tag_mirror_of_function(context: Context, item: Located) -> Predicate:
    """`iam-role-tag-mirror` of lambda: against the tags of the function's role. See `_mirrored`."""
    return _mirrored(context, item, context.column("c7n:Role"), lambda where: where, lambda mine: mine)


def _mirrored(
    context: Context,
    item: Located,
    role: Value,
    some: Callable[[Predicate], Predicate],
    seen: Callable[[Value], Value],
) -> Predicate:
    """Return whether a resource's key says what its role's says: not so (the default), so, or both within `value`.

    A key that is missing on either side counts as not equal unless `missing-ok`. Roles that `ignore` names don't
    count, and a resource without a role matches nothing. `some` says where the role is to be found, `seen` what this
    row's value is from there.
    """
    keys = item.only("an iam-role-tag-mirror filter", ("type", "missing-ok", "match", "key", "ignore", "value"))
    if "key" not in keys:
        raise item.error("an iam-role-tag-mirror filter needs `key`.", code="missing-key")
    word = _word(keys.get("match"), "match", ("equal", "not-equal", "in"), "not-equal")
    lenient = "missing-ok" in keys and context.boolean(keys["missing-ok"])
    inner = context.inside(Place(kind_of(role), what="a role", at=role))
    mine, theirs = key_value(context, keys["key"], {}), key_value(inner, keys["key"], {})
    there = conjunction([negation(IsNull(role)), negation(_ignored(inner, keys.get("ignore")))])

    def found(*where: Predicate) -> Predicate:
        return some(conjunction([there, *where]))

    said = negation(IsEmpty(theirs))
    missing = FALSE if lenient else disjunction([IsNull(mine), found(IsNull(theirs))])
    if word == "in":
        allowed = (
            tuple(str(context.scalar(each)) for each in keys["value"].sequence("value")) if "value" in keys else ()
        )
        foreign = disjunction(
            [
                conjunction([negation(IsNull(mine)), negation(In(mine, allowed))]),
                found(said, negation(In(theirs, allowed))),
            ]
        )
        return conjunction([found(), negation(disjunction([missing, foreign]))])
    differs = found(negation(IsNull(theirs)), Compare("ne", theirs, seen(mine)))
    unequal = disjunction([missing, conjunction([negation(IsNull(mine)), found(said), differs])])
    return conjunction([found(), unequal if word == "not-equal" else negation(unequal)])


def _ignored(context: Context, item: Located | None) -> Predicate:
    """Return whether a role has one of the values that `ignore` gives."""
    if item is None:
        return FALSE
    found: list[Predicate] = []
    for each in item.sequence("ignore"):
        for name, value in each.mapping("what to ignore").items():
            key = Located(name, each.keys.get(name, each.where))
            found.append(Compare("eq", key_value(context, key, {}), Literal(context.scalar(value))))
    return disjunction(found)


_ARN: Mapping[str, Filter] = {"check-permissions": _of_principal("Arn"), "usage": usage}
FILTERS: Mapping[str, Mapping[str, Filter]] = {
    **dict.fromkeys(("iam-user", "iam-role", "iam-group"), _ARN),
    "iam-policy": {"check-permissions": permissions_of_policy, "usage": usage},
    "ec2": {"check-permissions": permissions_of_instance, "iam-role-tag-mirror": tag_mirror_of_instance},
    "lambda": {"check-permissions": _of_principal("Role"), "iam-role-tag-mirror": tag_mirror_of_function},
}
