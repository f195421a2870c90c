"""The policies that the listeners of classic load balancers use, beside others that a balancer may have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crenel.catalog.spec import Detail
from crenel.collect.context import UnitContext
from crenel.collect.rows import Row
from crenel.errors import CallError

_ENCRYPTED = ("HTTPS", "SSL")


def policies(context: UnitContext, detail: Detail, rows: Sequence[Row]) -> None:
    """Fill the policies of listeners, of all of a balancer where they name none; nothing where none is encrypted.

    https://docs.aws.amazon.com/elasticloadbalancing/2012-06-01/APIReference/API_DescribeLoadBalancerPolicies.html
    """

    def ask(row: Row) -> None:
        params: dict[str, Any] = {"LoadBalancerName": row.values["LoadBalancerName"]}
        listeners = row.values.get("ListenerDescriptions") or []
        names = [name for each in listeners for name in each.get("PolicyNames") or []]
        if names:
            params["PolicyNames"] = list(dict.fromkeys(names))
        try:
            answer = context.call("elb", "DescribeLoadBalancerPolicies", params)
        except CallError as error:
            if error.code == "PolicyNotFound":
                row.values[detail.name] = []
            elif error.code == "LoadBalancerNotFound":
                row.dropped = True
            else:
                context.note(detail.name, [row], error, detail.permissions[0])
        else:
            row.values[detail.name] = answer.get("PolicyDescriptions") or []

    asked = [row for row in rows if _encrypted(row)]
    for row in rows:
        row.values[detail.name] = []
    context.each("elb", ask, asked)


def _encrypted(row: Row) -> bool:
    listeners = row.values.get("ListenerDescriptions") or []
    return any((each.get("Listener") or {}).get("Protocol") in _ENCRYPTED for each in listeners)
