"""The use case of `crenel run`: what `custodian run --dryrun` does, with one collection for all policies.

load → the Regions of each policy → compile → collect (or take a snapshot that is young enough) → select, table by table
→ a folder a policy

A policy that can't be loaded, compiled or run is an error of its own; the others run.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from crenel.catalog.load import Extended, catalog
from crenel.collect.collector import ProgressEvent
from crenel.collect.places import EVERY, regions_asked, regions_of
from crenel.collect.session import Target, open_given, open_profiles
from crenel.collect.sources import Sources
from crenel.errors import PolicyError, PolicyFileError, UsageError
from crenel.judge.conditions import hold
from crenel.judge.selecting import Question
from crenel.model import Needs, Standard
from crenel.policies.compile import PolicyCompiler
from crenel.policies.context import Mark, Mistakes
from crenel.policies.custodian_names import custodian_names
from crenel.policies.facts import facts
from crenel.policies.values.sources import ValueSources
from crenel.policies.written.choosing import Broken, Chosen, choose
from crenel.policies.written.interpolation import at_runtime, runtime_variables
from crenel.policies.written.load import load_variables
from crenel.policies.written.model import Policy
from crenel.remediate.actions import columns_read, read_actions, tables_read
from crenel.report.folders import PolicyFolder, place_of
from crenel.run.gathering import Cache, Gathered, documented, gathered, wanted
from crenel.run.regional import Frame, Placed, Result, acted_on, judge
from crenel.run.workshop import workshop


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What a user asks for. `files` are policy files or folders, `names` and `tags` choose among their policies.

    `out` is the folder to write into, "" for none. `regions` empty: the profile's own; ``all`` among them: all of the
    account. `text_variables` fill the files' text before it is read, `variables` the placeholders of loaded policies
    (files, both). `cache` keeps snapshots, which are reused for `minutes`. `now` (aware) is the clock for all ages,
    `account` the account's number where it is not to be asked. `web`: `value_from` may read from the web.
    """

    files: tuple[Path, ...]
    out: str = ""
    regions: tuple[str, ...] = ()
    cache: Path | None = None
    minutes: float = 15
    names: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    text_variables: Path | None = None
    variables: Path | None = None
    now: datetime | None = None
    account: str = ""
    profile: str = ""
    web: bool = False


@dataclass(slots=True)
class Outcome:
    """A run. `broken` are the policies that did not get as far as a Region, `skipped` those that do not run in
    a Region, with it and the reason; `reused` is the age in minutes of the snapshot that was there already.
    """

    account: str
    regions: tuple[str, ...]
    results: tuple[Result, ...]
    broken: tuple[Broken, ...]
    skipped: tuple[tuple[str, str, str], ...]
    reused: float | None
    seconds: float

    @property
    def failed(self) -> bool:
        """Whether some policy could not be run."""
        return bool(self.broken) or any(result.error for result in self.results)


@contextmanager
def run(
    options: RunOptions,
    progress: Callable[[ProgressEvent], None] | None = None,
    stop: threading.Event | None = None,
) -> Iterator[Outcome]:
    """Run policies and yield what came of it; what no folder was named for is gone afterwards.

    Raises `UsageError` where nothing can be run (no such file, no policy chosen, two of a name, a place that can't be
    written, a full disk), and `CredentialsError`.
    """
    chosen = choose(options.files, options.names, options.tags, options.text_variables)
    with workshop(options.out) as shop:
        target = _opened(options)
        try:
            yield _Run(options, chosen, target, shop).run(progress, stop)
        finally:
            target.close()


def _opened(options: RunOptions) -> Target:
    if options.account:
        first = next((name for name in options.regions if name != EVERY), "")
        return open_given(options.profile, options.account, first)
    (target,), _ = open_profiles([options.profile] if options.profile else [])
    return target


