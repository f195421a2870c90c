"""Single filters on single documents as Cloud Custodian's own tests met them, from the folder of shared data.

The data are not part of the project; without them there is nothing to test.
"""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from crenel.catalog.load import catalog
from crenel.errors import Where
from crenel.judge.documents import Documents
from crenel.lake.engine import connect
from crenel.policies.context import Mistakes
from crenel.positions import Located

SHARED = Path(os.environ.get("CRENEL_SHARED", Path(__file__).parents[2] / "shared"))
CASES = SHARED / "data" / "custodian" / "filter_cases.jsonl"
_HERE = Where("case", 1, 1)
# Filters that stand for a value filter on a document that another filter fetched.
_OF_VALUES = ("key", "op", "value", "value_type", "value_regex", "value_path", "tag_key_transforms")
_CLASSES = ("ValueFilter", "Not", "TagActionFilter")


def revived(value: Any) -> Any:
    """Return a recorded value with its times as datetimes."""
    if isinstance(value, dict):
        if set(value) == {"$date"}:
            return datetime.fromisoformat(value["$date"])
        return {key: revived(item) for key, item in value.items()}
    return [revived(item) for item in value] if isinstance(value, list) else value


def located(value: Any) -> Located:
    """Return a parsed filter as the loader would."""
    if isinstance(value, dict):
        return Located({key: located(item) for key, item in value.items()}, _HERE, dict.fromkeys(value, _HERE))
    return Located([located(item) for item in value] if isinstance(value, list) else value, _HERE)


def plain_filter(case: dict[str, Any]) -> dict[str, Any]:
    """Return a case's filter as a policy could have it on the document itself."""
    given: dict[str, Any] = revived(case["filter"])
    if case["class"] == "TagActionFilter":
        return given
    if "key" in given or "type" in given:
        return {"type": "value"} | {name: given[name] for name in _OF_VALUES if name in given}
    if "not" in given:
        return given
    ((key, value),) = given.items()
    return {"type": "value", "key": key, "value": value} if isinstance(value, dict) else given


@pytest.mark.skipif(not CASES.exists(), reason="the shared data are not here")
@pytest.mark.parametrize("in_json", [False, True], ids=["typed", "json"])
def test_a_filter_matches_as_recorded(*, in_json: bool) -> None:
    """Over columns with types, and over one JSON column, where times are texts."""
    engine = connect()
    differing = []
    cases = [
        case
        for line in CASES.read_text(encoding="utf-8").splitlines()
        if (case := json.loads(line))["class"] in _CLASSES
    ]
    assert len(cases) > 900
    for case in cases:
        document = revived(case["doc"])
        documents = document if isinstance(document, list) else [document]
        if in_json and (len(documents) > 1 or "$date" in json.dumps(case["doc"])):
            continue
        rows: list[Any] = [*documents, "no document"] if in_json else documents
        table = Documents(engine, rows, catalog())
        got = table.matches(located(plain_filter(case)), datetime.fromisoformat(case["now"]), Mistakes())[0]
        if got != case["match"]:
            differing.append((case["id"], case["filter"]))
    assert differing == []
