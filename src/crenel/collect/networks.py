"""Reads of networks that ask once for several rows: stale rules by VPC, endpoint services by Region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crenel.catalog.spec import Detail
from crenel.collect.context import UnitContext
from crenel.collect.rows import Row
from crenel.errors import CallError

_STALE = "DescribeStaleSecurityGroups"
_SERVICES = "DescribeVpcEndpointServices"
_MOST_NAMES = 100  # of services in one call
_NO_SERVICE = "InvalidServiceName"


def stale_groups(context: UnitContext, detail: Detail, rows: Sequence[Row]) -> None:
    """Fill whether a security group has stale rules: one listing a VPC.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeStaleSecurityGroups.html
    """
    by_vpc: dict[str, list[Row]] = {}
    for row in rows:
        row.values[detail.name] = False
        if row.values.get("VpcId"):
            by_vpc.setdefault(row.values["VpcId"], []).append(row)
    for vpc, groups in by_vpc.items():
        try:
            pages = list(context.pages("ec2", _STALE, {"VpcId": vpc}))
        except CallError as error:
            for row in groups:
                del row.values[detail.name]
            context.note(detail.name, groups, error, f"ec2:{_STALE}")
            continue
        stale = {group["GroupId"] for page in pages for group in page.get("StaleSecurityGroupSet", ())}
        for row in groups:
            row.values[detail.name] = row.values["GroupId"] in stale


def endpoint_services(context: UnitContext, detail: Detail, rows: Sequence[Row]) -> None:
    """Fill what the service of a VPC endpoint is, asked in the service's own Region; null for one that is gone.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcEndpointServices.html
    """
    by_region: dict[str, dict[str, list[Row]]] = {}
    for row in rows:
        row.values[detail.name] = None
        region = row.values.get("ServiceRegion") or context.asked_in
        by_region.setdefault(region, {}).setdefault(row.values["ServiceName"], []).append(row)
    for region, by_name in by_region.items():
        names = sorted(by_name)
        for start in range(0, len(names), _MOST_NAMES):
            _ask(context, detail, region, {name: by_name[name] for name in names[start : start + _MOST_NAMES]})


def _ask(context: UnitContext, detail: Detail, region: str, by_name: Mapping[str, Sequence[Row]]) -> None:
    """Fill the services of one call; where one of the names is wrong, each is asked by itself."""
    try:
        pages: list[dict[str, Any]] = list(context.pages("ec2", _SERVICES, {"ServiceNames": list(by_name)}, region))
    except CallError as error:
        if error.code != _NO_SERVICE:
            rows = [row for some in by_name.values() for row in some]
            context.note(detail.name, rows, error, f"ec2:{_SERVICES}")
        elif len(by_name) > 1:
            for name, alike in by_name.items():
                _ask(context, detail, region, {name: alike})
        return
    for service in (each for page in pages for each in page.get("ServiceDetails", ())):
        for row in by_name.get(service["ServiceName"], ()):
            row.values[detail.name] = service
