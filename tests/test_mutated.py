"""A mistake in a policy is never ignored: each mutation of a key, a filter's name, an op or an enum's value is told."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crenel.catalog.load import catalog
from crenel.errors import PolicyError
from crenel.model import Standard
from crenel.policies.compile import PolicyCompiler
from crenel.policies.facts import facts
from crenel.policies.values.operations import OPERATIONS
from crenel.policies.written.load import builtin_policies
from crenel.policies.written.model import policy_of
from crenel.positions import Located, load_text

COMPILER = PolicyCompiler(catalog(), facts(), Standard.FSBP)

# Policies as people write them for Cloud Custodian.
WRITTEN = """
policies:
  - name: volumes
    resource: aws.ebs
    description: Volumes that nobody encrypted.
    comment: From the team's list.
    tags: [cost, security]
    metadata: {owner: team}
    mode: {type: periodic, schedule: rate(1 day), role: Custodian, timeout: 300}
    max-resources: {amount: 10, percent: 5, op: and}
    max-resources-percent: 20
    query: [{status: available}]
    conditions: [{region: eu-west-1}]
    filters:
      - Encrypted: false
      - or:
          - {type: value, key: Size, op: greater-than, value: 100}
          - not: [{type: value, key: State, op: in, value: [in-use, available]}]
      - {type: list-item, key: Attachments, attrs: [{type: value, key: State, value: attached}],
         count: 2, count_op: gte}
      - {type: value, key: CreateTime, value_type: age, op: gt, value: 30}
    actions: [{type: tag, tags: {Owner: nobody}}, delete]
  - name: instances-state
    resource: kms-key
    source: describe
    filters:
      - {type: value, key: KeyState, value: Enabled}
      - {type: value, key: KeyManager, op: ne, value: AWS}
  - name: buckets
    resource: s3
    filters:
      - {type: check-public-block, BlockPublicAcls: false, IgnorePublicAcls: true}
      - {type: value, key: Name, op: regex, value: "^log-", value_regex: "(.*)"}
  - name: vpcs
    resource: vpc
    filters:
      - not: [{type: flow-logs, enabled: true, traffic-type: all}]
      - {type: value, key: CidrBlock, op: in, value: [10.0.0.0/16]}
  - name: snapshots
    resource: ebs-snapshot
    query: [{OwnerIds: [self]}, {status: completed}]
    filters: [{type: value, key: StartTime, value_type: age, op: gt, value: 365}]
  - name: iam-policies
    resource: iam-policy
    query: [{Scope: Local}]
    filters: [used, has-allow-all]
  - name: the-account
    resource: account
    filters:
      - {type: iam-summary, key: AccountMFAEnabled, op: ne, value: 1}
      - {type: password-policy, key: MinimumPasswordLength, op: lt, value: 14}
"""
# What says what it says in any words: texts for people, what actions take, names that people choose.
_FREE = frozenset({
    "name", "title", "description", "comment", "comments", "metadata", "why", "remediation", "references", "message",
    "text", "reason", "actions", "tags", "params", "facts", "notes",
})  # fmt: skip
# Keys whose values are words out of a list.
_WORDS = frozenset({"op", "count_op", "value_type", "type", "source"})
Path = tuple[str | int, ...]


def bodies() -> dict[str, dict[str, Any]]:
    """The bodies of all built-in and written policies, by name."""
    found = {policy.name: policy.body.plain() for policy in builtin_policies()}
    for body in load_text(WRITTEN, "written.yml").value["policies"].value:
        found[body.value["name"].value] = body.plain()
    return found


BODIES = bodies()


def problems(body: dict[str, Any]) -> list[PolicyError]:
    """What `crenel policies check` would say of a policy."""
    try:
        policy = policy_of(located(body))
    except PolicyError as error:
        return list(error.all())
    return COMPILER.check(policy).errors


def located(value: Any) -> Located:
    """A value as if read from a file; places do not matter here."""
    where = load_text("a", "mutated.yml").where
    if isinstance(value, dict):
        return Located({key: located(item) for key, item in value.items()}, where, dict.fromkeys(value, where))
    return Located([located(item) for item in value], where) if isinstance(value, list) else Located(value, where)


def keys_of(value: Any, path: Path = ()) -> Iterator[Path]:
    """Every key that has a meaning, as the path to it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield (*path, key)
            if key not in _FREE:
                yield from keys_of(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from keys_of(inner, (*path, index))


def at(body: Any, path: Path) -> Any:
    for step in path:
        body = body[step]
    return body


def renamed(body: dict[str, Any], path: Path, name: str) -> dict[str, Any]:
    """A copy of a policy with one key renamed."""
    found = copy.deepcopy(body)
    parent = at(found, path[:-1])
    items = list(parent.items())
    parent.clear()
    parent.update({(name if key == path[-1] else key): value for key, value in items})
    return found


def replaced(body: dict[str, Any], path: Path, value: object) -> dict[str, Any]:
    """A copy of a policy with one value replaced."""
    found = copy.deepcopy(body)
    at(found, path[:-1])[path[-1]] = value
    return found


KEYS = [(name, path) for name, body in BODIES.items() for path in keys_of(body) if path[0] not in _FREE - {path[0]}]
WORDS = [
    (name, path)
    for name, path in KEYS
    if path[-1] in _WORDS and isinstance(at(BODIES[name], path), str) and path[0] != "mode"
]
_TYPOS = st.tuples(st.integers(0, 40), st.sampled_from(["drop", "double", "swap", "case", "sign"]))


def mistyped(word: str, how: tuple[int, str]) -> str:
    """A word with one slip of the finger; the word itself where the slip makes no difference."""
    index, kind = how[0] % len(word), how[1]
    head, letter, tail = word[:index], word[index], word[index + 1 :]
    made = {
        "drop": head + tail,
        "double": head + letter + letter + tail,
        "swap": head + tail[:1] + letter + tail[1:],
        "case": head + letter.swapcase() + tail,
        "sign": f"{head}{letter}_{tail}",
    }
    return made[kind]


@pytest.mark.parametrize("name", BODIES)
def test_the_policies_themselves_are_right(name: str) -> None:
    assert problems(BODIES[name]) == []


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(KEYS), _TYPOS)
def test_a_mistyped_key_is_told(place: tuple[str, Path], how: tuple[int, str]) -> None:
    """Keys of policies and filters, and the columns of resources that stand as keys."""
    name, path = place
    siblings = at(BODIES[name], path[:-1])
    made = mistyped(str(path[-1]), how)
    if made in siblings:
        return

    assert problems(renamed(BODIES[name], path, made)), (path, made)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(WORDS), _TYPOS)
