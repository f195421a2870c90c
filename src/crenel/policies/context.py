"""What a filter is compiled in."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

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
        value = item.value
        if isinstance(value, str) and (match := _PARAM.match(value)):
            if match[1] not in self.params:
                raise item.error(f'the policy has no parameter "{match[1]}".', did_you_mean(match[1], self.params))
            return self.params[match[1]]
        if value is not None and not isinstance(value, (str, int, float, bool)):
            raise item.error("a text, a number, true, false or null is expected here.")
        return value


Filter = Callable[[Context, Located], Predicate]
