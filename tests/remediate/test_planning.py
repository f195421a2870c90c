"""What a plan says of findings: steps out of a snapshot alone, and what could not be known."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from crenel.catalog.load import catalog
from crenel.collect.secrets import MASK
from crenel.errors import UsageError
from crenel.fix import Planned, PlanOptions, plan
from crenel.lake.snapshots import collected_columns
from crenel.remediate.actions import Asked, plan_actions
from crenel.remediate.load import acts, declarations, fix_of
from crenel.remediate.model import Manual, Step, Undoing
from crenel.remediate.planning import Planner, Target, UnplannedError, call_of, needs_of_fixes
from crenel.remediate.spec import Fix
from crenel.remediate.tables import SnapshotTables
from crenel.scan import ScanOptions, choose, permissions

from .snapshots import ACCOUNT, NOW, REGION, default_group, gap, old_key, public_snapshot, snapshot

DO = Manual(("Do it.",))
PUBLIC = "ebs-snapshot-not-public"
CLOSED = "vpc-default-security-group-closed"
OWN = """
policies:
  - name: our-snapshots-named
    title: Snapshots have a description
    resource: aws.ebs-snapshot
    remediation: Copy the snapshot
      with a description.
    filters: [{Description: absent}]
"""


def own_policies() -> dict[str, Any]:
    """A row of a user with a managed policy of its own."""
    return {
        "_id": "ann",
        "UserName": "ann",
        "Arn": f"arn:aws:iam::{ACCOUNT}:user/ann",
        "AttachedManagedPolicies": [{"PolicyName": "read", "PolicyArn": "arn:aws:iam::aws:policy/read"}],
        "UserPolicyList": [],
    }


def planned(lake: Path, *policies: str, settings: dict[str, str] | None = None, **more: Any) -> Planned:
    scan = ScanOptions(policies=policies, lake=lake, paths=more.pop("paths", ()))
    return plan(PlanOptions(scan, settings=settings or {}, **more), now=more.pop("now", NOW + timedelta(hours=1)))


def steps(lake: Path, *policies: str, **more: Any) -> list[Step]:
    return list(planned(lake, *policies, **more).plan.steps)


def test_a_step_says_all_that_a_person_and_apply_need(tmp_path: Path) -> None:
    found = snapshot(tmp_path, {"ebs-snapshot": [public_snapshot()]})

    made = planned(tmp_path, PUBLIC).plan

    (step,) = made.steps
    place = {"account": ACCOUNT, "region": REGION, "partition": "aws"}
    assert (made.snapshot, made.notes, made.automatic) == (found.info.id, (), (step,))
    assert (step.id, step.title) == ("1", "Take the snapshot snap-1 from the public")
    assert (step.account, step.region, step.type, step.resource) == (ACCOUNT, REGION, "aws.ebs-snapshot", "snap-1")
    assert (step.policy, step.practice, len(step.findings)) == (PUBLIC, 21, 1)
    assert (step.act, step.args) == ("ec2/make-snapshot-private", {"id": "snap-1", **place})
    assert step.seen == [{"Group": "all", "UserId": None}]
    assert step.call == {
        "service": "ec2",
        "operation": "ModifySnapshotAttribute",
        "params": {
            "SnapshotId": "snap-1",
            "Attribute": "createVolumePermission",
            "OperationType": "remove",
            "GroupNames": ["all"],
        },
    }
    assert step.changes == (("who may restore the snapshot", "everyone", f"{ACCOUNT} and the accounts that are named"),)
    assert (step.undoing, step.lost) == (
        Undoing.YES,
        "Adding it back fails while the Region blocks public access to snapshots.",
    )
    assert step.breaks == ("Whoever restores this snapshot without being named can do so no more.",)
    assert step.command == (
        "aws ec2 modify-snapshot-attribute --region eu-west-1 --snapshot-id snap-1 "
        "--attribute createVolumePermission --operation-type remove --group-names all"
    )


def test_what_two_findings_ask_for_is_done_once(tmp_path: Path) -> None:
    """A key that is too old (3) and unused (8) is deactivated by one step, which closes both."""
    snapshot(tmp_path, {"iam-user": [old_key()]})

    (step,) = steps(tmp_path, "iam-access-key-rotated", "iam-credentials-unused")

    assert (step.act, step.policy, len(step.findings)) == ("iam/deactivate-access-key", "iam-access-key-rotated", 2)
    assert step.region == "us-east-1", "a global service is asked in its home Region"


@pytest.mark.parametrize(("partition", "home"), [("aws", "us-east-1"), ("aws-cn", "cn-north-1")])
def test_a_global_call_is_sent_to_the_partitions_home(partition: str, home: str, tmp_path: Path) -> None:
    snapshot(tmp_path, {"iam-user": [old_key()]}, partition=partition)

    (step,) = steps(tmp_path, "iam-access-key-rotated")

    assert (step.region, step.args["region"], step.args["partition"]) == (home, home, partition)


def test_what_could_not_be_judged_is_in_no_step_and_told(tmp_path: Path) -> None:
    unread = public_snapshot("snap-2", CreateVolumePermissions=None, _gaps={"CreateVolumePermissions": "AccessDenied"})
    snapshot(tmp_path, {"ebs-snapshot": [public_snapshot(), unread]})

    made = planned(tmp_path, PUBLIC).plan

    assert [step.resource for step in made.steps] == ["snap-1"]
    assert made.notes == (f"{PUBLIC}: 1 could not be judged, and so are in no step (UNKNOWN; crenel scan says why).",)


def test_dependents_come_from_the_snapshot(tmp_path: Path) -> None:
    """A default group that an interface uses is left, with the interface named; closed all the same where told so."""
    interface = {"_id": "eni-1", "NetworkInterfaceId": "eni-1", "Groups": [{"GroupId": "sg-1"}], "Description": "db"}
    snapshot(tmp_path, {"security-group": [default_group()], "eni": [interface]})

    (left,) = steps(tmp_path, CLOSED)
    closed = steps(tmp_path, CLOSED, settings={"close-used-groups": "yes"})

    assert left.manual is not None
    assert "1 network interface uses the group: eni-1 (db)." in left.manual.steps[0]
    assert [step.act for step in closed] == ["ec2/close-group-inbound", "ec2/close-group-outbound"]
    assert "eni-1 (db)" in closed[0].breaks[0]
    assert closed[0].unknown == ()


@pytest.mark.parametrize("how", ["not asked", "denied"])
def test_dependents_that_were_not_read_are_never_taken_for_none(how: str, tmp_path: Path) -> None:
    tables = {"security-group": [default_group()]} | ({"eni": []} if how == "denied" else {})
    snapshot(tmp_path, tables, gaps=[gap("eni")] if how == "denied" else [])

    made = steps(tmp_path, CLOSED)

    assert {step.unknown for step in made} == {
        ("Which network interfaces use the group: aws.eni was not read (scan with --for-fixes).",)
    }


def test_a_policy_without_a_fix_gives_its_own_remediation_by_hand(tmp_path: Path) -> None:
    own = tmp_path / "own.yml"
    own.write_text(OWN)
    snapshot(tmp_path / "lake", {"ebs-snapshot": [public_snapshot()]})

    (step,) = steps(tmp_path / "lake", "our-*", paths=(own,))

    assert (step.act, step.command, step.undoing) == ("", "", Undoing.NO)
    assert step.manual is not None
    assert step.manual.steps == ("Copy the snapshot with a description.",)
    assert step.title == "Snapshots have a description: not so."


def test_a_policy_of_the_users_own_is_not_repaired_by_the_built_in_ones_fix(tmp_path: Path) -> None:
    """It may judge something else by the same name."""
    own = tmp_path / "own.yml"
    own.write_text(OWN.replace("our-snapshots-named", PUBLIC))
    snapshot(tmp_path / "lake", {"ebs-snapshot": [public_snapshot()]})

    (step,) = steps(tmp_path / "lake", PUBLIC, paths=(own,))

    assert step.act == ""


def test_a_manual_fix_has_the_resources_own_words_and_commands(tmp_path: Path) -> None:
    volume = {"_id": "vol-1", "VolumeId": "vol-1", "Encrypted": False, "AvailabilityZone": "eu-west-1a"}
    volume["Attachments"] = [{"InstanceId": "i-1", "Device": "/dev/sdf"}]
    snapshot(tmp_path, {"ebs": [volume]})

    (step,) = steps(tmp_path, "ebs-attached-volume-encrypted")

    assert step.manual is not None
    assert step.manual.steps[0] == "Plan a time in which the instance i-1 may stand still."
    assert step.manual.commands[0] == "aws ec2 stop-instances --region eu-west-1 --instance-ids i-1"


def test_a_masked_value_is_sent_to_nobody(tmp_path: Path) -> None:
    """What the snapshot hides can't be put into a call: the step is left to a person, and the plan says why."""
    snapshot(tmp_path, {"ebs-snapshot": [public_snapshot(SnapshotId=MASK)]})

    made = planned(tmp_path, PUBLIC).plan

    assert made.automatic == ()
    assert made.notes == (f"{PUBLIC}, snap-1: no automatic step, for a value that it takes is masked in the snapshot.",)


