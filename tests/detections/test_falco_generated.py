"""Generated conditions over odd records: the SQL says what a direct interpreter of Falco's conditions says."""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crenel.detections.falco import read_falco
from tests.detections.events import held

Json = Any
Read = Callable[[Mapping[str, Json]], Any]

# --- the fields, read by hand


def at(record: Json, *path: str) -> tuple[bool, Json]:
    for name in path:
        if isinstance(record, dict) and name in record:
            record = record[name]
        elif isinstance(record, list) and name.isdecimal() and int(name) < len(record):
            record = record[int(name)]
        else:
            return False, None
    return True, record


def text(*path: str) -> Read:
    def read(record: Mapping[str, Json]) -> str | None:
        there, value = at(record, *path)
        return None if not there else value if isinstance(value, str) else ""

    return read


def compact(*path: str) -> Read:
    def read(record: Mapping[str, Json]) -> str | None:
        there, value = at(record, *path)
        if not there or isinstance(value, str):
            return value if there else None
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)

    return read


def read_only(record: Mapping[str, Json]) -> str | None:
    return str(record["readOnly"] is True).lower() if "readOnly" in record else None


def user(record: Mapping[str, Json]) -> str | None:
    _, kind = at(record, "userIdentity", "type")
    named = {"Root": "userName", "IAMUser": "userName", "AWSService": "invokedBy"}
    if not isinstance(kind, str):
        return None
    if kind in named:
        return text("userIdentity", named[kind])(record)  # type: ignore[no-any-return]
    if kind == "AssumedRole":
        issuer = text("userIdentity", "sessionContext", "sessionIssuer", "userName")(record)
        return "AssumedRole" if issuer is None else issuer
    return kind if kind in ("AWSAccount", "FederatedUser") else None


def account(record: Mapping[str, Json]) -> str | None:
    own = text("userIdentity", "accountId")(record)
    return text("recipientAccountId")(record) if own is None else own  # type: ignore[no-any-return]


def transferred(*ways: str) -> Read:
    def read(record: Mapping[str, Json]) -> int | None:
        found = [value for there, value in (at(record, "additionalEventData", way) for way in ways) if there]
        numbers = [value if isinstance(value, (int, float)) and not isinstance(value, bool) else 0 for value in found]
        return sum(int(number) for number in numbers) if found else None

    return read


def images(record: Mapping[str, Json]) -> list[str] | None:
    _, items = at(record, "responseElements", "instancesSet", "items")
    ids = [at(item, "imageId")[1] for item in (items if isinstance(items, list) else [])]
    found = [each for each in ids if isinstance(each, str)]
    _, asked = at(record, "requestParameters", "imageId")
    return found or ([asked] if isinstance(asked, str) else None)


TEXTS: Mapping[str, Read] = {
    "ct.error": text("errorCode"),
    "ct.name": text("eventName"),
    "ct.request.name": text("requestParameters", "name"),
    "ct.request": compact("requestParameters"),
    "json.value[/requestParameters/name]": compact("requestParameters", "name"),
    "json.value[/requestParameters/name/0]": compact("requestParameters", "name", "0"),
    "json.value[/errorCode]": compact("errorCode"),
    "ct.readonly": read_only,
    "ct.user": user,
    "ct.user.accountid": account,
}
NUMBERS: Mapping[str, Read] = {
    "s3.bytes": transferred("bytesTransferredIn", "bytesTransferredOut"),
    "s3.bytes.in": transferred("bytesTransferredIn"),
}
LISTS: Mapping[str, Read] = {"ec2.imageids": images}

# --- conditions as text beside what they mean


@dataclass(frozen=True)
class Condition:
    text: str
    holds: Callable[[Mapping[str, Json]], bool]

    def __repr__(self) -> str:
        return self.text


def ascii_lower(value: str) -> str:
    return "".join(letter.lower() if letter.isascii() else letter for letter in value)


