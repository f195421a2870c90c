"""Tags: `tag:NAME` as a key, in the shapes in which AWS and Custodian have them."""

from __future__ import annotations

from collections.abc import Sequence

from crenel.catalog.columns import JSON, TEXT, ListOf, MapOf, Struct
from crenel.language.plan import At, Call, Choice, Compare, Each, Field, IsNull, Literal, Member, Value, negation
from crenel.language.walking import kind_of
from crenel.policies.keys.key import Place, member
from crenel.positions import Located


def tag(place: Place, name: str, transforms: Sequence[str], at: Located) -> Value:
    """Return the value of a tag: of the first item of `Tags` with this key, else of the map `labels` or `tags`.

    `transforms` are Custodian's `tag_key_transforms`, applied in turn to the row's keys before they are compared.
    """
    kind = place.kind
    if isinstance(kind, Struct):
        if "Tags" in kind.fields:
            return _listed(place, member(place, "Tags", at), name, transforms)
        for other in ("labels", "tags"):
            if isinstance(kind.fields.get(other), MapOf) and not transforms:
                return Member(member(place, other, at), name, TEXT)
        return place.told(at.error(f"{place.what} has no tags."))
    if kind != JSON:
        return place.told(at.error(f"{place.what} has no tags."))
    tags, labels, others = (member(place, one, at) for one in ("Tags", "labels", "tags"))
    mapped = Choice(negation(IsNull(labels)), Member(labels, name, JSON), Member(others, name, JSON), JSON)
    return Choice(negation(IsNull(tags)), _listed(place, tags, name, transforms), mapped, JSON)


def _listed(place: Place, tags: Value, name: str, transforms: Sequence[str]) -> Value:
    kind = kind_of(tags)
    item = kind.item if isinstance(kind, ListOf) else JSON
    number = place.lists + 1
    here = Field((), item, number)
    inside = [_below(here, one) for one in ("Key", "Value")]
    key = Call("tag_key", (inside[0],), TEXT, tuple(transforms)) if transforms else inside[0]
    found = Each(tags, number, Compare("eq", key, Literal(name)), inside[1], ListOf(kind_of(inside[1])))
    return At(found, 0, kind_of(inside[1]))


def _below(here: Field, name: str) -> Field:
    fields = here.kind.fields if isinstance(here.kind, Struct) else {}
    return Field((name,), fields.get(name, JSON), here.item)
