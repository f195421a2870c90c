"""Values at large: what compiles runs, whatever the column; patterns and globs match as Python's do, or are refused."""

from __future__ import annotations

import fnmatch
import json
import random
import re
import warnings
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crenel.catalog.columns import ListOf, MapOf, Scalar, Struct, Type
from crenel.catalog.load import catalog
from crenel.errors import PolicyError, Where
from crenel.judge.run import Bench
from crenel.lake.engine import connect, quoted
from crenel.lake.snapshots import COMMON, GAPS, collected_columns, rows_sql
from crenel.language.expressions import anchored
from crenel.language.reading import Compiler
from crenel.language.verdicts import verdicts
from crenel.language.walking import (
    kind_of,
)
from crenel.model import Account, ScanInfo, Standard
from crenel.policies.compile import PolicyCompiler
from crenel.policies.facts import facts
from crenel.policies.keys.key import Place, value_at
from crenel.policies.values.patterns import capture, glob, pattern
from crenel.policies.written.load import load_policies
from crenel.positions import Located
from tests.cases import ACCOUNT, NOW, REGION

HERE = Where("here", 1, 1)
ONCE = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much]


@pytest.fixture(scope="module")
def engine() -> duckdb.DuckDBPyConnection:
    return connect()


# --- patterns

TEXTS = st.text(st.sampled_from("abAB0_-. \n^]é٣Ⅷ\u00a0"), max_size=6)
ATOMS = st.sampled_from(
    [
        "a", "b", "A", "0", "_", r"\.", "-", "é", ".", "^", "$", r"\Z", r"\A", r"\w", r"\W", r"\d", r"\D", r"\s", r"\S",
        "[ab]", "[^a]", "[a-b0]", r"[\w-]", r"[^\W_]", r"[\W0]", r"[\S]", r"[^\s]", r"[^\d]", "[]^]", r"\u0061",
        "(?i:a)", "(?s:.)", "(?m:^)", "(?m:$)", "(?-i:B)", "(?P<n>a)",
        r"\b", "(?=a)", "(?!)", "(?>a)", "[[:alpha:]]", r"\n", "",
    ]
)  # fmt: skip
MARKS = st.sampled_from(
    ["", "*", "+", "?", "*?", "+?", "??", "{2}", "{,2}", "{1,}", "{0,2}?", "++", "{1001}", "{", "{x}"]
)
PATTERNS = st.recursive(
    st.builds("{}{}".format, ATOMS, MARKS),
    lambda part: st.one_of(
        st.lists(part, min_size=1, max_size=3).map("".join),
        st.builds("(?:{}|{})".format, part, part),
        st.builds("({}){}".format, part, MARKS),
    ),
    max_leaves=5,
)


def parsed(text: str) -> re.Pattern[str] | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return re.compile(text)
    except re.error:
        return None


@settings(max_examples=1500, deadline=None, suppress_health_check=ONCE)
@given(text=PATTERNS, flags=st.sampled_from(["", "(?i)", "(?s)", "(?m)", "(?x)", "(?im)"]), subject=TEXTS)
def test_patterns_match_as_pythons(engine: duckdb.DuckDBPyConnection, text: str, flags: str, subject: str) -> None:
    """`re.match`, to the letter; or the pattern is refused."""
    try:
        found = pattern(Located(flags + text, HERE))
    except PolicyError:
        return
    wanted = re.match(flags + text, subject) is not None

    assert engine.execute("SELECT regexp_matches(?, " + quoted(anchored(found)) + ")", [subject]).fetchall() == [
        (wanted,)
    ], found


@settings(max_examples=1500, deadline=None, suppress_health_check=ONCE)
@given(before=PATTERNS, group=PATTERNS, after=PATTERNS, mark=st.sampled_from(["", "?", "*"]), subject=TEXTS)
def test_captures_are_pythons(
    engine: duckdb.DuckDBPyConnection, before: str, group: str, after: str, mark: str, subject: str
) -> None:
    """`value_regex`: the one group's text; null where nothing matches or the group took no part."""
    text = f"{before}({group}){mark}{after}"
    try:
        found, optional = capture(Located(text, HERE))
    except PolicyError:
        return
    hit = re.match(text, subject)
    regex = quoted(anchored(found))
    taken = f"regexp_extract($1, {regex}, 1)"
    taken = f"nullif({taken}, '')" if optional else taken
    query = f"SELECT CASE WHEN regexp_matches($1, {regex}) THEN {taken} END"

    assert engine.execute(query, [subject]).fetchall() == [(hit and hit[1],)], found


