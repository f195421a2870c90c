"""Files as people hand them in: read as Cloud Custodian's loader reads them, and the hostile at a bounded cost."""

from __future__ import annotations

import json
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from crenel.errors import PolicyError
from crenel.policies.written.load import load_policies, load_variables, policy_files, read_policies
from crenel.positions import Located, describe, load_file, load_text

SECONDS = 10  # for the worst of them, on a slow machine; most take no time
MEGABYTES = 600


@contextmanager
def bounded() -> Iterator[None]:
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun < SECONDS


def refused(text: str, *, as_json: bool = False) -> PolicyError:
    with bounded(), pytest.raises(PolicyError) as caught:
        load_text(text, "given.yml", as_json=as_json)
    return caught.value


LAUGHS = "\n".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]" for before, name in pairwise("abcdefghij")
).replace("*a", "x")
MERGED = "a: &a {k: 1}\n" + "\n".join(
    f"{name}: &{name} {{<<: [{', '.join([f'*{before}'] * 10)}]}}" for before, name in pairwise("abcdefghij")
)
MANY_KEYS = ", ".join(f"k{number}: 1" for number in range(5000))

HOSTILE = {
    "aliases of aliases": (LAUGHS, "too large", 6),
    "merges of merges": (MERGED, "too large", 7),
    "a large mapping, merged often": (f"a: &a {{{MANY_KEYS}}}\nb: [{'{<<: *a}, ' * 10_000}]", "too large", 2),
    "a million values": (f"[{'a,' * 1_000_000}]", "too large", 1),
    "a million brackets": ("[" * 1_000_000, "nesting depth", 1),
    "a hundred thousand dashes": ("- " * 100_000, "more than 100 deep", 1),
    "nested deep": ("[" * 200 + "]" * 200, "more than 100 deep", 1),
    "nested deep by an alias": (f"a: &a {'[' * 60}{']' * 60}\nb: {'[' * 60}*a{']' * 60}", "more than 100 deep", 2),
    "itself": ("a: &a [1, *a]", "contains itself", 1),
    "itself, merged": ("a: &a {<<: *a}", "contains itself", 1),
    "a number of sixty-ths": ("a: 1" + ":1" * 400_000, "number or date of", 1),
    "a number of many digits": ("a: " + "9" * 900_000, "number or date of", 1),
    "a hexadecimal one": ("a: 0x" + "f" * 900_000, "number or date of", 1),
    "NUL": ("a: b\n\nc: \0", "U+0000", 3),
    "an escape": ("a: \x1b[31m", "U+001B", 1),
    "a mark inside": ("a: b\nc\ufeff: d", "U+FEFF", 2),
    "a tab": ("a:\n\t- b", "not tabs", 2),
    "a key twice": ("a: 1\nb: 2\na: 3", "stands here twice", 3),
    "a number as a key": ("1: x", "a key must be a text", 1),
    "a date as a key": ("a:\n  2026-11-25: x", "a key must be a text", 2),
    "a list as a key": ("? [a]\n: b", "a key must be a text", 1),
    "two documents": ("a: 1\n---\nb: 2", "second document", 2),
    "a call": ("a: !!python/object/apply:os.system [ls]", "only plain data", 1),
    "a name of Python's": ("a: !!python/name:os.system", "only plain data", 1),
    "a set": ("a: !!set {b, c}", "only plain data", 1),
    "an ordered map": ("a: !!omap [b: 1]", "only plain data", 1),
    "bytes": ("a: !!binary aGVsbG8=", "only plain data", 1),
    "a tag of one's own": ("a: !mine b", "only plain data", 1),
    "a day that is none": ("a: 2026-02-30", "can't read this value", 1),
    "a flag that is none": ("a: !!bool perhaps", "can't read this value", 1),
    "no number": ("a: !!int ''", "can't read this value", 1),
    "an anchor that is not there": ("a: *b", 'no anchor "b"', 1),
    "an anchor twice": ("[&a 1, &a 2]", "stands here twice", 1),
    "a merge of a number": ("a: {<<: 3}", "takes a mapping", 1),
    "a sign with a meaning": ("a: =", "in quotes", 1),
    "an open bracket": ("policies: [", "no YAML", 1),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_yaml_is_refused_in_bounded_time(name: str) -> None:
    text, message, line = HOSTILE[name]

    error = refused(text)

    assert message in str(error)
    assert error.where is not None
    assert error.where.line == line
    assert error.code in ("yaml", "too-large", "duplicate-key")
    assert len(str(error)) < 300


@pytest.mark.parametrize("name", ["aliases of aliases", "merges of merges", "a large mapping, merged often"])
def test_bombs_are_not_held_in_memory(name: str) -> None:
    tracemalloc.start()
    try:
        refused(HOSTILE[name][0])
        assert tracemalloc.get_traced_memory()[1] < MEGABYTES * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "more than 100 deep"),
        ("[" + "1," * 600_000 + "1]", "too large"),
        ('{"a": 1, "a": 2}', "stands here twice"),
        ('{"a": 1,}', "double quotes"),
        ('{"a": 1} x', "behind the end"),
        ("{'a': 1}", "double quotes"),
        ("# no comment", "a value is expected"),
        ('["a\nb"]', "control character"),
        ("[1 2]", '"," is expected'),
        ("[NaN]", "a value is expected"),
        ("[" + "9" * 10_000 + "]", "a number of 10000"),
        ('["', "unterminated"),
    ],
)
def test_hostile_json_too(text: str, message: str) -> None:
    error = refused(text, as_json=True)

    assert message in str(error)
    assert error.where is not None


