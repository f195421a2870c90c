"""Details: columns that cost calls of their own. One call a row, one for several rows, or one for a whole listing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any

from crenel.catalog.details import ITEM
from crenel.catalog.spec import ARN, RESOURCE, Call, Detail
from crenel.collect.context import UnitContext
from crenel.collect.oddities import ODDITIES
from crenel.collect.rows import MissingColumnError, Row, filled, holds, inside, names_in, reach, retagged, tags
from crenel.errors import CallError

_UNANSWERED = frozenset({"Timeout", "ConnectionError"})


def hydrate(context: UnitContext, detail: Detail, rows: Sequence[Row]) -> None:
    """Fill a detail's columns in all rows of a page, or note why they could not be read."""
    rows = [row for row in rows if not row.dropped]
    since = len(context.gaps)
    _read(context, detail, rows)
    if detail.otherwise is not None:
        denied = [row for row in rows if detail.name in row.denied]
        if denied:
            context.take_back(detail.name, denied, since)
            hydrate(context, detail.otherwise, denied)


def _read(context: UnitContext, detail: Detail, rows: Sequence[Row]) -> None:
    """Fill a detail from one source."""
    if not detail.oddity:
        rows = _possible(context, detail, rows)
    rows = _wanted(context, detail, rows)
    if not rows:
        return
    if detail.oddity:
        ODDITIES[detail.oddity](context, detail, rows)
        return
    if any(name.startswith("@") for name in _named(detail)):
        for row in rows:
            row.place = context.place(row)
    if detail.once:
        _once(context, detail, rows)
    elif detail.batch and not detail.over:
        _in_batches(context, detail, rows)
    else:
        call = _call(detail)
        context.each(call.service, lambda row: _ask(context, detail, [row]), rows, call.operation)


def _possible(context: UnitContext, detail: Detail, rows: Sequence[Row]) -> list[Row]:
    """Return the rows for which everything that the call is made of is known; the others get a gap."""
    columns = _named(detail)
    if columns & {ARN, RESOURCE}:
        columns |= names_in(context.kind.arn)
    sources = {context.kind.detail_of(column) for column in columns - set(context.kind.columns)} - {None}
    found = []
    for row in rows:
        missing = next((source for source in sources if source in row.gaps), None)
        if missing is None:
            found.append(row)
        else:
            error = CallError(_call(detail).name, "NotAsked", f"needs {missing}, which could not be read")
            context.note(detail.name, [row], error, "")
    return found


def _named(detail: Detail) -> set[str]:
    """Return the columns, and the words for a row's place, that a detail's call and its match are made of."""
    mine = detail.match[0] if detail.match else ""
    matched = (names_in(mine) or {mine.split(".")[0]}) if mine else set()
    return names_in(_call(detail).params) | matched | set(detail.over[:1])


def _wanted(context: UnitContext, detail: Detail, rows: Sequence[Row]) -> list[Row]:
    """Return the rows that `when` and `unless` leave; what could not be read speaks for asking."""
    if not detail.when and not detail.unless:
        return list(rows)
    gap_of = {column: context.kind.detail_of(column) or "" for column in context.kind.schema()}
    when = {path: wanted for path, wanted in detail.when.items() if path.split(".")[0] != ITEM}
    found = []
    for row in rows:
        if holds(when, row, gap_of, unknown=True) and not (
            detail.unless and holds(detail.unless, row, gap_of, unknown=False)
        ):
            found.append(row)
        elif not detail.merge or detail.over:
            row.values.setdefault(detail.name, _nothing(detail))
    return found


def _once(context: UnitContext, detail: Detail, rows: Sequence[Row]) -> None:
    """Join the rows with one listing, asked at the unit's first rows."""
    call = _call(detail)
    first = detail not in context.once
    if first:
        try:
            context.once[detail] = _listed(context, detail, call)
        except CallError as error:
            context.once[detail] = {} if _says(error, detail.absent) else error
    listed = context.once[detail]
    if isinstance(listed, CallError):
        # One gap speaks for the whole unit; the rows know of it as well.
        context.note(detail.name, rows, listed, call.permission, resources=[""] if first else [])
        return
    for row in rows:
        key = row.reach(detail.match[0]) if detail.match else None
        if listed and detail.match and key is None:
            _unanswered(context, detail, row)
            continue
        found = listed.get(key)
        if found is None and detail.whole:
            _unanswered(context, detail, row)
        elif detail.present:
            row.values[detail.name] = found is not None
        elif detail.gather:
            row.values[detail.name] = found or (None if detail.empty else [])
        else:
            _store(context, detail, row, found[0] if found else None)


def _listed(context: UnitContext, detail: Detail, call: Call) -> dict[Any, list[Any]]:
    """Return what the listing has, by key (all under None where nothing is to match); an item that has none is left
    out.
    """
    found: dict[Any, list[Any]] = {}
    for item in _items(context, detail, call):
        for key in _keys(detail, item):
            if key is None and detail.match:
                continue
            kept = found.setdefault(key, [])
            if detail.gather or not kept:
                kept.append(True if detail.present else inside(item, detail.take))
    return found


