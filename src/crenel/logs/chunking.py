"""Log files to chunks: lines that the engine reads, made ahead of it by a few threads, and no file held whole.

Most files are cut at their records' borders and never parsed here. What the engine then finds to be no JSON, or not as
AWS writes it, comes back to `repaired`, which reads that chunk with care.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue

from crenel.errors import CrenelError
from crenel.logs.filling import Filling
from crenel.logs.model import Chunk, LogFile
from crenel.logs.splitting import split

_AHEAD = 2  # chunks that wait, beside those that are being made


def chunks(files: Iterable[LogFile], folder: Path, workers: int = 2) -> Generator[Chunk, None, None]:
    """Yield the chunks of files as they get ready, in no order; the files are numbered as they come.

    Close the iterator before the folder is removed. A chunk's file is there until the next chunk is asked for; the
    caller may remove it. No more than `workers` and two chunks are there at a time. What can't be read of a file is in
    its chunk's faults. Raises what `files` raises, and `OSError` where the folder can't be written.
    """
    work = _Work(files, folder, workers)
    threads = [threading.Thread(target=work.run, daemon=True) for _ in range(workers)]
    for thread in threads:
        thread.start()
    try:
        yield from work.results()
    finally:
        work.stop()
        for thread in threads:
            thread.join()


class _Work:
    """What the threads share."""

    def __init__(self, files: Iterable[LogFile], folder: Path, workers: int) -> None:
        self._files = enumerate(files)
        self._lock = threading.Lock()
        self._folder = folder
        self._names = itertools.count()
        self._room = threading.Semaphore(workers + _AHEAD)
        self._ready: SimpleQueue[Chunk | BaseException | None] = SimpleQueue()
        self._spare: SimpleQueue[Path] = SimpleQueue()  # files that were read: to write over them is faster
        self._workers = workers
        self._stopped = threading.Event()

    def results(self) -> Iterator[Chunk]:
        """Yield chunks until every worker is through; raise what one of them met."""
        running = self._workers
        while running:
            result = self._ready.get()
            if result is None:
                running -= 1
            elif isinstance(result, BaseException):
                raise result
            else:
                yield result
                self._spare.put(result.path)
                self._room.release()

    def stop(self) -> None:
        """Let the workers end soon."""
        self._stopped.set()
        for _ in range(self._workers):
            self._room.release()

    def run(self) -> None:
        """Make chunks until there are no more files."""
        try:
            for chunk in self._chunks():
                self._ready.put(chunk)
        except (OSError, CrenelError) as error:
            self._ready.put(error)
        except BaseException as error:
            self._ready.put(error)
            raise
        else:
            self._ready.put(None)

    def _chunks(self) -> Iterator[Chunk]:
        filling: Filling | None = None
        try:
            while numbered := self._next():
                for step in split(*numbered):
                    if self._stopped.is_set():
                        return
                    if filling is None:
                        self._room.acquire()
                        if self._stopped.is_set():
                            return
                        filling = Filling(self._path())
                    filling.take(step)
                    if filling.full:
                        full, filling = filling, None
                        yield full.chunk()
            if filling is not None:
                last, filling = filling, None
                yield last.chunk()
        finally:
            if filling is not None:
                filling.close()

    def _path(self) -> Path:
        """Return where the next chunk goes, and move a file there that is no longer wanted."""
        path = self._folder / f"{next(self._names):06}.ndjson"
        with suppress(Empty, FileNotFoundError):
            self._spare.get_nowait().rename(path)
        return path

    def _next(self) -> tuple[int, LogFile] | None:
        with self._lock:
            return None if self._stopped.is_set() else next(self._files, None)
