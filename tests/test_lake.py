"""The lake: whole or not there, damage named, history kept."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from crenel.catalog.load import catalog
from crenel.errors import LakeError, UsageError
from crenel.lake.snapshots import COMMON, Lake, Snapshot
from crenel.model import Account, Coverage, Gap, ScanInfo, Unit, UnitRecord
from crenel.scan import ScanOptions, judge_stored, query

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ACCOUNT = "111122223333"


def snapshot_of(lake: Lake, now: datetime, volumes: dict[str, bool], gaps: tuple[Gap, ...] = ()) -> Snapshot:
    """A finished snapshot of attached volumes, encrypted or not."""
    identity, folder = lake.new_scan(now)
    rows = [
        dict.fromkeys(COMMON)
        | {
            "_account": ACCOUNT,
            "_region": "eu-west-1",
            "_home": "eu-west-1",
            "_owner": ACCOUNT,
            "_primary": True,
            "_id": name,
        }
        | {
            "_seen_at": "2026-11-23 12:00:00",
            "_gaps": {},
            "VolumeId": name,
            "Encrypted": encrypted,
            "Attachments": [{"Device": "a"}],
        }
        for name, encrypted in volumes.items()
    ]
    (folder / f"ebs.{ACCOUNT}.eu-west-1.ndjson").write_text("".join(json.dumps(row) + "\n" for row in rows))
    info = ScanInfo(identity, now, now, (Account(ACCOUNT),), ("eu-west-1",), (), {"ebs": ()})
    record = UnitRecord(Unit(ACCOUNT, "eu-west-1", "ebs"), len(rows), {"ec2:DescribeVolumes": 1}, 0.1, gaps)
    return lake.commit(folder, info, [record], catalog(), ())


def verdicts(lake: Path, as_of: datetime | None = None) -> dict[str, str]:
    with judge_stored(ScanOptions(lake=lake, practices=(16,), as_of=as_of)) as outcome:
        return {finding.resource_id: finding.status.value for finding in outcome.judgement.findings()}


def test_a_snapshot_is_judged_again(tmp_path: Path) -> None:
    """No call is made; the rows say it all."""
    snapshot_of(Lake(tmp_path), NOW, {"vol-1": True, "vol-2": False})

    assert verdicts(tmp_path) == {"vol-1": "PASS", "vol-2": "FAIL"}


def test_as_of_takes_the_snapshot_of_that_time(tmp_path: Path) -> None:
    """History is the same tables at an earlier time."""
    lake = Lake(tmp_path)
    snapshot_of(lake, NOW - timedelta(days=2), {"vol-1": False})
    snapshot_of(lake, NOW, {"vol-1": True})

    assert verdicts(tmp_path) == {"vol-1": "PASS"}
    assert verdicts(tmp_path, NOW - timedelta(days=1)) == {"vol-1": "FAIL"}
    with pytest.raises(LakeError, match="no usable snapshot"):
        verdicts(tmp_path, NOW - timedelta(days=3))


def test_other_tools_read_it(tmp_path: Path) -> None:
    """A table is a plain Parquet file with AWS's names."""
    found = snapshot_of(Lake(tmp_path), NOW, {"vol-1": True})

    with duckdb.connect() as connection:
        assert connection.execute(f"SELECT VolumeId, Encrypted FROM '{found.folder}/ebs.parquet'").fetchall() == [
            ("vol-1", True)
        ]


@pytest.mark.parametrize("harm", ["cut", "gone", "no manifest", "torn manifest", "another format"])
def test_damage_is_named_and_passed_over(tmp_path: Path, harm: str) -> None:
    """The older, whole snapshot serves; the damaged one is named with its reason."""
    lake = Lake(tmp_path)
    old = snapshot_of(lake, NOW - timedelta(days=1), {"vol-1": True})
    new = snapshot_of(lake, NOW, {"vol-1": False})
    table, manifest = new.folder / "ebs.parquet", new.folder / "manifest.json"
    match harm:
        case "cut":
            table.write_bytes(table.read_bytes()[:-10])
        case "gone":
            table.unlink()
        case "no manifest":
            manifest.unlink()
        case "torn manifest":
            manifest.write_text(manifest.read_text()[:50])
        case _:
            manifest.write_text(manifest.read_text().replace('"format": 1', '"format": 9'))

    found, damages = lake.latest()

    assert found.info.id == old.info.id
    assert [damage.id for damage in damages] == [new.info.id]
    assert damages[0].reason


