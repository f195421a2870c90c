"""`network-location`: a resource, its subnets and its security groups have the same value under a key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from crenel.catalog.columns import ListOf
from crenel.errors import did_you_mean
from crenel.language.plan import (
    INTEGER,
    TRUE,
    Call,
    Compare,
    Const,
    Constant,
    CountItems,
    Each,
    Field,
    Gathered,
    Has,
    In,
    IsEmpty,
    IsNull,
    Literal,
    Predicate,
    Value,
    conjunction,
    disjunction,
    negation,
)
from crenel.language.walking import kind_of
from crenel.policies.context import Context, Filter
from crenel.policies.keys.key import Place, value_at
from crenel.policies.related.linked import within
from crenel.policies.values.value import key_value
from crenel.positions import Located

_PARTS = ("resource", "subnet", "security-group")
_MATCHES = ("equal", "not-equal", "in")
_KEYS = ("type", "key", "match", "compare", "missing-ok", "max-cardinality", "ignore", "value")
# Of an instance that is gone Custodian asks nothing.
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-lifecycle.html
_LIVING = ("pending", "running", "shutting-down", "stopping", "stopped")


@dataclass(frozen=True, slots=True)
class _Space:
    """What the related resources of one kind say under the key: each one's value, nulls included."""

    values: Value

    @property
    def item(self) -> Field:
        kind = kind_of(self.values)
        return Field((), kind.item if isinstance(kind, ListOf) else kind, 1)

    @property
    def said(self) -> Value:
        """The values that say something: no null, no empty text."""
        return Each(self.values, 1, negation(IsEmpty(self.item)), self.item, kind_of(self.values))

    def lacks(self) -> Predicate:
        """Return whether one of them has no value."""
        return CountItems(self.values, 1, IsNull(self.item))

    def there(self) -> Predicate:
        """Return whether there is a related resource at all."""
        return CountItems(self.values, 1, TRUE)

    def more_than(self, most: int) -> Predicate:
        """Return whether more values are said than allowed."""
        return Compare("gt", Call("unique_size", (self.said,), INTEGER), Literal(most))

    def beyond(self, other: _Space) -> Predicate:
        """Return whether a value is said that the other kind does not say."""
        return CountItems(self.said, 1, negation(Has(other.said, self.item)))

    def outside(self, allowed: tuple[Constant, ...]) -> Predicate:
        """Return whether a value is said that is not allowed."""
        return CountItems(self.said, 1, negation(In(self.item, allowed) if allowed else Const(value=False)))

    def other_than(self, value: Value) -> Predicate:
        """Return whether one of them has another value."""
        return CountItems(self.values, 1, Compare("ne", self.item, value))


