"""Backups without a day left out: `consecutive-snapshots`, `consecutive-backups`, `consecutive-aws-backups`.

    filters:
      NAME: {consecutive: COLUMN, time: MEMBER, status: MEMBER, statuses: [STATUS, …]}
      NAME: {consecutive: COLUMN, time: MEMBER, status: MEMBER, fixed: STATUS}       days alone, of this status
      NAME: {…, kind: MEMBER, kinds: [KIND, …]}                                      `backuptype`, besides

As in Cloud Custodian, a period is a day or an hour of UTC, `weeks` looks at the same day of each week before, and the
current period does not count.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from crenel.catalog.columns import JSON, ListOf
from crenel.errors import did_you_mean
from crenel.language.plan import Compare, Convert, CountItems, Literal, Predicate, Value, conjunction
from crenel.language.walking import kind_of
from crenel.policies.context import Context, Form
from crenel.policies.keys.key import Place, value_at
from crenel.positions import Located

_EVERY_KIND = "ALL"
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_STEPS: Mapping[str, timedelta] = {"hours": _HOUR, "days": _DAY, "weeks": timedelta(weeks=1)}


def consecutive(context: Context, item: Located, spec: Located) -> Predicate:
    """`consecutive`: in each of the given number of periods before this one there was a backup of this status."""
    declared = spec.mapping("a filter's declaration")
    backups = context.declared(spec, "consecutive")
    kind = kind_of(backups)
    place = Place(kind.item if isinstance(kind, ListOf) else JSON, 1, what="a backup")

    def member(name: str) -> Value:
        return value_at(place, declared[name].text(name), declared[name])

    known = ("days",) if "fixed" in declared else ("count", "period", "status")
    known = (*known, "backuptype") if "kind" in declared else known
    keys = item.only("this filter", ("type", *known))
    for name in known:
        if name not in keys:
            raise item.error(f"this filter needs `{name}`.", code="missing-key")
    if "fixed" in declared:
        period, status, number = "days", declared["fixed"].text("a status"), _count(context, keys["days"], "days")
    else:
        period = _word(keys["period"], "period", tuple(_STEPS))
        status = _word(keys["status"], "status", _listed(declared["statuses"]))
        number = _count(context, keys["count"], "count")
    such: list[Predicate] = [Compare("eq", member("status"), Literal(status))]
    if "kind" in declared:
        word = _word(keys["backuptype"], "backuptype", (*_listed(declared["kinds"]), _EVERY_KIND))
        such += [Compare("eq", member("kind"), Literal(word))] if word != _EVERY_KIND else []
    made = Convert(member("time"), "date")
    length = _HOUR if period == "hours" else _DAY
    starts = _starts(context.now or datetime.now(UTC), period, number)
    return conjunction(
        [CountItems(backups, 1, conjunction([*such, *_inside(made, start, length)])) for start in starts]
    )


def _starts(now: datetime, period: str, number: int) -> list[datetime]:
    """Return when each of the periods began, the latest first."""
    current = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    current = current if period == "hours" else current.replace(hour=0)
    return [current - _STEPS[period] * back for back in range(1, number + 1)]


def _inside(made: Value, start: datetime, length: timedelta) -> list[Predicate]:
    return [Compare("ge", made, Literal(start)), Compare("lt", made, Literal(start + length))]


def _listed(item: Located) -> tuple[str, ...]:
    return tuple(each.text("a word") for each in item.sequence("words"))


def _word(item: Located, name: str, known: tuple[str, ...]) -> str:
    word = item.text(name)
    if word not in known:
        raise item.error(f'{name} is one of {", ".join(known)}, not "{word}".', did_you_mean(word, known))
    return word


def _count(context: Context, item: Located, name: str) -> int:
    number = context.scalar(item)
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise item.error(f"{name} is a whole number from 1.")
    return number


FORMS: Mapping[str, Form] = {"consecutive": consecutive}
