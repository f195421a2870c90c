"""Files with faults: each is named with its place, and all that can be read is."""

import gzip
import json
import random
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from crenel.logs import Fault

from .material import FORMS, PACKINGS, Record, compact, envelope, event, events, lines, native, put
from .material import read_in_chunks as fast
from .material import read_with_care as careful

Read = Callable[[bytes], tuple[list[int], list[str]]]


@pytest.fixture(params=["fast", "careful"])
def read(request: pytest.FixtureRequest, tmp_path: Path) -> Read:
    """Return a function that reads a file with these bytes: numbers of its events, faults as ``place: what``."""

    def reading(data: bytes) -> tuple[list[int], list[str]]:
        file = put(tmp_path, data)
        records, faults = fast([file], tmp_path / "chunks") if request.param == "fast" else careful(file)
        assert {fault.file for fault in faults} <= {file.name}
        return numbers(records), [f"{fault.position}: {fault.message}" for fault in faults]

    return reading


def numbers(records: Sequence[Record]) -> list[int]:
    """Return the numbers of events as `event` made them, 0 for others."""
    found = [re.fullmatch(r"[0-]+-(\d{12})", str(each.get("eventID"))) for each in records]
    return [int(each[1]) if each else 0 for each in found]


def test_nothing(read: Read) -> None:
    assert read(b"") == ([], ["byte 0: the file is empty"])


@pytest.mark.parametrize("form", ["AWS's own", "pretty", "as Python writes it"])
def test_a_record_that_is_no_json(form: str, read: Read) -> None:
    """The next one is where its beginning is, and is counted on from there."""
    data = FORMS[form](events(9)).replace(b"ListUsers", b'List"Users', 5).replace(b'List"Users', b"ListUsers", 4)

    found, [fault] = read(data)

    assert found == [1, 2, 3, 4, 6, 7, 8, 9]
    assert fault.startswith("record 5: expecting ',' delimiter (byte ")
    assert fault.endswith(" bytes are passed over")


def test_a_line_that_is_no_json(read: Read) -> None:
    data = lines(events(4)).replace(b"ListUsers", b"\x01", 3).replace(b"\x01", b"ListUsers", 2)

    found, [fault] = read(data)

    assert found == [1, 2, 4]
    assert fault.startswith("line 3: invalid control character at (byte ")


def test_a_line_that_is_something_else(read: Read) -> None:
    records = lines(events(3)).splitlines()
    data = b"\n".join([records[0], b"-- more --", b"[1", records[1], b'"x"', b"17", records[2]])

    found, faults = read(data)

    assert found == [1, 2, 3]
    assert [fault.split(":")[0] for fault in faults][:2] == ["line 2", "line 5"]


def test_a_line_cut_in_the_middle(read: Read) -> None:
    """As a full disk leaves it, and the next start of whatever writes."""
    records = lines(events(4)).splitlines()

    found, [fault] = read(b"\n".join([records[0], records[1][:100] + records[2], records[3]]))

    assert found in ([1, 4], [1, 3, 4])
    assert fault.startswith("line 2: ")


@pytest.mark.parametrize("lost", [1, 2, 3, 50, 200])
def test_a_file_that_ends_too_early(lost: int, read: Read) -> None:
    data = native(events(4))

    found, [fault] = read(data[:-lost])

    assert found == ([1, 2, 3, 4] if lost < 3 else [1, 2, 3])
    assert ("ends" in fault) or ("cut off" in fault)


def test_a_file_that_ends_between_two_records(read: Read) -> None:
    """All that is there is JSON: only the end of the list is missing, and with it nobody knows what."""
    data = native(events(4))

    assert read(data[:-2]) == ([1, 2, 3, 4], [f"byte {len(data) - 2:,}: the file ends within its list of records"])


def test_a_record_that_ends_within_an_array(tmp_path: Path) -> None:
    """What follows is not taken for a part of that array."""
    tail = native(events(3))[len('{"Records":[') :]
    file = put(tmp_path, b'{"Records":[{"eventVersion":"1.08","resources":[{"ARN":"arn:a"},' + tail)

    records, [fault] = fast([file], tmp_path / "chunks")

    assert numbers(records) == [1, 2, 3]
    assert fault.position == "record 1"


@pytest.mark.parametrize("form", ["AWS's own", "a record a line"])
def test_garbage_behind(form: str, read: Read) -> None:
    found, [fault] = read(FORMS[form](events(3)) + b"<html>not found</html>\n")

    assert found == [1, 2, 3]
    assert "no record begins here" in fault
    assert fault.endswith(" bytes are passed over")


