"""The parts of the documentation that are written by the code: `python -m tests.generated`, or `make docs`.

docs/filters.md has every type with its filters, docs/catalogue.md a table of types between two marks, docs/actions.md
one of actions, docs/policies/ a page of each service's policies,
docs/frameworks/ one of each framework's controls. A test holds all against what this gives.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path

from crenel.catalog.load import catalog
from crenel.catalog.spec import ResourceType
from crenel.errors import PolicyError
from crenel.policies.filters import filter_of, filters_of
from crenel.policies.shapes.filters import shape_of
from crenel.policies.shapes.shape import AGE, COMPARED, INNER, ITEMS, RELATED, Shape
from crenel.positions import load_file
from crenel.remediate.load import declarations
from crenel.remediate.spec import ActionOption
from tests import generated_frameworks, generated_policies

DOCS = Path(__file__).parent.parent / "docs"
FILTERS, CATALOGUE, ACTIONS = DOCS / "filters.md", DOCS / "catalogue.md", DOCS / "actions.md"
FIRST, LAST = "<!-- types: made by `make docs` -->", "<!-- end of types -->"
FIRST_ACTION, LAST_ACTION = "<!-- actions: made by `make docs` -->", "<!-- end of actions -->"
BLOCKS = ("and", "or", "not")

_WIDTH = 120
_HEAD = """\
# Filters by type

Made by `make docs` from the code's own declarations; `crenel policies schema` has every option with its meaning.
How a value filter, `tag:` keys, ages and so on work is told in [policies.md](policies.md), what each type's columns
are by `crenel resources show TYPE`. "As `value`" means that the filter takes what a value filter does: `value`, `op`,
`value_type`, `value_from`, `value_path`, `value_regex`.

`and`, `or` and `not` take filters of the same type.
"""


def aliases() -> Mapping[str, list[str]]:
    """Return the other names of types, by the name under which they are declared."""
    found: dict[str, list[str]] = {}
    for path in sorted(Path(str(files("crenel.catalog") / "aws")).glob("*.yaml")):
        for name, body in load_file(path).mapping("a file")["types"].mapping("types").items():
            given = body.child("aliases")
            found[name] = given.plain() if given else []
    return found


def built(kind: ResourceType) -> list[str]:
    """Return a type's filters, without blocks, and without declarations whose form is not read yet."""

    def reads(name: str) -> bool:
        try:
            return filter_of(kind, name) is not None
        except PolicyError:
            return False

    return [name for name in filters_of(kind) if name not in BLOCKS and reads(name)]


def filters_page() -> str:
    """Return docs/filters.md."""
    known = catalog()
    kinds = [known[name] for name in known]
    shared = _shared(kinds)
    parts = [_HEAD, "## Filters of every type\n", *_listed(kinds[0], shared)]
    also = aliases()
    for kind in kinds:
        own = [name for name in built(kind) if name not in shared]
        own += [name for name, shape in shared.items() if shape_of(kind, name) != shape]
        parts += [f"\n## `{kind.name}`\n", *_about(kind, also[kind.name])]
        parts += ["", *_listed(kind, own)] if own else []
    return "\n".join(parts) + "\n"


def types_table() -> list[str]:
    """Return the lines of the table of types."""
    known, also = catalog(), aliases()
    rows = ["| type | read | id | what |", "|---|---|---|---|"]
    for name in known:
        kind = known[name]
        others = "".join(f"; `{one}` names them too" for one in also[name])
        bears = f"; findings bear `aws.{kind.reported_as}`" if kind.reported_as != name else ""
        rows.append(f"| `{name}` | {_where(kind)} | {_id(kind)} | {kind.title}{others}{bears} |")
    return rows


def catalogue_page() -> str:
    """Return docs/catalogue.md with the table as it ought to be. Raises `ValueError` where a mark is missing."""
    text = CATALOGUE.read_text(encoding="utf-8")
    before, rest = text.split(FIRST)
    _, after = rest.split(LAST)
    return "\n".join([before + FIRST, "", *types_table(), "", LAST]) + after


