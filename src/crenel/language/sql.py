"""Plan → SQL.

Every predicate becomes a SQL boolean in which NULL means one thing: what it reads could not be read. Leaves are total
(`IS NOT DISTINCT FROM` where null is a value, `COALESCE(…, FALSE)` where it is not), and a leaf over a column with a
gap is wrapped into `CASE WHEN <gap> THEN NULL ELSE … END`. From there SQL's own AND, OR and NOT give Kleene's logic,
which is the logic of the verdicts.

A semi-join is a LEFT JOIN with the other table, grouped: how many rows hold (`yes`), how many may (`maybe`), and
whether the listing itself has a gap there.
"""

from __future__ import annotations

from sqlglot import exp

from crenel.language import leaves
from crenel.language.compare import Operand, contains, equal, is_in, ordered, overlap, text_of
from crenel.language.expressions import (
    COMPARISONS,
    anchored,
    function,
    is_null,
    literal,
    negated,
    or_zero,
    together,
    total,
)
from crenel.language.joins import Joined
from crenel.language.plan import (
    And,
    Compare,
    Const,
    CountItems,
    Globs,
    Has,
    In,
    IsEmpty,
    IsNull,
    IsText,
    Kept,
    Leaf,
    Linked,
    Matches,
    Not,
    Op,
    Or,
    Overlap,
    Population,
    Predicate,
    Related,
    Truthy,
)
from crenel.language.raw import exactly, fits
from crenel.language.reading import items_of
from crenel.language.records import Exactly, Fits
from crenel.language.walking import kind_of


class Relation(Joined):
    """One table in a query: turns values and predicates over its rows into SQL and gathers the joins that they need."""

    # --- predicates

    def predicate(self, node: Predicate) -> exp.Expr:
        """Return a predicate's SQL: TRUE, FALSE, or NULL for unknown."""
        match node:
            case And(parts):
                return together(exp.And, [self.predicate(part) for part in parts])
            case Or(parts):
                return together(exp.Or, [self.predicate(part) for part in parts])
            case Not(part):
                return negated(self.predicate(part))
            case Related():
                return self.gated(node, lambda: self.related(node))
            case Linked():
                return self.gated(node, lambda: self.linked(node))
            case Population():
                return self.gated(node, lambda: self.population(node))
            case Kept():
                return self.gated(node, lambda: self.kept(node))
        return self.gated(node, lambda: self._leaf(node))

    def _leaf(self, node: Leaf) -> exp.Expr:  # noqa: C901, PLR0911 (a case a node)
        match node:
            case Const(value):
                return exp.true() if value else exp.false()
            case Compare(op, left, right):
                return compared(op, self.operand(left), self.operand(right))
            case IsNull(value):
                return is_null(self.value(value))
            case IsEmpty(value):
                return leaves.is_empty(kind_of(value), self.value(value))
            case Truthy(value):
                return leaves.truthy(kind_of(value), self.value(value))
            case IsText(value):
                return leaves.is_text(kind_of(value), self.value(value))
            case In(value, among):
                return is_in(self.operand(value), among)
            case Has(value, item):
                return contains(self.operand(value), self.operand(item))
            case Overlap(left, right):
                return overlap(self.operand(left), self.operand(right))
            case Matches(value, pattern, ignore_case):
                full = f"(?i){anchored(pattern)}" if ignore_case else anchored(pattern)
                return total(function("REGEXP_MATCHES", text_of(kind_of(value), self.value(value)), literal(full)))
            case Globs(value, pattern):
                return total(exp.Glob(this=self.value(value), expression=self.value(pattern)))
            case Fits(test, value, text):
                return fits(test, self.value(value), self.value(text))
            case Exactly(count, parts):
                return exactly(count, [self.predicate(part) for part in parts])
            case CountItems():
                return COMPARISONS[node.op](this=self._count_items(node), expression=literal(node.count))

    def _count_items(self, node: CountItems) -> exp.Expr:
        kind, items = items_of(kind_of(node.list), self.value(node.list))
        with self.compiler.item(node.item, kind) as item:
            matching = function("LIST_FILTER", items, exp.Lambda(this=self.predicate(node.where), expressions=[item]))
        return or_zero(function("LEN", matching))


def compared(op: Op, left: Operand, right: Operand) -> exp.Expr:
    """Return Python's comparison of two values, never null."""
    if op == "eq":
        return equal(left, right)
    return negated(equal(left, right)) if op == "ne" else ordered(op, left, right)
