"""The table of CloudTrail events: its columns, and what AWS documents below them.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from crenel.catalog.columns import JSON, TEXT, Type
from crenel.catalog.spec import Detail

RECORD = "record"  # the column with the whole record, as it came
UNLIKE = "unlike"  # what stands where a text is due and is none: {"errorCode": null}; null where there is no such thing


@dataclass(frozen=True, slots=True)
class Key:
    """A top-level key of a record. `members`: the names that AWS documents below it, empty where any may stand."""

    kind: Type
    members: Mapping[str, object] = field(default_factory=dict)


_IDENTITY: Mapping[str, object] = {
    "type": None, "userName": None, "principalId": None, "arn": None, "accountId": None, "accessKeyId": None,
    "invokedBy": None, "identityProvider": None, "credentialId": None, "userId": None, "identityStoreArn": None,
    "inScopeOf": {"sourceArn": None, "sourceAccount": None, "issuerType": None, "credentialsIssuedTo": None},
    "onBehalfOf": {"userId": None, "identityStoreArn": None},
    "sessionContext": {
        "sessionIssuer": {"type": None, "userName": None, "principalId": None, "arn": None, "accountId": None},
        "webIdFederationData": {"federatedProvider": None, "attributes": ...},
        "attributes": {"mfaAuthenticated": None, "creationDate": None},
        "ec2RoleDelivery": None, "sourceIdentity": None, "assumedRoot": None,
    },
}  # fmt: skip
_TLS: Mapping[str, object] = {"tlsVersion": None, "cipherSuite": None, "clientProvidedHostHeader": None}
_ADDENDUM: Mapping[str, object] = {
    "reason": None, "updatedFields": None, "originalRequestID": None, "originalEventID": None,
}  # fmt: skip

# `None` below a key: a single value; `...`: anything.
KEYS: Mapping[str, Key] = {
    "eventVersion": Key(TEXT),
    "eventTime": Key(TEXT),
    "eventSource": Key(TEXT),
    "eventName": Key(TEXT),
    "awsRegion": Key(TEXT),
    "sourceIPAddress": Key(TEXT),
    "userAgent": Key(TEXT),
    "errorCode": Key(TEXT),
    "errorMessage": Key(TEXT),
    "requestID": Key(TEXT),
    "eventID": Key(TEXT),
    "eventType": Key(TEXT),
    "apiVersion": Key(TEXT),
    "recipientAccountId": Key(TEXT),
    "sharedEventID": Key(TEXT),
    "vpcEndpointId": Key(TEXT),
    "vpcEndpointAccountId": Key(TEXT),
    "eventCategory": Key(TEXT),
    "userIdentity": Key(JSON, _IDENTITY),
    "requestParameters": Key(JSON),
    "responseElements": Key(JSON),
    "additionalEventData": Key(JSON),
    "serviceEventDetails": Key(JSON),
    "resources": Key(JSON),
    "readOnly": Key(JSON, {"": None}),
    "managementEvent": Key(JSON, {"": None}),
    "sessionCredentialFromConsole": Key(JSON, {"": None}),
    "tlsDetails": Key(JSON, _TLS),
    "addendum": Key(JSON, _ADDENDUM),
    "edgeDeviceDetails": Key(JSON),
    "insightDetails": Key(JSON),
    "eventContext": Key(JSON),
    "networkAddress": Key(JSON),
    "annotation": Key(JSON),
}
TEXTS = tuple(name for name, key in KEYS.items() if key.kind == TEXT)
# Columns of what stands directly in the identity, as text whatever it is: rules ask for it so often, and it lies in so
# much JSON, that a first look reads these instead. Whoever does has to look at what has no `IDENTIFIED` as a whole.
MEMBERS: Mapping[str, tuple[str, str]] = {
    f"userIdentity.{name}": ("userIdentity", name)
    for name in ("type", "arn", "userName", "principalId", "accountId", "accessKeyId", "invokedBy")
}
IDENTIFIED = "userIdentity.type"


@dataclass(frozen=True, slots=True)
class EventTable:
    """The table of events, as the compiler knows tables; nothing of an event takes a call of its own."""

    name: str = "cloudtrail-event"
    table: str = "events"
    details: Mapping[str, Detail] = field(default_factory=dict)

    def schema(self) -> Mapping[str, Type]:
        """Return the columns: the record's keys by name, what is unlike its column, and the record itself."""
        return (
            {name: key.kind for name, key in KEYS.items()} | dict.fromkeys(MEMBERS, TEXT) | {UNLIKE: JSON, RECORD: JSON}
        )

    def detail_of(self, column: str) -> str | None:  # noqa: ARG002 (as resource types have it)
        """Return None: no column is read by a call of its own."""
        return None


EVENTS = EventTable()
