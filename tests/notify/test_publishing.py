"""SNS, against moto: a queue that is subscribed gets the message."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.notify.conftest import Notify


def test_a_message_to_a_topic(notify: Notify, aws: Any) -> None:
    sns, sqs = aws("sns", "eu-west-1"), aws("sqs", "eu-west-1")
    topic = sns.create_topic(Name="findings")["TopicArn"]
    queue = sqs.create_queue(QueueName="findings")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    assert notify(f"notify: [{{type: sns, topic: '{topic}'}}]\n") == 0
    (got,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    body = json.loads(got["Body"])

    assert body["Subject"].startswith("Crenel: 2 new, 1 worse")
    assert len(body["Subject"]) < 100
    assert "new is open." in body["Message"]
    assert body["MessageAttributes"]["severity"]["Value"] == "critical"


def test_a_topic_that_is_not_there(notify: Notify, aws: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert notify("notify: [{type: sns, topic: 'arn:aws:sns:eu-west-1:123456789012:gone'}]\n") == 2
    assert "sns:Publish: NotFound" in capsys.readouterr().err
