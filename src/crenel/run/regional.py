"""What the policies of one Region make of what was read there, table by table, and the folders that come of it."""

from __future__ import annotations

import json
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crenel import __version__
from crenel.catalog.load import Catalog
from crenel.errors import UsageError, WritingError
from crenel.judge.run import Bench, gaps_of
from crenel.judge.selecting import Question, laid_out, population, select, undecided
from crenel.lake.engine import connect
from crenel.model import GLOBAL, Gap, ScanInfo
from crenel.policies.facts import facts
from crenel.policies.reads import needs_of
from crenel.policies.written.model import Policy
from crenel.remediate.actions import Actions, not_supported, plan_actions, plan_together
from crenel.remediate.model import Plan
from crenel.remediate.planfile import to_text
from crenel.remediate.planning import Planner, Target
from crenel.remediate.tables import SnapshotTables
from crenel.report.folders import PolicyFolder
from crenel.report.text import number as number_of
from crenel.run.gathering import Gathered, documented
from crenel.run.webhooks import NAME, Hook, hooks

Gaps = Mapping[tuple[str, str], list[Gap]]  # by type and detail
_ACCOUNT = "account-region"
_AT_ONCE = 250  # policies in one query: its text grows with them


@dataclass(slots=True)
class Result:
    """One policy in one Region: what it selected, or why it could not run.

    `warnings` is what Cloud Custodian would have taken without a word. `undecided` counts the resources of which it
    could not know, `gaps` is what could not be read of what it reads. `plan` has the steps of its actions, `hooks`
    the requests that are sent after them.
    """

    policy: Policy
    region: str
    key: str  # where a document has its id
    folder: PolicyFolder
    count: int = 0
    undecided: int = 0
    gaps: list[Gap] = field(default_factory=list)
    seconds: float = 0
    error: str = ""
    warnings: tuple[str, ...] = ()
    ids: list[str] = field(default_factory=list)
    plan: Plan | None = None
    hooks: list[Hook] = field(default_factory=list)

    @property
    def written(self) -> str:
        """The resource type as the policy has it, with its cloud or without."""
        return str(self.policy.body.mapping("a policy")["resource"].value)

    def begin(self) -> None:
        """Begin anew."""
        self.count = 0
        self.ids.clear()
        self.folder.again()

    def add(self, identity: str, document: str) -> None:
        """Take a resource."""
        self.count += 1
        self.ids.append(identity)
        self.folder.add(document)

    def doubt(self, identity: str, reason: str) -> None:
        """Take a resource of which the policy can't know."""
        self.undecided += 1
        self.folder.undecided(identity, reason)

    def finish(self, metadata: Mapping[str, Any]) -> None:
        """Put the results into place, with a log of how it went."""
        for text in self.warnings:
            self.folder.log("WARNING", text)
        if self.gaps:
            self.folder.log("WARNING", f"policy:{self.policy.name} {self.lost()}")
        if self.error:
            self.folder.log("ERROR", f"policy:{self.policy.name} {self.error}")
        else:
            self.folder.log("INFO", self.line())
        self.folder.finish(metadata, failed=bool(self.error))

    def documents(self) -> Iterator[str]:
        """Yield the resources' documents as JSON texts; none where the policy could not be run."""
        return iter(()) if self.error else self.folder.documents()

    def line(self) -> str:
        """Return the line that Cloud Custodian writes of a policy that ran."""
        return (
            f"policy:{self.policy.name} resource:{self.written} region:{self.region} "
            f"count:{self.count} time:{self.seconds:0.2f}"
        )

    def lost(self) -> str:
        """Say what could not be read, and what follows."""
        calls = Counter((gap.call, gap.code) for gap in self.gaps)
        named = ", ".join(f"{call} {code} ({number_of(times, 'time')})" for (call, code), times in calls.most_common(3))
        verb = "matches" if self.undecided == 1 else "match"
        follows = f"it decides whether {number_of(self.undecided, 'resource')} {verb}"
        return f"could not read everything: {named}; {follows if self.undecided else 'no match depends on it'}"


@dataclass(frozen=True, slots=True)
class Placed:
    """A policy in a Region, compiled."""

    result: Result
    question: Question
    actions: Actions


