"""What an answer must lose or gain before anyone sees it: secrets are masked, IAM's documents are read.

AWS's models mark most secrets as `sensitive`; the paths to them are found once an operation, not once a call.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from botocore.model import ListShape, MapShape, Shape, StructureShape

MASK = "(masked)"

# Marked by AWS, but no secret, and what policies ask: which key encrypts a bucket, what a distribution is for.
_NO_SECRETS = frozenset({
    ("s3", "SSEKMSKeyId"), ("cloudfront", "CommentType"), ("organizations", "Email"), ("ssm", "IPAddress"),
})  # fmt: skip
# The same of members, whose shape stands for secrets elsewhere: by service, structure and member.
_OPEN_MEMBERS = frozenset({
    ("apigateway", "RestApi", "tags"),  # what masks stages' variables as well
    ("apigateway", "Stage", "tags"),
    ("apigateway", "DomainName", "tags"),
    ("cloudfront", "DistributionSummary", "Comment"),
    ("ecs", "KeyValuePair", "name"),  # of environment variables, whose values are masked
})  # fmt: skip
# Not (or not always) marked by AWS, by service and shape.
_MORE_SECRETS = frozenset({
    ("lambda", "EnvironmentVariables"), ("lambda", "EnvironmentVariableValue"), ("autoscaling", "XmlStringUserData"),
    ("sagemaker", "EnvironmentValue"),
    ("apigateway", "MapOfStringToString"), ("apigatewayv2", "StageVariablesMap"),
    ("apigatewayv2", "IntegrationParameters"), ("glue", "GenericMap"),
    ("cloudformation", "ParameterValue"), ("cloudformation", "OutputValue"),
})  # fmt: skip
_DOCUMENTS = frozenset({("iam", "policyDocumentType")})


# AWS's words before it quotes the request that it got, with the session token among its headers; by these codes alone,
# since S3 begins an honest message (AuthorizationHeaderMalformed) with the second.
_QUOTES = ("the canonical string", "the authorization header")
_QUOTING = frozenset({
    "SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature", "IncompleteSignatureException",
})  # fmt: skip
_LEAST_SECRET = 16  # characters; shorter "secrets" are emulators' and words of every message


def without_credentials(code: str, message: str, secrets: Iterable[str | None]) -> str:
    """Return an error's message without what signs our requests, whether AWS, a proxy or botocore quotes it."""
    if code in _QUOTING:
        ends = [message.lower().find(words) for words in _QUOTES]
        message = message[: min((end for end in ends if end >= 0), default=None)].rstrip()
    for secret in secrets:
        bare = (secret or "").strip()  # a stray line end, which no header may hold, is spelled out in the complaint
        if len(bare) >= _LEAST_SECRET:
            message = message.replace(bare, MASK)
    return message


def decoded(document: str) -> Any:  # noqa: ANN401 (any JSON)
    """Return an IAM document as the object that it is, so that SQL reaches into it; what is none stays as text.

    It is URL-encoded on the wire, and by some emulators is not.
    """
    text = document if document.lstrip()[:1] in ("{", "[") else unquote(document)
    try:
        parsed = json.loads(text)
    except ValueError:
        return text
    return parsed if isinstance(parsed, dict | list) else text


def _masked(value: Any) -> Any:  # noqa: ANN401 (any parsed value)
    return MASK if isinstance(value, str | bytes) else value


def _without_password(address: Any) -> Any:  # noqa: ANN401 (any parsed value)
    """Return an address without the password in it: that there is one stays to be seen."""
    return _PASSWORD.sub(rf"\1{MASK}@", address) if isinstance(address, str) else address


_PASSWORD = re.compile(r"(://[^/@:]*:)[^/@]*@")
# Members whose shape stands for ordinary texts elsewhere: by service, structure and member.
_MEMBERS: Mapping[tuple[str, str, str], Callable[[Any], Any]] = {
    ("codebuild", "EnvironmentVariable", "value"): _masked,
    ("codebuild", "ProjectSource", "location"): _without_password,
}
_HOLDERS = frozenset((service, structure) for service, structure, _ in _MEMBERS)


@dataclass(slots=True)
class Treatment:
    """What is done to the values of one shape: a `leaf` function, or treatments of what lies within."""

    leaf: Callable[[Any], Any] | None = None
    members: dict[str, Treatment] = field(default_factory=dict)
    every: Treatment | None = None

    def apply(self, value: Any) -> Any:  # noqa: ANN401 (any parsed value)
        """Return the value treated; structures, lists and maps are changed in place and keep their form."""
        if isinstance(value, dict):
            if self.every is not None:
                for key, item in value.items():
                    value[key] = self.every.apply(item)
            for name, treatment in self.members.items():
                if name in value:
                    value[name] = treatment.apply(value[name])
        elif isinstance(value, list):
            if self.every is not None:
                value[:] = [self.every.apply(item) for item in value]
        elif self.leaf is not None and value is not None:
            return self.leaf(value)
        return value


def treatment(service: str, shape: Shape | None) -> Treatment | None:
    """Return what is to be done to every answer of this shape, or None where there is nothing to do."""
    builder = _Builder(service)
    return builder.build(shape, masked=False) if shape is not None and builder.concerned(shape) else None


class _Builder:
    """Walks an output shape. Shapes may contain themselves: each is built once, its members only where they matter."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.built: dict[tuple[str, bool], Treatment] = {}

    def special(self, shape: Shape) -> bool:
        return self.secret(shape) or (self.service, shape.name) in _DOCUMENTS | _HOLDERS

    def secret(self, shape: Shape) -> bool:
        key = (self.service, shape.name)
        return key in _MORE_SECRETS or (bool(shape.metadata.get("sensitive")) and key not in _NO_SECRETS)

    def concerned(self, shape: Shape) -> bool:
        """Return whether a shape is, or holds at any depth, something to treat."""
        todo, seen = [shape], set[str]()
        while todo:
            one = todo.pop()
            if self.special(one):
                return True
            if one.name not in seen:
                seen.add(one.name)
                todo += _inner(one).values()
        return False

    def build(self, shape: Shape, *, masked: bool) -> Treatment:
        masked = masked or self.secret(shape)
        key = (shape.name, masked)
        if key in self.built:
            return self.built[key]
        made = self.built[key] = Treatment()
        inner = _inner(shape)
        if isinstance(shape, StructureShape) and (inner or not masked):
            made.members = {
                name: self.build(item, masked=masked)
                for name, item in inner.items()
                if (masked or self.concerned(item)) and (self.service, shape.name, name) not in _OPEN_MEMBERS
            }
            made.members |= {
                name: Treatment(leaf)
                for (service, structure, name), leaf in _MEMBERS.items()
                if (service, structure) == (self.service, shape.name)
            }
        elif isinstance(shape, ListShape | MapShape):
            made.every = self.build(inner[""], masked=masked)
        elif isinstance(shape, StructureShape):
            made.every = made  # a document of free form: everything below is masked
            made.leaf = _masked
        elif masked:
            made.leaf = _masked
        elif (self.service, shape.name) in _DOCUMENTS:
            made.leaf = decoded
        return made


def _inner(shape: Shape) -> Mapping[str, Shape]:
    """Return a shape's members by name; what a list or a map holds goes by the empty name (a map's keys stay)."""
    if isinstance(shape, StructureShape):
        members: Mapping[str, Shape] = shape.members
        return members
    if isinstance(shape, ListShape):
        return {"": shape.member}
    if isinstance(shape, MapShape):
        return {"": shape.value}
    return {}
