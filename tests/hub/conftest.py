"""A lake, and an AWS to push to: moto's Security Hub, or a stub where moto has not the call."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crenel.cli import main
from crenel.model import Account, Coverage
from tests.collect.conftest import aws, credentials, moto_server, stub
from tests.judge.lakes import bucket, snapshot

__all__ = ["aws", "credentials", "moto_server", "stub"]

ACCOUNT = "123456789012"  # moto's
NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
WAIVER = {"waiver": "w-1", "owner": "web", "reason": "meant so", "until": date(2027, 1, 1)}
HEAD: dict[str, Any] = {
    "accounts": (Account(ACCOUNT),),
    "regions": ("eu-west-1", "us-east-1"),
    "coverage": (Coverage(ACCOUNT, "eu-west-1", "scanned"), Coverage(ACCOUNT, "us-east-1", "scanned")),
}


class Pushing:
    """Scans whose findings a test names, and the command that pushes them."""

    def __init__(self, lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.lake = lake
        self.capsys = capsys
        self.scans = 0

    def scanned(self, *findings: dict[str, Any], waived: tuple[str, ...] = (), **head: Any) -> None:
        """Put a scan with these findings into the lake, a day after the one before."""
        self.scans += 1
        rows = [{"resource_id": name, **WAIVER} for name in waived]
        begun = NOW + timedelta(days=self.scans)
        snapshot(self.lake, begun, findings, waived=rows, **{**HEAD, **head})

    def __call__(self, *words: str, code: int = 0) -> str:
        """Push without asking, unless it is said otherwise; return what was printed."""
        self.capsys.readouterr()
        yes = () if "--dry-run" in words else ("--yes",)
        got = main(["report", "--push", "security-hub", "--lake", str(self.lake), *yes, *words])
        out, err = self.capsys.readouterr()
        assert got == code, out + err
        return out + err


@pytest.fixture
def pushing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Pushing:
    return Pushing(tmp_path / "lake", capsys)


def ours(name: str, status: str = "FAIL", /, **changes: Any) -> dict[str, Any]:
    """A verdict on a bucket of moto's account."""
    return bucket(name, status, **{"account": ACCOUNT, **changes})
