"""The endpoint as a program: HTTP/1.1 with keep-alive, injected latency, throttling, denials, and statistics.

    python -m benchmarks.endpoint.server --account 50k --latency-ms 40 --throttle 20 --deny s3:GetBucketEncryption

It prints ``ready http://127.0.0.1:PORT`` once it answers. ``GET /_control/stats`` and ``POST /_control/reset`` are its
own; everything else is taken for a signed request to AWS. Signatures are read for their scope, not verified.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.endpoint import wire
from benchmarks.endpoint.account import Account
from benchmarks.endpoint.answers import ANSWERS
from benchmarks.endpoint.wire import Call, Refusal, Reply, Request

GLOBAL_SERVICES = frozenset({"iam", "s3", "sts", "s3control"})
"""Their calls are answered whatever Region they are signed for."""


@dataclass(frozen=True, slots=True)
class Denial:
    """An operation that is refused with the service's error for a lack of permission; ``*`` and "" match all."""

    service: str
    operation: str
    region: str = ""

    @classmethod
    def parse(cls, text: str) -> Denial:
        """Read ``service:Operation`` or ``service:Operation:region``."""
        parts = text.split(":")
        if len(parts) not in (2, 3) or not all(parts):
            raise ValueError(f"{text!r} is not service:Operation or service:Operation:region")
        return cls(*parts)

    def covers(self, call: Call) -> bool:
        """Whether a call is denied."""
        return (
            self.service == call.service.name
            and self.operation in ("*", call.operation)
            and self.region in ("", call.region)
        )


@dataclass(slots=True)
class Bucket:
    """A bucket of tokens that fills at `rate` a second up to a second's worth, and gives one to each call."""

    rate: float
    tokens: float
    at: float

    def take(self, now: float) -> bool:
        """Take a token, if there is one."""
        self.tokens = min(max(1, self.rate), self.tokens + (now - self.at) * self.rate)
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


@dataclass(slots=True)
class Stats:
    """What was asked since the start or the last reset."""

    calls: Counter[str] = field(default_factory=Counter)
    regions: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    denied: int = 0
    throttled: int = 0
    failed: int = 0
    in_flight: int = 0
    max_in_flight: int = 0

    def document(self) -> dict[str, object]:
        """The statistics as ``/_control/stats`` shows them."""
        services: Counter[str] = Counter()
        for name, count in self.calls.items():
            services[name.partition(":")[0]] += count
        return {
            "total": self.calls.total(),
            "calls": dict(sorted(self.calls.items())),
            "services": dict(sorted(services.items())),
            "regions": dict(sorted(self.regions.items())),
            "unknown": dict(sorted(self.unknown.items())),
            "denied": self.denied,
            "throttled": self.throttled,
            "failed": self.failed,
            "max_in_flight": self.max_in_flight,
        }


def throttled(service: str, protocol: str) -> Refusal:
    """The error by which a service says that it's asked too often."""
    if service == "ec2":
        return Refusal("RequestLimitExceeded", "Request limit exceeded.", 503)
    if service == "s3":
        return Refusal("SlowDown", "Please reduce your request rate.", 503)
    if service == "lambda":
        return Refusal("TooManyRequestsException", "Rate exceeded", 429)
    return Refusal("Throttling" if protocol == "query" else "ThrottlingException", "Rate exceeded")


def denied(name: str, protocol: str) -> Refusal:
    """The error by which a service says that the caller lacks a permission."""
    message = f"User: benchmark is not authorized to perform: {name}"
    if protocol == "ec2":
        return Refusal("UnauthorizedOperation", message, 403)
    if "json" in protocol:
        return Refusal("AccessDeniedException", message, 400 if protocol == "json" else 403)
    return Refusal("AccessDenied", message, 403)


def dormant(region: str, protocol: str) -> Refusal:
    """The error by which a Region says that the account hasn't opted in."""
    message = f"The credentials are not valid in {region}"
    if protocol == "ec2":
        return Refusal("AuthFailure", message, 401)
    if "json" in protocol:
        return Refusal("UnrecognizedClientException", message, 400 if protocol == "json" else 403)
    return Refusal("InvalidClientTokenId", message, 403)


