"""Filters: each a function from its YAML to a predicate. `FILTERS` and `TYPE_FILTERS` at the end are the whole
vocabulary.

Semantics are Cloud Custodian's where it has the filter. What a filter can't express here is an error with its place,
never a filter that matches nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from crenel.catalog.columns import ListOf, Scalar, Struct
from crenel.catalog.load import Catalog
from crenel.catalog.spec import ResourceType
from crenel.errors import Where, did_you_mean
from crenel.language.plan import (
    FALSE,
    TRUE,
    Compare,
    Const,
    CountItems,
    DaysSince,
    Extract,
    Field,
    Has,
    In,
    IsEmpty,
    IsNull,
    Length,
    Literal,
    Lower,
    Matches,
    Op,
    Plain,
    Predicate,
    Related,
    Value,
    Within,
    conjunction,
    disjunction,
    kind_of,
    negation,
)
from crenel.policies.facts import Fact
from crenel.policies.keys import Place, value_at
from crenel.positions import Located

_PARAM = re.compile(r"^\{params\.(\w+)\}$")

_OPS: Mapping[str, Op] = {
    "eq": "eq", "equal": "eq", "ne": "ne", "not-equal": "ne", "gt": "gt", "greater-than": "gt", "ge": "ge", "gte": "ge",
    "lt": "lt", "less-than": "lt", "le": "le", "lte": "le",
}  # fmt: skip
_OTHER_OPS = ("in", "not-in", "ni", "contains", "regex", "regex-case", "glob")
_KEYWORDS = ("absent", "present", "not-null", "empty")
_VALUE_KEYS = ("type", "key", "value", "op", "value_type", "value_regex", "value_from", "default")
# Built for the practices; the rest of the language is refused by name until it is built.
_VALUE_TYPES = ("age", "days-since", "normalize", "size", "swap")


@dataclass(frozen=True, slots=True)
class Context:
    """What a filter is compiled in: the type, the place where keys start, the profile's parameters, the catalogue, the
    facts.
    """

    type: ResourceType
    place: Place
    params: Mapping[str, Plain]
    catalog: Catalog
    facts: Mapping[str, Fact]

    def inside(self, place: Place) -> Context:
        """Return the context of a list's items or of another table's rows."""
        return replace(self, place=place)

    def scalar(self, item: Located) -> Plain:
        """Return a scalar of the policy, ``{params.x}`` replaced by the profile's parameter."""
        value = item.value
        if isinstance(value, str) and (match := _PARAM.match(value)):
            if match[1] not in self.params:
                raise item.error(f'the policy has no parameter "{match[1]}".', did_you_mean(match[1], self.params))
            return self.params[match[1]]
        if value is not None and not isinstance(value, (str, int, float, bool)):
            raise item.error("a text, a number, true, false or null is expected here.")
        return value


Filter = Callable[[Context, Located], Predicate]


def compile_filters(context: Context, items: Located | None) -> Predicate:
    """Return the AND of a list of filters (none: true). Raises `PolicyError`."""
    if items is None or items.value is None:
        return TRUE
    return conjunction([compile_filter(context, item) for item in items.sequence("filters")])


def compile_filter(context: Context, item: Located) -> Predicate:
    """Return one filter's predicate: a name, a boolean block, the shorthand of `value`, or a mapping with `type`."""
    if isinstance(item.value, str):
        return _named(item.value, context, Located({"type": item}, item.where, {"type": item.where}))
    keys = item.mapping("a filter")
    if len(keys) == 1 and (block := next(iter(keys))) in ("and", "or", "not"):
        parts = [compile_filter(context, part) for part in keys[block].sequence(block)]
        if block == "or":
            return disjunction(parts)
        return conjunction(parts) if block == "and" else (negation(conjunction(parts)) if parts else FALSE)
    if "type" in keys:
        return _named(keys["type"].text("type"), context, item)
    if len(keys) == 1:
        key, value = next(iter(keys.items()))
        at = Located(key, item.keys[key])
        # The shorthand's value is compared as it is: Cloud Custodian's `- Key: absent` is the text keyword all the
        # same.
        return _value(context, at, value, "eq", item)
    raise item.error("a filter with several keys needs `type`.", did_you_mean("type", keys))


