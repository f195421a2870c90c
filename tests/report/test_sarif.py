"""SARIF, held against the schema of OASIS and against what GitHub takes."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

from sarif_kit.validate import validation_errors

from tests.report.judgements import finding, report
from tests.report.scenario import HOSTILE, whole, written


def sarif(what: Any = None) -> dict[str, Any]:
    log: dict[str, Any] = json.loads(written("sarif", what))
    assert validation_errors(log) == []
    return log["runs"][0]  # type: ignore[no-any-return]


def test_results_by_state() -> None:
    """A FAIL has its level; all else has none, as the standard asks. A waived one is suppressed, with the reason."""
    by_id = {one["partialFingerprints"]["crenelFinding/v1"]: one for one in sarif()["results"]}

    assert {name: (one["kind"], one["level"]) for name, one in by_id.items()} == {
        "f1": ("fail", "error"),
        "f2": ("fail", "error"),
        "f3": ("fail", "error"),
        "f4": ("pass", "none"),
        "f5": ("open", "none"),
        "f6": ("notApplicable", "none"),
        "f7": ("fail", "warning"),
    }
    assert [name for name, one in by_id.items() if one.get("suppressions")] == ["f3"]
    assert by_id["f3"]["suppressions"] == [
        {
            "kind": "external",
            "status": "accepted",
            "justification": "The website is public on purpose. (waiver public-website of web team, until 2027-03-01)",
        }
    ]
    assert by_id["f7"]["properties"]["lapsed"] == "It ended on 2026-11-01."


def test_rules_have_help_and_controls_and_results_point_at_them() -> None:
    run = sarif()
    rules = run["tool"]["driver"]["rules"]

    assert [rule["id"] for rule in rules] == [
        "iam-credentials-unused",
        "iam-credentials-unused max_unused_days=45",
        "s3-bucket-encryption",
    ]
    bucket = rules[2]
    assert bucket["properties"]["tags"] == ["security", "aws", "cis-3.0 2.1.1"]
    assert bucket["properties"]["security-severity"] == "8.0"
    assert bucket["helpUri"].startswith("https://docs.aws.amazon.com/")
    assert "How to fix it\n- Put a default encryption." in bucket["help"]["text"]
    assert "## Why it matters\n\nObjects lie in the open" in bucket["help"]["markdown"]
    assert all(rules[one["ruleIndex"]]["id"] == one["ruleId"] for one in run["results"])


def test_locations_are_relative_paths_that_stay_where_they_are() -> None:
    """GitHub shows a result at a file; no name leads out of the folder or to another host."""
    found = {one["partialFingerprints"]["crenelFinding/v1"]: one["locations"][0] for one in sarif()["results"]}
    uri = found["f1"]["physicalLocation"]["artifactLocation"]["uri"]

    assert uri == "aws/111122223333/eu-west-1/s3/reports"
    assert found["f1"]["logicalLocations"][0]["fullyQualifiedName"] == "arn:aws:s3:::reports"
    hostile = found["f2"]["physicalLocation"]["artifactLocation"]["uri"]
    assert hostile.count("/") == 4
    assert unquote(hostile.split("/")[-1], errors="surrogatepass") == HOSTILE


def test_a_name_of_dots_leads_nowhere() -> None:

    (one,) = sarif(report([finding(resource_id="..")]))["results"]
    assert one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].endswith("/s3/%2E%2E")


def test_what_could_not_be_read_is_a_notification() -> None:
    (invocation,) = sarif()["invocations"]

    assert invocation["executionSuccessful"] is True
    assert invocation["startTimeUtc"] == "2026-11-20T08:30:00Z"
    told = [each["message"]["text"] for each in invocation["toolExecutionNotifications"]]
    assert len(told) == 2
    assert "Encryption of secret could not be read: s3:GetBucketEncryption: AccessDenied" in told[0]


def test_no_findings_is_a_log_all_the_same() -> None:
    assert sarif(report([]))["results"] == []
    assert sarif(whole())["automationDetails"]["id"] == "crenel/20261120T083000Z-abc123"
