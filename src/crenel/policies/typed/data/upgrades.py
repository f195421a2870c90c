"""`upgrade-available`: what a service offers in the Region, against the version that a resource has."""

from __future__ import annotations

from collections.abc import Mapping

from crenel.catalog.columns import TEXT, ListOf
from crenel.language.plan import (
    FALSE,
    TRUE,
    At,
    Call,
    Choice,
    Compare,
    CountItems,
    Extract,
    Field,
    IsEmpty,
    IsNull,
    Literal,
    Lower,
    Op,
    Predicate,
    Value,
    conjunction,
    disjunction,
    negation,
)
from crenel.policies.context import Context, Filter
from crenel.policies.keys.key import Place, member
from crenel.positions import Located

_PARTS = ListOf(TEXT)


def _options(context: Context, item: Located) -> tuple[bool, bool]:
    """Return the options `major` (off where left out) and `value` (on)."""
    keys = item.only("an upgrade-available filter", ("type", "major", "value"))
    major = context.boolean(keys["major"]) if "major" in keys else False
    return major, context.boolean(keys["value"]) if "value" in keys else True


def _parts(version: Value) -> Value:
    """Return the parts of a version, in a form that is ordered as the numbers are."""
    return Call("version_parts", (version,), _PARTS)


def _part(version: Value, index: int, op: Op, other: Value) -> Predicate:
    """Return how one part of two versions compares; false where either has no such part."""
    mine, theirs = (At(_parts(each), index, TEXT) for each in (version, other))
    return conjunction([negation(IsNull(mine)), Compare(op, mine, theirs)])


def _items(context: Context, column: str) -> tuple[Field, Place]:
    """Return a column with a list and the place of its items."""
    listed = context.column(column)
    kind = listed.kind.item if isinstance(listed.kind, ListOf) else TEXT
    return listed, Place(kind, 1, what=f"an item of {column}")


def rds(context: Context, item: Located) -> Predicate:
    """`upgrade-available` of rds: AWS names a version to which the instance's can go, a minor one unless `major`.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_UpgradeTarget.html
    """
    major, wanted = _options(context, item)
    if not wanted:
        error = item.error(
            "with `value: false` every instance matches, in Cloud Custodian too.",
            "Put `upgrade-available` in a `not` block for those without one.",
        )
        context.mistake(error)
        return TRUE
    targets, one = _items(context, "UpgradeTargets")
    is_major = Compare("eq", member(one, "IsMajorVersionUpgrade", item), Literal(value=True))
    return CountItems(targets, 1, TRUE if major else negation(is_major))


def cache_cluster(context: Context, item: Located) -> Predicate:
    """`upgrade-available` of cache-cluster: a service update brings its engine to a higher version, of the same major
    one unless `major`; with `value` (the default) the version that the cluster has counts as well.

    https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ServiceUpdate.html
    """
    major, same_too = _options(context, item)
    updates, one = _items(context, "ServiceUpdates")
    offered = Extract(member(one, "EngineVersion", item), r"[^-]*-(.*?)\s*(?:and onwards\s*)?\z")
    mine = context.column("EngineVersion")
    higher = Compare("gt", _parts(offered), _parts(mine))
    near = TRUE if major else _part(offered, 0, "eq", mine)
    same = Compare("eq", _parts(offered), _parts(mine)) if same_too else FALSE
    return CountItems(
        updates,
        1,
        conjunction(
            [
                Compare("eq", Lower(member(one, "Engine", item)), Lower(context.column("Engine"))),
                negation(IsEmpty(offered)),
                disjunction([same, conjunction([higher, near])]),
            ]
        ),
    )


def eks(context: Context, item: Located) -> Predicate:
    """`upgrade-available` of eks: EKS offers a version with a higher number behind the dot, of the same major one
    unless `major`. A version that EKS does not offer any more has no upgrades; a cluster without one matches nothing.

    https://docs.aws.amazon.com/eks/latest/APIReference/API_DescribeClusterVersions.html
    """
    major, wanted = _options(context, item)
    versions, one = _items(context, "ClusterVersions")
    offered, mine = member(one, "clusterVersion", item), context.column("version")
    found = conjunction(
        [
            CountItems(versions, 1, Compare("eq", offered, mine)),
            CountItems(
                versions,
                1,
                conjunction(
                    [
                        Compare("gt", offered, mine),
                        TRUE if major else negation(_part(offered, 0, "gt", mine)),
                        _part(offered, 1, "gt", mine),
                    ]
                ),
            ),
        ]
    )
    return conjunction([negation(IsEmpty(mine)), found if wanted else negation(found)])


def _engine(version: Value) -> Value:
    """Return the engine of a version as OpenSearch writes it, in small letters: ``OpenSearch_2.11``, ``7.10``."""
    named = Extract(version, r"([^_]*)_")
    return Lower(Choice(IsNull(named), Literal("elasticsearch"), named, TEXT))


def _number(version: Value) -> Value:
    return Extract(version, r"(?:[^_]*_)?(.*)")


def elasticsearch(context: Context, item: Located) -> Predicate:
    """`upgrade-available` of elasticsearch: the domain's version can go to another of its engine, and without `major`
    of the same major version; with `major` to any that AWS names.

    https://docs.aws.amazon.com/opensearch-service/latest/APIReference/API_CompatibleVersionsMap.html
    """
    major, wanted = _options(context, item)
    offers, one = _items(context, "CompatibleVersions")
    mine, source = context.column("ElasticsearchVersion"), member(one, "SourceVersion", item)
    target = Field((), TEXT, 2)
    near = conjunction(
        [
            Compare("eq", _engine(target), _engine(mine)),
            negation(_part(_number(target), 0, "gt", _number(source))),
        ]
    )
    found = CountItems(
        offers,
        1,
        conjunction(
            [
                Compare("eq", _engine(source), _engine(mine)),
                _part(_number(source), 0, "eq", _number(mine)),
                _part(_number(source), 1, "eq", _number(mine)),
                CountItems(member(one, "TargetVersions", item), 2, TRUE if major else near),
            ]
        ),
    )
    return found if wanted else negation(found)


FILTERS: Mapping[str, Mapping[str, Filter]] = {
    "rds": {"upgrade-available": rds},
    "cache-cluster": {"upgrade-available": cache_cluster},
    "eks": {"upgrade-available": eks},
    "elasticsearch": {"upgrade-available": elasticsearch},
}
