"""The machine-readable contract: what stands in the schema is what is written."""

from __future__ import annotations

import io
import json
import tracemalloc
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from crenel.model import Account
from crenel.report import json_, ndjson
from crenel.report.model import Report
from tests.report.judgements import ACCOUNT, finding, gap, info, judgement, report

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "findings.schema.json").read_text(encoding="utf-8"))


def written(what: Report) -> Any:
    out = io.StringIO()
    json_.write(what, out)
    return json.loads(out.getvalue())


def check(value: object) -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(value)


def test_a_scan_with_findings_and_gaps_field_by_field():
    account = finding(
        id="f2", policy="own", practice=None, status="UNKNOWN", resource_id="*", arn=None, name=None, reason="denied"
    )
    found = written(report([finding(), account], [gap()]))
    check(found)
    assert found["schema_version"] == 1
    assert found["scan"] == {
        "id": "20261120T083000Z-abc123",
        "started_at": "2026-11-20T08:30:00Z",
        "finished_at": "2026-11-20T08:30:09Z",
        "accounts": [ACCOUNT],
        "regions": ["eu-west-1", "us-east-1"],
        "complete": True,
        "calls_by_service": {"iam": 5, "s3": 12},
    }
    assert found["findings"][0] == {
        "id": "f1",
        "policy": "s3-bucket-encryption",
        "practice": 11,
        "status": "FAIL",
        "severity": "high",
        "account": ACCOUNT,
        "region": "eu-west-1",
        "resource": {"type": "aws.s3", "id": "reports", "arn": "arn:aws:s3:::reports", "name": "reports"},
        "message": "The bucket reports has no default encryption.",
        "evidence": {"Encryption.Rules": []},
        "reason": None,
        "seen_at": "2026-11-20T08:30:05.120000Z",
        "variant": None,
        "waiver": None,
        "lapsed": None,
        "state": "FAIL",
        "controls": [],
    }
    assert found["findings"][1]["practice"] is None
    assert found["findings"][1]["reason"] == "denied"
    assert found["gaps"] == [
        {
            "account": ACCOUNT,
            "region": "eu-west-1",
            "type": "aws.s3",
            "detail": "Encryption",
            "resource": "secret",
            "call": "s3:GetBucketEncryption",
            "permission": "s3:GetEncryptionConfiguration",
            "code": "AccessDenied",
            "message": "User: arn:aws:iam::111122223333:user/x is not authorized",
            "at": "2026-11-20T08:30:05.120000Z",
        }
    ]


def test_a_gap_of_a_whole_listing_has_null_for_all():
    found = written(report([], [gap(detail="", resource="", permission="")]))
    check(found)
    assert [found["gaps"][0][key] for key in ("detail", "resource", "permission")] == [None, None, None]


def test_nothing_found_is_an_object_all_the_same():
    found = written(report([], head=info(accounts=(Account(ACCOUNT), Account("444455556666")), finished_at=None)))
    check(found)
    assert (found["findings"], found["gaps"], found["scan"]["finished_at"]) == ([], [], None)


def test_hostile_texts_stay_what_they_are_and_steer_no_terminal():
    name = 'x\x1b]0;owned\x07"\u202e\u2028\n=cmd|é'
    out = io.StringIO()
    json_.write(report([finding(name=name, evidence={"Tags": {"k": name}})]), out)
    assert out.getvalue().isascii()
    assert "\x1b" not in out.getvalue()
    found = json.loads(out.getvalue())["findings"][0]
    assert found["resource"]["name"] == name
    assert found["evidence"] == {"Tags": {"k": name}}


def test_ndjson_is_the_same_findings_a_line_each():
    what = report([finding(), finding(id="f2", resource_id="other")], [gap()])
    out = io.StringIO()
    ndjson.write(what, out)
    lines = out.getvalue().splitlines()
    assert [json.loads(line) for line in lines] == written(what)["findings"]


@pytest.mark.parametrize("write", [json_.write, ndjson.write])
def test_findings_stream(write):
    """Five times the findings, the same memory."""

    class Nowhere(io.TextIOBase):
        def write(self, text: str) -> int:
            return len(text)

    def peak(count: int) -> int:
        what = report([])
        what.judgement.connection.execute(
            "INSERT INTO findings BY NAME SELECT 'f' || n AS id, 'p' AS policy, 1 AS practice, 'FAIL' AS status, "
            "'high' AS severity, '111122223333' AS account, 'eu-west-1' AS region, 'aws.s3' AS type, "
            "'b' || n AS resource_id, 't' AS title, repeat('m', 200) AS message, '{}' AS evidence, "
            "TIMESTAMP '2026-11-20' AS seen_at FROM range(?) t(n)",
            [count],
        )
        tracemalloc.start()
        try:
            write(what, Nowhere())
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    few, many = peak(4_000), peak(20_000)
    assert many < few * 2


def test_the_judgement_is_only_asked_and_never_closed():
    what = report([finding()])
    written(what)
    assert written(what)["findings"]
    assert judgement([]).gap_count() == 0
