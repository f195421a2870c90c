"""A lake with two scans between which things happened, and moto's SNS, as the tests of the collector have it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from crenel.cli import main
from tests.collect.conftest import aws, credentials, moto_server
from tests.judge.lakes import bucket, snapshot
from tests.report.scenario import HOSTILE

__all__ = ["aws", "credentials", "moto_server"]

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """Two scans: two findings are new (one with a hostile name), one each is worse, lapsed, unread and resolved."""
    folder = tmp_path / "lake"
    waiver = {"resource_id": "lapsed", "waiver": "w-1", "owner": "web", "reason": "so", "until": date(2026, 11, 24)}
    before = [
        bucket("worse", severity="low"), bucket("lapsed"), bucket("unread", "PASS"), bucket("mended"), bucket("same"),
        bucket("new", "PASS"),
    ]  # fmt: skip
    about = {"controls": [{"framework": "cis-7.0", "control": "2.1", "policy": "s3-bucket-encryption"}]}
    snapshot(folder, NOW - timedelta(days=1), before, waived=[waiver], about=about)
    now = [
        bucket("worse", severity="medium", message="worse got worse."), bucket("lapsed"),
        bucket("unread", "UNKNOWN", reason="denied"), bucket("mended", "PASS"), bucket("same"),
        bucket("new", severity="critical", message="new is open."), bucket(HOSTILE, message=HOSTILE),
    ]  # fmt: skip
    snapshot(folder, NOW, now, waived=[{**waiver, "lapsed": "It ended on 2026-11-23."}], about=about)
    return folder


class Notify:
    """The command, with a file of targets."""

    def __init__(self, folder: Path, lake: Path) -> None:
        self.file = folder / "notify.yml"
        self.lake = lake

    def __call__(self, text: str, *words: str) -> int:
        """Run `crenel notify` with these targets and return the exit code."""
        self.file.write_text(text, encoding="utf-8")
        return main(["notify", str(self.file), "--lake", str(self.lake), *words])


@pytest.fixture
def notify(tmp_path: Path, lake: Path, monkeypatch: pytest.MonkeyPatch) -> Notify:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("crenel.notify.use_cases.time.sleep", lambda _: None)
    monkeypatch.setattr("crenel.notify.use_cases._PAUSE", 0)
    return Notify(tmp_path, lake)
