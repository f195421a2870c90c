"""JUnit XML, held against the rules of Jenkins's schema and read by a library that CI tools use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as ET

from junitparser import JUnitXml

from tests.report.judgements import report
from tests.report.scenario import written

# Of https://github.com/jenkinsci/xunit-plugin's junit-10.xsd, for what stands in our files: attributes (those with a
# star are required) and children by element.
RULES: Mapping[str, tuple[str, str]] = {
    "testsuites": ("name time tests failures disabled errors skipped", "testsuite"),
    "testsuite": (
        "name* tests failures errors time disabled skipped timestamp hostname id package",
        "properties testcase system-out system-err",
    ),
    "properties": ("", "property"),
    "property": ("name* value*", ""),
    "testcase": ("name* classname time assertions status", "skipped error failure system-out system-err"),
    "failure": ("type message", ""),
    "error": ("type message", ""),
    "skipped": ("type message", ""),
}


def check(element: ET.Element) -> None:
    attributes, children = RULES[element.tag]
    words = attributes.split()
    assert {word.rstrip("*") for word in words if word.endswith("*")} <= set(element.attrib)
    assert set(element.attrib) <= {word.rstrip("*") for word in words}
    for name in ("tests", "failures", "errors", "skipped"):
        assert element.attrib.get(name, "0").isdecimal()
    for child in element:
        assert child.tag in children.split()
        check(child)


def parsed(what: Any = None) -> ET.Element:
    root = ET.fromstring(written("junit", what))
    check(root)
    return root


def test_a_suite_a_policy_with_its_counts() -> None:
    root = parsed()

    assert [(suite.get("name"), suite.get("tests"), suite.get("failures")) for suite in root] == [
        ("iam-credentials-unused", "1", "0"),
        ("iam-credentials-unused max_unused_days=45", "1", "1"),
        ("s3-bucket-encryption", "5", "2"),
    ]
    for suite in root:
        cases = suite.findall("testcase")
        counted = {"tests": len(cases)}
        for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            counted[name] = sum(case.find(tag) is not None for case in cases)
        assert {name: int(suite.get(name, "")) for name in counted} == counted
    assert [root.get(name) for name in ("tests", "failures", "errors", "skipped")] == ["7", "3", "1", "2"]


def test_states() -> None:
    """Waived and not applicable are skipped, UNKNOWN is an error: neither counts as passed."""
    suites = JUnitXml.fromstring(written("junit"))
    found = {case.name: [type(each).__name__ for each in case.result] for suite in suites for case in suite}

    place = "111122223333 eu-west-1"
    assert found[f"{place} reports"] == ["Failure"]
    assert found[f"{place} site"] == ["Skipped"]
    assert found[f"{place} logs"] == []
    assert found[f"{place} *"] == ["Error"]
    assert found["111122223333 global 111122223333"] == ["Skipped"]


def test_words() -> None:
    root = parsed()
    texts = {case.get("name"): case for case in root.iter("testcase")}

    failure = texts["111122223333 eu-west-1 reports"].find("failure")
    assert failure is not None
    assert failure.get("type") == "high"
    assert failure.get("message") == "The bucket reports has no default encryption."
    assert 'evidence: {"Encryption.Rules":[]}' in (failure.text or "")
    assert "how to fix: Put a default encryption." in (failure.text or "")
    waived = texts["111122223333 eu-west-1 site"].find("skipped")
    assert waived is not None
    assert waived.get("message") == (
        "Waived until 2027-03-01 by web team (public-website): The website is public on purpose."
    )
    lapsed = texts["111122223333 global ana"].find("failure")
    assert lapsed is not None
    assert "waiver: It ended on 2026-11-01." in (lapsed.text or "")


def test_nothing_found() -> None:
    assert len(parsed(report([]))) == 0
