"""Filters of instances, volumes, groups and load balancers: what is refused, what can't be told, and the secrets that
are never kept. What the filters match is in conformance/compute.yaml.
"""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import replace
from typing import Any

import pytest

from crenel.catalog.load import Extended, catalog
from crenel.collect.spool import Spool
from crenel.collect.unit import read_unit
from crenel.collect.user_data import decoded
from crenel.errors import PolicyError
from crenel.examples.format import Example, examples_in
from crenel.examples.running import run
from crenel.model import Standard
from crenel.policies.compile import PolicyCompiler
from crenel.policies.context import Context
from crenel.policies.facts import facts
from crenel.policies.filters import compile_filter
from crenel.policies.keys.key import Place
from crenel.policies.written.model import policy_of
from crenel.positions import load_text

from .collect.fakes import context, denied

SECRET = "export PASSWORD=hunter2hunter2"

REFUSED = {
    "ec2: [{type: instance-attribute, key: Value, value: 1}]": "needs `attribute`",
    "ec2: [{type: instance-attribute, attribute: ebsOptimised, key: Value, value: true}]": "ebsOptimised",
    "ec2: [{type: user-data, value_path: ImageId, op: eq}]": "not kept",
    "ec2: [{type: user-data, key: x, value: y}]": "no effect",
    "ec2: [{type: user-data, value_type: resource_count, op: gt, value: 1}]": "resource_count",
    "ec2: [{type: user-data, op: regex, value: '('}]": "regular expression",
    "ec2: [{type: ebs, key: Encrypted, value: true, operator: xor}]": "operator",
    "ec2: [{type: ebs, key: Encrypt, value: true}]": 'no key "Encrypt"',
    "ec2: [{type: ssm-compliance}]": "compliance_types",
    "ec2: [{type: ssm-compliance, compliance_types: [Patch], states: [BAD]}]": "BAD",
    "ec2: [{type: ssm-compliance, compliance_types: [Patch], op: xor}]": "op is",
    "ec2: [{type: ssm-inventory, query: [{Key: Name}]}]": "Values",
    "ec2: [{type: ssm-inventory, query: [{Key: Name, Values: [x], Type: Like}]}]": "Like",
    "ec2: [{type: singleton, value: true}]": "value",
    "ami: [{type: image-attribute, attribute: bootmode, key: Value, value: uefi}]": "bootmode",
    "ami: [{type: unused, value: maybe}]": "true or false",
    "asg: [{type: launch-config, key: Imageid, value: x}]": "Imageid",
    "asg: [{type: propagated-tags}]": "which keys",
    "asg: [{type: vpc-id, key: VpcId, value: x}]": "key",
    "asg: [{type: vpc-id, value_type: resource_count, op: gt, value: 1}]": "resource_count",
    "asg: [{type: security-group, value_type: resource_count, op: gt, value: 1}]": "counted",
    "asg: [{type: security-group, key: GroupName, match-resource: true}]": "match-resource",
    "asg: [{type: security-group, value: x}]": "needs `key`",
    "asg: [{type: offhour, default_tz: eastern, offhour: 19}]": 'no time zone "eastern"',
    "asg: [{type: offhour, default_tz: et, offhour: 24}]": "0 to 23",
    "asg: [{type: onhour, default_tz: et, onhour: 7, skip-days: [tomorrow]}]": "YYYY-MM-DD",
    "elb: [ssl-policy]": "either",
    "elb: [{type: ssl-policy, whitelist: [a], blacklist: [b]}]": "either",
    "elb: [{type: ssl-policy, blacklist: []}]": "nothing matches",
    "elb: [{type: ssl-policy, blacklist: [a], matching: '['}]": "regular expression",
    "app-elb: [{type: attributes, value: x}]": "needs `key`",
    "app-elb: [{type: attributes, key: '\"a\".b', value: x}]": "an attribute's name",
    "app-elb: [{type: is-logging, log-type: flow}]": "log-type",
    "app-elb: [{type: target-group, key: '[].Prot', value: x}]": "Prot",
    "app-elb: [{type: listener, key: Prot, value: x}]": "Prot",
    "app-elb: [{type: listener, key: Port, value: 80, matched: true}]": "needs a listener filter before this one",
}


