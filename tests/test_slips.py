"""Slips that Cloud Custodian takes without a word, and `crenel policies check` tells, each with its place."""

from __future__ import annotations

import json
import time
from importlib.resources import files
from pathlib import Path

import pytest

from crenel.cli.check import Checked, check_files
from crenel.policies.written.model import MOST_FILTERS

HERE = Path(__file__).parent


def checked(folder: Path, resource: str, filters: str, more: str = "") -> Checked:
    """Return what a check says of one policy."""
    path = folder / "policy.yml"
    path.write_text(f"policies:\n- {{name: mine, resource: {resource}, filters: {filters}{more}}}\n")
    return check_files([path])


def told(found: Checked) -> list[tuple[str, str]]:
    """Return the severities and the words of problems."""
    return [(each.severity, f"{each.error.message} {each.error.suggestion}".rstrip()) for each in found.problems]


# Of each: the type, the filters, whether it is an error, and words of what is said.
SLIPS = {
    # one key that is to equal two values
    "two values": (
        "ebs",
        "[{VolumeId: a}, {VolumeId: b}]",
        "error",
        'VolumeId can\'t equal both "a" (line 2) and "b".',
    ),
    "a value and a list": (
        "ebs",
        "[{VolumeId: a}, {type: value, key: VolumeId, op: in, value: [b, c]}]",
        "error",
        'both "a" (line 2) and one of ["b", "c"].',
    ),
    "what is left of a list": (
        "ebs",
        "[{VolumeId: a}, {type: value, key: VolumeId, op: in, value: [a, b]}, {VolumeId: b}, {VolumeId: c}]",
        "error",
        'both "a" (line 2) and "b".',
    ),
    "two values of a tag": ("ebs", "[{'tag:A': x}, {'tag:A': X}]", "error", 'tag:A can\'t equal both "x"'),
    "in a block": ("ebs", "[{not: [{VolumeId: a}, {VolumeId: b}]}]", "error", "under `or`"),
    "of one list item": (
        "ebs",
        "[{type: list-item, key: Tags, attrs: [{Key: a}, {Key: b}]}]",
        "error",
        'Key can\'t equal both "a"',
    ),
    # keywords
    "abesnt": (
        "ebs",
        "[{KmsKeyId: abesnt}]",
        "warning",
        '"abesnt" is compared with as a text. Did you mean the keyword',
    ),
    "not_null": ("ebs", "[{'tag:A': not_null}]", "warning", 'keyword "not-null"?'),
    "not null": ("ebs", "[{type: value, key: KmsKeyId, op: ne, value: not null}]", "warning", 'keyword "not-null"?'),
    "Present": ("ebs", "[{KmsKeyId: Present}]", "warning", 'keyword "present"?'),
    "a keyword in a list": (
        "ebs",
        "[{type: value, key: KmsKeyId, op: in, value: [absent, a]}]",
        "warning",
        '"absent" is a text where it stands in a list',
    ),
    # rules of security groups
    "a port": ("security-group", "[{type: ingress, Ports: [70000]}]", "error", "70000 is no port, and no rule has it"),
    "a port alone": ("security-group", "[{type: egress, OnlyPorts: [65536]}]", "error", "no rule is for it alone"),
    "an end of ports": ("security-group", "[{type: ingress, ToPort: 70000}]", "error", "70000 is no port"),
    "a protocol": (
        "security-group",
        "[{type: ingress, IpProtocol: tpc}]",
        "error",
        'no protocol "tpc". Did you mean "tcp"?',
    ),
    "capitals": (
        "security-group",
        "[{type: egress, IpProtocol: UDP}]",
        "error",
        'no protocol "UDP". Did you mean "udp"?',
    ),
    "one of several protocols": (
        "security-group",
        "[{type: ingress, IpProtocol: {op: in, value: [tcp, all]}}]",
        "error",
        'no protocol "all". There are tcp, udp, icmp, icmpv6, numbers, and -1 for all.',
    ),
    "a protocol's number": ("security-group", "[{type: ingress, IpProtocol: '256'}]", "error", 'no protocol "256"'),
    # and others
    "a tag without a name": ("ebs", "[{'tag:': x}]", "error", "names no tag"),
    "value beside value_from": (
        "ebs",
        "[{type: value, key: VolumeId, op: in, value: a, value_from: {url: 's3://b/k', format: json}}]",
        "warning",
        "value has no effect beside value_from",
    ),
    "value beside value_path": (
        "ebs",
        "[{type: value, key: VolumeId, value: a, value_path: SnapshotId}]",
        "warning",
        "value has no effect beside value_path",
    ),
    "an account": (
        "s3",
        "[{type: cross-account, whitelist: ['12345']}]",
        "error",
        '"12345" is no account: an account\'s id has 12 digits.',
    ),
    "an account with hyphens": (
        "s3",
        "[{type: cross-account, whitelist: ['1234-5678-9012']}]",
        "error",
        "is no account",
    ),
    "a time zone": (
        "ebs",
        "[{type: marked-for-op, op: delete, tz: Europe/Belrin}]",
        "error",
        'no time zone "Europe/Belrin". Did you mean "europe/berlin"?',
    ),
    "a placeholder": (
        "ebs",
        "[{VolumeId: '{nope}'}]",
        "warning",
        "nothing fills in {nope}, so this text stays as it is, in Cloud Custodian too.",
    ),
    "a placeholder misspelt": ("ebs", "[{'tag:A': 'of-{acount_id}'}]", "warning", 'Did you mean "account_id"?'),
    # the words
    "a misspelt block": ("ebs", "[{nott: [{VolumeId: a}]}]", "error", 'no block "nott". Did you mean "not"?'),
    "a key like none": ("ebs", "[{Qwertz: a}]", "error", "more."),
    "reduce in a list": (
        "ebs",
        "[{type: list-item, key: Tags, attrs: [{type: reduce, limit: 1}]}]",
        "error",
        "reduce is not supported on the items of a list. They take value and list-item filters",
    ),
    "an index into items": (
        "ebs",
        "[{'Tags[::-1][0].Key': absent}]",
        "error",
        "an item of the list before it is a structure, not a list. What follows [], [*], [?…] or a slice is asked of",
    ),
    "arguments": ("ebs", "[{'abs(Size, Size)': 1}]", "error", "abs() takes 1 argument, and has 2."),
    "an article": ("security-group", "[{type: ingress, Prots: [22]}]", "error", "an ingress filter has no key"),
    "a date for a key": ("ebs", "[{CreateTime: 2026-01-02}]", "error", "and 2026-01-02 never equals one"),
    "a date for a mapping": ("ebs", "2026-01-02", "error", "not a date."),
    "a list for a key": ("ebs", "[{VolumeId: [1, 2, 3, 4, 5]}]", "error", "and [1, 2, 3, and 2 more] never equals one"),
    "true for a text": ("ebs", "[{VolumeId: true}]", "error", "and true never equals one"),
    "a look-behind": (
        "ebs",
        "[{type: value, key: VolumeId, op: regex, value: '(?<=a)b'}]",
        "error",
        "look-behind (?<=…)",
    ),
    "no group": (
        "ebs",
        "[{type: value, key: VolumeId, value_regex: abc, value: a}]",
        "error",
        "value_regex needs one group (…), which is the part to compare, and this has none.",
    ),
    # what is too large
    "a glob of many wildcards": (
        "ebs",
        f"[{{type: value, key: VolumeId, op: glob, value: '{'*a' * 2000}'}}]",
        "error",
        "can't have so many wildcards",
    ),
    "a whitelist of many wildcards": (
        "s3",
        f"[{{type: cross-account, whitelist_patterns: ['{'*a' * 2000}']}}]",
        "error",
        "can't have so many wildcards",
    ),
    "a limit's name of many wildcards": (
        "account",
        f"[{{type: service-limit, names: ['{'*a' * 2000}']}}]",
        "error",
        "can't have so many wildcards",
    ),
}


