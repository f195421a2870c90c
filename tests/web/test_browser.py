"""The dashboard in a browser, over the real command: pages open without a complaint, filters work, names stay text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from benchmarks.lakes import HOSTILE
from playwright.sync_api import Browser, Page

from crenel.lake.snapshots import Lake
from tests.web.conftest import PALE, UNNAMED, served, watched

PAGES = (
    "/", "/findings", "/findings?state=FAIL&severity=high&q=reports", "/policies", "/policies/s3-bucket-encryption",
    "/frameworks", "/frameworks/cis-3.0", "/frameworks/cis-3.0/control?id=1.4", "/resources", "/resources/s3",
    "/alerts", "/sql", "/sql?q=select+policy,+count(*)+as+n+from+findings+group+by+all", "/snapshots",
)  # fmt: skip


@pytest.fixture(scope="module")
def address(made: Lake, browser: Browser) -> Iterator[str]:
    """Where the dashboard is served; not started where there is no browser."""
    with served(made.folder) as found:
        yield found.rstrip("/")


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with watched(browser) as found:
        yield found


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_opens_without_a_complaint(browser: Browser, address: str, path: str, *, dark: bool) -> None:
    """No error, no violation of the policy; every control has a name, every text can be read."""
    with watched(browser, dark=dark) as page:
        page.goto(address + path)

        assert page.evaluate(UNNAMED) == []
        assert page.evaluate(PALE) == []


@pytest.mark.parametrize("path", PAGES)
def test_a_page_fits_on_a_phone(browser: Browser, address: str, path: str) -> None:
    with watched(browser, width=390) as page:
        page.goto(address + path)

        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_pages_of_one_thing_open(page: Page, address: str) -> None:
    """From the list to a finding, to its resource, to its policy and back to what fails of it."""
    page.goto(f"{address}/findings?state=FAIL")
    page.locator("tbody th a").first.click()
    assert page.locator("h2", has_text="What was seen").is_visible()
    page.locator("#where ~ div dd a").first.click()
    assert page.locator("h2", has_text="Verdicts").is_visible()
    page.locator("tbody td a").first.click()
    page.locator(".crumbs a").last.click()
    assert page.locator("h2", has_text="What it found").is_visible()
    assert page.evaluate(UNNAMED) == []


def test_filters_narrow_and_widen(page: Page, address: str) -> None:
    page.goto(f"{address}/findings")
    everything = page.locator(".head p").inner_text()
    facet = page.locator("section[aria-labelledby=facet-severity]")
    wanted = facet.locator("a", has_text="critical").locator("span").last.inner_text()

    facet.locator("a", has_text="critical").click()
    assert page.locator(".head p").inner_text().startswith(f"{wanted} finding")
    assert set(page.locator("tbody .level").all_inner_texts()) == {"critical"}

    page.get_by_role("link", name="Severity critical remove").click()
    assert page.locator(".head p").inner_text() == everything


def test_words_are_looked_for(page: Page, address: str) -> None:
    page.goto(f"{address}/findings?state=FAIL")
    page.get_by_role("searchbox").fill("ledger")
    page.keyboard.press("Enter")

    page.wait_for_url("**q=ledger**")
    assert "state=FAIL" in page.url
    names = page.locator("tbody tr").all_inner_texts()
    assert names
    assert all("ledger" in name for name in names)


def test_pages_are_turned(page: Page, address: str) -> None:
    page.goto(f"{address}/findings?size=25")
    first = page.locator("tbody th a").first.get_attribute("href")
    page.get_by_role("link", name="Next", exact=True).click()
    assert page.locator(".pager").inner_text().count("Page 2 of") == 1
    assert page.locator("tbody th a").first.get_attribute("href") != first
    page.get_by_role("link", name="Last", exact=True).click()
    assert page.get_by_role("link", name="Next", exact=True).count() == 0
    page.get_by_role("link", name="First", exact=True).click()
    assert page.locator("tbody th a").first.get_attribute("href") == first


def test_a_column_is_sorted_by_its_head(page: Page, address: str) -> None:
    page.goto(f"{address}/findings")
    page.get_by_role("link", name="Resource", exact=True).click()

    assert page.locator("th[aria-sort=ascending]").inner_text().startswith("Resource")
    page.get_by_role("link", name="Resource", exact=True).click()
    assert page.locator("th[aria-sort=descending]").inner_text().startswith("Resource")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_does_nothing(browser: Browser, address: str, name: str) -> None:
    """It is shown as it is written; no dialog, no script, no element comes of it, wherever it appears."""
    word = name.lower().replace("\x1b", " ").split()[0]
    with watched(browser) as page:
        page.goto(f"{address}/findings?q={quote(word)}&state=FAIL&state=PASS")
        assert page.locator("tbody tr").count() > 0
        page.locator("tbody th a").first.click()
        page.locator("#where ~ div dd a").first.click()

        assert page.title() != "owned"
        assert page.locator("script, img, tbody iframe").count() == 0


def test_the_keyboard_reaches_the_content_first(page: Page, address: str) -> None:
    page.goto(f"{address}/findings")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    assert page.locator(".skip").is_visible()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"

    page.keyboard.press("Tab")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_the_colours_are_switched_without_a_script(page: Page, address: str) -> None:
    page.goto(f"{address}/policies")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("link", name="Dark").click()
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")

    assert dark != ground
    page.goto(f"{address}/snapshots")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark


def test_sql_is_asked_from_its_page(page: Page, address: str) -> None:
    page.goto(f"{address}/sql")
    page.get_by_label("Statement").fill("select state, count(*) as n from findings group by all order by state")
    page.get_by_role("button", name="Run").click()

    assert page.locator("#answer").inner_text() == "5 rows"


def test_another_machine_needs_the_token(browser: Browser, made: Lake) -> None:
    with served(made.folder, "--bind", "0.0.0.0") as printed, browser.new_context() as context:
        page = context.new_page()
        page.goto(printed.partition("?")[0])
        assert page.locator("h1").inner_text() == "A token is needed"
        page.goto(printed)
        assert page.locator("h1").inner_text() == "Overview"
        assert "token" not in page.url
        page.goto(f"{page.url}findings")
        assert page.locator("h1").inner_text() == "Findings"


def test_a_token_of_ones_own_has_to_be_long(made: Lake, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(AssertionError, match="too weak"):
        served(made.folder, "--bind", "0.0.0.0", CRENEL_SERVE_TOKEN="short").__enter__()


def test_an_empty_lake_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="Scan first: crenel scan"):
        served(tmp_path).__enter__()
