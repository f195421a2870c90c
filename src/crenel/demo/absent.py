"""Listings that moto does not know are answered as for an account that has nothing of the kind.

An account that does not use a service has empty lists of it, and so has the demo account. Reads of single resources
stay errors: nothing is made up about what exists.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import botocore.session
from botocore.exceptions import UnknownServiceError
from botocore.model import OperationModel, ServiceModel
from moto.moto_server.werkzeug_app import DomainDispatcherApplication

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_LISTING = ("List", "Describe")
# How Flask begins the page for what moto has no route for.
_NO_ROUTE = b"<!doctype html>"
_SIGNED = {"elasticmapreduce": "emr"}  # the services that sign by another name than botocore's, of those we read
_SCOPE = re.compile(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/")


class Application(DomainDispatcherApplication):
    """moto's application, with empty answers to the listings that it does not know."""

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request as moto does, or with an empty list where moto can't and AWS could."""
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = BytesIO(body)
        began: list[Any] = []

        def begin(status: str, headers: list[tuple[str, str]], _problem: Any = None) -> Any:  # noqa: ANN401 (WSGI's)
            began[:] = [status, headers]

        try:
            answer = b"".join(super().__call__(environ, begin))
            status, headers = began
            unknown = status.startswith("404") and answer.startswith(_NO_ROUTE)
        except NotImplementedError:
            unknown, status, headers, answer = True, "501 Not Implemented", [("Content-Type", "text/plain")], b""
        asked = _operation(environ, body) if unknown else None
        lists = _lists(asked) if asked is not None and asked.name.startswith(_LISTING) else []
        if asked is not None and lists:
            kind, answer = _nothing(asked, lists)
            status, headers = "200 OK", [("Content-Type", kind), ("Content-Length", str(len(answer)))]
        start_response(status, headers)
        return [answer]

    def get_backend_for_host(self, host: str | None) -> Any:  # noqa: ANN401 (moto's)
        """Return moto's part for a host or service. Raises `NotImplementedError` where it has none."""
        found = super().get_backend_for_host(host)
        if found is None and host is not None:
            raise NotImplementedError(f"moto has no {host}")
        return found


def _operation(environ: WSGIEnvironment, body: bytes) -> OperationModel | None:
    """Return the operation that a request asks for, None where AWS has no such."""
    scope = _SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
    service = _service(scope[1]) if scope else None
    if service is None:
        return None
    named = environ.get("HTTP_X_AMZ_TARGET", "").rsplit(".", 1)[-1]
    named = named or parse_qs(body.decode("utf-8", "replace")).get("Action", [""])[0]
    for name in [named] if named else service.operation_names:
        if name in service.operation_names:
            found = service.operation_model(name)
            if named or _is_at(found, environ["REQUEST_METHOD"], environ["PATH_INFO"]):
                return found
    return None


def _is_at(operation: OperationModel, method: str, path: str) -> bool:
    """Return whether a REST request is of an operation; its path's parameters stand for anything."""
    template = operation.http["requestUri"].split("?")[0].rstrip("/")
    pattern = re.sub(r"\\\{[^}]+\\\}", "[^/]+", re.escape(template))
    return bool(operation.http["method"] == method and re.fullmatch(pattern, path.rstrip("/")))


@lru_cache(maxsize=64)
def _service(signing: str) -> ServiceModel | None:
    """Return the model of the service that signs by a name; most are called by it, but for hyphens."""
    session = botocore.session.Session()
    for name in (_SIGNED.get(signing, signing), signing.replace("-", "")):
        try:
            return session.get_service_model(name)
        except UnknownServiceError:
            continue
    return None


def _lists(operation: OperationModel) -> list[str]:
    """Return what an operation's lists are called in its answer; none where it describes a single thing."""
    members = operation.output_shape.members if operation.output_shape is not None else {}
    return [shape.serialization.get("name", name) for name, shape in members.items() if shape.type_name == "list"]


def _nothing(operation: OperationModel, lists: list[str]) -> tuple[str, bytes]:
    """Return the content type and the body of the answer with all lists empty."""
    protocol = operation.service_model.resolved_protocol
    if "json" in protocol:
        return "application/x-amz-json-1.1", json.dumps({name: [] for name in lists}).encode()
    inside = "".join(f"<{name}/>" for name in lists)
    name = operation.name
    result = inside if protocol == "ec2" else f"<{name}Result>{inside}</{name}Result>"
    return "text/xml", f"<{name}Response>{result}</{name}Response>".encode()
