"""Log files in S3: only the folders of the wanted accounts, Regions and days are listed, and files fetched ahead."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from io import BytesIO
from itertools import chain
from typing import Any
from urllib.parse import urlsplit

from crenel.collect.calls import Caller
from crenel.collect.limits import Limits
from crenel.collect.session import open_given
from crenel.errors import CallError, UsageError
from crenel.logs.layout import days, is_dated, is_other, may_hold, may_lie_below
from crenel.logs.model import LogFile, Source, Wanted

S3 = "s3://"
ENDINGS = (".json", ".jsonl", ".ndjson", ".csv", ".gz", ".zst")
_ELSEWHERE = ("301", "307", "PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed")
_HOME = "us-east-1"  # the Region of buckets whose location is null
# A tenth of what S3 takes for one prefix: https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html
_RATES = {"s3": (500.0, 500)}
_AT_A_TIME = 16  # calls
_RANGE = 8 << 20  # bytes fetched with one call
_AHEAD = 32  # files fetched ahead, and
_AHEAD_BYTES = 64 << 20

Page = dict[str, Any]


def is_remote(place: str) -> bool:
    """Return whether a place, or a file by its name, is in a bucket."""
    return place.startswith(S3)


@dataclass(slots=True)
class Counts:
    """What was found beside log files: `skipped` and `outside` as in `Found`. A folder of a bucket counts as one."""

    skipped: int = 0
    outside: int = 0


def in_buckets(
    places: Sequence[str], wanted: Wanted, counts: Counts, profile: str = "", *, unfilled: bool = False
) -> Generator[LogFile, None, None]:
    """Yield the log files at ``s3://bucket/prefix`` places, each once. `unfilled`: a place may have none yet.

    Raises `UsageError` for a place that has nothing, can't be listed or has no log file, `CredentialsError` where there
    are no credentials; the first is seen before the first file is asked for.
    """
    urls = [urlsplit(place, allow_fragments=False) for place in places]
    asked = [(url.netloc, url.path.lstrip("/") + (f"?{url.query}" if url.query else "")) for url in urls]
    target = open_given(profile, "", "", limits=Limits(_RATES))
    buckets = {name: Bucket(target.caller, target.start_region, name) for name, _ in asked}
    for name, prefix in asked:
        buckets[name].check(prefix, unfilled=unfilled)
    whole = [
        (name, prefix)
        for at, (name, prefix) in enumerate(asked)
        if not any(
            name == other and prefix.startswith(above) and (prefix != above or before < at)
            for before, (other, above) in enumerate(asked)
        )
    ]
    return (file for name, prefix in whole for file in buckets[name].files(prefix, wanted, counts, unfilled=unfilled))


class Bucket:
    """A bucket, in whatever Region it is."""

    def __init__(self, caller: Caller, region: str, name: str) -> None:
        self._caller = caller
        self._region = region
        self._name = name

    def check(self, prefix: str, *, unfilled: bool = False) -> None:
        """Find the bucket's Region. Raises `UsageError` where it can't be listed, or has nothing at the prefix and
        should have.
        """
        if not self._name:
            raise UsageError("an s3:// place needs the name of a bucket: s3://bucket/prefix.")
        request = {"Bucket": self._name, "Prefix": prefix, "MaxKeys": 1}
        try:
            try:
                answer = self.call("ListObjectsV2", request)
            except CallError as error:
                if error.code not in _ELSEWHERE:
                    raise
                place = self.call("GetBucketLocation", {"Bucket": self._name})
                self._region = place.get("LocationConstraint") or _HOME
                answer = self.call("ListObjectsV2", request)
        except CallError as error:
            raise self.refused(prefix, error) from error
        if not unfilled and not answer.get("Contents"):
            raise UsageError(f"{self._url(prefix)} names no object.")

    def files(self, prefix: str, wanted: Wanted, counts: Counts, *, unfilled: bool = False) -> Iterator[LogFile]:
        """Yield the log files below a prefix. Raises `UsageError` where there are none and should be."""
        found = 0
        try:
            with ThreadPoolExecutor(_AT_A_TIME) as pool:
                loose, dated = self._descend(prefix, wanted, counts, pool)
                for entry in self._in_order(loose, dated, wanted, pool):
                    key = entry["Key"]
                    if is_other(key) or not (key.endswith(ENDINGS) or key == prefix):
                        counts.skipped += not key.endswith("/")
                    elif may_hold(key, wanted):
                        found += 1
                        yield self._file(entry)
                    else:
                        counts.outside += 1
        except CallError as error:
            raise self.refused(prefix, error) from error
        if not found and not unfilled and wanted == Wanted():
            raise UsageError(f"there is no log file in {self._url(prefix)}.")

    def _descend(
        self, prefix: str, wanted: Wanted, counts: Counts, pool: ThreadPoolExecutor
    ) -> tuple[list[Mapping[str, Any]], list[str]]:
        """Return the objects above the folders that are sorted by days, and those folders; level by level."""
        loose: list[Mapping[str, Any]] = []
        dated: list[str] = []
        level = [prefix]
        while level:
            below = [each for each in level if not is_dated(each)]
            dated += [each for each in level if is_dated(each)]
            level = []
            for pages in pool.map(self._level, below):
                for page in pages:
                    loose += page.get("Contents") or []
                    folders = [each["Prefix"] for each in page.get("CommonPrefixes") or []]
                    counts.skipped += sum(map(is_other, folders))
                    level += [each for each in folders if not is_other(each) and may_lie_below(each, wanted)]
        return loose, sorted(dated)

    def _level(self, folder: str) -> list[Page]:
        return list(self.pages({"Prefix": folder, "Delimiter": "/"}))

    def _in_order(
        self, loose: list[Mapping[str, Any]], dated: list[str], wanted: Wanted, pool: ThreadPoolExecutor
    ) -> Iterator[Mapping[str, Any]]:
        """Yield objects: the loose ones, then those of each dated folder; the first pages are fetched ahead."""
        yield from sorted(loose, key=lambda entry: str(entry["Key"]))
        waiting: deque[tuple[str, Iterator[Page], Future[Page]]] = deque()
        folders = iter(dated)
        while True:
            while len(waiting) < _AT_A_TIME and (folder := next(folders, None)) is not None:
                first, last = days(folder, wanted)
                after = {"StartAfter": first} if first else {}
                pages = self.pages({"Prefix": folder, **after})
                waiting.append((last, pages, pool.submit(next, pages)))
            if not waiting:
                return
            last, pages, begun = waiting.popleft()
            for page in chain([begun.result()], pages):
                entries = page.get("Contents") or []
                yield from (entry for entry in entries if entry["Key"] <= last)
                if entries and entries[-1]["Key"] > last:
                    break

    def _file(self, entry: Mapping[str, Any]) -> LogFile:
        key, size, tag = str(entry["Key"]), int(entry.get("Size") or 0), str(entry.get("ETag") or "")
        return LogFile(self._url(key), size, partial(_Object, self, key, size, tag), tag)

    def read(self, key: str, begin: int, end: int, tag: str, *, whole: bool) -> bytes:
        """Return bytes of an object. Raises `OSError`, also where it is no longer what it was when it was listed."""
        request = {"Bucket": self._name, "Key": key}
        if tag:
            request["IfMatch"] = tag
        if not whole:
            request["Range"] = f"bytes={begin}-{end - 1}"
        try:
            body = self.call("GetObject", request).get("Body", b"")
        except CallError as error:
            raise OSError(str(error)) from error
        return body if isinstance(body, bytes) else bytes(body.read())

    def pages(self, request: dict[str, Any]) -> Iterator[Page]:
        """Yield the pages of a listing. Raises `CallError`."""
        return self._caller.pages("s3", "ListObjectsV2", {"Bucket": self._name, **request}, self._region)

    def call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """Make a call in the bucket's Region. Raises `CallError`."""
        return self._caller.call("s3", operation, request, self._region)

    def _url(self, key: str) -> str:
        return f"s3://{self._name}/{key}"

    def refused(self, prefix: str, error: CallError) -> UsageError:
        """Return what it means for the user that a listing failed."""
        return UsageError(f"can't list {self._url(prefix)}: {error}")


