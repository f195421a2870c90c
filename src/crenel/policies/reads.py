"""What a plan reads: types, columns, calls and permissions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from crenel.catalog.load import Catalog
from crenel.catalog.spec import Detail, ResourceType
from crenel.language.plan import Field
from crenel.language.policy import Plan
from crenel.language.walking import reads, related_tables
from crenel.model import Needs


@dataclass(frozen=True, slots=True)
class Table:
    """A type that a plan reads: the columns (dotted below structures), and the details that cost calls of their own."""

    kind: ResourceType
    needs: Needs
    columns: tuple[str, ...]
    details: tuple[Detail, ...]

    @property
    def calls(self) -> tuple[str, ...]:
        """The calls' names, the listing's first; `NAME (reads of its own)` for what needs code."""
        listing = [call.name for call in self.kind.listing.calls] if self.kind.listing else []
        details = [detail.call.name for detail in self.details if detail.call]
        odd = [f"{detail.name} (reads of its own)" for detail in self.details if detail.oddity]
        return tuple(dict.fromkeys([*listing, *details, *odd]))

    @property
    def permissions(self) -> tuple[str, ...]:
        """The IAM actions of the listing and of the details, those of what stands in for a denied call too."""
        found = {call.permission for call in self.kind.listing.calls} if self.kind.listing else set[str]()
        return tuple(sorted(found.union(*(detail.may_need for detail in self.details))))


def needs_of(plans: Sequence[Plan], catalog: Catalog) -> list[Needs]:
    """Return what plans read: the resource types, and of each the detail columns that cost calls of their own."""
    found: dict[str, set[str]] = {}

    def seen(table: str, value: Field) -> None:
        details = found.setdefault(table, set())
        if (name := value.path[0]).startswith("_"):
            return
        detail = catalog[table].detail_of(name)
        if detail:
            details.add(detail)

    for plan in plans:
        found.setdefault(plan.table, set())
        reads(iter(plan.everything()), seen, plan.table)
        for name in related_tables(iter(plan.everything())):
            found.setdefault(name, set())
    complete = {
        name: frozenset(detail.name for detail in catalog[name].with_needs(frozenset(details)))
        for name, details in found.items()
    }
    return [Needs(name, details) for name, details in sorted(complete.items())]


def tables(plans: Sequence[Plan], catalog: Catalog) -> list[Table]:
    """Return what plans read, a type each, by its name."""
    columns = _columns(plans)
    found = []
    for need in needs_of(plans, catalog):
        kind = catalog[need.type]
        found.append(Table(kind, need, tuple(sorted(columns.get(kind.name, ()))), kind.with_needs(need.details)))
    return found


def permissions(read: Iterable[Table]) -> set[str]:
    """Return all IAM actions of tables."""
    return {action for table in read for action in table.permissions}


def _columns(plans: Sequence[Plan]) -> Mapping[str, set[str]]:
    found: dict[str, set[str]] = {}

    def seen(table: str, value: Field) -> None:
        if not value.path[0].startswith("_"):
            found.setdefault(table, set()).add(".".join(value.path))

    for plan in plans:
        reads(iter(plan.everything()), seen, plan.table)
    return found
