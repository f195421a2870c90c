"""What a predicate asks of other rows: related ones, those that a row names, and the whole table it stands in.

A semi-join is a LEFT JOIN with the other table, grouped: how many rows hold (`yes`), how many may (`maybe`), and
whether the listing itself has a gap there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sqlglot import exp

from crenel.catalog.columns import ListOf
from crenel.language.expressions import (
    case,
    cast,
    column,
    function,
    is_null,
    literal,
    named,
    negated,
    not_null,
    or_zero,
    struct,
    three_valued,
    together,
    total,
    unknown,
)
from crenel.language.plan import FactJoin, Field, Gathered, IsNull, Kept, Linked, Population, Predicate, Related, Value
from crenel.language.reading import Source
from crenel.language.tables import ROW, Join, Table
from crenel.language.walking import kind_of, outer, walk

_EVIDENCE_ITEMS = 20  # of a list or of related rows: enough to act on, bounded for the report


class Joined(Table):
    """A table with its joins to others."""

    def why_unknown(self, nodes: Sequence[Predicate]) -> exp.Expr:
        """Return the text that says which reads failed for the row, of those that the predicates need."""
        details: set[str] = set()
        absent: set[str] = set()
        reasons: list[exp.Expr] = []
        for part in (part for node in nodes for part in walk(node)):
            if isinstance(part, Field) and part.item == 0:
                if part.path[0] not in self.source.columns:
                    absent.add(part.path[0])
                elif detail := self.source.type.detail_of(part.path[0]):
                    details.add(detail)
            elif isinstance(part, Related) and self.collected(part):
                self.related(part)
                reasons.append(self._related_reason(part))
            elif isinstance(part, Linked) and self.collected(part):
                self.linked(part)
                reasons.append(self._related_reason(part))
            elif isinstance(part, Gathered) and self.collected(part):
                self.gathered(part)
                reasons.append(self._related_reason(part))
        named = [literal(f"{name} was not collected in this snapshot") for name in sorted(absent)]
        parts = [*named, *(self.gap(name) for name in sorted(details)), *reasons]
        if not parts:
            return cast(exp.null(), "VARCHAR")
        return function("NULLIF", function("CONCAT_WS", literal("; "), *parts), literal(""))

    # --- other tables

    def related(self, node: Related) -> exp.Expr:
        """Return whether the number of related rows compares so; unknown where a gap could change the answer."""
        other = self.compiler.sources.get(node.table)
        if other is None:
            return exp.false() if self.compiler.lenient else unknown()
        alias = self._join(node, other)
        yes = or_zero(column(alias, "yes"))
        may = exp.Add(this=yes, expression=or_zero(column(alias, "maybe")))
        return three_valued(node.op, node.count, yes, may, self._listing_gap(alias))

    def _listing_gap(self, alias: str) -> exp.Expr:
        return exp.false() if self.compiler.lenient else not_null(column(f"{alias}g", "why"))

    def linked(self, node: Linked) -> exp.Expr:
        """Return whether some (or every) row that this one names fulfils the condition; unknown where a gap decides."""
        other = self.compiler.sources.get(node.table)
        if other is None:
            return exp.false() if self.compiler.lenient else unknown()
        alias = self._link(node, other)
        gap = self._listing_gap(alias)
        yes, no, maybe, lost = (or_zero(column(alias, name)) for name in ("yes", "no", "maybe", "lost"))
        some_yes, some_no, some_maybe, some_lost = (
            exp.GT(this=number, expression=literal(0)) for number in (yes, no, maybe, lost)
        )
        unread = together(exp.Or, [some_maybe, together(exp.And, [some_lost, gap])])
        counted = together(exp.Or, [some_yes, some_lost]) if node.dangling else some_yes
        missed = some_no if node.dangling else together(exp.Or, [some_no, some_lost])
        nothing = is_null(column(alias, "yes"))
        if node.every:
            refuted = together(exp.Or, [some_no, together(exp.And, [missed, negated(gap)])])
            answer = case([(refuted, exp.false()), (unread, unknown())], exp.true())
        else:
            proved = together(exp.Or, [some_yes, together(exp.And, [counted, negated(gap)])])
            answer = case([(proved, exp.true()), (unread, unknown())], exp.false())
        return case([(nothing, literal(node.none))], answer)

    def _related_reason(self, node: Related | Linked | Gathered) -> exp.Expr:
        if node.table not in self.compiler.sources:
            return literal(f"aws.{node.table} was not collected in this snapshot")
        alias = self.aliases[join_key(node)]
        both = function("CONCAT_WS", literal("; "), column(alias, "why"), column(f"{alias}g", "why"))
        return function("NULLIF", both, literal(""))

    def _join(self, node: Related, other: Source) -> str:
        """Add the join with another table unless an equal one is there; return its alias."""
        key = join_key(node)
        if key in self.aliases:
            return self.aliases[key]
        alias = self.compiler.fresh("j")
        self.aliases[key] = alias
        inner = self.beside(other)
        holds = inner.predicate(node.where)
        fields = _fields_of(node.where, node.on)
        shown = {"id": column(inner.alias, "_id")}
        shown |= {".".join(path): inner.field(path, 0) for path in fields if path[0] in other.columns}
        keys = [named(_one_each(theirs, inner.value(theirs)), f"k{index}") for index, (_, theirs) in enumerate(node.on)]
        places = _places(node)
        rows = inner.select(
            [
                *keys,
                *(named(column(inner.alias, theirs), name) for name, theirs, _ in places),
                named(holds, "holds"),
                named(inner.why_unknown([node.where]), "why"),
                named(struct(shown), "shown"),
            ]
        )
        groups = [f"k{index}" for index in range(len(node.on))] + [name for name, _, _ in places]
        unsure = is_null(exp.column("holds"))
        columns = {
            "yes": function("COUNT_IF", exp.Is(this=exp.column("holds"), expression=exp.true())),
            "maybe": function("COUNT_IF", unsure),
            "why": _why(unsure),
            "shown": some(function("LIST", exp.column("shown"))),
        }
        on: list[exp.Expr] = [
            exp.EQ(this=column(alias, f"k{index}"), expression=self.value(mine))
            for index, (mine, _) in enumerate(node.on)
        ]
        on += [exp.EQ(this=column(alias, name), expression=column(self.alias, mine)) for name, _, mine in places]
        self._add(alias, node, _grouped(rows, groups, columns), on)
        return alias

    def _link(self, node: Linked, other: Source) -> str:
        """Add the join that counts, for each row, what it names by what is true of it; return its alias."""
        key = join_key(node)
        if key in self.aliases:
            return self.aliases[key]
        alias = self.compiler.fresh("l")
        self.aliases[key] = alias
        ids, inner = self._named_rows(node, other)
        holds = inner.predicate(node.where)
        there = not_null(column(inner.alias, "_account"))
        shown = {"id": column("u", "k")}
        fields = _fields_of(node.where, ())
        shown |= {".".join(path): inner.field(path, 0) for path in fields if path[0] in other.columns}
        why = inner.why_unknown([node.where])
        rows = inner.select_from(
            ids.subquery("u", copy=False),
            [
                *(named(column("u", name), name) for name in ROW),
                named(there, "there"),
                named(holds, "holds"),
                named(why, "why"),
                named(struct(shown), "shown"),
            ],
        )
        found, fulfils = exp.column("there"), exp.column("holds")

        def number(*conditions: exp.Expr) -> exp.Expr:
            return function("COUNT_IF", together(exp.And, conditions))

        unsure = together(exp.And, [found, is_null(fulfils)])
        columns = {
            "yes": number(found, exp.Is(this=fulfils, expression=exp.true())),
            "no": number(found, exp.Is(this=fulfils, expression=exp.false())),
            "maybe": number(unsure),
            "lost": number(exp.Not(this=found)),
            "why": _why(unsure),
            "shown": some(function("LIST", exp.column("shown"))),
        }
        self._add(alias, node, _grouped(rows, ROW, columns), self._same_row(alias))
        return alias

    def _named_rows(self, node: Linked | Gathered, other: Source) -> tuple[exp.Select, Joined]:
        """Return the query of what each row names, and the other table joined to it as `u`."""
        mine = self.beside(self.source)
        inner = self.beside(other)
        named_by_row = mine.value(node.ids)
        if not isinstance(kind_of(node.ids), ListOf):
            named_by_row = exp.Array(expressions=[named_by_row])
        taken = {f"m{index}": field for index, field in enumerate(outer(node.where))}
        inner.outer = {field.path: column("u", name) for name, field in taken.items()}
        places = _places(node)
        ids = mine.select(
            [
                *mine.own(ROW),
                *(named(column(mine.alias, here), f"at_{name}") for name, _, here in places),
                *(named(mine.value(field), name) for name, field in taken.items()),
                named(function("UNNEST", function("LIST_DISTINCT", named_by_row)), "k"),
            ]
        )
        theirs_key, k = inner.value(node.key), column("u", "k")
        many = isinstance(kind_of(node.key), ListOf)
        on = [function("LIST_CONTAINS", theirs_key, k) if many else exp.EQ(this=theirs_key, expression=k)]
        on += [
            exp.EQ(this=column(inner.alias, theirs), expression=column("u", f"at_{name}")) for name, theirs, _ in places
        ]
        inner.joins.append(Join(inner.alias, inner.table(), together(exp.And, on)))
        return ids, inner

    def gathered(self, node: Gathered) -> exp.Expr:
        """Return the list of what the rows that this one names say, null where there are none."""
        other = self.compiler.sources.get(node.table)
        return exp.null() if other is None else column(self._gather(node, other), "found")

    def _gather(self, node: Gathered, other: Source) -> str:
        """Add the join that lists, for each row, what the rows that it names say; return its alias."""
        key = join_key(node)
        if key in self.aliases:
            return self.aliases[key]
        alias = self.aliases[key] = self.compiler.fresh("g")
        ids, inner = self._named_rows(node, other)
        there = not_null(column(inner.alias, "_account"))
        known = IsNull(node.body)
        values = {
            "there": there,
            "holds": inner.predicate(node.where),
            "unsure": is_null(inner.predicate(known)),
            "body": inner.value(node.body),
            "why": inner.why_unknown([node.where, known]),
        }
        rows = inner.select_from(
            ids.subquery("u", copy=False),
            [*(named(column("u", name), name) for name in ROW), *(named(sql, name) for name, sql in values.items())],
        )
        found, holds = exp.column("there"), exp.column("holds")
        unsure = together(exp.And, [found, together(exp.Or, [is_null(holds), exp.column("unsure")])])
        taken = exp.Filter(
            this=function("LIST", exp.column("body")),
            expression=exp.Where(this=together(exp.And, [found, total(holds)])),
        )
        columns = {
            "found": taken,
            "maybe": function("COUNT_IF", unsure),
            "lost": function("COUNT_IF", exp.Not(this=found)),
            "why": _why(unsure),
        }
        self._add(alias, node, _grouped(rows, ROW, columns), self._same_row(alias))
        return alias

    def unread(self, node: Gathered) -> exp.Expr:
        """Return whether a list of related rows' values may lack one that could not be read."""
        other = self.compiler.sources.get(node.table)
        if other is None:
            return exp.true()
        alias = self._gather(node, other)
        maybe, lost = (exp.GT(this=or_zero(column(alias, name)), expression=literal(0)) for name in ("maybe", "lost"))
        return together(exp.Or, [maybe, together(exp.And, [lost, self._listing_gap(alias)])])

    def _same_row(self, alias: str, names: Sequence[str] = ROW) -> list[exp.Expr]:
        """Return that a join's row is this row, or agrees with it in other columns of these names."""
        return [exp.EQ(this=column(alias, name), expression=column(self.alias, name)) for name in names]

    def _add(self, alias: str, node: Related | Linked | Gathered, query: exp.Select, on: Sequence[exp.Expr]) -> None:
        """Add the join with what was counted in another table, and the one with the gaps of its listing."""
        self.joins.append(Join(alias, query.subquery(alias, copy=False), together(exp.And, on)))
        self.joins.append(self._gap_join(f"{alias}g", node))

    def _gap_join(self, alias: str, node: Related | Linked | Gathered) -> Join:
        """The join that says whether the other table's own listing has a gap where this row looks."""
        names = ["_account", "_region"] if node.within == "region" else ["_account"]
        relation = (
            exp.Select()
            .select(*(exp.column(name) for name in names), named(function("MIN", exp.column("why")), "why"), copy=False)
            .from_("listing_gaps", copy=False)
            .where(exp.EQ(this=exp.column("type"), expression=literal(node.table)), copy=False)
            .group_by(*(exp.column(name) for name in names), copy=False)
        )
        return Join(alias, relation.subquery(alias, copy=False), together(exp.And, self._same_row(alias, names)))

    def fact(self, join: FactJoin) -> str:
        """Add the join with a dated fact unless an equal one is there; return its alias."""
        if join in self.aliases:
            return self.aliases[join]
        alias = self.compiler.fresh("f")
        self.aliases[join] = alias
        table = exp.to_table(fact_table(join.fact)).as_(alias)
        on = exp.EQ(this=column(alias, join.key), expression=self.value(join.of))
        self.joins.append(Join(alias, table, on))
        return alias

    # --- the whole table

    def population(self, node: Population) -> exp.Expr:
        """Return whether the number of rows of this account and Region that fulfil `where` compares so."""
        alias = self._once(node, self._counted)
        yes, maybe = (or_zero(column(alias, name)) for name in ("yes", "maybe"))
        return three_valued(node.op, node.count, yes, exp.Add(this=yes, expression=maybe), exp.false())

    def kept(self, node: Kept) -> exp.Expr:
        """Return whether this row is among those that its group keeps."""
        return total(column(self._once(node, self._ranked), "kept"))

    def _once(self, node: Population | Kept, relation: Callable[..., tuple[exp.Select, Sequence[str]]]) -> str:
        """Add the join with what is asked of the whole table unless it is there; return its alias."""
        key = (node.where,) if isinstance(node, Population) else node
        if key in self.aliases:
            return self.aliases[key]
        alias = self.aliases[key] = self.compiler.fresh("w")
        query, on = relation(node, self.beside(self.source))
        self.joins.append(Join(alias, query.subquery(alias, copy=False), together(exp.And, self._same_row(alias, on))))
        return alias

    def _counted(self, node: Population, inner: Joined) -> tuple[exp.Select, Sequence[str]]:
        place = ROW[:2]
        rows = inner.select([*inner.own(place), named(inner.predicate(node.where), "holds")])
        holds = exp.column("holds")
        counts = {"yes": exp.Is(this=holds, expression=exp.true()), "maybe": is_null(holds)}
        numbers = {name: function("COUNT_IF", condition) for name, condition in counts.items()}
        return _grouped(rows, place, numbers), place

    def _ranked(self, node: Kept, inner: Joined) -> tuple[exp.Select, Sequence[str]]:
        values = {
            "holds": total(inner.predicate(node.where)),
            "grp": inner.value(node.group),
            "srt": inner.value(node.by),
        }
        rows = inner.select([*inner.own(ROW), *(named(sql, name) for name, sql in values.items())])
        place = [exp.column(name) for name in (*ROW[:2], "holds", "grp")]
        order = [
            exp.Ordered(this=exp.column("srt"), desc=node.descending, nulls_first=False),
            exp.Ordered(this=exp.column("_n")),
        ]
        rank, size = _over(function("ROW_NUMBER"), place, order), _over(exp.Count(this=exp.Star()), place)
        numbers = [named(rank, "rank"), named(size, "size")]
        ranked = (
            exp.Select().select(exp.Star(), *numbers, copy=False).from_(rows.subquery("rows", copy=False), copy=False)
        )
        kept = together(exp.And, [exp.column("holds"), _in_share(node)])
        query = exp.Select().select(*(exp.column(name) for name in ROW), named(kept, "kept"), copy=False)
        return query.from_(ranked.subquery("ranked", copy=False), copy=False), ROW


