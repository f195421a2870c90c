"""A policy's filters in plain English, by their text: the plan of many a filter is too long to be read.

Where a filter has no words of its own here, its plan is told; where that is long as well, the filter as it is written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from crenel.errors import PolicyError
from crenel.language import english
from crenel.language.english import Sentence
from crenel.language.phrases import among, given
from crenel.language.plan import FALSE, TRUE, Predicate
from crenel.language.walking import related_tables
from crenel.policies.compile import filter_name
from crenel.policies.context import Context, Mistakes, Values
from crenel.policies.filters import compile_filter
from crenel.policies.values.sources import named, read_later, unfetched
from crenel.positions import Located, flow

_LONGEST = 12  # lines of a filter
_WIDEST = 300  # letters of a line
# What plans say that nobody would: conversions, groups of regular expressions, choices in choices, columns of our own.
_CRYPTIC = re.compile(
    r"captures|, else |\(\?|\\z|version_parts\(|gather\(|from_json\(|as a whole number|, parsed|the item of each"
    r"|attribute-|the first address of|minus\(|:[0-9a-f]{16}\b|the item is not the item|[^ ]+ of each aws\."
)
Keys = Mapping[str, Any]  # a filter's options, plain
Words = Callable[[Keys], "str | Sentence | None"]

_OPS: Mapping[str, str] = {
    "": "is", "eq": "is", "equal": "is", "ne": "is not", "not-equal": "is not",
    "gt": "is more than", "greater-than": "is more than", "ge": "is at least", "gte": "is at least",
    "lt": "is less than", "less-than": "is less than", "le": "is at most", "lte": "is at most",
    "in": "is one of", "not-in": "is none of", "ni": "is none of", "contains": "contains",
    "regex": "matches (in any case)", "regex-case": "matches", "glob": "matches",
    "intersect": "shares an item with", "difference": "has an item that is not among", "mod": "is no multiple of",
}  # fmt: skip
_KEYWORDS: Mapping[str, str] = {
    "absent": "is absent", "present": "is present", "empty": "is absent or empty",
    "not-null": "is neither absent nor empty",
}  # fmt: skip
_INSIDE: Mapping[str, str] = {"in": "lies in", "not-in": "does not lie in", "ni": "does not lie in"}


def told(context: Context, items: Located | None) -> tuple[Sentence, ...]:
    """Return a list of filters, all of which hold, as sentences. Raises `PolicyError` for what can't be compiled."""
    if items is None or not isinstance(items.value, list):
        return ()
    return tuple(part for each in _filters(context, items.value) for part in english.flattened(each))


def _filters(context: Context, items: Sequence[Located]) -> Iterator[Sentence]:
    for item in items:
        yield _filter(context, item, holds=True)


def _filter(context: Context, item: Located, *, holds: bool) -> Sentence:
    keys = item.value if isinstance(item.value, dict) else {}
    name = next(iter(keys)) if len(keys) == 1 else ""
    if name not in ("and", "or", "not"):
        return _leaf(context, item, holds=holds)
    inner: list[Located] = keys[name].value
    if name == "not":
        holds = not holds
    if len(inner) == 1:
        return _filter(context, inner[0], holds=holds)
    parts = list(_filters(context, inner))
    return english.any_of(parts, holds=holds) if name == "or" else english.all_of(parts, holds=holds)


def _leaf(context: Context, item: Located, *, holds: bool) -> Sentence:
    keys = _options(item)
    if filter_name(item) == "value" and "key" in keys and isinstance(keys.get("value_from"), dict):
        _compiled(context, item)  # what is wrong with it is an error all the same
        values = read_later(keys["value_from"])
        said = Sentence(_compared(keys["key"], {**keys, "value": values}))
        return said if holds else _unless(said)
    predicate, mistakes = _compiled(context, item)
    if predicate in (TRUE, FALSE):
        why = mistakes.errors[0].message if mistakes.errors else _NEVER.get(filter_name(item), "")
        why = f": {why}" if why else ""
        return Sentence(
            f"{flow(item.plain())} {'always matches' if (predicate == TRUE) == holds else english.NEVER}{why}"
        )
    words: str | Sentence | None = _said(context, item, predicate)
    if mistakes.errors:
        words = f"{_as_written(item).text} (doubtful: {mistakes.errors[0].message})"
    if words is not None:
        said = words if isinstance(words, Sentence) else Sentence(words)
        return said if holds else _unless(said)
    found = english.sentence(predicate, holds=holds)
    lines = list(found.lines())
    if len(lines) <= _LONGEST and not any(len(line) > _WIDEST or _CRYPTIC.search(line) for line in lines):
        return found
    said = _as_written(item)
    return said if holds else _unless(said)


