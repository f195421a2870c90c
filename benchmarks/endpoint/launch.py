"""Start the endpoint as a process of its own, point clients at it, and ask it what it was asked."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[2]
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True)
class Running:
    """An endpoint that answers at `url`, in the process `pid`."""

    url: str
    pid: int

    def stats(self) -> dict[str, Any]:
        """What was asked since the start or the last reset."""
        with _DIRECT.open(f"{self.url}/_control/stats", timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def reset(self) -> None:
        """Forget what was asked, and fill the throttle's buckets."""
        request = urllib.request.Request(f"{self.url}/_control/reset", method="POST")
        _DIRECT.open(request, timeout=10).close()

    def environment(self) -> dict[str, str]:
        """The variables that make any SDK ask this endpoint.

        The proxy is for the service whose host names begin with the account's number (s3control): such a name can't
        be resolved, but the endpoint answers for every host when it is asked as a proxy.
        """
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "AKIABENCHMARKBENCHMA",
            "AWS_SECRET_ACCESS_KEY": "benchmark",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "HTTP_PROXY": self.url,
            "http_proxy": self.url,
            "NO_PROXY": "",  # an exception for 127.0.0.1 would hold for 111122223333.127.0.0.1 as well
            "no_proxy": "",
        }


@contextmanager
def running(
    account: str = "small", *, latency_ms: float = 0, throttle: float = 0, deny: Sequence[str] = ()
) -> Iterator[Running]:
    """Run an endpoint for as long as the block lasts."""
    command = [sys.executable, "-m", "benchmarks.endpoint.server", "--account", account]
    command += ["--latency-ms", str(latency_ms), "--throttle", str(throttle)]
    for denial in deny:
        command += ["--deny", denial]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Running(_ready(process), process.pid)
        finally:
            process.terminate()


def _ready(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    word, _, url = line.partition(" ")
    if word != "ready":
        raise RuntimeError(f"the endpoint did not start: {line or 'see its stderr'}")
    return url
