"""Sigma's correlations: sliding windows over what other rules found, by group.

A window ends at an event and reaches `span` seconds back. Windows that fulfil the condition one after the other are one
alert, with all events in them. https://sigmahq.io/sigma-specification/specification/sigma-correlation-rules-specification.html
What is new to a group (`first_seen`) is an alert each, where the group's events go back for the whole span before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from crenel.catalog.events import RECORD
from crenel.detect.alerts import SHOWN, fetched, of_event, shown_columns
from crenel.detect.chains import NOBODY, Callers
from crenel.detect.engine import Engine
from crenel.detections.model import Correlation
from crenel.lake.engine import quoted
from crenel.lake.events import event_columns
from crenel.language.detecting import ALIAS, columns_read, valued
from crenel.language.expressions import written
from crenel.language.plan import And, Compare, Const, Literal, Not, Op, Or, Predicate, Value
from crenel.language.reading import Compiler
from crenel.model import Alert

_OPS: Mapping[Op, str] = {"eq": "=", "ne": "<>", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_INSTANT = 1e-6  # seconds: what comes before something comes before it by more than this


def correlate(
    engine: Engine, correlations: Sequence[Correlation], files: Mapping[int, str], known: Callers = NOBODY
) -> Iterator[Alert]:
    """Yield the alerts of correlations, each's by time. They may build on those that stand before them.

    `known` says who asked for temporary keys.
    """
    for place, correlation in enumerate(correlations):
        engine.connection.execute(f"CREATE OR REPLACE TABLE fired{place} AS {_fired(engine, correlations, place)}")
        if not correlation.silent:
            yield from _alerts(engine, correlation, place, files, known)


def _alerts(
    engine: Engine, correlation: Correlation, place: int, files: Mapping[int, str], known: Callers
) -> Iterator[Alert]:
    columns = event_columns(SHOWN, "last", beside=["f", "n", "keys", "ids", "amount"])
    one = f"json_extract_string({RECORD}, '$.eventID')"
    ids = f"(SELECT list({one} ORDER BY rowid) FROM hit WHERE rowid IN (SELECT unnest(members)))"
    query = (
        f"WITH last AS (SELECT f, n, keys, {ids} AS ids, amount, {RECORD} FROM fired{place} JOIN hit ON hit.rowid = n) "
        f"SELECT f, keys, ids, amount, {shown_columns()} FROM ({columns}) AS {ALIAS} ORDER BY eventTime, n"
    )
    for number, keys, ids, amount, *event in fetched(engine, query):
        alert = of_event(correlation, event, files[number], known)
        group = dict(zip(correlation.group_by, keys, strict=True))
        of = "".join(f", {key} {value}" for key, value in group.items()).replace(", ", " for ", 1)
        if correlation.kind == "first_seen":
            said = f"{correlation.field_name} {amount}, not seen in the {span_words(correlation.span)} before{of}"
            group[correlation.field_name] = amount
        else:
            said = f"{amount:g} within {span_words(correlation.span)}{of}"
        output, events = f"{correlation.name}: {said}", tuple(each for each in ids if each)
        yield replace(alert, output=output, output_fields=group, events=events)


@dataclass(frozen=True, slots=True)
class Blind:
    """A correlation that can't know what is new to some of its groups (`groups` of `all_groups`): their events do not
    go back as far as its span.
    """

    correlation: Correlation
    groups: int
    all_groups: int

    @property
    def told(self) -> str:
        """What to say of it."""
        by = ", ".join(self.correlation.group_by)
        of = f" for {self.groups} of {self.all_groups} ({by})" if by else ""
        short = f"the events that it looks at go back less than {span_words(self.correlation.span)}{of}"
        return f"{self.correlation.name}: {short}, so what is new there is not known"


def blind(engine: Engine, correlations: Sequence[Correlation]) -> list[Blind]:
    """Return the correlations that say nothing of some groups since their events do not go back far enough."""
    found = []
    for place, correlation in enumerate(correlations):
        if correlation.kind == "first_seen" and not correlation.silent:
            query = (
                f"SELECT count(*) FILTER (span < {correlation.span}), count(*) FROM (SELECT max(t) - min(t) AS span "
                f"FROM ({_events(engine, correlations, place)}) WHERE counted IS NOT NULL GROUP BY keys)"
            )
            row = engine.connection.execute(query).fetchone()
            if row and row[0]:
                found.append(Blind(correlation, row[0], row[1]))
    return found


def span_words(seconds: int) -> str:
    """Return a span in the largest unit that it is a whole number of: ``30 d``."""
    for letter, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds // size} {letter}"
    return f"{seconds} s"


# --- what happened, and where the condition holds


def _fired(engine: Engine, correlations: Sequence[Correlation], place: int) -> str:
    """Return the query of a correlation's alerts: n (the last hit's row), t, keys, members (hits' rows), amount."""
    correlation = correlations[place]
    events = _events(engine, correlations, place)
    if correlation.kind == "first_seen":
        return _first(events, correlation.span)
    window = f"(PARTITION BY keys ORDER BY t RANGE BETWEEN {correlation.span} PRECEDING AND CURRENT ROW)"
    if correlation.kind == "temporal_ordered":
        measured = _ordered(correlation)
        holds = f"amount >= {len(correlation.rules)}"
    elif correlation.wanted is not None:
        wanted = _wanted(correlation.wanted, window)
        measured = f"SELECT *, count(DISTINCT rule) OVER {window} AS amount, {wanted} AS wanted FROM events"
        holds = "wanted"
    else:
        measured = f"SELECT *, {_measure(correlation)} OVER {window} AS amount FROM events"
        bounds = [(correlation.op, correlation.count), *correlation.bounds]
        holds = " AND ".join(f"amount {_OPS[op]} {count!r}" for op, count in bounds)
    # Windows that fulfil the condition, with none between them that does not, are one alert.
    return f"""
        WITH events AS ({events}), measured AS ({measured}),
        marked AS (SELECT *, coalesce({holds}, FALSE) AS holds FROM measured),
        islands AS (
            SELECT *, count(*) FILTER (NOT holds) OVER (PARTITION BY keys ORDER BY t, n) AS island FROM marked
        ),
        runs AS (
            SELECT keys, min(t) AS since, max(t) AS t, arg_max(n, (t, n)) AS n, max(amount) AS amount
            FROM islands WHERE holds GROUP BY keys, island
        )
        SELECT r.n, r.t, r.keys, list_distinct(flatten(list(e.members))) AS members, any_value(r.amount) AS amount
        FROM runs AS r JOIN events AS e ON e.keys = r.keys AND e.t BETWEEN r.since - {correlation.span} AND r.t
        GROUP BY r.n, r.t, r.keys
    """


def _events(engine: Engine, correlations: Sequence[Correlation], place: int) -> str:
    """Return the query of what a correlation's rules found, as `_happened` has it."""
    correlation = correlations[place]
    happened = " UNION ALL ".join(_happened(engine, correlations, place, rule) for rule in correlation.rules)
    # A group without one of its keys is none.
    whole = "len(list_filter(keys, lambda k: k IS NULL)) = 0"
    return f"SELECT * FROM ({happened}) WHERE t IS NOT NULL AND {whole}"


def _first(events: str, span: int) -> str:
    """Return the query of events with a value that their group had not within the span before, though it had others
    since the span's beginning; the value is their `amount`.
    """
    return f"""
        WITH seen AS (
            SELECT *, min(t) OVER (PARTITION BY keys) AS begun,
            lag(t) OVER (PARTITION BY keys, counted ORDER BY t, n) AS last
            FROM ({events}) WHERE counted IS NOT NULL
        )
        SELECT n, t, keys, members, counted AS amount FROM seen
        WHERE t - begun >= {span} AND coalesce(t - last > {span}, TRUE)
    """


def _measure(correlation: Correlation) -> str:
    match correlation.kind:
        case "event_count":
            return "count(*)"
        case "value_count":
            return "count(DISTINCT counted)"
        case "value_sum":
            return "sum(TRY_CAST(counted AS DOUBLE))"
        case "value_avg":
            return "avg(TRY_CAST(counted AS DOUBLE))"
        case "value_percentile":
            return f"quantile_cont(TRY_CAST(counted AS DOUBLE), {correlation.percentile / 100!r})"
    return "count(DISTINCT rule)"


def _wanted(node: Predicate, window: str) -> str:
    """Return whether a window has events of the rules that a condition wants, as SQL."""
    match node:
        case And(parts) | Or(parts):
            glue = " AND " if isinstance(node, And) else " OR "
            return f"({glue.join(_wanted(part, window) for part in parts)})"
        case Not(part):
            return f"NOT {_wanted(part, window)}"
        case Compare(_, _, Literal(str() as rule)):
            return f"count(*) FILTER (rule = {quoted(rule)}) OVER {window} > 0"
        case Const(value):
            return str(value)
    raise TypeError(f"no condition of rules' names: {node}")


def _ordered(correlation: Correlation) -> str:
    """Return the query of events with `amount`: how many of the rules, in their order, an event ends within the span.

    For each rule in turn: when the latest chain began that an event of it goes on with.
    """
    steps = [f"SELECT *, t AS begun FROM events WHERE rule = {quoted(correlation.rules[0])}"]
    for rule in correlation.rules[1:]:
        both = (
            f"SELECT keys, t, n, begun, FALSE AS here FROM ({steps[-1]}) UNION ALL "
            f"SELECT keys, t, n, NULL, TRUE FROM events WHERE rule = {quoted(rule)}"
        )
        before = f"(PARTITION BY keys ORDER BY t RANGE BETWEEN UNBOUNDED PRECEDING AND {_INSTANT!r} PRECEDING)"
        steps.append(
            f"SELECT * FROM (SELECT keys, t, n, max(begun) OVER {before} AS begun, here FROM ({both})) WHERE here"
        )
    amount = f"CASE WHEN t - begun <= {correlation.span} THEN {len(correlation.rules)} ELSE 0 END"
    return f"SELECT keys, t, n, {amount} AS amount FROM ({steps[-1]})"


def _happened(engine: Engine, correlations: Sequence[Correlation], place: int, rule: str) -> str:
    """Return the query of what a rule found: rule, t (epoch seconds), n and members (rows of `hit`), keys, counted."""
    correlation = correlations[place]
    for before, other in enumerate(correlations[:place]):
        if other.id == rule:
            keys = ", ".join(_key(other, name) for name in correlation.group_by)
            own = f"{quoted(rule)} AS rule, t, n, members, [{keys}]::VARCHAR[] AS keys, NULL AS counted"
            return f"SELECT {own} FROM fired{before}"
    [number] = [number for number, each in enumerate(engine.detections) if each.id == rule]
    values: list[tuple[str, Value]] = [(f"k{at}", by[rule]) for at, by in enumerate(correlation.group_by.values())]
    counted = correlation.counted.get(rule)
    read = columns_read([value for _, value in values] + ([counted] if counted is not None else []))
    compiler = Compiler({}, datetime.now(UTC), lenient=True)
    keys = ", ".join(f"({written(each.this)})::VARCHAR" for each in valued(compiler, values))
    value = written(valued(compiler, [("v", counted)])[0].this) if counted is not None else "NULL"
    columns = event_columns(
        ["eventTime", *sorted(read)], f"(SELECT rowid AS n, {RECORD} FROM hit WHERE h = {number})", beside=["n"]
    )
    return (
        f"SELECT {quoted(rule)} AS rule, epoch(TRY_CAST(eventTime AS TIMESTAMP)) AS t, n, [n] AS members, "
        f"[{keys}]::VARCHAR[] AS keys, ({value})::VARCHAR AS counted FROM ({columns}) AS {ALIAS}"
    )


def _key(other: Correlation, name: str) -> str:
    """Return the SQL of a group's key as another correlation has it, null where it does not."""
    names = list(other.group_by)
    return f"keys[{names.index(name) + 1}]" if name in names else "NULL"
