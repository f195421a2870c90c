"""A resource type as declared: some ten lines of YAML become one frozen `ResourceType`.

    service: ec2                                     # botocore's name; calls may name another
    types:
      ebs:                                           # Cloud Custodian's name
        title: EBS volumes
        list: {call: DescribeVolumes, items: Volumes, with: {MaxResults: 500}}
        id: VolumeId
        arn: "arn:{partition}:ec2:{region}:{account}:volume/{VolumeId}"

`list` asks for the rows (none: one row for each account, or each account and Region). `details` are columns that cost
calls of their own and are asked for only where a plan reads them:

    Encryption:   {call: GetBucketEncryption, with: {Bucket: "{Name}"}, take: ServerSideEncryptionConfiguration,
                   absent: [ServerSideEncryptionConfigurationNotFoundError]}        # one call a row
    status:       {once: true, call: …, each: ConfigurationRecordersStatus, match: [name, name]}  # one a unit, joined
    on a key DomainStatus: {batch: 5, call: …, with: {DomainNames: "{DomainName}"}, each: …, match: […], merge: true}
    Password:     {oddity: iam-user-password, type: {Enabled: boolean}, calls: [iam:GetLoginProfile]}  # needs code

`match` names the row's column and the answer's member that must be equal (none: the first item goes to every row);
`gather` keeps all items with the key as a list, `present` keeps only whether there is one. `merge` puts the answer's
members beside the row's own columns; an `always` detail is read whatever the plans need; `at: home` sends the call to
the Region where the resource lives; `when` and `unless` say which rows are asked; a code in `absent` means null, one in
`gone` that the resource was deleted meanwhile and the row goes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from crenel.catalog.columns import JSON, Kind, ListOf, Scalar, Struct, Type, column_type, service_model, shape_at
from crenel.positions import Located

Path = tuple[str, ...]

_PLACEHOLDER = re.compile(r"\{([A-Za-z][\w.]*)\}")
_SCALARS = ("text", "integer", "number", "boolean", "timestamp", "date", "json")


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
    """Where a type's rows come from. `scalar` names the column of a list of bare texts."""

    call: Call
    items: Path
    scalar: str = ""


@dataclass(frozen=True, slots=True)
class Detail:
    """Columns that cost calls of their own. `columns` are the names it fills (one, or many where it merges)."""

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
    at_home: bool = False
    when: Mapping[str, Any] = field(default_factory=dict, hash=False)
    unless: Mapping[str, Any] = field(default_factory=dict, hash=False)
    oddity: str = ""
    needs: tuple[str, ...] = ()

    @property
    def cost(self) -> str:
        """How many calls it takes, in words."""
        if self.oddity:
            return "see permissions"
        if self.once:
            return "1 a listing"
        per = f"1 for {self.batch} resources" if self.batch else "1 a resource"
        return f"{per}, where needed" if self.when or self.unless else per


@dataclass(frozen=True, slots=True)
class ResourceType:
    """A kind of AWS resource: how to read it, what its columns are, how it is named.

    `columns` are the listing's own, free of further calls. `home` is the column with the Region where a resource lives
    when it can be read elsewhere (`shadows`: the same one is read in many Regions). `owner` is a column with an account
    number or an ARN; `own` leaves out what another account owns, for listings that ask for one's own alone.
    `reported_as` is the type that findings bear.
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

    @property
    def table(self) -> str:
        """The SQL name of the type's table."""
        return self.name.replace("-", "_")

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


_FILE_KEYS = ("service", "iam", "types")
_TYPE_KEYS = (
    "title", "scope", "list", "id", "name", "arn", "owner", "own", "home", "shadows", "as", "details", "columns",
)  # fmt: skip
_LIST_KEYS = ("call", "items", "with", "scalar", "service", "permission")
_FLAGS = ("once", "merge", "present", "gather", "always")
_DETAIL_KEYS = (
    "call", "with", "take", "absent", "gone", "once", "each", "match", "gather", "batch", "merge", "present", "service",
    "permission", "at", "always", "when", "unless", "oddity", "type", "calls", "needs",
)  # fmt: skip


