"""Small edits of a condition: a part left out, `and` for `or`, no `not`, another operator or value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from crenel.detections.changes import ITEMS
from crenel.detections.falco.condition import AllOf, AnyOf, Check, Listed, MacroName, Node, Opposite, Span, Written
from crenel.positions.edited import slipped

_OPERATORS: Mapping[str, str] = {
    "=": "!=", "==": "!=", "!=": "=", "<": "<=", "<=": "<", ">": ">=", ">=": ">", "contains": "=", "icontains": "=",
    "startswith": "=", "endswith": "=", "glob": "=", "iglob": "glob", "regex": "=", "intersects": "in",
}  # fmt: skip
_MODIFIERS: Mapping[str, str] = {"anyof": "allof", "allof": "anyof", "oneof": "anyof"}

Edit = tuple[Node, str, Span]  # the condition with a change, the change in words, and its place in the text


def edits(node: Node, text: str) -> Iterator[Edit]:
    """Yield a condition with one small change each; `text` is what it was read from."""
    match node:
        case AllOf(parts) | AnyOf(parts):
            yield from _joined(node, parts, text)
        case Opposite(part):
            span = _span(node)
            yield part, f"without `not`: {_shown(text, span)}", span
            for changed, words, span in edits(part, text):
                yield Opposite(changed), words, span
        case Check():
            yield from _check(node, text)


def _joined(node: AllOf | AnyOf, parts: tuple[Node, ...], text: str) -> Iterator[Edit]:
    own = type(node)
    other: type[AllOf | AnyOf] = AnyOf if own is AllOf else AllOf
    span = _span(node)
    told = "and -> or" if own is AllOf else "or -> and"
    yield other(parts), f"{told}: {_shown(text, span)}", span
    for place, part in enumerate(parts):
        before, after = parts[:place], parts[place + 1 :]
        span, rest = _span(part), (*before, *after)
        yield rest[0] if len(rest) == 1 else own(rest), f"left out: {_shown(text, span)}", span
        for changed, words, where in edits(part, text):
            yield own((*before, changed, *after)), words, where


def _check(node: Check, text: str) -> Iterator[Edit]:
    whole = f", in {_shown(text, node.span)}"
    other = _OPERATORS.get(node.operator)
    if other:
        yield replace(node, operator=other), f"{node.operator} -> {other}{whole}", node.span
    if node.modifier:
        other = _MODIFIERS[node.modifier]
        yield replace(node, modifier=other), f"{node.modifier} -> {other}{whole}", node.span
    match node.right:
        case Written(value, span):
            changed = slipped(value)
            yield replace(node, right=Written(changed, span)), f"{value} -> {changed}{whole}", span
        case Listed(items, span) if len(items) > 1:
            for place, item in enumerate(items[:ITEMS]):
                rest = Listed((*items[:place], *items[place + 1 :]), span)
                yield replace(node, right=rest), f"without {_shown(text, item.span)}{whole}", item.span


def _shown(text: str, span: Span) -> str:
    """Return a part of a text with the parentheses that belong to it."""
    start, end = span.start, span.end
    depths = [0]
    for letter in text[start:end]:
        depths.append(depths[-1] + (letter == "(") - (letter == ")"))
    opened = -min(depths)
    closed = depths[-1] + opened
    while opened and start and text[start - 1] in "( ":
        start -= 1
        opened -= text[start] == "("
    while closed and end < len(text) and text[end] in ") ":
        closed -= text[end] == ")"
        end += 1
    return text[start:end]


def _span(node: Node) -> Span:
    """Return from where to where a part stands, parentheses around it aside."""
    match node:
        case AllOf(parts) | AnyOf(parts):
            return Span(_span(parts[0]).start, _span(parts[-1]).end)
        case Opposite(part):
            return _span(part)
        case Check(span=span) | MacroName(span=span):
            return span
