"""Who may ask the dashboard: by the name that it is called by, and by a token where it is bound beyond this machine.

A page in the reader's browser can have any name point at 127.0.0.1 (DNS rebinding), and would then read the dashboard
as its own. So a name that is not the dashboard's is refused.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Collection
from dataclasses import dataclass

from werkzeug import Request

COOKIE = "crenel"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Guard:
    """`names`: what the dashboard may be called besides this machine's own loopback names. `token`: empty for none.

    `literal`: any IP address will do as a name, as where every interface is bound; an address can't be rebound.
    """

    names: Collection[str] = ()
    token: str = ""
    literal: bool = False

    def knows(self, request: Request) -> bool:
        """Return whether a request calls the dashboard by a name of its own."""
        name = _name(request.environ.get("HTTP_HOST", ""))
        return name in _LOOPBACK or name in self.names or (self.literal and _is_address(name))

    def admits(self, request: Request) -> bool:
        """Return whether a request bears the token: in the cookie, or as a bearer's."""
        if not self.token:
            return True
        scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self.is_token(bearer.strip()):
            return True
        return hmac.compare_digest(request.cookies.get(COOKIE, "").encode(), self.proof().encode())

    def is_token(self, text: str) -> bool:
        """Return whether a text is the token, in a time that does not tell how much of it is right."""
        return bool(self.token) and hmac.compare_digest(text.encode(), self.token.encode())

    def proof(self) -> str:
        """Return what the cookie holds: it shows that the token was known, and is not the token."""
        return hmac.new(self.token.encode(), b"crenel dashboard", hashlib.sha256).hexdigest()


def is_loopback(address: str) -> bool:
    """Return whether an address or name is this machine's own, which no other can reach."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def _name(host: str) -> str:
    """Return a Host header's name, without its port and the brackets of IPv6."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
