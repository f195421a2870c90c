"""Values of a plan in plain English, as parts of a sentence."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime

from crenel.catalog.columns import ListOf, MapOf, Struct
from crenel.language.plan import (
    TRUE,
    At,
    Call,
    Choice,
    Compare,
    Constant,
    Convert,
    DaysSince,
    Each,
    Extract,
    Field,
    Flat,
    Gathered,
    IsNull,
    Length,
    Literal,
    Lookup,
    Lower,
    Member,
    Number,
    Op,
    Predicate,
    Record,
    Truth,
    Value,
)
from crenel.language.records import Fits, Folded, Joined, Reached, Said, Stands
from crenel.language.walking import kind_of, walk

Inline = Callable[[Predicate], str]


class Unread(str):
    """A text that stands for values which are read when a policy runs: told as it is, without quotes."""

    __slots__ = ()


OWN = {
    "_id": "its id", "_name": "its name", "_arn": "its ARN", "_account": "its account", "_region": "its Region",
    "_home": "its Region", "_owner": "its owner", "_seen_at": "the time it was read", "_n": "its place in the listing",
}  # fmt: skip
_CONVERTED: Mapping[str, str] = {
    "integer": "{} as a whole number", "float": "{} as a number", "date": "{}", "version": "the version {}",
    "cidr-first": "the first address of {}", "cidr-last": "the last address of {}",
    "cidr-size": "the prefix length of {}", "elements": "the elements of {}", "json": "{}, parsed",
    "text": "{} as text",
}  # fmt: skip
_ORDERED: Mapping[Op, str] = {
    "eq": "is", "ne": "is not", "lt": "is less than", "le": "is at most", "gt": "is more than", "ge": "is at least",
}  # fmt: skip
_TIMED: Mapping[Op, str] = {"lt": "is before", "le": "is not after", "gt": "is after", "ge": "is not before"}
_MANY = 8  # items of a list that a sentence names


def phrase(value: Value, inline: Inline) -> str:  # noqa: C901, PLR0911, PLR0912 (one for each kind of value)
    """Return a value as a noun phrase; `inline` writes a predicate inside a sentence."""
    match value:
        case Field(path, _, item):
            return _field(path, item)
        case At() | Convert(At(), "text") if name := tag_of(value):
            return f"{_whose(value)} tag {name}"
        case Lookup(join, column):
            return f"{join.alias}.{column} of the fact {join.fact}"
        case Literal(constant):
            return given(constant)
        case DaysSince(of, exact):
            return f"the {'' if exact else 'whole '}days since {phrase(of, inline)}"
        case Length(of):
            listed = isinstance(kind_of(of), (ListOf, MapOf, Struct))
            return f"the {'number of items' if listed else 'length'} of {phrase(of, inline)}"
        case Lower(of):
            return f"{phrase(of, inline)} in lower case"
        case Extract(of, pattern):
            return f"the part of {phrase(of, inline)} that {readable(pattern)} captures"
        case Number(of):
            return f"{phrase(of, inline)} as a number"
        case Convert(of, to):
            return _CONVERTED[to].format(phrase(of, inline))
        case Member(of, name):
            return f"{phrase(of, inline)}.{name}"
        case Each(items, _, where, body):
            return _each(items, where, body, inline)
        case Flat(Flat() | Each() as of):
            return phrase(of, inline)
        case Flat(of):
            return f"{phrase(of, inline)}[]"
        case At(of, index):
            return f"{phrase(of, inline)}[{index}]"
        case Call("not_null", arguments):
            return " or else ".join(phrase(each, inline) for each in arguments)
        case Call("calendar", (of,), settings=(part,)):
            return f"the {part} of {phrase(of, inline)}"
        case Call("hextets", (of,)):
            return f"{phrase(of, inline)} as an IPv6 address in full"
        case Call(name, arguments):
            return f"{name}({', '.join(phrase(each, inline) for each in arguments)})"
        case Truth(of):
            return f"whether {inline(of)}"
        case Gathered(ids, table, key, _, where, body):
            kept = "" if where == TRUE else f" and where {inline(where)}"
            named = f"whose {phrase(key, inline)} is among {phrase(ids, inline)}"
            return f"{phrase(body, inline)} of each aws.{table} {named}{kept}"
        case Stands(path) | Reached(path):
            return ".".join(path) or "the whole event"
        case Said(of):
            return phrase(of, inline)
        case Folded(of):
            return f"{phrase(of, inline)} in lower case"
        case Joined(parts):
            return " + ".join(phrase(each, inline) for each in parts)
        case Choice(IsNull(), Literal(None), second):
            return phrase(second, inline)  # null of null goes without saying
        case Choice(when, first, second):
            return f"{phrase(first, inline)} if {inline(when)}, else {phrase(second, inline)}"


def _each(items: Value, where: Predicate, body: Value, inline: Inline) -> str:
    """Return what is read of each item of a list, in JMESPath's form where it is a key."""
    listed = phrase(items.of if isinstance(items, Flat) else items, inline)
    listed = listed if listed.endswith("[]") else f"{listed}[]"
    if where == TRUE and isinstance(body, Field):
        return ".".join([listed, *_bare(body.path)])
    kept = "" if where == TRUE else f" where {inline(where)}"
    return f"{phrase(body, inline)} of each of {listed}{kept}"


