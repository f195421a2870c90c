"""Sigma's files: what documents say of themselves, filters, correlations, actions; what is wrong, at its place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from crenel.detections.model import RULE as RULE_OF_WINDOW
from crenel.detections.model import Correlation, Rules
from crenel.detections.sigma import read_sigma
from crenel.language.plan import And, Compare, Literal, Not
from crenel.model import Level
from tests.detections.events import fires, shown

RULE = """
title: User is made
id: 11111111-1111-4111-8111-111111111111
name: user_made
level: high
logsource: {product: aws, service: cloudtrail}
detection:
  selection:
    eventName: CreateUser
  condition: selection
"""
OTHER = RULE.replace("1111", "2222").replace("user_made", "key_made").replace("CreateUser", "CreateAccessKey")
CORRELATION = """
title: Users are made
id: 33333333-3333-4333-8333-333333333333
name: users_made
level: critical
correlation:
  type: event_count
  rules: [user_made]
  group-by: [userIdentity.arn]
  timespan: 10m
  condition: {gte: 5}
"""
FILTER = """
title: Our provisioning
logsource: {product: aws, service: cloudtrail}
filter:
  rules: [user_made]
  selection:
    userIdentity.arn|endswith: :role/provisioning
  condition: selection
"""


def read(*texts: str) -> Rules:
    """Return the rules of texts that lie in files."""
    return read_sigma([(f"{number}.yml", text) for number, text in enumerate(texts)])


def said(rules: Rules) -> list[str]:
    """Return the errors and warnings as a person reads them."""
    return [str(each) for each in [*rules.errors, *rules.warnings]]


# --- rules


def test_what_a_rule_says_of_itself() -> None:
    more = """
description: |
  Somebody made a user.
