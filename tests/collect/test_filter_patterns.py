"""Patterns of metric filters: what any of several sets of conditions catches."""

import pytest

from crenel.collect.filter_patterns import alternatives

Condition = tuple[str | None, ...]


def read(pattern: str | None) -> list[list[Condition]] | None:
    found = alternatives(pattern)
    keys = ("Field", "Op", "Value")
    if found is None:
        return None
    return [[tuple(one[key] for key in keys) for one in each["Conditions"]] for each in found]


def patterns(pattern: str) -> list[str | None]:
    return [one["Pattern"] for each in alternatives(pattern) or [] for one in each["Conditions"]]


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        ("{ $.a = b }", [[("a", "=", "b")]]),
        ('{$.a="b c"}', [[("a", "=", "b c")]]),
        (r'{ $.a = "say \"b\"" }', [[("a", "=", 'say "b"')]]),
        ("{ $.a.b != *c* }", [[("a.b", "!=", "*c*")]]),
        ("{ $.a = b || $.a = c }", [[("a", "=", "b")], [("a", "=", "c")]]),
        ("{ ($.a = b) && ($.c = d) }", [[("a", "=", "b"), ("c", "=", "d")]]),
        ("{ $.a NOT EXISTS }", [[("a", "NOT EXISTS", None)]]),
        ("{ ($.a not  exists) && $.b IS TRUE }", [[("a", "NOT EXISTS", None), ("b", "IS TRUE", None)]]),
        ("{ $.n >= 5 }", [[("n", ">=", "5")]]),
        ("{ $.a = %^b[0-9]+$% }", [[("a", "=", "%^b[0-9]+$%")]]),
    ],
)
def test_conditions_are_read(pattern: str, wanted: list[list[Condition]]) -> None:
    assert read(pattern) == wanted


def test_and_binds_closer_than_or() -> None:
    assert read("{ $.a = 1 || $.b = 2 && $.c = 3 }") == [[("a", "=", "1")], [("b", "=", "2"), ("c", "=", "3")]]


def test_brackets_are_multiplied_out() -> None:
    assert read("{ $.s = x && ($.n = 1 || ($.n = 2 && $.m = 3)) }") == [
        [("s", "=", "x"), ("n", "=", "1")],
        [("s", "=", "x"), ("n", "=", "2"), ("m", "=", "3")],
    ]


@pytest.mark.parametrize("pattern", ["", "  ", None])
def test_an_empty_pattern_catches_everything(pattern: str | None) -> None:
    assert alternatives(pattern) == [{"Conditions": []}]


def test_terms() -> None:
    """All have to be there; of those with a question mark one will do, unless there are others."""
    assert read('ERROR "not found" -debug') == [
        [("", "HAS", "ERROR"), ("", "HAS", "not found"), ("", "LACKS", "debug")]
    ]
    assert read("?CreateVpc ?DeleteVpc") == [[("", "HAS", "CreateVpc")], [("", "HAS", "DeleteVpc")]]
    assert read("ERROR ?CreateVpc") == [[("", "HAS", "ERROR")]]


def test_wildcards_stand_for_anything_and_the_rest_for_itself() -> None:
    assert patterns("{ $.a = *b.c }") == [r"\A(?s:.*)b\.c\z"]


@pytest.mark.parametrize(
    "pattern",
    [
        "{ $.a = b", "{ $.a }", "{ $.a = }", "{ = b }", "{ ($.a = b }", "{ $.a = b) }", "{ $.a = b $.c = d }", "{ }",
        "{ $.a = b && }", "{ $.a > %b% }", "[ip, user, ...]", "{ $.a = %(?=b)c% }", "{ $.a = %b{5000}% }",
        "{ $.a = %b++% }", "{ $.a = %[[:alpha:]]% }", "{ $.a = %(b% }", "{" + "(" * 5000 + "$.a = b" + ")" * 5000 + "}",
        "{ " + " && ".join(f"($.a{n} = 1 || $.a{n} = 2)" for n in range(20)) + " }",
    ],
)  # fmt: skip
def test_what_is_not_understood_catches_nothing_that_is_known(pattern: str) -> None:
    assert alternatives(pattern) is None
