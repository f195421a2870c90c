"""Whatever happens to a file: what it has lost is named, and the rest is there."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from .material import FORMS, PACKINGS, Record, event, put, read_in_chunks, read_with_care

RECORDS = [event(number, resources=[{"ARN": "a"}, {"ARN": "b"}], userAgent='"{[\\') for number in range(1, 6)]
NOISE = st.binary(max_size=3) | st.sampled_from(
    [b"{", b"}", b"[", b"]", b",", b'"', b"\\", b"\n", b"},{", b"\xff", b"\0"]
)


def records_of(data: bytes, form: str) -> list[Record] | None:
    """Return the records of a file's content if it is as it should be."""
    try:
        if form == "a record a line":
            found = [json.loads(line) for line in data.split(b"\n") if line.strip()]
        else:
            document = json.loads(data)
            found = document["Records"] if isinstance(document, dict) else document
    except (ValueError, KeyError):
        return None
    return found if all(isinstance(each, dict) and "eventName" in each for each in found) else None


@pytest.mark.parametrize("form", ["AWS's own", "as Python writes it", "pretty", "an array", "a record a line"])
@given(data=st.data(), noise=NOISE)
@settings(max_examples=100, deadline=None)
def test_some_bytes_are_others(form: str, data: st.DataObject, noise: bytes) -> None:
    """No fault means that all of its records are there. (A comma too many or too few between them is no loss.)"""
    good = FORMS[form](RECORDS)
    at = data.draw(st.integers(0, len(good)))
    gone = data.draw(st.integers(0, 40) | st.integers(0, len(good)))
    broken = good[:at] + noise + good[at + gone :]
    expected = records_of(broken, form)
    # DuckDB takes a comma that is one too many for none: nothing is lost by it.
    dense = broken.translate(None, b" \r\n")
    assume(b",}" not in dense and b",]" not in dense and not (form == "a record a line" and b"},\n" in broken))
    with TemporaryDirectory() as name:
        file = put(Path(name), broken)
        for records, faults in (read_with_care(file), read_in_chunks([file], Path(name) / "chunks")):
            if not faults:
                assert records in (expected, RECORDS)
            untouched = good[:at].count(b'"eventID"') - 1
            assert [each for each in records if each in RECORDS][: max(0, untouched)] == RECORDS[: max(0, untouched)]


@pytest.mark.parametrize("packing", [each for each in PACKINGS if each != "plain"])
@given(data=st.data(), noise=NOISE)
@settings(max_examples=30, deadline=None)
def test_some_bytes_of_a_packed_file_are_others(packing: str, data: st.DataObject, noise: bytes) -> None:
    """Most of it is lost then, but never in silence where the packing has a checksum."""
    good = PACKINGS[packing](FORMS["AWS's own"](RECORDS * 20))
    at = data.draw(st.integers(0, len(good)))
    gone = data.draw(st.integers(0, 20))
    with TemporaryDirectory() as name:
        file = put(Path(name), good[:at] + noise + good[at + gone :])
        for records, faults in (read_with_care(file), read_in_chunks([file], Path(name) / "chunks")):
            assert faults or records == RECORDS * 20 or packing == "zstd of several frames"
