"""Rule files of both languages: which file is which, all of them read together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from crenel.detections.changes import Change, Rule, chosen
from crenel.detections.falco import falco_of, read_falco
from crenel.detections.model import Detection, Rules
from crenel.detections.sigma import read_sigma, sigma_of
from crenel.errors import UsageError

BUILT_IN = Path(__file__).parent.parent / "content" / "detections"
SUFFIX = ".tests"
_ENDINGS = (".yaml", ".yml")


def load_rules(paths: Sequence[Path]) -> Rules:
    """Return the rules of files and folders, in their order; those that ship with Crenel where there are no paths.

    Raises `UsageError` where a path names nothing, or a folder has no rule file.
    """
    falco, sigma = _sorted(paths)
    found = Rules()
    for read in (read_falco(falco), read_sigma(sigma)):
        found.detections += read.detections
        found.correlations += read.correlations
        found.errors += read.errors
        found.warnings += read.warnings
        found.skipped += read.skipped
    return found


def changes_in(paths: Sequence[Path]) -> Callable[[Rule], list[Change]]:
    """Return what gives the small changes of a rule, of those that `load_rules` has from these paths."""
    falco, sigma = _sorted(paths)
    compiler, reading = falco_of(falco), sigma_of(sigma)

    def changes(rule: Rule) -> list[Change]:
        if isinstance(rule, Detection) and rule.language == "falco":
            return chosen(compiler.changes(rule))
        return chosen(reading.changes(rule))

    return changes


def _sorted(paths: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Return Falco's and Sigma's files."""
    files = rule_files(paths)
    falco = [file for file in files if _is_falco(file)]
    return falco, [file for file in files if file not in falco]


def rule_files(paths: Sequence[Path]) -> list[Path]:
    """Return the rule files that paths name, each once: files as they are, of a folder all below it, sorted; Crenel's
    own where there are no paths. Files of examples are none: a path of one stands for the rules beside it.

    Raises `UsageError` where there are none.
    """
    found: list[Path] = []
    for path in paths or [BUILT_IN]:
        if path.is_dir():
            every = sorted(each for each in path.rglob("*") if each.suffix in _ENDINGS and each.is_file())
            below = [each for each in every if not _is_beside(each)]
            if not below:
                raise UsageError(f"{path} has no rule file.", suggestion="Rule files end in .yaml or .yml.")
            found += below
        elif path.exists():
            found.append(_with_rules(path) if _is_beside(path) else path)
        else:
            raise UsageError(f"there is no {path}.")
    return list(dict.fromkeys(found))


def example_files(files: Sequence[Path]) -> list[tuple[Path, Path]]:
    """Return the files of examples that stand beside rule files, `NAME.tests.yaml` beside `NAME.yaml`, each after the
    file of its rules.
    """
    beside = [(file, file.with_name(f"{file.stem}{SUFFIX}{ending}")) for file in files for ending in _ENDINGS]
    return [(file, other) for file, other in beside if other.is_file()]


def _is_beside(path: Path) -> bool:
    return path.stem.endswith(SUFFIX)


def _with_rules(path: Path) -> Path:
    others = [path.with_name(f"{path.stem.removesuffix(SUFFIX)}{ending}") for ending in _ENDINGS]
    found = next((other for other in others if other.is_file()), None)
    if found is None:
        raise UsageError(f"{path} has examples, and there is no {others[0].name} beside it.")
    return found


def _is_falco(file: Path) -> bool:
    """Return whether a file's first item is one of a list, as in all of Falco's and in none of Sigma's."""
    with file.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            text = line.strip()
            if text and not text.startswith(("#", "---", "%")):
                return text == "-" or text.startswith(("- ", "["))
    return False
