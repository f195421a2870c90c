"""A policy, compiled: what it makes of its predicates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from crenel.language.plan import TRUE, Predicate, Value, conjunction
from crenel.model import Severity


@dataclass(frozen=True, slots=True)
class Template:
    """A text with values in it: texts and `Value`s in turn."""

    parts: tuple[str | Value, ...]


@dataclass(frozen=True, slots=True)
class Clause:
    """Where `when` holds, `text` applies."""

    when: Predicate
    text: Template


@dataclass(frozen=True, slots=True)
class Plan:
    """A policy, compiled: which rows it speaks of, which of them fail, and what it says of each.

    `variant` tells plans of one policy with other parameters apart: None for the first, else the parameters in words
    (``max_age=45``).

    `scope`: a row outside is not mentioned at all. `not_applicable` and `unknown`: the first clause that holds decides
    with its text as the reason. `fails`: FAIL where it holds, PASS where it does not. `notes` are appended to the
    message where they hold.
    """

    policy: str
    practice: int | None
    severity: Severity
    title: str
    table: str
    scope: Predicate
    fails: Predicate
    not_applicable: tuple[Clause, ...]
    unknown: tuple[Clause, ...]
    message_fail: Template
    message_pass: Template
    notes: tuple[Clause, ...]
    variant: str | None = None

    @property
    def key(self) -> str:
        """What no other plan of a scan is called."""
        return self.policy if self.variant is None else f"{self.policy} {self.variant}"

    def predicates(self) -> Iterator[Predicate]:
        """Yield the predicates that decide the verdict."""
        yield self.scope
        yield self.fails
        yield from (clause.when for clause in (*self.not_applicable, *self.unknown))

    def everything(self) -> Iterator[Predicate | Value]:
        """Yield every predicate and value that the plan reads, those of messages and notes too."""
        yield from self.predicates()
        templates = [self.message_fail, self.message_pass]
        for clause in (*self.notes, *self.not_applicable, *self.unknown):
            yield clause.when
            templates.append(clause.text)
        for template in templates:
            yield from (part for part in template.parts if not isinstance(part, str))


def asking(name: str, table: str, predicates: Sequence[Predicate]) -> Plan:
    """Return a plan that reads what predicates over a table's rows read, for who asks something beside the policies."""
    nothing = Template(())
    return Plan(
        policy=name,
        practice=None,
        severity=Severity.LOW,
        title="",
        table=table,
        scope=TRUE,
        fails=conjunction(list(predicates)),
        not_applicable=(),
        unknown=(),
        message_fail=nothing,
        message_pass=nothing,
        notes=(),
    )