def test_a_mistyped_word_is_told(place: tuple[str, Path], how: tuple[int, str]) -> None:
    """Names of filters, ops, value types and sources. A slip may make another op's name."""
    name, path = place
    word = at(BODIES[name], path)
    made = mistyped(word, how)
    if made == word or made in OPERATIONS:
        return

    assert problems(replaced(BODIES[name], path, made)), (path, made)


ENUMS = [
    ("volumes", ("filters", 1, "or", 1, "not", 0, "value", 0)),
    ("volumes", ("filters", 2, "attrs", 0, "value")),
    ("volumes", ("query", 0, "status")),
    ("volumes", ("mode", "type")),
    ("volumes", ("max-resources", "op")),
    ("instances-state", ("filters", 0, "value")),
    ("instances-state", ("filters", 1, "value")),
    ("instances-state", ("resource",)),
    ("vpcs", ("filters", 0, "not", 0, "traffic-type")),
    ("snapshots", ("query", 1, "status")),
    ("iam-policies", ("query", 0, "Scope")),
    ("iam-policies", ("filters", 0)),
    ("iam-policies", ("filters", 1)),
]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(ENUMS), _TYPOS)
def test_a_mistyped_value_of_a_list_is_told(place: tuple[str, Path], how: tuple[int, str]) -> None:
    """Values that AWS's models list, or that a key takes."""
    name, path = place
    word = at(BODIES[name], path)
    made = mistyped(word, how)
    if made == word:
        return

    assert problems(replaced(BODIES[name], path, made)), (path, made)


_FREE_FORM = ("name", "metadata", "params", "facts")
_WRONG: st.SearchStrategy[Any] = st.sampled_from([5, -1, 2.5, True, [], ["x"], {}, {"x": 1}, "x"])


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([(name, key) for name, body in BODIES.items() for key in body if key not in _FREE_FORM]),
    _WRONG,
)
def test_a_policys_key_takes_its_own_kind_alone(place: tuple[str, str], value: Any) -> None:
    """A number where a text belongs, a text for a list, and so on."""
    name, key = place
    if _fits(key, value):
        return

    assert problems(replaced(BODIES[name], (key,), value)), (key, value)


def _fits(key: str, value: object) -> bool:
    """Whether the value is of a kind that the key takes (what it holds is another question)."""
    if key in {"title", "description", "comment", "why", "remediation"}:
        return isinstance(value, str)
    if key in {"tags", "references"}:
        return value in ([], ["x"])
    if key in {"filters", "actions", "conditions", "query", "not-applicable", "unknown", "notes"}:
        return value == [] or (key == "actions" and value == ["x"])
    return (
        (key == "max-resources" and value in (5, {}) and value is not True)
        or (key == "max-resources-percent" and value in (5, 2.5))
        or (key == "practice" and value in (5, -1))
        or (key == "message" and value == {})
    )
