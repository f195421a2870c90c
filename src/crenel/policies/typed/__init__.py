"""Cloud Custodian's filters of single types: each module has those of a subject, `TYPE_FILTERS` is all of them."""

from __future__ import annotations

from collections.abc import Mapping

from crenel.policies import access
from crenel.policies.context import Filter
from crenel.policies.typed import account, flow_logs, iam_policies, networks, public_block, routes, security_groups

_TABLES = (
    access.FILTERS,
    account.FILTERS,
    flow_logs.FILTERS,
    iam_policies.FILTERS,
    networks.FILTERS,
    public_block.FILTERS,
    routes.FILTERS,
    security_groups.FILTERS,
)


def _merged() -> Mapping[str, Mapping[str, Filter]]:
    found: dict[str, dict[str, Filter]] = {}
    for table in _TABLES:
        for name, filters in table.items():
            found.setdefault(name, {}).update(filters)
    return found


TYPE_FILTERS: Mapping[str, Mapping[str, Filter]] = _merged()
