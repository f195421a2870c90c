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
from crenel.policies.custodian_names import CLOUDS, custodian_names
from crenel.policies.facts import facts
from crenel.policies.values.sources import unfetched
from crenel.policies.written.load import load_variables, policy_files, read_policies
from crenel.policies.written.model import Policy
from crenel.positions import describe
from crenel.report.text import number, printable

_SHOWN = 20  # reasons in the table


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="PATH...")
@variables_option
@format_option("table", "json")
def coverage(paths: tuple[Path, ...], variables_file: Path | None, style: str) -> None:
    """Show how many policies of files and folders run here, by type and filter, and what keeps the others from it.

    A folder is read whole, with the folders in it: all .yml, .yaml and .json files that are not hidden. Nothing is
    called. Exit code 0, whatever runs; 2 where a file can't be read, since its policies are not counted.

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
    else:
        for fault in found.faults:
            click.echo(printable(describe(fault, "error")), err=True)
        print_tables(found)
        click.echo(summary(found))
    if found.faults:
        click.get_current_context().exit(2)


@dataclass(frozen=True, slots=True)
class Entry:
    """A policy, and why it does not run: reasons with the filter that each lies in, none where it runs.

    `type` is the resource type's own name, whatever alias the policy has for it.
    """

    name: str
    file: str
    type: str
    filters: tuple[str, ...]
    reasons: tuple[tuple[str, PolicyError], ...]

    def misnamed(self, filter_: str, error: PolicyError) -> bool:
        """Return whether a reason is a name that Cloud Custodian does not have either: a slip, nothing that lacks."""
        if error.code == "unsupported-type":
            return self.type not in custodian_names().types and self.type.partition(".")[0] not in CLOUDS
        return error.code == "unknown-filter" and filter_ not in custodian_names().filters


@dataclass(frozen=True, slots=True)
class Coverage:
    """All policies of a repository, and what is wrong with files as a whole; `unreadable` counts those files."""

    entries: tuple[Entry, ...]
    faults: tuple[PolicyError, ...]
    unreadable: int

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

    def misnamed(self) -> int:
        """Return how many policies have a name that Cloud Custodian does not have either."""
        return sum(any(entry.misnamed(*reason) for reason in entry.reasons) for entry in self.entries)

    def by_reason(self) -> list[tuple[str, int]]:
        """Return the reasons with the policies that each keeps from running, the most frequent first."""
        told = Counter(text for entry in self.entries for text in {_told(entry, *reason) for reason in entry.reasons})
        return sorted(told.items(), key=lambda pair: (-pair[1], pair[0]))


def _told(entry: Entry, filter_: str, error: PolicyError) -> str:
    if not entry.misnamed(filter_, error):
        return error.message
    hint = error.suggestion if error.suggestion.startswith("Did you mean") else ""
    return f"{error.message} Cloud Custodian has no such name either. {hint}".rstrip()


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
    unreadable = 0
    for path in dict.fromkeys(policy_files(paths)):
        found = read_policies(path, variables=variables)
        faults += found.faults
        unreadable += bool(found.faults)
        for each in found.unread:
            name = _type(each.word("resource"))
            entries.append(Entry(each.word("name"), str(path), name, (), tuple(("", error) for error in each.errors)))
        entries += [_entry(policy, compiler) for policy in found.policies]
    return Coverage(tuple(entries), tuple(faults), unreadable)


def _type(name: str) -> str:
    """Return a resource type's own name, a name that there is not as it is."""
    known = catalog()
    return known[name].name if name in known else name.removeprefix("aws.")


def _entry(policy: Policy, compiler: PolicyCompiler) -> Entry:
    reasons = compiler.refusals(policy, Mistakes())
    filters = tuple(filter_name(item) for item in leaves(policy.body.mapping("a policy").get("filters")))
    if not policy.mode.pulled:
        lacking = "event" if "event" in filters else ""
        reasons += [(lacking, error) for error in policy.warnings if error.code == "event-mode"]
    return Entry(policy.name, policy.file, _type(policy.resource), filters, tuple(reasons))


def as_json(found: Coverage) -> str:
    """Return the coverage for machines."""
    return json.dumps(
        {
            "policies": len(found.entries),
            "run": found.running,
            "misnamed": found.misnamed(),
            "unreadable_files": found.unreadable,
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
                            "misnamed": entry.misnamed(name, error),
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
        print_columns(("FILTER THAT NOT ALL CAN USE", "POLICIES", "CAN"), _texts(lacking), out)
    reasons = found.by_reason()
    if reasons:
        out.write("\n")
        shown = [(str(count), text) for text, count in reasons[:_SHOWN]]
        print_columns(("POLICIES", "WHY THEY DO NOT RUN"), shown, out)


def summary(found: Coverage) -> str:
    """Return how many policies there are and how many run, in words."""
    share = f" ({100 * found.running // len(found.entries)} %)" if found.entries else ""
    told = [f"{number(len(found.entries), 'policy', 'policies')}, {found.running:,} run{share}"]
    if misnamed := found.misnamed():
        told.append(f"names that Cloud Custodian does not have either: in {misnamed:,}")
    if found.unreadable:
        told.append(f"not counted, since unreadable: {number(found.unreadable, 'file')}")
    return "; ".join(told)


def _texts(rows: Sequence[tuple[str, int, int]]) -> list[tuple[str, str, str]]:
    return [(name, str(all_), str(running)) for name, all_, running in rows]
