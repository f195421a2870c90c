"""How an operation goes on from page to page: by botocore's rules, or by the usual names of tokens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jmespath  # comes with botocore, whose rules are written in it
from botocore.model import OperationModel

from crenel.catalog.columns import paginator, service_model

# Output and input members, the first pair that an operation has on both sides.
_USUAL = (
    ("NextToken", "NextToken"),
    ("nextToken", "nextToken"),
    ("NextMarker", "Marker"),
    ("Marker", "Marker"),
    ("NextMarker", "NextMarker"),
)
# Where a token comes with the last page as well: what any other page is like, with the catalogue's Limit.
_FULL = {
    ("wafv2", "ListWebACLs"): "length(WebACLs) == `100`",
    ("wafv2", "ListLoggingConfigurations"): "length(LoggingConfigurations) == `100`",
}


@dataclass(frozen=True, slots=True)
class Paging:
    """Where an answer's tokens stand (JMESPath), which parameters take them, what says that there is more, and what a
    page is like that others follow.
    """

    tokens: tuple[tuple[Any, str], ...]
    more: Any = None
    full: Any = None

    def following(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters that ask for the next page; nothing where this was the last, or where AWS gave none."""
        if self.more is not None and not self.more.search(answer):
            return {}
        if self.full is not None and not self.full.search(answer):
            return {}
        found = {name: expression.search(answer) for expression, name in self.tokens}
        return {name: value for name, value in found.items() if value not in (None, "", "None")}

    def unfinished(self, answer: Mapping[str, Any]) -> bool:
        """Return whether the answer says outright that there is more."""
        return self.more is not None and bool(self.more.search(answer))


@lru_cache(maxsize=1024)
def paging(service: str, operation: str) -> Paging | None:
    """Return how an operation pages, or None where it answers in one page."""
    rules = paginator(service, operation)
    if rules is None:
        return _usual(service_model(service).operation_model(operation))
    outputs, inputs = _listed(rules["output_token"]), _listed(rules["input_token"])
    more = rules.get("more_results")
    return Paging(
        tokens=tuple((jmespath.compile(out), name) for out, name in zip(outputs, inputs, strict=True)),
        more=jmespath.compile(more) if more else None,
    )


def _usual(model: OperationModel) -> Paging | None:
    outputs = model.output_shape.members if model.output_shape is not None else {}
    inputs = model.input_shape.members if model.input_shape is not None else {}
    for out, name in _USUAL:
        if out in outputs and name in inputs:
            more = next((member for member in ("IsTruncated", "Truncated") if member in outputs), None)
            full = _FULL.get((model.service_model.service_name, model.name))
            return Paging(
                ((jmespath.compile(out), name),),
                jmespath.compile(more) if more else None,
                jmespath.compile(full) if full else None,
            )
    return None


def _listed(value: str | Iterable[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
