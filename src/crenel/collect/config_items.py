"""Resources as AWS Config recorded them, in the shape in which their own services answer.

Config spells members otherwise (``dbInstanceIdentifier``), gives times without a type, and keeps tags beside. The
type's own columns say how a member is spelt and what it is; what they have no place for is left out.

https://docs.aws.amazon.com/config/latest/developerguide/querying-AWS-resources.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from crenel.catalog.columns import ListOf, MapOf, Scalar, Struct, Type
from crenel.catalog.spec import ResourceType

_NUMBERS: Mapping[str, tuple[type, ...]] = {"integer": (int,), "number": (int, float)}
# Members that Config names otherwise than the service.
_NAMES: Mapping[str, Mapping[str, str]] = {
    "ecr": {"arn": "repositoryArn", "repositorypolicytext": "Policy"},
    "eks": {"certificateauthoritydata": "certificateAuthority"},
}


def recorded(text: str, kind: ResourceType) -> dict[str, Any]:
    """Return the row of a configuration item, a JSON text. Raises `ValueError` where it is none."""
    item = json.loads(text)
    if not isinstance(item, Mapping):
        raise ValueError("a configuration item is a JSON object")  # noqa: TRY004 (as json's own errors)
    configuration = _parsed(item.get("configuration")) or {}
    beside = _parsed(item.get("supplementaryConfiguration")) or {}
    names = _NAMES.get(kind.reported_as, {})
    given = {names.get(key.lower(), key): value for key, value in configuration.items()}
    for name in ("ipPermissions", "ipPermissionsEgress"):
        if isinstance(given.get(name), list):
            given[name] = [_ranges(each) for each in given[name] if isinstance(each, Mapping)]
    row: dict[str, Any] = fitting({"Tags": _tags(item, beside), **given}, Struct(kind.schema())) or {}
    if kind.reported_as == "sqs":
        row["QueueUrl"] = item.get("resourceId")
    if kind.home and item.get("awsRegion"):
        row[kind.home] = {"LocationConstraint": item["awsRegion"]}
    return row


def _ranges(permission: Mapping[str, Any]) -> dict[str, Any]:
    """Return a security group's rule in the service's form: Config has the ranges as bare texts, and once more."""
    given = permission.get("ipv4Ranges") or permission.get("ipRanges") or []
    ranges = [each if isinstance(each, Mapping) else {"cidrIp": each} for each in given]
    return {"ipv6Ranges": [], **permission, "ipRanges": ranges}


def _parsed(value: Any) -> Any:  # noqa: ANN401 (any JSON)
    return json.loads(value) if isinstance(value, str) and value else value


def _tags(item: Mapping[str, Any], beside: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    found = item.get("tags") or _parsed(beside.get("Tags")) or None
    if isinstance(found, Mapping):
        return [{"Key": key, "Value": value} for key, value in found.items()]
    if isinstance(found, list):
        pairs = [{str(key).lower().removeprefix("tag"): value for key, value in each.items()} for each in found]
        return [{"Key": each.get("key"), "Value": each.get("value")} for each in pairs]
    return None


def fitting(value: Any, kind: Type) -> Any:  # noqa: ANN401 (any JSON)
    """Return a JSON value in a column's type: members by name whatever their case, times as times; null what is no
    such thing.
    """
    match kind:
        case Struct(fields):
            if not isinstance(value, Mapping):
                return None
            spelt = {name.lower(): name for name in fields}
            pairs = ((spelt.get(str(key).lower()), each) for key, each in value.items())
            found = {name: fitting(each, fields[name]) for name, each in pairs if name is not None}
            return {name: each for name, each in found.items() if each is not None}
        case MapOf(of):
            return {key: fitting(each, of) for key, each in value.items()} if isinstance(value, Mapping) else None
        case ListOf(of):
            fits = (fitting(each, of) for each in value) if isinstance(value, list) else None
            return None if fits is None else [each for each in fits if each is not None]
    return _single(value, kind)


def _single(value: Any, kind: Scalar) -> Any:  # noqa: ANN401 (any JSON)
    match kind.kind:
        case "json":
            return value
        case "text":
            return value if isinstance(value, str) else None if isinstance(value, (Mapping, list)) else _text(value)
        case "boolean":
            return value if isinstance(value, bool) else {"true": True, "false": False}.get(str(value).lower())
        case "integer" | "number":
            fits = isinstance(value, _NUMBERS[kind.kind]) and not isinstance(value, bool)
            return value if fits else None
    return _moment(value)


def _text(value: Any) -> str | None:  # noqa: ANN401 (any JSON scalar)
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def _moment(value: Any) -> datetime | None:  # noqa: ANN401 (any JSON scalar)
    if isinstance(value, bool) or value is None:
        return None
    try:
        if isinstance(value, (int, float)):
            return datetime.fromtimestamp(value / 1000 if value > 1e11 else value, UTC)
        found = datetime.fromisoformat(str(value))
    except (ValueError, OverflowError, OSError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