class _Run:
    """A run under way."""

    def __init__(self, options: RunOptions, chosen: Chosen, target: Target, shop: Path) -> None:
        self.options = options
        self.chosen = chosen
        self.target = target
        self.shop = shop
        self.began = time.time()
        self.now = options.now or datetime.now(UTC)
        self.types = Extended(catalog())
        self.fetch = Sources(target, web=options.web)
        self.regions = regions_asked(target, options.regions)
        self.broken = list(chosen.broken)
        self.skipped: list[tuple[str, str, str]] = []
        self.variables = load_variables(options.variables) if options.variables else {}

    def run(self, progress: Callable[[ProgressEvent], None] | None, stop: threading.Event | None) -> Outcome:
        """Read and judge."""
        placed = self.placed()
        reused = None
        if placed:
            plans = [(each.question.plan, each.result.region) for each in placed]
            more = [(need, each.result.region) for each in placed for need in self.looked_at(each)]
            what = wanted(plans, self.types, more)
            cache = Cache(self.options.cache, self.options.minutes) if self.options.cache else None
            if cache is not None and self.options.now is not None:
                cache = replace(cache, minutes=0)  # what was read by another clock may be other
            found = gathered(
                self.target, self.types, what, self.now, self.shop / "lake", cache=cache, progress=progress, stop=stop
            )
            reused = found.reused
            for region, group in groupby(placed, lambda each: each.result.region):
                judge(self.frame(found), region, list(group))
        return Outcome(
            account=self.target.account.id,
            regions=tuple(dict.fromkeys(each.result.region for each in placed)),
            results=tuple(each.result for each in placed),
            broken=tuple(self.broken),
            skipped=tuple(self.skipped),
            reused=reused,
            seconds=time.time() - self.began,
        )

    def looked_at(self, placed: Placed) -> Iterator[Needs]:
        """Yield what the actions of a policy look at: columns of its own type, and other types."""
        asked, table = placed.actions.asked, acted_on(placed.question.plan.table)
        wanted_columns = {**tables_read(asked)}
        if asked:
            own = {*columns_read(asked), *wanted_columns.pop(self.types[table].reported_as, ())}
            wanted_columns[table] = tuple(own)
        for name, columns in wanted_columns.items():
            kind = self.types[name]
            details = {detail for column in columns if (detail := kind.detail_of(column))}
            yield Needs(kind.name, frozenset(each.name for each in kind.with_needs(frozenset(details))))

    def placed(self) -> list[Placed]:
        """Compile every policy for each of its Regions; by Region, and there in the order of the files."""
        found: list[Placed] = []
        compilers = {region: self.compiler(region) for region in self.regions}
        for policy in self.chosen.policies:
            for region in self.regions_of(policy):
                compiler = compilers.setdefault(region, self.compiler(region))
                try:
                    found += self.compiled(compiler, policy, region)
                except PolicyError as error:
                    self.broken.append(Broken(policy.name, error))
                    break  # it is as wrong in the next Region
        owners: dict[Path, str] = {}
        for each in found:
            target, name = each.result.folder.target, each.result.policy.name
            if target is not None and owners.setdefault(target, name) != name:
                raise UsageError(f"the policies {owners[target]} and {name} would both write to {target}.")
        return sorted(found, key=lambda each: each.result.region)

    def regions_of(self, policy: Policy) -> Sequence[str]:
        """Return the Regions where a policy runs."""
        kind = self.types.get(policy.resource)
        if kind is not None and kind.listing is None and policy.resource != "account":
            return self.regions  # Crenel's own type of what each Region has
        service = (kind.listing.call.service if kind.listing else kind.service) if kind else ""
        there, lacking = regions_of(policy.resource, service, self.regions, self.options.regions)
        if not there and kind is not None and not kind.regional:
            return self.regions[:1]  # a service of the whole account, whose one endpoint botocore gives a Region
        if EVERY not in self.options.regions:
            self.skipped += [(policy.name, region, f"AWS does not offer {service} there") for region in lacking]
        return there

    def compiler(self, region: str) -> PolicyCompiler:
        """Return the compiler for a Region; all share what policies add to the catalogue."""
        account = self.target.account.id
        words = {"account_id": account, "region": region}
        return PolicyCompiler(
            self.types,
            facts(),
            Standard.FSBP,
            values_from=ValueSources(self.fetch, words),
            account=account,
            region=region,
            now=self.now,
        )

    def compiled(self, compiler: PolicyCompiler, policy: Policy, region: str) -> list[Placed]:
        """Compile a policy for a Region; nothing where its conditions do not hold there. Raises `PolicyError`."""
        mistakes = Mistakes(warnings=list(policy.warnings))
        marks: list[Mark] = []
        account = self.target.account
        given = runtime_variables(
            policy.body, account_id=account.id, region=region, partition=account.partition, now=self.now
        )
        policy = at_runtime(policy, {**self.variables, **given})
        if not hold(policy, self.types, account=account.id, region=region, now=self.now, mistakes=mistakes):
            self.skipped.append((policy.name, region, "its conditions do not hold"))
            return []
        plan = compiler.compile(policy, mistakes=mistakes, marks=marks)
        kind = self.types[plan.table]
        actions = read_actions(kind.reported_as, policy.actions, custodian_names().actions)
        if actions.errors:
            raise PolicyFileError(actions.errors)
        mistakes.warnings += actions.unsupported
        columns = set(kind.columns)
        columns.update(each for name in documented(plan, self.types) for each in kind.details[name].columns)
        target = place_of(
            self.options.out,
            policy=policy.name,
            account=account.id,
            region=region,
            now=self.now,
            several=len(self.options.regions) > 1 or EVERY in self.options.regions,
        )
        folder = PolicyFolder(self.shop / region / policy.name, target)
        warnings = tuple(str(error) for error in (*mistakes.errors, *mistakes.warnings))
        result = Result(policy, region, kind.id, folder, warnings=warnings)
        return [Placed(result, Question(plan, frozenset(columns), tuple(marks)), actions)]

    def frame(self, found: Gathered) -> Frame:
        """Return what the Regions share."""
        options = self.options
        config = {
            "account_id": self.target.account.id,
            "regions": list(options.regions or self.regions),
            "profile": options.profile or None,
            "output_dir": options.out or None,
            "cache": str(options.cache) if options.cache else None,
            "cache_period": options.minutes,
            "policy_filters": list(options.names),
            "now": options.now.isoformat() if options.now else None,
            "dryrun": True,
        }
        return Frame(found, self.types, self.now, self.began, config, self.shop / "spill")
