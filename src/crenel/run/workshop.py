"""The folder that a run writes aside in, until what is finished is put into place by renaming alone.

A run that is killed leaves its own behind; the next one removes it. The lock in it says whether its run still lives.
"""

from __future__ import annotations

import fcntl
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from crenel.errors import WritingError
from crenel.report.folders import root_of

_PREFIX = ".crenel-run-"
_LOCK = "lock"
_NEW = 60.0  # seconds that a folder has to get its lock


@contextmanager
def workshop(out: str) -> Iterator[Path]:
    """Yield an empty folder below `out` (empty: among the machine's temporary files), gone at the end.

    Raises `WritingError` where it can't be made.
    """
    root = root_of(out) if out else Path(tempfile.gettempdir())
    with ExitStack() as stack:
        try:
            root.mkdir(parents=True, exist_ok=True)
            _clear(root)
            made = tempfile.TemporaryDirectory(prefix=_PREFIX, dir=root, ignore_cleanup_errors=True)
            folder = Path(stack.enter_context(made))
            lock = stack.enter_context((folder / _LOCK).open("wb"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        except OSError as error:
            raise WritingError(f"can't write into {root}: {error.strerror or error}.") from error
        yield folder


def _clear(root: Path) -> None:
    """Remove what killed runs left: folders whose lock nobody holds."""
    for folder in root.glob(f"{_PREFIX}*"):
        if folder.is_symlink() or not _abandoned(folder):
            continue
        shutil.rmtree(folder, ignore_errors=True)


def _abandoned(folder: Path) -> bool:
    try:
        with (folder / _LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return folder.is_dir() and time.time() - folder.stat().st_mtime > _NEW
    except OSError:
        return False  # its run lives, or it is another user's
    return True