@settings(max_examples=1500, deadline=None, suppress_health_check=ONCE)
@given(
    text=st.text(st.sampled_from("ab*?[]!^-\\.z&~|\n"), max_size=8),
    subject=st.text(st.sampled_from("ab^-\\z!]&\n"), max_size=5),
)
def test_globs_match_as_fnmatch(engine: duckdb.DuckDBPyConnection, text: str, subject: str) -> None:
    """Every glob is one, and means what Python's `fnmatch` means."""
    query = "SELECT regexp_matches(?, " + quoted(anchored(glob(text))) + ")"

    assert engine.execute(query, [subject]).fetchall() == [(fnmatch.fnmatchcase(subject, text),)]


REFUSED = {
    r"a\b": "word boundary",
    "(?=a)": "look-ahead (?=…)",
    "(?<!a)b": "look-behind (?<!…)",
    r"(a)\1": "back-reference",
    "(?P<a>b)(?P=a)": "back-reference",
    "(a)?(?(1)b)": "condition on a group",
    "(?>ab)": "atomic group",
    "v++": "possessive",
    "a{1001}": "more than 1000 repetitions",
    "(a{100}){100}": "more than 1000 repetitions",
    r"\w{1000}": "so large repetitions",
    "a$b": "before the pattern's end",
    "(?a)a": "flags",
    "[[:alpha:]]": "nested set",
    "(a": "no regular expression",
    "(" * 100 + ")" * 100: "deep",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_re2_cannot_say_is_refused_by_name(text: str) -> None:
    """Never a pattern that breaks the query, or one that means something else."""
    with pytest.raises(PolicyError, match=re.escape(REFUSED[text])):
        pattern(Located(text, HERE))


@pytest.mark.parametrize(("text", "message"), [("ab", "has none"), ("(a)(b)", "2 groups"), ("(a)*b", "in a repetition"),
                                               ("(a*)?b", "may be missing and may be empty")])  # fmt: skip
def test_value_regex_takes_one_group(text: str, message: str) -> None:
    """Which part is meant, and whether there is one, must be clear."""
    with pytest.raises(PolicyError, match=message):
        capture(Located(text, HERE))


def test_the_largest_patterns_run(engine: duckdb.DuckDBPyConnection) -> None:
    """What is just small enough to be taken, RE2 takes as well."""
    for text in (r"\w{200}", r"(?i)[\w-]{199}", "é{1000}", r"\S{1000}", r"(?i)[^\s]{999}", "(?:abcde){999}", ".{1000}"):
        query = "SELECT regexp_matches('a', " + quoted(anchored(pattern(Located(text, HERE)))) + ")"
        assert engine.execute(query).fetchall() == [(False,)]


# --- what compiles, runs

KINDS = ("ebs", "ebs-snapshot", "account", "iam-policy", "iam-user", "lambda", "cloudtrail", "kms-key", "s3")


def filled(kind: Type, dice: random.Random) -> Any:
    """Return some value of a type, or null."""
    if dice.random() < 0.2:
        return None
    match kind:
        case ListOf(item):
            return [filled(item, dice) for _ in range(dice.randrange(3))]
        case MapOf(value, keys):
            return {key: filled(value, dice) for key in [*keys[:3], "a", "AccountMFAEnabled"][: dice.randrange(5)]}
        case Struct(fields):
            return {name: filled(each, dice) for name, each in fields.items()}
    choices: dict[str, list[Any]] = {
        "text": ["", "a", "absent", "7", "é\n", *kind.enum[:1]],
        "integer": [0, 1, -5, 2**40],
        "number": [0.0, 1.5],
        "boolean": [True, False],
        "timestamp": ["2026-01-02 03:04:05", "1970-01-01 00:00:00"],
        "date": ["2026-01-02"],
        "json": ["a", 0, 5.5, True, [], ["a", 1], {}, {"a": {"b": "5"}}],
    }
    return dice.choice(choices[kind.kind])


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A few rows of a few types: filled at random, all null, and with gaps; one type's details were not collected."""
    folder = tmp_path_factory.mktemp("rows")
    dice = random.Random(7)
    details = {name: () if name == "lambda" else tuple(catalog()[name].details) for name in KINDS}
    info = ScanInfo("x", NOW, NOW, (Account(ACCOUNT),), (REGION,), (), details)
    bench = Bench(connect(), info, catalog(), facts())
    bench.connection.execute(f"CREATE TABLE gaps ({GAPS})")
    bench.listing_gaps()
    for name in KINDS:
        columns = collected_columns(catalog()[name], details[name])
        rows = []
        for number in range(6):
            row: dict[str, Any] = {} if number == 0 else {key: filled(kind, dice) for key, kind in columns.items()}
            row |= dict.fromkeys(COMMON) | dict.fromkeys(("_account", "_owner"), ACCOUNT)
            row |= {"_id": str(number), "_region": REGION, "_home": REGION, "_primary": True}
            rows.append(row | {"_gaps": {key: "denied" for key in details[name] if number == 1}})
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
        bench.table(catalog()[name], f"({rows_sql(columns, [folder / name])})", set(columns))
    return bench


def keys_of(kind: Type, depth: int = 0) -> list[str]:
    """Return the paths into a type, the misguided ones among them."""
    match kind:
        case Struct(fields) if depth < 3:
            below = [(name, path) for name, each in fields.items() for path in ["", *keys_of(each, depth + 1)]]
            return [f"{name}.{path}" if path else name for name, path in below]
        case MapOf(_, keys):
            return [*keys[:2], "a"]
        case Scalar("json"):
            return ["a", "a.b", '"x:y"']
    return []


def in_quotes(path: str) -> str:
    """Return a path as JMESPath writes it: names with other letters in quotes."""
    return ".".join(step if re.fullmatch(r'[A-Za-z_]\w*|@|".*"', step) else f'"{step}"' for step in path.split("."))


PATHS = {name: [in_quotes(key) for key in keys_of(Struct(catalog()[name].schema()))] for name in KINDS}
PLAIN = st.one_of(
    st.sampled_from([None, True, False, 0, 5, -1.5, 10**30, "", "a", "absent", "present", "empty", "not-null", "5",
                     "(a)b", "[", "a*", "Active", float("inf"), "\0"]),
    st.lists(st.sampled_from([None, 1, "a", True]), max_size=2),
)  # fmt: skip
FROM = st.sampled_from(["runtime", "deprecation_date"]).map(lambda name: {"fact": "lambda-runtime", "column": name})
WORDS_OF_OPS = st.sampled_from(
    ["eq", "ne", "gt", "le", "in", "not-in", "ni", "contains", "regex", "regex-case", "glob", "between"]
)
VALUE_TYPES = st.sampled_from(["age", "days-since", "normalize", "size", "swap", "integer"])


def value_filters(keys: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    full = st.fixed_dictionaries(
        {"type": st.just("value"), "key": keys, "value": PLAIN},
        optional={"op": WORDS_OF_OPS, "value_type": VALUE_TYPES, "value_regex": st.sampled_from(["(a)", "(a)?b", "a"])},
    )
    return st.one_of(full, full, st.builds(lambda key, value: {key: value}, keys, PLAIN))


def fitting(place: Place, path: str) -> st.SearchStrategy[dict[str, Any]]:
    """Filters over a key that its kind should take, so that enough of them compile."""
    kind = kind_of(value_at(place, path, Located(path, HERE)))
    keyword = {"value": st.sampled_from(["absent", "present", "empty", "not-null"])}
    size = {"value_type": st.just("size"), "op": st.sampled_from(["eq", "lt"]), "value": st.sampled_from([0, 2])}
    number = {"op": st.sampled_from(["eq", "ne", "gt", "le"]), "value": st.sampled_from([0, -1.5, 10**30])}
    text = {"op": WORDS_OF_OPS, "value": st.sampled_from(["a", "", "5", "[a]*", "absent"])}
    among = {"op": st.sampled_from(["in", "not-in", "ni"]), "value": st.sampled_from([["a"], [None, "a"], [5], []])}
    lowered = {"value_type": st.just("normalize"), "value": st.sampled_from(["a", "absent", "empty"])}
    taken = {"value_regex": st.sampled_from(["(a)", "(a)?b"]), "value": st.sampled_from(["a", "absent", "empty"])}
    found: list[dict[str, st.SearchStrategy[Any]]] = [keyword]
    match kind:
        case ListOf():
            found += [size, {"op": st.just("contains"), "value": PLAIN}]
        case MapOf():
            found += [size]
        case Scalar("timestamp" | "date"):
            found += [number | {"value_type": st.sampled_from(["age", "days-since"])}]
        case Scalar("text"):
            found += [text, among, lowered, taken, size]
        case Scalar("json"):
            found += [text, among, lowered, taken, size, number, {"value": st.just(value=True)}]
        case Scalar("integer" | "number"):
            found += [number, among]
        case Scalar("boolean"):
            found += [{"op": st.sampled_from(["eq", "ne", "gt"]), "value": st.booleans()}]
    head = {"type": st.just("value"), "key": st.just(path)}
    return st.one_of([st.fixed_dictionaries(head | each) for each in found])


def list_items(name: str, path: str) -> st.SearchStrategy[dict[str, Any]]:
    kind = kind_of(value_at(place_of(name), path, Located(path, HERE)))
    if not isinstance(kind, ListOf):
        return st.just({"type": "list-item", "key": path})
    place = Place(kind.item, 1)
    attrs = st.sampled_from(keys_of(kind.item) or ["@"]).flatmap(lambda key: fitting(place, key))
    return st.builds(lambda attr: {"type": "list-item", "key": path, "attrs": [attr]}, attrs)


def place_of(name: str) -> Place:
    return Place(Struct(catalog()[name].schema()))


EBS_FILTERS = st.sampled_from(PATHS["ebs"]).flatmap(lambda path: fitting(place_of("ebs"), path))


@st.composite
def filters(draw: st.DrawFn) -> tuple[str, list[dict[str, Any]], str]:
    name = draw(st.sampled_from(KINDS))
    paths = st.sampled_from(PATHS[name])
    keys = st.one_of(
        paths, paths, paths.map("length({})".format), st.sampled_from(["@", "r.runtime", "r.deprecation_date"])
    )
    items = st.one_of(
        st.sampled_from(["@", "Key", "Status", "Action", "CreateDate", "Condition.a", "length(Resource)"]), paths
    )
    lists = st.sampled_from([path for path in PATHS[name] if "." not in path])
    fits = paths.flatmap(lambda path: fitting(place_of(name), path))
    items_fit = lists.flatmap(lambda path: list_items(name, path))
    whole = st.one_of(
        value_filters(keys),
        *([fits] * 5),
        *([items_fit] * 2),
        st.fixed_dictionaries(
            {"type": st.just("list-item"), "key": lists, "attrs": st.lists(value_filters(items), max_size=2)},
            optional={"count": st.integers(0, 2), "count_op": st.sampled_from(["lt", "ge"])},
        ),
        st.fixed_dictionaries(
            {"type": st.just("related"), "resource": st.just("ebs"),
             "on": st.dictionaries(keys, st.sampled_from(PATHS["ebs"][:6]), max_size=1),
             "filters": st.lists(EBS_FILTERS, min_size=1, max_size=1)},
        ),
        st.fixed_dictionaries({"type": st.just("value"), "key": keys, "op": st.just("in"), "value_from": FROM}),
    )  # fmt: skip
    return name, draw(st.lists(whole, min_size=1, max_size=2)), draw(paths)


@settings(max_examples=1200, deadline=None, suppress_health_check=ONCE)
@given(
    drawn=filters(), shown=st.booleans(), equals=st.sampled_from(["VolumeType", "Runtime", "Name", "Handler", "Tags"])
)
def test_what_compiles_runs(
    bench: Bench, tmp_path: Path, drawn: tuple[str, list[Any], str], shown: bool, equals: str
) -> None:
    """An error with its place, or SQL that runs over nulls, gaps and columns that were not collected."""
    name, given_filters, key = drawn
    policy: dict[str, Any] = {"name": "mine", "resource": name, "filters": given_filters}
    if shown:
        policy["message"] = {"fail": "{" + key + "}", "pass": "{" + key + "}"}
    if equals in catalog()[name].schema():
        policy["facts"] = {"r": {"fact": "lambda-runtime", "key": "runtime", "equals": equals}}
    path = tmp_path / "policy.json"
    path.write_text(json.dumps({"policies": [policy]}).replace("Infinity", ".inf"))
    try:
        plan = PolicyCompiler(catalog(), facts(), Standard.FSBP).compile(load_policies(path)[0])
    except PolicyError as error:
        assert error.where is not None  # noqa: PT017
        return
    query = verdicts(Compiler(bench.sources, NOW), bench.sources[name], [plan])

    assert bench.connection.execute(query).fetchall(), query