class _Location:
    """One `network-location` filter."""

    def __init__(self, context: Context, item: Located) -> None:
        self.context = context
        self.item = item
        self.keys = item.only("a network-location filter", _KEYS)
        if "key" not in self.keys:
            raise item.error("a network-location filter needs `key`.")
        self.missing_ok = "missing-ok" in self.keys and context.boolean(self.keys["missing-ok"])
        compare = self.keys["compare"].sequence("compare") if "compare" in self.keys else ()
        self.compare = tuple(_word(each, _PARTS) for each in compare) if "compare" in self.keys else _PARTS
        self.spaces = {name: self.space(name) for name in _PARTS[1:] if name in self.compare}
        self.own = key_value(context, self.keys["key"], {}) if "resource" in self.compare else None

    def space(self, name: str) -> _Space:
        """Return what the related subnets or security groups say."""
        kind = self.context.catalog[name]
        ids = self.ids(name)
        inner = self.context.of(kind)
        value = key_value(inner, self.keys["key"], {})
        where = negation(self.ignored(inner))
        theirs = value_at(Place.of(kind), kind.id, self.item)
        reach = within(self.context.type, kind)
        return _Space(Gathered(ids, kind.name, theirs, reach, where, value, ListOf(kind_of(value))))

    def ids(self, name: str) -> Value:
        """Return the ids of the subnets or security groups that the row names."""
        spec = self.context.type.filters.get(name)
        keys = spec.mapping("a filter's declaration") if spec is not None else {}
        if spec is None or "related" not in keys or "reverse" in keys:
            shown = self.context.type.reported_as
            raise self.item.error(f"network-location needs a {name} filter, and aws.{shown} has none.")
        return self.context.of_rows().declared(spec, "by")

    def ignored(self, inner: Context) -> Predicate:
        """Return whether a related resource is to be left out."""
        found: list[Predicate] = []
        for each in self.keys["ignore"].sequence("ignore") if "ignore" in self.keys else ():
            for name, value in each.mapping("an item of ignore").items():
                left = key_value(inner, Located(name, each.keys.get(name, each.where)), {})
                found.append(Compare("eq", left, Literal(inner.constant(value))))
        return disjunction(found)

    def predicate(self) -> Predicate:
        """Return whether the values are the same, differ, or are among the given ones, as `match` says."""
        match = _word(self.keys["match"], _MATCHES) if "match" in self.keys else "not-equal"
        if match == "in":
            return negation(disjunction(self.not_among()))
        differs = disjunction([*self.of_each(), *self.between(), *self.of_resource()])
        return differs if match == "not-equal" else negation(differs)

    def not_among(self) -> list[Predicate]:
        """Return what is against all values being among the given ones."""
        given = self.context.constant(self.keys["value"]) if "value" in self.keys else ()
        if not isinstance(given, tuple):
            raise self.keys["value"].error("value is a list here.")
        found = []
        for space in self.spaces.values():
            found += [] if self.missing_ok else [space.lacks()]
            found.append(space.outside(given))
        if self.own is not None:
            found += [] if self.missing_ok else [IsNull(self.own)]
            found.append(negation(In(self.own, given) if given else Const(value=False)))
        return found

    def of_each(self) -> list[Predicate]:
        """Return what is wrong with the subnets, or with the security groups, by themselves."""
        most = 1
        if "max-cardinality" in self.keys:
            number = self.context.scalar(self.keys["max-cardinality"])
            if isinstance(number, bool) or not isinstance(number, int):
                raise self.keys["max-cardinality"].error("max-cardinality is a whole number.")
            most = number
        found = []
        for space in self.spaces.values():
            found += [] if self.missing_ok else [space.lacks()]
            found.append(space.more_than(most))
        return found

    def between(self) -> list[Predicate]:
        """Return what differs between subnets and security groups."""
        if len(self.spaces) < 2:
            return []
        subnets, groups = self.spaces["subnet"], self.spaces["security-group"]
        return [subnets.beyond(groups), groups.beyond(subnets)]

    def of_resource(self) -> list[Predicate]:
        """Return what differs between the resource and what is related to it."""
        if self.own is None:
            return []
        found: list[Predicate] = [] if self.missing_ok else [IsNull(self.own)]
        spaces = self.spaces.values()
        found += [conjunction([each.there(), negation(Has(each.said, self.own))]) for each in spaces]
        if "security-group" in self.spaces:
            found.append(self.spaces["security-group"].other_than(self.own))
        return found


def network_location(context: Context, item: Located) -> Predicate:
    """`network-location`: the values under `key` of the resource, its subnets and its security groups, compared."""
    if context.place.item:
        raise item.error("network-location works on resources, not on the items of a list.")
    found = _Location(context, item).predicate()
    if context.type.reported_as == "ec2":
        return conjunction([In(context.column("State.Name"), _LIVING), found])
    return found


def _word(item: Located, known: tuple[str, ...]) -> str:
    word = item.text("this")
    if word not in known:
        raise item.error(f'"{word}" is none of {", ".join(known)}.', did_you_mean(word, known))
    return word


FILTERS: Mapping[str, Filter] = {"network-location": network_location}
