"""The use cases of repairs: what closes the findings of the last snapshot.

judge the snapshot → findings that fail → fixes filled in from its rows → a plan, which is a file
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase

from crenel.errors import UsageError, nearest
from crenel.judge.findings import Finding
from crenel.lake.snapshots import Damage, Lake, Snapshot
from crenel.model import GLOBAL, ScanInfo, State
from crenel.policies.written.model import Policy
from crenel.remediate.baseline import PRACTICES, SETTINGS, prepare
from crenel.remediate.load import declarations, fix_of
from crenel.remediate.model import Manual, Plan
from crenel.remediate.planning import Planner, Target
from crenel.remediate.tables import SnapshotTables
from crenel.scan import Outcome, ScanOptions, judge_stored

_LEAST_OF_AN_ID = 6  # letters of a finding's id that name it
_OLD_HOURS = 24


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What a user wants repaired. `scan` chooses the lake, the policies and their parameters.

    `resources` are names, ids or ARNs in which ``*`` stands for anything; `findings` ids or their beginnings; what is
    empty chooses everything. `settings` are the user's decisions by name.
    """

    scan: ScanOptions
    resources: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, the head of the snapshot that it was made from, and the snapshots that were passed over."""

    plan: Plan
    info: ScanInfo
    damages: tuple[Damage, ...] = ()


def plan(options: PlanOptions, now: datetime | None = None) -> Planned:
    """Return the plan that closes what fails in the last snapshot, without a call.

    What could not be judged is in no step; the plan's notes say how much it is. Raises `LakeError` without a snapshot,
    `PolicyError` and `UsageError` for policies, resources, findings and settings that there are not, and where settings
    make no valid call.
    """
    return _planned(options, now)


def baseline(options: PlanOptions, now: datetime | None = None) -> Planned:
    """Return the plan that closes what fails of the account-level practices, with what they need before: a bucket for
    logs and a key, where an account has none.

    `options` chooses no policies. Raises what `plan` does.
    """
    scan = replace(options.scan, policies=(), practices=PRACTICES)
    return _planned(replace(options, scan=scan), now, _prepare, tuple(SETTINGS))


def _prepare(planner: Planner, outcome: Outcome, findings: Sequence[Finding]) -> None:
    for account in outcome.info.accounts:
        failing = [finding.policy for finding in findings if finding.account == account.id]
        prepare(planner, account.id, account.partition, failing)


def _planned(
    options: PlanOptions,
    now: datetime | None,
    before: Callable[[Planner, Outcome, Sequence[Finding]], None] | None = None,
    own_settings: tuple[str, ...] = (),
) -> Planned:
    _known_settings(options.settings, own_settings)
    with judge_stored(options.scan) as outcome:
        lake = Lake(options.scan.lake)
        tables = SnapshotTables(Snapshot(lake.snapshots / outcome.info.id, outcome.info), outcome.catalog)
        planner = Planner(tables, options.settings)
        made_at = now or datetime.now(UTC)
        planner.notes += _age(outcome.info, made_at)
        chosen = _chosen(outcome, options)
        planner.notes += [*_waived(outcome, options), *_unjudged(outcome, options)]
        if before is not None:
            before(planner, outcome, chosen)
        for policy, findings in _by_policy(outcome, chosen):
            _repair(planner, outcome, policy, findings)
        planner.notes += _unused_settings(options, {finding.policy for finding in chosen}, own_settings)
        return Planned(planner.plan(made_at), outcome.info, outcome.damages)


def _repair(planner: Planner, outcome: Outcome, policy: Policy, findings: Sequence[Finding]) -> None:
    table = next(each.table for each in outcome.plans if each.policy == policy.name)
    fix = fix_of(policy.name) if policy.builtin else None
    partitions = {account.id: account.partition for account in outcome.info.accounts}
    places = [(finding.account, finding.region, finding.resource_id) for finding in findings]
    rows = planner.tables.found(table, places)
    words = policy.remediation or f"No repair is written for the policy {policy.name}. Its title: {policy.title}."
    for finding, place in zip(findings, places, strict=True):
        target = Target(
            policy=policy.name,
            practice=policy.practice,
            account=finding.account,
            region=finding.region,
            partition=partitions.get(finding.account, "aws"),
            type=table,
            resource=finding.resource_id,
            title=finding.message,
            row=rows.get(place, {}),
            params=outcome.parameters[finding.plan],
            finding=finding.as_json(),
        )
        otherwise = Manual((" ".join(words.split()),))
        if fix is None or place not in rows:
            planner.by_hand(target, otherwise)
        else:
            planner.repair(target, fix, otherwise)


def _by_policy(outcome: Outcome, findings: Sequence[Finding]) -> Iterator[tuple[Policy, list[Finding]]]:
    """Yield policies with what fails of them, in the order of the findings: by practice."""
    policies = {policy.name: policy for policy in outcome.policies}
    grouped: dict[str, list[Finding]] = {}
    for finding in findings:
        grouped.setdefault(finding.policy, []).append(finding)
    yield from ((policies[name], found) for name, found in grouped.items())


# --- which findings


def _chosen(outcome: Outcome, options: PlanOptions) -> list[Finding]:
    """Return what fails of what the user names. Raises `UsageError` for a name that the snapshot knows nothing of."""
    failing = [
        each for each in outcome.judgement.findings(state=State.FAIL) if _here(each, options) and _named(each, options)
    ]
    for option, wanted in (("--resource", options.resources), ("--finding", options.findings)):
        for word in wanted:
            _refuse_unknown(outcome, option, word)
    accounts = [account.id for account in outcome.info.accounts]
    for word in options.accounts:
        if word not in accounts:
            raise UsageError(f"--account {word}: the snapshot is of {', '.join(accounts)}.")
    regions = [*outcome.info.regions, GLOBAL]
    for word in options.regions:
        if word not in regions:
            raise UsageError(f"--region {word}: the snapshot does not have it.", suggestion=nearest(word, regions))
    return failing


def _here(finding: Finding, options: PlanOptions) -> bool:
    return (not options.accounts or finding.account in options.accounts) and (
        not options.regions or finding.region in options.regions
    )


def _named(finding: Finding, options: PlanOptions) -> bool:
    return (not options.resources or any(_is_resource(finding, word) for word in options.resources)) and (
        not options.findings or any(_is_finding(finding, word) for word in options.findings)
    )


def _is_resource(finding: Finding, word: str) -> bool:
    return any(fnmatchcase(name, word) for name in (finding.resource_id, finding.arn, finding.name) if name)


def _is_finding(finding: Finding, word: str) -> bool:
    return finding.id == word or (len(word) >= _LEAST_OF_AN_ID and finding.id.startswith(word))


def _refuse_unknown(outcome: Outcome, option: str, word: str) -> None:
    """Raise `UsageError` where no finding, whatever its verdict, is of a resource or has an id."""
    fits = _is_resource if option == "--resource" else _is_finding
    if any(fits(each, word) for each in outcome.judgement.findings()):
        return
    hint = "A resource is named by its id, ARN or name; * stands for anything." if option == "--resource" else ""
    raise UsageError(
        f'{option} "{word}": the chosen policies judged no such thing.',
        suggestion=hint or "crenel scan --offline --format json shows the ids.",
    )


# --- what a reader should know


def _age(info: ScanInfo, now: datetime) -> Iterator[str]:
    hours = (now - info.started_at).total_seconds() / 3600
    if hours >= _OLD_HOURS:
        days = int(hours // 24)
        told = "a day" if days == 1 else f"{days} days"
        yield f"The snapshot is {told} old. A step whose resource changed since is refused when the plan is applied."
    if info.restricted:
        yield f"Only these Regions were scanned, so only they are planned: {', '.join(info.regions)}."


def _waived(outcome: Outcome, options: PlanOptions) -> Iterator[str]:
    found = outcome.judgement.findings(state=State.WAIVED)
    count = sum(1 for each in found if _here(each, options) and _named(each, options))
    if count:
        are = "is" if count == 1 else "are"
        yield f"{count} that {'fails' if count == 1 else 'fail'} {are} waived, and so in no step."


def _unjudged(outcome: Outcome, options: PlanOptions) -> Iterator[str]:
    counts: dict[str, int] = {}
    for each in outcome.judgement.findings(state=State.UNKNOWN):
        if _here(each, options) and _named(each, options):
            counts[each.policy] = counts.get(each.policy, 0) + 1
    for policy, count in counts.items():
        yield f"{policy}: {count} could not be judged, and so are in no step (UNKNOWN; crenel scan says why)."


# --- settings


def _known_settings(settings: Mapping[str, str], more: tuple[str, ...]) -> None:
    known = {name for fix in declarations().fixes.values() for name in fix.parameters} | {*more}
    for name in settings:
        if name not in known:
            raise UsageError(f'--set {name}: no repair has a setting "{name}".', suggestion=nearest(name, known))


def _unused_settings(options: PlanOptions, policies: set[str], own: tuple[str, ...]) -> Iterator[str]:
    for name in options.settings:
        if name in own:
            continue
        whose = [policy for policy, fix in declarations().fixes.items() if name in fix.parameters]
        if not policies & set(whose):
            yield f"--set {name} changes nothing here: no finding of {', '.join(whose)} is planned."
