"""The plan: a predicate over the rows of one table, with semi-joins to others.

Values are read from a row (or from an item of a list in it), predicates are made of values, and `policy.Plan` says what
a policy makes of its predicates. A predicate is three-valued: true, false, or unknown, and unknown means one thing
alone: something that it reads could not be read. Nulls never decide: AWS's "absent" is a value like any other, and
every comparison with it is true or false.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal as OneOf
from typing import TypeAlias

from crenel.catalog.columns import Scalar, Type
from crenel.language.records import Exactly, Fits, Folded, Joined, Reached, Said, Stands

Op = OneOf["eq", "ne", "lt", "le", "gt", "ge"]
Within = OneOf["region", "account", "anywhere"]
Plain = str | int | float | bool | datetime | None
Constant: TypeAlias = "Plain | tuple[Constant, ...] | Record"

INTEGER = Scalar("integer")
NUMBER = Scalar("number")


# --- values


@dataclass(frozen=True, slots=True)
class Field:
    """A column of the row, or a member below it. `item` n > 0 means: of the n-th list item around this place, not of
    the row; -1, among the rows of another table that this row names (`Linked`): of this row.
    """

    path: tuple[str, ...]
    kind: Type = field(compare=False)
    item: int = 0


@dataclass(frozen=True, slots=True)
class FactJoin:
    """A dated fact joined to the row: the fact's name, its key column and the row's value that it must equal.

    `alias` is the policy's word for it; policies may use one word for two facts, and two words for one.
    """

    alias: str = field(compare=False)
    fact: str
    key: str
    of: Value


@dataclass(frozen=True, slots=True)
class Lookup:
    """A column of a joined fact (null where it has no such row)."""

    join: FactJoin
    column: str
    kind: Type = field(compare=False)


@dataclass(frozen=True, slots=True)
class Record:
    """A mapping that the policy gives, as pairs."""

    pairs: tuple[tuple[str, Constant], ...]


@dataclass(frozen=True, slots=True)
class Literal:
    """A value that the policy gives; a list is a tuple, a mapping a `Record`."""

    value: Constant


@dataclass(frozen=True, slots=True)
class DaysSince:
    """Days from a time to the snapshot's time, whole ones unless `exact`, negative for times to come; null for null."""

    of: Value
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Length:
    """The number of items of a list or map, or of characters of a text; 0 for null."""

    of: Value


@dataclass(frozen=True, slots=True)
class Lower:
    """A text in lower case without white space around it."""

    of: Value


@dataclass(frozen=True, slots=True)
class Extract:
    """What the one group of a regular expression (RE2's syntax) captures at the start of a text, or null.

    `optional`: the group may take no part in a match, and never captures an empty text.
    """

    of: Value
    pattern: str
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Number:
    """The number that a JSON value or a text is, null where it is none."""

    of: Value


Conversion = OneOf[
    "integer", "float", "date", "version", "cidr-first", "cidr-last", "cidr-size", "elements", "json", "text"
]


@dataclass(frozen=True, slots=True)
class Convert:
    """A value as something else, by Python's rules; `_CONVERTED` says what each conversion gives, `convert` how.

    `integer` and `float` give 0 for what is no number, `date` null for what is no date; `version` gives the parts of a
    version as texts; `cidr-first` and `-last` the bounds of an IPv4 network or address, null for what is neither;
    `elements` what Python iterates over: a list's items, a text's characters, a mapping's keys.
    """

    of: Value
    to: Conversion


@dataclass(frozen=True, slots=True)
class Member:
    """What a structure or map has under a name, where the structure is itself computed; null elsewhere."""

    of: Value
    name: str
    kind: Type = field(compare=False)


@dataclass(frozen=True, slots=True)
class Each:
    """`body` of every item of a list for which `where` holds, nulls left out; null for what is no list."""

    list: Value
    item: int
    where: Predicate
    body: Value
    kind: Type = field(compare=False)


@dataclass(frozen=True, slots=True)
class Flat:
    """A list with its items' lists written out, one level; null for what is no list."""

    of: Value
    kind: Type = field(compare=False)


