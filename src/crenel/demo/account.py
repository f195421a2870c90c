"""The demo account as a whole.

It belongs to a small web shop. Its home is us-east-1; eu-west-1 runs the European shop, eu-central-1 the analytics,
us-west-2 a forgotten blog. All other Regions are as AWS hands them out.
"""

from __future__ import annotations

from crenel.demo import beyond, compute, identity, oversight
from crenel.demo.clients import Clients


def seed(endpoint: str) -> None:
    """Fill the moto server at `endpoint`, which must run in this process, with the account's resources.

    Raises botocore's ClientError where moto refuses a call: the demo and the installed moto do not fit together then.
    """
    clients = Clients(endpoint)
    identity.seed(clients)
    oversight.seed_storage(clients)  # trails, recorders and flow logs write to these buckets
    keys = oversight.seed_keys(clients)
    oversight.seed_watch(clients, keys)
    compute.seed(clients, keys)
    beyond.seed(clients)