@pytest.mark.parametrize("how", ["denied", "not asked"])
def test_what_a_step_goes_by_has_to_be_known(how: str, tmp_path: Path) -> None:
    """One policy of a user's is enough to fail; to take all of them away, all have to be known."""
    user = own_policies()
    if how == "denied":
        user |= {"UserPolicyList": None, "_gaps": {"UserPolicyList": "AccessDenied"}}
    details = ["AttachedManagedPolicies"] if how == "not asked" else ["AttachedManagedPolicies", "UserPolicyList"]
    snapshot(tmp_path, {"iam-user": [user]}, details={"iam-user": details})

    with pytest.raises(UsageError, match=r"the scan did not read UserPolicyList \(scan with --for-fixes\)"):
        steps(tmp_path, "iam-user-no-policies", settings={"group": "crew"})
    made = planned(tmp_path, "iam-user-no-policies").plan
    assert made.automatic == ()
    assert "no automatic step, for the scan did not read UserPolicyList" in made.notes[-1]


@pytest.mark.parametrize("name", list(declarations().fixes))
def test_a_row_of_which_nothing_is_known_stops_no_plan(name: str, tmp_path: Path) -> None:
    """Something comes out for a person to do, and no call that AWS would not take."""
    chosen = choose(ScanOptions(policies=(name,)))
    (policy,), (judged,) = chosen.policies, chosen.plans
    kind = catalog()[judged.table]
    tables = SnapshotTables(snapshot(tmp_path, {kind.name: []}))
    row = dict.fromkeys(collected_columns(kind, sorted(kind.details))) | {"_id": "x", "_gaps": {}}
    region = REGION if kind.regional else "global"
    planner = Planner(tables, {})

    planner.repair(Target(policy.name, ACCOUNT, region, "aws", kind.name, "x", "wrong", row), fix_of(name) or Fix(), DO)

    assert planner.steps


