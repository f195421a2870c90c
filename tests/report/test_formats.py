"""What holds of every output format."""

from __future__ import annotations

import io
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from crenel.report.formats import FORMATS
from tests.report.judgements import report
from tests.report.scenario import HOSTILE, whole, written

STREAMING = [name for name in FORMATS if name not in ("table", "markdown", "html")]


@pytest.mark.parametrize("style", list(FORMATS))
def test_a_waived_finding_is_shown_as_waived(style: str) -> None:
    text = written(style)

    assert "waived" in text.lower() or "waiver" in text.lower() or "suppress" in text.lower()


@pytest.mark.parametrize("style", list(FORMATS))
def test_nothing_of_a_hostile_name_reaches_a_terminal(style: str) -> None:
    text = written(style)

    assert "\x1b" not in text
    assert "\x07" not in text
    assert "\u202e" not in text
    assert HOSTILE not in text


@pytest.mark.parametrize("style", list(FORMATS))
def test_without_findings_it_is_a_whole_document(style: str) -> None:
    assert written(style, report([])).strip() or style in ("ndjson", "ocsf")


@pytest.mark.parametrize("style", list(FORMATS))
def test_a_format_says_what_it_is_for(style: str) -> None:
    made = FORMATS[style]

    assert "/" in made.media_type
    assert made.suffix
    assert made.purpose


@pytest.mark.parametrize("style", list(FORMATS))
def test_a_format_is_described(style: str) -> None:
    """In a row of docs/outputs.md of its own."""
    page = (Path(__file__).parents[2] / "docs" / "outputs.md").read_text(encoding="utf-8")

    assert f"\n| `{style}` | " in page


@pytest.mark.parametrize("style", list(FORMATS))
def test_the_same_findings_are_the_same_text(style: str) -> None:
    assert written(style) == written(style)


class Nowhere(io.StringIO):
    def write(self, text: str) -> int:
        return len(text)


def peak(style: str, count: int) -> int:
    """Return the most memory that Python takes to write so many findings."""
    what = report([])
    columns: dict[str, Any] = {
        "policy": "'p'", "practice": "1", "status": "'FAIL'", "state": "'FAIL'", "severity": "'high'",
        "account": "'111122223333'", "region": "'eu-west-1'", "type": "'aws.s3'", "resource_id": "'b' || n",
        "title": "'t'", "message": "repeat('m', 200)", "evidence": "'{}'", "seen_at": "TIMESTAMP '2026-11-20'",
        "id": "'f' || n",
    }  # fmt: skip
    named = ", ".join(f"{sql} AS {name}" for name, sql in columns.items())
    what.judgement.connection.execute(f"INSERT INTO findings BY NAME SELECT {named} FROM range(?) t(n)", [count])
    tracemalloc.start()
    try:
        FORMATS[style].write(what, Nowhere())
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("style", STREAMING)
def test_findings_stream(style: str) -> None:
    """Five times the findings, the same memory."""
    assert peak(style, 20_000) < peak(style, 4_000) * 2


def test_the_judgement_is_only_asked_and_never_closed() -> None:
    what = whole()

    assert written("json", what) == written("json", what)
