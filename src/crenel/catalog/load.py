"""The catalogue: every resource type that ships, built from its declaration when first asked for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from crenel.catalog.declared import load_types
from crenel.catalog.spec import Call, Detail, Listing, ResourceType
from crenel.errors import UsageError, did_you_mean
from crenel.positions import Located, load_file


class Catalog(Mapping[str, ResourceType]):
    """Resource types by name (``ebs`` or ``aws.ebs``). botocore's model is read when a type is first asked for."""

    def __init__(self, folder: Path) -> None:
        self._bodies: dict[str, tuple[Path, Located]] = {}
        self._aliases: dict[str, str] = {}
        self._built: dict[str, ResourceType] = {}
        for path in sorted(folder.glob("*.yaml")):
            root = load_file(path)
            for name, body in root.mapping("a catalogue file")["types"].mapping("types").items():
                if name in self._bodies:
                    raise root.error(f"the type {name} is declared twice.")
                self._bodies[name] = (path, root)
                aliases = body.child("aliases")
                self._aliases |= dict.fromkeys(aliases.plain() if aliases else (), name)

    def __getitem__(self, name: str) -> ResourceType:
        short = name.removeprefix("aws.")
        short = self._aliases.get(short, short)
        if short not in self._built:
            if short not in self._bodies:
                raise KeyError(name)
            self._built |= {kind.name: kind for kind in load_types(self._bodies[short][1])}
        return self._built[short]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._bodies))

    def __len__(self) -> int:
        return len(self._bodies)

    def words(self, name: str) -> tuple[str, ...]:
        """Return the names that a type goes by in policies, its own first."""
        return (name, *(alias for alias, other in self._aliases.items() if other == name))

    def named(self, name: str) -> ResourceType:
        """Return a type by the name that a user gave. Raises `UsageError` with the nearest name where there is none."""
        try:
            return self[name]
        except KeyError as error:
            raise UsageError(
                f'there is no resource type "{name}".', suggestion=did_you_mean(name, list(self))
            ) from error


class Extended(Catalog):
    """A catalogue with what one run adds to it: details with a policy's own parameters, and narrowed listings."""

    def __init__(self, base: Catalog) -> None:
        self._base = base
        self._own: dict[str, ResourceType] = {}

    def __getitem__(self, name: str) -> ResourceType:
        short = name.removeprefix("aws.")
        if short in self._own:
            return self._own[short]
        kind = self._base[short]
        return self._own.get(kind.name, kind)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted({*self._base, *self._own}))

    def __len__(self) -> int:
        return len({*self._base, *self._own})

    def add_detail(self, type_name: str, detail: Detail) -> None:
        """Add a detail to a type (or a variant). Raises `ValueError` where another of this name is there already."""
        kind = self[type_name]
        there = kind.details.get(detail.name)
        if there is not None and there != detail:
            raise ValueError(f"aws.{kind.name} has another detail {detail.name} already")
        self._own[kind.name] = replace(kind, details={**kind.details, detail.name: detail})

    def recorded(self, type_name: str, expression: str) -> str:
        """Return the name of a type that is listed as AWS Config recorded it, by a query in its language.

        Nothing beside is asked but what a policy reads. Raises `ValueError` where the type has no listing.
        """
        kind = self[type_name]
        if kind.listing is None:
            raise ValueError(f"aws.{kind.name} has no listing")
        name = f"{kind.name}+config{hashlib.sha256(expression.encode()).hexdigest()[:10]}"
        if name not in self._own:
            call = Call("config", "SelectResourceConfig", {"Expression": expression}, "config:SelectResourceConfig")
            whole = [each for each in kind.details.values() if each.always or (each.augment and each.merge)]
            columns = {key: type_ for each in whole for key, type_ in each.columns.items()}
            details = {key: _where_unknown(each) for key, each in kind.details.items() if each not in whole}
            listing = Listing(call, ("Results",), recorded=True)
            self._own[name] = replace(
                kind, name=name, listing=listing, details=details, columns={**kind.columns, **columns}
            )
        return name

    def variant(self, type_name: str, params: Mapping[str, Any]) -> str:
        """Return the name of a type whose listing is asked with these parameters as well; the same ones, the same name.

        Its findings bear the type's own name. Raises `ValueError` where the type has no listing.
        """
        kind = self[type_name]
        if kind.listing is None:
            raise ValueError(f"aws.{kind.name} has no listing that could be narrowed")
        digest = hashlib.sha256(json.dumps(params, sort_keys=True, default=str).encode()).hexdigest()[:10]
        name = f"{kind.name}+{digest}"
        if name not in self._own:
            call = replace(kind.listing.call, params={**kind.listing.call.params, **params})
            self._own[name] = replace(kind, name=name, listing=replace(kind.listing, call=call))
        return name


def _where_unknown(detail: Detail) -> Detail:
    """Return a detail that is asked for the rows alone whose listing does not say it already."""
    when = detail.when if detail.merge or detail.oddity else {**detail.when, detail.name: "absent"}
    return replace(detail, always=False, augment=False, when=when)


@lru_cache(maxsize=1)
def catalog() -> Catalog:
    """Return the catalogue that ships with Crenel."""
    return Catalog(Path(str(files("crenel.catalog") / "aws")))