def _keys(detail: Detail, item: Any) -> list[Any]:  # noqa: ANN401 (any parsed value)
    """Return what an item of an answer is matched by: one value, or the values in a list of them, each once.

    Raises `TypeError` where it is no structure.
    """
    if detail.match is None:
        return [None]
    if not isinstance(item, Mapping):
        raise TypeError("an item is no structure")
    found = inside(item, detail.match[1].split("."))
    return list(dict.fromkeys(found)) if isinstance(found, list) else [found]


def _items(context: UnitContext, detail: Detail, call: Call) -> Iterable[Any]:
    """Return the items of a listing; one that several details of the unit are made of is asked for once, and kept."""
    same = (detail.call, detail.each, detail.at)
    if sum((one.call, one.each, one.at) == same for one in context.details if one.once) < 2:
        return _asked(context, detail, call)
    key = json.dumps([call.name, call.params, detail.each, detail.at], sort_keys=True)
    if key not in context.listings:
        try:
            context.listings[key] = list(_asked(context, detail, call))
        except CallError as error:
            context.listings[key] = error
    found: list[Any] | CallError = context.listings[key]
    if isinstance(found, CallError):
        raise found
    return found


def _asked(context: UnitContext, detail: Detail, call: Call) -> Iterator[Any]:
    params = filled(call.params, [Row({}, "", place=context.place())])
    for answer in context.pages(call.service, call.operation, params, _region(context, detail, None)):
        items = inside(answer, detail.each) if detail.each else [answer]
        if not isinstance(items, list):
            raise CallError(call.name, "InvalidResponse", f"the answer has no {'.'.join(detail.each)}")
        yield from items


def _in_batches(context: UnitContext, detail: Detail, rows: Sequence[Row]) -> None:
    by_region: dict[str, list[Row]] = {}
    for row in rows:
        by_region.setdefault(_region(context, detail, row), []).append(row)
    for group in by_region.values():
        batches = [Row({"rows": list(part)}, "") for part in _parts(group, detail.batch)]
        call = _call(detail)
        context.each(call.service, lambda batch: _ask(context, detail, batch.values["rows"]), batches, call.operation)


def _parts(rows: Sequence[Row], size: int) -> list[Sequence[Row]]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def _ask(context: UnitContext, detail: Detail, rows: Sequence[Row]) -> None:
    """Ask for one row, or for several in one call; what fails for several is asked one by one."""
    call = _call(detail)
    if detail.over:
        _ask_over(context, detail, rows[0])
        return
    try:
        params = filled(call.params, rows)
        answers = _answers(context, detail, call, params, _region(context, detail, rows[0]))
    except MissingColumnError as error:
        problem = CallError(call.name, "NotAsked", f"the resource has no {error}")
        context.note(detail.name, rows, problem, "")
    except CallError as error:
        if len(rows) > 1 and error.code not in _UNANSWERED:
            for row in rows:
                _ask(context, detail, [row])
        else:
            _refused(context, detail, rows, error)
    else:
        _spread(context, detail, rows, answers)


def _ask_over(context: UnitContext, detail: Detail, row: Row) -> None:
    """Ask for each item of a row's list, in its order, or for several in one call; an item that is gone is left out."""
    call = _call(detail)
    found: list[Any] = []
    items = reach(row.values, ".".join(detail.over)) or []
    of_items = {path: wanted for path, wanted in detail.when.items() if path.split(".")[0] == ITEM}
    all_ = [Row({**row.values, ITEM: item}, row.region, row.home, place=row.place) for item in items]
    asked = [one for one in all_ if holds(of_items, one, {}, unknown=True)]
    for batch in _parts(asked, detail.batch or 1):
        try:
            answers = _answers(context, detail, call, filled(call.params, batch), _region(context, detail, batch[0]))
        except MissingColumnError as error:
            context.note(detail.name, [row], CallError(call.name, "NotAsked", f"the resource has no {error}"), "")
            return
        except CallError as error:
            if _says(error, detail.gone):
                continue
            if not _says(error, detail.absent):
                context.note(detail.name, [row], error, call.permission)
                return
            answers = []
        if detail.batch:
            found += answers
            continue
        value = answers[0] if answers else None
        found.append({**_beside(detail, batch[0]), **(value or {})} if detail.merge else value)
    row.values[detail.name] = found


def _beside(detail: Detail, row: Row) -> dict[str, Any]:
    """Return the members of an item that stay beside its answer."""
    item: Mapping[str, Any] = row.values[ITEM]
    return {name: value for name, value in item.items() if not detail.beside or name in detail.beside}


