"""`crenel detect`, `crenel ingest` and `crenel rules`, as their users run them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from crenel.cli import main

RULE = """
title: A trail is stopped
id: 5f3c0a52-0f4c-4a93-8d35-58ff1e8a6a10
level: high
tags: [attack.t1562.008]
logsource: {product: aws, service: cloudtrail}
detection:
  selection: {eventName: StopLogging}
  condition: selection
fields: [requestParameters.name]
examples:
  - {fires: it is stopped, event: {eventName: StopLogging}}
  - {silent: it is started, event: {eventName: StartLogging}}
"""
FALCO = """
- rule: Any trail event
  desc: d
  condition: ct.src = "cloudtrail.amazonaws.com"
  output: "%ct.name by %ct.user on %ct.request.name, %ct.response"
  priority: WARNING
  source: aws_cloudtrail
- rule: Stopped
  desc: d
  condition: ct.name = StopLogging
  output: stopped
  priority: CRITICAL
  source: aws_cloudtrail
"""
Run = Callable[..., int]


def record(name: str, identity: str = "e1", **more: Any) -> dict[str, Any]:
    return {
        "eventVersion": "1.09", "eventTime": "2026-06-01T10:00:00Z", "eventSource": "cloudtrail.amazonaws.com",
        "eventName": name, "eventID": identity, "awsRegion": "us-east-1", "recipientAccountId": "111122223333",
        "sourceIPAddress": "203.0.113.9", "eventType": "AwsApiCall",
        "userIdentity": {"type": "IAMUser", "userName": "alice", "accountId": "111122223333"},
        "requestParameters": {"name": "main"}, **more,
    }  # fmt: skip


def written(path: Path, *records: Mapping[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(json.dumps({"Records": records}, separators=(",", ":")).encode()))
    return path


@pytest.fixture
def rule(tmp_path: Path) -> str:
    path = tmp_path / "rules" / "own.yml"
    path.parent.mkdir()
    path.write_text(RULE)
    return str(path)


@pytest.fixture
def logs(tmp_path: Path) -> str:
    written(tmp_path / "logs" / "a.json.gz", record("StopLogging"), record("DescribeTrails", "e2"))
    return str(tmp_path / "logs")


def alerts(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_an_alert_has_what_the_contract_names(rule: str, logs: str, capsys) -> None:
    assert main(["detect", "--rules", rule, "--format", "ndjson", "--quiet", logs]) == 0

    assert alerts(capsys) == [
        {
            "time": "2026-06-01T10:00:00Z", "rule": "A trail is stopped",
            "rule_id": "5f3c0a52-0f4c-4a93-8d35-58ff1e8a6a10", "language": "sigma", "level": "high",
            "tags": ["attack.t1562.008"], "event_id": "e1", "event_name": "StopLogging",
            "event_source": "cloudtrail.amazonaws.com", "account": "111122223333", "region": "us-east-1",
            "principal": "user alice", "source_ip": "203.0.113.9", "resource": "main",
            "output": "A trail is stopped: StopLogging of main by user alice from 203.0.113.9",
            "output_fields": {"requestParameters.name": "main"}, "file": f"{logs}/a.json.gz", "events": ["e1"],
        }
    ]  # fmt: skip


def test_falco_fills_its_own_text(tmp_path: Path, logs: str, capsys) -> None:
    """All matching rules speak; with --first-match the first alone. What is absent is told as such."""
    rules = tmp_path / "falco.yaml"
    rules.write_text(FALCO)
    command = ["detect", "--rules", str(rules), "--format", "ndjson", "--quiet", logs]

    assert main(command) == 0
    told = alerts(capsys)
    assert [(each["event_id"], each["level"], each["output"]) for each in told] == [
        ("e1", "medium", "StopLogging by alice on main, <NA>"),
        ("e1", "critical", "stopped"),
        ("e2", "medium", "DescribeTrails by alice on main, <NA>"),
    ]
    assert main([*command, "--first-match"]) == 0
    assert [each["rule"] for each in alerts(capsys)] == ["Any trail event", "Any trail event"]


def test_an_event_delivered_twice_is_told_once(tmp_path: Path, rule: str, logs: str, capsys) -> None:
    written(Path(logs) / "again.json.gz", record("StopLogging"))

    main(["detect", "--rules", rule, "--format", "json", "--quiet", logs])
    assert len(json.loads(capsys.readouterr().out)) == 1


def test_the_exit_code(tmp_path: Path, rule: str, logs: str, capsys) -> None:
    """3 for an alert at or above the level, 2 for a rule that can't run, 4 for what could not be read."""
    command = ["detect", "--rules", rule, "--quiet", logs]

    assert main([*command, "--fail-on", "critical"]) == 0
    assert main([*command, "--fail-on", "high"]) == 3
    broken = tmp_path / "broken.yml"
    broken.write_text(RULE.replace("condition: selection", "condition: selection and").replace("id: 5f", "id: 6f"))
    assert main([*command, "--rules", str(broken)]) == 2
    assert "broken.yml:9" in capsys.readouterr().err
    (Path(logs) / "cut.json.gz").write_bytes(gzip.compress(b'{"Records":[' + b"x" * 5000)[:40])
    assert main(command) == 4
    assert "cut.json.gz" in capsys.readouterr().err