def _unless(said: Sentence) -> Sentence:
    return english.any_of([said], holds=False) if said.parts else Sentence(f"this does not hold: {said.text}")


def _compiled(context: Context, item: Located) -> tuple[Predicate, Mistakes]:
    """Return a filter's predicate, and what Custodian would take without a word.

    What `value_from` names stands in it as words, and as an empty list where those can't: for a number, a network.
    Raises `PolicyError`.
    """
    predicate, mistakes = _with(unfetched, context, item)
    with suppress(PolicyError):
        predicate, _ = _with(named, context, item)
    return predicate, mistakes


def _with(values_from: Values, context: Context, item: Located) -> tuple[Predicate, Mistakes]:
    mistakes = Mistakes()
    inner = replace(context, mistakes=mistakes, values_from=values_from)
    return compile_filter(replace(inner, place=replace(inner.place, mistake=inner.mistake)), item), mistakes


def _as_written(item: Located) -> Sentence:
    """Return a filter in its own words: the key that it compares, or all its options."""
    name = "" if filter_name(item) == "value" else filter_name(item)
    options = {key: each for key, each in _options(item).items() if key != "type"}
    if not name and len(options) == 1:
        key, value = next(iter(options.items()))
        return Sentence(_compared(key, {"value": value}))
    if {"key", "value"} <= options.keys() <= {"key", "value", "op", "value_type", "value_regex"}:
        pattern = options.get("value_regex")
        subject = f"the part of {options['key']} that {pattern} captures" if pattern else options["key"]
        asked = _compared(subject, options)
        return Sentence(f"{name}: {asked}" if name else asked)
    head = _HEADS.get(name, f"the filter {filter_name(item)} matches")
    return Sentence(f"{head}: {flow(options)}" if options else head)


def _compared(subject: str, keys: Keys) -> str:
    """Return what is asked of a value: its op and value, the value type in brackets."""
    value, op, kind = keys["value"], keys.get("op", ""), keys.get("value_type", "")
    if subject.startswith("tag:"):
        subject = f"the tag {subject.removeprefix('tag:')}"
    if kind == "cidr" and op in _INSIDE:
        return f"{subject} {_INSIDE[op]} {_given(value)}"
    if isinstance(value, str) and value in _KEYWORDS and op in ("", "eq", "equal"):
        return f"{subject} {_KEYWORDS[value]}"
    return f"{subject}{f' ({kind})' if kind else ''} {_OPS[op]} {_given(value)}"


def _options(item: Located) -> Keys:
    return item.plain() if isinstance(item.value, dict) else {"type": item.value}


def _said(context: Context, item: Located, predicate: Predicate) -> str | Sentence | None:
    keys = _options(item)
    name = filter_name(item)
    if name == "value" and keys.get("value_type") == "resource_count":
        return f"the number of resources in a Region that the filters above leave {_OPS[keys['op']]} {keys['value']}"
    if name == "value" and (keys.get("value_type") in ("version", "cidr") or keys.get("op") == "mod"):
        return _as_written(item)
    if name in ("used", "unused"):
        return _use(name, keys, predicate)
    state = _STATES.get((context.type.name.split("+")[0], name)) if keys.get("state-filter", True) else None
    if state is not None:
        return Sentence(f"it is {state}, and {_WORDS[name](keys)}")
    return _WORDS[name](keys) if name in _WORDS else None


# --- values


def _given(value: Any) -> str:  # noqa: ANN401 (any YAML value)
    if isinstance(value, list) and value and not any(isinstance(each, (dict, list)) for each in value):
        return among(tuple(value))
    return given(value) if isinstance(value, (str, bool, int, float, type(None))) else flow(value)


# --- filters with words of their own


