"""Calls that write: sent again only where AWS has surely not done them, and never by a read."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Callable
from typing import Any

import pytest

from crenel.collect.calls import Caller, Patience
from crenel.errors import CallError, UnsureError

from .stub import XML, Answer, Asked, Stub, error

US = "us-east-1"
CANCEL = ("kms", "CancelKeyDeletion", {"KeyId": "k"}, US)
Stubs = Callable[[Callable[[Asked], Answer]], Stub]
Callers = Callable[..., Caller]


def replies(*answers: Answer) -> Callable[[Asked], Answer]:
    """Answer in this order, the last one for ever."""
    left = list(answers)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


def test_throttling_is_waited_out(stub: Stubs, caller: Callers) -> None:
    server = stub(replies(error("ThrottlingException"), error("SlowDown", status=503), Answer(b'{"KeyId": "k"}')))
    assert caller().alter(*CANCEL) == {"KeyId": "k"}
    assert len(server.asked) == 3


def test_a_refusal_is_final_and_nothing_was_done(stub: Stubs, caller: Callers) -> None:
    server = stub(replies(error("AccessDeniedException", "not you")))
    with pytest.raises(CallError) as caught:
        caller().alter(*CANCEL)
    assert not isinstance(caught.value, UnsureError)
    assert (caught.value.code, len(server.asked)) == ("AccessDeniedException", 1)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(b"<html>oops</html>", 500, "text/html"),
        error("InternalError", status=500),
        error("ServiceUnavailable", status=503),
        Answer(b'{"KeyId": ', 200),
        Answer(b'{"KeyId": "k"}', length=500),
        Answer(b"<html>login</html>", kind="text/html"),
    ],
)
def test_what_aws_may_have_done_is_not_sent_again(stub: Stubs, caller: Callers, answer: Answer) -> None:
    server = stub(replies(answer))
    with pytest.raises(UnsureError):
        caller().alter(*CANCEL)
    assert len(server.asked) == 1


def test_an_answer_that_does_not_come_leaves_it_open(stub: Stubs, caller: Callers) -> None:
    release = threading.Event()

    def hang(_: Asked) -> Answer:
        release.wait(5)
        return Answer()

    server = stub(hang)
    with pytest.raises(UnsureError) as caught:
        caller(patience=Patience(base=0.01, read_timeout=0.2)).alter(*CANCEL)
    release.set()
    assert (caught.value.code, len(server.asked)) == ("Timeout", 1)


def test_where_nobody_is_nothing_was_done(monkeypatch: pytest.MonkeyPatch, caller: Callers) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    one = caller()
    with pytest.raises(CallError) as caught:
        one.alter(*CANCEL)
    assert (caught.value.code, isinstance(caught.value, UnsureError)) == ("ConnectionError", False)
    assert one.tally.total == 4


@pytest.mark.parametrize(
    "params", [{}, {"KeyId": 1}, {"KeyId": "k", "Wrong": "x"}], ids=["missing", "another kind", "unknown"]
)
def test_what_botocore_does_not_take_is_not_sent(stub: Stubs, caller: Callers, params: dict[str, Any]) -> None:
    server = stub(replies(Answer()))
    for send in (caller().alter, caller().sketch):
        with pytest.raises(CallError) as caught:
            send("kms", "CancelKeyDeletion", params, US)
        assert caught.value.code == "InvalidParameters"
    assert server.asked == []


@pytest.mark.parametrize(
    "operation", ["CancelKeyDeletion", "CreateKey", "UpdateAlias", "GenerateDataKey", "TagResource"]
)
def test_a_read_never_writes(stub: Stubs, caller: Callers, operation: str) -> None:
    server = stub(replies(Answer()))
    with pytest.raises(ValueError, match=f"kms:{operation} is no read"):
        caller().call("kms", operation, {}, US)
    with pytest.raises(ValueError, match="is no read"):
        list(caller().pages("kms", operation, {}, US))
    assert server.asked == []


def test_a_body_that_s3_asks_a_digest_of_has_one(stub: Stubs, caller: Callers) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html"""
    server = stub(replies(Answer(b"", 204, XML)))
    caller().alter("s3", "PutBucketPolicy", {"Bucket": "b", "Policy": '{"Statement": []}'}, US)
    (asked,) = server.asked
    digest = hashlib.md5(asked.body, usedforsecurity=False).digest()
    assert (asked.method, asked.headers["content-md5"]) == ("PUT", base64.b64encode(digest).decode())


@pytest.mark.parametrize(
    ("service", "operation", "params"),
    [
        ("guardduty", "CreateDetector", {"Enable": True}),
        ("ec2", "CreateFlowLogs", {"ResourceIds": ["vpc-1"], "ResourceType": "VPC"}),
    ],
)
def test_what_makes_something_is_one_of_a_kind(
    caller: Callers, service: str, operation: str, params: dict[str, Any]
) -> None:
    """https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html"""
    assert "one-of-a-kind" in caller().sketch(service, operation, params, US, token="one-of-a-kind").body
    own = params | {"ClientToken": "mine"}
    assert "one-of-a-kind" not in caller().sketch(service, operation, own, US, token="one-of-a-kind").body


def test_a_sketch_is_what_is_sent(stub: Stubs, caller: Callers) -> None:
    server = stub(replies(Answer(b"<R/>", kind=XML)))
    call = (
        "iam",
        "UpdateAccessKey",
        {"UserName": "a b", "AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "Status": "Inactive"},
        US,
    )
    sketch = caller().sketch(*call)
    caller().alter(*call)
    (asked,) = server.asked
    assert (sketch.method, sketch.url) == (asked.method, f"{server.url}{asked.path}")
    assert "UserName=a b" in sketch.body
    assert b"UserName=a+b" in asked.body
