"""Filters of S3 buckets."""

from __future__ import annotations

from collections.abc import Mapping

from crenel.catalog.columns import JSON, TEXT, ListOf, Struct, Type
from crenel.errors import did_you_mean
from crenel.language.plan import (
    FALSE,
    TRUE,
    At,
    Call,
    Compare,
    CountItems,
    Each,
    Extract,
    Field,
    In,
    IsEmpty,
    IsNull,
    Literal,
    Matches,
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
from crenel.policies.related.linked import key_ids, linked_key
from crenel.policies.values.value import VALUE_KEYS, value_filter
from crenel.positions import Located

_EVERYBODY = (
    "http://acs.amazonaws.com/groups/global/AllUsers", "http://acs.amazonaws.com/groups/global/AuthenticatedUsers",
)  # fmt: skip
_GRANTS = ("READ", "WRITE", "WRITE_ACP", "READ_ACP", "FULL_CONTROL")


def global_grants(context: Context, item: Located) -> Predicate:
    """`global-grants`: the ACL grants something to all users or to all users of AWS.

    READ is excused for a website, unless `allow_website` is false.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html
    """
    keys = item.only("a global-grants filter", ("type", "allow_website", "operator", "permissions"))
    if "operator" in keys and keys["operator"].value not in ("or", "and"):
        raise keys["operator"].error('operator is "or" or "and", and has no effect.')
    grants = context.column("Acl.Grants")
    at = Place(_item(grants), 1)
    right = value_at(at, "Permission", item)
    parts: list[Predicate] = [In(value_at(at, "Grantee.URI", item), _EVERYBODY)]
    if "allow_website" not in keys or context.boolean(keys["allow_website"]):
        website = negation(IsEmpty(context.column("Website")))
        parts.append(negation(conjunction([Compare("eq", right, Literal("READ")), website])))
    wanted = []
    for each in keys["permissions"].sequence("permissions") if "permissions" in keys else ():
        name = each.text("a permission")
        if name not in _GRANTS:
            raise each.error(f'"{name}" is no permission.', did_you_mean(name, _GRANTS))
        wanted.append(name)
    if wanted:
        parts.append(In(right, tuple(wanted)))
    return CountItems(grants, 1, conjunction(parts))


def bucket_encryption(context: Context, item: Located) -> Predicate:
    """`bucket-encryption`: the first rule of default encryption encrypts (`state`), by this algorithm and this key.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketEncryption.html
    """
    keys = item.only("a bucket-encryption filter", ("type", "state", "crypto", "key", "bucket_key_enabled"))
    if "key" in keys and "bucket_key_enabled" in keys:
        raise item.error("key and bucket_key_enabled do not go together.")
    rules = context.column("Encryption.Rules")
    kind = _item(rules)
    first = At(rules, 0, kind)
    rule = Place(kind, at=first)
    some = negation(IsEmpty(rules))
    if "bucket_key_enabled" in keys:
        enabled = Truthy(value_at(rule, "BucketKeyEnabled", item))
        return conjunction([some, enabled if context.boolean(keys["bucket_key_enabled"]) else negation(enabled)])
    encrypts = conjunction([some, _encrypts(context, rule, keys, item)])
    return encrypts if "state" not in keys or context.boolean(keys["state"]) else negation(encrypts)


def _encrypts(context: Context, rule: Place, keys: Mapping[str, Located], item: Located) -> Predicate:
    algorithm = value_at(rule, "ApplyServerSideEncryptionByDefault.SSEAlgorithm", item)
    crypto = keys["crypto"].text("crypto") if "crypto" in keys else ""
    if crypto not in ("", "AES256", "aws:kms"):
        raise keys["crypto"].error('crypto is "AES256" or "aws:kms".', did_you_mean(crypto, ("AES256", "aws:kms")))
    if not crypto:
        if "key" in keys:
            context.warning(keys["key"].error("without crypto: aws:kms the key is not looked at."))
        return In(algorithm, ("AES256", "aws:kms"))
    same = Compare("eq", algorithm, Literal(crypto))
    if crypto == "AES256" or "key" not in keys:
        return same
    # A rule that names no key means AWS's own.
    given = value_at(rule, "not_null(ApplyServerSideEncryptionByDefault.KMSMasterKeyID, 'alias/aws/s3')", item)
    return conjunction([same, linked_key(context, key_ids(given), keys["key"].text("key"), item)])


def bucket_logging(context: Context, item: Located) -> Predicate:
    """`bucket-logging`: server access logging is on, off, or goes to this bucket and prefix.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerLogs.html
    """
    keys = item.only("a bucket-logging filter", ("type", "op", "target_bucket", "target_prefix"))
    if "op" not in keys:
        raise item.error("a bucket-logging filter needs `op`.")
    op = keys["op"].text("op")
    known = ("enabled", "disabled", "equal", "not-equal", "eq", "ne")
    if op not in known:
        raise keys["op"].error(f'"{op}" is no op here.', did_you_mean(op, known) or f"There are {', '.join(known)}.")
    logging = context.column("Logging")
    off = IsEmpty(logging)
    if op in ("enabled", "disabled"):
        return off if op == "disabled" else negation(off)
    name = context.column("Name")
    bucket = _template(context, keys.get("target_bucket"), name)
    if bucket is None:
        same: Predicate = off
    else:
        prefix = _template(context, keys.get("target_prefix"), name) or Call("concat", (name, Literal("/")), TEXT)
        place = Place(Struct(logging.kind.fields) if isinstance(logging.kind, Struct) else JSON, at=logging)
        same = conjunction(
            [
                Compare("eq", value_at(place, "TargetBucket", item), bucket),
                Compare("eq", value_at(place, "TargetPrefix", item), prefix),
                IsNull(value_at(place, "TargetGrants", item)),
            ]
        )
    return negation(same) if op in ("ne", "not-equal") else same


def _template(context: Context, item: Located | None, name: Value) -> Value | None:
    """Return a text with Custodian's placeholders for the bucket filled from the row."""
    if item is None:
        return None
    text = item.text("a bucket or prefix")
    region = Field(("_home",), TEXT)
    words: Mapping[str, Value] = {
        "{source_bucket_name}": name, "{source_bucket_region}": region, "{account_id}": Field(("_account",), TEXT),
        "{region}": Literal(context.region), "{account}": Literal(context.account),
    }  # fmt: skip
    parts: list[Value] = [Literal(text)]
    for word, value in words.items():
        split: list[Value] = []
        for part in parts:
            pieces = str(part.value).split(word) if isinstance(part, Literal) else [part]
            for index, piece in enumerate(pieces):
                if index:
                    split.append(value)
                split.append(Literal(piece) if isinstance(piece, str) else piece)
        parts = split
    return Call("concat", tuple(parts), TEXT)


def bucket_notification(context: Context, item: Located) -> Predicate:
    """`bucket-notification`: a value filter on the notifications to Lambda, SNS or SQS (`kind`), one of which is to
    match.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketNotificationConfiguration.html
    """
    fields = {
        "lambda": "LambdaFunctionConfigurations", "sns": "TopicConfigurations", "sqs": "QueueConfigurations",
    }  # fmt: skip
    keys = item.only("a bucket-notification filter", (*VALUE_KEYS, "kind"))
    if "kind" not in keys or keys["kind"].value not in fields:
        raise keys.get("kind", item).error(f"a bucket-notification filter needs `kind`: {', '.join(fields)}.")
    listed = context.column(f"Notification.{fields[keys['kind'].value]}")
    inner = context.inside(Place(_item(listed), 1, what="a notification"))
    body = {name: part for name, part in keys.items() if name != "kind"}
    return CountItems(listed, 1, value_filter(inner, Located(body, item.where, item.keys)))


def ownership(context: Context, item: Located) -> Predicate:
    """`ownership`: a value filter on the bucket's object ownership.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html
    """
    keys = dict(item.only("an ownership filter", VALUE_KEYS))
    keys["key"] = Located('"c7n:ownership".Rules[].ObjectOwnership | [0]', item.where)
    inner = context.inside(Place.of(context.type, context.mistake))
    return value_filter(inner, Located(keys, item.where, item.keys))


def data_events(context: Context, item: Located) -> Predicate:
    """`data-events`: a trail of the account records the bucket's object-level events (`state: absent`: none does).

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-data-events-with-cloudtrail.html
    """
    keys = item.only("a data-events filter", ("type", "state"))
    state = keys["state"].text("state") if "state" in keys else "present"
    if state not in ("present", "absent"):
        raise keys["state"].error('state is "present" or "absent".')
    trail = context.catalog["cloudtrail"]
    place = Place.of(trail)
    path = "Selectors.EventSelectors[].DataResources[?Type=='AWS::S3::Object'][].Values[]"
    names = value_at(place, path, item)
    bucket = Each(names, 1, TRUE, Extract(Field((), TEXT, 1), r"(?:.*:)?/*([^:/]*)/*"), ListOf(TEXT))
    own = Compare("eq", Field(("_owner",), TEXT), Field(("_account",), TEXT))
    named = Related(trail.name, ((context.column("Name"), bucket),), "account", own)
    every = CountItems(bucket, 1, Compare("eq", Field((), TEXT, 1), Literal("")))
    whole = Related(trail.name, (), "account", conjunction([own, every]))
    found = disjunction([named, whole])
    return found if state == "present" else negation(found)


def is_log_target(context: Context, item: Located) -> Predicate:
    """`is-log-target`: buckets (`self`: the bucket itself), trails or classic load balancers write logs into it."""
    keys = item.only("an is-log-target filter", ("type", "services", "self", "value"))
    known = ("s3", "elb", "cloudtrail")
    services = (
        [each.text("a service") for each in keys["services"].sequence("services")] if "services" in keys else known
    )
    for each in services:
        if each not in known:
            raise keys["services"].error(f'"{each}" is no service here.', did_you_mean(each, known))
    alone = "self" in keys and context.boolean(keys["self"])
    name = context.column("Name")
    found: list[Predicate] = []
    if "s3" in services:
        here = Place.of(context.type)
        target = value_at(here, "Logging.TargetBucket", item)
        itself = Compare("eq", target, name)
        found.append(itself if alone else Related(context.type.name, ((name, target),), "account", context.reached))
        if not alone:
            found.append(Matches(name, "cf-templates-"))
    if "cloudtrail" in services and not alone:
        found.append(_target_of(context, "cloudtrail", "S3BucketName", name, TRUE, item))
    if "elb" in services and not alone:
        log = "Attributes.AccessLog"
        enabled = Truthy(value_at(Place.of(context.catalog["elb"]), f"{log}.Enabled", item))
        found.append(_target_of(context, "elb", f"{log}.S3BucketName", name, enabled, item))
    targeted = disjunction(found) if found else FALSE
    return targeted if "value" not in keys or context.boolean(keys["value"]) else negation(targeted)


def _target_of(context: Context, table: str, path: str, name: Value, where: Predicate, item: Located) -> Predicate:
    theirs = value_at(Place.of(context.catalog[table]), path, item)
    return Related(table, ((name, theirs),), "account", where)


def _item(value: Value) -> Type:
    kind = kind_of(value)
    return kind.item if isinstance(kind, ListOf) else JSON


FILTERS: Mapping[str, Mapping[str, Filter]] = {
    "s3": {
        "global-grants": global_grants,
        "bucket-encryption": bucket_encryption,
        "bucket-logging": bucket_logging,
        "bucket-notification": bucket_notification,
        "ownership": ownership,
        "data-events": data_events,
        "is-log-target": is_log_target,
    }
}
