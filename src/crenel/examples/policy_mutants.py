"""A policy changed in one small way, as a slip of the hand would change its text: an op, a number, a filter left out,
`and` for `or`. Each change is told in the policy's own words, with its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from crenel.errors import PolicyError, Where
from crenel.policies.written.model import Policy, policy_of
from crenel.positions import Located, flow
from crenel.positions.edited import slipped, swapped, without

_BLOCKS: Mapping[str, str] = {"and": "or", "or": "and"}
# Words that stand for a meaning, each with the one that is easily taken for it, or its opposite.
_WORDS: Mapping[str, Mapping[str, str]] = {
    "op": {
        "gt": "ge", "ge": "gt", "lt": "le", "le": "lt", "gte": "gt", "lte": "lt",
        "greater-than": "gte", "less-than": "lte",
        "eq": "ne", "ne": "eq", "equal": "not-equal", "not-equal": "equal",
        "in": "not-in", "not-in": "in", "ni": "in", "regex": "regex-case", "regex-case": "regex",
        "intersect": "difference", "difference": "intersect",
    },
    "value": {"absent": "present", "present": "absent", "empty": "not-null", "not-null": "empty"},
    "operator": _BLOCKS,
    "value_type": {"days-since": "age"},
    "state": {"enabled": "disabled", "disabled": "enabled"},
}  # fmt: skip
_SAME: Mapping[str, str] = {"count_op": "op", "match-operator": "operator", "set-op": "operator"}
# Names of what is looked at, whose letters mean nothing by themselves.
_NAMES = (
    "type", "key", "resource", "on", "within", "expr", "url", "format", "value_from", "value_path", "value_regex",
    "default_tz", "tag",
)  # fmt: skip
_HOLDING = ("attrs", "filters", "scope", "when")
_CLAUSES = ("not-applicable", "unknown")
_MOST = 160  # changes of one policy
_ITEMS = 4  # of a list that are left out one by one


@dataclass(frozen=True, slots=True)
class Change:
    """A policy with one change: which, in the policy's words, and where it stands."""

    policy: Policy
    words: str
    where: Where


Edit = tuple[Located, Located, str, Where]  # what is replaced, by what, the change in words, and its place


