"""Runs of plans in the lake: a folder each, and a lock that lets one command at a time change anything.

<lake>/fixes/lock                      held while a plan is applied or taken back; says by whom
<lake>/fixes/<run>/plan.json           the plan, as it was given
<lake>/fixes/<run>/journal.ndjson      what was done (`journal.py`)
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crenel.errors import LakeError, UsageError, WritingError, nearest
from crenel.remediate.journal import CHANGED, FINISHED, Journal, Progress, Stage, progress, records

_PLAN = "plan.json"


@dataclass(frozen=True, slots=True)
class Run:
    """One plan that was applied, at once or in several goes."""

    id: str
    folder: Path

    @property
    def plan_text(self) -> str:
        """The plan's file. Raises `LakeError` where it is gone."""
        try:
            return (self.folder / _PLAN).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise LakeError(f"can't read {self.folder / _PLAN}: {error}.") from error

    @property
    def plan(self) -> dict[str, Any]:
        """The plan as JSON. Raises `LakeError` where it is damaged."""
        try:
            found: dict[str, Any] = json.loads(self.plan_text)
        except ValueError as error:
            raise LakeError(f"{self.folder / _PLAN} is damaged: {error}.") from error
        return found

    def records(self) -> list[dict[str, Any]]:
        """Return the journal's records. Raises `LakeError`."""
        return records(self.folder / "journal.ndjson")

    def progress(self) -> dict[str, Progress]:
        """Return how far each step has come. Raises `LakeError`."""
        return progress(self.records())

    def journal(self) -> Journal:
        """Return the journal, to be added to."""
        return Journal(self.folder / "journal.ndjson")


class Runs:
    """The runs of a lake."""

    def __init__(self, lake: Path) -> None:
        self.folder = lake / "fixes"

    @contextmanager
    def locked(self, what: str) -> Iterator[None]:
        """Hold the lock, and say in it who does `what`.

        Raises `UsageError`, with who holds it, where it is held, and `WritingError` where the lake can't be written.
        """
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise WritingError(
                f"can't write into {self.folder}: {error.strerror}.", suggestion="See --lake."
            ) from error
        with os.fdopen(file, "r+", encoding="utf-8", errors="replace") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise UsageError(f"{_holder(lock.read())}.", suggestion="Wait until it has ended.") from error
            since = datetime.now(UTC).isoformat(timespec="seconds")
            lock.truncate()
            lock.write(json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": since, "what": what}))
            lock.flush()
            yield
            lock.seek(0)
            lock.truncate()

    def new(self, plan_text: str) -> Run:
        """Make a run's folder, which is there with its plan or not at all. Raises `WritingError`."""
        identity = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
        folder, part = self.folder / identity, self.folder / f".{identity}.partial"
        try:
            part.mkdir(mode=0o700)
            with (part / _PLAN).open("w", encoding="utf-8") as file:
                file.write(plan_text)
                file.flush()
                os.fsync(file.fileno())
            part.rename(folder)
            parent = os.open(self.folder, os.O_RDONLY)
            os.fsync(parent)
            os.close(parent)
        except OSError as error:
            shutil.rmtree(part, ignore_errors=True)
            raise WritingError(f"can't write into {self.folder}: {error.strerror}.") from error
        return Run(identity, folder)

    def all(self) -> list[Run]:
        """Return the runs, the newest first."""
        if not self.folder.is_dir():
            return []
        found = [path for path in self.folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
        return [Run(path.name, path) for path in sorted(found, key=lambda path: path.name, reverse=True)]

    def named(self, identity: str) -> Run:
        """Return a run by its id. Raises `UsageError` where there is none."""
        known = {run.id: run for run in self.all()}
        if identity not in known:
            hint = nearest(identity, known) or "`crenel fix history` lists them."
            raise UsageError(f"there is no run {identity} in {self.folder}.", suggestion=hint)
        return known[identity]

    def going_on(self, plan_text: str) -> Run | None:
        """Return the newest run of this very plan that has steps left and of which nothing was taken back."""
        for run in self.all():
            if run.plan_text == plan_text:
                done = run.progress()
                steps = [step["id"] for step in run.plan["steps"] if "act" in step]
                whole = all(step in done and done[step].stage in FINISHED and not done[step].reason for step in steps)
                taken_back = any(each.stage in (Stage.UNDOING, Stage.UNDONE) for each in done.values())
                return None if whole or taken_back else run
        return None

    def last_changed(self) -> Run:
        """Return the newest run with something to be taken back. Raises `UsageError` where there is none."""
        for run in self.all():
            if any(each.stage in CHANGED for each in run.progress().values()):
                return run
        raise UsageError(f"there is nothing to take back: no run in {self.folder} has changed anything that is left.")


def _holder(text: str) -> str:
    try:
        held = json.loads(text)
        return f"{held['what']} is running: process {held['pid']} on {held['host']}, since {held['since']}"
    except (ValueError, KeyError, TypeError):
        return "another crenel is applying a plan or taking one back"
