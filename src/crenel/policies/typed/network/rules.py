"""`ingress` and `egress` of security groups: some rule fulfils the conditions.

AWS groups what has the same protocol and ports into one permission. Cloud Custodian takes it apart again: a rule is a
permission with one source alone, be that an IPv4 range, an IPv6 range, a prefix list or a group. Each kind of source is
a list of its own, so each gets a condition of its own here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from crenel.catalog.columns import JSON, ListOf, Type
from crenel.errors import did_you_mean
from crenel.language.plan import (
    FALSE,
    TRUE,
    Call,
    Compare,
    Const,
    Constant,
    CountItems,
    Each,
    Field,
    Flat,
    IsNull,
    Linked,
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
from crenel.policies.values.value import KEYWORDS, VALUE_KEYS, compared, matched, operation, value_filter
from crenel.positions import Located

_SOURCES = ("IpRanges", "Ipv6Ranges", "PrefixListIds", "UserIdGroupPairs")
_PERMISSION = ("IpProtocol", "FromPort", "ToPort", "UserIdGroupPairs", "IpRanges", "PrefixListIds")
_RANGES: Mapping[str, tuple[str, str]] = {"Cidr": ("IpRanges", "CidrIp"), "CidrV6": ("Ipv6Ranges", "CidrIpv6")}
_OWN = ("Ports", "OnlyPorts", "SelfReference", "Description", "SGReferences", "match-operator")
_PORTS = (-1, 65535)  # of ICMP a rule has the type and the code there, or -1 for all
_PROTOCOLS = ("tcp", "udp", "icmp", "icmpv6", "-1")
_LAST_PROTOCOL = 255
_EQUALITIES = ("eq", "equal", "ne", "not-equal", "in", "not-in", "ni")
_NUMBERS = (1, 2)  # of the permission and of its source, as list items


@dataclass(frozen=True, slots=True)
class _Conditions:
    """What is asked of a rule: what can always be said of it, and what only of a rule with ports."""

    always: list[Predicate] = field(default_factory=list)
    with_ports: list[Predicate] = field(default_factory=list)

    def hold(self, ports: Predicate, *, every: bool) -> Predicate:
        """Return whether every condition that can be said of the rule holds, or any; none is not enough."""
        told = [conjunction([ports, each]) for each in self.with_ports]
        if not every:
            return disjunction([*self.always, *told])
        if not self.always:
            return conjunction(told) if told else FALSE
        untold = negation(ports)
        return conjunction([*self.always, *(disjunction([untold, each]) for each in self.with_ports)])


class _Rules:
    """The rules of one direction in a security group."""

    def __init__(self, context: Context, item: Located, column: str) -> None:
        self.context = context
        self.item = item
        self.keys = item.only(f"an {item.value['type'].value} filter", ("type", *_PERMISSION, *_RANGES, *_OWN))
        self.permissions = context.column(column)
        self.permission = Place(_item(self.permissions), _NUMBERS[0], what="a permission")
        self.every = self._operator() == "and"

    def _operator(self) -> str:
        if "match-operator" not in self.keys:
            return "and"
        word = self.keys["match-operator"].text("match-operator")
        if word not in ("and", "or"):
            raise self.keys["match-operator"].error('match-operator is "and" or "or".')
        return word

    def predicate(self) -> Predicate:
        """Return whether some rule fulfils the conditions."""
        if not set(self.keys) - {"type", "match-operator"}:
            self.context.mistake(self.item.error("without a condition no rule matches, in Cloud Custodian neither."))
            return FALSE
        self.doubted()
        references = self.keys.get("SGReferences")
        if references is None or not references.value:
            return self.some(_SOURCES)
        if self.every:
            return self.referred(references, self.conditions("UserIdGroupPairs", [TRUE]))
        return disjunction([self.some(_SOURCES), self.referred(references, TRUE)])

    def doubted(self) -> None:
        """Note protocols and ports that no rule has.

        https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html
        """
        for value, at in self.equalled("IpProtocol"):
            if isinstance(value, str) and value not in (*_PROTOCOLS, *KEYWORDS) and not _is_protocol(value):
                hint = (
                    did_you_mean(value.lower(), _PROTOCOLS)
                    or "There are tcp, udp, icmp, icmpv6, numbers, and -1 for all."
                )
                self.context.mistake(at.error(f'AWS has no protocol "{value}".', hint, "unknown-value"))
        for key in ("FromPort", "ToPort"):
            for value, at in self.equalled(key):
                if isinstance(value, (int, float)) and not _PORTS[0] <= value <= _PORTS[1]:
                    self.context.mistake(at.error(f"{value} is no port: they go up to {_PORTS[1]}."))

    def equalled(self, key: str) -> Iterator[tuple[Constant, Located]]:
        """Yield what a rule's attribute is to equal, or not to equal, where its filter says so."""
        item = self.keys.get(key)
        if item is not None and isinstance(item.value, dict):
            op = item.value.get("op")
            plain = set(item.value) <= {"type", "key", "op", "value"} and (op is None or op.value in _EQUALITIES)
            item = item.value.get("value") if plain else None
        given = self.context.constant(item) if item is not None else ()
        for value in given if isinstance(given, tuple) else (given,):
            if item is not None:
                yield value, item

    def some(self, sources: tuple[str, ...]) -> Predicate:
        """Return whether a rule with one of these kinds of sources fulfils the conditions."""
        found: list[Predicate] = []
        for name in sources:
            holds = self.conditions(name)
            if holds != FALSE:
                found.append(CountItems(self.source(name), _NUMBERS[1], holds))
        return FALSE if not found else CountItems(self.permissions, _NUMBERS[0], disjunction(found))

    def source(self, name: str) -> Value:
        """Return the list of a permission's sources of a kind."""
        return value_at(self.permission, name, self.item)

    def conditions(self, name: str, beside: Sequence[Predicate] = ()) -> Predicate:
        """Return what is asked of a rule with this kind of source; `beside` what is said of its groups."""
        of = Place(_item(self.source(name)), _NUMBERS[1], what=f"an item of {name}")
        found = _Conditions([*beside])
        for key in _PERMISSION:
            if key in self.keys:
                left = self.attribute(key, name, of)
                found.always.append(_tested(self.context.inside(self.permission), left, key, self.keys[key]))
        if "Description" in self.keys:
            given = self.keys["Description"]
            given.mapping("Description")
            left = value_at(of, "Description", given)
            found.always.append(_tested(self.context.inside(of), left, "Description", given))
        if any(key in self.keys for key in _RANGES):
            found.always.append(self.ranges(name, of))
        if "SelfReference" in self.keys:
            found.always.append(self.itself(name, of))
        found.with_ports.extend(self.ports())
        ends = [self.end(key) for key in ("FromPort", "ToPort")]
        return found.hold(conjunction([negation(IsNull(end)) for end in ends]), every=self.every)

    def attribute(self, key: str, name: str, of: Place) -> Value:
        """Return an attribute of a rule; its lists of sources are empty but for the one source."""
        if key not in _SOURCES:
            return value_at(self.permission, key, self.keys[key])
        return Call("gather", (of.here,), ListOf(of.kind)) if key == name else Literal(())

    def end(self, key: str) -> Value:
        return value_at(self.permission, key, self.item)

    def ports(self) -> list[Predicate]:
        """Return what `Ports` and `OnlyPorts` ask of a rule that has ports."""
        first, last = self.end("FromPort"), self.end("ToPort")
        found: list[Predicate] = []
        if numbers := self.numbers("Ports"):
            inside = [conjunction([Compare("le", first, each), Compare("ge", last, each)]) for each in numbers]
            found.append(disjunction(inside))
        if numbers := self.numbers("OnlyPorts"):
            alone = [conjunction([Compare("eq", first, each), Compare("eq", last, each)]) for each in numbers]
            found.append(negation(disjunction(alone)))
        return [conjunction(found)] if found else []

    def numbers(self, key: str) -> list[Literal]:
        """Return the port numbers that a key gives."""
        found = []
        for each in self.context.resolved(self.keys[key]).sequence(key) if key in self.keys else ():
            port = self.context.scalar(each)
            if isinstance(port, bool) or not isinstance(port, int):
                raise each.error("a port is a whole number.")
            if not _PORTS[0] <= port <= _PORTS[1]:
                which = "no rule has it" if key == "Ports" else "no rule is for it alone"
                self.context.mistake(each.error(f"{port} is no port, and {which}: they go up to {_PORTS[1]}."))
            found.append(Literal(port))
        return found

    def ranges(self, name: str, of: Place) -> Predicate:
        """Return what `Cidr` and `CidrV6` ask: a source of another kind has no such range."""
        found: list[Predicate] = []
        for key, (source, member) in _RANGES.items():
            if key in self.keys:
                left = value_at(of, member, self.keys[key]) if name == source else None
                inner = self.context.inside(of)
                found.append(FALSE if left is None else _tested(inner, left, member, self.keys[key]))
        return conjunction(found) if self.every else disjunction(found)

    def itself(self, name: str, of: Place) -> Predicate:
        """Return what `SelfReference` asks: the rule's source is the group itself."""
        wanted = self.context.boolean(self.keys["SelfReference"])
        if name != "UserIdGroupPairs":
            return Const(value=not wanted)
        same = Compare("eq", value_at(of, "GroupId", self.item), self.context.column("GroupId"))
        return same if wanted else negation(same)

    def referred(self, given: Located, holds: Predicate) -> Predicate:
        """Return whether a rule that fulfils the rest refers to a group of the same owner that matches."""
        pairs = self.source("UserIdGroupPairs")
        pair = Place(_item(pairs), _NUMBERS[1])
        own = Compare("eq", value_at(pair, "UserId", given), self.context.column("OwnerId"))
        group = value_at(pair, "GroupId", given)
        inner = Each(pairs, _NUMBERS[1], conjunction([own, holds]), group, ListOf(kind_of(group)))
        each = Each(self.permissions, _NUMBERS[0], TRUE, inner, ListOf(ListOf(kind_of(group))))
        groups = Flat(each, ListOf(kind_of(group)))
        kind = self.context.catalog["security-group"]
        where = filter_of(self.context.of(kind), given)
        return Linked(groups, kind.name, Field((kind.id,), kind_of(group)), "region", where)


