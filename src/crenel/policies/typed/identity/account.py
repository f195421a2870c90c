"""Filters of the account itself."""

from __future__ import annotations

from collections.abc import Mapping

from crenel.catalog.columns import JSON, TEXT, ListOf, Struct, Type
from crenel.language.plan import (
    TRUE,
    At,
    Call,
    Compare,
    CountItems,
    Each,
    Extract,
    Field,
    Gathered,
    Has,
    In,
    IsEmpty,
    IsNull,
    Linked,
    Literal,
    Lower,
    Matches,
    Overlap,
    Predicate,
    Related,
    Truthy,
    Value,
    conjunction,
    disjunction,
    negation,
)
from crenel.language.walking import kind_of
from crenel.policies.context import Context, Filter
from crenel.policies.keys.key import Place, value_at
from crenel.policies.related.linked import ALIAS_NAME, kms_key
from crenel.policies.values.value import VALUE_KEYS, value_filter
from crenel.positions import Located


def has_virtual_mfa(context: Context, item: Located) -> Predicate:
    """`has-virtual-mfa`: whether a virtual MFA device is assigned to the root user."""
    keys = item.only("a has-virtual-mfa filter", ("type", "value"))
    wanted = context.boolean(keys["value"]) if "value" in keys else True
    other = context.catalog["iam-virtual-mfa"]
    arn = value_at(Place(Struct(other.schema())), "User.Arn", item)
    found = Related(other.name, (), "account", Matches(arn, r"^arn:[^:]+:iam::\d+:root$"))
    return found if wanted else negation(found)


def default_ebs_encryption(context: Context, item: Located) -> Predicate:
    """`default-ebs-encryption`: whether the Region's EBS encryption by default is on (`state`, false where it is not
    given), and by which key.

    https://docs.aws.amazon.com/ebs/latest/userguide/encryption-by-default.html
    """
    keys = item.only("a default-ebs-encryption filter", ("type", "state", "key"))
    state = context.boolean(keys["state"]) if "state" in keys else False
    found: list[Predicate] = [Compare("eq", context.column("EbsEncryptionByDefault"), Literal(state))]
    if "key" in keys and state:
        given = keys["key"]
        alias = Located(ALIAS_NAME, given.where)
        body = given if isinstance(given.value, dict) else Located({"key": alias, "value": given}, given.where)
        found.append(kms_key(context, body, context.column("EbsDefaultKmsKeyId")))
    return conjunction(found)


def ami_block_public_access(context: Context, item: Located) -> Predicate:
    """`ami-block-public-access`: whether new public sharing of images is blocked (`value`, false where not given).

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/block-public-access-to-amis.html
    """
    keys = item.only("an ami-block-public-access filter", ("type", "value"))
    blocked = Compare("eq", context.column("ImageBlockPublicAccessState"), Literal("block-new-sharing"))
    wanted = context.boolean(keys["value"]) if "value" in keys else False
    return blocked if wanted else negation(blocked)


def check_config(context: Context, item: Located) -> Predicate:
    """`check-config`: matches where there is no delivery channel, or no recorder that has all that is asked for.

    https://docs.aws.amazon.com/config/latest/APIReference/API_ConfigurationRecorderStatus.html
    """
    keys = item.only("a check-config filter", ("type", "all-resources", "running", "global-resources"))
    recorders = context.column("ConfigurationRecorders")
    at = Place(_item(recorders), 1)
    parts: list[Predicate] = []
    for option, member in (("global-resources", "includeGlobalResourceTypes"), ("all-resources", "allSupported")):
        if option in keys and context.boolean(keys[option]):
            parts.append(Truthy(value_at(at, f"recordingGroup.{member}", item)))
    if "running" not in keys or context.boolean(keys["running"]):
        statuses = context.column("ConfigurationRecordersStatus")
        status = Place(_item(statuses), 2)
        recording: list[Predicate] = [
            Compare("eq", value_at(status, "name", item), value_at(at, "name", item)),
            Truthy(value_at(status, "recording", item)),
            In(Lower(value_at(status, "lastStatus", item)), ("pending", "success")),
        ]
        parts.append(CountItems(statuses, 2, conjunction(recording)))
    good = CountItems(recorders, 1, conjunction(parts))
    return negation(conjunction([negation(IsEmpty(context.column("DeliveryChannels"))), good]))


