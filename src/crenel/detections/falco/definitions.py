"""Lists, macros and rules as files define them one after the other: later items replace, append or override.

https://falco.org/docs/concepts/rules/overriding/
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from crenel.detections.falco import exceptions
from crenel.detections.falco.exceptions import Exempted
from crenel.detections.falco.script import Script, joined
from crenel.errors import PolicyError, did_you_mean
from crenel.model import Level
from crenel.positions import Located

_T = TypeVar("_T")
SOURCE = "aws_cloudtrail"
_SYSCALLS = "syscall"  # what a rule is for that names no source
LEVELS: Mapping[str, Level] = {
    "emergency": Level.CRITICAL, "alert": Level.CRITICAL, "critical": Level.CRITICAL, "error": Level.HIGH,
    "warning": Level.MEDIUM, "notice": Level.LOW, "info": Level.INFORMATIONAL,
    "informational": Level.INFORMATIONAL, "debug": Level.INFORMATIONAL,
}  # fmt: skip
_YES = ("y", "yes", "true", "on")
_NO = ("n", "no", "false", "off")
_LIST_KEYS = ("list", "items", "append", "override")
_MACRO_KEYS = ("macro", "condition", "append", "override")
_APPENDED = ("condition", "output", "desc", "tags", "exceptions")
_REPLACED = (*_APPENDED, "priority", "enabled", "warn_evttypes", "skip-if-unknown-filter", "capture",
             "capture_duration")  # fmt: skip
_RULE_KEYS = ("rule", "source", "append", "override", *_REPLACED)
_REQUIRED = ("condition", "output", "desc", "priority")


@dataclass(frozen=True, slots=True)
class ListItems:
    """A list. `first` and `last`: the numbers of the items of files that defined it first and touched it last."""

    name: str
    items: tuple[Located, ...]
    body: Located
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Macro:
    """A macro; `first` and `last` as of a list."""

    name: str
    condition: Script
    body: Located
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule."""

    name: str
    condition: Script
    output: Script
    description: str
    priority: str
    source: str
    body: Located
    tags: tuple[str, ...] = ()
    exceptions: tuple[Exempted, ...] = ()
    enabled: bool = True
    skips_unknown: bool = False


