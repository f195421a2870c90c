"""The spool: what is finished stays, what is not does not count."""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from crenel.catalog.columns import TEXT, MapOf, Scalar
from crenel.collect import spool as spool_module
from crenel.collect.spool import Spool
from crenel.errors import CrenelError, LakeError
from crenel.lake.engine import connect
from crenel.lake.snapshots import rows_sql
from crenel.model import Gap, Unit, UnitRecord

UNIT = Unit("123456789012", "eu-west-1", "ebs")
AT = datetime(2026, 1, 2, 3, 4, 5, 600000, tzinfo=UTC)
GAP = Gap("123456789012", "eu-west-1", "ebs", "", "", "ec2:DescribeVolumes", "ec2:DescribeVolumes", "X", "no", AT)
RECORD = UnitRecord(UNIT, 2, {"ec2:DescribeVolumes": 3}, 1.5, (GAP,), AT)


def test_a_finished_unit_comes_back_as_it_was(tmp_path) -> None:
    spool = Spool(tmp_path / "deep" / "spool")
    with spool.open(UNIT) as out:
        out.write([{"a": 1}])
        out.write([])
        out.write([{"a": 2}])
        assert out.count == 2
        out.finish(RECORD)
    assert spool.record(UNIT) == RECORD
    assert spool.rows_file(UNIT).read_text() == '{"a":1}\n{"a":2}\n'
    assert sorted(path.name for path in spool.folder.iterdir()) == [
        "ebs.123456789012.eu-west-1.ndjson", "ebs.123456789012.eu-west-1.record.json",
    ]  # fmt: skip


def test_values_that_json_does_not_know(tmp_path) -> None:
    spool = Spool(tmp_path)
    here = datetime(2026, 1, 2, 5, tzinfo=timezone(timedelta(hours=2)))
    values = {
        "t": here,
        "naive": datetime(2026, 1, 2),  # noqa: DTZ001
        "b": b"\x00\xff",
        "d": Decimal("1.5"),
        "i": Decimal(3),
        "u": "é",
    }
    with spool.open(UNIT) as out:
        out.write([values])
        out.finish(RECORD)
    assert json.loads(spool.rows_file(UNIT).read_text()) == {
        "t": "2026-01-02 03:00:00.000000", "naive": "2026-01-02 00:00:00.000000", "b": "AP8=", "d": 1.5, "i": 3,
        "u": "é",
    }  # fmt: skip


def test_halves_of_characters_do_not_make_the_spool_unreadable(tmp_path) -> None:
    spool = Spool(tmp_path)
    texts = [
        "half \ud83d",
        "\ude00\ud83d",
        "whole \N{GRINNING FACE}",
        "nul \0",
        "line\u2028\x85\r\nend",
        'back\\slash "',
    ]
    with spool.open(UNIT) as out:
        out.write([{"n": number, "t": text, "s": {text: text}} for number, text in enumerate(texts)])
        out.finish(replace(RECORD, gaps=(replace(GAP, message="half \ud83d"),)))
    source = rows_sql({"n": Scalar("integer"), "t": TEXT, "s": MapOf(TEXT)}, [spool.rows_file(UNIT)])
    found = connect().execute(f"SELECT t, map_values(s)[1] FROM ({source}) ORDER BY n").fetchall()
    wanted = ["half \ufffd", "\ufffd\ufffd", *texts[2:]]
    assert found == [(text, text) for text in wanted]
    record = spool.record(UNIT)
    assert record is not None
    assert record.gaps[0].message == "half \ufffd"


def test_a_unit_that_dies_half_way_is_not_done_and_starts_anew(tmp_path) -> None:
    spool = Spool(tmp_path)
    with pytest.raises(KeyboardInterrupt), spool.open(UNIT) as out:  # noqa: PT012 (what follows is tested)
        out.write([{"a": 1}])
        raise KeyboardInterrupt
    assert spool.record(UNIT) is None
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "ebs.123456789012.eu-west-1.ndjson.part").write_text('{"a": ')  # as kill -9 leaves it
    (tmp_path / "ebs.123456789012.eu-west-1.ndjson").write_text('{"a": 9}')  # killed between the two renames
    assert spool.record(UNIT) is None
    with spool.open(UNIT) as out:
        out.write([{"a": 1}])
        out.finish(RECORD)
    assert spool.rows_file(UNIT).read_text() == '{"a":1}\n'


def test_a_full_disk_is_told_and_counts_for_nothing(tmp_path, monkeypatch) -> None:
    spool = Spool(tmp_path)

    def full(_) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spool_module, "_sync", full)
    with pytest.raises(CrenelError, match="No space left"), spool.open(UNIT) as out:  # noqa: PT012
        out.write([{"a": 1}])
        out.finish(RECORD)
    assert spool.record(UNIT) is None
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_none(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CrenelError, match="can't write"):
        Spool(tmp_path / "file")


@pytest.mark.parametrize("text", ["", '{"unit": ', "\0\0\0", "{}", "[]"])
def test_a_record_that_a_power_failure_cut_off_is_none(tmp_path, text) -> None:
    (tmp_path / f"{UNIT.slug}.record.json").write_text(text)
    assert Spool(tmp_path).record(UNIT) is None


def test_a_record_that_can_not_be_read_is_named(tmp_path) -> None:
    (tmp_path / f"{UNIT.slug}.record.json").mkdir()
    with pytest.raises(LakeError, match=r"can't read .*record\.json"):
        Spool(tmp_path).record(UNIT)


@pytest.mark.parametrize(("rows", "waits"), [([], 0), ([{"a": 1}], 3)])
def test_only_units_with_rows_wait_for_the_disk(tmp_path, monkeypatch, rows, waits) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    spool = Spool(tmp_path)
    spool.rows_file(UNIT).write_text('{"a": 9}\n')  # of an earlier attempt, killed before its record was there
    with spool.open(UNIT) as out:
        out.write(rows)
        out.finish(RECORD)
    assert len(synced) == waits
    assert spool.record(UNIT) == RECORD
    assert len(spool.rows_file(UNIT).read_text().splitlines()) == len(rows)
