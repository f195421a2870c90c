"""What Falco's rules made the rooms below learn: raw scalars, places inside of them, and values that are computed."""

from __future__ import annotations

import pytest

from crenel.catalog.columns import TEXT
from crenel.errors import PolicyError
from crenel.language.detecting import weakened
from crenel.language.plan import TRUE, Call, Compare, Literal
from crenel.language.records import Said, Stands
from crenel.positions import inside, load_documents
from tests.detections.events import shown

USER = Said(Stands(("userIdentity", "userName")), "empty")


def test_scalars_as_they_are_written() -> None:
    documents = load_documents('- [yes, 0x10, 1.0, ~, "~", =]\n---\n- b\n--- \n', "f.yaml", as_written=True)

    assert [each.plain() for each in documents] == [[["yes", "0x10", "1.0", None, "~", "="]], ["b"], None]


def test_anchors_end_with_their_document() -> None:
    with pytest.raises(PolicyError, match="there is no anchor"):
        load_documents("- &a x\n---\n- *a\n", "f.yaml")


@pytest.mark.parametrize(
    ("text", "word", "place"),
    [
        ("a: one two\n", "two", "f.yaml:1:8"),
        ("a: one\n  two\n", "two", "f.yaml:2:3"),
        ("a: >\n  one\n  two\n", "two", "f.yaml:3:3"),
        ("a: |\n\n  one\n   two\n", "two", "f.yaml:4:4"),
        ('a: "o\\"ne\\ttwo"\n', "two", "f.yaml:1:12"),
        ("a: 'it''s two'\n", "two", "f.yaml:1:11"),
        ("a: >-\r\n  one\r\n  two\r\n", "two", "f.yaml:3:3"),
    ],
)
def test_places_inside_of_scalars(text: str, word: str, place: str) -> None:
    """A letter of a value is found where it was written, however YAML folded the lines."""
    [document] = load_documents(text, "f.yaml")
    item = document.value["a"]
    start = item.value.index(word)

    assert str(inside(item, text, start, start + 3)) == place


def test_functions_on_texts_and_numbers() -> None:
    def of(name: str, value: object) -> object:
        kind = Literal(value)  # type: ignore[arg-type]
        return shown([Call(name, (kind,), TEXT)], {})[0]

    assert of("raised", "aé") == "Aé"
    assert [of("unpacked", text) for text in ("Zm9v", "no base64!", "/w==")] == ["foo", None, None]
    assert of("size", "aé") == 3
    assert [of("whole", number) for number in (33.7, -1.0, 1e30)] == [33, 0, None]


def test_what_is_computed_is_not_looked_for_in_the_record() -> None:
    """The first look at an event seeks texts in its JSON; of Base64 and the like another text stands there."""
    cheap = frozenset({"userIdentity"})

    assert weakened(Compare("eq", USER, Literal("bob")), cheap) != TRUE
    assert weakened(Compare("eq", Call("unpacked", (USER,), TEXT), Literal("bob")), cheap) == TRUE
