"""Policies in plain English: the built-in ones read well, and every kind of predicate has its words."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from crenel.catalog.load import catalog
from crenel.cli import main
from crenel.cli.policy_explained import explained
from crenel.language.english import inline, sections, sentence
from crenel.language.phrases import age, duration, given, readable
from crenel.language.plan import (
    Op,
    Record,
)
from crenel.model import Standard
from crenel.policies.compile import PolicyCompiler
from crenel.policies.context import Mistakes
from crenel.policies.facts import facts
from crenel.policies.values.patterns import glob
from crenel.policies.written.load import builtin_policies, load_policies
from crenel.policies.written.model import policy_of
from crenel.positions import load_text

# Policies as written, and what they are in English.
SAID = {
    "{Encrypted: false}": "Encrypted is false",
    "{KmsKeyId: absent}": "KmsKeyId is absent",
    "{KmsKeyId: present}": "KmsKeyId is present",
    "{Attachments: empty}": "Attachments is absent or empty",
    "{Attachments: not-null}": "Attachments is neither absent nor empty",
    "{not: [{KmsKeyId: absent}]}": "KmsKeyId is present",
    "{not: [{type: value, key: Size, op: ge, value: 8}]}": "Size is less than 8, or absent",
    "{type: value, key: State, op: in, value: [creating, in-use]}": 'State is one of "creating" or "in-use"',
    "{type: value, key: State, op: ni, value: [creating, in-use]}": 'State is none of "creating" or "in-use"',
    "{type: value, key: CreateTime, value_type: age, op: gt, value: 90}": "CreateTime is more than 90 days ago",
    "{type: value, key: CreateTime, value_type: age, op: le, value: 0.5}": "CreateTime is at most 12 hours ago",
    "{type: value, key: CreateTime, value_type: days-since, op: gt, value: 1}": (
        "CreateTime is more than 1 whole day ago"
    ),
    "{type: value, key: CreateTime, value_type: expiration, op: lt, value: 30}": (
        "CreateTime is less than 30 days ahead, or past"
    ),
    "{type: value, key: Attachments, value_type: size, op: gt, value: 1}": (
        "the number of items of Attachments is more than 1"
    ),
    '{type: value, key: VolumeId, op: glob, value: "vol-*"}': 'VolumeId matches "vol-*"',
    '{type: value, key: VolumeId, op: regex, value: "^vol-[0-9]+$"}': "VolumeId matches /vol-[0-9]+$/, in any case",
    "{type: list-item, key: Attachments, attrs: [{InstanceId: i-1}]}": (
        'some item of Attachments has this: InstanceId is "i-1"'
    ),
    "{type: list-item, key: Attachments, attrs: [{InstanceId: i-1}], count: 0}": (
        'no item of Attachments has this: InstanceId is "i-1"'
    ),
    "{type: list-item, key: Attachments, attrs: [{InstanceId: i-1}], count: 2, count_op: gt}": (
        'more than 2 items of Attachments have this: InstanceId is "i-1"'
    ),
    "{type: related, resource: ebs-snapshot, on: {VolumeId: VolumeId}, filters: [{State: completed}]}": (
        'some aws.ebs-snapshot in its account and Region whose VolumeId is its VolumeId has this: State is "completed"'
    ),
    "{type: value, value_type: resource_count, op: gt, value: 3}": "there are more than 3 resources in its Region",
    "{or: [{Encrypted: false}, {KmsKeyId: absent}]}": "Encrypted is false or KmsKeyId is absent",
    '{"tag:Owner": absent}': "it has no tag Owner",
    '{"tag:Owner": present}': "it has a tag Owner",
    '{"tag:Owner": ann}': 'the tag Owner is "ann"',
    '{type: value, key: "Attachments[].Device", op: contains, value: sda}': 'Attachments[].Device contains "sda"',
    '{type: value, key: "length(Attachments)", op: gt, value: 1}': "the number of items of Attachments is more than 1",
}

# Whole policies of Cloud Custodian's kind, and their explanation: a heading, and the sentences below it.
EXPLAINED = {
    ("ebs", "[{State: in-use}, 'tag:Owner': absent]"): (
        "It selects EBS volumes where", ['State is "in-use"', "it has no tag Owner"]
    ),
    ("ebs", "[]"): ("It selects all EBS volumes.", []),
    ("ec2", "[{type: offhour, tag: hours, default_tz: et, offhour: 19}]"): (
        "It selects EC2 instances where",
        [
            (
                "it is running, and it is the hour at which its tag hours has it switched off "
                "(19:00 et on weekdays where the tag names no hour; without the tag it is left alone)"
            )
        ],
    ),
    ("rds", "[{type: onhour, default_tz: utc, onhour: 7, weekends: false, opt-out: true, skip-days: [2026-12-25]}]"): (
        "It selects RDS instances where",
        [
            (
                "it is the hour at which its tag maid_offhours has it switched on (7:00 utc every day where the tag "
                "names no hour; it has that hour without the tag too), and today is none of 2026-12-25"
            )
        ],
    ),
    ("ebs-snapshot", "[{State: completed}, {type: reduce, sort-by: StartTime, order: desc, limit: 3}]"): (
        "It selects EBS snapshots where",
        [
            'State is "completed"',
            (
                "of the resources that the filters above leave, sorted by StartTime, largest first, it is among the "
                "first 3"
            ),
        ],
    ),
    ("ebs-snapshot", "[{type: reduce, group-by: VolumeId, sort-by: StartTime, discard: 1}]"): (
        "It selects EBS snapshots where",
        [
            (
                "of the resources that the filters above leave, sorted by StartTime, it is not the first of those "
                "with the same VolumeId"
            )
        ],
    ),
    ("ebs", "[{State: in-use}, {type: value, value_type: resource_count, op: gt, value: 3}]"): (
        "It selects EBS volumes where",
        [
            'State is "in-use"',
            "the number of resources in a Region that the filters above leave is more than 3",
        ],
    ),
    ("security-group", "[{Description: x}, ingress]"): (
        "It can't select any Security groups.",
        [
            'Description is "x"',
            "ingress never matches: without a condition no rule matches, in Cloud Custodian neither.",
        ],
    ),
    ("ebs", "[{Size: eight}]"): (
        "It selects EBS volumes where",
        ['Size is "eight" (doubtful: this key is integer, and "eight" never equals one.)'],
    ),
    ("security-group", "[{type: ingress, Ports: [22, 3389], Cidr: {value: 0.0.0.0/0}}]"): (
        "It selects Security groups where", ["one of its rules for incoming traffic has all of this:"]
    ),
    ("security-group", "[unused]"): (
        "It selects Security groups where",
        [
            (
                "nothing uses it: no resource of aws.security-group, aws.eni, aws.lambda, aws.launch-config, "
                "aws.event-bus, aws.codebuild or aws.batch-compute"
            )
        ],
    ),
    ("s3", "[{type: cross-account, whitelist: ['111122223333']}]"): (
        "It selects S3 buckets where",
        ["it can be used by someone outside of its account, allowed aside: {whitelist: ['111122223333']}"],
    ),
    ("s3", "[{not: [{type: cross-account}]}]"): (
        "It selects S3 buckets where", ["this does not hold: it can be used by someone outside of its account"]
    ),
    ("ec2", "[{type: marked-for-op, op: stop, skew: 2}]"): (
        "It selects EC2 instances where",
        ['its tag maid_status marks it for "stop" at a time that has come or is at most 2 days away'],
    ),
    ("rds", "[{type: value, key: EngineVersion, value_type: version, op: lt, value: '13.4'}]"): (
        "It selects RDS instances where", ['EngineVersion (version) is less than "13.4"']
    ),
    ("vpc", "[{type: value, key: CidrBlock, value_type: cidr, op: in, value: 10.0.0.0/8}]"): (
        "It selects VPCs where", ['CidrBlock lies in "10.0.0.0/8"']
    ),
    ("app-elb", "[{type: attributes, key: idle_timeout.timeout_seconds, op: gt, value: 60}]"): (
        "It selects Application, network and gateway load balancers, where",
        ["attributes: idle_timeout.timeout_seconds is more than 60"],
    ),
    ("ec2", "[{type: value, key: ImageId, op: not-in, value_from: {url: 's3://b/images.txt'}}]"): (
        "It selects EC2 instances where", ["ImageId is none of the values at s3://b/images.txt"]
    ),
    ("ec2", "[{type: value, key: ImageId, op: in, value_from: {url: 'https://x.org/i.json', expr: 'images[]'}}]"): (
        "It selects EC2 instances where", ["ImageId is one of the values at https://x.org/i.json (images[])"]
    ),
    ("ec2", "[{type: value, key: PrivateIpAddress, op: in, value_type: cidr, value_from: {url: 's3://b/nets.txt'}}]"): (
        "It selects EC2 instances where", ["PrivateIpAddress lies in the values at s3://b/nets.txt"]
    ),
    ("ebs", "[{type: value, key: State, op: in, value_from: {url: 's3://b/states.txt'}}]"): (
        "It selects EBS volumes where", ["State is one of the values at s3://b/states.txt"]
    ),
    ("s3", "[{type: cross-account, whitelist_from: {url: 's3://b/ours.txt'}}]"): (
        "It selects S3 buckets where",
        ["it can be used by someone outside of its account, allowed aside: {whitelist_from: {url: 's3://b/ours.txt'}}"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("policy", "said"), EXPLAINED.items())
def test_custodians_policies_read_well(policy: tuple[str, str], said: tuple[str, list[str]]) -> None:
    body = load_text(f"name: x\nresource: aws.{policy[0]}\nfilters: {policy[1]}", "here")
    (section,) = explained(policy_of(body), Standard.FSBP).sections

    assert (section.heading, [each.text for each in section.sentences]) == said


def test_what_stands_around_the_filters_is_told() -> None:
    text = """\
