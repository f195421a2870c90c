"""Policy files: what loads, and how what does not load is told."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from crenel.catalog.load import catalog
from crenel.errors import PolicyError, UsageError
from crenel.language.plan import Plan
from crenel.model import Needs, Standard
from crenel.policies.facts import facts
from crenel.policies.load import PolicyCompiler, builtin_policies, load_policies, needs_of, select
from crenel.positions import describe
from tests.cases import judge_case

COMPILER = PolicyCompiler(catalog(), facts(), Standard.FSBP)


def plan_of(text: str, folder: Path) -> Plan:
    path = folder / "policy.yml"
    path.write_text(text)
    return COMPILER.compile(load_policies(path)[0])


def policy(resource: str, filters: str, extra: str = "") -> str:
    return f"policies:\n  - name: mine\n    resource: {resource}\n    filters: {filters}\n{extra}"


# The rules of the article that the practices come from, as printed there.
ARTICLE = {
    "iam-policy": "[{type: used}, {type: has-allow-all}]",
    "account": "[{type: iam-summary, key: AccountAccessKeysPresent, value: 0, op: gt}]",
    "aws.account": "[{or: [{type: iam-summary, key: AccountMFAEnabled, value: 1, op: ne}, "
    "{and: [{type: iam-summary, key: AccountMFAEnabled, value: 1, op: eq}, {type: has-virtual-mfa, value: true}]}]}]",
    "s3": "[{or: [{type: check-public-block, BlockPublicAcls: false}, "
    "{type: check-public-block, BlockPublicPolicy: false}, "
    "{type: check-public-block, IgnorePublicAcls: false}, {type: check-public-block, RestrictPublicBuckets: false}]}]",
    "cloudtrail": "[{type: value, key: KmsKeyId, value: absent}]",
    "vpc": "[{not: [{type: flow-logs, enabled: true}]}]",
}


@pytest.mark.parametrize("resource", ARTICLE)
def test_the_articles_rules_load_unchanged(resource: str, tmp_path: Path) -> None:
    """Each compiles to a plan over its type, and the type's calls follow from it."""
    plan = plan_of(policy(resource, ARTICLE[resource]), tmp_path)

    assert plan.table == resource.removeprefix("aws.")
    assert needs_of([plan], catalog())


def test_the_articles_rules_judge(tmp_path: Path) -> None:
    """`not flow-logs enabled`, the article's practice 17: only the VPC without a log matches."""
    plan = plan_of(policy("vpc", ARTICLE["vpc"]), tmp_path)
    rows = {"vpc": [{"VpcId": "vpc-1"}, {"VpcId": "vpc-2"}], "flow-log": [{"FlowLogId": "fl-1", "ResourceId": "vpc-1"}]}

    found = judge_case(plan, {"rows": rows}, tmp_path)

    assert {finding.resource_id: finding.status for finding in found} == {"vpc-1": "PASS", "vpc-2": "FAIL"}