@pytest.mark.parametrize("name", SLIPS)
def test_a_slip_is_told(name: str, tmp_path: Path) -> None:
    resource, filters, severity, words = SLIPS[name]
    found = told(checked(tmp_path, resource, filters))

    assert [(kind, text) for kind, text in found if kind == severity and words in text], found


# What looks like one, and is none.
MEANT = {
    "a value of several": "ebs: [{VolumeId: a}, {type: value, key: VolumeId, op: in, value: [a, b]}]",
    "alternatives": "ebs: [{or: [{VolumeId: a}, {VolumeId: b}]}]",
    "of two list items": (
        "ebs: [{type: list-item, key: Tags, attrs: [{Key: a}]}, {type: list-item, key: Tags, attrs: [{Key: b}]}]"
    ),
    "a list that holds both": (
        "ebs: [{type: value, key: 'Tags[].Key', op: contains, value: a}, "
        "{type: value, key: 'Tags[].Key', op: contains, value: b}]"
    ),
    "both sides exchanged": (
        "ebs: [{type: value, key: 'Tags[].Key', op: in, value_type: swap, value: a}, "
        "{type: value, key: 'Tags[].Key', op: in, value_type: swap, value: b}]"
    ),
    "two parts of a text": "ebs: [{type: value, key: VolumeId, value_regex: '(.).*', value: a}, {VolumeId: ab}]",
    "two that it is not": (
        "ebs: [{type: value, key: VolumeId, op: ne, value: a}, {type: value, key: VolumeId, op: ne, value: b}]"
    ),
    "in small letters": "ebs: [{'tag:A': X}, {type: value, key: 'tag:A', value_type: normalize, value: x}]",
    "the same number": "ebs: [{Size: 1}, {type: value, key: Size, op: eq, value: 1.0}]",
    "keywords": "ebs: [{KmsKeyId: present}, {KmsKeyId: not-null}, {'tag:A': absent}, {'tag:B': empty}]",
    "words like keywords": "ebs: [{'tag:A': prison}, {'tag:B': example}, {'tag:C': null}]",
    "an enumeration's own word": "ebs: [{State: available}]",
    "the last port": "security-group: [{type: ingress, Ports: [0, 65535], OnlyPorts: [22]}]",
    "ICMP of every type": "security-group: [{type: ingress, IpProtocol: icmp, FromPort: -1, Ports: [-1]}]",
    "protocols": "security-group: [{type: ingress, IpProtocol: {op: in, value: [tcp, icmpv6, '-1', '50', '255']}}]",
    "a protocol's pattern": "security-group: [{type: ingress, IpProtocol: {op: regex, value: 'ICMP'}}]",
    "an organization's name": "s3: [{type: cross-account, whitelist: ['123456789012', 'AIDA1']}]",
    "time zones": "ebs: [{type: marked-for-op, op: delete, tz: et}, {type: marked-for-op, op: stop, tz: Asia/Tokyo}]",
    "placeholders": "ebs: [{VolumeId: '{account_id}-{region}'}, {'tag:A': '{now:%Y}'}]",
    "what is written later": "ebs: [{VolumeId: '{account}'}, {'tag:A': '{{nope}}'}]",
    "braces of JMESPath": "ebs: [{type: value, key: 'Tags[].{a: Key}', value: not-null}]",
    "braces of a pattern": "ebs: [{type: value, key: VolumeId, op: regex, value: 'vol-[0-9a-f]{{17}}'}]",
}


