"""Run `crenel` in a process that kills itself, for good: ``python -m tests.remediate.killed POINT WORDS…``.

The points are counted: before and after each record of the journal, and each call that writes.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from crenel.cli import main
from crenel.collect.calls import Caller
from crenel.remediate.journal import Journal

left = int(sys.argv[1])


def deed() -> None:
    """Come by a point."""
    global left  # noqa: PLW0603
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)


def deadly(kind: type, name: str) -> None:
    """Have a method be a point before and after."""
    real = getattr(kind, name)

    def wrapped(*args: Any, **keywords: Any) -> Any:
        deed()
        found = real(*args, **keywords)
        deed()
        return found

    setattr(kind, name, wrapped)


deadly(Journal, "add")
deadly(Caller, "alter")
sys.exit(main(sys.argv[2:]))
