"""Webhooks and Slack, against an HTTP server of our own."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.collect.stub import Answer, Asked, Stub
from tests.judge.lakes import bucket, snapshot
from tests.notify.conftest import NOW, Notify
from tests.report.scenario import HOSTILE

SECRET = "very-secret-key"


class Sink:
    """The server; it answers with `answers` in turn, and then with 200."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.server = Stub(self._answer)

    def _answer(self, _: Asked) -> Answer:
        return self.answers.pop(0) if self.answers else Answer(b"ok")

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(asked.body) for asked in self.server.asked]


@pytest.fixture
def sink(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sink]:
    made = Sink()
    with made.server.running():
        monkeypatch.setenv("HOOK_URL", f"{made.server.url}/secret-path?token=abc")
        monkeypatch.setenv("HOOK_SECRET", SECRET)
        yield made


WEBHOOK = "notify: [{name: hook, type: webhook, url-from: HOOK_URL, secret-from: HOOK_SECRET}]\n"
SLACK = "notify: [{name: chat, type: slack, url-from: HOOK_URL}]\n"


def test_a_webhook_is_told_what_is_worse_the_worst_first(notify: Notify, sink: Sink) -> None:
    assert notify(WEBHOOK) == 0
    (body,) = sink.bodies

    assert body["event"] == "crenel.changes"
    assert body["headline"] == (
        "Crenel: 2 new, 1 worse, 1 no longer waived, 1 newly unknown, 1 resolved in 111122223333"
    )
    assert body["counts"]["new"] == {"critical": 1, "high": 1}
    told = [(each["change"], each["finding"]["resource"]["id"]) for each in body["findings"]]
    assert told[0] == ("new", "new")
    assert {change for change, _ in told} == {"new", "worse", "lapsed", "unread"}
    assert body["more"] == 0
    assert HOSTILE in [name for _, name in told]


def test_a_webhook_is_signed(notify: Notify, sink: Sink) -> None:
    """HMAC-SHA256 over the very bytes of the body; without a secret there is no such header."""
    notify(WEBHOOK)
    notify(WEBHOOK.replace(", secret-from: HOOK_SECRET", ""), "--again")
    signed, plain = sink.server.asked

    assert signed.method == "POST"
    assert signed.path == "/secret-path?token=abc"
    digest = hmac.new(SECRET.encode(), signed.body, hashlib.sha256).hexdigest()
    assert signed.headers["x-crenel-signature-256"] == f"sha256={digest}"
    assert signed.headers["x-crenel-delivery"] == json.loads(signed.body)["delivery"]
    assert "x-crenel-signature-256" not in plain.headers


def test_nobody_is_told_twice(notify: Notify, sink: Sink, capsys: pytest.CaptureFixture[str]) -> None:
    notify(WEBHOOK)
    assert notify(WEBHOOK) == 0
    assert "hook: told already" in capsys.readouterr().err
    assert len(sink.server.asked) == 1

    notify(WEBHOOK, "--again")
    assert len(sink.server.asked) == 2


def test_what_may_pass_is_tried_again_with_the_same_message(notify: Notify, sink: Sink) -> None:
    sink.answers = [Answer(status=503), Answer(status=429)]

    assert notify(WEBHOOK) == 0
    assert len({asked.body for asked in sink.server.asked}) == 1
    assert len(sink.server.asked) == 3


@pytest.mark.parametrize(
    ("answers", "asked", "said"),
    [
        ([Answer(status=500)] * 5, 3, "answered 500, 3 times."),
        ([Answer(status=404)], 1, "answered 404."),
        ([Answer(status=302, headers={"Location": "http://127.0.0.1:1/"})], 1, "answered 302. It sends elsewhere"),
    ],
)
def test_a_failure_is_an_error_and_tells_no_secret(
    notify: Notify, sink: Sink, capsys: pytest.CaptureFixture[str], answers: list[Answer], asked: int, said: str
) -> None:
    sink.answers = list(answers)

    assert notify(WEBHOOK) == 2
    err = capsys.readouterr().err
    assert f"hook: failed: {sink.server.url.rpartition(':')[0]} {said}" in err
    assert "1 target was not told." in err
    assert len(sink.server.asked) == asked
    for secret in (SECRET, "secret-path", "abc"):
        assert secret not in err