def _named(name: str, context: Context, item: Located) -> Predicate:
    own = TYPE_FILTERS.get(context.type.name, {}) if context.place.item == 0 else {}
    found = own.get(name) or FILTERS.get(name)
    if found is None:
        at = item.value["type"] if isinstance(item.value, dict) and "type" in item.value else item
        known = [*FILTERS, *own]
        hint = did_you_mean(name, known) or f"Built so far: {', '.join(sorted(known))}."
        raise at.error(f'aws.{context.type.name} has no filter "{name}" here.', hint)
    return found(context, item)


# --- value


def value_filter(context: Context, item: Located) -> Predicate:
    """`value`: compares what a key names with a value that the policy gives."""
    keys = item.only("a value filter", _VALUE_KEYS)
    if "key" not in keys:
        raise item.error("a value filter needs `key`.")
    op = keys["op"].text("op") if "op" in keys else "eq"
    return _value(context, keys["key"], keys.get("value"), op, item)


def _value(context: Context, key: Located, value: Located | None, op: str, item: Located) -> Predicate:
    left = value_at(context.place, key.text("key"), key)
    keys = item.value if isinstance(item.value, dict) and "key" in item.value else {}
    if "value_regex" in keys:
        left = Extract(left, _pattern(keys["value_regex"]))
    if "value_from" in keys:
        return _from_fact(context, left, keys["value_from"], op, keys)
    if value is None:
        raise item.error("a value filter needs `value`.")
    if op not in (*_OPS, *_OTHER_OPS):
        raise keys["op"].error(f'there is no op "{op}" here.', did_you_mean(op, [*_OPS, *_OTHER_OPS]) or _built_ops())
    kind = keys["value_type"].text("value_type") if "value_type" in keys else ""
    if kind and kind not in _VALUE_TYPES:
        raise keys["value_type"].error(
            f'the value_type "{kind}" is not built yet.',
            did_you_mean(kind, _VALUE_TYPES) or f"Built: {', '.join(_VALUE_TYPES)}.",
        )
    if isinstance(value.value, str) and value.value in _KEYWORDS and not kind:
        return _keyword(value.value, left)
    return _compare(context, left, value, op, kind)


def _built_ops() -> str:
    return f"Built: {', '.join(sorted({*_OPS, *_OTHER_OPS}))}."


def _keyword(word: str, left: Value) -> Predicate:
    if word in ("absent", "present"):
        return IsNull(left) if word == "absent" else negation(IsNull(left))
    return IsEmpty(left) if word == "empty" else negation(IsEmpty(left))


def _compare(context: Context, left: Value, value: Located, op: str, kind: str) -> Predicate:
    if kind in ("age", "days-since"):
        return _age(context, left, value, op, kind)
    if kind == "swap":
        if op not in ("in", "not-in"):
            raise value.error("value_type swap is built for the ops in and not-in.")
        found = Has(left, context.scalar(value))
        return found if op == "in" else negation(found)
    if kind == "size":
        left = Length(left)
    if kind == "normalize":
        left = Lower(left)
    if op in ("in", "not-in", "ni"):
        among = tuple(_checked(left, context.scalar(each), each) for each in value.sequence("the value of in"))
        return In(left, among) if op == "in" else negation(In(left, among))
    if op == "contains":
        return Has(left, context.scalar(value))
    if op in ("regex", "regex-case", "glob"):
        _texts_only(left, value, op)
        pattern = _glob(value.text("value")) if op == "glob" else _pattern(value)
        return Matches(left, pattern, ignore_case=op == "regex")
    literal = Literal(_checked(left, context.scalar(value), value))
    return IsNull(left) if literal.value is None and op == "eq" else Compare(_OPS[op], left, literal)


def _age(context: Context, left: Value, value: Located, op: str, kind: str) -> Predicate:
    """`days-since`: whole days against the number; Custodian's `age`: the time itself against now minus the days."""
    if kind_of(left) not in (Scalar("timestamp"), Scalar("date")):
        raise value.error(f"an age needs a time, and this key is {kind_of(left)}.")
    days = context.scalar(value)
    if isinstance(days, bool) or not isinstance(days, (int, float)):
        raise value.error("an age is a number of days.")
    if op not in _OPS:
        raise value.error(f"an age can't be compared with {op}.", "Use gt, ge, lt, le, eq or ne.")
    if kind == "days-since":
        return Compare(_OPS[op], DaysSince(left), Literal(days))
    return Compare(_OPS[op], DaysSince(left, exact=True), Literal(days))


