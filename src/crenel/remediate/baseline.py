"""What the account-level practices need that an account may not have yet: a bucket for logs, and a key for a trail's.

What is there already is used as it is. What is not, becomes the first steps of the plan, once an account.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from crenel.collect.session import home_region
from crenel.model import GLOBAL
from crenel.remediate.load import actions_of
from crenel.remediate.planning import Planner, Target
from crenel.remediate.tables import Row

PRACTICES = (7, 9, 12, 13, 14, 15, 17, 18, 19, 26)
# The settings that are the baseline's own.
SETTINGS: Mapping[str, str] = {
    "log-bucket": "the bucket for logs (default: crenel-logs-ACCOUNT-REGION, made where it is missing)",
}
_TRAIL, _KEY, _CONFIG, _FLOWS = (
    "cloudtrail-multi-region", "cloudtrail-kms-encryption", "config-enabled", "vpc-flow-logs",
)  # fmt: skip
_FLOW_SETTINGS = ("flow-log-bucket", "flow-log-group", "flow-log-role")


def prepare(planner: Planner, account: str, partition: str, failing: Iterable[str]) -> None:
    """Add the steps that make what the repairs of an account's failing policies need, and let the repairs use it.

    What the user set stands; nothing is made for it.
    """
    _Account(planner, account, partition, frozenset(failing)).prepare()


@dataclass(frozen=True, slots=True)
class _Account:
    planner: Planner
    account: str
    partition: str
    failing: frozenset[str]

    def prepare(self) -> None:
        ours = self.planner.ours.setdefault(self.account, {})
        if lacking := tuple(self._without_bucket()):
            ours |= dict.fromkeys(lacking, self._bucket())
        if _TRAIL in self.failing and self._trails() == [] and not self._set("trail-key"):
            ours["trail-key"] = self._key(home_region(self.partition))
        elif _KEY in self.failing and not self._set("kms-key") and (region := self._region_of_logs()):
            ours["kms-key"] = self._key(region)

    def _set(self, *names: str) -> bool:
        return any(name in self.planner.settings for name in names)

    def _trails(self) -> list[Row] | None:
        """Return the account's own trails; None where they were not read."""
        rows = self.planner.tables.rows("cloudtrail", self.account)
        return None if rows is None else [row for row in rows if str(row["TrailARN"]).split(":")[4] == self.account]

    def _without_bucket(self) -> Iterator[str]:
        """Yield the settings that name a bucket, where a repair needs one and there is none."""
        if _TRAIL in self.failing and self._trails() == [] and not self._set("trail-bucket"):
            yield "trail-bucket"
        recorders = self.planner.tables.rows("config-recorder", self.account, ("deliveryChannel",))
        if _CONFIG in self.failing and recorders is not None and not self._set("config-bucket"):
            delivers = any((row.get("deliveryChannel") or {}).get("s3BucketName") for row in recorders)
            if not delivers:
                yield "config-bucket"
        if _FLOWS in self.failing and not self._set(*_FLOW_SETTINGS):
            yield "flow-log-bucket"

    def _bucket(self) -> str:
        region = home_region(self.partition)
        name = self.planner.settings.get("log-bucket") or f"crenel-logs-{self.account}-{region}"
        there = self.planner.tables.rows("s3", self.account)
        if any(row["_id"] == name for row in there or ()):
            self.planner.notes.append(
                f"The bucket {name} is there already and is used as it is: its policy has to let CloudTrail, AWS Config"
                " and flow logs write."
            )
        else:
            self._make("make-log-bucket", name, {"bucket": name})
        return name

    def _region_of_logs(self) -> str:
        """Return the Region of the buckets of trails without a key: theirs has to be there; nothing where not one."""
        names = {str(row["S3BucketName"]) for row in self._trails() or () if not row.get("KmsKeyId")}
        homes = {str(row["_id"]): row["_home"] for row in self.planner.tables.rows("s3", self.account) or ()}
        regions = {homes.get(name) for name in names}
        if len(regions) == 1 and None not in regions:
            return str(*regions)
        self.planner.notes.append(
            f"{_KEY}: no key is made, for the buckets {', '.join(sorted(names))} are not known to be in one Region:"
            " name a key of the bucket's Region with --set kms-key=ARN."
        )
        return ""

    def _key(self, region: str) -> str:
        """Return what stands for the ARN of the key that the plan makes in a Region."""
        before = set(self.planner.steps)
        self._make("make-log-key", "alias/crenel-trail-logs", {"alias": "alias/crenel-trail-logs"}, region)
        step = next(self.planner.steps[key] for key in self.planner.steps if key not in before)
        text = f"arn:{self.partition}:kms:{region}:{self.account}:key/made-by-step-{step.id}"
        self.planner.made[text] = {"$from": step.id, "path": "after[0]"}
        return text

    def _make(self, action: str, name: str, options: Mapping[str, str], region: str = GLOBAL) -> None:
        target = Target(
            policy="",
            account=self.account,
            region=region,
            partition=self.partition,
            type="account",
            resource=name,
            title=action,
            row={},
            options=options,
        )
        self.planner.repair(target, actions_of("account")[action].fix)
