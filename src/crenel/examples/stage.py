"""A scene as a judged snapshot: documents become rows, checked against their type's columns, and laid out on the engine
by the same SQL as a scan's.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from crenel.catalog.columns import ListOf, MapOf, Scalar, Struct, Type
from crenel.catalog.load import Catalog
from crenel.catalog.spec import ResourceType
from crenel.collect import rows as collected
from crenel.collect.documents import statements
from crenel.collect.filter_patterns import alternatives
from crenel.errors import did_you_mean
from crenel.examples.format import ACCOUNT, REGION, Scene
from crenel.judge.run import Bench
from crenel.lake.engine import connect
from crenel.lake.snapshots import COVERAGE, GAPS, collected_columns, gap_row, rows_sql
from crenel.language.plan import (
    Lookup,
)
from crenel.language.policy import (
    Plan,
)
from crenel.language.walking import (
    walk,
)
from crenel.model import GLOBAL, Account, Coverage, Gap, ScanInfo
from crenel.policies.facts import facts
from crenel.policies.reads import needs_of
from crenel.positions import Located

Document = dict[str, Any]
_PLACE = ("_account", "_region")
_DOCUMENTS = "documents"  # of an IAM policy: its versions by name


@dataclass(frozen=True, slots=True)
class Stage:
    """A scene without places: plain documents and gaps, each with `_account` and `_region` where they matter."""

    rows: Mapping[str, Sequence[Document]]
    gaps: Sequence[Document] = ()
    coverage: Mapping[str, str] = field(default_factory=dict)
    restricted: bool = False
    now: datetime = field(kw_only=True)
    account: str = ACCOUNT

    @property
    def accounts(self) -> set[str]:
        """The accounts that the documents and gaps are of, one at least."""
        found = {row["_account"] for given in self.rows.values() for row in given if "_account" in row}
        found |= {gap["account"] for gap in self.gaps if "account" in gap}
        bare = any("_account" not in row for given in self.rows.values() for row in given)
        bare = bare or any("account" not in gap for gap in self.gaps)
        return found | {self.account} if bare or not found else found

    def moved(self, number: int) -> Stage:
        """Return the same scene in accounts of its own, so that several fit on one stage."""
        names = self.numbered(number)
        text = json.dumps([self.rows, self.gaps], default=str)
        for name, other in names.items():
            text = text.replace(name, other)
        rows, gaps = json.loads(text)
        return Stage(rows, gaps, self.coverage, self.restricted, now=self.now, account=names[self.account])

    def numbered(self, number: int) -> dict[str, str]:
        """Return what the scene's accounts are called when it is moved, by what they are called here."""
        names = [*sorted(self.accounts - {self.account}), self.account]
        return {name: str(900_000_000_000 + number * 1_000 + index) for index, name in enumerate(names)}


def staged(scene: Scene, kind: ResourceType, catalog: Catalog) -> Stage:
    """Return a scene with its documents checked: a key that the type does not have is an error.

    Raises `PolicyError` at what does not fit.
    """
    rows: dict[str, list[Document]] = {}
    for word, documents in scene.rows.items():
        if word not in catalog:
            at = documents[0] if documents else None
            message, hint = f'there is no resource type "{word}".', did_you_mean(word, catalog)
            raise at.error(message, hint) if at else Located(word, _nowhere(scene)).error(message, hint)
        rows.setdefault(catalog[word].name, []).extend(checked(catalog[word], each) for each in documents)
    rows.setdefault(_listed(kind), []).extend(checked(kind, each) for each in scene.own)
    for gap in scene.gaps:
        _checked_gap(gap, catalog)
    return Stage(rows, [gap.plain() for gap in scene.gaps], scene.coverage, scene.restricted, now=scene.now)


def _nowhere(scene: Scene) -> Any:  # noqa: ANN401 (a place, of the first document that there is)
    every = [each for documents in scene.rows.values() for each in documents]
    return (every or [Located(None, None)])[0].where  # type: ignore[arg-type]


