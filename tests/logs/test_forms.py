"""Records are the same, however they were written to a file."""

import json
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crenel.logs import Line, Wanted, careful, find

from .material import FORMS, PACKINGS, Record, event, events, put, read_in_chunks, read_with_care

REAL = sorted((Path(__file__).parents[3] / "shared/data/cloudtrail").glob("*.tar.gz"))
TRICKY = [
    event(1, requestParameters={"policy": '},{"eventVersion":"1.08"}]}', "path": "C:\\", "quote": '\\"'}),
    event(2, resources=[{"eventVersion": "1.0"}, {"eventVersion": "1.1"}], requestParameters={"Records": [{"a": 1}]}),
    event(3, userAgent="\N{SNOWMAN} \N{CAT FACE} \x00\x1f\x7f\u2028"),
    event(4, additionalEventData={"detail": {"eventVersion": "1.0"}, "a": [[], {}, [{"eventVersion": "1.0"}]]}),
    event(5, responseElements=None, requestParameters={"text": "a\r\nb\tc", "number": 1.50, "big": 10**30}),
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("count", [1, 2, 40])
def test_every_form(form: str, count: int, tmp_path: Path) -> None:
    records = events(count)
    file = put(tmp_path, FORMS[form](records))

    assert read_with_care(file) == (records, [])
    assert read_in_chunks([file], tmp_path / "chunks") == (records, [])


@pytest.mark.parametrize("form", FORMS)
def test_what_looks_like_a_border_is_none(form: str, tmp_path: Path) -> None:
    """Texts with the words of the form, objects that begin as records do, texts in every alphabet."""
    file = put(tmp_path, FORMS[form](TRICKY))

    assert read_with_care(file) == (TRICKY, [])
    assert read_in_chunks([file], tmp_path / "chunks") == (TRICKY, [])


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("form", ["AWS's own", "a record a line", "LookupEvents", "Lake, a table"])
def test_packed_in_any_way_under_any_name(form: str, packing: str, tmp_path: Path) -> None:
    records = events(30)
    file = put(tmp_path, PACKINGS[packing](FORMS[form](records)), "logs.txt")

    assert read_with_care(file) == (records, [])
    assert read_in_chunks([file], tmp_path / "chunks") == (records, [])


def test_the_text_is_the_records_own(tmp_path: Path) -> None:
    """Numbers, escapes and the order of keys stay as they were written."""
    own = '{"eventVersion":"1.08","eventTime":"2026-11-20T10:00:00Z","eventName":"\\u0041","eventID":"1","n":1.0e+2}'
    for data in (f'{{"Records":[{own},{own}]}}', f"{own}\n{own}\n", f'[{{"detail-type":"x","detail":{own}}}]'):
        file = put(tmp_path, data.encode())
        chunks_folder = tmp_path / "chunks"
        read_in_chunks([file], chunks_folder)
        [path] = chunks_folder.glob("*.ndjson")

        assert set(path.read_text().splitlines()) == {f'{{"f":0,"r":{own}}}'}
        path.unlink()


def test_no_records_is_no_fault(tmp_path: Path) -> None:
    for data in (b'{"Records":[]}', b"[]", b'{"Events": []}', b'{"Records": [\n]}\n'):
        assert read_in_chunks([put(tmp_path, data)], tmp_path / "chunks") == ([], [])


def test_an_event_of_insights_has_no_name(tmp_path: Path) -> None:
    insight = {key: value for key, value in event(insightDetails={"state": "Start"}).items() if key != "eventName"}

    assert read_in_chunks([put(tmp_path, FORMS["AWS's own"]([insight]))], tmp_path / "chunks") == ([insight], [])


@pytest.mark.skipif(not REAL, reason="the files of a real account are not here")
def test_files_of_a_real_account(tmp_path: Path) -> None:
    for archive in REAL:
        with tarfile.open(archive) as packed:
            packed.extractall(tmp_path / "logs", filter="data")
    paths = sorted((tmp_path / "logs").rglob("*.json"))
    expected = [record for path in paths for record in json.loads(path.read_bytes())["Records"]]
    files = list(find([str(tmp_path / "logs")], Wanted()))

    records, faults = read_in_chunks(files, tmp_path / "chunks")
    assert records == expected
    assert faults == []
    assert [record for file in files for record in read_with_care(file)[0]] == expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
RECORDS = st.lists(
    st.builds(lambda number, extra: event(number, requestParameters=extra), st.integers(0, 10**9), JSON), min_size=1
)


@given(RECORDS, st.sampled_from(sorted(FORMS)), st.sampled_from(sorted(PACKINGS)))
@settings(max_examples=300, deadline=None)
def test_any_records_in_any_form(records: list[Record], form: str, packing: str) -> None:
    with TemporaryDirectory() as name:
        file = put(Path(name), PACKINGS[packing](FORMS[form](records)))

        assert read_with_care(file) == (records, [])
        assert read_in_chunks([file], Path(name) / "chunks") == (records, [])


ANOTHER_KEY = st.dictionaries(
    st.sampled_from(["eventVersion", "Records", "detail", "eventJson", "a"]), JSON, max_size=2
)


@given(st.lists(ANOTHER_KEY, min_size=1, max_size=4), st.integers(1, 200))
@settings(max_examples=100, deadline=None)
def test_wherever_the_pieces_of_a_file_end(extras: list[Any], piece: int) -> None:
    """A file comes in pieces, which end anywhere: in a border, in a letter, in an escape."""
    records = [event(number, requestParameters=extra, userAgent="\u2603") for number, extra in enumerate(extras)]
    for form in ("AWS's own", "in letters of all alphabets", "a record a line", "pretty", "LookupEvents"):
        with TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
            file = put(Path(name), FORMS[form](records))
            patch.setattr("crenel.logs.reading._READ", piece)
            patch.setattr("crenel.logs.shapes._SAMPLE", 1 << 20)

            assert read_with_care(file) == (records, [])
            assert read_in_chunks([file], Path(name) / "chunks") == (records, [])


def test_json_is_what_python_says_it_is(tmp_path: Path) -> None:
    """An integer of ten thousand digits is a number like any other."""
    data = FORMS["AWS's own"]([event()]).replace(b'"us-east-1"', b"1" * 10_000)

    [line] = careful(put(tmp_path, data))

    assert isinstance(line, Line)
    assert json.loads(line.text, parse_int=str)["awsRegion"] == "1" * 10_000
