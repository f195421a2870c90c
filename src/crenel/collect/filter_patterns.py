"""Filter patterns of CloudWatch Logs, brought into one form: what any of several sets of conditions catches.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from __future__ import annotations

import re
from itertools import product
from math import prod

# "(", ")", "&&", "||" and what stands between: a key of JSON, an operator, a value with quotes, a regular expression.
_TOKEN = re.compile(
    r"""\s*(?:
      (?P<mark>\(|\)|&&|\|\|)
    | (?P<key>\$[^\s()&|=!<>]*)
    | (?P<op>!=|<=|>=|=|<|>)
    | "(?P<quoted>(?:[^"\\]|\\.)*)"
    | %(?P<regex>[^%]*)%
    | (?P<word>(?:NOT\s+EXISTS|EXISTS|IS\s+NOT\s+NULL|IS\s+NULL|IS\s+TRUE|IS\s+FALSE)\b)
    | (?P<bare>[^\s()&|=!<>"]+)
    )\s*""",
    re.VERBOSE | re.IGNORECASE,
)
_TERM = re.compile(
    r'\s*(?P<sign>[?-]?)(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|%(?P<regex>[^%]*)%|(?P<bare>[^\s"\[\]{}]+))(?:\s+|$)'
)
# What Python and RE2 read alike; AWS takes no more than this.
_PLAIN_REGEX = re.compile(r"(?:[^\\()\[]|\((?!\?)|\)|\[(?!\[)|\\[dDsSwW]|\\x[0-9a-fA-F]{2}|\\[!-/:-@[-^`{-~])*")
_POSSESSIVE = re.compile(r"(?<!\\)[*+?}]\+")
_REPEATED = 1_000  # by RE2 at most
_MOST = 2_000  # alternatives
_Condition = dict[str, str | None]


def alternatives(pattern: str | None) -> list[dict[str, list[_Condition]]] | None:
    """Return what a filter pattern catches: the events that fulfil all `Conditions` of one alternative at least.

    A condition has the `Field` below ``$.`` (an empty one is the event's whole text), the `Op` (``=``, ``!=``, ``<``,
    ``<=``, ``>``, ``>=``, or in capitals what has no value: ``NOT EXISTS``, ``IS NULL``; for texts ``HAS`` and
    ``LACKS``), the `Value` as written and, of a text, the `Pattern` that the whole value has to match, in RE2's syntax.
    An empty pattern catches everything. None for a pattern that is not understood, one for lines with spaces say.
    """
    text = (pattern or "").strip()
    try:
        found = _json(text) if text.startswith("{") else _terms(text)
    except (ValueError, RecursionError):
        return None
    return [{"Conditions": each} for each in found]


# --- patterns of JSON


def _json(text: str) -> list[list[_Condition]]:
    if not text.endswith("}"):
        raise ValueError("a brace is missing")
    tokens = _tokens(text[1:-1])
    found, rest = _any(tokens)
    if rest:
        raise ValueError("there is more than one expression")
    return found


def _tokens(text: str) -> list[re.Match[str]]:
    found, at = [], 0
    while at < len(text.rstrip()):
        token = _TOKEN.match(text, at)
        if token is None:
            raise ValueError(f"what stands at {at}?")
        found.append(token)
        at = token.end()
    return found


def _any(tokens: list[re.Match[str]]) -> tuple[list[list[_Condition]], list[re.Match[str]]]:
    """Read alternatives: `&&` binds closer than `||`."""
    found, rest = _all(tokens)
    while rest and rest[0]["mark"] == "||":
        more, rest = _all(rest[1:])
        found = found + more
    return found, rest


def _all(tokens: list[re.Match[str]]) -> tuple[list[list[_Condition]], list[re.Match[str]]]:
    found, rest = _one(tokens)
    while rest and rest[0]["mark"] == "&&":
        more, rest = _one(rest[1:])
        if len(found) * len(more) > _MOST:
            raise ValueError("these are too many alternatives")
        found = [left + right for left, right in product(found, more)]
    return found, rest


def _one(tokens: list[re.Match[str]]) -> tuple[list[list[_Condition]], list[re.Match[str]]]:
    if not tokens:
        raise ValueError("an expression is missing")
    if tokens[0]["mark"] == "(":
        found, rest = _any(tokens[1:])
        if not rest or rest[0]["mark"] != ")":
            raise ValueError("a bracket is missing")
        return found, rest[1:]
    key, *rest = tokens
    if not key["key"] or not rest:
        raise ValueError("a condition starts with a key")
    field = key["key"].removeprefix("$").removeprefix(".")
    if rest[0]["word"]:
        op = " ".join(rest[0]["word"].upper().split())
        return [[_condition(field, op, None, None)]], rest[1:]
    if not rest[0]["op"] or len(rest) < 2:
        raise ValueError("an operator and a value are missing")
    value = rest[1]
    op = rest[0]["op"]
    if value["mark"] or value["op"] or value["key"] or value["word"]:
        raise ValueError("a value is missing")
    if value["regex"] is not None and op not in ("=", "!="):
        raise ValueError("a regular expression has no order")
    return [[_condition(field, op, *_value(value))]], rest[2:]


# --- patterns of terms


def _terms(text: str) -> list[list[_Condition]]:
    """Read terms: all have to be there, those with ``-`` must not, of those with ``?`` one will do. Beside others AWS
    passes over those with ``?``.
    """
    every: list[_Condition] = []
    some: list[_Condition] = []
    at = 0
    while at < len(text):
        term = _TERM.match(text, at)
        if term is None:
            raise ValueError(f"what stands at {at}?")
        at = term.end()
        value, pattern = _value(term)
        (some if term["sign"] == "?" else every).append(
            _condition("", "LACKS" if term["sign"] == "-" else "HAS", value, pattern)
        )
    return [[each] for each in some] if some and not every else [every]


def _condition(field: str, op: str, value: str | None, pattern: str | None) -> _Condition:
    return {"Field": field, "Op": op, "Value": value, "Pattern": pattern}


def _value(found: re.Match[str]) -> tuple[str, str]:
    """Return a value as it is written, and the pattern in RE2's syntax that it stands for."""
    if found["regex"] is not None:
        return f"%{found['regex']}%", _regex(found["regex"])
    text = found["bare"] if found["quoted"] is None else re.sub(r"\\(.)", r"\1", found["quoted"])
    return text, r"\A" + r"(?s:.*)".join(re.escape(part) for part in text.split("*")) + r"\z"


def _regex(text: str) -> str:
    """Return a regular expression of AWS's, if RE2 reads it as well."""
    repeated = prod(max(int(number), 1) for number in re.findall(r"[{,](\d+)", text))
    if not _PLAIN_REGEX.fullmatch(text) or _POSSESSIVE.search(text) or repeated > _REPEATED:
        raise ValueError("RE2 may read this otherwise")
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(str(error)) from error
    return f"(?:{text})"
