"""`crenel resources`, `crenel snapshots`, `crenel permissions`, `crenel sql`."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from crenel import scan as use_case
from crenel.catalog.load import catalog
from crenel.cli import main
from crenel.cli.listing import print_columns
from crenel.errors import UsageError
from crenel.lake.snapshots import Damage, Lake, Snapshot
from tests.report.judgements import info


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_columns_line_up_in_a_pipe_and_wrap_on_a_terminal(monkeypatch):
    out = io.StringIO()
    print_columns(("A", "B"), [("x" * 9, "long " * 40), ("y\x1b[1m", "")], out)
    lines = out.getvalue().splitlines()
    assert lines[0] == "A          B"
    assert len(lines) == 3
    assert lines[2] == "y\\x1b[1m"
    monkeypatch.setenv("COLUMNS", "60")
    shown = Terminal()
    print_columns(("A", "B"), [("x" * 9, "long " * 40)], shown)
    assert len(shown.getvalue().splitlines()) > 3


# --- resources


def test_resources_list_has_every_type(capsys):
    assert main(["resources", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == [f"aws.{name}" for name in catalog()]


@pytest.mark.parametrize("name", list(catalog()))
def test_every_type_can_be_shown(name, capsys):
    assert main(["resources", "show", f"aws.{name}"]) == 0
    out = capsys.readouterr().out
    for column in catalog()[name].schema():
        assert f"\n  {column} " in out, column
    for detail in catalog()[name].details.values():
        for permission in detail.permissions:
            assert permission in out


def test_nested_types_are_indented(capsys):
    main(["resources", "show", "s3"])
    out = capsys.readouterr().out
    assert "\nEncryption: s3:GetBucketEncryption, 1 call a resource\n  needs s3:GetEncryptionConfiguration\n" in out
    assert "\n    Rules                                 list of struct\n" in out


def test_an_unknown_type_is_an_error(capsys):
    assert main(["resources", "show", "ebss"]) == 2
    assert 'Did you mean "ebs"?' in capsys.readouterr().err


# --- snapshots


def test_snapshots(monkeypatch, tmp_path, capsys):
    good = Snapshot(tmp_path, info(complete=False))
    monkeypatch.setattr(Lake, "all", lambda _: ([good], [Damage("20261119T000000Z-ff", "s3.parquet is missing.")]))
    assert main(["snapshots", "list", "--lake", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "20261120T083000Z-abc123  2026-11-20 08:30:00  111122223333  2        no" in out
    assert "Damaged, not used: 20261119T000000Z-ff: s3.parquet is missing." in out


def test_an_empty_lake_says_what_to_do(tmp_path, capsys):
    assert main(["snapshots", "list", "--lake", str(tmp_path)]) == 0
    assert f"There is no snapshot in {tmp_path}. Make one: crenel scan" in capsys.readouterr().out


def test_a_scan_to_go_on_with_is_named(tmp_path, capsys):
    _, folder = Lake(tmp_path).new_scan(datetime(2026, 11, 20, tzinfo=UTC))
    (folder / "scan.json").write_text("{}", encoding="utf-8")
    assert main(["snapshots", "list", "--lake", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert f"Not finished, or running: {folder.name}." in out
    assert f"crenel scan --resume --lake {tmp_path}" in out


# --- permissions


def test_permissions_is_the_document_of_the_chosen_policies(monkeypatch, capsys):
    asked: list[use_case.ScanOptions] = []

    def document(options: use_case.ScanOptions) -> dict[str, str]:
        asked.append(options)
        return {"Version": "2012-10-17"}

    monkeypatch.setattr(use_case, "permissions", document)
    assert main(["permissions", "--practice", "3", "--policy", "s3-*", "--standard", "cis"]) == 0
    assert json.loads(capsys.readouterr().out) == {"Version": "2012-10-17"}
    assert (asked[0].practices, asked[0].policies, asked[0].standard) == ((3,), ("s3-*",), "cis")


# --- sql

NOW = datetime(2026, 11, 20, 8, 30)  # noqa: DTZ001 (as DuckDB answers)
ROWS: list[tuple[Any, ...]] = [("=a", True, NOW, {"k": [1, None]}, 1), ("b\x1b[1m", None, None, None, float("nan"))]


@pytest.fixture
def asked(monkeypatch) -> list[Any]:
    found: list[Any] = []

    @contextmanager
    def query(
        lake: Any, text: str, as_of: Any, damaged: Any = None
    ) -> Iterator[tuple[list[str], Iterator[tuple[Any, ...]]]]:
        found.append((lake, text, as_of))
        if text == "bad":
            raise UsageError("Parser Error: syntax error")
        yield ["name", "on", "at", "tags", "name"], iter(ROWS if text != "none" else [])

    monkeypatch.setattr(use_case, "query", query)
    return found


def test_sql_as_a_table(asked, capsys, tmp_path):
    assert main(["sql", "select 1", "--lake", str(tmp_path), "--as-of", "2026-11-20T08:30"]) == 0
    assert asked == [(tmp_path, "select 1", datetime(2026, 11, 20, 8, 30, tzinfo=UTC))]
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.split() == ["name", "on", "at", "tags", "name_2"]
    assert first.split() == ["=a", "true", "2026-11-20T08:30:00Z", '{"k":[1,null]}', "1"]
    assert second.startswith("b\\x1b[1m")


def test_sql_as_csv(asked, capsys):
    assert main(["sql", "select 1", "--format", "csv"]) == 0
    rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert rows[1] == ["'=a", "true", "2026-11-20T08:30:00Z", '{"k":[1,null]}', "1"]


def test_sql_as_json(asked, capsys):
    assert main(["sql", "select 1", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found[0] == {"name": "=a", "on": True, "at": "2026-11-20T08:30:00Z", "tags": {"k": [1, None]}, "name_2": 1}
    assert found[1]["name_2"] is None
    assert main(["sql", "none", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_sql_from_standard_input(asked, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("select 2"))
    assert main(["sql", "-"]) == 0
    assert asked[0][1] == "select 2"


def test_sql_that_is_wrong(asked, capsys):
    assert main(["sql", "bad"]) == 2
    assert "Parser Error" in capsys.readouterr().err