def test_a_large_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.yml"
    with path.open("wb") as file:
        file.truncate(50 * 2**20)

    with bounded(), pytest.raises(PolicyError, match="larger than 8 MiB"):
        load_file(path)


def test_a_huge_text_is_one_value(tmp_path: Path) -> None:
    with bounded():
        assert len(load_text("a: " + "x" * 7_000_000, "given.yml").value["a"].value) == 7_000_000


@pytest.mark.parametrize(
    ("data", "place"),
    [(b"a: b\nc: d\xff\n", (2, 5)), ("a: b".encode("utf-16"), (1, 1)), ("ä: \u00fc".encode("latin-1"), (1, 1))],
)
def test_bad_utf8_has_a_place(data: bytes, place: tuple[int, int], tmp_path: Path) -> None:
    path = tmp_path / "bad.yml"
    path.write_bytes(data)

    with pytest.raises(PolicyError, match="not UTF-8") as caught:
        load_file(path)

    assert caught.value.where is not None
    assert (caught.value.where.line, caught.value.where.column) == place


def test_a_mark_at_the_start_is_none_of_the_text(tmp_path: Path) -> None:
    """Windows' editors put it there; columns count without it."""
    path = tmp_path / "marked.yml"
    path.write_bytes("\ufeffa: 1\n".encode())

    root = load_file(path)

    assert root.plain() == {"a": 1}
    assert root.keys["a"].column == 1


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "null\n", "{}\n", "[]\n", "policies:\n", "policies: 3\n"])
def test_a_file_without_policies_is_an_error(text: str, tmp_path: Path) -> None:
    path = tmp_path / "empty.yml"
    path.write_text(text)

    with pytest.raises(PolicyError, match=r"must be a mapping|needs `policies`|must be a list"):
        load_policies(path)


