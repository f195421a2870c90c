"""In which Regions a policy runs, by Cloud Custodian's rules.

A service without Regions of its own (IAM, CloudFront; the account itself) is asked once, in the first Region that was
named. Any other is asked in each, but for those where AWS does not offer it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from botocore.session import Session

from crenel.collect.regions import SCANNED, coverage
from crenel.collect.session import Target, partition_of
from crenel.errors import UsageError, did_you_mean

EVERY = "all"
_FIRST = "us-east-1"
_PARTITION = "aws"


def regions_asked(target: Target, named: Sequence[str]) -> tuple[str, ...]:
    """Return the Regions that were named, in that order; ``all`` stands for those that the account has opted in to.

    Without any it is the one that the environment or the profile sets. Raises `UsageError` where there is none, and for
    a name that no Region has. Only ``all`` takes a call.
    """
    if not named and not target.caller.session.get_config_variable("region"):
        raise UsageError(
            "no Region is named, and neither the environment nor the profile sets one.",
            suggestion="Use --region, or AWS_DEFAULT_REGION.",
        )
    for name in named:
        if name != EVERY and name not in _known():
            hint = did_you_mean(name, _known()) or f"`{EVERY}` stands for every Region of the account."
            raise UsageError(f'there is no AWS Region "{name}".', suggestion=hint)
    if EVERY not in named:
        return tuple(dict.fromkeys(named or (target.start_region,)))
    found, _ = coverage(target, ())
    return tuple(sorted(each.region for each in found if each.state == SCANNED))


def regions_of(
    resource: str, service: str, asked: Sequence[str], named: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the Regions of `asked` where policies of a resource type run, and those where AWS does not offer its
    service.

    `named` is what the user wrote, with ``all`` for all: the Region of what has none is the first that he named.
    """
    offered = set() if resource == "account" else _offered(service, frozenset(asked))
    if not offered:
        chosen = [name for name in named if name != EVERY]
        return (chosen[0] if chosen else _FIRST if EVERY in named else asked[0],), ()
    there = tuple(region for region in asked if region in offered)
    return there, tuple(region for region in asked if region not in offered)


@lru_cache(maxsize=1)
def _session() -> Session:
    return Session()


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    """Return every Region that botocore knows, of all partitions."""
    partitions = _session().get_available_partitions()
    found = (_session().get_available_regions("ec2", partition_name=name) for name in partitions)
    return frozenset(region for regions in found for region in regions)


@lru_cache(maxsize=512)
def _offered(service: str, asked: frozenset[str]) -> set[str]:
    partitions = {_PARTITION, *map(partition_of, asked)}
    found = (_session().get_available_regions(service, partition_name=name) for name in partitions)
    return {region for regions in found for region in regions}
