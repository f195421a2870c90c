"""What a scan will cost, told before any call."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from crenel.catalog.load import Catalog
from crenel.catalog.spec import Detail, Listing, ResourceType
from crenel.collect.limits import Rate, rate_of
from crenel.collect.paging import paging
from crenel.model import GLOBAL, Needs

EVERY_REGION = "each enabled Region"

_LATENCY = (0.04, 0.1)  # seconds a call, near and far
_AT_ONCE = 48
_PAGE_KEYS = ("MaxResults", "MaxItems", "MaxRecords", "MaxBuckets", "Limit")
_API_PART = 0.5  # our ceiling is this part of what AWS allows
# The hand-written reads: calls a listing, calls a resource at most, and in words.
_ODD = {
    "iam-user-password": (2, 1, "users whose password looks unused, or is missing in the credential report"),
    "iam-user-mfa": (2, 1, "users with a password and no MFA in the credential report"),
    "iam-user-access-keys": (2, 1, "users with access keys"),
    "iam-user-credential": (2, 0, ""),
    "iam-root-credential": (2, 0, ""),
    "iam-user-access-key-use": (0, 2, "active access keys that look unused"),
    "iam-policy-simulation": (0, 2, "IAM policies"),
    "iam-last-accessed": (0, 2, "users, roles, groups or policies, and more while AWS makes its report"),
    "s3-bucket-location": (0, 1, "buckets whose Region the listing does not name"),
}
_REPORTED = (
    "iam-user-password", "iam-user-mfa", "iam-user-access-keys", "iam-user-credential", "iam-root-credential",
)  # fmt: skip  # share one credential report


@dataclass(frozen=True, slots=True)
class Line:
    """The calls of one service in one Region. `calls` is exact, or (`exact` false) the least; `depends` says on what.

    `seconds` is the time they take, at 40 and at 100 ms a call; `share` is the part of the API's rate that the scan
    takes meanwhile, 0 to 0.5.
    """

    service: str
    region: str
    calls: int
    exact: bool
    depends: str
    seconds: tuple[float, float]
    share: float


@dataclass(frozen=True, slots=True)
class Part:
    """Calls of one operation in one Region, and in words how many more there may be."""

    service: str
    operation: str
    region: str
    calls: int
    more: str = ""


def estimate(
    needs: Sequence[Needs],
    regions: Sequence[str] | None,
    catalog: Catalog,
    rates: Mapping[str, Rate],
    sizes: Mapping[tuple[str, str], int] | None = None,
) -> list[Line]:
    """Return a scan's calls by service and Region for one account; calls that find out the Regions are left out.

    `regions` None: unknown as yet, one line stands for each enabled Region. `sizes` are the rows by type and Region
    (``global`` for account-wide types) that the last snapshot had; without them
    the numbers are those of an empty account, the least that there can be.
    `rates` are calls a second and bursts as `limits.rates` gives them.
    """
    places = list(regions) if regions is not None else [EVERY_REGION]
    parts: list[Part] = []
    for need in needs:
        kind = catalog[need.type]
        where = places if kind.regional else [GLOBAL]
        for region in where:
            parts += _parts(kind, need, region, (sizes or {}).get((kind.name, region), 0))
    groups: dict[tuple[str, str], list[Part]] = {}
    for part in parts:
        groups.setdefault((part.service, part.region), []).append(part)
    return [_line(service, region, group, rates) for (service, region), group in sorted(groups.items())]


def parts_of(need: Needs, catalog: Catalog) -> list[Part]:
    """Return the calls that one type takes in an account: the least in each Region, or in the account, and on what more
    depends.
    """
    kind = catalog[need.type]
    return list(_parts(kind, need, EVERY_REGION if kind.regional else GLOBAL, 0))


def _parts(kind: ResourceType, need: Needs, region: str, size: int) -> Iterator[Part]:
    rows = 1 if kind.listing is None else size
    if kind.listing is not None:
        yield _listing(kind, kind.listing, region, rows)
    reported = False
    listed: list[tuple[object, ...]] = []
    for detail in kind.with_needs(need.details):
        if detail.oddity:
            yield from _odd(detail, region, with_report=not reported)
            reported = reported or detail.oddity in _REPORTED
        elif detail.call is not None and not (detail.once and (detail.call, detail.each) in listed):
            yield _detail(kind, detail, region, rows)
            listed.append((detail.call, detail.each))
        for before, source in pairwise(detail.sources):
            yield from _instead(kind, before, source, region)


def _instead(kind: ResourceType, before: Detail, source: Detail, region: str) -> Iterator[Part]:
    """Yield what is asked where the source before it is denied."""
    permission = source.permissions[-1] if source.permissions else ""
    service = source.call.service if source.call else permission.split(":")[0]
    operation = source.call.operation if source.call else permission.split(":")[-1]
    denied = before.call.operation if before.call else before.name
    if service:
        of = "1 for all" if source.once else "1 or more for each"
        yield Part(service, operation, region, 0, f"{of} of the {kind.title} where {denied} is denied")


def _listing(kind: ResourceType, listing: Listing, region: str, rows: int) -> Part:
    call = listing.call
    if paging(call.service, call.operation) is None:
        return Part(call.service, call.operation, region, 1)
    page = next((int(call.params[key]) for key in _PAGE_KEYS if key in call.params), 100)
    return Part(
        call.service,
        call.operation,
        region,
        max(1, math.ceil(rows / page)),
        f"1 for every {page:,} {kind.title} or part",
    )


def _detail(kind: ResourceType, detail: Detail, region: str, rows: int) -> Part:
    call = detail.call
    if call is None:
        raise ValueError(f"the detail {detail.name} has no call")
    if kind.listing is None and not detail.over:
        return Part(call.service, call.operation, region, 1)
    if detail.once and not detail.when:
        return Part(call.service, call.operation, region, min(1, rows), f"1 where there are {kind.title}")
    if detail.over:
        return Part(call.service, call.operation, region, 0, f"1 for each of {'.'.join(detail.over)}")
    size = detail.batch or 1
    of = "all" if detail.once else f"every {size}" if detail.batch else "each"
    of = f"{of} of the {kind.title}"
    if detail.when or detail.unless:
        conditions = ", ".join(f"{'' if detail.when else 'not '}{key}" for key in detail.when or detail.unless)
        return Part(call.service, call.operation, region, 0, f"1 for {of} where {conditions}")
    return Part(call.service, call.operation, region, math.ceil(rows / size), f"1 for {of}")


def _odd(detail: Detail, region: str, *, with_report: bool) -> Iterator[Part]:
    if detail.oddity not in _ODD:
        return
    once, each, words = _ODD[detail.oddity]
    service = detail.permissions[0].split(":")[0]
    operation = detail.permissions[-1].split(":")[1]
    if each:
        yield Part(service, operation, region, 0, f"up to {each} for {words}")
    if once and with_report:
        yield Part(service, "GetCredentialReport", region, 0, f"{once} or more where there are users")


def _line(service: str, region: str, parts: Sequence[Part], rates: Mapping[str, Rate]) -> Line:
    calls = sum(part.calls for part in parts)
    more = list(dict.fromkeys(f"{part.operation}: {part.more}" for part in parts if part.more))
    shared = rate_of(rates, service)
    apart = [part for part in parts if f"{service}:{part.operation}" in rates]
    limited = shared.seconds(calls - sum(part.calls for part in apart))
    for part in apart:
        limited = max(limited, rates[f"{service}:{part.operation}"].seconds(part.calls))
    near, far = (max(limited, math.ceil(calls / _AT_ONCE) * latency) for latency in _LATENCY)
    allowed = max([shared.most, *(rates[f"{service}:{part.operation}"].most for part in apart)])
    share = min(_API_PART, calls / max(near, 1.0) / allowed * _API_PART)
    return Line(service, region, calls, not more, "; ".join(more), (round(near, 2), round(far, 2)), round(share, 3))
