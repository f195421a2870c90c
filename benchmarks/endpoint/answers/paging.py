"""Listings: how each service pages, and rows that are computed on the way out."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from benchmarks.endpoint.account import Account
from benchmarks.endpoint.wire import HOLE, Call, Document, Refusal, Rows

Item = TypeVar("Item")
Handler: TypeAlias = Callable[[Account, Call], Document]
"""What answers an operation: a document for the operation's output shape, or a `Refusal` raised."""


@dataclass(frozen=True, slots=True)
class Paging:
    """How a listing is paged.

    `size` and `token` are parameters, `next_token` and `flag` members of the answer. A client that names no size gets
    `default` rows, one that asks for more than `most` gets `most`, and one that asks for fewer than `least` an error.
    """

    size: str
    token: str
    next_token: str
    default: int
    most: int
    flag: str = ""
    least: int = 1

    def cut(self, call: Call, rows: Sequence[Item]) -> tuple[Sequence[Item], Document]:
        """Return the page that a call asks for, and the members that tell how to go on."""
        start = self._start(call, len(rows))
        end = start + self._length(call)
        more = end < len(rows)
        envelope: Document = {self.next_token: f"page-{end}"} if more else {}
        if self.flag:
            envelope[self.flag] = more
        return rows[start:end], envelope

    def _length(self, call: Call) -> int:
        asked = call.text(self.size)
        if not asked:
            return self.default
        if not asked.isdecimal() or int(asked) < self.least:
            raise Refusal("InvalidParameterValue", f"{self.size} can't be {asked}")
        return min(int(asked), self.most)

    def _start(self, call: Call, rows: int) -> int:
        token = call.text(self.token)
        if not token:
            return 0
        start = token.removeprefix("page-")
        if not start.isdecimal() or int(start) > rows:
            raise Refusal("InvalidParameterValue", f"{token} is not a token of this listing")
        return int(start)


@dataclass(frozen=True, slots=True)
class Kind:
    """One type of row.

    `variant` says which of a few documents a row has, `document` writes that document with holes, `holes` fills them.
    """

    variant: Callable[[Account, int], Hashable]
    document: Callable[[Any], Document]
    holes: Callable[[Account, int], Mapping[str, object]]

    def write(self, account: Account, call: Call, member: str, rows: Sequence[int]) -> Rows:
        """Write rows for a list member of the call's answer."""
        filled = ((self.variant(account, row), self.holes(account, row)) for row in rows)
        return call.service.rows((call.operation, member), filled, self.document)

    def one(self, account: Account, row: int) -> Document:
        """Return the document of a row by itself."""
        holes = self.holes(account, row)
        document = self.document(self.variant(account, row))
        return {name: _fill(value, holes) for name, value in document.items()}


def _fill(value: object, holes: Mapping[str, object]) -> object:
    match value:
        case dict():
            return {key: _fill(item, holes) for key, item in value.items()}
        case list():
            return [_fill(item, holes) for item in value]
        case str() if value.startswith("~") and value[1:-1] in holes:
            return holes[value[1:-1]]  # which may be a number
        case str():
            return HOLE.sub(lambda hole: str(holes[hole[1]]), value)
    return value


@dataclass(frozen=True, slots=True)
class Listing:
    """A paged operation that lists rows of one kind in one member of its answer."""

    kind: Kind
    member: str
    paging: Paging

    def page(self, account: Account, call: Call, rows: Sequence[int]) -> Document:
        """Return the page that a call asks for."""
        part, envelope = self.paging.cut(call, rows)
        return {self.member: self.kind.write(account, call, self.member, part), **envelope}


def nothing(_account: Account, call: Call) -> Document:
    """Answer an operation of which the account has nothing: every list of the answer is empty."""
    shape = call.service.output(call.operation)
    members = shape.members.items() if shape is not None else ()
    return {name: [] for name, member in members if member.type_name == "list"}
