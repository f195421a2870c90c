"""A chunk while it is written."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

from crenel.logs.model import Chunk, Fault, LogFile, Part
from crenel.logs.splitting import Step

FULL = 32 << 20  # bytes of lines
_TOLD = 100  # faults of a file in a chunk that are told one by one


class Filling:
    """The chunk at `path`, made step by step; what a file there holds is written over."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # Not "wb": to cut a file off and let it grow again takes twice as long as to write over it.
        self._out = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb")
        self._size = 0
        self._parts: list[Part] = []
        self._files: dict[int, LogFile] = {}
        self._faults: list[Fault] = []
        self._faulty: Counter[str] = Counter()
        self._events = self._bytes = self._stored = self._ended = self._longest = 0

    @property
    def full(self) -> bool:
        """Whether the chunk is as large as it should be."""
        return self._size >= FULL

    def take(self, step: Step) -> None:
        """Write a step's lines and note the rest of it. Raises `OSError` where there is no room."""
        self._files[step.number] = step.file
        begin = self._size
        if step.data:
            self._out.write(step.data)
            self._size += len(step.data)
            self._note(step, begin)
        self._events += step.events
        self._stored += step.stored
        self._ended += step.ended
        self._longest = max(self._longest, step.longest)
        for fault in step.faults:
            self.fault(fault, always=step.ended)

    def fault(self, fault: Fault, *, always: bool = False) -> None:
        """Note a fault; of a file with very many the first, and what is `always` to be told."""
        self._faulty[fault.file] += not always
        if always or self._faulty[fault.file] <= _TOLD:
            self._faults.append(fault)

    def chunk(self) -> Chunk:
        """End it and return it."""
        self._out.truncate(self._size)
        self._out.close()
        more = [
            Fault(name, "further on", f"there are {count - _TOLD:,} more faults")
            for name, count in self._faulty.items()
            if count > _TOLD
        ]
        return Chunk(
            path=self._path,
            files=self._files,
            parts=tuple(self._parts),
            events=self._events,
            bytes=self._size,
            compressed=self._stored,
            ended=self._ended,
            longest=self._longest,
            faults=(*self._faults, *more),
        )

    def close(self) -> None:
        """Give it up."""
        self._out.close()

    def _note(self, step: Step, begin: int) -> None:
        last = self._parts[-1] if self._parts else None
        if last and (last.number, last.cut) == (step.number, step.cut):
            self._parts[-1] = Part(last.number, last.begin, self._size, last.start, last.cut)
        else:
            self._parts.append(Part(step.number, begin, self._size, step.start, step.cut))
