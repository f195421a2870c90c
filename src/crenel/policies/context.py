"""What a filter is compiled in."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from crenel.catalog.load import Catalog
from crenel.catalog.spec import ResourceType
from crenel.errors import did_you_mean
from crenel.language.plan import (
    Plain,
    Predicate,
)
from crenel.policies.facts import Fact
from crenel.policies.keys import Place
from crenel.positions import Located

_PARAM = re.compile(r"^\{params\.(\w+)\}$")


@dataclass(frozen=True, slots=True)
class Context:
    """What a filter is compiled in: the type, the place where keys start, the profile's parameters, the catalogue, the
    facts.
    """

    type: ResourceType
    place: Place
    params: Mapping[str, Plain]
    catalog: Catalog
    facts: Mapping[str, Fact]

    def inside(self, place: Place) -> Context:
        """Return the context of a list's items or of another table's rows."""
        return replace(self, place=place)

    def scalar(self, item: Located) -> Plain:
        """Return a scalar of the policy, ``{params.x}`` replaced by the profile's parameter."""
        value = self._given(item)
        if value is not None and not isinstance(value, (str, int, float, bool)):
            raise item.error("a text, a number, true, false or null is expected here.")
        if isinstance(value, float) and not math.isfinite(value):
            raise item.error(f"{value} is no number to compare with.")
        return stored(value, item) if isinstance(value, str) else value

    def boolean(self, item: Located) -> bool:
        """Return the true or false that this has to be: a text would count as true whatever it says."""
        value = self.scalar(item)
        if not isinstance(value, bool):
            raise item.error(f"true or false is expected here, not {value!r}.")
        return value

    def resolved(self, item: Located) -> Located:
        """Return the value with ``{params.x}`` replaced by the profile's parameter."""
        return Located(self._given(item), item.where, item.keys) if isinstance(item.value, str) else item

    def _given(self, item: Located) -> Any:  # noqa: ANN401 (any YAML value)
        value = item.value
        if isinstance(value, str) and (match := _PARAM.match(value)):
            if match[1] not in self.params:
                raise item.error(f'the policy has no parameter "{match[1]}".', did_you_mean(match[1], self.params))
            return self.params[match[1]]
        return value


def stored(text: str, at: Located) -> str:
    """Return a text that the engine can hold; raises for what no answer of AWS's has either."""
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise at.error("a text can't hold NUL or half a surrogate pair.")
    return text


Filter = Callable[[Context, Located], Predicate]
