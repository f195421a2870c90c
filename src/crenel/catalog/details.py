"""The details of a type: columns that cost calls of their own, asked for only where somebody reads them.

    Encryption:   {call: GetBucketEncryption, with: {Bucket: "{Name}"}, take: ServerSideEncryptionConfiguration,
                   absent: [ServerSideEncryptionConfigurationNotFoundError]}        # one call a row
    status:       {once: true, call: …, each: ConfigurationRecordersStatus, match: [name, name]}  # one a unit, joined
    on a key DomainStatus: {batch: 5, call: …, with: {DomainNames: "{DomainName}"}, each: …, match: […], merge: true}
    TrailStatus:  {over: Trails, call: GetTrailStatus, with: {Name: "{item.TrailARN}"}, merge: true}  # one an item
    Statements:   {of: Policy, as: statements}       # no call: what a policy document in another column says
    Password:     {oddity: iam-user-password, type: {Enabled: boolean}, calls: [iam:GetLoginProfile]}  # needs code

`match` names the row's column (`@arn`: its ARN) and the answer's member that must be equal, or the list of them that
must hold it (none: the first item goes to every row); `gather` keeps all items with the key as a list, `present` keeps
only whether there is one. `merge` puts the answer's members beside the row's own columns (with `over`: beside the
item's); an `always` detail is read whatever the plans need, an `augment` one wherever a resource is to be Cloud
Custodian's; `at` sends the call to the Region where the resource lives (`home`), to the partition's own (`main`), or to
the `Region` of the item that `over` is at (`item`); `when` and `unless` say which rows are asked; a code in `absent`
means null, one in `gone` that the resource was deleted meanwhile and the row goes; `empty` that an answer may lack what
is asked for, `whole` that the listing speaks of every row, `first` that the answer's first page will do, `shared` that
many rows ask the same, so that the answer is kept for them, `hides` that Cloud Custodian shows no resource without it.
`as: tags` brings tags of any form into Cloud Custodian's, `as: list` makes a list of one value, `scalar` structures
with one member of bare ones; `keep` names the members to merge (with `over`: those of the item that stay); `flag` adds
a boolean to the structure: whether there is one; `default` is what stands for null; `take` leads through lists. `type`
is the column's type where botocore's model has none that fits.
`else` is another source of the same columns, for where the first is denied or does not speak of a row.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from crenel.catalog.columns import (
    STATEMENTS,
    TAGS,
    ListOf,
    MapOf,
    Scalar,
    Struct,
    Type,
    column_type,
    declared_type,
    service_model,
    shape_at,
)
from crenel.catalog.spec import ARN, RESOURCE, Call, Detail, Path
from crenel.positions import Located

PLACEHOLDER = re.compile(r"\{(@?[A-Za-z][\w.:]*)\}")
ITEM = "item"  # in placeholders: the item that `over` is at
_FLAGS = ("once", "merge", "present", "gather", "always", "augment", "empty", "whole", "first", "shared", "hides")
_KEYS = (
    "call", "with", "take", "absent", "gone", "once", "each", "match", "gather", "batch", "merge", "present", "service",
    "permission", "at", "always", "when", "unless", "oddity", "type", "calls", "needs", "else", "augment", "as", "over",
    "empty", "whole", "first", "keep", "scalar", "flag", "of", "default", "shared", "hides",
)  # fmt: skip
_PLACES = ("home", "main", "item")
# Services that a file names beside its own and whose IAM actions have another prefix.
_PREFIXES = {
    "accessanalyzer": "access-analyzer",
    "amp": "aps",
    "apigatewayv2": "apigateway",
    "docdb": "rds",
    "efs": "elasticfilesystem",
    "elb": "elasticloadbalancing",
    "elbv2": "elasticloadbalancing",
    "emr": "elasticmapreduce",
    "lexv2-models": "lex",
    "neptune": "rds",
    "opensearch": "es",
    "resourcegroupstaggingapi": "tag",
    "service-quotas": "servicequotas",
    "sesv2": "ses",
    "stepfunctions": "states",
}


class Caller:
    """Reads calls. `service` is botocore's name of a file's service, `prefix` that of its IAM actions."""

    def __init__(self, service: str, prefix: str) -> None:
        self.service = service
        self.prefix = prefix

    def call(self, item: Located) -> Call:
        """Return the call that a listing or a detail declares. Raises `PolicyError` for an operation AWS has not."""
        keys = item.mapping("a call")
        service = keys["service"].text("service") if "service" in keys else self.service
        if "call" not in keys:
            raise item.error("this needs `call`, the operation that is asked.")
        operation = keys["call"].text("call")
        if operation not in service_model(service).operation_names:
            raise keys["call"].error(f"{service} has no operation {operation}.")
        params = keys["with"].plain() if "with" in keys else {}
        prefix = self.prefix if service == self.service else _PREFIXES.get(service, service)
        permission = keys["permission"].text("permission") if "permission" in keys else f"{prefix}:{operation}"
        return Call(service, operation, params, permission)

    def output(self, call: Call, path: Path, at: Located) -> Any:  # noqa: ANN401 (a botocore Shape)
        """Return the shape at a path of a call's answer. Raises `PolicyError` where there is none."""
        model = service_model(call.service).operation_model(call.operation)
        try:
            return shape_at(model.output_shape, path)
        except KeyError as error:
            raise at.error(f"the answer of {call.name} has no {error.args[0]!r}.") from error


