"""All filters that need code: those of every type, and those of single types. Each module has its own tables."""

from __future__ import annotations

from collections.abc import Mapping

from crenel.policies.context import Filter
from crenel.policies.documents import access
from crenel.policies.general import advice, hours, marked, reduction, reported
from crenel.policies.related import location, missing, web_acls
from crenel.policies.typed.compute import balancers, functions, groups, instances, volumes
from crenel.policies.typed.data import buckets, connected, lifecycles, parameters, public_block, upgrades
from crenel.policies.typed.identity import account, iam_policies, identities, permissions, trails, watched
from crenel.policies.typed.network import acls, flow_logs, networks, open_ports, routes, rules, security_groups

_TABLES = (
    access.FILTERS,
    account.FILTERS,
    advice.FILTERS,
    balancers.FILTERS,
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
    open_ports.FILTERS,
    acls.FILTERS,
    parameters.FILTERS,
    permissions.FILTERS,
    public_block.FILTERS,
    routes.FILTERS,
    rules.FILTERS,
    security_groups.FILTERS,
    trails.FILTERS,
    upgrades.FILTERS,
    volumes.FILTERS,
    watched.FILTERS,
    web_acls.FILTERS,
)


def _merged() -> Mapping[str, Mapping[str, Filter]]:
    found: dict[str, dict[str, Filter]] = {}
    for table in _TABLES:
        for name, filters in table.items():
            found.setdefault(name, {}).update(filters)
    return found


GENERIC: Mapping[str, Filter] = {**reduction.FILTERS, **marked.FILTERS, **location.FILTERS, **reported.FILTERS}
OF_TYPES: Mapping[str, Mapping[str, Filter]] = _merged()