def glob(value: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(value, pattern)


def begins(value: str, path: str) -> bool:
    names, wanted = ([name for name in each.split("/") if name] for each in (value, path))
    return len(names) >= len(wanted) and all(map(glob, names, wanted))


COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "contains": lambda left, right: right in left,
    "icontains": lambda left, right: ascii_lower(right) in ascii_lower(left),
    "startswith": lambda left, right: left.startswith(right),
    "endswith": lambda left, right: left.endswith(right),
}
ORDERED: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}
MODIFIED: Mapping[str, Callable[[list[bool]], bool]] = {
    "anyof": any,
    "allof": lambda held: bool(held) and all(held),
    "oneof": lambda held: held.count(True) == 1,
}
WORDS = ("", "a", "A", "ab", "aB/", "/a/b", "a b", 'é"q', "x\\y", "a\nb", "null", "7", "<NA>", "true", "IAMUser", "*")
GLOBS = ("*", "a*", "*b", "?", "[ab]*", "[!a]*", "A*", "*/*", "a?", "*a*", "**", "/a/b")
REGEXES = ("a*", "[[:alpha:]]+", "(a|ab)(/|b)?", ".*", "[^a]*", "a|null", "(a+?)b", "[0-9]{1,2}", "\\*")
PATHS = ("/", "/a", "/a/b", "a", "/*", "/?/b", "/a/b/c")