@pytest.mark.parametrize("policy", REFUSED)
def test_what_cannot_be_meant_is_refused(policy: str) -> None:
    kind, filters = policy.split(": ", 1)
    body = load_text(f"name: x\nresource: aws.{kind}\nfilters: {filters}", "here")

    with pytest.raises(PolicyError) as caught:
        PolicyCompiler(catalog(), facts(), Standard.FSBP).compile(policy_of(body))

    assert REFUSED[policy] in " ".join(f"{one.message} {one.suggestion}" for one in caught.value.all())


OPEN = """
- note: a launch template that could not be read may use any image
  policy: {resource: aws.ami, filters: [unused]}
  rows:
    ami: [{ImageId: a}, {ImageId: b}]
    ec2: [{InstanceId: i, ImageId: a}]
    asg: [{AutoScalingGroupName: g}]
  gaps: [{type: asg, detail: "c7n:LaunchTemplateVersions", resource: g, code: AccessDenied}]
  want: [{id: a, status: PASS}, {id: b, status: UNKNOWN}]
- note: a role that could not be looked up leaves open what it is
  policy: {resource: aws.ec2, filters: [{type: iam-role, key: RoleName, value: r}]}
  rows:
    ec2: [{InstanceId: i, IamInstanceProfile: {Arn: "arn:aws:iam::111122223333:instance-profile/p"}}, {InstanceId: j}]
    iam-profile: []
    iam-role: []
  gaps: [{type: iam-profile, code: AccessDenied, region: global}]
  want: [{id: i, status: UNKNOWN}, {id: j, status: PASS}]
- note: listeners that could not be read leave open what they are
  policy: {resource: aws.app-elb, filters: [{type: listener, key: Port, value: 80}]}
  rows: {app-elb: [{LoadBalancerArn: a}, {LoadBalancerArn: b, Listeners: [{Port: 80}]}]}
  gaps: [{type: app-elb, detail: Listeners, resource: a, code: AccessDenied}]
  want: [{id: a, status: UNKNOWN}, {id: b, status: FAIL}]
"""


@pytest.mark.parametrize("example", examples_in(load_text(OPEN, "here")), ids=lambda each: each.note)
def test_what_could_not_be_read_stays_open(example: Example) -> None:
    policy = example.policy
    assert policy is not None
    body = policy_of(load_text(json.dumps({"name": "x", **policy.plain()}), "here"))

    result = run(example, body, Standard.FSBP)

    assert not result.error
    assert result.differences == ()


# --- user data


def asked(kind: str, filter_: dict[str, Any]) -> tuple[Extended, str]:
    """Return the catalogue with the column that a filter asks for, and its name."""
    types = Extended(catalog())
    place = Context(types[kind], Place.of(types[kind]), {}, types, {})
    compile_filter(place, load_text(json.dumps(filter_), "here"))
    return types, next(name for name in types[kind].details if name.startswith("c7n:user-data:"))


def collected(tmp_path, kind: str, filter_: dict[str, Any], answers: dict[str, Any]) -> tuple[list[Any], Any, str]:
    """Return what the column of a filter holds, the unit's record, and all that was written."""
    types, name = asked(kind, filter_)
    spool = Spool(tmp_path)
    with context(kind, answers, "us-east-1", details=frozenset({name}), types=types) as unit:
        record = read_unit(unit, spool)
        text = spool.rows_file(record.unit).read_text()
    return [json.loads(line).get(name) for line in text.splitlines()], record, text


def user_data(text: str | bytes | None) -> dict[str, Any]:
    data = text.encode() if isinstance(text, str) else text
    return {"UserData": {"Value": base64.b64encode(data).decode()} if data is not None else {}}


INSTANCES = {"Reservations": [{"ReservationId": "r", "Instances": [{"InstanceId": name} for name in "abcd"]}]}
TEXTS = {
    "a": user_data(SECRET),
    "b": user_data(gzip.compress(SECRET.encode())),
    "c": user_data("#!/bin/sh\necho hello"),
    "d": user_data(None),
}


