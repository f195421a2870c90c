"""Made-up values of every shape that botocore knows, so that a declaration can be filled in without AWS."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

TEXT = "sample-sample-sample"  # long enough for the least lengths that models ask


def sample(shape: Shape | None, inside: tuple[str, ...] = ()) -> Any:
    """Return a value of a shape with every member there; what contains itself ends at the second time."""
    if shape is None or shape.name in inside:
        return None
    inside = (*inside, shape.name)
    if isinstance(shape, StructureShape):
        found = {name: sample(member, inside) for name, member in shape.members.items()}
        return {name: value for name, value in found.items() if value is not None}
    if isinstance(shape, ListShape):
        item = sample(shape.member, inside)
        return [] if item is None else [item]
    if isinstance(shape, MapShape):
        return {TEXT: sample(shape.value, inside)}
    return _scalar(shape)


def _scalar(shape: Shape) -> Any:
    if shape.type_name == "boolean":
        return True
    if shape.type_name in ("integer", "long", "float", "double"):
        return max(1, int(shape.metadata.get("min", 1)))
    if shape.type_name == "timestamp":
        return datetime(2026, 11, 25, tzinfo=UTC).isoformat()
    if shape.type_name == "blob":
        return b"sample"
    return TEXT
