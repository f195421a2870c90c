"""The house rules that a reader relies on: arrows point one way, modules stay small, no room knows too much."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "crenel"

# Every room, and the rooms that it may import from; itself always.
ROOMS = {
    "errors": set(),
    "model": set(),
    "positions": {"errors"},
    "catalog": {"errors", "model", "positions"},
    "language": {"catalog", "model"},
    "policies": {"catalog", "errors", "language", "model", "positions"},
    "detections": {"catalog", "errors", "language", "model", "positions"},
    "logs": {"catalog", "collect", "errors", "model"},
    "trail": {"catalog", "collect", "errors", "logs", "model"},
    "collect": {"catalog", "errors", "model", "positions"},
    "frameworks": {"errors", "model", "positions"},
    "waivers": {"errors", "model", "positions"},
    "lake": {"catalog", "errors", "model"},
    "judge": {"catalog", "errors", "lake", "language", "model", "policies", "positions", "waivers"},
    "remediate": {"catalog", "collect", "errors", "lake", "model", "positions"},
    "choice": {"catalog", "collect", "errors", "frameworks", "language", "model", "policies", "positions"},
    "waive": {"catalog", "choice", "errors", "frameworks", "judge", "lake", "language", "model", "policies", "waivers"},
    "scan": {"catalog", "choice", "collect", "errors", "judge", "lake", "language", "model", "policies", "remediate",
             "waive"},
    "standing": {"catalog", "errors", "judge", "lake", "language", "model", "policies", "scan"},
    "fix": {"catalog", "collect", "errors", "judge", "lake", "model", "policies", "remediate", "scan"},
    "explaining": {"catalog", "errors", "frameworks", "judge", "lake", "language", "model", "policies", "positions",
                   "remediate"},
    "report": {"catalog", "errors", "explaining", "judge", "lake", "language", "model", "remediate"},
    "run": {"catalog", "collect", "errors", "judge", "lake", "language", "model", "policies", "remediate", "report"},
    "hub": {"collect", "errors", "judge", "lake", "model", "report"},
    "notify": {"collect", "errors", "judge", "lake", "model", "positions", "report"},
    "examples": {"catalog", "collect", "errors", "judge", "lake", "language", "model", "policies", "positions"},
    "detect": {"catalog", "detections", "errors", "lake", "language", "logs", "model", "positions"},
    "web": {"catalog", "errors", "explaining", "judge", "lake", "model", "remediate", "report"},
    "demo": {"errors"},
    "cli": {"catalog", "choice", "collect", "demo", "detect", "detections", "errors", "examples", "explaining", "fix",
            "frameworks", "hub", "judge", "lake", "language", "logs", "model", "notify", "policies", "positions",
            "remediate", "report", "run", "scan", "standing", "trail", "waive", "waivers", "web"},
    "__main__": {"cli"},
    "content": set(),
}  # fmt: skip
# The same inside of `policies/`, from the ground up.
POLICIES = {
    "written": set(),
    "custodian_names": set(),
    "constants": set(),
    "facts": set(),
    "reads": set(),
    "keys": {"constants"},
    "context": {"constants", "facts", "keys"},
    "values": {"constants", "context", "facts", "keys"},
    "documents": {"constants", "context", "keys", "values"},
    "related": {"context", "keys", "values", "written"},
    "general": {"context", "keys", "related", "values"},
    "typed": {"context", "documents", "general", "keys", "related", "values"},
    "vocabulary": {"context", "documents", "general", "related", "typed"},
    "filters": {"context", "documents", "general", "keys", "related", "values", "vocabulary"},
    "shapes": {"facts", "filters", "values", "written"},
    "compile": {"constants", "context", "facts", "filters", "keys", "vocabulary", "written"},
    "sentences": {"compile", "context", "filters", "values"},
}
HEAVY = {
    "language": {"duckdb", "botocore"},
    "policies": {"duckdb", "botocore"},
    "detections": {"duckdb", "botocore"},
    "report": {"botocore"},
}
LINES = 450


def modules() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            if node.module in ("crenel", "crenel.policies"):
                yield from (f"{node.module}.{name.name}" for name in node.names)


def room(path: Path, house: Path = SOURCE) -> str:
    return path.relative_to(house).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_point_one_way(path: Path) -> None:
    """A room imports from the rooms below it, and the compiler from no engine and no client."""
    if path.parent == SOURCE and path.name == "__init__.py":
        return
    names = set(imported(path))
    rooms = {name.split(".")[1] for name in names if name.startswith("crenel.") and name != "crenel.__version__"}

    assert rooms - {room(path)} <= ROOMS[room(path)]
    assert {name.split(".")[0] for name in names}.isdisjoint(HEAVY.get(room(path), set()))


def test_imports_inside_of_policies_point_one_way() -> None:
    """The table is read from the ground up, so what it allows has no circle; and it names every room there is."""
    above = list(POLICIES)
    house = SOURCE / "policies"
    found: dict[str, set[str]] = {}
    for path in house.rglob("*.py"):
        names = {name.split(".")[2] for name in imported(path) if name.startswith("crenel.policies.")}
        found.setdefault(room(path, house), set()).update(names - {room(path, house)})
    found.pop("__init__")

    assert found.keys() == POLICIES.keys()
    assert {name: rooms - POLICIES[name] for name, rooms in found.items() if rooms - POLICIES[name]} == {}
    assert all(above.index(below) < above.index(name) for name, rooms in POLICIES.items() for below in rooms)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_modules_fit_in_the_head(path: Path) -> None:
    """A module that grows beyond this has two subjects. A maintainer may raise the bound with a line of reason."""
    assert len(path.read_text().splitlines()) <= LINES


def test_nothing_is_imported_inside_functions() -> None:
    """But for the commands, which the command line loads by name."""
    found = [
        f"{path.relative_to(SOURCE)}:{node.lineno}"
        for path in modules()
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]

    assert [place for place in found if not place.startswith("demo/")] == []


def test_nothing_swallows_what_it_does_not_know() -> None:
    """No bare or broad except that goes on."""
    found = []
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ExceptHandler):
                broad = node.type is None or (
                    isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException")
                )
                raises = any(isinstance(part, ast.Raise) for part in ast.walk(node))
                if broad and not raises:
                    found.append(f"{path.relative_to(SOURCE)}:{node.lineno}")

    assert [place for place in found if not place.startswith("cli/__init__.py")] == []


def test_few_modules_write_to_aws() -> None:
    """Whatever is sent to AWS to change something passes `remediate/apply.py`; but for what changes no configuration:
    findings for Security Hub, which are shown and asked for first, and messages to a topic of SNS.
    """
    found = {
        str(path.relative_to(SOURCE))
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "alter"
    }

    assert found == {"remediate/apply.py", "hub/sending.py", "notify/publishing.py"}
