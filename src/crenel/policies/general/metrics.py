"""`metrics`: CloudWatch statistics of a resource, every datapoint of which is to compare so.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from crenel.catalog.columns import TIMESTAMP, ListOf, MapOf, Struct
from crenel.catalog.details import columns_named
from crenel.catalog.spec import Call as AwsCall
from crenel.catalog.spec import Detail
from crenel.errors import did_you_mean
from crenel.language.plan import (
    FALSE,
    NUMBER,
    Call,
    Compare,
    Const,
    CountItems,
    Field,
    IsEmpty,
    Literal,
    Op,
    Predicate,
    Value,
    conjunction,
    disjunction,
    negation,
)
from crenel.policies.context import Context
from crenel.policies.values.operations import ORDERS
from crenel.positions import Located

_KEYS = (
    "type", "name", "value", "op", "days", "statistics", "period", "namespace", "dimensions", "missing-value",
    "percent-attr", "attr-multiplier", "period-start",
)  # fmt: skip
_STANDARD = ("Average", "Sum", "Maximum", "Minimum", "SampleCount")
_PERCENTILE = re.compile(r"^p\d{1,3}\.?\d?$")
_MOST_DAYS = 455  # what CloudWatch keeps
_DATAPOINT = Struct({"Timestamp": TIMESTAMP, **dict.fromkeys(_STANDARD, NUMBER), "ExtendedStatistics": MapOf(NUMBER)})


def metrics(context: Context, item: Located, spec: Located) -> Predicate:
    """`metrics`: every datapoint of a metric compares so with `value` (less-than where `op` is left out).

    Without datapoints nothing matches, unless `missing-value` says what to take instead. One call a resource.
    """
    keys = item.only("a metrics filter", _KEYS)
    for name in ("name", "value"):
        if name not in keys:
            raise item.error(f"a metrics filter needs `{name}`.")
    statistic = keys["statistics"].text("statistics") if "statistics" in keys else "Average"
    if statistic not in _STANDARD and not _PERCENTILE.match(statistic):
        hint = did_you_mean(statistic, _STANDARD) or f"There are {', '.join(_STANDARD)} and p50, p99.9 and the like."
        raise keys["statistics"].error(f'"{statistic}" is no statistic.', hint)
    op = _op(keys.get("op"))
    datapoints = context.asked(_detail(context, keys, spec, statistic, item))
    path = (statistic,) if statistic in _STANDARD else ("ExtendedStatistics", statistic)
    found = Field(path, NUMBER, 1)
    limit = _limit(context, keys)
    every = CountItems(datapoints, 1, negation(Compare(op, found, limit)), "eq", 0)
    there = conjunction([negation(IsEmpty(datapoints)), every])
    return disjunction([there, conjunction([IsEmpty(datapoints), _missing(context, keys, op, limit)])])


def _op(item: Located | None) -> Op:
    if item is None:
        return "lt"
    word = item.text("op")
    if word not in ORDERS:
        raise item.error(f"a metric can't be compared with {word}.", did_you_mean(word, ORDERS))
    return ORDERS[word]


def _number(context: Context, keys: Mapping[str, Located], name: str, default: float) -> float:
    if name not in keys:
        return default
    number = context.scalar(keys[name])
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        raise keys[name].error(f"{name} is a number.")
    return number


def _limit(context: Context, keys: Mapping[str, Located]) -> Value:
    """Return what datapoints are compared with: the value, or with `percent-attr` so many percent of an attribute."""
    value = _number(context, keys, "value", 0)
    if "percent-attr" not in keys:
        return Literal(value)
    attribute = context.column(keys["percent-attr"].text("percent-attr"))
    share = value / 100 * _number(context, keys, "attr-multiplier", 1)
    return Call("times", (attribute, Literal(share)), NUMBER)


def _missing(context: Context, keys: Mapping[str, Located], op: Op, limit: Value) -> Predicate:
    if "missing-value" not in keys:
        return FALSE
    given = Literal(_number(context, keys, "missing-value", 0))
    return Compare(op, given, limit) if not isinstance(limit, Literal) else Const(value=_holds(op, given, limit))


def _holds(op: Op, left: Literal, right: Literal) -> bool:
    a, b = left.value, right.value
    if not isinstance(a, (int, float)) or not isinstance(b, (int, float)):
        return False
    return {"eq": a == b, "ne": a != b, "lt": a < b, "le": a <= b, "gt": a > b, "ge": a >= b}[op]


def _window(now: datetime, days: float, *, whole_days: bool) -> tuple[datetime, datetime]:
    """Return the start and end of the time that is asked for, the end rounded up as CloudWatch keeps its datapoints."""
    if days <= 1 / 8:
        end = now.replace(microsecond=0) + timedelta(seconds=1)
    elif days <= 15:
        end = now.replace(second=0, microsecond=0) + timedelta(minutes=1)
    elif days <= 63:
        end = now.replace(minute=now.minute // 5 * 5, second=0, microsecond=0) + timedelta(minutes=5)
    else:
        end = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    start = end - timedelta(days)
    if whole_days:
        start, end = (each.replace(hour=0, minute=0, second=0, microsecond=0) for each in (start, end))
    return start, end


def _detail(context: Context, keys: Mapping[str, Located], spec: Located, statistic: str, item: Located) -> Detail:
    """Return the call that a filter asks of each resource."""
    declared = spec.mapping("a filter's declaration")["metrics"].mapping("metrics")
    days = _number(context, keys, "days", 14)
    if not 0 < days <= _MOST_DAYS:
        raise keys["days"].error(f"days are more than 0 and at most {_MOST_DAYS}, as long as CloudWatch keeps metrics.")
    start = keys["period-start"].text("period-start") if "period-start" in keys else "auto"
    if start not in ("auto", "start-of-day"):
        raise keys["period-start"].error('period-start is "auto" or "start-of-day".')
    begin, end = _window(context.now or datetime.now(UTC), days, whole_days=start == "start-of-day")
    namespace = keys["namespace"] if "namespace" in keys else declared.get("namespace")
    if "only" in declared:
        _known(keys["name"], declared["only"])
        namespace = declared["namespace"]  # whatever the policy says
        if "namespace" in keys:
            context.mistake(item.key_error("namespace", "namespace has no effect here, in Cloud Custodian neither."))
    if namespace is None:
        raise item.error("this type's metrics have no namespace of their own: say which.", "Add namespace.")
    asked: dict[str, Any] = {
        "Namespace": namespace.text("namespace"),
        "MetricName": keys["name"].text("name"),
        "StartTime": begin.isoformat(),
        "EndTime": end.isoformat(),
        "Period": int(_number(context, keys, "period", (end - begin).total_seconds())),
        "Dimensions": _dimensions(keys, declared),
        "Statistics" if statistic in _STANDARD else "ExtendedStatistics": [statistic],
    }
    name = "c7n.metrics:" + hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]
    named = sorted(columns_named(asked, context.type.arn))
    needs = tuple(filter(None, (context.type.detail_of(name) for name in named)))
    call = AwsCall("cloudwatch", "GetMetricStatistics", asked, "cloudwatch:GetMetricStatistics")
    return Detail(
        name,
        {name: ListOf(_DATAPOINT)},
        call=call,
        permissions=(call.permission,),
        take=("Datapoints",),
        needs=needs,
    )


def _known(item: Located, only: Located) -> None:
    """Raise where a metric is none of those that the type declares."""
    known = [each.text("a metric") for each in only.sequence("only")]
    name = item.text("name")
    if name not in known:
        raise item.error(f'"{name}" is no metric here.', did_you_mean(name, known) or f"There are {', '.join(known)}.")


def _dimensions(keys: Mapping[str, Located], declared: Mapping[str, Located]) -> list[dict[str, str]]:
    """Return what a metric is of: the resource, by the columns that its type declares, and what the policy adds."""
    own = declared["dimensions"].mapping("dimensions")
    found = {name: _value_of(column.text("a column")) for name, column in own.items()}
    given = keys["dimensions"].mapping("dimensions") if "dimensions" in keys else {}
    if keys["name"].value == "NumberOfObjects" and "BucketName" in found and not given:
        found["StorageType"] = "AllStorageTypes"  # S3 counts objects under this dimension alone
    found |= {name: item.text("a dimension") for name, item in given.items()}
    return [{"Name": name, "Value": value} for name, value in found.items()]


def _value_of(column: str) -> str:
    """Return a parameter from a column's name; a text in quotes stands for itself."""
    return column[1:-1] if column.startswith("'") else f"{{{column}}}"


FORMS = {"metrics": metrics}
