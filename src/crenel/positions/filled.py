"""`--vars`: a policy file's raw text with its placeholders filled, as Python's `str.format` does it, but without reach.

A placeholder is ``{name}``, with ``[key]`` or ``[0]`` behind it to step into mappings and lists, a conversion (``!r``)
and a format (``:>10``); ``{{`` and ``}}`` are braces. Attributes are refused, since `str.format` would lead anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from crenel.errors import PolicyError, did_you_mean
from crenel.positions.places import Piece, Places

_BRACES = re.compile(r"\{\{|\}\}|\{[^{}]*\}|[{}]")
FIELD = re.compile(
    r"(?P<name>[^.\[\]!:]*)(?P<steps>(?:\.[^.\[\]!:]*|\[[^\]]*\])*)(?:!(?P<conversion>.))?(?::(?P<format>.*))?",
    re.DOTALL,
)
STEP = re.compile(r"\.(?P<attribute>[^.\[]*)|\[(?P<key>[^\]]*)\]")
_WIDE = re.compile(r"\d{4}")
_CONVERSIONS: Mapping[str | None, Callable[[Any], Any]] = {None: lambda value: value, "r": repr, "s": str, "a": ascii}


def filled(text: str, variables: Mapping[str, Any], name: str, most: int) -> tuple[str, Places]:
    """Return the text with all placeholders filled, and the places of what comes out in what went in.

    Raises `PolicyError` at the first placeholder that has no value, and where more than `most` letters come out.
    """
    places = Places(name, text)
    out: list[str] = []
    pieces: list[Piece] = []
    length = end = 0
    for match in _BRACES.finditer(text):
        literal, word = text[end : match.start()], match[0]
        if literal:
            pieces.append(Piece(length, end, match.start(), literal=True))
            out.append(literal)
            length += len(literal)
        end = match.end()
        try:
            value = word[0] if word in ("{{", "}}") else _value(word, variables)
        except ValueError as error:
            message, _, hint = str(error).partition("\n")
            raise PolicyError(
                message, where=places.where(match.start(), end), suggestion=hint, code="variable"
            ) from error
        pieces.append(Piece(length, match.start(), end, literal=False))
        out.append(value)
        length += len(value)
        if length > most:
            raise PolicyError(f"{name} with its variables filled in is too large.", suggestion="Split it.")
    out.append(text[end:])
    pieces.append(Piece(length, end, len(text), literal=True))
    return "".join(out), Places(name, text, pieces)


def _value(word: str, variables: Mapping[str, Any]) -> str:
    if len(word) == 1:
        raise ValueError(f'a single "{word}" stands here.\nWith --vars a brace itself is written twice: {word}{word}.')
    match = FIELD.fullmatch(word[1:-1])
    if match is None:
        raise ValueError(f"{word} is no placeholder.\nWith --vars a brace itself is written twice: {{{{ and }}}}.")
    name = match["name"]
    if not name or name.isdecimal():
        raise ValueError(f"{word} names no variable.\nWith --vars a brace itself is written twice: {{{{ and }}}}.")
    if name not in variables:
        hint = did_you_mean(name, variables) or "A brace itself is written twice: {{ and }}."
        raise ValueError(f'the variables have no "{name}".\n{hint}')
    value = stepped(variables[name], match["steps"], word)
    return str(formatted(value, match["conversion"], match["format"] or "", word))


def stepped(value: Any, steps: str, word: str) -> Any:  # noqa: ANN401 (any YAML value)
    """Return what the steps behind a placeholder's name lead to. Raises `ValueError` for an attribute or a lost key."""
    for step in STEP.finditer(steps):
        if step["attribute"] is not None:
            raise ValueError(f"{word} asks for an attribute.\nSteps are [key] and [0].")
        key: Any = int(step["key"]) if step["key"].isdecimal() and len(step["key"]) < 10 else step["key"]
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            raise ValueError(f"{word} leads to nothing: there is no [{step['key']}].") from None
    return value


def formatted(value: Any, conversion: str | None, layout: str, word: str) -> Any:  # noqa: ANN401 (any YAML value)
    """Return a value in a format. Raises `ValueError` for a conversion or format that it does not take."""
    if conversion not in _CONVERSIONS:
        raise ValueError(f'{word} has the conversion "{conversion}".\nThere are !r, !s and !a.')
    if _WIDE.search(layout):
        raise ValueError(f"{word} is too wide.")
    try:
        return format(_CONVERSIONS[conversion](value), layout)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{word} can't be written so: {error}.") from error