@dataclass(slots=True)
class Definitions:
    """What files define, in the order of the first definitions; `warn` hears of what is likely not meant."""

    warn: Callable[[PolicyError], None]
    lists: dict[str, ListItems] = field(default_factory=dict)
    macros: dict[str, Macro] = field(default_factory=dict)
    rules: dict[str, Rule] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)  # rules of which an item does not load
    count: int = 0

    def add_list(self, item: Located) -> None:
        """Take in a list. Raises `PolicyError`."""
        name, append = self._named(item, "list", _LIST_KEYS, ("items",))
        items = item.child("items")
        if items is None:
            raise item.error(f'the list "{name}" has no items.')
        found = tuple(items.sequence("items"))
        for each in found:
            each.text("an item of a list")
        old = self.lists.get(name)
        if append:
            old = self._earlier(old, "list", name, item, self.lists)
            found = (*old.items, *found)
        self.lists[name] = ListItems(name, found, item, old.first if old else self.count, self.count)

    def add_macro(self, item: Located) -> None:
        """Take in a macro. Raises `PolicyError`."""
        name, append = self._named(item, "macro", _MACRO_KEYS, ("condition",))
        if not name.isascii() or not name.replace("_", "a").isalnum() or not name[0].isalpha():
            hint = "Names of macros are made of letters, digits and _, and begin with a letter."
            raise item.key_error("macro", f'the macro "{name}" can never be named in a condition.', hint)
        condition = Script.of(_required(item, "condition", f'the macro "{name}"'))
        old = self.macros.get(name)
        if append:
            old = self._earlier(old, "macro", name, item, self.macros)
            condition = _behind(old.condition, condition, item)
        self.macros[name] = Macro(name, condition, item, old.first if old else self.count, self.count)

    def add_rule(self, item: Located) -> None:
        """Take in a rule, or a change of one. Raises `PolicyError`; the rule is broken till it is defined anew."""
        name = _required(item, "rule", "a rule").text("a rule's name")
        try:
            self._take(name, item)
        except PolicyError:
            self.broken.add(name)
            raise

    def _take(self, name: str, item: Located) -> None:
        keys = item.mapping("a rule")
        self._unknown(item, f'the rule "{name}"', _RULE_KEYS)
        ways = _overrides(item, _APPENDED, _REPLACED)
        append = _flag(item, "append")
        if append and ways:
            raise item.key_error("append", "append and override can't stand in one item.")
        if append or ways:
            old = self._earlier(self.rules.get(name), "rule", name, item, self.rules)
            self.rules[name] = self._overridden(old, item, ways) if ways else self._appended(old, item)
        elif not any(key in keys for key in _REQUIRED):
            if "enabled" not in keys:
                raise item.error(f'the rule "{name}" has no condition.', f"A rule has {', '.join(_REQUIRED)}.")
            old = self._earlier(self.rules.get(name), "rule", name, item, self.rules)
            self.rules[name] = replace(old, enabled=_flag(item, "enabled"))
        else:
            self.rules[name] = self._defined(name, item)
            self.broken.discard(name)

    # --- rules

    def _defined(self, name: str, item: Located) -> Rule:
        told = f'the rule "{name}"'
        given = {key: _required(item, key, told) for key in _REQUIRED}
        old = self.rules.get(name)
        source = item.child("source")
        word = source.text("source") if source is not None else old.source if old else _SYSCALLS
        if old is not None and old.source != word:
            raise item.key_error("source", f"{told} is there already, for {old.source}: its source can't change.")
        exempted = item.mapping(told).get("exceptions")
        found = exceptions.read(exempted, self.warn) if exempted is not None else []
        return Rule(
            name,
            Script.of(given["condition"]),
            Script.of(given["output"]).stripped(),
            given["desc"].text("desc").strip(),
            _priority(given["priority"]),
            word,
            item,
            _tags(item),
            tuple(map(exceptions.checked, found)),
            enabled=_flag(item, "enabled", default=True),
            skips_unknown=_flag(item, "skip-if-unknown-filter"),
        )

    def _appended(self, old: Rule, item: Located) -> Rule:
        taken = [key for key in ("condition", "exceptions") if item.child(key) is not None]
        if not taken:
            raise item.key_error("append", "append needs a condition or exceptions.")
        for key in item.mapping("a rule"):
            if key not in ("rule", "append", *taken):
                hint = f"Write override: {{{key}: replace}}." if key in _REPLACED else ""
                told = f'append takes a condition and exceptions, and leaves "{key}" as it is.'
                self.warn(item.key_error(key, told, hint))
        return self._changed(old, item, dict.fromkeys(taken, "append"))

    def _overridden(self, old: Rule, item: Located, ways: Mapping[str, str]) -> Rule:
        for key in item.mapping("a rule"):
            if key in _REPLACED and key not in ways:
                hint = f"Name it in override: {key}: replace"
                raise item.key_error(key, f'override does not say what becomes of "{key}".', hint)
        for key in ways:
            if item.child(key) is None:
                raise item.key_error("override", f'override names "{key}", which is not given.')
        return self._changed(old, item, ways)

    def _changed(self, old: Rule, item: Located, ways: Mapping[str, str]) -> Rule:
        """Return a rule with what an item appends, and then replaces."""
        found = old
        for way, change in (("append", self._with), ("replace", self._without)):
            for key in (key for key in ways if ways[key] == way):
                found = change(found, key, item)
        return found

    def _with(self, rule: Rule, key: str, item: Located) -> Rule:
        value = _given(item, key)
        match key:
            case "condition":
                return replace(rule, condition=_behind(rule.condition, Script.of(value), item))
            case "output":
                return replace(rule, output=_behind(rule.output, Script.of(value), item))
            case "desc":
                return replace(rule, description=f"{rule.description} {value.text('desc').strip()}")
            case "tags":
                return replace(rule, tags=tuple(dict.fromkeys((*rule.tags, *_tags(item)))))
        new = exceptions.read(value, self.warn)
        return replace(rule, exceptions=tuple(exceptions.merged(rule.exceptions, new)))

    def _without(self, rule: Rule, key: str, item: Located) -> Rule:
        value = _given(item, key)
        match key:
            case "condition":
                return replace(rule, condition=Script.of(value))
            case "output":
                return replace(rule, output=Script.of(value).stripped())
            case "desc":
                return replace(rule, description=value.text("desc").strip())
            case "tags":
                return replace(rule, tags=_tags(item))
            case "priority":
                return replace(rule, priority=_priority(value))
            case "enabled":
                return replace(rule, enabled=_flag(item, "enabled"))
            case "skip-if-unknown-filter":
                return replace(rule, skips_unknown=_flag(item, key))
            case "exceptions":
                found = exceptions.read(value, self.warn)
                return replace(rule, exceptions=tuple(map(exceptions.checked, found)))
        return rule  # what is for system calls alone

    # --- of all kinds

    def _named(self, item: Located, kind: str, known: Iterable[str], changed: tuple[str, ...]) -> tuple[str, bool]:
        """Return a list's or macro's name, and whether the item appends."""
        self.count += 1
        name = _required(item, kind, f"a {kind}").text(f"a {kind}'s name")
        self._unknown(item, f'the {kind} "{name}"', known)
        ways = _overrides(item, changed, changed)
        append = _flag(item, "append")
        if append and ways:
            raise item.key_error("append", "append and override can't stand in one item.")
        return name, append or "append" in ways.values()

    def _unknown(self, item: Located, told: str, known: Iterable[str]) -> None:
        names = tuple(known)
        for key in item.mapping(told):
            if key not in names:
                self.warn(item.unknown_key(key, told, names))

    def _earlier(self, old: _T | None, kind: str, name: str, item: Located, known: Iterable[str]) -> _T:
        if old is not None:
            return old
        if kind == "rule" and name in self.broken:
            raise item.key_error(kind, f'the rule "{name}" can\'t be changed: its definition does not load.')
        hint = did_you_mean(name, known) or "Files count in the order in which they are given."
        raise item.key_error(kind, f'there is no earlier {kind} "{name}" to change.', hint)


