"""The IAM policy that lets someone apply one plan and take it back, and nothing more."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jmespath.exceptions import JMESPathError

from crenel.catalog.columns import service_model
from crenel.remediate import guards
from crenel.remediate.load import acts
from crenel.remediate.model import Act, Plan, Request, Step

MOST_LETTERS = 6_144  # of a managed policy, white space aside
_READS = re.compile(r"[^:]+:(?:Get|List|Describe)")
_ROLE = re.compile(r"arn:[^:]+:iam::\d{12}:role/.+")
_ANY = "*"


def policy_document(plan: Plan) -> dict[str, Any]:
    """Return the IAM policy document of a plan: its reads, and its writing calls with those of undo, on the resources
    that they are for where IAM can confine them.

    https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
    """
    allowed: dict[str, set[str]] = {}
    for step in plan.automatic:
        for action, resource in _needed(step):
            allowed.setdefault(resource, set()).add(action)
    by_actions: dict[tuple[str, ...], list[str]] = {}
    for resource, actions in sorted(allowed.items()):
        by_actions.setdefault(tuple(sorted(actions)), []).append(resource)
    statements = [
        {"Sid": f"CrenelFix{number}", "Effect": "Allow", "Action": list(actions), "Resource": _one_or_all(resources)}
        for number, (actions, resources) in enumerate(by_actions.items(), start=1)
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def actions_of(act: Act) -> tuple[str, ...]:
    """Return the IAM actions of an act: as it says them, else one of the same name for each of its calls."""
    if act.permissions:
        return act.permissions
    reads = (act.reading.request, *(check.reading.request for check in act.checks))
    own = [action for lock in act.locks for action in guards.READS.get(lock, ())]
    return tuple(dict.fromkeys([*(_action(request) for request in (act.request, *act.undo, *reads)), *own]))


def _needed(step: Step) -> Iterator[tuple[str, str]]:
    """Yield the actions of a step, each with its resource. Reads are small, and many can't be confined."""
    act = acts()[step.act]
    resource = _resource(act, step.args)
    for action in actions_of(act):
        if _READS.match(action):
            yield action, _ANY
        elif action == "iam:PassRole":
            roles = [value for value in step.args.values() if isinstance(value, str) and _ROLE.fullmatch(value)]
            yield from ((action, role) for role in roles or [_ANY])
        elif action.endswith("ServiceLinkedRole"):
            yield action, f"arn:{step.args['partition']}:iam::{step.account}:role/aws-service-role/*"
        else:
            yield action, resource


def _action(request: Request) -> str:
    return f"{service_model(request.service).signing_name}:{request.operation}"


def _resource(act: Act, args: Mapping[str, Any]) -> str:
    """Return the ARN that an act's writing calls are for; all where there is none, or an earlier step will make it."""
    if act.resource is None:
        return _ANY
    try:
        found = act.resource.of({"args": args})
    except JMESPathError:
        return _ANY
    return found if isinstance(found, str) and found.startswith("arn:") else _ANY


def _one_or_all(resources: Iterable[str]) -> str | list[str]:
    found = list(resources)
    return found[0] if len(found) == 1 else found