def actions_page() -> str:
    """Return docs/actions.md with its list of actions renewed; types that have the same stand together."""
    before, _, rest = ACTIONS.read_text("utf-8").partition(FIRST_ACTION)
    _, _, after = rest.partition(LAST_ACTION)
    groups: dict[tuple[str, ...], list[str]] = {}
    for kind, actions in sorted(declarations().actions.items()):
        lines = []
        for name, action in sorted(actions.items()):
            options = ", ".join(_action_option(key, option) for key, option in action.options.items())
            lines.append(f"- `{name}`{': ' if options else ''}{options}")
        groups.setdefault(tuple(lines), []).append("every type" if kind == "*" else f"`{kind}`")
    made: list[str] = []
    for listed, kinds in sorted(groups.items(), key=lambda item: item[1]):
        made += ["", *textwrap.wrap(f"**{', '.join(kinds)}**", _WIDTH, break_on_hyphens=False), ""]
        for line in listed:
            made += textwrap.wrap(line, _WIDTH, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False)
    return before + "\n".join([FIRST_ACTION, *made, "", LAST_ACTION]) + after


def _action_option(key: str, option: ActionOption) -> str:
    words = "/".join(f"`{word}`" for word in option.words)
    notes = [
        *(["needed"] if option.required else []),
        *([words] if words else []),
        *(["not supported"] if option.unsupported else []),
    ]
    return f"`{key}`" + (f" ({', '.join(notes)})" if notes else "")


def _shared(kinds: list[ResourceType]) -> dict[str, Shape | None]:
    """Return the filters that all types have, with the shape that they have with most."""
    names = set.intersection(*(set(built(kind)) for kind in kinds))
    return {name: Counter(shape_of(kind, name) for kind in kinds).most_common(1)[0][0] for name in sorted(names)}


def _about(kind: ResourceType, also: list[str]) -> Iterator[str]:
    said = f"{kind.title}. Read {_where(kind)}; the id is {_id(kind)}."
    if also:
        said += f" Also called {', '.join(f'`{name}`' for name in also)}."
    if kind.reported_as != kind.name:
        said += f" Findings bear `aws.{kind.reported_as}`, whose policies may use these filters."
    yield from textwrap.wrap(said, _WIDTH, break_on_hyphens=False)


def _where(kind: ResourceType) -> str:
    return "in each Region" if kind.regional else "once an account"


def _id(kind: ResourceType) -> str:
    return f"`{kind.id}`"


def _listed(kind: ResourceType, names: Iterable[str]) -> Iterator[str]:
    for name in names:
        shape = shape_of(kind, name)
        said = f"- `{name}`: {_text(kind, name, shape)} {_options(shape)}" if shape is not None else f"- `{name}`"
        yield from textwrap.wrap(said, _WIDTH, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False)


def _text(kind: ResourceType, name: str, shape: Shape) -> str:
    """Return what a filter asks: of a declared one, with what it is declared to look at."""
    spec = kind.filters.get(name)
    declared = spec.plain() if spec is not None else {}
    if shape == INNER:
        words = {"value": "A value filter on `{}`.", "any": "A value filter on the items of `{}`."}
    elif shape == RELATED:
        words = {"related": "A value filter on rows of `aws.{}`."}
    elif shape in (AGE, ITEMS):
        words = {"age": "How long ago `{}` was.", "items": "As `list-item` on `{}`."}
    else:
        words = {}
    return next((text.format(declared[word]) for word, text in words.items() if word in declared), shape.text)


def _options(shape: Shape) -> str:
    """Return the names of a filter's options."""
    compared = {option.name for option in COMPARED}
    names = [option.name for option in shape.options]
    valued = compared <= set(names)
    given = []
    for name in names:
        if (valued and name in compared) or name.removesuffix("_from") in set(names) - {name}:
            continue
        given.append(f"`{name}`" + (" (or `_from`)" if f"{name}_from" in names else ""))
    if valued:
        given.append("and as `value`" if given else "as `value`")
    return f"({', '.join(given).replace(', and', ' and')})" if given else ""


def main() -> None:
    """Write them all."""
    FILTERS.write_text(filters_page(), encoding="utf-8")
    ACTIONS.write_text(actions_page(), encoding="utf-8")
    CATALOGUE.write_text(catalogue_page(), encoding="utf-8")
    generated_policies.write()
    generated_frameworks.write()


if __name__ == "__main__":
    main()
