"""`offhour` and `onhour`: a tag's schedule says that a resource is to be stopped or started in this very hour.

A schedule is a regular language and the hour is known, so each of the world's local hours becomes one pattern, and the
time zones of that hour another. https://cloudcustodian.io/docs/usecases/offhours.html
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import lru_cache

from dateutil.zoneinfo import get_zonefile_instance

from crenel.catalog.columns import JSON, TEXT, ListOf, Struct
from crenel.errors import did_you_mean
from crenel.language.plan import (
    FALSE,
    TRUE,
    At,
    Call,
    Choice,
    Compare,
    Convert,
    Each,
    Extract,
    Field,
    In,
    IsEmpty,
    IsNull,
    Literal,
    Matches,
    Predicate,
    Value,
    conjunction,
    disjunction,
    negation,
)
from crenel.language.walking import kind_of
from crenel.policies.context import Context, Filter
from crenel.policies.keys.key import member
from crenel.positions import Located

_KEYS = (
    "type", "tag", "default_tz", "fallback-schedule", "fallback_schedule", "weekends", "weekends-only", "opt-out",
    "skip-days", "skip-days-from",
)  # fmt: skip
_TAG = "maid_offhours"  # Custodian's own default
_DAYS = "mtwhfsu"
_ABBREVIATED: Mapping[str, str] = {
    **dict.fromkeys(("pdt", "pt", "pst"), "America/Los_Angeles"),
    **dict.fromkeys(("ast", "at"), "America/Phoenix"),
    **dict.fromkeys(("est", "edt", "et"), "America/New_York"),
    **dict.fromkeys(("cst", "cdt", "ct"), "America/Chicago"),
    **dict.fromkeys(("mst", "mdt", "mt"), "America/Denver"),
    **dict.fromkeys(("gmt", "gt"), "Etc/GMT"),
    "bst": "Europe/London",
    "ist": "Europe/Dublin",
    "cet": "Europe/Berlin",
    "it": "Asia/Kolkata",
    "jst": "Asia/Tokyo",
    "kst": "Asia/Seoul",
    "sgt": "Asia/Singapore",
    "aet": "Australia/Sydney",
    "brt": "America/Sao_Paulo",
    "nzst": "Pacific/Auckland",
    "utc": "Etc/UTC",
}
# Characters that some services refuse in tags are written as u and their code; brackets only group, and go.
_PLAIN = tuple(part for letter in "()[],;=/-" for part in (f"u{ord(letter):x}", letter))
_BARE = ("[", "", "]", "", ")", "")


@dataclass(frozen=True, slots=True)
class _Hour:
    """A local hour somewhere in the world: the day of the week, from Monday 0, and the date."""

    day: int
    hour: int
    date: str


@dataclass(frozen=True, slots=True)
class _Schedule:
    """What a filter says of resources whose tag names no hours."""

    word: str
    days: Collection[int]
    hour: int
    zone: str


def offhour(context: Context, item: Located) -> Predicate:
    """`offhour`: the tag's schedule, or else the filter's own, stops the resource in this hour. See `_scheduled`."""
    return _scheduled(context, item, "off")


def onhour(context: Context, item: Located) -> Predicate:
    """`onhour`: the tag's schedule, or else the filter's own, starts the resource in this hour. See `_scheduled`."""
    return _scheduled(context, item, "on")


def _of_instances(word: str, state: str) -> Filter:
    """Return the filter as instances have it: only of running, or of stopped ones, unless `state-filter` is false."""

    def found(context: Context, item: Located) -> Predicate:
        keys = item.mapping("a filter")
        schedule = _scheduled(context, item, word, "state-filter")
        if "state-filter" in keys and not context.boolean(keys["state-filter"]):
            return schedule
        return conjunction([Compare("eq", context.column("State.Name"), Literal(state)), schedule])

    return found


def _scheduled(context: Context, item: Located, word: str, *more: str) -> Predicate:
    """Return whether a row's schedule names the current hour.

    Rows without the tag have the fallback schedule, or with `opt-out` the filter's own, else none. A tag that says
    `off` takes the resource out, and one that can't be read does not match.
    """
    keys = item.only(f"an {word}hour filter", (*_KEYS, f"{word}hour", *more))
    for name in ("default_tz", f"{word}hour"):
        if name not in keys:
            raise item.error(f"an {word}hour filter needs `{name}`.", code="missing-key")
    if "skip-days" in keys and "skip-days-from" in keys:
        raise keys["skip-days-from"].error("skip-days and skip-days-from do not go together.")
    zones = time_zones()
    own = _own(context, keys, word, zones)
    skipped = _skipped(context, keys)
    now = (context.now or datetime.now(UTC)).astimezone(UTC)
    hours = {hour: names for hour, names in _by_hour(zones, now).items() if hour.date not in skipped}
    given = _tag(context, keys, item)
    small = Call("tag_key", (given,), TEXT, ("lower",))
    text = Call("replaced", (small,), TEXT, (*_PLAIN, *_BARE))
    found = disjunction([_in(text, own, hour, names) for hour, names in sorted(hours.items(), key=str)])
    found = conjunction([negation(Matches(text, _whole("off"))), found])
    opted = "opt-out" in keys and context.boolean(keys["opt-out"])
    missing = TRUE if opted and _falls(own, hours) else FALSE
    return disjunction([conjunction([negation(IsNull(given)), found]), conjunction([IsNull(given), missing])])


def _own(context: Context, keys: Mapping[str, Located], word: str, zones: Mapping[str, tzinfo]) -> _Schedule:
    hour = context.scalar(keys[f"{word}hour"])
    if isinstance(hour, bool) or not isinstance(hour, int) or not 0 <= hour <= 23:
        raise keys[f"{word}hour"].error(f"{word}hour is a whole number from 0 to 23.")
    zone = keys["default_tz"].text("default_tz")
    if zone.lower() not in zones:
        hint = did_you_mean(zone.lower(), zones) or "Say one like et, utc or Europe/Berlin."
        raise keys["default_tz"].error(f'there is no time zone "{zone}".', hint)
    days: Collection[int] = range(5)
    if "weekends-only" in keys and context.boolean(keys["weekends-only"]):
        days = (4,) if word == "off" else (0,)
    elif "weekends" in keys and not context.boolean(keys["weekends"]):
        days = range(7)
    return _Schedule(word, days, hour, zone.lower())


def _skipped(context: Context, keys: Mapping[str, Located]) -> Collection[str]:
    """Return the dates on which nothing matches, as YYYY-MM-DD."""
    if "skip-days" in keys:
        dates = keys["skip-days"].sequence("skip-days")
        for each in dates:
            if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", str(each.value)):
                raise each.error("a day to skip is written YYYY-MM-DD.")
        return {str(each.value) for each in dates}
    if "skip-days-from" in keys:
        if context.values_from is None:
            raise keys["skip-days-from"].error("skip-days-from is read by `crenel run` only.")
        values = context.values_from(keys["skip-days-from"])
        if not isinstance(values, tuple):
            raise keys["skip-days-from"].error("skip-days-from has to give a list of dates.")
        return {str(value) for value in values}
    return ()


def _tag(context: Context, keys: Mapping[str, Located], item: Located) -> Value:
    """Return a row's schedule: the tag whose key is this whatever its case, else the fallback schedule or null."""
    name = keys["tag"].text("tag") if "tag" in keys else _TAG
    tags = member(context.place, "Tags", item)
    kind = kind_of(tags)
    pair = kind.item.fields if isinstance(kind, ListOf) and isinstance(kind.item, Struct) else {}
    number = context.place.lists + 1
    key, value = (Field((one,), pair.get(one, JSON), number) for one in ("Key", "Value"))
    same = Matches(key, rf"{re.escape(name)}\z", ignore_case=True)
    first = Convert(At(Each(tags, number, same, value, ListOf(value.kind)), 0, value.kind), "text")
    for each in ("fallback-schedule", "fallback_schedule"):
        if each in keys and (fallback := keys[each].text("a schedule")):
            return Choice(IsNull(first), Literal(fallback), first, TEXT)
    return first


