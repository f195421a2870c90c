"""Answers read by our plans against botocore's own reading: every operation of the catalogue that answers in XML."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from benchmarks.endpoint.wire import Service
from botocore.model import OperationModel
from botocore.parsers import PROTOCOL_PARSERS

from crenel.catalog.load import catalog
from crenel.collect.wire import operation, parser, timestamp

XML = ("query", "ec2", "rest-xml")


def operations() -> Iterator[OperationModel]:
    """Yield each operation of the catalogue with an XML protocol, once."""
    calls = set()
    for kind in (catalog()[name] for name in catalog()):
        calls |= {(call.service, call.operation) for call in (kind.listing.calls if kind.listing else ())}
        for detail in kind.details.values():
            calls |= {(each.call.service, each.call.operation) for each in detail.sources if each.call}
    for service, name in sorted(calls):
        model = operation(service, name).model
        if model.service_model.resolved_protocol in XML and model.output_shape is not None:
            yield model


def made(shape: Any, random: Random, depth: int = 0) -> Any:
    """Return a value of a shape, with members left out and lists of none to three items."""
    match shape.type_name:
        case "structure":
            names = [name for name in shape.members if not depth or random.random() < 0.8]
            if getattr(shape, "is_tagged_union", False):
                names = names[:1]
            return {name: made(shape.members[name], random, depth + 1) for name in names} if depth < 9 else {}
        case "list":
            return [made(shape.member, random, depth + 1) for _ in range(random.randint(0, 3))] if depth < 9 else []
        case "map":
            return {f"key-{n}": made(shape.value, random, depth + 1) for n in range(random.randint(0, 2))}
        case "boolean":
            return random.random() < 0.5
        case "integer" | "long":
            return random.randint(-5, 10**9)
        case "float" | "double":
            return random.random()
        case "timestamp":
            return datetime(2026, 11, random.randint(1, 28), 3, 4, 5, tzinfo=UTC)
        case "blob":
            return bytes(random.randint(0, 255) for _ in range(4))
    return random.choice(["", "a text", "<&>", "é", " "])


@pytest.mark.parametrize(
    "model", list(operations()), ids=lambda model: f"{model.service_model.service_name}:{model.name}"
)
def test_reads_what_botocore_reads(model: OperationModel) -> None:
    service = Service(model.service_model.service_name, model.service_model, model.service_model.resolved_protocol)
    for seed in range(5):
        body = service.reply(model.name, made(model.output_shape, Random(seed))).body
        response = {"headers": {}, "status_code": 200, "body": body, "context": {}}
        protocol = model.service_model.resolved_protocol
        theirs = PROTOCOL_PARSERS[protocol](timestamp_parser=timestamp).parse(response, model.output_shape)
        assert parser(protocol).parse(response, model.output_shape) == theirs