def test_a_record_does_not_steer_the_terminal(rule: str, tmp_path: Path, capsys) -> None:
    log = written(
        tmp_path / "x.json.gz", record("StopLogging", userIdentity={"type": "IAMUser", "userName": "a\x1b[31m"})
    )

    main(["detect", "--rules", rule, str(log)])
    found = capsys.readouterr()
    assert "\x1b" not in found.out + found.err
    assert r"a\x1b[31m" in found.out


def test_secrets_stay_out_of_alerts_and_of_the_lake(tmp_path: Path, capsys) -> None:
    rules = tmp_path / "falco.yaml"
    rules.write_text(FALCO)
    given = {"credentials": {"accessKeyId": "ASIAEXAMPLE", "sessionToken": "top-secret"}}
    log = str(written(tmp_path / "x.json.gz", record("StopLogging", responseElements=given)))

    main(["detect", "--rules", str(rules), "--quiet", log])
    assert '"accessKeyId":"ASIAEXAMPLE","sessionToken":"***"' in capsys.readouterr().out
    lake = tmp_path / "lake"
    main(["ingest", "--lake", str(lake), "--quiet", log])
    main(["sql", "--lake", str(lake), "select * from events"])
    assert "top-secret" not in capsys.readouterr().out


def test_what_was_taken_in_is_there_once(tmp_path: Path, rule: str, logs: str, capsys) -> None:
    lake = str(tmp_path / "lake")

    assert main(["ingest", "--lake", lake, logs]) == 0
    assert "2 new of 2 events in 1 file" in capsys.readouterr().err
    written(Path(logs) / "b.json.gz", record("StopLogging"), record("StartLogging", "e3"))
    assert main(["ingest", "--lake", lake, logs]) == 0
    assert "1 new of 4 events" in capsys.readouterr().err
    assert main(["sql", "--lake", lake, "--format", "csv", "select eventID, day from events order by 1"]) == 0
    assert capsys.readouterr().out.splitlines() == ["eventID,day", "e1,2026-06-01", "e2,2026-06-01", "e3,2026-06-01"]


def test_what_was_taken_in_is_looked_through_by_its_columns(tmp_path: Path, rule: str, logs: str, capsys) -> None:
    lake = str(tmp_path / "lake")
    with_logs = ["detect", "--rules", rule, "--format", "ndjson", "--quiet"]
    main([*with_logs, logs])
    [directly] = alerts(capsys)
    main(["ingest", "--lake", lake, "--quiet", logs])
    capsys.readouterr()

    assert main([*with_logs, "--lake", lake]) == 0
    [stored] = alerts(capsys)
    assert {**stored, "file": ""} == {**directly, "file": ""}
    assert main([*with_logs, "--lake", lake, "--since", "2026-06-02"]) == 0
    assert alerts(capsys) == []


