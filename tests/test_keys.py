"""Cloud Custodian's keys of a policy beside its filters: what each takes, and what it comes to."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from crenel.catalog.load import Extended, catalog
from crenel.errors import PolicyError
from crenel.model import Standard
from crenel.policies.compile import PolicyCompiler
from crenel.policies.facts import facts
from crenel.policies.written.interpolation import at_runtime, interpolated, runtime_variables
from crenel.policies.written.model import Limit, Policy, policy_of
from crenel.policies.written.queries import parameters
from crenel.positions import Located, load_text

NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


def policy(keys: str, resource: str = "ebs") -> Policy:
    return policy_of(load_text(f"{{name: mine, resource: {resource}, {keys}}}", "policy.yml"))


@pytest.mark.parametrize("name", ["a", "a-b", "A1-b2", "a_b", "a_b-c"])
def test_names(name: str) -> None:
    assert policy_of(load_text(f"{{name: '{name}', resource: ebs}}", "policy.yml")).name == name


@pytest.mark.parametrize("name", ["", "1a", "a b", "a-", "a--b", "ä", "a.b", "a/b", "a\\n"])
def test_names_that_are_none(name: str) -> None:
    """Not even with a line's end behind, which Custodian's pattern lets through."""
    with pytest.raises(PolicyError, match="no policy name"):
        policy_of(load_text(f'{{name: "{name}", resource: ebs}}', "policy.yml"))


@pytest.mark.parametrize(
    ("keys", "message", "hint"),
    [
        ("descripton: x", 'no key "descripton"', 'Did you mean "description"?'),
        ("description: 5", "description must be a text", "quotes"),
        ("tags: x", "must be a list", ""),
        ("tags: [1]", "must be a text", ""),
        ("metadata: []", "must be a mapping", ""),
        ("actions: [5]", "must be a mapping", ""),
        ("actions: [{typ: stop}]", "needs `type`", 'Did you mean "type"?'),
        ("conditions: [x]", "a condition is a mapping", ""),
        ("query: [x]", "must be a mapping", ""),
        ("source: descibe", "no source", 'Did you mean "describe"?'),
        ("mode: pull", "must be a mapping", ""),
        ("mode: {schedule: x}", "needs `type`", ""),
        ("mode: {type: cloudtrial}", "no mode", 'Did you mean "cloudtrail"?'),
        ("mode: {type: pull, role: x}", 'no key "role"', ""),
        ("mode: {type: periodic, shedule: x}", 'no key "shedule"', 'Did you mean "schedule"?'),
        ("max-resources: 0", "whole number", ""),
        ("max-resources: true", "whole number", ""),
        ("max-resources: {amount: 1, op: AND}", "`or` or `and`", ""),
        ("max-resources: {amont: 1}", 'no key "amont"', 'Did you mean "amount"?'),
        ("max-resources-percent: 101", "percentage", ""),
        ("region: [a]", "region must be a text", ""),
        ("start: 5", "start must be a text", ""),
        ("filters: [5]", "a name or a mapping", ""),
        ("filters: x", "must be a list", ""),
    ],
)
def test_keys_that_say_what_they_can_not(keys: str, message: str, hint: str) -> None:
    with pytest.raises(PolicyError) as caught:
        policy(keys)

    assert message in str(caught.value)
    assert hint in str(caught.value)
    assert caught.value.where is not None


@pytest.mark.parametrize(
    ("resource", "message"),
    [("[ebs, ec2]", "one resource type"), ("azure.vm", "not supported"), ("5", "must be a text")],
)
def test_resources_that_are_none_of_aws(resource: str, message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        policy("filters: []", resource)


def test_all_keys_together() -> None:
    found = policy(
        "title: t, description: d, comment: c, comments: c, tags: [a], metadata: {k: 1}, filters: [], "
        "source: describe, "
        "actions: [stop, {type: tag}], query: [{status: available}], mode: {type: periodic, schedule: rate(1 day)}, "
        "conditions: [{region: a}], region: b, start: 2026-01-01, end: '2027-01-01', tz: utc, "
        "max-resources: {amount: 3, op: and}, max-resources-percent: 10"
    )

    assert (found.title, found.tags, found.metadata) == ("t", ("a",), {"k": 1})
    assert [action.plain() for action in found.actions] == [{"type": "stop"}, {"type": "tag"}]
    assert found.mode.pulled
    assert found.limit == Limit(3, 10.0, "and")
    assert found.conditions is not None
    region, old, start, end = found.conditions.value
    assert (region.plain(), old.plain()) == ({"region": "a"}, {"region": "b"})
    assert start.plain() | {"value": ""} == {
        "type": "value", "key": "now", "value_type": "date", "op": "gte", "value": "",
    }  # fmt: skip
    assert end.plain()["op"] == "lte"
    assert [warning.code for warning in found.warnings] == ["deprecated"] * 3


def test_a_policy_of_events_is_told_apart() -> None:
    found = policy("mode: {type: cloudtrail, events: [CreateVolume], role: x}")

    assert not found.mode.pulled
    assert [warning.code for warning in found.warnings] == ["event-mode"]


@pytest.mark.parametrize(
    ("limit", "matched", "population", "exceeded"),
    [
        (Limit(5), 5, 9, False),
        (Limit(5), 6, 9, True),
        (Limit(percent=50), 5, 10, False),
        (Limit(percent=50), 6, 10, True),
        (Limit(5, 50), 6, 100, True),
        (Limit(5, 50), 3, 5, True),
        (Limit(5, 50, "and"), 6, 100, False),
        (Limit(5, 50, "and"), 6, 10, True),
        (Limit(5, None, "and"), 6, 10, False),
        (Limit(percent=0), 6, 10, False),
        (Limit(), 6, 10, False),
        (Limit(5, 50), 0, 0, False),
    ],
)
def test_limits(limit: Limit, matched: int, population: int, exceeded: bool) -> None:
    """As Custodian reads them: `and` wants both given and both exceeded."""
    assert bool(limit.exceeded(matched, population)) is exceeded


# --- query


@pytest.mark.parametrize(
    ("resource", "query", "wanted"),
    [
        ("ebs", "[{status: available}]", {"Filters": [{"Name": "status", "Values": ["available"]}]}),
        (
            "ebs",
            "[{status: [available, in-use]}, {'tag:Team': a}]",
            {
                "Filters": [
                    {"Name": "status", "Values": ["available", "in-use"]},
                    {"Name": "tag:Team", "Values": ["a"]},
                ]
            },
        ),
        ("ebs", "[{Filters: [{Name: size, Values: [5]}]}]", {"Filters": [{"Name": "size", "Values": ["5"]}]}),
        ("ebs", "[{Name: encrypted, Values: [false]}]", {"Filters": [{"Name": "encrypted", "Values": ["false"]}]}),
        ("ebs", "[{MaxResults: 50}]", {"MaxResults": 50}),
        ("ebs-snapshot", "[{OwnerIds: ['1', '2']}, {OwnerIds: '3'}]", {"OwnerIds": ["1", "2", "3"]}),
        ("iam-policy", "[{Scope: All}, {OnlyAttached: true}]", {"Scope": "All", "OnlyAttached": True}),
        ("iam-policy", "[{Name: Scope, Value: AWS}]", {"Scope": "AWS"}),
        ("elasticsearch", "[{EngineType: OpenSearch}]", {"EngineType": "OpenSearch"}),
    ],
)
def test_queries(resource: str, query: str, wanted: object) -> None:
    found = policy(f"query: {query}", resource)

    assert parameters(catalog()[resource], found.query) == wanted
    compiler = PolicyCompiler(catalog(), facts(), Standard.FSBP)
    plan = compiler.compile(found)
    listing = compiler.catalog[plan.table].listing
    assert listing is not None
    assert {**listing.call.params, **parameters(catalog()[resource], found.query)} == listing.call.params
    assert compiler.catalog[plan.table].reported_as == resource


@pytest.mark.parametrize(
    ("resource", "query", "message"),
    [
        ("ebs", "[{statsu: available}]", 'Did you mean "status"?'),
        ("ebs", "[{status: avalable}]", 'Did you mean "available"?'),
        ("ebs", "[{a: 1, b: 2}]", "one key"),
        ("ebs", "[{Filters: {}}]", "must be a list"),
        ("ebs", "[{Filters: [{Name: status}]}]", "`Name` and `Values`"),
        ("ebs", "[{Filters: [{Name: statsu, Values: [a]}]}]", 'Did you mean "status"?'),
        ("ebs", "[{MaxResults: many}]", "a whole number"),
        ("iam-policy", "[{Scope: Lokal}]", 'Did you mean "Local"?'),
        ("iam-policy", "[{Scope: All}, {Scope: AWS}]", "twice"),
        ("iam-policy", "[{OnlyAttached: 'yes'}]", "true or false"),
        ("elasticsearch", "[{EnginType: x}]", 'Did you mean "EngineType"?'),
        ("s3", "[{augment-keys: none}]", "not supported"),
        ("vpc", "[{vpc-id: x}]", "leaves out `query`"),
    ],
)
def test_queries_that_can_not_be(resource: str, query: str, message: str) -> None:
    compiler = PolicyCompiler(Extended(catalog()), facts(), Standard.FSBP)

    with pytest.raises(PolicyError) as caught:
        compiler.compile(policy(f"query: {query}", resource))

    assert message in str(caught.value)


def test_a_query_may_lead_to_a_type_of_its_own() -> None:
    """Web ACLs of CloudFront are Custodian's `wafv2` in another Scope, and are listed in one Region alone."""
    compiler = PolicyCompiler(catalog(), facts(), Standard.FSBP)

    assert compiler.compile(policy("query: [{Scope: CLOUDFRONT}]", "wafv2")).table == "wafv2-cloudfront"


