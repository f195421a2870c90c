"""The use case of `crenel compliance`: how frameworks stand, by the last snapshot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import duckdb

from crenel.errors import UsageError, nearest
from crenel.judge.compliance import FrameworkStanding, Score, scores, standings
from crenel.judge.stored import lay_out_stored
from crenel.lake.engine import connect
from crenel.lake.snapshots import Damage, Lake
from crenel.model import ScanInfo
from crenel.policies.reads import needs_of
from crenel.scan import Outcome, ScanOptions, judge_stored


@dataclass(frozen=True, slots=True)
class Standing:
    """How frameworks stand by a snapshot.

    `accounts` are those that count; `by_account` has the scores of each by (framework, account). `missing` names what
    the policies read and the snapshot's scan did not.
    """

    info: ScanInfo
    accounts: tuple[str, ...]
    frameworks: tuple[FrameworkStanding, ...]
    by_account: Mapping[tuple[str, str], Score]
    missing: tuple[str, ...]
    damages: tuple[Damage, ...]


def standing(options: ScanOptions, accounts: Sequence[str] = ()) -> Standing:
    """Return how the frameworks of `options` stand, judging the last snapshot (or the last by `as_of`) again.

    Without a framework: how those stand that the snapshot's scan was asked for, as it judged them. `accounts`: only
    what these have. Raises `LakeError` without a snapshot, `UsageError` for an account that the snapshot has not, and
    what `judge_stored` raises.
    """
    if options.frameworks:
        with judge_stored(options) as outcome:
            missing = tuple(_missing(outcome))
            return _standing(outcome.info, outcome.judgement.connection, accounts, missing, outcome.damages)
    snapshot, damages = Lake(options.lake).latest(options.as_of)
    with connect() as connection:
        lay_out_stored(connection, snapshot)
        return _standing(snapshot.info, connection, accounts, (), tuple(damages))


def _standing(
    info: ScanInfo,
    connection: duckdb.DuckDBPyConnection,
    accounts: Sequence[str],
    missing: tuple[str, ...],
    damages: tuple[Damage, ...],
) -> Standing:
    known = [account.id for account in info.accounts]
    for name in accounts:
        if name not in known:
            raise UsageError(f"--account {name}: the snapshot does not have it.", suggestion=nearest(name, known))
    found = standings(connection, accounts=accounts)
    if not found:
        raise UsageError(
            "the snapshot's scan was asked for no framework.",
            suggestion="Name one: crenel compliance cis-7.0 (crenel frameworks list has them).",
        )
    each = scores(connection, "framework", "account", accounts=accounts)
    by_account = {(framework, account): score for (framework, account), score in each.items()}
    return Standing(info, tuple(accounts or known), tuple(found), by_account, missing, damages)


def _missing(outcome: Outcome) -> Iterator[str]:
    """Yield the types and details that plans read and a scan did not, a text each."""
    for need in needs_of(outcome.plans, outcome.catalog):
        if need.type not in outcome.info.details:
            yield f"aws.{need.type}"
        elif lacking := sorted(need.details - set(outcome.info.details[need.type])):
            yield f"aws.{need.type} ({', '.join(lacking)})"
