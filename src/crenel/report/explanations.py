"""An explanation written out: for a terminal, and as Markdown for SARIF's help, pull requests and the documentation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TextIO

import duckdb
from rich.text import Text

from crenel.explaining.model import Explanation, Part
from crenel.explaining.policies import Decides, asked_of, explain_policy
from crenel.language.english import Sentence
from crenel.report.asked import Control, Key
from crenel.report.console import console_for, indented
from crenel.report.markdown import escaped
from crenel.report.text import plain, printable

_LABEL = 11


def write(found: Explanation, out: TextIO) -> None:
    """Write an explanation for a person at a terminal."""
    console = console_for(out)
    console.print(Text(plain(found.title), style="bold"))
    for name, value in found.facts:
        indented(console, Text(f"{name:<{_LABEL}}", style="dim").append(plain(value), style="not dim"), 2, hang=_LABEL)
    for part in found.parts:
        console.print()
        console.print(Text(part.heading, style="bold underline"))
        for number, each in enumerate(part.said, start=1):
            if part.form in ("code", "links"):
                lead = "- " if part.form == "links" else ""
                console.print(Text(f"  {lead}{plain(each.text)}"), soft_wrap=True)  # to be copied
                continue
            mark = f"{number}. " if part.form == "steps" else "- " if part.form == "list" else ""
            for depth, text in _lines(each):
                lead = mark if not depth else "- "
                indented(console, Text(f"{lead}{plain(text)}"), 2 + 2 * depth, hang=len(lead))


def _lines(said: Sentence, depth: int = 0) -> Iterator[tuple[int, str]]:
    yield depth, said.text
    for part in said.parts:
        yield from _lines(part, depth + 1)


def explained(
    connection: duckdb.DuckDBPyConnection, controls: Mapping[Key, Sequence[Control]]
) -> dict[Key, Explanation]:
    """Return the explanations of the policies that lie with the findings, with the controls that each decides."""
    rows = connection.execute(
        "SELECT policy, variant, parameters, practice, severity, title, type, coalesce(why, ''), "
        "coalesce(remediation, ''), coalesce(links, []), coalesce(text, ''), coalesce(builtin, false) FROM policies"
    ).fetchall()
    found = {}
    for asked in map(asked_of, rows):
        key = (asked.policy, asked.variant)
        decides = [Decides(each.framework, each.id, each.title) for each in controls.get(key, ())]
        found[key] = explain_policy(asked, decides)
    return found


def text_of(found: Explanation) -> str:
    """Return the parts of an explanation as plain text."""
    lines: list[str] = []
    for part in found.parts:
        lines += ["", part.heading] if lines else [part.heading]
        lines += [f"{'  ' * depth}- {plain(text)}" for each in part.said for depth, text in _lines(each)]
    return "\n".join(lines)


def markdown(found: Explanation, level: int = 1) -> str:
    """Return an explanation as Markdown, its title a heading of a level. It shows what others wrote, and no more."""
    lines = [f"{'#' * level} {escaped(found.title)}", ""]
    if found.facts:
        lines += ["| | |", "|---|---|", *(f"| {name} | {escaped(value)} |" for name, value in found.facts), ""]
    for part in found.parts:
        lines += [f"{'#' * (level + 1)} {part.heading}", "", *parts_lines(part), ""]
    return "\n".join(lines).rstrip() + "\n"


def parts_lines(part: Part, told: Callable[[str], str] = escaped) -> Iterator[str]:
    """Yield a part as lines of Markdown, without its heading; `told` writes a text so that it only shows."""
    if part.form == "code":
        yield "```sh"
        yield from (printable(each.text).replace("```", "` ` `") for each in part.said)
        yield "```"
        return
    for number, each in enumerate(part.said, start=1):
        if part.form == "links":
            yield f"- <{each.text}>" if each.text.startswith("https://") else f"- {told(each.text)}"
        elif part.form in ("list", "steps"):
            yield from _item(each, 0, f"{number}. " if part.form == "steps" else "- ", told)
        else:
            if number > 1:
                yield ""
            yield told(each.text)
            if each.parts:
                yield ""
                for inner in each.parts:
                    yield from _item(inner, 0, "- ", told)


def _item(said: Sentence, depth: int, mark: str, told: Callable[[str], str]) -> Iterator[str]:
    yield f"{'  ' * depth}{mark}{told(said.text)}"
    for part in said.parts:
        yield from _item(part, depth + 1, "- ", told)
