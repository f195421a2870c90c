"""Events as a relation: the columns of the table of events, read from records as they came."""

from __future__ import annotations

from collections.abc import Iterable

from crenel.catalog.events import KEYS, MEMBERS, RECORD, TEXTS, UNLIKE
from crenel.lake.engine import name, quoted


def event_columns(wanted: Iterable[str], source: str, *, where: str = "", beside: Iterable[str] = ()) -> str:
    """Return the query of wanted columns of events from a relation with a JSON column `record`.

    `where` is a condition on the columns that comes with them, `beside` other columns of the source to keep. A record
    is parsed once or twice, whatever the number of columns. https://duckdb.org/docs/stable/data/json/json_functions
    """
    names = tuple(dict.fromkeys(wanted))
    keys = [each for each in KEYS if each in names]
    texts = [each for each in TEXTS if each in keys or UNLIKE in names]
    others = [each for each in keys if each not in texts]
    shown = [*beside]
    found: list[str] = [*beside]
    if texts:
        shown.append(f"json_extract({RECORD}, {_paths(texts)}) AS _t")
        found += [f"{_text(place)} AS {name(each)}" for place, each in enumerate(texts, 1) if each in keys]
    if UNLIKE in names:
        found.append(f"{_unlike(texts)} AS {name(UNLIKE)}")
    if others:
        shown.append(f"json_extract({RECORD}, {_paths(others)}) AS _o")
        found += [f"_o[{place}] AS {name(each)}" for place, each in enumerate(others, 1)]
    members = [each for each in MEMBERS if each in names]
    if members:
        shown.append(f"json_extract({RECORD}, {_paths('.'.join(MEMBERS[each]) for each in members)}) AS _m")
        found += [f"json_extract_string(_m[{place}], '$') AS {name(each)}" for place, each in enumerate(members, 1)]
    if RECORD in names:
        shown.append(RECORD)
        found.append(RECORD)
    inner = f"SELECT {', '.join(dict.fromkeys(shown)) or '1'} FROM {source}"
    query = f"SELECT {', '.join(found)} FROM ({inner})"
    return f"SELECT * FROM ({query}) WHERE {where}" if where else query


def _paths(keys: Iterable[str]) -> str:
    return f"[{', '.join(quoted(f'$.{each}') for each in keys)}]"


def _text(place: int) -> str:
    return f"CASE WHEN json_type(_t[{place}]) = 'VARCHAR' THEN json_extract_string(_t[{place}], '$') END"


def _unlike(texts: Iterable[str]) -> str:
    """Return what stands where texts are due and is none, as an object; null where there is no such thing."""
    named = ", ".join(quoted(each) for each in texts)
    pairs = f"list_zip([{named}], _t)"
    odd = "json_type(p[2]) <> 'VARCHAR'"
    some = "len(list_filter(_t, lambda v: json_type(v) <> 'VARCHAR')) > 0"
    return f"CASE WHEN {some} THEN to_json(map_from_entries(list_filter({pairs}, lambda p: {odd}))) END"
