"""Records, the ways in which they come as files, and what the two readings make of a file."""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb

from crenel.logs import Chunk, Fault, Line, LogFile, Wanted, careful, chunks, find, repaired

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Record = dict[str, Any]


def event(number: int = 1, **others: Any) -> Record:
    """Return a record as CloudTrail writes it."""
    return {
        "eventVersion": "1.08",
        "userIdentity": {"type": "Root", "accountId": "111122223333"},
        "eventTime": "2026-11-20T10:00:00Z",
        "eventSource": "iam.amazonaws.com",
        "eventName": "ListUsers",
        "awsRegion": "us-east-1",
        "eventID": f"00000000-0000-0000-0000-{number:012}",
        **others,
    }


def events(count: int) -> list[Record]:
    return [event(number) for number in range(1, count + 1)]


def compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def native(records: Sequence[Record]) -> bytes:
    """AWS's own form."""
    return compact({"Records": records}).encode()


def lines(records: Sequence[object]) -> bytes:
    return "".join(compact(each) + "\n" for each in records).encode()


def envelope(record: Record) -> Record:
    """https://docs.aws.amazon.com/eventbridge/latest/ref/events-structure.html ."""
    kind = "AWS API Call via CloudTrail"
    return {
        "version": "0",
        "id": "6a7e8feb",
        "detail-type": kind,
        "source": "aws.iam",
        "resources": [],
        "detail": record,
    }


def looked_up(record: Record) -> Record:
    """https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_Event.html ."""
    return {"EventId": record["eventID"], "ReadOnly": "true", "Resources": [], "CloudTrailEvent": compact(record)}


def lake_rows(records: Sequence[Record]) -> Record:
    """https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_GetQueryResults.html ."""
    rows = [[{"eventID": each["eventID"]}, {"eventJson": compact(each)}] for each in records]
    statistics = {"ResultsCount": len(rows), "TotalResultsCount": len(rows), "BytesScanned": 10}
    return {"QueryStatus": "FINISHED", "QueryStatistics": statistics, "QueryResultRows": rows}


def lake_table(records: Sequence[Record]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerow(["eventID", "eventJson"])
    writer.writerows([each["eventID"], compact(each)] for each in records)
    return out.getvalue().encode()


def text(value: object, **options: Any) -> bytes:
    return json.dumps(value, **options).encode()


FORMS: Mapping[str, Callable[[list[Record]], bytes]] = {
    "AWS's own": native,
    "as Python writes it": lambda records: text({"Records": records}),
    "in letters of all alphabets": lambda records: json.dumps({"Records": records}, ensure_ascii=False).encode(),
    "pretty": lambda records: text({"Records": records}, indent=2),
    "pretty, on lines that end as Windows has it": lambda records: text({"Records": records}, indent=4).replace(
        b"\n", b"\r\n"
    ),
    "keys in order": lambda records: text({"Records": records}, sort_keys=True),
    "something after the records": lambda records: text({"Records": records, "more": {"Records": 1}}),
    "an array": lambda records: compact(records).encode(),
    "a pretty array": lambda records: text(records, indent=1),
    "an array, a record a line": lambda records: b"[" + b",\n".join(text(each) for each in records) + b"]\n",
    "a record a line": lines,
    "a record a line, and blank lines": lambda records: lines(records).replace(b"\n", b"\n\n"),
    "a record a line, no end of the last": lambda records: lines(records).strip(),
    "a record a line, with returns": lambda records: lines(records).replace(b"\n", b"\r\n"),
    "one after the other": lambda records: lines(records).replace(b"\n", b""),
    "pretty, one after the other": lambda records: b"\n".join(text(each, indent=2) for each in records),
    "after a byte order mark": lambda records: b"\xef\xbb\xbf" + native(records),
    "several documents": lambda records: b"\n".join(native([each]) for each in records),
    "an array of documents": lambda records: text([{"Records": [each]} for each in records]),
    "EventBridge, an event a line": lambda records: lines([envelope(each) for each in records]),
    "EventBridge, an array": lambda records: text([envelope(each) for each in records], indent=2),
    "EventBridge, one after the other": lambda records: lines([envelope(each) for each in records]).replace(b"\n", b""),
    "LookupEvents": lambda records: text({"Events": [looked_up(each) for each in records]}, indent=4),
    "LookupEvents, a page": lambda records: text({"NextToken": "x", "Events": [looked_up(each) for each in records]}),
    "LookupEvents, the events alone": lambda records: text([looked_up(each) for each in records]),
    "Lake, an answer": lambda records: text(lake_rows(records), indent=4),
    "Lake, a table": lake_table,
}


def several_members(data: bytes) -> bytes:
    third = len(data) // 3 + 1
    return b"".join(gzip.compress(data[at : at + third]) for at in range(0, len(data), third))


PACKINGS: Mapping[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "gzip of several members": several_members,
    "gzip, padded": lambda data: gzip.compress(data) + bytes(512),
    "zstd": lambda data: zstd.compress(data, options={zstd.CompressionParameter.checksum_flag: 1}),
    "zstd of several frames": lambda data: zstd.compress(data[:100]) + zstd.compress(data[100:]),
}


def put(folder: Path, data: bytes, name: str = "events.json") -> LogFile:
    """Write a file and return it as it is found."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(data)
    [file] = find([str(folder / name)], Wanted())
    return file


def read_with_care(file: LogFile) -> tuple[list[Record], list[Fault]]:
    found = list(careful(file))
    records = [json.loads(each.text) for each in found if isinstance(each, Line)]
    return records, [each for each in found if isinstance(each, Fault)]


def kept(files: Sequence[LogFile], folder: Path, workers: int = 2) -> list[Chunk]:
    """Return all chunks of files, each in a file of its own: those of `chunks` are written over."""
    made = []
    for number, chunk in enumerate(chunks(files, folder, workers)):
        path = folder / f"kept-{number}.ndjson"
        chunk.path.rename(path)
        made.append(replace(chunk, path=path))
    return made


def read_in_chunks(files: Sequence[LogFile], folder: Path, workers: int = 1) -> tuple[list[Record], list[Fault]]:
    """Read files as the engine does: fast, and with care where a line is no JSON or has not what all records have."""
    folder.mkdir(exist_ok=True)
    records: list[Record] = []
    faults: list[Fault] = []
    for chunk in chunks(files, folder, workers):
        good = whole(chunk) if regular(chunk) else whole(mended := repaired(chunk, folder))
        records += good
        faults += chunk.faults if regular(chunk) else mended.faults
    return records, faults


def regular(chunk: Chunk) -> bool:
    """Return whether the engine takes every line for JSON, with what every record has."""
    query = f"""
        SELECT count(*) FROM read_ndjson_objects('{chunk.path}', ignore_errors=true, maximum_object_size=2000000)
        WHERE json IS NULL OR coalesce(json_type(json, '$.r.eventVersion'), '') <> 'VARCHAR'
            OR coalesce(json_type(json, '$.r.eventName'), '') <> 'VARCHAR'
    """
    return duckdb.execute(query).fetchall() == [(0,)]


def whole(chunk: Chunk) -> list[Record]:
    """Return the records of a chunk, each a good line."""
    found = [json.loads(line) for line in chunk.path.read_bytes().split(b"\n") if line.strip()]
    assert all(set(each) == {"f", "r"} and each["f"] in chunk.files for each in found)
    return [each["r"] for each in found]
