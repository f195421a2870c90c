"""The IAM policy of one plan: its calls, the way back and the reads, and on which resources."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from crenel.remediate.load import acts
from crenel.remediate.model import Plan, Step
from crenel.remediate.permissions import policy_document
from crenel.remediate.planning import call_of

ACCOUNT = "111122223333"
PLACE = {"account": ACCOUNT, "region": "eu-west-1", "partition": "aws"}
ROLE = f"arn:aws:iam::{ACCOUNT}:role/recorder"


def allowed(*steps: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """Return which resources each action of a plan of these steps is allowed on."""
    made = []
    for number, (act, args) in enumerate(steps):
        whole = {**args, **PLACE}
        call = call_of(acts()[act], whole)
        made.append(Step(str(number), "", ACCOUNT, "eu-west-1", "", "", act=act, args=whole, call=call))
    document = policy_document(Plan("p", datetime(2026, 11, 25, tzinfo=UTC), "s", tuple(made)))
    assert document["Version"] == "2012-10-17"
    assert all(each["Effect"] == "Allow" for each in document["Statement"])
    return {action: each["Resource"] for each in document["Statement"] for action in each["Action"]}


def test_calls_and_their_inverses_are_confined_and_reads_are_not() -> None:
    key = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/k-1"

    assert allowed(("kms/cancel-key-deletion", {"key": "k-1", "days": "30"})) == {
        "kms:CancelKeyDeletion": key,
        "kms:ScheduleKeyDeletion": key,
        "kms:DescribeKey": "*",
    }


def test_the_same_for_several_resources_is_said_once() -> None:
    found = allowed(*(("ec2/make-snapshot-private", {"id": f"snap-{n}"}) for n in (1, 2)))

    assert found["ec2:ModifySnapshotAttribute"] == [f"arn:aws:ec2:eu-west-1::snapshot/snap-{n}" for n in (1, 2)]


def test_a_role_is_passed_alone() -> None:
    """iam:PassRole on everything would be a way to become anything."""
    found = allowed(("config/put-recorder", {"name": "default", "role": ROLE, "group": {"allSupported": True}}))

    assert found["iam:PassRole"] == ROLE
    assert found["config:PutConfigurationRecorder"] == "*"


def test_service_linked_roles_are_confined_to_their_path() -> None:
    found = allowed(("config/create-service-role", {}))

    assert found["iam:CreateServiceLinkedRole"] == f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/*"


def test_what_an_earlier_step_makes_has_no_arn_yet() -> None:
    found = allowed(("cloudtrail/start-trail", {"trail": {"$from": "1", "path": "after.TrailARN"}}))

    assert found["cloudtrail:StartLogging"] == "*"


def test_a_plan_by_hand_needs_nothing() -> None:
    assert policy_document(Plan("p", datetime(2026, 11, 25, tzinfo=UTC), "s", ()))["Statement"] == []


def test_what_tells_whether_a_policy_is_our_own_is_allowed() -> None:
    """The guard looks whether the identity that applies the plan has the policy, or is in the group."""
    document = {"Version": "2012-10-17", "Statement": []}
    found = allowed(
        ("iam/narrow-policy", {"arn": f"arn:aws:iam::{ACCOUNT}:policy/p", "name": "p", "document": document}),
        ("iam/detach-group-policy", {"group": "g", "policy": f"arn:aws:iam::{ACCOUNT}:policy/p"}),
    )

    assert {"iam:GetUser", "iam:GetRole", "iam:ListGroupsForUser", "iam:ListAttachedRolePolicies"} <= found.keys()
    assert found["iam:ListAttachedGroupPolicies"] == "*"