_TRAIL_FLAGS = {
    "global-events": "IncludeGlobalServiceEvents", "kms": "KmsKeyId", "file-digest": "LogFileValidationEnabled",
    "multi-region": "IsMultiRegionTrail", "notifies": "SnsTopicARN",
}  # fmt: skip


def check_cloudtrail(context: Context, item: Located) -> Predicate:
    """`check-cloudtrail`: matches where no trail has all that is asked for (`running`, unless it is false).

    https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_GetTrailStatus.html
    """
    known = ("type", *_TRAIL_FLAGS, "kms-key", "current-region", "running", "include-management-events")
    keys = item.only("a check-cloudtrail filter", (*known, "log-metric-filter-pattern"))

    def on(option: str, *, otherwise: bool = False) -> bool:
        return context.boolean(keys[option]) if option in keys else otherwise

    running, events = on("running", otherwise=True), on("include-management-events")
    trails = context.column("TrailSelectors" if events else "TrailStatus" if running else "Trails")
    at = Place(_item(trails), 1)
    parts: list[Predicate] = [
        Truthy(value_at(at, member, item)) for option, member in _TRAIL_FLAGS.items() if on(option)
    ]
    if on("current-region"):
        home = Compare("eq", value_at(at, "HomeRegion", item), Field(("_region",), TEXT))
        parts.append(disjunction([home, Truthy(value_at(at, "IsMultiRegionTrail", item))]))
    if "kms-key" in keys:
        parts.append(Compare("eq", value_at(at, "KmsKeyId", item), Literal(keys["kms-key"].text("kms-key"))))
    if running:
        failed = Truthy(value_at(at, "LatestDeliveryError", item))
        parts += [Truthy(value_at(at, "IsLogging", item)), negation(failed)]
    if events:
        parts.append(_records_management_events(at, item))
    if "log-metric-filter-pattern" in keys:
        parts.append(_alarmed(context, at, keys["log-metric-filter-pattern"], item))
    return negation(CountItems(trails, 1, conjunction(parts)))


def _records_management_events(trail: Place, item: Located) -> Predicate:
    """Return whether a trail's selectors take all management events, reads and writes."""
    plain = value_at(trail, "EventSelectors", item)
    at = Place(_item(plain), 2)
    both: list[Predicate] = [
        Truthy(value_at(at, "IncludeManagementEvents", item)),
        Compare("eq", value_at(at, "ReadWriteType", item), Literal("All")),
    ]
    advanced = value_at(trail, "AdvancedEventSelectors", item)
    selector = Place(_item(advanced), 2)
    fields = value_at(selector, "FieldSelectors", item)
    each = Place(_item(fields), 3)
    name = value_at(each, "Field", item)
    management: list[Predicate] = [
        Compare("eq", name, Literal("eventCategory")),
        Has(value_at(each, "Equals", item), Literal("Management")),
    ]
    one_way = CountItems(fields, 3, Compare("eq", name, Literal("readOnly")))
    whole = conjunction([CountItems(fields, 3, conjunction(management)), negation(one_way)])
    advanced_takes = conjunction([IsNull(plain), CountItems(advanced, 2, whole)])
    return disjunction([CountItems(plain, 2, conjunction(both)), advanced_takes])


def _alarmed(context: Context, trail: Place, pattern: Located, item: Located) -> Predicate:
    """Return whether a trail's log group has a metric filter of this pattern with an alarm that reaches somebody: a
    topic with a confirmed subscription.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudwatch-alarms-for-cloudtrail.html
    """
    filters = context.column("AlarmedMetricFilters")
    at = Place(_item(filters), 2)
    group = At(Call("split", (Literal(":"), value_at(trail, "CloudWatchLogsLogGroupArn", item)), ListOf(TEXT)), 6, TEXT)
    key = Located("filterPattern", pattern.where)
    body = dict(pattern.value) if isinstance(pattern.value, dict) else {"value": pattern}
    body.setdefault("key", key)
    inner = context.inside(at)
    matches = value_filter(inner, Located(body, pattern.where, pattern.keys))
    topic = context.catalog["sns"]
    place = Place.of(topic)
    confirmed = Compare("ne", value_at(place, "SubscriptionsConfirmed", item), Literal("0"))
    actions = value_at(Place.of(context.type), "AlarmedMetricFilters[].MetricAlarms[].AlarmActions[]", item)
    reached = Gathered(
        actions, topic.name, value_at(place, "TopicArn", item), "account", confirmed, value_at(place, "TopicArn", item),
        ListOf(TEXT),
    )  # fmt: skip
    mine = value_at(at, "MetricAlarms[].AlarmActions[]", item)
    return CountItems(
        filters,
        2,
        conjunction([Compare("eq", value_at(at, "logGroupName", item), group), matches, Overlap(mine, reached)]),
    )


