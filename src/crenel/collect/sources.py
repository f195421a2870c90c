"""Where `value_from` gets its texts: files of this machine, S3 and, where it was asked for, the web."""

from __future__ import annotations

import gzip
import urllib.error
import urllib.request
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from urllib.parse import unquote, urlsplit

from crenel.collect.session import Target
from crenel.errors import CallError
from crenel.positions import Located

_MOST_BYTES = 64 * 1024 * 1024
_SECONDS = 30
_ELSEWHERE = ("301", "307", "PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed")


class Sources:
    """Fetches the texts of `value_from`. `web`: http and https are let through too."""

    def __init__(self, target: Target | None, *, web: bool = False) -> None:
        self.target = target
        self.web = web

    def __call__(self, url: str, headers: Mapping[str, str], at: Located) -> str:
        """Return the text at a URL. Raises `PolicyError` where it can't be had, or may not be asked for."""
        scheme = urlsplit(url).scheme
        match scheme:
            case "file" | "":
                body = _file(url, at)
            case "s3":
                body = self._s3(url, at)
            case "http" | "https":
                body = self._web(url, headers, at)
            case _:
                raise at.error(f"value_from can't read {scheme} addresses.", "It reads file, s3, http and https.")
        if body[:2] == b"\x1f\x8b":
            body = _unpacked(body, url, at)
        try:
            return body.decode("utf-8")
        except UnicodeDecodeError as error:
            raise at.error(f"what stands at {url} is no UTF-8 text.") from error

    def _s3(self, url: str, at: Located) -> bytes:
        parts = urlsplit(url)
        if self.target is None:
            raise at.error("S3 can't be asked here: there is no account at hand.")
        params = {"Bucket": parts.netloc, "Key": unquote(parts.path.lstrip("/"))}
        caller, region = self.target.caller, self.target.start_region or self.target.home_region
        try:
            try:
                answer = caller.call("s3", "GetObject", params, region)
            except CallError as error:
                if error.code not in _ELSEWHERE:
                    raise
                place = caller.call("s3", "GetBucketLocation", {"Bucket": parts.netloc}, region)
                answer = caller.call("s3", "GetObject", params, place.get("LocationConstraint") or "us-east-1")
        except CallError as error:
            raise at.error(f"can't read {url}: {error}") from error
        body = answer.get("Body", b"")
        return body if isinstance(body, bytes) else bytes(body.read())

    def _web(self, url: str, headers: Mapping[str, str], at: Located) -> bytes:
        if not self.web:
            raise at.error(
                f"{url} is on the web, and policies reach out there only where that was asked for.", "Add --allow-web."
            )
        request = urllib.request.Request(url, headers=dict(headers))  # noqa: S310 (http and https alone come here)
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310 (as above)
                body: bytes = answer.read(_MOST_BYTES + 1)
        except (urllib.error.URLError, OSError, ValueError) as error:
            raise at.error(f"can't read {url}: {error}") from error
        return _bounded(body, url, at)


def _file(url: str, at: Located) -> bytes:
    parts = urlsplit(url)
    path = Path(unquote(parts.netloc + parts.path) if parts.scheme else url)
    try:
        with path.open("rb") as file:
            return _bounded(file.read(_MOST_BYTES + 1), url, at)
    except OSError as error:
        raise at.error(f"can't read {path}: {error.strerror}.") from error


def _bounded(body: bytes, url: str, at: Located) -> bytes:
    if len(body) > _MOST_BYTES:
        raise at.error(f"{url} is larger than 64 MiB.")
    return body


def _unpacked(body: bytes, url: str, at: Located) -> bytes:
    """Return what is in a gzip file, which may be far larger than the file."""
    try:
        with gzip.GzipFile(fileobj=BytesIO(body)) as file:
            return _bounded(file.read(_MOST_BYTES + 1), url, at)
    except (OSError, EOFError) as error:
        raise at.error(f"can't unpack {url}: {error}") from error