ERRORS = {
    "a misspelt key": ("ebs", "[{Encrypetd: false}]", 4, "has no key", 'Did you mean "Encrypted"?'),
    "a misspelt filter": ("vpc", "[{type: flow-log}]", 4, "has no filter", 'Did you mean "flow-logs"?'),
    "a misspelt member": (
        "s3",
        "[{PublicAccessBlock.BlockPublicAcl: true}]",
        4,
        "has no key",
        'Did you mean "BlockPublicAcls"?',
    ),
    "a misspelt type": ("ec2-volume", "[]", 3, "there is no resource type", "crenel resources list"),
    "a text for a flag": ("ebs", '[{Encrypted: "false"}]', 4, "never equals one", ""),
    "a misspelt value": ("ebs", "[{State: in_use}]", 4, "AWS has no value", 'Did you mean "in-use"?'),
    "a misspelt op": ("ebs", "[{type: value, key: Size, op: greater, value: 1}]", 4, 'no op "greater"', "greater-than"),
    "a value_type to come": ("ebs", "[{type: value, key: Size, value_type: cidr, value: 1}]", 4, "not built yet", ""),
    "a keyword with ne": (
        "ebs",
        "[{type: value, key: KmsKeyId, op: ne, value: absent}]",
        4,
        "nearly everything",
        "opposite",
    ),
    "no value": ("ebs", "[{type: value, key: Size}]", 4, "needs `value`", ""),
    "an age of no date": (
        "ebs",
        "[{type: value, key: Size, value_type: age, op: gt, value: 1}]",
        4,
        "an age needs a time",
        "",
    ),
    "a key of a list's items": ("ebs", "[{Attachments.State: attached}]", 4, "is a list", "list-item"),
    "an expression to come": ("ebs", '[{"Attachments[].State": attached}]', 4, "not built yet", ""),
    "a broken pattern": ("ebs", '[{type: value, key: State, op: regex, value: "(in"}]', 4, "no regular expression", ""),
    "an endless pattern": ("ebs", '[{type: value, key: State, op: regex, value: "(?=a)"}]', 4, "bounded time", ""),
    "several keys and no type": ("ebs", "[{Encrypted: false, State: in-use}]", 4, "needs `type`", ""),
    "a parameter that is not there": (
        "ebs",
        '[{type: value, key: Size, op: gt, value: "{params.max}"}]',
        4,
        "no parameter",
        "",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_what_cannot_be_meant_is_an_error_with_its_place(name: str, tmp_path: Path) -> None:
    """Never a rule that quietly matches nothing: the file, the line, what is wrong, what was meant."""
    resource, filters, line, message, hint = ERRORS[name]

    with pytest.raises(PolicyError) as caught:
        plan_of(policy(resource, filters), tmp_path)

    assert caught.value.where is not None
    assert (caught.value.where.file, caught.value.where.line) == (str(tmp_path / "policy.yml"), line)
    assert message in str(caught.value)
    assert hint in str(caught.value)


def test_an_error_underlines_the_words(tmp_path: Path) -> None:
    """The line as written, and carets below the part that is wrong."""
    with pytest.raises(PolicyError) as caught:
        plan_of(policy("ebs", "[{Encrypetd: false}]"), tmp_path)

    assert describe(caught.value).splitlines()[1:] == [
        "        filters: [{Encrypetd: false}]",
        "                   ^^^^^^^^^",
    ]


@pytest.mark.parametrize("key", ["mode: {type: cloudtrail}", "query: [{a: b}]", "max-resources: 3", "conditions: []"])
def test_keys_that_are_not_built_are_refused(key: str, tmp_path: Path) -> None:
    """They would change what matches, so leaving them out in silence is no answer."""
    with pytest.raises(PolicyError, match="not built yet"):
        plan_of(policy("ebs", "[]", f"    {key}\n"), tmp_path)


BOMB = "\n".join(f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]" for before, name in pairwise("abcdefg")).replace(
    "*a", "x"
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("policies: [", "no YAML"),
        ("", "must be a mapping"),
        ("polices: []", 'Did you mean "policies"?'),
        ("policies: [{name: a, name: b, resource: ebs}]", "stands here twice"),
        ("policies: [{name: 'a b', resource: ebs}]", "no policy name"),
        ("policies: [{resource: ebs}]", "needs `name`"),
        ("policies: [{name: a, resource: ebs}, {name: a, resource: ebs}]", "in this file twice"),
        ("policies: [{name: a, resource: ebs, filter: []}]", 'Did you mean "filters"?'),
        (BOMB, "too large"),
    ],
)  # fmt: skip
def test_files_that_are_none(text: str, message: str, tmp_path: Path) -> None:
    """Broken YAML, wrong keys, duplicates and alias bombs end in an error, at once."""
    path = tmp_path / "policy.yml"
    path.write_text(text)

    with pytest.raises(PolicyError) as caught:
        load_policies(path)

    assert message in str(caught.value)


def test_a_policy_costs_only_what_it_reads() -> None:
    """Flow logs and VPCs for practice 17, and no detail of either."""
    plan = COMPILER.compile(next(each for each in builtin_policies() if each.practice == 17))

    assert needs_of([plan], catalog()) == [Needs("flow-log"), Needs("vpc")]


