"""Whom a network ACL lets in: of the entries that a packet matches, the one with the lowest number decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from crenel.catalog.columns import JSON, ListOf
from crenel.errors import did_you_mean
from crenel.language.plan import (
    Compare,
    CountItems,
    In,
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
from crenel.positions import Located

_NUMBERS: Mapping[str, str] = {"tcp": "6", "udp": "17"}
_ALL = "-1"
_EVERYONE: Mapping[str, tuple[str, str]] = {"ipv4": ("CidrBlock", "0.0.0.0/0"), "ipv6": ("Ipv6CidrBlock", "::/0")}
_LAST_PORT = 65535


class _Entries:
    """The entries of an ACL for what comes in."""

    def __init__(self, context: Context, item: Located) -> None:
        self.item = item
        self.entries = context.column("Entries")

    def at(self, number: int) -> Place:
        kind = kind_of(self.entries)
        return Place(kind.item if isinstance(kind, ListOf) else JSON, number, what="an entry")

    def member(self, number: int, path: str) -> Value:
        return value_at(self.at(number), path, self.item)

    def speaks(self, number: int, action: str, packet: tuple[int, str, str]) -> Predicate:
        """Return whether an entry says this of a packet from anywhere: of its port, protocol and version of IP."""
        port, protocol, version = packet
        column, everyone = _EVERYONE[version]
        first, last = (self.member(number, f"PortRange.{end}") for end in ("From", "To"))
        inside = conjunction([Compare("le", first, Literal(port)), Compare("ge", last, Literal(port))])
        own = conjunction(
            [
                Compare("eq", self.member(number, "Protocol"), Literal(_NUMBERS[protocol])),
                disjunction([IsNull(self.member(number, "PortRange")), inside]),
            ]
        )
        return conjunction(
            [
                Compare("eq", self.member(number, "RuleAction"), Literal(action)),
                negation(Compare("eq", self.member(number, "Egress"), Literal(value=True))),
                Compare("eq", self.member(number, column), Literal(everyone)),
                disjunction([In(self.member(number, "Protocol"), (_ALL,)), own]),
            ]
        )

    def let_in(self, packet: tuple[int, str, str]) -> Predicate:
        """Return whether an entry allows the packet that none with a lower number denies."""
        lower = Compare("lt", self.member(2, "RuleNumber"), self.member(1, "RuleNumber"))
        denied = CountItems(self.entries, 2, conjunction([self.speaks(2, "deny", packet), lower]))
        return CountItems(self.entries, 1, conjunction([self.speaks(1, "allow", packet), negation(denied)]))


def open_entry(context: Context, item: Located) -> Predicate:
    """`open-entry`: everyone of IPv4 or IPv6 is let in to one of the ports.

    https://docs.aws.amazon.com/vpc/latest/userguide/nacl-rules.html
    """
    keys = item.only("an open-entry filter", ("type", "ports", "protocols", "versions"))
    if "ports" not in keys:
        raise item.error("an open-entry filter needs `ports`.")
    ports = [_port(context, each) for each in context.resolved(keys["ports"]).sequence("ports")]
    protocols = _words(keys, "protocols", tuple(_NUMBERS))
    versions = _words(keys, "versions", tuple(_EVERYONE))
    entries = _Entries(context, item)
    packets = [(port, protocol, version) for port in ports for protocol in protocols for version in versions]
    return disjunction([entries.let_in(packet) for packet in packets])


def _port(context: Context, item: Located) -> int:
    port = context.scalar(item)
    if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= _LAST_PORT:
        raise item.error(f"a port is a whole number up to {_LAST_PORT}.")
    return port


def _words(keys: Mapping[str, Located], key: str, known: tuple[str, ...]) -> Sequence[str]:
    """Return the words under a key, all that there are where it is left out."""
    if key not in keys:
        return known
    found = [(each, each.text(key)) for each in keys[key].sequence(key)]
    for each, word in found:
        if word not in known:
            raise each.error(f'"{word}" is none of {", ".join(known)}.', did_you_mean(word, known), "unknown-value")
    return [word for _, word in found]


FILTERS: Mapping[str, Mapping[str, Filter]] = {"network-acl": {"open-entry": open_entry}}
