"""Actions as policies write them: what is read of them, what is wrong, what is not supported."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from crenel.catalog.load import catalog
from crenel.policies.custodian_names import custodian_names
from crenel.positions import load_text
from crenel.remediate.actions import columns_read, joined, read_actions, tables_read
from crenel.remediate.builders import BUILDERS
from crenel.remediate.builders.messages import _packed, notify
from crenel.remediate.builders.model import Draft, Situation
from crenel.remediate.load import declarations
from crenel.remediate.model import Plan, Step
from crenel.remediate.tagging import TagError, edits, mark, merged

KNOWN = {"delete", "tag", "copy-related-tag", "notify"}
NOW = datetime(2026, 11, 25, 22, 30, tzinfo=UTC)


def read(kind: str, text: str) -> Any:
    """Read one action, written as flow YAML."""
    (item,) = load_text(f"[{text}]", "policies.yml").sequence("actions")
    return read_actions(kind, [item], KNOWN)


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("iam-user", "{type: remove-kyes}", 'aws.iam-user has no action "remove-kyes". Did you mean "remove-keys"?'),
        ("iam-user", "{type: remove-keys, disable: 'yes'}", "disable takes true or false."),
        ("iam-user", "{type: remove-keys, age: old}", "age takes a number."),
        ("iam-user", "{type: set-groups, state: added, group: x}", 'state has no word "added". Did you mean "add"?'),
        ("iam-user", "{type: set-groups, state: add}", "needs `group`: the group's name."),
        ("vpc", "{type: tag}", "it needs `tags`, or `key` with `value`."),
        ("vpc", "{type: tag, tag: a, key: b, value: c}", "it needs `tags`, or `key` with `value`."),
        ("vpc", "{type: untag, tags: owner}", "tags takes a list of texts."),
        ("vpc", "{type: mark-for-op, op: stop, tz: Atlantis}", 'there is no time zone "Atlantis".'),
        ("vpc", "{type: mark-for-op, op: stop, days: -1}", "days and hours are no less than 0."),
        ("kms-key", "{type: schedule-deletion, days: 3}", "days is from 7 to 30."),
        ("vpc", "{type: set-flow-log}", "it needs `attrs` with LogGroupName or LogDestination."),
        ("account", "{type: set-password-policy, policy: {MinLength: 8}}", "`policy` has the names of"),
        ("vpc", "{type: notify, to: [me], transport: {type: sms}}", "it needs `to`, and a transport"),
        ("vpc", "{type: webhook, url: 'ftp://x'}", "the url begins with https:// or http://"),
        ("vpc", "{type: webhook, url: 'https://x', body: 'a ('}", "body takes a JMESPath expression."),
        ("vpc", "{type: webhook, url: 'https://x', headers: {a: 'b ('}}", "headers takes a mapping to JMESPath"),
        ("vpc", "{type: notify, transport: {type: sqs, queue: q}}", "it needs `to`, and a transport"),
    ],
)  # fmt: skip
def test_a_wrong_action_is_an_error_with_its_place(kind: str, text: str, said: str) -> None:
    found = read(kind, text)

    (error,) = found.errors
    assert said in str(error)
    assert str(error).startswith("policies.yml:1:")
    assert found.asked == found.unsupported == ()


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("vpc", "{type: copy-related-tag, tags: x}", "the action copy-related-tag of aws.vpc is not supported"),
        ("iam-user", "{type: remove-keys, matched: true}", "which keys a filter found is not kept"),
        ("iam-user", "{type: set-policy, state: attached, arn: x}", "Crenel detaches policies and attaches none."),
        ("s3", "{type: delete}", "Crenel empties no bucket"),
        ("s3", "{type: set-bucket-encryption, enabled: false}", "there is no bucket without encryption"),
        ("ebs", "{type: delete, force: true}", "detach the volume by an action of its own first"),
        ("security-group", "{type: remove-permissions, ingress: matched}", "single rules that a filter matched"),
        ("cloudtrail", "{type: update-trail, attributes: {S3BucketName: x}}", "only these can be set"),
        ("vpc", "{type: notify, to_from: {url: x}, transport: {type: sqs, queue: q}}", "addresses under `to`"),
    ],
)  # fmt: skip
def test_what_custodian_does_and_crenel_does_not_is_named_and_never_done_in_part(
    kind: str, text: str, said: str
) -> None:
    found = read(kind, text)

    (note,) = found.unsupported
    assert said in str(note)
    assert note.code == "unsupported-action"
    assert found.asked == found.errors == ()


def test_options_that_are_left_out_have_their_defaults() -> None:
    (asked,) = read("kms-key", "{type: schedule-deletion}").asked

    assert asked.options == {"days": 30}


def test_what_an_action_looks_at_is_known_before_the_scan() -> None:
    assert columns_read(read("iam-user", "{type: remove-keys}").asked) == {"AccessKeys"}
    assert columns_read(read("s3", "{type: set-public-block}").asked) == {"PublicAccessBlock"}
    assert columns_read(read("s3", "{type: unmark}").asked) == {"Name", "Tags"}
    assert set(tables_read(read("account", "{type: enable-config}").asked)) == {"config-recorder", "iam-role"}


@pytest.mark.parametrize("kind", sorted(declarations().actions))
def test_what_actions_look_at_is_in_the_catalogue(kind: str) -> None:
    if kind == "*":
        return
    for action in declarations().actions[kind].values():
        for name, columns in (BUILDERS[action.fix.builder].needs if action.fix.builder else {}).items():
            assert {*columns} <= {*catalog()[name].details}


def test_actions_have_the_names_that_custodian_gives_them() -> None:
    ours = {"cancel-deletion", "enable-config", "enable-guard-duty", "make-log-bucket", "make-log-key"}
    named = {name for actions in declarations().actions.values() for name in actions}

    assert named - custodian_names().actions == ours


# --- tags


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"op": "stop"}, "Resource does not meet policy: stop@2026/11/29"),
        ({"op": "stop", "days": 0}, "Resource does not meet policy: stop@2026/11/25"),
        ({"op": "stop", "days": 1, "tz": "et", "hours": 2}, "Resource does not meet policy: stop@2026/11/26 1930 EST"),
        ({"op": "stop", "days": 0, "tz": "Europe/Berlin"}, "Resource does not meet policy: stop@2026/11/25"),
        ({"op": "stop", "days": 1, "msg": "{op} on {action_date}!"}, "stop on 2026/11/26!"),
    ],
)  # fmt: skip
def test_a_mark_says_what_is_due_when(options: dict[str, Any], text: str) -> None:
    assert mark(options, NOW) == text


def test_tags_may_come_from_the_resource() -> None:
    row = {"Owner": {"Name": "ann"}}

    def made(value: dict[str, str]) -> Any:
        return list(edits("set", {"tags": {"who": {"type": "resource", **value}}}, row, NOW))

    assert made({"key": "Owner.Name"}) == [{"key": "who", "value": "ann"}]
    assert made({"key": "Nobody", "default-value": "crew"}) == [{"key": "who", "value": "crew"}]
    with pytest.raises(TagError, match="the resource has no Nobody, and there is no default-value"):
        made({"key": "Nobody"})


def test_the_last_edit_of_a_tag_counts() -> None:
    found = [*edits("set", {"tags": {"a": 1, "b": True}}, {}, NOW), *edits("drop", {"tags": ["a"]}, {}, NOW)]

    assert merged(found) == [{"key": "a", "value": None}, {"key": "b", "value": "true"}]


# --- plans and messages


def step(identity: str, **changes: Any) -> Step:
    return Step(identity, "", "1", "r", "aws.vpc", "vpc-1", **{"act": "tags/tag-ec2", **changes})


def test_joined_plans_have_new_ids_and_do_the_same_once() -> None:
    first = Plan("a", NOW, "s", (step("1", args={"id": "x"}),), ("one", "two"))
    refers = {"id": {"$from": "2", "path": "after"}}
    second = Plan(
        "b", NOW, "s", (step("1", args={"id": "x"}), step("2", args={"id": "y"}), step("3", args=refers)), ("two",)
    )

    found = joined([first, second])

    assert [(one.id, one.args["id"]) for one in found.steps] == [
        ("1", "x"),
        ("2", "y"),
        ("3", {"$from": "2", "path": "after"}),
    ]
    assert found.notes == ("one", "two")


def situation(resources: list[Any], queue: str = "mailer") -> Situation:
    row = {"resources": resources, "policy": {"name": "p"}, "action": {}, "began": 1.0, "execution": "e"}
    options = {"transport": {"type": "sqs", "queue": queue}, "to": ["me"]}
    return Situation(row, "1", "eu-west-1", "aws", {}, {}, NOW, None, options)  # type: ignore[arg-type]


def test_many_resources_are_several_messages_each_of_which_fits() -> None:
    # Digits of roots, which hardly get shorter.
    resources = [{"Id": n, "Noise": str((n + 2) ** 900)} for n in range(1_000)]

    made = notify(situation(resources))

    assert len(made) > 1
    assert all(len(one.args["body"]) <= 262_144 for one in made if isinstance(one, Draft))
    assert sum(one.args["count"] for one in made if isinstance(one, Draft)) == 1_000
    assert len(_packed(situation(resources), resources)) > 262_144


@pytest.mark.parametrize(
    ("queue", "region", "url"),
    [
        ("mailer", "eu-west-1", "https://sqs.eu-west-1.amazonaws.com/1/mailer"),
        ("arn:aws:sqs:us-east-2:2:mailer", "us-east-2", "https://sqs.us-east-2.amazonaws.com/2/mailer"),
        ("https://sqs.us-east-2.amazonaws.com/2/m", "us-east-2", "https://sqs.us-east-2.amazonaws.com/2/m"),
        ("https://queue.amazonaws.com/2/m", "us-east-1", "https://queue.amazonaws.com/2/m"),
        ("https://us-west-2.queue.amazonaws.com/2/m", "us-west-2", "https://us-west-2.queue.amazonaws.com/2/m"),
    ],
)  # fmt: skip
def test_a_queue_is_named_in_any_way(queue: str, region: str, url: str) -> None:
    (made,) = notify(situation([{"Id": 1}], queue))

    assert isinstance(made, Draft)
    assert (made.region, made.args["queue"]) == (region, url)