@pytest.mark.parametrize("how", ["denied", "not asked"])
def test_what_an_action_goes_by_has_to_be_known(how: str, tmp_path: Path) -> None:
    """A user whose keys could not be listed is not one without keys."""
    row: dict[str, Any] = {"UserName": "ann", "_gaps": {}}
    if how == "denied":
        row |= {"AccessKeys": None, "_gaps": {"AccessKeys": "AccessDenied"}}
    planner = Planner(SnapshotTables(snapshot(tmp_path, {"iam-user": []})), {})
    action = declarations().actions["iam-user"]["remove-keys"]
    asked = [Asked(action, {"disable": True})]

    plan_actions(planner, Target("p", ACCOUNT, "global", "aws", "iam-user", "ann", "", row, acting=True), asked, NOW)

    assert planner.steps == {}
    assert planner.notes == ["p, ann: no automatic step, for AccessKeys could not be read."]


# --- settings


def test_a_setting_is_a_decision_that_makes_a_step(tmp_path: Path) -> None:
    snapshot(tmp_path, {"iam-user": [own_policies()]})

    (undecided,) = steps(tmp_path, "iam-user-no-policies")
    decided = steps(tmp_path, "iam-user-no-policies", settings={"group": "crew"})

    assert undecided.manual is not None
    assert undecided.manual.commands[-1].endswith("--resource ann --set group=NAME")
    assert [step.act for step in decided] == ["iam/add-user-to-group", "iam/detach-user-policy"]
    assert "crew" in decided[0].breaks[0]


def test_a_setting_that_there_is_not_is_refused_with_the_nearest(tmp_path: Path) -> None:
    snapshot(tmp_path, {"ebs-snapshot": [public_snapshot()]})

    with pytest.raises(UsageError, match=r'no repair has a setting "trail-buket". Did you mean "trail-bucket"\?'):
        steps(tmp_path, PUBLIC, settings={"trail-buket": "logs"})


def test_a_setting_without_use_is_told(tmp_path: Path) -> None:
    snapshot(tmp_path, {"ebs-snapshot": [public_snapshot()]})

    made = planned(tmp_path, PUBLIC, settings={"runtime": "python3.13"}).plan

    assert made.notes == ("--set runtime changes nothing here: no finding of lambda-supported-runtime is planned.",)


@pytest.mark.parametrize(
    ("value", "why"), [("many", r"invalid type"), ("0", r"iam:UpdateAccountPasswordPolicy does not take this")]
)
def test_a_setting_that_makes_no_valid_call_is_refused(value: str, why: str, tmp_path: Path) -> None:
    weak = {"MinimumPasswordLength": 0, "RequireSymbols": False}
    snapshot(tmp_path, {"account": [{"_id": ACCOUNT, "PasswordPolicy": weak}]})

    with pytest.raises(UsageError, match=f"{why}.*Look at --set minimum-length={value}"):
        steps(tmp_path, "iam-password-policy-strong", settings={"minimum-length": value})


# --- which findings


