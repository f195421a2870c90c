"""Trails: one for all Regions and all management events, and the key that encrypts its logs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from crenel.collect.session import home_region
from crenel.errors import UsageError
from crenel.remediate.builders.model import Builder, Draft, Remedy, Row, Situation, plain, unread
from crenel.remediate.model import Manual

_KEY_ARN = re.compile(r"arn:[^:]+:kms:[^:]+:\d{12}:key/.+")
_SECOND_COPY = "The first copy of management events is free; if another trail logs them too, 2 USD for 100,000 events."
_WHOLE = {"ReadWriteType": "All", "IncludeManagementEvents": True, "ExcludeManagementEventSources": []}
_MANAGEMENT = {"Name": "Management events", "FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]}


def multi_region_trail(situation: Situation) -> Remedy:
    """Widen the account's best trail, or create one in the bucket that the user names."""
    rows = situation.tables.rows("cloudtrail", ("Status", "Selectors"))
    if rows is None:
        return ()
    own = _own(situation, rows)
    if own:
        return tuple(_widened(max(own, key=_worth)))
    bucket = situation.settings.get("trail-bucket")
    return _created(situation, bucket) if bucket else ()


def _own(situation: Situation, rows: Sequence[Row]) -> list[Row]:
    """Return the account's own trails, each once: a multi-Region one has a shadow in every Region."""
    found: dict[str, Row] = {}
    for row in rows:
        arn = str(row["TrailARN"])
        if arn.split(":")[4] == situation.account and (arn not in found or row.get("_region") == row.get("HomeRegion")):
            found[arn] = row
    return [found[arn] for arn in sorted(found)]


def _worth(trail: Row) -> tuple[bool, bool, bool, bool]:
    """How little is to be changed on a trail."""
    status = trail.get("Status") or {}
    return (
        not status.get("LatestDeliveryError"),
        bool(trail.get("IsMultiRegionTrail")),
        _chosen(trail) is None,
        bool(status.get("IsLogging")),
    )


def _widened(trail: Row) -> list[Draft | Manual]:
    arn, region = str(trail["TrailARN"]), str(trail.get("HomeRegion") or trail["_region"])
    status = trail.get("Status") or {}
    if status.get("LatestDeliveryError"):
        return [_undelivered(arn, region, str(status["LatestDeliveryError"]))]
    made: list[Draft | Manual] = []
    if not trail.get("IsMultiRegionTrail"):
        flags = {name: bool(trail.get(name)) for name in ("IsMultiRegionTrail", "IncludeGlobalServiceEvents")}
        changes = (("Regions logged", region, "all"),)
        made.append(
            Draft(
                "cloudtrail/make-trail-multi-region", {"trail": arn}, flags, changes, region=region, cost=_SECOND_COPY
            )
        )
    chosen = _chosen(trail)
    if chosen is not None:
        selectors = trail.get("Selectors") or {}
        seen = {name: selectors.get(name) for name in ("EventSelectors", "AdvancedEventSelectors")}
        changes = (("management events logged", "some", "all, read and write"),)
        args = {"trail": arn, **chosen}
        made.append(Draft("cloudtrail/select-events", args, seen, changes, region=region, cost=_SECOND_COPY))
    if not status.get("IsLogging"):
        changes = (("logging", "stopped", "on"),)
        made.append(
            Draft(
                "cloudtrail/start-trail", {"trail": arn}, seen=False, changes=changes, region=region, cost=_SECOND_COPY
            )
        )
    return made


def _undelivered(arn: str, region: str, error: str) -> Manual:
    return Manual(
        steps=(
            f"The trail {arn} can't deliver its logs: {error}. Put right what it names.",
            "Read the error again some minutes later.",
        ),
        commands=(f"aws cloudtrail get-trail-status --name {arn} --region {region} --query LatestDeliveryError",),
    )


def _chosen(trail: Row) -> Mapping[str, Any] | None:
    """Return the selectors with which the trail logs all management events beside what it logs; None where it does."""
    selectors = trail.get("Selectors") or {}
    basic, advanced = selectors.get("EventSelectors") or [], selectors.get("AdvancedEventSelectors") or []
    if advanced:
        if any(_whole_category(one) for one in advanced):
            return None
        others = [plain(one) for one in advanced if not _of_management(one)]
        return {"advanced": [*others, _MANAGEMENT]}
    if not basic or any(_takes_all(one) for one in basic):
        return None
    first, *others = basic
    return {"selectors": [{**plain(first), **_WHOLE}, *map(plain, others)]}