@lru_cache(maxsize=1)
def time_zones() -> Mapping[str, tzinfo]:
    """Return all time zones by their names in small letters, abbreviations among them."""
    known = get_zonefile_instance().zones
    found = {name.lower(): zone for name, zone in known.items()}
    return {**found, **{short: known[name] for short, name in _ABBREVIATED.items() if name in known}}


def _by_hour(zones: Mapping[str, tzinfo], now: datetime) -> Mapping[_Hour, set[str]]:
    """Return the names of the time zones by the hour that it is there."""
    found: dict[_Hour, set[str]] = {}
    for name, zone in zones.items():
        there = now.astimezone(zone)
        found.setdefault(_Hour(there.weekday(), there.hour, f"{there:%Y-%m-%d}"), set()).add(name)
    return found


def _falls(own: _Schedule, hours: Mapping[_Hour, set[str]]) -> bool:
    """Return whether the filter's own schedule names the hour that it is in its own zone."""
    return any(own.zone in names and _named(own, hour) for hour, names in hours.items())


def _named(own: _Schedule, hour: _Hour) -> bool:
    return hour.day in own.days and hour.hour == own.hour


def _in(text: Value, own: _Schedule, hour: _Hour, names: set[str]) -> Predicate:
    """Return whether a text is a schedule in one of these zones that names this hour."""
    default = own.zone in names
    found = [
        conjunction([Matches(text, _whole(_with_hours(own.word, hour))), _zoned(text, names, ";", default=default)])
    ]
    if _named(own, hour):
        parts = [Matches(text, _whole(_without_hours(own.word))), _zoned(text, names, "; ", default=default)]
        found.append(conjunction(parts))
    return disjunction(found)