@pytest.mark.parametrize(
    ("filter_", "wanted"),
    [
        ({"op": "regex", "value": "(?smi).*password="}, [True, True, False, False]),
        ({"op": "regex", "value": "(?!(?s:.*)PASSWORD)"}, [False, False, True, False]),
        ({"value": "absent"}, [False, False, False, True]),
        ({"value": "present"}, [True, True, True, False]),
        ({"op": "eq", "value": SECRET}, [True, True, False, False]),
        ({"op": "ne", "value": SECRET}, [False, False, True, True]),
        ({"op": "in", "value": [SECRET, "x"]}, [True, True, False, False]),
        ({"op": "contains", "value": "echo"}, [False, False, True, False]),
        ({"op": "glob", "value": "*PASSWORD*"}, [True, True, False, False]),
        ({"value_type": "size", "op": "gt", "value": 25}, [True, True, False, False]),
        ({"value_regex": r"(?s).*PASSWORD=(\w+)", "value": "hunter2hunter2"}, [True, True, False, False]),
    ],
)
def test_user_data_is_matched_and_not_kept(tmp_path, filter_: dict[str, Any], wanted: list[bool]) -> None:
    answers = {
        "ec2:DescribeInstances": INSTANCES,
        "ec2:DescribeInstanceAttribute": lambda params, _: TEXTS[params["InstanceId"]],
    }
    found, record, text = collected(tmp_path, "ec2", {"type": "user-data", **filter_}, answers)

    assert found == wanted
    assert record.gaps == ()
    assert "hunter2" not in text
    assert base64.b64encode(SECRET.encode()).decode()[:16] not in text


def test_user_data_that_cannot_be_read_is_a_gap_without_the_text(tmp_path) -> None:
    texts = {**TEXTS, "a": denied("ec2:DescribeInstanceAttribute"), "b": user_data(b"\xff\xfehunter2\xff")}
    texts["c"] = denied("ec2:DescribeInstanceAttribute", "InvalidInstanceID.NotFound")
    answers = {
        "ec2:DescribeInstances": INSTANCES,
        "ec2:DescribeInstanceAttribute": lambda params, _: texts[params["InstanceId"]],
    }
    found, record, _ = collected(tmp_path, "ec2", {"type": "user-data", "value": "present"}, answers)

    assert found == [None, None, False]  # the third is gone meanwhile
    assert [(gap.resource, gap.code) for gap in record.gaps] == [("a", "AccessDenied"), ("b", "InvalidDocument")]
    assert all("hunter2" not in gap.message for gap in record.gaps)


def test_a_condition_that_fails_says_nothing_of_the_text(tmp_path) -> None:
    types, name = asked("ec2", {"type": "user-data", "value": "present"})
    odd = replace(types["ec2"].details[name], test="SELECT CAST(? AS INTEGER) > 0")
    answers = {
        "ec2:DescribeInstances": {"Reservations": [{"Instances": [{"InstanceId": "a"}]}]},
        "ec2:DescribeInstanceAttribute": TEXTS["a"],
    }
    kind = replace(types["ec2"], details={name: odd})
    with context("ec2", answers, "us-east-1", details=frozenset({name}), types={"ec2": kind}) as unit:
        record = read_unit(unit, Spool(tmp_path))

    assert [(gap.resource, gap.code, "hunter2" in gap.message) for gap in record.gaps] == [
        ("a", "InvalidDocument", False)
    ]


def test_the_attribute_user_data_is_matched_as_aws_answers_it(tmp_path) -> None:
    answers = {
        "ec2:DescribeInstances": INSTANCES,
        "ec2:DescribeInstanceAttribute": lambda params, _: TEXTS[params["InstanceId"]],
    }
    filter_ = {"type": "instance-attribute", "attribute": "userData", "key": "Value", "value": "absent"}
    assert collected(tmp_path, "ec2", filter_, answers)[0] == [False, False, False, True]


