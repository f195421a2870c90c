"""What watches the account: CloudTrail, AWS Config and GuardDuty."""

from __future__ import annotations

from benchmarks.endpoint.account import ACCOUNT_ID, Account, row_of_name, uuid
from benchmarks.endpoint.answers.paging import Handler, nothing
from benchmarks.endpoint.wire import Call, Document, Refusal

_SERVICE_ROLES = f"arn:aws:iam::{ACCOUNT_ID}:role/aws-service-role"

# ---------------------------------------------------------------- CloudTrail


def is_multi_region(trail: int) -> bool:
    """Whether a trail records in all Regions: every other one."""
    return trail % 2 == 0


def is_logging(trail: int) -> bool:
    """Whether a trail is switched on: four in five."""
    return trail % 5 != 4


def _trail(account: Account, row: int) -> Document:
    region, name = account.region_of(row), f"trail-{row:07d}"
    key = {"KmsKeyId": f"arn:aws:kms:{region}:{ACCOUNT_ID}:key/{uuid(row)}"} if row % 3 == 0 else {}
    return {
        "Name": name,
        "S3BucketName": f"trails-{ACCOUNT_ID}",
        "IncludeGlobalServiceEvents": True,
        "IsMultiRegionTrail": is_multi_region(row),
        "HomeRegion": region,
        "TrailARN": f"arn:aws:cloudtrail:{region}:{ACCOUNT_ID}:trail/{name}",
        "LogFileValidationEnabled": row % 2 == 0,
        "HasCustomEventSelectors": False,
        "HasInsightSelectors": False,
        "IsOrganizationTrail": False,
        **key,
    }


def _visible(account: Account, call: Call, *, shadows: bool = True) -> list[int]:
    """The trails that a Region shows: its own, and the shadows of the others' multi-Region trails."""
    return [
        row
        for row in range(account.sizes.trails)
        if account.region_of(row) == call.region or (shadows and is_multi_region(row))
    ]


def describe_trails(account: Account, call: Call) -> Document:
    """List a Region's trails, shadow copies included unless the client doesn't want them."""
    shadows = call.params.get("includeShadowTrails", True) is not False
    found = [_trail(account, row) for row in _visible(account, call, shadows=shadows)]
    names = call.texts("trailNameList")
    if names:
        found = [trail for trail in found if trail["Name"] in names or trail["TrailARN"] in names]
    return {"trailList": found}


def list_trails(account: Account, call: Call) -> Document:
    """List the trails of all Regions by name."""
    found = [_trail(account, row) for row in _visible(account, call)]
    return {"Trails": [{name: trail[name] for name in ("TrailARN", "Name", "HomeRegion")} for trail in found]}


def _existing_trail(account: Account, call: Call, parameter: str) -> int:
    row = row_of_name(call.text(parameter))
    if row not in _visible(account, call):
        raise Refusal("TrailNotFoundException", f"Unknown trail: {call.text(parameter)}")
    return row


def get_trail(account: Account, call: Call) -> Document:
    """Describe one trail."""
    return {"Trail": _trail(account, _existing_trail(account, call, "Name"))}


def get_trail_status(account: Account, call: Call) -> Document:
    """Say whether a trail is switched on."""
    row = _existing_trail(account, call, "Name")
    started = {"StartLoggingTime": account.ago(300), "LatestDeliveryTime": account.ago(0)}
    return {"IsLogging": is_logging(row), **started}


def get_event_selectors(account: Account, call: Call) -> Document:
    """Say what a trail records: all management events."""
    trail = _trail(account, _existing_trail(account, call, "TrailName"))
    selector = {"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": []}
    return {"TrailARN": trail["TrailARN"], "EventSelectors": [selector]}


def get_insight_selectors(_account: Account, _call: Call) -> Document:
    """Say that no trail has insights."""
    raise Refusal("InsightNotEnabledException", "Insights are not enabled")


def list_trail_tags(_account: Account, call: Call) -> Document:
    """List no tags for each trail asked for."""
    return {"ResourceTagList": [{"ResourceId": arn, "TagsList": []} for arn in call.texts("ResourceIdList")]}


# ---------------------------------------------------------------- AWS Config


def has_recorder(account: Account, region: str) -> bool:
    """Whether AWS Config is set up in a Region."""
    return account.number(region) < account.sizes.recorders


