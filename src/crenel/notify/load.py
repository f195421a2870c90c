"""The file that says who is told what; every mistake has its place.

    notify:
      - name: on-call
        type: slack
        url-from: SLACK_WEBHOOK
        severity: high

docs/notifications.md describes every key. No secret stands in the file: it names environment variables.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from crenel.errors import PolicyError, PolicyFileError, did_you_mean
from crenel.judge.changes import WORSE, Change
from crenel.judge.choice import Choice
from crenel.model import Severity
from crenel.notify.model import Email, Slack, Sns, Target, Webhook
from crenel.positions import Located, load_file

Word = TypeVar("Word", bound=StrEnum)

_COMMON = ("name", "type", "changes", "severity", "accounts", "regions", "frameworks", "policies")
# The keys of each type; those with a star are required.
_KEYS: Mapping[str, tuple[str, ...]] = {
    "webhook": ("url", "url-from", "secret-from"),
    "slack": ("url", "url-from"),
    "sns": ("topic*", "profile"),
    "email": ("server*", "from*", "to*", "port", "security", "user", "password-from"),
}
_SECURITIES = ("starttls", "tls", "none")
_PORTS: Mapping[str, int] = {"starttls": 587, "tls": 465, "none": 25}
_TOPIC = re.compile(r"arn:[a-z-]+:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_.-]+")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_ADDRESS = re.compile(rf"{_ATOM}(\.{_ATOM})*@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_ACCOUNT = re.compile(r"\d{12}")


def load_targets(path: Path) -> tuple[Target, ...]:
    """Read a file of targets. Raises `PolicyError` with everything that is wrong in it (`all()`)."""
    root = load_file(path)
    items = root.only("a file of notifications", ("notify",))
    if "notify" not in items:
        raise root.error("a file of notifications needs `notify`.", code="missing-key")
    found: dict[str, Target] = {}
    errors: list[PolicyError] = []
    bodies = items["notify"].sequence("notify")
    for number, body in enumerate(bodies, start=1):
        try:
            target = _target(body, number)
            if target.name in found:
                raise body.key_error("name", f'there are two targets with the name "{target.name}".', "Give both one.")
            found[target.name] = target
        except PolicyError as error:
            errors += error.all()
    if errors:
        raise errors[0] if len(errors) == 1 else PolicyFileError(errors)
    if not found:
        raise items["notify"].error("there is nobody to be told.")
    return tuple(found.values())


def _target(body: Located, number: int) -> Target:
    items = body.mapping("a target")
    if "type" not in items:
        raise body.error("a target needs `type`.", f"It is one of {', '.join(_KEYS)}.", "missing-key")
    kind = _one_of(items["type"], "type", tuple(_KEYS))
    keys = _KEYS[kind]
    known = (*_COMMON, *(key.rstrip("*") for key in keys))
    errors = [body.unknown_key(key, f"a target of the type {kind}", known) for key in items if key not in known]
    missing = [key[:-1] for key in keys if key.endswith("*") and body.child(key[:-1]) is None]
    errors += [body.error(f"a target of the type {kind} needs `{key}`.", code="missing-key") for key in missing]
    if errors:
        raise errors[0] if len(errors) == 1 else PolicyFileError(errors)
    return Target(
        name=_text(items, "name") or f"{kind} {number}",
        way=_WAYS[kind](body, items),
        changes=_words(items, "changes", Change) or WORSE,
        choice=Choice(
            severity=Severity(_one_of(items["severity"], "severity", tuple(Severity))) if "severity" in items else None,
            accounts=_texts(items, "accounts", _ACCOUNT, "an account's twelve digits, in quotes"),
            regions=_texts(items, "regions"),
            frameworks=_texts(items, "frameworks"),
            policies=_texts(items, "policies"),
        ),
        where=body.where,
    )


# --- the ways


def _webhook(body: Located, items: Mapping[str, Located]) -> Webhook:
    url, url_from = _place(body, items)
    return Webhook(url, url_from, _variable(items, "secret-from"))


def _slack(body: Located, items: Mapping[str, Located]) -> Slack:
    return Slack(*_place(body, items))


def _place(body: Located, items: Mapping[str, Located]) -> tuple[str, str]:
    """Return the address, or the variable that has it: one of the two has to be there."""
    if ("url" in items) == ("url-from" in items):
        raise body.error(
            "a target of this type needs `url` or `url-from`, one of them.",
            "url-from names an environment variable that has the address: it often is a secret.",
        )
    if "url-from" in items:
        return "", _variable(items, "url-from")
    url = _text(items, "url")
    if problem := unfit(url):
        raise items["url"].error(problem)
    return url, ""


def unfit(url: str) -> str:
    """Return why an address can't be sent to, empty where it can. The address itself is not quoted."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "this is no address."
    if parts.scheme not in ("http", "https") or not parts.hostname or not url.isascii() or not url.isprintable():
        return "the address has to begin with https:// (or http://) and a host."
    return "a name and a password can't stand in the address." if parts.username or parts.password else ""


