"""The messages of `notify`: Cloud Custodian's envelope around the resources, packed as its mailer unpacks them."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from crenel import __version__
from crenel.remediate.builders.model import Builder, Draft, Remedy, Situation
from crenel.remediate.model import Manual

_MOST = 262_144  # letters of a message that SQS and SNS take
_TYPE = "maidmsg/1.0"


def notify(situation: Situation) -> Remedy:
    """Send the resources to a queue or a topic, in as many messages as they need.

    `row` has the `resources` as documents, the `policy` as written, the `action`, when the run `began`, and a name of
    its `execution`.
    """
    transport = situation.options["transport"]
    queue = transport["type"] == "sqs"
    region, address = _queue(situation, transport["queue"]) if queue else _topic(situation, transport["topic"])
    made = []
    for part in _parts(situation, situation.row["resources"]):
        args: dict[str, Any] = {"body": _packed(situation, part), "count": len(part)}
        if queue:
            args["queue"] = address
        else:
            words = {**(transport.get("attributes") or {}), "mtype": _TYPE}
            typed = {key: {"DataType": "String", "StringValue": str(value)} for key, value in words.items()}
            args |= {"topic": address, "attributes": typed}
        changes = (("message", "-", f"{len(part)} resources, for {', '.join(situation.options['to'])}"),)
        act = "messages/send-to-queue" if queue else "messages/publish"
        made.append(Draft(act, args, "there", changes, region=region))
    return tuple(made)


def _parts(situation: Situation, resources: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Yield the resources in parts of which each fits into a message; one that does not by itself is a part too."""
    if len(resources) <= 1 or len(_packed(situation, resources)) <= _MOST:
        yield resources
        return
    middle = len(resources) // 2
    yield from _parts(situation, resources[:middle])
    yield from _parts(situation, resources[middle:])


def _packed(situation: Situation, resources: Sequence[Any]) -> str:
    row = situation.row
    envelope: Mapping[str, Any] = {
        "event": None,
        "account_id": situation.account,
        "partition": situation.partition,
        "account": "",  # its alias, for which a call would be needed
        "version": __version__,
        "region": situation.region,
        "execution_id": row["execution"],
        "execution_start": row["began"],
        "policy": row["policy"],
        "action": row["action"],
        "resources": resources,
    }
    return base64.b64encode(zlib.compress(json.dumps(envelope, default=str).encode())).decode("ascii")


def _queue(situation: Situation, name: str) -> tuple[str, str]:
    """Return the Region and the URL of a queue that is named by its URL, its ARN or its name."""
    if name.startswith("https://"):
        first, second = name.removeprefix("https://").split("/", 1)[0].split(".")[:2]
        return (second if first == "sqs" else "us-east-1" if first == "queue" else first), name
    region, owner = situation.region, situation.account
    if name.startswith("arn:"):
        _, _, _, region, owner, name = name.split(":", 5)
    suffix = "amazonaws.com.cn" if situation.partition == "aws-cn" else "amazonaws.com"
    return region, f"https://sqs.{region}.{suffix}/{owner}/{name}"


def _topic(situation: Situation, name: str) -> tuple[str, str]:
    if name.startswith("arn:"):
        return name.split(":")[3], name
    return situation.region, f"arn:{situation.partition}:sns:{situation.region}:{situation.account}:{name}"


def webhook(situation: Situation) -> Remedy:
    """Say what is sent: it is no call of AWS's, and so no step that is applied."""
    options, resources = situation.options, situation.row["resources"]
    parts = urlsplit(options["url"])
    place = f"{parts.scheme}://{parts.hostname}"  # path and query often are a secret
    told = f"{options['method']} to {place} about {len(resources)} resources."
    return (Manual((told, "`crenel run --apply` sends it when all steps are done; `crenel fix apply` does not.")),)


BUILDERS = {"notify": Builder(notify), "webhook": Builder(webhook)}
