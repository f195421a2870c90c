"""The journal of a run: a line for everything that is about to happen and has happened, on the disk before it goes on.

Whatever kills a run, the journal says which step was under way, and what the state was before it. A line that was cut
off is none. Its records, by the member ``record``:

    run      the run goes on: which Crenel, which identities
    before   a step's call is about to be sent: its act, arguments, call, and the state before it
    failed   AWS said no, so that nothing changed
    sent     AWS said yes
    after    the step is done: the state that a read shows
    skipped  it was done already, by someone else
    refused  it was not begun: drift, a guard
    doubt    something after the call is not as it should be
    undoing  a call of undo is about to be sent (`call`: its position)
    undid    it was sent
    undone   the state is as before
    left     a step was not taken back, or not wholly
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from crenel.errors import LakeError, WritingError


class Stage(StrEnum):
    """How far a step has come."""

    REFUSED = "refused"
    FAILED = "failed"
    BEGUN = "begun"
    SENT = "sent"
    APPLIED = "applied"
    SKIPPED = "skipped"
    UNDOING = "undoing"
    UNDONE = "undone"


CHANGED = frozenset({Stage.BEGUN, Stage.SENT, Stage.APPLIED, Stage.UNDOING})  # something may be there to be taken back
FINISHED = frozenset({Stage.APPLIED, Stage.SKIPPED})
_FIELDS = ("act", "title", "args", "call", "before", "after")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a step has come, and what is known of it. `known` says that `after` is; `undid` are calls of undo, by
    their position, `unsure` the one that may have been sent.
    """

    step: str
    stage: Stage
    at: str
    act: str = ""
    title: str = ""
    args: Mapping[str, Any] = field(default_factory=dict, hash=False)
    call: Mapping[str, Any] = field(default_factory=dict, hash=False)
    before: Any = field(default=None, hash=False)
    after: Any = field(default=None, hash=False)
    known: bool = False
    undid: frozenset[int] = frozenset()
    unsure: int | None = None
    reason: str = ""


class Journal:
    """Adds to a run's journal. A line that an earlier run left unfinished is cut off when the first one is added."""

    def __init__(self, path: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.path = path
        self._now = now
        self._file: int | None = None

    def add(self, record: str, step: str = "", **values: Any) -> dict[str, Any]:  # noqa: ANN401 (JSON values)
        """Write a record, have it on the disk, and return it.

        Raises `WritingError`; then nothing may be done that it was to tell.
        """
        head = {"record": record, "at": self._now().isoformat(timespec="milliseconds")}
        written_down = head | ({"step": step} if step else {}) | values
        line = json.dumps(written_down).encode("ascii") + b"\n"
        try:
            file = self._file = self._open() if self._file is None else self._file
            written = 0
            while written < len(line):
                written += os.write(file, line[written:])
            os.fsync(file)
        except OSError as error:
            raise WritingError(f"can't write to the journal {self.path}: {error.strerror}.") from error
        return written_down

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _open(self) -> int:
        new = not self.path.exists()
        file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        if new:
            folder = os.open(self.path.parent, os.O_RDONLY)
            os.fsync(folder)
            os.close(folder)
        else:
            os.ftruncate(file, len(_whole(self.path.read_bytes())))
        return file


def records(path: Path) -> list[dict[str, Any]]:
    """Return a journal's records, none where there is no journal. Raises `LakeError` where it is damaged."""
    try:
        lines = _whole(path.read_bytes()).splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise LakeError(f"can't read the journal {path}: {error.strerror}.") from error
    found = []
    for number, line in enumerate(lines, start=1):
        try:
            record = json.loads(line)
            found.append({**record, "record": str(record["record"]), "at": str(record["at"])})
        except (ValueError, KeyError, TypeError) as error:
            raise LakeError(f"the journal {path} is damaged in line {number}: {error}.") from error
    return found


def progress(written: Iterable[Mapping[str, Any]]) -> dict[str, Progress]:
    """Return how far each step has come by a journal's records, in the order in which they were begun."""
    found: dict[str, Progress] = {}
    for record in written:
        follow(found, record)
    return found


def follow(found: dict[str, Progress], record: Mapping[str, Any]) -> None:
    """Take a record into what is known of the steps."""
    step = record.get("step")
    if step is None:
        return
    known = _followed(found.get(step, Progress(step, Stage.REFUSED, "")), record)
    if record["record"] == "before":
        found.pop(step, None)  # the order of undo is that of the last beginnings
    found[step] = replace(known, at=record["at"])


# Where a record leads to. Of those that are not here the stage stays.
_STAGES = {
    "before": Stage.BEGUN, "failed": Stage.FAILED, "sent": Stage.SENT, "after": Stage.APPLIED, "skipped": Stage.SKIPPED,
    "refused": Stage.REFUSED, "undoing": Stage.UNDOING, "undone": Stage.UNDONE,
}  # fmt: skip
_STAYING = frozenset({"undid", "doubt", "left"})


def _followed(known: Progress, record: Mapping[str, Any]) -> Progress:
    """Return how far a step has come once a record of it was written."""
    kind = record["record"]
    if kind not in _STAGES and kind not in _STAYING:
        raise LakeError(f'a journal of another version: it has a record "{kind}".')
    if kind == "before":
        known = Progress(known.step, Stage.BEGUN, known.at)
    stage = _STAGES.get(kind, known.stage)
    if (kind == "refused" and known.stage in CHANGED) or (kind == "after" and known.stage is Stage.UNDOING):
        stage = known.stage  # what was begun stays begun, whatever is found of it
    called = record.get("call")
    return replace(
        known,
        stage=stage,
        reason=str(record.get("reason", "")),
        known=known.known or "after" in record,
        undid=known.undid | {record["call"]} if kind == "undid" else known.undid,
        unsure=called if kind == "undoing" else None,
        **{name: record[name] for name in _FIELDS if name in record and (name != "call" or kind == "before")},
    )


def _whole(data: bytes) -> bytes:
    """Return the whole lines of a journal: the last one may have been cut off when its writer was killed."""
    return data[: data.rfind(b"\n") + 1]