def test_conditions_are_checked_too() -> None:
    compiler = PolicyCompiler(catalog(), facts(), Standard.FSBP)
    keys = "conditions: [{regoin: a}, {not: [{type: valeu, key: name, value: x}]}, {region: eu-west-1}]"

    found = compiler.check(policy(keys))

    assert [error.suggestion for error in found.errors] == ['Did you mean "region"?', 'Did you mean "value"?']


# --- placeholders at runtime

VARIABLES = runtime_variables(
    load_text("{name: mine, resource: ebs, tags: [a]}", "policy.yml"),
    account_id="1234", region="eu-west-1", partition="aws", now=NOW,
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("{account_id}", "1234"),
        ("a {region}-{partition}", "a eu-west-1-aws"),
        ("{account}", "{account}"),
        ("{target_bucket_name}/{account_id}", "{target_bucket_name}/1234"),
        ("{nope} {account_id}", "{nope} {account_id}"),
        ("{now}", NOW),
        ("{now.year}", 2026),
        ("{now:%Y-%m-%d}", "2026-01-02"),
        ("{now:%Y-%m-%d+1d}", "2026-01-03"),
        ("{now:%H:%M+2h+30M}", "05:34"),
        ("x{now}", "x2026-01-02 03:04:00"),
        ("{policy[tags]}", ["a"]),
        ("{policy.name}", "mine"),
        ("{policy[name]}-{account_id:>6}", "mine-  1234"),
        ("{account_id!r}", "'1234'"),
        ("{{account_id}}", "{account_id}"),
        ("^a{2,3}$", "^a{2,3}$"),
        ('{"a": 1}', '{"a": 1}'),
        ("plain", "plain"),
        ("{}", "{}"),
    ],
)
def test_placeholders(text: str, wanted: object) -> None:
    """A text that is one placeholder alone keeps the value's type; what is unknown stays."""
    where = load_text("a", "policy.yml").where

    assert interpolated(Located(text, where), VARIABLES).plain() == wanted


