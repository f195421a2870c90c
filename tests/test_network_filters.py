"""Filters of networks: what is refused, and what can't be told. What they match is in conformance/networks.yaml."""

from __future__ import annotations

import pytest

from crenel.catalog.load import catalog
from crenel.errors import PolicyError
from crenel.examples.format import Example, examples_in
from crenel.examples.running import run
from crenel.model import Standard
from crenel.policies.compile import PolicyCompiler
from crenel.policies.facts import facts
from crenel.policies.written.model import policy_of
from crenel.positions import Located, load_text

REFUSED = {
    "security-group: [ingress]": "without a condition",
    "security-group: [{type: ingress, Port: [22]}]": "Port",
    "security-group: [{type: ingress, Ports: ['22']}]": "whole number",
    "security-group: [{type: ingress, match-operator: all, Ports: [22]}]": "match-operator",
    "security-group: [{type: ingress, Description: here}]": "must be a mapping",
    "security-group: [{type: ingress, IpProtocol: -1}]": "never equals",
    "security-group: [diff]": "history",
    "vpc: [{type: flow-logs, attrs: [{TrafficType: ALL}], status: active}]": "does not go with attrs",
    "vpc: [{type: flow-logs, count: 2}]": "no effect",
    "vpc: [{type: flow-logs, op: not-equal, log-group: x}]": "not-equal",
    "vpc: [{type: dhcp-options, present: true}]": "is needed",
    "vpc: [{type: dhcp-options, domain-name-servers: [amazon]}]": "no DHCP options equal",
    "vpc: [vpc-attributes]": "every VPC matches",
    "subnet: [{type: ip-address-usage, key: Used, value: 1}]": "none of",
    "eni: [{type: subnet, operator: or, igw: true}]": "every subnet matches",
    "eni: [{type: subnet}]": "every subnet matches",
    "route-table: [{type: subnet, value_type: resource_count, op: gt, value: 1}]": "counted",
    "vpc: [{type: network-location, key: 'tag:T'}]": "needs a subnet filter",
    "eni: [{type: network-location}]": "needs `key`",
    "elastic-ip: [used-by]": "resource-type",
}


@pytest.mark.parametrize("policy", REFUSED)
def test_what_cannot_be_meant_is_refused(policy: str) -> None:
    kind, filters = policy.split(": ", 1)
    body = load_text(f"name: x\nresource: aws.{kind}\nfilters: {filters}", "here")

    with pytest.raises(PolicyError) as caught:
        PolicyCompiler(catalog(), facts(), Standard.FSBP).compile(policy_of(body))

    assert REFUSED[policy] in str(caught.value)


OPEN = """
- note: subnets that could not be listed leave open what they say
  policy: {resource: aws.eni, filters: [{type: network-location, key: "tag:T", compare: [subnet], match: equal}]}
  resources: [{NetworkInterfaceId: a, SubnetId: s}, {NetworkInterfaceId: b, SubnetId: t}]
  rows: {subnet: [{SubnetId: t, Tags: [{Key: T, Value: red}]}]}
  gaps: [{type: subnet, code: AccessDenied}]
  want: [{id: a, status: UNKNOWN}, {id: b, status: FAIL}]
- note: a group that could not be asked about peers may be used
  policy: {resource: aws.security-group, filters: [unused]}
  resources: [{GroupId: a, VpcId: v}, {GroupId: b, VpcId: v}]
  rows: {eni: [{NetworkInterfaceId: e, Groups: [{GroupId: b}]}], lambda: [], launch-config: [], codebuild: [],
         batch-compute: [], event-bus: []}
  gaps: [{type: security-group, detail: ReferredByPeers, resource: a, code: AccessDenied},
         {type: security-group, detail: ReferredByPeers, resource: b, code: AccessDenied}]
  want: [{id: a, status: UNKNOWN}, {id: b, status: PASS}]
"""


@pytest.mark.parametrize("example", examples_in(load_text(OPEN, "here")), ids=lambda example: example.note)
def test_what_could_not_be_read_is_unknown(example: Example) -> None:
    assert example.policy is not None
    named = Located({**example.policy.value, "name": Located("x", example.where)}, example.policy.where)

    result = run(example, policy_of(named), Standard.FSBP)

    assert not result.error
    assert result.differences == ()
