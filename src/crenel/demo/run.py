"""Start the demo account, and stop it whatever happens."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from crenel.errors import CrenelError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

READY_WITHIN = 120.0  # seconds; the account is ready within 25 on two cores
STOPPED_WITHIN = 5.0


@contextmanager
def demo_account() -> Iterator[str]:
    """Run the demo account's server in a process of its own and yield its URL; stop it on leaving.

    Raises CrenelError with what the server wrote to its standard error where it does not become ready.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as complaints:
        server = subprocess.Popen(
            [sys.executable, "-m", "crenel.demo.server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
        )
        try:
            yield _wait_until_ready(server, complaints)
        finally:
            _stop(server)


def demo_environment(endpoint: str) -> Mapping[str, str]:
    """Return the environment variables that turn AWS calls to the demo account at `endpoint`.

    Any proxy of the caller's environment is kept away from the endpoint's address.
    """
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "demo-key-id",
        "AWS_SECRET_ACCESS_KEY": "demo-no-secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "NO_PROXY": ",".join(filter(None, (os.environ.get("NO_PROXY"), "127.0.0.1"))),
    }


def _wait_until_ready(server: subprocess.Popen[str], complaints: IO[str]) -> str:
    lines: queue.Queue[str] = queue.Queue()
    # A thread reads to the very end, so that a pipe that nobody empties never blocks the server.
    threading.Thread(target=_pass_on, args=(server.stdout, lines), daemon=True).start()
    deadline = time.monotonic() + READY_WITHIN
    reason = f"was not ready within {READY_WITHIN:.0f} seconds"
    while (left := deadline - time.monotonic()) > 0:
        try:
            line = lines.get(timeout=left)
        except queue.Empty:
            break
        if line.startswith("ready "):
            return line.removeprefix("ready ").strip()
        if not line:
            reason = "did not start"
            break
    _stop(server)  # before reading: the file's position is the server's too
    complaints.seek(0)
    raise CrenelError(f"The demo account {reason} (exit code {server.returncode}). {complaints.read().strip()}")


def _pass_on(output: IO[str], lines: queue.Queue[str]) -> None:
    with output:
        for line in output:
            lines.put(line)
    lines.put("")


def _stop(server: subprocess.Popen[str]) -> None:
    """End the server: by closing its input, then by asking, then by force."""
    if server.stdin:
        server.stdin.close()
    for end in (server.terminate, server.kill):
        try:
            server.wait(STOPPED_WITHIN)
            break
        except subprocess.TimeoutExpired:
            end()
    server.wait()
