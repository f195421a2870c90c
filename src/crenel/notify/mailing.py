"""Mails by SMTP: as text, and as HTML for those who like it."""

from __future__ import annotations

import smtplib
import ssl
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from html import escape

from crenel.errors import UsageError
from crenel.notify.model import Email, News
from crenel.notify.posting import PassingError, variable
from crenel.notify.wording import as_text, headline, more, place, said, sections, since

_SECONDS = 30.0
_STYLE = "font: 14px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #ffffff; max-width: 50em"


def mail(way: Email, news: News, key: str) -> EmailMessage:
    """Return the mail of the news; `key` tells this delivery from others."""
    message = EmailMessage()
    message["Subject"] = headline(news)
    message["From"] = _address(way.sender)
    message["To"] = [_address(each) for each in way.to]
    message["Date"] = format_datetime(news.now.finished_at or news.now.started_at)
    message["Message-ID"] = make_msgid(key, domain=way.sender.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(as_text(news))
    message.add_alternative(_html(news), subtype="html")
    return message


def send(way: Email, message: EmailMessage) -> str:
    """Hand a mail to its server; return what became of it. Raises `PassingError` where trying again makes sense, else
    `UsageError`.
    """
    where = f"{way.server}:{way.port}"
    try:
        with _opened(way) as server:
            if way.user:
                server.login(way.user, variable(way.password_from))
            refused = server.send_message(message)
    except smtplib.SMTPAuthenticationError as error:
        raise UsageError(f"{where} refuses the user {way.user} ({error.smtp_code}).") from error
    except smtplib.SMTPRecipientsRefused as error:
        raise UsageError(f"{where} refuses {', '.join(error.recipients)}.") from error
    except smtplib.SMTPNotSupportedError as error:
        raise UsageError(f"{where} has no {'STARTTLS' if way.security == 'starttls' else 'such login'}.") from error
    except ssl.SSLError as error:
        raise UsageError(f"{where}: no secure connection: {error.reason}.") from error
    except smtplib.SMTPResponseException as error:
        told = f"{where} answered {error.smtp_code}."
        raise (PassingError(told) if 400 <= error.smtp_code < 500 else UsageError(told)) from error
    except (smtplib.SMTPException, OSError) as error:
        raise PassingError(f"{where} can't be reached ({type(error).__name__}).") from error
    if refused:
        raise UsageError(f"{where} refuses {', '.join(refused)}; the others have it.")
    return f"{where} took it for {', '.join(way.to)}"


def _opened(way: Email) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if way.security == "tls":
        return smtplib.SMTP_SSL(way.server, way.port, timeout=_SECONDS, context=context)
    server = smtplib.SMTP(way.server, way.port, timeout=_SECONDS)
    try:
        if way.security == "starttls":
            server.starttls(context=context)
    except BaseException:
        server.close()
        raise
    return server


def _address(text: str) -> Address:
    return Address(addr_spec=text)


def _html(news: News) -> str:
    parts = [f"<h1 style='font-size: 18px'>{escape(headline(news))}</h1>", f"<p>{escape(since(news))}</p>"]
    for title, found in sections(news):
        parts.append(f"<h2 style='font-size: 16px'>{escape(title)}</h2><ul>")
        parts += [
            f"<li><b>{escape(each.finding.policy)}</b> {escape(place(each))}<br>{escape(said(each))}</li>"
            for each in found
        ]
        parts.append("</ul>")
    parts += [f"<p>{escape(more(news))}</p>"] if news.left else []
    body = "\n".join(parts)
    return f'<!doctype html>\n<html lang="en"><body style="{_STYLE}">\n{body}\n</body></html>\n'