def _hours(word: str) -> Words:
    """Return the words of `offhour` or `onhour`, a single sentence about the tag's schedule and the default."""

    def words(keys: Keys) -> str:
        tag = keys.get("tag", "maid_offhours")
        first = "Friday" if word == "off" else "Monday"
        days = f"on {first}s" if keys.get("weekends-only") else "on weekdays"
        days = "every day" if keys.get("weekends") is False and not keys.get("weekends-only") else days
        own = f"{keys[f'{word}hour']}:00 {keys['default_tz']} {days}"
        fallback = keys.get("fallback-schedule", keys.get("fallback_schedule"))
        missing = (
            f'without the tag it has the schedule "{fallback}"' if fallback
            else "it has that hour without the tag too" if keys.get("opt-out")
            else "without the tag it is left alone"
        )  # fmt: skip
        skipped = keys.get("skip-days")
        skip = f", and today is none of {', '.join(map(str, skipped))}" if skipped else ""
        skip = (
            f", and today is none of the days at {keys['skip-days-from']['url']}" if "skip-days-from" in keys else skip
        )
        return (
            f"it is the hour at which its tag {tag} has it switched {word} "
            f"({own} where the tag names no hour; {missing}){skip}"
        )

    return words


def _reduce(keys: Keys) -> str:
    def key(name: str) -> str:
        by = keys[name]
        return str(by.get("key", "nothing") if isinstance(by, dict) else by)

    order = keys.get("order", "asc")
    by = f"sorted by {key('sort-by')}" if "sort-by" in keys else "in the order of the listing"
    by = "in an order by chance" if order == "randomize" else by
    by += {"desc": ", largest first", "reverse": ", from the end"}.get(order, "")
    those = f" of those with the same {key('group-by')}" if "group-by" in keys else ""
    dropped, limit = _share(keys, "discard"), _share(keys, "limit")
    if dropped and limit:
        kept = f"it is among the {limit}{those} that follow on the first {dropped}"
    elif dropped:
        kept = f"it is not {_first(dropped)}{those}"
    else:
        kept = f"it is {_first(limit)}{those}" if limit else "it is any"
    return f"of the resources that the filters above leave, {by}, {kept}"


def _first(share: str) -> str:
    return "the first" if share == "1" else f"among the first {share}"


def _share(keys: Keys, name: str) -> str:
    parts = [f"{keys[name]}"] if keys.get(name) else []
    parts += [f"{keys[f'{name}-percent']} percent"] if keys.get(f"{name}-percent") else []
    return " or ".join(parts)


def _marked(keys: Keys) -> str:
    tag, op = keys.get("tag", "maid_status"), keys.get("op", "stop")
    skew = [f"{keys[name]} {unit}" for name, unit in (("skew", "days"), ("skew_hours", "hours")) if keys.get(name)]
    early = f" or is at most {' and '.join(skew)} away" if skew else ""
    return f'its tag {tag} marks it for "{op}" at a time that has come{early}'


def _tag_count(keys: Keys) -> str:
    count = keys.get("count", 10)
    op = "is at least" if "op" not in keys else _OPS[keys["op"]]
    return f"the number of its tags, AWS's own aside, {op} {count}"


def _cross_account(keys: Keys) -> str:
    whom = "everyone" if keys.get("everyone_only") else "someone outside of its account"
    allowed = {key: each for key, each in keys.items() if key not in ("type", "everyone_only")}
    but = f", allowed aside: {flow(allowed)}" if allowed else ""
    return f"it can be used by {whom}{but}"


def _statements(keys: Keys) -> str | None:
    parts = [f"a statement with the Sid {given(each)}" for each in keys.get("statement_ids", ())]
    parts += [f"a statement that fits {flow(each)}" for each in keys.get("statements", ())]
    return f"its policy has {' and '.join(parts)}" if parts else None


def _rules(of: str) -> Words:
    """Return the words of `ingress` or `egress`: what is asked of one rule and source."""

    def words(keys: Keys) -> Sentence:
        asked = [_rule(key, each) for key, each in keys.items() if key not in ("type", "match-operator")]
        head = f"one of its rules for {of} traffic has"
        if len(asked) == 1:
            return Sentence(f"{head} this: {asked[0]}")
        some = "one of these" if keys.get("match-operator") == "or" else "all of this"
        return Sentence(f"{head} {some}:", tuple(Sentence(each) for each in asked))

    return words


def _rule(key: str, value: Any) -> str:  # noqa: ANN401 (any YAML value)
    subject = {"Cidr": "its IPv4 range", "CidrV6": "its IPv6 range", "Description": "its description"}.get(key, key)
    match value:
        case list() if key == "Ports":
            return f"it opens port {_given(value)}"
        case list() if key == "OnlyPorts":
            return f"it opens other ports than just {_given(value)}"
        case bool() if key == "SelfReference":
            return f"its source is {'' if value else 'not '}the group itself"
        case {"value": _}:
            named = f"{subject}' {value['key']}" if value.get("key", key) != key else subject
            return _compared(named, value)
        case dict():
            return f"{subject}: {flow(value)}"
    return f"{subject} is {_given(value)}"


