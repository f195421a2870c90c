"""A policy changed in one small way: an op, a number, a filter left out, all of them read as any of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from crenel.catalog.columns import Scalar
from crenel.language.english import inline, without_words
from crenel.language.plan import (
    TRUE,
    And,
    Compare,
    CountItems,
    DaysSince,
    FactJoin,
    In,
    IsEmpty,
    IsNull,
    Linked,
    Literal,
    Matches,
    Not,
    Op,
    Or,
    Predicate,
    Related,
    Value,
)
from crenel.language.policy import (
    Clause,
    Plan,
    Template,
)
from crenel.language.walking import (
    kind_of,
)

_NEAR: Mapping[Op, Op] = {"lt": "le", "le": "lt", "gt": "ge", "ge": "gt", "eq": "ne", "ne": "eq"}
_MOST = 160  # changes of one policy
_ITEMS = 4  # of a list that are left out one by one
_SHORT = 160  # letters of a change in words
_SILENT = Template(("",))


@dataclass(frozen=True, slots=True)
class Change:
    """A plan with one change, and in words which."""

    plan: Plan
    words: str


def changes(plan: Plan) -> list[Change]:
    """Return a plan's changes, in the order of its predicates; of very many an even choice."""
    found = {change.plan: change for change in _changes(plan) if change.plan != plan}
    every = list(found.values())
    if len(every) <= _MOST:
        return every
    return [every[index * len(every) // _MOST] for index in range(_MOST)]


def silent(plan: Plan, name: str) -> Plan:
    """Return a plan of another name that gives the same verdicts, without words."""
    mute = [tuple(replace(clause, text=_SILENT) for clause in each) for each in (plan.not_applicable, plan.unknown)]
    return replace(
        plan, policy=name, message_fail=_SILENT, message_pass=_SILENT, notes=(), not_applicable=mute[0], unknown=mute[1]
    )


def _changes(plan: Plan) -> Iterator[Change]:
    if plan.scope != TRUE:
        yield Change(replace(plan, scope=TRUE), "without `scope`")
    for node, words in _variants(plan.scope):
        yield Change(replace(plan, scope=node), f"scope: {words}")
    for node, words in _variants(plan.fails):
        yield Change(replace(plan, fails=node), f"filters: {words}")
    for clauses, words in _clauses(plan.not_applicable):
        yield Change(replace(plan, not_applicable=clauses), f"not-applicable {words}")
    for clauses, words in _clauses(plan.unknown):
        yield Change(replace(plan, unknown=clauses), f"unknown {words}")


def _clauses(clauses: tuple[Clause, ...]) -> Iterator[tuple[tuple[Clause, ...], str]]:
    """Yield clauses with one of them left out, or changed."""
    for index, clause in enumerate(clauses):
        before, after = clauses[:index], clauses[index + 1 :]
        yield (*before, *after), f"without: {_short(inline(clause.when))}"
        for node, words in _variants(clause.when):
            yield (*before, replace(clause, when=node), *after), f"{index + 1}: {words}"


def _variants(node: Any) -> Iterator[tuple[Any, str]]:  # noqa: ANN401 (a predicate, a value, or a part of one)
    """Yield a node with one change in it or below it."""
    yield from _here(node)
    for part in fields(node):
        inner = getattr(node, part.name)
        if isinstance(inner, tuple) and not isinstance(node, In):
            kept = without_words(inner) if isinstance(node, Or) else inner
            for index, each in enumerate(inner):
                if _is_node(each) and each in kept:
                    for changed, words in _variants(each):
                        yield replace(node, **{part.name: (*inner[:index], changed, *inner[index + 1 :])}), words
        elif _is_node(inner):
            for changed, words in _variants(inner):
                yield replace(node, **{part.name: changed}), words


def _is_node(part: object) -> bool:
    """Return whether something is a predicate or a value; types, too, are dataclasses."""
    if isinstance(part, (type, FactJoin)) or not is_dataclass(part):
        return False
    return type(part).__module__ == Compare.__module__


def _here(node: Any) -> Iterator[tuple[Any, str]]:  # noqa: ANN401, C901 (as `_variants`; one case for each kind)
    match node:
        case And(parts):
            yield Or(parts), _joined("all of", "any of", parts)
            yield from _left_out(node, parts)
        case Or(parts):
            kept = without_words(parts)
            if len(kept) > 1:
                yield And(kept), _joined("any of", "all of", kept)
                yield from _left_out(node, kept)
        case Not(part) if not isinstance(part, (IsNull, IsEmpty)):
            yield part, f"without `not`: {_short(inline(part))}"
        case Compare():
            yield from _compared(node)
        case IsNull(value) if str(kind_of(value)) not in ("boolean", "integer", "number", "timestamp"):
            yield IsEmpty(value), _read(node, IsEmpty(value))
        case IsEmpty(value):
            yield IsNull(value), _read(node, IsNull(value))
        case In(value, among) if len(among) > 1:
            for index in range(min(len(among), _ITEMS)):
                rest = In(value, (*among[:index], *among[index + 1 :]))
                yield rest, f"without {among[index]!r}: {_short(inline(node))}"
        case Matches(value, pattern, ignore_case):
            yield Matches(value, pattern, not ignore_case), f"letters' case: {_short(inline(node))}"
        case CountItems() | Related():
            yield from _counted(node)
        case Linked(every=every):
            yield replace(node, every=not every), _read(node, replace(node, every=not every))


def _left_out(node: And | Or, parts: Sequence[Predicate]) -> Iterator[tuple[Predicate, str]]:
    for index, part in enumerate(parts):
        rest = (*parts[:index], *parts[index + 1 :])
        yield rest[0] if len(rest) == 1 else type(node)(rest), f"without: {_short(inline(part))}"


def _compared(node: Compare) -> Iterator[tuple[Predicate, str]]:
    near = replace(node, op=_NEAR[node.op])
    yield near, _read(node, near)
    if isinstance(node.right, Literal):
        for value in _near(node.right, _words_of(node.left)):
            other = replace(node, right=Literal(value))
            yield other, _read(node, other)
    if isinstance(node.left, Literal):
        for value in _near(node.left, _words_of(node.right)):
            other = replace(node, left=Literal(value))
            yield other, _read(node, other)
    if isinstance(node.left, DaysSince):
        other = replace(node, left=replace(node.left, exact=not node.left.exact))
        yield other, _read(node, other)


def _words_of(value: Value) -> Sequence[str]:
    kind = kind_of(value)
    return kind.enum if isinstance(kind, Scalar) else ()


def _near(literal: Literal, enum: Sequence[str]) -> Iterator[str | int | float]:
    value = literal.value
    if isinstance(value, bool):
        return
    if isinstance(value, (int, float)):
        yield value + 1
        yield value - 1
    elif isinstance(value, str):
        other = next((word for word in enum if word != value), f"{value}-")
        yield other


def _counted(node: CountItems | Related) -> Iterator[tuple[Predicate, str]]:
    for count in (node.count + 1, node.count - 1):
        if count >= 0 and (node.op, count) != ("ge", 0):
            other = replace(node, count=count)
            yield other, _read(node, other)
    if isinstance(node, Related) and node.within == "region":
        wider = replace(node, within="account")
        yield wider, _read(node, wider)


def _joined(was: str, now: str, parts: Sequence[Predicate]) -> str:
    return f"{was} read as {now}: {_short('; '.join(inline(part) for part in parts))}"


def _read(was: Predicate, now: Predicate) -> str:
    return f'"{_short(inline(was))}" read as "{_short(inline(now))}"'


def _short(text: str) -> str:
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}…"