def _from_fact(context: Context, left: Value, item: Located, op: str, keys: Mapping[str, Located]) -> Predicate:
    """`value_from: {fact: name, column: name}`: the values of a dated fact's column."""
    source = item.only("value_from", ("fact", "column"))
    fact = _fact(context, source.get("fact", item))
    column = source.get("column", item).text("column")
    if column not in fact.columns:
        raise item.error(f"the fact {fact.name} has no column {column}.", did_you_mean(column, fact.columns))
    if op not in ("in", "not-in"):
        raise item.error("value_from goes with the ops in and not-in.")
    if "value_type" in keys and keys["value_type"].value == "normalize":
        left = Lower(left)
    among = In(left, tuple(fact.values(column)))  # type: ignore[arg-type]
    return among if op == "in" else negation(among)


def _fact(context: Context, item: Located) -> Fact:
    name = item.text("fact")
    if name not in context.facts:
        raise item.error(f'there is no fact "{name}".', did_you_mean(name, context.facts))
    return context.facts[name]


def _checked(left: Value, value: Plain, at: Located) -> Plain:
    """Return the policy's value; raises where the column can never equal it, or AWS spells it otherwise."""
    kind = kind_of(left)
    if value is None or not isinstance(kind, Scalar) or kind.kind == "json":
        return value
    fits: dict[str, tuple[type, ...]] = {
        "text": (str,),
        "boolean": (bool,),
        "integer": (int, float),
        "number": (int, float),
    }
    allowed = fits.get(kind.kind)
    if allowed is None or not isinstance(value, allowed) or (isinstance(value, bool) and kind.kind != "boolean"):
        raise at.error(f"this key is {kind}, and {value!r} never equals one.")
    if kind.enum and value not in kind.enum and (hint := did_you_mean(str(value), kind.enum)):
        raise at.error(f'AWS has no value "{value}" here.', hint)
    return value


def _texts_only(left: Value, at: Located, op: str) -> None:
    kind = kind_of(left)
    if isinstance(kind, Scalar) and kind.kind not in ("text", "json"):
        raise at.error(f"{op} works on texts, and this key is {kind}.")


def _pattern(item: Located) -> str:
    pattern = item.text("a pattern")
    try:
        re.compile(pattern)
    except re.error as error:
        raise item.error(f"this is no regular expression: {error}.") from error
    if re.search(r"\(\?[=!<]|\\[1-9]", pattern):
        raise item.error("look-around and back-references can't run in bounded time, so they are not taken here.")
    return pattern


def _glob(text: str) -> str:
    """Return the regular expression of a shell pattern (*, ?, [abc], [!abc]) for a whole text."""
    parts = re.split(r"(\*|\?|\[!?[^\]]+\])", text)
    meaning = {"*": ".*", "?": "."}
    return "(?s:" + "".join(_glob_part(part, meaning) for part in parts) + ")$"


def _glob_part(part: str, meaning: Mapping[str, str]) -> str:
    if part.startswith("[") and part.endswith("]"):
        return f"[^{part[2:]}" if part.startswith("[!") else part
    return meaning.get(part, re.escape(part))


# --- lists, other tables, parameters


def list_item(context: Context, item: Located) -> Predicate:
    """`list-item`: some item of the list (or `count` of them) matches all `attrs`."""
    keys = item.only("a list-item filter", ("type", "key", "attrs", "count", "count_op"))
    if "key" not in keys:
        raise item.error("a list-item filter needs `key`.")
    items = value_at(context.place, keys["key"].text("key"), keys["key"])
    kind = kind_of(items)
    if not isinstance(kind, ListOf):
        raise keys["key"].error(f"list-item needs a list, and this key is {kind}.")
    number = context.place.item + 1
    inner = context.inside(Place(kind.item, number, what=keys["key"].text("key")))
    where = compile_filters(inner, keys.get("attrs"))
    op, count = _count(context, keys)
    return CountItems(items, number, where, op, count)


def _count(context: Context, keys: Mapping[str, Located]) -> tuple[Op, int]:
    if "count" not in keys:
        return "ge", 1
    count = context.scalar(keys["count"])
    name = keys["count_op"].text("count_op") if "count_op" in keys else "eq"
    if isinstance(count, bool) or not isinstance(count, int):
        raise keys["count"].error("count must be a whole number.")
    if name not in _OPS:
        raise keys["count_op"].error(f'there is no count_op "{name}".', did_you_mean(name, _OPS))
    return _OPS[name], count