def guard_duty(context: Context, item: Located) -> Predicate:
    """`guard-duty`: value filters on the detector and its administrator; without a detector nothing matches.

    https://docs.aws.amazon.com/guardduty/latest/APIReference/API_GetDetector.html
    """
    keys = item.mapping("a filter")
    columns = {"Detector": "GuardDutyDetector", "Administrator": "GuardDutyAdministrator"}
    every = "match-operator" not in keys or keys["match-operator"].value != "or"
    if "match-operator" in keys and keys["match-operator"].value not in ("and", "or"):
        raise keys["match-operator"].error('match-operator is "and" or "or".')
    found = []
    for name, value in keys.items():
        if name in ("type", "match-operator"):
            continue
        word, _, rest = name.partition(".")
        if word not in columns:
            raise item.unknown_key(name, "a guard-duty filter", (*columns, "match-operator"))
        body = dict(value.value) if isinstance(value.value, dict) else {"value": value}
        path = f"{columns[word]}.{rest}" if rest else columns[word]
        body["key"] = Located(path, item.keys.get(name, item.where))
        inner = context.inside(Place.of(context.type, context.mistake))
        found.append(value_filter(inner, Located(body, value.where, value.keys)))
    there = negation(IsEmpty(context.column("DetectorIds")))
    return conjunction([there, conjunction(found) if every else disjunction(found)])


def check_macie(context: Context, item: Located) -> Predicate:
    """`check-macie`: a value filter on the Macie session, with its administrator as `administrator` (and `master`).

    https://docs.aws.amazon.com/macie/latest/APIReference/macie.html
    """
    keys = item.only("a check-macie filter", VALUE_KEYS)
    if "key" not in keys:
        raise item.error("a check-macie filter needs `key`.")
    key = keys["key"].text("key")
    word, _, rest = key.partition(".")
    base = "MacieAdministrator" if word in ("administrator", "master") else "MacieSession"
    path = rest if base == "MacieAdministrator" else key
    under = Located(f"{base}.{path}" if path else base, keys["key"].where)
    inner = context.inside(Place.of(context.type, context.mistake))
    return value_filter(inner, Located({**keys, "key": under}, item.where, item.keys))


def security_hub(context: Context, item: Located) -> Predicate:
    """`securityhub`: whether Security Hub is on (`enabled`, true where it is not given)."""
    keys = item.only("a securityhub filter", ("type", "enabled"))
    off = IsNull(context.column("SecurityHub"))
    return negation(off) if "enabled" not in keys or context.boolean(keys["enabled"]) else off


def xray_encrypt_key(context: Context, item: Located) -> Predicate:
    """`xray-encrypt-key`: X-Ray encrypts with this key: `default` (not one's own), `kms` (some), an id, alias or ARN.

    https://docs.aws.amazon.com/xray/latest/api/API_EncryptionConfig.html
    """
    keys = item.only("an xray-encrypt-key filter", ("type", "key"))
    if "key" not in keys:
        raise item.error("an xray-encrypt-key filter needs `key`.")
    name = keys["key"].text("key")
    place = Place.of(context.type)
    if name in ("default", "kms"):
        return Compare("eq", value_at(place, "XrayEncryption.Type", item), Literal("KMS" if name == "kms" else "NONE"))
    names = ("key", "value")
    body = Located(dict(zip(names, (Located(ALIAS_NAME, item.where), keys["key"]), strict=True)), item.where)
    in_use = value_at(place, "XrayEncryption.KeyId", item)
    if name.startswith("alias/"):
        return kms_key(context, body, in_use)
    key = "KeyArn" if name.startswith("arn:") else "KeyId"
    body = Located({"key": Located(key, item.where), "value": keys["key"]}, item.where)
    return kms_key(context, body, in_use)


