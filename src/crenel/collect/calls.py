"""The seam to AWS: one call, with signing, paging, rate limits, retries and a deadline. All calls come this way.

`call` and `pages` read, and refuse whatever else; `alter` is for repairs alone, and never blindly sends a call twice.
"""

from __future__ import annotations

import base64
import hashlib
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from botocore import __version__ as botocore_version
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import create_request_object, prepare_request_dict
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    HTTPClientError,
    ParamValidationError,
    ProxyConnectionError,
    ReadTimeoutError,
    SSLError,
)
from botocore.exceptions import ConnectionError as NoConnectionError
from botocore.session import Session
from botocore.validate import ParamValidator

from crenel import __version__
from crenel.collect.endpoints import READ_TIMEOUT, Endpoints, Place, UnknownPlaceError, placed
from crenel.collect.limits import Limits
from crenel.collect.paging import paging
from crenel.collect.secrets import without_credentials
from crenel.collect.tally import Tally
from crenel.collect.wire import GarbledError, Operation, operation
from crenel.errors import CallError, UnsureError

THROTTLED = frozenset({
    "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException",
    "TooManyRequestsException", "RequestLimitExceeded", "BandwidthLimitExceeded", "SlowDown", "PriorRequestNotComplete",
    "TransactionInProgressException", "ProvisionedThroughputExceededException", "EC2ThrottledException", "429",
})  # fmt: skip
# What AWS says of credentials that were good once.
EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
NOT_RENEWED = "CredentialsError"  # our own code: botocore could not get new ones
_PASSING = frozenset({"RequestTimeout", "RequestTimeoutException", "InternalError", "ServiceUnavailable"})
# IAM makes one credential report at a time, and says so in words that mean a quota elsewhere.
_BUSY = frozenset({("iam", "GenerateCredentialReport", "LimitExceeded"),
                   ("iam", "GenerateCredentialReport", "LimitExceededException")})  # fmt: skip
_DEAD_ENDS = 4  # attempts where nobody answers at all: the service may not be in the Region
_MANY = 1_000  # as many attempts as the caller's patience allows
_FAULTS = 5  # attempts where the service says 500: a fault of its own mostly stays for that request
# What an operation that reads begins with. The two of IAM that generate make a report and change nothing else.
_READS = re.compile(r"(?:BatchGet|Describe|Get|Head|List|Lookup|GenerateCredentialReport$|GenerateServiceLast)")
_UNSENT = (EndpointConnectionError, ConnectTimeoutError, ProxyConnectionError)
_AGENT = f"crenel/{__version__} botocore/{botocore_version}"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a call goes on: attempts; the first and the longest wait, and the whole call's end, in seconds."""

    attempts: int = 8
    base: float = 0.2
    cap: float = 8.0
    deadline: float = 120.0
    read_timeout: float = READ_TIMEOUT


@dataclass(frozen=True, slots=True)
class _Failure:
    """An attempt that came to nothing: AWS's code or ours, and whether (and how soon) to try again.

    `undone` where AWS has surely not done what was asked: it said no, or the request never left.
    """

    code: str
    message: str
    again: bool
    throttled: bool = False
    attempts: int = _MANY
    undone: bool = False


@dataclass(frozen=True, slots=True)
class Sketch:
    """A call as it goes out: the HTTP method, the URL with its query, and the body as text."""

    method: str
    url: str
    body: str