@pytest.mark.parametrize("name", MEANT)
def test_what_is_meant_is_not_told(name: str, tmp_path: Path) -> None:
    resource, filters = MEANT[name].split(": ", 1)

    assert told(checked(tmp_path, resource, filters)) == []


@pytest.mark.filterwarnings("ignore:deprecated string literal syntax")  # of JMESPath, which one of them has
@pytest.mark.parametrize("path", [Path(str(files("crenel.content") / "policies")), HERE / "beside" / "policies.yml"])
def test_good_policies_are_not_accused(path: Path) -> None:
    """Neither those that ship with Crenel nor those that are held against Custodian on an account."""
    found = check_files([path])
    slips = ("can't equal both", "as a text", "is a text where", "nothing fills in", "is no account", "no protocol")

    assert found.number > 20
    assert [text for _, text in told(found) if any(slip in text for slip in slips)] == []


def test_actions_have_placeholders_of_their_own(tmp_path: Path) -> None:
    """There only what is nearly one of the known names is told."""
    notify = "{type: notify, to: [resource-owner], subject: '{anything}', transport: {type: sns, topic: a}}"
    actions = f", actions: [{notify}, {{type: tag, key: a, value: '{{acount_id}}'}}]"

    found = told(checked(tmp_path, "ebs", "[{VolumeId: a}]", actions))
    [(severity, text)] = [each for each in found if "fills in" in each[1]]

    assert severity == "warning"
    assert "fills in {acount_id}" in text


