"""Snapshots made by hand: the rows that a test names, and what was not read of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crenel.catalog.load import catalog
from crenel.lake.snapshots import COMMON, Lake, Snapshot
from crenel.model import GLOBAL, Account, Gap, ScanInfo, Unit, UnitRecord

ACCOUNT = "111122223333"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
REGION = "eu-west-1"


def snapshot(
    lake: Path,
    tables: Mapping[str, Sequence[Mapping[str, Any]]],
    *,
    details: Mapping[str, Sequence[str]] | None = None,
    gaps: Sequence[Gap] = (),
    now: datetime = NOW,
    restricted: bool = False,
    partition: str = "aws",
) -> Snapshot:
    """Write a finished snapshot. A row names its `_id`; `details` says what was collected (default: everything)."""
    lake.mkdir(exist_ok=True)
    identity, folder = Lake(lake).new_scan(now)
    records, regions = [], {REGION}
    for kind, rows in tables.items():
        home = REGION if catalog()[kind].regional else GLOBAL
        common: dict[str, Any] = {
            "_account": ACCOUNT,
            "_region": home,
            "_owner": ACCOUNT,
            "_primary": True,
            "_gaps": {},
        }
        common["_seen_at"] = "2026-11-23 12:00:00"
        whole: list[dict[str, Any]] = [
            dict.fromkeys(COMMON) | common | {"_home": row.get("_region", home)} | dict(row) for row in rows
        ]
        for (account, region), count in Counter((row["_account"], row["_region"]) for row in whole).items():
            here = [row for row in whole if (row["_account"], row["_region"]) == (account, region)]
            text = "".join(json.dumps(row) + "\n" for row in here)
            (folder / f"{kind}.{account}.{region}.ndjson").write_text(text)
            mine = tuple(gap for gap in gaps if (gap.type, gap.region) == (kind, region))
            records.append(UnitRecord(Unit(account, region, kind), count, {}, 0.1, mine))
            regions |= {region} - {GLOBAL}
    accounts = sorted({ACCOUNT, *(row.get("_account", ACCOUNT) for rows in tables.values() for row in rows)})
    info = ScanInfo(
        identity,
        now,
        now,
        tuple(Account(each, partition) for each in accounts),
        tuple(sorted(regions)),
        (),
        {kind: tuple((details or {}).get(kind, catalog()[kind].details)) for kind in tables},
        restricted=restricted,
    )
    told = [gap for gap in gaps if not any(gap in record.gaps for record in records)]
    return Lake(lake).commit(folder, info, records, catalog(), told)


def gap(kind: str, *, detail: str = "", resource: str = "", region: str = REGION) -> Gap:
    """A read that was denied."""
    return Gap(ACCOUNT, region, kind, detail, resource, "x:Describe", "x:Describe", "AccessDenied", "no", NOW)


def public_snapshot(name: str = "snap-1", **changes: Any) -> dict[str, Any]:
    """A row of an EBS snapshot that everyone can restore."""
    return {
        "_id": name,
        "SnapshotId": name,
        "VolumeId": "vol-1",
        "OwnerId": ACCOUNT,
        "RestorableByAll": True,
        "CreateVolumePermissions": [{"Group": "all"}],
    } | changes


def default_group(name: str = "sg-1", **changes: Any) -> dict[str, Any]:
    """A row of a default security group with one rule each way."""
    rule = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    return {
        "_id": name,
        "GroupId": name,
        "GroupName": "default",
        "VpcId": "vpc-1",
        "OwnerId": ACCOUNT,
        "IpPermissions": [rule],
        "IpPermissionsEgress": [rule],
    } | changes


def old_key(name: str = "bot", *, used: str | None = "2026-06-01 00:00:00", **changes: Any) -> dict[str, Any]:
    """A row of a user with one old, active key, that practices 3 and 8 both find."""
    key = {"AccessKeyId": f"AKIA{name.upper():X>16}", "Status": "Active", "CreateDate": "2026-01-01 00:00:00"}
    use = key | {"LastUsedDate": used, "LastActivityDate": used or key["CreateDate"]}
    return {
        "_id": name,
        "_name": name,
        "UserName": name,
        "Arn": f"arn:aws:iam::{ACCOUNT}:user/{name}",
        "AccessKeys": [key],
        "AccessKeyUse": [use],
        "Password": {"Enabled": False},
    } | changes
