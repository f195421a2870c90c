"""Which policies of which files a run takes. One that can't be read is broken by itself; the others are taken."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from crenel.errors import PolicyError, UsageError, did_you_mean
from crenel.policies.written.load import load_variables, policy_files, read_policies
from crenel.policies.written.model import Policy

_SHOWN = 10  # names of policies in an error


@dataclass(frozen=True, slots=True)
class Broken:
    """What can't be run, and why. `policy` is empty where the file does not get as far as a policy's name."""

    policy: str
    error: PolicyError


@dataclass(frozen=True, slots=True)
class Chosen:
    """The policies to run, in the order of the files, and what is broken."""

    policies: tuple[Policy, ...]
    broken: tuple[Broken, ...]


def choose(
    paths: Sequence[Path], names: Sequence[str] = (), tags: Sequence[str] = (), variables: Path | None = None
) -> Chosen:
    """Return the policies of files and folders that fit a name pattern and a tag or a resource type, where such are
    given. `variables` is a file of values that fill the files' text before it is read.

    What is broken is named whatever was chosen: its name may be what is wrong. Raises `UsageError` for a path that is
    not there, for two policies of a name, where nothing is left, and `PolicyError` for a bad file of variables.
    """
    given = load_variables(variables) if variables else None
    found: dict[str, Policy] = {}
    broken: list[Broken] = []
    for path in dict.fromkeys(policy_files(paths)):
        file = read_policies(path, variables=given)
        broken += [Broken("", error) for error in file.errors]
        for policy in file.policies:
            if policy.name in found:
                other = found[policy.name].body.where
                raise policy.body.error(f'the policy "{policy.name}" stands in {other} already.', "Rename one of them.")
            found[policy.name] = policy
    chosen = [policy for policy in found.values() if _named(policy, names) and _tagged(policy, tags)]
    if not chosen and not broken:
        raise _nothing(list(found.values()), names, tags)
    ready: list[Policy] = []
    for policy in chosen:
        if policy.mode.pulled:
            ready.append(policy)
        else:
            broken.append(Broken(policy.name, _waits(policy)))
    return Chosen(tuple(ready), tuple(broken))


def _named(policy: Policy, patterns: Sequence[str]) -> bool:
    return not patterns or any(fnmatch.fnmatchcase(policy.name, pattern) for pattern in patterns)


def _tagged(policy: Policy, words: Sequence[str]) -> bool:
    kinds = {policy.resource, f"aws.{policy.resource}"}
    return not words or any(word in policy.tags or word in kinds for word in words)


def _waits(policy: Policy) -> PolicyError:
    """Return why a policy of an event mode can't be run, and what it would need."""
    mode = policy.mode.type
    needs = {
        "cloudtrail": "the CloudTrail events that it subscribes to",
        "config-rule": "the configuration items that AWS Config sends its rule",
        "guard-duty": "GuardDuty's findings as they come",
        "phd": "AWS Health's events",
        "hub-finding": "Security Hub's findings as they come",
        "hub-action": "a custom action of Security Hub",
        "ec2-instance-state": "the events of instances that change their state",
        "asg-instance-state": "the events of Auto Scaling groups",
    }.get(mode, "events")
    return policy.body.key_error(
        "mode",
        f'the policy "{policy.name}" is of the mode {mode} and would need {needs}, which are not read here.',
        "Leave `mode` out to run it over what is there.",
    )


def _nothing(policies: Sequence[Policy], names: Sequence[str], tags: Sequence[str]) -> UsageError:
    if not policies:
        return UsageError("there is no policy in these files.")
    known = [policy.name for policy in policies]
    asked = " and ".join(
        [*([f"a name like {' or '.join(names)}"] if names else []), *([f"the tag {' or '.join(tags)}"] if tags else [])]
    )
    near = next(filter(None, (did_you_mean(name, known) for name in names)), "")
    more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
    return UsageError(f"no policy has {asked}.", suggestion=near or f"There are {', '.join(known[:_SHOWN])}{more}.")
