"""Every field of Falco's CloudTrail source, declared once, as a value of the plan.

What Falco's plugin reads as a text is empty where JSON holds something else, null included: present, but empty.
https://github.com/falcosecurity/plugins/tree/main/plugins/cloudtrail#supported-fields
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal as OneOf

from crenel.catalog.columns import JSON, TEXT, ListOf
from crenel.errors import did_you_mean
from crenel.language.plan import (
    INTEGER,
    NUMBER,
    TRUE,
    At,
    Call,
    Choice,
    Compare,
    Each,
    Extract,
    Field,
    In,
    IsEmpty,
    IsNull,
    Literal,
    Member,
    Not,
    Number,
    Predicate,
    Value,
    conjunction,
    disjunction,
)
from crenel.language.records import Fits, Joined, Said, Stands

Kind = OneOf["text", "number", "list"]
NOTHING = Literal(None)
EVENT_NUMBER = "evt.num"  # every event has one from 1; which one depends on the order of files, so none is given
NEVER: Mapping[str, str] = {
    "ct.request.documentname": "Write json.value[/requestParameters/documentName].",
}  # what Falco's plugin knows but never reads, and what to write instead
EMPTY: Mapping[str, str] = {
    "ct.serviceeventdetails": "Write json.value[/serviceEventDetails].",
    "ct.edgedevicedetails": "Write json.value[/edgeDeviceDetails].",
}  # what is an object in every record, and so an empty text


class FieldError(Exception):
    """No such field, or its argument is wrong: the message and a suggestion; `unknown` where Falco knows no such."""

    def __init__(self, message: str, suggestion: str = "", *, unknown: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.suggestion = suggestion
        self.unknown = unknown


@dataclass(frozen=True, slots=True)
class Known:
    """A value with its kind; absent is null."""

    kind: Kind
    value: Value


def known(name: str, argument: str | None) -> Known:
    """Return a field's value. Raises `FieldError`."""
    if name in POINTERS:
        if not argument:
            raise FieldError(f"{name} needs a path in brackets.", f"Such as: {name}[/requestParameters/bucketName]")
        return Known("text", _at_pointer(argument))
    if name == "ec2.imageids" and argument is not None:
        if not (argument.isascii() and argument.isdecimal()) or len(argument) > 9:
            raise FieldError("ec2.imageids takes an item's place in brackets.", "Such as: ec2.imageids[0]")
        item = At(_IMAGES, int(argument), TEXT)
        return Known("list", Choice(IsNull(item), NOTHING, _alone(item), ListOf(TEXT)))
    if name not in FIELDS:
        raise FieldError(f"there is no field {name}.", did_you_mean(name, NAMES), unknown=True)
    if argument is not None:
        raise FieldError(f"{name} takes nothing in brackets.")
    return FIELDS[name]


# --- how fields are read


def _text(*path: str) -> Value:
    return Said(Stands(path), "empty")


def _strictly(*path: str) -> Value:
    return Said(Stands(path), "none")


def _document(name: str) -> Value:
    return Said(Stands((name,)), "json")


def _first(*values: Value) -> Value:
    return Call("not_null", values, TEXT)


def _flag(name: str) -> Value:
    """Return "true" for JSON's true alone, "false" for all else that is there."""
    said = Choice(Compare("eq", _document(name), Literal("true")), Literal("true"), Literal("false"), TEXT)
    text = Not(IsNull(_strictly(name)))
    stands = Choice(text, Literal("false"), said, TEXT)  # the text "true" is no true
    return Choice(IsNull(Stands((name,))), NOTHING, stands, TEXT)


def _number(*path: str) -> Value:
    """Return a whole number, 0 for what is none."""
    stands = Stands(path)
    number = Call("not_null", (Number(stands), Literal(0.0)), NUMBER)
    none = disjunction([_there(Said(stands, "none")), In(Said(stands, "json"), ("true", "false"))])
    value = Choice(none, Literal(0.0), number, NUMBER)
    return Call("whole", (Choice(IsNull(stands), NOTHING, value, NUMBER),), INTEGER)


def _at_pointer(pointer: str) -> Value:
    """Return what stands at an RFC 6901 pointer, whose first slash may be left out: texts raw, else compact JSON."""
    names = pointer.removeprefix("/").split("/")
    return Said(Stands(tuple(name.replace("~1", "/").replace("~0", "~") for name in names)), "json")


