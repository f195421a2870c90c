"""Filters that the catalogue declares: what Cloud Custodian has a class for, and is mere data.

    filters:
      NAME: {value: COLUMN}                      a value filter whose keys start inside a structure
      NAME: {any: COLUMN}                        a value filter of which some item of a list is to match
      NAME: {related: TYPE, by: "JMESPATH"}      a value filter on rows of TYPE that this row names
      NAME: {related: TYPE, by: …, reverse: true, key: COLUMN}    … on rows of TYPE that name this row
      NAME: {age: COLUMN}                        days, hours, minutes against a time
      NAME: {present: COLUMN}                    the column says something
      NAME: {keyed: COLUMN}                      a value filter whose key is the column, whatever the policy says
      NAME: {state: COLUMN}                      the column says something (`state: true`), or, by default, nothing
      NAME: {all: FILTERS}                       all of these filters of the type match

`any` with `bare: true` may go without a key: that the list has an item.

`items` (list-item with its key fixed) is in `filters`, `document` and `accounts` are in `access`, `metrics` is in
`metrics`, `acl` in `web_acls`.
"""

from __future__ import annotations

from collections.abc import Mapping

from crenel.catalog.columns import JSON, ListOf
from crenel.errors import did_you_mean
from crenel.language.plan import (
    Compare,
    Convert,
    CountItems,
    DaysSince,
    IsEmpty,
    IsNull,
    Literal,
    Predicate,
    Value,
    conjunction,
    negation,
)
from crenel.language.walking import kind_of
from crenel.policies.context import Context, Form
from crenel.policies.keys.key import Place
from crenel.policies.related.linked import kms_key, related_to, reverse_related
from crenel.policies.related.subnets import subnet
from crenel.policies.values.operations import ORDERS
from crenel.policies.values.value import VALUE_KEYS, matched, operation, value_filter
from crenel.positions import Located


def below(context: Context, item: Located, spec: Located) -> Predicate:
    """`value`: a value filter whose keys start at a column. A row without it has an empty structure there, or, with
    `absent: never`, matches nothing.
    """
    base = context.declared(spec, "value")
    place = Place(kind_of(base), what=str(spec.value["value"].value), at=base)
    found = value_filter(context.inside(place), item)
    if "absent" in spec.value:
        return conjunction([negation(IsNull(base)), found])
    return found


def some(context: Context, item: Located, spec: Located) -> Predicate:
    """`any`: a value filter of which some item of a list is to match."""
    base = context.declared(spec, "any")
    if "bare" in spec.value and not set(item.mapping("a filter")) - {"type"}:
        return negation(IsEmpty(base))
    kind = kind_of(base)
    inner = Place(kind.item if isinstance(kind, ListOf) else JSON, 1, what=f"an item of {spec.value['any'].value}")
    return CountItems(base, 1, value_filter(context.inside(inner), item))


def related(context: Context, item: Located, spec: Located) -> Predicate:
    """`related`: a value filter on related rows."""
    keys = spec.mapping("a filter's declaration")
    table = keys["related"].text("related")
    key = keys["key"].text("key") if "key" in keys else ""
    if "reverse" in keys:
        return reverse_related(context, item, table, keys["by"].text("by"), key or context.type.id)
    ids = context.declared(spec, "by")
    if table == "subnet" and not key:
        return subnet(context, item, ids)
    if table == "kms-key" and not key:
        return kms_key(context, item, ids)
    return related_to(context, item, table, ids, key)


def age(context: Context, item: Located, spec: Located) -> Predicate:
    """`age`: now less the given days, hours and minutes against a time: `op: gt`, the default, is older than that."""
    return older(context, item, context.declared(spec, "age"))


def older(context: Context, item: Located, moment: Value) -> Predicate:
    """Return whether a time is more than the given days, hours and minutes ago (or as `op` says)."""
    keys = item.only("an age filter", ("type", "days", "hours", "minutes", "op"))
    parts = {"days": 1.0, "hours": 1 / 24, "minutes": 1 / 1440}
    span = 0.0
    for name, share in parts.items():
        if name in keys:
            number = context.scalar(keys[name])
            if isinstance(number, bool) or not isinstance(number, (int, float)):
                raise keys[name].error(f"{name} is a number.")
            span += number * share
    word = keys["op"].text("op") if "op" in keys else "gt"
    if word not in ORDERS:
        raise keys["op"].error(f"an age can't be compared with {word}.", did_you_mean(word, ORDERS))
    return Compare(ORDERS[word], DaysSince(Convert(moment, "date"), exact=True), Literal(span))


def present(context: Context, item: Located, spec: Located) -> Predicate:
    """`present`: a column says something: it is neither absent nor an empty list."""
    item.only("this filter", ("type",))
    return negation(IsEmpty(context.declared(spec, "present")))


def state(context: Context, item: Located, spec: Located) -> Predicate:
    """`state`: with `state: true` a column says something, without it nothing: it is absent, false or empty."""
    keys = item.only("this filter", ("type", "state"))
    wanted = context.boolean(keys["state"]) if "state" in keys else False
    nothing = IsEmpty(context.declared(spec, "state"))
    return negation(nothing) if wanted else nothing


def keyed(context: Context, item: Located, spec: Located) -> Predicate:
    """`keyed`: a value filter on one column; a key that the policy gives is passed over."""
    keys = item.only("a value filter", VALUE_KEYS)
    found = context.declared(spec, "keyed")
    return matched(context, found, item, keys.get("value"), operation(keys.get("op")), keys, item)


def all_of(context: Context, item: Located, spec: Located) -> Predicate:
    """`all`: all of the declared filters match."""
    item.only("this filter", ("type",))
    return context.filtered(spec.mapping("a filter's declaration")["all"])


FORMS: Mapping[str, Form] = {
    "value": below,
    "any": some,
    "related": related,
    "age": age,
    "present": present,
    "keyed": keyed,
    "state": state,
    "all": all_of,
}
