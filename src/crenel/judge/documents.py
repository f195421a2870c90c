"""Filters over documents that are no rows of a type: their columns are what the documents themselves have."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import duckdb

from crenel.catalog.columns import BOOLEAN, JSON, TEXT, TIMESTAMP, ListOf, Scalar, Struct, Type
from crenel.catalog.load import Catalog, Extended
from crenel.catalog.spec import ResourceType
from crenel.lake.engine import name, sql_type
from crenel.language.expressions import named, written
from crenel.language.plan import (
    INTEGER,
    NUMBER,
    Field,
    Predicate,
)
from crenel.language.reading import Compiler, Source
from crenel.language.sql import Relation
from crenel.policies.context import Context, Mistakes
from crenel.policies.filters import compile_filter, compile_filters
from crenel.policies.keys.key import Place
from crenel.positions import Located

_TABLE = "document"
_WHOLE = "document"  # the one column of documents that have no columns in common
_COMMON = ("_account", "_region", "_home", "_id", "_n")
_BIGGEST = 2**63


def kind_of_values(values: Sequence[Any]) -> Type:
    """Return the type that values have in common, JSON where there is none."""
    found = [_kind(value) for value in values if value is not None]
    return _common(found) if found else JSON


def _kind(value: Any) -> Type:  # noqa: ANN401 (any parsed value)
    match value:
        case bool():
            return BOOLEAN
        case int():
            return INTEGER if -_BIGGEST <= value < _BIGGEST else JSON
        case float():
            return NUMBER
        case datetime() | date():
            return TIMESTAMP
        case list() | tuple():
            return ListOf(kind_of_values(value))
        case dict():
            names = {str(key).lower() for key in value}
            if not value or len(names) < len(value):
                return JSON
            return Struct({str(key): kind_of_values([each]) for key, each in value.items()})
    return TEXT


def _common(kinds: Sequence[Type]) -> Type:
    if all(isinstance(kind, Struct) for kind in kinds):
        fields: dict[str, list[Type]] = {}
        for kind in kinds:
            for key, each in kind.fields.items() if isinstance(kind, Struct) else ():
                fields.setdefault(key, []).append(each)
        if len({key.lower() for key in fields}) == len(fields):
            return Struct({key: _common(each) for key, each in fields.items()})
    if all(isinstance(kind, ListOf) for kind in kinds):
        return ListOf(_common([kind.item for kind in kinds if isinstance(kind, ListOf)]))
    return kinds[0] if all(kind == kinds[0] for kind in kinds) else JSON


class Documents:
    """Documents as a table of their own, to be asked by filters."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, documents: Sequence[Mapping[str, Any]], catalog: Catalog
    ) -> None:
        kind = kind_of_values(list(documents))
        self.columns = dict(kind.fields) if isinstance(kind, Struct) else {_WHOLE: JSON}
        self.dynamic = not isinstance(kind, Struct)
        self.catalog = Extended(catalog)
        self.connection = connection
        self.type = _type(self.columns)
        shape = {key: sql_type(each) for key, each in self.columns.items()}
        columns = ", ".join(f"{name(key)} {kind}" for key, kind in shape.items())
        commons = (
            "_account VARCHAR, _region VARCHAR, _home VARCHAR, _id VARCHAR, _n BIGINT, _gaps MAP(VARCHAR, VARCHAR)"
        )
        connection.execute(
            f"CREATE OR REPLACE TABLE {_TABLE} ({', '.join(part for part in (commons, columns) if part)})"
        )
        whole = json.dumps({key: _shape(each) for key, each in self.columns.items()})
        for index, document in enumerate(documents):
            row = json.dumps({_WHOLE: document} if self.dynamic else document, default=_written)
            read = ", UNNEST(JSON_TRANSFORM(?, ?))" if shape else ""
            values = [str(index), index, *([row, whole] if shape else [])]
            connection.execute(
                f"INSERT INTO {_TABLE} SELECT 'account', 'global', 'global', ?, ?, MAP {{}}{read}",
                values,
            )

    def context(self, mistakes: Mistakes | None = None) -> Context:
        """Return the context in which filters on these documents are compiled."""
        note = mistakes.errors.append if mistakes else None
        whole = Field((_WHOLE,), JSON) if self.dynamic else None
        place = Place(JSON if self.dynamic else Struct(self.columns), what="the document", mistake=note, at=whole)
        return Context(self.type, place, {}, self.catalog, {}, mistakes, compile=compile_filters)

    def matches(self, item: Located, now: datetime, mistakes: Mistakes | None = None) -> list[bool]:
        """Return, document by document, whether a filter matches. Raises `PolicyError` where it can't be expressed."""
        return self.holds(compile_filter(self.context(mistakes), item), now)

    def holds(self, predicate: Predicate, now: datetime) -> list[bool]:
        """Return, document by document, whether a predicate holds. `now` is a time in UTC."""
        source = Source(self.type, frozenset({*self.columns, *_COMMON}))
        relation = Relation(Compiler({_TABLE: source}, now.astimezone(UTC)), source, "t0")
        query = written(relation.select([named(relation.predicate(predicate), "holds")]))
        return [bool(row[0]) for row in self.connection.execute(f"{query} ORDER BY t0._n").fetchall()]


def _shape(kind: Type) -> Any:  # noqa: ANN401 (DuckDB's own notation)
    match kind:
        case ListOf(item):
            return [_shape(item)]
        case Struct(fields):
            return {key: _shape(each) for key, each in fields.items()}
    return sql_type(kind)


def _type(columns: Mapping[str, Type]) -> ResourceType:
    return ResourceType(
        name=_TABLE, title="Documents", service="", regional=False, listing=None, id="_id", label="_id", arn="",
        owner="", home="", shadows=False, own=False, reported_as=_TABLE, columns=columns, details={},
    )  # fmt: skip


def _written(value: object) -> str:
    if isinstance(value, datetime):
        return (value.astimezone(UTC) if value.tzinfo else value).strftime("%Y-%m-%d %H:%M:%S.%f")
    return str(value)


__all__ = ["Documents", "Scalar", "kind_of_values"]
