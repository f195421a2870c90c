"""Requests and answers in AWS's protocols, led by botocore's service models.

A request is understood far enough to name its service, operation, Region and parameters. An answer is a plain document
with botocore's member names, written as the operation's output shape prescribes, so that any SDK can read it.

Listings are written row by row: a row's document is written once a variant, with holes (``~name~``), and kept as a
format string; filling it costs about a microsecond.
"""

from __future__ import annotations

import base64
import functools
import itertools
import json
import re
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias, TypeVar
from urllib.parse import parse_qsl, unquote
from xml.sax.saxutils import escape, quoteattr

import botocore.loaders
import botocore.model

from benchmarks.endpoint import cbor

Document: TypeAlias = dict[str, Any]
Headers: TypeAlias = dict[str, str]
Shape: TypeAlias = Any  # one of botocore's shapes, which have no types
Variant = TypeVar("Variant", bound=Hashable)

SERVICES = (
    "sts", "ec2", "iam", "s3control", "s3", "cloudtrail", "config", "dms", "opensearch", "es", "sagemaker", "lambda",
    "kms", "guardduty", "resourcegroupstaggingapi", "logs",
)  # fmt: skip

HOLE = re.compile(r"~(\w+)~")
_NUMBERS = frozenset({"integer", "long", "float", "double"})
_REQUEST_IDS = itertools.count(1)
"""What they number is only there to be quoted in an error message."""


class Rows(str):
    """Rows of a listing that are in the wire's form already."""

    __slots__ = ()


