"""The spool: what is finished stays, what is not does not count."""

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from crenel.collect import spool as spool_module
from crenel.collect.spool import Spool
from crenel.errors import CrenelError, LakeError
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
    assert spool.is_done(UNIT)
    assert spool.records() == [RECORD]
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
        "u": "é\ud800",
    }
    with spool.open(UNIT) as out:
        out.write([values])
        out.finish(RECORD)
    assert json.loads(spool.rows_file(UNIT).read_text()) == {
        "t": "2026-01-02 03:00:00.000000", "naive": "2026-01-02 00:00:00.000000", "b": "AP8=", "d": 1.5, "i": 3,
        "u": "é\ud800",
    }  # fmt: skip


def test_a_unit_that_dies_half_way_is_not_done_and_starts_anew(tmp_path) -> None:
    spool = Spool(tmp_path)
    with pytest.raises(KeyboardInterrupt), spool.open(UNIT) as out:  # noqa: PT012 (what follows is tested)
        out.write([{"a": 1}])
        raise KeyboardInterrupt
    assert not spool.is_done(UNIT)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "ebs.123456789012.eu-west-1.ndjson.part").write_text('{"a": ')  # as kill -9 leaves it
    (tmp_path / "ebs.123456789012.eu-west-1.ndjson").write_text('{"a": 9}')  # killed between the two renames
    assert spool.records() == []
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
    assert not spool.is_done(UNIT)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_none(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CrenelError, match="can't write"):
        Spool(tmp_path / "file")


def test_a_damaged_record_is_named(tmp_path) -> None:
    spool = Spool(tmp_path)
    (tmp_path / "x.record.json").write_text('{"unit": ')
    with pytest.raises(LakeError, match=r"x\.record\.json is damaged"):
        spool.records()
