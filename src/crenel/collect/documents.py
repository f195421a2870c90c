"""IAM policy documents, brought into one form."""

from __future__ import annotations

import json
from typing import Any

_LISTS = ("Action", "NotAction", "Resource", "NotResource")


def statements(document: object) -> list[dict[str, Any]]:
    """Return a policy document's statements, all in one form.

    Takes the document, or its JSON text (URL-decoded). Each statement has `Sid` and `Effect` (text or null), `Action`,
    `NotAction`, `Resource` and `NotResource` (a list of texts, null where the statement has none) and `Condition` (as
    it stands, or null). A single statement or a single value counts as a list of one. Raises `ValueError` where it is
    no policy.
    """
    parsed = json.loads(document) if isinstance(document, str) else document
    if not isinstance(parsed, dict):
        raise ValueError("a policy document is a JSON object")  # noqa: TRY004 (the text is wrong, not its type)
    found = _named(parsed).get("statement", [])
    items = found if isinstance(found, list) else [found]
    return [_statement(item) for item in items]


def _statement(item: object) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise ValueError("a statement is a JSON object")  # noqa: TRY004
    keys = _named(item)
    made: dict[str, Any] = {"Sid": keys.get("sid"), "Effect": keys.get("effect")}
    made |= {name: _texts(name, keys.get(name.lower())) for name in _LISTS}
    made["Condition"] = keys.get("condition")
    return made


def _texts(name: str, value: object) -> list[str] | None:
    if value is None:
        return None
    items = value if isinstance(value, list) else [value]
    texts = [item for item in items if isinstance(item, str)]
    if len(texts) != len(items):
        raise ValueError(f"{name} is a text or a list of texts")
    return texts


def _named(item: dict[str, Any]) -> dict[str, Any]:
    """Return the elements by their names in lower case; their case carries no meaning."""
    return {key.lower(): value for key, value in item.items()}
