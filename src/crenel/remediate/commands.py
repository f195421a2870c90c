"""The AWS CLI command that is one call: for people who would rather do it themselves, or want to see what is done."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from botocore import xform_name
from botocore.model import ListShape, Shape

from crenel.catalog.columns import service_model

# The CLI's own names of services.
# https://docs.aws.amazon.com/cli/latest/reference/#available-services
_SERVICES = {"config": "configservice", "s3": "s3api"}
# Options that the CLI keeps for itself; parameters of these names have others there.
# https://docs.aws.amazon.com/cli/latest/reference/#global-options
_GLOBAL = frozenset({"color", "debug", "output", "profile", "query", "region", "version"})


def command(service: str, operation: str, params: Mapping[str, Any], region: str) -> str:
    """Return the AWS CLI's command for a call in botocore's names.

    https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-parameters.html says how values are written.
    """
    words = ["aws", _SERVICES.get(service, service), xform_name(operation, "-"), "--region", region]
    shape = service_model(service).operation_model(operation).input_shape
    members: Mapping[str, Shape] = shape.members if shape is not None else {}
    options = {name: xform_name(name, "-") for name in params}
    if _GLOBAL & set(options.values()):
        words += ["--cli-input-json", _json(params)]
    else:
        for name, value in params.items():
            words += _option(options[name], value, members.get(name))
    return shlex.join(words)


def _option(name: str, value: Any, shape: Shape | None) -> Iterator[str]:  # noqa: ANN401 (any JSON value)
    if isinstance(value, bool):
        yield f"--{name}" if value else f"--no-{name}"
    elif isinstance(value, list) and value and _of_scalars(shape):
        yield f"--{name}"
        yield from (_scalar(item) for item in value)
    elif isinstance(value, list | Mapping):
        yield from (f"--{name}", _json(value))
    elif str(value).startswith("-"):
        yield f"--{name}={_scalar(value)}"
    else:
        yield from (f"--{name}", _scalar(value))


def _of_scalars(shape: Shape | None) -> bool:
    kinds = ("structure", "list", "map")
    return isinstance(shape, ListShape) and shape.member.type_name not in kinds


def _scalar(value: Any) -> str:  # noqa: ANN401 (a text, a number or a boolean)
    return value if isinstance(value, str) else json.dumps(value)


def _json(value: Any) -> str:  # noqa: ANN401 (any JSON value)
    return json.dumps(value, ensure_ascii=False)