def test_one_that_fails_does_not_keep_the_others_from_it(
    notify: Notify, sink: Sink, capsys: pytest.CaptureFixture[str]
) -> None:
    """And when it is said again, only the one that failed is told."""
    both = "notify:\n  - {name: bad, type: webhook, url: 'http://127.0.0.1:9/'}\n"
    both += "  - {name: good, type: webhook, url-from: HOOK_URL}\n"

    assert notify(both) == 2
    assert "bad: failed: http://127.0.0.1 can't be reached" in (err := capsys.readouterr().err)
    assert "good: sent" in err
    assert notify(both) == 2
    assert "good: told already" in capsys.readouterr().err
    assert len(sink.server.asked) == 1


def test_a_variable_that_is_not_set_is_an_error_before_anything_is_sent(
    notify: Notify, sink: Sink, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("HOOK_SECRET")
    text = "notify:\n  - {type: slack, url-from: HOOK_URL}\n"
    text += "  - {type: webhook, url-from: HOOK_URL, secret-from: HOOK_SECRET}\n"

    assert notify(text) == 2
    assert "notify.yml:3:5: webhook 2: the environment variable HOOK_SECRET is not set." in capsys.readouterr().err
    assert sink.server.asked == []


def test_an_address_in_a_variable_is_checked_too(
    notify: Notify, sink: Sink, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOOK_URL", "file:///etc/passwd")

    assert notify(WEBHOOK) == 2
    assert "the environment variable HOOK_URL: the address has to begin with https://" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("severity: high", {"new", HOSTILE, "lapsed", "unread"}),
        ("severity: critical", {"new"}),
        ("changes: [lapsed]", {"lapsed"}),
        ("changes: [resolved]", {"mended"}),
        ("frameworks: [cis-7.0], changes: [worse]", {"worse"}),
        ("regions: [us-east-1]", set()),
        ("accounts: ['444455556666']", set()),
        ("frameworks: [cis-1.4]", set()),
        ("policies: ['iam-*']", set()),
    ],
)
def test_each_target_hears_what_it_asked_for(notify: Notify, sink: Sink, more: str, expected: set[str]) -> None:
    """Where nothing of it happened, nothing is sent."""
    assert notify(WEBHOOK.replace("secret-from", f"{more}, secret-from")) == 0

    assert [{each["finding"]["resource"]["id"] for each in body["findings"]} for body in sink.bodies] == (
        [expected] if expected else []
    )


def test_a_dry_run_sends_nothing_and_reads_no_secret(
    notify: Notify, sink: Sink, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("HOOK_URL")

    assert notify(WEBHOOK, "--dry-run") == 0
    out = capsys.readouterr().out
    assert "hook: this would be sent:" in out
    assert "\n      s3-bucket-encryption  critical 111122223333 eu-west-1 new\n        new is open.\n" in out
    assert "\x1b" not in out
    assert sink.server.asked == []
    assert not (notify.lake / "notified.json").exists()


def test_slack_gets_blocks_in_which_no_name_acts(notify: Notify, sink: Sink) -> None:
    assert notify(SLACK) == 0
    (message,) = sink.bodies
    blocks = message["blocks"]

    assert message["text"].startswith("Crenel: 2 new")
    assert blocks[0]["type"] == "header"
    assert len(blocks) <= 50
    texts = [block["text"] for block in blocks if block["type"] == "section"]
    assert all(text["type"] == "mrkdwn" and text["verbatim"] and len(text["text"]) <= 3_000 for text in texts)
    shown = "\n".join(text["text"] for text in texts)
    assert "`s3-bucket-encryption`  critical 111122223333 eu-west-1 new\nnew is open." in shown
    assert "It ended on 2026-11-23." in shown
    assert "<" not in shown
    assert "&lt;script&gt;" in shown
    assert "\x1b" not in shown


def test_many_findings_are_counted(notify: Notify, sink: Sink, tmp_path: Path) -> None:
    snapshot(notify.lake, NOW + timedelta(days=1), [bucket(f"b{n}") for n in range(90)])
    assert notify(WEBHOOK) == 0
    assert notify(SLACK) == 0
    hook, slack = sink.bodies

    assert (len(hook["findings"]), hook["more"]) == (20, 70)
    assert "… and 70 more: crenel report" in slack["blocks"][-1]["elements"][0]["text"]