tags: [attack.persistence, attack.t1136.003]
references: [https://attack.mitre.org/techniques/T1136/003/]
falsepositives: Administrators
practices: [3, 7]
response: Ask who it was.
fields: [requestParameters.userName, awsRegion]
author: us
date: 2026-06-01
"""
    rules = read(RULE + more)
    [rule] = rules.detections

    assert said(rules) == []
    assert (rule.id, rule.name, rule.level) == ("11111111-1111-4111-8111-111111111111", "User is made", Level.HIGH)
    assert (rule.language, rule.priority, rule.description) == ("sigma", "high", "Somebody made a user.")
    assert (rule.tags, rule.practices) == (("attack.persistence", "attack.t1136.003"), (3, 7))
    assert (rule.response, rule.false_positives) == ("Ask who it was.", ("Administrators",))
    assert rule.references == ("https://attack.mitre.org/techniques/T1136/003/",)
    assert list(rule.fields) == ["requestParameters.userName", "awsRegion"]
    record = {"awsRegion": "x", "requestParameters": {"userName": "bob"}}
    assert shown(list(rule.fields.values()), record) == ("bob", "x")


def test_what_an_alert_shows_is_null_for_null() -> None:
    [rule] = read(RULE + "fields: [errorCode, requestParameters.n, requestParameters.o]").detections

    assert shown(list(rule.fields.values()), {"errorCode": None, "requestParameters": {"n": None, "o": {"a": 1}}}) == (
        None, None, '{"a":1}'
    )  # fmt: skip


def test_a_rule_without_an_id_is_known_by_name_or_title() -> None:
    plain = "\n".join(line for line in RULE.splitlines() if not line.startswith(("id:", "name:")))
    named = "\n".join(line for line in RULE.splitlines() if not line.startswith("id:"))

    assert [each.id for each in read(plain, plain, named).detections] == [
        "User is made",
        "User is made (2)",
        "user_made",
    ]


def test_an_id_is_taken_once() -> None:
    [error] = read(RULE, RULE).errors

    assert str(error).startswith('1.yml:3:5: "11111111-1111-4111-8111-111111111111" is taken by the rule at 0.yml:2:1.')


def test_other_logs_are_left_out_by_name() -> None:
    sources = ["{product: windows, service: security}", "{category: process_creation, product: aws}", "{service: sshd}"]
    texts = [RULE.replace("{product: aws, service: cloudtrail}", source) for source in sources]
    rules = read(*texts, RULE + "taxonomy: ecs")

    assert (rules.detections, rules.errors) == ([], [])
    assert [each.message for each in rules.skipped] == [
        'the rule "User is made" is left out: it is for the log windows security, not for aws cloudtrail.',
        'the rule "User is made" is left out: it is for the log aws process_creation, not for aws cloudtrail.',
        'the rule "User is made" is left out: it is for the log sshd, not for aws cloudtrail.',
        'the rule "User is made" is left out: its fields are those of the taxonomy ecs, not CloudTrail\'s own.',
    ]


@pytest.mark.parametrize("source", ["{product: aws}", "{service: cloudtrail}", "{product: AWS, service: CloudTrail}"])
def test_half_a_source_is_enough(source: str) -> None:
    assert len(read(RULE.replace("{product: aws, service: cloudtrail}", source)).detections) == 1


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("eventName", "eventname", '0.yml:9:5: CloudTrail\'s events have no "eventname". Did you mean "eventName"?'),
        ("eventName", "userIdentity.username",
         '0.yml:9:5: AWS documents no "username" in userIdentity. Did you mean "userName"?'),
        ("eventName", "userIdentity.sessionContext.sessionIsuer.arn",
         '0.yml:9:5: AWS documents no "sessionIsuer" in userIdentity.sessionContext. Did you mean "sessionIssuer"?'),
        ("eventName", "eventName.x", '0.yml:9:5: "eventName" is a single value, and has no "x".'),
        ("eventName", "readOnly.x", '0.yml:9:5: "readOnly" is a single value, and has no "x".'),
        ("level: high", "author: us",
         "0.yml:2:1: this has no level, and counts as medium. Levels are informational, low, medium, high, critical."),
        ("level: high", "level: high\nlevle: low", '0.yml:6:1: Sigma has no key "levle". Did you mean "level"?'),
        ("level: high", "level: high\nstatus: tested", '0.yml:6:9: "tested" is no status. Did you mean "test"?'),
        ("selection:\n", "selection:\n    eventVersion: 1.10\n",
         "0.yml:9:19: YAML reads this as 1.1, and with that it is compared. Put it in quotes."),
        ("selection:\n", "selection:\n    userIdentity.accountId: 011111111111\n",
         "0.yml:9:29: YAML reads this as 1227133513, and with that it is compared. Put it in quotes."),
        ("selection:\n", "unused:\n    awsRegion: x\n  selection:\n",
         '0.yml:8:3: the condition does not use the search "unused".'),
        ("eventName", "eventName|all", "0.yml:9:5: all says nothing of a single value."),
        ("selection:\n", "timeframe: 5m\n  selection:\n",
         "0.yml:8:3: timeframe is left out. It belongs to aggregations, which correlations replace."),
    ],
)  # fmt: skip
def test_what_is_likely_no_ones_intention(old: str, new: str, told: str) -> None:
    rules = read(RULE.replace(old, new))

    assert (said(rules), len(rules.detections)) == ([told], 1)


@pytest.mark.parametrize(
    "field",
    [
        "requestParameters.any.thing",
        "userIdentity.sessionContext.webIdFederationData.attributes.x",
        "resources.ARN",
        "userIdentity.inScopeOf.sourceArn",
    ],
)
def test_what_aws_documents_or_leaves_open(field: str) -> None:
    assert said(read(RULE.replace("eventName", field))) == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("title: User is made\n", "", "0.yml:2:1: a title is missing."),
        ("level: high", "level: hgih", '0.yml:5:8: "hgih" is no level. Did you mean "high"?'),
        ("level: high", "level: 5", "0.yml:5:8: level must be a text, not 5."),
        ("logsource: {product: aws, service: cloudtrail}\n", "", "0.yml:2:1: a logsource is missing."),
        ("{product: aws, service: cloudtrail}", "{definition: x}", "0.yml:6:12: logsource names no log."),
        ("detection:", "detektion:",
         "0.yml:2:1: this is neither a rule nor a correlation nor a filter: it has no detection. Did you mean"),
        ("condition: selection", "condition: >-\n    selection\n    and not selektion",
         '0.yml:12:13: there is no search "selektion". Did you mean "selection"?'),
        ("eventName: CreateUser", "eventName|contain: x",
         '0.yml:9:5: there is no modifier "contain". Did you mean "contains"?'),
        ("eventName: CreateUser", "eventName|re:\n      - a\n      - b[", "0.yml:11:9: this is no regular expression:"),
        ("eventName: CreateUser", "eventName|contains|contains: x", '0.yml:9:5: "contains" stands here twice.'),
        ("title: User", "title: 'User", "0.yml:"),
        ("level: high", "level: high\npractices: [x]", "0.yml:6:13: practices are numbers."),
    ],
)  # fmt: skip
def test_errors_stand_where_the_word_stands(old: str, new: str, told: str) -> None:
    [error] = read(RULE.replace(old, new)).errors

    assert str(error).startswith(told)


def test_all_mistakes_of_a_rule_are_told() -> None:
    rules = read(
        RULE.replace("  condition: selection", "  one: {eventName|x: 1}\n  two: []\n  condition: 1 of them")
        + "---"
        + OTHER
    )

    assert len(rules.errors) == 2
    assert [each.id[:4] for each in rules.detections] == ["2222"]  # the rest runs


def test_files_that_are_not_there_or_no_yaml(tmp_path: Path) -> None:
    (tmp_path / "x.yml").write_text("a: [")

    rules = read_sigma([tmp_path / "nothing.yml", tmp_path / "x.yml"])

    assert [each.code for each in rules.errors] == ["file", "yaml"]


# --- actions


def test_a_global_document_counts_for_those_after_it() -> None:
    shared = """
action: global
title: Shared
level: low
logsource: {product: aws, service: cloudtrail}
detection:
  condition: s
---
name: a
detection: {s: {eventName: A}}
---
name: b
level: high
detection: {s: {eventName: B}}
"""
    rules = read(shared)

    assert said(rules) == []
    assert [(each.id, each.name, each.level) for each in rules.detections] == [
        ("a", "Shared", Level.LOW), ("b", "Shared", Level.HIGH)
    ]  # fmt: skip
    assert [fires(each.condition, {"eventName": "B"}) for each in rules.detections] == [False, True]


def test_until_it_is_taken_back() -> None:
    rules = read(f"action: global\nlevel: low\n---\naction: reset\n---{RULE.replace('level: high', 'author: us')}")

    assert [each.message for each in rules.warnings] == ["this has no level, and counts as medium."]


def test_a_document_may_repeat_the_one_before_it() -> None:
    rules = read(f"{RULE}---\naction: repeat\nid: x\nname: y\ndetection: {{selection: {{eventName: DeleteUser}}}}\n")

    assert [fires(each.condition, {"eventName": "DeleteUser"}) for each in rules.detections] == [False, True]
    assert [each.name for each in rules.detections] == ["User is made", "User is made"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("action: repeat\ntitle: x\n", "0.yml:1:9: there is no rule before this that it could repeat."),
        ("action: resett\n", '0.yml:1:9: "resett" is no action. Did you mean "reset"?'),
        ("- a\n", "0.yml:1:1: a Sigma document must be a mapping, not a list."),
    ],
)
def test_documents_that_say_nothing(text: str, told: str) -> None:
    assert said(read(text)) == [told]


# --- filters


@pytest.mark.parametrize("condition", ["selection", "not selection"])
def test_a_filter_leaves_out_what_it_describes(condition: str) -> None:
    """The specification's example has it one way, pySigma the other; what is meant is the same."""
    rules = read(RULE, FILTER.replace("condition: selection", f"condition: {condition}"), OTHER)
    made, key = (each.condition for each in rules.detections)
    by_us = {"userIdentity": {"arn": "arn:aws:iam::111122223333:role/provisioning"}}

    assert said(rules) == []
    assert fires(made, {"eventName": "CreateUser"})
    assert not fires(made, {"eventName": "CreateUser", **by_us})
    assert fires(key, {"eventName": "CreateAccessKey", **by_us})


@pytest.mark.parametrize(
    "named", ["any", "[]", "[11111111-1111-4111-8111-111111111111, key_made]", "[key_made, user_made]"]
)
def test_a_filter_may_be_for_several_rules(named: str) -> None:
    rules = read(FILTER.replace("[user_made]", named), RULE, OTHER)
    record = {"eventName": "CreateAccessKey", "userIdentity": {"arn": "x:role/provisioning"}}

    assert said(rules) == []
    assert [fires(each.condition, record) for each in rules.detections] == [False, False]


def test_a_filter_for_no_rule_is_told() -> None:
    told = said(read(RULE, FILTER.replace("[user_made]", "[user_make]")))

    assert told == ['1.yml:5:11: no rule is called "user_make". Did you mean "user_made"?']


def test_a_filter_names_its_rules() -> None:
    [error] = read(RULE, FILTER.replace("  rules: [user_made]\n", "")).errors

    assert "a filter names the rules that it is for" in str(error)


# --- correlations


def correlation(text: str, *others: str) -> Correlation:
    """Return the last correlation of texts that load."""
    rules = read(RULE, OTHER, *others, text)
    assert said(rules) == []
    return rules.correlations[-1]


def test_a_correlation_counts_what_rules_find_and_they_are_silent() -> None:
    rules = read(CORRELATION, RULE, OTHER)
    [found] = rules.correlations

    assert (found.kind, found.op, found.count, found.span) == ("event_count", "ge", 5, 600)
    assert found.rules == (rules.detections[0].id,)
    assert [each.silent for each in rules.detections] == [True, False]
    assert (found.silent, found.level, found.name) == (False, Level.CRITICAL, "Users are made")
    by = found.group_by["userIdentity.arn"][rules.detections[0].id]
    assert shown([by], {"userIdentity": {"arn": "x"}}) == ("x",)


def test_unless_they_are_to_speak() -> None:
    rules = read(RULE, CORRELATION.replace("  timespan", "  generate: true\n  timespan"))

    assert [each.silent for each in rules.detections] == [False]


def test_a_correlation_that_did_not_load_silences_nothing() -> None:
    rules = read(RULE, CORRELATION.replace("10m", "soon"))

    assert (len(rules.errors), [each.silent for each in rules.detections]) == (1, [False])


@pytest.mark.parametrize(
    ("kind", "condition", "expected"),
    [
        ("value_count", "{field: awsRegion, gt: 2}", ("value_count", "gt", 2, 0)),
        ("value_sum", "{field: additionalEventData.bytesTransferredOut, gte: 1000.5}", ("value_sum", "ge", 1000.5, 0)),
        ("value_avg", "{field: additionalEventData.bytesTransferredOut, lt: 3}", ("value_avg", "lt", 3, 0)),
        ("value_percentile", "{field: requestParameters.n, percentile: 95, gt: 3}", ("value_percentile", "gt", 3, 95)),
        ("value_median", "{field: requestParameters.n, neq: 3}", ("value_percentile", "ne", 3, 50)),
        ("event_count", "{eq: 3}", ("event_count", "eq", 3, 0)),
        ("temporal", "{lte: 1}", ("temporal", "le", 1, 0)),
        ("first_seen", "{field: awsRegion}", ("first_seen", "ge", 1, 0)),
    ],
)
def test_kinds_of_correlations(kind: str, condition: str, expected: tuple[object, ...]) -> None:
    found = correlation(CORRELATION.replace("event_count", kind).replace("{gte: 5}", condition))

    assert (found.kind, found.op, found.count, found.percentile) == expected
    assert bool(found.counted) == bool(found.field_name) == ("field" in condition)


def test_two_bounds_make_a_range() -> None:
    found = correlation(CORRELATION.replace("{gte: 5}", "{gt: 100, lte: 200}"))

    assert ((found.op, found.count), found.bounds) == (("gt", 100), (("le", 200),))


@pytest.mark.parametrize("kind", ["temporal", "temporal_ordered"])
def test_temporal_ones_want_all_rules(kind: str) -> None:
    text = CORRELATION.replace("event_count", kind).replace("[user_made]", "[user_made, key_made]")
    found = correlation(text.replace("  condition: {gte: 5}\n", ""))

    assert (found.kind, found.op, found.count, len(found.rules)) == (kind, "ge", 2, 2)


def test_a_condition_of_names_says_which_rules_and_which_not() -> None:
    text = CORRELATION.replace("event_count", "temporal").replace("[user_made]", "[user_made, key_made]")
    rules = read(text.replace("{gte: 5}", "key_made and not user_made"), RULE, OTHER)
    [found] = rules.correlations
    user, key = (Compare("eq", RULE_OF_WINDOW, Literal(each.id)) for each in rules.detections)

    assert said(rules) == []
    assert found.wanted == And((key, Not(user)))
    assert said(read(text.replace("{gte: 5}", "key_made"), RULE, OTHER)) == [
        '0.yml:11:14: the condition does not use the rule "user_made".'
    ]
    assert said(read(text.replace("{gte: 5}", "key_made or user_mad"), RULE, OTHER)) == [
        '0.yml:11:26: there is no rule "user_mad". Did you mean "user_made"?'
    ]


@pytest.mark.parametrize(("span", "seconds"), [("30s", 30), ("10m", 600), ("2h", 7_200), ("7d", 604_800)])
def test_timespans(span: str, seconds: int) -> None:
    assert correlation(CORRELATION.replace("10m", span)).span == seconds


def test_an_alias_stands_for_another_field_in_each_rule() -> None:
    aliases = "aliases: {who: {user_made: requestParameters.userName, key_made: userIdentity.userName}}"
    text = CORRELATION.replace("[user_made]", "[user_made, key_made]").replace(
        "[userIdentity.arn]", f"[who]\n  {aliases}"
    )
    found = correlation(text)
    made, key = (found.group_by["who"][rule] for rule in found.rules)

    record = {"requestParameters": {"userName": "bob"}, "userIdentity": {"userName": "al"}}
    assert shown([made, key], record) == ("bob", "al")


def test_correlations_build_on_correlations_in_whatever_order() -> None:
    chain = CORRELATION.replace("3333", "4444").replace("users_made", "chain").replace("user_made", "users_made")
    rules = read(chain, RULE, CORRELATION)

    assert said(rules) == []
    assert [each.id[:4] for each in rules.correlations] == ["3333", "4444"]
    assert [each.silent for each in rules.correlations] == [True, False]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("[user_made]", "[user_make]", '0.yml:8:11: no rule has the id or name "user_make". Did you mean "user_made"?'),
        ("[user_made]", "[users_made]", '0.yml:8:11: the correlation "users_made" builds on this one.'),
        ("[user_made]", "[]", "0.yml:7:3: a correlation names the rules that it is over."),
        ("event_count", "event_cont", '0.yml:7:9: there is no correlation of the type "event_cont". Did you mean'),
        ("event_count", "value_count", "0.yml:11:14: a correlation of the type value_count names a field."),
        ("10m", "10y", '0.yml:10:13: "10y" is no timespan.'),
        ("10m", "0m", '0.yml:10:13: "0m" is no timespan.'),
        ("{gte: 5}", "{gte: x}", "0.yml:11:20: a condition compares with a number."),
        ("{gte: 5}", "{gge: 5}", '0.yml:11:15: condition has no key "gge". Did you mean "gte"?'),
        ("{gte: 5}", "{field: awsRegion}", "0.yml:11:14: a condition has one of"),
        ("{gte: 5}", "{gte: 5, field: awsRegion}",
         "0.yml:11:30: a correlation of the type event_count counts no field."),
        ("event_count", "first_seen", "0.yml:11:20: first_seen counts nothing."),
        ("{gte: 5}", "user_made", "0.yml:11:14: a correlation of the type event_count has no condition of names."),
        ("  condition: {gte: 5}\n", "", "0.yml:7:3: a correlation of the type event_count has a condition."),
        ("timespan", "timespann", '0.yml:10:3: correlation has no key "timespann". Did you mean "timespan"?'),
        ("event_count", "value_percentile", "0.yml:11:14: a correlation of the type value_percentile names a field."),
        ("timespan", "generate: maybe\n  timespan", "0.yml:10:13: generate is true or false."),
        ("[userIdentity.arn]", "[who]\n  aliases: {who: {user_make: awsRegion}}",
         '0.yml:10:19: "user_make" is none of the correlation\'s rules. Did you mean "user_made"?'),
        ("[userIdentity.arn]", "[who]\n  aliases: {who: {}}", '0.yml:10:18: the alias "who" says nothing of the rule'),
    ],
)  # fmt: skip
def test_slips_in_correlations(old: str, new: str, told: str) -> None:
    rules = read(CORRELATION.replace(old, new), RULE, OTHER)

    assert (rules.correlations, [str(each).startswith(told) for each in rules.errors]) == ([], [True]), said(rules)


