"""The lake: a folder of snapshots, each a folder of Parquet files with a manifest.

    <lake>/scans/<id>/         a scan that runs, or was killed: its spools, and scan.json to go on with
    <lake>/snapshots/<id>/     a finished one: <table>.parquet, gaps.parquet, coverage.parquet, collection.parquet,
                               findings/*.parquet, and manifest.json

A snapshot is written beside its place and renamed into it whole, so it is there or it is not. The manifest says how
many rows, bytes and which SHA-256 every file has; a file that differs is damage, is named, and the snapshot is not
used.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from crenel.catalog.columns import TEXT, MapOf, Scalar, Type
from crenel.catalog.load import Catalog
from crenel.catalog.spec import ResourceType
from crenel.errors import LakeError
from crenel.lake.engine import connect, insert, literal_path, name, quoted, sql_type
from crenel.model import Account, Coverage, Gap, ScanInfo, UnitRecord

FORMAT = 1
COMMON: Mapping[str, Type] = {
    "_account": TEXT,
    "_region": TEXT,
    "_home": TEXT,
    "_owner": TEXT,
    "_primary": Scalar("boolean"),
    "_id": TEXT,
    "_arn": TEXT,
    "_name": TEXT,
    "_seen_at": Scalar("timestamp"),
    "_gaps": MapOf(TEXT),
    "_n": Scalar("integer"),
}
GAPS = (
    "account VARCHAR, region VARCHAR, type VARCHAR, detail VARCHAR, resource VARCHAR, call VARCHAR, "
    "permission VARCHAR, code VARCHAR, message VARCHAR, seen_at TIMESTAMP"
)
COVERAGE = "account VARCHAR, region VARCHAR, state VARCHAR, reason VARCHAR"
COLLECTION = "account VARCHAR, region VARCHAR, type VARCHAR, rows BIGINT, calls BIGINT, seconds DOUBLE, gaps BIGINT"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A finished snapshot: its folder and its head."""

    folder: Path
    info: ScanInfo

    def file(self, kind: ResourceType) -> Path | None:
        """Return the Parquet file of a type, or None where the scan did not collect it."""
        path = self.folder / f"{kind.table}.parquet"
        return path if path.exists() else None

    @property
    def findings(self) -> Path:
        """The folder of the scan's own findings (Parquet)."""
        return self.folder / "findings"


@dataclass(frozen=True, slots=True)
class Damage:
    """A snapshot that can't be used, and why."""

    id: str
    reason: str


