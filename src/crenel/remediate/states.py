"""The state that an act changes: how it is read, when two are the same, and where they differ."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from crenel.collect.calls import Caller
from crenel.errors import CallError
from crenel.remediate.model import Reading
from crenel.remediate.templates import canonical, filled


def read_state(caller: Caller, reading: Reading, context: Mapping[str, Any]) -> Any:  # noqa: ANN401 (any JSON value)
    """Return the state that a read shows, as a JSON value; `context` has the act's `args`.

    The lists of its pages are joined. Raises `CallError` where AWS gives none, but for the codes that mean a state.
    """
    request, answer = reading.request, dict[str, Any]()
    params, region = filled(request.params, context), context["args"]["region"]
    try:
        for page in caller.pages(request.service, request.operation, params, region):
            for name, value in page.items():
                answer[name] = answer.get(name, []) + value if isinstance(value, list) else value
    except CallError as error:
        if error.code not in reading.absent:
            raise
        return reading.absent[error.code]
    return as_json(reading.take.of({"answer": as_json(answer), **context}))


def as_json(value: Any) -> Any:  # noqa: ANN401 (any value of an answer)
    """Return a value of an answer as a JSON value: times as texts in UTC, bytes in Base64."""
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return value


def same(first: Any, second: Any) -> bool:  # noqa: ANN401 (any JSON values)
    """Return whether two states mean the same."""
    return bool(canonical(first) == canonical(second))


def made_by(before: Any, after: Any) -> list[Any]:  # noqa: ANN401 (any JSON values)
    """Return the items of the list `after` that `before` lacks; nothing where `after` is no list."""
    return [item for item in after if item not in (before or [])] if isinstance(after, list) else []


def differences(first: Any, second: Any) -> list[str]:  # noqa: ANN401 (any JSON values)
    """Return where two states differ, a line each: ``path: first → second``."""
    return list(_differences("", canonical(first), canonical(second)))


def _differences(path: str, first: Any, second: Any) -> Iterator[str]:  # noqa: ANN401
    if first == second:
        return
    if isinstance(first, dict) and isinstance(second, dict):
        for key in sorted({*first, *second}):
            yield from _differences(f"{path}.{key}" if path else key, first.get(key), second.get(key))
    elif isinstance(first, list) and isinstance(second, list):
        gone, new = made_by(second, first), made_by(first, second)
        signed = [*(f"-{_text(item)}" for item in gone), *(f"+{_text(item)}" for item in new)]
        yield f"{path or 'state'}: {' '.join(signed)}"
    else:
        yield f"{path or 'state'}: {_text(first)} → {_text(second)}"


def _text(value: Any) -> str:  # noqa: ANN401
    return json.dumps(value, ensure_ascii=False)
