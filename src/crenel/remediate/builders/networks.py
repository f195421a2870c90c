"""Default security groups and flow logs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crenel.errors import UsageError
from crenel.remediate.builders.model import Builder, Draft, Remedy, Row, Situation, several, unread
from crenel.remediate.model import Manual

_DIRECTIONS = (("inbound", "IpPermissions"), ("outbound", "IpPermissionsEgress"))
# What names a rule; descriptions and what AWS adds to its answers don't.
_RANGES = {"IpRanges": ("CidrIp",), "Ipv6Ranges": ("CidrIpv6",), "PrefixListIds": ("PrefixListId",),
           "UserIdGroupPairs": ("GroupId", "UserId", "VpcId", "VpcPeeringConnectionId")}  # fmt: skip
_LOG = ("FlowLogId", "TrafficType", "LogDestination", "LogGroupName")


def default_group(situation: Situation) -> Remedy:
    """Revoke all rules of a default group that nothing uses, or that the user says to close all the same."""
    row = situation.row
    group = str(row["GroupId"])
    interfaces = situation.tables.rows("eni")
    unknown = (unread("eni", "Which network interfaces use the group"),) if interfaces is None else ()
    using = [one for one in interfaces or () if any(it.get("GroupId") == group for it in one.get("Groups") or [])]
    if using and situation.settings.get("close-used-groups") != "yes":
        return (_in_use(situation, group, using),)
    breaks = ["What is launched without naming a group lands in this one, and is cut off from then on."]
    if using:
        breaks.insert(0, f"{_used_by(using)} What only this group lets through stops at once.")
    made = []
    for direction, column in _DIRECTIONS:
        rules = row.get(column) or []
        if rules:
            args = {"group": group, "permissions": [_rule(rule) for rule in rules]}
            changes = ((f"{direction} rules", len(rules), 0),)
            act = f"ec2/close-group-{direction}"
            made.append(Draft(act, args, rules, changes, breaks=tuple(breaks), unknown=unknown))
    return tuple(made)


def _used_by(using: Sequence[Row]) -> str:
    names = [str(one["_id"]) + (f" ({one['Description']})" if one.get("Description") else "") for one in using]
    verb = "interface uses" if len(using) == 1 else "interfaces use"
    return f"{len(using)} network {verb} the group: {several(names)}."


def _in_use(situation: Situation, group: str, using: Sequence[Row]) -> Manual:
    move = f"aws ec2 modify-network-interface-attribute --region {situation.region} --network-interface-id"
    return Manual(
        steps=(
            f"{_used_by(using)} To close it would cut them off.",
            "Give each a group of its own with the rules that it needs, then plan again.",
            "Or close it all the same: --set close-used-groups=yes.",
        ),
        commands=(
            f"{move} {using[0]['_id']} --groups NEW-GROUP",
            f"crenel fix plan --policy vpc-default-security-group-closed --resource {group}",
        ),
    )


def _rule(rule: Row) -> dict[str, Any]:
    found: dict[str, Any] = {
        key: rule[key] for key in ("IpProtocol", "FromPort", "ToPort") if rule.get(key) is not None
    }
    for member, names in _RANGES.items():
        items = [_picked(item, names) for item in rule.get(member) or []]
        if items:
            found[member] = items
    return found


def _picked(item: Row, names: Sequence[str]) -> dict[str, Any]:
    return {name: item[name] for name in names if item.get(name) is not None}


def flow_log(situation: Situation) -> Remedy:
    """Create a flow log where the user says that it should write to."""
    rows = situation.tables.rows("flow-log")
    settings = situation.settings
    traffic = settings.get("traffic") or "REJECT"
    if traffic not in ("REJECT", "ALL"):
        raise UsageError(f"--set traffic={traffic}: a flow log of rejected traffic takes REJECT or ALL.")
    target = _target(situation)
    if rows is None or target is None:
        return ()
    act, args, where, cost = target
    vpc = str(situation.row["VpcId"])
    there = [row for row in rows if row.get("ResourceId") == vpc]
    return (
        Draft(
            act=act,
            args={"vpc": vpc, "traffic": traffic, **args},
            seen=[{key: row.get(key) for key in _LOG} for row in there],
            changes=(("flow logs", len(there), f"one more, {traffic}, to {where}"),),
            cost=cost,
        ),
    )


def _target(situation: Situation) -> tuple[str, Mapping[str, str], str, str] | None:
    """Return the act, its arguments, the destination in words and what it costs."""
    settings = situation.settings
    bucket, group, role = (settings.get(f"flow-log-{name}") for name in ("bucket", "group", "role"))
    if bucket:
        arn = bucket if bucket.startswith("arn:") else f"arn:{situation.partition}:s3:::{bucket}"
        return (
            "ec2/log-vpc-to-bucket",
            {"destination": arn},
            arn,
            "0.25 USD for a GB delivered, and the bucket's storage.",
        )
    if group and not role:
        raise UsageError(
            "--set flow-log-group needs --set flow-log-role=ARN: the role with which flow logs write to it."
        )
    if group and role:
        return (
            "ec2/log-vpc-to-group",
            {"group": group, "role": role},
            group,
            "0.50 USD for a GB that CloudWatch takes in.",
        )
    return None


BUILDERS = {
    "default-group": Builder(default_group, {"eni": ()}),
    "flow-log": Builder(flow_log, {"flow-log": ()}),
}
