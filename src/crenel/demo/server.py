"""Serve the demo account: `python -m crenel.demo.server [--port N]`.

Prints one line ``ready http://127.0.0.1:PORT`` once the account is complete, then serves until standard input closes or
a signal comes, so that a parent that dies never leaves it behind.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import logging
import os
import select
import signal
import socket
import sys
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

ADDRESS = "127.0.0.1"
# `werkzeug` and the rest of moto's server come with the same extra; `moto` alone does not serve.
NEEDED = ("moto", "flask", "flask_cors", "werkzeug")


def main(arguments: list[str] | None = None) -> int:
    """Run the server on the command line's `arguments` and return the exit code: 0, or 2 where it can't start."""
    parser = argparse.ArgumentParser(prog="python -m crenel.demo.server", description="Serve Crenel's demo account.")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (default: a free one)")
    port = parser.parse_args(arguments).port
    if any(importlib.util.find_spec(name) is None for name in NEEDED):
        sys.stderr.write('The demo account needs moto\'s server. Install it with: pip install "crenel[demo]"\n')
        return 2
    if not _is_free(port):  # moto's server would wait for ever
        sys.stderr.write(f"Port {port} on {ADDRESS} is taken.\n")
        return 2
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    _settle_environment()
    sys.stdout.write(f"ready {_start(port)}\n")
    sys.stdout.flush()
    _wait_for_end_of_input()
    return 0


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except OSError:
            return False
    return True


def _leave(_number: int, _frame: FrameType | None) -> None:
    # At once: an ordinary exit may wait for the server's threads, or for the lock of the input that is being read.
    os._exit(0)


def _settle_environment() -> None:
    """Make the account the same wherever it runs: nothing of the caller's AWS, moto or proxy settings counts."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "MOTO_")) or name.lower().endswith("_proxy"):
            del os.environ[name]
    os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    # moto would fill every Region with the snapshots of public images, and leave out the policies that AWS manages.
    os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"
    os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")  # moto warns of the image ids that it does not know


def _start(port: int) -> str:
    """Start the server, seed the account and return the server's URL."""
    # Both import moto, which reads its settings from the environment when it is imported.
    from moto.moto_server import threaded_moto_server  # noqa: PLC0415

    from crenel.demo import absent, account, corrections  # noqa: PLC0415

    corrections.apply()
    threaded_moto_server.DomainDispatcherApplication = absent.Application  # type: ignore[attr-defined]
    server = threaded_moto_server.ThreadedMotoServer(ADDRESS, port, verbose=False)
    server.start()
    endpoint = f"http://{ADDRESS}:{server.get_host_and_port()[1]}"
    account.seed(endpoint)
    return endpoint


def _wait_for_end_of_input() -> None:
    # A signal may reach another thread than this one, which then has to come by to see it: no read without an end.
    with contextlib.suppress(OSError, ValueError):  # closed already
        source = sys.stdin.fileno()
        while not select.select([source], [], [], 0.2)[0] or os.read(source, 4096):
            pass


if __name__ == "__main__":
    sys.exit(main())
