"""Policy files: what loads, and how what does not load is told."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from crenel.catalog.load import catalog
from crenel.errors import PolicyError, UsageError
from crenel.judge.run import Bench
from crenel.lake.engine import connect
from crenel.lake.snapshots import COMMON, GAPS, collected_columns, rows_sql
from crenel.language.policy import (
    Plan,
)
from crenel.language.reading import Compiler
from crenel.language.verdicts import verdicts
from crenel.model import Needs, ScanInfo, Standard
from crenel.policies.compile import PolicyCompiler
from crenel.policies.facts import facts
from crenel.policies.reads import needs_of
from crenel.policies.written.load import builtin_policies, load_policies, select
from crenel.positions import describe
from tests.cases import NOW, judge_case

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
    "a broken pattern": ("ebs", '[{type: value, key: State, op: regex, value: "(in"}]', 4, "no regular expression", ""),
    "an endless pattern": ("ebs", '[{type: value, key: State, op: regex, value: "(?<=a)b"}]', 4, "bounded time", ""),
    "default": ("ebs", "[{type: value, key: Size, value: 1, default: {}}]", 4, "no effect", "Leave it out"),
    "a text for a time": ("ebs", "[{CreateTime: x}]", 4, "is a timestamp", "value_type age"),
    "a text for a list": ("ebs", "[{Tags: x}]", 4, "is a list", "list-item"),
    "a text for a map": ("account", "[{SummaryMap: x}]", 4, "is a map", "below it"),
    "a text for a structure": ("account", "[{PasswordPolicy: x}]", 4, "is a structure", "below it"),
    "in on a list": ("ebs", "[{type: value, key: Tags, op: in, value: [x]}]", 4, "is a list", ""),
    "regex on a list": ("ebs", "[{type: value, key: Tags, op: regex, value: x}]", 4, "works on texts", ""),
    "contains on a list of structures": (
        "ebs",
        "[{type: value, key: Tags, op: contains, value: x}]",
        4,
        "single values",
        "",
    ),
    "contains on a number": ("ebs", "[{type: value, key: Size, op: contains, value: x}]", 4, "works on texts", ""),
    "contains a number": ("ebs", "[{type: value, key: VolumeId, op: contains, value: 1}]", 4, "never in one", ""),
    "size of a number": ("ebs", "[{type: value, key: Size, value_type: size, value: 1}]", 4, "have a length", ""),
    "length of a number": ("ebs", "[{length(Size): 1}]", 4, "length() takes", ""),
    "normalize of a flag": (
        "ebs",
        "[{type: value, key: Encrypted, value_type: normalize, value: x}]",
        4,
        "on texts",
        "",
    ),
    "an order of nothing": (
        "ebs",
        "[{type: value, key: Size, op: gt, value: null}]",
        4,
        "greater or less than null",
        "",
    ),
    "a keyword with contains": ("ebs", "[{type: value, key: KmsKeyId, op: contains, value: absent}]", 4, "nearly", ""),
    "a keyword with an age": (
        "ebs",
        "[{type: value, key: CreateTime, value_type: age, value: absent}]",
        4,
        "go with",
        "",
    ),
    "a keyword with a size": (
        "ebs",
        "[{type: value, key: Tags, value_type: size, value: absent}]",
        4,
        "is never absent",
        "",
    ),
    "the whole row": ("ebs", "[{'@': x}]", 4, "the whole resource", ""),
    "no key": ("ebs", "[{'': x}]", 4, "can't be empty", ""),
    "infinity": ("ebs", "[{type: value, key: Size, op: lt, value: .inf}]", 4, "no number", ""),
    "a list of ids counted": (
        "rds",
        '[{type: related, resource: subnet, on: {"DBSubnetGroup.Subnets[].SubnetIdentifier": SubnetId}, count: 2}]',
        4,
        "a list names rows",
        "Without `count`",
    ),
    "a join of unequal types": ("vpc", "[{type: related, resource: ebs, on: {VpcId: Size}}]", 4, "can't be joined", ""),
    "related to nothing in particular": (
        "vpc",
        "[{type: related, resource: ebs, filters: []}]",
        4,
        "list of filters",
        "",
    ),
    "related to null": ("vpc", "[{type: related, resource: ebs, filters: null}]", 4, "list of filters", ""),
    "no attributes": ("ebs", "[{type: list-item, key: Tags, attrs: null}]", 4, "list of filters", ""),
    "a flow log's misspelt word": (
        "vpc",
        "[{type: flow-logs, deliver-status: FAILED}]",
        4,
        "deliver-status",
        "failure",
    ),
    "a flow log's misspelt status": (
        "vpc",
        "[{type: flow-logs, status: actve}]",
        4,
        "no status",
        'Did you mean "active"?',
    ),
    "a text for enabled": ("vpc", '[{type: flow-logs, enabled: "false"}]', 4, "true or false", ""),
    "a text for a block": ("s3", '[{type: check-public-block, BlockPublicAcls: "false"}]', 4, "true or false", ""),
    "a text for virtual MFA": ("account", '[{type: has-virtual-mfa, value: "false"}]', 4, "true or false", ""),
    "a text for EBS encryption": (
        "account",
        '[{type: default-ebs-encryption, state: "false"}]',
        4,
        "true or false",
        "",
    ),
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
        "                   ^~~~~~~~~",
    ]


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
    policies = builtin_policies()[:26]

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
    "null is in no list": ("[{type: value, key: State, op: in, value: [null]}]", {}, False),
    "so it is out of every one": ("[{type: value, key: State, op: not-in, value: [null]}]", {}, True),
    "ni leaves it": ("[{type: value, key: State, op: ni, value: [null]}]", {}, False),
    "the time is there": ("[{CreateTime: not-null}]", {"CreateTime": "2026-08-24 23:59:59"}, True),
    "the time is not": ("[{CreateTime: empty}]", {}, True),
    "white space of every kind": (
        "[{type: value, key: KmsKeyId, value_type: normalize, value: a}]", {"KmsKeyId": "\t A\n\u3000"}, True),
    "the keyword after its conversion": (
        "[{type: value, key: KmsKeyId, value_type: normalize, value: absent}]", {}, True),
    "nothing but white space": (
        "[{type: value, key: KmsKeyId, value_type: normalize, value: empty}]", {"KmsKeyId": " \t"}, True),
    "a size that is none": ("[{type: value, key: Attachments, value_type: size, value: empty}]", {}, True),
    "$ before a line feed": (
        "[{type: value, key: KmsKeyId, op: regex, value: a$}]", {"KmsKeyId": "a\n"}, True),
    "words in any script": (
        "[{type: value, key: KmsKeyId, op: regex, value: '\\w+\\Z'}]", {"KmsKeyId": "é"}, True),
    "a hat in a glob": ("[{type: value, key: KmsKeyId, op: glob, value: '[^a]'}]", {"KmsKeyId": "a"}, True),
    "a group that took no part": (
        "[{type: value, key: KmsKeyId, value_regex: '(x)?a', value: absent}]", {"KmsKeyId": "a"}, True),
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


# JSON: texts, and numbers beside numbers.
JSON_VALUES: dict[str, tuple[str, object, bool]] = {
    "a text": ("{Condition.a: x}", {"a": "x"}, True),
    "another": ("{Condition.a: x}", {"a": "y"}, False),
    "a flag as a text": ("{Condition.a: true}", {"a": "true"}, False),
    "a flag": ("{Condition.a: true}", {"a": True}, True),
    "an ordering": ("{type: value, key: Condition.a, op: gt, value: 5}", {"a": 10}, True),
    "an ordering of a text": ("{type: value, key: Condition.a, op: gt, value: 5}", {"a": "10"}, False),
    "an ordering of no number": ("{type: value, key: Condition.a, op: gt, value: 5}", {"a": "x"}, False),
    "one of some numbers": ("{type: value, key: Condition.a, op: in, value: [5, 6]}", {"a": 6}, True),
    "a list that holds it": ("{type: value, key: Condition.a, op: contains, value: x}", {"a": ["x", "y"]}, True),
    "a list that holds a longer one": ("{type: value, key: Condition.a, op: contains, value: x}", {"a": ["xy"]}, False),
    "a part of a text": ("{type: value, key: Condition.a, op: contains, value: x}", {"a": "xy"}, True),
    "the size of a list": ("{type: value, key: Condition.a, value_type: size, value: 2}", {"a": ["x", "y"]}, True),
    "an empty list": ("{Condition.a: empty}", {"a": []}, True),
    "a zero in quotes": ("{Condition.a: empty}", {"a": "0"}, False),
    "null": ("{Condition.a: absent}", {"a": None}, True),
    "the whole, empty": ("{Condition: empty}", {}, True),
    "the whole, no text": ("{type: value, key: Condition, op: eq, value: x}", {"a": "x"}, False),
}


@pytest.mark.parametrize("name", JSON_VALUES)
def test_json_semantics(name: str, tmp_path: Path) -> None:
    """What stands in JSON is compared as what it is compared with."""
    attribute, condition, matches = JSON_VALUES[name]
    plan = plan_of(policy("iam-policy", f"[{{type: list-item, key: Statements, attrs: [{attribute}]}}]"), tmp_path)
    row = {"PolicyId": "p", "Statements": [{"Effect": "Allow", "Condition": condition}]}

    found = judge_case(plan, {"rows": {"iam-policy": [row]}}, tmp_path)

    assert [finding.status for finding in found] == ["FAIL" if matches else "PASS"]


@pytest.mark.parametrize("when", ["when:", "when: []", "when: null"])
def test_a_clause_without_a_condition_is_refused(when: str, tmp_path: Path) -> None:
    """It would excuse every row."""
    with pytest.raises(PolicyError, match="list of filters"):
        plan_of(policy("ebs", "[]", f"    not-applicable:\n      - {when}\n        reason: because\n"), tmp_path)


@pytest.mark.parametrize(("word", "status"), [("failure", "FAIL"), ("success", "PASS")])
def test_flow_logs_speak_custodians_words(word: str, status: str, tmp_path: Path) -> None:
    """Custodian's failure is AWS's FAILED."""
    plan = plan_of(policy("vpc", f"[{{type: flow-logs, enabled: true, deliver-status: {word}}}]"), tmp_path)
    log = {"FlowLogId": "fl-1", "ResourceId": "vpc-1", "DeliverLogsStatus": "FAILED"}

    found = judge_case(plan, {"rows": {"vpc": [{"VpcId": "vpc-1"}], "flow-log": [log]}}, tmp_path)

    assert [finding.status for finding in found] == [status]


@pytest.mark.parametrize(
    ("op", "value", "status"), [("eq", "true", "FAIL"), ("ne", "true", "PASS"), ("eq", "false", "PASS")]
)
def test_whether_a_password_policy_is_there(op: str, value: str, status: str, tmp_path: Path) -> None:
    """The op counts."""
    filters = f"[{{type: password-policy, key: PasswordPolicyConfigured, op: {op}, value: {value}}}]"
    rows = {"account": [{"c7n:password_policy": {"MinimumPasswordLength": 8, "PasswordPolicyConfigured": True}}]}

    found = judge_case(plan_of(policy("account", filters), tmp_path), {"rows": rows}, tmp_path)

    assert [finding.status for finding in found] == [status]


ENGINE = "    facts:\n      r: {fact: lambda-runtime, key: runtime, equals: ElasticsearchVersion}\n"


def test_a_gap_behind_a_fact_is_seen(tmp_path: Path) -> None:
    """The fact hangs on a column that could not be read: nothing is known of it."""
    plan = plan_of(policy("elasticsearch", "[{not: [{r.runtime: absent}]}]", ENGINE), tmp_path)
    gap = {"type": "elasticsearch", "resource": "d", "detail": "DomainStatus", "code": "AccessDeniedException"}

    found = judge_case(plan, {"rows": {"elasticsearch": [{"DomainName": "d"}]}, "gaps": [gap]}, tmp_path)

    assert [(finding.status, "AccessDenied" in (finding.reason or "")) for finding in found] == [("UNKNOWN", True)]
    assert needs_of([plan], catalog()) == [Needs("elasticsearch", frozenset({"DomainStatus"}))]


def verdicts_of(plans: list[Plan], rows: dict[str, list[dict[str, object]]], folder: Path) -> list[dict[str, str]]:
    """The verdicts of plans on one table, in a snapshot of what the listings say alone."""
    bench = Bench(connect(), ScanInfo("x", NOW, None, (), (), ()), catalog(), facts())
    bench.connection.execute(f"CREATE TABLE gaps ({GAPS})")
    bench.listing_gaps()
    for name, given in rows.items():
        columns = collected_columns(catalog()[name], ())
        spool = folder / f"{name}.ndjson"
        common = dict.fromkeys(COMMON) | {"_account": "1", "_owner": "1"}
        spool.write_text("".join(json.dumps(common | row) + "\n" for row in given))
        bench.table(catalog()[name], f"({rows_sql(columns, [spool])})", set(columns))
    query = verdicts(Compiler(bench.sources, NOW), bench.sources[plans[0].table], plans)
    return [row[0] for row in bench.connection.execute(f"SELECT verdict FROM ({query})").fetchall()]


def test_what_was_not_collected_is_unknown(tmp_path: Path) -> None:
    """A fact, a join and a message that hang on a column which the snapshot lacks."""
    related = "{type: related, resource: ebs, on: {ElasticsearchVersion: VolumeId}}"
    message = "    message: {fail: '{length(ElasticsearchVersion)} {r.name}', pass: x}\n"
    plan = plan_of(policy("elasticsearch", f"[{{or: [{{r.runtime: x}}, {related}]}}]", ENGINE + message), tmp_path)

    (verdict,) = verdicts_of([plan], {"elasticsearch": [{"DomainName": "d"}], "ebs": [{}]}, tmp_path)

    assert verdict["status"] == "UNKNOWN"
    assert "ElasticsearchVersion was not collected" in verdict["reason"]


def test_two_policies_may_call_two_facts_the_same(tmp_path: Path) -> None:
    """Even by a name that the SQL has for itself."""
    plans = [
        replace(
            plan_of(
                policy(
                    "lambda",
                    f"[{{t0.runtime: {runtime}}}]",
                    f"    facts:\n      t0: {{fact: lambda-runtime, key: runtime, equals: {column}}}\n",
                ),
                tmp_path,
            ),
            policy=column,
        )
        for column, runtime in (("Runtime", "python3.9"), ("Handler", "ruby3.2"))
    ]
    row: dict[str, object] = {"FunctionName": "f", "Runtime": "python3.9", "Handler": "ruby3.2"}

    found = verdicts_of(plans, {"lambda": [row]}, tmp_path)

    assert {verdict["plan"]: verdict["status"] for verdict in found} == {"Runtime": "FAIL", "Handler": "FAIL"}


@pytest.mark.parametrize(("size", "status"), [(9, "FAIL"), (1, "UNKNOWN")])
def test_a_doubt_that_could_not_be_read_is_no_pass(size: int, status: str, tmp_path: Path) -> None:
    """A FAIL stands all the same."""
    plan = plan_of(
        policy(
            "lambda",
            f"[{{length(FunctionName): {size}}}]",
            "    unknown:\n      - when: [{type: related, resource: ebs}]\n        reason: doubted\n",
        ),
        tmp_path,
    )
    gap = {"type": "ebs", "code": "AccessDeniedException"}

    found = judge_case(plan, {"rows": {"lambda": [{"FunctionName": "ninechars"}]}, "gaps": [gap]}, tmp_path)

    assert [(finding.status, "AccessDenied" in (finding.reason or "")) for finding in found] == [
        (status, status == "UNKNOWN")
    ]
