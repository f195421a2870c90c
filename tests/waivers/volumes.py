"""A snapshot of volumes that are not encrypted, a policy that says so, and what waivers make of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from crenel.judge.findings import Finding
from crenel.scan import ScanOptions, judge_stored
from tests.remediate.snapshots import snapshot

POLICY = """
policies:
  - name: own-volume-encrypted
    resource: aws.ebs
    filters: [{Encrypted: false}]
  - name: own-volume-large
    resource: aws.ebs
    filters: [{type: value, key: Size, op: lt, value: 100}]
"""
HEAD = "owner: us, reason: We know., until: 2026-12-31"


def volume(name: str, tags: Mapping[str, str] | None = None, **more: Any) -> dict[str, Any]:
    """A row of a volume that is not encrypted and large enough."""
    return {
        "_id": name,
        "_arn": f"arn:aws:ec2:eu-west-1:111122223333:volume/{name}",
        "VolumeId": name,
        "Encrypted": False,
        "Size": 500,
        "State": "available",
        "Tags": [{"Key": key, "Value": value} for key, value in (tags or {}).items()],
        **more,
    }


def lake_of(folder: Path, *rows: dict[str, Any], **more: Any) -> Path:
    """Return a lake with one snapshot of these volumes, and the policy beside it."""
    (folder / "policies.yml").write_text(POLICY)
    snapshot(folder / "lake", {"ebs": rows}, **more)
    return folder / "lake"


def options(lake: Path, waivers: str = "", policies: Sequence[str] = ("own-volume-encrypted",)) -> ScanOptions:
    """Return the options that judge the lake's snapshot with a file of waivers."""
    paths: tuple[Path, ...] = ()
    if waivers:
        path = lake.parent / "waivers.yml"
        path.write_text(waivers)
        paths = (path,)
    own = (lake.parent / "policies.yml",)
    return ScanOptions(policies=tuple(policies), paths=own, lake=lake, waivers=paths)


def judged(lake: Path, waivers: str, policies: Sequence[str] = ("own-volume-encrypted",)) -> dict[str, Finding]:
    """Return the findings by the resource's id."""
    with judge_stored(options(lake, waivers, policies)) as outcome:
        return {finding.resource_id: finding for finding in outcome.judgement.findings()}


def waived(lake: Path, waivers: str) -> set[str]:
    """Return the ids of the volumes whose finding is waived."""
    return {name for name, finding in judged(lake, waivers).items() if finding.waived}


def waiver(where: str = "", more: str = "", name: str = "known") -> str:
    """Return a file with one waiver of the policy, `where` and further keys given as flow YAML."""
    keys = [f"id: {name}", "policy: own-volume-encrypted", HEAD]
    keys += [f"where: {where}"] if where else []
    keys += [more] if more else []
    return f"waivers: [{{{', '.join(keys)}}}]\n"
