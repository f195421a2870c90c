"""Which of a policy's filters hold for one resource, each with its place in the policy's text.

Each filter is asked of the row by itself, by the SQL and the three-valued logic that judged it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from sqlglot import exp

from crenel.catalog.load import catalog
from crenel.errors import PolicyError, Where
from crenel.judge.run import laid_out
from crenel.lake.engine import connect, quoted
from crenel.lake.snapshots import Snapshot
from crenel.language.english import flat
from crenel.language.expressions import named, written
from crenel.language.plan import Predicate, conjunction
from crenel.language.policy import asking
from crenel.language.reading import Compiler
from crenel.language.sql import Relation
from crenel.model import Standard
from crenel.policies.compile import PolicyCompiler
from crenel.policies.context import Context
from crenel.policies.facts import facts
from crenel.policies.filters import compile_filter
from crenel.policies.sentences import told
from crenel.policies.written.model import Policy, policy_of
from crenel.positions import Located, load_text

Part = Literal["scope", "not-applicable", "unknown", "filters"]
PARTS: tuple[Part, ...] = ("scope", "not-applicable", "unknown", "filters")
_BLOCKS = ("and", "or", "not")


@dataclass(frozen=True, slots=True)
class Clause:
    """A filter of a policy, and whether it holds for the resource: true, false, or None for unknown.

    `part` is the key of the policy below which it stands, `where` its place in the policy's text, `words` what it says.
    `negated`: it stands in a `not`, so that the policy goes by its not holding. `why` says what could not be read.
    """

    part: Part
    where: Where
    words: str
    holds: bool | None
    negated: bool = False
    why: str = ""

    @property
    def counts(self) -> bool | None:
        """Whether it adds to what the policy asks for there: it holds, or in a `not` it does not."""
        return None if self.holds is None else self.holds != self.negated


def clauses(
    snapshot: Snapshot, text: str, parameters: Mapping[str, Any], account: str, region: str, resource: str
) -> tuple[Clause, ...]:
    """Return the filters of a policy, in the order of its text, as they are for one resource of a snapshot.

    `text` is the policy as it was written (the column `text` of the findings' table `policies`), `parameters` those
    with which it was asked. None where the text can't be read by itself, or the resource has no row: a denied listing,
    a Region that is not used.
    """
    try:
        policy = read_policy(text)
        context = PolicyCompiler(catalog(), facts(), Standard.FSBP).context(policy, params=parameters)
        asked = list(_asked(context, policy))
    except PolicyError:
        return ()
    answers = _answers(snapshot, context, [one.holds for one in asked], (account, region, resource))
    return tuple(
        Clause(one.part, one.item.where, one.words, holds, one.negated, why if holds is None else "")
        for one, (holds, why) in zip(asked, answers, strict=bool(answers))
    )


def read_policy(text: str) -> Policy:
    """Return the policy of a text: one policy's mapping, or a list with one. Raises `PolicyError`."""
    root = load_text(text, "the policy")
    return policy_of(root.value[0] if isinstance(root.value, list) and len(root.value) == 1 else root)


def table_of(text: str) -> str:
    """Return the catalogue's type of which a policy is asked. Raises `PolicyError` for a text that can't be read."""
    return PolicyCompiler(catalog(), facts(), Standard.FSBP).context(read_policy(text)).type.name


@dataclass(frozen=True, slots=True)
class _Asked:
    part: Part
    item: Located
    words: str
    holds: Predicate
    negated: bool


def _asked(context: Context, policy: Policy) -> Iterator[_Asked]:
    body = policy.body.mapping("a policy")
    for part in PARTS:
        item = body.get(part)
        if item is None or not isinstance(item.value, list):
            continue
        if part in ("scope", "filters"):
            yield from _leaves(context, part, item.value, negated=False)
            continue
        for clause in item.value:
            yield from _leaves(context, part, clause.value["when"].sequence("when"), negated=False)


def _leaves(context: Context, part: Part, items: Sequence[Located], *, negated: bool) -> Iterator[_Asked]:
    """Compile the filters of a list that all have to hold, those of blocks by themselves."""
    reached = [context.reached]
    for index, item in enumerate(items):
        inner = replace(context, reached=conjunction(list(reached)), before=items[:index])
        keys = item.value if isinstance(item.value, dict) else {}
        block = next(iter(keys)) if len(keys) == 1 else ""
        if block in _BLOCKS:
            within = keys[block].sequence(block)
            if block == "or":
                for each in within:
                    yield from _leaves(inner, part, [each], negated=negated)
            else:
                yield from _leaves(inner, part, within, negated=negated != (block == "not"))
            reached.append(compile_filter(inner, item))
            continue
        predicate = compile_filter(inner, item)
        reached.append(predicate)
        words = " and ".join(flat(each) for each in told(inner, Located([item], item.where)))
        yield _Asked(part, item, words, predicate, negated)


def _answers(
    snapshot: Snapshot, context: Context, asked: Sequence[Predicate], place: tuple[str, str, str]
) -> list[tuple[bool | None, str]]:
    """Return whether each predicate holds for one row, and why not where that is unknown; nothing without the row."""
    if not asked:
        return []
    table = context.type.name
    with connect() as connection:
        bench = laid_out(connection, snapshot, [asking("clauses", table, asked)], context.catalog, facts())
        source = bench.sources.get(table)
        if source is None:
            return []
        relation = Relation(Compiler(bench.sources, snapshot.info.started_at), source, "t0")
        columns: list[exp.Expr] = []
        for number, predicate in enumerate(asked):
            columns.append(named(relation.predicate(predicate), f"h{number}"))
            columns.append(named(relation.why_unknown([predicate]), f"w{number}"))
        account, region, resource = map(quoted, place)
        where = f"t0._account = {account} AND coalesce(t0._home, t0._region) = {region} AND t0._id = {resource}"
        row = connection.execute(f"{written(relation.select(columns))} WHERE {where} LIMIT 1").fetchone()
    return [] if row is None else [(row[2 * at], row[2 * at + 1] or "") for at in range(len(asked))]


def parameters_of(text: str | None) -> dict[str, Any]:
    """Return the parameters of the findings' table `policies`, which are JSON there."""
    found: dict[str, Any] = json.loads(text or "{}")
    return found
