"""The demo account's number and Regions, and the clients that seed it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import botocore.session
from botocore.config import Config

ACCOUNT = "123456789012"  # the number that moto gives to credentials it does not know
AUDITOR_ACCOUNT = "111122223333"

HOME = "us-east-1"
IRELAND = "eu-west-1"
FRANKFURT = "eu-central-1"
OREGON = "us-west-2"

FAKE_KEY_ID = "demo-key-id"
FAKE_SECRET = "demo-no-secret"  # noqa: S105


class Clients:
    """botocore clients of the demo server, one for each service and Region, made on first use."""

    def __init__(self, endpoint: str) -> None:
        """`endpoint` is the URL that every client calls."""
        self._endpoint = endpoint
        self._session = botocore.session.Session()
        self._config = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30)
        self._made: dict[tuple[str, str], Any] = {}

    def of(self, service: str, region: str = HOME) -> Any:  # noqa: ANN401 (botocore makes its client classes at run time)
        """Return the client of `service` in `region`. Raises what botocore raises for a service it does not know."""
        made = self._made.get((service, region))
        if made is None:
            made = self._made[service, region] = self._session.create_client(
                service,
                region_name=region,
                endpoint_url=self._endpoint,
                aws_access_key_id=FAKE_KEY_ID,
                aws_secret_access_key=FAKE_SECRET,
                config=self._config,
            )
        return made


def days_ago(days: float) -> datetime:
    """Return the time `days` before now, in UTC and without a zone, which is how moto keeps its times."""
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0) - timedelta(days=days)


def name_tag(kind: str, name: str) -> list[dict[str, Any]]:
    """Return EC2's `TagSpecifications` that give a new resource of `kind` its Name."""
    return [{"ResourceType": kind, "Tags": [{"Key": "Name", "Value": name}]}]