def is_recording(account: Account, region: str) -> bool:
    """Whether a Region's recorder runs: four in five."""
    return account.number(region) % 5 != 4


def describe_recorders(account: Account, call: Call) -> Document:
    """List a Region's recorder; the first Region's records the global types too."""
    group = {"allSupported": True, "includeGlobalResourceTypes": account.number(call.region) == 0, "resourceTypes": []}
    recorder = {
        "name": "default",
        "arn": f"arn:aws:config:{call.region}:{ACCOUNT_ID}:configuration-recorder/default/abcdefgh",
        "roleARN": f"{_SERVICE_ROLES}/config.amazonaws.com/AWSServiceRoleForConfig",
        "recordingGroup": group,
    }
    return {"ConfigurationRecorders": [recorder] if has_recorder(account, call.region) else []}


def describe_recorder_status(account: Account, call: Call) -> Document:
    """Say whether a Region's recorder runs."""
    status = {
        "name": "default",
        "recording": is_recording(account, call.region),
        "lastStatus": "SUCCESS",
        "lastStartTime": account.ago(300),
    }
    return {"ConfigurationRecordersStatus": [status] if has_recorder(account, call.region) else []}


def describe_delivery_channels(account: Account, call: Call) -> Document:
    """List a Region's delivery channel."""
    channel = {"name": "default", "s3BucketName": f"config-{ACCOUNT_ID}"}
    return {"DeliveryChannels": [channel] if has_recorder(account, call.region) else []}


# ---------------------------------------------------------------- GuardDuty


def has_detector(account: Account, region: str) -> bool:
    """Whether GuardDuty was set up in a Region."""
    return account.number(region) < account.sizes.detectors


def _detector_id(account: Account, region: str) -> str:
    return f"{account.number(region):032x}"


def list_detectors(account: Account, call: Call) -> Document:
    """List a Region's detector."""
    there = has_detector(account, call.region)
    return {"DetectorIds": [_detector_id(account, call.region)] if there else []}


def get_detector(account: Account, call: Call) -> Document:
    """Describe a Region's detector; one in six is suspended."""
    if not has_detector(account, call.region) or call.text("DetectorId") != _detector_id(account, call.region):
        raise Refusal(
            "BadRequestException", "The request is rejected because the input detectorId is not owned by you."
        )
    suspended = account.number(call.region) % 6 == 5
    return {
        "CreatedAt": account.ago(300).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "FindingPublishingFrequency": "SIX_HOURS",
        "ServiceRole": f"{_SERVICE_ROLES}/guardduty.amazonaws.com/AWSServiceRoleForAmazonGuardDuty",
        "Status": "DISABLED" if suspended else "ENABLED",
        "UpdatedAt": account.ago(30).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "Tags": {},
    }


def _no_organization(_account: Account, _call: Call) -> Document:
    message = "The request failed because the account is not the GuardDuty delegated administrator account."
    raise Refusal("BadRequestException", message)


ANSWERS: dict[str, Handler] = {
    "cloudtrail:DescribeTrails": describe_trails,
    "cloudtrail:ListTrails": list_trails,
    "cloudtrail:GetTrail": get_trail,
    "cloudtrail:GetTrailStatus": get_trail_status,
    "cloudtrail:GetEventSelectors": get_event_selectors,
    "cloudtrail:GetInsightSelectors": get_insight_selectors,
    "cloudtrail:ListTags": list_trail_tags,
    "cloudtrail:LookupEvents": nothing,
    "config:DescribeConfigurationRecorders": describe_recorders,
    "config:DescribeConfigurationRecorderStatus": describe_recorder_status,
    "config:DescribeDeliveryChannels": describe_delivery_channels,
    "config:DescribeConfigurationAggregators": nothing,
    "guardduty:ListDetectors": list_detectors,
    "guardduty:GetDetector": get_detector,
    "guardduty:ListFindings": nothing,
    "guardduty:ListMembers": nothing,
    "guardduty:ListOrganizationAdminAccounts": nothing,
    "guardduty:DescribeOrganizationConfiguration": _no_organization,
    "guardduty:GetAdministratorAccount": lambda _account, _call: {},
    "guardduty:ListTagsForResource": lambda _account, _call: {"Tags": {}},
}
