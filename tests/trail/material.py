"""A trail as CloudTrail delivers it: log files and signed digests, in a dictionary of keys."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ACCOUNT, REGION, BUCKET = "111122223333", "eu-west-1", "our-trail"
START = datetime(2026, 11, 1, 0, 1, 31, tzinfo=UTC)
HOUR = timedelta(hours=1)


@cache
def private_key(number: int = 0) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def der(key: rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)


def fingerprint(key: rsa.RSAPrivateKey) -> str:
    return hashlib.md5(der(key)).hexdigest()


def key_list(*keys: rsa.RSAPrivateKey) -> dict[str, Any]:
    """What ListPublicKeys answers."""
    return {
        "PublicKeyList": [
            {
                "Value": base64.b64encode(der(key)).decode(),
                "ValidityStartTime": 1793491200,
                "ValidityEndTime": 1798761600,
                "Fingerprint": fingerprint(key),
            }
            for key in keys
        ]
    }


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def stamp(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"


@dataclass
class Trail:
    """A trail's bucket. `digests` and `logs` are keys in the order of time, `signatures` those of the digests."""

    account: str = ACCOUNT
    region: str = REGION
    name: str = "main_trail"
    bucket: str = BUCKET
    root: str = "AWSLogs/"
    key: rsa.RSAPrivateKey = field(default_factory=private_key)
    files: dict[str, bytes] = field(default_factory=dict)
    signatures: dict[str, str] = field(default_factory=dict)
    digests: list[str] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)
    time: datetime = START
    previous: str = ""

    def folder(self, kind: str, time: datetime) -> str:
        return f"{self.root}{self.account}/{kind}/{self.region}/{time:%Y/%m/%d}/{self.account}_{kind}_{self.region}"

    def log(self, time: datetime, content: bytes = b"") -> str:
        """Deliver a log file, which no digest names yet."""
        key = f"{self.folder('CloudTrail', time)}_{time:%Y%m%dT%H%M}Z_{len(self.logs):016}.json.gz"
        self.files[key] = gzip.compress(content or json.dumps({"Records": [{"eventID": key}]}).encode(), 1)
        self.logs.append(key)
        return key

    def hours(self, count: int, logs: int = 2) -> Trail:
        """Go on for some hours, with a digest for each."""
        for _ in range(count):
            end = self.time + HOUR
            step = HOUR / (logs + 1)
            named = [self.log(self.time + step * (each + 1)) for each in range(logs)]
            self.previous = self.digest(self.time, end, named, self.previous)
            self.time = end
        return self

    def off(self, count: int, logs: int = 1) -> Trail:
        """Have validation off for some hours."""
        for _ in range(count):
            for each in range(logs):
                self.log(self.time + HOUR / (logs + 1) * (each + 1))
            self.time += HOUR
        self.previous = ""
        return self

    def digest(
        self, start: datetime, end: datetime, logs: Sequence[str], previous: str = "", *, backfill: bool = False
    ) -> str:
        """Deliver a digest."""
        late = "_backfill" if backfill else ""
        folder = self.folder("CloudTrail-Digest", end)
        key = f"{folder}_{self.name}_us-east-1_{end:%Y%m%dT%H%M%SZ}{late}.json.gz"
        said = {
            "awsAccountId": self.account,
            "digestStartTime": stamp(start),
            "digestEndTime": stamp(end),
            "digestS3Bucket": self.bucket,
            "digestS3Object": key,
            "digestPublicKeyFingerprint": fingerprint(self.key),
            "digestSignatureAlgorithm": "SHA256withRSA",
            "newestEventTime": stamp(end) if logs else None,
            "oldestEventTime": stamp(start) if logs else None,
            "previousDigestS3Bucket": self.bucket if previous else None,
            "previousDigestS3Object": previous or None,
            "previousDigestHashValue": sha256(gzip.decompress(self.files[previous])) if previous else None,
            "previousDigestHashAlgorithm": "SHA-256" if previous else None,
            "previousDigestSignature": self.signatures[previous] if previous else None,
            "logFiles": [
                {
                    "s3Bucket": self.bucket,
                    "s3Object": log,
                    "hashValue": sha256(gzip.decompress(self.files[log])),
                    "hashAlgorithm": "SHA-256",
                    "newestEventTime": stamp(end),
                    "oldestEventTime": stamp(start),
                }
                for log in logs
            ],
        }
        self.sign(key, said)
        self.digests.append(key)
        return key

    def sign(self, key: str, said: dict[str, Any]) -> None:
        """Write a digest and sign it, as CloudTrail alone can."""
        content = json.dumps(said).encode()
        before = said["previousDigestSignature"] or "null"
        signed = f"{said['digestEndTime']}\n{self.bucket}/{key}\n{sha256(content)}\n{before}".encode()
        self.files[key] = gzip.compress(content, 1)
        self.signatures[key] = self.key.sign(signed, padding.PKCS1v15(), hashes.SHA256()).hex()

    def said(self, key: str) -> dict[str, Any]:
        """What a file says."""
        return dict(json.loads(gzip.decompress(self.files[key])))

    def edit(self, key: str, **changes: Any) -> None:
        """Change what a file says, as someone who may write to the bucket does."""
        self.files[key] = gzip.compress(json.dumps({**self.said(key), **changes}).encode())

    def write(self, folder: Path, *, sidecar: bool = False) -> Path:
        """Copy the bucket into a folder; `sidecar`: with the newest digest's signature."""
        for key, data in self.files.items():
            path = folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        if sidecar:
            newest = max(self.digests)
            (folder / f"{newest}.signature").write_text(self.signatures[newest] + "\n")
        return folder

    def upload(self, client: Any) -> str:
        """Put the bucket into S3, with the signatures in the metadata."""
        client.create_bucket(Bucket=self.bucket)
        for key, data in self.files.items():
            signature = self.signatures.get(key)
            metadata = {"signature": signature, "signature-algorithm": "SHA256withRSA"} if signature else {}
            client.put_object(Bucket=self.bucket, Key=key, Body=data, Metadata=metadata)
        return f"s3://{self.bucket}"
