"""Which Regions of an account can be scanned."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from botocore.loaders import Loader

from crenel.collect.session import Target
from crenel.errors import CallError, UsageError, did_you_mean
from crenel.model import Coverage, Gap

SCANNED = "scanned"
NOT_OPTED_IN = "not-opted-in"

_ON = frozenset({"opt-in-not-required", "opted-in", "ENABLED", "ENABLED_BY_DEFAULT", "DISABLING"})


def coverage(target: Target, asked: Sequence[str]) -> tuple[list[Coverage], list[Gap]]:
    """Return what can be scanned in an account, Region by Region (all, or those asked for), and what is not known.

    The account itself is asked (EC2, else Account Management). Where both refuse, or name no Region that is on (every
    account has some), the Regions that need no opt-in are taken, and the gap says so.

    Raises `UsageError` for an asked Region that AWS does not know.
    """
    regions, gaps = _regions(target)
    for name in asked:
        if name not in regions:
            raise UsageError(f'there is no AWS Region "{name}".', suggestion=did_you_mean(name, regions))
    account = target.account.id
    return [_covered(account, name, on=regions[name]) for name in sorted(set(asked) or regions)], gaps


def _covered(account: str, name: str, *, on: bool) -> Coverage:
    if on:
        return Coverage(account, name, SCANNED)
    return Coverage(account, name, NOT_OPTED_IN, f"Region {name} is not enabled in the account.")


def _regions(target: Target) -> tuple[dict[str, bool], list[Gap]]:
    """Return every Region that AWS knows for the account with whether it is on."""
    failures: list[CallError] = []
    # A policy may close the home Region but for global services; the profile's own Region is open to those who set it.
    for region in dict.fromkeys((target.home_region, target.start_region)):
        try:
            answer = target.caller.call("ec2", "DescribeRegions", {"AllRegions": True}, region)
        except CallError as error:
            failures.append(error)
            continue
        # An emulator may list the Regions of other partitions too.
        ours = re.compile(_partition(target.account.partition)["regionRegex"])
        known = [item for item in answer.get("Regions") or [] if ours.match(item["RegionName"])]
        found = {item["RegionName"]: item.get("OptInStatus", "opted-in") in _ON for item in known}
        if any(found.values()):
            return found, []
        failures.append(_none_named("ec2:DescribeRegions"))
    try:
        pages = list(target.caller.pages("account", "ListRegions", {"MaxResults": 50}, target.home_region))
    except CallError as error:
        failures.append(error)
    else:
        listed = [item for page in pages for item in page.get("Regions") or []]
        found = {item["RegionName"]: item["RegionOptStatus"] in _ON for item in listed}
        if any(found.values()):
            return found, []
        failures.append(_none_named("account:ListRegions"))
    return _by_default(target.account.partition), [_gap(target, failures)]


def _none_named(call: str) -> CallError:
    return CallError(call, "NoRegions", "AWS named no Region that is on.")


def _partition(name: str) -> Mapping[str, Any]:
    """Return botocore's data of a partition; the commercial one's where it does not know it."""
    known: list[Mapping[str, Any]] = Loader().load_data("partitions")["partitions"]
    return next((partition for partition in known if partition["id"] == name), known[0])


def _by_default(partition: str) -> dict[str, bool]:
    """Return a partition's Regions by botocore's data; those that need no opt-in are taken to be on."""
    data: Mapping[str, Any] = Loader().load_data("endpoints")
    for known in data["partitions"]:
        if known["partition"] == partition:
            enabled = set(known["services"].get("ec2", {}).get("endpoints", {})) & set(known["regions"])
            return {name: name in enabled and name in _no_opt_in(partition, enabled) for name in known["regions"]}
    return {}


def _no_opt_in(partition: str, enabled: set[str]) -> set[str]:
    return enabled & _ALWAYS_ON if partition == "aws" else enabled


# The Regions of the partition aws that were there before opt-in was (March 2019): on in every account.
_ALWAYS_ON = frozenset({
    "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2",
    "ca-central-1",
    "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1",
    "us-east-1", "us-east-2", "us-west-1", "us-west-2",
})  # fmt: skip


def _gap(target: Target, failures: Sequence[CallError]) -> Gap:
    first = failures[0]
    return Gap(
        account=target.account.id,
        region="global",
        type="account",
        detail="Regions",
        resource=target.account.id,
        call=first.call,
        permission="ec2:DescribeRegions",
        code=first.code,
        message=f"{first.detail} Only the Regions that need no opt-in were scanned.",
        at=datetime.now(UTC),
    )
