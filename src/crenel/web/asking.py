"""What a reader asks of the findings, as it stands in the URL: filters, words, order, page; and as SQL."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urlencode

from crenel.errors import UsageError, did_you_mean
from crenel.lake.engine import quoted
from crenel.model import Severity, State
from crenel.web.opened import CHANGES

# The filters, in the order in which a page shows them; `framework` and `control` go by the table of controls.
FILTERS: Mapping[str, str] = {
    "state": "State",
    "severity": "Severity",
    "change": "Since the scan before",
    "service": "Service",
    "policy": "Policy",
    "framework": "Framework",
    "account": "Account",
    "region": "Region",
    "type": "Resource type",
    "control": "Control",
    "variant": "Parameters",
    "resource": "Resource",
}
_FIXED: Mapping[str, Sequence[str]] = {
    "state": [state.value for state in State],
    "severity": [severity.value for severity in reversed(Severity)],
    "change": CHANGES,
}
# Sorted by the words of these; `worst` is the order of the table itself.
SORTS: Mapping[str, str] = {
    "worst": "place",
    "severity": "severity",
    "state": "state",
    "policy": "policy",
    "resource": "coalesce(name, resource_id)",
    "account": "account",
    "region": "region",
    "type": "type",
}
SIZES = (25, 50, 100, 200)
_PAGING = ("q", "sort", "page", "size", "snapshot", "theme")
_MOST_WORDS = 8
_SEARCHED = ("name", "resource_id", "arn", "message")
_ID = re.compile(r"[0-9a-f]{6,32}")  # of a finding, or its beginning
_NOT_COUNTED = ("framework", "control", "resource")
_SIZE = 50
_DEEPEST = 2_000_000  # rows; a page beyond has no one to read it


@dataclass(frozen=True, slots=True)
class Asked:
    """Filters by name, each with its chosen values (any of them counts); words that all have to be found; order; page.

    `sort` is one of `SORTS`, with a minus before it for the other way round.
    """

    chosen: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    q: str = ""
    sort: str = "worst"
    page: int = 1
    size: int = _SIZE

    def where(self, without: str = "") -> tuple[str, list[object]]:
        """Return the condition and its values; without one filter, for the counts of what else could be chosen."""
        chosen, values = self.filtered(without)
        looked, more = self.looked_for()
        return f"{chosen} AND {looked}", [*values, *more]

    def filtered(self, without: str = "") -> tuple[str, list[object]]:
        """Return the condition of the filters that are counted by (`cube`), and its values."""
        parts: list[str] = ["true"]
        values: list[object] = []
        for name, chosen in self.chosen.items():
            if name in (*_NOT_COUNTED, without):
                continue
            if name in _FIXED:  # known words all, so they can stand in the condition, where the engine knows them best
                parts.append(f"{name} IN ({', '.join(map(quoted, chosen))})")
            else:
                parts.append(f"coalesce({name}, '') IN (SELECT unnest(?))")
                values.append(list(chosen))
        if "framework" in self.chosen and without != "framework":
            inner = "framework IN (SELECT unnest(?))"
            values.append(list(self.chosen["framework"]))
            if "control" in self.chosen:
                inner += " AND control IN (SELECT unnest(?))"
                values.append(list(self.chosen["control"]))
            key = "(policy, coalesce(variant, ''))"
            parts.append(f"{key} IN (SELECT {key} FROM controls WHERE {inner})")
        return " AND ".join(parts), values

    def looked_for(self) -> tuple[str, list[object]]:
        """Return the condition that has to look at each finding, and its values: words, and one resource."""
        parts: list[str] = ["true"]
        values: list[object] = []
        if "resource" in self.chosen:
            parts.append("resource_id IN (SELECT unnest(?))")
            values.append(list(self.chosen["resource"]))
        for word in self.q.lower().split():
            some = [f"contains(lower({column}), ?)" for column in _SEARCHED]
            some.append("policy IN (SELECT policy FROM asked WHERE contains(lower(policy), ?))")
            values += [word] * len(some)
            if _ID.fullmatch(word):
                some.append("starts_with(id, ?)")
                values.append(word)
            parts.append(f"({' OR '.join(some)})")
        return " AND ".join(parts), values

    @property
    def counted(self) -> bool:
        """Whether the counts made beforehand answer it."""
        return not self.q and "resource" not in self.chosen

    @property
    def order(self) -> str:
        """The ORDER BY; the table's own order decides among equals."""
        column = SORTS[self.sort.removeprefix("-")]
        # Severities are ranked from the least; people want the worst first, and the other way round with a minus.
        down = self.sort.startswith("-") != (self.sort.removeprefix("-") == "severity")
        return f"{column}{' DESC' if down else ''} NULLS LAST, place"

    def toggled(self, name: str, value: str) -> Asked:
        """Return it with a value of a filter chosen, or chosen no more; on the first page."""
        before = self.chosen.get(name, ())
        after = tuple(each for each in before if each != value) if value in before else (*before, value)
        chosen = {key: values for key, values in self.chosen.items() if key != name}
        if after:
            chosen[name] = after
        elif name == "framework":
            chosen.pop("control", None)
        return replace(self, chosen=chosen, page=1)

    def sorted_by(self, name: str) -> Asked:
        """Return it in another order; the one that it has already is turned round."""
        return replace(self, sort=f"-{name}" if self.sort == name else name, page=1)

    def parameters(self) -> Iterator[tuple[str, str]]:
        """Yield what has to stand in the URL."""
        for name in FILTERS:
            yield from ((name, value) for value in self.chosen.get(name, ()))
        if self.q:
            yield "q", self.q
        if self.sort != "worst":
            yield "sort", self.sort
        if self.size != _SIZE:
            yield "size", str(self.size)
        if self.page != 1:
            yield "page", str(self.page)

    def query(self, snapshot: str = "") -> str:
        """Return the URL's query, with its question mark; empty for nothing."""
        found = [*self.parameters(), *([("snapshot", snapshot)] if snapshot else [])]
        return f"?{urlencode(found)}" if found else ""


