"""Details: columns that cost calls of their own. One call a row, one for several rows, or one for a whole listing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from crenel.catalog.spec import Call, Detail
from crenel.collect.context import UnitContext
from crenel.collect.oddities import ODDITIES
from crenel.collect.rows import MissingColumnError, Row, filled, holds, inside, names_in, reach
from crenel.errors import CallError

_UNANSWERED = frozenset({"Timeout", "ConnectionError"})


def hydrate(context: UnitContext, detail: Detail, rows: Sequence[Row]) -> None:
    """Fill a detail's columns in all rows of a page, or note why they could not be read."""
    rows = [row for row in rows if not row.dropped]
    if detail.oddity:
        if rows:
            ODDITIES[detail.oddity](context, detail, rows)
        return
    rows = _possible(context, detail, rows)
    rows = _wanted(context, detail, rows)
    if not rows:
        return
    if detail.once:
        _once(context, detail, rows)
    elif detail.batch:
        _in_batches(context, detail, rows)
    else:
        call = _call(detail)
        context.each(call.service, lambda row: _ask(context, detail, [row]), rows, call.operation)


def _possible(context: UnitContext, detail: Detail, rows: Sequence[Row]) -> list[Row]:
    """Return the rows for which everything that the call is made of is known; the others get a gap."""
    columns = names_in(_call(detail).params) | ({detail.match[0]} if detail.match else set())
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


def _wanted(context: UnitContext, detail: Detail, rows: Sequence[Row]) -> list[Row]:
    """Return the rows that `when` and `unless` leave; what could not be read speaks for asking."""
    if not detail.when and not detail.unless:
        return list(rows)
    gap_of = {column: context.kind.detail_of(column) or "" for column in context.kind.schema()}
    found = []
    for row in rows:
        if holds(detail.when, row, gap_of, unknown=True) and not (
            detail.unless and holds(detail.unless, row, gap_of, unknown=False)
        ):
            found.append(row)
        elif not detail.merge:
            row.values[detail.name] = None
    return found


def _once(context: UnitContext, detail: Detail, rows: Sequence[Row]) -> None:
    """Join the rows with one listing, asked at the unit's first rows."""
    call = _call(detail)
    first = detail.name not in context.once
    if first:
        try:
            context.once[detail.name] = _listed(context, detail, call)
        except CallError as error:
            context.once[detail.name] = error
    listed = context.once[detail.name]
    if isinstance(listed, CallError):
        # One gap speaks for the whole unit; the rows know of it as well.
        context.note(detail.name, rows, listed, call.permission, resources=[""] if first else [])
        return
    for row in rows:
        found = listed.get(reach(row.values, detail.match[0]) if detail.match else None)
        if detail.present:
            row.values[detail.name] = found is not None
        elif detail.gather:
            row.values[detail.name] = found or []
        else:
            _store(context, detail, row, found[0] if found else None)


def _listed(context: UnitContext, detail: Detail, call: Call) -> dict[Any, list[Any]]:
    """Return what the listing has, by key (all under None where nothing is to match)."""
    found: dict[Any, list[Any]] = {}
    for answer in context.pages(call.service, call.operation, call.params):
        items = inside(answer, detail.each)
        if not isinstance(items, list):
            raise CallError(call.name, "InvalidResponse", f"the answer has no {'.'.join(detail.each)}")
        for item in items:
            key = item.get(detail.match[1]) if detail.match else None
            kept = found.setdefault(key, [])
            if detail.gather or not kept:
                kept.append(True if detail.present else inside(item, detail.take))
    return found


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


def _answers(context: UnitContext, detail: Detail, call: Call, params: Mapping[str, Any], region: str) -> list[Any]:
    """Return what a call gives: its items where it answers for several rows, else the one value, pages put together."""
    values: list[Any] = []
    for answer in context.pages(call.service, call.operation, params, region):
        if detail.each:
            values += inside(answer, detail.each) or []
            continue
        value = inside(answer, detail.take)
        if values and isinstance(value, list) and isinstance(values[0], list):
            values[0] += value
        elif not values:
            values.append(value)
    return values


def _spread(context: UnitContext, detail: Detail, rows: Sequence[Row], answers: Sequence[Any]) -> None:
    if not detail.each:
        value = answers[0] if answers else None
        if value is None or value == {}:
            # AWS says what is absent with an error of its own, never by an answer that lacks what was asked for.
            _unanswered(context, detail, rows[0])
        else:
            _store(context, detail, rows[0], value)
        return
    for row in rows:
        key = reach(row.values, detail.match[0]) if detail.match else None
        found = [item for item in answers if detail.match is None or item.get(detail.match[1]) == key]
        if detail.present:
            row.values[detail.name] = bool(found)
        elif detail.gather:
            row.values[detail.name] = [inside(item, detail.take) for item in found]
        elif found:
            _store(context, detail, row, inside(found[0], detail.take))
        else:
            _unanswered(context, detail, row)


def _refused(context: UnitContext, detail: Detail, rows: Sequence[Row], error: CallError) -> None:
    if _says(error, detail.gone):
        for row in rows:
            row.dropped = True
    elif _says(error, detail.absent):
        for row in rows if not detail.merge else ():
            row.values[detail.name] = None
    else:
        context.note(detail.name, rows, error, _call(detail).permission)


def _says(error: CallError, codes: Iterable[str]) -> bool:
    """Return whether an error is one of these: a code, or ``code: how its message begins`` to tell it from others."""
    parts = (code.partition(": ") for code in codes)
    return any(error.code == code and error.detail.startswith(message) for code, _, message in parts)


def _store(context: UnitContext, detail: Detail, row: Row, value: Any) -> None:  # noqa: ANN401 (any parsed value)
    if not detail.merge:
        row.values[detail.name] = value
        return
    found = {name: value[name] for name in detail.columns if name in value} if isinstance(value, Mapping) else {}
    if found:
        row.values.update(found)
    else:
        # Nothing to put beside the row's columns is no answer: they would read as null, and null as fine.
        _unanswered(context, detail, row)


def _unanswered(context: UnitContext, detail: Detail, row: Row) -> None:
    call = _call(detail)
    name = reach(row.values, detail.match[0] if detail.match else context.kind.id)
    context.note(detail.name, [row], CallError(call.name, "NotAnswered", f"AWS's answer does not speak of {name}"),
                 call.permission)  # fmt: skip


def _region(context: UnitContext, detail: Detail, row: Row) -> str:
    return (row.home or context.asked_in) if detail.at_home else context.asked_in


def _call(detail: Detail) -> Call:
    if detail.call is None:
        raise ValueError(f"the detail {detail.name} has no call")  # the catalogue's loader lets no such thing through
    return detail.call