class _Object:
    """An object that is read from the beginning, some megabytes with each call."""

    def __init__(self, bucket: Bucket, key: str, size: int, tag: str) -> None:
        self._bucket = bucket
        self._key = key
        self._size = size
        self._tag = tag
        self._at = 0
        self._held = BytesIO()

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes. Raises `OSError`."""
        data = self._held.read(size)
        if data or self._at >= self._size:
            return data
        end = min(self._at + _RANGE, self._size)
        whole = self._size <= _RANGE
        self._held = BytesIO(self._bucket.read(self._key, self._at, end, self._tag, whole=whole))
        self._at = end
        return self._held.read(size)

    def close(self) -> None:
        """Let go of what is held."""
        self._held.close()


class _Ahead:
    """A file whose beginning is fetched ahead, once: whoever opens it again has it fetched again."""

    def __init__(self, file: LogFile, pool: ThreadPoolExecutor) -> None:
        self._open = file.open
        self._future: Future[Source] | None = pool.submit(self._begun)

    def _begun(self) -> Source:
        source = self._open()
        source.read(0)
        return source

    def __call__(self) -> Source:
        """Open it. Raises `OSError`."""
        future, self._future = self._future, None
        return self._open() if future is None or future.cancelled() else future.result()


def fetched(files: Generator[LogFile, None, None]) -> Generator[LogFile, None, None]:
    """Yield files while the next ones are being fetched."""
    waiting: deque[LogFile] = deque()
    pool = ThreadPoolExecutor(_AT_A_TIME)
    try:
        ahead = next(files, None)
        while ahead or waiting:
            room = _AHEAD_BYTES - sum(min(file.size, _RANGE) for file in waiting)
            while ahead and len(waiting) < _AHEAD and (room > 0 or not waiting):
                waiting.append(replace(ahead, open=_Ahead(ahead, pool)))
                room -= min(ahead.size, _RANGE)
                ahead = next(files, None)
            yield waiting.popleft()
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    finally:
        files.close()
        pool.shutdown(wait=False)  # what was yielded last may still be under way