@dataclass(slots=True)
class Endpoint:
    """The synthetic account behind a request: who may ask, how often, and what comes back."""

    account: Account
    throttle: float = 0
    denials: tuple[Denial, ...] = ()
    stats: Stats = field(default_factory=Stats)
    buckets: dict[tuple[str, str], Bucket] = field(default_factory=dict)

    def answer(self, request: Request) -> Reply:
        """Answer a request to AWS."""
        call = wire.understand(request)
        if call is None:
            return self._unknown(request)
        self.stats.calls[call.name] += 1
        self.stats.regions[call.region] += 1
        try:
            return self._answer(call)
        except Refusal as refusal:
            return call.service.refuse(refusal)

    def _answer(self, call: Call) -> Reply:
        protocol = call.service.protocol
        if call.service.name not in GLOBAL_SERVICES and not self.account.has(call.region):
            raise dormant(call.region, protocol)
        if self.throttle and not self._bucket(call).take(time.monotonic()):
            self.stats.throttled += 1
            raise throttled(call.service.name, protocol)
        if any(denial.covers(call) for denial in self.denials):
            self.stats.denied += 1
            raise denied(call.name, protocol)
        handler = ANSWERS.get(call.name)
        if handler is None:
            self.stats.unknown[call.name] += 1
            raise denied(call.name, protocol)
        return call.service.reply(call.operation, handler(self.account, call))

    def _bucket(self, call: Call) -> Bucket:
        key = (call.service.name, call.region)
        if key not in self.buckets:
            self.buckets[key] = Bucket(self.throttle, max(1, self.throttle), time.monotonic())
        return self.buckets[key]

    def _unknown(self, request: Request) -> Reply:
        """Deny what no answered service understands."""
        protocol, name = wire.guess(request)
        self.stats.calls[name] += 1
        self.stats.regions[wire.scope(request)[0]] += 1
        self.stats.unknown[name] += 1
        return wire.refuse(denied(name, protocol), protocol, bare=protocol == "rest-xml")


# ---------------------------------------------------------------- HTTP


class Malformed(Exception):  # noqa: N818 - the client's error, not the server's
    """Bytes that are no HTTP request that the endpoint can read."""


def parse_head(head: bytes) -> Request:
    """Read a request's head; the body is yet to come. A proxy's absolute address is cut down to its path."""
    first, *lines = head.decode("latin-1").split("\r\n")
    try:
        method, target, _version = first.split(" ")
    except ValueError:
        raise Malformed(first) from None
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    if not target.startswith("/"):
        target = "/" + target.partition("://")[2].partition("/")[2]
    path, _, query = target.partition("?")
    return Request(method, path, query, headers, b"")