@dataclass(frozen=True, slots=True)
class At:
    """An item of a list by its place, from 0, or from the end below 0; null where there is none."""

    of: Value
    index: int
    kind: Type = field(compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A function of JMESPath's on values, by its name there; `functions` has them all."""

    name: str
    arguments: tuple[Value, ...]
    kind: Type = field(compare=False)
    settings: tuple[Constant, ...] = ()


@dataclass(frozen=True, slots=True)
class Truth:
    """A predicate as a value, true or false."""

    of: Predicate


@dataclass(frozen=True, slots=True)
class Choice:
    """The first value where `when` holds, else the second."""

    when: Predicate
    first: Value
    second: Value
    kind: Type = field(compare=False)


@dataclass(frozen=True, slots=True)
class Gathered:
    """`body` of each row of another table that this row names by `ids` and for which `where` holds, nulls kept; null
    where there is none.
    """

    ids: Value
    table: str
    key: Value
    within: Within
    where: Predicate
    body: Value
    kind: Type = field(compare=False)


Value = (
    Field | Lookup | Literal | DaysSince | Length | Lower | Extract | Number | Convert | Member | Each | Flat | At
    | Call | Truth | Choice | Gathered | Stands | Reached | Said | Joined
    | Folded
)  # fmt: skip


# --- predicates


@dataclass(frozen=True, slots=True)
class Const:
    """True or false, whatever the row."""

    value: bool


@dataclass(frozen=True, slots=True)
class And:
    """All of them."""

    parts: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of them."""

    parts: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite; unknown stays unknown."""

    part: Predicate


@dataclass(frozen=True, slots=True)
class Compare:
    """Python's comparison. Equality counts null as a value; an ordering with null, or of two kinds, is false."""

    op: Op
    left: Value
    right: Value


@dataclass(frozen=True, slots=True)
class IsNull:
    """The value is absent."""

    value: Value


@dataclass(frozen=True, slots=True)
class IsEmpty:
    """The value is absent, false, 0, or an empty text, list or structure (Python's notion of falsy)."""

    value: Value


@dataclass(frozen=True, slots=True)
class In:
    """The value equals one of those that the policy gives (null is among them only where None is)."""

    value: Value
    among: tuple[Constant, ...]


@dataclass(frozen=True, slots=True)
class Truthy:
    """The value is neither null nor false nor an empty text, list or structure (JMESPath's notion: 0 is true)."""

    value: Value


@dataclass(frozen=True, slots=True)
class IsText:
    """The value is a text."""

    value: Value


@dataclass(frozen=True, slots=True)
class Has:
    """A list holds the item, a map has it as a key, or a text as a part, as the kind (JSON: the value) is; false for
    null.
    """

    value: Value
    item: Value


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two lists share an item."""

    left: Value
    right: Value


@dataclass(frozen=True, slots=True)
class Matches:
    """A regular expression (RE2's syntax) matches at the start of a text; false for null."""

    value: Value
    pattern: str
    ignore_case: bool = False


@dataclass(frozen=True, slots=True)
class Globs:
    """A text matches a shell pattern (``*``, ``?``, ``[…]``) that is a value itself, as a whole and with its case.
    False for null.
    """

    value: Value
    pattern: Value


@dataclass(frozen=True, slots=True)
class CountItems:
    """The number of a list's items for which `where` holds compares so with `count`; a null list has none."""

    list: Value
    item: int
    where: Predicate
    op: Op = "ge"
    count: int = 1


@dataclass(frozen=True, slots=True)
class Related:
    """The number of rows of another table for which `where` holds compares so with `count`.

    `on` pairs a value of this row with a value of the other; `within` says whose rows count beside: those of the same
    account, or of the same account and Region.
    """

    table: str
    on: tuple[tuple[Value, Value], ...]
    within: Within
    where: Predicate
    op: Op = "ge"
    count: int = 1


@dataclass(frozen=True, slots=True)
class Linked:
    """Of the rows of another table that this row names by `ids` (a value or a list), some fulfil `where`, or `every`.

    An id that no row has counts as `dangling` says. `none` is the answer for a row that names nothing.
    """

    ids: Value
    table: str
    key: Value
    within: Within
    where: Predicate
    every: bool = False
    dangling: bool = False
    none: bool = False


@dataclass(frozen=True, slots=True)
class Population:
    """The number of this table's rows, in one account and Region, for which `where` holds compares so with `count`."""

    where: Predicate
    op: Op
    count: int


@dataclass(frozen=True, slots=True)
class Kept:
    """Of the rows for which `where` holds, in groups by `group` and sorted by `by`, this one is among those kept.

    Of each group the first `skip` rows (or `skip_share` of it, if that is more) are dropped and up to `limit` of
    the others kept (0: all), or `share` of them.
    """

    where: Predicate
    group: Value
    by: Value
    descending: bool
    skip: int
    skip_share: float
    limit: int
    share: float


Leaf = (
    Const | Compare | IsNull | IsEmpty | Truthy | IsText | In | Has | Overlap | Matches | Globs | CountItems | Fits
    | Exactly
)  # fmt: skip
Predicate = And | Or | Not | Related | Linked | Population | Kept | Leaf

TRUE = Const(value=True)
FALSE = Const(value=False)


def conjunction(parts: list[Predicate]) -> Predicate:
    """Return the AND of predicates in its simplest form; that of none is true."""
    kept = [part for part in parts if part != TRUE]
    if FALSE in kept:
        return FALSE
    return TRUE if not kept else kept[0] if len(kept) == 1 else And(tuple(kept))


def disjunction(parts: list[Predicate]) -> Predicate:
    """Return the OR of predicates in its simplest form; that of none is false."""
    kept = [part for part in parts if part != FALSE]
    if TRUE in kept:
        return TRUE
    return FALSE if not kept else kept[0] if len(kept) == 1 else Or(tuple(kept))


def negation(part: Predicate) -> Predicate:
    """Return the NOT of a predicate in its simplest form."""
    match part:
        case Const(value):
            return Const(value=not value)
        case Not(inner):
            return inner
    return Not(part)