name: x
resource: aws.ec2
conditions: [{region: eu-west-1}]
query: [instance-state-name: running]
filters: [{EbsOptimized: true}]
"""
    found = explained(policy_of(load_text(text, "here")), Standard.FSBP).sections

    assert [(each.heading, [one.text for one in each.sentences]) for each in found] == [
        ("It is run only where all of this holds of the run", ["{region: eu-west-1}"]),
        ("It sees only what AWS lists when asked with", ["{instance-state-name: running}"]),
        ("It selects EC2 instances where", ["EbsOptimized is true"]),
    ]


BESIDE = [
    each for each in load_policies(Path(__file__).parent / "beside" / "policies.yml") if each.name != "account-07"
]


@pytest.mark.filterwarnings("ignore:deprecated string literal syntax:PendingDeprecationWarning")
@pytest.mark.parametrize("policy", BESIDE, ids=lambda each: each.name)
def test_policies_that_run_beside_custodian_read_well(policy) -> None:
    """No word of the machine's, no wall of text, whatever the filter."""
    for section in explained(policy, Standard.FSBP).sections:
        lines = [line for each in section.sentences for line in each.lines()]
        assert section.heading.startswith(("It selects ", "It can't select any "))
        assert len(lines) <= 16
        for line in lines:
            assert not any(word in line for word in ("captures", "(?:", "its its", "among nothing")), line
            assert len(re.sub(r'("[^"]*", )+', "", line)) <= 260, line  # long lists of values are what they are