def _sns(_body: Located, items: Mapping[str, Located]) -> Sns:
    topic = _text(items, "topic")
    if not _TOPIC.fullmatch(topic):
        raise items["topic"].error(
            "this is no ARN of an SNS topic.", "It looks like arn:aws:sns:eu-west-1:111122223333:x."
        )
    return Sns(topic, _text(items, "profile"))


def _email(body: Located, items: Mapping[str, Located]) -> Email:
    security = _one_of(items["security"], "security", _SECURITIES) if "security" in items else "starttls"
    port: Any = items["port"].value if "port" in items else _PORTS[security]
    if isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 65_536:
        raise items["port"].error("a port is a number from 1 to 65535.")
    user, password = _text(items, "user"), _variable(items, "password-from")
    if bool(user) != bool(password):
        raise body.error("`user` and `password-from` go together.")
    if password and security == "none":
        raise items["security"].error("a password is not sent in the clear.", "Say starttls or tls.")
    sender = _text(items, "from")
    if not _ADDRESS.fullmatch(sender):
        raise items["from"].error("this is no mail address.")
    to = _texts(items, "to", _ADDRESS, "a mail address")
    if not to:
        raise items["to"].error("a mail needs somebody to go to.")
    return Email(_text(items, "server"), sender, to, port, security, user, password)


_WAYS: Mapping[str, Callable[[Located, Mapping[str, Located]], Webhook | Slack | Sns | Email]] = {
    "webhook": _webhook, "slack": _slack, "sns": _sns, "email": _email,
}  # fmt: skip


# --- values


def _text(items: Mapping[str, Located], key: str) -> str:
    if key not in items:
        return ""
    found = items[key].text(key)
    if not found.strip() or not found.isprintable():
        raise items[key].error(f"`{key}` is one line, and not empty.")
    return found


def _variable(items: Mapping[str, Located], key: str) -> str:
    found = _text(items, key)
    if found and not _VARIABLE.fullmatch(found):
        raise items[key].error(f"`{key}` is the name of an environment variable, not what it holds.")
    return found


def _texts(
    items: Mapping[str, Located], key: str, pattern: re.Pattern[str] | None = None, what: str = ""
) -> tuple[str, ...]:
    if key not in items:
        return ()
    given = items[key].sequence(key) if isinstance(items[key].value, list) else [items[key]]
    for item in given:
        text = item.text(f"an item of {key}")
        if not text or not text.isprintable() or (pattern is not None and not pattern.fullmatch(text)):
            raise item.error(f"an item of {key} is {what or 'one line'}.")
    return tuple(item.value for item in given)


def _words(items: Mapping[str, Located], key: str, kind: type[Word]) -> tuple[Word, ...]:
    if key not in items:
        return ()
    return tuple(kind(_one_of(item, key, tuple(kind))) for item in items[key].sequence(key))


def _one_of(item: Located, key: str, words: Sequence[str]) -> str:
    found = item.text(key)
    if found not in words:
        hint = did_you_mean(found, words) or f"It is one of {', '.join(words)}."
        raise item.error(f'`{key}` can\'t be "{found}".', hint)
    return found