def test_altered_bytes_are_refused(tmp_path: Path) -> None:
    """A file of the right length with another content does not pass for what was written; an older snapshot serves."""
    lake = Lake(tmp_path)
    snapshot_of(lake, NOW - timedelta(days=1), {"vol-1": True})
    table = snapshot_of(lake, NOW, {"vol-1": False}).folder / "ebs.parquet"
    content = bytearray(table.read_bytes())
    content[len(content) // 2] ^= 1
    table.write_bytes(content)

    with judge_stored(ScanOptions(lake=tmp_path, practices=(16,))) as outcome:
        assert [damage.reason for damage in outcome.damages] == ["ebs.parquet was altered after it was written."]
        assert [finding.status.value for finding in outcome.judgement.findings()] == ["PASS"]


def test_a_write_that_fails_leaves_the_spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing half-written is there, and what was read is not lost."""
    lake = Lake(tmp_path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("crenel.lake.snapshots.seal", full)
    with pytest.raises(LakeError, match="No space left"):
        snapshot_of(lake, NOW, {"vol-1": True})

    assert lake.all() == ([], [])
    assert list(lake.scans.glob("*/ebs.*.ndjson"))


def test_columns_that_a_snapshot_lacks_are_unknown(tmp_path: Path) -> None:
    """A policy that reads what the scan did not collect gets no PASS out of the empty column."""
    snapshot_of(Lake(tmp_path), NOW, {"vol-1": True})

    with judge_stored(ScanOptions(lake=tmp_path, practices=(10, 15))) as outcome:
        found = {(finding.policy, finding.status.value) for finding in outcome.judgement.findings()}

        assert not outcome.judgement.whole

    assert found == {("s3-bucket-encryption", "UNKNOWN"), ("config-enabled", "UNKNOWN")}


def test_sql_reads_and_never_writes(tmp_path: Path) -> None:
    """A SELECT over tables named by type; no other statement, and no other file."""
    snapshot_of(Lake(tmp_path), NOW, {"vol-1": True, "vol-2": False})
    secret = tmp_path.parent / "secret.csv"
    secret.write_text("a\n1\n")

    with query(tmp_path, "SELECT VolumeId FROM ebs WHERE NOT Encrypted") as (columns, rows):
        assert (columns, list(rows)) == (["VolumeId"], [("vol-2",)])
    for statement in (
        "DROP VIEW ebs",
        "COPY (SELECT 1) TO '/tmp/x.csv'",
        "SELECT 1; SELECT 2",
        f"SELECT * FROM read_csv('{secret}')",
        "SELECT * FROM nothing",
        "SELEC 1",
        "SET enable_external_access = true",
    ):
        with pytest.raises(UsageError), query(tmp_path, statement) as (_, rows):
            list(rows)


def test_rows_that_were_lost_are_missed(tmp_path: Path) -> None:
    """A unit that says it wrote two rows, and a spool that is gone: no snapshot, and no complete one at that."""
    lake = Lake(tmp_path)
    identity, folder = lake.new_scan(NOW)
    info = ScanInfo(identity, NOW, NOW, (Account(ACCOUNT),), ("eu-west-1",), (), {"ebs": ()})
    record = UnitRecord(Unit(ACCOUNT, "eu-west-1", "ebs"), 2, {}, 0.1, ())

    with pytest.raises(LakeError, match="0 rows where its units wrote 2"):
        lake.commit(folder, info, [record], catalog(), ())

    assert folder.exists()


def test_a_unit_without_a_record_is_unread(tmp_path: Path) -> None:
    """Were a scan ever kept that did not read all it was to, what is missing is UNKNOWN and not absent."""
    lake = Lake(tmp_path)
    identity, folder = lake.new_scan(NOW)
    covered = (Coverage(ACCOUNT, "eu-west-1", "scanned"),)
    info = ScanInfo(identity, NOW, NOW, (Account(ACCOUNT),), ("eu-west-1",), covered, {"ebs": (), "iam-user": ()})
    lake.commit(folder, info, [], catalog(), ())

    with judge_stored(ScanOptions(lake=tmp_path, practices=(2, 16))) as outcome:
        found = {
            (finding.practice, finding.region, finding.resource_id): finding for finding in outcome.judgement.findings()
        }

    assert {key: finding.status.value for key, finding in found.items()} == {
        (2, "global", "*"): "UNKNOWN",
        (16, "eu-west-1", "*"): "UNKNOWN",
    }
    assert found[16, "eu-west-1", "*"].reason == "aws.ebs was not read in eu-west-1"


def test_a_scan_that_was_cut_off_while_tidying_up_is_finished(tmp_path: Path) -> None:
    """Its snapshot is in place: there is nothing to go on with, and the rest of its folder goes."""
    lake = Lake(tmp_path)
    snapshot = snapshot_of(lake, NOW, {"vol-1": True})
    left = lake.scans / snapshot.info.id
    left.mkdir()
    (left / "scan.json").write_text("{}")

    assert lake.unfinished() == []
    assert not left.exists()


def test_a_lake_whose_path_looks_like_a_pattern(tmp_path: Path) -> None:
    """Brackets and stars in a folder's name are its name."""
    folder = tmp_path / "la[k]e *"
    snapshot_of(Lake(folder), NOW, {"vol-1": False})

    assert verdicts(folder) == {"vol-1": "FAIL"}
    with query(folder, "SELECT count(*) FROM ebs") as (_, rows):
        assert list(rows) == [(1,)]
