"""What a page is made from: the reader's request with the lake at hand; and what a view makes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from crenel.errors import UsageError, did_you_mean
from crenel.web.opened import Opened
from crenel.web.shelf import Shelf


@dataclass(frozen=True)
class Page:
    """A view's answer: the template, the title, and the values that the template shows; as JSON they are the twin."""

    template: str
    title: str
    values: Mapping[str, Any]
    status: int = 200


class NotFoundError(UsageError):
    """There is nothing of that name; a page says so with the status 404."""


@dataclass(frozen=True)
class Ask:
    """A request: what stands in its path (`names`) and query (`arguments`)."""

    shelf: Shelf
    names: Mapping[str, str] = field(default_factory=dict)
    arguments: Sequence[tuple[str, str]] = ()
    alerts: Path | None = None

    @cached_property
    def opened(self) -> Opened:
        """The snapshot that the reader looks at."""
        return self.shelf.opened(self.snapshot)

    @property
    def snapshot(self) -> str:
        """The id of the snapshot, where the reader chose one."""
        return self.get("snapshot")

    def get(self, name: str) -> str:
        """Return a value of the query, empty where it is not there."""
        return next((value for key, value in self.arguments if key == name), "")

    def only(self, *names: str) -> None:
        """Raise `UsageError` where the query has other names than these."""
        known = (*names, "snapshot", "theme")
        for name, _ in self.arguments:
            if name not in known:
                raise UsageError(f'this page does not take "{name}".', suggestion=did_you_mean(name, known))

    def link(self, path: str, **values: object) -> str:
        """Return the address of another page over the same snapshot; values that are None or empty are left out."""
        found = [(name, str(value)) for name, value in values.items() if value not in (None, "")]
        if self.snapshot and "snapshot" not in values:
            found.append(("snapshot", self.snapshot))
        return f"{path}?{urlencode(found)}" if found else path
