"""Filters on tags as a whole: marks that an earlier run left, and how many there are."""

from __future__ import annotations

import re
from collections.abc import Mapping

from crenel.catalog.columns import JSON, ListOf
from crenel.errors import did_you_mean
from crenel.language.plan import (
    Compare,
    Convert,
    CountItems,
    DaysSince,
    Extract,
    Field,
    Literal,
    Matches,
    Predicate,
    negation,
)
from crenel.language.walking import kind_of
from crenel.policies.context import Context, Filter
from crenel.policies.general.hours import time_zones
from crenel.policies.keys.key import member
from crenel.policies.keys.tags import tag
from crenel.policies.values.operations import ORDERS
from crenel.positions import Located

_TAG = "maid_status"  # Custodian's own default


def marked_for_op(context: Context, item: Located) -> Predicate:
    """`marked-for-op`: the tag reads ``…: op@date`` for this op, and the date (less the skew) has come.

    A date without a zone is taken for UTC.
    """
    keys = item.only("a marked-for-op filter", ("type", "tag", "tz", "skew", "skew_hours", "op"))
    name = keys["tag"].text("tag") if "tag" in keys else _TAG
    op = keys["op"].text("op") if "op" in keys else "stop"
    if "tz" in keys:
        _zone(context, keys["tz"])
    days = _number(context, keys.get("skew")) + _number(context, keys.get("skew_hours")) / 24
    text = Convert(tag(context.place, name, (), keys.get("tag", item)), "text")
    date = Convert(Extract(text, rf"(?s:.*):\s*{re.escape(op)}@([^:]*)\z"), "date")
    return Compare("ge", DaysSince(date, exact=True), Literal(-days))


def _zone(context: Context, item: Located) -> None:
    """Note what is no time zone. Which one it is changes nothing: a date with a zone is the same moment in each."""
    name, known = item.text("tz").lower(), time_zones()
    if name not in known:
        hint = did_you_mean(name, known) or "Say one like et, utc or Europe/Berlin."
        context.mistake(item.error(f'there is no time zone "{item.value}".', hint, "unknown-value"))


def _number(context: Context, item: Located | None) -> float:
    if item is None:
        return 0
    number = context.scalar(item)
    if isinstance(number, bool) or not isinstance(number, (int, float)) or number < 0:
        raise item.error("this is a number from 0.")
    return number


def tag_count(context: Context, item: Located) -> Predicate:
    """`tag-count`: the number of tags that are not AWS's own, at least 10 unless said otherwise."""
    keys = item.only("a tag-count filter", ("type", "count", "op"))
    count = context.scalar(keys["count"]) if "count" in keys else 10
    if isinstance(count, bool) or not isinstance(count, int):
        raise keys["count"].error("count is a whole number.")
    word = keys["op"].text("op") if "op" in keys else "gte"
    if word not in ORDERS:
        raise keys["op"].error(f"a number of tags can't be compared with {word}.", did_you_mean(word, ORDERS))
    tags = member(context.place, "Tags", item)
    kind = kind_of(tags)
    number = context.place.lists + 1
    each = Field(("Key",), JSON, number) if not isinstance(kind, ListOf) else _key(kind, number)
    own = negation(Matches(each, "aws:"))
    return CountItems(tags, number, own, ORDERS[word], count)


def _key(kind: ListOf, number: int) -> Field:
    fields = getattr(kind.item, "fields", {})
    return Field(("Key",), fields.get("Key", JSON), number)


FILTERS: Mapping[str, Filter] = {"marked-for-op": marked_for_op, "tag-count": tag_count}
