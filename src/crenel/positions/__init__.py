"""YAML and JSON that remember where everything stands, so that an error can point at the very words."""

from crenel.positions.located import Located
from crenel.positions.reading import load_file, load_text, read_text
from crenel.positions.shown import describe, flow

__all__ = ["Located", "describe", "flow", "load_file", "load_text", "read_text"]