class Connection(asyncio.Protocol):
    """One client's connection: requests in, answers out, in order."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.received = bytearray()
        self.head: Request | None = None
        self.missing = 0
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back to the client."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's signature
        """Forget the client; what is still to be sent is dropped."""
        self.transport = None
        self.server.connections.discard(self)

    def data_received(self, data: bytes) -> None:
        """Take bytes, and answer each request that is complete."""
        self.received += data
        try:
            while (request := self._next()) is not None:
                self.server.serve(self, request)
        except Malformed:
            if self.transport is not None:
                self.transport.close()

    def _next(self) -> Request | None:
        """Cut the next complete request out of what was received."""
        if self.head is None:
            end = self.received.find(b"\r\n\r\n")
            if end < 0:
                return None
            self.head = parse_head(bytes(self.received[:end]))
            del self.received[: end + 4]
            self.missing = self._length(self.head)
        if len(self.received) < self.missing:
            return None
        head, self.head = self.head, None
        if not self.missing:
            return head
        body = bytes(self.received[: self.missing])
        del self.received[: self.missing]
        return Request(head.method, head.path, head.query, head.headers, body)

    def _length(self, head: Request) -> int:
        length = head.headers.get("content-length", "0")
        if not length.isdecimal() or "transfer-encoding" in head.headers:
            raise Malformed(length)
        if "expect" in head.headers and self.transport is not None:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return int(length)

    def send(self, reply: Reply, *, head_only: bool) -> None:
        """Send an answer, if the client is still there."""
        if self.transport is not None:
            data = reply.encode()
            self.transport.write(data[: len(data) - len(reply.body)] if head_only else data)


@dataclass(slots=True)
class Server:
    """The endpoint on a socket. `latency` is in seconds, and holds up a request without holding up any other."""

    endpoint: Endpoint
    latency: float = 0
    connections: set[Connection] = field(default_factory=set)

    def serve(self, connection: Connection, request: Request) -> None:
        """Answer a request, now or after the latency."""
        head_only = request.method == "HEAD"
        if request.path.startswith("/_control/"):
            connection.send(self.control(request), head_only=head_only)
            return
        stats = self.endpoint.stats
        stats.in_flight += 1
        stats.max_in_flight = max(stats.max_in_flight, stats.in_flight)
        reply = self._answer(request)
        if self.latency:
            asyncio.get_running_loop().call_later(self.latency, self._finish, connection, stats, reply, head_only)
        else:
            self._finish(connection, stats, reply, head_only)

    def _answer(self, request: Request) -> Reply:
        try:
            return self.endpoint.answer(request)
        except Exception:  # noqa: BLE001 - a fault here must neither look like AWS's nor end the server
            self.endpoint.stats.failed += 1
            traceback.print_exc()
            return Reply(500, (("Content-Type", "text/plain"),), b"the benchmark's endpoint failed; see its stderr\n")

    @staticmethod
    def _finish(connection: Connection, stats: Stats, reply: Reply, head_only: bool) -> None:
        stats.in_flight -= 1
        connection.send(reply, head_only=head_only)

    def control(self, request: Request) -> Reply:
        """Answer what is asked of the endpoint itself."""
        match request.method, request.path:
            case "GET", "/_control/stats":
                found: dict[str, object] = self.endpoint.stats.document()
            case "POST", "/_control/reset":
                self.endpoint.stats = Stats()
                self.endpoint.buckets.clear()
                found = {}
            case _:
                return Reply(404, (("Content-Type", "text/plain"),), b"no such control\n")
        return Reply(200, (("Content-Type", "application/json"),), json.dumps(found).encode())

    async def run(self, host: str, port: int) -> None:
        """Listen until the process is told to end."""
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, ended.set)
        listener = await loop.create_server(lambda: Connection(self), host, port, backlog=1024)
        print(f"ready http://{host}:{listener.sockets[0].getsockname()[1]}", flush=True)
        await ended.wait()
        listener.close()
        for connection in list(self.connections):
            if connection.transport is not None:
                connection.transport.abort()


# ---------------------------------------------------------------- the program


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.endpoint.server", description="A synthetic AWS endpoint."
    )
    parser.add_argument(
        "--account", default="small", metavar="SPEC", help="empty, small, 50k, or key=value,... after one of them"
    )
    parser.add_argument("--latency-ms", type=float, default=0, metavar="MS", help="hold up each answer so long")
    parser.add_argument(
        "--throttle", type=float, default=0, metavar="RATE", help="calls a second for each service and Region"
    )
    parser.add_argument(
        "--deny", action="append", default=[], metavar="service:Operation[:region]", help="* is all operations"
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the endpoint until it's told to end."""
    options = _parser().parse_args(arguments)
    try:
        account = Account.of(options.account)
        denials = tuple(map(Denial.parse, options.deny))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    wire.services()  # some 20 MB of models, read before the first request is timed
    server = Server(Endpoint(account, options.throttle, denials), options.latency_ms / 1000)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(server.run(options.host, options.port))
    return 0


if __name__ == "__main__":
    sys.exit(main())