class DetailReader:
    """Reads one detail's declaration.

    `filled` says which detail before it fills a column, `known` what the columns so far are, `arn` is the type's
    template.
    """

    def __init__(
        self,
        caller: Caller,
        name: str,
        body: Located,
        filled: Mapping[str, str],
        known: Mapping[str, Type],
        arn: str,
    ) -> None:
        self.caller = caller
        self.known = known
        self.name = name
        self.body = body
        self.filled = filled
        self.arn = arn
        self.keys = body.only(f"the detail {name}", _KEYS)
        self.flags = {flag: bool(self.keys[flag].value) if flag in self.keys else False for flag in _FLAGS}

    def read(self) -> Detail:
        """Return the detail with what stands in for it. Raises `PolicyError` with the place of whatever is wrong."""
        made = self._made() if "of" in self.keys else self._odd() if "oddity" in self.keys else self._called()
        stray = set(made.otherwise.columns) - set(made.columns) if made.otherwise else set()
        if stray:
            raise self.keys["else"].error(f"the first source has no column {', '.join(sorted(stray))}.")
        return made

    def _made(self) -> Detail:
        """Return a detail that takes no call: the statements of a document in another column."""
        keys = self.body.only(f"the detail {self.name}", ("of", "as"))
        of = path_of(keys, "of")
        if self._plain("as", "") != "statements":
            raise self.body.error("what is made of another column needs `as: statements`.")
        if of[0] not in self.known:
            raise keys["of"].error(f"there is no column {of[0]} before this one.")
        return statements_of(self.name, of, self.filled.get(of[0]))

    def _odd(self) -> Detail:
        kind = STATEMENTS if self._plain("as", "") == "statements" else declared_type(self.keys["type"])
        merged = self.flags["merge"] and isinstance(kind, Struct)
        return Detail(
            self.name,
            dict(kind.fields) if merged and isinstance(kind, Struct) else {self.name: kind},
            permissions=tuple(self.keys["calls"].plain()),
            oddity=self.keys["oddity"].text("oddity"),
            needs=self._needs(),
            otherwise=self._otherwise(),
            when=self._plain("when", {}),
            unless=self._plain("unless", {}),
            **self.flags,  # type: ignore[arg-type]
        )

    def _called(self) -> Detail:
        call = self.caller.call(self.body)
        each, take = path_of(self.keys, "each"), path_of(self.keys, "take")
        form = self.keys["as"].value if "as" in self.keys else ""
        if form not in ("", "tags", "list"):
            raise self.keys["as"].error("only `as: tags` and `as: list` are known.")
        at = self.keys["at"].text("at") if "at" in self.keys else ""
        if at and at not in _PLACES:
            raise self.keys["at"].error(f"`at` is one of {', '.join(_PLACES)}.")
        return Detail(
            name=self.name,
            columns={self.name: TAGS} if form == "tags" else self._columns(call, each, take),
            call=call,
            permissions=(call.permission,),
            batch=int(self._plain("batch", 0)),
            each=each,
            match=tuple(self._plain("match", ())) or None,
            take=take,
            absent=frozenset(self._plain("absent", ())),
            gone=frozenset(self._plain("gone", ())),
            at=at,
            when=self._plain("when", {}),
            unless=self._plain("unless", {}),
            needs=self._needs(),
            over=path_of(self.keys, "over"),
            as_tags=form == "tags",
            as_list=form == "list",
            scalar=self._plain("scalar", ""),
            flag=self._plain("flag", ""),
            default=self._plain("default", None),
            otherwise=self._otherwise(),
            beside=tuple(self._plain("keep", ())) if "over" in self.keys else (),
            **self.flags,  # type: ignore[arg-type]
        )

    def _plain(self, key: str, default: Any) -> Any:  # noqa: ANN401 (any YAML value)
        return self.keys[key].plain() if key in self.keys else default

    def _otherwise(self) -> Detail | None:
        item = self.keys.get("else")
        return DetailReader(self.caller, self.name, item, self.filled, self.known, self.arn).read() if item else None

    def _needs(self) -> tuple[str, ...]:
        named = columns_named(self.body.plain(), self.arn)
        return tuple(sorted({self.filled[one] for one in named if one in self.filled} | set(self._plain("needs", ()))))

    def _columns(self, call: Call, each: Path, take: Path) -> dict[str, Type]:
        if self.flags["present"]:
            return {self.name: Scalar("boolean")}
        kind = self._kind(call, each, take)
        if "scalar" in self.keys and isinstance(kind, ListOf):
            kind = ListOf(Struct({self.keys["scalar"].text("scalar"): kind.item}))
        if "flag" in self.keys and isinstance(kind, Struct):
            kind = Struct({**kind.fields, self.keys["flag"].text("flag"): Scalar("boolean")})
        if self._plain("as", "") == "list":
            return {self.name: ListOf(kind)}
        if "over" in self.keys:
            return {self.name: ListOf(self._beside_the_item(kind))}
        if self.flags["gather"]:
            return {self.name: ListOf(kind)}
        if not self.flags["merge"]:
            return {self.name: kind}
        if not isinstance(kind, Struct):
            raise self.body.error(f"only a structure merges into the row, and {call.name} gives {kind}.")
        kept = self._plain("keep", list(kind.fields))
        if not set(kept) <= set(kind.fields):
            raise self.keys["keep"].error(f"the answer of {call.name} has not all of these.")
        return {key: value for key, value in kind.fields.items() if key in kept and key != "ResponseMetadata"}

    def _beside_the_item(self, kind: Type) -> Type:
        """Return the type of one answer of many; with `merge`, put beside the members of the item asked for."""
        if not self.flags["merge"]:
            return kind
        at = self.keys["over"]
        found: Type | None = Struct(self.known)
        for step in path_of(self.keys, "over"):
            found = found.fields.get(step) if isinstance(found, Struct) else None
        if not isinstance(found, ListOf) or not isinstance(found.item, Struct) or not isinstance(kind, Struct):
            raise at.error("`over` with `merge` needs a list of structures, and an answer that is one.")
        item = {key: value for key, value in found.item.fields.items() if key in self._plain("keep", found.item.fields)}
        return Struct({**item, **kind.fields})

    def _kind(self, call: Call, each: Path, take: Path) -> Type:
        """Return the type of what is kept of an answer (or of each item): botocore's, with what `type` says."""
        said = declared_type(self.keys["type"]) if "type" in self.keys else None
        if said is not None and not (isinstance(said, Struct) and self.flags["merge"]):
            return said
        shape = self.caller.output(call, each, self.body)
        try:
            kind = column_type(shape.member if each else shape, take)
        except KeyError as error:
            raise self.body.error(f"the answer of {call.name} has no {error.args[0]!r}.") from error
        if isinstance(said, Struct) and isinstance(kind, MapOf):
            return said  # a map merges by the names that are declared
        return Struct({**kind.fields, **said.fields}) if isinstance(said, Struct) and isinstance(kind, Struct) else kind


