"""OCSF events, held against py-ocsf-models and against the schema that OCSF publishes."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import jsonschema
import pytest
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema
from py_ocsf_models.events.findings.compliance_finding import ComplianceFinding

from crenel.report import ocsf
from tests.report.scenario import gov, written


@lru_cache
def validator() -> jsonschema.protocols.Validator:
    schema = OcsfJsonSchemaEmbedded(get_ocsf_schema(version=ocsf.VERSION))
    found = schema.get_class_schema("compliance_finding", ["cloud", "datetime"])
    return jsonschema.Draft202012Validator(found)


def events(what: Any = None) -> dict[str, dict[str, Any]]:
    found = [json.loads(line) for line in written("ocsf", what).splitlines()]
    return {event["finding_info"]["uid"]: event for event in found}


@pytest.mark.parametrize("uid", ["f1", "f2", "f3", "f4", "f5", "f6", "f7"])
def test_an_event_is_of_the_class(uid: str) -> None:
    event = events()[uid]

    assert [f"{list(each.path)}: {each.message}" for each in validator().iter_errors(event)] == []
    model = ComplianceFinding.model_validate(event)
    assert model.type_uid == 200301


def test_states() -> None:
    """Status is what people make of it, the compliance status the verdict; code and detail say it in our words."""
    found = {
        uid: (event["status"], event["status_code"], event["compliance"]["status"], event["severity"])
        for uid, event in events().items()
    }

    assert found == {
        "f1": ("New", "FAIL", "Fail", "High"),
        "f2": ("New", "FAIL", "Fail", "High"),
        "f3": ("Suppressed", "WAIVED", "Fail", "High"),
        "f4": ("New", "PASS", "Pass", "Informational"),
        "f5": ("New", "UNKNOWN", "Warning", "High"),
        "f6": ("New", "NOT_APPLICABLE", "Not applicable", "Informational"),
        "f7": ("New", "FAIL", "Fail", "Medium"),
    }
    assert events()["f3"]["status_detail"] == (
        "Waived until 2027-03-01 by web team (public-website): The website is public on purpose."
    )
    assert events()["f3"]["unmapped"]["waiver"]["id"] == "public-website"
    assert events()["f7"]["status_detail"].endswith("A waiver no longer holds: It ended on 2026-11-01.")


def test_a_policy_that_a_control_names_carries_its_framework() -> None:
    found = events()

    assert found["f1"]["compliance"]["standards"] == ["CIS AWS Foundations Benchmark 3.0"]
    assert found["f1"]["compliance"]["requirements"] == ["cis-3.0 2.1.1"]
    assert found["f1"]["compliance"]["checks"][0]["uid"] == "2.1.1"
    assert found["f1"]["remediation"]["desc"] == "Put a default encryption."
    assert found["f7"]["compliance"]["requirements"] == ["cis-3.0 1.12"]
    assert found["f6"]["compliance"]["requirements"] == ["iam-credentials-unused"]


def test_where_a_resource_is() -> None:
    event = events()["f1"]

    assert event["cloud"]["account"]["uid"] == "111122223333"
    assert event["resources"][0]["uid"] == "arn:aws:s3:::reports"
    assert event["resources"][0]["data"]["evidence"] == {"Encryption.Rules": []}
    assert events(gov())["f1"]["resources"][0]["cloud_partition"] == "aws-us-gov"
