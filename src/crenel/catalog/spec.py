"""A resource type, as everything else reads it: frozen words, made by `declared.py` from YAML or by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from crenel.catalog.columns import Type
from crenel.positions import Located

Path = tuple[str, ...]
ARN = "@arn"  # as a column's name in `match` and `with`: the row's ARN
RESOURCE = "@resource"  # … and what stands in it behind the kind of resource


@dataclass(frozen=True, slots=True)
class Call:
    """An AWS operation with its parameters; a text ``{Column}`` in them is filled from the row."""

    service: str
    operation: str
    params: Mapping[str, Any] = field(hash=False)
    permission: str

    @property
    def name(self) -> str:
        """``service:Operation``."""
        return f"{self.service}:{self.operation}"


@dataclass(frozen=True, slots=True)
class Listing:
    """Where a type's rows come from. `scalar` names the column of a list of bare texts, `where` says which count.

    `items` leads through lists; `above` names members of the outer items that every row has too. `recorded`: the items
    are JSON texts of AWS Config's. `empty`: an answer that has no list says that there is nothing. `otherwise` is asked
    where this listing is denied, and knows some of the rows alone: `made` are their columns, as templates over its
    items. `at` is the only Region that answers, where there is one.
    """

    call: Call
    items: Path
    scalar: str = ""
    where: Mapping[str, Any] = field(default_factory=dict, hash=False)
    above: Path = ()
    recorded: bool = False
    empty: bool = False
    made: Mapping[str, str] = field(default_factory=dict, hash=False)
    otherwise: Listing | None = None
    at: str = ""

    @property
    def calls(self) -> tuple[Call, ...]:
        """Its call and what stands in for it."""
        return (self.call, *(self.otherwise.calls if self.otherwise else ()))


@dataclass(frozen=True, slots=True)
class Detail:
    """Columns that cost calls of their own. `columns` are the names it fills (one, or many where it merges).

    `over` names a list column whose items are asked for one by one. `otherwise` fills the same columns where the
    first call is denied. `augment`: Cloud Custodian always has it on the resource. `as_tags` brings tags of any form
    into `TAGS`, `as_list` makes a list of one value, `scalar` structures of bare ones, and `flag` is a boolean put
    into the structure: whether there is one. `default` is what the column holds where there is none. `empty`: an
    answer that lacks what was asked for says that there is none. `whole`: the listing has every row, and one that it
    does not speak of is a gap. `first`: no more than one page is asked for. `shared`: rows often ask the same, which
    is asked once. `hides`: Cloud Custodian does not show a resource of which it can't read this. `beside` are the
    members of an `over` item that stay beside its answer. `at` is one of the catalogue's words or a Region's name.
    `test` is SQL on one text: what a policy asks of a text that is not kept.
    """

    name: str
    columns: Mapping[str, Type] = field(hash=False)
    call: Call | None = None
    permissions: tuple[str, ...] = ()
    once: bool = False
    batch: int = 0
    each: Path = ()
    match: tuple[str, str] | None = None
    take: Path = ()
    present: bool = False
    always: bool = False
    gather: bool = False
    merge: bool = False
    absent: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()
    at: str = ""
    when: Mapping[str, Any] = field(default_factory=dict, hash=False)
    unless: Mapping[str, Any] = field(default_factory=dict, hash=False)
    oddity: str = ""
    needs: tuple[str, ...] = ()
    over: Path = ()
    augment: bool = False
    as_tags: bool = False
    as_list: bool = False
    scalar: str = ""
    flag: str = ""
    default: Any = field(default=None, hash=False)
    empty: bool = False
    whole: bool = False
    first: bool = False
    shared: bool = False
    hides: bool = False
    beside: tuple[str, ...] = ()
    of: Path = ()
    test: str = ""
    otherwise: Detail | None = None

    @property
    def cost(self) -> str:
        """How many calls it takes, in words."""
        if self.of:
            return "none"
        if self.oddity:
            return "see permissions"
        if self.once:
            return "1 a listing"
        per = f"1 for {self.batch} resources" if self.batch else "1 a resource"
        per = f"1 for each of {'.'.join(self.over)}" if self.over else per
        return f"{per}, where needed" if self.when or self.unless else per

    @property
    def sources(self) -> tuple[Detail, ...]:
        """The detail and what stands in for it, in the order in which they are tried."""
        return (self, *(self.otherwise.sources if self.otherwise else ()))

    @property
    def may_need(self) -> tuple[str, ...]:
        """The IAM actions of all sources."""
        return tuple(dict.fromkeys(one for source in self.sources for one in source.permissions))


@dataclass(frozen=True, slots=True)
class ResourceType:
    """A kind of AWS resource: how to read it, what its columns are, how it is named.

    `columns` are the listing's own, free of further calls. `home` is the column with the Region where a resource lives
    when it can be read elsewhere (`shadows`: the same one is read in many Regions). `owner` is a column with an account
    number or an ARN; `own` leaves out what another account owns, for listings that ask for one's own alone.
    `reported_as` is the type that findings bear. `tags` is the column from which `Tags` is made. `filters` are Cloud
    Custodian's filters of this type that are mere data, unread here.
    """

    name: str
    title: str
    service: str
    regional: bool
    listing: Listing | None
    id: str
    label: str
    arn: str
    owner: str
    home: str
    shadows: bool
    own: bool
    reported_as: str
    columns: Mapping[str, Type] = field(hash=False)
    details: Mapping[str, Detail] = field(hash=False)
    tags: str = ""
    filters: Mapping[str, Located] = field(default_factory=dict, hash=False)
    config: str = ""

    @property
    def table(self) -> str:
        """The SQL name of the type's table."""
        return self.name.replace("-", "_").replace("+", "_")

    def schema(self) -> dict[str, Type]:
        """Return every column with its type: the listing's and all details'."""
        found = dict(self.columns)
        for detail in self.details.values():
            found |= detail.columns
        return found

    def detail_of(self, column: str) -> str | None:
        """Return the name of the detail that fills a column, or None where the listing does."""
        for detail in self.details.values():
            if column in detail.columns and column not in self.columns:
                return detail.name
        return None

    def with_needs(self, details: frozenset[str]) -> tuple[Detail, ...]:
        """Return the named details and those that they need, in the order of declaration."""
        wanted = set(details)
        wanted |= {detail.name for detail in self.details.values() if detail.always}
        for detail in reversed(list(self.details.values())):
            if detail.name in wanted:
                wanted.update(detail.needs)
        return tuple(detail for detail in self.details.values() if detail.name in wanted)

    def augments(self) -> frozenset[str]:
        """Return the names of the details that Cloud Custodian's resources always have, whatever a policy reads."""
        return frozenset(detail.name for detail in self.details.values() if detail.augment)
