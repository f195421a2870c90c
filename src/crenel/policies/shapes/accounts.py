"""The shapes of the filters of accounts, IAM's types, buckets and keys."""

from __future__ import annotations

from collections.abc import Mapping

from crenel.policies.shapes.shape import COMPARED, INNER, INNER_KEY, Option, Shape


def _plain(text: str, **options: str) -> Shape:
    """Return a shape whose options take anything; `_` in a name stands for a hyphen where two of them stand for `_`."""
    return Shape(text, tuple(_named(name, told) for name, told in options.items()))


def _named(name: str, text: str) -> Option:
    return Option(name.replace("__", "\0").replace("_", "-").replace("\0", "_"), text)


def _value(text: str, *more: Option) -> Shape:
    """Return the shape of a value filter with further options."""
    return Shape(text, (INNER_KEY, *COMPARED, *more))


_WANTED = "Whether that is so."

NAMED: Mapping[str, Shape] = {
    "access-key": _value(
        "A value filter on the user's access keys.",
        Option("match-operator", "Whether one key has to match all filters of this kind.", words=("and", "or")),
    ),
    "ami-block-public-access": _plain("The block of public images has this state.", value="The state."),
    "bucket-encryption": _plain(
        "The bucket's encryption by default is on, or off.",
        state="Whether it is on.",
        crypto="Which algorithm.",
        key="Which KMS key.",
        bucket__key__enabled="Whether bucket keys are on.",
    ),
    "bucket-logging": _plain(
        "The bucket's logging is on, off, or goes where it should.",
        op="Which of these.",
        target__bucket="The bucket that the logs go to.",
        target__prefix="The prefix of their keys.",
    ),
    "bucket-notification": _value(
        "A value filter on the bucket's notifications.", Option("kind", "What is notified.", required=True)
    ),
    "check-cloudtrail": _plain(
        "No trail has all that is asked for.",
        multi_region="It is of all Regions.",
        current_region="It is of this Region.",
        global_events="It has the events of global services.",
        running="It is logging, without errors.",
        notifies="It has a topic.",
        file_digest="It has digests.",
        kms="It is encrypted with a KMS key.",
        kms_key="With this key.",
        include_management_events="It has management events.",
        log_metric_filter_pattern="A metric filter on its logs has this pattern.",
    ),
    "check-config": _plain(
        "Config is not set up as asked for.",
        all_resources="It records all types.",
        global_resources="It records global types.",
        running="It is recording.",
    ),
    "check-macie": INNER,
    "credential": Shape(
        "A value filter on the user's row of the credential report.",
        (
            Option("key", "A column of the report.", "text"),
            Option("value", "What it is compared with."),
            Option("op", "How it is compared."),
            Option("value_type", "What is made of it first."),
            Option("report_generate", "Whether a report may be made."),
            Option("report_delay", "Seconds to wait for it."),
            Option("report_max_age", "Seconds that an older one is good for."),
        ),
    ),
    "data-events": _plain("A trail has the bucket's data events.", state="Present or absent."),
    "global-grants": _plain(
        "The bucket's ACL grants something to everyone.",
        allow__website="Whether websites may be read.",
        operator="Whether these permissions, or others.",
        permissions="The permissions.",
    ),
    "glue-security-config": _plain(
        "Glue's encryption is set as given.",
        CatalogEncryptionMode="The catalogue's encryption.",
        SseAwsKmsKeyId="Its KMS key.",
        ReturnConnectionPasswordEncrypted="Whether passwords are encrypted.",
        AwsKmsKeyId="Their KMS key.",
    ),
    "grant-count": _plain("The key has more grants than that.", min="How many."),
    "guard-duty": Shape(
        "GuardDuty is set up as given, by keys such as `Detector.Status` and `Administrator.RelationshipStatus`.",
        (
            Option("Detector", "A value filter on the detector."),
            Option("Administrator", "A value filter on the administrator."),
            Option("match-operator", "Whether all have to match, or some.", words=("and", "or")),
        ),
        open=True,
    ),
    "has-inline-policy": _plain("It has inline policies.", value=_WANTED),
    "has-specific-managed-policy": INNER,
    "has-users": _plain("The group has users.", value=_WANTED),
    "is-log-target": _plain(
        "Logs of other resources go to the bucket.",
        value=_WANTED,
        services="Of which services.",
        self="Whether its own logs count.",
    ),
    "is-shadow": _plain("The trail is another Region's.", state=_WANTED),
    "lakeformation-s3-cross-account": INNER,
    "last-rotation": INNER,
    "login-profile": INNER,
    "mfa-device": INNER,
    "no-specific-managed-policy": _plain("The policy is not attached.", value="The policy's name."),
    "ownership": INNER,
    "payment-cryptography-replication-regions": _plain(
        "Keys are copied to these Regions.", regions="The Regions.", match="How they are compared.", state=_WANTED
    ),
    "policy": _value("A value filter on attached policies.", Option("include-via", "Those of its groups too.")),
    "remediation": _plain(
        "The rule has a remediation.",
        rule__name="The rule.",
        rule__prefix="The prefix of rules' names.",
        remediation="What the remediation has.",
    ),
    "securityhub": _plain("Security Hub is on.", enabled=_WANTED),
    "ses-agg-send-stats": INNER,
    "ses-send-stats": _plain("What was sent lately.", days="Over how many days."),
    "xray-encrypt-key": _plain("X-Ray's data is encrypted with this key.", key="The key."),
}
OF_TYPES: Mapping[tuple[str, str], Shape] = {
    ("iam-role", "used"): _plain("Something uses it.", state=_WANTED),
    ("iam-group", "has-specific-managed-policy"): _plain("The policy is attached.", value="The policy's name."),
}