def _answers(context: UnitContext, detail: Detail, call: Call, params: Mapping[str, Any], region: str) -> list[Any]:
    """Return what a call gives: its items where it answers for several rows, else the one value, pages put together."""
    values: list[Any] = []
    for answer in _pages(context, detail, call, params, region):
        if detail.each:
            values += inside(answer, detail.each) or []
            continue
        value = inside(answer, detail.take)
        if values and isinstance(value, list) and isinstance(values[0], list):
            values[0] += value
        elif not values:
            values.append(value)
        if detail.first:
            break
    return values


def _pages(
    context: UnitContext, detail: Detail, call: Call, params: Mapping[str, Any], region: str
) -> Iterable[dict[str, Any]]:
    """Yield an answer's pages; what many rows, or every Region's row of an account, would ask is asked once."""
    if not detail.shared and (detail.at != "main" or context.kind.listing is not None):
        return context.pages(call.service, call.operation, params, region)
    key = json.dumps([call.name, params, region], sort_keys=True)
    found: list[dict[str, Any]] = context.memo.get(
        key, lambda: list(context.pages(call.service, call.operation, params, region))
    )
    return deepcopy(found)


def _spread(context: UnitContext, detail: Detail, rows: Sequence[Row], answers: Sequence[Any]) -> None:
    if not detail.each:
        value = answers[0] if answers else None
        if (value is None or value == {}) and not detail.empty and not detail.as_tags:
            # AWS says what is absent with an error of its own, never by an answer that lacks what was asked for.
            _unanswered(context, detail, rows[0])
        else:
            _store(context, detail, rows[0], value)
        return
    for row in rows:
        key = row.reach(detail.match[0]) if detail.match else None
        found = [item for item in answers if key in _keys(detail, item)]
        if detail.present:
            row.values[detail.name] = bool(found)
        elif detail.gather:
            row.values[detail.name] = [inside(item, detail.take) for item in found]
        elif found:
            _store(context, detail, row, inside(found[0], detail.take))
        elif detail.empty or detail.as_tags:
            _store(context, detail, row, None)
        else:
            _unanswered(context, detail, row)


def _refused(context: UnitContext, detail: Detail, rows: Sequence[Row], error: CallError) -> None:
    if _says(error, detail.gone):
        for row in rows:
            row.dropped = True
    elif _says(error, detail.absent):
        for row in rows if not detail.merge else ():
            row.values[detail.name] = _nothing(detail)
    else:
        context.note(detail.name, rows, error, _call(detail).permission)


def _says(error: CallError, codes: Iterable[str]) -> bool:
    """Return whether an error is one of these: a code, or ``code: how its message begins`` to tell it from others."""
    parts = (code.partition(": ") for code in codes)
    return any(error.code == code and error.detail.startswith(message) for code, _, message in parts)


def _store(context: UnitContext, detail: Detail, row: Row, value: Any) -> None:  # noqa: ANN401 (any parsed value)
    if not detail.merge:
        row.values[detail.name] = _formed(detail, value)
        return
    made = retagged(value, context.kind.tags) if isinstance(value, Mapping) else {}
    # What the listing calls a resource stays its name.
    listed = context.kind.listing.scalar if context.kind.listing else ""
    found = {name: made[name] for name in detail.columns if name in made and name != listed}
    if found or detail.empty:
        row.values.update(found)
    else:
        # Nothing to put beside the row's columns is no answer: they would read as null, and null as fine.
        _unanswered(context, detail, row)


def _nothing(detail: Detail) -> Any:  # noqa: ANN401 (any column's value)
    """Return what a column holds where AWS says that there is nothing."""
    return [] if detail.as_tags else {detail.flag: False} if detail.flag else deepcopy(detail.default)


def _formed(detail: Detail, value: Any) -> Any:  # noqa: ANN401 (any parsed value)
    """Return a value as its column holds it."""
    if value is None:
        return _nothing(detail)
    if detail.as_tags:
        return tags(value)
    if detail.flag:
        value = {**value, detail.flag: True}
    if detail.scalar:
        value = [{detail.scalar: item} for item in value]
    return [value] if detail.as_list else value


def _unanswered(context: UnitContext, detail: Detail, row: Row) -> None:
    """Note that an answer says nothing of a row, or that the row lacks what it would be found by."""
    call = _call(detail)
    known_by = detail.match[0] if detail.match else context.kind.id
    name = row.reach(known_by)
    said = f"the resource has no {known_by}" if name is None else f"AWS's answer does not speak of {name}"
    context.note(detail.name, [row], CallError(call.name, "NotAnswered", said), call.permission)


def _region(context: UnitContext, detail: Detail, row: Row | None) -> str:
    if detail.at == "main":
        return context.target.home_region
    if detail.at == "item" and row is not None:
        return str(reach(row.values, f"{ITEM}.Region") or context.asked_in)
    if detail.at == "home":
        return (row.home if row is not None else None) or context.asked_in
    return detail.at if detail.at not in ("", "item") else context.asked_in


def _call(detail: Detail) -> Call:
    if detail.call is None:
        raise ValueError(f"the detail {detail.name} has no call")  # the catalogue's loader lets no such thing through
    return detail.call
