"""A small interpreter of Sigma's rules, one record at a time: what the compiled rules are compared with."""

from __future__ import annotations

import base64
import ipaddress
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

_ORDERS: Mapping[str, Callable[[float, float], bool]] = {
    "lt": lambda a, b: a < b, "lte": lambda a, b: a <= b, "gt": lambda a, b: a > b, "gte": lambda a, b: a >= b,
}  # fmt: skip
_NUMERIC = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


def fires(detection: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    """Return whether a rule's detection holds for a record."""
    searches = {name: each for name, each in detection.items() if name != "condition"}
    conditions = detection["condition"]
    return any(
        _Condition(str(each), searches, record).whole()
        for each in (conditions if isinstance(conditions, list) else [conditions])
    )


class _Condition:
    def __init__(self, text: str, searches: Mapping[str, Any], record: Mapping[str, Any]) -> None:
        self.tokens = re.findall(r"[()]|[^\s()]+", text)
        self.searches = searches
        self.record = record

    def whole(self) -> bool:
        found = self.alternatives()
        assert not self.tokens
        return found

    def alternatives(self) -> bool:
        found = self.together()
        while self.tokens[:1] in (["or"], ["OR"]):
            self.tokens.pop(0)
            found = self.together() or found
        return found

    def together(self) -> bool:
        found = self.single()
        while self.tokens[:1] in (["and"], ["AND"]):
            self.tokens.pop(0)
            found = self.single() and found
        return found

    def single(self) -> bool:
        token = self.tokens.pop(0)
        if token in ("not", "NOT"):
            return not self.single()
        if token == "(":
            found = self.alternatives()
            assert self.tokens.pop(0) == ")"
            return found
        if self.tokens[:1] == ["of"]:
            self.tokens.pop(0)
            pattern = self.tokens.pop(0)
            names = [
                name
                for name in self.searches
                if not name.startswith("_") and fnmatchcase(name, "*" if pattern == "them" else pattern)
            ]
            return {"1": any, "any": any, "all": all}[token](self.search(name) for name in names)
        return self.search(token)

    def search(self, name: str) -> bool:
        return _search(self.searches[name], self.record)


def _search(search: Any, record: Mapping[str, Any]) -> bool:
    if isinstance(search, dict):
        return all(_field(key, value, record) for key, value in search.items())
    if isinstance(search, list):
        return any(_search(each, record) for each in search)
    return _mentioned(search, [], record)


def _field(key: str, value: Any, record: Mapping[str, Any]) -> bool:
    name, *modifiers = key.split("|")
    values = value if isinstance(value, list) else [value]
    how = all if "all" in modifiers else any
    rest = [each for each in modifiers if each not in ("all", "neq")]
    found = how(_mentioned(each, rest, record) if not name else _fits(name, each, rest, record) for each in values)
    return not found if "neq" in modifiers else found


def _fits(name: str, wanted: Any, modifiers: Sequence[str], record: Mapping[str, Any]) -> bool:
    path = name.split(".")
    values = [each for each in _reached(record, path) if each is not None]
    if modifiers == ["exists"]:
        return (bool(values) or _stands(record, path)) is wanted
    if wanted is None:
        return not values
    if "fieldref" in modifiers:
        others = [each for each in _reached(record, wanted.split(".")) if each is not None]
        return any(_refers(text_of(one), text_of(other), modifiers) for one in values for other in others)
    return any(_fits_value(each, wanted, modifiers) for each in values)


def _stands(node: Any, path: Sequence[str]) -> bool:
    """Return whether there is such a member, null or not."""
    return not path or (isinstance(node, dict) and path[0] in node and _stands(node[path[0]], path[1:]))


def _refers(one: str, other: str, modifiers: Sequence[str]) -> bool:
    if "cased" not in modifiers:
        one, other = one.lower(), other.lower()
    if "contains" in modifiers:
        return other in one
    if "startswith" in modifiers:
        return one.startswith(other)
    return one.endswith(other) if "endswith" in modifiers else one == other


def _fits_value(value: Any, wanted: Any, modifiers: Sequence[str]) -> bool:
    text = text_of(value)
    forms = [text]
    if isinstance(value, (dict, list)):
        forms.append(text.replace('\\"', '"'))
    if modifiers[:1] == ["re"]:
        flags = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL}
        pattern = re.compile(wanted, sum(flags[each] for each in modifiers[1:]))
        return any(pattern.search(form) for form in forms)
    if modifiers and modifiers[0] in _ORDERS:
        return bool(_NUMERIC.fullmatch(text)) and _ORDERS[modifiers[0]](float(text), wanted)
    if modifiers == ["cidr"]:
        try:
            return ipaddress.ip_address(text) in ipaddress.ip_network(wanted)
        except ValueError:
            return False
    if isinstance(value, (dict, list)) and _matches(text, wanted, modifiers, in_json=True):
        return True
    return any(_matches(form, wanted, modifiers) for form in forms)


def _mentioned(wanted: Any, modifiers: Sequence[str], record: Mapping[str, Any]) -> bool:
    return _fits_value(record, wanted, modifiers if "re" in modifiers else [*modifiers, "contains"])


def _matches(text: str, wanted: Any, modifiers: Sequence[str], *, in_json: bool = False) -> bool:
    plain = wanted if isinstance(wanted, str) else json.dumps(wanted)
    if "base64" in modifiers:
        plain = base64.b64encode(plain.encode()).decode()
    pattern = ""
    for found in re.finditer(r"\\([*?\\])|([*?])|(.)", plain, re.DOTALL):
        pattern += (
            {"*": ".*", "?": "."}[found[2]] if found[2] else re.escape(_written(found[1] or found[3], in_json=in_json))
        )
    before = ".*" if {"contains", "endswith"} & {*modifiers} else ""
    after = ".*" if {"contains", "startswith"} & {*modifiers} else ""
    if "cased" not in modifiers:
        text, pattern = text.lower(), pattern.lower()
    return re.fullmatch(f"{before}{pattern}{after}", text, re.DOTALL) is not None


def _written(letter: str, *, in_json: bool) -> str:
    return json.dumps(letter, ensure_ascii=False)[1:-1] if in_json else letter


def _reached(node: Any, path: Sequence[str]) -> Iterator[Any]:
    """Yield what stands at a path: through lists, and by names that contain dots."""
    if isinstance(node, list):
        if not path:
            yield node
        for each in node:
            if path or not isinstance(each, list):
                yield from _reached(each, path)
        return
    if not path:
        yield node
        return
    if isinstance(node, dict):
        for size in range(1, len(path) + 1):
            name = ".".join(path[:size])
            if name in node:
                yield from _reached(node[name], path[size:])


def text_of(value: Any) -> str:
    """Return a value as the text with which rules are compared."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)
