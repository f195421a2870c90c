"""A log file's bytes, unpacked, a piece at a time: plain, gzip or zstd, whatever its name says."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Generator, Iterator
from contextlib import closing

from crenel.logs.model import Fault, LogFile, Source

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

# Small enough for a core's cache, which is what the speed of all that follows comes from.
PIECE = 256 << 10  # bytes unpacked at a time, at most
_READ = 64 << 10  # bytes read at a time
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_LOST = "what comes after it is lost"
_STRANGE = "what follows here is not packed as the rest is, and is not read"
_ANY_HEADER = 31  # zlib's wbits: a gzip header, the largest window


class Unpacking:
    """One reading of a file. `faults` are those of its packing, `stored` the bytes read so far."""

    def __init__(self, file: LogFile) -> None:
        self.faults: list[Fault] = []
        self.stored = 0
        self._file = file

    def __iter__(self) -> Iterator[bytes]:
        """Yield the content. What can't be read or unpacked ends it, and is a fault; what came before was yielded."""
        try:
            with closing(self._file.open()) as source:
                yield from self._content(source)
        except OSError as error:
            self._fault(f"it can't be read: {error.strerror or error}")

    def _content(self, source: Source) -> Iterator[bytes]:
        head = self._read(source)
        while len(head) < len(_ZSTD) and (more := self._read(source)):
            head += more
        if not head:
            self.faults.append(Fault(self._file.name, "byte 0", "the file is empty"))
        elif head.startswith(_GZIP):
            yield from self._gunzip(source, head)
        elif head.startswith(_ZSTD):
            yield from self._unzstd(source, head)
        else:
            while head:
                yield head
                head = self._read(source)

    def _gunzip(self, source: Source, data: bytes) -> Iterator[bytes]:
        """Yield what the members of a gzip file hold, one after the other."""
        while data:
            member = zlib.decompressobj(_ANY_HEADER)
            while True:
                before = member.copy()
                try:
                    piece = member.decompress(data, PIECE)
                except zlib.error as error:
                    good = yield from _rescued(before, data)
                    self._fault(f"the gzip data is damaged ({_reason(error)}): {_LOST}", len(data) - good)
                    return
                if piece:
                    yield piece
                data = member.unconsumed_tail
                if member.eof:
                    break
                if not data and len(piece) < PIECE:
                    data = self._read(source)
                    if not data:
                        self._fault("the gzip data is cut off")
                        return
            data = self._padding(source, member.unused_data)
            if data and not data.startswith(_GZIP):
                self._fault(_STRANGE, len(data))
                return

    def _unzstd(self, source: Source, data: bytes) -> Iterator[bytes]:
        """Yield what the frames of a zstd file hold, one after the other."""
        while data:
            frame = zstd.ZstdDecompressor()
            while not frame.eof:
                given = data if frame.needs_input else b""
                try:
                    piece = frame.decompress(given, PIECE)
                except zstd.ZstdError as error:
                    self._fault(f"the zstd data is damaged ({_reason(error)}): {_LOST}", len(data))
                    return
                data = data[len(given) :]
                if piece:
                    yield piece
                if frame.needs_input and not data:
                    data = self._read(source)
                    if not data:
                        self._fault("the zstd data is cut off")
                        return
            data = self._padding(source, frame.unused_data + data)
            if data and not data.startswith(_ZSTD):
                self._fault(_STRANGE, len(data))
                return

    def _padding(self, source: Source, data: bytes) -> bytes:
        """Return what follows a member, enough of it to be known, without the zeros that may pad it."""
        while len(data := data.lstrip(b"\0")) < len(_ZSTD):
            more = self._read(source)
            if not more:
                break
            data += more
        return data

    def _read(self, source: Source) -> bytes:
        data = source.read(_READ)
        self.stored += len(data)
        return data

    def _fault(self, message: str, left: int = 0) -> None:
        """Note a fault before the last `left` bytes that were read."""
        self.faults.append(Fault(self._file.name, f"byte {self.stored - left:,}", message))


def _rescued(state: zlib._Decompress, data: bytes) -> Generator[bytes, None, int]:
    """Yield what can be unpacked before an error: zlib gives nothing of the call in which it comes.

    Returns how many bytes that took.
    """
    whole = len(data)
    for step in (4096, 1):
        at = 0
        while at < len(data):
            trial = state.copy()
            try:
                piece = trial.decompress(data[at : at + step])
            except zlib.error:
                break
            state = trial
            at += step
            if piece:
                yield piece
        data = data[at:]
    return whole - len(data)


def _reason(error: Exception) -> str:
    return str(error).rpartition(": ")[2]