def changes(policy: Policy, others: Mapping[str, str]) -> list[Change]:
    """Return a policy's changes in the order of its text; of very many an even choice.

    `others` has for words that AWS gives another that it gives there as well. Changes that make no policy are left out.
    """
    found: dict[tuple[int, str], Change] = {}
    for old, new, words, where in _Edits(others).of_policy(policy.body):
        if (id(old), words) in found:  # below an anchor that is used again
            continue
        try:
            changed = policy_of(swapped(policy.body, old, new), builtin=policy.builtin)
        except PolicyError:
            continue
        found[id(old), words] = Change(changed, words, where)
    every = list(found.values())
    if len(every) <= _MOST:
        return every
    return [every[index * len(every) // _MOST] for index in range(_MOST)]


@dataclass(frozen=True, slots=True)
class _Edits:
    """Walks a policy's text and yields its changes one at a time."""

    others: Mapping[str, str]

    def of_policy(self, body: Located) -> Iterator[Edit]:
        items = body.mapping("a policy")
        if "scope" in items:
            rest = {key: each for key, each in items.items() if key != "scope"}
            yield body, replace(body, value=rest), "`scope` left out", body.keys.get("scope", body.where)
        for key in ("scope", "filters"):
            if key in items:
                yield from self.whole(items[key], key)
        for key in _CLAUSES:
            if key in items:
                yield from self.clauses(items[key], key)
        for name, each in items["params"].value.items() if "params" in items else ():
            for old, new, words, where in self.option(name, name, each, ""):
                dotted = f"params.{name}.{words}" if isinstance(each.value, dict) else f"params.{words}"
                yield old, new, dotted, where

    def whole(self, items: Located, key: str) -> Iterator[Edit]:
        """Yield the changes of a whole list of filters; it may be read as any of them, too."""
        if isinstance(items.value, list):
            if len(items.value) > 1:
                any_of = _block("or", items, items.where)
                yield items, replace(items, value=[any_of]), f"`{key}`: all of them -> any of them", items.where
            yield from self.filters(items)

    def clauses(self, items: Located, key: str) -> Iterator[Edit]:
        for index, clause in enumerate(items.sequence(key)):
            when = clause.mapping(key).get("when")
            if when is not None:
                words = f"left out of `{key}`: {flow(when.plain())}"
                yield items, without(items, index), words, clause.where
                yield from self.whole(when, "when")

    def filters(self, items: Located) -> Iterator[Edit]:
        """Yield a list of filters with one of them left out, or changed."""
        for index, each in enumerate(items.value):
            if len(items.value) > 1:
                yield items, without(items, index), f"left out: {flow(each.plain())}", each.where
            yield from self.filter(each)

    def filter(self, item: Located) -> Iterator[Edit]:
        """Yield a filter's changes."""
        if isinstance(item.value, str):
            inner = replace(item, value=[Located(item.value, item.where)])
            yield item, _block("not", inner, item.where), f"{item.value} -> not: [{item.value}]", item.where
        elif isinstance(item.value, dict):
            key = next(iter(item.value), "")
            if len(item.value) == 1 and key in ("and", "or", "not"):
                yield from self.block(item, key, item.value[key])
            else:
                yield from self.options(item, f", in {flow(item.plain())}", shorthand="type" not in item.value)

    def block(self, item: Located, key: str, inner: Located) -> Iterator[Edit]:
        if not isinstance(inner.value, list):
            return
        if key == "not":
            words = f"without `not`: {flow(item.plain())}"
            yield item, _block("and", inner, item.where), words, item.where
        elif len(inner.value) > 1:
            words = f"{key} -> {_BLOCKS[key]}: {flow(item.plain())}"
            yield item, _block(_BLOCKS[key], inner, item.where), words, item.where
        yield from self.filters(inner)

    def options(self, item: Located, whole: str, *, shorthand: bool = False) -> Iterator[Edit]:
        """Yield the changes of a mapping's values; the shorthand of `value` has its key for a key.

        `whole` says what they are part of.
        """
        for key, each in item.value.items():
            if key in _HOLDING and isinstance(each.value, list):
                yield from self.filters(each)
            elif key not in _NAMES:
                yield from self.option("value" if shorthand else key, key, each, whole)

    def option(self, key: str, shown: str, item: Located, whole: str) -> Iterator[Edit]:
        if isinstance(item.value, dict):
            yield from self.options(item, whole)
        elif isinstance(item.value, list):
            yield from self.listed(key, shown, item, whole)
        else:
            for other in self.near(_SAME.get(key, key), item.value):
                words = f"{shown}: {flow(item.value)} -> {flow(other)}{whole}"
                yield item, replace(item, value=other), words, item.where

    def listed(self, key: str, shown: str, item: Located, whole: str) -> Iterator[Edit]:
        parts = item.value
        for index, part in enumerate(parts[:_ITEMS]):
            if len(parts) > 1:
                words = f"{shown}: without {flow(part.plain())}{whole}"
                yield item, without(item, index), words, part.where
            if isinstance(part.value, (dict, list)) or len(parts) == 1:
                yield from self.option(key, shown, part, whole)

    def near(self, key: str, value: Any) -> Iterator[Any]:  # noqa: ANN401 (scalars)
        """Yield scalars that are easily written for one."""
        if isinstance(value, bool):
            yield not value
        elif isinstance(value, (int, float)):
            yield value + 1
            yield value - 1
        elif isinstance(value, date):
            yield value + timedelta(days=1)
        elif isinstance(value, str) and key in _WORDS and value in _WORDS[key]:
            yield _WORDS[key][value]
        elif isinstance(value, str) and key not in ("op", "operator") and not value.startswith("{"):
            yield self.others.get(value) or slipped(value)


def _block(key: str, inner: Located, where: Where) -> Located:
    return Located({key: inner}, where, {key: where})
