"""Mails, against an SMTP server of our own with TLS."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.notify.conftest import Notify

PASSWORD = "correct horse"


class Inbox:
    """What the server took, and how it answers."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.answers: list[str] = []
        self.port = 0

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 (aiosmtpd's name)
        if self.answers:
            return self.answers.pop(0)
        self.mails.append(BytesParser(policy=policy.default).parsebytes(envelope.content))
        return "250 OK"


def login(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    good = isinstance(data, LoginPassword) and data.password == PASSWORD.encode()
    return AuthResult(success=good, handled=False)


def certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate of localhost, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return cert_file, key_file


@pytest.fixture
def inbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Inbox]:
    """A server with STARTTLS and a login, whose certificate is trusted."""
    cert_file, key_file = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert_file, key_file)
    made = Inbox()
    with socket.create_server(("localhost", 0)) as free:
        made.port = free.getsockname()[1]
    server = Controller(
        made, hostname="localhost", port=made.port, tls_context=context, authenticator=login, auth_required=False
    )
    monkeypatch.setenv("SSL_CERT_FILE", str(cert_file))
    monkeypatch.setenv("SMTP_PASSWORD", PASSWORD)
    server.start()
    try:
        yield made
    finally:
        server.stop()


def target(inbox: Inbox, **changes: Any) -> str:
    values = {
        "name": "ops", "type": "email", "server": "localhost", "port": inbox.port, "from": "crenel@example.com",
        "to": ["ops@example.com", "sec@example.com"], "user": "crenel", "password-from": "SMTP_PASSWORD",
    } | changes  # fmt: skip
    return json.dumps({"notify": [{key: value for key, value in values.items() if value is not None}]})


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)
        assert {name for name, _ in attrs} <= {"style", "lang"}


def test_a_mail_by_starttls_with_text_and_html(notify: Notify, inbox: Inbox) -> None:
    assert notify(target(inbox)) == 0
    (mail,) = inbox.mails

    assert mail["Subject"].startswith("Crenel: 2 new, 1 worse")
    assert mail["From"] == "crenel@example.com"
    assert mail["To"] == "ops@example.com, sec@example.com"
    assert mail["Auto-Submitted"] == "auto-generated"
    text = mail.get_body(("plain",))
    html = mail.get_body(("html",))
    assert text is not None
    assert html is not None
    assert "new is open." in text.get_content()
    assert "newly unknown" in text.get_content().lower()
    tags = Tags()
    tags.feed(html.get_content())
    assert tags.found == {"html", "body", "h1", "h2", "p", "ul", "li", "b", "br"}
    assert "&lt;script&gt;" in html.get_content()


def test_a_wrong_password_is_an_error_that_does_not_tell_it(
    notify: Notify, inbox: Inbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SMTP_PASSWORD", "wrong-and-secret")

    assert notify(target(inbox)) == 2
    err = capsys.readouterr().err
    assert f"ops: failed: localhost:{inbox.port} refuses the user crenel (535)." in err
    assert "wrong-and-secret" not in err
    assert inbox.mails == []


def test_a_certificate_that_nobody_vouches_for_is_refused(
    notify: Notify, inbox: Inbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")

    assert notify(target(inbox)) == 2
    assert "no secure connection: CERTIFICATE_VERIFY_FAILED" in capsys.readouterr().err
    assert inbox.mails == []


def test_a_busy_server_is_asked_again(notify: Notify, inbox: Inbox) -> None:
    inbox.answers = ["451 later", "451 later"]

    assert notify(target(inbox)) == 0
    assert len(inbox.mails) == 1


def test_a_server_that_refuses_is_asked_once(notify: Notify, inbox: Inbox, capsys: pytest.CaptureFixture[str]) -> None:
    inbox.answers = ["554 no"]

    assert notify(target(inbox)) == 2
    assert f"localhost:{inbox.port} answered 554." in capsys.readouterr().err


def test_nobody_there(notify: Notify, inbox: Inbox, capsys: pytest.CaptureFixture[str]) -> None:
    assert notify(target(inbox, port=9)) == 2
    assert "localhost:9 can't be reached (ConnectionRefusedError), 3 times." in capsys.readouterr().err


def test_without_tls_only_without_a_password(notify: Notify, inbox: Inbox) -> None:
    """For a relay on this machine."""
    text = target(inbox, **{"security": "none", "user": None, "password-from": None})

    assert notify(text) == 0
    assert len(inbox.mails) == 1