def test_what_is_in_the_list_and_no_record(read: Read) -> None:
    data = text_with(
        null=None, number=1, text="x", list=[], object={"a": 1, "b": 2}, digest={"digestS3Bucket": "b", "logFiles": []}
    )

    found, faults = read(data)

    assert found == [1, 2]
    assert faults == [
        "record 2: null stands where a record is due",
        "record 3: a number stands where a record is due",
        "record 4: a text stands where a record is due",
        "record 5: a list stands where a record is due",
        "record 6: the object is no record of CloudTrail (its keys: a, b)",
        "record 7: it is a digest file of CloudTrail, which has no records",
    ]


def text_with(**between: object) -> bytes:
    return compact({"Records": [event(1), *between.values(), event(2)]}).encode()


def test_bytes_that_are_no_utf_8(read: Read, tmp_path: Path) -> None:
    """The record is used, with U+FFFD for each of them."""
    data = native([event(1), event(2, userAgent="caf?"), event(3)]).replace(b"caf?", b"caf\xe9")

    assert read(data) == ([1, 2, 3], ["record 2: it has bytes that are no UTF-8"])
    records, _ = careful(put(tmp_path, data))
    assert records[1]["userAgent"] == "caf\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize("half", ["\\ud83d", "\\udc31", "\\ud83dx", "\\ud83d\\ud83d", "\\udc31\\ud83d"])
def test_half_of_a_surrogate_pair(half: str, read: Read, tmp_path: Path) -> None:
    data = native([event(1), event(2, userAgent="??"), event(3)]).replace(b"??", f"\\\\ud83d {half}".encode())

    assert read(data) == ([1, 2, 3], ["record 2: it has half of a surrogate pair"])
    records, _ = careful(put(tmp_path, data))
    assert records[1]["userAgent"].startswith("\\ud83d \N{REPLACEMENT CHARACTER}")


def test_a_surrogate_within_the_text_of_a_record(tmp_path: Path) -> None:
    """LookupEvents has records as texts: what is escaped there once more counts as well."""
    inner = compact(event(1, userAgent="??")).replace("??", "\\ud83d")
    file = put(tmp_path, compact({"Events": [{"EventId": "1", "CloudTrailEvent": inner}]}).encode())

    [record], [fault] = careful(file)

    assert record["userAgent"] == "\N{REPLACEMENT CHARACTER}"
    assert (fault.position, fault.message) == ("record 1", "it has half of a surrogate pair")


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ({"eventTime": ...}, "it has no eventTime"),
        ({"eventName": ...}, "it has no eventName"),
        ({"eventID": ...}, "it has no eventID"),
        ({"eventVersion": ...}, "it has no eventVersion"),
        ({"eventTime": 1763632800}, "eventTime is a number"),
        ({"eventTime": "yesterday"}, "its eventTime 'yesterday' is no time"),
        ({"eventName": None}, "eventName is null"),
        ({"eventID": {"a": 1}}, "eventID is an object"),
        ({"eventVersion": 1.08}, "eventVersion is a number"),
        ({"eventVersion": "2.0"}, "its eventVersion '2.0' is not known; it is read as any other"),
    ],
)  # fmt: skip
def test_a_record_without_what_every_record_has(others: Record, message: str, tmp_path: Path) -> None:
    """It is named, and used all the same."""
    odd = {key: value for key, value in (event(2) | others).items() if value is not ...}
    for form in ("AWS's own", "a record a line", "EventBridge, an event a line"):
        records, faults = careful(put(tmp_path, FORMS[form]([event(1), odd, event(3)])))

        assert records == [event(1), odd, event(3)]
        assert [fault.message for fault in faults] == [message]


def test_what_is_nested_without_end(read: Read) -> None:
    deep = b"[" * 200_000 + b"]" * 200_000
    data = native(events(3)).replace(b'"ListUsers"', deep, 2).replace(deep, b'"ListUsers"', 1)

    found, faults = read(data)

    assert found == [1, 3]
    assert faults[0].startswith("record 2: it is nested too deep")