def predicate(text: str):
    policy = policy_of(load_text(f"name: x\nresource: aws.ebs\nfilters:\n  - {text}", "here"))
    return PolicyCompiler(catalog(), facts(), Standard.FSBP).compile(policy, mistakes=Mistakes()).fails


@pytest.mark.parametrize(("text", "english"), SAID.items())
def test_sentences(text: str, english: str) -> None:
    assert inline(predicate(text)) == english


def test_blocks_nest_as_a_list() -> None:
    found = sentence(
        predicate("{or: [{and: [{Encrypted: false}, {State: in-use}, {Size: 8}]}, {not: [{State: a}, {Size: 9}]}]}")
    )

    assert list(found.lines()) == [
        "- any of these holds:",
        "  - all of these hold:",
        "    - Encrypted is false",
        '    - State is "in-use"',
        "    - Size is 8",
        "  - not all of these hold:",
        '    - State is "a"',
        "    - Size is 9",
    ]


ODD = ("Literal(", "Field(", "Compare(", "not-null", "it is not so", "(?:")


@pytest.mark.parametrize("standard", list(Standard))
@pytest.mark.parametrize("policy", builtin_policies(), ids=lambda policy: policy.name)
def test_built_in_policies_read_well(policy, standard: Standard) -> None:
    """No word of the machine's, no line that runs on, a heading and what is below it."""
    plan = PolicyCompiler(catalog(), facts(), standard).compile(policy)
    found = list(sections(plan, catalog()[plan.table].title))

    assert found[-1].heading.startswith("It fails ")
    for section in found:
        assert section.sentences
        for line in (line for each in section.sentences for line in each.lines()):
            pattern = "matches /" in line or "match /" in line
            assert pattern or not any(word in line for word in ODD), line
            assert len(re.sub(r'("[^"]*", )+', "", line)) <= 260, line  # long lists of values are what they are


