"""When there is something to tell, and when not."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from crenel import scan as use_case
from crenel.cli import main
from tests.cli.test_scan import Fake
from tests.judge.lakes import bucket, snapshot
from tests.notify.conftest import NOW, Notify

NOBODY = "notify: [{name: hook, type: webhook, url: 'http://127.0.0.1:9/'}]\n"


def test_after_the_first_scan_there_is_nothing_to_compare(
    tmp_path: Path, notify: Notify, capsys: pytest.CaptureFixture[str]
) -> None:
    notify.lake = tmp_path / "new"
    snapshot(notify.lake, NOW, [bucket("a")])

    assert notify(NOBODY) == 0
    assert "hook: nothing new: there is no scan before it to compare it with" in capsys.readouterr().err


def test_where_nothing_changed_nothing_is_sent(notify: Notify, capsys: pytest.CaptureFixture[str]) -> None:
    """What is still failing is no news; and what only got better wakes nobody."""
    last = [bucket("same"), bucket("lapsed")]
    snapshot(notify.lake, NOW + timedelta(days=1), last)
    snapshot(notify.lake, NOW + timedelta(days=2), last[:1])

    assert notify(NOBODY) == 0
    assert capsys.readouterr().err == "hook: nothing new\n"


def test_an_empty_lake(tmp_path: Path, notify: Notify, capsys: pytest.CaptureFixture[str]) -> None:
    notify.lake = tmp_path / "new"

    assert notify(NOBODY) == 2
    assert "has no usable snapshot" in capsys.readouterr().err


def test_a_memory_that_is_broken_is_an_error(notify: Notify, capsys: pytest.CaptureFixture[str]) -> None:
    (notify.lake / "notified.json").write_text("{")

    assert notify(NOBODY) == 2
    assert "notified.json can't be read" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--offline"], ["--as-of", "2026-11-23"], ["--explain"]])
def test_notify_of_scan_wants_a_scan(notify: Notify, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    notify.file.write_text(NOBODY)

    assert main(["scan", "--notify", str(notify.file), "--lake", str(notify.lake), *words]) == 2
    assert "--notify speaks of a new scan. For one that is there: crenel notify FILE." in capsys.readouterr().err


def test_a_file_with_mistakes_ends_a_scan_before_it_begins(notify: Notify, capsys: pytest.CaptureFixture[str]) -> None:
    notify.file.write_text("notify: [{type: slack, url-from: NOT_SET_AT_ALL}]\n")

    assert main(["scan", "--notify", str(notify.file), "--lake", str(notify.lake)]) == 2
    assert "NOT_SET_AT_ALL is not set" in capsys.readouterr().err


@pytest.mark.parametrize(("fail_on", "code"), [("none", 2), ("low", 3)])
def test_after_a_scan_it_tells_and_the_verdicts_code_stands(
    notify: Notify,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    fail_on: str,
    code: int,
) -> None:
    """Where somebody can't be told that is an error, but none that hides what fails."""
    fake = Fake()
    monkeypatch.setattr(use_case, "scan", fake.scan)
    notify.file.write_text(NOBODY)
    words = ["scan", "--quiet", "--notify", str(notify.file), "--lake", str(notify.lake), "--fail-on", fail_on]

    assert main(words) == code
    out, err = capsys.readouterr()
    assert "reports" in out
    assert "hook: failed: http://127.0.0.1 can't be reached" in err
    assert "1 target was not told." in err


def test_after_a_scan_with_nothing_new_it_ends_as_the_scan_does(
    notify: Notify, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    snapshot(notify.lake, NOW + timedelta(days=1), [bucket("same")])
    monkeypatch.setattr(use_case, "scan", Fake().scan)
    notify.file.write_text(NOBODY.replace("notify: [{", "notify: [{severity: critical, "))

    assert main(["scan", "--quiet", "--notify", str(notify.file), "--lake", str(notify.lake)]) == 0
    assert capsys.readouterr().err == "hook: nothing new\n"
