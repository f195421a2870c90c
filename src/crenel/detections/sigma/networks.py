"""Whether a text is an address of a network."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network

from crenel.catalog.columns import TEXT
from crenel.language.plan import Call, Literal, Predicate, Value, disjunction
from crenel.language.records import Fits

_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_BITS = 4  # of a hexadecimal digit


def within(text: Value, network: IPv4Network | IPv6Network) -> Predicate:
    """Return whether a text is an address of a network."""
    if isinstance(network, IPv4Network):
        return Fits("regex", text, Literal(_pattern(network)))
    digits = Call("hextets", (text,), TEXT)
    return disjunction([Fits("starts", digits, Literal(each)) for each in _starts(network)])


def _pattern(network: IPv4Network) -> str:
    """Return what the addresses of a network fit as they are written."""
    whole, bits = divmod(network.prefixlen, 8)
    octets = network.network_address.packed
    parts = [str(octet) for octet in octets[:whole]]
    if bits:
        first = octets[whole]
        parts.append(f"(?:{'|'.join(str(each) for each in range(first, first + (1 << (8 - bits))))})")
    parts += [_OCTET] * (4 - len(parts))
    return r"\A" + r"\.".join(parts) + r"\z"


def _starts(network: IPv6Network) -> list[str]:
    """Return how the addresses of a network begin, written in 32 digits."""
    whole, bits = divmod(network.prefixlen, _BITS)
    digits = network.network_address.exploded.replace(":", "")
    if not bits:
        return [digits[:whole]]
    first = int(digits[whole], 16)
    return [f"{digits[:whole]}{each:x}" for each in range(first, first + (1 << (_BITS - bits)))]
