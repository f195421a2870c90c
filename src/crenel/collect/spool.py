"""Where a scan's rows land as they come. A unit is finished once its record is in place, and not before."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, NoReturn, Self

from crenel.collect.rows import whole
from crenel.errors import LakeError, WritingError
from crenel.model import Gap, Unit, UnitRecord

_RECORD = ".record.json"


def jsonable(value: object) -> Any:  # noqa: ANN401 (what JSON takes)
    """Return what JSON can't say as text or number: times as ``YYYY-MM-DD HH:MM:SS.ffffff`` in UTC, bytes as base64."""
    if isinstance(value, datetime):
        aware = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return aware.isoformat(sep=" ", timespec="microseconds")[:26]
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, set | frozenset | tuple):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} does not go into JSON")


_json = json.JSONEncoder(default=jsonable, separators=(",", ":"), ensure_ascii=False).encode


def _encode(value: object) -> bytes:
    return whole(_json(value)).encode()


class Spool:
    """The folder of a scan: ``<slug>.ndjson`` (one row a line) and, put there last, ``<slug>.record.json``.

    Its methods raise `CrenelError` where the folder can't be read or written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            _failed(folder, error)

    def rows_file(self, unit: Unit) -> Path:
        """Return the file that holds (or will hold) a finished unit's rows."""
        return self.folder / f"{unit.slug}.ndjson"

    def open(self, unit: Unit) -> UnitSpool:
        """Begin a unit anew; to be used in a `with`, at whose end all that was not finished is thrown away."""
        return UnitSpool(self, unit)

    def record(self, unit: Unit) -> UnitRecord | None:
        """Return a finished unit's record; None where it is not finished, or its record is damaged: to be read again.

        Raises `LakeError` where there is a record that can't be read.
        """
        return _read(self.folder / f"{unit.slug}{_RECORD}")


class UnitSpool:
    """The rows of one unit while it is being read."""

    def __init__(self, spool: Spool, unit: Unit) -> None:
        self._rows = spool.rows_file(unit)
        self._part = self._rows.with_name(f"{self._rows.name}.part")
        self._record = self._rows.with_name(f"{unit.slug}{_RECORD}")
        self._file: BinaryIO | None = None
        self.count = 0

    def __enter__(self) -> Self:
        try:
            self._file = self._part.open("wb", buffering=1 << 16)
        except OSError as error:
            _failed(self._part, error)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is None:
            return
        try:
            self._file.close()
        except OSError as problem:  # the buffer's rest did not fit on the disk
            if error is None:
                _failed(self._part, problem)
        finally:
            self._part.unlink(missing_ok=True)

    def write(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Append rows. Times become UTC text, bytes base64 text."""
        if self._file is None:
            raise ValueError("the unit is not open")
        lines = [_encode(row) for row in rows]
        if not lines:
            return
        try:
            self._file.write(b"\n".join(lines) + b"\n")
        except OSError as error:
            _failed(self._part, error)
        self.count += len(lines)

    def finish(self, record: UnitRecord) -> None:
        """Put the rows and then the record into place, each of them safely on the disk before it gets its name.

        A unit without rows takes no such care: most of a large scan's are empty, and waiting for the disk three times
        costs each some 6 ms. If the power fails, its record may be gone or cut off; then the unit is read again.
        """
        if self._file is None:
            raise ValueError("the unit is not open")
        try:
            if self.count:
                _sync(self._file)
            self._part.replace(self._rows)
            made = self._record.with_name(f"{self._record.name}.part")
            with made.open("wb") as file:
                file.write(_encode(asdict(record)))
                if self.count:
                    _sync(file)
            made.replace(self._record)
            if self.count:
                _sync_folder(self._record.parent)
        except OSError as error:
            _failed(self._record, error)


def _read(path: Path) -> UnitRecord | None:
    try:
        found = json.loads(path.read_bytes())
        gaps = tuple(Gap(**{**gap, "at": _time(gap["at"])}) for gap in found["gaps"])
        return UnitRecord(
            unit=Unit(**found["unit"]),
            rows=found["rows"],
            calls=found["calls"],
            seconds=found["seconds"],
            gaps=gaps,
            finished_at=_time(found["finished_at"]) if found["finished_at"] else None,
        )
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LakeError(f"can't read {path}: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError):
        return None  # cut off when the power failed


def _time(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=UTC)


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _failed(path: Path, error: OSError) -> NoReturn:
    raise WritingError(
        f"can't write {path}: {error.strerror or error}.",
        suggestion="Make room or fix the permissions, then resume the scan: finished units are kept.",
    ) from error
