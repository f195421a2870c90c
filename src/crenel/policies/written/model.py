"""A policy as written: checked in shape, with every mistake of its own keys at once, and not yet compiled."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Literal, TypeVar

from crenel.errors import PolicyError, PolicyFileError, did_you_mean
from crenel.language.plan import Plain
from crenel.model import Severity, Standard
from crenel.positions import Located

Found = TypeVar("Found")

# Cloud Custodian's own pattern, whose A-z lets `_` and a few other signs through.
_NAME = re.compile(r"[A-z][A-z0-9]*(-[A-z0-9]+)*")
CUSTODIAN_KEYS = (
    "name", "resource", "title", "description", "comment", "comments", "tags", "metadata", "filters", "actions",
    "conditions", "query", "source", "mode", "max-resources", "max-resources-percent", "region", "start", "end", "tz",
)  # fmt: skip
OWN_KEYS = (
    "practice", "severity", "params", "scope", "not-applicable", "unknown", "facts", "message", "notes", "why",
    "remediation", "references", "tests",
)  # fmt: skip
_LAMBDA_KEYS = (
    "concurrency", "dead_letter_config", "environment", "execution-options", "function-prefix", "handler",
    "kms_key_arn", "layers", "member-role", "memory", "packages", "pattern", "role", "runtime", "security_groups",
    "subnets", "tags", "timeout", "tracing_config",
)  # fmt: skip
# Every mode with the keys that it has beside those of all Lambda functions.
MODES: Mapping[str, tuple[str, ...]] = {
    "pull": (),
    "periodic": ("schedule",),
    "schedule": ("schedule", "timezone", "start-date", "end-date", "scheduler-role", "group-name"),
    "config-poll-rule": ("schedule", "ignore-support-check"),
    "config-rule": (),
    "cloudtrail": ("events", "delay"),
    "ec2-instance-state": ("events",),
    "asg-instance-state": ("events",),
    "guard-duty": (),
    "hub-finding": (),
    "hub-action": (),
    "phd": ("events", "categories", "statuses"),
}
_PULLED = ("pull", "periodic", "schedule", "config-poll-rule")
MOST_FILTERS = 1_000  # a query of more takes the engine gigabytes
_FILTERED = ("filters", "scope", "conditions", "not-applicable", "unknown", "notes")
_HOLDING = ("and", "or", "not", "attrs", "filters", "policy", "when")  # keys below those under which filters stand
SOURCES = ("describe", "describe-child", "config")


@dataclass(frozen=True, slots=True)
class Mode:
    """How Custodian would run a policy. Modes that run by the clock mean the same resources as a pull; others need an
    event.
    """

    type: str = "pull"

    @property
    def pulled(self) -> bool:
        """Whether the policy can be run over what is there, without an event."""
        return self.type in _PULLED


@dataclass(frozen=True, slots=True)
class Limit:
    """`max-resources`: how many resources may match before the policy is taken for a mistake."""

    amount: int | None = None
    percent: float | None = None
    op: Literal["or", "and"] = "or"

    def exceeded(self, matched: int, population: int) -> str:
        """Return in words how so many matches of so many resources exceed the limit, or nothing where they do not."""
        share = population * self.percent / 100 if self.percent else 0
        over = [
            text
            for text, most in ((f"{self.amount}", self.amount), (f"{self.percent} percent", share))
            if most and matched > most
        ]
        given = sum(1 for most in (self.amount, share) if most)
        if not over or (self.op == "and" and (len(over) < given or given < 2)):
            return ""
        return f"{matched} of {population} resources match, and at most {' and '.join(over)} may"


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy as written: its words for people, and its body for the compiler. `builtin` ones ship with Crenel.

    `conditions` has the deprecated keys (`region`, `start`, `end`) as the conditions that they stand for. `actions` are
    mappings with `type`. `warnings` is what the policy says that is likely to surprise.
    """

    name: str
    resource: str
    title: str
    practice: int | None
    severity: Severity
    why: str
    remediation: str
    references: tuple[str, ...]
    params: Mapping[str, Mapping[Standard, Plain]] = field(hash=False)
    body: Located = field(compare=False, repr=False)
    builtin: bool = False
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict, hash=False)
    mode: Mode = Mode()
    limit: Limit | None = None
    conditions: Located | None = field(default=None, compare=False, repr=False)
    query: tuple[Located, ...] = field(default=(), compare=False, repr=False)
    actions: tuple[Located, ...] = field(default=(), compare=False, repr=False)
    warnings: tuple[PolicyError, ...] = field(default=(), compare=False, repr=False)

    @property
    def file(self) -> str:
        """The file that the policy stands in."""
        return self.body.where.file


def policy_of(body: Located, *, builtin: bool = False) -> Policy:
    """Read a policy from its mapping. Raises `PolicyError`, or `PolicyFileError` where several things are wrong."""
    return _Reader(body).read(builtin=builtin)