def test_user_data_of_groups_is_that_of_what_they_launch(tmp_path) -> None:
    def data(text: str) -> str:
        return base64.b64encode(text.encode()).decode()

    mixed = {"LaunchTemplate": {"LaunchTemplateSpecification": {"LaunchTemplateId": "lt-2"}}}
    groups = [
        {"AutoScalingGroupName": "a", "LaunchConfigurationName": "one"},
        {"AutoScalingGroupName": "b", "LaunchTemplate": {"LaunchTemplateId": "lt-1", "Version": "3"}},
        {"AutoScalingGroupName": "c", "MixedInstancesPolicy": mixed},
        {"AutoScalingGroupName": "d", "LaunchConfigurationName": "gone"},
        {"AutoScalingGroupName": "e"},
    ]
    config = {"LaunchConfigurationName": "one", "UserData": data(SECRET)}
    of_template = {"LaunchTemplateVersions": [{"LaunchTemplateData": {"UserData": data(SECRET)}}]}
    versions: list[Any] = []

    def template(params, _):
        versions.append((params["LaunchTemplateId"], params["Versions"]))
        found = params["LaunchTemplateId"] == "lt-1"
        return (
            of_template if found else denied("ec2:DescribeLaunchTemplateVersions", "InvalidLaunchTemplateId.NotFound")
        )

    answers = {
        "autoscaling:DescribeAutoScalingGroups": {"AutoScalingGroups": groups},
        "autoscaling:DescribeLaunchConfigurations": lambda params, _: {
            "LaunchConfigurations": [config] if params["LaunchConfigurationNames"] == ["one"] else []
        },
        "ec2:DescribeLaunchTemplateVersions": template,
    }
    found, record, text = collected(tmp_path, "asg", {"type": "user-data", "op": "regex", "value": ".*PASS"}, answers)

    assert found == [True, True, False, False, False]
    assert record.gaps == ()
    assert sorted(versions) == [("lt-1", ["3"]), ("lt-2", ["$Default"])]
    assert "hunter2" not in text


def test_a_packed_text_is_bounded() -> None:
    bomb = base64.b64encode(gzip.compress(b"a" * (20 * 1024 * 1024))).decode()
    assert len(decoded(bomb) or "") == 16 * 1024 * 1024


def test_user_data_may_not_be_compared_with_what_the_collector_does_not_know() -> None:
    with pytest.raises(PolicyError, match="expr"):
        asked("ec2", {"type": "user-data", "value_type": "expr", "value": "ImageId"})


# --- what groups launch, tags, policies of listeners


def details(tmp_path, kind: str, answers: dict[str, Any], *names: str) -> tuple[list[Any], Any, list[Any]]:
    spool = Spool(tmp_path)
    wanted = frozenset(detail.name for detail in catalog()[kind].with_needs(frozenset(names)))
    with context(kind, answers, "us-east-1", details=wanted) as unit:
        record = read_unit(unit, spool)
        rows = [json.loads(line) for line in spool.rows_file(record.unit).read_text().splitlines()]
        return rows, record, unit.target.caller.asked


def test_what_groups_launch_is_read_once_for_all_that_share_it(tmp_path) -> None:
    template = {"LaunchTemplateId": "lt-1", "Version": "$Latest"}
    groups = [{"AutoScalingGroupName": name, "LaunchTemplate": template} for name in "ab"]
    groups.append({"AutoScalingGroupName": "c", "LaunchConfigurationName": "one"})
    devices = [{"Ebs": {"SnapshotId": "snap-1 "}}, {"DeviceName": "x"}]
    data = {"ImageId": "ami-1", "BlockDeviceMappings": devices}
    answers = {
        "autoscaling:DescribeAutoScalingGroups": {"AutoScalingGroups": groups},
        "autoscaling:DescribeLaunchConfigurations": {"LaunchConfigurations": [{"LaunchConfigurationName": "one"}]},
        "ec2:DescribeLaunchTemplateVersions": {"LaunchTemplateVersions": [{"LaunchTemplateData": data}]},
        "ec2:DescribeImages": {"Images": [{"ImageId": "ami-1"}]},
        "ec2:DescribeSnapshots": {"Snapshots": [{"SnapshotId": "snap-1"}]},
    }
    rows, record, calls = details(tmp_path, "asg", answers, "c7n:Image", "c7n:LaunchSnapshots")

    assert record.gaps == ()
    assert [(row["c7n:Image"] or {}).get("ImageId") for row in rows] == ["ami-1", "ami-1", None]
    assert [row["c7n:Launched"]["Snapshots"] for row in rows] == [[{"SnapshotId": "snap-1"}]] * 2 + [[]]
    assert [name for name, _, _ in calls].count("ec2:DescribeLaunchTemplateVersions") == 1
    assert ("ec2:DescribeSnapshots", {"Filters": [{"Name": "snapshot-id", "Values": ["snap-1"]}]}, "us-east-1") in calls