@pytest.mark.parametrize("text", ["}", "{", "{account_id", "{account_id.x}", "{region:d}", "{account_id!z}", "{now.x}"])
def test_placeholders_that_custodian_fails_on(text: str) -> None:
    where = load_text("a", "policy.yml").where

    with pytest.raises(PolicyError) as caught:
        interpolated(Located(text, where), VARIABLES)

    assert caught.value.where == where


@pytest.mark.parametrize("text", ["{region.__class__}", "{now.__class__}", "{policy.__init__}", "{region:>99999}"])
def test_placeholders_reach_nothing_else(text: str) -> None:
    with pytest.raises(PolicyError):
        interpolated(Located(text, load_text("a", "policy.yml").where), VARIABLES)


def test_a_policy_at_runtime_keeps_its_own_templates() -> None:
    """Crenel's messages have placeholders of their own, and keys are no texts to fill."""
    found = policy("filters: [{'tag:{region}': '{account_id}'}], message: {fail: '{region} {id}', pass: x}")

    filled = at_runtime(found, VARIABLES)

    assert filled.body.plain()["filters"] == [{"tag:{region}": "1234"}]
    assert filled.body.plain()["message"]["fail"] == "{region} {id}"
    assert filled.body.value["filters"].value[0].value["tag:{region}"].where.line == 1


def test_placeholders_for_the_policy_itself_are_bounded(tmp_path: Path) -> None:
    path = tmp_path / "policy.yml"
    texts = ", ".join(["'{policy}'"] * 5000)
    path.write_text(f"{{name: mine, resource: ebs, filters: [{{type: value, key: a, value: [{texts}]}}]}}")
    body = load_text(path.read_text(), "policy.yml")
    variables = runtime_variables(body, account_id="1", region="r", partition="aws", now=NOW)

    with pytest.raises(PolicyError, match="too large"):
        interpolated(body, variables)


@pytest.mark.parametrize("keys", ["conditions: [{region: a}]", "region: a", "mode: {type: cloudtrail}"])
def test_a_scan_refuses_what_says_when_a_policy_runs(keys: str) -> None:
    """It judges always: leaving the key out in silence would judge what was not asked for."""
    with pytest.raises(PolicyError, match=r"judges always|waits for events"):
        PolicyCompiler(catalog(), facts(), Standard.FSBP).compile(policy(keys))


def test_a_check_fills_placeholders_first() -> None:
    """`{now.year}` is a number where the policy runs, and a single brace is what Custodian fails on."""
    compiler = PolicyCompiler(catalog(), facts(), Standard.FSBP)
    right = "filters: [{type: value, key: Size, op: gt, value: '{now.year}'}, {KmsKeyId: 'arn:{partition}:{region}'}]"

    assert compiler.check(policy(right)).errors == []
    (error,) = compiler.check(policy("filters: [{KmsKeyId: 'a}'}]")).errors
    assert error.code == "variable"
