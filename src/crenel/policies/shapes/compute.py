"""The shapes of the filters of instances, volumes, images, Auto Scaling groups and load balancers."""

from __future__ import annotations

from collections.abc import Mapping

from crenel.policies.shapes.shape import AGE, COMPARED, INNER, OPERATOR, RELATED, SUBNET, Option, Shape

_UNUSED = Shape("Nothing uses it.", (Option("value", "`false`: something does.", "boolean"),))
_LOGS = (
    Option("bucket", "The bucket that they go to.", "text"),
    Option("prefix", "What their names begin with.", "text"),
)
_LOG_TYPE = Option("log-type", "Which logs; access logs where it is left out.", words=("access", "connection"))
_LOGGING = Shape("Logs are written.", _LOGS)
_NOT_LOGGING = Shape("No logs are written, or elsewhere.", _LOGS)
_PROPAGATED = Shape(
    "The group has all these tags, and new instances get them.",
    (
        Option("keys", "The tags' keys.", "list"),
        Option("match", "`false`: not so.", "boolean"),
        Option("propagate", "`false`: new instances don't get them.", "boolean"),
    ),
)
_ATTRIBUTE = Option("attribute", "The attribute.", "text", required=True)


def _hours(word: str, done: str, weekend: str) -> tuple[Option, ...]:
    """Return the options of `offhour` and `onhour`."""
    return (
        Option(
            f"{word}hour", f"The hour, 0 to 23, in which resources are {done} that name none.", "integer", required=True
        ),
        Option("default_tz", "The time zone where a tag names none: et, utc, Europe/Berlin.", "text", required=True),
        Option("tag", "The tag with the schedule; `maid_offhours` where it is left out.", "text"),
        Option("fallback-schedule", "The schedule of resources without the tag.", "text"),
        Option("fallback_schedule", "The same, as it was once written.", "text"),
        Option("weekends", "`false`: on Saturdays and Sundays, too.", "boolean"),
        Option("weekends-only", f"On {weekend}s only.", "boolean"),
        Option("opt-out", "`true`: resources without the tag, too, by the filter's own hour.", "boolean"),
        Option("skip-days", "Dates on which nothing matches, YYYY-MM-DD.", "texts"),
        Option("skip-days-from", "The same from elsewhere, as `value_from`.", "mapping"),
    )


_OFF = Shape("Its schedule stops it in this hour.", _hours("off", "stopped", "Friday"))
_ON = Shape("Its schedule starts it in this hour.", _hours("on", "started", "Monday"))
_ANY_STATE = Option("state-filter", "`false`: whatever the instance's state.", "boolean")

NAMED: Mapping[str, Shape] = {
    "attributes": Shape("A value filter on an attribute, by its name.", INNER.options),
    "capacity-delta": Shape("The group has fewer instances than it should."),
    "ebs": Shape(
        "A value filter on the attached volumes.",
        (*INNER.options, OPERATOR, Option("skip-devices", "Devices that don't count.", "list")),
    ),
    "ephemeral": Shape("The root device is no EBS volume."),
    "healthcheck-protocol-mismatch": Shape("Health checks use another protocol."),
    "iam-role": RELATED,
    "image": Shape("A value filter on the image.", INNER.options),
    "image-attribute": Shape("A value filter on an attribute of the image.", (*INNER.options, _ATTRIBUTE)),
    "instance-attribute": Shape("A value filter on an attribute of the instance.", (*INNER.options, _ATTRIBUTE)),
    "invalid": Shape("Something that the group would launch with is gone."),
    "is-logging": _LOGGING,
    "is-not-logging": _NOT_LOGGING,
    "is-ssl": Shape("A listener speaks HTTPS or SSL."),
    "launch-config": Shape("A value filter on the launch configuration or the launch template.", INNER.options),
    "listener": Shape(
        "A value filter on listeners.",
        (*INNER.options, Option("matched", "Only those that the listener filters before it matched.", "boolean")),
    ),
    "modifyable": Shape("The volume can be changed in use."),
    "not-encrypted": Shape(
        "A volume that would be launched is not encrypted.",
        (Option("exclude_image", "Leave out the image's own volumes.", "boolean"),),
    ),
    "progagated-tags": _PROPAGATED,
    "propagated-tags": _PROPAGATED,
    "singleton": Shape("The instance is in no Auto Scaling group, and no alarm recovers it."),
    "skip-ami-snapshots": Shape(
        "No image is made of the snapshot.", (Option("value", "`false`: all are let through.", "boolean"),)
    ),
    "ssl-policy": Shape(
        "The listeners' policies switch on what they should not.",
        (
            Option("blacklist", "What must not be on.", "list"),
            Option("whitelist", "What alone may be on.", "list"),
            Option("matching", "A pattern of the names that count.", "text"),
        ),
    ),
    "ssm-compliance": Shape(
        "A compliance summary of the instance matches.",
        (
            Option("compliance_types", "The types that count.", "list", required=True),
            Option("severity", "The overall severities that count.", "list"),
            Option("states", "The states that count; NON_COMPLIANT where it is left out.", "list"),
            Option("eval_filters", "Filters on the summary.", "attrs"),
            Option("op", "Whether some of these filters hold, or all.", words=("or", "and")),
        ),
    ),
    "offhour": _OFF,
    "onhour": _ON,
    "ssm-inventory": Shape(
        "The inventory of the instance's software has an entry.",
        (Option("query", "Filters, each with Key, Values and Type, as Systems Manager has them.", "list"),),
    ),
    "state-age": Shape("How long ago the instance came into its state.", AGE.options),
    "stop-protected": Shape("The instance can't be stopped."),
    "target-group": Shape("A value filter on the list of target groups.", INNER.options),
    "termination-protected": Shape("The instance can't be terminated."),
    "user-data": Shape("A value filter on the user data, which is not kept.", INNER.options),
    "valid": Shape("All that the group would launch with is there."),
    "vpc-id": Shape("A value filter on the id of the group's VPC.", COMPARED),
}
OF_TYPES: Mapping[tuple[str, str], Shape] = {
    ("ami", "unused"): _UNUSED,
    ("app-elb", "is-logging"): Shape(_LOGGING.text, (_LOG_TYPE, *_LOGS)),
    ("app-elb", "is-not-logging"): Shape(_NOT_LOGGING.text, (_LOG_TYPE, *_LOGS)),
    ("asg", "security-group"): RELATED,
    ("asg", "subnet"): SUBNET,
    ("ebs-snapshot", "unused"): _UNUSED,
    ("ec2", "offhour"): Shape(_OFF.text, (*_OFF.options, _ANY_STATE)),
    ("ec2", "onhour"): Shape(_ON.text, (*_ON.options, _ANY_STATE)),
}