def written(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def listed(values: list[str]) -> str:
    return f"({', '.join(map(written, values))})"


def check(name: str, read: Read, rest: str, holds: Callable[[Any], bool]) -> Condition:
    def asked(record: Mapping[str, Json]) -> bool:
        value = read(record)
        return value is not None and holds(value)

    return Condition(f"{name} {rest}", asked)


def both(name: str, read: Read, operator: str, other: str) -> Condition:
    def asked(record: Mapping[str, Json]) -> bool:
        left, right = read(record), TEXTS[other](record)
        return left is not None and right is not None and ({**COMPARED, **ORDERED}[operator](left, right))

    return Condition(f"{name} {operator} val({other})", asked)


@st.composite
def of_text(draw: st.DrawFn) -> Condition:  # noqa: C901, PLR0911 (a case an operator)
    name = draw(st.sampled_from(sorted(TEXTS)))
    read = TEXTS[name]
    if draw(st.booleans()):
        inner = read
        name, read = f"tolower({name})", lambda record: None if inner(record) is None else ascii_lower(inner(record))
    words = st.sampled_from(WORDS)
    some = draw(st.lists(words, max_size=3))
    match draw(st.sampled_from(["exists", "one", "several", "in", "glob", "regex", "pmatch", "order", "val", "len"])):
        case "exists":
            return check(name, read, "exists", lambda _: True)
        case "one":
            operator, word = draw(st.sampled_from(sorted(COMPARED))), draw(words)
            return check(name, read, f"{operator} {written(word)}", lambda value: COMPARED[operator](value, word))
        case "several":
            operator, way = draw(st.sampled_from(sorted(COMPARED))), draw(st.sampled_from(sorted(MODIFIED)))
            return check(
                name,
                read,
                f"{operator} {way} {listed(some)}",
                lambda value: MODIFIED[way]([COMPARED[operator](value, word) for word in some]),
            )
        case "in":
            operator = draw(st.sampled_from(["in", "intersects"]))
            return check(name, read, f"{operator} {listed(some)}", lambda value: value in some)
        case "glob":
            pattern = draw(st.sampled_from(GLOBS))
            if draw(st.booleans()):
                return check(name, read, f"glob {written(pattern)}", lambda value: glob(value, pattern))
            small = ascii_lower(pattern)
            return check(name, read, f"iglob {written(pattern)}", lambda value: glob(ascii_lower(value), small))
        case "regex":
            pattern = draw(st.sampled_from(REGEXES))
            spelt = pattern.replace("[[:alpha:]]", "[a-zA-Z]").replace("a+?", "a*")
            return check(name, read, f"regex {written(pattern)}", lambda value: bool(re.fullmatch(spelt, value)))
        case "pmatch":
            paths = draw(st.lists(st.sampled_from(PATHS), max_size=2))
            return check(
                name, read, f"pmatch {listed(paths)}", lambda value: any(begins(value, path) for path in paths)
            )
        case "order":
            operator, number = draw(st.sampled_from(sorted(ORDERED))), draw(st.sampled_from(["7", "0x1", "70", "-1"]))
            return check(
                name, read, f"{operator} {number}", lambda value: ORDERED[operator](value.encode(), number.encode())
            )
        case "len":
            operator, length = draw(st.sampled_from(sorted(ORDERED))), draw(st.integers(0, 6))
            return check(
                f"len({name})",
                read,
                f"{operator} {length}",
                lambda value: ORDERED[operator](len(value.encode()), length),
            )
    operator, other = draw(st.sampled_from(["=", "!=", "contains", "startswith"])), draw(st.sampled_from(sorted(TEXTS)))
    return both(name, read, operator, other)


@st.composite
def of_number(draw: st.DrawFn) -> Condition:
    name = draw(st.sampled_from(sorted(NUMBERS)))
    number = draw(st.sampled_from([0, 5, 33, 38]))
    operators = {**ORDERED, "=": COMPARED["="], "!=": COMPARED["!="]}
    if draw(st.booleans()):
        numbers = draw(st.lists(st.sampled_from([0, 5, 38]), max_size=2))
        return check(name, NUMBERS[name], f"in ({', '.join(map(str, numbers))})", lambda value: value in numbers)
    operator = draw(st.sampled_from(sorted(operators)))
    return check(name, NUMBERS[name], f"{operator} {number}", lambda value: operators[operator](value, number))


@st.composite
def of_list(draw: st.DrawFn) -> Condition:
    name = draw(st.sampled_from(sorted(LISTS)))
    some = draw(st.lists(st.sampled_from(["a", "ab", "7"]), max_size=2))
    match draw(st.sampled_from(["exists", "in", "intersects", "len"])):
        case "in":
            return check(name, LISTS[name], f"in {listed(some)}", lambda value: set(value) <= set(some))
        case "intersects":
            return check(name, LISTS[name], f"intersects {listed(some)}", lambda value: bool(set(value) & set(some)))
        case "len":
            return check(f"len({name})", LISTS[name], f"= {len(some)}", lambda value: len(value) == len(some))
    return check(name, LISTS[name], "exists", lambda _: True)


def negated(part: Condition) -> Condition:
    return Condition(f"not ({part.text})", lambda record: not part.holds(record))


def joined(parts: list[Condition], word: str) -> Condition:
    decide = all if word == "and" else any
    told = f" {word} ".join(f"({part.text})" for part in parts)
    return Condition(told, lambda record: decide(part.holds(record) for part in parts))


CONDITIONS = st.recursive(
    st.one_of(of_text(), of_text(), of_number(), of_list()),
    lambda inner: st.one_of(
        inner.map(negated),
        st.builds(joined, st.lists(inner, min_size=2, max_size=3), st.sampled_from(["and", "or"])),
    ),
    max_leaves=5,
)

# --- records: of each key the odd as often as the usual

VALUES = st.one_of(
    st.sampled_from(WORDS),
    st.sampled_from([None, 7, 1.5, True, False, {}, {"a": "b"}, [], ["a", None], [{"a": 'é"\n'}], 33.0]),
)
AMOUNTS = st.one_of(VALUES, st.sampled_from([0, 5, 33.0, 33.9]))


def having(**keys: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({}, optional=keys)


IDENTITY = having(
    type=st.one_of(st.sampled_from(["Root", "IAMUser", "AWSService", "AssumedRole", "AWSAccount", "SAMLUser"]), VALUES),
    userName=VALUES,
    invokedBy=VALUES,
    accountId=VALUES,
    sessionContext=st.one_of(VALUES, having(sessionIssuer=st.one_of(VALUES, having(userName=VALUES)))),
)
ITEMS = st.lists(st.one_of(VALUES, having(imageId=st.sampled_from(["a", "ab", "7", None, 7]))), max_size=3)
RECORDS = having(
    errorCode=VALUES,
    eventName=VALUES,
    readOnly=VALUES,
    recipientAccountId=VALUES,
    userIdentity=st.one_of(VALUES, IDENTITY),
    requestParameters=st.one_of(VALUES, having(name=VALUES, imageId=VALUES)),
    responseElements=st.one_of(VALUES, having(instancesSet=st.one_of(VALUES, having(items=ITEMS)))),
    additionalEventData=st.one_of(VALUES, having(bytesTransferredIn=AMOUNTS, bytesTransferredOut=AMOUNTS)),
).map(lambda record: {**record, "eventTime": "2026-06-01T10:00:00Z", "eventType": "AwsApiCall"})
RULE = "- {{rule: T{number}, desc: d, condition: {condition}, output: o, priority: INFO, source: aws_cloudtrail}}\n"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(CONDITIONS, min_size=1, max_size=8), st.lists(RECORDS, min_size=1, max_size=8))
def test_the_sql_says_what_the_interpreter_says(conditions: list[Condition], records: list[dict[str, Json]]) -> None:
    rules = "".join(RULE.format(number=n, condition=json.dumps(each.text)) for n, each in enumerate(conditions))

    read = read_falco([("rules.yaml", rules)])
    assert [str(error) for error in read.errors] == []
    expected = [[place for place, each in enumerate(conditions) if each.holds(record)] for record in records]

    assert held([each.condition for each in read.detections], records) == expected
