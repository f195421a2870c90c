"""One operation on the wire: parameters to a request, an answer to a dict. Built once, from botocore's parts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from io import BytesIO
from typing import Any
from xml.etree import ElementTree as ET

from botocore.model import OperationModel
from botocore.parsers import PROTOCOL_PARSERS, BaseXMLResponseParser, ResponseParserError
from botocore.serialize import create_serializer
from botocore.utils import parse_timestamp

from crenel.catalog.columns import service_model
from crenel.collect.secrets import Treatment, treatment
from crenel.collect.xml_reading import Planned


class GarbledError(Exception):
    """An answer with a good status that is none of AWS's: cut off, a proxy's page, not the protocol's form."""


def timestamp(value: Any) -> datetime:  # noqa: ANN401 (a number or a text, by protocol)
    """Return the aware UTC time that an answer spells as epoch seconds, ISO 8601 or an HTTP date.

    botocore's own parser costs some 60 µs a value; most are ISO 8601 or a number. Raises `ValueError`.
    """
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    text = str(value)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = parse_timestamp(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


class _Strict:
    """Makes botocore's JSON parsers refuse a body that is no JSON object; they take it for an empty answer."""

    def _parse_body_as_json(self, body_contents: bytes) -> Any:  # noqa: ANN401
        if not body_contents:
            return {}
        try:
            parsed = json.loads(body_contents)
        except ValueError as error:
            raise ResponseParserError(f"the body is no JSON: {error}") from error
        if not isinstance(parsed, dict):
            raise ResponseParserError("the body is no JSON object")
        return parsed


@lru_cache(maxsize=16)
def parser(protocol: str) -> Any:  # noqa: ANN401 (a botocore ResponseParser)
    """Return the parser of a protocol (``query``, ``ec2``, ``json`` …) with our times and without leniency."""
    kind = PROTOCOL_PARSERS[protocol]
    if "json" in protocol:
        kind = type(f"Strict{kind.__name__}", (_Strict, kind), {})
    elif issubclass(kind, BaseXMLResponseParser):
        kind = type(f"Planned{kind.__name__}", (Planned, kind), {})
    return kind(timestamp_parser=timestamp)


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation with its serializer, its parser and what is done to its answers."""

    name: str
    service: str
    model: OperationModel
    serializer: Any
    parser: Any
    treatment: Treatment | None
    has_body: bool

    def request(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return botocore's request dict (url_path, query_string, method, headers, body) for these parameters."""
        made: dict[str, Any] = self.serializer.serialize_to_request(params, self.model)
        return made

    def answer(self, status: int, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
        """Return the parsed answer, secrets masked; an error has the key ``Error`` with ``Code`` and ``Message``.

        Raises `GarbledError` where a good answer is none of AWS's.
        """
        if status < 300:
            self._check(headers, body)
        elif status < 400 and not body:
            return {"Error": {"Code": str(status), "Message": "AWS redirects this call to another Region."}}
        # An object's content is bytes, which botocore's parsers leave alone where they come as a stream.
        content = BytesIO(body) if status < 300 and self.model.has_streaming_output else body
        response = {"headers": headers, "status_code": status, "body": content, "context": {}}
        if self.service == "s3" and status == 200 and b"<Error>" in body[:200]:
            response["status_code"] = status = 500  # S3 may fail after it has sent the status
        try:
            parsed: dict[str, Any] = self.parser.parse(response, self.model.output_shape)
        except (ResponseParserError, ValueError, KeyError, TypeError, AttributeError) as error:
            # botocore's parsers assume AWS's form and stumble in many ways over any other.
            if status >= 300:
                return {"Error": {"Code": str(status), "Message": body[:200].decode("utf-8", "replace")}}
            raise GarbledError(f"{type(error).__name__}: {error}"[:300]) from error
        parsed.pop("ResponseMetadata", None)
        if status >= 300:
            return parsed
        if self.service == "s3" and self.name == "GetBucketLocation":
            parsed["LocationConstraint"] = ET.fromstring(body).text  # noqa: S314 (AWS's own; the model can't say it)
        return self.treatment.apply(parsed) if self.treatment else parsed

    def _check(self, headers: Mapping[str, str], body: bytes) -> None:
        length = headers.get("Content-Length")
        if length is not None and length.isdigit() and int(length) != len(body):
            raise GarbledError(f"the answer was cut off after {len(body)} of {length} bytes")
        if not body and self.has_body:
            raise GarbledError("the answer is empty")
        if headers.get("Content-Type", "").startswith("text/html") and b"<html" in body[:2000].lower():
            raise GarbledError("the answer is a web page; is there a proxy between?")


@lru_cache(maxsize=1024)
def operation(service: str, name: str) -> Operation:
    """Return an operation by botocore's names. Raises botocore's `UnknownServiceError` or `OperationNotFoundError`."""
    model = service_model(service).operation_model(name)
    protocol = str(model.service_model.resolved_protocol)
    output = model.output_shape
    members = output.members.values() if output is not None else ()
    return Operation(
        name=name,
        service=service,
        model=model,
        serializer=_serializer(protocol),
        parser=parser(protocol),
        treatment=treatment(service, output),
        has_body=any("location" not in member.serialization for member in members),
    )


@lru_cache(maxsize=16)
def _serializer(protocol: str) -> Any:  # noqa: ANN401 (a botocore Serializer)
    return create_serializer(protocol, False)  # noqa: FBT003 (validation: the catalogue's test does it once for all)
