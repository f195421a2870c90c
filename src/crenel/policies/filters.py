"""Filters: each a function from its YAML to a predicate.

`FILTERS` at the end, `vocabulary.GENERIC` and `vocabulary.OF_TYPES`, and what the catalogue declares for a type are the
whole vocabulary.

Semantics are Cloud Custodian's where it has the filter. What a filter can't express here is an error with its place,
never a filter that matches nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from crenel.catalog.columns import JSON, ListOf, Struct
from crenel.catalog.spec import ResourceType
from crenel.errors import did_you_mean
from crenel.language.plan import (
    FALSE,
    TRUE,
    And,
    CountItems,
    Field,
    Linked,
    Literal,
    Predicate,
    Related,
    Value,
    conjunction,
    disjunction,
    negation,
)
from crenel.language.walking import kind_of
from crenel.policies.context import Context, Filter, Mark
from crenel.policies.documents import access
from crenel.policies.general import backups, metrics
from crenel.policies.general.declared import FORMS
from crenel.policies.general.profile import param
from crenel.policies.keys.key import Place, joinable, shown, value_at
from crenel.policies.related import web_acls
from crenel.policies.related.linked import within
from crenel.policies.values.contradictions import contradictions
from crenel.policies.values.value import compared, how_many, value_filter
from crenel.policies.vocabulary import GENERIC, OF_TYPES
from crenel.positions import Located

_BLOCKS = ("and", "or", "not")


def compile_filters(context: Context, items: Located | None, *, empty: bool = False) -> Predicate:
    """Return the AND of a list of filters, true where the key is left out. Raises `PolicyError`.

    A list that is there but says nothing would hold for every row: whoever wrote it meant something else, so it is
    refused unless `empty` is let pass.
    """
    if items is None or (empty and items.value is None):
        return TRUE
    parts = items.sequence("a list of filters")
    if not parts and not empty:
        raise items.error("this list of filters is empty and holds for everything.", "Leave the key out for that.")
    return _all(context, parts)


def _all(context: Context, items: list[Located]) -> Predicate:
    """Return the AND of filters; each sees only what those before it leave."""
    contradictions(context, items)
    found: list[Predicate] = []
    reached = [context.reached]
    for index, item in enumerate(items):
        left = reached[0] if len(reached) == 1 else And(tuple(reached))
        predicate = compile_filter(replace(context, reached=left, before=items[:index]), item)
        found.append(predicate)
        if predicate == FALSE or reached == [TRUE]:
            reached = [predicate]
        elif predicate != TRUE and reached != [FALSE]:
            reached.append(predicate)
    return conjunction(found)


def compile_filter(context: Context, item: Located) -> Predicate:
    """Return one filter's predicate: a name, a boolean block, the shorthand of `value`, or a mapping with `type`."""
    if isinstance(item.value, str):
        return _named(item.value, context, Located({"type": item}, item.where, {"type": item.where}))
    keys = item.mapping("a filter")
    if len(keys) == 1 and (block := next(iter(keys))) in _BLOCKS:
        return _block(context, block, keys[block].sequence(block))
    if "type" in keys:
        return _named(keys["type"].text("type"), context, item)
    if len(keys) == 1:
        return _shorthand(context, item)
    hint = 'Did you mean "type"?' if did_you_mean("type", keys) else ""
    raise item.error("a filter with several keys needs `type`.", hint, "missing-key")


def _block(context: Context, block: str, items: list[Located]) -> Predicate:
    """`and`, `or` and `not`. A mark that stands in a block holds only where the block does, and none in a `not`."""
    marks: list[Mark] = []
    inner = replace(context, marks=marks, before=())
    found = disjunction([compile_filter(inner, item) for item in items]) if block == "or" else _all(inner, items)
    if block == "not":
        return negation(found) if items else FALSE
    if context.marks is not None:
        for mark in marks:
            guard = conjunction([found, mark.when]) if block == "and" else mark.when
            context.marks.append(Mark(mark.key, guard))
    return found


def _shorthand(context: Context, item: Located) -> Predicate:
    """`- Key: value`, strict equality; a keyword is one all the same."""
    key, value = next(iter(item.mapping("a filter").items()))
    if key == "type":
        raise item.error("this filter has no `type`.")
    if isinstance(value.value, dict):
        raise value.error(f'"{key}" takes a single value or a list here.', "A filter with options needs `type`.")
    if isinstance(value.value, list) and any(isinstance(each.value, dict) for each in value.value):
        hint = did_you_mean(key.lower(), _BLOCKS)
        if hint and not (isinstance(context.place.kind, Struct) and key in context.place.kind.fields):
            raise item.key_error(key, f'there is no block "{key}".', hint, "unknown-key")
    found = compared(context, Located(key, item.keys[key]), value, "", item)
    context.mark(key, found)
    return found


def _named(name: str, context: Context, item: Located) -> Predicate:
    found = filter_of(context.type, name, rows=not context.place.item)
    if found is None:
        at = item.value["type"] if isinstance(item.value, dict) and "type" in item.value else item
        known = list(filters_of(context.type)) if not context.place.item else list(_OF_ITEMS)
        if context.place.item and filter_of(context.type, name) is not None:
            what = f"{name} is not supported on the items of a list."
            raise at.error(what, "They take value and list-item filters, and and, or and not.", "unsupported")
        hint = did_you_mean(name, known) or f"There are {', '.join(sorted(known))}."
        raise at.error(f'aws.{context.type.reported_as} has no filter "{name}" here.', hint, "unknown-filter")
    predicate = found(context, item)
    if name == "value" and isinstance(item.value, dict) and "key" in item.value:
        context.mark(str(item.value["key"].value), predicate)
    return predicate