def related(context: Context, item: Located) -> Predicate:
    """`related`: some row of another table (or `count` of them) matches `filters`.

    `on` maps this row's keys to the other's; without it all rows of the same account (and Region, where both types have
    one and `within` does not say account) count.
    """
    keys = item.only("a related filter", ("type", "resource", "on", "within", "filters", "count", "count_op"))
    if "resource" not in keys:
        raise item.error("a related filter needs `resource`.")
    name = keys["resource"].text("resource").removeprefix("aws.")
    if name not in context.catalog:
        raise keys["resource"].error(f'there is no resource type "{name}".', did_you_mean(name, context.catalog))
    other = context.catalog[name]
    if context.place.item:
        raise item.error("related works on the rows of a type, not on the items of a list.")
    inner = Place(Struct(other.schema()), what=f"aws.{other.name}")
    pairs = keys["on"].mapping("on") if "on" in keys else {}
    on = tuple(
        (
            value_at(context.place, mine, Located(mine, keys["on"].keys[mine])),
            value_at(inner, theirs.text("a key"), theirs),
        )
        for mine, theirs in pairs.items()
    )
    for _, value in on:
        if isinstance(value, Field) and other.detail_of(value.path[0]):
            raise keys["on"].error(
                f"aws.{other.name} is joined on what its listing says, and {value.path[0]} is read apart."
            )
    where = compile_filters(replace(context, type=other, place=inner), keys.get("filters"))
    op, count = _count(context, keys)
    reach = within(context.type, other)
    if "within" in keys:
        if keys["within"].value not in ("account", reach):
            raise keys["within"].error('within is "account", or "region" where both types have Regions.')
        reach = keys["within"].value
    return Related(other.name, on, reach, where, op, count)


def within(mine: ResourceType, other: ResourceType) -> Within:
    """Return whose rows count as beside: those of the same Region where both types have Regions, else those of the
    account.
    """
    return "region" if mine.regional and other.regional else "account"


def param(context: Context, item: Located) -> Predicate:
    """`param`: the profile's parameter has this value (default true); decided when the policy is compiled."""
    keys = item.only("a param filter", ("type", "name", "value"))
    name = keys["name"].text("name") if "name" in keys else ""
    if name not in context.params:
        raise item.error(f'the policy has no parameter "{name}".', did_you_mean(name, context.params))
    wanted = context.scalar(keys["value"]) if "value" in keys else True
    return Const(value=context.params[name] == wanted)


# --- Cloud Custodian's filters of single types


def iam_summary(context: Context, item: Located) -> Predicate:
    """`iam-summary`: a value filter over GetAccountSummary."""
    return _below(context, item, "SummaryMap")


def password_policy(context: Context, item: Located) -> Predicate:
    """`password-policy`: a value filter over the account's password policy."""
    keys = item.mapping("a filter")
    if keys.get("key") is not None and keys["key"].value == "PasswordPolicyConfigured":
        wanted = context.scalar(keys["value"]) if "value" in keys else True
        there = negation(IsNull(_column(context, "PasswordPolicy")))
        return there if wanted else negation(there)
    return _below(context, item, "PasswordPolicy")


def s3_public_block(context: Context, item: Located) -> Predicate:
    """`s3-public-block`: a value filter over the account-wide block."""
    return _below(context, item, "PublicAccessBlock")


def has_virtual_mfa(context: Context, item: Located) -> Predicate:
    """`has-virtual-mfa`: whether a virtual MFA device is assigned to the root user."""
    keys = item.only("a has-virtual-mfa filter", ("type", "value"))
    wanted = context.scalar(keys["value"]) if "value" in keys else True
    other = context.catalog["iam-virtual-mfa"]
    arn = value_at(Place(Struct(other.schema())), "User.Arn", item)
    found = Related(other.name, (), "account", Matches(arn, r"^arn:[^:]+:iam::\d+:root$"))
    return found if wanted else negation(found)


def used(context: Context, item: Located) -> Predicate:
    """`used`: the policy is attached, or serves as a permissions boundary."""
    item.only("a used filter", ("type",))
    counts = [_column(context, "AttachmentCount"), _column(context, "PermissionsBoundaryUsageCount")]
    return disjunction([Compare("gt", count, Literal(0)) for count in counts])


def unused(context: Context, item: Located) -> Predicate:
    """`unused`: the opposite of `used`."""
    return negation(used(context, item))