# --- the language of schedules, as patterns of texts in small letters, without brackets


def _whole(pattern: str) -> str:
    """Return the pattern of a whole tag, which may stand in quotes."""
    return rf"""(?s)'*"*(?:{pattern})"*'*\z"""


def _with_hours(word: str, hour: _Hour) -> str:
    """Return the pattern of a schedule of several parts (``off=(m-f,19);on=(m-f,7);tz=et``), whose last of the word
    names the hour.
    """
    hours = _hours(_days(range(7)), r"(?:1?\d|2[0-3])")
    any_part = rf"(?:o(?:n|ff)={hours}|tz=[^;=]*)"
    other = rf"(?:{'off' if word == 'on' else 'on'}={hours}|tz=[^;=]*)"
    return rf";*(?:{any_part};+)*{word}={_hours(_days([hour.day]), str(hour.hour), hours)}(?:;+{other})*;*"


def _without_hours(word: str) -> str:
    """Return the pattern of a text that says nothing of the word's hours and nothing that is no schedule's."""
    nothing = r"[^ ;=]*(?:=[^ ;=]*=[^ ;]*)?"
    known = rf"(?:{'off' if word == 'on' else 'on'}|tz)=[^ ;=]*"
    return rf"(?:(?:{nothing}|{known})(?:[ ;]|\z))*(?:{nothing}|{known})"


def _zoned(text: Value, names: set[str], between: str, *, default: bool) -> Predicate:
    """Return whether the last time zone that a schedule names is one of these; `default`: or it names none."""
    zone = Extract(text, rf"""(?s)(?:.*[{between}])?['"]*tz=([^{between}='"]*)(?:[{between}'"]|\z)""")
    found = In(zone, tuple(sorted(names)))
    return disjunction([found, IsEmpty(zone)]) if default else found


def _hours(days: str, hour: str, others: str = "") -> str:
    """Return the pattern of one or several days and hours, of which with `others` one at least is so."""
    one = rf"\(*{days}\(*,\(*0*{hour}"
    more = rf"(?:,\({one})*"
    if not others:
        return rf"(?:{one}{more})"
    return rf"(?:{others},\()?{one}(?:,\({others})?"


def _days(wanted: Collection[int]) -> str:
    """Return the pattern of a day, or of days from one to another, among which is one of these."""
    single = [_DAYS[day] for day in wanted]
    spans = [
        f"{_DAYS[first]}-{_DAYS[last]}"
        for first in range(7)
        for last in range(7)
        if any(first <= day <= last if first <= last else day >= first or day <= last for day in wanted)
    ]
    return rf"(?:{'|'.join([*spans, *single])})"


_OF_EVERY: Mapping[str, Filter] = {"offhour": offhour, "onhour": onhour}
FILTERS: Mapping[str, Mapping[str, Filter]] = {
    "ec2": {"offhour": _of_instances("off", "running"), "onhour": _of_instances("on", "stopped")},
    "rds-snapshot": {"onhour": onhour},
    **dict.fromkeys(("asg", "rds", "rds-cluster", "redshift", "sagemaker-notebook"), _OF_EVERY),
}
