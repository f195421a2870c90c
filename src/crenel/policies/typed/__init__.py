"""Cloud Custodian's filters of single types: each module has those of a subject, `TYPE_FILTERS` is all of them."""

from __future__ import annotations

from collections.abc import Mapping

from crenel.policies import access, hours, missing, web_acls
from crenel.policies.context import Filter
from crenel.policies.typed import (
    account,
    advice,
    balancers,
    buckets,
    connected,
    flow_logs,
    functions,
    groups,
    iam_policies,
    identities,
    instances,
    lifecycles,
    networks,
    parameters,
    permissions,
    public_block,
    routes,
    rules,
    security_groups,
    trails,
    upgrades,
    volumes,
)

_TABLES = (
    access.FILTERS,
    account.FILTERS,
    advice.FILTERS,
    balancers.FILTERS,
    trails.FILTERS,
    buckets.FILTERS,
    connected.FILTERS,
    flow_logs.FILTERS,
    functions.FILTERS,
    groups.FILTERS,
    hours.FILTERS,
    iam_policies.FILTERS,
    identities.FILTERS,
    instances.FILTERS,
    lifecycles.FILTERS,
    missing.FILTERS,
    networks.FILTERS,
    parameters.FILTERS,
    permissions.FILTERS,
    public_block.FILTERS,
    routes.FILTERS,
    rules.FILTERS,
    security_groups.FILTERS,
    upgrades.FILTERS,
    volumes.FILTERS,
    web_acls.FILTERS,
)


def _merged() -> Mapping[str, Mapping[str, Filter]]:
    found: dict[str, dict[str, Filter]] = {}
    for table in _TABLES:
        for name, filters in table.items():
            found.setdefault(name, {}).update(filters)
    return found


TYPE_FILTERS: Mapping[str, Mapping[str, Filter]] = _merged()
