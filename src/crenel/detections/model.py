"""What a detection is, whatever language it is written in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from crenel.catalog.columns import TEXT
from crenel.errors import PolicyError
from crenel.language.plan import Field, Op, Predicate, Value
from crenel.model import Level
from crenel.positions import Located

Language = Literal["falco", "sigma"]
Kind = Literal[
    "event_count", "value_count", "temporal", "temporal_ordered", "value_sum", "value_avg", "value_percentile",
    "first_seen",
]  # fmt: skip


RULE = Field(("rule",), TEXT)  # of an event within a window: the rule that found it


@dataclass(frozen=True, slots=True)
class Shown:
    """A value in an output text: `<NA>` where it is null; padded with blanks or cut to `width` where that is given."""

    value: Value
    width: int = 0


@dataclass(frozen=True, slots=True)
class Detection:
    """One rule: the events that it wants, and what it says of each.

    `output`: texts and values in turn, empty where the language has no output text. `fields`: the values that an alert
    carries by name. `silent`: it only serves correlations. `priority` is the rule's own word for its level.
    """

    id: str
    name: str
    language: Language
    level: Level
    condition: Predicate
    body: Located
    priority: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    output: tuple[str | Shown, ...] = ()
    fields: Mapping[str, Value] = field(default_factory=dict, hash=False)
    enabled: bool = True
    silent: bool = False
    practices: tuple[int, ...] = ()
    response: str = ""
    references: tuple[str, ...] = ()
    false_positives: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Correlation:
    """A rule over the alerts of others, `rules`: the ids of detections and of other correlations.

    `group_by`: for each name the value that it stands for in each rule, by the rule's id. `counted`: for each rule the
    value of `field_name` that is counted or summed, or that is new. `span` is in seconds. For `temporal` kinds `count`
    is the number of rules, or `wanted` says which of them: by comparisons of `RULE` with their ids, each of which is
    whether one was there. `bounds` have to hold beside the first.
    """

    id: str
    name: str
    level: Level
    kind: Kind
    rules: tuple[str, ...]
    group_by: Mapping[str, Mapping[str, Value]] = field(hash=False)
    span: int
    op: Op
    count: float
    body: Located
    bounds: tuple[tuple[Op, float], ...] = ()
    counted: Mapping[str, Value] = field(default_factory=dict, hash=False)
    field_name: str = ""
    percentile: float = 0
    wanted: Predicate | None = None
    description: str = ""
    tags: tuple[str, ...] = ()
    silent: bool = False
    practices: tuple[int, ...] = ()
    response: str = ""
    references: tuple[str, ...] = ()
    false_positives: tuple[str, ...] = ()


@dataclass(slots=True)
class Rules:
    """What rule files hold, in their order; what of them can't run (`errors`), and what is likely no one's intention
    (`warnings`). `skipped`: rules that are for other sources, with the reason.
    """

    detections: list[Detection] = field(default_factory=list)
    correlations: list[Correlation] = field(default_factory=list)
    errors: list[PolicyError] = field(default_factory=list)
    warnings: list[PolicyError] = field(default_factory=list)
    skipped: list[PolicyError] = field(default_factory=list)
