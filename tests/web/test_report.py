"""The HTML report: one file that needs nothing else, opened in a browser from the disk."""

from __future__ import annotations

import base64
import html
import io
import json
import re
import zlib
from pathlib import Path
from typing import Any

import pytest
from benchmarks.lakes import make_lake
from playwright.sync_api import Browser

from crenel.cli import main
from crenel.lake.snapshots import Lake
from crenel.report.formats import FORMATS
from crenel.report.html import MOST, write
from crenel.report.model import Report
from tests.report.judgements import WAIVER, finding, gap, report
from tests.web.conftest import PALE, UNNAMED, watched

HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>\u202e"


def written(given: Report) -> str:
    out = io.StringIO()
    write(given, out)
    return out.getvalue()


def held(page: str) -> list[list[Any]]:
    """Return the findings that lie in a page."""
    match = re.search(r'<script id="data"[^>]*>([^<]*)</script>', page)
    assert match
    text = zlib.decompress(base64.b64decode(match[1])).decode()
    return [json.loads(line) for line in text.splitlines()]


def test_the_findings_lie_in_the_file_worst_first() -> None:
    found = [
        finding(id="f1", status="PASS", resource_id="good"),
        finding(id="f2", status="FAIL", severity="low", resource_id="low"),
        finding(id="f3", status="FAIL", severity="critical", resource_id="bad"),
        finding(id="f4", status="FAIL", resource_id="site", **WAIVER),
    ]

    page = written(report(found))

    assert [row[5] for row in held(page)] == ["bad", "low", "site", "good"]


def test_nothing_is_loaded_and_nothing_runs_but_its_own_script() -> None:
    page = written(report([finding(name=HOSTILE, message=HOSTILE, resource_id=HOSTILE)], [gap(code=HOSTILE)]))

    assert not re.search(r"""(?:src|href)=["'](?!#|https://)""", page)
    assert "default-src 'none'" in html.unescape(page)
    assert "unsafe" not in page
    assert page.count("<script") == 3
    assert "\u202e" not in page


def test_the_aggregates_are_plain_html() -> None:
    """Counts, the first findings, waivers and what was not read are there without a script."""
    waived = finding(id="f2", resource_id="site", name="site", **WAIVER)
    page = written(report([finding(), waived], [gap()]))
    plain = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)

    assert "The bucket reports has no default encryption." in plain
    assert "waiver public-website by web team until 2027-03-01" in plain
    assert "s3:GetEncryptionConfiguration" in plain


def test_an_empty_scan_is_a_page_too() -> None:
    page = written(report([]))

    assert held(page) == []
    assert "0" in page


def test_it_is_an_output_format() -> None:
    assert FORMATS["html"].media_type == "text/html"


@pytest.fixture(scope="module")
def fifty_thousand(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of 50,000 findings, by the command."""
    folder = tmp_path_factory.mktemp("many")
    make_lake(folder / "lake", 50_000, 1)
    target = folder / "report.html"
    command = ["report", "--format", "html", "--lake", str(folder / "lake"), "--output", str(target), "--quiet"]
    assert main(command) == 0
    return target


def test_fifty_thousand_findings_take_less_than_five_megabytes(fifty_thousand: Path) -> None:
    rows = held(fifty_thousand.read_text())

    assert len(rows) > 49_000
    assert fifty_thousand.stat().st_size < 5_000_000


def test_what_does_not_find_room_is_told(made: Lake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("crenel.report.html.MOST", 100)
    assert main(["report", "--format", "html", "--lake", str(made.folder), "--output", str(tmp_path / "r.html")]) == 0
    page = (tmp_path / "r.html").read_text()

    assert MOST > 50_000
    assert len(held(page)) == 100
    assert "The file holds the first 100 of" in page


def test_it_pages_through_its_findings_from_the_disk(browser: Browser, fifty_thousand: Path) -> None:
    with watched(browser) as page:
        page.goto(fifty_thousand.as_uri())
        page.wait_for_selector("#rows tr")
        first = page.locator("#rows tr").first.inner_text()
        page.get_by_role("button", name="Next").click()
        assert page.locator("#place").inner_text().startswith("Page 2 of")
        assert page.locator("#rows tr").first.inner_text() != first

        page.get_by_label("Severity").select_option("critical")
        assert set(page.locator("#rows .level").all_inner_texts()) == {"critical"}
        page.get_by_label("Words").fill("ledger-1")
        assert all("ledger-1" in text for text in page.locator("#rows tr").all_inner_texts())
        page.get_by_label("Words").fill("nothing has this")
        assert page.locator("#count").inner_text() == "0 findings"


def test_hostile_names_do_nothing_in_a_browser(browser: Browser, tmp_path: Path) -> None:
    words = {
        "name": HOSTILE,
        "message": HOSTILE,
        "resource_id": HOSTILE,
        "arn": HOSTILE,
        "evidence": {HOSTILE: HOSTILE},
    }
    (tmp_path / "r.html").write_text(written(report([finding(**words)], [gap(message=HOSTILE, code=HOSTILE)])))

    with watched(browser) as page:
        page.goto((tmp_path / "r.html").as_uri())
        page.wait_for_selector("#rows tr")

        assert page.title().startswith("Crenel:")
        assert page.locator("img").count() == 0
        assert "<script>" in page.locator("#rows th").first.inner_text()


def test_it_reads_without_a_script_and_prints(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "r.html").write_text(written(report([finding()], [gap()])))
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((tmp_path / "r.html").as_uri())

    assert not page.locator("#browse").is_visible()
    page.emulate_media(media="print")
    assert page.locator("details li").first.is_visible()  # what is folded on the screen is there on paper
    context.close()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_it_can_be_read_by_everyone(browser: Browser, fifty_thousand: Path, *, dark: bool) -> None:
    with watched(browser, dark=dark, width=390) as page:
        page.goto(fifty_thousand.as_uri())
        page.wait_for_selector("#rows tr")

        assert page.evaluate(UNNAMED) == []
        assert page.evaluate(PALE) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
