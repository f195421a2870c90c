"""The file of targets: every mistake at its place, and no secret in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from crenel.errors import PolicyError
from crenel.judge.changes import WORSE, Change
from crenel.model import Severity
from crenel.notify.load import _COMMON, _KEYS, load_targets
from crenel.notify.model import Email, Slack, Sns, Webhook


def load(tmp_path: Path, text: str):
    path = tmp_path / "notify.yml"
    path.write_text(text, encoding="utf-8")
    return load_targets(path)


def test_every_type(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        """
notify:
  - {name: hook, type: webhook, url: "https://example.com/x", secret-from: HOOK_SECRET}
  - type: slack
    url-from: SLACK_WEBHOOK
    severity: high
    changes: [new, resolved]
    accounts: "111122223333"
    frameworks: [cis-7.0]
  - {type: sns, topic: "arn:aws:sns:eu-west-1:111122223333:findings", profile: audit}
  - {type: email, server: smtp.example.com, from: crenel@example.com, to: [a@example.com], user: u, password-from: P}
""",
    )

    hook, slack, sns, email = found
    assert hook.way == Webhook("https://example.com/x", "", "HOOK_SECRET")
    assert hook.changes == WORSE
    assert slack.name == "slack 2"
    assert slack.way == Slack("", "SLACK_WEBHOOK")
    assert (slack.changes, slack.choice.severity) == ((Change.NEW, Change.RESOLVED), Severity.HIGH)
    assert (slack.choice.accounts, slack.choice.frameworks) == (("111122223333",), ("cis-7.0",))
    assert sns.way == Sns("arn:aws:sns:eu-west-1:111122223333:findings", "audit")
    assert email.way == Email("smtp.example.com", "crenel@example.com", ("a@example.com",), 587, "starttls", "u", "P")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{type: slak, url-from: X}", '`type` can\'t be "slak". Did you mean "slack"?'),
        ("{url-from: X}", "a target needs `type`."),
        ("{type: slack}", "needs `url` or `url-from`, one of them."),
        ("{type: slack, url: 'https://x.test', url-from: X}", "needs `url` or `url-from`, one of them."),
        ("{type: slack, url-form: X}", 'has no key "url-form". Did you mean "url-from"?'),
        ("{type: webhook, url: 'ftp://x.test/'}", "has to begin with https://"),
        ("{type: webhook, url: 'https://u:p@x.test/'}", "a name and a password can't stand in the address."),
        ("{type: webhook, url: 'file:///etc/passwd'}", "has to begin with https://"),
        ("{type: webhook, url-from: 'https://x.test'}", "is the name of an environment variable, not what it holds."),
        ("{type: sns, topic: findings}", "this is no ARN of an SNS topic."),
        ("{type: sns}", "a target of the type sns needs `topic`."),
        ("{type: email, server: s, from: a@b.test}", "a target of the type email needs `to`."),
        ("{type: email, server: s, from: a, to: [a@b.test]}", "this is no mail address."),
        ("{type: email, server: s, from: a..b@c.test, to: [a@b.test]}", "this is no mail address."),
        ("{type: email, server: s, from: \u00e9@c.test, to: [a@b.test]}", "this is no mail address."),
        ("{type: email, server: s, from: a@b.test, to: ['a@b.test, c@d.test']}", "an item of to is a mail address."),
        (
            '{type: email, server: s, from: a@b.test, to: ["a@b.test\\nBcc: x@y.test"]}',
            "an item of to is a mail address.",
        ),
        ("{type: email, server: s, from: a@b.test, to: [a@b.test], port: 99999}", "a port is a number"),
        (
            "{type: email, server: s, from: a@b.test, to: [a@b.test], user: u}",
            "`user` and `password-from` go together.",
        ),
        (
            "{type: email, server: s, from: a@b.test, to: [a@b.test], user: u, password-from: P, security: none}",
            "a password is not sent in the clear.",
        ),
        ("{type: slack, url-from: X, severity: hihg}", '`severity` can\'t be "hihg". Did you mean "high"?'),
        ("{type: slack, url-from: X, changes: [fresh]}", '`changes` can\'t be "fresh".'),
        ("{type: slack, url-from: X, accounts: [111122223333]}", "must be a text"),
        ("{type: slack, url-from: X, accounts: ['12']}", "an account's twelve digits"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(PolicyError) as caught:
        load(tmp_path, f"notify:\n  - {line}\n")

    assert said in str(caught.value)
    assert caught.value.where is not None
    assert caught.value.where.line == 2


def test_every_key_and_change_is_described() -> None:
    page = (Path(__file__).parents[2] / "docs" / "notifications.md").read_text(encoding="utf-8")
    firsts = "\n".join(row.split("|")[1] for row in page.splitlines() if row.startswith("|"))

    keys = {key.rstrip("*") for keys in _KEYS.values() for key in keys}
    assert [word for word in (*_COMMON, *keys, *WORSE, "resolved", "waived") if f"`{word}`" not in firsts] == []


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(PolicyError) as caught:
        load(tmp_path, "notify:\n  - {type: slack}\n  - {type: sns, topic: x}\n")

    assert [error.where.line for error in caught.value.all() if error.where] == [2, 3]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("notify: []\n", "there is nobody to be told."),
        ("notify: x\n", "notify must be a list"),
        ("notifications: []\n", 'has no key "notifications"'),
        ("{}\n", "needs `notify`"),
        (
            "notify:\n  - {name: a, type: slack, url-from: X}\n  - {name: a, type: slack, url-from: X}\n",
            'two targets with the name "a"',
        ),
    ],
)
def test_a_file_that_is_none(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(PolicyError, match=said):
        load(tmp_path, text)
