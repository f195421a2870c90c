"""Correlations: rules over what other rules found.

https://sigmahq.io/sigma-specification/specification/sigma-correlation-rules-specification.html
`first_seen` is Crenel's own (docs/decisions/0016-first-seen.md).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import get_args

from crenel.detections.model import RULE, Correlation, Detection, Kind
from crenel.detections.sigma import fields
from crenel.detections.sigma.condition import condition
from crenel.detections.sigma.heads import Head, texts
from crenel.detections.sigma.told import File
from crenel.errors import PolicyError, did_you_mean
from crenel.language.plan import Compare, Literal, Op, Predicate, Value
from crenel.positions import Located

_KEYS = ("type", "rules", "group-by", "timespan", "condition", "aliases", "generate")
_KINDS: Mapping[str, tuple[Kind, float]] = {  # with the percentile that it means
    **{kind: (kind, 0) for kind in get_args(Kind)}, "value_median": ("value_percentile", 50),
}  # fmt: skip
_TEMPORAL = ("temporal", "temporal_ordered")
_FIRST = "first_seen"
_OPS: Mapping[str, Op] = {"gt": "gt", "gte": "ge", "lt": "lt", "lte": "le", "eq": "eq", "neq": "ne"}
_SPAN = re.compile(r"([0-9]{1,9})([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


@dataclass(frozen=True, slots=True)
class Given:
    """A correlation as it is written."""

    id: str
    told: Head
    item: Located
    file: File


@dataclass(slots=True)
class Made:
    """Detections, those that only serve correlations silent, and correlations, each behind those that it builds on."""

    detections: list[Detection]
    correlations: list[Correlation] = field(default_factory=list)
    errors: list[PolicyError] = field(default_factory=list)


def correlations(rules: Sequence[tuple[Detection, Head]], given: Sequence[Given], lost: Mapping[str, str]) -> Made:
    """Return correlations over rules. `lost` says of what did not load why that is."""
    made = Made([each for each, _ in rules])
    reader = _Reader({word: each.id for each, told in rules for word in told.called}, given, lost)
    for each in given:
        reader.attempt(each, made)
    served = reader.served - reader.generated
    made.detections = [replace(each, silent=True) if each.id in served else each for each in made.detections]
    made.correlations = [replace(each, silent=True) if each.id in served else each for each in made.correlations]
    return made


class _Reader:
    """Reads correlations, what they build on before themselves."""

    def __init__(self, rules: Mapping[str, str], given: Sequence[Given], lost: Mapping[str, str]) -> None:
        self.rules = rules
        self.given = {word: each for each in given for word in each.told.called}
        self.lost = lost
        self.done: dict[str, bool] = {}  # False while one is read, or where it did not load
        self.reading: list[str] = []
        self.groupings: dict[str, frozenset[str]] = {}  # the groups of correlations that are read, by id
        self.served: set[str] = set()
        self.generated: set[str] = set()

    def attempt(self, given: Given, made: Made) -> bool:
        """Read a correlation where it was not yet; return whether it is there."""
        if given.id in self.done:
            return self.done[given.id]
        self.done[given.id] = False
        self.reading.append(given.id)
        try:
            found = self.read(given, made)
        except PolicyError as error:
            made.errors += error.all()
        else:
            made.correlations.append(found)
            self.served |= set(found.rules)
            if _generates(given.item.value["correlation"]):
                self.generated |= set(found.rules)
            self.groupings[given.id] = frozenset(found.group_by)
            self.done[given.id] = True
        self.reading.pop()
        return self.done[given.id]

    def read(self, given: Given, made: Made) -> Correlation:
        body = given.item.value["correlation"]
        body.only("correlation", _KEYS)
        kind, percentile = _kind(body)
        rules = self.referred(body, made)
        _generates(body)  # refused where it is no truth value
        wanted = _named(body, kind, rules, given.file)
        bounds, counted, share = _condition(body, kind, percentile, len(rules))
        values: dict[str, Value] = {}
        if counted is not None:
            self.check_counted(counted, rules)
            _check_field(counted, given.file)
            values = {rule: fields.shown(counted.value) for rule in rules.values()}
        told = given.told
        return Correlation(
            id=given.id,
            name=told.title,
            level=told.level,
            kind=kind,
            rules=tuple(dict.fromkeys(rules.values())),
            group_by=self.groups(body, rules, given.file),
            span=_span(body),
            op=bounds[0][0],
            count=bounds[0][1],
            bounds=bounds[1:],
            body=given.item,
            counted=values,
            field_name=counted.value if counted is not None else "",
            percentile=share,
            wanted=wanted,
            description=told.description,
            tags=told.tags,
            practices=told.practices,
            response=told.response,
            references=told.references,
            false_positives=told.false_positives,
        )

    def referred(self, body: Located, made: Made) -> dict[str, str]:
        """Return the ids of the rules that a correlation names, by the names that it uses."""
        at = body.child("rules")
        items = [] if at is None else at.value if isinstance(at.value, list) else [at]
        if not items:
            raise body.error("a correlation names the rules that it is over.", "By id or by name, in a list.")
        found: dict[str, str] = {}
        for item in items:
            word = item.text("a rule")
            other = self.given.get(word)
            if word in self.rules:
                found[word] = self.rules[word]
            elif other is not None:
                if other.id in self.reading:
                    raise item.error(f'the correlation "{word}" builds on this one.', code="cycle")
                if not self.attempt(other, made):
                    raise item.error(f'the correlation "{word}" did not load.', code="unknown-rule")
                found[word] = other.id
            elif word in self.lost:
                raise item.error(f'the rule "{word}" {self.lost[word]}.', code="unknown-rule")
            else:
                hint = did_you_mean(word, [*self.rules, *self.given])
                raise item.error(f'no rule has the id or name "{word}".', hint, "unknown-rule")
        return found

    def groups(self, body: Located, rules: Mapping[str, str], file: File) -> dict[str, dict[str, Value]]:
        """Return what each name of a group stands for in each rule."""
        aliases = body.child("aliases")
        known: dict[str, Located] = {} if aliases is None else aliases.mapping("aliases")
        at = body.child("group-by")
        names = texts(body, "group-by")
        for name, alias in known.items():
            alias.mapping("an alias")
            if name not in names:
                file.warn(body.value["aliases"].key_error(name, f'group-by does not use the alias "{name}".'))
        found: dict[str, dict[str, Value]] = {}
        for name in names:
            own: Mapping[str, Located] = known[name].value if name in known else {}
            for word in own:
                if self.id_of(word) not in rules.values():
                    hint = did_you_mean(word, rules)
                    raise known[name].key_error(word, f'"{word}" is none of the correlation\'s rules.', hint)
            if name not in known and at is not None:
                places = at.value if isinstance(at.value, list) else [at]
                _check_field(next(each for each in places if each.value == name), file)
            self.check_groups(name, rules, at)
            by_id = {self.id_of(word): each for word, each in own.items()}
            for rule in rules.values():
                if name in known and rule not in by_id and rule in self.rules.values():
                    raise known[name].error(f'the alias "{name}" says nothing of the rule "{rule}".')
            for each in by_id.values():
                each.text("a field")
                _check_field(each, file)
            found[name] = {rule: fields.shown(by_id[rule].value if rule in by_id else name) for rule in rules.values()}
        return found

    def check_counted(self, counted: Located, rules: Mapping[str, str]) -> None:
        for rule in rules.values():
            if rule in self.groupings:
                raise counted.error(f'"{rule}" is a correlation, and has no field that could be counted.')

    def check_groups(self, name: str, rules: Mapping[str, str], at: Located | None) -> None:
        for rule in rules.values():
            if at is not None and rule in self.groupings and name not in self.groupings[rule]:
                raise at.error(f'the correlation "{rule}" has no group "{name}".', f"Add {name} to its group-by.")

    def id_of(self, word: str) -> str:
        """Return the id of what a name stands for, nothing where it stands for nothing."""
        return self.rules[word] if word in self.rules else self.given[word].id if word in self.given else ""


def _kind(body: Located) -> tuple[Kind, float]:
    at = body.child("type")
    if at is None:
        raise body.error("a correlation has a type.", f"There are {', '.join(_KINDS)}.")
    text = at.text("type").lower()
    if text not in _KINDS:
        hint = did_you_mean(text, _KINDS) or f"There are {', '.join(_KINDS)}."
        raise at.error(f'there is no correlation of the type "{text}".', hint)
    return _KINDS[text]


def _span(body: Located) -> int:
    at = body.child("timespan")
    hint = "Such as 30s, 10m, 2h or 1d."
    if at is None:
        raise body.error("a correlation has a timespan.", hint)
    found = _SPAN.fullmatch(str(at.value))
    if found is None or not int(found[1]):
        raise at.error(f'"{at.value}" is no timespan.', hint)
    return int(found[1]) * _SECONDS[found[2]]


def _generates(body: Located) -> bool:
    at = body.child("generate")
    if at is not None and not isinstance(at.value, bool):
        raise at.error("generate is true or false.")
    return at is not None and at.value


def _named(body: Located, kind: Kind, rules: Mapping[str, str], file: File) -> Predicate | None:
    """Return what a condition of rules' names wants of a window, None where there is none."""
    at = body.child("condition")
    if at is None or not isinstance(at.value, str):
        return None
    if kind != "temporal":
        raise at.error(f"a correlation of the type {kind} has no condition of names.", "temporal has.")
    used: set[str] = set()
    parts = {name: Compare("eq", RULE, Literal(rule)) for name, rule in rules.items()}
    found = condition(at, parts, file, used.add, "rule")
    for name in rules:
        if name not in used:
            file.warn(at.error(f'the condition does not use the rule "{name}".', code="unused"))
    return found