def _takes_all(selector: Row) -> bool:
    """Whether a selector takes all management events: what AWS leaves out is its default, which does."""
    return (
        selector.get("ReadWriteType") in (None, "All")
        and selector.get("IncludeManagementEvents") in (None, True)
        and not selector.get("ExcludeManagementEventSources")
    )


def _of_management(selector: Row) -> bool:
    fields = selector.get("FieldSelectors") or []
    return any(one.get("Field") == "eventCategory" and "Management" in (one.get("Equals") or []) for one in fields)


def _whole_category(selector: Row) -> bool:
    return _of_management(selector) and len(selector.get("FieldSelectors") or []) == 1


def _created(situation: Situation, bucket: str) -> Remedy:
    region = home_region(situation.partition)
    name = situation.settings.get("trail-name") or "management-events"
    arn = f"arn:{situation.partition}:cloudtrail:{region}:{situation.account}:trail/{name}"
    args = {"name": name, "bucket": bucket}
    if situation.settings.get("trail-key"):
        args["key"] = _key_arn(situation.settings["trail-key"], "trail-key")
    changes = ((f"trail {name}", "-", f"all Regions, to the bucket {bucket}"),)
    breaks = (f"CloudTrail refuses it where the policy of {bucket} does not let it write.",)
    return (
        Draft("cloudtrail/create-trail", args, None, changes, region=region, breaks=breaks, cost=_SECOND_COPY),
        Draft("cloudtrail/start-trail", {"trail": arn}, seen=False, changes=(("logging", "-", "on"),), region=region),
    )


def trail_key(situation: Situation) -> Remedy:
    """Give a trail the key that the user names, looked at before."""
    key = situation.settings.get("kms-key")
    if not key:
        return ()
    arn = _key_arn(key, "kms-key")
    row = situation.row
    breaks, unknown = _doubts(situation, arn)
    return (
        Draft(
            act="cloudtrail/encrypt-trail",
            args={"trail": row["TrailARN"], "key": arn},
            seen=row.get("KmsKeyId") or None,
            changes=(("KMS key", row.get("KmsKeyId") or "none", arn),),
            region=str(row.get("HomeRegion") or ""),
            breaks=("Who reads the logs needs kms:Decrypt with the key from then on.", *breaks),
            unknown=unknown,
            cost="1 USD a month for a key, and its use.",
        ),
    )


def _doubts(situation: Situation, arn: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what speaks against the key, and what of it could not be looked at."""
    keys = situation.tables.rows("kms-key", ("KeyMetadata", "Policy"))
    if keys is None:
        return (), (unread("kms-key", "The key's state and policy"),)
    key = next((one for one in keys if one.get("_arn") == arn), None)
    if key is None:
        return (), ("The key's state and policy: the scan found no such key in this account.",)
    found: list[str] = []
    if key.get("KeyState") not in (None, "Enabled"):
        found.append(f"The key is {key['KeyState']}: CloudTrail can't deliver with it.")
    if "Policy" not in key or "Policy" in (key.get("_gaps") or {}):
        return tuple(found), ("The key's policy could not be read.",)
    policy = key["Policy"] if isinstance(key["Policy"], str) else json.dumps(key["Policy"])
    if "cloudtrail.amazonaws.com" not in policy:
        found.append(
            "The key's policy does not name cloudtrail.amazonaws.com: CloudTrail will refuse it, or not deliver."
        )
    return tuple(found), ()


def _key_arn(text: str, name: str) -> str:
    if not _KEY_ARN.fullmatch(text):
        raise UsageError(
            f"--set {name}={text}: this takes the ARN of a key.",
            suggestion="arn:aws:kms:REGION:ACCOUNT:key/ID; `aws kms describe-key --key-id alias/NAME` shows it.",
        )
    return text


BUILDERS = {
    "multi-region-trail": Builder(multi_region_trail, {"cloudtrail": ("Status", "Selectors")}),
    "trail-key": Builder(trail_key, {"kms-key": ("KeyMetadata", "Policy")}),
}
