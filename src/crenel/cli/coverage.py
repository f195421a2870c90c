"""`crenel policies coverage`: how much of a repository of policies runs here, and what keeps the rest from it."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import click

from crenel.catalog.load import catalog
from crenel.cli.check import uncollected
from crenel.cli.listing import print_columns
from crenel.cli.options import format_option, variables_option
from crenel.errors import PolicyError
from crenel.model import Standard
from crenel.policies.compile import PolicyCompiler, filter_name, leaves
from crenel.policies.context import Mistakes
from crenel.policies.facts import facts
from crenel.policies.load import load_variables, policy_files, read_policies
from crenel.policies.model import Policy
from crenel.policies.value_sources import unfetched
from crenel.positions import describe
from crenel.report.text import number, printable

_SHOWN = 20  # reasons in the table


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="PATH...")
@variables_option
@format_option("table", "json")
def coverage(paths: tuple[Path, ...], variables_file: Path | None, style: str) -> None:
    """Show how many policies of files and folders run here, by type and filter, and what keeps the others from it.

    Nothing is called. Exit code 0, whatever runs.

    \b
    Examples:
      crenel policies coverage our-policies/
      crenel policies coverage our-policies/ --format json | jq .not_run
    """  # noqa: D301
    variables = load_variables(variables_file) if variables_file else None
    with uncollected():
        found = cover(paths, variables=variables)
    if style == "json":
        click.echo(as_json(found))
        return
    for fault in found.faults:
        click.echo(printable(describe(fault, "error")), err=True)
    print_tables(found)
    click.echo(summary(found))


@dataclass(frozen=True, slots=True)
class Entry:
    """A policy, and why it does not run: reasons with the filter that each lies in, none where it runs."""

    name: str
    file: str
    type: str
    filters: tuple[str, ...]
    reasons: tuple[tuple[str, PolicyError], ...]


@dataclass(frozen=True, slots=True)
class Coverage:
    """All policies of a repository, and the files that hold none that could be read."""

    entries: tuple[Entry, ...]
    faults: tuple[PolicyError, ...]

    @property
    def running(self) -> int:
        """How many policies run."""
        return sum(not entry.reasons for entry in self.entries)

    def by_type(self) -> list[tuple[str, int, int]]:
        """Return the types with their policies and those that run, most policies first."""
        return _counted([(entry.type, not entry.reasons) for entry in self.entries])

    def by_filter(self) -> list[tuple[str, int, int]]:
        """Return the filters as ``type.filter`` with the policies that use them and those where they run."""
        found = []
        for entry in self.entries:
            broken = {name for name, _ in entry.reasons}
            known = any(error.code == "unsupported-type" for _, error in entry.reasons)
            found += [(f"{entry.type}.{name}", name not in broken and not known) for name in sorted(set(entry.filters))]
        return _counted(found)

    def by_reason(self) -> list[tuple[str, int]]:
        """Return the reasons with the policies that each keeps from running, the most frequent first."""
        told = Counter(text for entry in self.entries for text in {error.message for _, error in entry.reasons})
        return sorted(told.items(), key=lambda pair: (-pair[1], pair[0]))


def _counted(found: Sequence[tuple[str, bool]]) -> list[tuple[str, int, int]]:
    all_, running = Counter(name for name, _ in found), Counter(name for name, runs in found if runs)
    return sorted(((name, all_[name], running[name]) for name in all_), key=lambda row: (-row[1], row[0]))


def cover(paths: Sequence[Path], *, variables: Mapping[str, Any] | None = None) -> Coverage:
    """Try every policy of files and folders, in Cloud Custodian's reading and without a call.

    Raises `UsageError` where a path names nothing.
    """
    compiler = PolicyCompiler(catalog(), facts(), Standard.FSBP, values_from=unfetched)
    entries: list[Entry] = []
    faults: list[PolicyError] = []
    for path in dict.fromkeys(policy_files(paths)):
        found = read_policies(path, variables=variables)
        faults += found.faults
        for each in found.unread:
            name = each.word("resource").removeprefix("aws.")
            entries.append(Entry(each.word("name"), str(path), name, (), tuple(("", error) for error in each.errors)))
        entries += [_entry(policy, compiler) for policy in found.policies]
    return Coverage(tuple(entries), tuple(faults))


def _entry(policy: Policy, compiler: PolicyCompiler) -> Entry:
    reasons = compiler.refusals(policy, Mistakes())
    if not policy.mode.pulled:
        reasons += [("", error) for error in policy.warnings if error.code == "event-mode"]
    filters = tuple(filter_name(item) for item in leaves(policy.body.mapping("a policy").get("filters")))
    return Entry(policy.name, policy.file, policy.resource, filters, tuple(reasons))


def as_json(found: Coverage) -> str:
    """Return the coverage for machines."""
    return json.dumps(
        {
            "policies": len(found.entries),
            "run": found.running,
            "types": [{"type": name, "policies": all_, "run": run} for name, all_, run in found.by_type()],
            "filters": [{"filter": name, "policies": all_, "run": run} for name, all_, run in found.by_filter()],
            "not_run": [
                {
                    "policy": entry.name,
                    "file": entry.file,
                    "type": entry.type,
                    "reasons": [
                        {
                            "filter": name or None,
                            "place": str(error.where or ""),
                            "code": error.code,
                            "message": error.message,
                        }
                        for name, error in entry.reasons
                    ],
                }
                for entry in found.entries
                if entry.reasons
            ],
            "unreadable": [str(error) for error in found.faults],
        },
        indent=2,
    )


def print_tables(found: Coverage, out: TextIO | None = None) -> None:
    """Print what runs by type, the filters that do not everywhere, and the most frequent reasons."""
    out = out or sys.stdout
    print_columns(("TYPE", "POLICIES", "RUN"), _texts(found.by_type()), out)
    lacking = [row for row in found.by_filter() if row[2] < row[1]]
    if lacking:
        out.write("\n")
        print_columns(("FILTER", "POLICIES", "RUN"), _texts(lacking), out)
    reasons = found.by_reason()
    if reasons:
        out.write("\n")
        shown = [(str(count), text) for text, count in reasons[:_SHOWN]]
        print_columns(("POLICIES", "WHY THEY DO NOT RUN"), shown, out)


def summary(found: Coverage) -> str:
    """Return how many policies there are and how many run, in words."""
    share = f" ({100 * found.running // len(found.entries)} %)" if found.entries else ""
    return f"{number(len(found.entries), 'policy', 'policies')}, {found.running} run{share}"


def _texts(rows: Sequence[tuple[str, int, int]]) -> list[tuple[str, str, str]]:
    return [(name, str(all_), str(running)) for name, all_, running in rows]
