"""A whole scan over a fake account: its units, how it stops, how it goes on."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from crenel.catalog.load import catalog
from crenel.collect import collector as collector_module
from crenel.collect.collector import ProgressEvent, collect
from crenel.collect.spool import Spool
from crenel.collect.tally import InterruptedScan
from crenel.errors import CredentialsError, CrenelError
from crenel.model import Coverage, Needs, Unit

from .conftest import NOW
from .fakes import ACCOUNT, FakeCaller, denied, target

COVERED = [Coverage(ACCOUNT, name, "scanned") for name in ("eu-west-1", "us-east-1")] + [
    Coverage(ACCOUNT, "me-south-1", "not-opted-in", "off")
]
NEEDS = [Needs("ebs"), Needs("aws.account", frozenset({"SummaryMap"}))]
UNITS = [
    Unit(ACCOUNT, "global", "account"), Unit(ACCOUNT, "eu-west-1", "ebs"), Unit(ACCOUNT, "us-east-1", "ebs"),
]  # fmt: skip
ANSWERS = {
    "ec2:DescribeVolumes": {"Volumes": [{"VolumeId": "v"}]},
    "iam:GetAccountSummary": {"SummaryMap": {"Users": 1}},
}


def gather(tmp_path, caller: FakeCaller, **changes):
    return collect([target(caller)], NEEDS, COVERED, Spool(tmp_path), catalog=catalog(), now=NOW, **changes)


def test_units_are_account_by_region_by_type_and_progress_is_told(tmp_path) -> None:
    events: list[ProgressEvent] = []
    caller = FakeCaller(ANSWERS)
    records = gather(tmp_path, caller, progress=events.append)
    assert {record.unit for record in records} == set(UNITS)
    assert [event.state for event in events].count("started") == 3
    assert (events[-1].done, events[-1].total, events[-1].state) == (3, 3, "finished")
    assert ("iam:GetAccountSummary", {}, "us-east-1") in caller.asked
    assert {where for name, _, where in caller.asked if name == "ec2:DescribeVolumes"} == {"eu-west-1", "us-east-1"}


def test_a_stop_keeps_what_is_finished_and_a_second_run_reads_the_rest(tmp_path) -> None:
    stop = threading.Event()

    def volumes(_, region):
        if region == "us-east-1":
            stop.set()
        return {"Volumes": []}

    with pytest.raises(InterruptedScan):
        gather(tmp_path, FakeCaller(ANSWERS | {"ec2:DescribeVolumes": volumes}), stop=stop, workers=2)
    kept = [unit for unit in UNITS if Spool(tmp_path).record(unit)]
    assert len(kept) < 3
    caller = FakeCaller(ANSWERS)
    second = gather(tmp_path, caller)
    assert {record.unit for record in second} == set(UNITS)
    assert len(caller.asked) == 3 - len(kept)


def test_a_stop_that_comes_after_the_last_call_leaves_a_whole_scan(tmp_path) -> None:
    stop = threading.Event()
    assert len(gather(tmp_path, FakeCaller(ANSWERS))) == 3
    stop.set()
    assert len(gather(tmp_path, FakeCaller({}), stop=stop)) == 3


def test_ctrl_c_is_raised_on_and_finished_units_stay(tmp_path) -> None:
    stop = threading.Event()

    def volumes(_, region):
        if region == "us-east-1":
            raise KeyboardInterrupt
        return {"Volumes": []}

    with pytest.raises(KeyboardInterrupt):
        gather(tmp_path, FakeCaller(ANSWERS | {"ec2:DescribeVolumes": volumes}), stop=stop, workers=2)
    assert stop.is_set()
    assert Spool(tmp_path).record(Unit(ACCOUNT, "us-east-1", "ebs")) is None
    assert Spool(tmp_path).record(Unit(ACCOUNT, "eu-west-1", "ebs")) is not None


def test_a_spool_that_can_not_be_written_ends_the_scan(tmp_path) -> None:
    spool = Spool(tmp_path / "spool")
    (tmp_path / "spool").rmdir()
    with pytest.raises(CrenelError, match="can't write"):
        collect([target(FakeCaller(ANSWERS))], NEEDS, COVERED, spool, catalog=catalog(), now=NOW)


def test_denied_everywhere_is_gaps_everywhere_and_no_crash(tmp_path) -> None:
    every = [Needs(name, frozenset(catalog()[name].details)) for name in catalog()]
    records = collect([target(FakeCaller({}))], every, COVERED, Spool(tmp_path), catalog=catalog(), now=NOW)
    assert all(record.gaps for record in records)
    assert len(records) == sum(2 if catalog()[name].regional else 1 for name in catalog())


def test_account_wide_types_are_read_without_a_scanned_region(tmp_path) -> None:
    covered = [Coverage(ACCOUNT, "ap-east-1", "not-opted-in", "off")]
    needs = [*NEEDS, Needs("s3"), Needs("cloudtrail")]
    answers = ANSWERS | {"s3:ListBuckets": {"Buckets": [{"Name": "b", "BucketRegion": "us-east-1"}]}}
    for restricted, buckets in ((True, 0), (False, 1)):
        spool = Spool(tmp_path / str(restricted))
        records = collect(
            [target(FakeCaller(answers))], needs, covered, spool, catalog=catalog(), now=NOW, restrict_global=restricted
        )
        assert {record.unit.type: record.rows for record in records} == {"account": 1, "s3": buckets}
        assert [gap for record in records for gap in record.gaps] == []


@pytest.mark.parametrize("workers", [2, 48])
def test_expired_credentials_stop_the_scan_and_keep_what_is_finished(tmp_path, workers) -> None:
    stop = threading.Event()
    answers = ANSWERS | {
        "ec2:DescribeVolumes": lambda _, region: (
            {"Volumes": []} if region == "eu-west-1" else denied("ec2:DescribeVolumes", "RequestExpired")
        )
    }
    with pytest.raises(CredentialsError, match="expired while scanning"):
        gather(tmp_path, FakeCaller(answers), stop=stop, workers=workers)
    assert stop.is_set()
    assert Spool(tmp_path).record(Unit(ACCOUNT, "us-east-1", "ebs")) is None
    assert len(gather(tmp_path, FakeCaller(ANSWERS))) == 3


def test_units_wait_in_no_queue(tmp_path) -> None:
    """Of many units only a few are begun at a time; the others are not even in memory."""
    regions = [f"r-{number}" for number in range(300)]
    covered = [Coverage(ACCOUNT, region, "scanned") for region in regions]
    release = threading.Event()
    most = 0

    def volumes(*_):
        release.wait(10)
        return {"Volumes": []}

    class Pool(ThreadPoolExecutor):
        def submit(self, *args, **kwargs):
            nonlocal most
            most = max(most, self._work_queue.qsize())
            return super().submit(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(collector_module, "ThreadPoolExecutor", Pool)
        caller = FakeCaller({"ec2:DescribeVolumes": volumes})
        threading.Timer(0.2, release.set).start()
        records = collect(
            [target(caller)], [Needs("ebs")], covered, Spool(tmp_path), catalog=catalog(), now=NOW, workers=8
        )
    assert len(records) == 300
    assert most <= 8
