"""The pages of docs/frameworks/: every built-in framework with its controls, and what decides each."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path

from crenel.frameworks.load import builtin_frameworks, framework
from crenel.frameworks.model import Asked, Control, Framework
from crenel.policies.written.load import builtin_policies

FOLDER = Path(__file__).parent.parent / "docs" / "frameworks"
_WIDTH = 120
_SIGNS = re.compile(r"([\\`*_<>\[\]|])")
_INDEX = """\
# Controls of every framework

Made by `make docs` from the frameworks' files. How a framework is written, and how scores come about:
[frameworks.md](../frameworks.md). "Decided" are the controls that policies decide; the others say what to do by hand.

| framework | name | controls | decided |
|---|---|--:|--:|
"""


def pages() -> Mapping[str, str]:
    """Return the pages by file name."""
    services = {policy.name: Path(policy.file).parent.name for policy in builtin_policies()}
    found, rows = {}, []
    for each in map(framework, builtin_frameworks()):
        found[f"{each.id}.md"] = "\n".join(_page(each, services)).rstrip() + "\n"
        decided = sum(1 for control in each.controls if control.policies)
        name = f"{each.name} {each.version}".rstrip()
        rows.append(f"| [`{each.id}`]({each.id}.md) | {name} | {len(each.controls)} | {decided} |")
    found["README.md"] = _INDEX + "\n".join(rows) + "\n"
    return found


def _page(each: Framework, services: Mapping[str, str]) -> Iterator[str]:
    yield f"# {each.name} {each.version}".rstrip()
    yield ""
    yield "Made by `make docs` from the framework's file. [All frameworks](README.md)"
    if each.reference:
        yield f"<{each.reference}>"
    if each.profile:
        yield ""
        yield f"Policies take the parameters of the profile `{each.profile}`, but for those that are named here."
    section = None
    for control in each.controls:
        if control.section != section:
            section = control.section
            title = f"{section.id} {section.title}".strip()
            yield from (["", f"## {title}", ""] if title else [""])
        yield from textwrap.wrap(
            f"- {_said(control, services)}",
            _WIDTH,
            subsequent_indent="  ",
            break_on_hyphens=False,
            break_long_words=False,
        )


def _said(control: Control, services: Mapping[str, str]) -> str:
    words = [", ".join(each for each in (*control.levels, control.severity.value if control.severity else "") if each)]
    kind = f" ({words[0]})" if words[0] else ""
    said = f"**{control.id}** {_shown(control.title)}{kind}."
    if control.policies:
        said += f" Decided by {', '.join(_policy(asked, services) for asked in control.policies)}."
    if control.manual:
        said += f" By hand: {_shown(' '.join(control.manual.split()))}"
    return said


def _policy(asked: Asked, services: Mapping[str, str]) -> str:
    link = f"[`{asked.policy}`](../policies/{services[asked.policy]}.md#{asked.policy})"
    params = ", ".join(f"{name} {json.dumps(value, default=str)}" for name, value in asked.params.items())
    return f"{link} ({_shown(params)})" if params else link


def _shown(text: str) -> str:
    return _SIGNS.sub(r"\\\1", text)


def write() -> None:
    """Write the pages, and take away those of frameworks that there are no more."""
    made = pages()
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.md"):
        if path.name not in made:
            path.unlink()
    for name, text in made.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
