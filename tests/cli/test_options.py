"""What shared options mean."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest

from crenel.cli.options import as_of_option, default_lake, parse_time

CONTEXT = click.Context(click.Command("c"))
OPTION = as_of_option(click.Command("c", callback=lambda: None)).params[0]


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-11-20", datetime(2026, 11, 20, 23, 59, 59, 999999, tzinfo=UTC)),
        ("2026-11-20T08:30", datetime(2026, 11, 20, 8, 30, tzinfo=UTC)),
        ("2026-11-20 08:30:01Z", datetime(2026, 11, 20, 8, 30, 1, tzinfo=UTC)),
        ("2026-11-20T08:30+02:00", datetime(2026, 11, 20, 6, 30, tzinfo=UTC)),
        (None, None),
    ],
)
def test_times(text, time):
    assert parse_time(CONTEXT, OPTION, text) == time


def test_no_time():
    with pytest.raises(click.BadParameter, match="'yesterday' is no time"):
        parse_time(CONTEXT, OPTION, "yesterday")


def test_where_the_lake_is(monkeypatch):
    for name in ("CRENEL_LAKE", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setattr(sys, "platform", "linux")
    assert default_lake() == Path("/home/me/.local/share/crenel")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert default_lake() == Path("/home/me/Library/Application Support/crenel")
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert default_lake() == Path("/data/crenel")
    monkeypatch.setenv("CRENEL_LAKE", "/lake")
    assert default_lake() == Path("/lake")
