"""Where a service is in a Region, how calls to it are signed, and the connections to it."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from botocore.configprovider import ConfiguredEndpointProvider
from botocore.endpoint_provider import EndpointProvider
from botocore.exceptions import EndpointProviderError
from botocore.httpsession import URLLib3Session, get_cert_path
from botocore.loaders import Loader
from botocore.session import Session
from botocore.utils import get_environ_proxies

from crenel.catalog.columns import service_model

CONNECT_TIMEOUT = 5.0
READ_TIMEOUT = 30.0
_CONNECTIONS = 128  # to one host at a time; the collector's threads are fewer
_HOSTS = 2048  # each service and Region is one: urllib3 would close all but ten


_EXPRESS = "s3express"


@dataclass(frozen=True, slots=True)
class Place:
    """Where calls go and how they are signed. `own` is AWS's own endpoint, not a custom one."""

    url: str
    signing_name: str
    signing_region: str
    own: bool
    http: URLLib3Session


def placed(service: str, operation: str, params: Mapping[str, Any]) -> str:
    """Return by which name the place of a call is known: directory buckets of S3 have an endpoint of their own.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-express-Regions-and-Zones.html
    """
    directory = operation == "ListDirectoryBuckets" or str(params.get("Bucket", "")).endswith("--x-s3")
    return _EXPRESS if service == "s3" and directory else service


class UnknownPlaceError(Exception):
    """The service has no endpoint in the Region, as far as botocore knows."""


class Endpoints:
    """The endpoints of one account's services, as its botocore session is configured. Safe to use from many threads."""

    def __init__(self, session: Session, account: str) -> None:
        self._session = session
        self._account = account
        self._lock = threading.Lock()
        self._places: dict[tuple[str, str], Place] = {}
        self._http: dict[bool, URLLib3Session] = {}
        self._fips = bool(session.get_config_variable("use_fips_endpoint"))
        self._dualstack = bool(session.get_config_variable("use_dualstack_endpoint"))
        self._ignore = bool(session.get_config_variable("ignore_configured_endpoint_urls"))

    def place(self, service: str, region: str) -> Place:
        """Return where a service is. Raises `UnknownPlaceError` where it has no endpoint in the Region."""
        with self._lock:
            found = self._places.get((service, region))
            if found is None:
                found = self._places[(service, region)] = self._find(service, region)
            return found

    def custom(self, service: str) -> str:
        """Return the endpoint URL that the environment or the profile sets for a service, or an empty text."""
        if self._ignore:
            return ""
        provider = ConfiguredEndpointProvider(
            full_config=self._session.full_config,
            scoped_config=self._session.get_scoped_config(),
            client_name=service,
        )
        return str(provider.provide() or "").rstrip("/")

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            for http in self._http.values():
                http.close()

    def _find(self, service: str, region: str) -> Place:
        known = "s3" if service == _EXPRESS else service
        model = service_model(known)
        custom = self.custom(known)
        url = ""
        scheme: Mapping[str, str] = {}
        try:
            endpoint = _provider(known).resolve_endpoint(**self._parameters(service, region))
            url = endpoint.url
            schemes = endpoint.properties.get("authSchemes") or [{}]
            scheme = next((one for one in schemes if one.get("name") == "sigv4"), {})
        except EndpointProviderError as error:
            if not custom:
                raise UnknownPlaceError(str(error)) from error
        return Place(
            url=custom or url,
            signing_name=scheme.get("signingName", model.signing_name),
            signing_region=scheme.get("signingRegion", region),
            own=not custom,
            http=self._session_for(custom or url),
        )

    def _parameters(self, service: str, region: str) -> dict[str, Any]:
        found: dict[str, Any] = {"Region": region, "UseFIPS": self._fips, "UseDualStack": self._dualstack}
        if service == "s3":
            found["ForcePathStyle"] = True  # one host a Region instead of one a bucket; names with dots need it anyway
        if service == _EXPRESS:
            found["UseS3ExpressControlEndpoint"] = True
        if service == "s3control":
            found |= {"AccountId": self._account, "RequiresAccountId": True}
        return found

    def _session_for(self, url: str) -> URLLib3Session:
        """Return the connections for a URL: through the proxy, or past it where NO_PROXY says so."""
        proxies: Mapping[str, str] = get_environ_proxies(url)
        key = bool(proxies)
        if key not in self._http:
            self._http[key] = Connections(
                verify=self._session.get_config_variable("ca_bundle") or os.environ.get("REQUESTS_CA_BUNDLE") or True,
                proxies=proxies or None,
                timeout=(CONNECT_TIMEOUT, READ_TIMEOUT),
                max_pool_connections=_CONNECTIONS,
                # A request's head and body go out in two pieces: Nagle's algorithm would make each call 40 ms longer.
                socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
                proxies_config=self._session.get_config_variable("proxies_config"),
            )
        return self._http[key]


class Connections(URLLib3Session):  # type: ignore[misc]  # botocore has no types
    """botocore's connections, for many hosts: the CA bundle is read once and not for each connection (15 ms of CPU)."""

    def __init__(self, *, verify: bool | str, **others: Any) -> None:  # noqa: ANN401 (botocore's arguments)
        self._ca_file = get_cert_path(verify)
        super().__init__(verify=verify, **others)

    def _get_pool_manager_kwargs(self, **extra: Any) -> dict[str, Any]:  # noqa: ANN401
        made: dict[str, Any] = super()._get_pool_manager_kwargs(**extra)
        made["num_pools"] = _HOSTS
        return made

    def _get_ssl_context(self) -> Any:  # noqa: ANN401 (an ssl.SSLContext)
        context = super()._get_ssl_context()
        context.load_verify_locations(cafile=self._ca_file)
        return context

    def _setup_ssl_cert(self, conn: Any, url: str, verify: bool | str) -> None:  # noqa: ANN401
        super()._setup_ssl_cert(conn, url, verify)
        if conn.cert_reqs == "CERT_REQUIRED":
            conn.ca_certs = None  # already in the context


@lru_cache(maxsize=1)
def _loader() -> Loader:
    return Loader()


@lru_cache(maxsize=64)
def _provider(service: str) -> EndpointProvider:
    rules = _loader().load_service_model(service, "endpoint-rule-set-1")
    return EndpointProvider(rules, _loader().load_data("partitions"))