def _use(name: str, keys: Keys, predicate: Predicate) -> str | None:
    """Return whether something refers to a resource, where several types may."""
    tables = [f"aws.{each.split('+')[0]}" for each in dict.fromkeys(related_tables(iter([predicate])))]
    if len(tables) < _FEW:
        return None
    used = (name == "used") == (keys.get("value", True) is not False)
    named = f"{', '.join(tables[:-1])} or {tables[-1]}"
    return f"{'something' if used else 'nothing'} uses it: {'some' if used else 'no'} resource of {named}"


def _upgrade(keys: Keys) -> str:
    major = ", a major one too" if keys.get("major") else ""
    return f"{'no' if keys.get('value') is False else 'a'} newer version{major} can be installed"


def _last_write(keys: Keys) -> str:
    return f"nothing was written to it in the last {keys.get('days', 60):g} days"


def _consecutive(keys: Keys) -> str:
    count = keys.get("days", keys.get("count"))
    named = {key: each for key, each in keys.items() if key not in ("type", "days", "count", "period")}
    unit = str(keys.get("period", "days"))
    return f"it has a backup of each of the last {count} {unit}" + (f": {flow(named)}" if named else "")


def _config(keys: Keys) -> str:
    states = " or ".join(keys.get("states", ["NON_COMPLIANT"]))
    more = {key: each for key, each in keys.items() if key not in ("type", "states", "rules")}
    return f"AWS Config has it as {states} by {_given(keys.get('rules', []))}" + (f": {flow(more)}" if more else "")


def _head(words: str) -> Words:
    def head(keys: Keys) -> str:
        options = {key: each for key, each in keys.items() if key != "type"}
        return f"{words}: {flow(options)}" if options else words

    return head


_NEVER: Mapping[str, str] = dict.fromkeys(("ingress", "egress"), "no rule can have all of that at once")
# What filters ask whose plans are mostly too long, before their options.
_HEADS: Mapping[str, str] = {
    "finding": "Security Hub has a finding about it",
    "ops-item": "Systems Manager has an OpsItem about it",
    "check-permissions": "its policies allow or deny these actions",
    "network-location": "what it has under this key is compared with its subnets and security groups",
    "dead-letter": "another queue sends it what could not be delivered",
    "mismatch-s3-origin": "an origin of it is an S3 bucket that is not there",
    "lambda-edge": "a CloudFront distribution runs it at the edge",
    "not-encrypted": "a volume that it would launch is not encrypted",
    "termination-protected": "it is protected against termination",
    "stop-protected": "it is protected against being stopped",
    "event-source": "a service that may call it",
    "cross-az-nat-gateway-route": "it routes to a NAT gateway in another availability zone",
    "wide-peering-route": "it routes to a peered VPC all of a network of that VPC, or more",
    "s3-cidr": "the addresses of S3 are let through or not",
    "open-entry": "everyone is let in to one of these ports, by the entry with the lowest number",
    "health-event": "AWS Health has an event about it",
}
_FEW = 3  # types whose plan is told
_STATES: Mapping[tuple[str, str], str] = {("ec2", "offhour"): "running", ("ec2", "onhour"): "stopped"}
_WORDS: Mapping[str, Words] = {
    "offhour": _hours("off"),
    "onhour": _hours("on"),
    "reduce": _reduce,
    "marked-for-op": _marked,
    "upgrade-available": _upgrade,
    "last-write": _last_write,
    "ephemeral": lambda _: "its root device is no EBS volume, and is lost when it stops",
    "invalid": lambda _: "something that it needs to launch instances is not there any more",
    "valid": lambda _: "all that it needs to launch instances is there",
    "tag-count": _tag_count,
    "iam-role-tag-mirror": _head("its tag is compared with the one of its role"),
    "config-compliance": _config,
    "consecutive-snapshots": _consecutive,
    "consecutive-backups": _consecutive,
    "consecutive-aws-backups": _consecutive,
    "cross-account": _cross_account,
    "has-statement": _statements,
    "ingress": _rules("incoming"),
    "egress": _rules("outgoing"),
}
