"""Value filters on a text that is read, but never kept: user data, in which there may be secrets.

The filter becomes a SQL expression on one text. The collector asks it of each text, and keeps the answer alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from crenel.catalog.columns import BOOLEAN, TEXT
from crenel.catalog.spec import Detail
from crenel.language.expressions import written
from crenel.language.plan import Compare, Field, Literal, Predicate
from crenel.language.reading import Compiler, Source
from crenel.language.sql import Relation
from crenel.policies.context import Context
from crenel.policies.values.value import VALUE_KEYS, matched, operation
from crenel.positions import Located

_TEXT = "text"
_ROW = "t"
_CALLS: Mapping[str, tuple[str, ...]] = {
    "instance-user-data": ("ec2:DescribeInstanceAttribute",),
    "instance-user-data-encoded": ("ec2:DescribeInstanceAttribute",),
    "launch-user-data": ("autoscaling:DescribeLaunchConfigurations", "ec2:DescribeLaunchTemplateVersions"),
}


def user_data(context: Context, item: Located, oddity: str) -> Predicate:
    """Return a value filter on user data, which `oddity` reads; absent where there is none. Raises `PolicyError`."""
    keys = item.only("a user-data filter", VALUE_KEYS)
    if "key" in keys:
        context.mistake(item.key_error("key", "key has no effect here, in Cloud Custodian neither.", "Leave it out."))
    if "value_path" in keys:
        raise item.key_error("value_path", "user data can't be compared by value_path here: it is not kept.")
    if "value_type" in keys and keys["value_type"].value in ("resource_count", "expr"):
        raise keys["value_type"].error(f"user data can't be compared by {keys['value_type'].value} here.")
    key = Located("user-data", item.where)
    found = matched(context, Field((_TEXT,), TEXT), key, keys.get("value"), operation(keys.get("op")), keys, item)
    return told_by_text(context, found, oddity, _TEXT, item)


def told_by_text(context: Context, holds: Predicate, oddity: str, column: str, item: Located) -> Predicate:
    """Return whether a predicate on one text, the column `column`, held when `oddity` read it.

    Raises `PolicyError` where more than the text would have to be asked.
    """
    kind = replace(context.type, columns={column: TEXT}, details={})
    source = Source(kind, frozenset(kind.columns))
    relation = Relation(Compiler({}, context.now or datetime.now(UTC), lenient=True), source, _ROW)
    condition = relation.predicate(holds)
    if relation.joins:
        raise item.error("this text is not kept, and can't be compared with other resources here.")
    test = f'SELECT {written(condition)} FROM (SELECT CAST(? AS VARCHAR) AS "{column}") AS {_ROW}'  # noqa: S608
    digest = hashlib.sha256(test.encode()).hexdigest()[:16]
    name = f"c7n:user-data:{digest}"
    detail = Detail(name, {name: BOOLEAN}, permissions=_CALLS[oddity], oddity=oddity, test=test, needs=_needs(context))
    return Compare("eq", context.asked(detail), Literal(value=True))


def _needs(context: Context) -> tuple[str, ...]:
    """Return the details that say where the text stands."""
    return tuple(name for name in ("c7n:LaunchTemplate",) if name in context.type.details)
