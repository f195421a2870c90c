"""What all that look through logs do: the rules that can run, the files there are, and files through the engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from itertools import chain
from pathlib import Path

from crenel.detect.engine import Engine, Reach
from crenel.detect.progress import Progress, Watch
from crenel.detections.model import Detection, Rules
from crenel.errors import PolicyFileError, UsageError
from crenel.logs import Chunk, Fault, LogFile, Lookup, Wanted, chunks, find, look_up, repaired


def runnable(rules: Rules) -> list[Detection]:
    """Return the detections that run. Raises `PolicyFileError` where none is left, `UsageError` where none was."""
    enabled = [each for each in rules.detections if each.enabled]
    if not enabled:
        if rules.errors:
            raise PolicyFileError(rules.errors)
        raise UsageError("no rule is for CloudTrail.", suggestion="crenel rules check says why.")
    return enabled


@contextmanager
def log_files(
    logs: tuple[str, ...], reach: Reach, profile: str = "", lookup: Lookup | None = None
) -> Iterator[Iterator[LogFile]]:
    """Yield the files at places and the event history of accounts, as far as they may have wanted events.

    Raises as `find` and `look_up` do.
    """
    wanted = Wanted(reach.since, reach.until, reach.accounts, reach.regions)
    with ExitStack() as stack:
        parts: list[Iterator[LogFile]] = []
        if lookup:
            parts.append(stack.enter_context(closing(look_up(lookup, wanted, alone=not logs))))
        if logs:
            parts.append(stack.enter_context(closing(find(logs, wanted, profile))))
        yield chain(*parts)


def look_through(
    engine: Engine, files: Iterator[LogFile], folder: Path, progress: Progress, faults: list[Fault], watch: Watch | None
) -> dict[int, str]:
    """Look through log files and return their names by number; chunks lie in a folder, faults are added to a list.

    Raises what `files` raises, and `OSError` where the folder can't be written.
    """
    names: dict[int, str] = {}
    with closing(chunks(files, folder)) as made:
        for chunk in made:
            done = _look(engine, chunk, folder)
            faults += done.faults
            progress.add(done)
            names.update({number: file.name for number, file in chunk.files.items()})
            if watch:
                watch(progress)
    return names


def _look(engine: Engine, chunk: Chunk, folder: Path) -> Chunk:
    """Look through one chunk; a second time, record by record, where something in it is not as AWS writes it."""
    if engine.look(chunk.path, chunk.longest):
        chunk = repaired(chunk, folder)
        engine.look(chunk.path, chunk.longest)
        chunk.path.unlink()
    engine.keep()
    return chunk
