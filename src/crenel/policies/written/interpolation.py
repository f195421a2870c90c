"""Runtime interpolation: ``{account_id}`` and its kin in the texts of a loaded policy, as Cloud Custodian fills them.

A text that is one placeholder alone takes the value with its type. A text of which one placeholder has no value stays
as it is, doubled braces too. What Custodian fails on (a single brace, an attribute that is not there) is an error with
its place. The clock is given: the same policy at the same time reads the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from crenel.errors import PolicyError, did_you_mean
from crenel.policies.written.model import CUSTODIAN_KEYS, Policy, policy_of
from crenel.positions import Located
from crenel.positions.filled import FIELD, STEP, formatted

# What actions fill in later: such a placeholder stays.
_LATER = (
    "account", "event", "op", "action_date", "service", "bucket_region", "bucket_name", "source_bucket_name",
    "source_bucket_region", "target_bucket_name", "target_prefix", "LoadBalancerName",
)  # fmt: skip
_PIECES = re.compile(r"\{\{|\}\}|\{(?P<field>(?:[^{}]|\{[^{}]*\})*)\}|[{}]|[^{}]+")
# A placeholder as one is written: with no format, for {a: b} is JMESPath's, and no number, for {2} is a pattern's.
_NAMED = re.compile(r"(?<!\{)\{(?P<name>[A-Za-z_]\w*)(?:\.\w+|\[\w+\])*\}(?!\})", re.ASCII)
_SPAN = re.compile(r"\+(\d{1,9})([Mdh])")
_PARTS = ("year", "month", "day", "hour", "minute", "second", "microsecond")
_MOST = 8 * 1024 * 1024  # letters and values that placeholders may bring in
_SPANS = {"M": "minutes", "h": "hours", "d": "days"}


class _Unknown(Exception):  # noqa: N818 (no error: the text stays as it is)
    """A placeholder that has no value here."""


def runtime_variables(body: Located, *, account_id: str, region: str, partition: str, now: datetime) -> dict[str, Any]:
    """Return what a policy's placeholders stand for. `now` is the run's clock, in UTC; `body` the policy as written."""
    later = {name: f"{{{name}}}" for name in _LATER}
    return {
        **later,
        "account_id": account_id,
        "partition": partition,
        "region": region,
        "policy": body.plain(),
        "now": now.replace(tzinfo=None),  # Custodian's is naive, and is written so
    }


def interpolated(body: Located, variables: Mapping[str, Any]) -> Located:
    """Return a value with the placeholders of all its texts filled; places stay. Raises `PolicyError`."""
    return _Filler(variables).located(body)


class _Filler:
    """Fills texts, and bounds what comes out: placeholders for the policy itself could write it out without end."""

    def __init__(self, variables: Mapping[str, Any]) -> None:
        self.variables = variables
        self.spent = 0

    def located(self, item: Located) -> Located:
        value = item.value
        if isinstance(value, dict):
            filled = {key: self.located(part) for key, part in value.items()}
            same = all(part is value[key] for key, part in filled.items())
            return item if same else Located(filled, item.where, item.keys)
        if isinstance(value, list):
            parts = [self.located(part) for part in value]
            same = all(part is before for part, before in zip(parts, value, strict=True))
            return item if same else Located(parts, item.where)
        if isinstance(value, str) and ("{" in value or "}" in value):
            return self.given(_text(value, self.variables, item), item)
        return item

    def given(self, value: Any, at: Located) -> Located:  # noqa: ANN401 (any YAML value)
        """Return a plain value at the place of the text that it came from."""
        self.spent += 1 + (len(value) if isinstance(value, str) else 0)
        if self.spent > _MOST:
            raise at.error("the placeholders of this policy write out too large.", code="too-large")
        if isinstance(value, dict):
            keys = dict.fromkeys(value, at.where)
            return Located({key: self.given(item, at) for key, item in value.items()}, at.where, keys)
        if isinstance(value, list):
            return Located([self.given(item, at) for item in value], at.where)
        return Located(value, at.where)


def unfilled(policy: Policy, variables: Mapping[str, Any]) -> Iterator[PolicyError]:
    """Yield a warning for each placeholder that nothing fills in, so that its text stays as it is.

    Actions have placeholders of their own: there only what is nearly one of the known names counts.
    """
    items = policy.body.mapping("a policy")
    now = [name for name in variables if name not in _LATER]
    for key in ("filters", "conditions", "query", "mode", "actions"):
        for item in _texts(items[key]) if key in items else ():
            for match in _NAMED.finditer(item.value):
                hint = did_you_mean(match["name"], variables if key == "actions" else now)
                if match["name"] in (*variables, "params") or (key == "actions" and not hint):
                    continue
                what = f"nothing fills in {match[0]}, so this text stays as it is, in Cloud Custodian too."
                yield item.error(what, hint, "variable")


def _texts(item: Located) -> Iterator[Located]:
    """Yield the texts at or below a value."""
    left = [item]
    while left:
        part = left.pop()
        if isinstance(part.value, str):
            yield part
        elif isinstance(part.value, (dict, list)):
            left += part.value.values() if isinstance(part.value, dict) else part.value


def at_runtime(policy: Policy, variables: Mapping[str, Any]) -> Policy:
    """Return a policy as it reads when it runs. Crenel's own keys have placeholders of their own and stay.

    Raises `PolicyError`, as `policy_of` does too where a filled text is no longer what its key takes.
    """
    items = {
        key: interpolated(item, variables) if key in CUSTODIAN_KEYS else item
        for key, item in policy.body.mapping("a policy").items()
    }
    if all(item is policy.body.value[key] for key, item in items.items()):
        return policy
    _kept(items, policy.body)
    return policy_of(Located(items, policy.body.where, policy.body.keys), builtin=policy.builtin)


def _kept(items: dict[str, Located], body: Located) -> None:
    """Put back what Custodian fills in only where its function runs."""
    mode, before = items.get("mode"), body.mapping("a policy").get("mode")
    if mode is not None and before is not None and "member-role" in mode.mapping("mode"):
        filled = {**mode.value, "member-role": before.value["member-role"]}
        items["mode"] = Located(filled, mode.where, mode.keys)


def _text(text: str, variables: Mapping[str, Any], at: Located) -> Any:  # noqa: ANN401
    try:
        return _filled(text, variables)
    except _Unknown:
        return text
    except ValueError as error:
        message, _, hint = str(error).partition("\n")
        raise PolicyError(message, where=at.where, suggestion=hint, code="variable") from error


def _filled(text: str, variables: Mapping[str, Any]) -> Any:  # noqa: ANN401
    found: list[Any] = []
    for match in _PIECES.finditer(text):
        piece = match[0]
        if match["field"] is not None:
            found.append(_field(match["field"], piece, variables, alone=piece == text))
        elif piece in ("{", "}"):
            raise ValueError(
                f'a single "{piece}" stands here, which Cloud Custodian fails on.\nA brace itself is written twice.'
            )
        else:
            found.append(piece[0] if piece in ("{{", "}}") else piece)
    return found[0] if len(found) == 1 else "".join(found)


def _field(words: str, piece: str, variables: Mapping[str, Any], *, alone: bool) -> Any:  # noqa: ANN401
    match = FIELD.fullmatch(words)
    if match is None or match["name"] not in variables:
        raise _Unknown
    value = _stepped(variables[match["name"]], match["steps"], piece)
    layout = match["format"] or ""
    if "{" in layout:
        layout = str(_filled(layout, variables))
    if isinstance(value, datetime) and match["conversion"] is None:
        return _time(value, layout, piece, alone=alone)
    if alone and not layout and match["conversion"] is None:
        return value
    return str(formatted(value, match["conversion"], layout, piece))


def _stepped(value: Any, steps: str, piece: str) -> Any:  # noqa: ANN401
    """Follow ``[key]``, ``.key`` into the policy and ``.year`` of a time; other attributes are refused."""
    for step in STEP.finditer(steps):
        name = step["attribute"]
        if name is not None:
            if isinstance(value, datetime) and name in _PARTS:
                value = getattr(value, name)
                continue
            if not isinstance(value, dict) or name not in value:
                raise ValueError(f"{piece} asks for what is not there, which Cloud Custodian fails on.")
            value = value[name]
            continue
        key: Any = int(step["key"]) if step["key"].isdecimal() and len(step["key"]) < 10 else step["key"]
        try:
            value = value[key]
        except (KeyError, IndexError):
            raise _Unknown from None
        except TypeError:
            raise ValueError(f"{piece} steps into what has no parts, which Cloud Custodian fails on.") from None
    return value


def _time(now: datetime, layout: str, piece: str, *, alone: bool) -> Any:  # noqa: ANN401
    """Return a time in a format of Custodian's: `strftime`, with ``+1d``, ``+2h`` and ``+30M`` added to it."""
    if alone and not layout:
        return now.replace(tzinfo=UTC)
    try:
        for number, unit in _SPAN.findall(layout):
            now += timedelta(**{_SPANS[unit]: int(number)})
        return format(now, _SPAN.sub("", layout))
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{piece} can't be written so: {error}.") from error
