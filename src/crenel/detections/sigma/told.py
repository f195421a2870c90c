"""What reading a file is told to: its text, for places in it, and its warnings."""

from __future__ import annotations

from dataclasses import dataclass, field

from crenel.detections.sigma.placeholders import Placeholders
from crenel.errors import PolicyError, Where
from crenel.positions import Located, inside


@dataclass(slots=True)
class File:
    """A file that is read, the placeholders that it may use, and what is likely no one's intention in it."""

    text: str
    placeholders: Placeholders = field(default_factory=dict)
    warnings: list[PolicyError] = field(default_factory=list)

    def warn(self, error: PolicyError) -> None:
        """Add a warning, once for a place."""
        if not any(each.where == error.where and each.message == error.message for each in self.warnings):
            self.warnings.append(error)

    def place(self, item: Located, start: int, end: int) -> Where:
        """Return the place of a part of a text."""
        return inside(item, self.text, start, end)

    def spelling(self, item: Located) -> str:
        """Return a scalar as it stands in the file."""
        where = item.where
        line = self.text.splitlines()[where.line - 1 : where.line]
        return line[0][where.column - 1 : where.column - 1 + where.length] if line else ""
