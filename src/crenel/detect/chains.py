"""Who is behind a role: the calls that gave out the temporary keys with which others were made.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from crenel.catalog.events import RECORD
from crenel.detect.engine import Engine
from crenel.detect.words import principal
from crenel.lake.engine import quoted

# What answers with keys of another identity than the caller's.
_GIVING = ("AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity", "GetFederationToken")
_TEMPORARY = "ASIA"  # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
_LONGEST = 8  # links of a chain that are followed

Callers = Mapping[str, Mapping[str, Any]]  # by the access key that they were given: the `userIdentity` of who asked
NOBODY: Callers = {}


def callers(engine: Engine, relation: str) -> Callers:
    """Return who asked for the temporary keys of the hits, and for these callers' own, as far as the events of
    `relation` say, which has the columns of stored events. A service that takes a role says nothing of who.
    """
    temporary = f"starts_with(key, {quoted(_TEMPORARY)})"
    read = f"SELECT DISTINCT json_extract_string({RECORD}, '$.userIdentity.accessKeyId') AS key FROM hit"
    rows = engine.connection.execute(f"SELECT key FROM ({read}) WHERE {temporary}").fetchall()
    found: dict[str, Mapping[str, Any]] = {}
    keys = [key for (key,) in rows]
    for _ in range(_LONGEST):
        new = {key: who for key, who in _asked(engine, relation, keys) if key not in found} if keys else {}
        found |= new
        keys = [key for who in new.values() if isinstance(key := who.get("accessKeyId"), str) and key not in found]
    return found


def _asked(engine: Engine, relation: str, keys: Sequence[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield keys with who asked for them. Of a call to another account's role both accounts have an event: the caller's
    own says more.
    """
    names = ", ".join(map(quoted, _GIVING))
    given = "json_extract_string(responseElements, '$.credentials.accessKeyId')"
    kind = "json_extract_string(userIdentity, '$.type')"
    query = (
        f"SELECT {given} AS key, arg_min(userIdentity, {kind} = 'AWSAccount') FROM {relation} "
        f"WHERE eventSource = 'sts.amazonaws.com' AND eventName IN ({names}) AND {kind} <> 'AWSService' "
        f"AND {given} IN (SELECT unnest(?::VARCHAR[])) GROUP BY ALL"
    )
    for key, identity in engine.connection.execute(query, [list(keys)]).fetchall():
        yield key, json.loads(identity)


def behind(identity: object, account: str, known: Callers) -> str:
    """Return who an event's `userIdentity` is, after those through whose hands its keys went:
    ``user alice → role Deploy/alice → role Admin/deploy``.
    """
    names = [principal(identity, account)]
    seen = set()
    while isinstance(identity, Mapping):
        key = identity.get("accessKeyId")
        if not isinstance(key, str) or key in seen or key not in known:
            break
        seen.add(key)
        identity = known[key]
        names.append(principal(identity, account))
    return " → ".join(name for name in reversed(names) if name)
