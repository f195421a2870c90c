"""The forms in which records come: what a JSON value among logs is, and how a file's records are told apart fast."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from json import JSONDecodeError, JSONDecoder
from typing import Any

from crenel.logs.model import Cut
from crenel.logs.text import BLANKS, BrokenError, decoded, members

LISTS = ("Records", "Events", "QueryResultRows")  # members of a document that are lists of records, or of what has them
_LAKE = "eventJson"
# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/query-limitations.html
HOW_TO_EXPORT = "query CloudTrail Lake with: SELECT eventJson FROM <event data store id>"
_SOME = frozenset({"eventVersion", "eventTime", "eventName", "eventID", "eventSource"})
_TEXTS = ("eventTime", "eventName", "eventID")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_BREAKS = str.maketrans("\r\n", "  ")
_DESCRIBED = {dict: "an object", list: "a list", str: "a text", float: "a number", bool: "true or false"}
_RECORD = b'{"eventVersion":"1.'  # the more there is to look for, the faster it is found
_AWS = b'{"Records":[' + _RECORD
_AWS_CUT = Cut(b"}," + _RECORD, b"}", _RECORD, len(_AWS) - len(_RECORD), closing=b"]}")
_HEAD = re.compile(r'\ufeff?[ \t\r\n]*(\{[ \t\r\n]*"Records"[ \t\r\n]*:[ \t\r\n]*\[|\[)?[ \t\r\n]*(?=\{)')
_FIRST_KEY = re.compile(r'\{[ \t\r\n]*"[^"\\]*"[ \t\r\n]*:')
_SEPARATOR = re.compile(r"[ \t\r\n]*,?[ \t\r\n]*")
_SAMPLE = 256 << 10  # bytes in which the first record ends, and the second begins


class UnusableError(Exception):
    """A value that is no record, and holds none. `final` says that the rest of the file can't be better."""

    def __init__(self, message: str, *, final: bool = False) -> None:
        super().__init__(message)
        self.final = final


def record_of(value: object, own: str) -> tuple[Mapping[str, Any], str]:
    """Return the record that a value among logs is or holds, and the record's own text (`own` is the value's).

    A record may stand in an event of EventBridge, in an event as LookupEvents gives it, or in a row of CloudTrail
    Lake. Raises `UnusableError`.
    """
    if isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
        return _row({key: each[key] for each in value for key in each})
    if not isinstance(value, dict):
        raise UnusableError(f"{described(value)} stands where a record is due")
    for key in ("CloudTrailEvent", _LAKE):
        if isinstance(value.get(key), str):
            return _within(value[key], key)
    if "detail-type" in value:
        if isinstance(value.get("detail"), dict) and not _SOME.isdisjoint(value["detail"]):
            return value["detail"], next(text for key, text in members(own) if key == "detail")
        raise UnusableError(f"the event of EventBridge is none of CloudTrail: {str(value['detail-type'])[:80]}")
    if _SOME.isdisjoint(value):
        if "logFiles" in value and "digestS3Bucket" in value:
            raise UnusableError("it is a digest file of CloudTrail, which has no records")
        keys = ", ".join(list(value)[:5]) or "none"
        raise UnusableError(f"the object is no record of CloudTrail (its keys: {keys[:200]})")
    return value, own


def _row(row: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
    if isinstance(row.get(_LAKE), str):
        return _within(row[_LAKE], _LAKE)
    raise UnusableError(f"the rows of CloudTrail Lake have no column eventJson; {HOW_TO_EXPORT}", final=True)


def _within(text: str, key: str) -> tuple[Mapping[str, Any], str]:
    try:
        value = decoded(text)
    except BrokenError as error:
        raise UnusableError(f"{key} is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise UnusableError(f"{key} is {described(value)} and no record")
    return value, text.strip(BLANKS)


def described(value: object) -> str:
    """Return what kind of JSON value it is, in words."""
    return "null" if value is None else _DESCRIBED[type(value)]


def odd(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a record lacks of what every record has. It is of use all the same.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
    """
    version = record.get("eventVersion")
    if not isinstance(version, str):
        yield f"eventVersion is {described(version)}" if "eventVersion" in record else "it has no eventVersion"
    elif version.partition(".")[0] != "1":
        yield f"its eventVersion {version[:20]!r} is not known; it is read as any other"
    for key in _TEXTS:
        value = record.get(key)
        if key not in record:
            if key != "eventName" or "insightDetails" not in record:
                yield f"it has no {key}"
        elif not isinstance(value, str):
            yield f"{key} is {described(value)}"
        elif key == "eventTime" and not _TIME.match(value):
            yield f"its eventTime {value[:40]!r} is no time"


def clean(own: str) -> tuple[str, str]:
    """Return a record's text in one line and in good Unicode, and what was wrong with it (mostly nothing)."""
    faults = []
    if "\n" in own or "\r" in own:
        own = own.translate(_BREAKS)
    if not own.isascii() and _SURROGATE.search(own):
        own = _SURROGATE.sub("\ufffd", own)
        faults.append("it has bytes that are no UTF-8")
    if "\\u" in own:
        whole = _whole(own)
        if whole != own:
            own = whole
            faults.append("it has half of a surrogate pair")
    return own, " and ".join(faults)


def _whole(own: str) -> str:
    r"""Return a JSON text with ``\ufffd`` for each half of a surrogate pair that stands alone."""
    found = list(_ESCAPE.finditer(own))
    parts: list[str] = []
    done = at = 0
    while at < len(found):
        code = int(found[at][1] or "0", 16)
        if 0xD800 <= code <= 0xDFFF:
            following = found[at + 1] if at + 1 < len(found) else None
            near = following is not None and following.start() == found[at].end()
            low = int(following[1] or "0", 16) if following is not None and near else 0
            if code <= 0xDBFF and 0xDC00 <= low <= 0xDFFF:
                at += 2
                continue
            parts += [own[done : found[at].start()], "\\ufffd"]
            done = found[at].end()
        at += 1
    return "".join([*parts, own[done:]])


def cut_of(head: bytes) -> Cut | None:
    """Return how the records of a file that begins so are told apart, None where that takes reading each of them."""
    if head.startswith(_AWS):
        return _AWS_CUT
    text = head[:_SAMPLE].decode("utf-8", "replace")
    top = _HEAD.match(text)
    if not top:
        return None
    begin = top.end()
    try:
        value, end = JSONDecoder(parse_int=float).raw_decode(text, begin)
    except (JSONDecodeError, RecursionError):
        return None
    key = _FIRST_KEY.match(text, begin)
    if not isinstance(value, dict) or "eventVersion" not in value or "detail-type" in value or not key:
        return None
    gap = _SEPARATOR.match(text, end)
    separator = gap[0] if gap else ""
    start = len(text[:begin].encode())
    if top[1]:
        following = key[0] if text.startswith(key[0], end + len(separator)) else ""
        closing = b"]}" if top[1].startswith("{") else b"]"
        return _listed(separator + following, key[0], start, closing) if following and "," in separator else None
    if "\n" not in text[begin:end] and separator in ("\n", "\r\n", ""):
        # The file may end with its only line, and a following line begin as it likes.
        return Cut(b"\n", b"", b"", start)
    return None


def _listed(between: str, first: str, start: int, closing: bytes) -> Cut | None:
    if "\ufffd" in between:
        return None
    flat = "\n" in between
    pattern, right = (text.replace("\n", "\r").encode() for text in ("}" + between, first))
    return Cut(pattern, b"}", right, start, closing, flat)
