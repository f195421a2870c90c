"""botocore's service models, kept on disk without their documentation: reading them whole is what a start costs.

What is kept is a copy that may go at any time: it lies in the user's cache folder, under botocore's version, is written
whole or not at all, and where it can't be read or written botocore's own file is read.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from botocore import __version__ as version
from botocore.loaders import Loader

_NEEDED = ("metadata", "operations", "shapes")


@lru_cache(maxsize=1)
def loader() -> Loader:
    """Return botocore's reader of its data."""
    return Loader()


def model_of(service: str) -> Mapping[str, Any]:
    """Return a service's model without documentation. Raises botocore's `UnknownServiceError`."""
    if Path(loader().CUSTOMER_DATA_PATH).is_dir():  # models of the user's own, which may change under one version
        return _read(service)
    folder = cache_folder()
    if folder is None:
        return _read(service)
    path = folder / "models" / f"botocore-{version}" / f"{service}.json"
    try:
        kept = json.loads(path.read_bytes())
    except (OSError, ValueError):
        kept = None
    if isinstance(kept, dict) and all(isinstance(kept.get(key), dict) for key in _NEEDED):
        return kept
    found: Mapping[str, Any] = _bare(_read(service))
    _keep(path, found)
    return found


def cache_folder() -> Path | None:
    """Return where copies are kept that may go: `crenel` in the user's cache folder, None for a user without a home."""
    if own := os.environ.get("XDG_CACHE_HOME"):
        return Path(own) / "crenel"
    try:
        home = Path.home()
    except RuntimeError:
        return None
    return home / "Library" / "Caches" / "crenel" if sys.platform == "darwin" else home / ".cache" / "crenel"


def _read(service: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = loader().load_service_model(service, "service-2")
    return found


def _bare(value: Any) -> Any:  # noqa: ANN401 (any JSON value)
    """Return a value without texts called documentation; a member of that name is a mapping, and stays."""
    if isinstance(value, dict):
        return {key: _bare(item) for key, item in value.items() if key != "documentation" or not isinstance(item, str)}
    return [_bare(item) for item in value] if isinstance(value, list) else value


def _keep(path: Path, model: Mapping[str, Any]) -> None:
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps(model, separators=(",", ":")), encoding="utf-8")
        part.replace(path)
    except OSError:
        return  # a folder that can't be written, a full disk: the next start reads botocore's file again
    finally:
        _remove(part)


def _remove(part: Path) -> None:
    try:
        part.unlink(missing_ok=True)
    except OSError:
        return
