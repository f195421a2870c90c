"""What the catalogue declares of policy documents and lists of accounts makes filters."""

from typing import Any

import pytest

from crenel.catalog.columns import STATEMENTS
from crenel.catalog.load import Extended, catalog
from crenel.language.plan import (
    CountItems,
    Field,
)
from crenel.language.walking import (
    walk,
)
from crenel.policies.context import Context
from crenel.policies.documents.access import FORMS
from crenel.policies.keys.key import Place
from tests.test_access import located

DECLARED = [
    (kind, name, word)
    for kind, found in catalog().items()
    for name, spec in found.filters.items()
    for word in FORMS
    if word in spec.mapping("a filter")
]
OPTIONS: dict[str, dict[str, Any]] = {"source-ip": {"value": "1.2.3.4"}, "allows-action": {"actions": ["s3:GetObject"]}}


@pytest.mark.parametrize(("kind", "name", "word"), DECLARED)
def test_a_declaration_makes_a_filter(kind: str, name: str, word: str) -> None:
    types = Extended(catalog())
    context = Context(types[kind], Place.of(types[kind]), {}, types, {})
    found = FORMS[word](context, located({"type": name, **OPTIONS.get(name, {})}), types[kind].filters[name])
    columns = {node.path[0] for node in walk(found) if isinstance(node, Field) and not node.item} - {"_account"}
    assert columns <= set(types[kind].schema())
    if word == "accounts":
        assert isinstance(found, CountItems)
        return
    (made,) = columns
    assert types[kind].schema()[made] == STATEMENTS
    detail = types[kind].details[types[kind].detail_of(made) or ""]
    assert not detail.of or set(detail.needs) == {types[kind].detail_of(detail.of[0])} - {None}
    # Asked a second time it is the same column.
    FORMS[word](context, located({"type": name, **OPTIONS.get(name, {})}), types[kind].filters[name])
