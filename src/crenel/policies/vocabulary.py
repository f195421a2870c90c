"""All filters that need code: those of every type, and those of single types. Each module has its own tables."""

from __future__ import annotations

from collections.abc import Mapping

from crenel.policies import location, marked, reduction, reported
from crenel.policies.context import Filter
from crenel.policies.typed import TYPE_FILTERS

GENERIC: Mapping[str, Filter] = {**reduction.FILTERS, **marked.FILTERS, **location.FILTERS, **reported.FILTERS}
OF_TYPES: Mapping[str, Mapping[str, Filter]] = TYPE_FILTERS