class _Reader:
    """Reads one policy; notes what is wrong with each key and goes on."""

    def __init__(self, body: Located) -> None:
        self.body = body
        self.items: dict[str, Located] = body.mapping("a policy")
        self.errors: list[PolicyError] = []
        self.warnings: list[PolicyError] = []

    def read(self, *, builtin: bool) -> Policy:
        known = (*CUSTODIAN_KEYS, *OWN_KEYS)
        self.errors += [self.body.unknown_key(key, "a policy", known) for key in self.items if key not in known]
        self.errors += [
            self.body.error(f"a policy needs `{key}`.", code="missing-key")
            for key in ("name", "resource")
            if key not in self.items
        ]
        name = self.each("name", _name, "")
        nothing: tuple[str, ...] = ()
        found = Policy(
            name=name,
            resource=self.each("resource", _resource, ""),
            title=(self.text("title") or self.text("description") or name).strip(),
            practice=self.each("practice", _practice, None),
            severity=self.severity(),
            why=self.text("why").strip(),
            remediation=self.text("remediation").strip(),
            references=self.each("references", _texts, nothing),
            params=self.each("params", _params, {}),
            body=self.body,
            builtin=builtin,
            tags=self.each("tags", _texts, nothing),
            metadata=self.each("metadata", _metadata, {}),
            mode=self.each("mode", self.mode, Mode()),
            limit=self.limit(),
            conditions=self.conditions(),
            query=self.each("query", _mappings("query"), ()),
            actions=self.each("actions", _actions, ()),
        )
        self.each("filters", self.filters, None)
        self.few()
        self.each("source", _source, None)
        for key in ("comment", "comments", "tz"):
            self.text(key)
        if len(self.errors) > 1:
            raise PolicyFileError(self.errors)
        if self.errors:
            raise self.errors[0]
        return replace(found, warnings=tuple(self.warnings))

    def each(self, key: str, read: Callable[[Located], Found], default: Found) -> Found:
        """Return what a key says, the default where it is left out or wrong."""
        if key not in self.items:
            return default
        try:
            return read(self.items[key])
        except PolicyError as error:
            self.errors += error.all()
            return default

    def text(self, key: str) -> str:
        return self.each(key, lambda item: item.text(key), "")

    def severity(self) -> Severity:
        if "severity" in self.items:
            return self.each("severity", _severity, Severity.MEDIUM)
        metadata = self.items.get("metadata")
        item = metadata.value.get("severity") if metadata and isinstance(metadata.value, dict) else None
        word = str(item.value).lower() if item else ""
        return Severity(word) if word in list(Severity) else Severity.MEDIUM

    def mode(self, item: Located) -> Mode:
        keys = item.mapping("mode")
        if "type" not in keys:
            raise item.error("mode needs `type`.", code="missing-key")
        name = keys["type"].text("a mode's type")
        if name not in MODES:
            hint = did_you_mean(name, MODES) or f"There are {', '.join(MODES)}."
            raise keys["type"].error(f'there is no mode "{name}".', hint, "unknown-value")
        item.only(f"the mode {name}", ("type", *(() if name == "pull" else _LAMBDA_KEYS), *MODES[name]))
        mode = Mode(name)
        if not mode.pulled:
            self.warnings.append(
                keys["type"].error(
                    f"a policy of the mode {name} waits for events, and is not run here.",
                    "Without `mode` it would be run over what is there.",
                    "event-mode",
                )
            )
        return mode

    def filters(self, item: Located) -> None:
        if item.value is None:
            self.warnings.append(
                self.body.key_error("filters", "`filters` is empty, and so every resource matches.", code="no-filters")
            )
            return
        for part in item.sequence("a list of filters"):
            if not isinstance(part.value, (str, dict)):
                self.errors.append(part.error("a filter is a name or a mapping.", code="wrong-type"))

    def few(self) -> None:
        """Note more filters than one query can ask."""
        counts = {key: _filters_in(self.items[key]) for key in _FILTERED if key in self.items}
        if sum(counts.values()) > MOST_FILTERS:
            has = f"this one {sum(counts.values()):,}"
            what = f"a policy has at most {MOST_FILTERS:,} filters, those in blocks counted, and {has}."
            hint = "Put many values of one key into one list with op: in, or split the policy."
            most = max(counts, key=lambda key: counts[key])
            self.errors.append(self.body.key_error(most, what, hint, "too-large"))

    def limit(self) -> Limit | None:
        percent = self.each("max-resources-percent", _percent, None)
        limit = self.each("max-resources", _limit, None)
        if percent is None:
            return limit
        return Limit(limit.amount if limit else None, percent, limit.op if limit else "or")

    def conditions(self) -> Located | None:
        """Return the policy's conditions, with those that its deprecated keys stand for behind them."""
        none: list[Located] = []
        given = self.each("conditions", lambda item: item.sequence("conditions"), none)
        for part in given:
            if not isinstance(part.value, dict):
                self.errors.append(part.error("a condition is a mapping.", code="wrong-type"))
        older = [self.older(key) for key in ("region", "start", "end") if key in self.items]
        found = [*given, *(item for item in older if item is not None)]
        where = self.items["conditions"].where if "conditions" in self.items else self.body.where
        return Located(found, where) if found else None

    def older(self, key: str) -> Located | None:
        item = self.items[key]
        self.warnings.append(
            self.body.key_error(key, f'"{key}" is deprecated.', "Write it under `conditions`.", "deprecated")
        )
        if not isinstance(item.value, str if key == "region" else (str, date, datetime)):
            self.errors.append(item.error(f"{key} must be a text.", code="wrong-type"))
            return None
        at = self.body.keys.get(key, item.where)
        if key == "region":
            return Located({"region": item}, at, {"region": at})
        words = {"type": "value", "key": "now", "value_type": "date", "op": "gte" if key == "start" else "lte"}
        keys = {name: Located(word, at) for name, word in words.items()} | {"value": item}
        return Located(keys, at, dict.fromkeys(keys, at))


