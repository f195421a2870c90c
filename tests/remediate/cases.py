"""Every automatic repair once: what is wrong, what the user sets, which acts come out, and what a scan says then."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import seeds
from .seeds import HOME

KEY = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"


@dataclass(frozen=True)
class Case:
    """`stays`: the finding is still there afterwards, since the acts only contain the harm. `kept`: not taken back."""

    policy: str
    seed: Callable[..., None]
    acts: tuple[str, ...]
    settings: Mapping[str, str] = field(default_factory=dict)
    region: str = HOME
    stays: bool = False
    kept: bool = False

    @property
    def name(self) -> str:
        """The case in a test's name."""
        return f"{self.policy}-{self.seed.__name__}-{self.acts[0].split('/')[1]}"


CASES = (
    Case(
        "iam-policy-no-full-admin",
        seeds.admin_policy,
        ("iam/narrow-policy",),
        {"policy-document": json.dumps(seeds.NARROW)},
    ),
    Case(
        "iam-policy-no-full-admin",
        seeds.admin_policy,
        ("iam/detach-user-policy", "iam/detach-role-policy", "iam/detach-group-policy"),
        {"detach": "yes"},
        stays=True,  # by FSBP, which counts what nobody has
    ),
    Case(
        "iam-user-no-policies",
        seeds.own_policies,
        ("iam/add-user-to-group", "iam/detach-user-policy", "iam/delete-user-policy"),
        {"group": "crew"},
    ),
    Case("iam-access-key-rotated", seeds.old_key, ("iam/deactivate-access-key",)),
    Case(
        "iam-access-key-rotated",
        seeds.key_in_use,
        ("iam/deactivate-access-key",),
        {"deactivate-used-keys": "yes"},
    ),
    Case("iam-user-mfa-console", seeds.console_user, ("iam/put-user-policy",), stays=True),
    Case("iam-password-policy-strong", seeds.no_password_policy, ("iam/set-password-policy",)),
    Case("iam-password-policy-strong", seeds.weak_password_policy, ("iam/set-password-policy",)),
    Case("iam-credentials-unused", seeds.old_key, ("iam/deactivate-access-key",)),
    Case("iam-credentials-unused", seeds.console_user, ("iam/put-user-policy",), stays=True),
    Case(
        "iam-credentials-unused",
        seeds.console_user,
        ("iam/delete-login-profile",),
        {"delete-passwords": "yes"},
        kept=True,
    ),
    Case("s3-account-public-access-block", seeds.public_bucket, ("s3/block-account-public-access",)),
    Case("s3-account-public-access-block", seeds.half_blocked_account, ("s3/block-account-public-access",)),
    Case("s3-bucket-encryption", seeds.bucket, ("s3/encrypt-bucket",), region="eu-west-1"),
    Case("s3-bucket-encryption", seeds.bucket, ("s3/encrypt-bucket",), {"bucket-key": KEY}, region="eu-west-1"),
    Case("s3-bucket-public-access-block", seeds.bucket, ("s3/block-bucket-public-access",), region="eu-west-1"),
    Case(
        "s3-bucket-public-access-block",
        seeds.half_blocked_bucket,
        ("s3/block-bucket-public-access",),
        region="eu-west-1",
    ),
    Case(
        "cloudtrail-multi-region",
        seeds.log_bucket,
        ("cloudtrail/create-trail", "cloudtrail/start-trail"),
        {"trail-bucket": "logs"},
    ),
    Case(
        "cloudtrail-multi-region",
        seeds.regional_trail,
        ("cloudtrail/make-trail-multi-region", "cloudtrail/start-trail"),
        region="eu-west-1",
    ),
    Case("cloudtrail-multi-region", seeds.trail_of_writes, ("cloudtrail/select-events",)),
    Case("cloudtrail-multi-region", seeds.advanced_trail, ("cloudtrail/select-events",)),
    Case(
        "cloudtrail-kms-encryption",
        seeds.regional_trail,
        ("cloudtrail/encrypt-trail",),
        {"kms-key": KEY},
        region="eu-west-1",
    ),
    Case("cloudtrail-log-validation", seeds.regional_trail, ("cloudtrail/validate-trail",), region="eu-west-1"),
    Case(
        "config-enabled",
        seeds.service_role,
        ("config/put-recorder", "config/put-delivery-channel", "config/start-recorder"),
        {"config-bucket": "logs"},
    ),
    Case("config-enabled", seeds.stopped_recorder, ("config/start-recorder",)),
    Case("config-enabled", seeds.recorder_of_another_role, ("config/put-recorder",)),
    Case("vpc-flow-logs", seeds.network, ("ec2/log-vpc-to-bucket",), {"flow-log-bucket": "logs"}),
    Case(
        "vpc-flow-logs",
        seeds.network,
        ("ec2/log-vpc-to-group",),
        {"flow-log-group": "/vpc/home", "flow-log-role": f"{seeds.ROLES}/flow", "traffic": "ALL"},
    ),
    Case(
        "vpc-default-security-group-closed",
        seeds.network,
        ("ec2/close-group-inbound", "ec2/close-group-outbound"),
    ),
    Case(
        "vpc-default-security-group-closed",
        seeds.used_network,
        ("ec2/close-group-inbound", "ec2/close-group-outbound"),
        {"close-used-groups": "yes"},
    ),
    Case("ebs-default-encryption", seeds.nothing, ("ec2/encrypt-new-volumes",)),
    Case("ebs-snapshot-not-public", seeds.public_snapshot, ("ec2/make-snapshot-private",)),
    Case(
        "lambda-supported-runtime",
        seeds.old_function,
        ("lambda/publish-version", "lambda/set-runtime"),
        {"runtime": "python3.13"},
    ),
    Case("kms-key-not-pending-deletion", seeds.dying_key, ("kms/cancel-key-deletion", "kms/enable-key")),
    Case("guardduty-enabled", seeds.nothing, ("guardduty/create-detector",)),
    Case("guardduty-enabled", seeds.suspended_detector, ("guardduty/enable-detector",)),
)

# What moves by itself, or what an act says that undo can't bring back: left out when snapshots are compared.
MOVING = frozenset({
    "_seen_at", "_n", "ReportedAt",
    "DeletionDate",  # kms/cancel-key-deletion: a new date
    "LatestDeliveryAttemptTime", "LatestDeliveryTime", "StartLoggingTime", "StopLoggingTime", "TimeLoggingStarted",
    "TimeLoggingStopped", "lastStartTime", "lastStatus", "lastStatusChangeTime", "lastStopTime", "LastModified",
})  # fmt: skip


def differences(before: Any, after: Any, place: str = "") -> list[str]:
    """Return where two rows differ, field by field; what is empty is as good as not there, sets have no order."""
    if isinstance(before, dict) and isinstance(after, dict):
        found = []
        for key in sorted({*before, *after} - MOVING):
            found += differences(before.get(key), after.get(key), f"{place}.{key}")
        return found
    if isinstance(before, list) and isinstance(after, list):
        first, second = (sorted(json.dumps(item, sort_keys=True) for item in items) for items in (before, after))
        return [] if first == second else [f"{place}: {first} → {second}"]
    empty: tuple[Any, ...] = (None, "", [], {})
    same = before == after or (before in empty and after in empty)
    return [] if same else [f"{place}: {before!r} → {after!r}"]
