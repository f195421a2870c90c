"""A table in a query: its columns and the joins that it gathers, and what of it could not be read."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

from sqlglot import exp

from crenel.language.expressions import case, column, literal, named, not_null, together, unknown
from crenel.language.plan import Field, Gathered, Predicate, Value
from crenel.language.reading import Compiler, Reader, Source
from crenel.language.walking import walk

COMMON = ("_account", "_region", "_home", "_owner", "_id", "_arn", "_name", "_seen_at")
ROW = ("_account", "_region", "_n")  # what tells a row from all others of its table


@dataclass(frozen=True, slots=True)
class Join:
    """A LEFT JOIN that a table needs: its alias and the relation with its condition, ready to be written."""

    alias: str
    relation: exp.Expr
    condition: exp.Expr


class Table(Reader):
    """One table in a query, under an alias."""

    def __init__(self, compiler: Compiler, source: Source, alias: str) -> None:
        super().__init__(compiler, source, alias)
        self.joins: list[Join] = []
        self.aliases: dict[object, str] = {}

    def beside(self, source: Source) -> Self:
        """Return another table of the same compilation, to be joined with this one."""
        return type(self)(self.compiler, source, self.compiler.fresh("t"))

    # --- gaps

    def gated(self, node: Predicate | Value, sql: Callable[[], exp.Expr]) -> exp.Expr:
        """Return the SQL of a leaf, NULL where a column that it reads has a gap or was not collected.

        What was not collected has no SQL, and no join may name it: `sql` is asked only where all is there.
        """
        if self.compiler.lenient:
            return sql()
        details = self._details(node)
        if details is None:
            return unknown()
        unread = [not_null(self.gap(name)) for name in sorted(details)]
        unread += [self.unread(part) for part in walk(node) if isinstance(part, Gathered)]
        return case([(together(exp.Or, unread), unknown())], sql()) if unread else sql()

    def collected(self, node: Predicate | Value) -> bool:
        """Return whether the snapshot has every column of this row that a node reads."""
        return self._details(node) is not None

    def _details(self, node: Predicate | Value) -> set[str] | None:
        """Return the details that a node reads of this row; None where one of its columns was not collected."""
        found = set()
        for part in walk(node):
            if isinstance(part, Field) and part.item == 0:
                if part.path[0] not in self.source.columns:
                    return None
                detail = self.source.type.detail_of(part.path[0])
                if detail:
                    found.add(detail)
        return found

    def gap(self, detail: str) -> exp.Expr:
        """Return why a detail could not be read for the row, null where it could."""
        return exp.Bracket(this=column(self.alias, "_gaps"), expressions=[literal(detail)])

    @abstractmethod
    def unread(self, node: Gathered) -> exp.Expr:
        """Return whether what a row names in another table could not be read as a whole."""

    # --- queries

    def own(self, names: Sequence[str]) -> list[exp.Expr]:
        """Return columns of this table under their own names."""
        return [named(column(self.alias, name), name) for name in names]

    def select(self, columns: Sequence[exp.Expr]) -> exp.Select:
        """Return the query of these columns over the table and its joins."""
        return self.select_from(self.table(), columns)

    def table(self) -> exp.Expr:
        """Return the table under its alias."""
        return exp.Table(
            this=exp.to_identifier(self.source.type.table, quoted=True),
            alias=exp.TableAlias(this=exp.to_identifier(self.alias)),
        )

    def select_from(self, table: exp.Expr, columns: Sequence[exp.Expr]) -> exp.Select:
        """Return the query of these columns over a relation and this table's joins."""
        query = exp.Select().select(*columns, copy=False).from_(table, copy=False)
        for join in self.joins:
            query = query.join(join.relation, on=join.condition, join_type="LEFT", copy=False)
        return query
