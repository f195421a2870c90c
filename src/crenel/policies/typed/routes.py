"""routes"""

from __future__ import annotations

from collections.abc import Mapping

from crenel.policies.context import Filter

FILTERS: Mapping[str, Mapping[str, Filter]] = {}
