"""Markdown for a pull request: what a reader sees, and that nothing of anybody's names acts."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

from markdown_it import MarkdownIt

from crenel.report import markdown
from crenel.report.markdown import MOST, SHOWN, escaped
from tests.report.judgements import finding, report
from tests.report.scenario import HOSTILE, whole, written

RENDERER = MarkdownIt("commonmark", {"html": True}).enable("table").enable("strikethrough")


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)
        assert attrs == [] or tag in ("th", "td")

    def handle_data(self, data: str) -> None:
        self.text += data


def rendered(text: str) -> Tags:
    tags = Tags()
    tags.feed(RENDERER.render(text))
    return tags


def test_a_summary_with_counts_by_level() -> None:
    text = written("markdown")

    assert text.startswith("# Crenel: 3 findings fail\n")
    assert "| | critical | high | medium | low | all |" in text
    assert "| FAIL | 0 | 2 | 1 | 0 | 3 |" in text
    assert "| WAIVED | 0 | 1 | 0 | 0 | 1 |" in text
    assert "| UNKNOWN | 0 | 1 | 0 | 0 | 1 |" in text
    assert text.index("`s3-bucket-encryption`") < text.index("`iam-credentials-unused max_unused_days=45`")


def test_what_fails_is_folded_with_the_way_to_mend_it() -> None:
    shown = rendered(written("markdown")).text

    assert "s3-bucket-encryption: 2 FAIL, high" in shown
    assert "How to fix: Put a default encryption." in shown
    assert "reports: The bucket reports has no default encryption." in shown


def test_waived_and_lapsed_and_unread_have_their_own_places() -> None:
    shown = rendered(written("markdown")).text

    assert "Accepted by web team until 2027-03-01 (public-website): The website is public on purpose." in shown
    assert "1 finding: It ended on 2026-11-01." in shown
    assert "Missing permission: s3:GetEncryptionConfiguration" in shown


def test_no_name_becomes_markup() -> None:
    """No link, no picture, no script, no heading of somebody else's; no mention and no reference either."""
    text = written("markdown")
    found = rendered(text)

    assert set(found.found) <= {
        "h1", "h2", "p", "code", "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "strong", "ul", "li"
    }  # fmt: skip
    assert found.found.count("h1") == 1
    outside = re.sub(r"`[^`\n]*`|<code>.*?</code>", "", text)
    assert "@octocat" not in outside
    assert "#1" not in outside


def test_an_escaped_text_shows_as_it_is() -> None:
    name = r"a_b*c [x](y) <b> 50% ~~no~~ \o/ http://x.test &amp; a|b"

    assert rendered(f"x {escaped(name)}").text.strip() == f"x {name}"


def test_many_resources_are_counted() -> None:
    many = [finding(id=f"f{n}", resource_id=f"b{n:03}", name=f"b{n:03}") for n in range(SHOWN + 5)]
    text = written("markdown", report(many))

    assert text.count("has no default encryption") == SHOWN
    assert "… and 5 more" in text


def test_its_size_is_bounded() -> None:
    """However many policies fail, however long their words are, it fits into a comment, and says that it is cut."""
    long = [
        finding(id=f"f{n}", policy=f"policy-{n}", practice=n, title="t" * 200, message=HOSTILE * 5) for n in range(400)
    ]
    text = written("markdown", report(long))

    assert len(text) <= MOST
    assert text.rstrip().endswith("`crenel report --format json` has all of it.")
    assert text.count("<details>") == text.count("</details>")


def test_nothing_fails() -> None:
    text = written("markdown", report([finding(status="PASS")]))

    assert text.startswith("# Crenel: 0 findings fail\n")
    assert "What fails" not in text


def test_it_is_read_by_the_names_it_has(monkeypatch: Any) -> None:
    monkeypatch.setattr(markdown, "MOST", 500)
    assert len(written("markdown", whole())) <= 500