@dataclass(frozen=True, slots=True)
class Frame:
    """What the Regions of a run share: what was read, the clock, when it began, what its metadata says of it."""

    found: Gathered
    types: Catalog
    now: datetime
    began: float
    config: Mapping[str, Any]
    spill: Path


def judge(frame: Frame, region: str, placed: Sequence[Placed]) -> None:
    """Run one Region's policies table by table, and put their folders into place; a policy's error is in its result.

    Raises `WritingError` where they can't be written.
    """
    _Region(frame, region, placed).judge()


class _Region:
    """What the policies of one Region make of what was read there."""

    def __init__(self, frame: Frame, region: str, placed: Sequence[Placed]) -> None:
        self.frame = frame
        found = frame.found
        self.found = found
        self.region = region
        self.placed = placed
        plans = [each.question.plan for each in placed]
        names = {need.type for need in needs_of(plans, frame.types)}
        details = {name: found.snapshot.info.details[name] for name in sorted(names)}
        self.info: ScanInfo = replace(found.snapshot.info, started_at=frame.now, details=details)

    def judge(self) -> None:
        """Run the policies table by table, and put their folders into place."""
        self.frame.spill.mkdir(exist_ok=True)
        with connect(self.frame.spill) as connection:
            bench = laid_out(connection, self.found.snapshot, self.info, self.frame.types, facts(), self.region)
            gaps = self.gaps(bench)
            tables: dict[str, list[Placed]] = {}
            for each in self.placed:
                tables.setdefault(each.question.plan.table, []).append(each)
            for table, group in tables.items():
                self.table(bench, table, group, gaps)
                for each in group:
                    if (each.actions.asked or each.actions.unsupported) and not each.result.error:
                        each.result.plan = planned(each, self.frame, self.region)
                        each.result.folder.plan(to_text(each.result.plan))
                    each.result.finish(self.metadata(each))

    def gaps(self, bench: Bench) -> Gaps:
        """Return what could not be read here, by type and detail."""
        found: dict[tuple[str, str], list[Gap]] = {}
        for gap in gaps_of(bench.connection):
            if gap.region in (self.region, GLOBAL):
                found.setdefault((gap.type, gap.detail), []).append(gap)
        return found

    def table(self, bench: Bench, table: str, group: Sequence[Placed], gaps: Gaps) -> None:
        """Run the policies of one table."""
        began = time.time()
        if denied := gaps.get((table, "")):
            for each in group:
                each.result.gaps = denied
                each.result.error = self.unlisted(denied[0])
            return
        self.select(bench, group)
        everything = population(bench, bench.sources[table])
        seconds = time.time() - began
        for each in group:
            result = each.result
            result.seconds = seconds
            result.gaps = self.touching(each, gaps)
            limit = result.policy.limit
            if limit is not None and not result.error and (words := limit.exceeded(result.count, everything)):
                result.error = f"the policy is over its limit: {words}."
        self.doubt(bench, [each for each in group if each.result.gaps and not each.result.error])

    def unlisted(self, gap: Gap) -> str:
        """Say that a policy's own type can't be listed, which Cloud Custodian fails of too."""
        kind = self.frame.types[gap.type].reported_as
        return f"aws.{kind} can't be listed in {self.region}: {gap.call} {gap.code}: {gap.message}"

    def select(self, bench: Bench, group: Sequence[Placed]) -> None:
        """Write what the policies of one table select; where they can't be run together, each by itself."""
        for at in range(0, len(group), _AT_ONCE):
            some = group[at : at + _AT_ONCE]
            try:
                _selected(bench, some)
            except WritingError:
                raise  # no policy's fault
            except UsageError:
                for each in some:
                    try:
                        _selected(bench, [each])
                    except WritingError:
                        raise
                    except UsageError as error:
                        each.result.error = error.message

    def doubt(self, bench: Bench, group: Sequence[Placed]) -> None:
        """Write of which resources the policies of one table can't know."""
        if not group:
            return
        source = bench.sources[group[0].question.plan.table]
        for each in group:
            each.result.folder.doubt(each.result.gaps)
        for at in range(0, len(group), _AT_ONCE):
            some = group[at : at + _AT_ONCE]
            for row in undecided(bench, source, [each.question for each in some]):
                some[row.question].result.doubt(row.id, row.reason)

    def touching(self, each: Placed, gaps: Gaps) -> list[Gap]:
        """Return the gaps in what a policy reads and in what its documents have."""
        plan, types = each.question.plan, self.frame.types
        found: list[Gap] = []
        for need in needs_of([plan], types):
            details = need.details | (documented(plan, types) if need.type == plan.table else frozenset())
            for name in ("", *sorted(details)):
                found += gaps.get((need.type, name), [])
        return found

    def metadata(self, each: Placed) -> dict[str, Any]:
        """Return what Cloud Custodian's metadata has, as far as there is such a thing here."""
        result, ended = each.result, time.time()
        calls: Counter[str] = Counter()
        for need in needs_of([each.question.plan], self.frame.types):
            for region in (self.region, GLOBAL):
                calls.update(self.found.calls.get((region, need.type), {}))
        stamp = datetime.now(UTC).isoformat()
        metrics = [("ResourceCount", result.count, "Count"), ("ResourceTime", round(result.seconds, 3), "Seconds")]
        return {
            "policy": result.policy.body.plain(),
            "version": __version__,
            "execution": {
                "id": str(uuid.uuid4()),
                "start": self.frame.began,
                "end_time": ended,
                "duration": ended - self.frame.began,
            },
            "config": dict(self.frame.config) | {"region": self.region},
            "sys-stats": {},
            "api-stats": {call.replace(":", "."): number for call, number in sorted(calls.items())},
            "metrics": [
                {"MetricName": name, "Timestamp": stamp, "Value": value, "Unit": unit} for name, value, unit in metrics
            ],
        }


