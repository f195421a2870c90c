"""An explanation: facts, and parts of sentences, for whoever writes it out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from crenel.explaining.clauses import Clause
from crenel.language.english import Sentence

Key = Literal[
    "seen", "clauses", "waiver", "what", "why", "fix", "commands", "safety", "parameters", "controls", "links"
]
# How a part reads: paragraphs, a list, a list that is to be done in order, commands, addresses.
Form = Literal["prose", "list", "steps", "code", "links"]


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its heading, and what it says."""

    key: Key
    heading: str
    form: Form
    said: tuple[Sentence, ...]

    def as_json(self) -> dict[str, Any]:
        """Return it for machines."""
        return {"key": self.key, "heading": self.heading, "said": [each.as_json() for each in self.said]}


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is to be said of a policy, or of one finding. `facts` are names and values, shown before the parts.

    `clauses` are the policy's filters as they are for the finding's resource, with their places in `text`.
    """

    title: str
    facts: tuple[tuple[str, str], ...]
    parts: tuple[Part, ...]
    text: str = ""
    clauses: tuple[Clause, ...] = ()

    def part(self, key: Key) -> Part | None:
        """Return a part, None where there is nothing to say."""
        return next((part for part in self.parts if part.key == key), None)

    def as_json(self) -> dict[str, Any]:
        """Return it for machines."""
        found: dict[str, Any] = {
            "title": self.title,
            "facts": dict(self.facts),
            "parts": [part.as_json() for part in self.parts],
        }
        if self.clauses:
            found["text"] = self.text
            found["clauses"] = [
                {
                    "part": each.part,
                    "line": each.where.line,
                    "column": each.where.column,
                    "end_line": each.where.until[0],
                    "end_column": each.where.until[1],
                    "words": each.words,
                    "holds": each.holds,
                    "negated": each.negated,
                    "why": each.why or None,
                }
                for each in self.clauses
            ]
        return found


def part(key: Key, heading: str, form: Form, *said: str | Sentence) -> tuple[Part, ...]:
    """Return one part, or nothing where nothing is said."""
    sentences = tuple(Sentence(each) if isinstance(each, str) else each for each in said if each)
    return (Part(key, heading, form, sentences),) if sentences else ()
