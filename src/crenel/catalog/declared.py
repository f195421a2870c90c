"""A resource type as declared: some ten lines of YAML become one frozen `ResourceType`.

    service: ec2                                     # botocore's name; calls may name another
    types:
      ebs:                                           # Cloud Custodian's name
        title: EBS volumes
        list: {call: DescribeVolumes, items: Volumes, with: {MaxResults: 500}}
        id: VolumeId
        arn: "arn:{partition}:ec2:{region}:{account}:volume/{VolumeId}"

`list` asks for the rows (none: one row for each account, or each account and Region). Its `else` is another call that
knows some of them, for where that is denied: the gap stays, and `columns` says what a row has of an item. The type's
`columns` adds columns that botocore's model lacks, types one otherwise, or (null) takes one away that the listing never
fills; `tags` names the column from which Cloud Custodian's `Tags` is made; `filters` holds Cloud Custodian's filters
that are mere data, for whoever compiles policies. `details` cost calls of their own: see `details.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from crenel.catalog.columns import TAGS, ListOf, Struct, Type, column_type, declared_type
from crenel.catalog.details import Caller, DetailReader, path_of
from crenel.catalog.spec import Detail, Listing, ResourceType
from crenel.positions import Located

_FILE_KEYS = ("service", "iam", "types")
_TYPE_KEYS = (
    "title", "scope", "list", "id", "name", "arn", "owner", "own", "home", "shadows", "as", "details", "columns",
    "tags", "filters", "aliases", "config",
)  # fmt: skip
_LIST_KEYS = ("call", "items", "with", "scalar", "service", "permission", "where", "above", "empty", "else", "at")
_OTHER_LIST_KEYS = ("call", "items", "with", "where", "columns")


def load_types(root: Located) -> list[ResourceType]:
    """Read the resource types of one catalogue file. Raises `PolicyError` with the place of whatever is wrong."""
    items = root.only("a catalogue file", _FILE_KEYS)
    service = items["service"].text("service")
    prefix = items["iam"].text("iam") if "iam" in items else service
    types = items["types"].mapping("types")
    return [_Reader(Caller(service, prefix), name, body).read() for name, body in types.items()]


class _Reader:
    """Reads one type's declaration."""

    def __init__(self, caller: Caller, name: str, body: Located) -> None:
        self.caller = caller
        self.name = name
        self.items = body.only(f"the type {name}", _TYPE_KEYS)

    def read(self) -> ResourceType:
        listing, columns = self.listing()
        own = self.own_columns()
        columns = {name: kind for name, kind in columns.items() if name not in own} | {
            name: kind for name, kind in own.items() if kind is not None
        }
        details = self.details(columns)
        tags = self.word("tags", "")
        if tags:
            columns, details = self.tagged(tags, columns, details)
        return ResourceType(
            name=self.name,
            title=self.word("title", self.name),
            service=self.caller.service,
            regional=self.word("scope", "regional") == "regional",
            listing=listing,
            id=self.word("id", ""),
            label=self.word("name", self.word("id", "")),
            arn=self.word("arn", ""),
            owner=self.word("owner", ""),
            home=self.word("home", ""),
            shadows=self.flag("shadows"),
            own=self.flag("own"),
            reported_as=self.word("as", self.name),
            columns=columns,
            details=details,
            tags=tags,
            filters=self.items["filters"].mapping("filters") if "filters" in self.items else {},
            config=self.word("config", ""),
        )

    def word(self, key: str, default: str) -> str:
        item = self.items.get(key)
        return item.text(key) if item else default

    def flag(self, key: str) -> bool:
        return bool(self.items[key].value) if key in self.items else False

    def own_columns(self) -> dict[str, Type | None]:
        """Return the declared columns; None for one that the listing's model has and its answers never do."""
        items = self.items["columns"].mapping("columns") if "columns" in self.items else {}
        return {key: None if value.value is None else declared_type(value) for key, value in items.items()}

    def listing(self) -> tuple[Listing | None, dict[str, Type]]:
        item = self.items.get("list")
        if item is None:
            return None, {}
        keys = item.only("list", _LIST_KEYS)
        call = self.caller.call(item)
        path = path_of(keys, "items")
        first = column_type(self.caller.output(call, path[:1], keys["items"]))
        outer = first.item if isinstance(first, ListOf) and len(path) > 1 else None
        if isinstance(outer, Struct):
            column = outer.fields.get(path[1], first)
        else:
            column = column_type(self.caller.output(call, path, keys["items"]))
        scalar = keys["scalar"].text("scalar") if "scalar" in keys else ""
        where = keys["where"].plain() if "where" in keys else {}
        above = tuple(keys["above"].plain()) if "above" in keys else ()
        empty = "empty" in keys and bool(keys["empty"].value)
        otherwise = self.other_listing(keys.get("else"))
        at = keys["at"].text("a Region") if "at" in keys else ""
        if not isinstance(column, ListOf):
            raise keys["items"].error(f"{call.name} answers no list at {'.'.join(path)}.")
        if scalar:
            return Listing(call, path, scalar, where, empty=empty, otherwise=otherwise, at=at), {scalar: column.item}
        if not isinstance(column.item, Struct):
            raise keys["items"].error("a list of bare values needs `scalar`, the name of their column.")
        shared = {name: outer.fields[name] for name in above} if isinstance(outer, Struct) else {}
        listing = Listing(call, path, where=where, above=above, empty=empty, otherwise=otherwise, at=at)
        return listing, {**column.item.fields, **shared}

    def other_listing(self, item: Located | None) -> Listing | None:
        """Return the listing that is asked where the type's own is denied."""
        if item is None:
            return None
        keys = item.only("else", _OTHER_LIST_KEYS)
        where = keys["where"].plain() if "where" in keys else {}
        made = {name: text.text("a column") for name, text in keys["columns"].mapping("columns").items()}
        return Listing(self.caller.call(item), path_of(keys, "items"), where=where, made=made)

    def details(self, columns: Mapping[str, Type]) -> dict[str, Detail]:
        found: dict[str, Detail] = {}
        filled: dict[str, str] = {}
        known = dict(columns)
        item = self.items.get("details")
        for name, body in (item.mapping("details") if item else {}).items():
            detail = DetailReader(self.caller, name, body, filled, known, self.word("arn", "")).read()
            found[name] = detail
            known = {**known, **detail.columns}
            filled |= dict.fromkeys(set(detail.columns) - set(columns), name)
        return found

    def tagged(
        self, tags: str, columns: dict[str, Type], details: dict[str, Detail]
    ) -> tuple[dict[str, Type], dict[str, Detail]]:
        """Put the column `Tags` where its source is, which it replaces where the two differ by case alone."""
        if tags in columns:
            return with_tags(columns, tags), details
        for name, detail in details.items():
            if tags in detail.columns:
                return columns, details | {name: replace(detail, columns=with_tags(detail.columns, tags))}
        raise self.items["tags"].error(f'the type {self.name} has no column "{tags}".')


def with_tags(columns: Mapping[str, Type], source: str) -> dict[str, Type]:
    """Return columns with Cloud Custodian's `Tags`, without what that is made of or differs from in case alone."""
    return {name: kind for name, kind in columns.items() if name.lower() not in ("tags", source.lower())} | {
        "Tags": TAGS
    }
