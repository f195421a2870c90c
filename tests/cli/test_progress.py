"""Progress: a bar, lines, or nothing."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TextIO

import pytest

from crenel.cli import progress as module
from crenel.cli.progress import progress
from crenel.collect.collector import ProgressEvent
from crenel.model import Unit


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def events() -> Iterator[ProgressEvent]:
    for number, state in enumerate(("finished", "failed", "finished"), start=1):
        unit = Unit("111122223333", "eu-west-1\x1b[2J", "s3")
        yield ProgressEvent(unit, "started", 0, 0, number - 1, 3)
        yield ProgressEvent(unit, state, 10, 2, number, 3)


def watch_all(out: TextIO, *, quiet: bool = False) -> None:
    with progress(out, quiet=quiet) as watch:
        if watch is not None:
            for event in events():
                watch(event)


def test_nothing_when_quiet():
    for out in (io.StringIO(), Terminal()):
        watch_all(out, quiet=True)
        assert out.getvalue() == ""


def test_the_last_line_always_comes():
    out = io.StringIO()
    watch_all(out)
    assert out.getvalue() == "read 3 of 3 listings: 30 resources, 6 calls, 1 could not be read, 0 s\n"


def test_a_line_every_few_seconds(monkeypatch):
    monkeypatch.setattr(module, "EVERY", 0.0)
    out = io.StringIO()
    watch_all(out)
    assert len(out.getvalue().splitlines()) == 3
    assert "\x1b" not in out.getvalue()


@pytest.mark.parametrize("no_color", ["", "1"])
def test_a_bar_on_a_terminal(monkeypatch, no_color):
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    out = Terminal()
    watch_all(out)
    assert "6 calls" in out.getvalue()
    assert "3/3" in out.getvalue()
    assert "eu-west-1\x1b[2J" not in out.getvalue()