def acted_on(table: str) -> str:
    """Return the table that actions on a policy's resources look at: of the account, that of the Region it runs in."""
    return _ACCOUNT if table == "account" else table


def planned(placed: Placed, frame: Frame, region: str) -> Plan:
    """Return the plan of a policy's actions for what it selected in a Region, without a call."""
    snapshot, result = frame.found.snapshot, placed.result
    kind = frame.types[acted_on(placed.question.plan.table)]
    (account,) = snapshot.info.accounts
    planner = Planner(SnapshotTables(snapshot, frame.types), {})
    planner.notes += [not_supported(error) for error in placed.actions.unsupported]
    if result.undecided:
        planner.notes.append(
            f"{number_of(result.undecided, 'resource')} of which the policy can't know: see gaps.json."
        )
    for row in planner.tables.here(kind.name, account.id, region, result.ids):
        target = Target(
            policy=result.policy.name,
            account=account.id,
            region=region if kind.name == _ACCOUNT else str(row["_home"] or row["_region"]),
            partition=account.partition,
            type=kind.reported_as,
            resource=str(row["_id"]),
            title=result.policy.title,
            row=row,
            acting=True,
        )
        plan_actions(planner, target, placed.actions.asked, frame.now)
    if any(each.action.together for each in placed.actions.asked):
        whole = Target(
            policy=result.policy.name,
            account=account.id,
            region=region,
            partition=account.partition,
            type=kind.reported_as,
            resource=result.policy.name,
            title=result.policy.title,
            row={
                "resources": [json.loads(text) for text in result.folder.documents()],
                "policy": result.policy.body.plain(),
                "began": frame.began,
                "execution": snapshot.info.id,
            },
            acting=True,
        )
        plan_together(planner, whole, placed.actions.asked)
        about: dict[str, Any] = {
            "account_id": account.id,
            "region": region,
            "execution_id": snapshot.info.id,
            "execution_start": frame.began,
            "policy": whole.row["policy"],
            "event": None,
        }
        for each in placed.actions.asked:
            if each.action.name == NAME:
                result.hooks += hooks(each.options, whole.row["resources"], about, result.policy.name)
    return planner.plan(frame.now)


def _selected(bench: Bench, group: Sequence[Placed]) -> None:
    """Write what the policies of one table select. Raises `UsageError` where one can't be run."""
    for each in group:
        each.result.begin()
    source = bench.sources[group[0].question.plan.table]
    for row in select(bench, source, [each.question for each in group]):
        group[row.question].result.add(row.id, row.document)