def _grouped(rows: exp.Select, by: Sequence[str], columns: Mapping[str, exp.Expr]) -> exp.Select:
    """Return the query of what is said of groups of rows."""
    query = exp.Select().select(*map(exp.column, by), copy=False)
    query = query.select(*(named(sql, name) for name, sql in columns.items()), copy=False)
    return query.from_(rows.subquery("rows", copy=False), copy=False).group_by(*map(exp.column, by), copy=False)


def _why(unsure: exp.Expr) -> exp.Expr:
    """Return why rows are unsure: the first reason of a group."""
    return function("MIN", case([(unsure, exp.column("why"))], exp.null()))


def _one_each(value: Value, sql: exp.Expr) -> exp.Expr:
    """Return a key to join on; a list's items one by one."""
    return function("UNNEST", sql) if isinstance(kind_of(value), ListOf) else sql


def _in_share(node: Kept) -> exp.Expr:
    """Return whether a row's rank is within what its group keeps."""
    rank, size = exp.column("rank"), exp.column("size")
    share = function("FLOOR", exp.Mul(this=literal(node.skip_share / 100), expression=size))
    skip = function("GREATEST", literal(node.skip), share) if node.skip_share else literal(node.skip)
    room: exp.Expr = function("GREATEST", exp.Sub(this=size, expression=skip), literal(0))
    if node.share:
        room = function("FLOOR", exp.Mul(this=literal(node.share / 100), expression=room))
    if node.limit:
        room = function("LEAST", room, literal(node.limit))
    last = exp.Add(this=skip, expression=room)
    return together(exp.And, [exp.GT(this=rank, expression=skip), exp.LTE(this=rank, expression=last)])