def _condition(
    body: Located, kind: Kind, percentile: float, rules: int
) -> tuple[tuple[tuple[Op, float], ...], Located | None, float]:
    """Return how a correlation compares with which counts, the field that it counts, and the percentile."""
    at = body.child("condition")
    if at is None:
        if kind in _TEMPORAL:
            return (("ge", rules),), None, 0
        such = "{field: awsRegion}" if kind == _FIRST else "{gte: 10}"
        raise body.error(f"a correlation of the type {kind} has a condition.", f"Such as: condition: {such}")
    if isinstance(at.value, str):
        return (("ge", 1),), None, 0
    keys = at.only("condition", (*_OPS, "field", "percentile"))
    ops = [key for key in keys if key in _OPS]
    if kind == _FIRST:
        for op in ops:
            raise keys[op].error("first_seen counts nothing.", "It has a field, whose value is new.")
        return (("ge", 1),), _counted(at, kind), _percentile(at, kind)
    if not ops:
        raise at.error(f"a condition has one of {', '.join(_OPS)}.", "Such as: condition: {gte: 10}")
    for op in ops:
        count = keys[op]
        if not isinstance(count.value, (int, float)) or isinstance(count.value, bool):
            raise count.error("a condition compares with a number.")
        if kind == "temporal_ordered" and (op, count.value) != ("gte", rules):
            raise count.error("temporal_ordered wants all of its rules.", "Leave the condition out.")
    bounds = tuple((_OPS[op], keys[op].value) for op in ops)
    return bounds, _counted(at, kind), percentile or _percentile(at, kind)


