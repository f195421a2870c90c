"""Which findings are accepted: one query over what fails and, where waivers ask for it, the resources' rows.

A waiver holds only where all that it asks is true. Where its day has passed, or something is false that it rests on, or
unknown, it has lapsed: the finding says why, and counts as the FAIL that it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime

from sqlglot import exp

from crenel.judge.waiving import Accepting
from crenel.lake.engine import quoted
from crenel.language.compare import text_of
from crenel.language.expressions import column, named, written
from crenel.language.patterns import shell
from crenel.language.plan import IsNull, Predicate, Value
from crenel.language.reading import Compiler, Source
from crenel.language.sql import Relation
from crenel.language.walking import kind_of
from crenel.waivers.model import SUBJECTS, And, Fits, Not, Or, Tagged, Where

_WILD = ("*", "?", "[")
_UNREAD = "NULL::BOOLEAN"


def waived(
    accepting: Sequence[Accepting], findings: str, sources: Mapping[str, Source], seen_at: datetime, on: datetime
) -> str:
    """Return the query of `lake/findings.py`'s table WAIVED: a row for each finding of which a waiver speaks.

    Of several waivers one that holds counts, and of those the one that holds longest. The rest is as for `spoken`.
    """
    best = "coalesce(list_filter(found, lambda x: x.lapsed IS NULL)[1], found[1])"
    return _finished(accepting, f"SELECT id, {best} AS one FROM ({_found(accepting, findings, sources, seen_at, on)})")


def spoken(
    accepting: Sequence[Accepting], findings: str, sources: Mapping[str, Source], seen_at: datetime, on: datetime
) -> str:
    """Return the query of the findings of which waivers speak: a row for each finding and waiver, in WAIVED's columns.

    `findings` is the relation of all findings, `sources` the tables that are laid out. Ages are measured against
    `seen_at`, the snapshot's time. A waiver has ended where its last day lies before the day of `on`, in UTC.
    """
    return _finished(
        accepting, f"SELECT id, unnest(found) AS one FROM ({_found(accepting, findings, sources, seen_at, on)})"
    )


def _finished(accepting: Sequence[Accepting], query: str) -> str:
    """Return the query with what each waiver says of itself, by its place among those that there are."""
    said = []
    for number, waiver in enumerate(each.waiver for each in accepting):
        words = ", ".join(map(quoted, (waiver.id, waiver.owner, waiver.reason)))
        said.append(f"({number}, {words}, DATE {quoted(str(waiver.until))})")
    none = "SELECT NULL::VARCHAR AS id, NULL::VARCHAR AS waiver, NULL::VARCHAR AS owner, NULL::VARCHAR AS reason, "
    if not said:
        return f"{none} NULL::DATE AS until, NULL::VARCHAR AS lapsed WHERE false"
    return (
        "SELECT f.id, w.waiver, w.owner, w.reason, w.until, f.one.lapsed AS lapsed "
        f"FROM ({query}) f JOIN (VALUES {', '.join(said)}) w(number, waiver, owner, reason, until) "
        "ON w.number = f.one.waiver"
    )


def _found(
    accepting: Sequence[Accepting], findings: str, sources: Mapping[str, Source], seen_at: datetime, on: datetime
) -> str:
    """Return the query of what fails with the list of the waivers that speak of it, the one that ends last first."""
    numbered = sorted(enumerate(accepting), key=lambda pair: pair[1].waiver.id)
    numbered.sort(key=lambda pair: pair[1].waiver.until, reverse=True)
    tables: dict[str, list[tuple[int, Accepting]]] = {}
    for number, each in numbered:
        tables.setdefault(each.table, []).append((number, each))
    parts = []
    for table, group in sorted(tables.items()):
        names = {plan.policy for _, each in group for plan in each.plans}
        policies = ", ".join(quoted(name) for name in sorted(names))
        failing = f"(SELECT * FROM {findings} WHERE status = 'FAIL' AND policy IN ({policies}))"
        rows = _Rows(table, [each for _, each in group], sources, seen_at)
        join = ""
        if rows.query:
            join = (
                f"LEFT JOIN ({rows.query} WHERE t0._id IN (SELECT resource_id FROM {failing})) r "
                "ON r.account = f.account AND r.region = f.region AND r.id = f.resource_id"
            )
        heard = ", ".join(_heard(number, each, rows, on.astimezone(UTC).date()) for number, each in group)
        found = f"list_filter([{heard}], lambda x: x IS NOT NULL)"
        parts.append(f"SELECT f.id, {found} AS found FROM {failing} f {join}")
    return f"SELECT * FROM ({' UNION ALL '.join(parts)}) WHERE len(found) > 0"


def _heard(number: int, each: Accepting, rows: _Rows, today: date) -> str:
    """Return what one waiver says of a finding: its number and why it lapsed; null where it does not speak of it."""
    waiver = each.waiver
    where = _where(waiver.where, each, rows)
    lapsed = f"CASE {' '.join(_lapses(each, where, rows, today))} END" if _may_lapse(each, today) else "NULL::VARCHAR"
    plans = " OR ".join(
        f"(f.policy = {quoted(plan.policy)} AND f.variant IS NOT DISTINCT FROM "
        f"{'NULL' if plan.variant is None else quoted(plan.variant)})"
        for plan in each.plans
    )
    said = f"struct_pack(waiver := {number}, lapsed := {lapsed})"
    return f"CASE WHEN {plans} THEN CASE WHEN ({where}) IS NOT FALSE THEN {said} END END"


def _may_lapse(each: Accepting, today: date) -> bool:
    return each.waiver.until < today or bool(each.conditions or each.waiver.tagged)


def _lapses(each: Accepting, where: str, rows: _Rows, today: date) -> list[str]:
    """Return when and why a waiver has lapsed, the first that is so. What is false decides before what is unknown."""
    waiver = each.waiver
    if waiver.until < today:
        return [f"WHEN true THEN {quoted(f'The waiver {waiver.id} ended on {waiver.until}.')}"]
    found = []
    if waiver.tagged:
        why = ", ".join(rows.why(value) for value in each.tags.values()) or "NULL"
        said = quoted(f"Whether the waiver {waiver.id} speaks of it could not be read: ")
        found.append(f"WHEN ({where}) IS NULL THEN concat({said}, concat_ws('; ', {why}))")
    heads = [f"The waiver {waiver.id} holds only while {condition.words}, which" for condition in each.conditions]
    for head, condition in zip(heads, each.conditions, strict=True):
        found.append(f"WHEN {rows.asked(condition.holds)} IS FALSE THEN {quoted(f'{head} is not so.')}")
    for head, condition in zip(heads, each.conditions, strict=True):
        why = rows.why(condition.holds)
        found.append(
            f"WHEN {rows.asked(condition.holds)} IS NULL THEN concat({quoted(f'{head} could not be read: ')}, {why})"
        )
    return found


# --- what is asked of rows


class _Rows:
    """What waivers ask of one table's rows, as columns of a query `r`: each predicate, and each tag's text, once."""

    def __init__(
        self, table: str, group: Sequence[Accepting], sources: Mapping[str, Source], seen_at: datetime
    ) -> None:
        predicates = [condition.holds for each in group for condition in each.conditions]
        tags = [value for each in group for value in each.tags.values()]
        self.names: dict[Predicate | Value, str] = {}
        self.query = ""
        self.missing = quoted(f"aws.{table} was not collected in this snapshot")
        if table not in sources or not (predicates or tags):
            return
        relation = Relation(Compiler(sources, seen_at), sources[table], "t0")
        place = exp.Coalesce(this=column("t0", "_home"), expressions=[column("t0", "_region")])
        columns = [named(column("t0", "_account"), "account"), named(place, "region"), named(column("t0", "_id"), "id")]
        asked = {predicate: predicate for predicate in predicates} | {value: IsNull(value) for value in tags}
        for number, (node, predicate) in enumerate(asked.items()):
            self.names[node] = str(number)
            columns.append(named(relation.predicate(predicate), f"is{number}"))
            columns.append(named(relation.why_unknown([predicate]), f"why{number}"))
        columns += [
            named(text_of(kind_of(value), relation.value(value)), f"tag{self.names[value]}")
            for value in dict.fromkeys(tags)
        ]
        self.query = written(relation.select(columns))

    def asked(self, predicate: Predicate) -> str:
        """Return whether a predicate holds of the row; null where that is unknown."""
        return f"r.is{self.names[predicate]}" if predicate in self.names else _UNREAD

    def why(self, node: Predicate | Value) -> str:
        """Return why something is unknown of the row."""
        return f"r.why{self.names[node]}" if node in self.names else self.missing

    def fits(self, tag: Value, patterns: Sequence[str]) -> str:
        """Return whether a tag's text fits one of the patterns; null where the tags could not be read."""
        if tag not in self.names:
            return _UNREAD
        name = self.names[tag]
        return f"CASE WHEN r.is{name} IS NOT NULL THEN {_fits(f'r.tag{name}', patterns)} END"


def _where(where: Where, each: Accepting, rows: _Rows) -> str:
    match where:
        case Fits(subject, patterns):
            return _fits(f"f.{SUBJECTS[subject]}", patterns)
        case Tagged(key, patterns):
            return rows.fits(each.tags[key], patterns) if key in each.tags else "false"
        case And(parts):
            return f"({' AND '.join(_where(part, each, rows) for part in parts)})" if parts else "true"
        case Or(parts):
            return f"({' OR '.join(_where(part, each, rows) for part in parts)})"
        case Not(part):
            return f"(NOT {_where(part, each, rows)})"


def _fits(sql: str, patterns: Sequence[str]) -> str:
    tests = [
        f"regexp_matches({sql}, {quoted(f'^{shell(pattern)}')})"
        if any(letter in pattern for letter in _WILD)
        else f"{sql} = {quoted(pattern)}"
        for pattern in patterns
    ]
    return f"coalesce({' OR '.join(tests)}, false)"
