"""YAML and JSON that remember where everything stands, so that an error can point at the very words."""

from crenel.positions.located import Located
from crenel.positions.reading import MOST_BYTES, load_documents, load_file, load_text, read_text
from crenel.positions.scalars import inside
from crenel.positions.shown import describe, flow

__all__ = [
    "MOST_BYTES",
    "Located",
    "describe",
    "flow",
    "inside",
    "load_documents",
    "load_file",
    "load_text",
    "read_text",
]