class Caller:
    """Calls of one account. Safe to use from many threads; `tally` counts everything that it ever asked."""

    def __init__(
        self,
        session: Session,
        account: str = "",
        *,
        limits: Limits | None = None,
        patience: Patience | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.account = account
        self.session = session
        self.endpoints = Endpoints(session, account)
        self.limits = limits or Limits()
        self.tally = Tally()
        self._patience = patience or Patience()
        self._clock = clock

    def close(self) -> None:
        """Close all connections; a later call opens new ones."""
        self.endpoints.close()

    def call(
        self,
        service: str,
        name: str,
        params: Mapping[str, Any],
        region: str,
        tally: Tally | None = None,
        *,
        bare: bool = False,
    ) -> dict[str, Any]:
        """Make a reading call (botocore's names) and return the answer, parsed, without metadata, secrets masked.

        Times are aware UTC. `tally` counts the attempts of whoever asks, and stops it. `bare` leaves secrets as they
        are, for whoever keeps nothing of them. Raises `CallError` where AWS says no, keeps throttling or can't be
        reached, after the retries that make sense; `ValueError` of a call that is no read.
        """
        if not _READS.match(name):
            raise ValueError(f"{service}:{name} is no read.")
        op = operation(service, name)
        op = replace(op, treatment=None) if bare else op
        label = f"{service}:{name}"
        try:
            place = self.endpoints.place(placed(service, name, params), region)
            request = self._prepared(op, params, place)
        except UnknownPlaceError as error:
            raise CallError(label, "ConnectionError", f"{service} has no endpoint in {region}: {error}") from error
        except (ParamValidationError, KeyError, TypeError, AttributeError) as error:
            raise CallError(label, "InvalidParameters", f"{error}") from error
        return self._persist(op, request, place, region, tally or Tally())

    def alter(
        self, service: str, name: str, params: Mapping[str, Any], region: str, *, token: str = ""
    ) -> dict[str, Any]:
        """Make a writing call and return the answer as `call` does.

        It is sent again only where AWS has surely not done it: when throttled, and when nobody could be reached.
        `token` makes a call one of a kind where the operation has such a parameter (ClientToken and the like): AWS then
        does it once, however often it comes. Raises `CallError` where it was not done, `UnsureError` where it may be.
        """
        op = operation(service, name)
        request, place = self._checked(op, params, region, token)
        return self._persist(op, request, place, region, Tally(), once=True)

    def sketch(self, service: str, name: str, params: Mapping[str, Any], region: str, *, token: str = "") -> Sketch:
        """Return what `alter` would send, checked by botocore, without sending it or asking for credentials.

        Raises `CallError` where AWS would not take these parameters.
        """
        request, _ = self._checked(operation(service, name), params, region, token)
        body = request["body"]
        text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
        made = create_request_object({**request, "context": {}}).prepare()
        return Sketch(str(made.method), str(made.url), text if isinstance(text, str) else "&".join(_form(text)))

    def pages(
        self, service: str, name: str, params: Mapping[str, Any], region: str, tally: Tally | None = None
    ) -> Iterator[dict[str, Any]]:
        """Yield an operation's answers page by page, as `call` returns them.

        Raises `CallError` as `call` does, and where AWS sends the same token twice (code ``SameToken``) or says that
        there is more and not where (``NoToken``): either way the listing is not whole.
        """
        rules = paging(service, name)
        asked = dict(params)
        previous: dict[str, Any] = {}
        while True:
            answer = self.call(service, name, asked, region, tally)
            yield answer
            following = rules.following(answer) if rules else {}
            if not following:
                if rules is not None and rules.unfinished(answer):
                    raise CallError(f"{service}:{name}", "NoToken", "AWS says that there is more, and not where.")
                return
            if following == previous:
                raise CallError(f"{service}:{name}", "SameToken", "AWS sent the same page token twice.")
            asked = {**params, **following}
            previous = following

    def _checked(
        self, op: Operation, params: Mapping[str, Any], region: str, token: str
    ) -> tuple[dict[str, Any], Place]:
        """Return a writing call's request. botocore's clients do the same before they send one."""
        label = f"{op.service}:{op.name}"
        shape = op.model.input_shape
        members = shape.members if shape is not None else {}
        # EC2's model marks few of its tokens, and all of them are called so.
        tokens = {*op.model.idempotent_members, *({"ClientToken"} & members.keys())} if token else ()
        whole = {**dict.fromkeys(tokens, token), **params}
        report = ParamValidator().validate(whole, shape) if shape is not None else None
        if report is not None and report.has_errors():
            raise CallError(label, "InvalidParameters", report.generate_report())
        try:
            place = self.endpoints.place(op.service, region)
        except UnknownPlaceError as error:
            raise CallError(label, "ConnectionError", f"{op.service} has no endpoint in {region}: {error}") from error
        return self._prepared(op, whole, place), place

    def _prepared(self, op: Operation, params: Mapping[str, Any], place: Place) -> dict[str, Any]:
        request = op.request(params)
        if op.model.http_checksum_required or (op.model.http_checksum or {}).get("requestChecksumRequired"):
            digest = hashlib.md5(request["body"], usedforsecurity=False).digest()
            request["headers"]["Content-MD5"] = base64.b64encode(digest).decode("ascii")
        if not place.own or op.service == "s3control":  # s3control's endpoint has the prefix already
            request.pop("host_prefix", None)
        prepare_request_dict(request, place.url, user_agent=_AGENT)
        return request

    def _persist(
        self, op: Operation, request: dict[str, Any], place: Place, region: str, tally: Tally, *, once: bool = False
    ) -> dict[str, Any]:
        spent, attempt = 0.0, 0
        while True:
            attempt += 1
            tally.check()
            tally.pause(self.limits.take(self.account, region, op.service, op.name))
            for one in (tally, self.tally):
                one.count(op.service, op.name)
            began = self._clock()
            result = self._attempt(op, request, place, self._patience.deadline - spent)
            spent += self._clock() - began
            if not isinstance(result, _Failure):
                return result
            if result.throttled:
                self.limits.throttled(self.account, region, op.service, op.name)
            wait = random.uniform(0, min(self._patience.cap, self._patience.base * 2.0 ** (attempt - 1)))  # noqa: S311
            out_of_time = spent + wait >= self._patience.deadline
            if once and not result.undone:
                raise UnsureError(f"{op.service}:{op.name}", result.code, result.message)
            if not result.again or attempt >= min(self._patience.attempts, result.attempts) or out_of_time:
                raise CallError(f"{op.service}:{op.name}", result.code, result.message)
            tally.pause(wait)
            spent += wait

    def _attempt(self, op: Operation, request: dict[str, Any], place: Place, left: float) -> dict[str, Any] | _Failure:
        try:
            credentials = self._credentials()
        except (BotoCoreError, ClientError) as error:
            return _trouble(error)
        result = self._sent(op, request, place, left, credentials)
        if isinstance(result, _Failure) and credentials is not None:
            # Messages go into the lake and into reports, and AWS may quote the request in them.
            told = without_credentials(result.code, result.message, (credentials.secret_key, credentials.token))
            return replace(result, message=told)
        return result

    def _credentials(self) -> Any:  # noqa: ANN401 (botocore's ReadOnlyCredentials, or None)
        found = self.session.get_credentials()
        try:
            return found.get_frozen_credentials() if found is not None else None
        except RuntimeError as error:  # botocore's word for new credentials that have expired already
            raise CredentialRetrievalError(provider=found.method, error_msg=str(error)) from error

    def _sent(
        self,
        op: Operation,
        request: dict[str, Any],
        place: Place,
        left: float,
        credentials: Any,  # noqa: ANN401
    ) -> dict[str, Any] | _Failure:
        try:
            response = place.http.send(self._signed(op, request, place, left, credentials))
        except (BotoCoreError, ClientError) as error:
            return _trouble(error)
        status = response.status_code
        try:
            answer = op.answer(status, response.headers, response.content)
        except GarbledError as error:
            return _Failure("InvalidResponse", str(error), again=True, attempts=3)
        if status >= 300 or (op.service == "s3" and "Error" in answer):
            return _failure(op, status, answer.get("Error") or {})
        return answer

    def _signed(
        self,
        op: Operation,
        request: dict[str, Any],
        place: Place,
        left: float,
        credentials: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401 (an AWSPreparedRequest)
        made = create_request_object({**request, "context": {}})
        kind = S3SigV4Auth if op.service in ("s3", "s3control") else SigV4Auth
        kind(credentials, place.signing_name, place.signing_region).add_auth(made)
        made.context["read_timeout"] = max(0.1, min(self._patience.read_timeout, left))
        return made.prepare()


def _trouble(error: BotoCoreError | ClientError) -> _Failure:
    """Return what to make of an attempt that got no answer. A refusal to connect is soon final: nobody may be there."""
    message, unsent = str(error), isinstance(error, _UNSENT)
    if isinstance(error, ReadTimeoutError):
        return _Failure("Timeout", message, again=True)
    if isinstance(error, SSLError):
        return _Failure("ConnectionError", message, again=False)  # it may break while the answer is read
    if isinstance(error, ConnectionClosedError):
        return _Failure("ConnectionError", message, again=True)
    if isinstance(error, HTTPClientError | NoConnectionError):
        return _Failure("ConnectionError", message, again=True, attempts=_DEAD_ENDS, undone=unsent)
    return _Failure(NOT_RENEWED, message, again=False, undone=True)


def _failure(op: Operation, status: int, error: Mapping[str, Any]) -> _Failure:
    code, message = str(error.get("Code") or status), str(error.get("Message") or "")
    throttled = code in THROTTLED or status == 429 or (op.service, op.name, code) in _BUSY
    again = throttled or status >= 500 or code in _PASSING
    attempts = _FAULTS if status == 500 and not throttled else _MANY
    undone = throttled or status < 500
    return _Failure(code, message, again=again, throttled=throttled, attempts=attempts, undone=undone)


def _form(body: Mapping[str, Any]) -> Iterator[str]:
    """Yield the parts of a query protocol's body."""
    yield from (f"{name}={value}" for name, value in body.items())
