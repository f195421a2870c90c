"""`crenel demo`: nothing of the user's own AWS settings gets into it. (The account itself has its tests.)"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from crenel import scan as use_case
from crenel.cli import demo as module
from crenel.cli import main
from tests.report.judgements import finding, info, judgement, plan


@pytest.fixture
def seen(monkeypatch) -> dict[str, Any]:
    found: dict[str, Any] = {}

    @contextmanager
    def account() -> Iterator[str]:
        yield "http://127.0.0.1:5"
        found["stopped"] = True

    def scan(options: use_case.ScanOptions, progress: Any = None, stop: Any = None) -> use_case.Outcome:
        found["lake"] = options.lake
        found["aws"] = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        return use_case.Outcome(info(), judgement([finding()]), (plan(),), (), (), 1.0, TemporaryDirectory())

    monkeypatch.setattr(module, "demo_account", account)
    monkeypatch.setattr(use_case, "scan", scan)
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://elsewhere")
    return found


def test_the_demo_ends_with_0_and_touches_nothing(seen, capsys):
    assert main(["demo"]) == 0
    out, err = capsys.readouterr()
    assert "s3-bucket-encryption" in out
    assert "crenel scan --profile NAME" in out
    assert "Starting the demo account" in err
    assert seen["aws"]["AWS_ENDPOINT_URL"] == "http://127.0.0.1:5"
    assert not {"AWS_PROFILE", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_ENDPOINT_URL_S3"} & set(seen["aws"])
    assert seen["aws"]["AWS_CONFIG_FILE"] == os.devnull
    assert os.environ["AWS_PROFILE"] == "production"
    assert "AWS_ENDPOINT_URL" not in os.environ
    assert not Path(seen["lake"]).exists()
    assert seen["stopped"]


def test_json_alone_on_standard_output(seen, capsys, tmp_path):
    assert main(["demo", "--format", "json", "--lake", str(tmp_path)]) == 0
    assert json.loads(capsys.readouterr().out)["schema_version"] == 1
    assert seen["lake"] == tmp_path
    assert tmp_path.exists()


def test_keep_waits_for_ctrl_c_and_says_how_to_get_there(seen, monkeypatch, capsys):
    class Event:
        def wait(self) -> None:
            raise KeyboardInterrupt

    monkeypatch.setattr("crenel.cli.demo.threading.Event", Event)
    assert main(["demo", "--keep"]) == 0
    out = capsys.readouterr().out
    assert "export AWS_ENDPOINT_URL=http://127.0.0.1:5" in out
    assert "export CRENEL_LAKE=" in out
