"""Policies in plain English: the built-in ones read well, and every kind of predicate has its words."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import duckdb
import pytest
import sqlglot

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
from crenel.policies.load import builtin_policies
from crenel.policies.model import policy_of
from crenel.policies.patterns import glob
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
        "some row of aws.ebs-snapshot in its account and Region whose VolumeId is this resource's VolumeId "
        'has this: State is "completed"'
    ),
    "{type: value, value_type: resource_count, op: gt, value: 3}": "there are more than 3 resources in its Region",
    "{or: [{Encrypted: false}, {KmsKeyId: absent}]}": "Encrypted is false or KmsKeyId is absent",
}


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
            pattern = "matches /" in line
            assert pattern or not any(word in line for word in ODD), line
            assert len(line) <= 260, line


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

    assert sqlglot.parse_one(sql, dialect="duckdb").sql()
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
