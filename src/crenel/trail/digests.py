"""Digest files: what is in one, and the text that its signature is made over.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-custom-validation.html
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

SIGNED_WITH, HASHED_WITH = "SHA256withRSA", "SHA-256"
_GZIP = 16 + zlib.MAX_WBITS
_PREVIOUS = (
    "previousDigestS3Bucket",
    "previousDigestS3Object",
    "previousDigestHashValue",
    "previousDigestHashAlgorithm",
    "previousDigestSignature",
)
_MAGIC = b"\x1f\x8b"
_YEARS = (2000, 2100)
_PIECE = 1 << 20
_LONGEST = 256 << 20  # bytes of a digest; one that names 100,000 log files has some 40 MB
_LONGEST_LOG = 8 << 30


class NotAsDeliveredError(Exception):
    """Content that CloudTrail can't have delivered; the message says why."""


@dataclass(frozen=True, slots=True)
class Previous:
    """What a digest says of the one before it. The hash and the signature are in hexadecimal."""

    bucket: str
    key: str
    hash: str
    hashed_with: str
    signature: str


@dataclass(frozen=True, slots=True)
class NamedLog:
    """What a digest says of a log file."""

    bucket: str
    key: str
    hash: str
    hashed_with: str


@dataclass(frozen=True, slots=True)
class Digest:
    """What is in a digest file. `hash` is that of its own content, `signed` the text that its signature is over."""

    start: datetime
    end: datetime
    bucket: str
    key: str
    fingerprint: str
    signed_with: str
    previous: Previous | None
    logs: tuple[NamedLog, ...]
    hash: str
    signed: bytes


def digest(data: bytes) -> Digest:
    """Read a digest file. Raises `NotAsDeliveredError`."""
    content = b"".join(inflated(data, _LONGEST))
    own = hashlib.sha256(content).hexdigest()
    try:
        said = json.loads(content)
        previous = Previous(*(_text(said, name, optional=True) for name in _PREVIOUS))
        bucket, key, end = (_text(said, name) for name in ("digestS3Bucket", "digestS3Object", "digestEndTime"))
        return Digest(
            start=_time(_text(said, "digestStartTime")),
            end=_time(end),
            bucket=bucket,
            key=key,
            fingerprint=_text(said, "digestPublicKeyFingerprint"),
            signed_with=_text(said, "digestSignatureAlgorithm"),
            previous=previous if previous.key else None,
            logs=tuple(_log(each) for each in said["logFiles"]),
            hash=own,
            signed=f"{end}\n{bucket}/{key}\n{own}\n{previous.signature or 'null'}".encode(),
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise NotAsDeliveredError(f"it is no digest: {type(error).__name__}: {error}"[:300]) from error


def content_hash(data: bytes) -> str:
    """Return the SHA-256 of a log file's uncompressed content, in hexadecimal. Raises `NotAsDeliveredError`.

    A file that was unpacked on its way here is taken as it is.
    """
    if not data.startswith(_MAGIC):
        return hashlib.sha256(data).hexdigest()
    found = hashlib.sha256()
    for piece in inflated(data, _LONGEST_LOG):
        found.update(piece)
    return found.hexdigest()


def inflated(data: bytes, longest: int) -> Iterator[bytes]:
    """Yield gzip's content in pieces. Raises `NotAsDeliveredError`.

    CloudTrail writes one member: of what is appended, a reader of the first alone would see nothing.
    """
    reader, size = zlib.decompressobj(_GZIP), 0
    try:
        while not reader.eof:
            piece = reader.decompress(data, _PIECE)
            data = reader.unconsumed_tail
            size += len(piece)
            if size > longest:
                raise NotAsDeliveredError("its content is larger than any that CloudTrail delivers")
            if not piece and not data and not reader.eof:
                raise NotAsDeliveredError("it ends before its content does")
            yield piece
    except zlib.error as error:
        raise NotAsDeliveredError(f"it is no gzip file: {error}") from error
    if reader.unused_data:
        raise NotAsDeliveredError("something is appended to it")


def _log(said: Any) -> NamedLog:  # noqa: ANN401 (any JSON)
    return NamedLog(*(_text(said, name) for name in ("s3Bucket", "s3Object", "hashValue", "hashAlgorithm")))


def _text(said: Any, name: str, *, optional: bool = False) -> str:  # noqa: ANN401 (any JSON)
    value = said[name]
    if value is None and optional:
        return ""
    if not isinstance(value, str):
        raise TypeError(f"{name} is no text")
    value.encode()  # half a surrogate pair can't be signed
    return value


def _time(text: str) -> datetime:
    """Read a time. One of the year 1 is refused: there are no hours before it to reckon with."""
    found = datetime.fromisoformat(text)
    if not _YEARS[0] <= found.year <= _YEARS[1]:
        raise ValueError(f"{text} is no time of a digest")
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