class Refusal(Exception):  # noqa: N818 - it is an answer, not an accident
    """What AWS answers instead: an error code, with the HTTP status that goes with it."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request; header names are in lower case."""

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def encode(self) -> bytes:
        """The answer as it goes over the wire."""
        lines = [f"HTTP/1.1 {self.status} {_REASONS.get(self.status, 'Error')}", f"Content-Length: {len(self.body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + self.body


_REASONS = {200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 503: "Service Unavailable"}


@dataclass(frozen=True, slots=True)
class Call:
    """A request understood: `params` has botocore's names, or those of the form in the query and ec2 protocols."""

    service: Service
    operation: str
    region: str
    params: Mapping[str, Any]

    @property
    def name(self) -> str:
        """``service:Operation``."""
        return f"{self.service.name}:{self.operation}"

    def text(self, name: str) -> str:
        """A parameter as text, empty where the client sent none."""
        value = self.params.get(name)
        return "" if value is None else str(value)

    def texts(self, name: str) -> list[str]:
        """A list parameter: ``name.1``, ``name.2`` in a form, ``name.member.1`` in IAM's, a list elsewhere."""
        value = self.params.get(name)
        if isinstance(value, list):
            return [str(item) for item in value]
        start = f"{name}."
        return [str(item) for key, item in self.params.items() if key.startswith(start) and key[-1].isdigit()]


@dataclass(frozen=True, slots=True)
class Route:
    """Where a REST operation lies, and which member each part of the request belongs to."""

    operation: str
    method: str
    segments: tuple[str, ...]
    need: tuple[tuple[str, str], ...]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Mapping[str, str]
    deprecated: bool

    @classmethod
    def of(cls, operation: Shape) -> Route:
        """The route of one of botocore's operation models."""
        path, _, query = operation.http["requestUri"].partition("?")
        path = operation.http.get("authPath", path)  # botocore takes the bucket out of S3's paths
        found: dict[str, dict[str, str]] = {"querystring": {}, "header": {}, "uri": {}, "body": {}}
        shape = operation.input_shape
        for member, inner in (shape.members if shape is not None else {}).items():
            place = found.setdefault(inner.serialization.get("location", "body"), {})
            place[inner.serialization.get("name", member)] = member
        segments = tuple(
            "{" + found["uri"].get(part[1:-1].rstrip("+"), "") if part.startswith("{") else part
            for part in path.strip("/").split("/")
        )
        need = tuple(pair for pair in parse_qsl(query, keep_blank_values=True) if pair[0] != "x-id")
        headers = {name.lower(): member for name, member in found["header"].items()}
        method = operation.http["method"]
        deprecated = bool(operation.deprecated)
        return cls(operation.name, method, segments, need, found["querystring"], headers, found["body"], deprecated)

    @property
    def weight(self) -> tuple[int, int, bool]:
        """How special the route is: the heavier one is tried first; of two names for one route the newer one."""
        return len(self.need), sum(not segment.startswith("{") for segment in self.segments), not self.deprecated

    def labels(self, segments: list[str], query: Mapping[str, str]) -> dict[str, str] | None:
        """The members in the path, or None where the request is not for this route."""
        if any(query.get(name) is None or (value and query[name] != value) for name, value in self.need):
            return None
        found = {}
        for mine, theirs in zip(self.segments, segments, strict=True):
            if mine.startswith("{"):
                found[mine[1:]] = unquote(theirs)
            elif mine != theirs:
                return None
        return found


@dataclass(frozen=True)
class Service:
    """One of botocore's service models: how its requests are read and its answers written."""

    name: str
    model: Shape
    protocol: str
    templates: dict[tuple[str, str, object], str] = field(default_factory=dict)

    @classmethod
    def load(cls, name: str) -> list[Service]:
        """Read a service's model; returns the service in each of the protocols that SDKs may speak with it."""
        model = botocore.model.ServiceModel(_loader().load_service_model(name, "service-2"), name)
        protocols = model.metadata.get("protocols", [model.metadata["protocol"]])
        return [cls(name, model, each) for each in protocols if each in _READERS]

    @functools.cached_property
    def signing_name(self) -> str:
        """The service's name in a signature."""
        return str(self.model.signing_name)

    @functools.cached_property
    def routes(self) -> dict[tuple[str, int], list[Route]]:
        """The operations of a REST service by method and number of path segments, the most special ones first."""
        found: dict[tuple[str, int], list[Route]] = {}
        if self.protocol.startswith("rest"):
            routes = [Route.of(self.model.operation_model(name)) for name in self.model.operation_names]
            for route in sorted(routes, key=lambda route: route.weight, reverse=True):
                found.setdefault((route.method, len(route.segments)), []).append(route)
        return found

    @functools.cached_property
    def outputs(self) -> dict[str, Shape]:
        """The output shape of each operation asked for so far."""
        return {}

    def output(self, operation: str) -> Shape:
        """The output shape of an operation, or None."""
        if operation not in self.outputs:
            self.outputs[operation] = self.model.operation_model(operation).output_shape
        return self.outputs[operation]

    def rows(
        self,
        place: tuple[str, str],
        rows: Iterable[tuple[Variant, Mapping[str, object]]],
        document: Callable[[Variant], Document],
    ) -> Rows:
        """Write rows, each a variant and what fills its holes, for the `place` (operation, member) of a listing."""
        written = []
        for variant, holes in rows:
            key = (*place, variant)
            template = self.templates.get(key)
            if template is None:
                template = self.templates[key] = self.template(*place, document(variant))
            written.append(template % holes)
        return Rows(("," if "json" in self.protocol else "").join(written))

    def template(self, operation: str, member: str, document: Document) -> str:
        """Write a row with holes as a format string."""
        shape = self.output(operation).members[member]
        text = json_text(document, shape.member) if "json" in self.protocol else _xml_row(document, shape, member)
        return HOLE.sub(r"%(\1)s", text.replace("%", "%%"))

    def reply(self, operation: str, document: Document) -> Reply:
        """Write an answer."""
        return _WRITERS[self.protocol](self, operation, document)

    def refuse(self, refusal: Refusal) -> Reply:
        """Write an error."""
        return refuse(refusal, self.protocol, bare=self.name == "s3")


@functools.cache
def _loader() -> botocore.loaders.Loader:
    return botocore.loaders.Loader()


@functools.cache
def services() -> dict[str, list[Service]]:
    """The services that are answered, by signing name."""
    found: dict[str, list[Service]] = {}
    for service in (each for name in SERVICES for each in Service.load(name)):
        found.setdefault(service.signing_name, []).append(service)
    return found


# ---------------------------------------------------------------- requests


def scope(request: Request) -> tuple[str, str]:
    """The Region and the signing name out of the Authorization header's credential scope; empty if unsigned."""
    parts = request.headers.get("authorization", "").partition("Credential=")[2].partition(",")[0].split("/")
    return (parts[2], parts[3]) if len(parts) == 5 else ("", "")


def understand(request: Request) -> Call | None:
    """Find out which operation of which answered service a request asks for."""
    region, signing_name = scope(request)
    for service in services().get(signing_name, ()):
        found = _READERS[service.protocol](service, request)
        if found is not None:
            return Call(service, found[0], region, found[1])
    return None


def guess(request: Request) -> tuple[str, str]:
    """The protocol and a name for a request that isn't understood."""
    signing_name = scope(request)[1] or "unsigned"
    if target := request.headers.get("x-amz-target"):
        return "json", f"{signing_name}:{target.rpartition('.')[2]}"
    if "x-www-form-urlencoded" in request.headers.get("content-type", ""):
        return "query", f"{signing_name}:{dict(parse_qsl(request.body.decode())).get('Action', '?')}"
    shape = "/".join(request.path.rstrip("/").split("/")[:3])
    return "rest-xml" if signing_name == "s3" else "rest-json", f"{signing_name}:{request.method} {shape}"


def _read_form(service: Service, request: Request) -> tuple[str, Document] | None:
    params: Document = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
    operation = params.pop("Action", "")
    return (operation, params) if operation in service.model.operation_names else None


def _read_target(service: Service, request: Request) -> tuple[str, Document] | None:
    operation = request.headers.get("x-amz-target", "").rpartition(".")[2]
    if operation not in service.model.operation_names:
        return None
    return operation, _json_object(request.body)


def _read_cbor(service: Service, request: Request) -> tuple[str, Document] | None:
    operation = request.path.rpartition("/operation/")[2]
    if "smithy-protocol" not in request.headers or operation not in service.model.operation_names:
        return None
    return operation, cbor.read(request.body)


def _read_rest(service: Service, request: Request) -> tuple[str, Document] | None:
    query = dict(parse_qsl(request.query, keep_blank_values=True)) if request.query else {}
    segments = request.path.strip("/").split("/")
    for route in service.routes.get((request.method, len(segments)), ()):
        found = route.labels(segments, query)
        if found is not None:
            return route.operation, found | _rest_members(route, service, request, query)
    return None


def _rest_members(route: Route, service: Service, request: Request, query: Mapping[str, str]) -> Document:
    """The members that are not in the path."""
    found: Document = {route.query[name]: value for name, value in query.items() if name in route.query}
    found |= {member: request.headers[name] for name, member in route.headers.items() if name in request.headers}
    if request.body and service.protocol == "rest-json":
        found |= {route.body.get(name, name): value for name, value in _json_object(request.body).items()}
    return found


def _json_object(body: bytes) -> Document:
    found = json.loads(body) if body else {}
    return found if isinstance(found, dict) else {}


_READERS: dict[str, Callable[[Service, Request], tuple[str, Document] | None]] = {
    "query": _read_form,
    "ec2": _read_form,
    "json": _read_target,
    "rest-json": _read_rest,
    "rest-xml": _read_rest,
    cbor.PROTOCOL: _read_cbor,
}


# ---------------------------------------------------------------- values


def json_text(value: object, shape: Shape) -> str:
    """Write a value as JSON."""
    match value:
        case Rows():
            return f"[{value}]"
        case dict() if shape.type_name == "map":
            return "{" + ",".join(f"{json.dumps(k)}:{json_text(v, shape.value)}" for k, v in value.items()) + "}"
        case dict():
            return "{" + ",".join(_json_member(name, item, shape) for name, item in value.items()) + "}"
        case list():
            return "[" + ",".join(json_text(item, shape.member) for item in value) + "]"
        case _:
            return _json_scalar(value, shape)


def _json_scalar(value: object, shape: Shape) -> str:
    match value:
        case str() if value.startswith("~") and (shape.type_name in _NUMBERS or shape.type_name == "timestamp"):
            return value  # a hole for a number
        case bool() | int() | float() | str():
            return json.dumps(value)
        case datetime() if shape.serialization.get("timestampFormat", "unixTimestamp") == "unixTimestamp":
            return f"{value.timestamp():.3f}"
        case _:
            return json.dumps(_scalar_text(value))


def _json_member(name: str, value: object, shape: Shape) -> str:
    member = shape.members[name]
    return f'"{member.serialization.get("name", name)}":{json_text(value, member)}'


def xml_text(tag: str, value: object, shape: Shape, item: str = "member") -> str:
    """Write a value as an XML element; `item` is the protocol's name for the entries of a list."""
    match value:
        case Rows():
            return value if shape.serialization.get("flattened") else f"<{tag}>{value}</{tag}>"
        case dict() if shape.type_name == "map":
            return f"<{tag}>{''.join(_xml_entry(key, entry, shape, item) for key, entry in value.items())}</{tag}>"
        case dict():
            return f"<{tag}{_xml_attributes(value, shape)}>{_xml_members(value, shape, item)}</{tag}>"
        case list():
            flat = shape.serialization.get("flattened")
            inner = tag if flat else shape.member.serialization.get("name", item)
            text = "".join(xml_text(inner, entry, shape.member, item) for entry in value)
            return text if flat else f"<{tag}>{text}</{tag}>"
        case _:
            return f"<{tag}>{escape(_scalar_text(value))}</{tag}>"


def _xml_members(document: Document, shape: Shape, item: str) -> str:
    written = []
    for name, value in document.items():
        member = shape.members[name]
        if member.serialization.get("location") is None and not _is_attribute(member):
            written.append(xml_text(member.serialization.get("name", name), value, member, item))
    return "".join(written)


def _xml_attributes(document: Document, shape: Shape) -> str:
    """Return what a structure has as attributes of its element: S3 has the grantee's type there."""
    space = shape.serialization.get("xmlNamespace", {})
    names = {name: member.serialization["name"] for name, member in shape.members.items() if _is_attribute(member)}
    written = [f" {names[name]}={quoteattr(str(value))}" for name, value in document.items() if name in names]
    if written and "prefix" in space:
        written.append(f' xmlns:{space["prefix"]}="{space["uri"]}"')
    return "".join(written)


def _is_attribute(member: Shape) -> bool:
    return bool(member.serialization.get("xmlAttribute"))


def _xml_entry(key: str, value: object, shape: Shape, item: str) -> str:
    name = shape.key.serialization.get("name", "key")
    inner = xml_text(shape.value.serialization.get("name", "value"), value, shape.value, item)
    return f"<entry><{name}>{escape(key)}</{name}>{inner}</entry>"


def _xml_row(document: Document, shape: Shape, member: str) -> str:
    if shape.serialization.get("flattened"):
        return xml_text(shape.serialization.get("name", member), document, shape.member)
    return xml_text(shape.member.serialization.get("name", "member"), document, shape.member)


def _scalar_text(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.strftime("%Y-%m-%dT%H:%M:%SZ")
        case bytes():
            return base64.b64encode(value).decode()
        case str() | int() | float():
            return str(value)
        case _:
            raise TypeError(f"{value!r} can't be written")


# ---------------------------------------------------------------- answers


def request_id() -> str:
    """An identifier of a request, in the form of a UUID."""
    return f"00000000-0000-4000-8000-{next(_REQUEST_IDS):012x}"


def _reply_ec2(service: Service, operation: str, document: Document) -> Reply:
    shape, number = service.output(operation), request_id()
    inner = _xml_members(document, shape, "item") if shape is not None else ""
    namespace = f"http://ec2.amazonaws.com/doc/{service.model.api_version}/"
    body = f'<{operation}Response xmlns="{namespace}"><requestId>{number}</requestId>{inner}</{operation}Response>'
    return Reply(200, (("Content-Type", "text/xml;charset=UTF-8"), ("x-amzn-RequestId", number)), body.encode())


def _reply_query(service: Service, operation: str, document: Document) -> Reply:
    shape, number = service.output(operation), request_id()
    wrapper = f"{operation}Result" if shape is None else shape.serialization.get("resultWrapper", f"{operation}Result")
    inner = "" if shape is None else f"<{wrapper}>{_xml_members(document, shape, 'member')}</{wrapper}>"
    body = (
        f'<{operation}Response xmlns="{service.model.metadata["xmlNamespace"]}">{inner}'
        f"<ResponseMetadata><RequestId>{number}</RequestId></ResponseMetadata></{operation}Response>"
    )
    return Reply(200, (("Content-Type", "text/xml"), ("x-amzn-RequestId", number)), body.encode())


def _reply_json(service: Service, operation: str, document: Document) -> Reply:
    shape = service.output(operation)
    kind = "application/json" if service.protocol == "rest-json" else "application/x-amz-json-1.1"
    body = json_text(document, shape) if shape is not None else "{}"
    return Reply(200, (("Content-Type", kind), ("x-amzn-RequestId", request_id())), body.encode())


def _reply_cbor(service: Service, operation: str, document: Document) -> Reply:
    headers = (*cbor.HEADERS, ("x-amzn-RequestId", request_id()))
    return Reply(200, headers, cbor.written(document, service.output(operation)))


def _reply_rest_xml(service: Service, operation: str, document: Document) -> Reply:
    shape = service.output(operation)
    headers = [("Content-Type", "application/xml"), ("x-amz-request-id", request_id())]
    for name, member in (shape.members if shape is not None else {}).items():
        if member.serialization.get("location") == "header" and name in document:
            headers.append((member.serialization["name"], _scalar_text(document[name])))
    return Reply(200, tuple(headers), _rest_xml_body(operation, document, shape).encode())


def _rest_xml_body(operation: str, document: Document, shape: Shape) -> str:
    if operation == "GetBucketLocation":  # the one answer of S3 that its model describes wrongly
        place = document["LocationConstraint"]
        return f'<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{place}</LocationConstraint>'
    if shape is None:
        return ""
    payload = shape.serialization.get("payload")
    if payload is None:
        return xml_text(shape.serialization.get("name", shape.name), document, shape)
    if shape.members[payload].type_name in ("string", "blob"):
        return str(document[payload])
    return xml_text(
        shape.members[payload].serialization.get("name", payload), document[payload], shape.members[payload]
    )


_WRITERS: dict[str, Callable[[Service, str, Document], Reply]] = {
    "query": _reply_query,
    "ec2": _reply_ec2,
    "json": _reply_json,
    "rest-json": _reply_json,
    "rest-xml": _reply_rest_xml,
    cbor.PROTOCOL: _reply_cbor,
}


def refuse(refusal: Refusal, protocol: str, *, bare: bool = False) -> Reply:
    """Write an error in a protocol; `bare` is S3's way, whose error stands alone."""
    number = request_id()
    if protocol == cbor.PROTOCOL:
        headers = (*cbor.HEADERS, ("x-amzn-RequestId", number))
        return Reply(refusal.status, headers, cbor.refused(refusal.code, refusal.message))
    if "json" in protocol:
        text = json.dumps({"__type": refusal.code, "message": refusal.message})
        kind = "application/json" if protocol == "rest-json" else "application/x-amz-json-1.1"
        extra = (("Content-Type", kind), ("x-amzn-RequestId", number), ("x-amzn-ErrorType", refusal.code))
        return Reply(refusal.status, extra, text.encode())
    inner = f"<Code>{refusal.code}</Code><Message>{escape(refusal.message)}</Message>"
    if protocol == "ec2":
        text = f"<Response><Errors><Error>{inner}</Error></Errors><RequestID>{number}</RequestID></Response>"
    elif bare:
        text = f"<Error>{inner}<RequestId>{number}</RequestId></Error>"
    else:
        text = f"<Error><Type>Sender</Type>{inner}</Error><RequestId>{number}</RequestId>"
        text = f"<ErrorResponse>{text}</ErrorResponse>"
    return Reply(refusal.status, (("Content-Type", "text/xml"), ("x-amzn-RequestId", number)), text.encode())