def _counted(at: Located, kind: Kind) -> Located | None:
    found = at.child("field")
    if kind != _FIRST and not kind.startswith("value_"):
        if found is not None:
            raise found.error(f"a correlation of the type {kind} counts no field.", "value_count does.")
        return None
    if found is None:
        such = "{field: awsRegion}" if kind == _FIRST else "{field: userAgent, gte: 5}"
        raise at.error(f"a correlation of the type {kind} names a field.", f"Such as: {such}")
    if isinstance(found.value, list) and len(found.value) == 1:
        found = found.value[0]
    found.text("field")
    return found


def _percentile(at: Located, kind: Kind) -> float:
    found = at.child("percentile")
    if found is None:
        if kind == "value_percentile":
            raise at.error("value_percentile has a percentile.", "Such as: {field: …, percentile: 95, gt: 10}")
        return 0
    if kind != "value_percentile":
        raise found.error(f"a correlation of the type {kind} has no percentile.")
    if not isinstance(found.value, (int, float)) or isinstance(found.value, bool) or not 0 <= found.value <= 100:
        raise found.error("a percentile is a number from 0 to 100.")
    return found.value


def _check_field(at: Located, file: File) -> None:
    told = fields.doubt(at.value)
    if told:
        file.warn(at.error(told[0], told[1], "unknown-field"))
