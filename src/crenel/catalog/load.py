"""The catalogue: every resource type that ships, built from its declaration when first asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from crenel.catalog.spec import ResourceType, load_types
from crenel.errors import UsageError, did_you_mean
from crenel.positions import Located, load_file

# Names under which people know a type that Cloud Custodian calls otherwise.
_ALIASES = {"opensearch": "elasticsearch"}


class Catalog(Mapping[str, ResourceType]):
    """Resource types by name (``ebs`` or ``aws.ebs``). botocore's model is read when a type is first asked for."""

    def __init__(self, folder: Path) -> None:
        self._bodies: dict[str, tuple[Path, Located]] = {}
        self._built: dict[str, ResourceType] = {}
        for path in sorted(folder.glob("*.yaml")):
            root = load_file(path)
            for name in root.mapping("a catalogue file")["types"].mapping("types"):
                if name in self._bodies:
                    raise root.error(f"the type {name} is declared twice.")
                self._bodies[name] = (path, root)

    def __getitem__(self, name: str) -> ResourceType:
        short = name.removeprefix("aws.")
        short = _ALIASES.get(short, short)
        if short not in self._built:
            if short not in self._bodies:
                raise KeyError(name)
            self._built |= {kind.name: kind for kind in load_types(self._bodies[short][1])}
        return self._built[short]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._bodies))

    def __len__(self) -> int:
        return len(self._bodies)

    def named(self, name: str) -> ResourceType:
        """Return a type by the name that a user gave. Raises `UsageError` with the nearest name where there is none."""
        try:
            return self[name]
        except KeyError as error:
            raise UsageError(
                f'there is no resource type "{name}".', suggestion=did_you_mean(name, self._bodies)
            ) from error


@lru_cache(maxsize=1)
def catalog() -> Catalog:
    """Return the catalogue that ships with Crenel."""
    return Catalog(Path(str(files("crenel.catalog") / "aws")))
