"""What records and watches a Region: AWS Config's recorder, GuardDuty's detector."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from crenel.collect.session import home_region
from crenel.remediate.builders.model import Builder, Draft, Remedy, Row, Situation, plain, unread
from crenel.remediate.model import Manual

_ROLE = "AWSServiceRoleForConfig"
_COST = "0.003 USD for each configuration item that AWS Config records."
_COLUMNS = ("status", "deliveryChannel")
_SAME = ("name", "roleARN", "recordingGroup", "recordingMode")


def config_recorder(situation: Situation) -> Remedy:
    """Set up what a Region lacks of a recorder for all types, its channel and its start."""
    rows = situation.tables.rows("config-recorder", _COLUMNS)
    if rows is None:
        return ()
    # A recorder that a service linked to itself is its own, and nobody else's to change.
    recorders = [row for row in rows if row.get("recordingScope") != "INTERNAL"]
    here = [row for row in recorders if row.get("_region") == situation.region]
    return tuple(_Region(situation, recorders, here[0] if here else {}).repaired())


@dataclass(frozen=True, slots=True)
class _Region:
    situation: Situation
    all: Sequence[Row]
    recorder: Row

    def repaired(self) -> list[Draft | Manual]:
        """Return the acts in their order; nothing where the bucket of a channel is not known."""
        status = self.recorder.get("status") or {}
        channel = self.recorder.get("deliveryChannel") or {}
        topic = self.situation.settings.get("config-topic") or ""
        lacks_topic = bool(self.situation.params.get("topic")) and not channel.get("snsTopicARN")
        bucket = channel.get("s3BucketName") or self._bucket()
        if not bucket or (lacks_topic and not topic):
            return []
        if status.get("recording") and "fail" in str(status.get("lastStatus") or "").lower():
            return [self._failing(status)]
        name = str(self.recorder.get("name") or "default")
        made: list[Draft | Manual] = self._role_and_recorder(name)
        if not channel.get("s3BucketName") or lacks_topic:
            made.append(self._channel(channel, str(bucket), topic))
        if not status.get("recording"):
            changes = (("recording", "stopped" if self.recorder else "-", "on"),)
            made.append(Draft("config/start-recorder", {"name": name}, seen=False, changes=changes, cost=_COST))
        return made

    def _role_and_recorder(self, name: str) -> list[Draft | Manual]:
        wanted = self._role()
        group = self._group()
        role = self.recorder.get("roleARN")
        right = not self.situation.params.get("service_role", True) or f"/{_ROLE}" in str(role)
        if self.recorder and right and group is None:
            return []
        service_linked = wanted.endswith(f"/{_ROLE}")
        args: dict[str, Any] = {"name": name, "role": role if self.recorder and right else wanted}
        if group is None and self.recorder.get("recordingGroup"):
            group = plain(self.recorder["recordingGroup"])
        args["group"] = group
        seen = {key: self.recorder.get(key) for key in _SAME} if self.recorder else None
        missing, unknown = self._linked_role() if service_linked else ([], ())
        changes = (
            ("recorder", self.recorder.get("name") or "-", name),
            ("role", role or "-", args["role"]),
            ("types recorded", "all" if (self.recorder.get("recordingGroup") or {}).get("allSupported") else "-",
             "all" if group and group.get("allSupported") else "as before"),
        )  # fmt: skip
        return [*missing, Draft("config/put-recorder", args, seen, changes, unknown=unknown, cost=_COST)]

    def _linked_role(self) -> tuple[list[Draft | Manual], tuple[str, ...]]:
        """Return the act that makes the service-linked role where it is missing, and what could not be looked at."""
        roles = self.situation.tables.rows("iam-role")
        if roles is None:
            return [], (unread("iam-role", f"Whether the role {_ROLE} is there"),)
        if any(role.get("_id") == _ROLE for role in roles):
            return [], ()
        home = home_region(self.situation.partition)
        changes = ((f"role {_ROLE}", "-", "AWS's own, for Config alone"),)
        return [Draft("config/create-service-role", {}, seen=None, changes=changes, region=home)], ()

    def _group(self) -> dict[str, Any] | None:
        """Return which types are to be recorded; None where they may stay as they are."""
        group = self.recorder.get("recordingGroup") or {}
        everything = bool(self.situation.params.get("everything")) and not group.get("allSupported")
        recorded = any((row.get("recordingGroup") or {}).get("includeGlobalResourceTypes") for row in self.all)
        home = self.situation.settings.get("global-types-region") or "us-east-1"
        globals_here = self.situation.region == home and not recorded
        wanted = bool(self.situation.params.get("global_types")) and globals_here
        if self.recorder and not everything and not wanted:
            return None
        included = bool(group.get("includeGlobalResourceTypes")) or globals_here
        return {"allSupported": True, "includeGlobalResourceTypes": included}

    def _role(self) -> str:
        roles = f"arn:{self.situation.partition}:iam::{self.situation.account}:role"
        own = f"{roles}/aws-service-role/config.amazonaws.com/{_ROLE}"
        return self.situation.settings.get("config-role") or own

    def _bucket(self) -> str | None:
        """Return the bucket that the user names, or where most of the account's other Regions deliver."""
        buckets = Counter((row.get("deliveryChannel") or {}).get("s3BucketName") for row in self.all)
        buckets.pop(None, None)
        return self.situation.settings.get("config-bucket") or next((name for name, _ in buckets.most_common(1)), None)

    def _channel(self, channel: Row, bucket: str, topic: str) -> Draft:
        name = str(channel.get("name") or "default")
        args = {"name": name, "bucket": bucket, **({"topic": topic} if topic else {})}
        changes = (("delivery channel", channel.get("s3BucketName") or "-", f"the bucket {bucket}"),)
        breaks = (f"AWS refuses it where the policy of {bucket} does not let AWS Config write.",)
        return Draft("config/put-delivery-channel", args, plain(channel) or None, changes, breaks=breaks)

    def _failing(self, status: Row) -> Manual:
        said = (
            f"{status.get('lastErrorCode') or status.get('lastStatus')} {status.get('lastErrorMessage') or ''}".strip()
        )
        region = self.situation.region
        return Manual(
            steps=(
                f"The recorder in {region} fails: {said}. Put right what it names: the role, the bucket, its policy.",
            ),
            commands=(f"aws configservice describe-configuration-recorder-status --region {region}",),
        )


def detector(situation: Situation) -> Remedy:
    """Enable the Region's suspended detector, or create one."""
    rows = situation.tables.rows("guardduty-detector")
    if rows is None:
        return ()
    here = [row for row in rows if row.get("_region") == situation.region]
    cost = "30 days are free in each Region, then by what GuardDuty reads."
    breaks = ("A member of an organization's GuardDuty can't change this itself: AWS refuses, its administrator can.",)
    if not here:
        changes = (("GuardDuty", "no detector", "watches"),)
        return (Draft("guardduty/create-detector", {}, [], changes, breaks=breaks, cost=cost),)
    changes = (("GuardDuty", "suspended", "watches"),)
    args = {"detector": here[0]["_id"]}
    return (Draft("guardduty/enable-detector", args, here[0].get("Status"), changes, breaks=breaks, cost=cost),)


BUILDERS = {
    "config-recorder": Builder(config_recorder, {"config-recorder": _COLUMNS, "iam-role": ()}),
    "detector": Builder(detector, {"guardduty-detector": ("Detector",)}),
}
