"""Where logs are: files, folders and globs to log files, in order and each once."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from crenel.errors import UsageError
from crenel.logs.buckets import ENDINGS, S3, Counts, fetched, in_buckets
from crenel.logs.layout import is_other, may_hold
from crenel.logs.model import LogFile, Source, Wanted

# In a folder, the names of logs; a file with another is looked into. What is named on its own is taken for what it is.
_BEGINNINGS = (b"{", b"[", b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xef\xbb\xbf{", b"\xef\xbb\xbf[")
_LOOKED_AT = 64  # bytes of a file whose name says nothing


class Found(Iterator[LogFile]):
    """The log files at some places, to be read once."""

    def __init__(self, places: Sequence[str], wanted: Wanted, profile: str, *, unfilled: bool, ahead: bool) -> None:
        self._counts = Counts()
        self._wanted = wanted
        self._unfilled = unfilled
        self._seen: set[tuple[int, int]] = set()
        remote = [place for place in places if place.startswith(S3)]
        found = [file for place in places if place not in remote for file in self._place(place)]
        self._local = iter(sorted(found, key=lambda file: file.name))
        self._remote = None
        if remote:
            listed = in_buckets(remote, wanted, self._counts, profile, unfilled=unfilled)
            self._remote = fetched(listed) if ahead else listed

    @property
    def skipped(self) -> int:
        """How many files there, so far, are no logs of events: digests, Insights, what is no log at all."""
        return self._counts.skipped

    @property
    def outside(self) -> int:
        """How many hold no wanted events, by what AWS's path and name say. In S3 those that were listed."""
        return self._counts.outside

    def __next__(self) -> LogFile:
        file = next(self._local, None)
        if file is None and self._remote is not None:
            file = next(self._remote, None)
        if file is None:
            raise StopIteration
        return file

    def close(self) -> None:
        """Fetch no more."""
        if self._remote is not None:
            self._remote.close()

    def _place(self, place: str) -> list[LogFile]:
        paths = [place] if os.path.lexists(place) else sorted(glob.glob(place, recursive=True))  # noqa: PTH207
        if not paths and not (self._unfilled and glob.has_magic(place)):
            raise UsageError(f"{place} names no file and no folder.")
        before = self.outside + len(self._seen)
        known = False
        found: list[LogFile] = []
        for path in paths:
            for each, status, asked in self._paths(path):
                key = (status.st_dev, status.st_ino)
                known = known or key in self._seen
                if key in self._seen or not self._is_log(each, asked=asked):
                    continue
                self._seen.add(key)
                if may_hold(_whole(each), self._wanted):
                    tag = f"{status.st_size} {status.st_mtime_ns} {status.st_ino}"
                    found.append(LogFile(each, status.st_size, partial(_open, each), tag, status.st_mtime))
                else:
                    self._counts.outside += 1
        if not known and not self._unfilled and before == self.outside + len(self._seen):
            raise UsageError(f"there is no log file in {place}.")
        return found

    def _paths(self, path: str) -> Iterator[tuple[str, os.stat_result, bool]]:
        """Yield the files at a path or below it, and whether it was named itself. Raises `UsageError`."""
        try:
            status = os.stat(path)  # noqa: PTH116 (names of millions of files stay texts)
            if not stat.S_ISDIR(status.st_mode):
                yield path, status, True
                return
            with os.scandir(path) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            raise UsageError(f"{path} can't be read: {error.strerror}.") from error
        for entry in listed:
            if entry.is_dir(follow_symlinks=False):
                yield from self._paths(entry.path)
            elif entry.is_file():
                with suppress(FileNotFoundError):  # it was moved away just now
                    yield entry.path, entry.stat(), False
            else:  # a link to a folder or to nothing, a socket
                self._counts.skipped += 1

    def _is_log(self, path: str, *, asked: bool) -> bool:
        name = path.rpartition("/")[2]
        if is_other(_whole(path)) or not (asked or name.endswith(ENDINGS) or _begins_so(path)):
            self._counts.skipped += 1
            return False
        return True


def find(
    places: Sequence[str], wanted: Wanted, profile: str = "", *, unfilled: bool = False, ahead: bool = True
) -> Found:
    """Find the log files at places: files, folders with all below them, globs, and ``s3://bucket/prefix``.

    Sorted by name, S3 last, each file once. `profile` is whose credentials S3 is asked with, by default those that the
    ordinary chain has. `unfilled`: a place may have no log file yet. `ahead`: what is in S3 is fetched before it is
    opened; else `fetched` does so for those that are chosen. Raises `UsageError` for a place that names nothing, has no
    log file or can't be listed (what is in a bucket only while it is read), and `CredentialsError` where there are no
    credentials.
    """
    return Found(places, wanted, profile, unfilled=unfilled, ahead=ahead)


def _open(path: str) -> Source:
    return Path(path).open("rb", buffering=0)


def _whole(path: str) -> str:
    return os.path.abspath(path)  # noqa: PTH100 (names of millions of files stay texts)


def _begins_so(path: str) -> bool:
    """Return whether a file begins as logs do. One that can't be opened may be one; its reading says so."""
    try:
        with Path(path).open("rb") as file:
            head = file.read(_LOOKED_AT)
    except OSError:
        return True
    return head.lstrip().startswith(_BEGINNINGS)