def test_words_for_people_have_their_own_braces(tmp_path: Path) -> None:
    """A description says what it likes."""
    assert told(checked(tmp_path, "ebs", "[{VolumeId: a}]", ", description: 'as {nope}'")) == []


def test_a_file_without_policies(tmp_path: Path) -> None:
    (tmp_path / "none.yml").write_text("policies: []\n")

    found = check_files([tmp_path / "none.yml"])

    assert told(found) == [("warning", "this file has no policy.")]


def test_a_key_that_is_not_there_is_told_with_few_others(tmp_path: Path) -> None:
    """The nearest ones, and none of Crenel's own columns."""
    [(_, text)] = told(checked(tmp_path, "ec2", "[{Qwertz: a}]"))

    assert text.count(",") == 7
    assert ":" not in text


@pytest.mark.parametrize(("given", "errors", "warnings"), [("zz", 0, 1), ("available", 10, 1)])
def test_a_long_list_is_told_in_few_words(given: str, errors: int, warnings: int, tmp_path: Path) -> None:
    """Thousands of values that AWS does not have: the first of those that are nearly right, and how many more."""
    values = json.dumps([f"{given}{number}" for number in range(8_000)])

    start = time.perf_counter()
    found = checked(tmp_path, "ebs", f"[{{type: value, key: State, op: in, value: {values}}}]")

    assert time.perf_counter() - start < 5
    assert (found.count("error"), found.count("warning")) == (errors, warnings)
    assert f"and {8_000 - errors - 3:,} more here." in told(found)[-1][1]


def test_a_long_list_of_another_kind(tmp_path: Path) -> None:
    found = told(checked(tmp_path, "ebs", f"[{{type: value, key: VolumeId, op: in, value: {list(range(8_000))}}}]"))

    assert len(found) == 11
    assert ("error", "7,990 more values of this list never equal one either.") in found


def many(count: int, resource: str = "ebs") -> dict[str, object]:
    """Return a policy of so many filters, those in blocks counted."""
    return {"name": "many", "resource": resource, "filters": [{"or": [{"VolumeId": f"{n}"} for n in range(count - 1)]}]}


@pytest.mark.parametrize(
    "policy",
    [
        many(MOST_FILTERS + 1),
        {**many(2), "filters": [{"not": [{"or": [{"VolumeId": f"{n}"}]}]} for n in range(20_000)]},
        {**many(2), "conditions": [{"region": f"{n}"} for n in range(MOST_FILTERS)]},
        {**many(2), "filters": [{"type": "list-item", "key": "Tags", "attrs": [{"Key": "a"}] * MOST_FILTERS}]},
    ],
    ids=["a block", "blocks in blocks", "conditions", "list items"],
)
def test_a_policy_has_so_many_filters(policy: dict[str, object], tmp_path: Path) -> None:
    """More would take the engine gigabytes, so they are refused before they are compiled."""
    path = tmp_path / "policy.json"
    path.write_text(json.dumps({"policies": [policy]}))

    start = time.perf_counter()
    found = check_files([path])

    assert time.perf_counter() - start < 10
    assert [each.error.code for each in found.problems] == ["too-large"]
    assert "at most 1,000 filters, those in blocks counted, and this one" in found.problems[0].error.message


def test_as_many_as_there_may_be(tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    path.write_text(json.dumps({"policies": [many(MOST_FILTERS)]}))

    assert told(check_files([path])) == []
