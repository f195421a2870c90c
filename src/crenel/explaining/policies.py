"""What a policy asks, why, how it is closed and how safe that is, out of what lies beside its findings.

That is the policy's text and words as they were when it was asked (`lake/findings.py`): an old finding is explained by
the policy of its day.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from crenel.catalog.load import catalog
from crenel.errors import PolicyError
from crenel.explaining.clauses import parameters_of, read_policy
from crenel.explaining.model import Explanation, Part, part
from crenel.language.english import Sentence, sections
from crenel.model import Standard
from crenel.policies.compile import PolicyCompiler
from crenel.policies.facts import facts
from crenel.policies.values.sources import named
from crenel.policies.written.model import Policy
from crenel.remediate.load import fix_of
from crenel.remediate.model import Act, Undoing
from crenel.remediate.spec import Fix

_PLACE = re.compile(r"\{([^{}]*)\}")
_NAMED = re.compile(r"(?:row|args|set|item)\.([\w\"\-.\[\]]+)")
_WORD = re.compile(r"[A-Za-z][\w-]*")
_UNDOING = {
    Undoing.YES: "it can be taken back",
    Undoing.PARTLY: "it can be taken back in part",
    Undoing.NO: "it can't be taken back",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A policy as it was asked: a row of the findings' table `policies`."""

    policy: str
    variant: str | None
    parameters: str | None
    practice: int | None
    severity: str
    title: str
    type: str
    why: str
    remediation: str
    links: Sequence[str]
    text: str
    builtin: bool


@dataclass(frozen=True, slots=True)
class Decides:
    """A framework's control that a policy decides, or helps to."""

    framework: str
    control: str
    title: str


def explain_policy(asked: Asked, decides: Sequence[Decides] = ()) -> Explanation:
    """Return what is to be said of a policy, whatever it found."""
    return Explanation(
        title=asked.title,
        facts=tuple(_facts(asked)),
        parts=(*what(asked), *why(asked), *_fix(asked), *_safety(asked), *controls(decides), *links(asked)),
        text=asked.text,
    )


def _facts(asked: Asked) -> Iterator[tuple[str, str]]:
    yield "policy", asked.policy
    yield "level", asked.severity
    yield "type", asked.type
    if asked.practice:
        yield "practice", str(asked.practice)
    if asked.variant:
        yield "parameters", asked.variant


def what(asked: Asked) -> tuple[Part, ...]:
    """Return in English what a policy speaks of and what fails; nothing where its text can't be read by itself."""
    try:
        policy = read_policy(asked.text)
        compiler = PolicyCompiler(catalog(), facts(), Standard.FSBP, values_from=named)
        plan = compiler.compile(policy, params=parameters_of(asked.parameters))
    except PolicyError:
        return ()
    title = compiler.catalog[plan.table].title
    said = [Sentence(f"{each.heading.rstrip('.')}:", each.sentences) if each.sentences else Sentence(each.heading)
            for each in sections(plan, title)]  # fmt: skip
    return part("what", "What it asks", "prose", *said, *_parameters(policy))


def _parameters(policy: Policy) -> Iterator[Sentence]:
    """Yield each parameter with its values by profile."""
    for name, values in policy.params.items():
        by_value: dict[str, list[str]] = {}
        for standard, value in values.items():
            by_value.setdefault(str(value), []).append(standard.value)
        if len(by_value) == 1:
            yield Sentence(f"The parameter {name} is {next(iter(by_value))}.")
        else:
            told = ", ".join(f"{value} by {' and '.join(names)}" for value, names in by_value.items())
            yield Sentence(f"The parameter {name} is {told}.")


def why(asked: Asked) -> tuple[Part, ...]:
    """Return why it is bad to fail."""
    return part("why", "Why it matters", "prose", " ".join(asked.why.split()))


def controls(decides: Sequence[Decides]) -> tuple[Part, ...]:
    """Return the frameworks' controls that a policy decides."""
    said = [f"{each.framework} {each.control}: {each.title}" for each in decides]
    return part("controls", "Controls that it decides", "list", *dict.fromkeys(said))


def links(asked: Asked) -> tuple[Part, ...]:
    """Return the references."""
    return part("links", "References", "links", *asked.links)


# --- how it is closed, where no resource is at hand


def _fix(asked: Asked) -> tuple[Part, ...]:
    fix = fix_of(asked.policy) if asked.builtin else None
    said = [Sentence(" ".join(asked.remediation.split()))] if asked.remediation.strip() else []
    commands: list[str] = []
    if fix is not None:
        acts = tuple(Sentence(_open(step.title or step.act.title)) for step in fix.steps)
        if acts:
            said.append(Sentence("crenel fix plan makes these steps:", acts))
        elif fix.builder:
            said.append(Sentence("crenel fix plan makes the steps of what the resource has."))
        if fix.manual:
            head = "By hand:" if not (acts or fix.builder) else "By hand, where it can't, or needs a decision of yours:"
            said.append(Sentence(head, tuple(Sentence(_open(each)) for each in fix.manual.steps)))
            commands = [_open(each) for each in (*fix.manual.commands, *fix.manual.containment)]
        settings = [Sentence(f"--set {name}=…: {each.title}") for name, each in fix.parameters.items()]
        if settings:
            said.append(Sentence("What only you can decide:", tuple(settings)))
    return part("fix", "How to fix it", "prose", *said) + part("commands", "Commands", "code", *commands)


def _safety(asked: Asked) -> tuple[Part, ...]:
    fix = fix_of(asked.policy) if asked.builtin else None
    if fix is None:
        return ()
    said = [_undoing(step.act, _open(step.title or step.act.title)) for step in fix.steps]
    if not said and fix.builder:
        said.append("Each step of the plan says whether it can be taken back, and what it may break.")
    elif not said:
        said.append("Nothing is done for you: it takes your hands, and the commands are to be read before.")
    said += [f"It may break: {_open(each.text)}" for each in fix.breaks]
    said += [f"It costs: {_open(cost)}" for cost in dict.fromkeys(_costs(fix))]
    return part("safety", "How safe the fix is", "list", *said)


def _costs(fix: Fix) -> Iterator[str]:
    yield from (cost for cost in (fix.cost, *(step.cost for step in fix.steps)) if cost)


def _undoing(act: Act, title: str) -> str:
    lost = f" Lost: {_open(act.lost)}" if act.lost else ""
    return f"{title}: {_UNDOING[act.undoing]}.{lost}"


def _open(text: str) -> str:
    """Return a text of a declaration with its expressions as names: ``<UserName>``."""

    def word(match: re.Match[str]) -> str:
        known = _NAMED.search(match[1])
        words = _WORD.findall(known[1] if known else match[1])
        return f"<{words[-1] if words else '…'}>"

    return _PLACE.sub(word, text)


COLUMNS = tuple(Asked.__dataclass_fields__)


def asked_of(row: Sequence[Any]) -> Asked:
    """Return the policy that a row of the findings' table `policies` is, its columns in their order."""
    return Asked(**dict(zip(COLUMNS, row, strict=True)))
