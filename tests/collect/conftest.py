"""AWS endpoints to read: a stub that says what a test wants, and moto."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.session import Session

from crenel.collect.calls import Caller, Patience
from crenel.collect.limits import Limits
from crenel.collect.session import Target
from crenel.model import Account

from .stub import Answer, Asked, Stub

os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"  # before moto reads it: else each Region has hundreds of snapshots

from moto.server import ThreadedMotoServer

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
FAST = Limits({"*": (10_000.0, 10_000), "s3": (10_000.0, 10_000)})
QUICK = Patience(base=0.001, cap=0.002)


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Credentials of nobody, and no trace of the machine's own configuration."""
    for name in [name for name in os.environ if name.startswith("AWS_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Callable[[Asked], Answer]], Stub]]:
    """Return a function that starts a stub which answers as told; it is AWS's endpoint from then on."""
    with ExitStack() as stack:

        def start(answer: Callable[[Asked], Answer]) -> Stub:
            server = stack.enter_context(Stub(answer).running())
            monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
            return server

        yield start


@pytest.fixture
def caller() -> Iterator[Callable[..., Caller]]:
    """Return a function that makes a caller without rate limits and with short waits."""
    made: list[Caller] = []

    def make(**changes: Any) -> Caller:
        one = Caller(Session(), "123456789012", **{"limits": FAST, "patience": QUICK, **changes})
        made.append(one)
        return one

    yield make
    for one in made:
        one.close()


@pytest.fixture
def target(caller: Callable[..., Caller]) -> Callable[..., Target]:
    """Return a function that makes the target of the account 123456789012."""
    return lambda **changes: Target(Account("123456789012"), caller(**changes), "us-east-1", "us-east-1")


@pytest.fixture(scope="session")
def moto_server() -> Iterator[str]:
    """Return the address of a moto server that lives as long as the tests."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def aws(moto_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Return a function that makes botocore clients of an empty moto account, which is AWS's endpoint."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_server)
    session, clients = Session(), []

    def client(service: str, region: str = "us-east-1") -> Any:
        clients.append(session.create_client(service, region_name=region))
        return clients[-1]

    http = client("sts")._endpoint.http_session
    from botocore.awsrequest import AWSRequest  # noqa: PLC0415

    http.send(AWSRequest("POST", f"{moto_server}/moto-api/reset").prepare())
    yield client
    for one in clients:
        one.close()
