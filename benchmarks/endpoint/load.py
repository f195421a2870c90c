"""Measure how many requests a second an endpoint answers: `python -m benchmarks.endpoint.load URL`.

Each connection sends its next request as soon as it has the answer to the last; nothing is parsed but lengths, so that
the client costs less than the endpoint. One line a kind of request: requests and megabytes a second.
"""

from __future__ import annotations

import argparse
import selectors
import socket
import sys
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

_SCOPE = "AWS4-HMAC-SHA256 Credential=AKIABENCHMARKBENCHMA/20260101/us-east-1/{}/aws4_request, Signature=00"


def _request(service: str, method: str, path: str, headers: Sequence[str] = (), body: str = "") -> bytes:
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "User-Agent: Botocore/1.44.8 ua/2.1 os/linux md/arch#x86_64 lang/python#3.11.7 md/pyimpl#CPython",
        "X-Amz-Date: 20260101T000000Z",
        f"Authorization: {_SCOPE.format(service)}",
        "amz-sdk-invocation-id: 00000000-0000-4000-8000-000000000000",
        "amz-sdk-request: attempt=1; max=3",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def _form(service: str, text: str) -> bytes:
    return _request(service, "POST", "/", ["Content-Type: application/x-www-form-urlencoded; charset=utf-8"], text)


REQUESTS = {
    "s3 GetBucketEncryption": _request("s3", "GET", "/crenel-bench-0000001?encryption"),
    "iam ListAccessKeys": _form("iam", "Action=ListAccessKeys&Version=2010-05-08&UserName=user-0000003"),
    "lambda ListFunctions": _request("lambda", "GET", "/2015-03-31/functions?MaxItems=50"),
    "ec2 DescribeVolumes": _form("ec2", "Action=DescribeVolumes&Version=2016-11-15&MaxResults=1000"),
}


class _Client:
    """One connection that repeats one request."""

    def __init__(self, host: str, port: int, request: bytes) -> None:
        self.socket = socket.create_connection((host, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.request = request
        self.missing = 0
        self.answers = 0
        self.bytes = 0
        self.socket.sendall(request)

    def read(self) -> None:
        """Take what came; ask again once the answer is complete."""
        data = self.socket.recv(1 << 20)
        if not data:
            raise ConnectionError("the endpoint closed the connection")
        self.bytes += len(data)
        if not self.missing:
            head, _, _ = data.partition(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise ConnectionError(head.decode())
            length = int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
            self.missing = len(head) + 4 + length
        self.missing -= len(data)
        if not self.missing:
            self.answers += 1
            self.socket.sendall(self.request)


def measure(url: str, request: bytes, *, connections: int = 8, seconds: float = 2) -> tuple[float, float]:
    """Return the answers and the megabytes a second."""
    place = urlsplit(url)
    clients = [_Client(place.hostname or "", place.port or 80, request) for _ in range(connections)]
    with selectors.DefaultSelector() as selector:
        for client in clients:
            selector.register(client.socket, selectors.EVENT_READ, client)
        start = time.perf_counter()
        while time.perf_counter() - start < seconds:
            for key, _ in selector.select(1):
                key.data.read()
        elapsed = time.perf_counter() - start
    for client in clients:
        client.socket.close()
    return sum(client.answers for client in clients) / elapsed, sum(c.bytes for c in clients) / elapsed / 1e6


def main() -> int:
    """Measure each kind of request."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.endpoint.load", description=main.__doc__)
    parser.add_argument("url")
    parser.add_argument("--seconds", type=float, default=2)
    options = parser.parse_args()
    for name, request in REQUESTS.items():
        answers, megabytes = measure(options.url, request, seconds=options.seconds)
        print(f"{name:24} {answers:8,.0f} requests/s {megabytes:8.1f} MB/s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
