"""Where digests and logs lie: a folder that is a copy of a bucket, or a bucket."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from crenel.collect.calls import Caller
from crenel.collect.limits import Limits
from crenel.collect.session import open_given
from crenel.errors import CallError, UsageError
from crenel.logs.buckets import S3, Bucket
from crenel.logs.layout import days, is_dated, may_hold, may_lie_below
from crenel.logs.model import Wanted
from crenel.trail.names import is_digest, log_name

SIDECAR = ".signature"  # beside a digest in a folder: its signature, which S3 keeps in the object's metadata
# A tenth of what S3 takes for one prefix; ListPublicKeys is asked once a Region.
_RATES = {"s3": (500.0, 500), "cloudtrail": (5.0, 5)}
_LARGEST = 512 << 20  # bytes
_GONE = ("NoSuchKey", "404")
_OTHER_LOGS = re.compile(r"(?:^|/)AWSLogs/(?:o-[a-z0-9]+/)?\d{12}/(?!CloudTrail(?:-Digest)?/)[^/]+/$", re.ASCII)


class GoneError(Exception):
    """There is no such file."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A file's bytes; for a digest its signature as well (hexadecimal), where it is at hand."""

    data: bytes
    signature: str = ""


class Place(Protocol):
    """Files by their path, with slashes."""

    @property
    def name(self) -> str:
        """What the user calls it."""

    def paths(self, wanted: Wanted) -> list[str]:
        """Return the digest files and log files, sorted. Raises `UsageError` where that can't be listed."""

    def read(self, path: str) -> Stored:
        """Read a file. Raises `GoneError`, and `OSError` where it is there and can't be read."""

    def shown(self, path: str) -> str:
        """Return a file's name for people."""


class Folder:
    """A folder of this machine."""

    def __init__(self, path: str) -> None:
        """Raises `UsageError` where it is none."""
        self.name = path
        self._path = Path(path)
        if not self._path.is_dir():
            raise UsageError(f"{path} is no folder.", suggestion="Name a folder or an s3:// prefix.")

    def paths(self, wanted: Wanted) -> list[str]:
        """As `Place`."""
        found = []
        for folder, folders, names in os.walk(self._path, onerror=self._refused):
            folders.sort()
            for name in names:
                path = Path(folder, name).relative_to(self._path).as_posix()
                if _is_wanted(path, wanted):
                    found.append(path)
        return sorted(found)

    def read(self, path: str) -> Stored:
        """As `Place`."""
        file = self._path / path
        try:
            if file.stat().st_size > _LARGEST:
                raise _too_large(file.stat().st_size)
            data = file.read_bytes()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise GoneError(path) from error
        if not is_digest(path):
            return Stored(data)
        beside = file.with_name(file.name + SIDECAR)
        return Stored(data, beside.read_text("ascii", "replace").strip() if beside.exists() else "")

    def shown(self, path: str) -> str:
        """As `Place`."""
        return path

    def _refused(self, error: OSError) -> None:
        raise UsageError(f"{error.filename} can't be read: {error.strerror}.") from error


class InBucket:
    """A prefix of a bucket. Paths are the keys of its objects."""

    def __init__(self, name: str, caller: Caller, region: str) -> None:
        """Raises `UsageError` where it can't be listed or has nothing."""
        self.name = name
        url = urlsplit(name, allow_fragments=False)
        self._prefix = url.path.lstrip("/") + (f"?{url.query}" if url.query else "")
        self._host = url.netloc
        self._bucket = Bucket(caller, region, url.netloc)
        self._bucket.check(self._prefix)

    def paths(self, wanted: Wanted) -> list[str]:
        """As `Place`. Only the folders of wanted accounts, Regions and days are listed."""
        found: list[str] = []
        level = [self._prefix]
        try:
            while level:
                folder = level.pop()
                if is_dated(folder):
                    first, last = days(folder, wanted)
                    keys = self._keys({"Prefix": folder, **({"StartAfter": first} if first else {})}, last)
                else:
                    pages = list(self._bucket.pages({"Prefix": folder, "Delimiter": "/"}))
                    keys = iter([str(each["Key"]) for page in pages for each in page.get("Contents") or []])
                    below = [str(each["Prefix"]) for page in pages for each in page.get("CommonPrefixes") or []]
                    level += [each for each in below if not _OTHER_LOGS.search(each) and may_lie_below(each, wanted)]
                found += [key for key in keys if _is_wanted(key, wanted)]
        except CallError as error:
            raise self._bucket.refused(self._prefix, error) from error
        return sorted(found)

    def _keys(self, request: dict[str, Any], last: str) -> Iterator[str]:
        for page in self._bucket.pages(request):
            keys = [str(each["Key"]) for each in page.get("Contents") or []]
            yield from (key for key in keys if key <= last)
            if keys and keys[-1] > last:
                return

    def read(self, path: str) -> Stored:
        """As `Place`."""
        try:
            answer = self._bucket.call("GetObject", {"Bucket": self._host, "Key": path})
        except CallError as error:
            if error.code in _GONE:
                raise GoneError(path) from error
            raise OSError(f"{error.code}: {error.detail}") from error
        body = answer.get("Body", b"")
        told: Mapping[str, str] = answer.get("Metadata") or {}
        signature = next((value for name, value in told.items() if name.lower() == "signature"), "")
        return Stored(body if isinstance(body, bytes) else bytes(body.read()), signature.strip())

    def shown(self, path: str) -> str:
        """As `Place`."""
        return f"{S3}{self._host}/{path}"


@dataclass(frozen=True, slots=True)
class Access:
    """How AWS is asked: with whose credentials, and where first."""

    caller: Caller
    region: str


def access() -> Access:
    """Return the access of the ordinary chain of credentials. Raises `CredentialsError` where it has none."""
    target = open_given("", "", "", limits=Limits(_RATES))
    return Access(target.caller, target.start_region)


def _is_wanted(path: str, wanted: Wanted) -> bool:
    return (is_digest(path) or log_name(path) is not None) and may_hold("/" + path, wanted)


def _too_large(size: int) -> OSError:
    return OSError(f"it has {size:,} bytes, more than any file that CloudTrail delivers")
