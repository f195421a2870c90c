"""Messages that are posted: JSON to a webhook, blocks to Slack."""

from __future__ import annotations

import hashlib
import hmac
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import IO, Any
from urllib.parse import urlsplit

from crenel import __version__
from crenel.errors import UsageError
from crenel.notify.load import unfit
from crenel.notify.model import News, Slack, Webhook
from crenel.notify.wording import as_json, headline, more, place, said, sections, since
from crenel.report.contract import dumps

SIGNATURE = "X-Crenel-Signature-256"
_SECONDS = 20.0
_BLOCKS, _SECTION, _HEADER = 50, 3_000, 150  # what Slack takes: blocks, letters of a section and of a header
_PASSING = frozenset({408, 425, 429})


class PassingError(Exception):
    """Something that may go well a moment later. Its words are for people, and hold no secret."""


@dataclass(frozen=True, slots=True)
class Post:
    """A request. `shown` names where it goes without what may be secret in it."""

    url: str = field(repr=False)
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(hash=False, repr=False)

    @property
    def shown(self) -> str:
        """Scheme and host of the address: its path and query often are a secret."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.hostname}"


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """What is signed for one place goes to no other."""

    def redirect_request(
        self,
        req: urllib.request.Request,  # noqa: ARG002
        fp: IO[bytes],  # noqa: ARG002
        code: int,  # noqa: ARG002
        msg: str,  # noqa: ARG002
        headers: Any,  # noqa: ARG002, ANN401
        newurl: str,  # noqa: ARG002
    ) -> None:
        """Follow none."""
        return


def variable(name: str) -> str:
    """Return what an environment variable holds. Raises `UsageError` where it is not set."""
    found = os.environ.get(name, "")
    if not found:
        raise UsageError(f"the environment variable {name} is not set.")
    return found


def webhook_post(way: Webhook, news: News, key: str) -> Post:
    """Return the request of a webhook; `key` tells this delivery from others. Raises `UsageError`."""
    body = dumps({**as_json(news), "delivery": key}).encode()
    headers = {"Content-Type": "application/json", "X-Crenel-Delivery": key}
    if way.secret_from:
        digest = hmac.new(variable(way.secret_from).encode(), body, hashlib.sha256).hexdigest()
        headers[SIGNATURE] = f"sha256={digest}"
    return Post(_address(way), body, headers)


def slack_post(way: Slack, news: News) -> Post:
    """Return the request of a Slack message. Raises `UsageError`."""
    return Post(_address(way), dumps(slack_message(news)).encode(), {"Content-Type": "application/json"})


def slack_message(news: News) -> dict[str, Any]:
    """Return the news as a message of Slack's Block Kit: https://docs.slack.dev/reference/block-kit/blocks."""
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": headline(news)[:_HEADER], "emoji": False}},
        {"type": "context", "elements": [_mrkdwn(_escaped(since(news)))]},
    ]
    for title, found in sections(news):
        blocks.append({"type": "section", "text": _mrkdwn(f"*{_escaped(title)}*")})
        for each in found:
            head = f"`{_escaped(each.finding.policy)}`  {_escaped(place(each))}"
            blocks.append({"type": "section", "text": _mrkdwn(f"{head}\n{_escaped(said(each))}"[:_SECTION])})
    rest = more(news)
    if len(blocks) > _BLOCKS - 1:
        dropped = len(blocks) - (_BLOCKS - 1)
        blocks, rest = blocks[: _BLOCKS - 1], f"… and {news.left + dropped:,} more: crenel report"
    if rest:
        blocks.append({"type": "context", "elements": [_mrkdwn(_escaped(rest))]})
    return {"text": _escaped(headline(news)), "blocks": blocks}


def send(post: Post) -> str:
    """Send a request; return what became of it. Raises `PassingError` where trying again makes sense, else
    `UsageError`.
    """
    request = urllib.request.Request(  # noqa: S310 (http and https alone, see `unfit`)
        post.url, data=post.body, method="POST", headers={"User-Agent": f"crenel/{__version__}", **post.headers}
    )
    try:
        with urllib.request.build_opener(_NoRedirects).open(request, timeout=_SECONDS) as answer:
            return f"{post.shown} answered {answer.status}"
    except urllib.error.HTTPError as error:
        with error:
            told = f"{post.shown} answered {error.code}"
        if error.code >= 500 or error.code in _PASSING:
            raise PassingError(f"{told}.") from error
        hint = "It sends elsewhere: give that address." if 300 <= error.code < 400 else ""
        raise UsageError(f"{told}.", suggestion=hint) from error
    except (OSError, HTTPException) as error:
        why = error.reason if isinstance(error, urllib.error.URLError) else error
        raise PassingError(f"{post.shown} can't be reached ({type(why).__name__}).") from error


def _address(way: Webhook | Slack) -> str:
    if way.url:
        return way.url
    url = variable(way.url_from)
    if problem := unfit(url):
        raise UsageError(f"the environment variable {way.url_from}: {problem}")
    return url


def _mrkdwn(text: str) -> dict[str, Any]:
    # Verbatim: Slack makes no links and no mentions of what it finds in it.
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _escaped(text: str) -> str:
    """Return a text in which nothing is Slack's markup but what looks bold or such."""
    shown = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return shown.replace("`", "'")
