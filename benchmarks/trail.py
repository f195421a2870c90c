"""CloudTrail log files as AWS writes them, by the million events: what accounts do all day, and a few rare deeds."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import yaml

A_FILE = 2_500  # events
_BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
_ACCOUNTS = [f"{number:012d}" for number in range(111122223333, 111122223353)]
_REGIONS = ("us-east-1", "us-east-1", "us-east-1", "us-west-2", "eu-west-1", "eu-central-1", "ap-southeast-2")
# Service, call, parameters, answer, read-only, weight. A dollar sign stands for what differs from event to event.
_MADE_OF = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text())
_AGENTS: Sequence[str] = _MADE_OF["agents"]
_CALLS: Sequence[Mapping[str, Any]] = _MADE_OF["calls"]


def write_trail(folder: Path, events: int, processes: int = 2) -> None:
    """Write gzip files of events, of `A_FILE` each, in the layout of a trail's bucket; the same for the same number."""
    count = -(-events // A_FILE)
    with ProcessPoolExecutor(processes) as pool:
        list(pool.map(_write_file, [folder] * count, range(count), chunksize=4))


def _write_file(folder: Path, number: int) -> None:
    random = Random(number)
    account, region = random.choice(_ACCOUNTS), random.choice(_REGIONS)
    begin = _BEGIN + timedelta(minutes=5 * number)
    path = folder / "AWSLogs" / account / "CloudTrail" / region / f"{begin:%Y/%m/%d}"
    path.mkdir(parents=True, exist_ok=True)
    records = ",".join(_records(random, account, region, begin))
    name = f"{account}_CloudTrail_{region}_{begin:%Y%m%dT%H%MZ}_{number:016d}.json.gz"
    (path / name).write_bytes(gzip.compress(f'{{"Records":[{records}]}}'.encode(), 6, mtime=0))


def _records(random: Random, account: str, region: str, begin: datetime) -> Iterator[str]:
    templates = [_template(call) for call in _CALLS]
    chosen = random.choices(templates, [call["weight"] for call in _CALLS], k=A_FILE)
    for place, template in enumerate(chosen):
        hexes = iter([f"{random.getrandbits(68):017x}" for _ in range(template.count("$h") + 3)])
        text = template.replace("$a", account).replace("$g", region).replace("$r", str(random.randrange(400)))
        text = text.replace("$t", f"{begin + timedelta(seconds=place * 300 // A_FILE):%Y-%m-%dT%H:%M:%SZ}")
        text = text.replace("$i", ".".join(str(random.randrange(1, 255)) for _ in range(4)))
        text = text.replace("$u", random.choice(_AGENTS))
        parts = text.split("$h")
        yield parts[0] + "".join(next(hexes) + part for part in parts[1:])


def _template(call: Mapping[str, Any]) -> str:
    issuer = {"type": "Role", "principalId": "AROA$h", "arn": "arn:aws:iam::$a:role/app-$r", "accountId": "$a"}
    role = {
        "type": "AssumedRole",
        "principalId": "AROA$h:session-$r",
        "arn": "arn:aws:sts::$a:assumed-role/app-$r/session-$r",
        "accountId": "$a",
        "accessKeyId": "ASIA$h",
        "sessionContext": {
            "sessionIssuer": {**issuer, "userName": "app-$r"},
            "attributes": {"creationDate": "$t", "mfaAuthenticated": "false"},
        },
    }
    tls = {"tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_128_GCM_SHA256"}
    record = {
        "eventVersion": "1.09",
        "userIdentity": role,
        "eventTime": "$t",
        "eventSource": f"{call['service']}.amazonaws.com",
        "eventName": call["call"],
        "awsRegion": "$g",
        "sourceIPAddress": "$i",
        "userAgent": "$u",
        "requestParameters": call["parameters"],
        "responseElements": call["answer"],
        "requestID": "$h-$h",
        "eventID": "$h-$h",
        "readOnly": call["read"],
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": "$a",
        "eventCategory": "Management",
        "tlsDetails": {**tls, "clientProvidedHostHeader": f"{call['service']}.$g.amazonaws.com"},
    }
    return json.dumps(record, separators=(",", ":"))
