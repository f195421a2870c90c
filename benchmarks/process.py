"""A command as a process of its own: what it cost by the operating system's account."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_KIB = 1024 if sys.platform == "darwin" else 1  # macOS counts bytes, Linux KiB


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds on the wall and of CPU, peak MiB of the largest process, exit code, what it printed."""

    wall: float
    cpu: float
    rss_mib: float
    exit_code: int | None
    output: str


def measured(
    command: Sequence[str], environment: Mapping[str, str], *, timeout: float = 3600, folder: str | None = None
) -> Cost:
    """Run a command without the caller's AWS settings; exit code None: it was killed at the timeout (seconds)."""
    mine = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "BOTO_"))}
    with tempfile.TemporaryFile() as out:
        began = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, env={**mine, **environment}, stdout=out, stderr=subprocess.STDOUT
        )
        stopped = False
        while (ended := os.wait4(process.pid, os.WNOHANG))[0] == 0:
            if time.perf_counter() - began > timeout and not stopped:
                process.kill()
                stopped = True
            time.sleep(0.005)
        wall = time.perf_counter() - began
        _, status, usage = ended
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        said = out.read().decode(errors="replace")
    code = None if stopped else process.returncode
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / _KIB / 1024, code, said)


def crenel() -> str:
    """Return the path of the `crenel` that goes with this Python."""
    return str(Path(sys.executable).with_name("crenel"))