def has_allow_all(context: Context, item: Located) -> Predicate:
    """`has-allow-all`: a statement of the default version allows Action * on Resource * without a Condition
    (Custodian's reading).
    """
    item.only("a has-allow-all filter", ("type",))
    statements = _column(context, "Statements")
    kind = kind_of(statements)
    inner = Place(kind.item if isinstance(kind, ListOf) else kind, 1)
    where = conjunction(
        [
            Compare("eq", value_at(inner, "Effect", item), Literal("Allow")),
            Has(value_at(inner, "Action", item), "*"),
            Has(value_at(inner, "Resource", item), "*"),
            IsNull(value_at(inner, "Condition", item)),
        ]
    )
    return CountItems(statements, 1, where)


_FLAGS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


def check_public_block(context: Context, item: Located) -> Predicate:
    """`check-public-block`: the given flags have the given values; with none given, some flag is off. No configuration:
    all are off.
    """
    keys = item.only("a check-public-block filter", ("type", *_FLAGS))
    given = {flag: context.scalar(keys[flag]) for flag in _FLAGS if flag in keys}
    on = {flag: Compare("eq", _column(context, f"PublicAccessBlock.{flag}"), Literal(value=True)) for flag in _FLAGS}
    if not given:
        return disjunction([negation(on[flag]) for flag in _FLAGS])
    return conjunction([on[flag] if wanted else negation(on[flag]) for flag, wanted in given.items()])


def flow_logs(context: Context, item: Located) -> Predicate:
    """`flow-logs`: with `enabled: true` some flow log of the VPC has all the given traits, else none has."""
    traits = {
        "status": "FlowLogStatus",
        "deliver-status": "DeliverLogsStatus",
        "traffic-type": "TrafficType",
        "destination": "LogDestination",
        "destination-type": "LogDestinationType",
        "log-group": "LogGroupName",
        "log-format": "LogFormat",
    }
    keys = item.only("a flow-logs filter", ("type", "enabled", *traits))
    other = context.catalog["flow-log"]
    place = Place(Struct(other.schema()))
    parts: list[Predicate] = []
    for name, column in traits.items():
        if name in keys:
            wanted = keys[name].text(name)
            # Custodian compares the status and the traffic type without regard to case.
            literal = wanted.upper() if name in ("status", "deliver-status", "traffic-type") else wanted
            parts.append(Compare("eq", value_at(place, column, keys[name]), Literal(literal)))
    on = ((_column(context, "VpcId"), value_at(place, "ResourceId", item)),)
    found = Related(other.name, on, "region", conjunction(parts))
    return found if "enabled" in keys and context.scalar(keys["enabled"]) else negation(found)


def default_ebs_encryption(context: Context, item: Located) -> Predicate:
    """`default-ebs-encryption`: whether the Region's EBS encryption by default is on (`state`, false where it is not
    given).
    """
    keys = item.only("a default-ebs-encryption filter", ("type", "state"))
    wanted = context.scalar(keys["state"]) if "state" in keys else False
    return Compare("eq", _column(context, "EbsEncryptionByDefault"), Literal(wanted))


def _column(context: Context, key: str) -> Field:
    value = value_at(Place(Struct(context.type.schema())), key, Located(key, Where("built-in", 1, 1)))
    assert isinstance(value, Field)  # noqa: S101 (a key without length() or fact is a field)
    return value


def _below(context: Context, item: Located, column: str) -> Predicate:
    """A value filter whose keys start at a column of the row."""
    keys = item.mapping("a filter")
    if "key" not in keys:
        raise item.error("this filter needs `key`.")
    under = Located(f"{column}.{keys['key'].text('key')}", keys["key"].where)
    return value_filter(context, Located(keys | {"key": under}, item.where, item.keys))


FILTERS: Mapping[str, Filter] = {
    "value": value_filter,
    "list-item": list_item,
    "related": related,
    "param": param,
}

TYPE_FILTERS: Mapping[str, Mapping[str, Filter]] = {
    "account": {
        "iam-summary": iam_summary,
        "password-policy": password_policy,
        "s3-public-block": s3_public_block,
        "has-virtual-mfa": has_virtual_mfa,
    },
    "account-region": {"default-ebs-encryption": default_ebs_encryption},
    "iam-policy": {"used": used, "unused": unused, "has-allow-all": has_allow_all},
    "s3": {"check-public-block": check_public_block},
    "vpc": {"flow-logs": flow_logs},
}
