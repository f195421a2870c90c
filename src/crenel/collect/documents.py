"""IAM policy documents, brought into one form (`STATEMENTS`).

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

_TEXTS = ("Sid", "Effect")
_LISTS = ("Action", "NotAction", "Resource", "NotResource")
_PRINCIPALS = ("NotPrincipal", "Principal")


def statements(document: object) -> list[dict[str, Any]]:
    """Return a policy document's statements, all in one form.

    Takes the document, or its JSON text: URL-encoded or not, or with the quotes escaped once more, as API Gateway has
    it. A single statement or value counts as a list of one; what a statement lacks is null:

    - `Sid` and `Effect`, a text each; `Action`, `NotAction`, `Resource` and `NotResource`, a list of texts each;
    - `Principals` and `NotPrincipals`: `Kind` (AWS, Service, Federated …; null for a bare ``"*"``) and `Value`;
    - `Condition` as it stands, and `Conditions`: `Operator`, `Key` (in lower case, which means the same), `Values` as
      texts, and `Texts`: whether the document has texts there (and not a bare true, false or number).

    Raises `ValueError` where it is no policy.
    """
    parsed = _parsed(document) if isinstance(document, str) else document
    if not isinstance(parsed, Mapping):
        raise ValueError("a policy document is a JSON object")  # noqa: TRY004 (the text is wrong, not its type)
    found = _named(parsed).get("statement", [])
    items = found if isinstance(found, list) else [found]
    return [_statement(item) for item in items]


def _parsed(text: str) -> Any:  # noqa: ANN401 (any JSON)
    text = text.strip()
    if text[:3].upper() == "%7B":
        text = unquote(text)
    try:
        if text.startswith('{\\"'):
            text = json.loads(f'"{text}"')
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("the document is nested too deep") from error


def _statement(item: object) -> dict[str, Any]:
    if not isinstance(item, Mapping):
        raise ValueError("a statement is a JSON object")  # noqa: TRY004
    keys = _named(item)
    made: dict[str, Any] = {name: _text(name, keys.get(name.lower())) for name in _TEXTS}
    made |= {f"{name}s": _principals(name, keys.get(name.lower())) for name in _PRINCIPALS}
    made |= {name: _texts(name, keys.get(name.lower())) for name in _LISTS}
    made["Condition"] = keys.get("condition")
    made["Conditions"] = _conditions(keys.get("condition"))
    return made


def _text(name: str, value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{name} is a text")
    return value


def _texts(name: str, value: object) -> list[str] | None:
    if value is None:
        return None
    items = value if isinstance(value, list) else [value]
    texts = [item for item in items if isinstance(item, str)]
    if len(texts) != len(items):
        raise ValueError(f"{name} is a text or a list of texts")
    return texts


def _principals(name: str, value: object) -> list[dict[str, str | None]] | None:
    kinds = value if isinstance(value, Mapping) else {None: value}
    if value is None:
        return None
    return [{"Kind": kind, "Value": text} for kind, named in kinds.items() for text in _some_texts(name, named)]


def _some_texts(name: str, value: object) -> list[str]:
    found = _texts(name, value)
    if found is None:
        raise ValueError(f"{name} is a text, a list of texts, or these by kind")
    return found


def _conditions(value: object) -> list[dict[str, Any]] | None:
    if value is None:
        return None
    found = []
    for operator, asked in _object("Condition", value).items():
        for key, values in _object(f"the condition {operator}", asked).items():
            items = values if isinstance(values, list) else [values]
            texts = all(isinstance(item, str) for item in items)
            spelled = [_spelled(key, item) for item in items]
            found.append({"Operator": operator, "Key": key.lower(), "Values": spelled, "Texts": texts})
    return found


def _object(what: str, value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{what} is a JSON object")  # noqa: TRY004
    return value


def _spelled(key: str, value: object) -> str:
    if not isinstance(value, (str, bool, int, float)):
        raise ValueError(f"a value of {key} is a text, a number, true or false")  # noqa: TRY004
    return value if isinstance(value, str) else json.dumps(value)


def _named(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the elements by their names in lower case: their case carries no meaning."""
    found = {key.lower(): value for key, value in item.items()}
    if len(found) < len(item):
        raise ValueError("an element is there twice")
    return found