def test_a_template_that_could_not_be_read_leaves_what_is_launched_open(tmp_path) -> None:
    groups = [{"AutoScalingGroupName": "a", "LaunchTemplate": {"LaunchTemplateId": "lt-1"}}]
    answers = {
        "autoscaling:DescribeAutoScalingGroups": {"AutoScalingGroups": groups},
        "autoscaling:DescribeLaunchConfigurations": {"LaunchConfigurations": []},
    }
    _, record, _ = details(tmp_path, "asg", answers, "c7n:Image")
    assert {gap.detail for gap in record.gaps} == {"c7n:LaunchTemplateVersions", "c7n:Launched", "c7n:Image"}


def test_tags_are_asked_for_apart_where_no_instance_bears_any(tmp_path) -> None:
    tags = {"Tags": [{"ResourceId": "b", "ResourceType": "instance", "Key": "k", "Value": "v"}]}
    answers = {"ec2:DescribeInstances": INSTANCES, "ec2:DescribeTags": tags}
    rows, record, _ = details(tmp_path, "ec2", answers, "c7n:Tags")
    assert [row["Tags"] for row in rows] == [[], [{"Key": "k", "Value": "v"}], [], []]
    assert record.gaps == ()


def test_tags_of_the_listing_are_good_enough(tmp_path) -> None:
    instances = [{"InstanceId": "a", "Tags": [{"Key": "k", "Value": "v"}]}, {"InstanceId": "b"}]
    answers = {"ec2:DescribeInstances": {"Reservations": [{"Instances": instances}]}}
    rows, record, calls = details(tmp_path, "ec2", answers, "c7n:Tags")
    assert [row.get("Tags") for row in rows] == [[{"Key": "k", "Value": "v"}], None]
    assert record.gaps == ()
    assert len(calls) == 1


def test_policies_of_listeners_are_asked_for_by_name_of_balancers_that_encrypt(tmp_path) -> None:
    def balancer(name: str, protocol: str, *policies: str) -> dict[str, Any]:
        return {
            "LoadBalancerName": name,
            "ListenerDescriptions": [{"Listener": {"Protocol": protocol}, "PolicyNames": [*policies]}],
        }

    balancers = [
        balancer("a", "HTTPS", "p", "p"),
        balancer("b", "HTTP", "q"),
        balancer("c", "SSL"),
        balancer("d", "SSL", "z"),
    ]
    answers = {
        "elb:DescribeLoadBalancers": {"LoadBalancerDescriptions": balancers},
        "elb:DescribeLoadBalancerPolicies": lambda params, _: (
            denied("elb:DescribeLoadBalancerPolicies", "PolicyNotFound")
            if params.get("PolicyNames") == ["z"]
            else {"PolicyDescriptions": [{"PolicyName": params["LoadBalancerName"]}]}
        ),
    }
    rows, record, calls = details(tmp_path, "elb", answers, "c7n:ListenerPolicies")
    assert [[each["PolicyName"] for each in row["c7n:ListenerPolicies"]] for row in rows] == [["a"], [], ["c"], []]
    assert record.gaps == ()
    asked_for = [params.get("PolicyNames") for name, params, _ in calls if name.endswith("Policies")]
    assert sorted(asked_for, key=str) == [None, ["p"], ["z"]]


def test_cloudwatch_knows_a_balancer_by_the_end_of_its_arn(tmp_path) -> None:
    arn = "arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/app/name/1e0ac88a139a5177"
    answers = {"elbv2:DescribeLoadBalancers": {"LoadBalancers": [{"LoadBalancerArn": arn}]}}
    rows, _, _ = details(tmp_path, "app-elb", answers, "c7n:LoadBalancer")
    assert rows[0]["c7n:LoadBalancer"] == "app/name/1e0ac88a139a5177"


def test_a_metric_of_a_balancer_needs_that_name() -> None:
    types = Extended(catalog())
    kind = types["app-elb"]
    place = Context(kind, Place.of(kind), {}, types, {})
    compile_filter(place, load_text("{type: metrics, name: RequestCount, value: 1}", "here"))
    detail = next(each for name, each in types["app-elb"].details.items() if name.startswith("c7n.metrics"))
    assert detail.needs == ("c7n:LoadBalancer",)
    assert detail.call is not None
    assert detail.call.params["Dimensions"] == [{"Name": "LoadBalancer", "Value": "{c7n:LoadBalancer}"}]