def filters_of(kind: ResourceType) -> Iterable[str]:
    """Return the names of all filters that a type has."""
    return sorted({*FILTERS, *GENERIC, *_coded(kind), *kind.filters, *_BLOCKS})


def _coded(kind: ResourceType) -> Mapping[str, Filter]:
    """Return the filters of a type that need code; `account-region` has those of the account as well."""
    name = kind.name.split("+")[0]
    return {**OF_TYPES.get(kind.reported_as, {}), **OF_TYPES.get(name, {})}


def filter_of(kind: ResourceType, name: str, *, rows: bool = True) -> Filter | None:
    """Return a type's filter by its name, None where it has none. List items (`rows` false) have a few only."""
    if not rows:
        return _OF_ITEMS.get(name)
    own = _coded(kind).get(name)
    if own is not None:
        return own
    if name in kind.filters:
        return _declared(kind.filters[name])
    return FILTERS.get(name) or GENERIC.get(name)


def _declared(spec: Located) -> Filter:
    """Return the filter that a declaration in the catalogue makes."""
    keys = spec.mapping("a filter's declaration")
    if "items" in keys:
        return lambda context, item: list_item(context, item, context.declared(spec, "items"))
    for word, form in _FORMS.items():
        if word in keys:
            return lambda context, item: form(context.of_rows(), item, spec)
    raise spec.error("a filter is declared by one of items, " + ", ".join(_FORMS) + ".")


# --- lists, other tables, parameters


def list_item(context: Context, item: Located, fixed: Value | None = None) -> Predicate:
    """`list-item`: some item of the list (or `count` of them) matches all `attrs`. `fixed` is the list where the filter
    names none.
    """
    known = (
        ("type", "attrs", "count", "count_op") if fixed is not None else ("type", "key", "attrs", "count", "count_op")
    )
    keys = item.only("a list-item filter", known)
    if fixed is None and "key" not in keys:
        raise item.error("a list-item filter needs `key`.")
    items = value_at(context.place, keys["key"].text("key"), keys["key"]) if fixed is None else fixed
    kind = kind_of(items)
    if not isinstance(kind, ListOf) and kind != JSON and not isinstance(items, Literal):
        context.mistake(keys.get("key", item).error(f"list-item needs a list, and this key is {shown(kind)}."))
        return FALSE
    number = context.place.lists + 1
    what = keys["key"].text("key") if "key" in keys else "an item"
    inner = context.inside(Place(kind.item if isinstance(kind, ListOf) else JSON, number, what=what))
    where = compile_filters(replace(inner, marks=None), keys.get("attrs"))
    op, count = how_many(context, keys)
    if isinstance(items, Literal):
        return FALSE if "count" not in keys or count else TRUE
    return CountItems(items, number, where, op, count)


def related(context: Context, item: Located) -> Predicate:
    """`related`: some row of another table (or `count` of them) matches `filters`.

    `on` maps this row's keys to the other's; without it all rows of the same account (and Region, where both types have
    one and `within` does not say account) count. A list on the other's side holds the value; one on this side names
    rows, of which some match.
    """
    keys = item.only("a related filter", ("type", "resource", "on", "within", "filters", "count", "count_op"))
    if "resource" not in keys:
        raise item.error("a related filter needs `resource`.")
    name = keys["resource"].text("resource").removeprefix("aws.")
    if name not in context.catalog:
        raise keys["resource"].error(f'there is no resource type "{name}".', did_you_mean(name, context.catalog))
    other = context.catalog[name]
    if context.place.item:
        raise item.error("related works on the rows of a type, not on the items of a list.")
    inner = Place(Struct(other.schema()), what=f"aws.{other.name}")
    pairs = keys["on"].mapping("on") if "on" in keys else {}
    on = tuple(
        (
            value_at(context.place, mine, Located(mine, keys["on"].keys[mine])),
            value_at(inner, theirs.text("a key"), theirs),
        )
        for mine, theirs in pairs.items()
    )
    for mine, value in on:
        joinable(mine, kind_of(value), keys["on"])
        if isinstance(value, Field) and other.detail_of(value.path[0]):
            raise keys["on"].error(
                f"aws.{other.name} is joined on what its listing says, and {value.path[0]} is read apart."
            )
    where = compile_filters(replace(context.of(other), marks=None), keys.get("filters"))
    op, count = how_many(context, keys)
    reach = within(context.type, other)
    if "within" in keys:
        if keys["within"].value not in ("account", reach):
            raise keys["within"].error('within is "account", or "region" where both types have Regions.')
        reach = keys["within"].value
    if any(isinstance(kind_of(mine), ListOf) for mine, _ in on):
        ids, key = on[0]
        if len(on) > 1 or "count" in keys or isinstance(kind_of(key), ListOf):
            hint = "Without `count`, and with one pair in `on`: of the rows that the list names some match."
            raise keys["on"].error("a list names rows by a single value, and by nothing else.", hint)
        return Linked(ids, other.name, key, reach, where)
    return Related(other.name, on, reach, where, op, count)


def event(_: Context, item: Located) -> Predicate:
    """`event`: a value filter on the event that triggers a policy; without one Custodian refuses it as well."""
    raise item.error("event filters need an event mode, and such a policy is not run here.", code="event-filter")


_FORMS = {**FORMS, **access.FORMS, **backups.FORMS, **metrics.FORMS, **web_acls.FORMS}
FILTERS: Mapping[str, Filter] = {
    "value": value_filter,
    "list-item": list_item,
    "related": related,
    "param": param,
    "event": event,
}
_OF_ITEMS: Mapping[str, Filter] = {"value": value_filter, "list-item": list_item, "param": param}
