"""Whether a policy runs at all: its `conditions`, filters over one document that says where and when it would run."""

from __future__ import annotations

from datetime import datetime

from crenel.catalog.load import Catalog
from crenel.judge.documents import Documents
from crenel.lake.engine import connect
from crenel.policies.context import Mistakes
from crenel.policies.written.model import Policy


def hold(policy: Policy, catalog: Catalog, *, account: str, region: str, now: datetime, mistakes: Mistakes) -> bool:
    """Return whether all conditions of a policy hold in a Region; `now` is aware.

    A policy of a Region alone says so by one of them. Raises `PolicyError` for what can't be expressed; what Custodian
    takes without a word goes into `mistakes`.
    """
    conditions = policy.conditions.value if policy.conditions is not None else []
    if not conditions:
        return True
    document = {
        "name": policy.name,
        "region": region,
        "resource": policy.resource,
        "provider": "aws",
        "account_id": account,
        "now": now,
        "policy": policy.body.plain(),
    }
    with connect() as connection:
        documents = Documents(connection, [document], catalog)
        return all(documents.matches(condition, now, mistakes)[0] for condition in conditions)
