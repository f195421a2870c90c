"""Resources as AWS Config recorded them come out as their own services would answer."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from crenel.catalog.load import Extended, catalog
from crenel.collect.config_items import recorded


def item(**parts: object) -> str:
    return json.dumps(parts)


def test_members_are_spelt_as_the_service_spells_them() -> None:
    row = recorded(
        item(
            configuration={"dBInstanceIdentifier": "db-1", "dbiResourceId": "db-X", "multiAZ": False, "unknown": 1},
            supplementaryConfiguration={"Tags": '[{"key": "Name", "value": "x"}]'},
        ),
        catalog()["rds"],
    )
    assert row == {
        "DBInstanceIdentifier": "db-1",
        "DbiResourceId": "db-X",
        "MultiAZ": False,
        "Tags": [{"Key": "Name", "Value": "x"}],
    }


def test_times_are_times() -> None:
    row = recorded(item(configuration=json.dumps({"volumeId": "vol-1", "createTime": 1500000000000})), catalog()["ebs"])
    assert row["CreateTime"] == datetime(2017, 7, 14, 2, 40, tzinfo=UTC)


def test_a_security_groups_ranges_are_structures() -> None:
    rule = {
        "ipProtocol": "tcp",
        "fromPort": 22,
        "toPort": 22,
        "ipv4Ranges": [{"cidrIp": "0.0.0.0/0"}],
        "ipRanges": ["0.0.0.0/0"],
    }
    row = recorded(item(configuration={"groupId": "sg-1", "ipPermissions": [rule]}), catalog()["security-group"])
    assert row["IpPermissions"][0]["IpRanges"] == [{"CidrIp": "0.0.0.0/0"}]
    assert row["IpPermissions"][0]["Ipv6Ranges"] == []


def test_what_has_another_type_is_left_out() -> None:
    row = recorded(item(configuration={"volumeId": "vol-1", "size": "large", "tags": {"a": 1}}), catalog()["ebs"])
    assert row == {"VolumeId": "vol-1"}


def test_only_what_the_items_lack_is_asked() -> None:
    types = Extended(catalog())
    kind = types[types.recorded("ecr", "select x")]
    assert kind.listing is not None
    assert kind.listing.call.name == "config:SelectResourceConfig"
    assert not any(detail.always or detail.augment for detail in kind.details.values())
    assert kind.details["Policy"].when == {"Policy": "absent"}