def test_a_correlation_over_what_did_not_load_says_why() -> None:
    text = CORRELATION.replace("[user_made]", "[key_made]")

    assert 'the rule "key_made" has an error.' in said(read(OTHER.replace("selection\n", "x\n"), text))[-1]
    assert (
        'the rule "key_made" is for another log.' in said(read(OTHER.replace("product: aws", "product: gcp"), text))[-1]
    )


def test_a_group_that_another_correlation_has_not_would_never_fill() -> None:
    chain = CORRELATION.replace("3333", "4444").replace("users_made", "chain").replace("user_made", "users_made")
    [error] = read(RULE, CORRELATION, chain.replace("userIdentity.arn", "awsRegion")).errors

    assert 'has no group "awsRegion". Add awsRegion to its group-by.' in str(error)


def test_fields_of_correlations_are_checked() -> None:
    told = said(read(RULE, CORRELATION.replace("userIdentity.arn", "userIdentity.ran")))

    assert told == ['1.yml:9:14: AWS documents no "ran" in userIdentity. Did you mean "arn"?']


def test_what_is_read_can_be_told_apart() -> None:
    """Detections are values: equal where they say the same."""
    [rule] = read(RULE).detections

    assert rule == replace(read(RULE).detections[0], silent=False)


# --- placeholders