def load_types(root: Located) -> list[ResourceType]:
    """Read the resource types of one catalogue file. Raises `PolicyError` with the place of whatever is wrong."""
    items = root.only("a catalogue file", _FILE_KEYS)
    service = items["service"].text("service")
    prefix = items["iam"].text("iam") if "iam" in items else service
    types = items["types"].mapping("types")
    return [_Reader(service, prefix, name, body).read() for name, body in types.items()]


class _Reader:
    """Reads one type's declaration."""

    def __init__(self, service: str, prefix: str, name: str, body: Located) -> None:
        self.service = service
        self.prefix = prefix
        self.name = name
        self.body = body
        self.items = body.only(f"the type {name}", _TYPE_KEYS)

    def read(self) -> ResourceType:
        listing, columns = self.listing()
        columns |= self.own_columns()
        details = self.details(columns)
        regional = self.word("scope", "regional") == "regional"
        return ResourceType(
            name=self.name,
            title=self.word("title", self.name),
            service=self.service,
            regional=regional,
            listing=listing,
            id=self.word("id", ""),
            label=self.word("name", self.word("id", "")),
            arn=self.word("arn", ""),
            owner=self.word("owner", ""),
            home=self.word("home", ""),
            shadows=bool(self.items["shadows"].value) if "shadows" in self.items else False,
            own=bool(self.items["own"].value) if "own" in self.items else False,
            reported_as=self.word("as", self.name),
            columns=columns,
            details=details,
        )

    def word(self, key: str, default: str) -> str:
        item = self.items.get(key)
        return item.text(key) if item else default

    def own_columns(self) -> dict[str, Type]:
        item = self.items.get("columns")
        return {} if item is None else {key: declared_type(value) for key, value in item.mapping("columns").items()}

    def listing(self) -> tuple[Listing | None, dict[str, Type]]:
        item = self.items.get("list")
        if item is None:
            return None, {}
        keys = item.only("list", _LIST_KEYS)
        call = self.call(item)
        path = tuple(keys["items"].text("items").split("."))
        column = column_type(self.output(call, path, keys["items"]))
        scalar = keys["scalar"].text("scalar") if "scalar" in keys else ""
        if not isinstance(column, ListOf):
            raise keys["items"].error(f"{call.name} answers no list at {'.'.join(path)}.")
        if scalar:
            return Listing(call, path, scalar), {scalar: column.item}
        if not isinstance(column.item, Struct):
            raise keys["items"].error("a list of bare values needs `scalar`, the name of their column.")
        return Listing(call, path), dict(column.item.fields)

    def output(self, call: Call, path: Path, at: Located) -> Any:  # noqa: ANN401 (a botocore Shape)
        model = service_model(call.service).operation_model(call.operation)
        try:
            return shape_at(model.output_shape, path)
        except KeyError as error:
            raise at.error(f"the answer of {call.name} has no {error.args[0]!r}.") from error

    def call(self, item: Located) -> Call:
        keys = item.mapping("a call")
        service = keys["service"].text("service") if "service" in keys else self.service
        operation = keys["call"].text("call")
        if operation not in service_model(service).operation_names:
            raise keys["call"].error(f"{service} has no operation {operation}.")
        params = keys["with"].plain() if "with" in keys else {}
        prefix = self.prefix if service == self.service else service
        permission = keys["permission"].text("permission") if "permission" in keys else f"{prefix}:{operation}"
        return Call(service, operation, params, permission)

    def details(self, columns: Mapping[str, Type]) -> dict[str, Detail]:
        found: dict[str, Detail] = {}
        filled: dict[str, str] = {}
        item = self.items.get("details")
        for name, body in (item.mapping("details") if item else {}).items():
            detail = self.detail(name, body, filled)
            found[name] = detail
            filled |= dict.fromkeys(set(detail.columns) - set(columns), name)
        return found

    def detail(self, name: str, body: Located, filled: Mapping[str, str]) -> Detail:
        keys = body.only(f"the detail {name}", _DETAIL_KEYS)
        needs = {filled[column] for column in _columns_named(body.plain()) if column in filled}
        needs |= set(keys["needs"].plain()) if "needs" in keys else set()
        if "oddity" in keys:
            permissions = tuple(keys["calls"].plain())
            kind = declared_type(keys["type"])
            return Detail(
                name,
                {name: kind},
                permissions=permissions,
                oddity=keys["oddity"].text("oddity"),
                always=bool(keys["always"].value) if "always" in keys else False,
                needs=tuple(sorted(needs)),
            )
        call = self.call(body)
        each = tuple(keys["each"].text("each").split(".")) if "each" in keys else ()
        take = tuple(keys["take"].text("take").split(".")) if "take" in keys else ()
        once, merge, present, gather, always = (bool(keys[flag].value) if flag in keys else False for flag in _FLAGS)
        columns = self.detail_columns(name, call, (each, take), body, merge=merge, present=present)
        return Detail(
            name=name,
            columns={name: ListOf(columns[name])} if gather else columns,
            call=call,
            permissions=(call.permission,),
            batch=int(keys["batch"].value) if "batch" in keys else 0,
            each=each,
            match=tuple(keys["match"].plain()) if "match" in keys else None,
            take=take,
            absent=frozenset(keys["absent"].plain()) if "absent" in keys else frozenset(),
            gone=frozenset(keys["gone"].plain()) if "gone" in keys else frozenset(),
            at_home="at" in keys,
            when=keys["when"].plain() if "when" in keys else {},
            unless=keys["unless"].plain() if "unless" in keys else {},
            needs=tuple(sorted(needs)),
            once=once,
            merge=merge,
            present=present,
            gather=gather,
            always=always,
        )

    def detail_columns(
        self, name: str, call: Call, paths: tuple[Path, Path], body: Located, *, merge: bool, present: bool
    ) -> dict[str, Type]:
        if present:
            return {name: Scalar("boolean")}
        each, take = paths
        shape = self.output(call, each, body)
        if each:
            shape = shape.member
        try:
            kind = column_type(shape_at(shape, take))
        except KeyError as error:
            raise body.error(f"the answer of {call.name} has no {error.args[0]!r}.") from error
        if not merge:
            return {name: kind}
        if not isinstance(kind, Struct):
            raise body.error(f"only a structure merges into the row, and {call.name} gives {kind}.")
        return {key: value for key, value in kind.fields.items() if key != "ResponseMetadata"}


def declared_type(item: Located) -> Type:
    """Return the column type that a declaration spells: ``text``, ``[integer]`` for a list, a mapping for a struct."""
    if isinstance(item.value, dict):
        return Struct({key: declared_type(value) for key, value in item.value.items()})
    if isinstance(item.value, list):
        return ListOf(declared_type(item.value[0]))
    kind = item.text("a type")
    if kind not in _SCALARS:
        raise item.error(f"{kind!r} is no type.", f"Types are {', '.join(_SCALARS)}, [type] and {{name: type}}.")
    return JSON if kind == "json" else Scalar(cast("Kind", kind))


def _columns_named(value: Any) -> set[str]:  # noqa: ANN401 (any YAML value)
    """Return the row columns that a detail's declaration mentions in placeholders and conditions."""
    found: set[str] = set()
    if isinstance(value, dict):
        for key in ("when", "unless"):
            found |= set(value.get(key) or ())
        for item in value.values():
            found |= _columns_named(item)
    elif isinstance(value, list):
        for item in value:
            found |= _columns_named(item)
    elif isinstance(value, str):
        found |= {match.split(".")[0] for match in _PLACEHOLDER.findall(value)}
    return found