def test_what_is_not_there_and_what_is_hidden(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    for name in ("b.yaml", "a.yml", "c.json", "d.txt", ".e.yml", ".git/f.yml"):
        (tmp_path / name).write_text("policies: []")

    assert [path.name for path in policy_files([tmp_path])] == ["a.yml", "b.yaml", "c.json"]
    with pytest.raises(PolicyError, match="can't read"):
        load_file(tmp_path / "none.yml")


# --- the same as Custodian's loader

SCALARS = [
    "1_000", "010", "0o17", "08", "0x1f", "0b11", "1:30", "-1", "+1", "1.5", ".5", "1.", "1e5", "1.0e+5", ".inf",
    "-.INF", "1.5:30", "yes", "No", "on", "OFF", "y", "n", "true", "True", "TRUE", "~", "null", "Null",
    "2026-11-25", "2026-1-5", "2026-11-25T10:00:00Z", "2026-11-25T10:00:00+02:00", "2026-11-25T10:00:00.25", "'1'",
    '"yes"', "'null'", "a", "b-", "c:d", "12:30:45", "1.2.3", "0.0.0.0/0", "10.0.0.0/8", "arn:aws:iam::1:root",
]  # fmt: skip


@pytest.mark.parametrize("text", SCALARS)
def test_scalars_are_those_of_custodians_loader(text: str) -> None:
    """Dates become dates, `010` eight, `yes` true: YAML 1.1."""
    wanted = yaml.load(f"a: {text}", Loader=yaml.CSafeLoader)["a"]

    found = load_text(f"a: {text}", "given.yml").value["a"].value

    assert (type(found), found) == (type(wanted), _utc(wanted))


def _utc(value: object) -> object:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value


_LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.dates()
_TREES = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=20
)


@given(_TREES, st.booleans())
def test_trees_are_read_back(tree: object, flow: bool) -> None:
    """What PyYAML writes and its safe loader reads, Crenel reads the same, and every value lies inside the text."""
    text = yaml.safe_dump(tree, default_flow_style=flow, allow_unicode=True)
    wanted = yaml.load(text, Loader=yaml.CSafeLoader)

    found = load_text(text, "given.yml")

    assert found.plain() == wanted
    _inside(found, len(text.splitlines()) + 1)


def _inside(item: Located, lines: int) -> None:
    assert 1 <= item.where.line <= item.where.until[0] <= lines
    for part in (
        item.value.values() if isinstance(item.value, dict) else item.value if isinstance(item.value, list) else ()
    ):
        _inside(part, lines)


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=20,
), st.sampled_from([None, 2, "\t"]))  # fmt: skip
def test_json_is_read_back(tree: object, indent: int | str | None) -> None:
    assert load_text(json.dumps(tree, indent=indent), "given.json", as_json=True).plain() == tree


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    """Any text is read or refused with a `PolicyError`."""
    for as_json in (False, True):
        try:
            load_text(text, "given", as_json=as_json)
        except PolicyError as error:
            assert error.all()  # noqa: PT017 (either way is right)


def test_merges() -> None:
    """A mapping's own keys come first, then the first of those merged."""
    text = "base: &b {x: 1, y: 2}\none: {<<: *b, x: 3}\ntwo: {<<: [{x: 5}, {x: 6, z: 1}], y: 0}\n"

    found = load_text(text, "given.yml")

    assert found.plain() == yaml.load(text, Loader=yaml.CSafeLoader)
    assert found.value["one"].value["y"].where.line == 1
    assert found.value["one"].keys["y"].line == 1
    assert found.value["one"].keys["x"].line == 2


def test_an_error_in_an_anchor_points_where_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "anchored.yml"
    path.write_text(
        "vars:\n  off: &off\n    type: value\n    key: Encrypted\n    vlaue: false\npolicies:\n"
        "  - {name: a, resource: ebs, tags: [1, 2], filters: [*off]}\n"
    )

    with pytest.raises(PolicyError) as caught:
        load_policies(path)

    assert [str(error.where) for error in caught.value.all()] == [f"{path}:7:37"]
    (filters,) = load_file(path).value["policies"].value[0].value["filters"].value
    assert str(filters.keys["vlaue"]) == f"{path}:5:5"


# --- all errors of a file, each with its place


def test_one_bad_policy_does_not_hide_the_next(tmp_path: Path) -> None:
    path = tmp_path / "several.yml"
    path.write_text(
        "polices: []\nvars: 3\npolicies:\n"
        "  - {name: a b, resource: [ebs], filter: []}\n"
        "  - {name: good, resource: ebs}\n"
        "  - 5\n"
        "  - {name: good, resource: s3}\n"
        "  - {resource: ebs, mode: {type: perodic}, max-resources: 0, source: config}\n"
    )

    found = read_policies(path)

    assert [policy.name for policy in found.policies] == ["good"]
    codes = [(error.where.line if error.where else 0, error.code) for error in found.errors]
    assert codes == [
        (1, "unknown-key"), (2, "wrong-type"),
        (4, "unknown-key"), (4, "invalid"), (4, "wrong-type"),
        (6, "wrong-type"), (7, "duplicate-policy"),
        (8, "missing-key"), (8, "unknown-value"), (8, "wrong-type"),
    ]  # fmt: skip
    with pytest.raises(PolicyError) as caught:
        load_policies(path)
    assert len(caught.value.all()) == len(codes)
    assert describe(caught.value).count("^") == len(codes)