def test_a_record_of_more_than_64_mb(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crenel.logs.text.LONGEST", 10_000)
    monkeypatch.setattr("crenel.logs.splitting.LONGEST", 10_000)
    monkeypatch.setattr("crenel.logs.reading._READ", 1_000)

    found, [fault] = read(native([event(1), event(2, userAgent="x" * 100_000), event(3)]))

    assert found == [1, 3]
    assert fault.startswith("record 2: ")


@pytest.mark.parametrize("packing", ["gzip", "gzip of several members", "zstd"])
def test_packed_data_that_is_cut_off(packing: str, read: Read) -> None:
    """What comes before is used."""
    data = PACKINGS[packing](native(random_events(3000)))

    found, faults = read(data[: len(data) * 2 // 3])

    assert 1000 < len(found) < 3000
    assert found == list(range(1, len(found) + 1))
    assert faults[-1].startswith(f"byte {len(data) * 2 // 3:,}: the {packing.split(maxsplit=1)[0]} data is cut off")


@pytest.mark.parametrize("packing", ["gzip", "zstd"])
def test_packed_data_that_is_damaged(packing: str, read: Read) -> None:
    data = bytearray(PACKINGS[packing](native(random_events(3000))))
    middle = len(data) // 2
    data[middle : middle + 64] = bytes(64)

    found, faults = read(bytes(data))

    assert found[:1] == [1]
    [fault] = [each for each in faults if f"the {packing} data is damaged" in each]
    assert fault.startswith("byte ")


def test_a_checksum_that_is_wrong(read: Read) -> None:
    data = bytearray(gzip.compress(native(events(50))))
    data[-8] ^= 1

    found, [fault] = read(bytes(data))

    assert found == list(range(1, 51))
    assert "the gzip data is damaged (incorrect data check)" in fault


def test_garbage_behind_packed_data(read: Read) -> None:
    for packing in ("gzip", "zstd"):
        data = PACKINGS[packing](native(events(3)))
        found, [fault] = read(data + b"and more")

        assert found == [1, 2, 3]
        assert fault == f"byte {len(data):,}: what follows here is not packed as the rest is, and is not read"


def random_events(count: int) -> list[Record]:
    chance = random.Random(count)
    return [event(number, requestID=f"{chance.getrandbits(128):x}") for number in range(1, count + 1)]


def test_a_record_within_a_text_that_is_no_json(read: Read) -> None:
    data = compact([{"EventId": "1", "CloudTrailEvent": "{"}, {"EventId": "2", "CloudTrailEvent": "[]"}]).encode()

    assert read(data) == (
        [],
        [
            "record 1: CloudTrailEvent is no JSON: expecting property name enclosed in double quotes",
            "record 2: CloudTrailEvent is a list and no record",
        ],
    )


def test_events_of_others(read: Read) -> None:
    finding = envelope(event()) | {"detail-type": "GuardDuty Finding", "detail": {"severity": 8}}

    assert read(lines([envelope(event(1)), finding])) == (
        [1],
        ["line 2: the event of EventBridge is none of CloudTrail: GuardDuty Finding"],
    )


def test_lake_without_the_records(read: Read) -> None:
    """One fault says how to ask instead, not one for each row."""
    rows = compact({"QueryStatus": "FINISHED", "QueryResultRows": [[{"eventName": "a"}, {"eventTime": "b"}]] * 9})
    how = "query CloudTrail Lake with: SELECT eventJson FROM <event data store id>"

    assert read(rows.encode()) == ([], [f"record 1: the rows of CloudTrail Lake have no column eventJson; {how}"])
    assert read(b'"eventName","eventTime"\n"a","b"\n') == (
        [],
        [f"line 1: the table has no column eventJson; {how}"],
    )


def test_a_table_with_bad_rows(read: Read) -> None:
    good = FORMS["Lake, a table"]([event(1)]).rstrip()
    data = good + b'\n"1"\n"2","{"\n"3","x"y"\n' + good.splitlines()[1].replace(b"000001", b"000002")

    found, faults = read(data)

    assert found == [1, 2]
    assert [fault.split(":")[0] for fault in faults] == ["line 3", "line 4", "line 5"]


def test_what_is_no_log_at_all(read: Read) -> None:
    found, [fault] = read(b"# Logs\nThese are our logs.\n")

    assert found == []
    assert fault == "line 1: no record begins here (byte 0); 27 bytes are passed over"


def test_a_file_that_goes_away(tmp_path: Path) -> None:
    file = put(tmp_path, native(events(1)))
    Path(file.name).unlink()

    expected = [Fault(file.name, "byte 0", "it can't be read: No such file or directory")]
    assert careful(file) == ([], expected)
    assert fast([file], tmp_path / "chunks") == ([], expected)


def test_one_bad_file_spoils_no_other(tmp_path: Path) -> None:
    """A chunk has many files: the faults of one are its own."""
    files = [put(tmp_path, native([event(number)]), f"{number}.json") for number in (1, 2, 3, 4)]
    Path(files[2].name).write_bytes(native([event(3)])[:-50])

    records, faults = fast(files, tmp_path / "chunks")

    assert numbers(records) == [1, 2, 4]
    assert {fault.file for fault in faults} == {files[2].name}


def test_very_many_faults_are_counted(tmp_path: Path) -> None:
    """A huge file of something else does not fill the memory with its faults."""
    records, faults = fast([put(tmp_path, json.dumps({"Records": [1] * 5000}).encode())], tmp_path / "chunks")

    assert records == []
    assert len(faults) == 101
    assert faults[-1].message == "there are 4,900 more faults"