class Lake:
    """A folder of snapshots. Any number of scans may write to it at a time: each has folders of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.snapshots = folder / "snapshots"
        self.scans = folder / "scans"

    # --- running scans

    def new_scan(self, now: datetime) -> tuple[str, Path]:
        """Make the folder of a new scan; return its id (sortable by time) and the folder. Raises `LakeError`."""
        identity = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
        folder = self.scans / identity
        try:
            if not self.folder.exists():
                self.folder.mkdir(parents=True)
            # A whole account's configuration is its owner's business, whoever made the lake's folder.
            for part in (self.scans, self.snapshots):
                part.mkdir(mode=0o700, exist_ok=True)
            folder.mkdir()
        except OSError as error:
            raise LakeError(
                f"can't write into the lake {self.folder}: {error.strerror}.", suggestion="See --lake."
            ) from error
        return identity, folder

    def unfinished(self) -> list[Path]:
        """Return the folders of scans that did not finish, newest first.

        One whose snapshot is in place was cut off while it tidied up; that is done here.
        """
        found = sorted(self.scans.iterdir(), reverse=True) if self.scans.is_dir() else []
        for folder in found:
            if (self.snapshots / folder.name / "manifest.json").exists():
                _discard(folder)
        return [folder for folder in found if (folder / "scan.json").exists()]

    # --- finished snapshots

    def commit(
        self, spool: Path, info: ScanInfo, records: Sequence[UnitRecord], catalog: Catalog, extra: Sequence[Gap]
    ) -> Snapshot:
        """Turn a scan's spool into a snapshot, put it into place, remove the spool. Raises `LakeError`, and then
        nothing is lost.
        """
        place = self.snapshots / info.id
        partial = self.snapshots / f".{info.id}.partial"
        try:
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            written = write_tables(partial, spool, info, catalog)
            _whole(written, records)
            gaps = [*extra, *(gap for record in records for gap in record.gaps)]
            _write_ledger(partial, info, records, gaps)
            seal(partial, info)
            partial.rename(place)
            _sync(self.snapshots)
        except (OSError, duckdb.Error) as error:
            shutil.rmtree(partial, ignore_errors=True)
            raise LakeError(
                f"can't write the snapshot {info.id}: {error}.",
                suggestion=f"What was read stays in {spool}: crenel scan --resume.",
            ) from error
        _discard(spool)
        return Snapshot(place, info)

    def all(self) -> tuple[list[Snapshot], list[Damage]]:
        """Return the usable snapshots, oldest first, and those that are not, each with the reason."""
        good: list[Snapshot] = []
        bad: list[Damage] = []
        for folder in sorted(self.snapshots.iterdir()) if self.snapshots.is_dir() else []:
            if folder.name.startswith(".") or not folder.is_dir():
                continue
            try:
                good.append(_open(folder))
            except LakeError as error:
                bad.append(Damage(folder.name, error.message))
        return good, bad

    def check(self, snapshot: Snapshot) -> None:
        """Hold every byte of a snapshot against its manifest. Raises `LakeError` where a file differs."""
        if altered := _altered(snapshot):
            raise LakeError(f"the snapshot {snapshot.info.id} is damaged: {altered} was altered after it was written.")

    def latest(self, as_of: datetime | None = None) -> tuple[Snapshot, list[Damage]]:
        """Return the newest usable snapshot, not younger than `as_of`, with the damaged ones that were passed over.

        Every byte of it is held against its manifest. Raises `LakeError` where there is none.
        """
        good, bad = self.all()
        for snapshot in reversed(good):
            if as_of is not None and snapshot.info.started_at > as_of:
                continue
            altered = _altered(snapshot)
            if not altered:
                return snapshot, sorted((each for each in bad if each.id > snapshot.info.id), key=lambda each: each.id)
            bad.append(Damage(snapshot.info.id, f"{altered} was altered after it was written."))
        named = "; ".join(f"{damage.id}: {damage.reason}" for damage in bad)
        asked = f" of {as_of:%Y-%m-%d %H:%M} UTC or before" if as_of else ""
        raise LakeError(
            f"the lake {self.folder} has no usable snapshot{asked}." + (f" Damaged: {named}" if named else ""),
            suggestion="Scan first: crenel scan.",
        )


def write_tables(folder: Path, spool: Path, info: ScanInfo, catalog: Catalog) -> dict[str, int]:
    """Write one Parquet file a type out of the spools (`<type>.<account>.<region>.ndjson`), in the declared schema.

    Returns the number of rows by type.
    """
    spools: dict[str, list[Path]] = {}
    for path in sorted(spool.glob("*.ndjson")):
        if path.stat().st_size:
            spools.setdefault(path.name.split(".")[0], []).append(path)
    written: dict[str, int] = {}
    with connect(folder) as connection:
        for kind_name, details in sorted(info.details.items()):
            kind = catalog[kind_name]
            rows = rows_sql(collected_columns(kind, details), spools.get(kind_name, []))
            target = quoted(str(folder / f"{kind.table}.parquet"))
            copied = connection.execute(f"COPY ({rows}) TO {target} (FORMAT parquet, COMPRESSION zstd)").fetchone()
            written[kind_name] = int(copied[0]) if copied else 0
    return written


def _whole(written: Mapping[str, int], records: Sequence[UnitRecord]) -> None:
    """Raise `OSError` where rows were lost between the scan's units and the tables."""
    expected = Counter[str]()
    for record in records:
        expected[record.unit.type] += record.rows
    for kind, rows in written.items():
        if rows != expected[kind]:
            raise OSError(f"aws.{kind} has {rows} rows where its units wrote {expected[kind]}: a spool was lost")


def collected_columns(kind: ResourceType, details: Iterable[str]) -> dict[str, Type]:
    """Return the columns of a type's table when these details were collected.

    What one policy made for itself, with parameters of its own, is known to its own catalogue alone.
    """
    found: dict[str, Type] = {**COMMON, **kind.columns}
    for detail in details:
        if detail in kind.details:
            found |= kind.details[detail].columns
    return found


def kinds_of(info: ScanInfo, catalog: Catalog) -> list[ResourceType]:
    """Return the types that a scan read and a catalogue has: listings that a policy narrows are in its own alone."""
    return [catalog[name] for name in info.details if name in catalog]


def rows_sql(columns: Mapping[str, Type], spools: Sequence[Path]) -> str:
    """Return the query that reads spools in a declared schema."""
    if not spools:
        nothing = ", ".join(f"NULL::{sql_type(kind)} AS {name(key)}" for key, kind in columns.items())
        return f"SELECT {nothing} WHERE false"
    paths = ", ".join(quoted(literal_path(path)) for path in spools)
    schema = ", ".join(f"{quoted(key)}: {quoted(sql_type(kind))}" for key, kind in columns.items())
    return f"SELECT * FROM read_json([{paths}], format = 'newline_delimited', columns = {{{schema}}})"


def _write_ledger(folder: Path, info: ScanInfo, records: Sequence[UnitRecord], gaps: Sequence[Gap]) -> None:
    with connect(folder) as connection:
        _table(connection, folder, "gaps", GAPS, [gap_row(gap) for gap in gaps])
        covered = [[each.account, each.region, each.state, each.reason] for each in info.coverage]
        _table(connection, folder, "coverage", COVERAGE, covered)
        _table(connection, folder, "collection", COLLECTION, [_collection_row(record) for record in records])


