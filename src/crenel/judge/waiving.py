"""Waivers over the plans of a scan: of which findings each speaks, and what it asks of the resources' rows.

What a waiver asks of a finding's own words is true or false. What it asks of the resource (its tags, its `while`) is
asked of its row as a policy asks it, and may be unknown. `judge/accepted.py` makes one query of all of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from crenel.errors import PolicyError
from crenel.language.english import flat
from crenel.language.patterns import RefusedError, shell
from crenel.language.plan import IsNull, Predicate, Value
from crenel.language.policy import Plan, asking
from crenel.policies.compile import PolicyCompiler
from crenel.policies.context import Context
from crenel.policies.keys.tags import tag
from crenel.policies.sentences import told
from crenel.positions import Located
from crenel.waivers.model import And, Fits, Or, Tagged, Waiver, Where, leaves


@dataclass(frozen=True, slots=True)
class Condition:
    """A filter of a waiver's `while`, and what it says."""

    holds: Predicate
    words: str


@dataclass(frozen=True, slots=True)
class Accepting:
    """A waiver, over the rows of one table: the plans of that table of which it speaks, what it asks of the row.

    `tags` are those that it names and that the table has, by their keys.
    """

    waiver: Waiver
    table: str
    plans: tuple[Plan, ...]
    tags: Mapping[str, Value]
    conditions: tuple[Condition, ...]

    def reads(self) -> Plan:
        """Return what is asked of the row as a plan, for what is to be collected and laid out."""
        asked = [*map(IsNull, self.tags.values()), *(condition.holds for condition in self.conditions)]
        return asking(self.waiver.id, self.table, asked)


def accepting(
    waivers: Sequence[Waiver], plans: Sequence[Plan], compiler: PolicyCompiler, controls: Mapping[str, Collection[str]]
) -> list[Accepting]:
    """Return what waivers ask of the findings of plans. `controls` are those that each plan decides, by its key.

    Raises `PolicyError` for a `while` that can't be expressed over a type that the waiver speaks of, with its place.
    """
    found = []
    for waiver in waivers:
        _can_run(waiver)
        tables: dict[str, list[Plan]] = {}
        for plan in plans:
            if waiver.speaks_of(plan.policy) and _decides(waiver, controls.get(plan.key, ())):
                tables.setdefault(plan.table, []).append(plan)
        kinds = {table: compiler.catalog[table] for table in tables}
        spoken_of = {table: kind for table, kind in kinds.items() if _may_be(waiver.where, f"aws.{kind.reported_as}")}
        for table, kind in spoken_of.items():
            context = compiler.rows(kind)
            tags = dict(_tags(context, waiver.tagged))
            conditions = tuple(_conditions(context, waiver, single=len(spoken_of) == 1))
            found.append(Accepting(waiver, table, tuple(tables[table]), tags, conditions))
    return found


def _decides(waiver: Waiver, controls: Collection[str]) -> bool:
    return not waiver.controls or any(fnmatchcase(each, pattern) for each in controls for pattern in waiver.controls)


def _may_be(where: Where, kind: str) -> bool:
    """Return whether findings about a type can be among those of which a waiver speaks."""
    match where:
        case Fits("type", patterns):
            return any(fnmatchcase(kind, pattern) for pattern in patterns)
        case And(parts):
            return all(_may_be(part, kind) for part in parts)
        case Or(parts):
            return any(_may_be(part, kind) for part in parts)
    return True


def _tags(context: Context, asked: Sequence[Tagged]) -> Iterator[tuple[str, Value]]:
    for each in asked:
        try:
            yield each.key, tag(context.place, each.key, (), each.at)
        except PolicyError:
            return  # a type without tags has none that fits


def _can_run(waiver: Waiver) -> None:
    for pattern in (pattern for each in leaves(waiver.where) for pattern in each.patterns):
        try:
            shell(pattern)
        except RefusedError as error:
            message = f'the pattern "{pattern}" can\'t be run: it has {error}.'
            raise waiver.body.key_error("where", message) from error


def _conditions(context: Context, waiver: Waiver, *, single: bool) -> Iterator[Condition]:
    if waiver.condition is None:
        return
    for item in waiver.condition.sequence("while"):
        alone = Located([item], item.where)
        try:
            holds = context.filtered(alone)
            words = told(context, alone)
        except PolicyError as error:
            if single:
                raise
            raise _of_type(error, context, waiver) from error
        yield Condition(holds, " and ".join(flat(sentence) for sentence in words))


def _of_type(error: PolicyError, context: Context, waiver: Waiver) -> PolicyError:
    """Return an error of one of several types of which a waiver speaks, with the type."""
    return PolicyError(
        f"{error.message} The waiver {waiver.id} speaks of policies about aws.{context.type.reported_as} too.",
        where=error.where,
        suggestion="Name fewer policies, or a type in `where`.",
        code=error.code,
    )
