"""What changed from one framework to another, mostly from a version to the next."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from crenel.frameworks.model import Control, Framework

Parameters = Mapping[str, Sequence[Mapping[str, object]]]
"""By control, the parameters of each of its policies, whole: those of the profile too."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A control of both frameworks; `changes` say in words what differs beside the id."""

    before: Control
    after: Control
    changes: tuple[str, ...]

    @property
    def renumbered(self) -> bool:
        """Whether the control has another id now."""
        return self.before.id != self.after.id


@dataclass(frozen=True, slots=True)
class Difference:
    """The controls that only one of two frameworks has, and those of both."""

    removed: tuple[Control, ...]
    added: tuple[Control, ...]
    pairs: tuple[Pair, ...]


def difference(before: Framework, after: Framework, old: Parameters, new: Parameters) -> Difference:
    """Return what changed. Two controls are the same where their titles are, else where their policies are."""
    partners = dict(_partners(before.controls, after.controls))
    taken = set(partners.values())
    by_id = {control.id: control for control in after.controls}
    pairs = []
    for control in before.controls:
        if control.id in partners:
            other = by_id[partners[control.id]]
            changes = _changes(control, other, old.get(control.id, ()), new.get(other.id, ()))
            pairs.append(Pair(control, other, tuple(changes)))
    return Difference(
        tuple(control for control in before.controls if control.id not in partners),
        tuple(control for control in after.controls if control.id not in taken),
        tuple(pairs),
    )


def _partners(before: Sequence[Control], after: Sequence[Control]) -> Iterator[tuple[str, str]]:
    """Yield (id before, id after) of the controls that are the same, each control once."""
    left, right = list(before), list(after)
    for same in (_same_title, _same_policies):
        for control in list(left):
            fitting = [other for other in right if same(control, other)]
            if fitting:
                other = next((each for each in fitting if each.id == control.id), fitting[0])
                left.remove(control)
                right.remove(other)
                yield control.id, other.id


def _same_title(one: Control, other: Control) -> bool:
    return one.title == other.title


def _same_policies(one: Control, other: Control) -> bool:
    return bool(one.policies) and _names(one) == _names(other)


def _names(control: Control) -> list[str]:
    return sorted(asked.policy for asked in control.policies)


def _changes(
    before: Control, after: Control, old: Sequence[Mapping[str, object]], new: Sequence[Mapping[str, object]]
) -> Iterator[str]:
    if before.title != after.title:
        yield f"title: {before.title} → {after.title}"
    if before.levels != after.levels:
        yield f"level: {' '.join(before.levels) or '-'} → {' '.join(after.levels) or '-'}"
    if before.severity != after.severity:
        yield f"severity: {before.severity or '-'} → {after.severity or '-'}"
    if bool(before.policies) != bool(after.policies):
        yield "decided by policies now" if after.policies else "to be decided by hand now"
        return
    gone = [name for name in _names(before) if name not in _names(after)]
    come = [name for name in _names(after) if name not in _names(before)]
    if gone or come:
        yield ", ".join([*(f"no longer {name}" for name in gone), *(f"also {name}" for name in come)])
        return
    was = {asked.policy: params for asked, params in zip(before.policies, old, strict=True)}
    for asked, params in zip(after.policies, new, strict=True):
        for key, value in params.items():
            if was[asked.policy].get(key) != value:
                yield f"{asked.policy}: {key} {_told(was[asked.policy].get(key))} → {_told(value)}"


def _told(value: object) -> str:
    return json.dumps(value, default=str)