def test_what_is_no_text_is_looked_at_whole_in_the_lake_too(tmp_path: Path, rule: str, capsys) -> None:
    """A number where a text is due: a rule that wants the number finds it, in the file and in what was taken in."""
    Path(rule).write_text(RULE.replace("{eventName: StopLogging}\n  cond", "{errorCode: 7}\n  cond"))
    log = str(written(tmp_path / "odd.json.gz", record("X", errorCode=7)))
    lake = str(tmp_path / "lake")
    main(["ingest", "--lake", lake, "--quiet", log])
    command = ["detect", "--rules", rule, "--format", "ndjson", "--quiet"]

    assert main([*command, log]) == 0
    assert len(alerts(capsys)) == 1
    assert main([*command, "--lake", lake]) == 0
    assert len(alerts(capsys)) == 1


def test_what_is_new_is_told_where_the_logs_go_back_far_enough(tmp_path: Path, capsys) -> None:
    """By Crenel's own rule: a bucket in a Region where the account made nothing. Over shorter logs a note says so."""
    made = {"eventSource": "s3.amazonaws.com", "requestParameters": {"bucketName": "b"}}
    before = record("CreateBucket", "e1", **made, eventTime="2026-05-02T10:00:00Z")
    log = str(written(tmp_path / "a.json.gz", before, record("CreateBucket", "e2", **made, awsRegion="ap-south-1")))

    assert main(["detect", "--quiet", "--format", "ndjson", log]) == 0
    found = capsys.readouterr()
    assert [json.loads(line)["event_id"] for line in found.out.splitlines()] == ["e2"]
    assert "note" not in found.err
    main(["detect", "--quiet", "--since", "2026-06-01", log])
    found = capsys.readouterr()
    assert found.out == ""
    assert (
        "note: Region used for the first time: the events that it looks at go back less than 30 d for 1 of 1"
        in found.err
    )


def test_without_logs_and_events(tmp_path: Path, capsys) -> None:
    assert main(["detect", "--lake", str(tmp_path / "none")]) == 2
    assert "crenel ingest" in capsys.readouterr().err


# --- rules


def test_crenels_own_rules_are_right(capsys) -> None:
    """And their examples notice every change of them."""
    assert main(["rules", "check", "--strict"]) == 0
    assert main(["rules", "test", "--mutate"]) == 0, capsys.readouterr().out


def test_crenels_own_rules_are_many_and_tell_what_to_do(capsys) -> None:
    """At least 40, each with what to do, and one for each practice that an event can break: time alone breaks 24."""
    main(["rules", "list", "--format", "json"])
    found = json.loads(capsys.readouterr().out)

    assert len([each for each in found if not each["silent"]]) >= 40
    assert {number for each in found for number in each["practices"]} == {*range(1, 27)} - {24}
    assert [each["name"] for each in found if not each["tags"] or not each["description"]] == []


def test_an_example_that_does_not_come_true(tmp_path: Path, capsys) -> None:
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(RULE.replace("{silent: it is started", "{fires: it is started"))

    assert main(["rules", "test", str(wrong)]) == 1
    assert "FAILED A trail is stopped" in capsys.readouterr().out


def test_a_rule_in_plain_english(rule: str, capsys) -> None:
    assert main(["rules", "explain", "a trail*", rule]) == 0
    told = capsys.readouterr().out
    assert 'eventName in lower case is "stoplogging"' in told
    assert main(["rules", "explain", "A trial is stopped", rule]) == 2
    assert 'Did you mean "A trail is stopped"?' in capsys.readouterr().err


def test_what_runs_of_a_repository(rule: str, capsys) -> None:
    assert main(["rules", "coverage", rule]) == 0
    assert "by technique: T1562.008 1" in capsys.readouterr().out