def _checked_gap(gap: Located, catalog: Catalog) -> None:
    keys = gap.mapping("a gap")
    name = keys["type"].text("a type")
    if name not in catalog:
        raise keys["type"].error(f'there is no resource type "{name}".', did_you_mean(name, catalog), "unknown-value")
    details = catalog[name].details
    if "detail" in keys and keys["detail"].value not in ("", *details):
        word = str(keys["detail"].value)
        raise keys["detail"].error(f'aws.{name} has no detail "{word}".', did_you_mean(word, details), "unknown-value")


def checked(kind: ResourceType, item: Located) -> Document:
    """Return a document of a type, plain. Raises `PolicyError` at a key that the type does not have, and at a list,
    mapping or value where the type has something else.
    """
    keys = item.mapping(f"a document of aws.{kind.name}")
    schema = kind.schema()
    own = (_DOCUMENTS,) if "PolicyVersionList" in schema else ()
    for key, value in keys.items():
        if key in _PLACE:
            value.text(key)
        elif key in own:
            value.mapping(_DOCUMENTS)
        elif key not in schema:
            raise item.unknown_key(key, f"aws.{kind.name}", [*schema, *_PLACE, *own])
        elif not (key == kind.home and isinstance(value.value, str)):
            _fits(value, schema[key], f"{kind.name}.{key}")
    plain: Document = json.loads(json.dumps(item.plain(), default=str))
    return plain


def _fits(item: Located, kind: Type, what: str) -> None:  # noqa: C901 (one case for each kind of type)
    if item.value is None:
        return
    match kind:
        case Struct(fields):
            for key, value in item.mapping(what).items():
                if key not in fields:
                    raise item.unknown_key(key, what, fields)
                _fits(value, fields[key], f"{what}.{key}")
        case MapOf(inner):
            for key, value in item.mapping(what).items():
                _fits(value, inner, f"{what}.{key}")
        case ListOf(inner):
            for value in item.sequence(what):
                _fits(value, inner, what)
        case Scalar("boolean") if not isinstance(item.value, bool):
            raise item.error(f"{what} is true or false.", code="wrong-type")
        case Scalar("integer" | "number") if isinstance(item.value, bool) or not isinstance(item.value, (int, float)):
            raise item.error(f"{what} is a number.", code="wrong-type")
        case Scalar("json"):
            return
        case Scalar() if isinstance(item.value, (dict, list)):
            raise item.error(f"{what} is a single value.", code="wrong-type")


@contextmanager
def bench_of(stages: Sequence[Stage], plans: Sequence[Plan], catalog: Catalog) -> Iterator[tuple[Bench, Path]]:
    """Yield the engine with scenes laid out on it, and a folder to write into. They share `now` and `restricted`, and
    have accounts of their own where there are several (`Stage.moved`).
    """
    details = {need.type: tuple(sorted(need.details)) for need in needs_of(plans, catalog)}
    first = stages[0]
    gaps = [(stage, _gap(gap, stage, catalog)) for stage in stages for gap in stage.gaps]
    info = ScanInfo(
        id="examples",
        started_at=first.now,
        finished_at=first.now,
        accounts=tuple(Account(each) for each in sorted(set[str]().union(*(stage.accounts for stage in stages)))),
        regions=(REGION,),
        restricted=first.restricted,
        coverage=tuple(
            Coverage(stage.account, region, state) for stage in stages for region, state in stage.coverage.items()
        ),
        details=details,
    )
    nodes = (node for plan in plans for root in plan.everything() for node in walk(root))
    used = {node.join.fact for node in nodes if isinstance(node, Lookup)}
    with connect() as connection, TemporaryDirectory(prefix="crenel-") as name:
        folder = Path(name)
        bench = Bench(connection, info, catalog, {fact: facts()[fact] for fact in sorted(used)})
        connection.execute(f"CREATE TABLE gaps ({GAPS})")
        connection.execute(f"CREATE TABLE coverage ({COVERAGE})")
        for _, gap in gaps:
            connection.execute("INSERT INTO gaps VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", gap_row(gap))
        for each in info.coverage:
            covered = [each.account, each.region, each.state, each.reason]
            connection.execute("INSERT INTO coverage VALUES (?, ?, ?, ?)", covered)
        bench.listing_gaps()
        for kind in map(catalog.__getitem__, details):
            given = [
                _row(kind, document, stage, [gap for owner, gap in gaps if owner is stage], number)
                for stage in stages
                for number, document in enumerate(stage.rows.get(_listed(kind), ()))
            ]
            spool = folder / f"{kind.table}.ndjson"
            spool.write_text("".join(json.dumps(row) + "\n" for row in given), encoding="utf-8")
            columns = collected_columns(kind, details[kind.name])
            bench.table(kind, f"({rows_sql(columns, [spool] if given else [])})", set(columns))
        yield bench, folder