def _chosen(*branches: tuple[Predicate, Value], default: Value = NOTHING) -> Value:
    found = default
    for when, value in reversed(branches):
        found = Choice(when, value, found, TEXT)
    return found


def _there(value: Value) -> Predicate:
    return Not(IsNull(value))


def _alone(value: Value) -> Value:
    return Call("gather", (value,), ListOf(TEXT))


# --- who

_TYPE = _strictly("userIdentity", "type")


def _is(*types: str) -> Predicate:
    return In(_TYPE, types)


_ISSUER = ("userIdentity", "sessionContext", "sessionIssuer", "userName")
_USER = _chosen(
    (_is("Root", "IAMUser"), _text("userIdentity", "userName")),
    (_is("AWSService"), _text("userIdentity", "invokedBy")),
    (_is("AssumedRole"), _first(_text(*_ISSUER), Literal("AssumedRole"))),
    (_is("AWSAccount", "FederatedUser"), _TYPE),
)
_SESSION = _first(
    Extract(_strictly("userIdentity", "arn"), r"[^/]*/[^/]*/([^/]*)\z"),
    Extract(_strictly("userIdentity", "principalId"), r"[^:]*:([^:]*)\z"),
)
_ORIGINAL_USER = _chosen((_is("AssumedRole"), _SESSION), default=_text("userIdentity", "userName"))
_ACCOUNT = _first(_text("userIdentity", "accountId"), _text("recipientAccountId"))

# --- what

_SOURCE = _text("eventSource")
_SHORT_SOURCE = _first(Extract(_SOURCE, r"(?s:(.+))\.amazonaws\.com\z"), _SOURCE)
_NAME = _text("eventName")
_URI = Joined((
    Literal("s3://"), _strictly("requestParameters", "bucketName"), Literal("/"),
    _strictly("requestParameters", "key"),
))  # fmt: skip
_BYTES_IN = _number("additionalEventData", "bytesTransferredIn")
_BYTES_OUT = _number("additionalEventData", "bytesTransferredOut")
_BYTES = Call("whole", (Call("sum", (Call("gather", (_BYTES_IN, _BYTES_OUT), ListOf(NUMBER)),), NUMBER),), INTEGER)


def _counted(when: Predicate) -> Value:
    return Choice(when, Literal(1), NOTHING, INTEGER)


_TRANSFERS = ("GetObject", "PutObject")
_EVENT = _strictly("eventName")


def _member(item: int, name: str) -> Value:
    return Member(Field((), JSON, item), name, JSON)


_NAME_TAG = At(
    Each(
        _member(1, "tags"),
        2,
        Compare("eq", Said(_member(2, "key"), "none"), Literal("Name")),
        Said(_member(2, "value"), "empty"),
        ListOf(TEXT),
    ),
    0,
    TEXT,
)
_NAMES = At(
    Each(
        Stands(("requestParameters", "tagSpecificationSet", "items")),
        1,
        Compare("eq", Said(_member(1, "resourceType"), "none"), Literal("instance")),
        _NAME_TAG,
        ListOf(TEXT),
    ),
    -1,
    TEXT,
)
_INSTANCE_NAME = Choice(IsEmpty(_NAMES), NOTHING, _NAMES, TEXT)
_STARTED = Each(
    Stands(("responseElements", "instancesSet", "items")), 1, TRUE, Said(_member(1, "imageId"), "none"), ListOf(TEXT)
)
_ASKED = _first(
    _strictly("requestParameters", "imageId"),
    _strictly("requestParameters", "DescribeFastLaunchImagesRequest", "ImageId", "content"),
    _strictly("requestParameters", "launchSpecification", "imageId"),
)
_IMAGES = Choice(
    IsEmpty(_STARTED), Choice(IsNull(_ASKED), NOTHING, _alone(_ASKED), ListOf(TEXT)), _STARTED, ListOf(TEXT)
)
_RESOURCES = Extract(_document("resources"), r"(?s)\[(.*)\]\z", optional=True)

# --- in a sentence