def test_every_practice_has_its_policy() -> None:
    """All 26, with the levels of the article, words for people and a source; they compile for every standard."""
    policies = builtin_policies()

    assert [each.practice for each in policies] == list(range(1, 27))
    assert all(each.why and each.remediation and each.references for each in policies)
    for standard in Standard:
        compiler = PolicyCompiler(catalog(), facts(), standard)
        assert len({compiler.compile(each).policy for each in policies}) == 26


def test_selecting_what_is_not_there() -> None:
    """A misspelt policy or a 27th practice is an error, not an empty scan."""
    with pytest.raises(UsageError, match='Did you mean "vpc-flow-logs"'):
        select(builtin_policies(), ["vpc-flow-log"], [])
    with pytest.raises(UsageError, match="no practice 27"):
        select(builtin_policies(), [], [27])


# Custodian's semantics where null and its kin are in play.
VALUES: dict[str, tuple[str, dict[str, object], bool]] = {
    "ne matches what is absent": ("[{type: value, key: KmsKeyId, op: ne, value: x}]", {"KmsKeyId": None}, True),
    "eq false does not match null": ("[{Encrypted: false}]", {"Encrypted": None}, False),
    "absent": ("[{KmsKeyId: absent}]", {}, True),
    "the text absent equals the keyword": ("[{KmsKeyId: absent}]", {"KmsKeyId": "absent"}, True),
    "present counts false": ("[{Encrypted: present}]", {"Encrypted": False}, True),
    "not-null does not": ("[{Encrypted: not-null}]", {"Encrypted": False}, False),
    "empty list": ("[{Attachments: empty}]", {"Attachments": []}, True),
    "not-in takes null": ("[{type: value, key: State, op: not-in, value: [in-use]}]", {}, True),
    "in does not": ("[{type: value, key: State, op: in, value: [in-use]}]", {}, False),
    "an ordering with null": ("[{type: value, key: Size, op: lt, value: 5}]", {}, False),
    "not of nothing": ("[{not: []}]", {}, False),
    "or of nothing": ("[{or: []}]", {}, False),
    "and in not": ("[{not: [{Encrypted: true}, {State: in-use}]}]", {"Encrypted": True, "State": "available"}, True),
    "regex anchors at the start and ignores case": (
        "[{type: value, key: State, op: regex, value: AVAIL}]", {"State": "available"}, True),
    "glob takes it whole": ("[{type: value, key: State, op: glob, value: 'avail*'}]", {"State": "available"}, True),
    "glob with a class": ("[{type: value, key: State, op: glob, value: '[!b]vail?ble'}]", {"State": "available"}, True),
    "size": ("[{type: value, key: Attachments, value_type: size, op: eq, value: 0}]", {}, True),
    "some item of a list": (
        "[{type: list-item, key: Tags, attrs: [{Key: a}]}]", {"Tags": [{"Key": "a", "Value": "b"}]}, True),
    "count of none": (
        "[{type: list-item, key: Tags, attrs: [{Key: b}], count: 0}]", {"Tags": [{"Key": "a", "Value": "b"}]}, True),
    "an age in exact days": ("[{type: value, key: CreateTime, value_type: age, op: gt, value: 90}]",
                             {"CreateTime": "2026-08-24 23:59:59"}, True),
    "whole days": ("[{type: value, key: CreateTime, value_type: days-since, op: gt, value: 90}]",
                   {"CreateTime": "2026-08-24 23:59:59"}, False),
}  # fmt: skip


@pytest.mark.parametrize("name", VALUES)
def test_value_semantics(name: str, tmp_path: Path) -> None:
    """A match is a FAIL."""
    filters, row, matches = VALUES[name]

    found = judge_case(
        plan_of(policy("ebs", filters), tmp_path), {"rows": {"ebs": [{"VolumeId": "v"} | row]}}, tmp_path
    )

    assert [finding.status for finding in found] == ["FAIL" if matches else "PASS"]
