"""`crenel detect --keep`: the alerts of runs in the lake, where the dashboard and SQL find them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client

from crenel.cli import main
from crenel.detect.run import Outcome
from crenel.lake.alerts import AlertStore
from crenel.lake.snapshots import Lake
from crenel.web.app import Dashboard
from crenel.web.guard import Guard
from crenel.web.shelf import Shelf

from .test_run import RULE, record, written

Asked = Callable[[str], list[dict[str, Any]]]


@pytest.fixture
def keep(tmp_path: Path) -> Callable[..., int]:
    """Return a function that runs `crenel detect --keep` over logs."""
    rule = tmp_path / "own.yml"
    rule.write_text(RULE)

    def run(*more: str) -> int:
        words = ["--rules", str(rule), "--lake", str(tmp_path / "lake"), "--keep", "--quiet"]
        return main(["detect", *words, *more, str(tmp_path / "logs")])

    return run


@pytest.fixture
def asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Asked:
    def ask(sql: str) -> list[dict[str, Any]]:
        capsys.readouterr()
        assert main(["sql", "--lake", str(tmp_path / "lake"), "--format", "json", sql]) == 0
        found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
        return found

    return ask


def test_an_alert_is_there_once_however_often_it_is_found(
    keep: Callable[..., int], asked: Asked, tmp_path: Path
) -> None:
    written(tmp_path / "logs" / "a.json.gz", record("StopLogging"))
    assert keep() == 0
    written(tmp_path / "logs" / "b.json.gz", record("StopLogging", "e2"))
    assert keep() == 0

    found = asked("SELECT rule, level, principal, event_id, tags, output_fields FROM alerts ORDER BY event_id")
    assert [each["event_id"] for each in found] == ["e1", "e2"]
    assert found[0]["rule"] == "A trail is stopped"
    assert found[0]["principal"] == "user alice"


def test_without_alerts_there_is_nothing_to_keep(keep: Callable[..., int], tmp_path: Path) -> None:
    written(tmp_path / "logs" / "a.json.gz", record("DescribeTrails"))

    assert keep() == 0
    assert AlertStore(tmp_path / "lake").empty
    assert not list((tmp_path / "lake" / "alerts").iterdir())


def test_a_run_that_breaks_off_keeps_none(
    keep: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(outcome: Outcome, *_: object) -> None:
        next(iter(outcome.alerts))
        raise KeyboardInterrupt

    written(tmp_path / "logs" / "a.json.gz", record("StopLogging"))
    monkeypatch.setattr("crenel.cli.detect._tell", broken)

    assert keep() == 130
    assert not list((tmp_path / "lake" / "alerts").iterdir())


def test_the_dashboard_shows_them(keep: Callable[..., int], tmp_path: Path) -> None:
    written(tmp_path / "logs" / "a.json.gz", record("StopLogging"), record("StopLogging", "e2"))
    keep()
    client = Client(Dashboard(Shelf(Lake(tmp_path / "lake"), tmp_path), Guard()))

    page = client.get("/alerts.json").json

    assert page is not None
    assert (page["total"], page["kept"]) == (2, True)
    assert "2 alerts in the lake" in client.get("/alerts").text


def test_a_follower_keeps_none(keep: Callable[..., int], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()

    assert keep("--follow") == 2
    assert "crenel serve --alerts" in capsys.readouterr().err