def _whose(tag: Value) -> str:
    """Return whose a tag is: this row's, or the one's that names it."""
    tags = next(node for node in walk(tag) if isinstance(node, Field))
    return "the" if tags.item >= 0 else "this resource's"


def tag_of(value: Value) -> str:
    """Return the name of the tag whose value this is, or nothing where it is something else."""
    match value:
        case Convert(inner, "text"):
            return tag_of(inner)
        case At(Each(Field((*_, "Tags")), _, Compare("eq", Field(("Key",)), Literal(str() as name))), 0):
            return name
    return ""


def _bare(path: tuple[str, ...]) -> tuple[str, ...]:
    """Return a path without the mark of the columns that Custodian adds to AWS's own."""
    return tuple(part.removeprefix("c7n:") for part in path)


def _field(path: tuple[str, ...], item: int) -> str:
    words = ".".join(_bare(path))
    if item < 0:
        return f"this resource's {words}"
    if not path:
        return "the item"
    return OWN.get(path[0], words) if item == 0 else words


_GLOB = re.compile(r"\(\?:(?P<body>.*)\)\\z")
_PLAIN = re.compile(r"[^\\()\[\]{}|+^$.]*")


def readable(pattern: str) -> str:
    """Return a pattern as a person would have written it: a glob in quotes, a regular expression between slashes."""
    if match := _GLOB.fullmatch(pattern):
        glob = match["body"].replace("(?:(?s:.))*?", "*").replace("(?:(?s:.))*", "*").replace("(?s:.)", "?")
        glob = re.sub(r"\(\?:([^()]*)\)", r"\1", glob)
        glob = re.sub(r"\\([^\w*?\[])", r"\1", glob)
        if _PLAIN.fullmatch(glob.replace(".", "")):
            return f'"{glob}"'
    text = pattern.replace(r"(?:\n?\z)", "$").replace(r"(?:[^\n])", ".")
    text = re.sub(r"\(\?:(\[[^\]]*\])\)", r"\1", text)
    return "/" + re.sub(r"\\([-/:@,#& ])", r"\1", text) + "/"


def given(constant: Constant) -> str:
    """Return a value that the policy gives, as it is written there."""
    match constant:
        case None:
            return "null"
        case bool():
            return "true" if constant else "false"
        case Unread(text) | (Unread(text),):
            return text
        case str():
            return f'"{constant}"'
        case datetime():
            return constant.isoformat(sep=" ")
        case tuple():
            return f"[{', '.join(given(each) for each in constant)}]"
        case Record(pairs):
            return f"{{{', '.join(f'{key}: {given(each)}' for key, each in pairs)}}}"
    return f"{constant:g}" if isinstance(constant, float) else str(constant)