def _filters_in(item: Located) -> int:
    """Return how many filters a list of them has, those in blocks, lists and policies inside counted."""
    count = 0
    left = [item]
    while left:
        part = left.pop()
        if isinstance(part.value, list):
            count += len(part.value)
            left += part.value
        elif isinstance(part.value, dict):
            left += [each for key, each in part.value.items() if key in _HOLDING]
    return count


def _name(item: Located) -> str:
    name = item.text("name")
    if not _NAME.fullmatch(name):
        raise item.error(f'"{name}" is no policy name.', "Use letters and digits with single hyphens between.")
    return name


def _resource(item: Located) -> str:
    if isinstance(item.value, list):
        raise item.error("a policy is about one resource type.", "Write one policy for each.", "wrong-type")
    name = item.text("resource")
    cloud, dot, _ = name.partition(".")
    if dot and cloud != "aws":
        raise item.error(f'"{name}" is not supported: types are those of AWS.', code="unsupported-type")
    return name.removeprefix("aws.")


def _practice(item: Located) -> int:
    if isinstance(item.value, bool) or not isinstance(item.value, int):
        raise item.error("practice is a number.", code="wrong-type")
    return item.value


def _texts(item: Located) -> tuple[str, ...]:
    return tuple(part.text("each of the list") for part in item.sequence("this"))


def _metadata(item: Located) -> Mapping[str, Any]:
    item.mapping("metadata")
    found: dict[str, Any] = item.plain()
    return found


def _mappings(what: str) -> Callable[[Located], tuple[Located, ...]]:
    def read(item: Located) -> tuple[Located, ...]:
        parts = item.sequence(what)
        for part in parts:
            part.mapping(f"each of {what}")
        return tuple(parts)

    return read


def _actions(item: Located) -> tuple[Located, ...]:
    """Return the actions as mappings with `type`, in which form Custodian keeps them too."""
    found = []
    for part in item.sequence("actions") if item.value is not None else []:
        if isinstance(part.value, str):
            found.append(Located({"type": part}, part.where, {"type": part.where}))
            continue
        keys = part.mapping("an action")
        if "type" not in keys:
            hint = 'Did you mean "type"?' if did_you_mean("type", keys) else ""
            raise part.error("an action needs `type`.", hint, "missing-key")
        keys["type"].text("an action's type")
        found.append(part)
    return tuple(found)


def _source(item: Located) -> None:
    name = item.text("source")
    if name not in SOURCES:
        raise item.error(f'there is no source "{name}".', did_you_mean(name, SOURCES), "unknown-value")


def _percent(item: Located) -> float:
    value = item.value
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 100:
        raise item.error("a percentage from 0 to 100 is expected here.", code="wrong-type")
    return float(value)


def _amount(item: Located) -> int:
    if isinstance(item.value, bool) or not isinstance(item.value, int) or item.value < 1:
        raise item.error("a whole number from 1 is expected here.", code="wrong-type")
    return item.value


def _limit(item: Located) -> Limit:
    if not isinstance(item.value, dict):
        return Limit(_amount(item))
    keys = item.only("max-resources", ("amount", "percent", "op"))
    op: Literal["or", "and"] = "or"
    if "op" in keys:
        if keys["op"].value not in ("or", "and"):
            raise keys["op"].error("op is `or` or `and`.", code="unknown-value")
        op = keys["op"].value
    amount = _amount(keys["amount"]) if "amount" in keys else None
    return Limit(amount, _percent(keys["percent"]) if "percent" in keys else None, op)


def _severity(item: Located) -> Severity:
    word = str(item.value).lower()
    if word not in list(Severity):
        raise item.error(f'"{word}" is no severity.', f"There are {', '.join(Severity)}.", "unknown-value")
    return Severity(word)


def _params(item: Located) -> dict[str, dict[Standard, Plain]]:
    found: dict[str, dict[Standard, Plain]] = {}
    for name, value in item.mapping("params").items():
        if isinstance(value.value, dict):
            by_standard = value.only(f"the parameter {name}", tuple(Standard))
            missing = [standard for standard in Standard if standard not in by_standard]
            if missing:
                raise value.error(f"the parameter {name} has no value for {', '.join(missing)}.", code="missing-key")
            found[name] = {standard: by_standard[standard].plain() for standard in Standard}
        else:
            found[name] = dict.fromkeys(Standard, value.plain())
    return found
