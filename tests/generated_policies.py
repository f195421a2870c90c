"""The pages of docs/policies/: every built-in policy, by service, as `crenel explain` tells it."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from crenel.choice import Choice, choose
from crenel.explaining.policies import Decides, asked_of, explain_policy
from crenel.frameworks.load import builtin_frameworks, framework
from crenel.language.policy import Plan
from crenel.policies.reads import tables
from crenel.policies.written.model import Policy
from crenel.report.explanations import parts_lines

FOLDER = Path(__file__).parent.parent / "docs" / "policies"
_WIDTH = 120
_SIGNS = re.compile(r"([\\`*_<>\[\]|])")
_PATTERN = re.compile(r"(?:(?<= match )|(?<=matches ))(/[^`]*?/)(?=,|$|\)| and | or |;)")
_INDENTED = re.compile(r"^( *)(- |\d+\. )?")
_HEAD = """\
# Policies: {title}

Made by `make docs` from the policies themselves; `crenel explain ID` tells the same of your own.
[All services](README.md)
"""
_INDEX = """\
# Policies by service

Made by `make docs`. What a policy is and how one is written: [policies.md](../policies.md).

| service | policies |
|---|---|
"""


def pages() -> Mapping[str, str]:
    """Return the pages by file name."""
    chosen = choose(names=["*"])
    controls = _controls()
    asked = [asked_of(row) for row in chosen.about()["policies"]]
    explained = {each.policy: explain_policy(each, controls.get(each.policy, ())) for each in asked}
    by_service: dict[str, list[Policy]] = {}
    for policy in chosen.policies:
        by_service.setdefault(Path(policy.file).parent.name, []).append(policy)
    plans = {plan.policy: plan for plan in chosen.plans}
    found = {}
    index = [_INDEX.rstrip("\n")]
    for service, policies in sorted(by_service.items()):
        ordered = sorted(policies, key=lambda policy: policy.name)
        lines = [_HEAD.format(title=service)]
        for policy in ordered:
            explanation = explained[policy.name]
            lines += [f"## `{policy.name}`", "", *_wrapped([_first(policy)]), ""]
            for part in explanation.parts:
                written = list(parts_lines(part, shown))
                lines += [f"**{part.heading}**", "", *(written if part.form == "code" else _wrapped(written)), ""]
            lines += [*_wrapped(_reads(plans[policy.name], chosen)), ""]
        found[f"{service}.md"] = "\n".join(lines).rstrip() + "\n"
        index.append(f"| [{service}]({service}.md) | {len(ordered)} |")
    found["README.md"] = "\n".join([*index, f"| all | {len(chosen.policies)} |"]) + "\n"
    return found


def shown(text: str) -> str:
    """Return a text of ours as Markdown that shows it, regular expressions as code."""
    parts = _PATTERN.split(text)
    return "".join(f"`{part}`" if number % 2 else _SIGNS.sub(r"\\\1", part) for number, part in enumerate(parts))


def _first(policy: Policy) -> str:
    practice = f", practice {policy.practice}" if policy.practice else ""
    return f"{shown(policy.title)}: {policy.severity}, `aws.{policy.resource}`{practice}."


def _reads(plan: Plan, chosen: Choice) -> Iterator[str]:
    read = tables([plan], chosen.catalog)
    yield "**What it reads**"
    yield ""
    for table in read:
        calls = ", ".join(f"`{call}`" for call in table.calls)
        yield f"- `aws.{table.kind.name}`: {calls}"


def _controls() -> Mapping[str, Sequence[Decides]]:
    found: dict[str, list[Decides]] = {}
    for each in map(framework, builtin_frameworks()):
        for control in each.controls:
            for policy in dict.fromkeys(asked.policy for asked in control.policies):
                found.setdefault(policy, []).append(Decides(each.id, control.id, control.title))
    return found


def _wrapped(lines: Iterator[str] | Sequence[str]) -> Iterator[str]:
    """Yield lines of Markdown no longer than a page is wide, the rest of an item below its beginning."""
    for line in lines:
        lead = _INDENTED.match(line)
        indent = len(lead[0]) if lead else 0
        yield from textwrap.wrap(
            line, _WIDTH, subsequent_indent=" " * indent, break_on_hyphens=False, break_long_words=False
        ) or [""]


def write() -> None:
    """Write the pages, and take away those of services that there are no more."""
    made = pages()
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.md"):
        if path.name not in made:
            path.unlink()
    for name, text in made.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
