"""The action `webhook`: requests about what a policy selected. They go to no AWS service, and are in no plan's steps;
`crenel run --apply` sends them when all steps are done.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from crenel.errors import UsageError
from crenel.remediate.templates import Expression

NAME = "webhook"
_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Hook:
    """A request. `place` names where it goes without what may be secret in it; `count` is of how many resources."""

    policy: str
    method: str
    url: str = field(repr=False)
    body: bytes | None = field(repr=False)
    headers: Mapping[str, str] = field(hash=False, repr=False)
    count: int = 1

    @property
    def place(self) -> str:
        """Scheme and host of the address: its path and query often are a secret."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.hostname}"


def hooks(
    options: Mapping[str, Any], resources: Sequence[Any], about: Mapping[str, Any], policy: str
) -> Iterator[Hook]:
    """Yield the requests that an action makes of resources, as Cloud Custodian does: one for each, or for many with
    `batch`. Its expressions see `resource` or `resources`, and what is in `about`.
    """
    size = int(options["batch-size"]) if options["batch"] else 1
    for at in range(0, len(resources), size):
        some = resources[at : at + size]
        seen = {**about, **({"resources": some} if options["batch"] else {"resource": some[0]})}
        body = None
        headers = {name: str(Expression(text).of(seen)) for name, text in (options["headers"] or {}).items()}
        if options["body"]:
            body = json.dumps(Expression(options["body"]).of(seen), default=str).encode()
            headers["Content-Type"] = "application/json"
        asked = {name: Expression(text).of(seen) for name, text in (options["query-params"] or {}).items()}
        yield Hook(policy, options["method"], _with_query(options["url"], asked), body, headers, len(some))


def _with_query(url: str, asked: Mapping[str, Any]) -> str:
    if not asked:
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query=urlencode({**dict(parse_qsl(parts.query)), **asked})))


def send(hook: Hook) -> int:
    """Send a request and return the status of the answer. Raises `UsageError` where it fails or is refused."""
    request = urllib.request.Request(  # noqa: S310 (http and https alone are let through when a policy is loaded)
        hook.url, data=hook.body, headers=dict(hook.headers), method=hook.method
    )
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310 (as above)
            return int(answer.status)
    except urllib.error.HTTPError as error:
        raise UsageError(f"{hook.method} {hook.place}: it answered {error.code}.") from error
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise UsageError(f"{hook.method} {hook.place}: it can't be reached.") from error
