"""What examples of rules notice: each small change of a rule is judged on all of its examples. One that none notices is
named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from crenel.detect.examples import Example, correlated, seen
from crenel.detections.changes import Change, Rule
from crenel.detections.model import Correlation, Detection, Rules

_AT_ONCE = 60  # changed rules that are judged in one query


@dataclass(frozen=True, slots=True)
class Score:
    """How many changes of a rule its examples notice, how many leave it the very same, and those unnoticed."""

    rule: Rule
    noticed: int
    same: int
    survivors: tuple[Change, ...]


def score(rules: Rules, rule: Rule, examples: Sequence[Example], changes: Callable[[Rule], Iterable[Change]]) -> Score:
    """Return what a rule's examples notice; `changes` gives the changes of a rule."""
    same = 0
    differing: dict[object, Change] = {}
    for change in changes(rule):
        meant = _meant(change.rule)
        if meant == _meant(rule):
            same += 1
        else:
            differing.setdefault(repr(meant), change)
    every = list(differing.values())
    noticed = _of_events(every, examples) if isinstance(rule, Detection) else _of_windows(rules, every, examples)
    survivors = [change for change, told in zip(every, noticed, strict=True) if not told]
    return Score(rule, len(every) - len(survivors), same, tuple(survivors))


def _meant(rule: Rule) -> object:
    """Return what of a rule decides whether it fires."""
    if isinstance(rule, Detection):
        return rule.condition
    numbers = rule.span, rule.op, rule.count, rule.bounds, rule.percentile
    return rule.kind, rule.rules, rule.group_by, numbers, rule.counted, rule.wanted


def _of_events(changes: Sequence[Change], examples: Sequence[Example]) -> list[bool]:
    changed = [change.rule for change in changes if isinstance(change.rule, Detection)]
    told = []
    for start in range(0, len(changed), _AT_ONCE):
        some = changed[start : start + _AT_ONCE]
        found = seen([each.events[0] for each in examples], some)
        told += [
            any((place in hits) != example.fires for hits, example in zip(found, examples, strict=True))
            for place in range(len(some))
        ]
    return told


def _of_windows(rules: Rules, changes: Sequence[Change], examples: Sequence[Example]) -> list[bool]:
    changed = [replace(change.rule, silent=False) for change in changes if isinstance(change.rule, Correlation)]
    told = [False] * len(changed)
    for example in examples:
        left = [place for place, noticed in enumerate(told) if not noticed]
        if left:
            fired = correlated(rules, [changed[place] for place in left], example.events)
            for place, fires in zip(left, fired, strict=True):
                told[place] = fires != example.fires
    return told
