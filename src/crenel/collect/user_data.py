"""User data: read, asked whether a policy's condition holds for it, and let go. No column ever has it.

The condition comes as SQL on one text (`Detail.test`), so that patterns run in bounded time here as everywhere.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import duckdb

from crenel.catalog.spec import Detail
from crenel.collect.context import UnitContext
from crenel.collect.rows import Row
from crenel.errors import CallError

_MOST_BYTES = 16 * 1024 * 1024  # unpacked; AWS takes 16 KiB
_GZIP = 16 + zlib.MAX_WBITS
_GONE = frozenset({"InvalidInstanceID.NotFound"})
_NO_TEMPLATE = frozenset({
    "InvalidLaunchTemplateId.NotFound", "InvalidLaunchTemplateId.VersionNotFound",
})  # fmt: skip


def decoded(encoded: str | None) -> str | None:
    """Return user data as the text that it is, unpacked where it is a gzip file. Raises `ValueError` for no text."""
    if not encoded:
        return None
    data = base64.b64decode(encoded)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        try:
            return zlib.decompressobj(_GZIP).decompress(data, _MOST_BYTES).decode("utf-8")
        except zlib.error as error:
            raise ValueError("neither text nor gzip") from error


def of_instances(context: UnitContext, detail: Detail, rows: Sequence[Row]) -> None:
    """Fill whether the condition holds for the user data of instances."""
    _each(context, detail, rows, lambda row: decoded(_attribute(context, row)))


def of_instances_encoded(context: UnitContext, detail: Detail, rows: Sequence[Row]) -> None:
    """Fill whether the condition holds for the user data of instances, in the encoding that AWS answers."""
    _each(context, detail, rows, lambda row: _attribute(context, row))


def _attribute(context: UnitContext, row: Row) -> str | None:
    params = {"InstanceId": row.values["InstanceId"], "Attribute": "userData"}
    answer = context.call("ec2", "DescribeInstanceAttribute", params, bare=True)
    found: str | None = (answer.get("UserData") or {}).get("Value")
    return found


def of_groups(context: UnitContext, detail: Detail, rows: Sequence[Row]) -> None:
    """Fill whether the condition holds for the user data of what groups launch: a configuration's or a template's."""
    _each(context, detail, rows, lambda row: decoded(_launched(context, row)))


def _launched(context: UnitContext, row: Row) -> str | None:
    name, template = row.values.get("LaunchConfigurationName"), row.values.get("c7n:LaunchTemplate")
    if name:
        params: dict[str, Any] = {"LaunchConfigurationNames": [name]}
        answer = context.call("autoscaling", "DescribeLaunchConfigurations", params, bare=True)
        found = [each for each in answer.get("LaunchConfigurations") or [] if each["LaunchConfigurationName"] == name]
        return found[0].get("UserData") if found else None
    if not template:
        return None
    params = {"LaunchTemplateId": template["LaunchTemplateId"], "Versions": [template["Version"]]}
    try:
        answer = context.call("ec2", "DescribeLaunchTemplateVersions", params, bare=True)
    except CallError as error:
        if error.code in _NO_TEMPLATE:
            return None
        raise
    versions = answer.get("LaunchTemplateVersions") or [{}]
    data: str | None = (versions[0].get("LaunchTemplateData") or {}).get("UserData")
    return data


def _each(context: UnitContext, detail: Detail, rows: Sequence[Row], read: Callable[[Row], str | None]) -> None:
    config: dict[str, str | bool | int | float | list[str]] = {
        "threads": 1,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    with duckdb.connect(":memory:", config=config) as connection:

        def unreadable(row: Row, why: str) -> None:
            # Nothing of the text may stand in the message.
            context.note(detail.name, [row], CallError(detail.permissions[0], "InvalidDocument", why), "")

        def holds(row: Row, text: str | None) -> bool | None:
            try:
                found = connection.cursor().execute(detail.test, [text]).fetchone()
            except duckdb.Error:
                unreadable(row, "the policy's condition can't be asked of the user data")
                return None
            return bool(found and found[0])

        def ask(row: Row) -> None:
            try:
                text = read(row)
            except CallError as error:
                context.failed(detail.name, row, error, *_GONE)
            except ValueError:
                unreadable(row, "the user data is neither a text nor a gzip file")
            else:
                row.values[detail.name] = holds(row, text)

        context.each("ec2", ask, rows)
