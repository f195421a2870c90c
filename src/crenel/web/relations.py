"""Which resources a resource names, and which name it: by the `related` filters that the catalogue declares."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError

from crenel.catalog.load import catalog
from crenel.catalog.spec import ResourceType
from crenel.lake.engine import name, parquet
from crenel.web.opened import Opened
from crenel.web.rows import Values

_MOST = 25  # related resources of a type that are shown
_COLUMN = re.compile(r'"([^"]+)"|[A-Za-z_]\w*')


@dataclass(frozen=True, slots=True)
class _Link:
    """`holder`'s rows have, at the JMESPath `by`, ids of `named`'s rows: what these have in `key`."""

    holder: ResourceType
    by: str
    named: ResourceType
    key: str


def relations(opened: Opened, kind: ResourceType, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the related resources of a row in its account, by type; those that it names first."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for link in dict.fromkeys(_links(kind)):
        if link.holder.name == kind.name:
            for other in _named(opened, link, row):
                _put(found.setdefault(("names", link.named.name), []), link.named, other)
        if link.named.name == kind.name:
            for other in _naming(opened, link, row):
                _put(found.setdefault(("is named by", link.holder.name), []), link.holder, other)
    return [
        {
            "how": how,
            "type": type_,
            "title": catalog()[type_].title,
            "resources": each[:_MOST],
            "more": len(each) > _MOST,
        }
        for (how, type_), each in sorted(found.items(), key=lambda item: (item[0][0] != "names", item[0][1]))
        if each
    ]


def _put(found: list[dict[str, Any]], kind: ResourceType, row: Values) -> None:
    words = {
        "type": kind.name,
        "account": row["_account"],
        "region": row["_home"] or row["_region"],
        "id": row["_id"],
        "name": row["_name"],
    }
    if words not in found:
        found.append(words)


def _links(kind: ResourceType) -> Iterator[_Link]:
    """Yield the links that a type takes part in; `reverse` ones are the same, told from the other end."""
    for owner in catalog().values():
        for spec in owner.filters.values():
            declared = spec.plain()
            if not isinstance(declared, dict) or "related" not in declared or "by" not in declared:
                continue
            other = catalog()[declared["related"]]
            if kind.name not in (owner.name, other.name):
                continue
            if declared.get("reverse"):
                yield _Link(other, str(declared["by"]), owner, str(declared.get("key") or owner.id))
            else:
                yield _Link(owner, str(declared["by"]), other, str(declared.get("key") or other.id))


def _named(opened: Opened, link: _Link, row: Mapping[str, Any]) -> list[Values]:
    """Return the rows that a row names."""
    ids = _ids(link, row)
    path = opened.snapshot.file(link.named)
    if not ids or path is None:
        return []
    key = f"{name(link.key)}::VARCHAR" if link.key in link.named.columns else "_id"
    return opened.rows(
        f"SELECT _account, _region, _home, _id, _name FROM {parquet(path)} WHERE _account = ? AND "
        f"({key} IN (SELECT unnest(?)) OR _arn IN (SELECT unnest(?))) ORDER BY _id LIMIT {_MOST + 1}",
        [row["_account"], ids, ids],
    )


def _naming(opened: Opened, link: _Link, row: Mapping[str, Any]) -> list[Values]:
    """Return the rows that name a row: first those in whose column the id stands at all, then where it is what is
    named.
    """
    path = opened.snapshot.file(link.holder)
    first = _COLUMN.match(link.by)
    column = (first[1] or first[0]) if first else ""
    mine = {str(value) for value in (row.get(link.key), row["_id"], row["_arn"]) if value}
    if path is None or column not in _columns(opened, link.holder):
        return []
    some = " OR ".join(f"contains({name(column)}::VARCHAR, ?)" for _ in mine)
    rows = opened.rows(
        f"SELECT _account, _region, _home, _id, _name, to_json({name(column)}) AS held FROM {parquet(path)} "
        f"WHERE _account = ? AND ({some}) ORDER BY _id LIMIT {4 * _MOST}",
        [row["_account"], *sorted(mine)],
    )
    return [each for each in rows if mine & set(_ids(link, {column: json.loads(each["held"])}))]


def _columns(opened: Opened, kind: ResourceType) -> set[str]:
    there = set(kind.columns)
    for detail in opened.snapshot.info.details.get(kind.name, ()):
        if detail in kind.details:
            there |= set(kind.details[detail].columns)
    return there


def _ids(link: _Link, row: Mapping[str, Any]) -> list[str]:
    """Return the ids at a link's path; none where the path asks for a function that only policies have."""
    try:
        found = jmespath.search(link.by, row)
    except JMESPathError:
        return []
    return [str(each) for each in (found if isinstance(found, list) else [found]) if isinstance(each, str) and each]
