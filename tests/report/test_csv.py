"""CSV that a spreadsheet opens without executing anything."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from crenel.report import csv_
from tests.report.judgements import finding, report


def rows(*findings: dict[str, Any]) -> list[dict[str, str]]:
    out = io.StringIO()
    csv_.write(report(list(findings)), out)
    return list(csv.DictReader(io.StringIO(out.getvalue())))


def test_a_row_a_finding_with_evidence_as_json():
    (row,) = rows(finding(evidence={"Encryption": {"Rules": [1, None]}}))
    assert list(row) == list(csv_.HEADER)
    assert json.loads(row["evidence"]) == {"Encryption": {"Rules": [1, None]}}
    assert (row["practice"], row["status"], row["resource_id"], row["reason"]) == ("11", "FAIL", "reports", "")
    assert row["seen_at"] == "2026-11-20T08:30:05.120000Z"


@pytest.mark.parametrize(
    "name", ["=cmd|' /C calc'!A0", "+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "\uff1d1", "\uff20x"]
)
def test_no_cell_is_a_formula(name):
    (row,) = rows(finding(name=name, message=name))
    for cell in (row["resource_name"], row["message"]):
        assert cell.startswith("'")
        assert not {"\t", "\r", "\n"} & set(cell)


def test_ordinary_names_stay_as_they_are():
    (row,) = rows(finding(name="a=b, \"quoted\" 'x' é", resource_id="0123"))
    assert (row["resource_name"], row["resource_id"]) == ("a=b, \"quoted\" 'x' é", "0123")


def test_control_characters_are_written_out():
    (row,) = rows(finding(name="x\x1b[31my\u202e"))
    assert row["resource_name"] == "x\\x1b[31my\\u202e"


def test_without_findings_there_is_the_header():
    out = io.StringIO()
    csv_.write(report([]), out)
    assert out.getvalue() == ",".join(csv_.HEADER) + "\n"