_ERROR, _ADDRESS = _text("errorCode"), _text("sourceIPAddress")
_SIGN = Joined((
    _chosen((_there(_ERROR), Literal("!")), default=Literal("")),
    _chosen((Compare("eq", _flag("readOnly"), Literal("false")), Literal("→")), default=Literal("←")),
))  # fmt: skip
_HEAD = Joined((
    _USER,
    _chosen((Compare("ne", _USER, _ADDRESS), Joined((Literal(" via "), _ADDRESS))), default=Literal("")),
    Literal(" "), _SIGN, Literal(" "), _NAME,
))  # fmt: skip


def _labelled(label: str, value: Value) -> tuple[Predicate, Value]:
    return _there(value), Joined((Literal(f" {label}="), value))


_BLOCK = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
_BLOCKED = Literal("".join(f" {name}=false" for name in _BLOCK) + " ")  # the plugin looks for them one level too high
_CONFIGURATION = Said(Stands(("requestParameters", "PublicAccessBlockConfiguration")), "json")
_TAIL = _chosen(
    (
        Compare("eq", _EVENT, Literal("PutBucketPublicAccessBlock")),
        _chosen((Fits("starts", _CONFIGURATION, Literal("{")), _BLOCKED), default=Literal("")),
    ),
    default=Joined((
        _chosen((_there(_BYTES), Joined((Literal(" Size="), Call("spelt", (_BYTES,), TEXT)))), default=Literal("")),
        _chosen(
            _labelled("URI", _URI),
            _labelled("Bucket", _text("requestParameters", "bucketName")),
            _labelled("Key", _text("requestParameters", "key")),
            _labelled("Host", _text("requestParameters", "Host")),
            default=Literal(""),
        ),
    )),
)  # fmt: skip
_INFO = _chosen(
    (IsNull(_USER), Literal("<invalid cloudtrail event: userIdentity field missing>")),
    (IsNull(_ADDRESS), Literal("<invalid cloudtrail event: eventSource field missing>")),
    (IsNull(_NAME), Literal("<invalid cloudtrail event: eventName field missing>")),
    default=Joined((_HEAD, _TAIL)),
)
_LINE = Joined((
    _text("awsRegion"), _chosen((Not(IsEmpty(_USER)), Joined((Literal(" "), _USER))), default=Literal("")),
    Literal(" "), _SHORT_SOURCE, Literal(" "), _NAME, Literal(" "), _INFO,
))  # fmt: skip

# --- when: Falco has the event's time from CloudTrail, whose times are whole seconds in UTC

TIME = _strictly("eventTime")
_DAY = Extract(TIME, r"(\d{4}-\d\d-\d\d)T")
_CLOCK = Extract(TIME, r"\d{4}-\d\d-\d\dT(\d\d:\d\d:\d\d)(?:\.\d+)?Z\z")
_NANOSECONDS = Literal(".000000000")
_ISO_TIME = Joined((_DAY, Literal("T"), _CLOCK, _NANOSECONDS, Literal("+0000")))

# What Falco's plugin takes in: an RFC 3339 time, a type, and no Insights event.
_RFC_3339 = (
    r"\A\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:[.,]\d+)?"
    r"(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)\z"
)
_EVENT_TYPE = _strictly("eventType")
RECEIVED = conjunction([
    Fits("regex", TIME, Literal(_RFC_3339)),
    _there(_EVENT_TYPE),
    Compare("ne", _EVENT_TYPE, Literal("AwsCloudTrailInsight")),
])  # fmt: skip

