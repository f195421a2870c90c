"""Chunks: how much is held, in what size they come, and how they end."""

import gzip
import json
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from crenel.logs import LogFile, Wanted, chunks, find, repaired

from .material import FORMS, Record, event, events, kept, lines, native, put, read_in_chunks, read_with_care, whole


def ids(records: list[Record]) -> list[str]:
    return sorted(each["eventID"] for each in records)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of 20 kB, pieces of 1 kB."""
    monkeypatch.setattr("crenel.logs.filling.FULL", 20_000)
    monkeypatch.setattr("crenel.logs.reading._READ", 1_000)
    monkeypatch.setattr("crenel.logs.reading.PIECE", 1_000)
    monkeypatch.setattr("crenel.logs.splitting._BATCH", 1_000)


def test_many_small_files_share_a_chunk(tmp_path: Path) -> None:
    files = [put(tmp_path, native([event(number)]), f"{number:02}.json") for number in range(50)]
    [chunk] = kept(files, tmp_path, workers=1)

    assert chunk.files == dict(enumerate(files))
    assert (chunk.events, chunk.ended, chunk.faults) == (50, 50, ())
    assert chunk.bytes == chunk.path.stat().st_size
    assert chunk.compressed == sum(file.size for file in files)
    rows = [json.loads(line) for line in chunk.path.read_text().splitlines()]
    assert [row["f"] for row in rows] == [int(row["r"]["eventID"][-12:]) for row in rows] == list(range(50))


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("form", ["AWS's own", "pretty", "a record a line", "LookupEvents", "Lake, a table"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_large_file_has_several_chunks(form: str, pack: type, tmp_path: Path) -> None:
    records = events(500)
    file = put(tmp_path / "logs", pack(FORMS[form](records)))
    made = kept([file], tmp_path)

    assert len(made) > 5
    assert all(chunk.bytes < 25_000 and chunk.files == {0: file} for chunk in made)
    assert [record for chunk in made for record in whole(chunk)] == records
    assert sum(chunk.events for chunk in made) == 500
    assert sum(chunk.ended for chunk in made) == 1
    assert sum(chunk.compressed for chunk in made) == file.size
    assert [record for chunk in made for record in whole(repaired(chunk, tmp_path))] == records


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("form", ["AWS's own", "a record a line"])
def test_a_fault_in_a_later_chunk_has_its_place_in_the_file(form: str, tmp_path: Path) -> None:
    data = FORMS[form](events(500))
    position = data.index(b"000000000400")
    broken = data[:position] + b'"' + data[position + 1 :]
    file = put(tmp_path / "logs", broken)

    records, [fault] = read_in_chunks([file], tmp_path / "chunks")

    assert ids(records) == ids([each for each in events(500) if each["eventID"][-3:] != "400"])
    assert fault.position == ("record 400" if form == "AWS's own" else "line 400")
    assert f"(byte {position + 1:,})" in fault.message
    assert [each.position for each in read_with_care(file)[1]] == [fault.position]


def test_the_longest_line_is_known(tmp_path: Path) -> None:
    """The engine has to make room for it."""
    file = put(tmp_path, native([event(1), event(2, requestParameters={"policy": "x" * 3_000_000}), event(3)]))
    [chunk] = kept([file], tmp_path)

    longest = max(map(len, chunk.path.read_bytes().splitlines()))
    assert longest <= chunk.longest < longest + 200


def test_order_of_files_in_the_numbers(tmp_path: Path) -> None:
    """With two workers chunks come in any order; the numbers of the files say which was first."""
    files = [put(tmp_path, native(events(20)), f"{number:02}.json") for number in range(9)]
    numbered: dict[int, LogFile] = {}
    for chunk in chunks(files, tmp_path, workers=2):
        numbered |= chunk.files

    assert numbered == dict(enumerate(files))


@pytest.mark.usefixtures("small")
def test_no_more_than_a_few_chunks_at_a_time(tmp_path: Path) -> None:
    """Workers wait for whoever reads the chunks."""
    files = [put(tmp_path / "logs", native(events(400)), f"{number}.json") for number in range(4)]
    most = 0
    (tmp_path / "chunks").mkdir()
    for chunk in chunks(files, tmp_path / "chunks", workers=2):
        threading.Event().wait(0.005)
        most = max(most, len(list((tmp_path / "chunks").iterdir())))
        chunk.path.unlink()

    assert most <= 4


@pytest.mark.usefixtures("small")
def test_files_are_written_over(tmp_path: Path) -> None:
    """Those that the reader leaves there, once it asks for the next chunk: that is faster than new ones."""
    file = put(tmp_path / "logs", native(events(1000)))
    (tmp_path / "chunks").mkdir()
    found = [record for chunk in chunks([file], tmp_path / "chunks", workers=1) for record in whole(chunk)]

    assert found == events(1000)
    assert len(list((tmp_path / "chunks").iterdir())) <= 4


@pytest.mark.usefixtures("small")
def test_whoever_stops_reading_ends_the_workers(tmp_path: Path) -> None:
    files = [put(tmp_path / "logs", native(events(400)), f"{number}.json") for number in range(9)]
    before = threading.active_count()
    with closing(chunks(files, tmp_path)) as made:
        next(made)

        assert threading.active_count() == before + 2
    assert threading.active_count() == before


def test_what_goes_wrong_with_the_files_is_raised(tmp_path: Path) -> None:
    """And nothing goes on behind it."""

    def files() -> Iterator[LogFile]:
        yield put(tmp_path, native(events(1)))
        raise OSError("the network is gone")

    before = threading.active_count()
    with pytest.raises(OSError, match="the network is gone"):
        list(chunks(files(), tmp_path))
    assert threading.active_count() == before


def test_a_folder_that_can_not_be_written(tmp_path: Path) -> None:
    file = put(tmp_path, native(events(1)))

    with pytest.raises(FileNotFoundError):
        kept([file], tmp_path / "nowhere")


def test_no_files_no_chunks(tmp_path: Path) -> None:
    assert list(chunks([], tmp_path)) == []


def test_a_file_without_records_counts_as_read(tmp_path: Path) -> None:
    [chunk] = kept([put(tmp_path, b"")], tmp_path)

    assert (chunk.events, chunk.ended, len(chunk.faults)) == (0, 1, 1)
    assert chunk.path.read_bytes() == b""


@pytest.mark.parametrize("form", ["AWS's own", "a record a line", "pretty", "EventBridge, an event a line"])
def test_memory_does_not_grow_with_the_file(form: str, tmp_path: Path) -> None:
    """60 MB of text from a file of a few hundred kilobytes: a fraction of it is held."""
    folder = tmp_path / "chunks"
    folder.mkdir()
    record = event(1, requestParameters={"text": "x" * 10_000})
    file = put(tmp_path, gzip.compress(FORMS[form]([record] * 6_000), 1))
    tracemalloc.start()
    try:
        count = 0
        for chunk in chunks([file], folder, workers=1):
            count += chunk.events
            chunk.path.unlink()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert count == 6_000
    assert peak < 15_000_000


def test_repaired_leaves_what_is_good_as_it_is(tmp_path: Path) -> None:
    files = [put(tmp_path, native(events(20)), "a.json"), put(tmp_path, lines(events(20)), "b.json")]
    [chunk] = kept(files, tmp_path, workers=1)
    again = repaired(chunk, tmp_path)

    assert again.path != chunk.path
    assert again.path.read_bytes() == chunk.path.read_bytes()
    assert (again.files, again.events, again.faults) == (chunk.files, chunk.events, chunk.faults)
    assert (again.bytes, again.compressed, again.ended) == (chunk.bytes, chunk.compressed, chunk.ended)


def test_repaired_tells_no_fault_twice(tmp_path: Path) -> None:
    """A form that is read with care at once has its faults in the chunk already."""
    odd = {key: value for key, value in event(1).items() if key != "eventID"}
    file = put(tmp_path, FORMS["LookupEvents"]([odd | {"eventID": "x"}]).replace(b'\\"eventID\\"', b'\\"id\\"'))
    [chunk] = kept([file], tmp_path)

    assert [fault.message for fault in chunk.faults] == ["it has no eventID"]
    assert repaired(chunk, tmp_path).faults == chunk.faults


def test_names_of_files_are_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("logs").mkdir()
    Path("logs/a.json").write_bytes(native(events(1)))

    assert [file.name for file in find(["logs"], Wanted())] == ["logs/a.json"]