def _listed(kind: ResourceType) -> str:
    """Return the name under which scenes have a type: a narrowed listing shows the same documents."""
    return kind.name.split("+")[0]


def _row(kind: ResourceType, given: Document, stage: Stage, gaps: Sequence[Gap], number: int) -> Document:
    values: Document = dict(given)
    account = values.pop("_account", stage.account)
    region = values.pop("_region", REGION if kind.regional else GLOBAL)
    if _DOCUMENTS in values:
        _versions(values)
    if "filterPattern" in kind.columns:
        values.setdefault("Alternatives", alternatives(values.get("filterPattern")))
    if kind.listing is None:
        values["account_id"] = account
    if kind.home and isinstance(kind.schema().get(kind.home), Struct) and not isinstance(values.get(kind.home), dict):
        values[kind.home] = {"LocationConstraint": values.get(kind.home, region)}
    home = collected.home(kind, values, region)
    owner = collected.owner(kind, values, account)
    row = collected.Row(values, region, home)
    identity = str(values.get(kind.id))
    denied = {
        gap.detail: f"{gap.call} {gap.code}: {gap.message}"
        for gap in gaps
        if (gap.type, gap.resource) == (_listed(kind), identity) and gap.region in (region, home)
    }
    unread = _read_documents(kind, values, denied)
    return values | {
        "_account": account,
        "_region": region,
        "_home": home,
        "_owner": owner,
        "_primary": home == region or not kind.shadows,
        "_id": identity,
        "_arn": collected.arn(kind.arn, row, "aws", account, owner),
        "_name": values.get(kind.label) or identity,
        "_seen_at": stage.now.replace(tzinfo=None).isoformat(sep=" "),
        "_n": number,
        "_gaps": denied | unread,
    }


def _versions(values: Document) -> None:
    """Make an IAM policy's versions and statements of its `documents`."""
    versions = values.pop(_DOCUMENTS)
    default = values.setdefault("DefaultVersionId", next(iter(versions)))
    values["PolicyVersionList"] = [
        {"VersionId": name, "IsDefaultVersion": name == default, "Document": json.dumps(document)}
        for name, document in versions.items()
    ]
    values["Statements"] = statements(json.dumps(versions[default]))


def _read_documents(kind: ResourceType, values: Document, denied: Collection[str]) -> dict[str, str]:
    """Make the statements of policy documents, as a scan does; returns the gaps of those that are none or unread."""
    gaps: dict[str, str] = {}
    for detail in kind.details.values():
        document: object = values
        for step in detail.of:
            document = document.get(step) if isinstance(document, dict) else None
        if not detail.of or detail.name in values:
            continue
        unread = [source for source in detail.needs if source in denied]
        if unread:
            gaps[detail.name] = f"needs {unread[0]}, which could not be read"
        try:
            values[detail.name] = statements(document) if document else None
        except ValueError as error:
            gaps[detail.name] = f"InvalidDocument: {error}"
    return gaps


def _gap(given: Document, stage: Stage, catalog: Catalog) -> Gap:
    kind = catalog[given["type"]]
    region = given.get("region", REGION if kind.regional else GLOBAL)
    detail = given.get("detail", "")
    call = kind.details[detail].call if detail else kind.listing.call if kind.listing else None
    permissions = kind.details[detail].permissions if detail else ()
    name = call.name if call else permissions[0] if permissions else kind.name
    account = given.get("account", stage.account)
    resource = given.get("resource", "")
    words = (detail, resource, name, name, given["code"], "denied here", stage.now)
    return Gap(account, region, kind.name, *words)