_TEXTS: Mapping[str, str] = {
    "ct.id": "eventID", "ct.error": "errorCode", "ct.errormessage": "errorMessage", "ct.time": "eventTime",
    "ct.src": "eventSource", "ct.name": "eventName", "ct.region": "awsRegion", "ct.srcip": "sourceIPAddress",
    "ct.useragent": "userAgent", "ct.requestid": "requestID", "ct.eventtype": "eventType",
    "ct.apiversion": "apiVersion", "ct.recipientaccountid": "recipientAccountId",
    "ct.sharedeventid": "sharedEventID", "ct.vpcendpointid": "vpcEndpointId", "ct.eventcategory": "eventCategory",
    "ct.serviceeventdetails": "serviceEventDetails", "ct.edgedevicedetails": "edgeDeviceDetails",
    "ct.user.identitytype": "userIdentity.type", "ct.user.principalid": "userIdentity.principalId",
    "ct.user.arn": "userIdentity.arn",
    "ct.tlsdetails.tlsversion": "tlsDetails.tlsVersion", "ct.tlsdetails.ciphersuite": "tlsDetails.cipherSuite",
    "ct.tlsdetails.clientprovidedhostheader": "tlsDetails.clientProvidedHostHeader",
    "ct.addendum.reason": "addendum.reason", "ct.addendum.updatedfields": "addendum.updatedFields",
    "ct.addendum.originalrequestid": "addendum.originalRequestID",
    "ct.addendum.originaleventid": "addendum.originalEventID",
    "ct.request.availabilityzone": "requestParameters.availabilityZone",
    "ct.request.cluster": "requestParameters.cluster",
    "ct.request.functionname": "requestParameters.functionName",
    "ct.request.groupname": "requestParameters.groupName", "ct.request.host": "requestParameters.Host",
    "ct.request.name": "requestParameters.name", "ct.request.policy": "requestParameters.policy",
    "ct.request.reason": "requestParameters.reason", "ct.request.serialnumber": "requestParameters.serialNumber",
    "ct.request.servicename": "requestParameters.serviceName", "ct.request.subnetid": "requestParameters.subnetId",
    "ct.request.target": "requestParameters.target",
    "ct.request.taskdefinition": "requestParameters.taskDefinition",
    "ct.request.username": "requestParameters.userName",
    "ct.response.subnetid": "responseElements.subnetId",
    "ct.response.reservationid": "responseElements.reservationId",
    "s3.bucket": "requestParameters.bucketName", "s3.key": "requestParameters.key",
    "ecr.repository": "requestParameters.repositoryName", "ecr.imagetag": "requestParameters.imageTag",
    "iam.role": "requestParameters.roleName", "iam.policy": "requestParameters.policyName",
}  # fmt: skip

_COMPUTED: Mapping[str, Value] = {
    "ct.shortsrc": _SHORT_SOURCE,
    "ct.user": _USER,
    "ct.originaluser": _ORIGINAL_USER,
    "ct.user.accountid": _ACCOUNT,
    "ct.request": _document("requestParameters"),
    "ct.response": _document("responseElements"),
    "ct.additionaleventdata": _document("additionalEventData"),
    "ct.managementevent": _flag("managementEvent"),
    "ct.readonly": _flag("readOnly"),
    "ct.sessioncredentialfromconsole": _flag("sessionCredentialFromConsole"),
    "ct.resources": _RESOURCES,
    "ct.info": _INFO,
    "ct.request.documentname": NOTHING,
    "s3.uri": _URI,
    "ec2.name": _INSTANCE_NAME,
    "ec2.imageid": At(_IMAGES, 0, TEXT),
    "json.obj": Call("indented", (Said(Stands(()), "json"),), TEXT),
    "jevt.obj": Call("indented", (Said(Stands(()), "json"),), TEXT),
    "evt.time": Joined((_CLOCK, _NANOSECONDS)),
    "evt.time.s": _CLOCK,
    "evt.time.iso8601": _ISO_TIME,
    "evt.datetime": Joined((_DAY, Literal(" "), _CLOCK, _NANOSECONDS)),
    "evt.datetime.s": Joined((_DAY, Literal(" "), _CLOCK)),
    "evt.plugininfo": _LINE,
    "evt.pluginname": Literal("cloudtrail"),
    "evt.source": Literal("aws_cloudtrail"),
}
_NUMBERS: Mapping[str, Value] = {
    "s3.bytes": _BYTES,
    "s3.bytes.in": _BYTES_IN,
    "s3.bytes.out": _BYTES_OUT,
    "s3.cnt.get": _counted(Compare("eq", _EVENT, Literal("GetObject"))),
    "s3.cnt.put": _counted(Compare("eq", _EVENT, Literal("PutObject"))),
    "s3.cnt.other": _counted(Not(In(_EVENT, _TRANSFERS))),
    EVENT_NUMBER: NOTHING,
}

POINTERS = ("json.value", "jevt.value")
FIELDS: Mapping[str, Known] = {
    **{name: Known("text", _text(*path.split("."))) for name, path in _TEXTS.items()},
    **{name: Known("text", value) for name, value in _COMPUTED.items()},
    **{name: Known("number", value) for name, value in _NUMBERS.items()},
    "ec2.imageids": Known("list", _IMAGES),
}
NAMES = tuple(sorted([*FIELDS, *POINTERS]))
