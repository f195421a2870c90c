"""Builders choose the acts that close a finding, and say what could break; rows and tables as a snapshot has them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from crenel.errors import UsageError
from crenel.remediate.builders import BUILDERS, Draft, Situation
from crenel.remediate.model import Manual

ACCOUNT = "111122223333"
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/k"
TRAIL = f"arn:aws:cloudtrail:eu-west-1:{ACCOUNT}:trail/audit"
SERVICE_ROLE = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig"


class Snapshot:
    """Tables by type; what is not there was not read."""

    def __init__(self, tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        self.tables = tables

    def rows(self, kind: str, columns: Sequence[str] = ()) -> Sequence[Mapping[str, Any]] | None:
        return self.tables.get(kind)


def built(
    name: str,
    row: Mapping[str, Any] | None = None,
    tables: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    region: str = "us-east-1",
    params: Mapping[str, Any] | None = None,
    **settings: str,
) -> tuple[Draft | Manual, ...]:
    """What a builder answers; settings with `_` for `-`."""
    situation = Situation(
        row=row or {},
        account=ACCOUNT,
        region=region,
        partition="aws",
        settings={word.replace("_", "-"): value for word, value in settings.items()},
        params=params or {},
        now=NOW,
        tables=Snapshot(tables or {}),
    )
    return BUILDERS[name].build(situation)


def acts(remedy: Sequence[Draft | Manual]) -> list[str]:
    return [one.act if isinstance(one, Draft) else "manual" for one in remedy]


def draft(remedy: Sequence[Draft | Manual], at: int = 0) -> Draft:
    found = remedy[at]
    assert isinstance(found, Draft)
    return found


def manual(remedy: Sequence[Draft | Manual], at: int = 0) -> Manual:
    found = remedy[at]
    assert isinstance(found, Manual)
    return found


# --- identity

ADMIN = {
    "PolicyName": "everything",
    "Arn": f"arn:aws:iam::{ACCOUNT}:policy/everything",
    "AttachmentCount": 2,
    "DefaultVersionId": "v2",
    "PolicyVersionList": [{"VersionId": "v2", "IsDefaultVersion": True, "Document": {}, "CreateDate": "2026-01-01"}],
}


def held(name: str) -> dict[str, Any]:
    attached = [{"PolicyName": "everything", "PolicyArn": ADMIN["Arn"]}]
    return {"_id": name, "_arn": f"arn:aws:iam::{ACCOUNT}:x/{name}", "AttachedManagedPolicies": attached}


HOLDERS = {"iam-user": [held("ann")], "iam-role": [held("ship")], "iam-group": [{"_id": "crew"}]}


def test_what_a_narrower_policy_is_nobody_but_the_user_can_say() -> None:
    assert built("full-admin", ADMIN, HOLDERS) == ()


def test_a_policy_gets_the_version_that_the_user_gives_and_its_holders_are_named() -> None:
    document = {"Version": "2012-10-17", "Statement": []}
    made = draft(built("full-admin", ADMIN, HOLDERS, policy_document=json.dumps(document)))
    assert (made.act, made.args["document"]) == ("iam/narrow-policy", document)
    assert made.seen == [{"VersionId": "v2", "IsDefaultVersion": True, "Document": {}}]
    assert made.breaks == ("user ann, role ship can do no more than it says.",)


@pytest.mark.parametrize("text", ["{", "[]", "{}"])
def test_what_is_no_policy_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="policy-document"):
        built("full-admin", ADMIN, HOLDERS, policy_document=text)


def test_a_policy_is_detached_from_all_who_have_it() -> None:
    made = built("full-admin", ADMIN, HOLDERS, detach="yes")
    assert acts(made) == ["iam/detach-user-policy", "iam/detach-role-policy"]
    assert draft(made).args == {"user": "ann", "arn": f"arn:aws:iam::{ACCOUNT}:x/ann", "policy": ADMIN["Arn"]}
    assert draft(made).unknown == ()


def test_holders_of_a_type_that_was_not_read_are_not_taken_for_none() -> None:
    made = draft(built("full-admin", ADMIN, {"iam-user": [held("ann")], "iam-group": []}, detach="yes"))
    assert made.unknown == ("Which roles have the policy: aws.iam-role was not read (scan with --for-fixes).",)


def test_an_attachment_that_the_tables_do_not_show_is_told() -> None:
    made = draft(built("full-admin", {**ADMIN, "AttachmentCount": 3}, HOLDERS, detach="yes"))
    assert made.unknown == ("AWS counts 3 attachments, the scan found 2.",)


def key(created: str, status: str = "Active", used: str | None = None) -> dict[str, Any]:
    return {"AccessKeyId": f"AKIA{created}", "Status": status, "CreateDate": created, "LastUsedDate": used,
            "LastActivityDate": used or created}  # fmt: skip


def user(*keys: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"UserName": "bot", "Arn": "arn:bot", "AccessKeys": keys and list(keys), "AccessKeyUse": list(keys), **more}


def test_only_active_keys_past_their_age_are_deactivated() -> None:
    # The 27th of August is 90 days before, the day before it 91.
    row = user(key("2026-08-26"), key("2026-08-27 12:00:00"), key("2020-01-01", "Inactive"))
    made = built("stale-keys", row)
    assert [draft(made, at).args["key"] for at in range(len(made))] == ["AKIA2026-08-26"]


def test_the_age_is_the_policys_own() -> None:
    assert acts(built("stale-keys", user(key("2026-10-01")), params={"max_age_days": 30})) == [
        "iam/deactivate-access-key"
    ]


def test_a_key_in_use_is_left_unless_the_user_says_so() -> None:
    row = user(key("2020-01-01", used="2026-11-24 10:00:00"))
    assert "is in use: last a day ago" in manual(built("stale-keys", row)).steps[0]
    made = draft(built("stale-keys", row, deactivate_used_keys="yes"))
    assert made.breaks == ("It was last used a day ago: what uses it stops working.",)


def test_a_key_whose_use_was_not_read_is_told_so() -> None:
    made = draft(built("stale-keys", {**user(key("2020-01-01")), "AccessKeyUse": None}))
    assert made.unknown == ("When AKIA2020-01-01 was last used: aws.iam-user was not read (scan with --for-fixes).",)


def test_an_unused_password_is_cut_off_and_its_deletion_is_left_to_people() -> None:
    row = user(Password={"Enabled": True, "LastActivity": "2026-01-01 00:00:00"})
    made = built("unused-credentials", row)
    assert acts(made) == ["iam/put-user-policy", "manual"]
    statement = draft(made).args["document"]["Statement"][0]
    assert statement["Condition"]["Null"] == {"aws:MultiFactorAuthPresent": "false"}


def test_an_unused_password_is_deleted_where_the_user_says_so() -> None:
    row = user(Password={"Enabled": True, "LastActivity": "2026-01-01 00:00:00"})
    assert acts(built("unused-credentials", row, delete_passwords="yes")) == ["iam/delete-login-profile"]


def test_a_used_password_and_an_unused_key_are_told_apart() -> None:
    row = user(key("2026-01-01"), Password={"Enabled": True, "LastActivity": "2026-11-01 00:00:00"})
    assert acts(built("unused-credentials", row)) == ["iam/deactivate-access-key"]


# --- storage


def test_buckets_that_stop_being_public_are_named() -> None:
    everyone = {"Grants": [{"Grantee": {"URI": "http://acs.amazonaws.com/groups/global/AllUsers"}}]}
    buckets: list[dict[str, Any]] = [
        {"_id": "site", "PolicyStatus": {"IsPublic": True}, "Acl": {}},
        {"_id": "old", "PolicyStatus": None, "Acl": everyone},
        {"_id": "mine", "PolicyStatus": None, "Acl": {"Grants": []}},
        {"_id": "denied", "PolicyStatus": None, "Acl": {}, "_gaps": {"PolicyStatus": "denied"}},
    ]
    made = draft(built("account-block", {"PublicAccessBlock": None}, {"s3": buckets}))
    assert made.breaks == ("Public today, and not from then on: site, old.",)
    assert made.unknown == ("Whether these buckets are public could not be read: denied.",)
    assert [change[1] for change in made.changes] == ["not set"] * 4


def test_an_account_whose_buckets_were_not_read_is_told_so() -> None:
    assert "aws.s3 was not read" in draft(built("account-block", {})).unknown[0]


def test_a_buckets_own_block_changes_the_flags_that_are_off() -> None:
    flags = {
        "BlockPublicAcls": True,
        "IgnorePublicAcls": True,
        "BlockPublicPolicy": False,
        "RestrictPublicBuckets": True,
    }
    row = {"Name": "b", "PublicAccessBlock": flags, "PolicyStatus": {"IsPublic": True}, "Acl": {}}
    made = draft(built("bucket-block", row))
    assert made.changes == (("BlockPublicPolicy", "off", "on"),)
    assert made.breaks == ("The bucket b is public today, and not from then on.",)
    assert made.seen == flags


# --- trails


def trail(**more: Any) -> dict[str, Any]:
    status = {"IsLogging": True, "LatestDeliveryError": None}
    return {"TrailARN": TRAIL, "HomeRegion": "eu-west-1", "_region": "eu-west-1", "IsMultiRegionTrail": True,
            "IncludeGlobalServiceEvents": True, "Status": status, "Selectors": None, **more}  # fmt: skip


def test_without_a_trail_one_is_made_in_the_bucket_that_the_user_names() -> None:
    assert built("multi-region-trail", {}, {"cloudtrail": []}) == ()
    made = built("multi-region-trail", {}, {"cloudtrail": []}, region="global", trail_bucket="logs")
    assert acts(made) == ["cloudtrail/create-trail", "cloudtrail/start-trail"]
    assert {draft(made, at).region for at in range(2)} == {"us-east-1"}


def test_an_organizations_trail_is_not_the_members_to_change() -> None:
    foreign = trail(TrailARN=TRAIL.replace(ACCOUNT, "999999999999"), IsMultiRegionTrail=False)
    assert built("multi-region-trail", {}, {"cloudtrail": [foreign]}) == ()


def test_the_trail_that_lacks_least_is_widened_at_its_home_and_its_shadows_are_not() -> None:
    stopped = {"IsLogging": False}
    other = trail(TrailARN=f"{TRAIL}-2", IsMultiRegionTrail=False, Status=stopped)
    shadow = trail(_region="us-east-1", Status=None)
    made = built("multi-region-trail", {}, {"cloudtrail": [shadow, other, trail(Status=stopped)]})
    assert acts(made) == ["cloudtrail/start-trail"]
    assert (draft(made).args["trail"], draft(made).region) == (TRAIL, "eu-west-1")


def test_a_trail_that_cannot_deliver_is_for_people() -> None:
    failing = trail(Status={"IsLogging": True, "LatestDeliveryError": "NoSuchBucket"})
    assert "NoSuchBucket" in manual(built("multi-region-trail", {}, {"cloudtrail": [failing]})).steps[0]


def test_selectors_keep_their_data_events_and_get_all_management_events() -> None:
    data = {"DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3"]}]}
    basic = [{"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True,
              "ExcludeManagementEventSources": ["kms.amazonaws.com"], **data}]  # fmt: skip
    made = draft(built("multi-region-trail", {}, {"cloudtrail": [trail(Selectors={"EventSelectors": basic})]}))
    want = {"ReadWriteType": "All", "IncludeManagementEvents": True, "ExcludeManagementEventSources": [], **data}
    assert made.args == {"trail": TRAIL, "selectors": [want]}


def test_an_advanced_selector_of_one_side_gives_way_to_one_of_all_management_events() -> None:
    management = {"Field": "eventCategory", "Equals": ["Management"]}
    reads = {"Name": "reads", "FieldSelectors": [management, {"Field": "readOnly", "Equals": ["true"]}]}
    objects = {"Name": "objects", "FieldSelectors": [{"Field": "eventCategory", "Equals": ["Data"]}]}
    row = trail(Selectors={"AdvancedEventSelectors": [reads, objects]})
    made = draft(built("multi-region-trail", {}, {"cloudtrail": [row]}))
    assert made.args["advanced"] == [objects, {"Name": "Management events", "FieldSelectors": [management]}]


def test_a_trails_key_is_looked_at_before() -> None:
    policy = json.dumps({"Statement": [{"Principal": {"Service": "cloudtrail.amazonaws.com"}}]})
    good = {"_arn": KEY, "KeyState": "Enabled", "Policy": policy}
    want = "Who reads the logs needs kms:Decrypt with the key from then on."
    assert draft(built("trail-key", trail(), {"kms-key": [good]}, kms_key=KEY)).breaks == (want,)
    bad = {**good, "KeyState": "Disabled", "Policy": "{}"}
    made = draft(built("trail-key", trail(), {"kms-key": [bad]}, kms_key=KEY))
    assert made.breaks[1].startswith("The key is Disabled")
    assert "does not name cloudtrail.amazonaws.com" in made.breaks[2]
    assert "was not read" in draft(built("trail-key", trail(), kms_key=KEY)).unknown[0]


def test_a_key_is_named_by_its_arn() -> None:
    with pytest.raises(UsageError, match="ARN of a key"):
        built("trail-key", trail(), kms_key="alias/audit")


# --- recorders


def recorder(region: str = "us-east-1", **more: Any) -> dict[str, Any]:
    return {
        "_region": region, "name": "mine", "roleARN": SERVICE_ROLE, "recordingScope": "PAID",
        "recordingGroup": {"allSupported": True, "includeGlobalResourceTypes": False},
        "status": {"recording": True, "lastStatus": "SUCCESS"},
        "deliveryChannel": {"name": "c", "s3BucketName": "logs"}, **more,
    }  # fmt: skip


ROLE = {"iam-role": [{"_id": "AWSServiceRoleForConfig"}]}


def test_a_region_without_recorder_delivers_where_the_others_do() -> None:
    made = built("config-recorder", {}, {"config-recorder": [recorder("eu-west-1")], **ROLE}, region="us-east-2")
    assert acts(made) == ["config/put-recorder", "config/put-delivery-channel", "config/start-recorder"]
    assert draft(made, 1).args == {"name": "default", "bucket": "logs"}
    assert draft(made).args["group"] == {"allSupported": True, "includeGlobalResourceTypes": False}


def test_global_types_are_recorded_in_one_region() -> None:
    made = built("config-recorder", {}, {"config-recorder": [], **ROLE}, config_bucket="logs")
    assert draft(made).args["group"]["includeGlobalResourceTypes"] is True


def test_without_a_bucket_a_recorder_is_for_people() -> None:
    assert built("config-recorder", {}, {"config-recorder": [], **ROLE}) == ()


def test_the_service_role_is_made_first_where_it_is_missing() -> None:
    made = built("config-recorder", {}, {"config-recorder": [], "iam-role": []}, config_bucket="logs")
    assert acts(made)[:2] == ["config/create-service-role", "config/put-recorder"]


def test_another_role_is_replaced_and_what_is_recorded_stays() -> None:
    group = {"allSupported": False, "resourceTypes": ["AWS::EC2::Instance"]}
    row = recorder(roleARN="arn:aws:iam::111122223333:role/mine", recordingGroup=group)
    made = built("config-recorder", {}, {"config-recorder": [row], **ROLE})
    assert acts(made) == ["config/put-recorder"]
    assert draft(made).args == {"name": "mine", "role": SERVICE_ROLE, "group": group}


def test_by_cis_everything_is_recorded_and_any_role_will_do() -> None:
    row = recorder(roleARN="arn:mine", recordingGroup={"allSupported": False})
    params = {"service_role": False, "everything": True}
    made = draft(built("config-recorder", {}, {"config-recorder": [row], **ROLE}, params=params))
    assert (made.args["role"], made.args["group"]["allSupported"]) == ("arn:mine", True)


def test_a_recorder_that_fails_is_for_people() -> None:
    row = recorder(status={"recording": True, "lastStatus": "FAILURE", "lastErrorCode": "NoSuchBucket"})
    assert "NoSuchBucket" in manual(built("config-recorder", {}, {"config-recorder": [row], **ROLE})).steps[0]


def test_a_recorder_that_a_service_linked_to_itself_is_not_touched() -> None:
    own = recorder(recordingScope="INTERNAL", status={"recording": False})
    assert built("config-recorder", {}, {"config-recorder": [own], **ROLE}) == ()


def test_a_suspended_detector_is_enabled_and_a_missing_one_created() -> None:
    there = [{"_region": "us-east-1", "_id": "d", "Status": "DISABLED"}]
    made = draft(built("detector", {}, {"guardduty-detector": there}))
    assert (made.act, made.args, made.seen) == ("guardduty/enable-detector", {"detector": "d"}, "DISABLED")
    assert acts(built("detector", {}, {"guardduty-detector": there}, region="eu-west-1")) == [
        "guardduty/create-detector"
    ]
    assert built("detector", {}) == ()


# --- networks

GROUP = {
    "GroupId": "sg-1",
    "IpPermissions": [
        {"IpProtocol": "-1", "FromPort": None, "IpRanges": [], "PrefixListIds": None,
         "UserIdGroupPairs": [{"GroupId": "sg-1", "UserId": ACCOUNT, "PeeringStatus": None, "Description": "self"}]},
    ],
    "IpPermissionsEgress": [],
}  # fmt: skip


def test_an_unused_default_group_loses_its_rules_named_by_what_names_them() -> None:
    made = built("default-group", GROUP, {"eni": [{"_id": "eni-1", "Groups": [{"GroupId": "sg-2"}]}]})
    assert acts(made) == ["ec2/close-group-inbound"]
    rule = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": "sg-1", "UserId": ACCOUNT}]}
    assert draft(made).args == {"group": "sg-1", "permissions": [rule]}


def test_a_default_group_in_use_is_left_unless_the_user_says_so() -> None:
    eni = {"eni": [{"_id": "eni-1", "Description": "db", "Groups": [{"GroupId": "sg-1"}]}]}
    assert (
        manual(built("default-group", GROUP, eni))
        .steps[0]
        .startswith("1 network interface uses the group: eni-1 (db).")
    )
    made = draft(built("default-group", GROUP, eni, close_used_groups="yes"))
    assert made.breaks[0].startswith("1 network interface uses the group")


def test_a_group_whose_interfaces_were_not_read_is_told_so() -> None:
    assert "aws.eni was not read" in draft(built("default-group", GROUP)).unknown[0]


def test_a_flow_log_goes_where_the_user_says() -> None:
    vpc = {"VpcId": "vpc-1"}
    there = {"flow-log": [{"ResourceId": "vpc-1", "FlowLogId": "fl-1", "TrafficType": "ACCEPT"}, {"ResourceId": "x"}]}
    assert built("flow-log", vpc, there) == ()
    made = draft(built("flow-log", vpc, there, flow_log_bucket="logs"))
    assert made.args == {"vpc": "vpc-1", "traffic": "REJECT", "destination": "arn:aws:s3:::logs"}
    assert [one["FlowLogId"] for one in made.seen] == ["fl-1"]
    made = draft(built("flow-log", vpc, there, flow_log_group="g", flow_log_role="arn:r", traffic="ALL"))
    assert made.args == {"vpc": "vpc-1", "traffic": "ALL", "group": "g", "role": "arn:r"}


@pytest.mark.parametrize("settings", [{"traffic": "ACCEPT"}, {"flow_log_group": "g"}])
def test_a_flow_log_that_would_not_do_is_refused(settings: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        built("flow-log", {"VpcId": "vpc-1"}, {"flow-log": []}, "us-east-1", {}, **settings)


# --- functions


@pytest.mark.parametrize(
    ("now", "wanted", "moved"),
    [
        ("python3.8", "python3.13", True),
        ("python3.9", "python3.10", True),
        ("python3.13", "python3.8", False),
        ("nodejs18.x", "nodejs22.x", True),
        ("nodejs18.x", "python3.13", False),
        ("java8.al2", "java21", True),
        ("provided.al2", "provided.al2023", False),
    ],
)
def test_a_function_moves_up_within_its_language_after_a_version_is_published(
    now: str, wanted: str, moved: bool
) -> None:
    row = {"FunctionName": "f", "Runtime": now, "CodeSha256": "s"}
    want = ["lambda/publish-version", "lambda/set-runtime"] if moved else []
    assert acts(built("runtime", row, runtime=wanted)) == want
