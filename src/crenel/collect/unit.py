"""One unit of a scan from its listing to the spool, a page at a time."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from crenel.catalog.spec import Detail, Listing
from crenel.collect.config_items import recorded
from crenel.collect.context import UnitContext, elsewhere
from crenel.collect.details import hydrate
from crenel.collect.rows import Row, arn, filled, holds, home, inside, items_of, owner, reach, retagged
from crenel.collect.spool import Spool
from crenel.errors import CallError
from crenel.model import UnitRecord

# How code stumbles over an answer that has not the shape that AWS's model promises.
_MISSHAPEN = (LookupError, TypeError, ValueError, AttributeError)


def read_unit(context: UnitContext, spool: Spool) -> UnitRecord:
    """Read one unit into the spool and return its record, which is in place by then.

    What AWS refuses becomes a gap. Raises `InterruptedScan` where the scan is told to stop (the unit is not finished
    then) and `CrenelError` where the spool can't be written or the credentials have expired.
    """
    began = time.monotonic()
    with spool.open(context.unit) as out:
        try:
            listed = 0
            for rows in _pages(context):
                _fill(context, rows)
                numbered = enumerate(rows, listed)
                out.write([_dressed(context, row, number) for number, row in numbered if not row.dropped])
                listed += len(rows)
        except CallError as error:
            context.note_listing(error)
        record = UnitRecord(
            unit=context.unit,
            rows=out.count,
            calls=context.tally.calls,
            seconds=round(time.monotonic() - began, 3),
            gaps=tuple(context.gaps),
            finished_at=datetime.now(UTC),
        )
        context.tally.check()
        out.finish(record)
    return record


def _pages(context: UnitContext) -> Iterator[list[Row]]:
    """Yield the unit's rows as the listing gives them, page by page."""
    listing = context.kind.listing
    if listing is None:
        known = {"account_id": context.unit.account, "partition": context.target.account.partition}
        values: dict[str, Any] = {name: known.get(name) for name in context.kind.columns}
        yield [Row(values, context.unit.region)]
        return
    try:
        yield from _listed(context, listing)
    except CallError as error:
        if listing.otherwise is None or not elsewhere(error.code):
            raise
        # The gap stays: the other call knows some of the rows alone.
        context.note_listing(error)
        yield from _listed(context, listing.otherwise)


def _listed(context: UnitContext, listing: Listing) -> Iterator[list[Row]]:
    """Yield the rows that a listing gives, page by page."""
    region, seen = context.unit.region, set[str]()
    here = {f"{{{name}}}": value for name, value in context.place().items()}
    given = listing.call.params.items()
    params = {key: here.get(value, value) if isinstance(value, str) else value for key, value in given}
    for answer in context.pages(listing.call.service, listing.call.operation, params, listing.at):
        items, path = items_of(answer, listing), ".".join(listing.items)
        if items is None and listing.empty and isinstance(inside(answer, listing.items[:-1]), Mapping):
            items = []
        if not isinstance(items, list):
            # Most of AWS names an empty list too: an answer that says nothing of it is not AWS's, and no empty account.
            raise CallError(listing.call.name, "InvalidResponse", f"the answer has no {path}")
        if listing.recorded:
            items = _recorded(context, items)
        if not listing.scalar and not all(isinstance(item, Mapping) for item in items):
            raise CallError(listing.call.name, "InvalidResponse", f"not all of {path} are structures")
        if items:
            named = ({listing.scalar: item} if listing.scalar else item for item in items)
            rows = [Row(retagged(item, context.kind.tags), region) for item in named]
            rows = [row for row in rows if holds(listing.where, row, {}, unknown=True)]
            yield _made(context, listing, rows, seen) if listing.made else rows


def _made(context: UnitContext, listing: Listing, items: Sequence[Row], seen: set[str]) -> list[Row]:
    """Return rows with the columns that a stand-in's items give, each once (`seen`: their ids so far)."""
    found = []
    for item in items:
        item.place = context.place()
        row = Row(filled(listing.made, [item]), item.region)
        identity = str(reach(row.values, context.kind.id))
        if identity not in seen:
            seen.add(identity)
            found.append(row)
    return found


def _recorded(context: UnitContext, texts: Sequence[Any]) -> list[dict[str, Any]]:
    """Return the rows of AWS Config's items."""
    try:
        return [recorded(text, context.kind) for text in texts]
    except ValueError as error:
        raise CallError("config:SelectResourceConfig", "InvalidResponse", f"{error}") from error


def _fill(context: UnitContext, rows: Sequence[Row]) -> None:
    """Fill the details in question in a page's rows; where a resource lives comes first, since others depend on it."""
    kind = context.kind
    if kind.own:
        for row in rows:
            row.dropped = owner(kind, row.values, context.unit.account) != context.unit.account
    first = [detail for detail in context.details if detail.name == kind.home]
    for detail in first:
        _hydrate(context, detail, rows)
    for row in rows:
        row.home = None if kind.home in row.gaps else home(kind, row.values, row.region)
        row.primary = not kind.shadows or _primary(context, row)
        if kind.own and owner(kind, row.values, context.unit.account) != context.unit.account:
            row.dropped = True
        if context.restricted and row.region != row.home and row.home and row.home not in context.scanned:
            row.dropped = row.dropped or not kind.regional
        if not row.primary:
            row.gaps |= {detail.name: f"read at its home Region {row.home}" for detail in context.details}
    here = [row for row in rows if row.primary]
    for detail in context.details:
        if detail not in first:
            _hydrate(context, detail, here)


def _hydrate(context: UnitContext, detail: Detail, rows: Sequence[Row]) -> None:
    """Fill a detail in a page's rows; one that stumbles over an answer's shape is a gap, and the scan goes on."""
    try:
        hydrate(context, detail, rows)
    except _MISSHAPEN as error:
        listing = context.kind.listing
        call = detail.call or (listing.call if listing else None)
        name = detail.permissions[0] if detail.oddity and detail.permissions else call.name if call else detail.name
        problem = CallError(name, "InvalidResponse", f"{type(error).__name__}: {error}")
        context.note(detail.name, [row for row in rows if not row.dropped], problem, "")


def _primary(context: UnitContext, row: Row) -> bool:
    """Return whether a resource that shows in many Regions is to be read in this one: at home, else in the first."""
    if row.home in context.scanned:
        return row.home == row.region
    return row.region == next(iter(context.scanned), row.region)


def _dressed(context: UnitContext, row: Row, number: int) -> dict[str, Any]:
    """Return a row as it goes to the spool: the columns that all types have, then AWS's own.

    `number` is its place in the unit's listing.
    """
    kind, values, account = context.kind, row.values, context.unit.account
    owned_by = owner(kind, values, account)
    named = arn(kind.arn, row, context.target.account.partition, account, owned_by)
    identity = reach(values, kind.id) or named
    return {
        "_account": account,
        "_region": row.region,
        "_home": row.home,
        "_owner": owned_by,
        "_primary": row.primary,
        "_id": identity,
        "_arn": named,
        "_name": reach(values, kind.label) or identity,
        "_seen_at": datetime.now(UTC),
        "_gaps": row.gaps,
        "_n": number,
        **values,
    }