def _required(item: Located, key: str, told: str) -> Located:
    found = item.mapping(told).get(key)
    if found is None:
        raise item.error(f"{told} has no {key}.")
    if not isinstance(found.value, str) or not found.value:
        raise item.key_error(key, f"{told} needs a text as its {key}.")
    return found


def _given(item: Located, key: str) -> Located:
    found = item.child(key)
    if found is None:
        raise item.error(f"{key} is not given.")
    if key not in ("tags", "exceptions") and not found.text(key):
        raise found.error(f"{key} is empty.")
    return found


def _behind(script: Script, more: Script, item: Located) -> Script:
    return joined([script, Script.of(item, " "), more])


def _flag(item: Located, key: str, *, default: bool = False) -> bool:
    value = item.mapping("this").get(key)
    if value is None:
        return default
    word = value.value if isinstance(value.value, str) else ""
    if word not in (word.lower(), word.upper(), word.capitalize()) or word.lower() not in _YES + _NO:
        raise value.error(f"{key} is true or false.")
    return word.lower() in _YES


def _priority(value: Located) -> str:
    word = value.text("priority")
    if word.lower() not in LEVELS:
        hint = did_you_mean(word.lower(), LEVELS) or f"Priorities are {', '.join(LEVELS)}."
        raise value.error(f'there is no priority "{word}".', hint)
    return word


def _tags(item: Located) -> tuple[str, ...]:
    tags = item.child("tags")
    return tuple(dict.fromkeys(each.text("a tag") for each in tags.sequence("tags"))) if tags is not None else ()


def _overrides(item: Located, appended: Iterable[str], replaced: Iterable[str]) -> dict[str, str]:
    """Return what becomes of each key that `override` names."""
    override = item.child("override")
    found: dict[str, str] = {}
    for key, way in (override.mapping("override") if override is not None else {}).items():
        known = {"append": tuple(appended), "replace": tuple(replaced)}
        word = way.text("an override")
        if word not in known:
            raise way.error(f'override is append or replace, not "{word}".', did_you_mean(word, known))
        if key not in known[word]:
            hint = "It can be replaced." if key in known["replace"] else did_you_mean(key, known[word])
            raise way.error(f'"{key}" can\'t be {"appended to" if word == "append" else "replaced"}.', hint)
        found[key] = word
    return found
