"""Messages to SNS. Beside `remediate/` this is one of two modules that write to AWS: a message, and nothing else."""

from __future__ import annotations

from typing import Any

from crenel.collect.session import open_given
from crenel.errors import CallError, UsageError
from crenel.notify.model import News, Sns
from crenel.notify.wording import as_text, headline

_SUBJECT, _BYTES = 99, 250_000  # what SNS takes: fewer than 100 letters, 256 KiB


def message(way: Sns, news: News) -> dict[str, Any]:
    """Return the parameters of SNS's Publish: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html."""
    text = as_text(news).encode()[:_BYTES].decode(errors="ignore")
    params: dict[str, Any] = {
        "TopicArn": way.topic,
        # A subject is ASCII, on one line.
        "Subject": headline(news).encode("ascii", "replace").decode()[:_SUBJECT],
        "Message": text,
    }
    if news.worst is not None:  # for the filters of subscriptions
        params["MessageAttributes"] = {"severity": {"DataType": "String", "StringValue": news.worst.value}}
    return params


def send(way: Sns, params: dict[str, Any]) -> str:
    """Publish; return what became of it. Raises `UsageError` where SNS does not take it.

    Throttling and lost connections are the caller's to try again; what SNS may have done is not sent twice.
    """
    _, _, _, region, account, _ = way.topic.split(":", 5)
    target = open_given(way.profile, account, region)
    try:
        answer = target.caller.alter("sns", "Publish", params, region)
    except CallError as error:
        raise UsageError(f"{way.topic}: {error}") from error
    finally:
        target.close()
    return f"{way.topic} took it as {answer.get('MessageId', 'a message')}"
