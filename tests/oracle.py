"""Cloud Custodian itself as an oracle, in a process of its own: its dependencies do not go with ours.

`make units` puts it into `.venv/oracle`; `CRENEL_C7N_PYTHON` names another Python that has it. Tests that ask are
skipped without one.
"""

from __future__ import annotations

import json
import os
import subprocess
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

_OURS = Path(__file__).parent.parent / ".venv" / "oracle" / "bin" / "python"
PYTHON = os.environ.get("CRENEL_C7N_PYTHON") or (str(_OURS) if _OURS.exists() else "")
SERVER = Path(__file__).with_name("oracle_server.py")

needs_custodian = pytest.mark.skipif(not PYTHON, reason="there is no Cloud Custodian: say `make units`")


class Oracle:
    """A running Cloud Custodian that is asked by JSON lines."""

    def __init__(self, python: str) -> None:
        self.process = subprocess.Popen([python, str(SERVER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **request: Any) -> Any:
        """Return the answer to a request; `oracle_server` says what can be asked."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(request, default=_written) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, "Cloud Custodian has gone"
        return json.loads(answer)


@lru_cache(maxsize=1)
def oracle() -> Oracle:
    """Return the one oracle of this process."""
    return Oracle(PYTHON)


def _written(value: object) -> Any:
    if isinstance(value, datetime):
        return {"$date": (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()}
    return value.isoformat() if isinstance(value, date) else str(value)
