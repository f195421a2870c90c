"""CloudWatch log groups."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.endpoint.account import ACCOUNT_ID, Account
from benchmarks.endpoint.answers.paging import Handler, Kind, Listing, Paging
from benchmarks.endpoint.wire import Call, Document, Refusal


def retention(group: int) -> int:
    """For how many days a group keeps its events; 0 is for ever, as one group in three does."""
    return (0, 30, 365)[group % 3]


def _group(days: int) -> Document:
    arn = f"arn:aws:logs:~region~:{ACCOUNT_ID}:log-group:/aws/lambda/function-~name~"
    return {
        "logGroupName": "/aws/lambda/function-~name~",
        "creationTime": "~time~",
        **({"retentionInDays": days} if days else {}),
        "metricFilterCount": 0,
        "arn": f"{arn}:*",
        "storedBytes": "~bytes~",
        "logGroupClass": "STANDARD",
        "logGroupArn": arn,
    }


def _holes(account: Account, row: int) -> Mapping[str, object]:
    created = int(account.ago(row % 900).timestamp() * 1000)
    return {"name": f"{row:07d}", "region": account.region_of(row), "time": created, "bytes": row % 1000 * 4096}


GROUPS = Listing(
    Kind(lambda _, row: retention(row), _group, _holes), "logGroups", Paging("limit", "nextToken", "nextToken", 50, 50)
)


def describe_log_groups(account: Account, call: Call) -> Document:
    """List a Region's log groups."""
    for name in ("logGroupNamePrefix", "logGroupNamePattern", "logGroupIdentifiers"):
        if call.params.get(name):
            raise Refusal("InvalidParameterException", f"{name} is not honoured")
    return GROUPS.page(account, call, account.spread(account.sizes.log_groups, call.region))


ANSWERS: dict[str, Handler] = {
    "logs:DescribeLogGroups": describe_log_groups,
    "logs:ListTagsForResource": lambda _account, _call: {"tags": {}},
    "logs:ListTagsLogGroup": lambda _account, _call: {"tags": {}},
}