def among(constants: tuple[Constant, ...]) -> str:
    """Return the items of a list in words, a long one cut short."""
    if not constants:
        return "nothing"
    shown = [given(each) for each in constants[:_MANY]]
    if len(constants) > _MANY:
        shown.append(f"{len(constants) - _MANY} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} or {shown[-1]}"


def comparison(op: Op, left: Value, right: Value, inline: Inline) -> str:
    """Return a comparison as a sentence."""
    if isinstance(left, DaysSince) and isinstance(right, Literal) and _is_number(right.value):
        return age(op, phrase(left.of, inline), float(right.value), exact=left.exact)  # type: ignore[arg-type]
    subject = phrase(left, inline)
    if isinstance(right, Literal) and right.value is None:
        return f"{subject} is {'absent' if op == 'eq' else 'present'}"
    words = _TIMED if isinstance(right, Literal) and isinstance(right.value, datetime) and op in _TIMED else _ORDERED
    return f"{subject} {words[op]} {phrase(right, inline)}"


_TESTS: Mapping[str, tuple[str, str]] = {
    "contains": ("contains", "does not contain"),
    "starts": ("starts with", "does not start with"), "ends": ("ends with", "does not end with"),
    "regex": ("matches", "does not match"),
}  # fmt: skip


def tested(node: Fits, inline: Inline, *, holds: bool) -> str:
    """Return a test of a text as a sentence."""
    of_literal = node.test == "regex" and isinstance(node.text, Literal)
    other = readable(str(node.text.value)) if of_literal else phrase(node.text, inline)  # type: ignore[union-attr]
    words = _TESTS[node.test][0 if holds else 1]
    return f"{phrase(node.value, inline)} {words} {other}"


def _is_number(constant: Constant) -> bool:
    return isinstance(constant, (int, float)) and not isinstance(constant, bool)


def age(op: Op, subject: str, days: float, *, exact: bool) -> str:
    """Return how long ago a time is in words; negative days lie ahead."""
    span = duration(abs(days), exact=exact or days < 0)
    if days < 0:
        words: Mapping[Op, str] = {
            "gt": f"is less than {span} ahead, or past", "ge": f"is at most {span} ahead, or past",
            "lt": f"is more than {span} ahead", "le": f"is at least {span} ahead",
            "eq": f"is exactly {span} ahead", "ne": f"is not exactly {span} ahead",
        }  # fmt: skip
    elif days == 0:
        words = {
            "gt": "is past", "ge": "is past or now", "lt": "lies ahead", "le": "is now or lies ahead", "eq": "is now",
            "ne": "is not now",
        }  # fmt: skip
    else:
        words = {
            "gt": f"is more than {span} ago", "ge": f"is at least {span} ago", "lt": f"is less than {span} ago",
            "le": f"is at most {span} ago", "eq": f"is exactly {span} ago", "ne": f"is not exactly {span} ago",
        }  # fmt: skip
    return f"{subject} {words[op]}"


def duration(days: float, *, exact: bool = True) -> str:
    """Return a span of days in words: in the largest of days, hours, minutes and seconds that has a whole number."""
    for unit, share in (("day", 1), ("hour", 24), ("minute", 1_440), ("second", 86_400)):
        amount = days * share
        if abs(amount - round(amount)) < 1e-6:  # float's rounding
            whole = "" if exact or unit != "day" else "whole "
            return f"{round(amount)} {whole}{unit}{'' if round(amount) == 1 else 's'}"
    return f"{days:g} days"


def number_is(op: Op, count: int) -> str:
    """Return how many of something: "at least 2"."""
    words: Mapping[Op, str] = {
        "eq": "exactly", "ne": "any number but", "lt": "fewer than", "le": "at most", "gt": "more than",
        "ge": "at least",
    }  # fmt: skip
    return f"{words[op]} {count}"
