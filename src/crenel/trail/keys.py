"""CloudTrail's public keys: out of files, or asked of CloudTrail in each digest's Region.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_ListPublicKeys.html
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from crenel.collect.calls import Caller
from crenel.errors import CallError, UsageError
from crenel.trail.signatures import PublicKey, public_key

_LISTS = ("PublicKeyList", "publicKeyList")


class NoKeyError(Exception):
    """There is no key of that fingerprint. `certain`: CloudTrail itself says so, and it has all of its keys."""

    def __init__(self, message: str, *, certain: bool = False) -> None:
        super().__init__(message)
        self.certain = certain


class Keys(Protocol):
    """Where keys come from."""

    def find(self, fingerprint: str, region: str) -> PublicKey:
        """Return a key. Raises `NoKeyError`."""


class KeysOfFiles:
    """The keys in files as ``aws cloudtrail list-public-keys`` prints them, of any Regions."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """Raises `UsageError` for a file that is none of these."""
        self._keys: dict[str, PublicKey] = {}
        for path in paths:
            try:
                self._keys |= _keys(_listed(json.loads(path.read_bytes())))
            except OSError as error:
                raise UsageError(f"{path} can't be read: {error.strerror}.") from error
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                raise UsageError(
                    f"{path} holds no public keys of CloudTrail: {error}.",
                    suggestion="`aws cloudtrail list-public-keys --start-time … --end-time … --region …` prints them.",
                ) from error

    def find(self, fingerprint: str, region: str) -> PublicKey:  # noqa: ARG002 (a fingerprint is one key's anywhere)
        """As `Keys`."""
        if fingerprint not in self._keys:
            raise NoKeyError(f"the given public keys have none with its fingerprint {fingerprint}")
        return self._keys[fingerprint]


class KeysOfCloudTrail:
    """The keys that CloudTrail has for a time, each Region asked once."""

    def __init__(self, caller: Caller, since: datetime) -> None:
        self._caller = caller
        self._since = since
        self._regions: dict[str, dict[str, PublicKey] | str] = {}

    def find(self, fingerprint: str, region: str) -> PublicKey:
        """As `Keys`."""
        if region not in self._regions:
            self._regions[region] = self._asked(region)
        known = self._regions[region]
        if isinstance(known, str):
            raise NoKeyError(known)
        if fingerprint not in known:
            raise NoKeyError(
                f"CloudTrail has no public key in {region} with its fingerprint {fingerprint}", certain=True
            )
        return known[fingerprint]

    def _asked(self, region: str) -> dict[str, PublicKey] | str:
        """Return the keys, or why they can't be had. The time goes on to now: backfill digests are signed late."""
        request = {"StartTime": self._since, "EndTime": datetime.now(UTC)}
        try:
            pages = list(self._caller.pages("cloudtrail", "ListPublicKeys", request, region))
            return _keys([each for page in pages for each in page.get("PublicKeyList") or []])
        except (CallError, ValueError, KeyError) as error:
            return f"the public keys of {region} can't be had: {error}"


def _listed(said: Any) -> Sequence[Mapping[str, Any]]:  # noqa: ANN401 (any JSON)
    name = next((each for each in _LISTS if isinstance(said, dict) and each in said), None)
    if name is None or not isinstance(said[name], list):
        raise ValueError("there is no PublicKeyList")
    return said[name]  # type: ignore[no-any-return]


def _keys(listed: Sequence[Mapping[str, Any]]) -> dict[str, PublicKey]:
    return {str(each["Fingerprint"]): public_key(_bytes(each["Value"])) for each in listed}


def _bytes(value: Any) -> bytes:  # noqa: ANN401 (an answer's bytes, a file's text)
    if isinstance(value, bytes):
        return value
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise ValueError(f"a key is not in Base64: {error}") from error
