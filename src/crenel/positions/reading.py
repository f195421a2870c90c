"""Files: bounded in size, UTF-8, one document each, or several."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crenel.errors import PolicyError, Where
from crenel.positions import json_text, yaml_text
from crenel.positions.filled import filled
from crenel.positions.located import Located
from crenel.positions.places import Places

MOST_BYTES = 8 * 1024 * 1024


def load_file(path: Path, shown: str | None = None, variables: Mapping[str, Any] | None = None) -> Located:
    """Read one document from a file: JSON where its name ends so, else YAML.

    `variables` fill the raw text first, as Cloud Custodian's `--vars` does; `shown` is the file's name in errors
    (default: the path as given). Raises `PolicyError` where the file can't be read, is no UTF-8, is larger than 8 MiB
    or is no single document.
    """
    name = shown or str(path)
    return load_text(read_text(path, name), name, variables=variables, as_json=path.suffix == ".json")


def load_text(text: str, name: str, *, variables: Mapping[str, Any] | None = None, as_json: bool = False) -> Located:
    """Read one document from a text that errors call `name`; an empty one gives None. Raises `PolicyError`.

    Places are those of the text as given, also where `variables` fill it: what a placeholder brought in stands where
    the placeholder does.
    """
    places = Places(name, text)
    if variables:
        text, places = filled(text, variables, name, MOST_BYTES)
    return json_text.parse(text, places) if as_json else yaml_text.parse(text, places)


def load_documents(text: str, name: str, *, as_written: bool = False) -> list[Located]:
    """Read all YAML documents of a text that errors call `name`. Raises `PolicyError`.

    `as_written`: scalars keep their spelling (``yes``, ``0x10`` and ``1.0`` are texts), but for what says null.
    """
    return yaml_text.parse_all(text, Places(name, text), as_written=as_written)


def read_text(path: Path, shown: str | None = None) -> str:
    """Return a file's text, without the mark that some editors put at its start. Raises `PolicyError`."""
    name = shown or str(path)
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise PolicyError(f"can't read {name}: {error.strerror}.", code="file") from error
    if len(data) > MOST_BYTES:
        raise PolicyError(f"{name} is larger than 8 MiB.", suggestion="Split it.", code="too-large")
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = len(before.rpartition(b"\n")[2].decode("utf-8", "replace")) + 1
        raise PolicyError(
            f"{name} is not UTF-8 text (byte {error.start}).", where=Where(name, line, column), code="encoding"
        ) from error