def _collection_row(record: UnitRecord) -> list[object]:
    unit = record.unit
    calls = sum(record.calls.values())
    return [unit.account, unit.region, unit.type, record.rows, calls, record.seconds, len(record.gaps)]


def gap_row(gap: Gap) -> list[object]:
    """Return a gap as a row of the table of gaps."""
    at = gap.at.astimezone(UTC).replace(tzinfo=None)
    return [
        gap.account, gap.region, gap.type, gap.detail, gap.resource, gap.call, gap.permission,
        gap.code, gap.message, at,
    ]  # fmt: skip


def _table(
    connection: duckdb.DuckDBPyConnection, folder: Path, table: str, columns: str, rows: Sequence[Sequence[object]]
) -> None:
    connection.execute(f"CREATE TABLE {table} ({columns})")
    insert(connection, table, list(zip(*rows, strict=True)))
    target = quoted(str(folder / f"{table}.parquet"))
    connection.execute(f"COPY {table} TO {target} (FORMAT parquet, COMPRESSION zstd)")


def seal(folder: Path, info: ScanInfo) -> None:
    """Write the manifest of a folder's Parquet files, with which it is a snapshot. Raises `OSError`."""
    files = {
        path.name: {"bytes": path.stat().st_size, "sha256": _digest(path)} for path in sorted(folder.glob("*.parquet"))
    }
    for path in folder.glob("*.parquet"):
        _sync(path)
    manifest = {"format": FORMAT, "scan": info_json(info), "files": files}
    part = folder / "manifest.json.part"
    part.write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    _sync(part)
    part.rename(folder / "manifest.json")


def info_json(info: ScanInfo) -> dict[str, object]:
    """Return a scan's head as JSON values; times in ISO form, UTC."""
    return {
        "id": info.id,
        "started_at": info.started_at.isoformat(),
        "finished_at": info.finished_at.isoformat() if info.finished_at else None,
        "accounts": [{"id": account.id, "partition": account.partition} for account in info.accounts],
        "regions": list(info.regions),
        "coverage": [[c.account, c.region, c.state, c.reason] for c in info.coverage],
        "details": {kind: list(details) for kind, details in info.details.items()},
        "calls_by_service": info.calls_by_service,
        "complete": info.complete,
        "restricted": info.restricted,
    }


def info_from_json(data: Mapping[str, object]) -> ScanInfo:
    """Return a scan's head out of `info_json`'s values. Raises `KeyError`, `TypeError` or `ValueError` where they are
    not.
    """
    value: dict[str, object] = dict(data)
    finished = value["finished_at"]
    return ScanInfo(
        id=str(value["id"]),
        started_at=datetime.fromisoformat(str(value["started_at"])),
        finished_at=datetime.fromisoformat(str(finished)) if finished else None,
        accounts=tuple(Account(**account) for account in value["accounts"]),  # type: ignore[attr-defined]
        regions=tuple(value["regions"]),  # type: ignore[arg-type]
        coverage=tuple(Coverage(*row) for row in value["coverage"]),  # type: ignore[attr-defined]
        details={kind: tuple(details) for kind, details in value["details"].items()},  # type: ignore[attr-defined]
        calls_by_service=dict(value["calls_by_service"]),  # type: ignore[call-overload]
        complete=bool(value["complete"]),
        restricted=bool(value["restricted"]),
    )


def _open(folder: Path) -> Snapshot:
    path = folder / "manifest.json"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        if manifest["format"] != FORMAT:
            raise LakeError(f"its format is {manifest['format']}, and this Crenel reads {FORMAT}.")
        info = info_from_json(manifest["scan"])
        for file, wanted in manifest["files"].items():
            found = folder / file
            if not found.exists():
                raise LakeError(f"{file} is missing.")
            if found.stat().st_size != wanted["bytes"]:
                raise LakeError(f"{file} has {found.stat().st_size} bytes instead of {wanted['bytes']}.")
    except FileNotFoundError as error:
        raise LakeError("it has no manifest: its writing was cut off.") from error
    except KeyError as error:
        raise LakeError(f"its manifest lacks {error}: another version of Crenel wrote it.") from error
    except (OSError, ValueError, TypeError) as error:
        raise LakeError(f"its manifest can't be read ({error}).") from error
    return Snapshot(folder, info)


def _altered(snapshot: Snapshot) -> str:
    """Return the name of a file that is not what the manifest says, byte for byte; empty where all are."""
    manifest = json.loads((snapshot.folder / "manifest.json").read_text(encoding="utf-8"))
    files: dict[str, dict[str, str]] = manifest["files"]
    return next((file for file, known in files.items() if _digest(snapshot.folder / file) != known["sha256"]), "")


def _discard(spool: Path) -> None:
    """Remove a scan's folder; under another name first, so that one that is half removed is never gone on with."""
    aside = spool.with_name(f".{spool.name}.done")
    with contextlib.suppress(FileNotFoundError):
        spool.rename(aside)
    shutil.rmtree(aside, ignore_errors=True)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    """Have the operating system write a file or folder down."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
