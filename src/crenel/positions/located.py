"""A value of a text, and where it stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from crenel.errors import PolicyError, Where, did_you_mean

_NOWHERE: Mapping[str, Where] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Located:
    """A YAML value and its place. A mapping holds `Located` values by text key, a sequence `Located` items.

    Scalars are what PyYAML's safe loader makes of them (str, int, float, bool, None, date, datetime).
    """

    value: Any
    where: Where
    keys: Mapping[str, Where] = field(default_factory=lambda: _NOWHERE)

    def plain(self) -> Any:  # noqa: ANN401 (any YAML value)
        """Return the value without places: dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: item.plain() for key, item in self.value.items()}
        if isinstance(self.value, list):
            return [item.plain() for item in self.value]
        return self.value

    def error(self, message: str, suggestion: str = "", code: str = "invalid") -> PolicyError:
        """Return (for the caller to raise) an error that points at this value."""
        return PolicyError(message, where=self.where, suggestion=suggestion, code=code)

    def key_error(self, key: str, message: str, suggestion: str = "", code: str = "invalid") -> PolicyError:
        """Return an error that points at one of this mapping's keys."""
        return PolicyError(message, where=self.keys.get(key, self.where), suggestion=suggestion, code=code)

    def mapping(self, what: str) -> dict[str, Located]:
        """Return the mapping that this has to be; raises `PolicyError` naming `what` where it is none."""
        if not isinstance(self.value, dict):
            raise self.error(f"{what} must be a mapping, not {kind_of(self.value)}.", code="wrong-type")
        return self.value

    def sequence(self, what: str) -> list[Located]:
        """Return the sequence that this has to be; raises `PolicyError` naming `what` where it is none."""
        if not isinstance(self.value, list):
            raise self.error(f"{what} must be a list, not {kind_of(self.value)}.", code="wrong-type")
        return self.value

    def text(self, what: str) -> str:
        """Return the text that this has to be; raises `PolicyError` naming `what` where it is none."""
        if not isinstance(self.value, str):
            hint = "Put it in quotes." if isinstance(self.value, (bool, int, float)) else ""
            raise self.error(f"{what} must be a text, not {kind_of(self.value)}.", hint, code="wrong-type")
        return self.value

    def only(self, what: str, known: Iterable[str]) -> dict[str, Located]:
        """Return the mapping; raises `PolicyError` at the first key that is not among the known ones."""
        items = self.mapping(what)
        names = tuple(known)
        for key in items:
            if key not in names:
                raise self.unknown_key(key, what, names)
        return items

    def unknown_key(self, key: str, what: str, known: Iterable[str]) -> PolicyError:
        """Return the error for a key of this mapping that is not among the known ones."""
        names = sorted(known)
        hint = did_you_mean(key, names) or f"Known here: {', '.join(names)}."
        return self.key_error(key, f'{what} has no key "{key}".', hint, "unknown-key")

    def child(self, key: str) -> Located | None:
        """Return the value under a key of this mapping, or None where it has none or has null."""
        item: Located | None = self.mapping("this").get(key)
        return None if item is None or item.value is None else item


def kind_of(value: object) -> str:
    """Return what a value is, in words for an error."""
    names = {
        dict: "a mapping", list: "a list", str: "a text", bool: "true or false", type(None): "nothing", date: "a date",
        datetime: "a time",
    }  # fmt: skip
    return names.get(type(value), f"{value!r}")
