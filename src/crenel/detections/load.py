"""Rule files of both languages: which file is which, all of them read together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from crenel.detections.falco import read_falco
from crenel.detections.model import Rules
from crenel.detections.sigma import read_sigma
from crenel.errors import UsageError

BUILT_IN = Path(__file__).parent.parent / "content" / "detections"
_ENDINGS = (".yaml", ".yml")


def load_rules(paths: Sequence[Path]) -> Rules:
    """Return the rules of files and folders, in their order; those that ship with Crenel where there are no paths.

    Raises `UsageError` where a path names nothing, or a folder has no rule file.
    """
    files = rule_files(paths or [BUILT_IN])
    falco = [file for file in files if _is_falco(file)]
    found = Rules()
    for read in (read_falco(falco), read_sigma([file for file in files if file not in falco])):
        found.detections += read.detections
        found.correlations += read.correlations
        found.errors += read.errors
        found.warnings += read.warnings
        found.skipped += read.skipped
    return found


def rule_files(paths: Sequence[Path]) -> list[Path]:
    """Return the rule files that paths name, each once: files as they are, of a folder all below it, sorted."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            below = sorted(each for each in path.rglob("*") if each.suffix in _ENDINGS and each.is_file())
            if not below:
                raise UsageError(f"{path} has no rule file.", suggestion="Rule files end in .yaml or .yml.")
            found += below
        elif path.exists():
            found.append(path)
        else:
            raise UsageError(f"there is no {path}.")
    return list(dict.fromkeys(found))


def _is_falco(file: Path) -> bool:
    """Return whether a file's first item is one of a list, as in all of Falco's and in none of Sigma's."""
    with file.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            text = line.strip()
            if text and not text.startswith(("#", "---", "%")):
                return text == "-" or text.startswith(("- ", "["))
    return False
