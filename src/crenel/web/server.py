"""The dashboard, served: by waitress, which takes care of slow readers, long requests and threads."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from waitress.server import BaseWSGIServer, create_server

from crenel.errors import UsageError
from crenel.lake.snapshots import Lake
from crenel.web.app import Dashboard
from crenel.web.guard import Guard
from crenel.web.shelf import Shelf

_THREADS = 4
_LONGEST_HEADERS = 64 * 1024


@contextmanager
def serving(
    lake: Lake, guard: Guard, *, bind: str, port: int, as_of: datetime | None = None, alerts: Path | None = None
) -> Iterator[BaseWSGIServer]:
    """Listen at an address, with the newest snapshot laid out, and yield the server, whose `run` answers until it is
    interrupted; let go of all of it in the end.

    Raises `LakeError` without a usable snapshot, `UsageError` where the address can't be had.
    """
    with tempfile.TemporaryDirectory(prefix="crenel-serve-") as folder:
        shelf = Shelf(lake, Path(folder), as_of)
        try:
            newest = shelf.opened()
            for snapshot in shelf.recent(newest.snapshot):
                shelf.counts(snapshot)
            server = _listening(Dashboard(shelf, guard, alerts), bind, port)
            try:
                yield server
            finally:
                server.close()
        finally:
            shelf.close()


def _listening(dashboard: Dashboard, bind: str, port: int) -> BaseWSGIServer:
    try:
        return create_server(
            dashboard,
            host=bind,
            port=port,
            threads=_THREADS,
            ident=None,
            max_request_header_size=_LONGEST_HEADERS,
            max_request_body_size=_LONGEST_HEADERS,
            clear_untrusted_proxy_headers=True,
        )
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"can't listen at {bind}, port {port}: {why}.", suggestion="See --bind and --port.") from error