def asked(arguments: Sequence[tuple[str, str]]) -> Asked:
    """Return what a URL's query asks for. Raises `UsageError` for names and values that there are not."""
    chosen: dict[str, tuple[str, ...]] = {}
    single: dict[str, str] = {}
    for name, value in arguments:
        if name in FILTERS:
            _known(name, value)
            if value not in chosen.get(name, ()):
                chosen[name] = (*chosen.get(name, ()), value)
        elif name in _PAGING:
            single[name] = value
        else:
            raise UsageError(f'there is no filter "{name}".', suggestion=did_you_mean(name, [*FILTERS, *_PAGING]))
    if "control" in chosen and "framework" not in chosen:
        raise UsageError("a control needs its framework beside it.", suggestion="Add framework=… to the address.")
    sort = single.get("sort", "worst")
    if sort.removeprefix("-") not in SORTS:
        raise UsageError(f'findings can\'t be sorted by "{sort}".', suggestion=did_you_mean(sort, SORTS))
    words = single.get("q", "").strip()
    if len(words.split()) > _MOST_WORDS:
        raise UsageError(f"at most {_MOST_WORDS} words can be looked for.")
    size = number(single.get("size", ""), "size", _SIZE, SIZES[-1])
    page = number(single.get("page", ""), "page", 1, _DEEPEST // size)
    return Asked(chosen, words, sort, page, size)


def _known(name: str, value: str) -> None:
    if name in _FIXED and value not in _FIXED[name]:
        raise UsageError(
            f'there is no {FILTERS[name].lower()} "{value}".',
            suggestion=did_you_mean(value, _FIXED[name]) or f"There are {', '.join(_FIXED[name])}.",
        )


def number(text: str, name: str, default: int, most: int) -> int:
    """Return a number from 1 on that a URL gives, or the default. Raises `UsageError` for any other text."""
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:12]) <= most:
        raise UsageError(f'{name}={text}: "{name}" is a number from 1 to {most:,}.')
    return int(text)