def _over(aggregate: exp.Expr, parts: Sequence[exp.Expr], order: Sequence[exp.Expr] = ()) -> exp.Expr:
    sorting = exp.Order(expressions=list(order)) if order else None
    return exp.Window(this=aggregate, partition_by=list(parts), order=sorting)


def fact_table(name: str) -> str:
    """Return the SQL name of a dated fact's table."""
    return "fact_" + name.replace("-", "_")


def join_key(node: Related | Linked | Gathered) -> object:
    """Return what makes two semi-joins the same join: they may differ in what they ask of the number."""
    if isinstance(node, Linked):
        return (node.ids, node.table, node.key, node.within, node.where)
    if isinstance(node, Gathered):
        return node
    return (node.table, node.on, node.within, node.where)


def _places(node: Related | Linked | Gathered) -> list[tuple[str, str, str]]:
    """Return (name, the other table's column, this table's column) for what must agree beside the keys."""
    places = [("account", "_account", "_account")]
    if node.within == "region":
        places.append(("region", "_home", "_home"))
    return places


def _fields_of(where: Predicate, on: Sequence[tuple[Value, Value]]) -> list[tuple[str, ...]]:
    nodes = [*walk(where), *(part for _, theirs in on for part in walk(theirs))]
    return sorted({node.path for node in nodes if isinstance(node, Field) and node.item == 0})


def some(sql: exp.Expr) -> exp.Expr:
    """Return the first items of a list, as many as a finding shows."""
    return function("LIST_SLICE", sql, literal(1), literal(_EVIDENCE_ITEMS))
