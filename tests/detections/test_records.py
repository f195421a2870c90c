"""What a record says: absent, null and of another kind are told apart, and paths walk as the languages have it."""

from __future__ import annotations

from crenel.catalog.columns import JSON
from crenel.language.detecting import merged, weakened
from crenel.language.plan import And, Compare, CountItems, Field, In, Literal, Not, Or, Predicate
from crenel.language.records import Exactly, Fits, Folded, Joined, Reached, Said, Stands
from tests.detections.events import held, shown

NAME = Said(Stands(("eventName",)), "json")


def at(*path: str) -> Stands:
    return Stands(path)


def test_a_null_stands_where_nothing_is_absent() -> None:
    values = [Said(at("errorCode"), other) for other in ("empty", "json", "none")]

    assert shown(values, {"errorCode": None}) == ("", "null", None)
    assert shown(values, {}) == (None, None, None)
    assert shown(values, {"errorCode": 7}) == ("", "7", None)
    assert shown(values, {"errorCode": {"a": 1}}) == ("", '{"a":1}', None)
    assert shown(values, {"errorCode": "x"}) == ("x", "x", "x")


def test_names_may_have_any_letters() -> None:
    record = {"requestParameters": {"k/~": 5, 'q"': 6, "l": [7, 8]}, "other": {"deep": True}}

    assert shown([at("requestParameters", "k/~"), at("requestParameters", 'q"')], record) == ("5", "6")
    assert shown([at("requestParameters", "l", "1"), at("other", "deep")], record) == ("8", "true")


def test_lists_are_walked_and_dots_tried() -> None:
    record = {"requestParameters": {"a.b": {"c": "x"}, "l": [{"n": "q"}, {"n": ["z", 1]}], "none": None}}

    assert shown([Reached(("requestParameters", "a", "b", "c"))], record) == (['"x"'],)
    assert shown([Reached(("requestParameters", "l", "n"))], record) == (['"q"', '["z",1]', '"z"', "1"],)
    assert shown([Reached(("requestParameters", "none"))], record) == ([],)


def test_numbers_keep_their_text() -> None:
    record = '{"requestParameters": {"a": 33.0, "b": 12345678901234567890123}}'

    assert shown([at("requestParameters", "a"), at("requestParameters", "b")], record) == (
        "33.0", "12345678901234567890123"
    )  # fmt: skip


def test_leaves_are_false_for_what_is_absent() -> None:
    conditions: list[Predicate] = [
        Fits("contains", NAME, Literal("User")),
        Not(Fits("contains", NAME, Literal("User"))),
        Compare("eq", Folded(NAME), Literal("createuser")),
        Exactly(1, (Fits("starts", NAME, Literal("Create")), Fits("ends", NAME, Literal("Group")))),
    ]

    assert held(conditions, [{"eventName": "CreateUser"}, {}, {"eventName": "CreateGroup"}]) == [[0, 2, 3], [1], [1]]


def test_any_item_of_what_is_reached() -> None:
    item = Said(Field((), JSON, 1), "json")
    some = CountItems(Reached(("requestParameters", "names")), 1, Compare("eq", Folded(item), Literal("yes")))

    assert held([some], [{"requestParameters": {"names": ["x", "Yes"]}}, {"requestParameters": None}]) == [[0], []]


def test_texts_one_after_the_other() -> None:
    parts = Joined((Literal("s3://"), Said(at("requestParameters", "bucketName"), "none")))

    assert shown([parts], {"requestParameters": {"bucketName": "b"}}) == ("s3://b",)
    assert shown([parts], {}) == (None,)


def test_what_is_cheap_to_ask_first() -> None:
    """A condition is weakened to what the cheap columns say; what they can't say leaves nothing out."""
    is_user, denied = (
        Compare("eq", NAME, Literal("CreateUser")),
        Compare("eq", Said(at("errorCode"), "json"), Literal("x")),
    )
    cheap = frozenset({"eventName"})
    name = Said(at("eventName"), "none")  # what is no text is looked at whole anyway
    named = Compare("eq", name, Literal("CreateUser"))

    assert weakened(And((is_user, denied)), cheap) == named
    assert weakened(Or((is_user, denied)), cheap) == weakened(Not(is_user), cheap)
    assert merged([is_user, In(NAME, ("A", "B")), Fits("ends", NAME, Literal("C"))]) == Or(
        (In(NAME, ("CreateUser", "A", "B")), Fits("ends", NAME, Literal("C")))
    )
    has = [Fits("contains", NAME, Literal(text)) for text in ("a.b", "c")]
    assert merged(has) == Fits("regex", NAME, Literal(r"a\.b|c"))