def statements_of(name: str, of: Path, source: str | None) -> Detail:
    """Return the detail of a policy document's statements: `of` is the document's column, or the path to it in one, and
    `source` the detail that fills it.
    """
    needs = (source,) if source else ()
    return Detail(name, {name: STATEMENTS}, oddity="statements", of=of, needs=needs)


def path_of(keys: Mapping[str, Located], key: str) -> Path:
    """Return the dotted path under a key, empty where there is none."""
    return tuple(keys[key].text(key).split(".")) if key in keys else ()


def columns_named(value: Any, arn: str) -> set[str]:  # noqa: ANN401 (any YAML value)
    """Return the row columns that a detail's declaration mentions: in placeholders, conditions, `match` and `over`."""
    named: set[str] = set()
    if isinstance(value, dict):
        for key in ("when", "unless"):
            named |= set(value.get(key) or ())
        named |= set((value.get("match") or ())[:1])
        named |= {value["over"]} if "over" in value else set()
        for item in value.values():
            named |= columns_named(item, arn)
    elif isinstance(value, list):
        for item in value:
            named |= columns_named(item, arn)
    elif isinstance(value, str):
        named |= set(PLACEHOLDER.findall(value))
    if named & {ARN, RESOURCE}:
        named |= set(PLACEHOLDER.findall(arn))
    return {name.split(".")[0] for name in named}
