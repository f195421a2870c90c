"""The patterns of policies: Python's regular expressions and globs, as RE2 reads them (`language/patterns.py`)."""

from __future__ import annotations

import re
import warnings
from functools import lru_cache

# Python has had its parser here since 3.11; the module `sre_parse` that it came from goes away.
from re import _parser  # type: ignore[attr-defined]
from typing import Any

from crenel.language.patterns import FLAGS, RefusedError, shell, spelt, translated
from crenel.positions import Located


def pattern(item: Located) -> str:
    """Return a pattern as RE2 reads it. Raises `PolicyError` for what is none, or can't run in bounded time."""
    return _told(item, item.text("a pattern"), captures=False)[0]


def matching(item: Located) -> tuple[tuple[str, bool], ...]:
    """Return what must match at the start of a text, and (where the second is false) what must not.

    So the look-aheads that people write in policies run as well, which RE2 has not: those at the start of a pattern,
    and "nothing of this in it", ``^((?!…).)*$``. Raises `PolicyError` as `pattern` does.
    """
    text = item.text("a pattern")
    try:
        return _with_look_ahead(text)
    except (RefusedError, re.error, FutureWarning, RecursionError, OverflowError):
        return ((_told(item, text, captures=False)[0], True),)


def capture(item: Located) -> tuple[str, bool]:
    """Return a pattern with one group as RE2 reads it, and whether the group may be left out of a match."""
    written, optional, groups = _told(item, item.text("a pattern"), captures=True)
    if groups != 1:
        has = f"{groups} groups" if groups else "none"
        hint = "Write (?:…) for what only belongs together." if groups else "Such as: .*-(prod|dev)-.*"
        raise item.error(f"value_regex needs one group (…), which is the part to compare, and this has {has}.", hint)
    return written, optional


def shell_pattern(text: str, at: Located) -> str:
    """Return a shell pattern as RE2 reads it. Raises `PolicyError`, at `at`, for one that is too large to run."""
    try:
        return glob(text)
    except RefusedError as error:
        raise at.error(f"shell patterns run in bounded time and can't have {error}.", "Say it shorter.") from error


def glob(text: str) -> str:
    """Return a shell pattern as RE2 reads it, by the rules of Python's `fnmatch`: it matches a whole text.

    Only for what a policy can't make too large, others take `shell_pattern`.
    """
    return shell(text)


def _told(item: Located, text: str, *, captures: bool) -> tuple[str, bool, int]:
    try:
        return translated(text, captures)
    except RefusedError as error:
        raise item.error(f"patterns run in bounded time and can't have {error} here.") from error
    # Python warns of what reads like the sets of other languages, [[:alpha:]] among them.
    except (re.error, FutureWarning, RecursionError, OverflowError) as error:
        raise item.error(f"this is no regular expression: {error}.") from error


@lru_cache(maxsize=1024)
def _with_look_ahead(text: str) -> tuple[tuple[str, bool], ...]:
    with warnings.catch_warnings():
        warnings.simplefilter("error", FutureWarning)
        tree = _parser.parse(text)
    flags = tree.state.flags
    if flags & ~FLAGS.value:
        raise RefusedError("the flags (?a) or (?L)")
    nodes = [(str(op), av) for op, av in tree]
    found: list[tuple[str, bool]] = []
    while nodes and (_is_start(nodes[0]) or _looks_ahead(nodes[0])):
        op, av = nodes.pop(0)
        if op != "AT":
            found.append((spelt(av[1], flags), op == "ASSERT"))
    tempered = _tempered(nodes)
    if tempered is not None:
        any_character = "(?s:.)" if flags & re.DOTALL else r"[^\n]"
        found.append((f"{any_character}*(?:{spelt(tempered, flags)})", False))
        nodes = [(op, av) if index else _anything(av) for index, (op, av) in enumerate(nodes)]
    return (*found, (spelt(nodes, flags), True))


def _is_start(node: tuple[str, Any]) -> bool:
    return node[0] == "AT" and str(node[1]) in ("AT_BEGINNING", "AT_BEGINNING_STRING")


def _looks_ahead(node: tuple[str, Any]) -> bool:
    return node[0] in ("ASSERT", "ASSERT_NOT") and node[1][0] > 0


def _tempered(nodes: list[tuple[str, Any]]) -> Any:  # noqa: ANN401 (a tree of Python's parser)
    """Return what must not begin anywhere in a text, for ``((?!…).)*$``; None for other patterns."""
    ends = [str(av) for op, av in nodes[1:] if op == "AT"]
    if not nodes or nodes[0][0] != "MAX_REPEAT" or len(nodes) != 2 or not ends or not ends[0].startswith("AT_END"):
        return None
    least, most, body = nodes[0][1]
    inner = [(str(op), av) for op, av in body]
    if len(inner) == 1 and inner[0][0] == "SUBPATTERN":
        inner = [(str(op), av) for op, av in inner[0][1][-1]]
    if least or str(most) != "MAXREPEAT" or len(inner) != 2:
        return None
    fits = inner[0][0] == "ASSERT_NOT" and _looks_ahead(inner[0]) and inner[1][0] == "ANY"
    return inner[0][1][1] if fits else None


def _anything(av: Any) -> tuple[Any, Any]:  # noqa: ANN401 (a tree of Python's parser)
    """Return the repetition of any character that a tempered one is without its condition."""
    least, most, _ = av
    return "MAX_REPEAT", (least, most, _parser.parse("."))