EXPANDED = RULE.replace("eventName: CreateUser", "eventName|startswith|expand: '%verb%%noun%'")
VARS = "vars: {verb: [Create, Delete], noun: User}\ntransformations: [{type: value_placeholders}]\n"


def test_placeholders_have_the_values_of_a_document_among_the_rules() -> None:
    """Wherever it stands, as pySigma's pipelines have it; each of several values will do."""
    rules = read(EXPANDED, VARS)
    [found] = rules.detections

    assert said(rules) == []
    events = [{"eventName": name} for name in ("CreateUser", "DeleteUserPolicy", "CreateRole", "%verb%%noun%")]
    assert [fires(found.condition, each) for each in events] == [True, True, False, False]


def test_a_value_may_have_wildcards_and_be_a_number() -> None:
    text = RULE.replace("eventName: CreateUser", "userAgent|expand: '%which%'")
    [found] = read("vars: {which: ['a*z', 7]}", text).detections

    assert [fires(found.condition, {"userAgent": each}) for each in ("a-z", "7", "a*")] == [True, True, False]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("vars: {verb: Create}", "the placeholder %noun% has no values. Give it some in a document among the rules"),
        ("vars: {verb: []}", "0.yml:1:14: a placeholder has at least one value."),
        ("vars: {verb: [true]}", "0.yml:1:15: a placeholder's values are texts and numbers."),
        ("vars: {}\ntransformations: [{type: field_name_mapping}]", "0.yml:2:19: of pipelines only value_placeholders"),
        ("vars: {}\nvars2: 1", '0.yml:2:1: a document of placeholders has no key "vars2". Did you mean "vars"?'),
        ("vars: {a: 1}\n---\nvars: {a: 2}", '0.yml:3:8: the placeholder "a" has values already.'),
    ],
)
def test_slips_in_placeholders(text: str, told: str) -> None:
    assert told in said(read(text, EXPANDED))[0]
