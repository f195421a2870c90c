"""Who may ask, and what a browser is told of the answers."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from werkzeug.test import Client

from crenel.web.app import Dashboard
from crenel.web.guard import Guard, is_loopback
from crenel.web.shelf import Shelf

TOKEN = "a-token-that-nobody-guesses"


@pytest.fixture
def guarded(shelf: Shelf) -> Client:
    return Client(Dashboard(shelf, Guard(("board.example.org",), TOKEN)))


def test_every_answer_forbids_scripts_frames_and_foreign_assets(client: Client) -> None:
    for path in ("/", "/findings.json", "/nope", "/findings?x=1", "/crenel.css"):
        headers = client.get(path).headers
        assert headers["Content-Security-Policy"] == (
            "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; "
            "frame-ancestors 'none'"
        )
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
    assert client.get("/").headers["Cache-Control"] == "no-store"


def active(text: str) -> list[str]:
    """Return what of a page could run or be styled out of turn."""
    found: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
            if tag in ("script", "style", "img", "iframe", "object", "embed", "base"):
                found.append(tag)
            found.extend(name for name, _ in attributes if name == "style" or name.startswith("on"))
            for name, value in attributes:
                if name in ("href", "action", "src") and not re.match(r"/(?!/)|#|https://|data:image/svg", value or ""):
                    found.append(f"{name}={value}")

    Reader().feed(text)
    return found


def test_pages_bear_no_script_and_no_inline_style(client: Client) -> None:
    for path in ("/", "/findings", "/policies", "/frameworks", "/resources", "/alerts", "/sql", "/snapshots"):
        text = client.get(path).text
        assert active(text) == [], path


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_nothing_but_reading_is_answered(client: Client, method: str) -> None:
    found = client.open("/findings", method=method)

    assert found.status_code == 405
    assert found.headers["Allow"] == "GET, HEAD"


def test_head_is_a_get_without_its_body(client: Client) -> None:
    found = client.head("/findings")

    assert found.status_code == 200
    assert found.data == b""


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", ""])
def test_another_name_than_its_own_is_refused(client: Client, host: str) -> None:
    """A page of the reader's could have its name point here (DNS rebinding)."""
    assert client.get("/findings.json", headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8321", "[::1]:8321", "LOCALHOST:1"])
def test_loopback_names_are_its_own(client: Client, host: str) -> None:
    assert client.get("/snapshots.json", headers={"Host": host}).status_code == 200


def test_an_address_will_do_where_every_interface_is_bound(shelf: Shelf) -> None:
    client = Client(Dashboard(shelf, Guard((), TOKEN, literal=True)))

    assert client.get("/", headers={"Host": "192.0.2.7:8321"}).status_code == 401
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 421


def test_without_the_token_nothing_is_told(guarded: Client) -> None:
    for path in ("/", "/findings.json", "/nope", "/?token=wrong", "/sql?q=select+1"):
        found = guarded.get(path, headers={"Host": "board.example.org"})
        assert found.status_code == 401
        assert not re.search(r"20261123T|iam-|FAIL|1111222", found.text)


def test_the_token_moves_from_the_address_into_a_cookie(guarded: Client) -> None:
    found = guarded.get(f"/findings?state=FAIL&token={TOKEN}", headers={"Host": "board.example.org"})

    assert found.status_code == 303
    assert found.headers["Location"] == "/findings?state=FAIL"
    cookie = found.headers["Set-Cookie"]
    assert TOKEN not in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert guarded.get("/findings.json", headers={"Host": "board.example.org"}).status_code == 200


def test_a_program_sends_the_token_as_a_bearer(guarded: Client) -> None:
    right = {"Host": "localhost", "Authorization": f"Bearer {TOKEN}"}
    wrong = {"Host": "localhost", "Authorization": f"Bearer {TOKEN}x"}

    assert guarded.get("/overview.json", headers=right).status_code == 200
    assert guarded.get("/overview.json", headers=wrong).status_code == 401


def test_a_redirect_stays_here(guarded: Client) -> None:
    """A path of two slashes is no host."""
    found = guarded.get(f"//evil.example/?token={TOKEN}", headers={"Host": "localhost"})

    assert not found.headers.get("Location", "/").startswith("//")


@pytest.mark.parametrize(
    ("address", "own"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("127.9.9.9", True), ("0.0.0.0", False), ("::", False)],
)
def test_what_counts_as_loopback(address: str, own: bool) -> None:
    assert is_loopback(address) is own


def test_the_theme_is_kept_in_a_cookie(client: Client) -> None:
    found = client.get("/snapshots?theme=dark")

    assert 'data-theme="dark"' in found.text
    assert "HttpOnly" in found.headers["Set-Cookie"]
    assert 'data-theme="dark"' in client.get("/snapshots").text
    assert 'data-theme="auto"' in client.get("/snapshots?theme=x<y").text
