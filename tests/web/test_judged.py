"""Pages over what was really judged: the repair, the filters that decide, relations; and what of a lake is damaged."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from werkzeug.test import Client

from crenel.catalog.load import catalog
from crenel.judge.run import judge
from crenel.lake.snapshots import Lake
from crenel.policies.facts import facts
from crenel.scan import ScanOptions, choose
from crenel.web.app import Dashboard
from crenel.web.guard import Guard
from crenel.web.shelf import Shelf
from tests.remediate.snapshots import ACCOUNT, REGION, default_group, public_snapshot, snapshot

POLICIES = ("ebs-snapshot-not-public", "vpc-default-security-group-closed")


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """A lake with a public snapshot of a disk, and a VPC with its default security group."""
    vpc = {"_id": "vpc-1", "VpcId": "vpc-1", "OwnerId": ACCOUNT}
    tables: dict[str, list[dict[str, Any]]] = {
        "ebs-snapshot": [public_snapshot()],
        "security-group": [default_group()],
        "vpc": [vpc],
    }
    made = snapshot(tmp_path / "lake", tables)
    chosen = choose(ScanOptions(policies=POLICIES))
    judge(made, chosen.plans, catalog(), facts(), made.findings, spill=tmp_path, about=chosen.about()).close()
    return tmp_path / "lake"


@pytest.fixture
def client(lake: Path, tmp_path: Path) -> Iterator[Client]:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    shelf = Shelf(Lake(lake), scratch)
    yield Client(Dashboard(shelf, Guard()))
    shelf.close()


def asked(client: Client, path: str, **values: Any) -> Any:
    found = client.get(f"{path}?{urlencode(values)}" if values else path)
    assert found.status_code == 200, found.text
    return found.json


def finding(client: Client, policy: str) -> Any:
    (row,) = asked(client, "/findings.json", state="FAIL", policy=policy)["findings"]
    return asked(client, f"/findings/{row['id']}.json")


def test_a_finding_has_the_steps_that_close_it(client: Client) -> None:
    page = finding(client, "ebs-snapshot-not-public")
    (step,) = page["repair"]["steps"]

    assert step["automatic"]
    assert step["command"].startswith("aws ec2 modify-snapshot-attribute")
    assert f"--finding {page['finding']['id'][:12]}" in page["repair"]["command"]


def test_the_filters_that_decide_are_marked_in_the_policys_text(client: Client) -> None:
    """And nothing but the marks is added: the pieces together are the text."""
    page = finding(client, "ebs-snapshot-not-public")
    marked = [piece["text"] for piece in page["text"] if piece["mark"] == "counts"]

    assert "".join(piece["text"] for piece in page["text"]) == page["policy"]["text"]
    assert any("CreateVolumePermissions" in text for text in marked)
    assert not any("severity" in text for text in marked)
    assert [each["holds"] for each in page["clauses"] if each["part"] == "filters"] == [True]


def test_a_resource_names_others_and_is_named(client: Client) -> None:
    place = {"account": ACCOUNT, "region": REGION}
    group = asked(client, "/resource.json", type="security-group", id="sg-1", **place)
    vpc = asked(client, "/resource.json", type="vpc", id="vpc-1", **place)

    assert [(each["how"], each["type"]) for each in group["relations"]] == [("names", "vpc")]
    assert ("is named by", "security-group") in [(each["how"], each["type"]) for each in vpc["relations"]]


def test_a_snapshot_that_was_altered_is_not_shown(client: Client, lake: Path) -> None:
    (folder,) = (lake / "snapshots").iterdir()
    file = folder / "vpc.parquet"
    file.write_bytes(bytes(file.stat().st_size))

    found = client.get("/")

    assert found.status_code == 503
    assert "vpc.parquet was altered" in found.text


def test_a_snapshot_without_findings_says_so(client: Client, lake: Path) -> None:
    (folder,) = (lake / "snapshots").iterdir()
    shutil.rmtree(folder / "findings")

    found = client.get("/findings.json")

    assert found.status_code == 503
    assert "has no findings" in found.text
    assert asked(client, "/snapshots.json")["snapshots"][0]["judged"] is False


def test_a_new_scan_is_seen_without_a_restart(client: Client, lake: Path) -> None:
    before = asked(client, "/overview.json")["scan"]["id"]
    (folder,) = (lake / "snapshots").iterdir()
    newer = folder.with_name("20261201T000000Z-abcdef")
    shutil.copytree(folder, newer)
    manifest = newer / "manifest.json"
    text = manifest.read_text().replace(before, newer.name).replace("2026-11-23T12", "2026-12-01T00")
    manifest.write_text(text)

    assert asked(client, "/overview.json")["scan"]["id"] == newer.name
    assert asked(client, "/overview.json", snapshot=before)["scan"]["id"] == before
