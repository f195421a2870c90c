"""Places to log files: what is found, what is left out, and what is said of it."""

import gzip
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crenel.errors import UsageError
from crenel.logs import Wanted, find
from crenel.logs.layout import may_hold

from .material import event, native

ALL = Wanted()
TRAIL = "AWSLogs/111122223333/CloudTrail/eu-west-1/2026/11/20"
ORGANISATION = "AWSLogs/o-a1b2c3d4e5/444455556666/CloudTrail/us-east-1/2026/11/21"


def name(account: str, region: str, time: str) -> str:
    return f"{account}_CloudTrail_{region}_{time}Z_AbCdEfGh12345678.json.gz"


FIRST = f"{TRAIL}/{name('111122223333', 'eu-west-1', '20261120T1005')}"
SECOND = f"{ORGANISATION}/{name('444455556666', 'us-east-1', '20261121T2355')}"


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    """A copy of a trail's bucket, digests and Insights in it."""
    for path in (
        FIRST,
        SECOND,
        TRAIL.replace("CloudTrail", "CloudTrail-Digest") + "/111122223333_CloudTrail-Digest_eu-west-1_x_Z.json.gz",
        TRAIL.replace("CloudTrail", "CloudTrail-Insight") + "/111122223333_CloudTrail-Insight_eu-west-1_x_Z.json.gz",
    ):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_bytes(gzip.compress(native([event()])))
    return tmp_path


def found(*places: Path | str, wanted: Wanted = ALL) -> list[str]:
    return [file.name for file in find([str(place) for place in places], wanted)]


def test_a_folder_with_all_below_it(bucket: Path) -> None:
    """Digests and Insights hold no events: they are left out and counted."""
    files = find([str(bucket)], ALL)

    assert [file.name for file in files] == [f"{bucket}/{FIRST}", f"{bucket}/{SECOND}"]
    assert (files.skipped, files.outside) == (2, 0)


def test_files_globs_and_folders_together(bucket: Path) -> None:
    """Each file once, however often it is named, and in order."""
    again = bucket / "again.json.gz"
    again.symlink_to(bucket / FIRST)

    both = [f"{bucket}/{FIRST}", f"{bucket}/{SECOND}"]
    assert found(bucket / SECOND, bucket / FIRST, bucket / TRAIL, bucket / "**/*_CloudTrail_*.gz", again) == both


def test_a_name_with_the_letters_of_a_glob(tmp_path: Path) -> None:
    path = tmp_path / "logs[1].json"
    path.write_bytes(native([]))

    assert found(path) == [str(path)]


def test_what_is_a_log_is_seen_by_its_content(tmp_path: Path) -> None:
    """In a folder. A file that is named itself is read for what it is."""
    (tmp_path / "README.md").write_text("# Logs")
    (tmp_path / "empty").write_text("")
    (tmp_path / "events").write_bytes(b"\n " + native([]))
    (tmp_path / "packed.1").write_bytes(gzip.compress(b""))
    (tmp_path / "broken.json").write_text("no log")
    files = find([str(tmp_path)], ALL)

    assert [Path(file.name).name for file in files] == ["broken.json", "events", "packed.1"]
    assert files.skipped == 2
    assert found(tmp_path / "README.md") == [str(tmp_path / "README.md")]


@pytest.mark.parametrize("place", ["nowhere", "nowhere/*.json", "nowhere.json.gz"])
def test_a_place_that_names_nothing(place: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere.* names no file and no folder"):
        found(tmp_path / place)


def test_a_folder_without_logs(bucket: Path, tmp_path: Path) -> None:
    digests = bucket / "AWSLogs/111122223333/CloudTrail-Digest"

    with pytest.raises(UsageError, match=r"there is no log file in .*CloudTrail-Digest"):
        found(bucket, digests)


def test_places_that_may_be_unfilled(tmp_path: Path) -> None:
    """An empty folder and a glob that fits nothing have no files yet; a name that there is not is still an error."""
    assert list(find([str(tmp_path), f"{tmp_path}/*.gz"], Wanted(), unfilled=True)) == []
    with pytest.raises(UsageError, match="names no file"):
        find([f"{tmp_path}/a.gz"], Wanted(), unfilled=True)


def test_a_files_tag_changes_with_the_file(tmp_path: Path) -> None:
    """With its content's size, its time, and where another file has taken its place."""
    path = tmp_path / "a.json"
    tags = []
    for content, time in ((b"{}", 1), (b"{ }", 1), (b"{ }", 2)):
        path.write_bytes(content)
        os.utime(path, (time, time))
        [file] = find([str(path)], Wanted())
        assert file.written == time
        tags.append(file.tag)
    path.rename(tmp_path / "b.json")
    path.write_bytes(b"{ }")
    os.utime(path, (2, 2))
    tags += [file.tag for file in find([str(path)], Wanted())]

    assert len(set(tags)) == 4


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_listed(bucket: Path) -> None:
    (bucket / TRAIL).chmod(0)

    with pytest.raises(UsageError, match="can't be read: Permission denied"):
        found(bucket)


def test_a_link_in_a_circle(bucket: Path) -> None:
    (bucket / "AWSLogs/round").symlink_to(bucket)

    assert len(found(bucket)) == 2


@pytest.mark.parametrize(
    ("wanted", "files"),
    [
        (Wanted(accounts=frozenset({"111122223333"})), [FIRST]),
        (Wanted(regions=frozenset({"us-east-1"})), [SECOND]),
        (Wanted(regions=frozenset({"eu-north-1"})), []),
        (Wanted(since=datetime(2026, 11, 21, tzinfo=UTC)), [SECOND]),
        (Wanted(since=datetime(2026, 11, 20, 10, 6, tzinfo=UTC)), [FIRST, SECOND]),
        (Wanted(since=datetime(2026, 11, 22, 2, tzinfo=UTC)), []),
        (Wanted(until=datetime(2026, 11, 20, 10, tzinfo=UTC)), [FIRST]),
        (Wanted(until=datetime(2026, 11, 21, tzinfo=UTC)), [FIRST, SECOND]),
        (Wanted(until=datetime(2026, 11, 19, 10, tzinfo=UTC)), []),
    ],
)
def test_only_files_that_may_hold_what_is_wanted(wanted: Wanted, files: list[str], bucket: Path) -> None:
    """By AWS's names. An event may come up to a day late, so the files of the day after are read as well."""
    places = find([str(bucket)], wanted)

    assert [file.name for file in places] == [f"{bucket}/{file}" for file in files]
    assert places.outside == 2 - len(files)


def test_a_file_of_another_layout_may_hold_anything() -> None:
    wanted = Wanted(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC), frozenset({"1"}))

    assert may_hold("/logs/2020/events.json", wanted)


def test_folders_alone_tell_the_day() -> None:
    """As where files were unpacked and renamed."""
    wanted = Wanted(datetime(2026, 11, 20, 23, tzinfo=UTC), datetime(2026, 11, 20, 23, tzinfo=UTC))

    assert may_hold(f"/x/{TRAIL}/events.json", wanted)
    assert may_hold(f"/x/{ORGANISATION}/events.json", wanted)
    assert not may_hold(f"/x/{TRAIL}/events.json".replace("11/20", "11/23"), wanted)
    assert not may_hold(f"/x/{TRAIL}/events.json".replace("11/20", "11/19"), wanted)
