"""The AWS Security Finding Format, held against AWS's own model of BatchImportFindings and its documented lengths."""

from __future__ import annotations

import json
from typing import Any

from botocore.validate import ParamValidator

from crenel.catalog.columns import service_model
from crenel.catalog.load import catalog
from crenel.report.asff import KNOWN, resource_types
from tests.report.judgements import finding, report
from tests.report.scenario import gov, whole, written

INPUT = service_model("securityhub").operation_model("BatchImportFindings").input_shape


def documents(what: Any = None) -> dict[str, dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(written("asff", what))
    problems = ParamValidator().validate({"Findings": found}, INPUT)
    assert problems.generate_report() == ""
    for document in found:
        check_enums({"Findings": [document]}, INPUT)
    return {document["Id"]: document for document in found}


def check_enums(value: Any, shape: Any) -> None:
    """Hold every word against the model's enumerations, which botocore itself does not do."""
    if shape.type_name == "structure":
        for name, member in value.items():
            check_enums(member, shape.members[name])
    elif shape.type_name == "list":
        for item in value:
            check_enums(item, shape.member)
    elif shape.type_name == "string" and shape.enum:
        assert value in shape.enum


def test_states() -> None:
    found = {
        name.removeprefix("crenel/"): (
            one["Compliance"]["Status"],
            one["Workflow"]["Status"],
            one["Severity"]["Label"],
            one["ProductFields"]["crenel/state"],
        )
        for name, one in documents().items()
    }

    assert found == {
        "f1": ("FAILED", "NEW", "HIGH", "FAIL"),
        "f2": ("FAILED", "NEW", "HIGH", "FAIL"),
        "f3": ("FAILED", "SUPPRESSED", "HIGH", "WAIVED"),
        "f4": ("PASSED", "NEW", "INFORMATIONAL", "PASS"),
        "f5": ("WARNING", "NEW", "HIGH", "UNKNOWN"),
        "f6": ("NOT_AVAILABLE", "NEW", "INFORMATIONAL", "NOT_APPLICABLE"),
        "f7": ("FAILED", "NEW", "MEDIUM", "FAIL"),
    }
    assert documents()["crenel/f3"]["Note"]["Text"].startswith("Waived until 2027-03-01 (public-website): The website")
    assert all(one["RecordState"] == "ACTIVE" for one in documents().values())


def test_a_finding_is_of_the_accounts_own_product_in_its_region() -> None:
    """What has no Region belongs to the partition's first."""
    found = documents()

    arn = "arn:aws:securityhub:{}:111122223333:product/111122223333/default"
    assert found["crenel/f1"]["ProductArn"] == arn.format("eu-west-1")
    assert found["crenel/f7"]["ProductArn"] == arn.format("us-east-1")
    assert found["crenel/f7"]["Region"] == found["crenel/f7"]["Resources"][0]["Region"] == "us-east-1"
    (one,) = documents(gov()).values()
    assert one["ProductArn"].startswith("arn:aws-us-gov:securityhub:us-gov-west-1:")


def test_controls_are_requirements_and_types() -> None:
    one = documents()["crenel/f7"]

    assert one["Compliance"]["RelatedRequirements"] == ["cis-3.0 1.12"]
    assert one["Types"] == [
        "Software and Configuration Checks/Industry and Regulatory Standards/CIS AWS Foundations Benchmark 3.0"
    ]
    assert one["GeneratorId"] == "crenel/iam-credentials-unused max_unused_days=45"
    assert documents()["crenel/f6"]["Types"] == ["Software and Configuration Checks/AWS Security Best Practices"]
    assert documents()["crenel/f1"]["Remediation"]["Recommendation"]["Text"] == "Put a default encryption."


def test_nothing_is_longer_than_the_format_allows() -> None:
    long = "ä" * 5_000
    many = [
        {"framework": f"f-{n}" * 30, "control": f"{n}", "place": n, "policy": "s3-bucket-encryption"} for n in range(60)
    ]
    what = report(
        [finding(title=long, message=long, resource_id=long, arn=long, name=long, evidence={"a": long})],
        about={
            "controls": many,
            "policies": [{"policy": "s3-bucket-encryption", "remediation": long, "links": [long]}],
        },
    )
    (one,) = documents(what).values()

    assert len(one["Title"]) == 256
    assert len(one["Description"]) == 1_024
    assert len(one["Resources"][0]["Id"]) == 512
    assert all(len(value) <= 1_024 for value in one["Resources"][0]["Details"]["Other"].values())
    assert len(one["Remediation"]["Recommendation"]["Text"]) == 512
    assert "Url" not in one["Remediation"]["Recommendation"]
    assert len(one["Compliance"]["RelatedRequirements"]) == 32
    assert all(len(each) <= 64 for each in one["Compliance"]["RelatedRequirements"])
    assert len(one["Types"]) == 50


def test_blank_names_are_left_out() -> None:
    (one,) = documents(report([finding(name=" ", title="\n", message="")])).values()

    assert one["Title"] == "-"
    assert "Name" not in one["Resources"][0]["Details"]["Other"]


def test_the_types_that_security_hub_knows_are_those_of_its_model() -> None:
    assert INPUT is not None
    details = INPUT.members["Findings"].member.members["Resources"].member.members["Details"].members

    assert {f"Aws{name}" for name in KNOWN} == {name for name in details if name.startswith("Aws")}


def test_types_of_ours_have_security_hubs_names() -> None:
    """By AWS Config's names; where that has another or none, by hand. Accounts have a type without details."""
    found = resource_types()
    ours = {f"aws.{kind.reported_as}" for kind in catalog().values()}

    assert set(found) <= ours
    assert set(found.values()) <= {f"Aws{name}" for name in KNOWN} | {"AwsAccount"}
    assert (found["aws.s3"], found["aws.rds"], found["aws.ebs"]) == ("AwsS3Bucket", "AwsRdsDbInstance", "AwsEc2Volume")
    assert found["aws.peering-connection"] == "AwsEc2VpcPeeringConnection"


def test_it_is_an_array_all_the_same_without_findings() -> None:
    assert json.loads(written("asff", report([]))) == []
    assert len(documents(whole())) == 7