def test_the_sections_of_a_policy() -> None:
    """Scope, what it does not apply to, what AWS does not say, what fails."""
    found = explained(next(each for each in builtin_policies() if each.practice == 18), Standard.FSBP)

    assert [(each.heading, [one.text for one in each.sentences]) for each in found.sections] == [
        ("It speaks of Security groups where", ['GroupName is "default"']),
        ("It does not apply ({id} belongs to no VPC (EC2-Classic).) where", ["VpcId is absent or empty"]),
        (
            "It can't tell (AWS does not say which rules the default security group {id} has.) where",
            [
                "IpPermissions is absent or IpPermissionsEgress is absent",
                "IpPermissions is absent or empty",
                "IpPermissionsEgress is absent or empty",
            ],
        ),
        (
            "It fails those of them where",
            ["IpPermissions is neither absent nor empty or IpPermissionsEgress is neither absent nor empty"],
        ),
    ]


@pytest.mark.parametrize("policy", builtin_policies(), ids=lambda policy: policy.name)
def test_the_sql_is_sql(policy) -> None:
    sql = explained(policy, Standard.FSBP).sql

    with duckdb.connect() as connection:
        (statement,) = connection.extract_statements(sql)
    assert statement.type == duckdb.StatementType.SELECT
    assert "\n" in sql


def test_the_sql_selects_what_fails() -> None:
    sql = explained(next(each for each in builtin_policies() if each.practice == 16), Standard.FSBP).sql
    with duckdb.connect() as connection:
        connection.execute("""
            CREATE TABLE ebs AS SELECT '1' AS _account, 'r' AS _region, v AS _id, e AS "Encrypted", a AS "Attachments"
            FROM (VALUES ('x', false, [1]), ('y', true, [1]), ('z', false, []::INTEGER[])) t(v, e, a)""")
        assert connection.execute(sql).fetchall() == [("1", "r", "x")]


def test_calls_have_their_number(capsys) -> None:
    assert main(["policies", "explain", "s3-bucket-encryption"]) == 0
    out = capsys.readouterr().out
    assert "s3:GetBucketEncryption, 1 for each of the S3 buckets" in out
    assert "s3:GetEncryptionConfiguration" in out
    assert main(["policies", "explain", "guardduty-enabled"]) == 0
    assert "guardduty:ListDetectors, 1 a Region" in capsys.readouterr().out


def test_own_files_in_json_with_what_is_doubtful(tmp_path: Path, capsys) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("policies:\n  - {name: own, resource: aws.ebs, filters: [{Size: eight}, {Encrypted: false}]}\n")
    assert main(["policies", "explain", "own", str(path), "--format", "json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["resource"] == "aws.ebs"
    assert found["permissions"] == ["ec2:DescribeVolumes"]
    assert found["reads"][0]["calls"][0]["call"] == "ec2:DescribeVolumes"
    assert len(found["doubts"]) == 1
    assert found["english"][0]["heading"] == "It selects EBS volumes where"


def test_a_name_that_is_not_there(capsys) -> None:
    assert main(["policies", "explain", "ebs-default-encription"]) == 2
    assert 'Did you mean "ebs-default-encryption"?' in capsys.readouterr().err


@pytest.mark.parametrize(
    ("days", "words"),
    [(1, "1 day"), (90, "90 days"), (0.5, "12 hours"), (1 / 24, "1 hour"), (1.5, "36 hours"), (1 / 1440, "1 minute"),
     (1 / 86400, "1 second"), (0.123456789, "0.123457 days")],
)  # fmt: skip
def test_durations(days: float, words: str) -> None:
    assert duration(days) == words


@pytest.mark.parametrize(
    ("op", "days", "words"),
    [
        ("gt", 30, "x is more than 30 days ago"),
        ("lt", -7, "x is more than 7 days ahead"),
        ("ge", 0, "x is past or now"),
    ],
)
def test_ages(op: Op, days: float, words: str) -> None:
    assert age(op, "x", days, exact=True) == words


def test_values_as_policies_write_them() -> None:
    assert given((1, 2.5, None, True, "a")) == '[1, 2.5, null, true, "a"]'
    assert given(datetime(2026, 1, 2)) == "2026-01-02 00:00:00"  # noqa: DTZ001 (plans have UTC without a zone)
    assert given(Record((("k", "v"),))) == '{k: "v"}'


@pytest.mark.parametrize("text", ["vol-*", "alias/aws/*", "a?c", "*"])
def test_globs_read_as_written(text: str) -> None:
    assert readable(glob(text)) == f'"{text}"'
