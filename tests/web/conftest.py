"""A lake to look at, the dashboard over it in this process, and the same served by the real command to a browser."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from benchmarks.lakes import make_lake
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Error, Page, sync_playwright
from werkzeug.test import Client

from crenel.lake.snapshots import Lake
from crenel.web.app import Dashboard
from crenel.web.guard import Guard
from crenel.web.shelf import Shelf

FINDINGS = 6_000
SNAPSHOTS = 3


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake of made-up snapshots, a day apart; the names of some resources are hostile."""
    return make_lake(tmp_path_factory.mktemp("made") / "lake", FINDINGS, SNAPSHOTS)


@pytest.fixture(scope="session")
def shelf(made: Lake, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    """The lake, laid out."""
    found = Shelf(made, tmp_path_factory.mktemp("shelf"))
    yield found
    found.close()


@pytest.fixture
def client(shelf: Shelf) -> Client:
    """Who asks the dashboard, by the name localhost."""
    return Client(Dashboard(shelf, Guard()))


@contextmanager
def served(lake: Path, *options: str, **environment: str) -> Iterator[str]:
    """Run `crenel serve` in a process of its own and yield the address that it prints."""
    command = [sys.executable, "-m", "crenel", "serve", "--lake", str(lake), "--port", "0", *options]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment}
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        match = re.search(r"http\S+", process.stdout.readline())
        assert match, process.stderr.read()
        yield match[0]
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


# --- a browser

# What assistive technology needs, told in the page: who has no name, ids that are there twice, headings that skip.
UNNAMED = """() => {
  const label = (e) => (e.getAttribute('aria-label') || [...(e.labels || [])].map(l => l.textContent).join('') ||
    (e.getAttribute('aria-labelledby') || '').split(' ').map(i => document.getElementById(i)?.textContent).join('') ||
    e.textContent || '').trim();
  const named = 'a, button, input:not([type=hidden]), select, textarea, summary, svg[role=img], [role=region], nav,' +
    ' aside, section';
  const found = [...document.querySelectorAll(named)].filter(e => !label(e)).map(e => e.outerHTML.slice(0, 120));
  const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
  found.push(...ids.filter((id, at) => ids.indexOf(id) !== at).map(id => 'twice: ' + id));
  const broken = [...document.querySelectorAll('[aria-labelledby], label[for]')]
    .filter(e => (e.getAttribute('aria-labelledby') || e.htmlFor).split(' ').some(i => !document.getElementById(i)));
  found.push(...broken.map(e => 'leads nowhere: ' + e.outerHTML.slice(0, 120)));
  const levels = [...document.querySelectorAll('h1, h2, h3')].map(e => +e.tagName[1]);
  if (levels.filter(l => l === 1).length !== 1 || levels[0] !== 1) found.push('headings ' + levels.join(' '));
  found.push(...[...document.querySelectorAll('th:not([scope])')].map(e => 'no scope: ' + e.outerHTML.slice(0, 80)));
  if (!document.documentElement.lang || !document.querySelector('main')) found.push('no language or main');
  return found;
}"""
# The contrast of each text with what is behind it, where that is below WCAG's 4.5 (3 for large text).
PALE = """() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgb = (colour, under) => {
    canvas.globalCompositeOperation = 'copy';
    canvas.fillStyle = under ? `rgb(${under})` : '#fff'; canvas.fillRect(0, 0, 1, 1);
    canvas.globalCompositeOperation = 'source-over';
    canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (c) => c.map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = (e) => {
    const chain = []; for (let at = e; at; at = at.parentElement) chain.unshift(getComputedStyle(at).backgroundColor);
    return chain.reduce((under, colour) => rgb(colour, under.join(',')), [255, 255, 255]);
  };
  const found = [];
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own || e.closest('svg, .hidden, .skip, .off, .zero, :disabled') || !e.checkVisibility()) continue;
    const under = behind(e), style = getComputedStyle(e);
    const [a, b] = [light(rgb(style.color, under.join(','))), light(under)].sort((x, y) => y - x);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
    if ((a + 0.05) / (b + 0.05) < (large ? 3 : 4.5)) found.push(e.className + ': ' + e.textContent.trim().slice(0, 40));
  }
  return [...new Set(found)];
}"""

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome") or ""
_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, of the system's own."""
    if not BROWSER:
        why = "no Chromium is installed (Debian: apt-get install chromium)"
        if os.environ.get("CRENEL_BROWSER") == "required":
            pytest.fail(why)
        pytest.skip(why)
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=BROWSER, args=list(_FLAGS))
        yield found
        found.close()


@contextmanager
def watched(browser: Browser, *, dark: bool = False, width: int = 1280) -> Iterator[Page]:
    """Yield a page, and fail where its console complains of anything: an error, a warning, the security policy."""
    complaints: list[str] = []

    def said(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    def failed(error: Error) -> None:
        complaints.append(str(error))

    def asked(dialog: Dialog) -> None:
        complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light")
    context.set_default_timeout(10_000)
    page = context.new_page()
    page.on("console", said)
    page.on("pageerror", failed)
    page.on("dialog", asked)
    try:
        yield page
        assert complaints == []
    finally:
        context.close()
