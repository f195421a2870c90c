"""Filters on what a resource is connected with: dead-letter queues, disks, aliases of keys, origins, other domains."""

from __future__ import annotations

from collections.abc import Mapping

from crenel.catalog.columns import JSON, TEXT, ListOf
from crenel.language.plan import (
    FALSE,
    TRUE,
    Call,
    Choice,
    Compare,
    CountItems,
    Each,
    Extract,
    IsEmpty,
    IsNull,
    Kept,
    Linked,
    Literal,
    Member,
    Predicate,
    Related,
    conjunction,
    disjunction,
    negation,
)
from crenel.policies.context import Context, Filter
from crenel.policies.keys.key import Place, member, value_at
from crenel.policies.related.linked import compared_there, linked, operator, within
from crenel.policies.values.value import VALUE_KEYS, value_filter
from crenel.positions import Located


def dead_letter(context: Context, item: Located) -> Predicate:
    """`dead-letter` of sqs: another queue of the account and Region names this one as its dead-letter queue.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
    """
    item.only("a dead-letter filter", ("type",))
    kind = context.catalog["sqs"]
    policy = Call("from_json", (value_at(Place.of(kind), "RedrivePolicy", item),), JSON)
    target = Extract(Member(policy, "deadLetterTargetArn", JSON), "(.*)")
    return Related(kind.name, ((context.column("QueueArn"), target),), "region", TRUE)


def kms_alias(context: Context, item: Located) -> Predicate:
    """`kms-alias` of rds: a value filter on the aliases of the key that encrypts the instance. One without a key
    matches nothing.
    """
    keys = item.only("a kms-alias filter", VALUE_KEYS)
    if "key" not in keys:
        raise item.error("this filter needs `key`.", code="missing-key")
    kind = context.catalog["kms"]
    named = context.column("KmsKeyId")
    id_ = Extract(named, "(?:.*?key/)?(.*)")
    where = compared_there(context, context.of(kind), item, keys)
    theirs = value_at(Place.of(kind), "TargetKeyId", item)
    return conjunction([negation(IsEmpty(named)), linked(context, keys, kind.name, id_, theirs, where)])


def ebs_storage(context: Context, item: Located) -> Predicate:
    """`ebs-storage` of ecs: a value filter on the volumes of the cluster's container instances, of which some (with
    `operator: and`, all) are to match. A cluster without volumes matches nothing.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerInstance.html
    """
    keys = item.only("an ebs-storage filter", (*VALUE_KEYS, "operator"))
    volumes = context.column("Volumes")
    kind = volumes.kind.item if isinstance(volumes.kind, ListOf) else JSON
    asked = {name: value for name, value in keys.items() if name != "operator"}
    inner = context.inside(Place(kind, 1, what="a volume"))
    found = value_filter(inner, Located(asked, item.where, item.keys))
    if operator(keys) == "or":
        return CountItems(volumes, 1, found)
    return conjunction([negation(IsEmpty(volumes)), CountItems(volumes, 1, negation(found), "eq", 0)])


def latest(context: Context, item: Located) -> Predicate:
    """`latest` of rds-snapshot: the newest snapshot of its instance, of those that the filters before it leave; with
    `automatic: false`, of the manual ones.
    """
    keys = item.only("a latest filter", ("type", "automatic"))
    if context.place.item:
        raise item.error("latest works on snapshots, not on the items of a list.")
    automatic = context.boolean(keys["automatic"]) if "automatic" in keys else True
    manual = Compare("eq", context.column("SnapshotType"), Literal("manual"))
    reached = context.reached if automatic else conjunction([context.reached, manual])
    return Kept(
        reached, context.column("DBInstanceIdentifier"), context.column("SnapshotCreateTime"), descending=True,
        skip=0, skip_share=0, limit=1, share=0,
    )  # fmt: skip


# A bucket's name before S3's domain, and S3's domain alone: the bucket is then the first part of the path.
_BEFORE = r"(.*)\.s3(?:-.*)?(?:\..*-[0-9])?\.amazonaws.com"
_ALONE = r"((?:[^.]+\.)?s3(?:-.*)?(?:\..*-[0-9])?\.amazonaws.com)"


def mismatched_origin(context: Context, item: Located) -> Predicate:
    """`mismatch-s3-origin`: an origin is a bucket that is not the account's own; with `check_custom_origins`, one
    behind an origin that is declared as custom, too.

    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/DownloadDistS3AndCustomOrigins.html
    """
    keys = item.only("a mismatch-s3-origin filter", ("type", "check_custom_origins"))
    custom = context.boolean(keys["check_custom_origins"]) if "check_custom_origins" in keys else False
    kind = context.catalog["s3"]
    origins = context.column("Origins.Items")
    one = Place(origins.kind.item if isinstance(origins.kind, ListOf) else JSON, 1, what="an origin")
    domain = member(one, "DomainName", item)
    before, alone = Extract(domain, _BEFORE), Extract(domain, _ALONE)
    path = Extract(member(one, "OriginPath", item), "/?((?s:.*))")
    in_path = Choice(IsNull(alone), Literal(None), path, TEXT)
    of_s3 = negation(IsNull(member(one, "S3OriginConfig", item)))
    bucket = Choice(conjunction([IsNull(before), negation(of_s3)]), in_path, before, TEXT)
    of_custom = conjunction([negation(IsNull(member(one, "CustomOriginConfig", item))), TRUE if custom else FALSE])
    buckets = Each(origins, 1, disjunction([of_s3, of_custom]), bucket, ListOf(TEXT))
    names = value_at(Place.of(kind), "Name", item)
    # No bucket of the account fulfils this, and one that it has not counts.
    return Linked(buckets, kind.name, names, within(context.type, kind), FALSE, dangling=True)


def cross_cluster(context: Context, item: Located) -> Predicate:
    """`cross-cluster` of elasticsearch: a value filter on the domain's connections from others (`inbound`), to others
    (`outbound`), or both, of which some connection is to match.

    https://docs.aws.amazon.com/opensearch-service/latest/developerguide/cross-cluster-search.html
    """
    keys = item.only("a cross-cluster filter", ("type", "inbound", "outbound"))
    found: list[Predicate] = []
    for word, name in (("inbound", "InboundConnections"), ("outbound", "OutboundConnections")):
        if word in keys:
            listed = context.column(name)
            kind = listed.kind.item if isinstance(listed.kind, ListOf) else JSON
            inner = context.inside(Place(kind, 1, what=f"a connection ({word})"))
            found.append(CountItems(listed, 1, value_filter(inner, keys[word])))
    if not found:
        context.mistake(item.error("without `inbound` or `outbound` this matches nothing."))
    return disjunction(found)


FILTERS: Mapping[str, Mapping[str, Filter]] = {
    "sqs": {"dead-letter": dead_letter},
    "rds": {"kms-alias": kms_alias},
    "rds-snapshot": {"latest": latest},
    "ecs": {"ebs-storage": ebs_storage},
    "distribution": {"mismatch-s3-origin": mismatched_origin},
    "elasticsearch": {"cross-cluster": cross_cluster},
}
