"""Which filters of a policy hold for one resource, and where they stand in its text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from crenel.errors import Where
from crenel.explaining.clauses import Clause, clauses, parameters_of
from crenel.lake.snapshots import Snapshot
from tests.remediate.snapshots import ACCOUNT, REGION, gap, snapshot
from tests.waivers.volumes import volume

TEXT = """\
- name: own-volume
  resource: aws.ebs
  params: {least: 100}
  scope:
    - {type: value, key: State, op: in, value: [available, in-use]}
  not-applicable:
    - when: [{"tag:env": sandbox}]
      reason: A sandbox.
  filters:
    - Encrypted: false
    - or:
        - type: value
          key: Size
          op: lt
          value: "{params.least}"
        - not:
            - {type: value, key: "tag:owner", value: present}
    - VolumeModification: absent
"""


def held(folder: Path, row: dict[str, Any], text: str = TEXT, **parameters: Any) -> dict[str, Clause]:
    """Return the clauses by the words of the text that they mark."""
    made = made_of(folder, row)
    found = clauses(made, text, {"least": 100, **parameters}, ACCOUNT, REGION, "vol-1")
    return {marked(text, each.where): each for each in found}


def made_of(folder: Path, row: dict[str, Any]) -> Snapshot:
    denied = [gap("ebs", detail="VolumeModification", resource="vol-1")] if row["_gaps"] else []
    return snapshot(folder / "lake", {"ebs": [row, volume("vol-2")]}, gaps=denied)


def marked(text: str, where: Where) -> str:
    """Return the words at a place, on one line."""
    lines = text.splitlines(keepends=True)
    (last, column) = where.until
    starts = [sum(map(len, lines[:number])) for number in range(len(lines) + 1)]
    return " ".join(text[starts[where.line - 1] + where.column - 1 : starts[last - 1] + column - 1].split())


SCOPE = "{type: value, key: State, op: in, value: [available, in-use]}"
EXCUSED = '{"tag:env": sandbox}'
ENCRYPTED = "Encrypted: false"
SIZE = 'type: value key: Size op: lt value: "{params.least}"'
OWNED = '{type: value, key: "tag:owner", value: present}'
CHANGED = "VolumeModification: absent"


def test_each_filter_has_its_place_and_its_truth(tmp_path: Path) -> None:
    """Blocks are taken apart: what stands in `or` and `not` is marked by itself."""
    row = volume("vol-1", {"env": "prod"}, VolumeModification=None, _gaps={})

    found = held(tmp_path, row)

    assert {words: (each.part, each.holds) for words, each in found.items()} == {
        SCOPE: ("scope", True),
        EXCUSED: ("not-applicable", False),
        ENCRYPTED: ("filters", True),
        SIZE: ("filters", False),
        OWNED: ("filters", False),
        CHANGED: ("filters", True),
    }
    assert found[OWNED].negated
    assert found[OWNED].counts is True, "the policy asks that there is no owner"
    assert [each.negated for words, each in found.items() if words != OWNED] == [False] * 5
    assert found[SIZE].words == "Size is less than 100"


def test_what_could_not_be_read_is_neither(tmp_path: Path) -> None:
    row = volume("vol-1", _gaps={"VolumeModification": "ec2:DescribeVolumesModifications AccessDenied: no"})

    found = held(tmp_path, row)[CHANGED]

    assert (found.holds, found.counts) == (None, None)
    assert found.why == "ec2:DescribeVolumesModifications AccessDenied: no"


def test_parameters_are_those_by_which_it_was_asked(tmp_path: Path) -> None:
    row = volume("vol-1", VolumeModification=None, _gaps={})

    assert held(tmp_path, row, least=501)[SIZE].holds is True


def test_other_tables_are_asked_as_a_scan_asks_them(tmp_path: Path) -> None:
    text = """\
- name: own-volume
  resource: aws.ebs
  filters:
    - type: related
      resource: aws.ebs
      "on": {Size: Size}
      count: 2
      count_op: eq
"""
    (found,) = held(tmp_path, volume("vol-1", _gaps={}), text).values()

    assert (found.holds, found.where.line) == (True, 4)


@pytest.mark.parametrize(
    ("resource", "text"),
    [
        ("vol-9", TEXT),  # no such row: a denied listing has none
        ("vol-1", "- {name: broken"),
        ("vol-1", TEXT.replace("Encrypted", "Encrypetd")),
        ("vol-1", "policies: []"),
    ],
)
def test_without_a_row_or_a_text_nothing_is_marked(tmp_path: Path, resource: str, text: str) -> None:
    made = made_of(tmp_path, volume("vol-1", _gaps={}))

    assert clauses(made, text, {"least": 100}, ACCOUNT, REGION, resource) == ()


def test_parameters_are_kept_as_json() -> None:
    assert parameters_of('{"modes": ["defensive", 5]}') == {"modes": ["defensive", 5]}
    assert parameters_of(None) == {}


def test_what_an_alias_names_again_stands_where_it_is_written_out(tmp_path: Path) -> None:
    text = """\
- name: own-volume
  resource: aws.ebs
  filters:
    - &bare {Encrypted: false}
    - or:
        - *bare
        - Size: 500
"""
    found = clauses(made_of(tmp_path, volume("vol-1", _gaps={})), text, {}, ACCOUNT, REGION, "vol-1")

    assert [(each.words, each.where.line) for each in found] == [
        ("Encrypted is false", 4),
        ("Encrypted is false", 4),
        ("Size is 500", 7),
    ]