# --- --vars

VARIABLES = {"days": 30, "team": "blue", "keys": {"owner": ["a", "b"]}, "day": "2026-11-25"}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a: {days}", 30),
        ('a: "{days}"', "30"),
        ("a: {{x: 1}}", {"x": 1}),
        ("a: {keys[owner][1]}", "b"),
        ("a: '{team!r:>8}'", None),
        ('a: "{team:>8}"', "    blue"),
        ("a: {team}-{days}", "blue-30"),
    ],
)
def test_variables_fill_the_raw_text(text: str, wanted: object) -> None:
    """As `str.format` does, before YAML is read."""
    if wanted is None:
        with pytest.raises(yaml.YAMLError):
            yaml.safe_load(text.format(**VARIABLES))
        refused_with = pytest.raises(PolicyError)
        with refused_with:
            load_text(text, "given.yml", variables=VARIABLES)
        return
    assert yaml.safe_load(text.format(**VARIABLES))["a"] == wanted
    assert load_text(text, "given.yml", variables=VARIABLES).value["a"].plain() == wanted


@pytest.mark.parametrize(
    ("text", "message", "column"),
    [
        ("a: {dayz}", 'Did you mean "day"?', 4),
        ("a: {team.__class__}", "asks for an attribute", 4),
        ("a: {team.__class__.__mro__[1]}", "asks for an attribute", 4),
        ("a: {keys[owner][7]}", "leads to nothing", 4),
        ("a: {days[x]}", "leads to nothing", 4),
        ("a: {}", "names no variable", 4),
        ("a: {0}", "names no variable", 4),
        ("a: {days:>99999999}", "too wide", 4),
        ("a: {days:{team}}", "single", 4),
        ("a: {days!x}", "conversion", 4),
        ("a: {team:d}", "can't be written so", 4),
        ("a: [{days}", "no YAML", 11),
        ("a: {days", "written twice", 4),
        ("a: }", "written twice", 4),
    ],
)
def test_bad_placeholders_have_their_place(text: str, message: str, column: int) -> None:
    with bounded(), pytest.raises(PolicyError) as caught:
        load_text(text, "given.yml", variables=VARIABLES)

    assert message in str(caught.value)
    assert caught.value.where is not None
    assert (caught.value.where.line, caught.value.where.column) == (1, column)


def test_many_wide_placeholders_are_bounded() -> None:
    with bounded(), pytest.raises(PolicyError, match="too large"):
        load_text("{days:>999}" * 20_000, "given.yml", variables=VARIABLES)


def test_places_are_those_of_the_file_also_behind_a_placeholder() -> None:
    """What a placeholder brought in stands where the placeholder does."""
    text = "a: {team}-{days}\nb: {team} # {days}\nc: [{days}, {{x: {team}}}]\n"

    root = load_text(text, "given.yml", variables=VARIABLES)

    assert root.plain() == {"a": "blue-30", "b": "blue", "c": [30, {"x": "blue"}]}
    places = [root.value["a"], root.value["b"], root.value["c"].value[0], root.value["c"].value[1].value["x"]]
    assert [(each.where.line, each.where.column, each.where.length) for each in places] == [
        (1, 4, 13),
        (2, 4, 6),
        (3, 5, 6),
        (3, 18, 6),
    ]
    assert (root.keys["c"].line, root.keys["c"].column) == (3, 1)


def test_a_file_of_variables_is_a_mapping(tmp_path: Path) -> None:
    path = tmp_path / "vars.yml"
    path.write_text("[a]")

    with pytest.raises(PolicyError, match="must be a mapping"):
        load_variables(path)