def filter_of(context: Context, item: Located) -> Predicate:
    """Return a value filter that stands under a key: with `key`, or the short form."""
    keys = item.mapping("a value filter")
    if "key" in keys:
        return value_filter(context, item)
    if len(keys) != 1:
        raise item.error("a value filter needs `key`.")
    name, value = next(iter(keys.items()))
    return compared(context, Located(name, item.keys[name]), value, "", item)


def _tested(context: Context, left: Value, name: str, item: Located) -> Predicate:
    """Return a value filter on a value that is at hand: a mapping of its other keys, or what the value must equal."""
    key = Located(name, item.where)
    if not isinstance(item.value, dict):
        return matched(context, left, key, item, "", {}, item)
    keys = item.only("a value filter", VALUE_KEYS)
    if "value_type" in keys and keys["value_type"].value == "resource_count":
        raise keys["value_type"].error("resource_count counts resources, and this is asked of a rule.")
    return matched(context, left, key, keys.get("value"), operation(keys.get("op")), keys, item)


def _is_protocol(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 3 and int(text) <= _LAST_PROTOCOL


def _item(value: Value) -> Type:
    kind = kind_of(value)
    return kind.item if isinstance(kind, ListOf) else JSON


def ingress(context: Context, item: Located) -> Predicate:
    """`ingress`: some rule for what comes in fulfils the conditions."""
    return _Rules(context, item, "IpPermissions").predicate()


def egress(context: Context, item: Located) -> Predicate:
    """`egress`: some rule for what goes out fulfils the conditions."""
    return _Rules(context, item, "IpPermissionsEgress").predicate()


FILTERS: Mapping[str, Mapping[str, Filter]] = {"security-group": {"ingress": ingress, "egress": egress}}