@pytest.mark.parametrize(
    ("choice", "found"),
    [
        ({}, ["snap-1", "snap-2", "snap-3"]),
        ({"resources": ("snap-2",)}, ["snap-2"]),
        ({"resources": (f"arn:aws:ec2:{REGION}::snapshot/snap-1",)}, ["snap-1"]),
        ({"resources": ("snap-[12]",)}, ["snap-1", "snap-2"]),
        ({"regions": ("us-west-2",)}, ["snap-3"]),
        ({"accounts": ("444455556666",)}, ["snap-2"]),
        ({"accounts": (ACCOUNT,), "regions": (REGION,)}, ["snap-1"]),
    ],
)
def test_a_user_chooses_among_findings(choice: dict[str, Any], found: list[str], tmp_path: Path) -> None:
    rows = [
        public_snapshot("snap-1", _arn=f"arn:aws:ec2:{REGION}::snapshot/snap-1"),
        public_snapshot("snap-2", _account="444455556666", _owner="444455556666", OwnerId="444455556666"),
        public_snapshot("snap-3", _region="us-west-2"),
    ]
    snapshot(tmp_path, {"ebs-snapshot": rows})

    made = steps(tmp_path, PUBLIC, **choice)

    assert sorted(step.resource for step in made) == found


def test_a_finding_is_chosen_by_the_beginning_of_its_id(tmp_path: Path) -> None:
    snapshot(tmp_path, {"ebs-snapshot": [public_snapshot("snap-1"), public_snapshot("snap-2")]})
    wanted = steps(tmp_path, PUBLIC)[1].findings[0]

    (step,) = steps(tmp_path, PUBLIC, findings=(wanted[:8],))

    assert step.findings == (wanted,)


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"resources": ("snap-9",)}, '--resource "snap-9": the chosen policies judged no such thing.'),
        ({"findings": ("abc",)}, '--finding "abc": the chosen policies judged no such thing.'),
        ({"accounts": ("999999999999",)}, f"--account 999999999999: the snapshot is of {ACCOUNT}."),
        ({"regions": ("eu-west-2",)}, '--region eu-west-2: the snapshot does not have it. Did you mean "eu-west-1"?'),
    ],
)
def test_a_choice_of_what_there_is_not_is_refused(choice: dict[str, Any], said: str, tmp_path: Path) -> None:
    snapshot(tmp_path, {"ebs-snapshot": [public_snapshot()]})

    with pytest.raises(UsageError) as caught:
        steps(tmp_path, PUBLIC, **choice)
    assert said in str(caught.value)


def test_a_resource_that_passes_needs_nothing(tmp_path: Path) -> None:
    snapshot(tmp_path, {"ebs-snapshot": [public_snapshot(CreateVolumePermissions=[])]})

    assert steps(tmp_path, PUBLIC, resources=("snap-1",)) == []


def test_a_plan_says_that_its_snapshot_is_old_or_partial(tmp_path: Path) -> None:
    snapshot(tmp_path, {"ebs-snapshot": [public_snapshot()]}, restricted=True)
    options = PlanOptions(ScanOptions(policies=(PUBLIC,), lake=tmp_path))

    notes = plan(options, now=NOW + timedelta(days=3, hours=1)).plan.notes

    assert notes == (
        "The snapshot is 3 days old. A step whose resource changed since is refused when the plan is applied.",
        f"Only these Regions were scanned, so only they are planned: {REGION}.",
    )


# --- calls


def test_a_call_that_depends_on_an_earlier_step_is_made_later() -> None:
    args = {"trail": {"$from": "1", "path": "after.TrailARN"}, "account": ACCOUNT, "region": REGION}

    assert call_of(acts()["cloudtrail/start-trail"], args) == {}


def test_a_call_that_aws_would_not_take_is_refused() -> None:
    with pytest.raises(UnplannedError, match='Missing required parameter in input: "Name"'):
        call_of(acts()["cloudtrail/start-trail"], {"account": ACCOUNT, "region": REGION})


# --- what repairs read


def test_fixes_say_what_they_read_beside() -> None:
    """A default group's interfaces, and the details that a fix's own steps name."""
    needs = {need.type: need.details for need in needs_of_fixes({CLOSED: "security-group", "our-own": "ebs"})}
    assert {name: set(details) for name, details in needs.items()} == {"security-group": set(), "eni": set()}

    of_users = {need.type: need.details for need in needs_of_fixes({"iam-user-no-policies": "iam-user"})}
    assert {"AttachedManagedPolicies", "UserPolicyList"} <= of_users["iam-user"]


def test_for_fixes_asks_for_the_permissions_too() -> None:
    def actions(*, for_fixes: bool) -> set[str]:
        document = permissions(ScanOptions(policies=(CLOSED,), for_fixes=for_fixes))
        return set(document["Statement"][0]["Action"])

    assert actions(for_fixes=True) - actions(for_fixes=False) == {"ec2:DescribeNetworkInterfaces"}