def glue_security_config(context: Context, item: Located) -> Predicate:
    """`glue-security-config`: the data catalogue's encryption settings are these.

    https://docs.aws.amazon.com/glue/latest/webapi/API_DataCatalogEncryptionSettings.html
    """
    names = {
        "SseAwsKmsKeyId": "EncryptionAtRest", "CatalogEncryptionMode": "EncryptionAtRest",
        "ReturnConnectionPasswordEncrypted": "ConnectionPasswordEncryption",
        "AwsKmsKeyId": "ConnectionPasswordEncryption",
    }  # fmt: skip
    keys = item.only("a glue-security-config filter", ("type", *names))
    found: list[Predicate] = []
    for name, under in names.items():
        if name not in keys:
            continue
        value = value_at(Place.of(context.type), f"GlueEncryption.{under}.{name}", item)
        given = context.scalar(keys[name])
        if isinstance(given, str) and given.startswith("alias/"):
            body = {"key": Located(ALIAS_NAME, item.where), "value": keys[name]}
            found.append(kms_key(context, Located(body, item.where), value))
        else:
            found.append(Compare("eq", value, Literal(given)))
    return conjunction(found)


def lake_formation(context: Context, item: Located) -> Predicate:
    """`lakeformation-s3-cross-account`: Lake Formation has registered places in buckets of other accounts."""
    item.only("a lakeformation-s3-cross-account filter", VALUE_KEYS)
    places = value_at(Place.of(context.type), "LakeFormationResources[].ResourceArn", item)
    bucket = context.catalog["s3"]
    names = Each(places, 1, TRUE, Extract(Field((), TEXT, 1), r"arn:[^:]*:s3:::(.*)"), ListOf(TEXT))
    name = value_at(Place.of(bucket), "Name", item)
    own = Linked(names, bucket.name, name, "account", TRUE, every=True, none=True)
    return negation(own)


def replication_regions(context: Context, item: Located) -> Predicate:
    """`payment-cryptography-replication-regions`: keys are replicated by default (`state`), and to these Regions."""
    keys = item.only("a payment-cryptography-replication-regions filter", ("type", "state", "regions", "match"))
    enabled = context.column("PaymentCryptographyRegions")
    state = context.boolean(keys["state"]) if "state" in keys else True
    if not state:
        return IsEmpty(enabled)
    some = negation(IsEmpty(enabled))
    regions = [each.text("a Region") for each in keys["regions"].sequence("regions")] if "regions" in keys else []
    match = keys["match"].text("match") if "match" in keys else "all"
    if match not in ("all", "any"):
        raise keys["match"].error('match is "all" or "any".')
    hits = [Has(enabled, Literal(region)) for region in regions]
    if not hits:
        return some
    return conjunction([some, conjunction(list(hits)) if match == "all" else disjunction(list(hits))])


def ses_aggregated(context: Context, item: Located) -> Predicate:
    """`ses-agg-send-stats`: SES has sent something lately, whatever the filter compares."""
    item.only("a ses-agg-send-stats filter", VALUE_KEYS)
    return negation(IsEmpty(context.column("SesSendDataPoints")))


def ses_consecutive(context: Context, item: Located) -> Predicate:
    """`ses-send-stats`: SES has sent something lately; what it counts is shown and not compared."""
    keys = item.only("a ses-send-stats filter", ("type", "days"))
    if "days" not in keys:
        raise item.error("a ses-send-stats filter needs `days`.")
    return negation(IsEmpty(context.column("SesSendDataPoints")))


def _item(value: Value) -> Type:
    kind = kind_of(value)
    return kind.item if isinstance(kind, ListOf) else JSON


FILTERS: Mapping[str, Mapping[str, Filter]] = {
    "account": {"has-virtual-mfa": has_virtual_mfa},
    "account-region": {
        "default-ebs-encryption": default_ebs_encryption,
        "ami-block-public-access": ami_block_public_access,
        "check-config": check_config,
        "check-cloudtrail": check_cloudtrail,
        "guard-duty": guard_duty,
        "check-macie": check_macie,
        "securityhub": security_hub,
        "xray-encrypt-key": xray_encrypt_key,
        "glue-security-config": glue_security_config,
        "lakeformation-s3-cross-account": lake_formation,
        "payment-cryptography-replication-regions": replication_regions,
        "ses-agg-send-stats": ses_aggregated,
        "ses-send-stats": ses_consecutive,
    },
}
